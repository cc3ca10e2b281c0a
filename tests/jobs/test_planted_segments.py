"""What was planted in generated transactions is found: segments, no segments, customers at risk, returns."""

from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from scripts.transactions import generator
from scripts.transactions.output import write_transactions
from scripts.transactions.plan import Variations
from tests.jobs.running_jobs import RFM_CONFIG
from tests.jobs.stages import cluster, configured, scored_customers

pytestmark = pytest.mark.whole_run

SEED = 3
# How much worse than a k-means that is given the number of segments an answer may be.
TOLERANCE = 0.05
RETURNED = ("total_spend", "returned_matched", "returned_unmatched", "net_spend", "purchase_frequency", "net_orders")


class Planted:
    """Generated transactions in a folder, and what is known of them."""

    def __init__(self, spark: SparkSession, folder: Path, rows: int, customers: int, segments: int, **variations: Any):
        recipe = generator.recipe_for(rows, customers, segments, SEED, Variations(**variations))
        drawn = generator.draw_customers(spark, recipe, rows)
        self.lines = folder / "lines"
        write_transactions(generator.transactions(spark, recipe, drawn), "parquet", str(self.lines))
        truth = generator.segments_truth(spark, recipe).collect()
        self.segments = {row["customer_id"]: row["segment"] for row in truth}
        self.labels = {row["customer_id"]: row["segment_label"] for row in truth}
        self.returns = generator.returns_truth(spark, recipe, drawn).collect() if recipe.variations.returns else []


@pytest.mark.parametrize("segments", [4, pytest.param(6, marks=pytest.mark.slow)])
def test_unequal_segments_are_found_as_by_a_kmeans_told_how_many(segments: int, spark: SparkSession, tmp_path: Path):
    planted = Planted(spark, tmp_path, 12_000, 600, segments, smallest=0.03, spread=0.2, heavy_tail=0.02)

    found = cluster(spark, configured(RFM_CONFIG), planted.lines)

    assert set(found.customers) == set(planted.segments)
    truth = [planted.segments[customer] for customer in found.customers]
    told = KMeans(segments, n_init=20, random_state=0).fit_predict(found.points)
    assert adjusted_rand_score(truth, found.nearest) >= adjusted_rand_score(truth, told) - TOLERANCE
    assert found.choice.verdict == "natural"


@pytest.mark.slow
def test_one_cloud_of_customers_is_not_called_natural_groups(spark: SparkSession, tmp_path: Path):
    planted = Planted(spark, tmp_path, 12_000, 600, segments=1)

    assert cluster(spark, configured(RFM_CONFIG), planted.lines).choice.verdict in ("reproducible", "constructed")


@pytest.mark.slow
def test_customers_at_risk_are_named_so_and_planted_returns_are_exact(spark: SparkSession, tmp_path: Path):
    planted = Planted(spark, tmp_path, 12_000, 600, segments=2, at_risk=0.25, returns=0.3)

    customers = scored_customers(spark, configured(RFM_CONFIG), planted.lines)

    for row in planted.returns:
        assert {name: customers[row["customer_id"]][name] for name in RETURNED} == {
            name: row[name] for name in RETURNED
        }
    assert {name for name, row in customers.items() if row["returned_amount"]} == {
        row["customer_id"] for row in planted.returns
    }
    nothing_stayed = {row["customer_id"] for row in planted.returns if row["net_orders"] == 0}
    stopped = [name for name, label in planted.labels.items() if label == "stopped" and name not in nothing_stayed]
    names = [customers[name]["rfm_segment"] for name in stopped]
    at_risk = [name in ("At Risk", "At Risk Big Spenders", "Cannot Lose Them") for name in names]
    assert sum(at_risk) >= 0.95 * len(names) > 100
