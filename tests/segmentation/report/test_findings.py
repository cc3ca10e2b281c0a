"""The report's sentences are true of the figures they are made from."""

import doctest
from datetime import date

import pytest

from segmentation.report import findings
from tests.segmentation.report.sample_report import (
    CLASSIC,
    config,
    profiles_of,
)

MEASURES = ("the elbow", "the silhouette", "Davies–Bouldin", "Calinski–Harabasz")
RETURNED_EVERYTHING = ("Returned Everything", 2, "50")


def test_every_example_in_a_docstring_holds():
    result = doctest.testmod(findings)
    assert result.attempted > 0
    assert result.failed == 0


# ---- the answer ----


def answer_of(
    segments: list[tuple[str, int, str]],
    returned: list[str] | None = None,
    *days: date | None,
    first: int = 1,
    figures: str = "net",
) -> str:
    start, end = days or (None, None)
    profiles = profiles_of(segments, returned or (), first)
    return " ".join(findings.answer(profiles, config(f"figures={figures}"), start, end))


@pytest.mark.parametrize(
    ("segments", "expected"),
    [
        (
            [("All Customers", 1, "12.50")],
            "1 customer spent £12.50; no return was matched to a purchase. That customer is one segment. No other "
            "customer brings revenue.",
        ),
        ([("All Customers", 20, "3000")], "They are one segment by total spend and number of orders. On average each"),
        ([("A", 9, "100"), ("B", 1, "300")], "1 customer, 10 %, brings 75 % of revenue: B."),
        ([("A", 5, "100"), ("B", 5, "100")], "orders; the largest two hold 5 each (50 %). Revenue"),
        ([("A", 5, "100"), ("B", 5, "100")], "no segment brings much more than its share of customers."),
        ([("A", 5, "0"), ("B", 5, "0")], "Their revenue adds up to nothing, so there are no shares of it."),
        ([("A", 5, "10"), ("B", 5, "-130")], "Their revenue adds up to −£120, so shares of it would mean nothing."),
        ([("A", 5, "10")] * 13, "They form 13 segments"),
        ([("A", 9, "0"), ("B", 1, "300")], "1 customer, 10 %, brings 100 % of revenue: B."),
    ],
)
def test_the_answer_is_true_of_every_data_set(segments: list[tuple[str, int, str]], expected: str):
    assert expected in answer_of(segments)


def test_the_answer_says_what_came_back():
    segments = [("A", 8, "1000"), ("B", 2, "1000")]
    net = answer_of(segments, ["0", "100"])
    assert "10 customers spent £1,900: they bought for £2,000, and £100 of it came back." in net
    gross = answer_of(segments, ["0", "100"], figures="gross")
    assert "10 customers bought for £2,000. £100 of it came back; after returns £1,900 stayed." in gross


def test_those_who_returned_everything_are_told_apart():
    some = answer_of([RETURNED_EVERYTHING, ("A", 7, "700"), ("B", 1, "300")], ["50", "0", "0"], first=0)
    assert "2 of them returned everything that they bought (£50.00): Returned Everything." in some
    assert "The others form two segments" in some
    assert "1 customer, 10 %, brings 30 % of revenue: B." in some
    everyone = answer_of([RETURNED_EVERYTHING], ["50"], first=0)
    assert "All returned everything that they bought (£50.00)" in everyone
    assert "segments" not in everyone
    assert "Their revenue adds up to nothing" in everyone
    rest = answer_of([RETURNED_EVERYTHING, ("All Customers", 1, "30")], ["50", "0"], first=0)
    assert "The other customer is one segment. That customer brings all of the revenue." in rest


def test_the_answer_dates_the_sales_by_their_first_and_last_day():
    first, last = date(2010, 12, 1), date(2011, 12, 9)
    assert "spent £12.50 between 1 December 2010 and 9 December 2011;" in answer_of(
        [("A", 1, "12.50")], None, first, last
    )
    assert "spent £12.50 on 1 December 2010;" in answer_of([("A", 1, "12.50")], None, first, first)


@pytest.mark.parametrize(
    ("scheme", "segments", "is_explained"),
    [("levels", 4, True), ("levels", 1, False), ("rules", 4, False)],
)
def test_relative_names_are_explained_where_names_are_levels(scheme: str, segments: int, is_explained: bool):
    assert findings.relative_names(scheme, segments).startswith("High, Medium and Low") == is_explained


# ---- the segments ----


@pytest.mark.parametrize(
    ("orders", "expected"),
    [
        (1.0, "A typical customer spent £75.00 in one order, 9 days ago."),
        (1.5, "A typical customer spent £75.00 over 1 to 2 orders, the last 9 days ago."),
        (2.0, "A typical customer spent £75.00 over 2 orders, the last 9 days ago."),
        (0.0, "A typical customer bought for £75.00, and all of it came back."),
    ],
)
def test_a_typical_customer_is_described_in_whole_numbers(orders: float, expected: str):
    [profile] = profiles_of([("All", 20, "3000")])
    medians = {"median_net_orders": orders, "median_net_recency_days": 8.6}
    assert findings.typical_customer(profile | medians, config()) == expected


def test_a_segment_of_one_customer_is_described_in_the_singular():
    [profile] = profiles_of([("B", 1, "300")])
    assert findings.typical_customer(profile, config()) == "This customer spent £150 in one order, 1 day ago."
    assert findings.typical_figures(profile, config()) == "£150, 1 order, last 1 day ago"


def test_at_most_three_differences_are_listed_and_only_notable_ones():
    profile = {"median_total_spend": 100.0, "median_return_rate": 0.0, "median_recency_days": 10.5}
    of_all = {"median_total_spend": 50.0, "median_return_rate": 0.04, "median_recency_days": 10.0}
    assert findings.differences(profile, of_all, [name[7:] for name in profile], "£") == [
        "Share of spend returned: 0 %, below that of all customers (4 %)",
        "Total spend: £100, 2 times that of all customers (£50.00)",
    ]
    features = ("total_spend", "units_bought", "tenure_days", "recency_days")
    everything = {f"median_{feature}": 9.0 for feature in features}
    assert len(findings.differences(everything, dict.fromkeys(everything, 1.0), features, "£")) == 3


def test_a_difference_without_a_ratio_shows_its_two_figures():
    profile, of_all = {"median_total_spend": -2.5}, {"median_total_spend": 0.0}
    found = findings.differences(profile, of_all, ["total_spend", "tenure_days"], "£")
    assert found == ["Total spend: −£2.50, against £0 of all customers"]
    assert findings.differences(of_all, of_all, ["total_spend"], "£") == []


@pytest.mark.parametrize(
    ("jaccard", "words", "shown"),
    [
        (0.59, "not stable", "0.59"),
        (0.6, "a pattern", "0.60"),
        (0.7499, "a pattern", "0.74"),
        (0.75, "stable", "0.75"),
        (1.0, "very stable", "1.00"),
    ],
)
def test_stability_is_told_in_bands(jaccard: float, words: str, shown: str):
    told = findings.stability(jaccard)
    assert told.startswith(words)
    assert f"similarity {shown} of 1" in told
    assert findings.stability(None) == ""


# ---- the choice of k ----


def test_measures_agree_where_all_with_an_opinion_choose_the_same_k():
    votes = [*(findings.Vote(by, "", 3) for by in MEASURES[:2]), findings.Vote(MEASURES[2], "", None)]
    assert findings.agreement(votes, 3) == "All measures choose k = 3."
    assert findings.agreement(votes[1:], 3).startswith("The only measure")


def test_measures_that_choose_another_k_or_none_are_named():
    votes = [findings.Vote(by, "", 3) for by in MEASURES[:2]]
    expected = (
        "The methods disagree: the elbow would choose k = 3 and the silhouette would choose k = 3; k = 5 was chosen."
    )
    assert findings.agreement(votes, 5) == expected
    assert findings.agreement([findings.Vote("the elbow", "", None)], 1).startswith("No measure")


def test_the_carrier_brings_more_for_its_size_than_any_other_segment():
    assert findings.carrier(profiles_of(CLASSIC))["segment_name"] == "High Spend, Low Frequency"
