"""The charts of time leave no period out, mark the unfinished one, and are true to money, counts and medians."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import pytest
from matplotlib.colors import to_hex

from segmentation.report.charts.timeline import months_chart, recency_chart
from segmentation.report.marks import segment_mark
from segmentation.report.timeline import Periods, months_title, recency_title
from tests.segmentation.report.charts.samples import (
    AS_OF,
    CLASSIC,
    LONG,
    MONTHS,
    Row,
    assert_texts_apart,
    bins_of,
    many_profiles,
    profiles_of,
    sales_of,
    words_of,
)


def sale(start: str, segment_id: int, customers: int, revenue: str) -> Row:
    return {
        "period_start": date.fromisoformat(start),
        "segment_id": segment_id,
        "customers": customers,
        "revenue": Decimal(revenue),
    }


def with_medians(profiles: list[Row], *medians: float | None) -> list[Row]:
    return [row | {"median_recency_days": median} for row, median in zip(profiles, medians, strict=True)]


# ---- revenue and active customers by period


def test_the_title_names_the_best_month_of_all_segments_together() -> None:
    sales = [sale("2011-01-01", 1, 5, "100"), sale("2011-02-01", 1, 9, "200"), sale("2011-02-01", 2, 1, "150.50")]
    sales.append(sale("2011-04-01", 1, 2, "3000"))

    def title(number: int, as_of: date) -> object:
        return months_chart(sales[:number], profiles_of(CLASSIC[:2]), as_of, currency="£").get_label()

    assert title(1, date(2011, 2, 1)) == "January 2011: £100 of revenue from 5 customers"
    assert title(3, date(2011, 3, 1)) == "February 2011 was the best month: £350 of revenue from 10 customers"
    best = "April 2011 was the best month: £3k of revenue from 2 customers, 3.5 times an average month"
    assert title(4, date(2011, 5, 1)) == best


def test_an_average_is_of_the_complete_months() -> None:
    periods = Periods.covering([date(2011, 1, 1), date(2011, 3, 1)], 1)
    title = months_title(periods, [100.0, 300.0, 0.0], [1, 1, 0], complete=2)
    assert title == "February 2011 was the best month: 300 of revenue from 1 customer, 1.5 times an average month"


def test_months_without_sales_stay_empty_and_bars_are_true() -> None:
    sales = [sale("2011-01-01", 1, 5, "100"), sale("2011-04-01", 1, 10, "50")]
    revenue, customers = months_chart(sales, profiles_of(CLASSIC[:1]), date(2011, 5, 1)).axes
    bars = {round(bar.get_x() + bar.get_width() / 2): bar.get_height() for bar in revenue.patches}  # type: ignore[attr-defined]
    assert sorted(bars) == [0, 3]
    assert bars[0] == pytest.approx(2 * bars[3])
    assert revenue.get_xlim() == customers.get_xlim() == (-0.5, 3.5)


@pytest.mark.parametrize(("as_of", "pale"), [("2011-12-31", True), ("2012-01-01", False)])
def test_an_unfinished_last_month_is_pale_and_said_to_be(as_of: str, pale: bool) -> None:
    day = date.fromisoformat(as_of)
    figure = months_chart(sales_of(profiles_of(CLASSIC), MONTHS), profiles_of(CLASSIC), day)
    note = "Pale: December 2011 is not complete, the data end on 30 December 2011."
    assert (note in words_of(figure)) == pale
    assert len({bar.get_facecolor()[3] for bar in figure.axes[0].patches}) == (2 if pale else 1)


@pytest.mark.parametrize(
    ("months", "starts", "names"),
    [
        (1, ["2010-12-01", "2011-01-01"], ["December 2010", "January 2011"]),
        (3, ["2010-10-01", "2011-04-01"], ["Q4 2010", "Q1 2011", "Q2 2011"]),
        (12, ["1999-01-01", "2001-01-01"], ["1999", "2000", "2001"]),
        (24, ["1998-01-01", "2000-01-01"], ["1998–1999", "2000–2001"]),
        (120, ["9990-01-01"], ["9990–9999"]),
    ],
)
def test_periods_have_the_names_people_use(months: int, starts: Sequence[str], names: Sequence[str]) -> None:
    periods = Periods.covering([date.fromisoformat(start) for start in starts], months)
    assert [periods.name(position) for position in range(periods.number)] == names


@pytest.mark.parametrize(
    ("segments", "starts", "months"),
    [
        (1, MONTHS[:1], 1),
        (12, [date(2007 + n // 12, n % 12 + 1, 1) for n in range(60)], 1),
        (2, [date(1997 + n // 4, n % 4 * 3 + 1, 1) for n in range(60)], 3),
        (2, [date(1952 + n, 1, 1) for n in range(60)], 12),
        (50, [date(1 + 170 * n, 1, 1) for n in range(10)], 12 * 170),
    ],
)
def test_texts_stay_apart_over_any_time(segments: int, starts: list[date], months: int) -> None:
    profiles = many_profiles(segments, LONG)
    assert_texts_apart(months_chart(sales_of(profiles, starts), profiles, AS_OF, months, currency="CHF"))


def test_refunds_hang_below_their_base() -> None:
    sales = [sale("2011-01-01", 1, 5, "-100"), sale("2011-02-01", 1, 5, "100"), sale("2011-02-01", 2, 5, "-1")]
    figure = months_chart(sales, profiles_of(CLASSIC[:2]), date(2011, 3, 1))
    low, high = figure.axes[0].get_ylim()
    for bar in figure.axes[0].patches:
        assert low <= bar.get_y() + min(bar.get_height(), 0)  # type: ignore[attr-defined]
        assert bar.get_y() + max(bar.get_height(), 0) <= high  # type: ignore[attr-defined]
    assert_texts_apart(figure)


# ---- days since the last order


@pytest.mark.parametrize(
    ("medians", "title"),
    [
        ((2.0, 57.0), "Low: half bought in the last 2 days; High: in the last 57"),
        ((240.0, 1.0), "High: half bought in the last 1 day; Low: in the last 240"),
        ((50.0, 60.0), "The segments are alike in when they last bought: half within some 60 days"),
        ((None, 31.5), "Half of the customers bought in the last 32 days"),
        ((None, None), "When the customers of each segment last bought"),
    ],
)
def test_the_title_names_the_most_and_the_least_recent(medians: tuple[float | None, ...], title: str) -> None:
    profiles = with_medians(profiles_of([("Low", 5, "10", 1), ("High", 5, "100", 1)]), *medians)
    assert recency_title(profiles) == title
    assert_texts_apart(recency_chart(bins_of(profiles), profiles, AS_OF, 10))


def test_recency_bars_are_true_to_the_counts_and_show_their_share() -> None:
    profiles = with_medians(profiles_of(CLASSIC[:2]), 57.0, 8.0)
    bins = [
        {"days_up_to": 10, "segment_id": 1, "customers": 30},
        {"days_up_to": 40, "segment_id": 1, "customers": 10},
        {"days_up_to": 10, "segment_id": 2, "customers": 7},
    ]
    figure = recency_chart(bins, profiles, AS_OF, 10)
    (axes,) = figure.axes
    first, second = (bar for bar in axes.patches if to_hex(bar.get_facecolor()) == segment_mark(1).colour.lower())
    assert first.get_height() == pytest.approx(3 * second.get_height())  # type: ignore[attr-defined]
    assert second.get_x() - first.get_x() == pytest.approx(3)  # type: ignore[attr-defined]
    assert {"75 %", "100 %", "79 %", "57 days", "8 days", "0", "40"} <= words_of(figure)


def test_the_recency_axis_starts_where_the_customers_do() -> None:
    profiles = with_medians(profiles_of(CLASSIC[:1]), 3005.0)
    bins = [{"days_up_to": days, "segment_id": 1, "customers": 4} for days in (3010, 3050)]
    words = words_of(recency_chart(bins, profiles, AS_OF, 10))
    assert "3,000" in words
    assert "0" not in words


@pytest.mark.parametrize(("segments", "days"), [(1, 1), (12, 18_980), (50, 10)])
def test_texts_stay_apart_over_any_recency(segments: int, days: int) -> None:
    profiles = many_profiles(segments, LONG)
    assert_texts_apart(recency_chart(bins_of(profiles, days), profiles, AS_OF, days))


def test_no_sale_and_no_customer_at_all_are_no_error() -> None:
    profiles = with_medians(profiles_of(CLASSIC[:2]), None, None)
    assert_texts_apart(months_chart([], profiles, AS_OF))
    assert_texts_apart(recency_chart([], profiles, AS_OF, 10))
