"""The date formats that a guess knows, each as Spark reads it, in plain Python.

They are those that `cleaning.date_formats` may name. A regular expression and the calendar decide whether a value is
written in one; a test compares that with Spark.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache, partial
from itertools import product
from operator import add, mul

from segmentation.ingest.dates import (
    EPOCHS,
    EXCEL_EPOCH,
    FILLERS,
    MONTH_OF,
    MONTHS,
    NOON,
    WEEKDAY,
    ZONE_OF_GREENWICH,
)
from segmentation.ingest.values import DROPPED, SPACES

ISO, EXCEL = "iso", "excel"
# The order of two numbers, as a person says it.
MONTH_FIRST, DAY_FIRST = "the month first", "the day first"
SEPARATORS = ("/", "-", ".")
NUMBER = r"\d{1,2}"
HOUR, HOUR_OF_12, SIXTIETH = r"(?:[01]?\d|2[0-3])", r"(?:0?[1-9]|1[0-2])", r"[0-5]?\d"
LETTER = r"[^\W\d_]"
NUMBER_OF_MONTH = {month: number for number, month in enumerate(MONTHS, 1)}
AS_PLAIN = str.maketrans(SPACES, " " * len(SPACES), DROPPED)
MICROSECONDS_OF_A_DAY = 86_400 * 10**6


@lru_cache(maxsize=50_000)
def plain_date(value: str) -> str:
    """Return a date as `ingest.dates.plain_date` does.

    >>> plain_date("12/1/2010 8:05 a.m."), plain_date("2010-12-01 08:26 UTC")
    ('12/1/2010 8:05 am', '2010-12-01 08:26')
    """
    spaced = value.translate(AS_PLAIN).strip(" ")
    return re.sub(NOON, r"\1m", re.sub(ZONE_OF_GREENWICH, "", spaced))


@dataclass(frozen=True)
class DateFormat:
    """A date format: its name in the configuration and its shape.

    Where day and month are two numbers that could be swapped, also their order and the separator between them. A format
    of numbers alone has `days`, which turns one into days since 1970.
    """

    name: str
    shape: re.Pattern[str]
    order: str = ""
    separator: str = ""
    days: Callable[[float], float] | None = None

    def reads(self, value: str) -> bool:
        """Return whether the value is a date of the calendar in this format."""
        return self.date_of(value) is not None

    def date_of(self, value: str) -> date | None:
        """Return the day of a value that is a date of the calendar in this format."""
        text = plain_date(value)
        if "MMM" in self.name:
            fillers = FILLERS + (WEEKDAY if self.name.startswith("d") else "")
            text = re.sub(fillers.replace(r"\p{L}", LETTER), "", text)
        match = self.shape.fullmatch(text)
        if not match:
            return None
        try:
            if self.days is not None:
                return date(1970, 1, 1) + timedelta(days=self.days(float(text)) // 1)
            parts = match.groupdict()
            year = int(parts["year"]) + (2000 if len(parts["year"]) == 2 else 0)
            return date(year, _month(parts["month"]), int(parts["day"]))
        except (ValueError, OverflowError):
            return None


def _month(text: str) -> int:
    """Return the number of a month. Raises ValueError for a word that is none."""
    if text.isdecimal():
        return int(text)
    return NUMBER_OF_MONTH.get(MONTH_OF.get(text.lower().rstrip("."), ""), 0) or int(text)


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
    shapes = {"M": rf"(?P<month>{NUMBER})", "MM": r"(?P<month>\d{2})", "MMM": rf"(?P<month>{LETTER}{{3,}}\.?)"}
    shapes |= {"d": rf"(?P<day>{NUMBER})", "dd": r"(?P<day>\d{2})"}
    shapes |= {"yyyy": r"(?P<year>\d{4})", "yy": r"(?P<year>\d{2})"}
    for written, order, separator in _dates():
        pattern = "".join(shapes.get(part, re.escape(part)) for part in re.findall(r"y+|M+|d+|[^yMd]+", written))
        flags = re.IGNORECASE if "MMM" in written else re.IGNORECASE | re.ASCII
        for time, time_shape in _times():
            yield DateFormat(written + time, re.compile(pattern + time_shape, flags), order, separator)
    together = shapes["yyyy"] + shapes["MM"] + shapes["dd"] + r"(?:[01]\d|2[0-3])[0-5]\d"
    yield DateFormat("yyyyMMddHHmmss", re.compile(together + r"[0-5]\d", re.ASCII))
    yield DateFormat("yyyyMMddHHmm", re.compile(together, re.ASCII))
    first_of_excel = date.fromisoformat(EXCEL_EPOCH[:10]) - date(1970, 1, 1)
    yield DateFormat(EXCEL, re.compile(r"[1-9]\d{4}(\.\d+)?", re.ASCII), days=partial(add, first_of_excel.days))
    for name, (shape, microseconds) in EPOCHS.items():
        in_days = microseconds / MICROSECONDS_OF_A_DAY
        yield DateFormat(name, re.compile(shape, re.ASCII), days=partial(mul, in_days))


def _dates() -> Iterator[tuple[str, str, str]]:
    """Yield date formats, each with the order of its day and month and their separator if they could be swapped."""
    for year, separator in product(("yyyy", "yy"), SEPARATORS):
        yield separator.join(("M", "d", year)), MONTH_FIRST, separator
        yield separator.join(("d", "M", year)), DAY_FIRST, separator
    yield from ((written, "", "") for written in ("yyyy/M/d", "yyyy.M.d", "yyyyMMdd", "yy/M/d", "yy-M-d", "yy.M.d"))
    for year, separator in product(("yyyy", "yy"), (" ", "-", "/")):
        yield separator.join(("d", "MMM", year)), "", ""
    yield from ((written, "", "") for written in ("d. MMM yyyy", "MMM d, yyyy", "MMM d yyyy"))


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
