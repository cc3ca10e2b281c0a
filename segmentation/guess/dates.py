"""Guess from some values of a column how its dates are written. Plain Python.

A guess is judged by the calendar, by the days when a shop may have sold, and by how far apart and in which order they
are: a shop does not sell on the twelfth of every month alone, nor in 1941.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from segmentation.errors import counted
from segmentation.guess.date_formats import (
    DAY_FIRST,
    EXCEL,
    ISO,
    KNOWN,
    MONTH_FIRST,
    NUMBER,
    SEPARATORS,
    DateFormat,
    plain_date,
)
from segmentation.ingest.dates import EARLIEST_SALE

# The order if the numbers do not show it: 12/1/2010 is mostly American, 1-12-2010 and 1.12.2010 are mostly not.
USUAL_ORDER = dict(zip(SEPARATORS, (MONTH_FIRST, DAY_FIRST, DAY_FIRST), strict=True))
# A column with more formats than this is no column of dates.
MOST_FORMATS = 3
# The search ends after this many values in no known format.
MOST_UNREADABLE = 200
# The first characters of a format's name are day and month with the separator on both sides of the second.
DAY_AND_MONTH = 4
TWO_NUMBERS = re.compile(rf"(?P<first>{NUMBER})(?P<between>[/.-])(?P<second>{NUMBER})(?P=between)", re.ASCII)
# Days of fewer values may be near by chance. So much farther apart are dates that are read wrongly.
FEWEST_DAYS = 4
FARTHER_APART = 4
# From line to line, lines sorted by date go through all of the time once; read wrongly, much of it once a month.
SORTED = 1.5
UNSORTED = 2


@dataclass(frozen=True)
class Order:
    """The order of day and month for dates with one separator, and the other order.

    `supporting` are the values that fit the order alone, `contrary` those that fit the other alone and are not read.
    Where there are none, `evidence` is what else decides, in words.
    """

    order: str
    other: str
    supporting: Sequence[str]
    contrary: Sequence[str]
    evidence: str = ""

    @property
    def is_shown(self) -> bool:
        """Whether the values show the order, so that it is not just the usual one."""
        return bool(self.supporting or self.evidence)


@dataclass(frozen=True)
class DateGuess:
    """The formats that read the values, in the order to try them, and the reason in words.

    `swapped` is the format with day and month swapped, if the values do not show their order. `doubt` is what is odd
    about the dates, in words. `share_read` is the share of the different values that the formats read, `unread` one
    that they do not.
    """

    formats: tuple[str, ...]
    reason: str
    swapped: str | None = None
    doubt: str = ""
    share_read: float = 1.0
    unread: str = ""

    @property
    def alternative(self) -> list[str]:
        """The formats with day and month swapped in all that begin like the one behind `swapped`."""
        start = _swap(self.swapped or "")[:DAY_AND_MONTH]
        return [_swap(name) if name[:DAY_AND_MONTH] == start else name for name in self.formats]


def guess_dates(values: Sequence[str]) -> DateGuess | None:
    """Return the fewest known formats that read all values, or as many as possible; None if no value is a date.

    >>> guess_dates(["2010-12-01 08:26:00", "2010-12-02"]).formats
    ('iso',)
    >>> guess_dates(["1/12/2010 8:26", "13/12/2010 9:00"]).formats
    ('iso', 'd/M/yyyy[ H:mm[:ss]]')
    >>> guess_dates(["1.12.2010", "2.12.2010"]).swapped
    'M.d.yyyy[ H:mm[:ss]]'
    >>> guess_dates(["14944", "14945"]).formats, guess_dates(["40513", "40514"]).formats
    (('iso', 'epoch_days'), ('iso', 'excel'))
    """
    distinct = [value for value in dict.fromkeys(plain_date(value) for value in values) if value]
    orders = {separator: _order(separator, distinct) for separator in USUAL_ORDER}
    # All dates with one separator are read in one order, or one format would read another's dates wrongly.
    known = [
        date_format
        for date_format in KNOWN
        if not date_format.order or date_format.order == orders[date_format.separator].order
    ]
    contrary = {value for order in orders.values() for value in order.contrary}
    chosen, unread = _fewest_formats([value for value in distinct if value not in contrary], known)
    if not chosen:
        return None
    reasons = [
        _reason(orders[date_format.separator], date_format.separator)
        if date_format.order
        else f"{counted(len(days), 'different value')} written so"
        for date_format, days in chosen.items()
    ]
    unread += sorted(contrary)
    problems = [_mixed_orders(order) for order in orders.values() if order.contrary]
    if unread:
        of_all = counted(len(distinct), "different value")
        problems.append(f"{len(unread):,} of {of_all} not read so, which makes their lines malformed")
    names = [date_format.name for date_format in chosen]
    unsure = [used.name for used in chosen if used.order and not orders[used.separator].is_shown]
    return DateGuess(
        # iso comes first: dates of workbooks and databases are read by it, and no other format is mistaken for it.
        formats=(
            ISO,
            *[name for name in names if name not in (ISO, EXCEL)],
            *[name for name in names if name == EXCEL],
        ),
        reason="; ".join([*dict.fromkeys(reasons), *problems]),
        swapped=_swap(unsure[-1]) if unsure else None,
        doubt=_doubt([day for days in chosen.values() for day in days]),
        share_read=1 - len(unread) / len(distinct),
        unread=unread[0] if unread else "",
    )


def orders_shown(values: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return by separator the order of day and month that some values of a column show, and one of these values.

    >>> orders_shown(["1/12/2010", "13/12/2010", "1.2.2010"])
    {'/': ('the day first', '13/12/2010')}
    """
    distinct = [value for value in dict.fromkeys(plain_date(value) for value in values) if value]
    orders = {separator: _order(separator, distinct) for separator in USUAL_ORDER}
    return {
        separator: (order.order, next(iter(order.supporting), distinct[0]))
        for separator, order in orders.items()
        if order.is_shown
    }


def _fewest_formats(
    values: Sequence[str], known: Sequence[DateFormat]
) -> tuple[dict[DateFormat, list[date]], list[str]]:
    """Choose formats until all values are read: return the days that each reads, and the values that none reads."""
    chosen: dict[DateFormat, list[date]] = {}
    unreadable: list[str] = []
    left = list(values)
    while left and len(chosen) < MOST_FORMATS and len(unreadable) < MOST_UNREADABLE:
        read = {
            date_format: dates
            for date_format in known
            if date_format.reads(left[0])
            and (dates := {value: day for value in left if (day := date_format.date_of(value)) is not None})
        }
        if not read:
            unreadable.append(left.pop(0))
            continue
        best = _best({date_format: list(dates.values()) for date_format, dates in read.items()})
        chosen[best] = list(read[best].values())
        left = [value for value in left if value not in read[best]]
    return chosen, [*unreadable, *left]


def _best(read: dict[DateFormat, list[date]]) -> DateFormat:
    """Return the format of most plausible days; of equals the first, unless another's are much nearer together."""
    scores = {date_format: (_plausible(days), len(days)) for date_format, days in read.items()}
    equals = [date_format for date_format in read if scores[date_format] == max(scores.values())]
    best = equals[0]
    for other in equals[1:]:
        if _is_nearer(read[other], read[best]):
            best = other
    return best


def _plausible(days: Sequence[date]) -> int:
    """Return how many are days when a shop may have sold; tomorrow may be today east of Greenwich."""
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    return sum(EARLIEST_SALE <= day <= tomorrow for day in days)


def _is_nearer(days: Sequence[date], others: Sequence[date]) -> bool:
    return len(days) >= FEWEST_DAYS and FARTHER_APART * _span(days) < _span(others)


def _span(days: Sequence[date]) -> int:
    return (max(days) - min(days)).days


def _doubt(days: Sequence[date]) -> str:
    odd = [day for day in days if not _plausible([day])]
    if not odd:
        return ""
    return f"{len(odd):,} of {counted(len(days), 'different value')} before 1990 or in the future, such as {odd[0]}"


def _order(separator: str, values: Sequence[str]) -> Order:
    """Return the order that most values with a separator show, in whatever format; the usual one if equally many."""
    showing: dict[str, list[str]] = {MONTH_FIRST: [], DAY_FIRST: []}
    written = [value for value in values if (pair := TWO_NUMBERS.match(value)) and pair["between"] == separator]
    for value in written:
        numbers = TWO_NUMBERS.match(value)
        if numbers and max(int(numbers["first"]), int(numbers["second"])) > 12:
            order = DAY_FIRST if int(numbers["first"]) > 12 else MONTH_FIRST
            if _day_of(value, order, separator):
                showing[order].append(value)
    order = max(showing, key=lambda order: (len(showing[order]), order == USUAL_ORDER[separator]))
    other = next(name for name in showing if name != order)
    if not showing[order]:
        days = {name: [_day_of(value, name, separator) for value in written] for name in (order, other)}
        known = {name: [day for day in of_order if day] for name, of_order in days.items()}
        for name, opposite in ((order, other), (other, order)):
            if known[name] and (evidence := _evidence(known[name], known[opposite])):
                return Order(name, opposite, (), (), evidence)
    return Order(order, other, showing[order], showing[other])


def _day_of(value: str, order: str, separator: str) -> date | None:
    formats = (known for known in KNOWN if (known.order, known.separator) == (order, separator))
    return next((day for known in formats if (day := known.date_of(value)) is not None), None)


def _evidence(days: Sequence[date], others: Sequence[date]) -> str:
    """Return in words why the first reading of dates is right and the other one wrong; empty where nothing says so."""
    plausible, of_others = _plausible(days), _plausible(others)
    if plausible != of_others:
        missed = counted(len(others) - of_others, "value")
        return f"read otherwise {missed} would be before 1990 or in the future" if plausible > of_others else ""
    if len({*days}) < FEWEST_DAYS or not others:
        return ""
    if _is_nearer(days, others):
        return f"so all lie within {counted(_span(days) + 1, 'day')}, and otherwise within {_span(others) + 1:,}"
    passes = _passes(days)
    if passes <= SORTED and _passes(others) >= UNSORTED * passes and not _is_nearer(others, days):
        return "so the lines are in the order of time, and otherwise they are not"
    return ""


def _passes(days: Sequence[date]) -> float:
    """Return how many times, from each date to the next, the time from the first to the last is gone through."""
    return sum(abs((after - before).days) for before, after in pairwise(days)) / max(1, _span(days))


def _reason(order: Order, separator: str) -> str:
    """Return why the order of day and month in the dates with a separator is assumed."""
    if order.supporting:
        return f"{order.order}: {counted(len(order.supporting), 'different value')} with a number beyond 12 as the day"
    if order.evidence:
        return f"{order.order}: {order.evidence}"
    return f"{order.order}, as is usual with {separator!r}: no number beyond 12 distinguishes day and month"


def _mixed_orders(order: Order) -> str:
    first, other = order.supporting, order.contrary
    likes_first, likes_other = counted(len(first), "different value"), counted(len(other), "different value")
    return (
        f"two orders are mixed: {first[0]!r} has {order.order} ({likes_first} like it), {other[0]!r} {order.other} "
        f"({likes_other}). All are read with {order.order}: the latter are malformed, and which dates without a number "
        "beyond 12 are read wrongly cannot be seen. Let the export write one order"
    )


def _swap(name: str) -> str:
    """Return the name of the format that differs only in the order of day and month, which begin it."""
    return name[2::-1] + name[3:]
