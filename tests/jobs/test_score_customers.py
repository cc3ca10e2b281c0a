"""Customers of new transactions are scored by the model of a published run: by the job in the tests' session."""

import csv
import json
import re
import shutil
import stat
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from chispa import assert_df_equality
from pyspark.sql import SparkSession

from jobs.score_customers import main
from scripts.run_contents import manifest_of
from segmentation import read_table
from segmentation import schemas as s
from segmentation.customers import scoring_needs_returns
from tests.jobs.running_jobs import CONFIG, Done, PublishedRun, job_in
from tests.jobs.small_shop import SmallShop, customer_of, moment_of
from tests.jobs.stages import configured

SHARED = [name for name in s.SCORED_CUSTOMERS.names if name in s.CUSTOMER_SEGMENTS.names]
AS_OF = date(2011, 9, 1)
ScoreJob = Callable[..., Done]


@pytest.fixture(scope="module")
def score_job(spark: SparkSession) -> ScoreJob:
    return job_in(spark, main)


def test_the_customers_of_the_training_get_what_they_have(
    published: PublishedRun, small_csv: Path, score_job: ScoreJob, spark: SparkSession, tmp_path: Path
):
    before = sorted(path for path in published.lake.rglob("*"))
    output = tmp_path / "a folder" / "scored"
    done = score_job("--lake", published.lake, "--input", small_csv, "--output", output)
    assert done.code == 0, done.stderr
    scored = spark.read.parquet(str(output))
    assert s.schema_differences(scored.schema, s.SCORED_CUSTOMERS) == []
    of_run = read_table(spark, str(published.lake), "customer_segments")
    assert_df_equality(scored.select(*SHARED), of_run.select(*SHARED), ignore_nullable=True, ignore_row_order=True)
    assert sorted(path for path in published.lake.rglob("*")) == before
    assert [path.name for path in output.parent.iterdir()] == ["scored"]
    assert all(path.name.endswith(".parquet") for path in output.iterdir())
    assert stat.S_IMODE(output.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in output.iterdir()} == {0o600}

    # The farthest hundredth of the customers are unusual; the summary counts them and each segment.
    unusual = scored.where("is_anomaly").count()
    assert 1 <= unusual <= 2
    manifest = manifest_of(published.run)
    assert f"120 customers as of {manifest['as_of']}, by the model of run {manifest['run_id']} (" in done.stdout
    assert f"{unusual} of them are unusual" in done.stdout
    for row in scored.groupBy(s.SEGMENT_NAME).count().collect():
        assert f" {row['count']}  {row[s.SEGMENT_NAME]}\n" in done.stdout


def test_returns_are_matched_where_scores_or_segments_look_at_what_stayed():
    def needs(*overrides: str) -> bool:
        return scoring_needs_returns(configured(CONFIG, *overrides))

    assert not needs()
    assert needs("figures=net")
    assert needs("clustering.features=[{feature: total_spend}, {feature: return_rate}]")
    assert needs("rfm.rules=[{name: Returning, when: {returned_matched: [1, null]}}, {name: Other}]")


def test_customers_of_a_past_day_go_into_one_file(
    published: PublishedRun, small_csv: Path, small_shop: SmallShop, score_job: ScoreJob, tmp_path: Path
):
    output = tmp_path / "scored.csv"
    run_id = manifest_of(published.run)["run_id"]
    command = ("--lake", published.lake, "--run-id", run_id, "--input", small_csv, "--output", output)
    done = score_job(*command, "--as-of", AS_OF, "--quiet")
    assert (done.code, done.stdout, done.stderr) == (0, "", "")
    with output.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == s.SCORED_CUSTOMERS.names
    bought = {customer_of(line) for line in small_shop.clean if moment_of(line).date() < AS_OF}
    assert [row["customer_id"] for row in rows] == sorted(bought)
    assert {row["as_of"] for row in rows} == {AS_OF.isoformat()}

    again = score_job(*command)
    assert again.code == 2
    assert f"error: --output {output}: exists: name another path, or --force to replace it" in again.stderr


def test_what_cannot_be_scored_is_one_message(
    published: PublishedRun, small_csv: Path, score_job: ScoreJob, tmp_path: Path
):
    old = tmp_path / "old"
    shutil.copytree(published.lake, old)
    [manifest] = (old / "runs").glob("*/manifest.json")
    content = json.loads(manifest.read_text())
    of_before = {key: value for key, value in content.items() if key != "model"}
    later = {**content, "configuration": {**content["configuration"], "mood": "good"}}
    empty, output = tmp_path / "empty", tmp_path / "scored.csv"
    for lake, facts, path, code, message in (
        (empty, content, output, 3, f"{empty}: nothing has been published in this lake"),
        (old, of_before, output, 3, "its manifest does not describe its model; version"),
        (old, later, output, 3, "of another version: its configuration: mood"),
        (old, content, old / "scored.csv", 2, f"--output {old}/scored.csv and the lake {old} overlap"),
        (old, content, small_csv, 2, f"--output {small_csv} and --input {small_csv} overlap"),
    ):
        manifest.write_text(json.dumps(facts))
        done = score_job("--lake", lake, "--input", small_csv, "--output", path, "--force")
        assert done.code == code, message
        assert len(re.findall("^error: ", done.stderr, re.MULTILINE)) == 1
        assert message in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["old"]
