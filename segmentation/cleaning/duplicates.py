"""Flag exact copies of earlier lines."""

import operator
from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from segmentation import schemas as s

SEPARATOR = "\u001f"  # no text of a file holds it between two fields


def with_duplicate_flag(parsed: DataFrame) -> DataFrame:
    """Add `is_duplicate` boolean: whether the line equals another line in every value, the first one excepted.

    Values are compared, not texts: `17850` and `17850.0` are the same customer. Malformed lines have no values and
    are compared by their texts. Of equal lines the one whose file name sorts first is kept, so that the order of the
    input does not matter. Expects the lines of an invoice in one partition, and moves none.
    """
    values = [F.col(name) for name in s.LINE_FIELDS if name != s.INVOICE_NO]
    values.append(F.when(F.col(s.IS_MALFORMED), _whole_text()))
    # A window over each line's equals would be a partition per line, at five times the cost. Sorted by a hash within
    # their invoice, equal lines follow each other, and one number distinguishes most of the others.
    line_hash = "line_hash"
    in_invoice = Window.partitionBy(s.INVOICE_NO).orderBy(line_hash, *values, s.SOURCE_FILE)
    # In the first line of an invoice every `lag` is NULL, which a hash never is.
    same = [F.lag(value).over(in_invoice).eqNullSafe(value) for value in (F.col(line_hash), *values)]
    hashed = parsed.withColumn(line_hash, F.xxhash64(*values))
    return hashed.withColumn(s.IS_DUPLICATE, reduce(operator.and_, same)).drop(line_hash)


def _whole_text() -> Column:
    names = (s.UNPARSED_LINE, *map(s.raw, s.LINE_FIELDS))
    return F.concat_ws(SEPARATOR, *[F.coalesce(F.col(name).cast("string"), F.lit("")) for name in names])
