"""The RFM recipe recovers the segments that were planted in generated transactions."""

from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from sklearn.metrics import adjusted_rand_score

from scripts.transactions import generator
from scripts.transactions.output import write_transactions
from tests.jobs.running_jobs import RFM_CONFIG
from tests.jobs.stages import cluster, configured

ROWS, CUSTOMERS, SEED = 12_000, 400, 3


@pytest.mark.whole_run
@pytest.mark.parametrize("planted", [3, 4, 5, 6])
def test_planted_segments_are_recovered_with_their_members(planted: int, spark: SparkSession, tmp_path: Path):
    recipe = generator.recipe_for(ROWS, CUSTOMERS, planted, SEED)
    lines = generator.transactions(spark, recipe, generator.draw_customers(spark, recipe, ROWS))
    write_transactions(lines, "parquet", str(tmp_path / "lines"))
    truth = {row["customer_id"]: row["segment"] for row in generator.segments_truth(spark, recipe).collect()}

    config = configured(RFM_CONFIG, "clustering.restarts=1")
    choice, segments = cluster(spark, config, tmp_path / "lines")

    assert choice.k == planted
    assert set(segments) == set(truth)
    assert adjusted_rand_score([truth[customer] for customer in segments], list(segments.values())) >= 0.95
