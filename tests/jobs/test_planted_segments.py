"""Segments that were planted in generated transactions are found again by the RFM recipe."""

from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from sklearn.metrics import adjusted_rand_score

from scripts.transactions import generator
from scripts.transactions.output import write_transactions
from tests.jobs.conftest import RFM_CONFIG, RunJob
from tests.jobs.published_runs import latest_run, manifest_of, table_of

ROWS, CUSTOMERS, SEED = 12_000, 400, 3


@pytest.mark.parametrize("planted", [3, 4, 5, 6])
def test_as_many_segments_are_found_as_were_planted_and_they_have_the_same_members(
    planted: int, spark: SparkSession, run_job: RunJob, tmp_path: Path
):
    recipe = generator.recipe_for(ROWS, CUSTOMERS, planted, SEED)
    lines = generator.transactions(spark, recipe, generator.draw_customers(spark, recipe, ROWS))
    write_transactions(lines, "parquet", str(tmp_path / "lines"), "errorifexists")
    truth = {row["customer_id"]: row["segment"] for row in generator.segments_truth(spark, recipe).collect()}

    done = run_job(
        "--config", RFM_CONFIG, "--input", tmp_path / "lines", "--output", tmp_path / "lake",
        "--set", "clustering.restarts=1",
    )  # fmt: skip
    assert done.code == 0, done.stderr
    run = latest_run(tmp_path / "lake")

    customers = table_of(run, "customer_segments")
    found = dict(zip(*[customers.column(name).to_pylist() for name in ("customer_id", "segment_id")], strict=True))
    assert set(found) == set(truth)
    assert manifest_of(run)["choice"]["k"] == planted
    assert adjusted_rand_score([truth[one] for one in found], list(found.values())) >= 0.95
