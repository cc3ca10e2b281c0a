"""How the dates of a column are written, guessed from some of its values; plain Python.

The known ways are such as `cleaning.date_formats` may name. Whether a value is written in one of them is told here by a
regular expression and the calendar, which agrees with what Spark reads: tests hold the two side by side.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import product

ISO, EXCEL = "iso", "excel"
MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july"),
    *("august", "september", "october", "november", "december"),
)
# How a person says which of two numbers comes first.
MONTH_FIRST, DAY_FIRST = "the month first", "the day first"
# What is taken where the numbers do not tell: 12/1/2010 is mostly American, 1-12-2010 and 1.12.2010 are mostly not.
USUAL_ORDER = {"/": MONTH_FIRST, "-": DAY_FIRST, ".": DAY_FIRST}
# A column of more than that many ways to write a date is no column of dates.
MOST_FORMATS = 3
# So many values in no known way may precede the first that is in one.
MOST_UNREADABLE = 200
NUMBER = r"\d{1,2}"
TWO_NUMBERS = re.compile(rf"(?P<first>{NUMBER})(?P<between>[/.-])(?P<second>{NUMBER})(?P=between)", re.ASCII)


@dataclass(frozen=True)
class Format:
    """A way to write a date: its name in the configuration, its shape, and for two numbers that may be exchanged in
    which order they are, and what stands between them.
    """

    name: str
    shape: re.Pattern[str]
    order: str = ""
    separator: str = ""

    def reads(self, value: str) -> bool:
        """Whether the value is a date of the calendar, written in this way."""
        found = self.shape.fullmatch(value)
        if not found:
            return False
        parts = found.groupdict()
        if "year" not in parts:
            return True
        month = parts["month"]
        number = int(month) if month.isdecimal() else 1 + [name[: len(month)] for name in MONTHS].index(month.lower())
        year = int(parts["year"]) + (2000 if len(parts["year"]) == 2 else 0)
        try:
            date(year, number, int(parts["day"]))
        except ValueError:
            return False
        hours = 12 if "h:mm" in self.name and self.name != ISO else 23
        hour, minute, second = (int(parts.get(part) or 0) for part in ("hour", "minute", "second"))
        is_hour = parts.get("hour") is None or (1 if hours == 12 else 0) <= hour <= hours
        return is_hour and minute < 60 and second < 60


# So many characters of a format's name are its order of day and month, and the separator on both sides of the second.
SAME_DATE = 4


@dataclass(frozen=True)
class Order:
    """The order of day and month that is taken for dates with one separator, and the other; the values that can only
    be in the one, and those that can only be in the other, which are not read.
    """

    taken: str
    other: str
    in_favour: Sequence[str]
    against: Sequence[str]


@dataclass(frozen=True)
class DateGuess:
    """The formats that read the values, in the order to try them, and in a person's words why these.

    `exchanged` is the format to take instead where day and month could not be told apart.
    """

    formats: tuple[str, ...]
    why: str
    exchanged: str | None = None

    @property
    def otherwise(self) -> list[str]:
        """The formats with day and month exchanged in all that are written as `exchanged` is but for their order."""
        taken = _exchanged(self.exchanged or "")[:SAME_DATE]
        return [_exchanged(one) if one[:SAME_DATE] == taken else one for one in self.formats]


def guess_dates(values: Sequence[str]) -> DateGuess | None:
    """The fewest known formats that read all of the values, or as many as any known; None where none reads a value.

    >>> guess_dates(["2010-12-01 08:26:00", "2010-12-02"]).formats
    ('iso',)
    >>> guess_dates(["1/12/2010 8:26", "13/12/2010 9:00"]).formats
    ('iso', 'd/M/yyyy[ H:mm[:ss]]')
    >>> guess_dates(["1.12.2010", "2.12.2010"]).exchanged
    'M.d.yyyy[ H:mm[:ss]]'
    """
    left = [value for value in dict.fromkeys(value.strip() for value in values) if value]
    looked_at = len(left)
    orders = {separator: _order(separator, left) for separator in USUAL_ORDER}
    # All dates with one separator are read in one order, or one format would read another's dates wrongly.
    known = [one for one in KNOWN if not one.order or one.order == orders[one.separator].taken]
    against = {value for order in orders.values() for value in order.against}
    left = [value for value in left if value not in against]
    chosen: list[Format] = []
    reasons: list[str] = []
    unreadable: list[str] = []
    exchanged: str | None = None
    while left and len(chosen) < MOST_FORMATS and len(unreadable) < MOST_UNREADABLE:
        candidates = [one for one in known if one.reads(left[0])]
        if not candidates:
            unreadable.append(left.pop(0))
            continue
        read = {one: [value for value in left if one.reads(value)] for one in candidates}
        best = max(candidates, key=lambda one: len(read[one]))
        if best.order:
            order = orders[best.separator]
            reasons.append(_why(best, order, read[best]))
            exchanged = exchanged if order.in_favour else _exchanged(best.name)
        else:
            reasons.append(f"{_values(len(read[best]))} written so")
        left = [value for value in left if not best.reads(value)]
        chosen.append(best)
    if not chosen:
        return None
    mixed = [_mixed(order) for order in orders.values() if order.against]
    missed = len(unreadable) + len(left) + len(against)
    if missed:
        mixed.append(f"{missed:,} of {_values(looked_at)} not read so, which makes their lines malformed")
    # Dates of workbooks and databases are read in the first of these ways, which no other is mistaken for.
    names = [ISO, *[one.name for one in chosen if one.name not in (ISO, EXCEL)]]
    if any(one.name == EXCEL for one in chosen):
        names.append(EXCEL)
    return DateGuess(tuple(names), "; ".join([*dict.fromkeys(reasons), *mixed]), exchanged)


def _order(separator: str, values: Sequence[str]) -> Order:
    """The order that more of the values with a separator can only have, in whatever format; the usual one of equals."""
    found: dict[str, list[str]] = {MONTH_FIRST: [], DAY_FIRST: []}
    for value in values:
        numbers = TWO_NUMBERS.match(value)
        if numbers and numbers["between"] == separator and max(int(numbers["first"]), int(numbers["second"])) > 12:
            order = DAY_FIRST if int(numbers["first"]) > 12 else MONTH_FIRST
            if any(one.reads(value) for one in KNOWN if (one.order, one.separator) == (order, separator)):
                found[order].append(value)
    taken = max(found, key=lambda order: (len(found[order]), order == USUAL_ORDER[separator]))
    other = next(order for order in found if order != taken)
    return Order(taken, other, found[taken], found[other])


def _why(one: Format, order: Order, values: Sequence[str]) -> str:
    """Why the order of day and month in a format that reads these values is taken."""
    if not order.in_favour:
        return f"{one.order}, as is usual with {one.separator!r}: no number beyond 12 tells day and month apart"
    own = len(set(values) & set(order.in_favour))
    if not own:
        return f"{one.order}, as the column's other dates with {one.separator!r}"
    return f"{one.order}: {_values(own)} with a number beyond 12 in the other place"


def _mixed(order: Order) -> str:
    so, otherwise = order.in_favour, order.against
    return (
        f"two orders are mixed: {so[0]!r} has {order.taken} ({_values(len(so))} like it), {otherwise[0]!r} "
        f"{order.other} ({_values(len(otherwise))}). All are read with {order.taken}: the latter are malformed, and of "
        "those without a number beyond 12 nobody can tell which are read wrongly. Let the export write one order"
    )


def _values(count: int) -> str:
    return f"{count:,} different value{'' if count == 1 else 's'}"


def _exchanged(name: str) -> str:
    """The name of the format that differs in nothing but the order of day and month, which begin it."""
    return name[2::-1] + name[3:]


def _formats() -> Iterator[Format]:
    zone = r"(?:Z|[+-]\d{2}:?\d{2})"
    yield Format(
        ISO,
        re.compile(
            rf"(?P<year>\d{{4}})-(?P<month>{NUMBER})-(?P<day>{NUMBER})"
            rf"(?:[ T](?P<hour>{NUMBER})(?::(?P<minute>{NUMBER})(?::(?P<second>{NUMBER})(?:\.\d{{1,9}})?"
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
            yield Format(written + time, re.compile(pattern + time_shape, re.IGNORECASE | re.ASCII), order, separator)
    yield Format(EXCEL, re.compile(r"[1-9]\d{4}(\.\d+)?", re.ASCII))


def _dates() -> Iterator[tuple[str, str, str]]:
    """Dates as in `date_formats`, each with the order of its day and month where these may be exchanged."""
    for year, separator in product(("yyyy", "yy"), USUAL_ORDER):
        yield separator.join(("M", "d", year)), MONTH_FIRST, separator
        yield separator.join(("d", "M", year)), DAY_FIRST, separator
    yield from ((written, "", "") for written in ("yyyy/M/d", "yyyy.M.d", "yyyyMMdd"))
    for month, year, separator in product(("MMM", "MMMM"), ("yyyy", "yy"), (" ", "-", "/")):
        yield separator.join(("d", month, year)), "", ""
    for month, comma in product(("MMM", "MMMM"), (", ", " ")):
        yield f"{month} d{comma}yyyy", "", ""


def _times() -> Iterator[tuple[str, str]]:
    """Times of day as they may follow a date; none may follow as well."""
    seconds = r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})"
    yield "[ H:mm[:ss]]", rf"(?: {seconds})?)?"
    yield "[ H:mm[:ss[.SSSSSS]]]", rf"(?: {seconds}(?:\.\d{{1,6}})?)?)?"
    yield "['T'H:mm[:ss[.SSSSSS]]]", rf"(?:T{seconds}(?:\.\d{{1,6}})?)?)?"
    yield "[, H:mm[:ss]]", rf"(?:, {seconds})?)?"
    yield "[ h:mm[:ss] a]", rf"(?: {seconds})? [AP]M)?"
    yield "[ h:mm[:ss]a]", rf"(?: {seconds})?[AP]M)?"
    yield "[, h:mm[:ss] a]", rf"(?:, {seconds})? [AP]M)?"


KNOWN = tuple(_formats())
"""Every known way, those first that are tried first where several read as many values."""
