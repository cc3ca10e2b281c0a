"""Customers are scored 1 to 5, named by the first rule that holds, and told why in a sentence."""

from collections.abc import Sequence
from typing import Any

from pyspark.sql import Row, SparkSession
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.config.rfm import RfmRule, default_rules
from segmentation.scoring.cuts import Cut, Cuts
from segmentation.scoring.reasons import with_reason
from segmentation.scoring.scores import with_scores
from segmentation.scoring.words import Words

# A shop whose repeat buyers order about once a month.
CUTS = Cuts(
    Cut((15.0, 30.0, 60.0, 120.0), "gaps"),
    Cut((1.0, 3.0, 6.0, 10.0), "quarters"),
    Cut((50, 100, 300, 1_000), "fifths"),
    30,
)
FIGURES = s.GROSS
SCHEMA = (
    "recency_days int, purchase_frequency long, total_spend decimal(20,4), tenure_days int, "
    "average_days_between_orders double"
)


def scored(
    spark: SparkSession,
    *rows: tuple[int | None, int, float, int, float | None],
    rules: Sequence[RfmRule] = default_rules(),
    figures: s.Figures = FIGURES,
    currency: str = "£",
) -> list[Row]:
    """Score customers of (recency, orders, spend, tenure, gap), in their order."""
    frame = spark.createDataFrame(
        [(number, *row) for number, row in enumerate(rows)],
        f"id int, {SCHEMA}".replace("decimal(20,4)", "double"),
    )
    frame = frame.withColumn(s.TOTAL_SPEND, F.col(s.TOTAL_SPEND).cast(s.MONEY))
    net = {
        figures.recency: F.col(s.RECENCY_DAYS),
        figures.orders: F.col(s.PURCHASE_FREQUENCY),
        figures.spend: F.col(s.TOTAL_SPEND),
    }
    words = Words(CUTS, figures, currency)
    named = with_scores(frame.withColumns(net), figures, CUTS, rules)
    return with_reason(named, rules, words).orderBy("id").collect()


def names(spark: SparkSession, *rows: Any, **options: Any) -> list[str]:
    return [row[s.RFM_SEGMENT] for row in scored(spark, *rows, **options)]


def scores(row: Row) -> tuple[int, int, int]:
    return row[s.RECENCY_SCORE], row[s.FREQUENCY_SCORE], row[s.MONETARY_SCORE]


def test_a_figure_at_a_cut_is_below_it_and_few_days_score_high(spark: SparkSession):
    rows = scored(
        spark,
        (15, 1, 50.0, 99, None),
        (16, 2, 50.01, 99, 9.0),
        (120, 10, 1_000.0, 200, 9.0),
        (121, 11, 1_000.01, 200, 9.0),
    )
    assert [scores(row) for row in rows] == [(5, 1, 1), (4, 2, 2), (2, 4, 4), (1, 5, 5)]


def test_the_default_rules_name_each_kind_of_customer(spark: SparkSession):
    kinds = [
        ((9, 12, 4_000.0, 300, 26.0), "Champions"),
        ((40, 8, 400.0, 300, 37.0), "Loyal"),
        ((40, 2, 4_000.0, 300, 200.0), "Big Spenders"),
        ((90, 12, 4_000.0, 300, 19.0), "Cannot Lose Them"),
        ((90, 3, 4_000.0, 300, 70.0), "At Risk Big Spenders"),
        ((90, 4, 90.0, 300, 70.0), "At Risk"),
        ((12, 1, 20.0, 12, None), "New"),
        ((12, 2, 4_000.0, 29, 17.0), "New"),
        ((12, 2, 80.0, 300, 200.0), "Promising"),
        ((40, 3, 80.0, 300, 100.0), "Need Attention"),
        ((40, 1, 80.0, 40, None), "About to Sleep"),
        ((100, 1, 80.0, 100, None), "Hibernating"),
        ((100, 1, 4_000.0, 100, None), "Hibernating"),  # one order is no habit that is at risk
        ((300, 1, 80.0, 300, None), "Lost"),
    ]
    assert names(spark, *[customer for customer, _ in kinds]) == [name for _, name in kinds]


def test_five_orders_and_then_silence_are_at_risk_wherever_the_cuts_are(spark: SparkSession):
    # Five orders are the lowest quarter of repeat buyers; and a shop whose typical gap is long.
    weekly = Cuts(CUTS.recency, Cut((1.0, 8.0, 12.0, 20.0), ""), CUTS.monetary, 30)
    slow = Cuts(Cut((45.0, 90.0, 180.0, 360.0), ""), CUTS.frequency, CUTS.monetary, 90)
    frame = spark.createDataFrame([(130, 5, 90.0, 250, 30.0)], SCHEMA.replace("decimal(20,4)", "double"))
    for cuts in (weekly, slow):
        [row] = with_scores(frame, FIGURES, cuts, default_rules()).collect()
        assert row[s.RFM_SEGMENT] == "At Risk"
    # Ordering every three months, 130 days are no silence yet.
    patient = spark.createDataFrame([(130, 5, 90.0, 490, 90.0)], SCHEMA.replace("decimal(20,4)", "double"))
    [row] = with_scores(patient, FIGURES, slow, default_rules()).collect()
    assert row[s.RFM_SEGMENT] == "Need Attention"


def test_the_first_rule_whose_conditions_all_hold_names_a_customer(spark: SparkSession):
    rules = (
        RfmRule(name="Regular", when={"average_days_between_orders": (None, 40)}),
        RfmRule(name="Old", when={"tenure_days": (200, None), "recency_score": (1, 4)}),
        RfmRule(name="Rest"),
    )
    rows = ((9, 3, 9.0, 300, 40.0), (20, 1, 9.0, 200, None), (9, 1, 9.0, 200, None))
    # A customer of one order has no days between orders, and meets no condition on them.
    assert names(spark, *rows, rules=rules) == ["Regular", "Old", "Rest"]


def test_of_whom_nothing_stayed_scores_1_and_is_named_so(spark: SparkSession):
    net = s.NET
    [row] = scored(spark, (None, 0, 0.0, 300, None), figures=net)
    assert (scores(row), row[s.RFM_SEGMENT]) == ((1, 1, 1), "Returned Everything")
    assert "all of it came back" in row[s.REASON]


def test_the_reason_is_a_sentence_of_the_customers_own_figures(spark: SparkSession):
    rows = ((9, 12, 4_120.4, 300, 26.0), (1, 1, 2.9, 1, None), (130, 5, 90.0, 250, 30.0))
    assert [row[s.REASON] for row in scored(spark, *rows)] == [
        "12 orders for £4,120; last order 9 days ago: very recent (5 of 5), very frequent (5), very big (5).",
        "1 order for £2.90; last order 1 day ago: very recent (5 of 5), rare (1), very small (1); "
        "first order 1 day ago.",
        "5 orders for £90; last order 130 days ago: long silent (1 of 5), fairly frequent (3), small (2); "
        "an order every 30 days.",
    ]
    net = s.NET
    [row] = scored(spark, (40, 2, 1_250.0, 300, 200.0), figures=net, currency="EUR")
    assert row[s.REASON] == (
        "2 orders and EUR 1,250 that stayed; last order 40 days ago: quiet (3 of 5), occasional (2), very big (5)."
    )
