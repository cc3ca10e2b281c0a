"""Numbers of collected rows in, the short texts that people read in titles, labels and tables out."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

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
