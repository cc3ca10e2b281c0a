"""A segment keeps the name of an earlier run while it is true, and no two segments of a run share a name."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from segmentation import schemas as s
from segmentation.clustering.kept_names import keep_names
from segmentation.clustering.levels import SegmentName, name_by_levels
from segmentation.clustering.naming import Centre, name_segments
from segmentation.config.naming import MIXED, NamingSettings
from tests.segmentation.clustering.assigned import RULES, SPEND, WORDS, customers

LOW, HIGH, MIDDLE = (1, 1, 1, "Lost", 20.0), (5, 5, 5, "Champions", 2_000.0), (3, 3, 3, "Loyal", 200.0)
NOTHING_STATED = SegmentName(MIXED, "", {"ranges": {}, "rfm_segment": "", "limits": {}})
UNREAD: Any = None  # in place of customers that no action may read


def names_of(frame: DataFrame, *spends: float) -> list[SegmentName]:
    centres = [{s.TOTAL_SPEND: spend, s.PURCHASE_FREQUENCY: 3.0} for spend in spends]
    return name_segments(frame, centres, SPEND, NamingSettings(), WORDS, RULES)


def kept(
    frame: DataFrame,
    fresh: Sequence[SegmentName],
    before: Sequence[SegmentName | None],
    new_centres: Sequence[Centre] = (),
    **settings: Any,
) -> list[SegmentName]:
    return keep_names(frame, fresh, before, new_centres, NamingSettings(**settings), WORDS, RULES)


def texts(names: Sequence[SegmentName]) -> list[str]:
    return [name.name for name in names]


def test_a_name_stays_while_it_is_true_of_half_of_its_customers(spark: SparkSession):
    before = names_of(customers(spark, [LOW] * 5, [HIGH] * 5), 20.0, 2_000.0)
    half = customers(spark, [LOW] * 5, [HIGH] * 5 + [MIDDLE] * 5)
    fewer = customers(spark, [LOW] * 5, [HIGH] * 5 + [MIDDLE] * 6)
    assert texts(before) == ["Very Low Spend, One Order", "Very High Spend, Very Frequent"]
    stays, changes = ([*names_of(frame, 20.0, 1_000.0)] for frame in (half, fewer))
    assert "Very High Spend, Very Frequent" not in texts([*stays, *changes])

    assert texts(kept(half, stays, before)) == texts(before)
    assert kept(half, stays, before)[1].rule.endswith("true of 50 % of these 10 customers.")
    assert kept(half, stays, before)[1].states == before[1].states
    assert kept(fewer, changes, before) == [before[0], changes[1]]
    # `--rename` passes no names of before.
    assert kept(half, stays, [None, None]) == stays


def test_a_numbered_name_stays_as_it_is_in_the_runs_that_follow(spark: SparkSession):
    high = "Very High Spend, Very Frequent"
    [_, first] = names_of(customers(spark, [LOW], [HIGH]), 20.0, 2_000.0)
    # The first segment goes on, and the second is new.
    both = customers(spark, [HIGH] * 5 + [MIDDLE] * 5, [HIGH] * 5)
    fresh = names_of(both, 1_000.0, 2_000.0)
    assert fresh[1].name == high
    names = kept(both, fresh, [first, None])
    assert texts(names) == [high, f"{high}, No. 2"]
    assert texts(kept(both, fresh, names)) == texts(names)
    # The first is no longer called so, and a third segment is.
    later = customers(spark, [MIDDLE] * 9, [HIGH] * 5 + [MIDDLE] * 4, [HIGH] * 5)
    fresh = names_of(later, 200.0, 1_000.0, 2_000.0)
    names = kept(later, fresh, [*kept(both, fresh[:2], names), None])
    assert texts(names) == [fresh[0].name, f"{high}, No. 2", high]
    assert names[1].rule == (
        "Spend above £1,000, 10 orders or more: true of 55 % of these 9 customers; numbered, because another segment "
        "has that name."
    )


def test_a_fresh_name_that_another_segment_keeps_gets_a_number_that_is_free(spark: SparkSession):
    frame = customers(spark, [LOW] * 2, [LOW] * 2, [LOW] * 2, [HIGH] * 2)
    low = names_of(customers(spark, [LOW] * 2, [HIGH] * 2), 20.0, 2_000.0)[0]
    second = replace(low, name=f"{low.name}, No. 2")
    fresh = [SegmentName("Other", ""), low, second, SegmentName("High", "")]
    names = texts(kept(frame, fresh, [low, None, None, None]))
    assert names == [low.name, second.name, f"{low.name}, No. 3", "High"]


def test_a_name_that_states_nothing_gives_way_to_one_that_does(spark: SparkSession):
    frame = customers(spark, [MIDDLE] * 9 + [LOW], [HIGH])
    fresh = names_of(frame, 180.0, 2_000.0)
    assert kept(frame, fresh, [NOTHING_STATED, None]) == fresh
    still = [replace(NOTHING_STATED, name=f"{MIXED}, No. {number}") for number in (2, 1)]
    assert texts(kept(frame, still, [NOTHING_STATED, None])) == [MIXED, f"{MIXED}, No. 1"]


def test_the_name_of_a_segment_without_customers_stays(spark: SparkSession):
    before = names_of(customers(spark, [LOW], [HIGH]), 20.0, 9e3)
    fresh = [before[0], SegmentName(MIXED, "")]
    assert texts(kept(customers(spark, [LOW]), fresh, before)) == texts(before)


def test_all_customers_and_names_of_the_other_scheme_are_not_kept():
    by_levels = [SegmentName("Low Spend, Low Frequency", ""), SegmentName("High Spend, High Frequency", "")]
    by_rules = [SegmentName("Lost", "", NOTHING_STATED.states), SegmentName("Champions", "", NOTHING_STATED.states)]
    one = SegmentName("All Customers", "")
    assert kept(UNREAD, by_rules, by_levels) == by_rules
    assert kept(UNREAD, by_levels, by_rules, scheme="levels") == by_levels
    centres = levels((500.0, 2.0), (5_000.0, 10.0))
    for scheme, fresh in (("rules", by_rules), ("levels", by_levels)):
        assert kept(UNREAD, fresh, [one, None], centres, scheme=scheme) == fresh
        assert kept(UNREAD, [one], fresh[:1], centres[:1], scheme=scheme) == [one]


# --- names by levels


def levels(*centres: tuple[float, float]) -> list[dict[str, float]]:
    return [{s.TOTAL_SPEND: spend, s.PURCHASE_FREQUENCY: orders} for spend, orders in centres]


def by_levels(*centres: tuple[float, float]) -> list[SegmentName]:
    return name_by_levels(levels(*centres), s.GROSS)


def assigned(spark: SparkSession, *segments: Sequence[tuple[float, int]]) -> DataFrame:
    rows = [(number, float(spend), orders) for number, segment in enumerate(segments, 1) for spend, orders in segment]
    return spark.createDataFrame(rows, "segment_id int, total_spend double, purchase_frequency int")


def test_names_by_levels_stay_while_their_model_scores():
    before = by_levels((500, 2), (5_000, 10), (50_000, 30))
    fresh = by_levels((500, 2), (5_000, 10), (50_000, 30), (400_000, 200))
    assert kept(UNREAD, fresh[:3], before, scheme="levels") == before


def test_a_name_by_levels_outlasts_its_model_while_both_words_are_true(spark: SparkSession):
    before = [*by_levels((500, 2), (5_000, 10), (50_000, 30)), None]
    centres = (500, 2), (5_000, 10), (50_000, 30), (400_000, 200)
    fresh = by_levels(*centres)
    assert texts(fresh)[2:] == ["High Spend, Low Frequency", "High Spend, High Frequency"]
    frame = assigned(spark, [(500, 2)], [(5_000, 10)], [(50_000, 30)] * 3 + [(50_000, 90)] * 2, [(400_000, 200)])
    assert kept(frame, fresh, before, levels(*centres), scheme="levels") == fresh
    # Borders are halfway on the log scale: 78 orders.
    frame = assigned(spark, [(500, 2)], [(5_000, 10)], [(50_000, 30)] * 2 + [(50_000, 90)] * 3, [(400_000, 200)])
    names = kept(frame, fresh, before, levels(*centres), scheme="levels")
    assert texts(names)[2:] == ["High Spend, High Frequency", "High Spend, High Frequency, No. 2"]
    assert names[2].rule == (
        "when the model was fitted, spend was the highest of 3 levels for 100 % of its 5 customers; frequency was the "
        "higher of 2 in that spend level for 60 %"
    )
    assert kept(UNREAD, fresh, names, scheme="levels") == names
    assert kept(frame, fresh, before, levels(*centres), scheme="levels", keep_share=0.7) == fresh


@pytest.mark.parametrize("old", ["Low Spend, Low Frequency, Higher Spend", "Very Low Spend, Low Frequency"])
def test_a_name_by_levels_without_a_meaning_in_the_new_model_is_not_kept(old: str):
    centres = (500, 2), (5_000, 10)
    fresh, before = by_levels(*centres), [SegmentName(old, ""), None]
    assert kept(UNREAD, fresh, before, levels(*centres), scheme="levels") == fresh
