"""The report's sentences are true of the figures they are made from."""

import doctest
from collections.abc import Mapping
from datetime import date

import pytest

from segmentation.report import findings
from tests.segmentation.report.sample_report import (
    CLASSIC,
    config,
    profiles_of,
    sweep_of,
)

MEASURES = ("the elbow", "the silhouette", "Davies–Bouldin", "Calinski–Harabasz")


def test_every_example_in_a_docstring_holds():
    result = doctest.testmod(findings)
    assert result.attempted > 0
    assert result.failed == 0


# ---- the answer ----


def answer_of(segments: list[tuple[str, int, str]], first: date | None = None, last: date | None = None) -> str:
    features = ["total_spend", "purchase_frequency"]
    return " ".join(findings.answer(profiles_of(segments), features, first, last, "£"))


@pytest.mark.parametrize(
    ("segments", "expected"),
    [
        (
            [("All Customers", 1, "12.50")],
            "1 customer spent £12.50. That customer is one segment. No other customer brings revenue.",
        ),
        ([("All Customers", 20, "3000")], "They are one segment by total spend and number of orders. On average each"),
        ([("A", 9, "100"), ("B", 1, "300")], "1 customer, 10 %, brings 75 % of revenue: B."),
        ([("A", 5, "100"), ("B", 5, "100")], "orders; the largest holds 5 of them (50 %). Revenue"),
        ([("A", 5, "100"), ("B", 5, "100")], "no segment brings much more than its share of customers."),
        ([("A", 5, "0"), ("B", 5, "0")], "Their revenue adds up to nothing, so there are no shares of it."),
        ([("A", 5, "10"), ("B", 5, "-130")], "Their revenue adds up to −£120, so shares of it would mean nothing."),
        ([("A", 5, "10")] * 13, "They form 13 segments"),
    ],
)
def test_the_answer_is_true_of_every_data_set(segments: list[tuple[str, int, str]], expected: str):
    assert expected in answer_of(segments)


def test_the_answer_dates_the_sales_by_their_first_and_last_day():
    first, last = date(2010, 12, 1), date(2011, 12, 9)
    assert "spent £12.50 between 1 December 2010 and 9 December 2011." in answer_of([("A", 1, "12.50")], first, last)
    assert "spent £12.50 on 1 December 2010." in answer_of([("A", 1, "12.50")], first, first)


@pytest.mark.parametrize(
    ("file", "segments", "is_explained"),
    [
        ("online_retail.yaml", CLASSIC, True),
        ("online_retail.yaml", [("All Customers", 20, "3000")], False),
        ("online_retail_rfm.yaml", [("Champions", 5, "100"), ("Lost", 5, "10")], False),
    ],
)
def test_relative_names_are_explained_where_names_are_levels(
    file: str, segments: list[tuple[str, int, str]], is_explained: bool
):
    explanation = findings.relative_names(config(file=file).naming.scheme, len(segments))
    assert explanation.startswith("High, Medium and Low in a name are relative") == is_explained
    assert bool(explanation) == is_explained


# ---- the segments ----


@pytest.mark.parametrize(
    ("orders", "expected"),
    [
        (1.0, "1 order"),
        (1.5, "about 2 orders"),
    ],
)
def test_a_median_between_two_whole_numbers_is_rounded_up(orders: float, expected: str):
    [profile] = profiles_of([("All", 20, "3000")])
    sentence = findings.typical_customer(profile | {"median_purchase_frequency": orders}, date(2011, 12, 10), "£")
    assert f" in {expected} and last ordered " in sentence


def test_a_segment_of_one_customer_is_described_in_the_singular():
    [profile] = profiles_of([("B", 1, "300")])
    sentence = findings.typical_customer(profile, date(2011, 12, 10), "£")
    assert sentence.startswith("One customer, who spent £150 in 1 order 1 day before 10 December 2011.")


def test_at_most_three_differences_are_listed_and_only_notable_ones():
    profile: Mapping[str, object] = {"mean_total_spend": 100.0, "mean_return_rate": 0.0, "mean_recency_days": 10.5}
    averages = {"total_spend": 50.0, "return_rate": 0.04, "recency_days": 10.0, "tenure_days": None}
    assert findings.differences(profile, averages, "£") == [
        "Share of spend returned: none (0 % against 4 %)",
        "Total spend: 2 times the average (£100 against £50.00)",
    ]
    everything = {f"mean_{feature}": 9.0 for feature in ("total_spend", "units_bought", "tenure_days", "recency_days")}
    assert len(findings.differences(everything, dict.fromkeys([name[5:] for name in everything], 1.0), "£")) == 3


def test_a_difference_without_a_ratio_shows_its_two_figures():
    profile = {"mean_total_spend": -2.5, "mean_recency_days": 3.0}
    assert findings.differences(profile, {"total_spend": 0.0}, "£") == ["Total spend: −£2.50 against £0 on average"]
    assert findings.differences({"mean_total_spend": 0.0}, {"total_spend": 0.0}, "£") == []


# ---- the choice of k ----


def test_measures_agree_where_all_with_an_opinion_choose_the_same_k():
    votes = [*(findings.Vote(by, "", 3) for by in MEASURES[:2]), findings.Vote(MEASURES[2], "", None)]
    assert findings.agreement(votes, 3) == "All ways that have an opinion agree: k = 3."


def test_measures_that_choose_another_k_or_none_are_named():
    votes = [findings.Vote(by, "", 3) for by in MEASURES[:2]]
    expected = "The ways do not agree on k = 5: the elbow would take k = 3 and the silhouette would take k = 3."
    assert expected in findings.agreement(votes, 5)
    assert findings.agreement([findings.Vote("the elbow", "", None)], 1).startswith("No measure")


@pytest.mark.parametrize(
    ("silhouette", "expected"),
    [
        (0.2, "no substantial structure has been found"),
        (0.4, "the structure is weak and could be artificial"),
        (0.6, "a reasonable structure has been found"),
        (0.9, "a strong structure has been found"),
    ],
)
def test_the_silhouette_is_judged_by_its_band(silhouette: float, expected: str):
    assert expected in findings.structure(profiles_of(CLASSIC), sweep_of([silhouette] * 9, 4), 4)[0]


def test_a_high_silhouette_over_one_huge_segment_comes_with_a_warning():
    sweep = sweep_of([0.9] * 9, 4)
    [_, warning] = findings.structure(profiles_of(CLASSIC), sweep, 4)
    assert warning.startswith("That is not by itself good news: Low Spend, Low Frequency holds 94 % of the customers")
    assert len(findings.structure(profiles_of([("A", 5, "10"), ("B", 5, "90")]), sweep, 2)) == 1


@pytest.mark.parametrize("left", [0.0, 1e-15])
def test_no_silhouette_is_judged_where_customers_of_a_segment_are_identical(left: float):
    sweep = [row | {"wssse": left if row["k"] >= 4 else 9.0} for row in sweep_of([0.9] * 9, 4)]
    [sentence] = findings.structure(profiles_of(CLASSIC), sweep, 4)
    assert sentence.startswith("At k = 4 the customers of each segment are all alike in what was clustered")
    assert "structure" not in sentence
