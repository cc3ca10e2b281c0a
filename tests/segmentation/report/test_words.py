"""The report's sentences are true of the figures they are made from."""

from collections.abc import Mapping
from datetime import date

import pytest

from segmentation.report import findings
from tests.segmentation.report.findings import CLASSIC, profiles_of

WAYS = ("the elbow", "the silhouette", "Davies–Bouldin", "Calinski–Harabasz")


@pytest.mark.parametrize(
    ("ways", "told"),
    [
        (1, "The one way that has an opinion agrees: k = 3."),
        (2, "Both ways agree: k = 3."),
        (3, "All three ways agree: k = 3."),
        (4, "All four ways agree: k = 3."),
    ],
)
def test_ways_that_agree_are_counted_as_people_count(ways: int, told: str):
    assert findings.agreement([findings.Vote(by, "", 3) for by in WAYS[:ways]], 3) == told


def test_ways_that_speak_for_another_k_or_for_none_are_told():
    votes = [findings.Vote(by, "", 3) for by in WAYS[:2]]
    assert "none of them speaks for k = 5" in findings.agreement(votes, 5)
    assert findings.agreement([findings.Vote("the elbow", "", None)], 1).startswith("No measure")


@pytest.mark.parametrize(
    ("orders", "told"),
    [
        (1.0, "1 order"),
        (1.5, "about 2 orders"),
        (2.5, "about 3 orders"),
        (3.5, "about 4 orders"),
        (0.5, "about 1 order"),
    ],
)
def test_a_median_between_two_numbers_is_rounded_up(orders: float, told: str):
    [profile] = profiles_of([("All", 20, "3000")])
    said = findings.in_plain_words(profile | {"median_purchase_frequency": orders}, date(2011, 12, 10), "£")
    assert f" in {told} and last ordered " in said


def test_differences_tell_at_most_three_and_nothing_that_is_alike():
    profile: Mapping[str, object] = {"mean_total_spend": 100.0, "mean_return_rate": 0.0, "mean_recency_days": 10.5}
    averages = {"total_spend": 50.0, "return_rate": 0.04, "recency_days": 10.0, "tenure_days": None}
    assert findings.differences(profile, averages, "£") == [
        "Share of spend returned: none (0 % against 4 %)",
        "Total spend: 2 times the average (£100 against £50.00)",
    ]


def test_without_a_ratio_a_difference_is_told_by_its_figures_and_not_called_alike():
    told = findings.differences({"mean_total_spend": -2.5, "mean_recency_days": 3.0}, {"total_spend": 0.0}, "£")
    assert told == ["Total spend: −£2.50 against £0 on average"]
    assert findings.differences({"mean_total_spend": 0.0}, {"total_spend": 0.0}, "£") == []


def test_the_classic_segments_carry_as_the_chart_says():
    assert findings.carrier(profiles_of(CLASSIC))["segment_name"] == "High Spend, Low Frequency"
