"""Names are unique, rank as the figures do, and come with the rule and the figures that gave them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from segmentation import schemas as s
from segmentation.clustering.naming import SegmentName, name_by_levels, name_by_rules, name_segments, score
from segmentation.config.files import load_config
from segmentation.config.settings import NamingRule, NamingSettings

CONF = Path(__file__).resolve().parents[3] / "conf"
RFM_RULES = load_config(str(CONF / "online_retail_rfm.yaml")).naming.rules
WORDS = ("Very Low", "Low", "Medium", "High", "Very High")
# The values that split the customers into fifths.
QUINTILES = {
    s.RECENCY_DAYS: (10.0, 30.0, 90.0, 200.0),
    s.PURCHASE_FREQUENCY: (1.5, 2.5, 4.5, 8.5),
    s.TOTAL_SPEND: (200.0, 500.0, 1_000.0, 3_000.0),
}
# A value inside each fifth, ascending.
INSIDE = {
    s.RECENCY_DAYS: (5.0, 20.0, 60.0, 150.0, 300.0),
    s.PURCHASE_FREQUENCY: (1.0, 2.0, 3.0, 6.0, 20.0),
    s.TOTAL_SPEND: (100.0, 300.0, 700.0, 2_000.0, 9_000.0),
}
GRID = tuple(
    {s.RECENCY_DAYS: recency, s.PURCHASE_FREQUENCY: frequency, s.TOTAL_SPEND: spend}
    for recency, frequency, spend in product(
        INSIDE[s.RECENCY_DAYS], INSIDE[s.PURCHASE_FREQUENCY], INSIDE[s.TOTAL_SPEND]
    )
)


def centre(recency: float, frequency: float, spend: float) -> dict[str, float]:
    return {s.RECENCY_DAYS: recency, s.PURCHASE_FREQUENCY: frequency, s.TOTAL_SPEND: spend}


def by_levels(spend: Sequence[float], frequency: Sequence[float]) -> list[SegmentName]:
    both = zip(spend, frequency, strict=True)
    return name_by_levels([{s.TOTAL_SPEND: amount, s.PURCHASE_FREQUENCY: orders} for amount, orders in both], s.GROSS)


def names(spend: Sequence[float], frequency: Sequence[float]) -> list[str]:
    return [segment.name for segment in by_levels(spend, frequency)]


def rfm_names(*centres: Mapping[str, float]) -> list[str]:
    return [segment.name for segment in name_by_rules(centres, QUINTILES, RFM_RULES)]


def words(name: str) -> tuple[str, str]:
    """Return the words of both levels, without a qualifier."""
    spend, frequency, *_ = name.split(", ")
    return spend.removesuffix(" Spend"), frequency.removesuffix(" Frequency")


def rank(word: str) -> int:
    """Return the rank of a word, from the lowest; `No. 1` is the highest of those that are numbered."""
    return WORDS.index(word) if word in WORDS else -int(word.removeprefix("No. "))


@st.composite
def ascending_centres(draw: st.DrawFn) -> tuple[list[float], list[float]]:
    """Spend ascending and any frequency, of 2 to 12 segments; few different values make ties likely."""
    k = draw(st.integers(2, 12))
    amounts = st.one_of(st.floats(0, 1e7), st.sampled_from([0.0, 1.0, 100.0, 1e5]))
    visits = st.one_of(st.floats(1, 500), st.sampled_from([1.0, 2.0, 50.0]))
    spend = sorted(draw(st.lists(amounts, min_size=k, max_size=k)))
    return spend, draw(st.lists(visits, min_size=k, max_size=k))


def test_the_classic_four_segments_get_their_classic_names():
    assert names([1_091.83, 11_979.94, 55_099.49, 190_808.54], [3.05, 20.5, 120.5, 42.83]) == [
        "Low Spend, Low Frequency",
        "Medium Spend, Medium Frequency",
        "High Spend, High Frequency",
        "High Spend, Low Frequency",
    ]


def test_the_rule_states_the_figures_and_their_levels():
    spend, frequency = [1_091.83, 11_979.94, 55_099.49, 190_808.54], [3.05, 20.5, 120.5, 42.83]
    rules = [segment.rule for segment in by_levels(spend, frequency)]
    assert rules[0] == "spend 1,091.83 is level 1 of 3; frequency 3.05 is level 1 of 3 among all segments"
    assert rules[3] == (
        "spend 190,808.54 is level 3 of 3; frequency 42.83 is number 1 of the 2 frequencies in this spend level, "
        "from the lowest"
    )


def test_few_segments_are_all_customers_low_and_high_or_low_medium_and_high():
    assert names([5.0], [1.0]) == ["All Customers"]
    assert [segment.name for segment in name_by_rules([GRID[0]], QUINTILES, RFM_RULES)] == ["All Customers"]
    assert names([100.0, 900.0], [9.0, 2.0]) == ["Low Spend, High Frequency", "High Spend, Low Frequency"]
    assert [words(name)[0] for name in names([10.0, 1_000.0, 90_000.0], [1.0, 2.0, 3.0])] == ["Low", "Medium", "High"]


@given(ascending_centres())
def test_names_by_levels_are_unique_and_rank_as_the_figures_do(centres: tuple[list[float], list[float]]):
    spend, frequency = centres
    given_names = names(spend, frequency)
    assert len(set(given_names)) == len(spend)
    spend_words = [words(name)[0] for name in given_names]
    ranks = [rank(word) for word in spend_words]
    assert ranks == sorted(ranks), "a higher spend word goes with less spend"
    # Frequency words rank the segments of a spend level, and over all levels the segments that are alone in theirs.
    ranked = defaultdict(list)
    for name, spend_word, orders in zip(given_names, spend_words, frequency, strict=True):
        frequency_rank = (rank(words(name)[1]), orders)
        ranked[spend_word].append(frequency_rank)
        if spend_words.count(spend_word) == 1:
            ranked["alone"].append(frequency_rank)
    for pairs in ranked.values():
        frequencies = [orders for _, orders in sorted(pairs)]
        assert frequencies == sorted(frequencies), "a higher frequency word goes with fewer orders"
    words_of = defaultdict(set)
    for name, amount, orders in zip(given_names, spend, frequency, strict=True):
        words_of[amount].add(words(name)[0])
        words_of[amount, orders].add(words(name))
    assert all(len(equal) == 1 for equal in words_of.values())


def test_a_frequency_that_all_segments_share_is_medium():
    assert names([100.0, 900.0], [1.0, 1.0]) == ["Low Spend, Medium Frequency", "High Spend, Medium Frequency"]
    assert by_levels([100.0, 900.0], [1.0, 1.0])[1].rule == (
        "spend 900.00 is level 2 of 2; frequency 1.00 is the same in all segments"
    )


def test_a_spend_that_all_segments_share_is_medium():
    assert names([70.0, 70.0], [4.0, 9.0]) == ["Medium Spend, Low Frequency", "Medium Spend, High Frequency"]
    assert by_levels([70.0, 70.0], [4.0, 9.0])[0].rule == (
        "spend 70.00 is the same in all segments; "
        "frequency 4.00 is number 1 of the 2 frequencies in this spend level, from the lowest"
    )


def test_values_equal_but_for_rounding_are_equal():
    assert names([100.0, 900.0], [0.3, 0.1 + 0.2]) == ["Low Spend, Medium Frequency", "High Spend, Medium Frequency"]
    assert names([1e9, 1e9 + 1e-6], [1.0, 2.0]) == ["Medium Spend, Low Frequency", "Medium Spend, High Frequency"]


def test_segments_with_the_same_levels_are_qualified_by_what_differs():
    spend = [10.0, 11.0, 1_000.0, 90_000.0, 95_000.0, 99_000.0]
    assert names(spend, [1.0, 1.0, 7.0, 7.0, 7.0, 30.0]) == [
        "Low Spend, Low Frequency, Lower Spend",
        "Low Spend, Low Frequency, Higher Spend",
        "Medium Spend, Medium Frequency",
        "High Spend, Low Frequency, Lower Spend",
        "High Spend, Low Frequency, Higher Spend",
        "High Spend, High Frequency",
    ]
    assert by_levels(spend, [1.0, 1.0, 7.0, 7.0, 7.0, 30.0])[0].rule == (
        "spend 10.00 is level 1 of 3; frequency 1.00 is level 1 of 3 among all segments; "
        "more than one segment fits, distinguished by where they differ most"
    )


def test_segments_of_equal_spend_and_frequency_are_qualified_by_another_feature():
    centres = [centre(recency, 2.0, 70.0) for recency in (90.0, 5.0)]
    assert [segment.name for segment in name_by_levels(centres, s.GROSS)] == [
        "Medium Spend, Medium Frequency, Less Recent",
        "Medium Spend, Medium Frequency, More Recent",
    ]


@pytest.mark.parametrize("k", [2, 12])
def test_centres_equal_in_everything_are_numbered(k: int):
    numbers = [f"No. {number}" for number in range(1, k + 1)]
    assert names([5.0] * k, [2.0] * k) == [f"Medium Spend, Medium Frequency, {number}" for number in numbers]
    assert rfm_names(*[GRID[0]] * k) == [f"New, {number}" for number in numbers]
    assert "alike in all of these, and numbered" in name_by_rules([GRID[0]] * k, QUINTILES, RFM_RULES)[0].rule


@pytest.mark.parametrize(
    ("value", "spend_score", "recency_score"),
    [(-1.0, 1, 5), (10.0, 1, 5), (10.1, 2, 4), (30.0, 3, 3), (40.1, 5, 1)],
)
def test_scores_run_from_one_to_five_and_a_small_recency_is_a_good_one(
    value: float, spend_score: int, recency_score: int
):
    edges = [10.0, 20.0, 30.0, 40.0]
    assert score(s.TOTAL_SPEND, value, edges) == spend_score
    assert score(s.RECENCY_DAYS, value, edges) == recency_score


def test_the_rfm_rules_name_each_kind_of_customer():
    for scored, name in {
        (5.0, 20.0, 9_000.0): "Champions",
        (60.0, 20.0, 700.0): "Loyal",
        (60.0, 2.0, 9_000.0): "Big Spenders",
        (300.0, 20.0, 9_000.0): "Cannot Lose Them",
        (150.0, 3.0, 700.0): "At Risk",
        (300.0, 1.0, 9_000.0): "At Risk Big Spenders",
        (5.0, 3.0, 700.0): "Promising",
        (60.0, 2.0, 300.0): "Need Attention",
        (60.0, 1.0, 300.0): "About to Sleep",
        (150.0, 1.0, 100.0): "Hibernating",
        (300.0, 1.0, 100.0): "Lost",
    }.items():
        assert rfm_names(centre(*scored), GRID[0]) == [name, "New"]
    matched = {name_by_rules([scored, GRID[0]], QUINTILES, RFM_RULES)[0].name.partition(",")[0] for scored in GRID}
    assert matched == {rule.name for rule in RFM_RULES} - {"Others"}


@given(
    st.lists(st.sampled_from(GRID), min_size=2, max_size=12), st.lists(st.floats(0.9, 1.1), min_size=36, max_size=36)
)
def test_names_by_rules_are_unique(centres: list[dict[str, float]], wobble: list[float]):
    moved = [
        {feature: value * wobble[3 * number + position] for position, (feature, value) in enumerate(drawn.items())}
        for number, drawn in enumerate(centres)
    ]
    given_names = rfm_names(*moved)
    assert len(set(given_names)) == len(moved)


@pytest.mark.parametrize(
    ("centres", "qualified"),
    [
        ([(5.0, 9.0, 4_000.0), (5.0, 10.0, 40_000.0)], "Lower Spend | Higher Spend"),
        ([(5.0, 90.0, 4_000.0), (5.0, 9.0, 4_100.0)], "Higher Frequency | Lower Frequency"),
        ([(9.0, 9.0, 4_000.0), (1.0, 9.0, 4_001.0)], "Less Recent | More Recent"),
        ([(5.0, 9.0, 40_000.0), (5.0, 9.0, 4_000.0), (5.0, 9.0, 400_000.0)], "Medium Spend | Low Spend | High Spend"),
        # Equal in the widest feature: a second qualifier.
        (
            [(5.0, 9.0, 4_000.0), (5.0, 10.0, 4_000.0), (5.0, 9.0, 400_000.0)],
            "Lower Spend, Lower Frequency | Lower Spend, Higher Frequency | Higher Spend",
        ),
        # More than five: numbers, the highest first.
        (
            [(5.0, 9.0, 4_000.0 * 2**step) for step in range(6)],
            "No. 6 Spend | No. 5 Spend | No. 4 Spend | No. 3 Spend | No. 2 Spend | No. 1 Spend",
        ),
    ],
)
def test_segments_of_one_name_are_qualified_by_what_differs_most(
    centres: list[tuple[float, float, float]], qualified: str
):
    given_names = rfm_names(*[centre(*values) for values in centres], centre(300.0, 1.0, 100.0))
    assert given_names == [*[f"Champions, {qualifier}" for qualifier in qualified.split(" | ")], "Lost"]


def test_the_rule_states_what_the_name_needs_and_how_the_centre_scores():
    first, second = name_by_rules([centre(5.0, 20.0, 9_000.0), centre(300.0, 1.0, 100.0)], QUINTILES, RFM_RULES)
    assert first.rule == (
        "Champions needs recency_days 4-5, purchase_frequency 5-5, total_spend 5-5; recency_days 5.00 scores 5, "
        "purchase_frequency 20.00 scores 5, total_spend 9,000.00 scores 5 of 5"
    )
    assert second.rule.startswith("Lost needs recency_days 1-1; recency_days 300.00 scores 1")


def test_the_first_rule_that_holds_gives_the_name():
    rules = [
        NamingRule(name="Rich", when={s.TOTAL_SPEND: (4, 5)}),
        NamingRule(name="Richest", when={s.TOTAL_SPEND: (5, 5)}),
        NamingRule(name="The Rest"),
    ]
    quintiles = {s.TOTAL_SPEND: QUINTILES[s.TOTAL_SPEND]}
    given_names = [
        segment.name for segment in name_by_rules([centre(1, 1, 9_000.0), centre(1, 1, 100.0)], quintiles, rules)
    ]
    assert given_names == ["Rich", "The Rest"]


def test_a_centre_between_two_numbers_of_orders_is_scored_as_the_nearest():
    edges = (1.0, 1.0, 2.0, 5.0)
    assert score("purchase_frequency", 1.2, edges) == 1
    assert score("purchase_frequency", 1.6, edges) == 3


def test_the_configured_scheme_names_the_segments(spark: SparkSession):
    customers = spark.createDataFrame([(float(spend),) for spend in range(0, 1_001, 10)], "total_spend double")
    centres = [centre(5.0, 2.0, 199.0), centre(5.0, 9.0, 801.0)]
    rich = NamingRule(name="Rich", when={s.TOTAL_SPEND: (5, 5)})
    by_rules = NamingSettings(scheme="rules", rules=(rich, NamingRule(name="The Rest")))
    only_fallback = NamingSettings(scheme="rules", rules=(NamingRule(name="All"),))
    assert [segment.name for segment in name_segments(customers, centres, by_rules, s.GROSS)] == ["The Rest", "Rich"]
    assert name_segments(customers, centres, NamingSettings(), s.GROSS) == name_by_levels(centres, s.GROSS)
    assert name_segments(customers, centres, only_fallback, s.GROSS)[0].name.startswith("All, ")
