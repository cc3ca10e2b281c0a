"""Segments are described by their customers, and every line that was read is counted under one rule."""

from decimal import Decimal

import pytest
from pyspark.sql import Row, SparkSession
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.clustering.segments import segment_profiles, segment_statistics

SCHEMA = (
    "segment_id int, segment_name string, total_spend decimal(20,4), purchase_frequency bigint, "
    "average_days_between_orders double"
)
CUSTOMERS = [
    (2, "High", Decimal("90.0000"), 4, 10.0),
    (1, "Low", Decimal("1.0001"), 1, None),
    (1, "Low", Decimal("3.0000"), 2, 7.0),
    (1, "Low", Decimal("6.0000"), 9, 8.0),
    (3, "Once", Decimal("0.0000"), 1, None),
]


@pytest.fixture(scope="module")
def statistics(spark: SparkSession) -> list[Row]:
    customers = spark.createDataFrame(CUSTOMERS, SCHEMA)
    others = {name: F.lit(1) for name in s.NUMERIC_FEATURES if name not in customers.columns}
    return segment_statistics(customers.withColumns(others)).collect()


def test_segments_come_by_id_with_their_customers_and_exact_revenue(statistics: list[Row]):
    assert [(row["segment_id"], row["segment_name"], row["customers"], row["revenue"]) for row in statistics] == [
        (1, "Low", 3, Decimal("10.0001")),
        (2, "High", 1, Decimal("90.0000")),
        (3, "Once", 1, Decimal("0.0000")),
    ]


def test_means_and_medians_are_over_the_customers_that_have_the_feature(statistics: list[Row]):
    low, high, once = statistics
    assert (low["mean_purchase_frequency"], low["median_purchase_frequency"]) == (4.0, 2.0)
    assert (low["mean_total_spend"], low["median_total_spend"]) == (pytest.approx(10.0001 / 3), 3.0)
    assert (low["mean_average_days_between_orders"], low["median_average_days_between_orders"]) == (7.5, 7.5)
    assert (high["mean_total_spend"], high["median_total_spend"]) == (90.0, 90.0)
    assert (once["mean_average_days_between_orders"], once["median_average_days_between_orders"]) == (None, None)


def test_profiles_add_shares_rules_and_centres_and_fill_the_declared_columns(statistics: list[Row]):
    centres = [{"total_spend": 3.3}, {"total_spend": 90.0}, {"total_spend": 0.0}]
    described = segment_profiles(statistics, ["low", "high", "once"], centres)
    assert [set(row) for row in described] == [set(s.column_names(s.SEGMENT_PROFILES))] * 3
    assert [row["rule"] for row in described] == ["low", "high", "once"]
    assert [row["centre"] for row in described] == centres
    assert [row["customer_share"] for row in described] == [0.6, 0.2, 0.2]
    assert [row["revenue_share"] for row in described] == pytest.approx([10.0001 / 100.0001, 90 / 100.0001, 0.0])


def test_segments_without_any_revenue_have_shares_of_zero():
    row = Row(segment_id=1, segment_name="All", customers=2, revenue=Decimal("0.0000"))
    assert [one["revenue_share"] for one in segment_profiles([row], ["r"], [{}])] == [0.0]
