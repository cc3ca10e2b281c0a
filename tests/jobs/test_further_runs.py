"""Runs without a configuration, runs of the same lines again, and a run that rebuilds a past day."""

import json
import re
import shutil
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from scripts.run_contents import latest_run, manifest_of
from segmentation.config.files import load_config
from tests.jobs.published_runs import left_over, rows_of, runs_in
from tests.jobs.running_jobs import CONFIG, DEFAULT_RECIPE, QUICK, Done, PublishedRun, RunJob
from tests.jobs.small_shop import SmallShop, moment_of, write_csv
from tests.jobs.stages import clean, configured

AS_OF = date(2011, 9, 1)


# --- without a configuration ---


def test_the_guessed_configuration_reads_as_the_given_one_and_has_the_default_recipe(
    published: PublishedRun, small_csv: Path, run_job: RunJob, spark: SparkSession, tmp_path: Path
):
    done = run_job("--input", small_csv, "--write-config", tmp_path / "shop.yaml")
    assert done.code == 0, done.stderr
    guessed = load_config(tmp_path / "shop.yaml")
    assert clean(spark, guessed, small_csv).ledger.data_quality == rows_of(published.run, "data_quality")
    configuration, recipe, given = (
        json.loads(config.canonical()) for config in (guessed, configured(DEFAULT_RECIPE), configured(CONFIG))
    )
    assert [configuration[section] for section in ("figures", "clustering", "rfm", "naming")] == [
        recipe[section] for section in ("figures", "clustering", "rfm", "naming")
    ]
    assert configuration["input"]["columns"] == given["input"]["columns"]


def test_explain_says_whether_the_files_were_read(small_csv: Path, run_job: RunJob):
    guessed = run_job("--input", small_csv, "--explain")
    assert guessed.stdout.endswith("\nNothing was run; of the files only headers and some lines were read.\n")
    given = run_job("--input", small_csv, "--config", CONFIG, "--explain")
    assert given.stdout.endswith("\nNothing was read or run.\n")
    assert (guessed.code, given.code) == (0, 0)


def test_a_header_without_a_customer_is_one_message_with_the_columns(
    small_shop: SmallShop, run_job: RunJob, tmp_path: Path
):
    path = write_csv(small_shop.texts, tmp_path / "lines.csv")
    path.write_bytes(path.read_bytes().replace(b"CustomerID", b"Till", 1))
    done = run_job("--input", path, "--output", tmp_path / "lake")
    assert done.code in (2, 3)
    assert done.stderr.count("error:") == 1
    assert "customer_id" in done.stderr
    assert "'Till'" in done.stderr or " Till" in done.stderr
    assert not (tmp_path / "lake" / "runs").exists()


# --- further runs ---


def test_the_same_run_again_publishes_nothing_and_says_so(
    published: PublishedRun, small_csv: Path, small_shop: SmallShop, run_job: RunJob, tmp_path: Path
):
    result = tmp_path / "result.json"
    before = {path: path.stat().st_mtime_ns for path in published.lake.rglob("*") if path.is_file()}
    done = run_job("--config", CONFIG, "--input", small_csv, "--output", published.lake, "--result", result)
    assert done.code == 0, done.stderr
    manifest = manifest_of(published.run)
    run_id = manifest["run_id"]
    assert f"This very run was published before, as {run_id}: {published.run}" in done.stdout
    assert {path: path.stat().st_mtime_ns for path in published.lake.rglob("*") if path.is_file()} == before
    assert left_over(published.lake) == []

    written = json.loads(result.read_text())
    assert (written["status"], written["run_id"], written["path"]) == (
        *("already_published", run_id), str(published.run)
    )  # fmt: skip
    figures = written["figures"]
    assert figures["lines"] == manifest["reconciliation"]["lines"]
    assert (figures["customers"], Decimal(figures["revenue"])) == (120, small_shop.revenue["clean"])
    assert all(f" {row['segment_name']} " in done.stdout for row in figures["segments"])


def test_a_failed_run_says_why_in_its_result(run_job: RunJob, tmp_path: Path):
    result, missing = tmp_path / "result.json", tmp_path / "missing.csv"
    done = run_job("--config", CONFIG, "--input", missing, "--output", tmp_path / "lake", "--result", result)
    written = json.loads(result.read_text())
    assert (written["status"], written["exit_code"], written["figures"]) == ("failed", done.code, None)
    assert done.code == 3
    assert str(missing) in written["error"]
    assert f"error: {written['error']}" in done.stderr


def test_a_published_run_id_is_refused_to_another_configuration(
    published: PublishedRun, small_csv: Path, run_job: RunJob
):
    run_id = manifest_of(published.run)["run_id"]
    done = run_job(
        "--config", CONFIG, "--input", small_csv, "--output", published.lake, "--run-id", run_id,
        "--set", "clustering.seed=2",
    )  # fmt: skip
    assert done.code == 2
    assert re.search(rf"error: --run-id {run_id}: is already published from other input.*--force", done.stderr)
    assert runs_in(published.lake) == [run_id]
    assert left_over(published.lake) == []


@dataclass(frozen=True)
class ForcedRun:
    lake: Path
    done: Done
    run: Path


@pytest.fixture(scope="module")
def forced(
    published: PublishedRun, small_csv: Path, run_job: RunJob, tmp_path_factory: pytest.TempPathFactory
) -> ForcedRun:
    """A quiet run of a past day with twelve segments, forced into a lake that has a run of the same id."""
    lake = tmp_path_factory.mktemp("forced") / "lake"
    shutil.copytree(published.lake, lake)
    command = ("--config", CONFIG, "--input", small_csv, "--output", lake, "--as-of", AS_OF, "--quiet")
    run_id = manifest_of(published.run)["run_id"]
    done = run_job(*command, "--run-id", run_id, "--force", "--set", "clustering.k=12", *QUICK)
    return ForcedRun(lake, done, lake / "runs" / f"run_id={run_id}-2")


def test_force_publishes_under_a_new_id_and_quiet_prints_nothing(forced: ForcedRun, published: PublishedRun):
    assert (forced.done.code, forced.done.stdout, forced.done.stderr) == (0, "", "")
    run_id = manifest_of(published.run)["run_id"]
    assert runs_in(forced.lake) == [run_id, f"{run_id}-2"]
    # The newest is the run of the latest day, not the one published last.
    assert latest_run(forced.lake).name == published.run.name
    manifest = forced.lake / "runs" / published.run.name / "manifest.json"
    assert manifest.read_bytes() == (published.run / "manifest.json").read_bytes()
    assert left_over(forced.lake) == []


def test_a_fixed_k_above_k_max_gives_that_many_named_segments(forced: ForcedRun):
    profiles = rows_of(forced.run, "segment_profiles")
    assert len({row["segment_name"] for row in profiles}) == len(profiles) == 12
    assert [row["k"] for row in rows_of(forced.run, "k_sweep") if row["chosen"]] == [12]


def test_as_of_rebuilds_a_past_day(forced: ForcedRun, small_shop: SmallShop):
    assert manifest_of(forced.run)["as_of"] == AS_OF.isoformat()
    in_time = [line for line in small_shop.clean if moment_of(line).date() < AS_OF]
    rows = {row["rule"]: row["rows"] for row in rows_of(forced.run, "data_quality")}
    assert rows["clean"] == len(in_time)
    sold = ("clean", "guest", "duplicate")
    late = [line for line in small_shop.lines if line.outcome in sold and moment_of(line).date() >= AS_OF]
    assert rows["out_of_period"] == len(late) > 0
    customers = rows_of(forced.run, "customer_segments")
    assert {row["as_of"] for row in customers} == {AS_OF}
    assert all(row["recency_days"] == (AS_OF - row["last_purchase_at"].date()).days >= 1 for row in customers)
    assert sum(row["total_spend"] for row in customers) == sum(line.amount for line in in_time)
