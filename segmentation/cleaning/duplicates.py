"""Find exact copies of earlier lines: only lines that share invoice and product with another can be any."""

import operator
from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.money import amount_of

LINE_HASH = "line_hash"
ITEM = "item"  # a hash of invoice and product
INVOICE_HASH = "invoice_hash"
COPIES, OF_COPIES = "copies", "of_copies"


def repeated_items(lines: DataFrame) -> DataFrame:
    """Return one row per item, a product on an invoice, of more than one line.

    Columns: item bigint, a hash of invoice_no and stock_code. Two items of one hash are both returned.
    """
    # Sorting numbers within their partition costs half of what counting distinct numbers does.
    thin = lines.select(F.hash(s.INVOICE_NO).alias(INVOICE_HASH), _item().alias(ITEM)).repartition(INVOICE_HASH)
    is_again = F.lag(ITEM).over(Window.partitionBy(INVOICE_HASH).orderBy(ITEM)) == F.col(ITEM)
    return thin.select(ITEM, is_again.alias("is_again")).where("is_again").select(ITEM).distinct()


def with_item(lines: DataFrame) -> DataFrame:
    """Add `item` bigint, a hash of invoice and product."""
    return lines.withColumn(ITEM, _item())


def with_duplicate_flag(lines: DataFrame) -> DataFrame:
    """Add `is_duplicate` boolean: whether the line equals another line in every value, the first one excepted.

    Values are compared, not texts: `17850` and `17850.0` are the same customer. Malformed lines lack values and are
    compared by their texts too. Of equal lines a sale is kept before a refund, then the one whose file name sorts
    first: the order of the input does not matter. The lines of an invoice are in one partition afterwards.
    """
    values = [F.col(name) for name in (*s.PARSED_FIELDS, s.AS_READ, s.UNPARSED_LINE) if name != s.INVOICE_NO]
    # A window over each line's equals would be a partition per line, at five times the cost. Sorted by a hash within
    # their invoice, equal lines follow each other, and one number distinguishes most of the others.
    in_invoice = Window.partitionBy(s.INVOICE_NO).orderBy(LINE_HASH, *values, s.IS_REFUND, s.SOURCE_FILE)
    # In the first line of an invoice every `lag` is NULL, which a hash never is.
    same = [F.lag(value).over(in_invoice).eqNullSafe(value) for value in (F.col(LINE_HASH), *values)]
    hashed = lines.withColumn(LINE_HASH, F.xxhash64(*values)).repartition(s.INVOICE_NO)
    return hashed.withColumn(s.IS_DUPLICATE, reduce(operator.and_, same)).drop(LINE_HASH)


def copies_across_files(lines: DataFrame, one_of: int = 1) -> DataFrame:
    """Return one row: of the sales of an input without invoice numbers, those that another file has too.

    `lines` come from `judge_each_line`. One of `one_of` different lines is looked at. Equal lines of one file may be
    several sales; what another file has as often is hardly one more.

    Columns: lines, copies bigint; revenue, of_copies decimal.
    """
    values = [F.col(name) for name in s.PARSED_FIELDS]
    hashed = lines.where(F.col(s.REASONS).isNull()).select(
        F.xxhash64(*values).alias(LINE_HASH), s.SOURCE_FILE, s.AMOUNT_E4
    )
    looked_at = hashed.where(F.pmod(F.col(LINE_HASH), F.lit(one_of)) == 0) if one_of > 1 else hashed
    of_files = looked_at.groupBy(LINE_HASH, s.SOURCE_FILE).agg(
        F.count(F.lit(1)).alias(s.LINES), F.max(s.AMOUNT_E4).alias(s.AMOUNT_E4)
    )
    equal = of_files.groupBy(LINE_HASH).agg(
        F.sum(s.LINES).alias(s.LINES),
        (F.sum(s.LINES) - F.max(s.LINES)).alias(COPIES),
        amount_of(F.max(s.AMOUNT_E4)).alias(s.AMOUNT),
    )
    return equal.agg(
        F.sum(s.LINES).alias(s.LINES),
        F.sum(COPIES).alias(COPIES),
        F.sum(F.col(s.AMOUNT) * F.col(s.LINES)).alias(s.REVENUE),
        F.sum(F.col(s.AMOUNT) * F.col(COPIES)).alias(OF_COPIES),
    )


def _item() -> Column:
    return F.xxhash64(s.INVOICE_NO, s.STOCK_CODE)
