"""A segment's suggestion is the configuration's or the default of its name, however it was told apart from others."""

import re

import pytest

from segmentation.report.segments import BY_LEVELS, BY_NAME, suggestion


@pytest.mark.parametrize(
    ("name", "levels"),
    [
        ("Low Spend, High Frequency", ("low", "high")),
        ("Very High Spend, Very Low Frequency", ("high", "low")),
        ("Medium Spend, No. 3 Frequency", ("medium", "medium")),
        ("Low Spend, Low Frequency, Higher Spend", ("low", "low")),
        ("High Spend, Medium Frequency, Lower Spend, More Recent", ("high", "medium")),
    ],
)
def test_a_name_by_levels_has_the_suggestion_of_its_levels(name: str, levels: tuple[str, str]):
    assert suggestion(name, {}) == BY_LEVELS[levels]


def test_the_configuration_is_asked_before_the_defaults_and_by_the_longest_name_it_has():
    configured = {"Low Spend, Low Frequency": "Write.", "Low Spend, Low Frequency, Higher Spend": "Call."}
    assert suggestion("Low Spend, Low Frequency, Lower Spend", configured) == "Write."
    assert suggestion("Low Spend, Low Frequency, Higher Spend", configured) == "Call."
    assert suggestion("Champions, Higher Spend", configured) == BY_NAME["Champions"]
    assert suggestion("Champions, Higher Spend", {"Champions": "Thank them."}) == "Thank them."


@pytest.mark.parametrize("name", ["Anglers", "Low Spend", "Low Spend, Anglers", "Anglers, Low Frequency"])
def test_a_name_that_nothing_is_known_of_has_no_suggestion(name: str):
    assert suggestion(name, {}) is None


def test_a_default_tells_of_customers_only_in_comparison_with_others():
    assert str(suggestion("High Spend, Low Frequency", {})).startswith("Fewer orders than in comparable segments: ")
    assert str(suggestion("Low Spend, High Frequency", {})).startswith("More orders than in comparable segments: ")
    facts = re.compile(r"\b(Few|Many|Large|Once|Regulars|They|middle|stopped|wasted)\b")
    assert [text for text in [*BY_NAME.values(), *BY_LEVELS.values()] if facts.search(text)] == []
