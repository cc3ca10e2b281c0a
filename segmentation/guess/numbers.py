"""Guess from some values of the columns of numbers what their decimal mark is. Plain Python.

`ingest.numbers` reads the same by Spark: a test compares the two.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from segmentation.config.settings import DecimalMark
from segmentation.errors import counted
from segmentation.ingest.numbers import ALIKE, AMBIGUOUS, CODES, GROUPED_COMMA, GROUPED_POINT, INVISIBLE, LETTERS

PLAIN = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)
CURRENCY = re.compile(rf"(?:US|CA|AU|NZ|HK|NT|[RACS])?¤|(?<![A-Za-z])(?i:{CODES}|{LETTERS})(?![A-Za-z])")
AS_PLAIN = str.maketrans(
    {other: character for character, others in ALIKE.items() for other in others} | dict.fromkeys(INVISIBLE)
)
SIGNED = r"^(?:[-+] *)?[0-9.,][0-9.,' ]*$|^[0-9.,' ]*[0-9] *-$|^\( *[0-9.,][0-9.,' ]*\)$"
NEGATIVE = r"^[-(]|[0-9 ]-$"
POINT = rf"^(?:{GROUPED_POINT}|[0-9]+)(?:\.[0-9]*)?$|^\.[0-9]+$"
COMMA = rf"^(?:{GROUPED_COMMA}|[0-9]+)(?:,[0-9]*)?$|^,[0-9]+$"
# Three digits behind a single point or comma: thousands, or decimals.
EITHER = re.compile(r"[1-9][0-9]{0,2}[.,][0-9]{3}")


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


def guess_decimal(values: Sequence[str]) -> NumberGuess:
    """Return the decimal mark that most values of the columns of numbers show.

    >>> guess_decimal(["2,55", "1.234"]).decimal, guess_decimal(["2.55", "1,234"]).decimal
    ('comma', 'point')
    >>> guess_decimal(["1,234", "12"]).is_open, guess_decimal(["6", "2.55"]).decimal
    (True, 'auto')
    """
    distinct = {bare for value in dict.fromkeys(values) if (bare := _parts(value)[1]) and re.search("[.,]", bare)}
    either = {bare for bare in distinct if EITHER.fullmatch(bare)}
    points = sorted(bare for bare in distinct - either if re.search(POINT, bare))
    commas = sorted(bare for bare in distinct - either if re.search(COMMA, bare))
    with_comma = sorted(bare for bare in distinct if "," in bare)
    if not points and not commas:
        if not either:
            return NumberGuess("auto", "")
        reason = f"{min(either)!r} may be thousands or have three decimals, and no value says which"
        return NumberGuess("auto", reason, other="comma", is_open=bool(with_comma))
    if len(commas) > len(points):
        return NumberGuess("comma", _reason(commas, points))
    if not with_comma:
        return NumberGuess("auto", "")
    return NumberGuess("point", _reason(points, commas))


def is_negative(text: str) -> bool:
    """Return whether a number is below 0 by its sign, in front, behind or as brackets."""
    return bool(re.search(NEGATIVE, _parts(text)[0]))


def _reason(showing: Sequence[str], contrary: Sequence[str]) -> str:
    reason = f"{counted(len(showing), 'different value')} such as {showing[0]!r}"
    if contrary:
        reason += f"; {len(contrary):,} such as {contrary[0]!r} are written otherwise, and may be malformed"
    return reason


def _parts(text: str) -> tuple[str, str]:
    """Return a number without currency and with plain characters, and that without its sign."""
    plain = text.translate(AS_PLAIN)
    signs = "".join("¤" if unicodedata.category(character) == "Sc" else character for character in plain)
    signed = CURRENCY.sub("", signs).strip(" ")
    return signed, signed.strip("-+() ")
