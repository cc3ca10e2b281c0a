"""Customers are summed up by segment, by rfm_segment, by both, and altogether."""

from datetime import date, datetime
from decimal import Decimal

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.scoring.statistics import (
    FIRST_DAY,
    LAST_DAY,
    LEAST_RECENCY,
    MOST_RECENCY,
    CustomerStatistics,
    customer_statistics,
)

CUSTOMERS = [
    ("New", 2, "High", Decimal("90.0000"), 4, 10.0, 5),
    ("New", 1, "Low", Decimal("1.0001"), 1, None, 373),
    ("Lost", 1, "Low", Decimal("3.0000"), 2, 7.0, 1),
    ("New", 1, "Low", Decimal("6.0000"), 9, 8.0, None),
    ("Lost", 3, "Once", Decimal("0.0000"), 1, None, 7),
]
SCHEMA = (
    "rfm_segment string, segment_id int, segment_name string, total_spend decimal(20,4), purchase_frequency bigint, "
    "average_days_between_orders double, net_recency_days int"
)


@pytest.fixture(scope="module")
def found(spark: SparkSession) -> CustomerStatistics:
    frame = spark.createDataFrame(CUSTOMERS, SCHEMA).repartition(3)
    others = {name: F.lit(1) for name in s.NUMERIC_FEATURES if name not in frame.columns}
    moment = F.lit(datetime(2011, 12, 9, 12))
    days = {
        s.AS_OF: F.lit(date(2011, 12, 10)),
        s.FIRST_PURCHASE_AT: moment - F.make_dt_interval(F.col("purchase_frequency").cast("int")),
        s.LAST_PURCHASE_AT: moment,
    }
    frame = frame.withColumns({**others, **days, s.NET_SPEND: F.col(s.TOTAL_SPEND)})
    return CustomerStatistics.of(customer_statistics(frame, s.NET_RECENCY_DAYS).collect())


def test_segments_come_by_id_with_their_customers_and_exact_revenue(found: CustomerStatistics):
    assert [(row["segment_id"], row["segment_name"], row["customers"], row["revenue"]) for row in found.segments] == [
        (1, "Low", 3, Decimal("10.0001")),
        (2, "High", 1, Decimal("90.0000")),
        (3, "Once", 1, Decimal("0.0000")),
    ]


def test_means_and_medians_are_over_the_customers_that_have_the_feature(found: CustomerStatistics):
    low, high, once = found.segments
    assert (low["mean_purchase_frequency"], low["median_purchase_frequency"]) == (4.0, 2.0)
    assert (low["mean_total_spend"], low["median_total_spend"]) == (pytest.approx(10.0001 / 3), 3.0)
    assert (low["mean_average_days_between_orders"], low["median_average_days_between_orders"]) == (7.5, 7.5)
    assert (high["mean_total_spend"], high["median_total_spend"]) == (90.0, 90.0)
    assert (once["mean_average_days_between_orders"], once["median_average_days_between_orders"]) == (None, None)
    assert (found.overall["mean_purchase_frequency"], found.overall["median_purchase_frequency"]) == (3.4, 2.0)


def test_names_and_pairs_are_counted_and_names_have_medians(found: CustomerStatistics):
    names = {row["rfm_segment"]: row for row in found.names}
    assert {name: row["customers"] for name, row in names.items()} == {"New": 3, "Lost": 2}
    assert (names["New"]["net_revenue"], names["New"]["median_purchase_frequency"]) == (Decimal("97.0001"), 4.0)
    pairs = {(row["rfm_segment"], row["segment_id"]): row["customers"] for row in found.pairs}
    assert pairs == {("New", 1): 2, ("New", 2): 1, ("Lost", 1): 1, ("Lost", 3): 1}


def test_the_span_of_the_purchases_is_that_of_all_customers(found: CustomerStatistics):
    names = (s.AS_OF, FIRST_DAY, LAST_DAY, LEAST_RECENCY, MOST_RECENCY)
    days = (date(2011, 12, 10), date(2011, 11, 30), date(2011, 12, 9))
    assert tuple(found.overall[name] for name in names) == (*days, 1, 373)
