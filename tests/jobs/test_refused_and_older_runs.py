"""Runs that the audit or a gate refuses, runs that race, old runs that go, and runs of the version before."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from jobs.expire_runs import main as expire_runs
from segmentation import schemas as s
from segmentation.errors import InputError
from segmentation.lake.runs import open_run, read_model, read_table
from segmentation.lake.staging import StagedRun
from tests.jobs.conftest import CONFIG, QUICK, ROOT, PublishedRun, RunJob, environment, submit_command
from tests.jobs.published_runs import latest_run, left_over, manifest_of, rows_of, runs_in, table_of

AUDIT_FAILED = 4


def refused_run(lake: Path, said: str) -> Path:
    """The run that was kept, which the message names."""
    [kept] = left_over(lake)
    place = lake / "_staging" / kept
    assert re.search(rf"the refused run is kept at {re.escape(str(place))} \(log: \S+\)$", said.rstrip())
    return place


def test_a_gate_refuses_a_run_names_the_figure_and_keeps_the_run_to_be_looked_at(
    published: PublishedRun, small_csv: Path, run_job: RunJob, tmp_path: Path
):
    lake = tmp_path / "lake"
    shutil.copytree(published.lake, lake)
    half = tmp_path / "half.csv"
    lines = small_csv.read_bytes().splitlines(keepends=True)
    half.write_bytes(b"".join(lines[: len(lines) // 2]))
    done = run_job(
        "--config", CONFIG, "--input", half, "--output", lake,
        "--set", *QUICK, "quality_gates.max_rows_change=0.25", "quality_gates.min_customers=10",
    )  # fmt: skip
    assert done.code == AUDIT_FAILED
    before = manifest_of(published.run)
    assert "error: quality_gates.max_rows_change = 0.25 does not hold: lines changed by -50." in done.stderr
    assert f"in run {before['run_id']} to {len(lines) // 2 - 1:,}" in done.stderr
    assert "min_customers" not in done.stderr
    kept = refused_run(lake, done.stderr)
    assert sum(row["rows"] for row in rows_of(kept, "data_quality")) == len(lines) // 2 - 1
    assert {path.name for path in kept.iterdir() if path.is_dir()} == {*s.TABLES, "model", "charts", "report"}
    assert runs_in(lake) == [before["run_id"]]
    assert latest_run(lake) == lake / "runs" / f"run_id={before['run_id']}"


def test_a_table_that_lost_rows_on_its_way_to_the_disk_is_not_published(
    small_csv: Path, run_job: RunJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    whole = StagedRun.finish_writing

    def lose_a_row(staged: StagedRun) -> None:
        folder = Path(staged.path.removeprefix("file:")) / "customer_segments"
        [part] = folder.glob("part-*.parquet")
        table = pq.read_table(part, partitioning=None)
        (folder / f".{part.name}.crc").unlink()
        pq.write_table(table.slice(1), part, coerce_timestamps="us")
        whole(staged)

    monkeypatch.setattr(StagedRun, "finish_writing", lose_a_row)
    done = run_job("--config", CONFIG, "--input", small_csv, "--output", tmp_path, "--set", *QUICK)
    assert done.code == AUDIT_FAILED
    assert "rows of customer_segments and what was counted do not agree: table = 119, counted = 120" in done.stderr
    assert len(rows_of(refused_run(tmp_path, done.stderr), "customer_segments")) == 119
    assert runs_in(tmp_path) == []
    assert not (tmp_path / "latest.json").exists()


def test_a_run_that_cannot_be_read_back_is_refused_and_kept(
    small_csv: Path, run_job: RunJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    whole = StagedRun.finish_writing

    def lose_the_model(staged: StagedRun) -> None:
        whole(staged)
        shutil.rmtree(Path(staged.path.removeprefix("file:")) / "model" / "stages")

    monkeypatch.setattr(StagedRun, "finish_writing", lose_the_model)
    done = run_job("--config", CONFIG, "--input", small_csv, "--output", tmp_path, "--set", *QUICK)
    assert done.code == AUDIT_FAILED
    assert "error: the staged run cannot be read back: " in done.stderr
    assert (refused_run(tmp_path, done.stderr) / "customer_segments").is_dir()
    assert runs_in(tmp_path) == []


def test_of_processes_that_make_the_same_run_at_once_one_publishes_it_and_the_other_says_so(
    small_csv: Path, tmp_path: Path
):
    command = submit_command("--config", CONFIG, "--input", small_csv, "--output", tmp_path, "--set", *QUICK)
    jobs = [
        subprocess.Popen(
            command, cwd=ROOT, env=environment(), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        for _ in range(2)
    ]
    ends = sorted((job.communicate(timeout=600)[0], job.returncode) for job in jobs)
    [run_id] = runs_in(tmp_path)
    publishers = [said for said, code in ends if code == 0 and "Segments: " in said]
    late = [said for said, code in ends if code == 0 and f"This very run was published before, as {run_id}" in said]
    told = f"error: another process published this very run, {run_id}, meanwhile: nothing is left to do"
    losers = [said for said, code in ends if code == 5 and told in said]
    assert (len(publishers), len(late) + len(losers)) == (1, 1), ends
    assert left_over(tmp_path) == []


def test_lines_as_they_were_read_are_for_their_owner_alone(published: PublishedRun):
    rejected = published.run / "rejected_transactions"
    assert rejected.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in rejected.iterdir()} == {0o600}
    assert published.run.stat().st_mode & 0o777 == published.lake.stat().st_mode & 0o777


def test_old_runs_are_shown_and_then_removed(
    published: PublishedRun, spark: SparkSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    lake = tmp_path / "lake"
    shutil.copytree(published.lake, lake)
    run_id = manifest_of(published.run)["run_id"]
    for number in (1, 2):
        content = manifest_of(published.run) | {"run_id": f"old-{number}", "as_of": f"2010-01-0{number}"}
        content["published_at"] = "2010-01-05T00:00:00+00:00"
        path = lake / "runs" / f"run_id=old-{number}"
        path.mkdir()
        (path / "manifest.json").write_text(json.dumps(content))
    assert expire_runs([str(lake), "--keep", "2", "--older-than", "30d"]) == 0
    shown = capsys.readouterr().out
    assert "would remove runs/run_id=old-1: a run as of 2010-01-01, " in shown
    assert "old-2" not in shown
    assert len(runs_in(lake)) == 3
    assert expire_runs([str(lake), "--keep", "1", "--older-than", "30d", "--apply"]) == 0
    assert "removed runs/run_id=old-2: a run as of 2010-01-02, " in capsys.readouterr().out
    assert runs_in(lake) == [run_id]
    assert expire_runs([str(tmp_path / "nowhere")]) == 3
    assert f"error: {tmp_path}/nowhere: there is no such lake" in capsys.readouterr().err


@pytest.mark.parametrize("age", ["7", "7 d", "-1d", "d", "1w"])
def test_an_age_that_is_none_is_refused(age: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        expire_runs([str(tmp_path), f"--older-than={age}"])
    assert ended.value.code == 2
    assert "must be a number of days, hours or minutes such as 7d or 12h" in capsys.readouterr().err


def as_the_version_before(published: PublishedRun, lake: Path) -> None:
    """The run as 0.1.0 left it: manifest format 1, without the time of publication."""
    shutil.copytree(published.lake, lake)
    run = latest_run(lake)
    content = {name: value for name, value in manifest_of(run).items() if name != "published_at"}
    (run / "manifest.json").write_text(json.dumps({**content, "format": 1}))


def test_a_lake_of_the_version_before_is_read_and_published_beside(
    published: PublishedRun, spark: SparkSession, small_csv: Path, run_job: RunJob, tmp_path: Path
):
    lake = tmp_path / "lake"
    as_the_version_before(published, lake)
    run_id = manifest_of(published.run)["run_id"]
    names = read_table(spark, str(lake), "segment_profiles").select("segment_name").collect()
    assert [row[0] for row in names] == [row["segment_name"] for row in rows_of(published.run, "segment_profiles")]
    assert read_model(spark, str(lake), run_id).stages
    gates = ("quality_gates.max_rows_change=0", "quality_gates.max_segment_share_change=1")
    done = run_job("--config", CONFIG, "--input", small_csv, "--output", lake, "--set", *QUICK, *gates)
    assert done.code == 0, done.stderr
    assert len(runs_in(lake)) == 2
    assert latest_run(lake).name != f"run_id={run_id}"


def test_a_reader_that_resolved_a_run_keeps_reading_it_while_a_newer_one_appears(
    published: PublishedRun, spark: SparkSession, tmp_path: Path
):
    lake = tmp_path / "lake"
    shutil.copytree(published.lake, lake)
    run = open_run(spark, str(lake))
    newer = lake / "runs" / "run_id=newer"
    shutil.copytree(lake / "runs" / f"run_id={run.run_id}", newer)
    content = {"run_id": "newer", "as_of": "2012-01-01", "published_at": "2012-01-02T00:00:00+00:00"}
    (lake / "latest.json").write_text(json.dumps(content))
    stray = pa.table({"k": pa.array([99], pa.int32())})
    pq.write_table(stray, newer / "k_sweep" / "stray.parquet")
    assert open_run(spark, str(lake)).run_id == "newer"
    assert run.run_id == manifest_of(published.run)["run_id"]
    for read in (run, open_run(spark, str(lake))):  # a file that the manifest does not name is no part of a run
        assert read.table("k_sweep").count() == table_of(published.run, "k_sweep").num_rows


def test_a_run_of_a_newer_version_is_refused_by_name(published: PublishedRun, spark: SparkSession, tmp_path: Path):
    lake = tmp_path / "lake"
    shutil.copytree(published.lake, lake)
    run = latest_run(lake)
    (run / "manifest.json").write_text(json.dumps(manifest_of(run) | {"format": 99}))
    with pytest.raises(InputError, match="by a newer version, or by another program: its manifest has the format 99"):
        open_run(spark, str(lake))
