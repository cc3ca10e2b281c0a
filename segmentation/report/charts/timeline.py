"""Numbers along a common axis in, one row of small bars for each segment out: for time and for distributions."""
# TODO-DOC charts.months: Revenue and active customers by period and segment in, the chart of how they went
# over time out.
# TODO-DOC charts.recency: Customers by segment and days since their last purchase in, the chart of how these
# are distributed out.

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter

from segmentation.report.charts.style import (
    FAINT,
    INK,
    QUIET,
    Page,
    by_id,
    fit,
    house_style,
    name_of,
    new_page,
    plain,
    segment_gid,
    width_of,
    write_segment,
)
from segmentation.report.marks import segment_mark
from segmentation.report.text import Rows, compact, count, finite, percent

EVERYONE: Final = "All customers"
NAMES: Final = 3.4  # inches of a segment's name, at most
LABEL: Final = 0.22  # inches over a bar for its number
FOOT: Final = 0.62  # inches under a panel for its axis


class BarRow(NamedTuple):
    """The bars of a segment, or of all customers where it is None, and the text over the highest of them."""

    segment_id: int | None
    values: Sequence[float]
    peak: str


class RowRoom(NamedTuple):
    """Where the rows stand: their number, the height of one, and the left edge of what is right of the names."""

    number: int
    height: float
    left: float

    @property
    def bars(self) -> float:
        """The height of a row's highest bar in inches."""
        return self.height - LABEL - 0.08

    @property
    def body(self) -> float:
        """The height of all rows in inches."""
        return self.number * self.height


def rows_for(profiles: Rows) -> RowRoom:
    """Room for a row for all customers, unless there is one segment only, and one for each segment."""
    number = len(profiles) + (len(profiles) > 1)
    names = [width_of(name_of(row, NAMES), weight="bold") for row in profiles]
    left = 0.35 + max([*names, width_of(EVERYONE, weight="bold")]) + 0.25
    return RowRoom(number, 0.8 if number <= 7 else 0.65 if number <= 13 else 0.5, left)


def write_names(page: Page, profiles: Rows, rows: RowRoom) -> None:
    """The rows' names at the left, level with the bars."""
    level = FOOT + rows.body - rows.height + (rows.height - LABEL) / 2
    if rows.number > len(profiles):
        page.write(0.35, level, EVERYONE, weight="bold")
        level -= rows.height
    for row in profiles:
        write_segment(page, level, row, NAMES)
        level -= rows.height


def draw_rows(axes: Axes, bars: Sequence[BarRow], rows: RowRoom, inches: float, pale: Sequence[int] = ()) -> None:
    """Bars 0, 1, 2 … of every row, each row to its own scale; axes are `inches` wide, and as high as the rows.

    The bars at the places `pale` are drawn lighter. Bars below zero hang from the row's base.
    """
    number = max((len(row.values) for row in bars), default=1)
    axes.set_xlim(-0.5, number - 0.5)
    axes.set_ylim(0, rows.body)
    axes.set_yticks([])
    axes.spines[["left", "bottom"]].set_visible(False)
    for position, row in enumerate(bars):
        high, low = max([0.0, *row.values]), min([0.0, *row.values])
        scale = rows.bars / (high - low) if high > low else 0.0
        base = rows.body - (position + 1) * rows.height - low * scale
        colour = QUIET if row.segment_id is None else segment_mark(row.segment_id).colour
        gid = None if row.segment_id is None else segment_gid(row.segment_id)
        for place, value in enumerate(row.values):
            if value:
                alpha = 0.4 if place in pale else 1.0
                axes.bar(place, value * scale, 0.84, bottom=base, color=colour, alpha=alpha, lw=0, zorder=3, gid=gid)
        axes.plot([-0.5, number - 0.5], [base, base], color=QUIET, lw=0.8, zorder=4)
        if high > 0:
            place = max(range(len(row.values)), key=lambda n: row.values[n])
            _label_peak(axes, row.peak, place, base + high * scale, number / inches, gid)


def _label_peak(axes: Axes, text: str, place: int, top: float, per_inch: float, gid: str | None) -> None:
    """The text over a bar, moved sideways as far as it would else leave the axes."""
    half = width_of(text) / 2 * per_inch
    low, high = axes.get_xlim()
    middle = min(max(place, low + half), high - half)
    axes.text(middle, top + 0.03, text, ha="center", va="bottom", color=INK, zorder=5, gid=gid)


def mark_places(axes: Axes, places: Sequence[float]) -> None:
    """Faint lines across all rows, as at the turn of a year."""
    for place in places:
        axes.axvline(place, color=FAINT, lw=0.8, zorder=1)


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


@house_style()
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


RECENCY_PANEL: Final = 6.2  # inches
FIGURES: Final = 1.35  # inches right of it
ALIKE: Final = 1.5  # times; medians that are closer are no finding


def _days(number: float) -> str:
    return f"{compact(number)} day{'' if number == 1 else 's'}"


def recency_title(profiles: Rows) -> str:
    """The segments whose typical last purchase is the most and the least recent."""
    medians = [
        (median, row) for row in by_id(profiles) if (median := finite(row.get("median_recency_days"))) is not None
    ]
    if not medians:
        return "When the customers of each segment last bought"
    latest, earliest = min(medians, key=lambda item: item[0]), max(medians, key=lambda item: item[0])
    if len(medians) == 1:
        return f"Half of the customers bought in the last {_days(latest[0])}"
    if earliest[0] < ALIKE * max(latest[0], 1.0):
        return f"The segments are alike in when they last bought: half within some {_days(earliest[0])}"
    return (
        f"{name_of(latest[1], 4.5)}: half bought in the last {_days(latest[0])}; "
        f"{name_of(earliest[1], 4.5)}: in the last {compact(earliest[0])}"
    )


@house_style()
def recency_chart(bins: Rows, profiles: Rows, as_of: date, days: int) -> Figure:
    """A row of bars for all customers and for each segment: how many last bought how long before `as_of`.

    `bins`: days_up_to (of a bin of `days` days), segment_id, customers. `profiles`: segment_id, segment_name,
    median_recency_days.
    """
    profiles = by_id(profiles)
    rows = rows_for(profiles)
    ends = [int(row["days_up_to"]) for row in bins] or [days]
    first, number = min(ends), (max(ends) - min(ends)) // days + 1
    counts: dict[int, list[float]] = {int(row["segment_id"]): [0.0] * number for row in profiles}
    for row in bins:
        counts[int(row["segment_id"])][(int(row["days_up_to"]) - first) // days] += int(row["customers"])
    of_all = [sum(values) for values in zip(*counts.values(), strict=True)]

    explanation = (
        f"Customers by days from their last purchase to {as_of.day} {as_of:%B} {as_of.year}, in bars of {_days(days)}. "
        "Each row has its own scale; the number is its highest bar's share of the customers, dashed the median."
    )
    body = rows.body + FOOT + 0.35
    page = new_page(
        recency_title(profiles), explanation, "", width=rows.left + RECENCY_PANEL + FIGURES + 0.75, body=body
    )
    write_names(page, profiles, rows)
    axes = page.axes(rows.left, FOOT, RECENCY_PANEL, rows.body)
    bars = [BarRow(None, of_all, _peak(of_all))] * (len(profiles) > 1)
    bars += [BarRow(id_, values, _peak(values)) for id_, values in counts.items()]
    draw_rows(axes, bars, rows, RECENCY_PANEL)
    widest = max(width_of(count(end)) for end in ends) + 0.2
    step = max(1, -(-int(1000 * widest * number / RECENCY_PANEL) // 1000))
    edges = range(0, number + 1, step)
    axes.xaxis.set_major_locator(FixedLocator([edge - 0.5 for edge in edges]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda edge, _: count(first - days + round(edge + 0.5) * days)))
    axes.set_xlabel("Days since the last purchase")
    right = rows.left + RECENCY_PANEL + FIGURES
    page.write(right, FOOT + rows.body + 0.2, "Median", weight="bold", ha="right")
    level = FOOT + rows.body - rows.height * (rows.number - len(profiles) + 1) + (rows.height - LABEL) / 2
    for row in profiles:
        median = finite(row.get("median_recency_days"))
        text = "–" if median is None else _days(median)
        page.write(right, level, text, ha="right", gid=segment_gid(int(row["segment_id"])))
        if median is not None:
            place = (median - first + days) / days - 0.5
            foot = level - FOOT - (rows.height - LABEL) / 2
            axes.plot([place] * 2, [foot, foot + rows.bars], color=INK, lw=1.2, ls=(0, (3, 2)), zorder=6)
        level -= rows.height
    return page.figure


def _peak(values: list[float]) -> str:
    return percent(max(values) / sum(values)) if sum(values) else ""
