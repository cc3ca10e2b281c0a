"""Sales over time: no period is missing, the unfinished one is marked, and every length of time has its names."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import pytest

from segmentation.report.charts.timeline import Periods, months_chart, months_title
from tests.segmentation.report.charts.test_charts import (
    AS_OF,
    CLASSIC,
    LONG,
    MONTHS,
    Row,
    assert_texts_apart,
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


def test_the_title_names_the_best_month_of_all_segments_together() -> None:
    sales = [sale("2011-01-01", 1, 5, "100"), sale("2011-02-01", 1, 9, "200"), sale("2011-02-01", 2, 1, "150.50")]
    sales.append(sale("2011-04-01", 1, 2, "3000"))
    figure = months_chart(sales[:3], profiles_of(CLASSIC[:2]), date(2011, 3, 1), currency="£")
    assert figure.get_label() == "February 2011 was the best month: £350 of revenue from 10 customers"
    longer = months_chart(sales, profiles_of(CLASSIC[:2]), date(2011, 5, 1), currency="£")
    assert longer.get_label() == (
        "April 2011 was the best month: £3k of revenue from 2 customers, 3.5 times an average month"
    )
    one = months_chart(sales[:1], profiles_of(CLASSIC[:2]), date(2011, 2, 1), currency="£")
    assert one.get_label() == "January 2011: £100 of revenue from 5 customers"


def test_an_average_is_of_the_complete_months() -> None:
    periods = Periods.covering([date(2011, 1, 1), date(2011, 3, 1)], 1)
    title = months_title(periods, [100.0, 300.0, 0.0], [1, 1, 0], complete=2)
    assert title == "February 2011 was the best month: 300 of revenue from 1 customer, 1.5 times an average month"


def test_months_without_sales_are_empty_places_and_bars_are_true() -> None:
    sales = [sale("2011-01-01", 1, 5, "100"), sale("2011-04-01", 1, 10, "50")]
    revenue, customers = months_chart(sales, profiles_of(CLASSIC[:1]), date(2011, 5, 1)).axes
    bars = {round(bar.get_x() + bar.get_width() / 2): bar.get_height() for bar in revenue.patches}  # type: ignore[attr-defined]
    assert sorted(bars) == [0, 3]
    assert bars[0] == pytest.approx(2 * bars[3])
    assert revenue.get_xlim() == customers.get_xlim() == (-0.5, 3.5)


@pytest.mark.parametrize(
    ("as_of", "pale"), [("2011-12-10", True), ("2011-12-31", True), ("2012-01-01", False), ("2013-05-05", False)]
)
def test_an_unfinished_last_month_is_pale_and_said_to_be(as_of: str, pale: bool) -> None:
    day = date.fromisoformat(as_of)
    assert (Periods.covering(MONTHS, 1).unfinished(day) is not None) == pale
    figure = months_chart(sales_of(profiles_of(CLASSIC), MONTHS), profiles_of(CLASSIC), day)
    assert any("December 2011 is not complete" in words for words in words_of(figure)) == pale
    shades = {bar.get_alpha() for bar in figure.axes[0].patches}
    assert len(shades) == (2 if pale else 1)


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
    assert [periods.name(place) for place in range(periods.number)] == names


@pytest.mark.parametrize("segments", [1, 2, 12, 50])
@pytest.mark.parametrize(
    ("starts", "months"),
    [
        (MONTHS[:1], 1),
        (MONTHS, 1),
        ([date(2007 + n // 12, n % 12 + 1, 1) for n in range(60)], 1),
        ([date(1997 + n // 4, n % 4 * 3 + 1, 1) for n in range(60)], 3),
        ([date(1952 + n, 1, 1) for n in range(60)], 12),
        ([date(1 + 170 * n, 1, 1) for n in range(10)], 12 * 170),
    ],
)
def test_texts_stay_apart_over_any_time(segments: int, starts: list[date], months: int) -> None:
    profiles = many_profiles(segments, LONG)
    assert_texts_apart(months_chart(sales_of(profiles, starts), profiles, AS_OF, months, currency="CHF"))


def test_refunds_hang_below_their_base_and_no_sale_at_all_is_no_error() -> None:
    profiles = profiles_of(CLASSIC[:2])
    sales = [sale("2011-01-01", 1, 5, "-100"), sale("2011-02-01", 1, 5, "100"), sale("2011-02-01", 2, 5, "-1")]
    figure = months_chart(sales, profiles, date(2011, 3, 1))
    low, high = figure.axes[0].get_ylim()
    for bar in figure.axes[0].patches:
        assert low <= bar.get_y() + min(bar.get_height(), 0)  # type: ignore[attr-defined]
        assert bar.get_y() + max(bar.get_height(), 0) <= high  # type: ignore[attr-defined]
    assert_texts_apart(figure)
    assert_texts_apart(months_chart([], profiles, AS_OF))
