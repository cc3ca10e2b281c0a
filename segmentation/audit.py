"""Is a staged run, read back from the disk, whole? Rows, keys, lines and money agree, and the model gives the segments.

If not, nothing is published.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import reduce
from typing import Any

from pyspark.ml import PipelineModel
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from segmentation.cleaning import CLEAN, GUEST, RULES
from segmentation.errors import QualityGateError
from segmentation.schemas import (
    CUSTOMER_SEGMENTS,
    CUSTOMERS,
    GUEST_REVENUE,
    REASON,
    REVENUE,
    ROWS,
    RULE,
    SEGMENT_ID,
    SEGMENT_NAME,
    TABLE_KEYS,
    TOTAL_SPEND,
    column_names,
)

TABLE = "table"
KEYS = "keys"
LINES = "lines"
# Holds any sum of decimal(20,4).
SUM = "decimal(38,4)"
PUBLISHED = "published"


def table_figures(tables: Mapping[str, DataFrame]) -> DataFrame:
    """One row per table: table string, rows bigint, keys bigint (how many values its key has), revenue,
    guest_revenue and lines (the sum of its column `rows`) decimal(38,4), NULL for a table without that column.
    """

    def figures(table: str, frame: DataFrame) -> DataFrame:
        return frame.agg(
            F.lit(table).alias(TABLE),
            F.count(F.lit(1)).alias(ROWS),
            (F.count_distinct(*TABLE_KEYS[table]) if table in TABLE_KEYS else F.count(F.lit(1))).alias(KEYS),
            _sum(frame, REVENUE, TOTAL_SPEND).alias(REVENUE),
            _sum(frame, GUEST_REVENUE).alias(GUEST_REVENUE),
            _sum(frame, ROWS).alias(LINES),
        )

    return reduce(DataFrame.unionByName, [figures(table, frame) for table, frame in tables.items()])


def lines_by_reason(rejected_transactions: DataFrame) -> DataFrame:
    """One row per reason: reason string, rows bigint."""
    return rejected_transactions.groupBy(REASON).agg(F.count(F.lit(1)).alias(ROWS))


def customers_in_another_segment(customer_segments: DataFrame, model: PipelineModel) -> DataFrame:
    """The customers whom `model` does not put into the segment, by id and name, that the table has them in."""
    told = (SEGMENT_ID, SEGMENT_NAME)
    features = [name for name in column_names(CUSTOMER_SEGMENTS) if name not in told]
    published = F.struct(*told).alias(PUBLISHED)
    predicted = model.transform(customer_segments.select(*features, published))
    return predicted.where(~F.struct(*told).eqNullSafe(F.col(PUBLISHED)))


def require_whole(
    figures: Mapping[str, Mapping[str, Any]],
    reasons: Mapping[str, int],
    misplaced: int,
    quality: Sequence[Mapping[str, Any]],
    expected_rows: Mapping[str, int],
) -> dict[str, Any]:
    """Lines and money by outcome, and the customers, as the manifest keeps them, if all figures agree.

    `figures` are those of `table_figures` by table, `reasons` the rows of `lines_by_reason`, `misplaced` the number of
    `customers_in_another_segment`, `quality` the rows of data_quality, `expected_rows` what the run counted by table.

    Raises QualityGateError where they do not agree to the last decimal.
    """
    for table, row in figures.items():
        require_equal(f"rows of {table} and the values of its key", rows=row[ROWS], keys=row[KEYS])
    for table, count in expected_rows.items():
        require_equal(f"rows of {table} and what was counted", table=figures[table][ROWS], counted=count)
    rows = {row[RULE]: row[ROWS] for row in quality}
    money = {row[RULE]: row[REVENUE] for row in quality}
    for rule in (*RULES, GUEST):
        require_equal(f"the lines kept as {rule} and those counted", kept=reasons.get(rule, 0), counted=rows[rule])
    clean, guest = money[CLEAN], money[GUEST]
    for table in ("customer_segments", "segment_profiles", "country_segments", "product_segments"):
        require_equal(f"the revenue of {table} and of clean lines", table=_money(figures, table, REVENUE), lines=clean)
    for table in ("country_sales", "product_sales"):
        revenue, of_guests = _money(figures, table, REVENUE), _money(figures, table, GUEST_REVENUE)
        require_equal(f"the revenue of {table} and of clean and guest lines", table=revenue, lines=clean + guest)
        require_equal(f"the guest revenue of {table} and of guest lines", table=of_guests, lines=guest)
    lines = figures["data_quality"][LINES] or 0
    require_equal("the lines of data_quality and those counted", table=lines, counted=sum(rows.values()))
    all_money = sum(money.values(), Decimal(0))
    require_equal(
        "the revenue of data_quality and of all lines",
        table=_money(figures, "data_quality", REVENUE),
        lines=all_money,
    )
    require_equal("customers whom the saved model puts into another segment, and none", customers=misplaced, none=0)
    return {
        "lines": _by_outcome(rows, 0),
        # As text: JSON numbers are floating-point for many readers, and these are exact.
        "revenue": {name: str(value) for name, value in _by_outcome(money, Decimal(0)).items()},
        CUSTOMERS: figures["customer_segments"][ROWS],
    }


def require_equal(what: str, **figures: object) -> None:
    """QualityGateError naming all figures where they are not all equal."""
    if len(set(figures.values())) > 1:
        listed = ", ".join(f"{name} = {value}" for name, value in figures.items())
        raise QualityGateError(f"{what} do not agree: {listed}; nothing was published")


def _sum(frame: DataFrame, *names: str) -> Column:
    """The sum of the first of the columns that the frame has."""
    name = next((name for name in names if name in frame.columns), None)
    return F.sum(name).cast(SUM) if name else F.lit(None).cast(SUM)


def _money(figures: Mapping[str, Mapping[str, Any]], table: str, column: str) -> Decimal:
    return figures[table][column] or Decimal(0)


def _by_outcome(figures: Mapping[str, Any], zero: Any) -> dict[str, Any]:
    rejected = sum((figures[rule] for rule in RULES), zero)
    return {
        "read": sum(figures.values(), zero),
        "clean": figures[CLEAN],
        "guest": figures[GUEST],
        "rejected": rejected,
    }
