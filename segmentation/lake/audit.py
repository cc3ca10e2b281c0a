"""Audit a staged run, read back from disk: rows, keys, lines and money agree, and the model gives the segments."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import reduce
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.ml import PipelineModel
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.errors import NO_SPACE, QualityGateError, counted, java_message
from segmentation.lake.staging import StagedRun
from segmentation.session import SparkThreadPool

TABLE = "table"
KEYS = "keys"
LINES = "lines"
# Holds any sum of decimal(20,4).
SUM = "decimal(38,4)"
STAGED_SEGMENT = "staged_segment"


@dataclass(frozen=True)
class AuditResult:
    """What the audit of a staged run found, as its manifest records it.

    `tables` has the rows of each table, `reconciliation` lines and revenue by outcome and the number of customers,
    `files` the bytes and SHA-256 of each file by its path inside the run.
    """

    tables: Mapping[str, int]
    reconciliation: Mapping[str, Any]
    files: Mapping[str, Mapping[str, Any]]


def audit_staged(
    staged: StagedRun,
    data_quality: Sequence[Mapping[str, Any]],
    counted_rows: Mapping[str, int],
    tables_of_run: Collection[str] = tuple(s.TABLES),
) -> AuditResult:
    """Read a staged run back from disk and check it.

    `data_quality` are that table's rows, `counted_rows` the rows by table that the run counted itself, `tables_of_run`
    the tables that it must have.

    Raises QualityGateError if a table or the model cannot be read, or figures disagree.
    """
    try:
        tables = {table: staged.table(table) for table in tables_of_run}
        reassigned = reassigned_customers(tables["customer_segments"], staged.model())
        with SparkThreadPool(4) as pool:  # four small jobs, each of which leaves most cores idle
            figures = pool.submit(table_figures(tables).collect)  # one row per table
            reasons = pool.submit(tables["rejected_transactions"].groupBy(s.REASON).count().collect)  # one row per rule
            reassigned_count = pool.submit(reassigned.count)
            files = pool.submit(staged.checksums)
        read_back = {row[TABLE]: row.asDict() for row in figures.result()}
        rejected = {row[s.REASON]: row["count"] for row in reasons.result()}
        require_consistent(read_back, rejected, reassigned_count.result(), data_quality, counted_rows)
        checksums = files.result()
    except (PySparkException, Py4JJavaError) as error:
        if NO_SPACE in str(error):
            raise
        raise QualityGateError(f"the staged run cannot be read back: {java_message(error)}") from error
    rows = {table: row[s.ROWS] for table, row in read_back.items()}
    return AuditResult(rows, reconcile(data_quality, rows["customer_segments"]), checksums)


def table_figures(tables: Mapping[str, DataFrame]) -> DataFrame:
    """Return one row per table.

    Columns: table string, rows bigint, keys bigint (distinct values of the table's key); sums, each decimal(38,4):
    revenue, net_revenue, guest_revenue, guest_returned, returned_matched, and lines (of its column `rows`); customers
    bigint (the sum of that column); NULL for a table without that column.
    """

    def figures(table: str, frame: DataFrame) -> DataFrame:
        rows = F.count(F.lit(1))
        return frame.agg(
            F.lit(table).alias(TABLE),
            rows.alias(s.ROWS),
            (F.count_distinct(*s.TABLE_KEYS[table]) if table in s.TABLE_KEYS else rows).alias(KEYS),
            _sum(frame, s.REVENUE, s.TOTAL_SPEND).alias(s.REVENUE),
            _sum(frame, s.NET_REVENUE, s.NET_SPEND).alias(s.NET_REVENUE),
            _sum(frame, s.GUEST_REVENUE).alias(s.GUEST_REVENUE),
            _sum(frame, s.GUEST_RETURNED).alias(s.GUEST_RETURNED),
            _sum(frame, s.RETURNED_MATCHED).alias(s.RETURNED_MATCHED),
            _sum(frame, s.ROWS).alias(LINES),
            _sum(frame, s.CUSTOMERS).cast("bigint").alias(s.CUSTOMERS),
        )

    return reduce(DataFrame.unionByName, [figures(table, frame) for table, frame in tables.items()])


def _sum(frame: DataFrame, *names: str) -> Column:
    """Sum the first of the columns that the frame has."""
    name = next((name for name in names if name in frame.columns), None)
    return F.sum(name).cast(SUM) if name else F.lit(None).cast(SUM)


def reassigned_customers(customer_segments: DataFrame, model: PipelineModel) -> DataFrame:
    """Return the customers to whom `model` assigns another segment, by id or name, than the table does."""
    segment = (s.SEGMENT_ID, s.SEGMENT_NAME)
    features = [name for name in s.column_names(s.CUSTOMER_SEGMENTS) if name not in segment]
    predicted = model.transform(customer_segments.select(*features, F.struct(*segment).alias(STAGED_SEGMENT)))
    return predicted.where(~F.struct(*segment).eqNullSafe(F.col(STAGED_SEGMENT)))


def require_consistent(
    tables: Mapping[str, Mapping[str, Any]],
    rejected: Mapping[str, int],
    reassigned: int,
    data_quality: Sequence[Mapping[str, Any]],
    counted_rows: Mapping[str, int],
) -> None:
    """Raise QualityGateError that names all figures that differ, to the last decimal.

    `tables` are the rows of `table_figures` by table, `rejected` the rejected lines by reason, `reassigned` is the
    number of `reassigned_customers`.
    """
    differences = [
        f"{figure} = {value}, {other_figure} = {other}"
        for figure, value, other_figure, other in _comparisons(tables, rejected, data_quality, counted_rows)
        if value != other
    ]
    if reassigned:
        differences.append(f"the saved model assigns {counted(reassigned, 'customer')} to a different segment")
    if differences:
        raise QualityGateError(f"the staged figures differ: {'; '.join(differences)}: nothing was published")


def _comparisons(
    tables: Mapping[str, Mapping[str, Any]],
    rejected: Mapping[str, int],
    data_quality: Sequence[Mapping[str, Any]],
    counted_rows: Mapping[str, int],
) -> Iterator[tuple[str, object, str, object]]:
    """Yield pairs of figures that must be equal, each with what it is."""
    for table, row in tables.items():
        yield f"rows of {table}", row[s.ROWS], "distinct keys", row[KEYS]
    for table, count in counted_rows.items():
        yield f"rows of {table}", tables[table][s.ROWS], "rows counted before writing", count

    rows = {row[s.RULE]: row[s.ROWS] for row in data_quality}
    for rule in s.RULE_NAMES:
        yield f"rejected lines with the reason {rule}", rejected.get(rule, 0), "in data_quality", rows[rule]
    rejected_rows = tables["rejected_transactions"][s.ROWS]
    yield "rows of rejected_transactions", rejected_rows, "rejected lines", sum(rows[rule] for rule in s.RULE_NAMES)
    yield "lines in data_quality", tables["data_quality"][LINES] or 0, "lines counted", sum(rows.values())

    revenue = {row[s.RULE]: row[s.REVENUE] for row in data_quality}
    clean, guest = revenue[s.CLEAN], revenue[s.GUEST]
    expected = dict.fromkeys(
        ("customer_segments", "segment_profiles", "rfm_profiles", "country_segments", "product_segments"),
        ("of clean lines", clean),
    )
    expected |= dict.fromkeys(("country_sales", "product_sales"), ("of clean and guest lines", clean + guest))
    expected["data_quality"] = ("of all lines", sum(revenue.values(), Decimal(0)))
    for table, (lines, money) in expected.items():
        if table not in tables:  # the input lacks the field that it rests on
            continue
        yield f"revenue of {table}", tables[table][s.REVENUE] or Decimal(0), lines, money
    customers = tables["customer_segments"]
    for table in ("segment_profiles", "rfm_profiles", "rfm_by_segment"):
        yield f"customers of {table}", tables[table][s.CUSTOMERS] or 0, "rows of customer_segments", customers[s.ROWS]
    for table in ("rfm_profiles", "rfm_by_segment"):
        net = tables[table][s.NET_REVENUE] or Decimal(0)
        yield f"net revenue of {table}", net, "of customer_segments", customers[s.NET_REVENUE]
    net_spend, taken_back = (customers[figure] or Decimal(0) for figure in (s.NET_REVENUE, s.RETURNED_MATCHED))
    yield "net_spend and returned_matched of customer_segments", net_spend + taken_back, "of clean lines", clean
    net = tables["segment_profiles"][s.NET_REVENUE] or Decimal(0)
    yield "net_revenue of segment_profiles", net, "net_spend of customer_segments", net_spend
    for table in [name for name in ("country_sales", "product_sales") if name in tables]:
        sums = (s.GUEST_REVENUE, s.GUEST_RETURNED, s.NET_REVENUE)
        of_guests, of_guests_returned, net = (tables[table][figure] or Decimal(0) for figure in sums)
        yield f"guest revenue of {table}", of_guests, "of guest lines", guest
        of_customers = net - (of_guests - of_guests_returned)
        yield f"net_revenue of {table} without guests", of_customers, "net_spend of customer_segments", net_spend


def reconcile(data_quality: Sequence[Mapping[str, Any]], customers: int) -> dict[str, Any]:
    """Return lines and revenue by outcome, and the number of customers, as the manifest records them."""

    def by_outcome(figure: str) -> dict[str, Any]:
        figures = {row[s.RULE]: row[figure] for row in data_quality}
        outcomes = {"read": sum(figures.values()), "clean": figures[s.CLEAN], "guest": figures[s.GUEST]}
        return {**outcomes, "rejected": sum(figures[rule] for rule in s.RULE_NAMES)}

    # Revenue as text: JSON numbers are floating-point for many readers, and these are exact.
    revenue = {outcome: str(value) for outcome, value in by_outcome(s.REVENUE).items()}
    return {"lines": by_outcome(s.ROWS), "revenue": revenue, s.CUSTOMERS: customers}
