"""Revenue and active customers by period and segment in, the chart of how they went over time out."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter

from segmentation.charts.bar_rows import FOOT, BarRow, draw_rows, mark_places, rows_for, write_names
from segmentation.charts.marks import by_id
from segmentation.charts.numbers import Rows, compact, count, finite
from segmentation.charts.style import fit, in_house_style, new_page, plain, width_of

PANEL: Final = 4.0  # inches
GAP: Final = 0.45


class Periods:
    """The periods of equal length from the first to the last that has sales, those without any included."""

    def __init__(self, starts: Sequence[date], months: int) -> None:
        self.months = months
        numbers = [start.year * 12 + start.month - 1 for start in starts]
        self._first = min(numbers)
        self.number = (max(numbers) - self._first) // months + 1

    def start(self, place: int) -> date:
        year, month = divmod(self._first + place * self.months, 12)
        return date(year, month + 1, 1)

    def place(self, start: date) -> int:
        return (start.year * 12 + start.month - 1 - self._first) // self.months

    def last_day(self, place: int) -> date:
        year, month = divmod(self._first + (place + 1) * self.months, 12)
        return date.max if year > date.max.year else date(year, month + 1, 1) - timedelta(days=1)

    @property
    def noun(self) -> str:
        return {1: "month", 3: "quarter", 12: "year"}.get(self.months, "period")

    def name(self, place: int) -> str:
        """November 2011, Q4 2011, 2011 or 1990–1999."""
        start, end = self.start(place), self.last_day(place)
        if self.months == 1:
            return f"{start:%B} {start.year}"
        if self.months == 3:
            return f"Q{start.month // 3 + 1} {start.year}"
        return str(start.year) if self.months == 12 else f"{start.year}–{end.year}"

    def short(self, place: int) -> str:
        start = self.start(place)
        if self.months == 1:
            return f"{start:%b}"
        return f"Q{start.month // 3 + 1}" if self.months == 3 else str(start.year)


def incomplete(periods: Periods, as_of: date) -> bool:
    """Whether the last period goes on after the data, which end the day before `as_of`."""
    return periods.last_day(periods.number - 1) >= as_of


def months_title(
    periods: Periods, revenue: Sequence[float], customers: Sequence[int], complete: int, currency: str = ""
) -> str:
    """The best period, and how it stands against the average of the first `complete` ones."""
    best = max(range(periods.number), key=lambda place: revenue[place])
    money, who = compact(revenue[best], currency), _customers(customers[best])
    if periods.number == 1:
        return f"{periods.name(best)}: {money} of revenue from {who}"
    average = sum(revenue[:complete]) / max(complete, 1)
    title = f"{periods.name(best)} was the best {periods.noun}: {money} of revenue from {who}"
    if periods.number > 2 and average > 0 and revenue[best] >= 1.2 * average:
        title += f", {compact(revenue[best] / average)} times an average {periods.noun}"
    return title


def _customers(number: int) -> str:
    return f"{count(number)} customer{'' if number == 1 else 's'}"


@in_house_style
def months_chart(sales: Rows, profiles: Rows, as_of: date, months: int = 1, *, currency: str = "") -> Figure:
    """Two panels of bars over time, revenue and active customers, with a row for all customers and one per segment.

    `sales`: period_start (first day of a period of so many `months`), segment_id, customers (who bought in it),
    revenue. `profiles`: segment_id, segment_name. The data end before `as_of`: where the last period does not, its
    bars are pale and the chart says so.
    """
    profiles, currency = by_id(profiles), plain(currency)
    periods = Periods([row["period_start"] for row in sales] or [as_of.replace(day=1)], months)
    revenue: dict[int, list[float]] = {int(row["segment_id"]): [0.0] * periods.number for row in profiles}
    active: dict[int, list[float]] = {int(row["segment_id"]): [0.0] * periods.number for row in profiles}
    for row in sales:
        place = periods.place(row["period_start"])
        revenue[int(row["segment_id"])][place] += finite(row["revenue"]) or 0.0
        active[int(row["segment_id"])][place] += int(row["customers"])
    revenue_of_all = [sum(values) for values in zip(*revenue.values(), strict=True)]
    active_of_all = [sum(values) for values in zip(*active.values(), strict=True)]

    rows = rows_for(profiles)
    cut_short = incomplete(periods, as_of)
    explanation = f"Purchases of the segmented customers by {periods.noun}"
    explanation += f" of {months // 12} years" * (periods.noun == "period")
    explanation += ". Each row has its own scale; the number is its highest bar's."
    last = as_of - timedelta(days=1)
    note = (
        f"Pale: {periods.name(periods.number - 1)} is not complete, the data end on {last.day} {last:%B} {last.year}."
    )
    title = months_title(
        periods, revenue_of_all, [int(value) for value in active_of_all], periods.number - cut_short, currency
    )
    body = rows.body + FOOT + 0.35
    width = rows.left + 2 * PANEL + GAP + 0.6
    page = new_page(title, explanation, note * cut_short, width=width, body=body)
    write_names(page, profiles, rows)
    unit = f" ({currency})" if currency else ""
    for number, (head, of_all, by_segment, symbol) in enumerate(
        [
            (f"Revenue{unit}", revenue_of_all, revenue, currency),
            ("Active customers", active_of_all, active, ""),
        ]
    ):
        left = rows.left + number * (PANEL + GAP)
        page.write(left, FOOT + rows.body + 0.2, fit(head, PANEL, weight="bold"), weight="bold")
        axes = page.axes(left, FOOT, PANEL, rows.body)
        bars = [BarRow(None, of_all, compact(max(of_all), symbol))] * (len(profiles) > 1)
        bars += [BarRow(id_, values, compact(max(values), symbol)) for id_, values in by_segment.items()]
        draw_rows(axes, bars, rows, PANEL, pale=[periods.number - 1] * cut_short)
        turns = [place for place in range(1, periods.number) if months < 12 and periods.start(place).month == 1]
        mark_places(axes, [place - 0.5 for place in turns])
        _label_periods(axes, periods, [0, *turns])
    return page.figure


def _label_periods(axes: Axes, periods: Periods, year_starts: Sequence[int]) -> None:
    """As many periods by name as there is room for; under them, where they are parts of years, the year."""
    per_inch = periods.number / PANEL
    widest = max(width_of(periods.short(place)) for place in range(periods.number)) + 0.12
    step = max(1, -(-int(1000 * widest * per_inch) // 1000))
    axes.xaxis.set_major_locator(FixedLocator(list(range(0, periods.number, step))))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda place, _: periods.short(int(place))))
    axes.tick_params(axis="x", length=0, pad=3)
    if periods.months >= 12:
        return
    room = (width_of("0000") + 0.1) * per_inch
    free_from = -1.0
    if len(year_starts) > 1 and year_starts[1] < room:  # the second year tells more than the end of the first
        year_starts = year_starts[1:]
    for place in year_starts:
        left = min(place - 0.5, periods.number - 0.5 - room)
        if left >= free_from:
            year = str(periods.start(place).year)
            axes.annotate(year, (left, 0), (0, -26), textcoords="offset points", ha="left", va="center")
            free_from = left + room
