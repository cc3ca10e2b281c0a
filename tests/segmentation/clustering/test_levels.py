"""Names by levels are unique, rank as the figures do, and come with the rule and the figures that gave them."""

import doctest
from collections import defaultdict
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmentation import schemas as s
from segmentation.clustering import levels
from segmentation.clustering.levels import SegmentName, levels_by_name, name_by_levels

WORDS = ("Very Low", "Low", "Medium", "High", "Very High")


def centre(recency: float, frequency: float, spend: float) -> dict[str, float]:
    return {s.RECENCY_DAYS: recency, s.PURCHASE_FREQUENCY: frequency, s.TOTAL_SPEND: spend}


def by_levels(spend: Sequence[float], frequency: Sequence[float]) -> list[SegmentName]:
    both = zip(spend, frequency, strict=True)
    return name_by_levels([{s.TOTAL_SPEND: amount, s.PURCHASE_FREQUENCY: orders} for amount, orders in both], s.GROSS)


def names(spend: Sequence[float], frequency: Sequence[float]) -> list[str]:
    return [segment.name for segment in by_levels(spend, frequency)]


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


def test_every_example_in_a_docstring_holds():
    result = doctest.testmod(levels)
    assert result.attempted > 0
    assert result.failed == 0


def test_the_classic_four_segments_get_their_classic_names():
    assert names([1_091.83, 11_979.94, 55_099.49, 190_808.54], [3.05, 20.5, 120.5, 42.83]) == [
        "Low Spend, Low Frequency",
        "Medium Spend, Medium Frequency",
        "High Spend, High Frequency",
        "High Spend, Low Frequency",
    ]


def test_the_rule_states_the_levels_in_words():
    spend, frequency = [1_091.83, 11_979.94, 55_099.49, 190_808.54], [3.05, 20.5, 120.5, 42.83]
    rules = [segment.rule for segment in by_levels(spend, frequency)]
    assert rules == [
        "spend is the lowest of 3 levels; frequency is the lowest of 3 levels",
        "spend is the middle of 3 levels; frequency is the middle of 3 levels",
        "spend is the highest of 3 levels; frequency is the higher of 2 in that spend level",
        "spend is the highest of 3 levels; frequency is the lower of 2 in that spend level",
    ]


def test_few_segments_are_all_customers_low_and_high_or_low_medium_and_high():
    assert names([5.0], [1.0]) == ["All Customers"]
    assert names([100.0, 900.0], [9.0, 2.0]) == ["Low Spend, High Frequency", "High Spend, Low Frequency"]
    assert [words(name)[0] for name in names([10.0, 1_000.0, 90_000.0], [1.0, 2.0, 3.0])] == ["Low", "Medium", "High"]
    # Least squares of all values: the least of the greatest would put 100 with 1,000.
    broken = [words(name)[0] for name in names([10.0, 20.0, 100.0, 1_000.0, 10_000.0], [1.0, 2.0, 3.0, 4.0, 5.0])]
    assert broken == ["Low", "Low", "Low", "Medium", "High"]


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


def test_borders_are_halfway_between_the_nearest_centres_of_two_levels():
    centres = [centre(1, orders, spend) for orders, spend in ((3, 0.0), (1, 99.0), (24, 9_999.0), (99, 39_999.0))]
    known = levels_by_name(centres, s.GROSS)
    borders = {
        name: [tuple(limit and round(limit, 6) for limit in level.limits) for level in levels]
        for name, levels in known.items()
    }
    # Frequency is within a spend level of several segments, else over all segments.
    assert borders == {
        "Low Spend, Low Frequency": [(None, 9), (None, 9)],
        "Low Spend, Medium Frequency": [(None, 9), (9, 49)],
        "Low Spend, High Frequency": [(None, 9), (49, None)],
        "Medium Spend, Low Frequency": [(9, 999), (None, 9)],
        "Medium Spend, Medium Frequency": [(9, 999), (9, 49)],
        "Medium Spend, High Frequency": [(9, 999), (49, None)],
        "High Spend, Low Frequency": [(999, None), (None, 49)],
        "High Spend, High Frequency": [(999, None), (49, None)],
    }


def test_a_frequency_that_all_segments_share_is_medium():
    assert names([100.0, 900.0], [1.0, 1.0]) == ["Low Spend, Medium Frequency", "High Spend, Medium Frequency"]
    assert by_levels([100.0, 900.0], [1.0, 1.0])[1].rule == (
        "spend is the higher of 2 levels; frequency is the same in all segments"
    )


def test_a_spend_that_all_segments_share_is_medium():
    assert names([70.0, 70.0], [4.0, 9.0]) == ["Medium Spend, Low Frequency", "Medium Spend, High Frequency"]
    assert by_levels([70.0, 70.0], [4.0, 9.0])[0].rule == (
        "spend is the same in all segments; frequency is the lower of 2 in that spend level"
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
        "spend is the lowest of 3 levels; frequency is the lowest of 3 levels; "
        "more than one segment fits, distinguished by where they differ most"
    )


@pytest.mark.parametrize(
    ("recency", "units", "qualifiers"),
    [
        ([90.0, 5.0], [10.0, 10.0], ["Less Recent", "More Recent"]),
        ([90.0, 5.0], [10.0, 11.0], ["Less Recent", "More Recent"]),
        ([90.0, 5.0], [1_000.0, 11.0], ["Higher Units", "Lower Units"]),
        ([90.0, 5.0, 400.0], [10.0, 11.0, 12.0], ["Low Units", "Medium Units", "High Units"]),
        ([90.0, 5.0, 400.0], [10.0, 10.0, 10.0], ["Medium Recency Days", "Low Recency Days", "High Recency Days"]),
    ],
)
def test_segments_of_equal_spend_and_frequency_are_qualified_by_what_differs_most(
    recency: Sequence[float], units: Sequence[float], qualifiers: Sequence[str]
):
    centres = [centre(days, 2.0, 70.0) | {s.UNITS_BOUGHT: bought} for days, bought in zip(recency, units, strict=True)]
    given_names = [segment.name for segment in name_by_levels(centres, s.GROSS)]
    assert given_names == [f"Medium Spend, Medium Frequency, {qualifier}" for qualifier in qualifiers]


@pytest.mark.parametrize("k", [2, 12])
def test_centres_equal_in_everything_are_numbered(k: int):
    numbers = [f"No. {number}" for number in range(1, k + 1)]
    assert names([5.0] * k, [2.0] * k) == [f"Medium Spend, Medium Frequency, {number}" for number in numbers]
    assert "alike in all of these, and numbered" in by_levels([5.0] * k, [2.0] * k)[0].rule
