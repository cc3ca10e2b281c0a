"""Parse dates and times to the shop's own clock: by the formats of a configuration, from text of many countries.

`guess.dates` reads the same in plain Python.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date

from pyspark.sql import Column
from pyspark.sql import functions as F

from segmentation.ingest.values import DROPPED, SPACES, Field

# No shop has kept lines of sales since before.
EARLIEST_SALE = date(1990, 1, 1)
# Day 0 of Excel's calendar, as it counts for dates after February 1900.
EXCEL_EPOCH = "1899-12-30 00:00:00"
# Numbers since 1970, which differ in their digits from 1973 on, with the microseconds of one. Days are no instants.
EPOCHS: Mapping[str, tuple[str, int]] = {
    "epoch_seconds": (r"^\d{9,10}(\.\d+)?$", 10**6),
    "epoch_milliseconds": (r"^\d{12,13}(\.\d+)?$", 10**3),
    "epoch_microseconds": (r"^\d{15,16}$", 1),
    "epoch_days": (r"^\d{4,5}(\.0+)?$", 86_400 * 10**6),
}
INSTANTS = tuple(name for name in EPOCHS if name != "epoch_days")
# The months in English, German, French, Dutch, Spanish and Italian, in full and abbreviated.
MONTHS: Mapping[str, str] = {
    "Jan": "jan january januar jänner janvier janv januari enero ene gennaio gen",
    "Feb": "feb february februar febr février févr fév februari febrero febbraio",
    "Mar": "mar march märz mär mrz mars maart mrt marzo",
    "Apr": "apr april avril avr abril abr aprile",
    "May": "may mai mei mayo maggio mag",
    "Jun": "jun june juni juin junio giugno giu",
    "Jul": "jul july juli juillet juil julio luglio lug",
    "Aug": "aug august août aout augustus agosto ago",
    "Sep": "sep sept september septembre septiembre settembre set",
    "Oct": "oct october oktober okt octobre octubre ottobre ott",
    "Nov": "nov november novembre noviembre",
    "Dec": "dec december dezember dez décembre déc diciembre dic dicembre",
}
MONTH_OF = {word: month for month, words in MONTHS.items() for word in words.split()}
# What may stand around the numbers and the month of a date in words: 1st, 1er, 1 de mayo de 2010; a day of the week.
FILLERS = r"(?i)(?<=\d)(?:st|nd|rd|th|er)\b|\bde\b *"
WEEKDAY = r"|^\p{L}+\.?,? +(?=\d)"
MONTH_WORD = r"\p{L}{3,}\.?"
# How a text says that its time is that of Greenwich, and not the shop's own.
OF_GREENWICH = ("Z", "UTC", "GMT", "+00:00", "+0000")
ZONE_OF_GREENWICH = r"(?<=[0-9mM]) ?(?:UTC|GMT|Z)$"
NOON = r"(?i)\b([ap])\. ?m\.$"
NOON_WITHOUT_DOTS = "$1m"


def plain_date(field: Field) -> Column:
    """Return the text of a date with plain spaces, `a.m.` as am, and without a trailing UTC, GMT or Z."""
    text = field.short
    is_unusual = F.octet_length(text) != F.char_length(text)
    for end in (".", "Z", "C", "T"):
        is_unusual = is_unusual | F.endswith(text, F.lit(end))
    spaced = F.trim(F.translate(text, SPACES + DROPPED, " " * len(SPACES)))
    in_greenwich = F.regexp_replace(spaced, ZONE_OF_GREENWICH, "")
    return F.when(is_unusual, F.regexp_replace(in_greenwich, NOON, NOON_WITHOUT_DOTS)).otherwise(text)


def parsed_date(text: Column, formats: Sequence[str], time_zone: str | None = None) -> Column:
    """Parse text of `plain_date` by the first format that fits. Numbers since 1970 are moved to the time zone.

    Each format is tried only on text of its shape: a failed parse is slow.
    """
    parsers: dict[str, Callable[[Column], Column]] = {"iso": _iso, "excel": _excel}
    parsers |= {name: _since_1970(name, time_zone) for name in EPOCHS}
    return F.coalesce(*[parsers.get(name, _by_pattern(name))(text) for name in formats])


def is_instant(text: Column) -> Column:
    """Return whether a text says that its time is that of Greenwich."""
    found = F.lit(False)
    for end in OF_GREENWICH:
        found = found | F.endswith(F.trim(text), F.lit(end))
    return F.coalesce(found, F.lit(False))


def in_time_zone(time: Column, time_zone: str) -> Column:
    """Return a time of Greenwich on the clock of a time zone, both timestamp_ntz."""
    return F.convert_timezone(F.lit("UTC"), F.lit(time_zone), time)


def _iso(text: Column) -> Column:
    is_iso = text.rlike(r"^\d{4}-\d{1,2}-\d{1,2}([T ]|$)")
    return F.when(is_iso, text).try_cast("timestamp_ntz")


def _excel(text: Column) -> Column:
    """Parse Excel's day number: days since the end of 1899, the time of day as a fraction, to the nearest second."""
    is_day_number = text.rlike(r"^[1-9]\d{4}(\.\d+)?$")
    seconds = F.round(F.when(is_day_number, text).try_cast("decimal(20,10)") * 86_400).cast("bigint")
    return F.lit(EXCEL_EPOCH).cast("timestamp_ntz") + F.make_dt_interval(secs=seconds)


def _since_1970(name: str, time_zone: str | None) -> Callable[[Column], Column]:
    shape, microseconds = EPOCHS[name]

    def parse(text: Column) -> Column:
        number = F.when(text.rlike(shape), text).try_cast("decimal(25,6)")
        time = F.timestamp_micros((number * microseconds).cast("bigint")).cast("timestamp_ntz")  # the session is in UTC
        return in_time_zone(time, time_zone) if time_zone and name in INSTANTS else time

    return parse


def _by_pattern(pattern: str) -> Callable[[Column], Column]:
    """Return a parser by a Spark datetime pattern, tried where a text has the separators of the pattern's date."""
    numeric = re.match(r"[yMd]{1,4}([^\w\s\[\]'])[yMd]{1,4}\1[yMd]{1,4}", pattern)
    separator = numeric[1] if numeric and "MMM" not in pattern else ""

    def parse(text: Column) -> Column:
        if "MMM" in pattern:
            english = pattern.replace("MMMM", "MMM")
            return F.try_to_timestamp(_in_english(text, pattern), F.lit(english)).cast("timestamp_ntz")
        has_shape = text.rlike(rf"^\d{{1,4}}{re.escape(separator)}\d{{1,2}}{re.escape(separator)}")
        candidate = F.when(has_shape, text) if separator else text
        return F.try_to_timestamp(candidate, F.lit(pattern)).cast("timestamp_ntz")

    return parse


def _in_english(text: Column, pattern: str) -> Column:
    """Return a date with the name of its month as `Dec`, and without the words around it."""
    bare = F.regexp_replace(text, FILLERS + (WEEKDAY if pattern.startswith("d") else ""), "")
    word = F.rtrim(F.lower(F.regexp_extract(bare, MONTH_WORD, 0)), F.lit("."))
    month = F.try_element_at(F.create_map(*[F.lit(part) for pair in MONTH_OF.items() for part in pair]), word)
    return F.coalesce(F.regexp_replace(bare, F.lit(MONTH_WORD), month), bare)
