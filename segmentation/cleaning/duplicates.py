"""Parsed lines ↔ the same in few bytes, by which it is told which are copies of others.

To move, sort and keep a line takes time by its bytes and columns. But a text is mostly its own value, a price mostly
fits one integer, and few lines are malformed: whatever is not so is in one struct, which most lines do without.
"""

import operator
from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql.types import DataType, DecimalType, StringType

from segmentation import schemas as s

ODD, SHORT_PRICE = "odd", "short_price"
HASH, LONG_PRICE, WHOLE_TEXT = "hash", "long_price", "whole_text"
# The fields whose value is a text.
TEXTS = (s.INVOICE_NO, s.STOCK_CODE, s.DESCRIPTION, s.CUSTOMER_ID, s.COUNTRY)
# Up to 18 digits a decimal is kept as one integer, several times as fast as more of them.
SHORT = DecimalType(18, s.PRICE.scale)


def thin_lines(lines: DataFrame, is_malformed: Column) -> DataFrame:
    """Lines with raw columns and values → the same columns but unit_price, unparsed_line, and the raw ones of fields
    that can be told from their values; instead of these short_price decimal(18,8) and odd struct, NULL for most.
    """
    kinds = {field: lines.schema[s.raw(field)].dataType for field in s.LINE_FIELDS}
    written = {field: text for field in s.LINE_FIELDS if (text := _written(field, kinds[field])) is not None}
    differs = {field: ~text.eqNullSafe(F.col(s.raw(field))) for field, text in written.items()}
    short = F.col(s.UNIT_PRICE).try_cast(SHORT)
    is_long = short.isNull() & F.col(s.UNIT_PRICE).isNotNull()
    texts = [
        F.coalesce(F.col(name).cast("string"), F.lit("")) for name in (s.UNPARSED_LINE, *map(s.raw, s.LINE_FIELDS))
    ]
    odd = F.struct(
        # Within a struct of its own, since what was read may be NULL.
        *[F.when(is_other, F.struct(s.raw(field))).alias(s.raw(field)) for field, is_other in differs.items()],
        F.when(is_long, F.col(s.UNIT_PRICE)).alias(LONG_PRICE),
        F.when(is_malformed, F.concat_ws("\u001f", *texts)).alias(WHOLE_TEXT),
        s.UNPARSED_LINE,
    )
    is_odd = reduce(operator.or_, [*differs.values(), is_long, is_malformed])
    return lines.withColumns({SHORT_PRICE: short, ODD: F.when(is_odd, odd)}).drop(
        s.UNIT_PRICE, s.UNPARSED_LINE, *map(s.raw, written)
    )


def whole_lines(thin: DataFrame) -> DataFrame:
    """The thin lines with their raw columns, unparsed_line and unit_price again."""
    whole = {}
    for field in s.LINE_FIELDS:
        name = s.raw(field)
        if name not in thin.columns:
            other = F.col(ODD)[name]
            (kind,) = thin.select(other[name]).schema
            whole[name] = F.when(other.isNotNull(), other[name]).otherwise(_written(field, kind.dataType))
    price = F.coalesce(F.col(SHORT_PRICE).cast(s.PRICE), F.col(ODD)[LONG_PRICE])
    return thin.withColumns({**whole, s.UNIT_PRICE: price, s.UNPARSED_LINE: F.col(ODD)[s.UNPARSED_LINE]})


def beside_values(lines: DataFrame) -> list[str]:
    """The columns of thin or whole lines from which, with the values, `whole_lines` tells all others."""
    told_otherwise = lines.select(f"{ODD}.*").columns
    kept_raw = [s.raw(field) for field in s.LINE_FIELDS if s.raw(field) not in told_otherwise]
    return [SHORT_PRICE, *kept_raw, ODD, s.SOURCE_FILE]


def with_copies_told(thin: DataFrame) -> DataFrame:
    """Adds is_copy boolean: whether a line is equal in every value to one before it; where the lines of one invoice lie
    in one partition, none moves.

    Equal means the values: `17850` and `17850.0` are the same customer. A malformed line counts by its text. The first
    is one whose texts are just its values, if there is one, else the one whose texts and file sort first, so that the
    order of the input does not matter.
    """
    values = [F.col(name) for name in s.LINE_FIELDS if name not in (s.INVOICE_NO, s.UNIT_PRICE)]
    values += [F.col(SHORT_PRICE), F.col(ODD)[LONG_PRICE], F.col(ODD)[WHOLE_TEXT]]
    as_read = [F.col(name) if (name := s.raw(field)) in thin.columns else F.col(ODD)[name] for field in s.LINE_FIELDS]
    # Copies follow each other within their invoice: a window for each line's equals would hold one line for nearly all,
    # at five times the cost. By a hash first: one number, worked out once, tells most lines apart.
    in_invoice = Window.partitionBy(s.INVOICE_NO).orderBy(HASH, *values, *as_read, s.SOURCE_FILE)
    # Before an invoice's first line everything is NULL, which a hash never is.
    same = [F.lag(value).over(in_invoice).eqNullSafe(value) for value in (F.col(HASH), *values)]
    hashed = thin.withColumn(HASH, F.xxhash64(*values))
    return hashed.withColumn(s.IS_COPY, reduce(operator.and_, same)).drop(HASH)


def _written(field: str, kind: DataType) -> Column | None:
    """What was read if it was just the value; None where that differs for most, or costs more to tell than to keep."""
    if field == s.UNIT_PRICE:
        return None
    if isinstance(kind, StringType):
        return F.col(field) if field in TEXTS else None
    return F.col(field).try_cast(kind)
