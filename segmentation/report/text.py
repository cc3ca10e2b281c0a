"""How numbers, dates and words are written for people: in charts, in the report and in the closing summary."""

import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from segmentation import schemas as s
from segmentation.errors import counted
from segmentation.redaction import printable
from segmentation.scoring.words import symbol_of

Row = Mapping[str, Any]
Rows = Sequence[Row]

MISSING: Final = "–"
LONGEST_SHOWN: Final = 120  # a name or description can be as long as a file
# In English wherever the job runs: `strftime` would follow the machine's language.
MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
NUMBER_WORDS: Final = (
    *("zero", "one", "two", "three", "four", "five", "six"),
    *("seven", "eight", "nine", "ten", "eleven", "twelve"),
)


# ---- collected rows ----


def finite(value: Any) -> float | None:
    """Return any number (int, float, Decimal, NumPy) as a float; None, NaN and infinity as None."""
    number = math.nan if value is None else float(value)
    return number if math.isfinite(number) else None


def column(rows: Rows, name: str) -> list[float | None]:
    """Return one column of collected rows as floats."""
    return [finite(row.get(name)) for row in rows]


# ---- numbers ----


def compact(value: Any, currency: str = "", figures: int = 0) -> str:
    """Write a number in about two figures, for charts.

    `figures` asks for that many, for the round numbers on an axis: 1,250 is 1.25k.

    >>> compact(1234), compact(3_400_000, "£"), compact(-120, "£"), compact(999_600), compact(50, "CHF"), compact(2048)
    ('1.2k', '£3.4M', '−£120', '1M', 'CHF 50', '2k')
    """
    number = finite(value)
    if number is None:
        return MISSING
    size = abs(number)
    if size < 1e-6:  # rounding alone
        return f"{symbol_of(currency)}0"
    for suffix in ("", "k", "M", "bn", "tn"):
        digits = f"{size:.{figures or 2}g}" if figures or size < 9.95 else f"{size:.0f}"
        if float(digits) < 1000 or suffix == "tn":
            break
        size /= 1000
    if float(digits) >= 1e6:  # of trillions: no amount, but an index that divides by nearly nothing
        digits, suffix = f"{abs(number):.1e}", ""
    return f"{'−' if number < 0 else ''}{symbol_of(currency)}{digits}{suffix}"


def money(value: Any, currency: str = "") -> str:
    """Write an amount: whole from 100 on, with pence below, never rounded to nothing.

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
        digits = f"{size:.2f}" if size >= 0.01 else f"{size:.2g}"
    return f"{'−' if known < 0 else ''}{symbol_of(currency)}{digits}"


def number(value: Any) -> str:
    """Write a number: whole from 100 on, with the decimals below that can matter, never rounded to nothing.

    >>> number(434000), number(93.061), number(2.0), number(4.27), number(-3), number(0.00123), number(None)
    ('434,000', '93.1', '2', '4.3', '−3', '0.0012', '–')
    """
    known = finite(value)
    if known is None:
        return MISSING
    size = abs(known)
    if 0 < size < 0.01:
        digits = f"{size:.2g}"
    elif size >= 99.95 or size == round(size):
        digits = f"{size:,.0f}"
    else:
        digits = f"{size:.{1 if size >= 0.995 else 2}f}".rstrip("0").rstrip(".")
    return f"{'−' if known < 0 else ''}{digits}"


def percent(share: Any) -> str:
    """Write a share of one as a percentage that never rounds something to nothing, or a part to the whole.

    >>> percent(0.128), percent(0.054), percent(0.00138), percent(0.0001), percent(0.9999), percent(1)
    ('13 %', '5.4 %', '0.1 %', '<0.1 %', '>99 %', '100 %')
    """
    number = finite(share)
    if number is None:
        return MISSING
    value = 100 * number
    if value < 0:
        return f"−{percent(-number)}"
    if 0 < value < 0.1:
        return "<0.1 %"
    if 99.5 <= value < 100 - 1e-9:
        return ">99 %"
    is_whole = value >= 9.95 or math.isclose(value, round(value), rel_tol=1e-9)
    return f"{value:.0f} %" if is_whole else f"{value:.1f} %"


def whole(value: Any) -> str:
    """Write a number of things, such as orders or days, as a whole one; a half is rounded up, as people do.

    >>> whole(50.5), whole(1234.2), whole(0.2), whole(-3), whole(None)
    ('51', '1,234', '<1', '−3', '–')
    """
    known = finite(value)
    if known is None:
        return MISSING
    if 0 < known < 0.5:
        return "<1"
    rounded = math.floor(abs(known) + 0.5)
    return f"{'−' if known < 0 and rounded else ''}{rounded:,}"


def in_unit(value: Any, unit: str, currency: str) -> str:
    """Write a value in the unit of its feature. The word "days" is in the feature's label."""
    if unit == "money":
        return money(value, currency)
    return percent(value) if unit == "share" else whole(value)


def feature_value(name: str, value: Any, currency: str = "") -> str:
    """Write a feature's value for a chart, in at most three figures."""
    unit = s.FEATURES[name].unit
    return percent(value) if unit == "share" else compact(value, currency if unit == "money" else "")


def span(low: Any, high: Any, unit: str, currency: str) -> str:
    r"""Write a range; a single value where both read the same. "to" stays with what follows it.

    >>> span(1, 4, "orders", ""), span(290.2, 1353, "money", "£"), span(1, 1, "orders", "")
    ('1 to\xa04', '£290 to\xa0£1,353', '1')
    """
    first, last = in_unit(low, unit, currency), in_unit(high, unit, currency)
    return first if first == last else f"{first} to\N{NO-BREAK SPACE}{last}"


def size_of(size: int) -> str:
    """Write the size of a file in bytes.

    >>> size_of(512), size_of(7_479_384)
    ('512 bytes', '7.5 MB')
    """
    for limit, unit in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if size >= limit:
            return f"{size / limit:,.1f} {unit}"
    return counted(size, "byte")


# ---- dates and times ----


def day(value: date | datetime | None) -> str:
    """Write a day in words.

    >>> day(date(2011, 12, 9))
    '9 December 2011'
    """
    return MISSING if value is None else f"{value.day} {MONTHS[value.month - 1]} {value.year}"


def moment(value: datetime) -> str:
    """Write a day and the time of day, with the zone where it is known.

    >>> moment(datetime(2011, 12, 9, 8, 5))
    '9 December 2011, 08:05'
    """
    return f"{day(value)}, {value:%H:%M} {value.tzname() or ''}".rstrip()


def duration(seconds: float) -> str:
    """Write how long something took.

    >>> duration(0.04), duration(7.26), duration(497.4), duration(7300)
    ('0.0 s', '7.3 s', '8 min 17 s', '2 h 1 min')
    """
    if seconds < 99.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


# ---- words ----


def in_words(number: int) -> str:
    """Write a number up to twelve as a word, others in digits."""
    return NUMBER_WORDS[number] if 0 <= number < len(NUMBER_WORDS) else f"{number:,}"


def listed(words: Sequence[str]) -> str:
    """Write words as a list in a sentence.

    >>> listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])
    ('a', 'a and b', 'a, b and c')
    """
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else "".join(words)


def sentence(text: str) -> str:
    """Return the text with a capital first letter, the rest as it is."""
    return text[:1].upper() + text[1:]


def cut(text: Any, longest: int = LONGEST_SHOWN) -> str:
    r"""Return the text with control characters escaped, shortened with an ellipsis where it is longer.

    >>> cut("CAKESTAND"), cut("CAKESTAND 3 TIER", 12), cut("\x1b", 3)
    ('CAKESTAND', 'CAKESTAND 3…', '\\x…')
    """
    visible = printable(str(text)[: longest + 1])
    return visible if len(visible) <= longest else f"{visible[: longest - 1].rstrip()}…"
