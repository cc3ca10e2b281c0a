"""Scores are cut by the repeat buyers, by all customers or by the configuration, and never between equal figures."""

from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.config.rfm import RfmSettings
from segmentation.scoring.cuts import Cuts, find_cuts

FIGURES = s.GROSS
SCHEMA = "recency_days int, purchase_frequency long, total_spend decimal(20,4), average_days_between_orders double"
Customer = tuple[int | None, int, int, float | None]  # recency, orders, spend, gap


def cuts(spark: SparkSession, *rows: Customer, **settings: Any) -> Cuts:
    frame: DataFrame = spark.createDataFrame(
        [(recency, orders, spend, gap) for recency, orders, spend, gap in rows],
        SCHEMA.replace("decimal(20,4)", "long"),
    ).withColumn("total_spend", F.col("total_spend").cast("decimal(20,4)"))
    return find_cuts(
        frame.withColumn("total_spend", frame.total_spend.cast("decimal(20,4)")), FIGURES, RfmSettings(**settings)
    )


REPEAT = [(10, 2, 100, 20.0), (20, 3, 200, 30.0), (30, 5, 300, 40.0), (40, 9, 400, 80.0), (50, 11, 500, 40.0)]


def test_recency_is_cut_at_multiples_of_the_repeat_buyers_median_gap(spark: SparkSession):
    found = cuts(spark, *REPEAT, (300, 1, 5, None))
    assert found.gap == 40.0
    assert found.recency.values == (20.0, 40.0, 80.0, 160.0)
    assert cuts(spark, *REPEAT, gap_multiples=(1.0, 2.0, 3.0, 6.0)).recency.values == (40.0, 80.0, 120.0, 240.0)


def test_one_order_is_below_the_quarters_of_the_repeat_buyers(spark: SparkSession):
    assert cuts(spark, *REPEAT, *[(300, 1, 5, None)] * 20).frequency.values == (1.0, 3.0, 5.0, 9.0)


def test_fifths_and_thresholds_take_the_place_of_both(spark: SparkSession):
    found = cuts(spark, *REPEAT, recency="fifths", frequency="fifths")
    assert found.recency.values == pytest.approx((18.0, 26.0, 34.0, 42.0))
    assert found.frequency.values == pytest.approx((2.8, 4.2, 6.6, 9.4))
    assert found.monetary.values == pytest.approx((180, 260, 340, 420))
    given = cuts(spark, *REPEAT, recency_days=(30, 60, 120, 240), orders=(1, 2, 4, 9), money=(10, 20, 30, 40))
    assert (given.recency.values, given.frequency.values) == ((30, 60, 120, 240), (1, 2, 4, 9))
    assert given.monetary.values == (10, 20, 30, 40)
    assert {cut.source for cut in (given.recency, given.frequency, given.monetary)} == {"set in the configuration"}


def test_without_repeat_buyers_recency_is_cut_at_fifths_and_all_score_1_in_frequency(spark: SparkSession):
    found = cuts(spark, *[(day, 1, day, None) for day in (10, 20, 30, 40, 50)])
    assert found.gap is None
    assert found.recency.values == pytest.approx((18.0, 26.0, 34.0, 42.0))
    assert found.recency.source.endswith("because nobody ordered on two days")
    assert (found.frequency.values, found.frequency.source) == ((1, 1, 1, 1), "nobody ordered twice, so all score 1")


def test_orders_of_one_day_are_no_gap_and_the_most_recent_day_can_score_5(spark: SparkSession):
    assert cuts(spark, (5, 2, 10, 0.0), (9, 2, 10, 0.0)).gap is None
    daily = cuts(spark, (1, 50, 10, 1.0), (2, 50, 10, 1.0), (1, 2, 10, 0.0))
    assert daily.recency.values == (1.0, 1.0, 2.0, 4.0)


def test_figures_that_all_share_are_in_the_middle_and_said_to_be(spark: SparkSession):
    found = cuts(spark, (7, 4, 70, 30.0), (7, 4, 70, 30.0), recency="fifths")
    for cut, value in ((found.recency, 7), (found.monetary, 70)):
        assert [value > limit for limit in cut.values] == [True, True, False, False]
        assert cut.source == "the same for all customers, so all score 3"
    assert [limit < 4 for limit in found.frequency.values] == [True, True, False, False]


def test_customers_of_whom_nothing_stayed_take_no_part(spark: SparkSession):
    nothing = (None, 0, 0, 500.0)
    assert cuts(spark, *REPEAT, *[nothing] * 9) == cuts(spark, *REPEAT)
    assert cuts(spark, nothing).monetary.source == "no customer to compare"
