"""The concentration chart says how few bring how much, exactly, of many customers, of few and of none who pay."""

from decimal import Decimal

import pytest

from segmentation.report.charts.revenue import concentration_chart, concentration_title, gini, top_customers
from tests.segmentation.report.charts.test_charts import assert_texts_apart, points_of, words_of


def test_the_title_tells_what_the_top_tenth_bring() -> None:
    points = points_of([1] * 90 + [14] * 10)
    assert concentration_title(points) == "The top 10 % of customers bring 61 % of revenue"
    figure = concentration_chart(points, currency="£")
    assert figure.get_label() == concentration_title(points)
    assert any("100 customers, £230 of revenue without guests' sales." in words for words in words_of(figure))
    assert {"top 10 %: 61 %", "10 customers", "top 1 %: 6.1 %".replace("top 1 %", "one customer")} <= words_of(figure)


@pytest.mark.parametrize(
    ("spends", "title"),
    [
        ([7] * 1000, "Revenue is spread evenly: the top 10 % of customers bring 10 % of revenue"),
        ([1, 9], "One of 2 customers brings 90 % of revenue"),
        ([2, 2], "Revenue is spread evenly: one of 2 customers brings 50 % of revenue"),
        ([1] * 11 + [39], "One of 12 customers brings 78 % of revenue"),
        ([5], "One customer brings all of the revenue"),
        ([0, 0, 0], "There is no revenue to share among 3 customers"),
        ([0], "There is no revenue to share among 1 customer"),
        ([-5, 2], "There is no revenue to share among 2 customers"),
        ([], "There is no revenue to share among 0 customers"),
    ],
)
def test_few_even_and_unpaying_customers_have_titles_too(spends: list[int], title: str) -> None:
    points = points_of(spends)
    assert concentration_title(points) == title
    assert_texts_apart(concentration_chart(points))


def test_top_shares_are_exact_at_the_points() -> None:
    tops = top_customers(points_of(range(1, 4339)))
    assert [(top.customers, top.share_text) for top in tops] == [(43, "1 %"), (433, "10 %"), (867, "20 %")]
    total = 4338 * 4339 / 2
    assert tops[1].revenue_share == pytest.approx(sum(range(4338 - 432, 4339)) / total, abs=1e-12)


def test_the_gini_coefficient_of_known_distributions() -> None:
    assert gini(3, Decimal(15), Decimal(5 * 6)) == 0
    assert gini(4, Decimal(8), Decimal(4 * 8)) == 0.75, "(n - 1) / n where one of n spends everything"
    assert gini(2, Decimal(0), Decimal(0)) is None


@pytest.mark.parametrize(
    "spends",
    [
        [1] * 999 + [10**9],
        list(range(1, 300)),
        [100] * 5000,
        [-50, *range(1, 400)],
        [0] * 500 + [3] * 20,
    ],
)
def test_the_curve_runs_from_nothing_to_all_and_no_label_leaves_the_page(spends: list[int]) -> None:
    figure = concentration_chart(points_of(spends), currency="CHF")
    across, up = figure.axes[0].lines[1].get_data()
    assert (across[0], up[0]) == (0, 0)
    assert (across[-1], up[-1]) == (1, 1)
    assert len(across) <= 201
    low, high = figure.axes[0].get_ylim()
    assert all(low <= y <= high for y in up)
    assert_texts_apart(figure)
