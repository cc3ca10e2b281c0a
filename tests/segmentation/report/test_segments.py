"""A segment's card shows its figures, and the suggestion of its name."""

import pytest

from segmentation.config.naming import ALL_WORDS, MIXED
from segmentation.report.segments import BY_LEVELS, BY_NAME, BY_THIRDS, WIN_BACK, segment_cards, suggestion
from tests.segmentation.report.sample_report import CLASSIC, config, profiles_of, report_data


def test_a_card_shows_size_shares_typical_customer_and_differences():
    cards = segment_cards(report_data())
    medium, high = cards[1], cards[3]
    assert (medium.customers, medium.customer_share) == ("237 customers", "5.5 %")
    assert (medium.revenue, medium.revenue_share) == ("£2,839,245", "32 %")
    assert medium.sentence == "A typical customer spent £5,990 over 2 orders, the last 2 days ago."
    assert any(
        difference.endswith(": £95,404, 2.9 times that of all customers (£32,372)") for difference in high.differences
    )
    assert cards[0].typical[0][1:] == ("£546", "£273 to\N{NO-BREAK SPACE}£1,092", "£32,372")


def test_a_card_lists_where_the_segment_buys_and_what_it_buys_more_often():
    card = segment_cards(report_data([("A", 100, "1000"), ("B", 2, "1000")]))[0]
    assert card.countries is not None
    assert card.countries[0] == ("United Kingdom", "45 % of its purchases")
    assert card.products == [
        ("CAKESTAND", "22000", "by 1 % of them, 2.8 times as often as by others"),
        ("LANTERN", "22002", "by 1 % of them, by nobody else"),
    ]


def test_few_customers_are_told_in_customers():
    card = segment_cards(report_data([("A", 100, "1000"), ("B", 2, "1000")]))[1]
    assert card.countries is not None
    assert card.countries[0] == ("United Kingdom", "30 customers")
    assert card.products == []
    assert card.no_products.startswith("Too few customers")


def test_a_segment_is_stable_or_not_and_has_its_list():
    profiles = [row | {"jaccard": jaccard} for row, jaccard in zip(profiles_of(CLASSIC[:2]), (0.5, None), strict=True)]
    firm, unknown = segment_cards(report_data(profiles=profiles, lists={1: "a.csv", 2: "b.csv"}))
    assert firm.stability.startswith("not stable")
    assert unknown.stability == ""
    assert (firm.list, unknown.list) == ("a.csv", "b.csv")


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


@pytest.mark.parametrize("name", ["Anglers", "Little Spend", "Little Spend, Anglers", "Anglers, Low Frequency"])
def test_an_unknown_name_has_no_suggestion(name: str):
    assert suggestion(name, {}) is None


def test_every_name_that_states_what_customers_share_has_a_suggestion():
    assert [word for word in ALL_WORDS - {MIXED} if not suggestion(word, {})] == []
    assert suggestion("High Spend, Few Orders, Silent, Higher Spend", {}) == WIN_BACK["high"]
    assert suggestion("Low Spend, Frequent", {}) == BY_THIRDS["low", "high"]
    assert suggestion("Low Spend, Frequent, Higher Spend", {"Low Spend, Frequent": "Call."}) == "Call."
