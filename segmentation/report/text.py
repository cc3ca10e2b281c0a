"""Numbers of collected rows in, the short texts that people read in titles, labels and tables out."""
# TODO-DOC charts.features: A feature's column name in, the words for it in charts and its average over all
# customers out.
# TODO-DOC report.formatting: Values in, the texts that a person reads in the report out. Plain Python.

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from segmentation import schemas as s
from segmentation.redaction import printable

Row = Mapping[str, Any]
Rows = Sequence[Row]


def finite(value: Any) -> float | None:
    """Any number (int, float, Decimal, NumPy) as a float; None, NaN and infinity as None."""
    number = math.nan if value is None else float(value)
    return number if math.isfinite(number) else None


def column(rows: Rows, name: str) -> list[float | None]:
    """One column of collected rows as floats, None where a row has no number."""
    return [finite(row.get(name)) for row in rows]


def symbol_of(currency: str) -> str:
    """What stands before an amount: a currency of letters is apart from its number.

    >>> symbol_of("£"), symbol_of("CHF"), symbol_of("")
    ('£', 'CHF ', '')
    """
    return f"{currency} " if currency[-1:].isalpha() else currency


def compact(value: Any, currency: str = "", figures: int = 0) -> str:
    """A number in at most three figures: 0.05, 7.5, 43, 1.2k, £3.4M, −£120; a missing one is a dash.

    A final zero is kept where the number was rounded: 2,048 is 2.0k, 2,000 is 2k. For the round numbers on an axis
    `figures` asks for so many figures, without final zeros: 1,250 is 1.25k.

    >>> compact(1234), compact(3_400_000, "£"), compact(-120, "£"), compact(999_600), compact(50, "CHF"), compact(2048)
    ('1.2k', '£3.4M', '−£120', '1.0M', 'CHF 50', '2.0k')
    """
    number = finite(value)
    if number is None:
        return "–"
    sign = "−" if number < 0 else ""
    symbol = symbol_of(currency)
    size = abs(number)
    for suffix in ("", "k", "M", "bn", "tn"):
        digits = f"{size:.{figures}g}" if figures else _in_few_digits(size)
        if float(digits) < 1000 or suffix == "tn":
            break
        size /= 1000
    if float(digits) >= 1e6:  # of trillions: no amount, but an index that divides by nearly nothing
        digits, suffix = f"{abs(number):.1e}", ""
    return f"{sign if float(digits) else ''}{symbol}{digits}{suffix}"


def _in_few_digits(size: float) -> str:
    if size == 0:
        return "0"
    decimals = 0 if size >= 9.95 else 1 if size >= 0.995 else min(1 - math.floor(math.log10(size)), 6)
    text = f"{size:.{decimals}f}"
    if float(text) == 0:
        return "0"
    exact = "." in text and math.isclose(float(text), size, rel_tol=1e-9)
    return text.rstrip("0").rstrip(".") if exact else text


def percent(share: Any) -> str:
    """A share of one as a percentage that never rounds something to nothing or a part to the whole.

    >>> percent(0.128), percent(0.054), percent(0.00138), percent(0.0001), percent(0.9999), percent(1)
    ('13 %', '5.4 %', '0.1 %', '<0.1 %', '>99 %', '100 %')
    """
    number = finite(share)
    if number is None:
        return "–"
    value = 100 * number
    if value < 0:
        return f"−{percent(-number)}"
    if 0 < value < 0.1:
        return "<0.1 %"
    if 99.5 <= value < 100 - 1e-9:
        return ">99 %"
    whole = value >= 9.95 or math.isclose(value, round(value), rel_tol=1e-9)
    return f"{value:.0f} %" if whole else f"{value:.1f} %"


def count(value: int) -> str:
    """A whole number with thousands separators: 434,000."""
    return f"{value:,}"


_WORDS: Final = (
    *("zero", "one", "two", "three", "four", "five", "six"),
    *("seven", "eight", "nine", "ten", "eleven", "twelve"),
)


def in_words(number: int) -> str:
    """Small numbers as words (one … twelve), others in digits."""
    return _WORDS[number] if 0 <= number < len(_WORDS) else count(number)


def sentence(text: str) -> str:
    """The text with its first letter capital and the rest untouched."""
    return text[:1].upper() + text[1:]


def feature_value(name: str, value: Any, currency: str = "") -> str:
    """A feature's value for people: money with its currency, a share as a percentage."""
    unit = s.FEATURES[name].unit
    return percent(value) if unit == "share" else compact(value, currency if unit == "money" else "")


def average_of(profiles: Rows, feature: str) -> float | None:
    """The mean over all customers: the segments' means weighted by their customers, those without a value left out."""
    known = [
        (int(row["customers"]), mean) for row in profiles if (mean := finite(row.get(f"mean_{feature}"))) is not None
    ]
    customers = sum(number for number, _ in known)
    return sum(number * mean for number, mean in known) / customers if customers else None


MISSING: Final = "–"
# A name or description of the data can be as long as a file; this much of one tells it apart from the others,
# and this much is shown to whoever points at it.
LONGEST_SHOWN: Final = 120
LONGEST_TOOLTIP: Final = 300
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
