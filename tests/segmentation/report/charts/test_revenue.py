"""The revenue charts say how few bring how much, of many, of few, and of none who pay."""

from collections.abc import Sequence
from decimal import Decimal

import pytest

from segmentation.report.charts.revenue import (
    concentration_chart,
    concentration_title,
    gini,
    pareto_chart,
    pareto_title,
    top_customers,
)
from segmentation.report.text import percent
from tests.segmentation.report.charts.samples import assert_texts_apart, pareto_of, points_of, words_of

COUNTRIES = ("country", "countries")
PRODUCTS = ("product", "products")


@pytest.mark.parametrize(
    ("revenue", "class_a", "title"),
    [
        ([84.6, 2.7, 2.7, 10.0], None, "One country brings 85 % of revenue: Item 1"),
        ([70.0, 17.0, 8.0, 5.0], 2, "Two countries bring 87 % of revenue"),
        ([5.0] * 20, None, "16 countries bring 80 % of revenue"),
        ([40.0, 30.0, 30.0], None, "Revenue is spread: none of three countries brings more than 40 %"),
        ([10.0], None, "All revenue comes from one country: Item 1"),
        ([0.0, 0.0], None, "No revenue in total from 2 countries"),
        ([], None, "No country has any revenue"),
    ],
)
def test_the_pareto_title_says_how_few_bring_how_much(
    revenue: Sequence[float], class_a: int | None, title: str
) -> None:
    figure = pareto_chart(pareto_of(revenue), "label", COUNTRIES, len(revenue), class_a_count=class_a)
    assert figure.get_label() == title
    assert_texts_apart(figure)


@pytest.mark.parametrize(
    ("of", "class_a", "title"),
    [
        (1000, 82, "One product in twelve (82 of 1,000) brings 80 % of revenue"),
        (1000, None, "The 20 largest of 1,000 products bring 20 % of revenue"),
    ],
)
def test_beyond_the_rows_shown_the_title_uses_the_size_of_class_a(of: int, class_a: int | None, title: str) -> None:
    assert pareto_title(pareto_of([1.0] * 20, total=100.0), "label", PRODUCTS, of, class_a) == title


def test_the_pareto_chart_says_what_it_leaves_out_and_how_classes_are_cut() -> None:
    words = words_of(pareto_chart(pareto_of([85.0] * 19 + [15.0], total=5000.0), "label", PRODUCTS, 1000))
    assert "The 20 largest of 1,000 products, by revenue; the rest brings 67 % of revenue." in words
    note = "Guests' sales are included. A: the products that together make the first 80 % of revenue, at least one"
    assert any(words.startswith(note) for words in words)


def test_bars_are_true_to_the_money_next_to_a_giant_and_below_zero() -> None:
    revenue = [9_000_000.0, 285_000.0, 0.0, -40_000.0]
    figure = pareto_chart(pareto_of(revenue), "label", COUNTRIES, 4, currency="£")
    bars, curve = figure.axes
    assert [bar.get_width() for bar in bars.patches] == revenue  # type: ignore[attr-defined]
    assert {"£9M", "£285k", "£0", "−£40k", "80 %", "95 %"} <= words_of(figure)
    low, high = curve.get_xlim()
    assert low <= 0
    assert high >= (revenue[0] + revenue[1]) / sum(revenue)
    assert_texts_apart(figure)


def test_the_concentration_title_says_what_the_top_tenth_bring() -> None:
    points = points_of([1] * 90 + [14] * 10)
    figure = concentration_chart(points, currency="£")
    assert figure.get_label() == concentration_title(points) == "The top 10 % of customers bring 61 % of revenue"
    assert any("100 customers, £230 of revenue without guests' sales." in words for words in words_of(figure))
    assert {"top 10 %: 61 %", "10 customers", "one customer: 6.1 %"} <= words_of(figure)


@pytest.mark.parametrize(
    ("spends", "title"),
    [
        ([7] * 1000, "Revenue is spread evenly: the top 10 % of customers bring 10 % of revenue"),
        ([1, 9], "One of 2 customers brings 90 % of revenue"),
        ([2, 2], "Revenue is spread evenly: one of 2 customers brings 50 % of revenue"),
        ([5], "One customer brings all of the revenue"),
        ([0, 0, 0], "No revenue in total from 3 customers"),
        ([-5, 2], "No revenue in total from 2 customers"),
        ([], "No revenue in total from 0 customers"),
    ],
)
def test_few_even_and_unpaying_customers_have_titles_too(spends: list[int], title: str) -> None:
    figure = concentration_chart(points_of(spends))
    assert figure.get_label() == title
    assert_texts_apart(figure)


def test_top_shares_are_exact_at_the_points() -> None:
    tops = top_customers(points_of(range(1, 4339)))
    assert [(top.customers, percent(top.share)) for top in tops] == [(43, "1.0 %"), (433, "10 %"), (867, "20 %")]
    total = 4338 * 4339 / 2
    assert tops[1].revenue_share == pytest.approx(sum(range(4338 - 432, 4339)) / total, abs=1e-12)


def test_the_gini_coefficient_of_known_distributions() -> None:
    assert gini(3, Decimal(15), Decimal(5 * 6)) == 0
    assert gini(4, Decimal(8), Decimal(4 * 8)) == 0.75, "(n - 1) / n where one of n spends everything"
    assert gini(2, Decimal(0), Decimal(0)) is None


@pytest.mark.parametrize("spends", [[1] * 999 + [10**9], list(range(1, 300)), [-50, *range(1, 400)], [0] * 500 + [3]])
def test_the_curve_runs_from_nothing_to_all_and_labels_stay_on_the_page(spends: list[int]) -> None:
    figure = concentration_chart(points_of(spends), currency="CHF")
    across, up = figure.axes[0].lines[1].get_data()
    assert (across[0], up[0]) == (0, 0)
    assert (across[-1], up[-1]) == (1, 1)
    low, high = figure.axes[0].get_ylim()
    assert all(low <= y <= high for y in up)
    assert_texts_apart(figure)
