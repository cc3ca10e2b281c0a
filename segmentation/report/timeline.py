"""What the charts of time show, on the page and as pictures: periods of sales, and days since the last order."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, NamedTuple

from segmentation import schemas as s
from segmentation.errors import counted
from segmentation.report.aggregates import DAYS_UP_TO, PERIOD_START, month_number
from segmentation.report.findings import name_of
from segmentation.report.text import MONTHS, Rows, compact, day, finite, percent, whole

NOTABLE_RATIO: Final = 1.2  # of the best period to an average one, for a title
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


class Months(NamedTuple):
    """Revenue and active customers of each segment, by id, in every period; and the chart's texts."""

    periods: Periods
    unfinished: int | None
    revenue: dict[int, list[float]]
    active: dict[int, list[float]]
    title: str
    explanation: str
    note: str


def months_of(sales: Rows, profiles: Rows, as_of: date, months: int, currency: str = "") -> Months:
    """Return what the chart of periods shows.

    `sales`: period_start (first day of a period of this many `months`), segment_id, customers (who bought in it),
    revenue. The data end before `as_of`: where the last period does not, it is unfinished, and the note says so.
    """
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
    return Months(periods, unfinished, revenue, active, title, explanation, note)


def months_title(
    periods: Periods, revenue: Sequence[float], customers: Sequence[int], complete: int, currency: str = ""
) -> str:
    """Return the best period, and how it compares with the average of the first `complete` ones."""
    best = max(range(periods.number), key=lambda position: revenue[position])
    if revenue[best] <= 0:
        return f"No revenue stayed in any {periods.noun}"
    figures = f"{compact(revenue[best], currency)} of revenue from {counted(customers[best], 'customer')}"
    if periods.number == 1:
        return f"{periods.name(best)}: {figures}"
    if revenue.count(revenue[best]) > 1:
        return f"No {periods.noun} was better than {periods.name(best)}, and another as good: {figures}"
    title = f"{periods.name(best)} was the best {periods.noun}: {figures}"
    average = sum(revenue[:complete]) / max(complete, 1)
    if periods.number > 2 and average > 0 and revenue[best] >= NOTABLE_RATIO * average:
        title += f", {compact(revenue[best] / average)} times an average {periods.noun}"
    return title


# ---- days since the last order -------------------------------------------------------------------------------------


class Recency(NamedTuple):
    """How many customers of each segment, by id, last ordered how long ago: `number` bins after `start` days."""

    start: int
    number: int
    ends: list[int]
    customers: dict[int, list[float]]
    title: str
    explanation: str


def recency_of(bins: Rows, profiles: Rows, as_of: date, days: int, recency: str) -> Recency:
    """Return what the chart of days since the last order shows.

    `bins`: days_up_to (of a bin of `days` days), segment_id, customers; `recency` is the feature that counts.
    """
    ends = [int(row[DAYS_UP_TO]) for row in bins] or [days]
    start, number = min(ends) - days, (max(ends) - min(ends)) // days + 1
    customers = {int(row[s.SEGMENT_ID]): [0.0] * number for row in profiles}
    for row in bins:
        customers[int(row[s.SEGMENT_ID])][(int(row[DAYS_UP_TO]) - start) // days - 1] += int(row[s.CUSTOMERS])
    explanation = (
        f"Customers by days from their last order to {day(as_of)}, in bars of {days_in_words(days)}. Each row has its "
        "own scale."
    )
    return Recency(start, number, ends, customers, recency_title(profiles, recency), explanation)


def recency_title(profiles: Rows, recency: str = s.RECENCY_DAYS) -> str:
    """Return the segments whose typical last purchase is the most and the least recent."""
    medians = [(median, row) for row in profiles if (median := finite(row.get(f"median_{recency}"))) is not None]
    if not medians:
        return "When the customers of each segment last bought"
    least, latest = min(medians, key=lambda item: item[0])
    most, earliest = max(medians, key=lambda item: item[0])
    if len(medians) == 1:
        return f"Half of the customers bought in the last {days_in_words(least)}"
    if most < ALIKE * max(least, 1.0):
        return f"The segments are alike in when they last bought: half within some {days_in_words(most)}"
    sooner = f"{name_of(latest)}: half bought in the last {days_in_words(least)}"
    return f"{sooner}; {name_of(earliest)}: in the last {whole(most)}"


def days_in_words(number: float) -> str:
    """Write a number of days as a whole one."""
    return f"{whole(number)} {'day' if whole(number) == '1' else 'days'}"


def largest_share(values: Sequence[float]) -> str:
    """Return the share of the highest bar; empty where there are none."""
    return percent(max(values) / sum(values)) if sum(values) else ""
