"""A segment's name is unique, true of most of its customers, and comes with a sentence that says so."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from segmentation import schemas as s
from segmentation.clustering.levels import name_by_levels
from segmentation.clustering.naming import name_segments
from segmentation.config.naming import NamingSettings
from segmentation.scoring.cuts import Cut
from segmentation.scoring.words import Words
from tests.segmentation.clustering.assigned import CUTS, RULES, SPEND, WORDS, customers


def named(
    frame: DataFrame, *spends: float, clustered: Sequence[str] = SPEND, words: Words = WORDS, **settings: Any
) -> list[tuple[str, str]]:
    centres = [{s.TOTAL_SPEND: spend, s.PURCHASE_FREQUENCY: 3.0} for spend in spends]
    given = name_segments(frame, centres, clustered, NamingSettings(**settings), words, RULES)
    return [(segment.name, segment.rule) for segment in given]


def test_a_name_states_what_most_share_with_figures_and_the_share(spark: SparkSession):
    frame = customers(
        spark, [(1, 1, 1, "Lost", 20.0)] * 4, [(5, 5, 5, "Champions", 2_000.0)] * 7 + [(1, 5, 3, "Lost", 200.0)] * 3
    )
    assert named(frame, 20.0, 1_400.0) == [
        ("Very Low Spend, One Order", "Spend up to £50, one order: true of 100 % of these 4 customers."),
        (
            "Very High Spend, Very Frequent",
            "Spend above £1,000, 10 orders or more: true of 70 % of these 10 customers.",
        ),
    ]
    up_to_two = Words(replace(CUTS, frequency=Cut((2.0, 3.0, 4.0, 9.0), "quarters")), s.GROSS, "£")
    assert named(frame, 20.0, 1_400.0, words=up_to_two)[0] == (
        "Very Low Spend, Few Orders",
        "Spend up to £50, up to 2 orders: true of 100 % of these 4 customers.",
    )


def test_the_name_of_a_rule_is_used_only_where_recency_is_clustered(spark: SparkSession):
    frame = customers(spark, [(1, 1, 1, "Lost", 20.0)] * 2, [(5, 5, 5, "Champions", 2_000.0)] * 5)
    with_recency = named(frame, 20.0, 2_000.0, clustered=(*SPEND, s.RECENCY_DAYS))
    assert [name for name, _ in with_recency] == ["Lost", "Champions"]
    assert with_recency[1][1] == (
        "Champions by their own figures (last order up to 30 days ago, 10 orders or more): true of 100 % of these 5 "
        "customers."
    )
    assert [name for name, _ in named(frame, 20.0, 2_000.0)] == [
        "Very Low Spend, One Order",
        "Very High Spend, Very Frequent",
    ]


def test_segments_of_one_name_are_qualified_by_a_feature_that_most_of_them_differ_in(spark: SparkSession):
    low = [(5, 5, 5, "Champions", 1_100.0)] * 9 + [(5, 5, 5, "Champions", 9_000.0)]
    high = [(5, 5, 5, "Champions", 9_000.0)] * 8 + [(5, 5, 5, "Champions", 1_100.0)] * 2
    (lower, first), (higher, second) = named(customers(spark, low, high), 1_200.0, 7_000.0)
    assert (lower, higher) == (
        "Very High Spend, Very Frequent, Lower Spend",
        "Very High Spend, Very Frequent, Higher Spend",
    )
    assert re.search(r"total spend at most £2,9\d0: true of 90 % of these 10 customers\.$", first)
    assert re.search(r"total spend at least £2,9\d0: true of 80 % of these 10 customers\.$", second)


def test_a_qualifier_that_is_not_true_of_most_gives_way_to_a_number(spark: SparkSession):
    alike = [(5, 5, 5, "Champions", 1_100.0), (5, 5, 5, "Champions", 9_000.0)] * 5
    names = named(customers(spark, alike, alike), 1_200.0, 7_000.0)
    assert [name.rpartition(", ")[2] for name, _ in names] == ["No. 2", "No. 1"]
    assert all(rule.endswith("; numbered by spend, because nothing else tells them apart.") for _, rule in names)


@pytest.mark.parametrize("k", [3, 5])
def test_names_of_any_number_of_like_segments_are_unique(spark: SparkSession, k: int):
    spends = [1_100.0 * 3**number for number in range(k)]
    frame = customers(spark, *[[(5, 5, 5, "Champions", spend)] * 2 for spend in spends])
    names = [name for name, _ in named(frame, *spends)]
    assert len(set(names)) == k
    assert names[-1].endswith("Highest Spend" if k == 3 else "No. 1 by Spend")


def test_one_segment_is_all_customers_and_levels_are_of_the_centres(spark: SparkSession):
    frame = customers(spark, [(1, 1, 1, "Lost", 20.0)], [(5, 5, 5, "Champions", 2_000.0)])
    assert named(frame, 20.0) == [("All Customers", "There is one segment.")]
    centres = [{s.TOTAL_SPEND: spend, s.PURCHASE_FREQUENCY: 3.0} for spend in (20.0, 2_000.0)]
    assert named(frame, 20.0, 2_000.0, scheme="levels") == [
        (name.name, name.rule) for name in name_by_levels(centres, s.GROSS)
    ]
