"""Runs that the audit or a gate refuses, old runs that are removed, and lakes of the previous version."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from jobs.expire_runs import main as expire_runs
from scripts.run_contents import latest_run, manifest_of
from segmentation import schemas as s
from segmentation.config.naming import ALL_WORDS
from segmentation.errors import InputError, QualityGateError
from segmentation.lake.audit import audit_staged, start_reading_back
from segmentation.lake.lineage import configuration_of, model_of
from segmentation.lake.runs import Lake, open_run, read_table
from segmentation.lake.staging import StagedRun, stage
from tests.jobs.published_runs import left_over, rows_of, runs_in, table_of
from tests.jobs.running_jobs import CONFIG, QUICK, RFM_CONFIG, PublishedRun, RunJob

AUDIT_FAILED = 4


def refused_run(lake: Path, output: str) -> Path:
    """Return the folder of the refused run, which the message names."""
    [name] = left_over(lake)
    folder = lake / "_staging" / name
    assert re.search(rf"the refused run is kept at {re.escape(str(folder))} \(log: \S+\)$", output.rstrip())
    return folder


def test_a_gate_refuses_a_run_names_the_figure_and_keeps_the_run(
    published: PublishedRun, small_csv: Path, run_job: RunJob, tmp_path: Path
):
    lake = tmp_path / "lake"
    shutil.copytree(published.lake, lake)
    half = tmp_path / "half.csv"
    lines = small_csv.read_bytes().splitlines(keepends=True)
    half.write_bytes(b"".join(lines[: len(lines) // 2]))
    done = run_job(
        "--config", CONFIG, "--input", half, "--output", lake,
        "--set", "quality_gates.max_rows_change=0.25", "quality_gates.min_customers=10",
    )  # fmt: skip
    assert done.code == AUDIT_FAILED
    before = manifest_of(published.run)
    assert "error: quality_gates.max_rows_change = 0.25 does not hold: lines changed by -50." in done.stderr
    assert f"in run {before['run_id']} to {len(lines) // 2 - 1:,}" in done.stderr
    assert "min_customers" not in done.stderr
    refused = refused_run(lake, done.stderr)
    assert sum(row["rows"] for row in rows_of(refused, "data_quality")) == len(lines) // 2 - 1
    assert {path.name for path in refused.iterdir() if path.is_dir()} == {
        *s.TABLES,
        "model",
        "charts",
        "report",
        "exports",
    }
    assert runs_in(lake) == [before["run_id"]]
    assert latest_run(lake) == lake / "runs" / f"run_id={before['run_id']}"


@pytest.fixture
def staged(published: PublishedRun, spark: SparkSession, tmp_path: Path) -> Iterator[StagedRun]:
    """A copy of the published run, as it stands before the audit."""
    run = stage(Lake(spark, str(tmp_path / "staged")), "copy")
    shutil.copytree(published.run, folder_of(run), dirs_exist_ok=True)
    (folder_of(run) / "manifest.json").unlink()
    yield run
    run.discard()


def folder_of(staged: StagedRun) -> Path:
    return Path(staged.path.removeprefix("file:"))


def audit_again(staged: StagedRun, published: PublishedRun) -> None:
    counted = {table: facts["rows"] for table, facts in manifest_of(published.run)["tables"].items()}
    run = open_run(staged.lake.spark, str(published.lake))
    reading = start_reading_back(staged, model_of(run), configuration_of(run))
    audit_staged(staged, reading, rows_of(published.run, "data_quality"), counted)


def test_a_run_that_lost_a_row_on_its_way_to_the_disk_fails_the_audit(staged: StagedRun, published: PublishedRun):
    [part] = (folder_of(staged) / "customer_segments").glob("part-*.parquet")
    table = pq.read_table(part, partitioning=None)
    pq.write_table(table.slice(1), part, coerce_timestamps="us")
    message = "rows of customer_segments = 119, rows counted before writing = 120"
    with pytest.raises(QualityGateError, match=message):
        audit_again(staged, published)


def test_a_run_whose_model_cannot_be_read_back_fails_the_audit(staged: StagedRun, published: PublishedRun):
    shutil.rmtree(folder_of(staged) / "model" / "stages")
    with pytest.raises(QualityGateError, match="the staged run cannot be read back: "):
        audit_again(staged, published)


def test_rejected_lines_are_readable_by_their_owner_alone(published: PublishedRun):
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
def test_a_malformed_age_is_refused(age: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        expire_runs([str(tmp_path), f"--older-than={age}"])
    assert ended.value.code == 2
    assert "must be a number of days, hours or minutes such as 7d or 12h" in capsys.readouterr().err


def copy_as_version_0_1_0(published: PublishedRun, lake: Path) -> None:
    """Copy the run as 0.1.0 left it: manifest format 1, without the time of publication."""
    shutil.copytree(published.lake, lake)
    run = latest_run(lake)
    content = {name: value for name, value in manifest_of(run).items() if name != "published_at"}
    (run / "manifest.json").write_text(json.dumps({**content, "format": 1}))


def test_a_lake_of_version_0_1_0_is_read(published: PublishedRun, spark: SparkSession, tmp_path: Path):
    lake = tmp_path / "lake"
    copy_as_version_0_1_0(published, lake)
    run_id = manifest_of(published.run)["run_id"]
    names = read_table(spark, str(lake), "segment_profiles").select("segment_name").collect()
    assert [row[0] for row in names] == [row["segment_name"] for row in rows_of(published.run, "segment_profiles")]
    assert open_run(spark, str(lake), run_id).model().stages


@pytest.mark.slow
def test_a_lake_of_version_0_1_0_gets_further_runs(
    published: PublishedRun, small_csv: Path, run_job: RunJob, tmp_path: Path
):
    lake = tmp_path / "lake"
    copy_as_version_0_1_0(published, lake)
    gates = ("quality_gates.max_rows_change=0", "quality_gates.max_segment_share_change=1")
    arguments = ("--config", RFM_CONFIG, "--input", small_csv, "--output", lake)
    done = run_job(*arguments, "--set", *QUICK, *gates, f"title={manifest_of(published.run)['title']}")
    assert done.code == 0, done.stderr
    assert len(runs_in(lake)) == 2
    newer = latest_run(lake)
    assert newer.name != published.run.name

    # The RFM recipe names the segments by its rules, or by what their customers share.
    profiles = rows_of(newer, "segment_profiles")
    names_of_segments = [row["segment_name"] for row in profiles]
    assert len(set(names_of_segments)) == len(names_of_segments) >= 2
    rules = {rule["name"] for rule in manifest_of(newer)["configuration"]["rfm"]["rules"]}
    assert all(name.partition(",")[0] in rules | ALL_WORDS for name in names_of_segments)
    assert all(row["rule"] for row in profiles)
    centres = [dict(row["centre"]) for row in profiles if row["segment_id"] != s.RETURNED_EVERYTHING_ID]
    assert all(set(centre) == {"net_recency_days", "net_orders", "net_spend"} for centre in centres)


def test_a_reader_keeps_reading_its_run_when_a_newer_one_appears(
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
    for read in (run, open_run(spark, str(lake))):  # a file that the manifest does not list is ignored
        assert read.table("k_sweep").count() == table_of(published.run, "k_sweep").num_rows


def test_a_run_of_a_newer_version_is_refused_by_name(published: PublishedRun, spark: SparkSession, tmp_path: Path):
    lake = tmp_path / "lake"
    shutil.copytree(published.lake, lake)
    run = latest_run(lake)
    (run / "manifest.json").write_text(json.dumps(manifest_of(run) | {"format": 99}))
    with pytest.raises(InputError, match="by a newer version, or by another program: its manifest has the format 99"):
        open_run(spark, str(lake))
