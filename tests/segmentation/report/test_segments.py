"""A segment's card shows its figures, and the suggestion of its name."""

import pytest

from segmentation.report.segments import BY_LEVELS, BY_NAME, segment_cards, suggestion
from tests.segmentation.report.sample_report import config, report_data


def test_a_card_shows_size_shares_typical_customer_and_differences():
    cards = segment_cards(report_data())
    medium, high = cards[1], cards[3]
    assert (medium.customers, medium.customer_share) == ("237 customers", "5.5 %")
    assert (medium.revenue, medium.revenue_share) == ("£2,839,245", "32 %")
    expected = "The customer in the middle spent £5,990 in 2 orders and last ordered 2 days before 10 December 2011."
    assert medium.sentence == expected
    assert "Total spend: 93 times the average (£190,809 against £2,049)" in high.differences
    assert cards[0].typical[0] == ("Total spend", "£546", "£273 to\N{NO-BREAK SPACE}£1,092", "£2,049")


def test_a_card_lists_where_and_what_the_segment_buys():
    card = segment_cards(report_data([("A", 1, "1000"), ("B", 2, "1000")]))[0]
    assert card.countries[0] == ("United Kingdom", "United Kingdom", "45 %")
    assert card.products[0] == ("CAKESTAND", "22000", "45 %")


def test_a_single_segment_is_not_compared_with_itself():
    [card] = segment_cards(report_data([("All Customers", 20, "3000")]))
    assert card.differences == []


# ---- suggestions ----


def test_a_suggestion_comes_from_the_configuration_or_a_default():
    own = config("report={suggestions: {'High Spend, Low Frequency': 'Call.'}}")
    texts = {card.name: str(card.suggestion) for card in segment_cards(report_data(config=own))}
    assert texts["High Spend, Low Frequency"] == "Call."
    assert texts["Low Spend, Low Frequency"].startswith("Keep contact automatic and at low cost")


@pytest.mark.parametrize(
    ("name", "levels"),
    [
        ("Low Spend, High Frequency", ("low", "high")),
        ("Very High Spend, Very Low Frequency", ("high", "low")),
        ("Medium Spend, No. 3 Frequency", ("medium", "medium")),
        ("High Spend, Medium Frequency, Lower Spend, More Recent", ("high", "medium")),
    ],
)
def test_a_name_by_levels_has_the_suggestion_of_its_levels(name: str, levels: tuple[str, str]):
    assert suggestion(name, {}) == BY_LEVELS[levels]


def test_the_configuration_goes_before_the_defaults_and_its_longest_name_wins():
    configured = {"Low Spend, Low Frequency": "Write.", "Low Spend, Low Frequency, Higher Spend": "Call."}
    assert suggestion("Low Spend, Low Frequency, Lower Spend", configured) == "Write."
    assert suggestion("Low Spend, Low Frequency, Higher Spend", configured) == "Call."
    assert suggestion("Champions, Higher Spend", configured) == BY_NAME["Champions"]
    assert suggestion("Champions, Higher Spend", {"Champions": "Thank them."}) == "Thank them."


@pytest.mark.parametrize("name", ["Anglers", "Low Spend", "Low Spend, Anglers", "Anglers, Low Frequency"])
def test_an_unknown_name_has_no_suggestion(name: str):
    assert suggestion(name, {}) is None
