"""Parse a field of a raw line into its value, from text as people and exports write it or from a typed column."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql.types import DataType, DoubleType, FloatType, LongType, NumericType, StringType

from segmentation import schemas as s
from segmentation.config.settings import DecimalMark

# Spaces other than the plain one that people type between words or digits.
SPACES = "\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
# Characters that do not show: soft hyphen, joiners, marks of direction.
INVISIBLE = "\u00ad\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069"
# What surrounds a value in the wild: spaces, tabs, line ends, NUL, a no-break space, a byte order mark.
STRAY = " \t\r\n\v\f\0\u00a0\ufeff"
# And a text from web pages and word processors: every other space and line end of Unicode, and what does not show.
BLANK = "\u0085\u1680\u2028\u2029" + SPACES + INVISIBLE
# What is dropped from inside a number or a date, where spaces become plain ones.
DROPPED = "".join(character for character in STRAY + BLANK if character not in SPACES + " ")
# The first ASCII character that is not stray, and what follows the last one.
FIRST_VISIBLE = "!"
BEHIND_VISIBLE = "\x7f"
VISIBLE_BYTES = (bytearray(b"!"), bytearray(b"~"))
# An id as a spreadsheet shows a number that is too wide for its cell: digits are gone, and many ids become one.
ROUNDED_ID = r"^[0-9]+([.,][0-9]+[eE][+-]?|[eE]\+)[0-9]+$"
WORD_GAP = "[ _-]+"
# What a spreadsheet makes of a whole number, and the marks that keep an id from being one.
WHOLE_NUMBER = r"^(-?[0-9]+)(?:\.0+|,0)$"
DECIMAL_COMMA = ",0"
MARKED = r"^(?:'([^' ]+)'?|=\"([^\"]*)\")$"
# Signs of one currency; a dollar is taken for that of the United States.
CURRENCY_SIGNS = {"£": "GBP", "€": "EUR", "$": "USD", "₹": "INR", "¥": "JPY"}
# What is left out of words for nobody: spaces, dashes, brackets and quotes.
GAPS = " _-\u2013\u2014\u2212()[]<>{}'\""
# In bytes. The time to parse a number grows with the square of its digits.
LONGEST_NUMBER = 100


class Around(IntEnum):
    """What surrounds the values of a text column: nothing at all, spaces at most, or any stray and blank characters."""

    NOTHING = 0
    SPACES = 1
    ANYTHING = 2


@dataclass(frozen=True)
class Field:
    """A raw column and its type: text, or one of `schemas.READ_TYPED`.

    Once a text column was looked at, it is known what is `around` its values, and whether all are `unrounded` ids. A
    column `is_short` where it has the texts of `short` already.
    """

    column: Column
    kind: DataType
    around: Around = Around.ANYTHING
    unrounded: bool = False
    is_short: bool = False

    @property
    def is_text(self) -> bool:
        return isinstance(self.kind, StringType)

    @property
    def stripped(self) -> Column:
        """The text without stray and blank characters around it."""
        return self._without(STRAY + BLANK)

    @property
    def short(self) -> Column:
        """The text of a number or date without stray characters around it; NULL where it is too long to be either."""
        if self.is_short:
            return self.column
        text = self._without(STRAY)
        return F.when(F.octet_length(text) <= LONGEST_NUMBER, text)

    def _without(self, characters: str) -> Column:
        """Return the text with the characters stripped from both ends, by the cheapest expression that will do."""
        if not self.is_text:
            return as_text(self.column, self.kind)
        if self.around is Around.ANYTHING:
            # Few texts have stray characters, and to look for them is cheaper than to strip them.
            return F.when(_is_bare(self.column), self.column).otherwise(F.btrim(self.column, F.lit(characters)))
        return F.trim(self.column) if self.around is Around.SPACES else self.column

    def is_rounded(self, parsed: Column) -> Column:
        """Return whether an id parsed from this field was rounded by a spreadsheet."""
        return F.lit(False) if self.unrounded or isinstance(self.kind, LongType) else is_rounded(parsed)


def around(text: Column) -> Column:
    """Aggregate a text column to the `Around` of its values, int; 0 where there is none."""
    trimmed = F.trim(text)
    of_one = (
        F.when((trimmed != "") & ~_is_bare(trimmed), int(Around.ANYTHING))
        .when(trimmed != text, int(Around.SPACES))
        .otherwise(int(Around.NOTHING))
    )
    return F.coalesce(F.max(of_one), F.lit(int(Around.NOTHING)))


def as_text(column: Column, kind: DataType) -> Column:
    """Return a typed value as the text a person would write: 17850.0 as 17850, never 1.785E4."""
    if isinstance(kind, FloatType | DoubleType):
        # Up to 2^53 every whole number is exact; beyond, and for fractions, Java's shortest text is.
        is_whole = (column == F.rint(column)) & (F.abs(column) < F.lit(2.0**53))
        return F.when(is_whole, F.when(is_whole, column).cast("bigint").cast("string")).otherwise(column.cast("string"))
    return column.cast("string")


def raw_text(field: str, column: Column, kind: DataType, decimal: DecimalMark) -> Column:
    """Return a typed value of a field as text, a quantity or money with the decimal mark of the texts next to it.

    So a number that is typed in its file is never read by the rule of those texts, by which 2.125 is 2125.
    """
    text = as_text(column, kind)
    return marked(text, decimal) if field in s.NUMBER_FIELDS and isinstance(kind, NumericType) else text


def marked(number: Column, decimal: DecimalMark) -> Column:
    """Return the text of a plain number such as 2.125 with a decimal mark."""
    return F.translate(number, ".", ",") if decimal == "comma" else number


def code(field: Field, normalise: bool = True) -> Column:
    """Parse an invoice number or stock code; NULL where it is blank or a rounded number."""
    text = _as_id(field, normalise)
    return F.when((text != "") & ~field.is_rounded(text), text)


def _as_id(field: Field, normalise: bool) -> Column:
    """Return an id as its system has it: `20013.0` and `20013,0` as 20013, and without what makes it text.

    In a spreadsheet that is an apostrophe before it, as in `'20013`, or a formula around it, as in `="20013"`.
    """
    text = field.stripped
    if not normalise or not field.is_text or field.unrounded:
        return text
    may_be_whole = F.contains(text, F.lit(".")) | F.endswith(text, F.lit(DECIMAL_COMMA))
    plain = F.when(may_be_whole, F.regexp_replace(text, WHOLE_NUMBER, "$1")).otherwise(text)
    return F.when(
        _is_marked(text), F.regexp_replace(F.regexp_replace(text, MARKED, "$1$2"), WHOLE_NUMBER, "$1")
    ).otherwise(plain)


def is_rounded(text: Column) -> Column:
    """Return whether an id was rounded by a spreadsheet, as `5.36365E+05`, so that its digits are lost."""
    return F.when(may_be_rounded(text), text.rlike(ROUNDED_ID)).otherwise(F.lit(False))


def may_be_rounded(text: Column) -> Column:
    """Return whether a text has a dot or a plus: few ids do, and only these are worth a regular expression."""
    return F.contains(text, F.lit(".")) | F.contains(text, F.lit("+"))


def may_be_respelled(text: Column) -> Column:
    """Return whether a spreadsheet may have rounded or marked an id, whatever surrounds it."""
    is_marked = F.contains(text, F.lit("'")) | F.contains(text, F.lit("="))
    return may_be_rounded(text) | is_marked | F.contains(text, F.lit(DECIMAL_COMMA))


def _is_marked(text: Column) -> Column:
    return F.startswith(text, F.lit("'")) | F.startswith(text, F.lit("="))


def customer_id(field: Field, missing: Sequence[str], normalise: bool = True) -> Column:
    """Parse `17850` and `17850.0` as 17850; NULL for blanks and the words in `missing`, such as `null`.

    A word is missing in any letter case, in brackets, and with a space, a hyphen or nothing between its parts.
    """
    text = _as_id(field, normalise)
    if isinstance(field.kind, LongType):
        numbers = [word for word in missing if re.fullmatch(r"-?[0-9]+", word)]
        return F.when(~text.isin(numbers), text) if numbers else text
    return F.when(~_is_one_of_nobody(text, missing), text)


def _is_one_of_nobody(text: Column, words: Sequence[str]) -> Column:
    """Return whether an id is blank, or one of the words as people write them: `walk-in`, `Walk in`, `(WALK_IN)`.

    Words with a digit are compared as they are, but for their letter case. Most ids begin with one.
    """
    numbers = [word.lower() for word in words if re.search("[0-9]", word)]
    without_gaps = {
        word.lower().translate(dict.fromkeys(map(ord, GAPS))) for word in words if word.lower() not in numbers
    }
    is_number = F.lower(text).isin(numbers) if numbers else F.lit(False)
    is_word = F.translate(F.lower(text), GAPS, "").isin("", *sorted(without_gaps))
    return F.when((text >= "0") & (text < ":"), is_number).otherwise(is_number | is_word)


def is_one_of(field: Field, words: Sequence[str]) -> Column:
    """Return whether a text is one of the words, whatever its letter case, hyphens and underscores."""
    text = F.lower(F.regexp_replace(field.stripped, WORD_GAP, " "))
    return F.coalesce(text.isin([re.sub(WORD_GAP, " ", word).lower() for word in words]), F.lit(False))


def ways_to_write_currency(code: str) -> list[str]:
    """Return a currency's code, and its sign where it has one of its own."""
    signs = [sign for sign, name in CURRENCY_SIGNS.items() if code.upper() in (sign, name)]
    return [code, *signs, *[CURRENCY_SIGNS[sign] for sign in signs]]


def _is_bare(text: Column) -> Column:
    """Return whether a text begins and ends with a visible ASCII character."""
    # Bytes, not characters: to find the last character, Spark walks through the whole text.
    last = F.substring(text.cast("binary"), -1, 1)
    return (text >= FIRST_VISIBLE) & (text < BEHIND_VISIBLE) & last.between(*map(F.lit, VISIBLE_BYTES))
