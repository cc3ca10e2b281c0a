"""Guess from some values of a column how its dates are written. Plain Python.

The known formats are those that `cleaning.date_formats` may name. A regular expression and the calendar decide whether
a value is written in one. Spark reads the same: a test compares the two.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import product

from segmentation.errors import counted

ISO, EXCEL = "iso", "excel"
MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july"),
    *("august", "september", "october", "november", "december"),
)
# The order of two numbers, as a person says it.
MONTH_FIRST, DAY_FIRST = "the month first", "the day first"
# The order if the numbers do not show it: 12/1/2010 is mostly American, 1-12-2010 and 1.12.2010 are mostly not.
USUAL_ORDER = {"/": MONTH_FIRST, "-": DAY_FIRST, ".": DAY_FIRST}
# A column with more formats than this is no column of dates.
MOST_FORMATS = 3
# The search ends after this many values in no known format.
MOST_UNREADABLE = 200
# The first characters of a format's name are day and month with the separator on both sides of the second.
DAY_AND_MONTH = 4
NUMBER = r"\d{1,2}"
HOUR, HOUR_OF_12, SIXTIETH = r"(?:[01]?\d|2[0-3])", r"(?:0?[1-9]|1[0-2])", r"[0-5]?\d"
TWO_NUMBERS = re.compile(rf"(?P<first>{NUMBER})(?P<between>[/.-])(?P<second>{NUMBER})(?P=between)", re.ASCII)


@dataclass(frozen=True)
class DateFormat:
    """A date format: its name in the configuration and its shape.

    Where day and month are two numbers that could be swapped, also their order and the separator between them.
    """

    name: str
    shape: re.Pattern[str]
    order: str = ""
    separator: str = ""

    def reads(self, value: str) -> bool:
        """Return whether the value is a date of the calendar in this format."""
        match = self.shape.fullmatch(value)
        if not match:
            return False
        parts = match.groupdict()
        if "year" not in parts:
            return True
        month = parts["month"]
        number = int(month) if month.isdecimal() else 1 + [name[: len(month)] for name in MONTHS].index(month.lower())
        year = int(parts["year"]) + (2000 if len(parts["year"]) == 2 else 0)
        try:
            date(year, number, int(parts["day"]))
        except ValueError:
            return False
        return True


@dataclass(frozen=True)
class Order:
    """The order of day and month for dates with one separator, and the other order.

    `supporting` are the values that fit the order alone, `contrary` those that fit the other alone and are not read.
    """

    order: str
    other: str
    supporting: Sequence[str]
    contrary: Sequence[str]


@dataclass(frozen=True)
class DateGuess:
    """The formats that read the values, in the order to try them, and the reason in words.

    `swapped` is the format with day and month swapped, if the values do not show their order.
    """

    formats: tuple[str, ...]
    reason: str
    swapped: str | None = None

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
    """
    distinct = [value for value in dict.fromkeys(value.strip() for value in values) if value]
    orders = {separator: _order(separator, distinct) for separator in USUAL_ORDER}
    # All dates with one separator are read in one order, or one format would read another's dates wrongly.
    known = [
        date_format
        for date_format in KNOWN
        if not date_format.order or date_format.order == orders[date_format.separator].order
    ]
    contrary = {value for order in orders.values() for value in order.contrary}
    left = [value for value in distinct if value not in contrary]
    chosen: list[DateFormat] = []
    reasons: list[str] = []
    unreadable = 0
    swapped: str | None = None
    while left and len(chosen) < MOST_FORMATS and unreadable < MOST_UNREADABLE:
        read = {
            date_format: [value for value in left if date_format.reads(value)]
            for date_format in known
            if date_format.reads(left[0])
        }
        if not read:
            unreadable += 1
            left.pop(0)
            continue
        best = max(read, key=lambda date_format: len(read[date_format]))
        if best.order:
            order = orders[best.separator]
            reasons.append(_reason(order, best.separator))
            swapped = swapped if order.supporting else _swap(best.name)
        else:
            reasons.append(f"{counted(len(read[best]), 'different value')} written so")
        left = [value for value in left if not best.reads(value)]
        chosen.append(best)
    if not chosen:
        return None
    problems = [_mixed_orders(order) for order in orders.values() if order.contrary]
    not_read = unreadable + len(left) + len(contrary)
    if not_read:
        of_all = counted(len(distinct), "different value")
        problems.append(f"{not_read:,} of {of_all} not read so, which makes their lines malformed")
    names = [date_format.name for date_format in chosen]
    # iso comes first: dates of workbooks and databases are read by it, and no other format is mistaken for it.
    formats = [ISO, *[name for name in names if name not in (ISO, EXCEL)], *[name for name in names if name == EXCEL]]
    return DateGuess(tuple(formats), "; ".join([*dict.fromkeys(reasons), *problems]), swapped)


def _order(separator: str, values: Sequence[str]) -> Order:
    """Return the order that most values with a separator show, in whatever format; the usual one if equally many."""
    showing: dict[str, list[str]] = {MONTH_FIRST: [], DAY_FIRST: []}
    for value in values:
        numbers = TWO_NUMBERS.match(value)
        if numbers and numbers["between"] == separator and max(int(numbers["first"]), int(numbers["second"])) > 12:
            order = DAY_FIRST if int(numbers["first"]) > 12 else MONTH_FIRST
            formats = (
                date_format for date_format in KNOWN if (date_format.order, date_format.separator) == (order, separator)
            )
            if any(date_format.reads(value) for date_format in formats):
                showing[order].append(value)
    order = max(showing, key=lambda order: (len(showing[order]), order == USUAL_ORDER[separator]))
    other = next(name for name in showing if name != order)
    return Order(order, other, showing[order], showing[other])


def _reason(order: Order, separator: str) -> str:
    """Return why the order of day and month in the dates with a separator is assumed."""
    if order.supporting:
        return f"{order.order}: {counted(len(order.supporting), 'different value')} with a number beyond 12 as the day"
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


def _formats() -> Iterator[DateFormat]:
    zone = r"(?:Z|[+-]\d{2}:?\d{2})"
    yield DateFormat(
        ISO,
        re.compile(
            rf"(?P<year>\d{{4}})-(?P<month>{NUMBER})-(?P<day>{NUMBER})"
            rf"(?:[ T]{HOUR}(?::{SIXTIETH}(?::{SIXTIETH}(?:\.\d{{1,9}})?"
            rf"(?: (?={zone}))?)?)?{zone}?)?",
            re.ASCII,
        ),
    )
    months = {"M": rf"(?P<month>{NUMBER})", "MM": r"(?P<month>\d{2})"}
    months |= {"MMM": f"(?P<month>{'|'.join(name[:3] for name in MONTHS)})", "MMMM": f"(?P<month>{'|'.join(MONTHS)})"}
    days = {"d": rf"(?P<day>{NUMBER})", "dd": r"(?P<day>\d{2})"}
    years = {"yyyy": r"(?P<year>\d{4})", "yy": r"(?P<year>\d{2})"}
    shapes = {**months, **days, **years}
    for written, order, separator in _dates():
        pattern = "".join(shapes.get(part, re.escape(part)) for part in re.findall(r"y+|M+|d+|[^yMd]+", written))
        for time, time_shape in _times():
            yield DateFormat(
                written + time, re.compile(pattern + time_shape, re.IGNORECASE | re.ASCII), order, separator
            )
    yield DateFormat(EXCEL, re.compile(r"[1-9]\d{4}(\.\d+)?", re.ASCII))


def _dates() -> Iterator[tuple[str, str, str]]:
    """Yield date formats, each with the order of its day and month and their separator if they could be swapped."""
    for year, separator in product(("yyyy", "yy"), USUAL_ORDER):
        yield separator.join(("M", "d", year)), MONTH_FIRST, separator
        yield separator.join(("d", "M", year)), DAY_FIRST, separator
    yield from ((written, "", "") for written in ("yyyy/M/d", "yyyy.M.d", "yyyyMMdd"))
    for month, year, separator in product(("MMM", "MMMM"), ("yyyy", "yy"), (" ", "-", "/")):
        yield separator.join(("d", month, year)), "", ""
    for month, comma in product(("MMM", "MMMM"), (", ", " ")):
        yield f"{month} d{comma}yyyy", "", ""


def _times() -> Iterator[tuple[str, str]]:
    """Yield the times of day that may follow a date, each optional."""
    minutes = r":[0-5]\d(?::[0-5]\d"
    yield "[ H:mm[:ss]]", rf"(?: {HOUR}{minutes})?)?"
    yield "[ H:mm[:ss[.SSSSSS]]]", rf"(?: {HOUR}{minutes}(?:\.\d{{1,6}})?)?)?"
    yield "['T'H:mm[:ss[.SSSSSS]]]", rf"(?:T{HOUR}{minutes}(?:\.\d{{1,6}})?)?)?"
    yield "[, H:mm[:ss]]", rf"(?:, {HOUR}{minutes})?)?"
    yield "[ h:mm[:ss] a]", rf"(?: {HOUR_OF_12}{minutes})? [AP]M)?"
    yield "[ h:mm[:ss]a]", rf"(?: {HOUR_OF_12}{minutes})?[AP]M)?"
    yield "[, h:mm[:ss] a]", rf"(?:, {HOUR_OF_12}{minutes})? [AP]M)?"


KNOWN = tuple(_formats())
"""Every known format; the first wins where several read as many values."""
