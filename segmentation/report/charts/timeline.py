"""Two charts of time: revenue and active customers by period, and days since the last purchase."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter

from segmentation import schemas as s
from segmentation.errors import counted
from segmentation.report.aggregates import DAYS_UP_TO, PERIOD_START, month_number
from segmentation.report.charts.bar_rows import FOOT, draw_rows, layout_of, write_names
from segmentation.report.charts.style import INK, by_id, fit, house_style, name_of, new_page, plain, width_of
from segmentation.report.text import MONTHS, Rows, compact, day, finite, percent

HEADING: Final = 0.35  # inches above the rows
PANEL: Final = 4.0  # inches
GAP: Final = 0.85
NOTABLE_RATIO: Final = 1.2  # of the best period to an average one, for a title

MEDIAN_RECENCY: Final = f"median_{s.RECENCY_DAYS}"
RECENCY_PANEL: Final = 6.2  # inches
MEDIANS: Final = 1.35  # inches right of it
ALIKE: Final = 1.5  # of the greatest median to the least; below, they are no finding


# ---- revenue and active customers by period ------------------------------------------------------------------------


@dataclass(frozen=True)
class Periods:
    """Periods of `months` months without a gap. `first` counts months since the year 0."""

    first: int
    number: int
    months: int

    @classmethod
    def covering(cls, starts: Sequence[date], months: int) -> "Periods":
        """Return the periods from the earliest start to the latest."""
        numbers = [month_number(start) for start in starts]
        return cls(min(numbers), (max(numbers) - min(numbers)) // months + 1, months)

    @property
    def noun(self) -> str:
        return {1: "month", 3: "quarter", 12: "year"}.get(self.months, "period")

    def position(self, start: date) -> int:
        return (month_number(start) - self.first) // self.months

    def start(self, position: int) -> date:
        year, month = divmod(self.first + position * self.months, 12)
        return date(year, month + 1, 1)

    def last_day(self, position: int) -> date:
        year, month = divmod(self.first + (position + 1) * self.months, 12)
        return date.max if year > date.max.year else date(year, month + 1, 1) - timedelta(days=1)

    def name(self, position: int) -> str:
        """November 2011, Q4 2011, 2011 or 1990–1999."""
        start = self.start(position)
        if self.months == 1:
            return f"{MONTHS[start.month - 1]} {start.year}"
        if self.months == 3:
            return f"Q{start.month // 3 + 1} {start.year}"
        return str(start.year) if self.months == 12 else f"{start.year}–{self.last_day(position).year}"

    def short_name(self, position: int) -> str:
        """Nov 2011, Q4 2011, 2011 or 1990."""
        first, *rest = self.name(position).split("–")[0].split(" ")
        return " ".join([first[:3], *rest]) if rest else first

    def unfinished(self, as_of: date) -> int | None:
        """Return the last period where it ends after the data, whose last day is before `as_of`."""
        last = self.number - 1
        return last if self.last_day(last) >= as_of else None


@house_style()
def months_chart(sales: Rows, profiles: Rows, as_of: date, months: int = 1, *, currency: str = "") -> Figure:
    """Draw revenue and active customers over time in two panels of bars.

    `sales`: period_start (first day of a period of this many `months`), segment_id, customers (who bought in it),
    revenue. `profiles`: segment_id, segment_name. The data end before `as_of`: where the last period does not, its
    bars are pale and the chart says so.
    """
    profiles, currency = by_id(profiles), plain(currency)
    periods = Periods.covering([row[PERIOD_START] for row in sales] or [as_of.replace(day=1)], months)
    revenue = {int(row[s.SEGMENT_ID]): [0.0] * periods.number for row in profiles}
    active = {int(row[s.SEGMENT_ID]): [0.0] * periods.number for row in profiles}
    for row in sales:
        position = periods.position(row[PERIOD_START])
        revenue[int(row[s.SEGMENT_ID])][position] += finite(row[s.REVENUE]) or 0.0
        active[int(row[s.SEGMENT_ID])][position] += int(row[s.CUSTOMERS])

    unfinished = periods.unfinished(as_of)
    by = f"period of {months // 12} years" if periods.noun == "period" else periods.noun
    explanation = (
        f"Purchases of the segmented customers by {by}. Each row has its own scale; the number is its highest bar's."
    )
    note = ""
    if unfinished is not None:
        last_day = day(as_of - timedelta(days=1))
        note = f"Pale: {periods.name(unfinished)} is not complete, the data end on {last_day}."
    title = months_title(
        periods,
        [sum(values) for values in zip(*revenue.values(), strict=True)],
        [int(sum(values)) for values in zip(*active.values(), strict=True)],
        periods.number if unfinished is None else unfinished,
        currency,
    )
    layout = layout_of(profiles)
    width = layout.left + 2 * PANEL + GAP + 0.6
    page = new_page(title, explanation, note, width=width, body=FOOT + layout.body + HEADING)
    write_names(page, profiles, layout)
    panels = (
        (layout.left, f"Revenue ({currency})" if currency else "Revenue", revenue, currency),
        (layout.left + PANEL + GAP, "Active customers", active, ""),
    )
    for left, heading, values, symbol in panels:
        page.write(left, FOOT + layout.body + 0.2, fit(heading, PANEL, weight="bold"), weight="bold")
        axes = page.axes(left, FOOT, PANEL, layout.body)
        draw_rows(axes, values, partial(_highest, symbol), layout, PANEL, pale=unfinished)
        _label_periods(axes, periods)
    return page.figure


def months_title(
    periods: Periods, revenue: Sequence[float], customers: Sequence[int], complete: int, currency: str = ""
) -> str:
    """Return the best period, and how it compares with the average of the first `complete` ones."""
    best = max(range(periods.number), key=lambda position: revenue[position])
    figures = f"{compact(revenue[best], currency)} of revenue from {counted(customers[best], 'customer')}"
    if periods.number == 1:
        return f"{periods.name(best)}: {figures}"
    title = f"{periods.name(best)} was the best {periods.noun}: {figures}"
    average = sum(revenue[:complete]) / max(complete, 1)
    if periods.number > 2 and average > 0 and revenue[best] >= NOTABLE_RATIO * average:
        title += f", {compact(revenue[best] / average)} times an average {periods.noun}"
    return title


def _highest(currency: str, values: Sequence[float]) -> str:
    return compact(max(values), currency)


def _label_periods(axes: Axes, periods: Periods) -> None:
    """Name as many periods as there is room for."""
    widest = max(width_of(periods.short_name(position)) for position in range(periods.number)) + 0.12
    step = math.ceil(widest * periods.number / PANEL)
    axes.xaxis.set_major_locator(FixedLocator(list(range(0, periods.number, step))))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda position, _: periods.short_name(int(position))))
    axes.tick_params(axis="x", length=0, pad=3)


# ---- days since the last purchase ----------------------------------------------------------------------------------


@house_style()
def recency_chart(bins: Rows, profiles: Rows, as_of: date, days: int) -> Figure:
    """Draw how many customers last bought how long before `as_of`.

    `bins`: days_up_to (of a bin of `days` days), segment_id, customers. `profiles`: segment_id, segment_name,
    median_recency_days.
    """
    profiles = by_id(profiles)
    ends = [int(row[DAYS_UP_TO]) for row in bins] or [days]
    start, number = min(ends) - days, (max(ends) - min(ends)) // days + 1
    customers = {int(row[s.SEGMENT_ID]): [0.0] * number for row in profiles}
    for row in bins:
        customers[int(row[s.SEGMENT_ID])][(int(row[DAYS_UP_TO]) - start) // days - 1] += int(row[s.CUSTOMERS])

    explanation = (
        f"Customers by days from their last purchase to {day(as_of)}, in bars of {_days(days)}. Each row has its own "
        "scale; the number is its highest bar's share of the customers, dashed the median."
    )
    layout = layout_of(profiles)
    right = layout.left + RECENCY_PANEL + MEDIANS
    body = FOOT + layout.body + HEADING
    page = new_page(recency_title(profiles), explanation, "", width=right + 0.75, body=body)
    write_names(page, profiles, layout)
    axes = page.axes(layout.left, FOOT, RECENCY_PANEL, layout.body)
    draw_rows(axes, customers, _largest_share, layout, RECENCY_PANEL)

    widest = max(width_of(f"{end:,}") for end in ends) + 0.2
    step = math.ceil(widest * number / RECENCY_PANEL)
    axes.xaxis.set_major_locator(FixedLocator([edge - 0.5 for edge in range(0, number + 1, step)]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda edge, _: f"{start + round(edge + 0.5) * days:,}"))
    axes.set_xlabel("Days since the last purchase")

    page.write(right, FOOT + layout.body + 0.2, "Median", weight="bold", ha="right")
    for position, row in enumerate(profiles, layout.number - len(profiles)):
        median = finite(row.get(MEDIAN_RECENCY))
        text = "–" if median is None else _days(median)
        page.write(right, layout.level(position), text, ha="right")
        if median is not None:
            across = (median - start) / days - 0.5
            foot = layout.body - (position + 1) * layout.height
            axes.plot([across] * 2, [foot, foot + layout.bars], color=INK, lw=1.2, ls=(0, (3, 2)), zorder=6)
    return page.figure


def recency_title(profiles: Rows) -> str:
    """Return the segments whose typical last purchase is the most and the least recent."""
    medians = [(median, row) for row in by_id(profiles) if (median := finite(row.get(MEDIAN_RECENCY))) is not None]
    if not medians:
        return "When the customers of each segment last bought"
    least, latest = min(medians, key=lambda item: item[0])
    most, earliest = max(medians, key=lambda item: item[0])
    if len(medians) == 1:
        return f"Half of the customers bought in the last {_days(least)}"
    if most < ALIKE * max(least, 1.0):
        return f"The segments are alike in when they last bought: half within some {_days(most)}"
    return (
        f"{name_of(latest, 4.5)}: half bought in the last {_days(least)}; "
        f"{name_of(earliest, 4.5)}: in the last {compact(most)}"
    )


def _days(number: float) -> str:
    return f"{compact(number)} {'day' if number == 1 else 'days'}"


def _largest_share(values: Sequence[float]) -> str:
    return percent(max(values) / sum(values)) if sum(values) else ""
