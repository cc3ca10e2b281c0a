"""Guess from some values of the columns of numbers what their decimal mark is. Plain Python.

`ingest.numbers` reads the same by Spark: a test compares the two.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation

from segmentation.config.settings import DecimalMark
from segmentation.errors import counted
from segmentation.ingest import numbers
from segmentation.ingest.numbers import ALIKE, AMBIGUOUS, GROUPED_COMMA, GROUPED_POINT, TypedNumber
from segmentation.ingest.values import DROPPED

PLAIN = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)
# Python's `re` does not know Unicode's categories: `with_marked_signs` puts ¤ in place of the signs.
CURRENCY = re.compile(numbers.CURRENCY.replace(r"\p{Sc}", "¤"))
AS_PLAIN = str.maketrans(
    {other: character for character, others in ALIKE.items() for other in others} | dict.fromkeys(DROPPED)
)
SIGNED = r"^(?:[-+] *)?[0-9.,][0-9.,' ]*$|^[0-9.,' ]*[0-9] *-$|^\( *[0-9.,][0-9.,' ]*\)$"
NEGATIVE = r"^[-(]|[0-9 ]-$"
POINT = rf"^(?:{GROUPED_POINT}|[0-9]+)(?:\.[0-9]*)?$|^\.[0-9]+$"
COMMA = rf"^(?:{GROUPED_COMMA}|[0-9]+)(?:,[0-9]*)?$|^,[0-9]+$"
# Three digits behind a single point or comma: thousands, or decimals.
EITHER = re.compile(r"[1-9][0-9]{0,2}[.,][0-9]{3}")
# They are probably thousands where others have three digits and no mark, or where all prices end so.
UNMARKED, ROUND = re.compile(r"[1-9][0-9]{2}"), "00"
# A column with so many of them may have three decimals throughout.
NEARLY_ALL = 0.9


@dataclass(frozen=True)
class NumberGuess:
    """The decimal mark and the reason in words, empty where the numbers are plain.

    `other` is the mark that the values allow too. With commas alone the guess `is_open`: nothing says what they mean.
    """

    decimal: DecimalMark
    reason: str
    other: DecimalMark | None = None
    is_open: bool = False


def read_number(text: str, decimal: DecimalMark) -> Decimal | None:
    """Return the number that the job reads from a text with a decimal mark; None where it reads none.

    >>> read_number("1,234.50", "auto"), read_number("(2,55 €)", "comma"), read_number("1,234", "auto")
    (Decimal('1234.50'), Decimal('-2.55'), None)
    """
    decimal = "auto" if isinstance(text, TypedNumber) else decimal
    stripped = text.strip()
    plain = stripped if decimal != "comma" else stripped.replace(",", ".") if "." not in stripped else ""
    if PLAIN.fullmatch(plain):
        return Decimal(plain)
    signed, bare = _parts(stripped)
    is_number = re.search(SIGNED, signed) and re.search(COMMA if decimal == "comma" else POINT, bare)
    if not is_number or (decimal == "auto" and re.match(AMBIGUOUS, bare)):
        return None
    digits = re.sub(rf"[^0-9{',' if decimal == 'comma' else '.'}]", "", bare).replace(",", ".")
    try:
        number = Decimal(digits)
    except InvalidOperation:
        return None
    return -number if re.search(NEGATIVE, signed) else number


def marks_of(values: Sequence[str]) -> tuple[list[str], list[str], list[str]]:
    """Return the different numbers with a decimal point, those with a decimal comma, and those that may have either.

    Numbers that are typed in their file show none.

    >>> marks_of(["2.55", "2,55", "1.234", "7"])
    (['2.55'], ['2,55'], ['1.234'])
    """
    texts = dict.fromkeys(_texts(values))
    distinct = {bare for value in texts if (bare := _parts(value)[1]) and re.search("[.,]", bare)}
    either = {bare for bare in distinct if EITHER.fullmatch(bare)}
    points = sorted(bare for bare in distinct - either if re.search(POINT, bare))
    commas = sorted(bare for bare in distinct - either if re.search(COMMA, bare))
    return points, commas, sorted(either)


def guess_decimal(values: Sequence[str]) -> NumberGuess:
    """Return the decimal mark that most texts in the columns of numbers show; numbers that are typed show none.

    >>> guess_decimal(["2,55", "1.234"]).decimal, guess_decimal(["2.55", "1,234"]).decimal
    ('comma', 'point')
    >>> guess_decimal(["1,234", "12"]).is_open, guess_decimal(["6", "2.55"]).decimal
    (True, 'auto')
    """
    points, commas, either = marks_of(values)
    has_comma = any("," in value for value in values)
    if not points and not commas:
        if not either:
            return NumberGuess("auto", "")
        reason = f"{either[0]!r} may be thousands or have three decimals, and no value says which"
        return NumberGuess("auto", reason, other="comma", is_open=has_comma)
    if len(commas) > len(points):
        return NumberGuess("comma", _reason(commas, points))
    if not has_comma:
        return NumberGuess("auto", "")
    return NumberGuess("point", _reason(points, commas))


def with_doubt(guess: NumberGuess, values: Sequence[str], is_money: bool) -> NumberGuess:
    """Return a guess that other columns decide too; open, with an example, where it may be wrong by 1,000 for this one.

    A column of numbers such as 1.000 alone, next to prices such as 2,55, may have three decimals. Where they are
    decimals next to numbers such as 2.55, or next to nothing, they may be thousands: if other values are 950, or all
    prices end in 00.

    >>> price = guess_decimal(["2,55"])
    >>> with_doubt(price, ["1.000", "2.000"], False).is_open, with_doubt(price, ["1.200", "12", "7"], False).is_open
    (True, False)
    >>> with_doubt(guess_decimal(["15.000"]), ["15.000", "7.500", "950"], True).is_open
    True
    """
    points, commas, either = marks_of(values)
    if not either:
        return guess
    if points or commas:
        usual, contrary = (commas, points) if guess.decimal == "comma" else (points, commas)
        if len(contrary) <= len(usual):
            return guess
        reason = f"{contrary[0]!r} and {either[0]!r} are written otherwise than the numbers of the other columns"
        return replace(guess, reason=reason, is_open=True)
    decimal = "," if guess.decimal == "comma" else "."
    filled = [bare for value in _texts(values) if (bare := _parts(value)[1])]
    marked = [bare for bare in filled if EITHER.fullmatch(bare)]
    is_round = is_money and all(bare.endswith(ROUND) for bare in marked)
    may_be_thousands = is_round or any(UNMARKED.fullmatch(bare) for bare in filled)
    are_decimals = any(decimal in bare for bare in either)
    if may_be_thousands if are_decimals else len(marked) >= NEARLY_ALL * len(filled) and not is_round:
        reason = f"{either[0]!r} may be thousands or have three decimals, and no value of the column says which"
        return replace(guess, reason=reason, is_open=True)
    return guess


def as_plain_text(text: str) -> str:
    """Return a text with plain spaces, signs and digits, and without invisible characters."""
    return text.translate(AS_PLAIN)


def with_marked_signs(text: str) -> str:
    """Return a text with ¤ in place of each sign of a currency, as `CURRENCY` expects it."""
    return "".join("¤" if unicodedata.category(character) == "Sc" else character for character in text)


def is_negative(text: str) -> bool:
    """Return whether a number is below 0 by its sign, in front, behind or as brackets."""
    return bool(re.search(NEGATIVE, _parts(text)[0]))


def _texts(values: Sequence[str]) -> list[str]:
    return [value for value in values if not isinstance(value, TypedNumber)]


def _reason(showing: Sequence[str], contrary: Sequence[str]) -> str:
    reason = f"{counted(len(showing), 'different value')} such as {showing[0]!r}"
    if contrary:
        reason += f"; {len(contrary):,} such as {contrary[0]!r} are written otherwise, and may be malformed"
    return reason


def _parts(text: str) -> tuple[str, str]:
    """Return a number without currency and with plain characters, and that without its sign."""
    signed = CURRENCY.sub("", with_marked_signs(as_plain_text(text))).strip(" ")
    return signed, signed.strip("-+() ")
