"""Customers of new transactions are scored by the model of a published run: by the job in the tests' session."""

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
from tests.jobs.running_jobs import Done, PublishedRun, job_in

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
    assert f"120 customers as of {manifest['as_of']}, by the model of run {manifest['run_id']}, " in done.stdout
    assert f"{unusual} of them are unusual" in done.stdout
    for row in scored.groupBy(s.SEGMENT_NAME).count().collect():
        assert f" {row['count']}  {row[s.SEGMENT_NAME]}\n" in done.stdout
