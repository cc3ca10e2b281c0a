"""Values in, the texts that a person reads in the report out. Plain Python."""

import math
from collections.abc import Callable
from datetime import date, datetime
from typing import Any, Final

from segmentation.charts.numbers import finite, percent, symbol_of
from segmentation.plain_text import printable

MISSING: Final = "–"
# A name or description of the data can be as long as a file; this much of one tells it apart from the others,
# and this much is shown to whoever points at it.
LONGEST_SHOWN: Final = 120
LONGEST_POINTED_AT: Final = 300
# In English wherever the job runs: `strftime` would follow the machine's language.
MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)


def money(value: Any, currency: str = "") -> str:
    """An amount: whole from 100 on, with pence below, never rounded to nothing.

    >>> money(1743839.85, "£"), money(19.5, "£"), money(-120, "CHF"), money(0, "£"), money(0.0012), money(None)
    ('£1,743,840', '£19.50', '−CHF 120', '£0', '0.0012', '–')
    """
    known = finite(value)
    if known is None:
        return MISSING
    size = abs(known)
    if size == 0 or size >= 99.995:
        digits = f"{size:,.0f}"
    else:
        digits = f"{size:.2f}" if size >= 0.01 else _small(size)
    return f"{'−' if known < 0 else ''}{symbol_of(currency)}{digits}"


def number(value: Any) -> str:
    """A number: whole from 100 on, with the decimals below that can matter, never rounded to nothing.

    >>> number(434000), number(93.061), number(2.0), number(4.27), number(-3), number(0.00123), number(None)
    ('434,000', '93.1', '2', '4.3', '−3', '0.0012', '–')
    """
    known = finite(value)
    if known is None:
        return MISSING
    size = abs(known)
    decimals = 0 if size >= 99.95 or size == round(size) else 1 if size >= 0.995 else 2
    digits = f"{size:,.{decimals}f}" if size == 0 or size >= 0.01 else _small(size)
    if "." in digits and size >= 0.01:
        digits = digits.rstrip("0").rstrip(".")
    return f"{'−' if known < 0 else ''}{digits}"


def in_unit(value: Any, unit: str, currency: str) -> str:
    """A value in the unit of its feature; the word "days" stands in the feature's label."""
    written: dict[str, Callable[[Any], str]] = {"money": lambda amount: money(amount, currency), "share": percent}
    return written.get(unit, number)(value)


def span(low: Any, high: Any, unit: str, currency: str) -> str:
    r"""From a value to another; one value where both read the same. "to" stays with what follows it.

    >>> span(1, 4, "number", ""), span(290.2, 1353, "money", "£"), span(1, 1, "number", "")
    ('1 to\xa04', '£290 to\xa0£1,353', '1')
    """
    first, last = in_unit(low, unit, currency), in_unit(high, unit, currency)
    return first if first == last else f"{first} to\N{NO-BREAK SPACE}{last}"


def day(value: date | datetime | None) -> str:
    """A day in words.

    >>> day(date(2011, 12, 9))
    '9 December 2011'
    """
    return MISSING if value is None else f"{value.day} {MONTHS[value.month - 1]} {value.year}"


def moment(value: datetime) -> str:
    """A day and the time of day, with the zone where it is known.

    >>> moment(datetime(2011, 12, 9, 8, 5))
    '9 December 2011, 08:05'
    """
    return f"{day(value)}, {value:%H:%M} {value.tzname() or ''}".rstrip()


def counted(count: int, one: str, many: str = "") -> str:
    """A number with its noun.

    >>> counted(1, "customer"), counted(4338, "customer"), counted(2, "country", "countries")
    ('1 customer', '4,338 customers', '2 countries')
    """
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def size_of(bytes_read: int) -> str:
    """A file's size.

    >>> size_of(512), size_of(7_479_384)
    ('512 bytes', '7.5 MB')
    """
    for limit, unit in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if bytes_read >= limit:
            return f"{bytes_read / limit:,.1f} {unit}"
    return counted(bytes_read, "byte")


def duration(seconds: float) -> str:
    """How long something took.

    >>> duration(0.04), duration(7.26), duration(497.4), duration(7300)
    ('0.0 s', '7.3 s', '8 min 17 s', '2 h 1 min')
    """
    if seconds < 99.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def listed(words: list[str]) -> str:
    """Words as a list in a sentence.

    >>> listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])
    ('a', 'a and b', 'a, b and c')
    """
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else "".join(words)


def cut(text: Any, longest: int = LONGEST_SHOWN) -> str:
    r"""The text as it can be seen, its end an ellipsis where it is longer than that.

    >>> cut("CAKESTAND"), cut("CAKESTAND 3 TIER", 12), cut("\x1b", 3)
    ('CAKESTAND', 'CAKESTAND 3…', '\\x…')
    """
    seen = printable(str(text)[: longest + 1])
    return seen if len(seen) <= longest else f"{seen[: longest - 1].rstrip()}…"


def _small(size: float) -> str:
    """Two figures of a number near 0, without an exponent where that is short enough."""
    return f"{size:.{1 - math.floor(math.log10(size))}f}" if size >= 1e-6 else f"{size:.1e}"
