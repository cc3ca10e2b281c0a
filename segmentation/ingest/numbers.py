"""Parse quantities and money, from text as people and programs of many countries write them or from a typed column.

A plain number such as 12.34 is parsed at once. Only what is none is looked at further: thousands separators, decimal
commas, currencies, and the signs of accountants. `guess.numbers` reads the same in plain Python.
"""

from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql.types import DoubleType, LongType

from segmentation import schemas as s
from segmentation.config.settings import DecimalMark
from segmentation.ingest.values import DROPPED, LONGEST_NUMBER, SPACES, Field

LARGEST_QUANTITY = 2**31 - 1
# Up to 2^43 a double × 10⁸ errs by less than 2^-8: what is so near to a whole number rounds to it.
SURE_BELOW, SURE_WITHIN = 2.0**43, 2.0**-8

# Characters that mean the same: spaces of all widths, minus signs, apostrophes, digits and signs of full width.
ALIKE = {" ": SPACES, "-": "\u2212\u2010\u2011\u2012\u2013\ufe63\uff0d", "'": "\u2019\u2018\u02bc\u00b4`\uff07"}
ALIKE |= {",": "\uff0c", ".": "\uff0e", "+": "\uff0b", "(": "\uff08", ")": "\uff09"}
ALIKE |= {str(digit): chr(0xFF10 + digit) for digit in range(10)}
# ISO 4217 codes and signs of letters; other signs are Unicode's category Sc.
CODES = (
    "EUR|USD|GBP|CHF|JPY|CNY|INR|CAD|AUD|NZD|SEK|NOK|DKK|ISK|PLN|CZK|HUF|RON|BGN|TRY|RUB|UAH|ILS|ZAR|BRL|MXN|ARS|CLP|"
    "COP|PEN|SGD|HKD|TWD|KRW|THB|MYR|IDR|PHP|VND|AED|SAR|QAR|KWD|BHD|OMR|JOD|TND|EGP|MAD|NGN|KES|PKR|BDT|LKR|RMB"
)
LETTERS = r"S?Fr\.?|kr\.?|Rs\.?|zł|Kč|Ft|lei"
CURRENCY = rf"(?:US|CA|AU|NZ|HK|NT|[RACS])?\p{{Sc}}|(?<![A-Za-z])(?i:{CODES}|{LETTERS})(?![A-Za-z])"
# Signs of accountants, in brackets or behind, and a space behind a sign. `5.-` is five Swiss francs, and not below 0.
SIGN = r"^(?:\( *([0-9.,' ]+)\)|([0-9.,' ]*[0-9]) *-)$|^- +(?=[0-9.,])"
SIGN_IN_FRONT = "-$1$2"
# Digits in groups of three, or of two and a last one of three as in India, with one separator all along.
GROUPED = r"[1-9][0-9]{0,2}([SEPARATORS])(?:(?:[0-9]{3}\1)*|(?:[0-9]{2}\1)*)[0-9]{3}"
GROUPED_POINT, GROUPED_COMMA = GROUPED.replace("SEPARATORS", ",' "), GROUPED.replace("SEPARATORS", ".' ")
# One comma before three digits: thousands in one country, a decimal comma in another.
AMBIGUOUS = r"[0-9]{1,3},[0-9]{3}$"
# By decimal mark, what has a separator behind it, digits or a sign and digits, in a number that is grouped throughout.
IN_GROUPS = {
    "point": rf"(?:\G(?!^)|^(?=-?{GROUPED_POINT}(?:\.[0-9]*)?$))(-?[0-9]+)[,' ]",
    "comma": rf"(?:\G(?!^)|^(?=-?{GROUPED_COMMA}(?:,[0-9]*)?$))(-?[0-9]+)[.' ]",
    "auto": rf"(?:\G(?!^)|^(?=-?(?!{AMBIGUOUS}){GROUPED_POINT}(?:\.[0-9]*)?$))(-?[0-9]+)[,' ]",
}


class TypedNumber(str):
    """The text of a number that is typed in its file, as in JSON, Parquet or Excel: its decimal mark is a point."""

    __slots__ = ()

    def strip(self, characters: str | None = None, /) -> "TypedNumber":
        """Return the number: nothing surrounds it."""
        return self


def quantity_e4(field: Field, decimal: DecimalMark = "auto") -> Column:
    """Parse a quantity as bigint ten-thousandths, rounded half up; NULL where it is no number, or beyond 2^31."""
    if isinstance(field.kind, LongType):
        number = field.column
        return F.when(number.between(-LARGEST_QUANTITY, LARGEST_QUANTITY), number) * F.lit(10_000).cast("bigint")
    rounded = (_number(field, "decimal(18,4)", decimal) * 10_000).cast("bigint")
    if isinstance(field.kind, DoubleType):
        rounded = F.coalesce(_scaled(field.column, 1e4), rounded)
    limit = LARGEST_QUANTITY * 10_000
    return F.when(rounded.between(-limit, limit), rounded)


def price(field: Field, decimal: DecimalMark = "auto") -> Column:
    """Parse a price as a decimal(22,8), rounded half up; NULL where it is no number."""
    return _number(field, s.PRICE.simpleString(), decimal)


def price_e8(field: Field) -> Column:
    """Return a price × 10⁸ as a bigint, where a double shows it exactly; else NULL, also for text."""
    if not isinstance(field.kind, DoubleType):
        return F.lit(None).cast("bigint")
    return _scaled(field.column, 1e8)


def probable_number(text: Column) -> Column:
    """Return what a text that no number can be parsed from probably means, decimal(22,8): for estimates alone."""
    short = F.when(F.octet_length(text) <= LONGEST_NUMBER, text)
    readings = [_written(short, "comma"), _written(short, "point")]
    return F.coalesce(*[reading.try_cast(s.PRICE) for reading in readings])


def _number(field: Field, kind: str, decimal: DecimalMark) -> Column:
    if isinstance(field.kind, DoubleType):
        return field.column.try_cast(kind)  # by its shortest text
    text = field.short
    plain = text if decimal != "comma" else F.when(~F.contains(text, F.lit(".")), F.translate(text, ",", "."))
    return F.coalesce(plain.try_cast(kind), _written(text, decimal).try_cast(kind))


def _written(text: Column, decimal: DecimalMark) -> Column:
    """Return a number as people write it as a plain one; any other text as one that no number can be parsed from."""
    # Each step has the step before once: to look twice at a text doubles the expression.
    originals, plain = "".join(ALIKE.values()), "".join(one * len(others) for one, others in ALIKE.items())
    alike = F.translate(text, originals + DROPPED, plain)
    without_currency = F.btrim(F.regexp_replace(alike, rf"{CURRENCY}|^ *\+ *(?=[0-9.,])", ""))
    signed = F.regexp_replace(without_currency, SIGN, SIGN_IN_FRONT)
    digits = F.regexp_replace(signed, IN_GROUPS[decimal], "$2")
    return F.translate(digits, ".,", "x.") if decimal == "comma" else digits


def _scaled(number: Column, scale: float) -> Column:
    """Return a double × `scale` as a bigint, where the double surely shows a whole number of that; else NULL."""
    product = number * scale
    whole = F.rint(product)
    is_sure = (F.abs(product) < SURE_BELOW) & (F.abs(product - whole) < SURE_WITHIN)
    return F.when(is_sure, whole).cast("bigint")
