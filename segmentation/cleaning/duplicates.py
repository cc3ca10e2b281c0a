"""Flag exact copies of earlier lines."""

import operator
from functools import reduce

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from segmentation import schemas as s

LINE_HASH = "line_hash"


def with_duplicate_flag(parsed: DataFrame) -> DataFrame:
    """Add `is_duplicate` boolean: whether the line equals another line in every value, the first one excepted.

    Values are compared, not texts: `17850` and `17850.0` are the same customer. Malformed lines lack values and are
    compared by their texts too. Of equal lines the one whose file name sorts first is kept, so that the order of the
    input does not matter. Expects the lines of an invoice in one partition, and moves none.
    """
    values = [F.col(name) for name in (*s.LINE_FIELDS, s.AS_READ, s.UNPARSED_LINE) if name != s.INVOICE_NO]
    # A window over each line's equals would be a partition per line, at five times the cost. Sorted by a hash within
    # their invoice, equal lines follow each other, and one number distinguishes most of the others.
    in_invoice = Window.partitionBy(s.INVOICE_NO).orderBy(LINE_HASH, *values, s.SOURCE_FILE)
    # In the first line of an invoice every `lag` is NULL, which a hash never is.
    same = [F.lag(value).over(in_invoice).eqNullSafe(value) for value in (F.col(LINE_HASH), *values)]
    hashed = parsed.withColumn(LINE_HASH, F.xxhash64(*values))
    return hashed.withColumn(s.IS_DUPLICATE, reduce(operator.and_, same)).drop(LINE_HASH)
