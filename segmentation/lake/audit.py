"""Audit a staged run, read back from disk: rows, keys, lines and money agree, and the model scores as the run did."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from decimal import Decimal
from functools import reduce
from typing import Any

import pyarrow as pa
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.ml import PipelineModel
from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.clustering.segment_model import SegmentModel, model_from
from segmentation.config.settings import RunConfig
from segmentation.errors import NO_SPACE, QualityGateError, counted, java_message
from segmentation.lake.staging import StagedRun

Rows = Sequence[Row]

TABLE = "table"
KEY = ("key", "second_key")
KEYS = "keys"
LINES = "lines"
REASSIGNED = "reassigned"
STAGED = "staged"
# What scoring gives of a customer's features.
SCORED = tuple(name for name in s.SCORED_CUSTOMERS.names if name not in (s.CUSTOMER_ID, s.IS_ANOMALY, s.AS_OF))
# What is summed of a table, and the column that has it: the first of these names.
MONEY = {
    s.REVENUE: (s.REVENUE, s.TOTAL_SPEND),
    s.NET_REVENUE: (s.NET_REVENUE, s.NET_SPEND),
    s.GUEST_REVENUE: (s.GUEST_REVENUE,),
    s.GUEST_RETURNED: (s.GUEST_RETURNED,),
    s.RETURNED_MATCHED: (s.RETURNED_MATCHED,),
    s.NET_SPEND_BEFORE: (s.NET_SPEND_BEFORE,),
    s.NET_SPEND_AFTER: (s.NET_SPEND_AFTER,),
}
COUNTS = {LINES: (s.ROWS,), s.CUSTOMERS: (s.CUSTOMERS,)}
CUSTOMERS_BEFORE, CUSTOMERS_AFTER = "customers_before", "customers_after"
CHANGED = "changed"
NO_ROWS: Mapping[str, Any] = {s.ROWS: 0, KEYS: 0, **dict.fromkeys(MONEY)}


@dataclass(frozen=True)
class AuditResult:
    """What the audit of a staged run found, as its manifest records it.

    `tables` has the rows of each table, `reconciliation` lines and revenue by outcome and the number of customers,
    `files` the bytes and SHA-256 of each file by its path inside the run.
    """

    tables: Mapping[str, int]
    reconciliation: Mapping[str, Any]
    files: Mapping[str, Mapping[str, Any]]


def start_reading_back(staged: StagedRun, model: SegmentModel, config: RunConfig) -> Future[Rows]:
    """Start to read the large tables and the model back from disk, once all of them are written: `table_figures`.

    `model` is the one that the run scored its customers by. Charts can be drawn meanwhile. The result raises what the
    writes raise, or QualityGateError.
    """

    def figures() -> Rows:
        staged.wait_until_written()
        tables = s.tables_of(config.input_fields)
        large = {table: staged.table(table) for table in tables if table not in s.SMALL_TABLES}
        saved = saved_model(staged.model(), model, config)
        large["customer_segments"] = with_reassigned(large["customer_segments"], saved, config)
        return table_figures(large).collect()  # one row per table, and one per reason

    return staged.writes.start_reading(figures)


def audit_staged(
    staged: StagedRun,
    large_tables: Future[Rows],
    data_quality: Sequence[Mapping[str, Any]],
    counted_rows: Mapping[str, int],
    tables_of_run: Collection[str] = tuple(s.TABLES),
    before: Mapping[str, Any] | None = None,
) -> AuditResult:
    """Read a staged run back from disk and check it.

    `large_tables` comes from `start_reading_back`. `data_quality` are that table's rows, `counted_rows` the rows by
    table that the run counted itself, `tables_of_run` the tables that it must have, `before` the reconciliation of the
    run before.

    Raises QualityGateError if a table or the model cannot be read, or figures disagree.
    """
    try:
        small = {table: staged.small_table(table) for table in tables_of_run if table in s.SMALL_TABLES}
        checksums = staged.checksums()
        rows = large_tables.result()
    except (PySparkException, Py4JJavaError, OSError, pa.ArrowException) as error:
        if NO_SPACE in str(error):
            raise
        raise QualityGateError(f"the staged run cannot be read back: {java_message(error)}") from error
    found = {table: figures_of(table, of_table) for table, of_table in small.items()}
    found["segment_flow"] |= flow_figures(small["segment_flow"])
    found |= {row[TABLE]: row.asDict() for row in rows if row[s.REASON] is None}
    rejected = {row[s.REASON]: row[s.ROWS] for row in rows if row[s.REASON] is not None}
    found["rejected_transactions"] = {s.ROWS: sum(rejected.values())}
    read_back = {table: found.get(table, NO_ROWS) for table in tables_of_run}
    require_consistent(read_back, rejected, data_quality, counted_rows, before)
    rows_of = {table: figures[s.ROWS] for table, figures in read_back.items()}
    net_spend = read_back["customer_segments"][s.NET_REVENUE] or Decimal(0)
    return AuditResult(rows_of, reconcile(data_quality, rows_of["customer_segments"], net_spend), checksums)


def table_figures(tables: Mapping[str, DataFrame]) -> DataFrame:
    """Return one row per table that is not empty, and for rejected lines one per reason.

    `customer_segments` comes from `with_reassigned`.

    Columns: table string; reason string, NULL but for rejected lines; rows bigint; keys bigint, the distinct values of
    the table's key; reassigned bigint; sums, decimal: revenue, net_revenue, guest_revenue, guest_returned,
    returned_matched, net_spend_before, net_spend_after, NULL for a table without that column.
    """
    # Spark compiles one aggregation of narrow rows, not one for each table.
    rows = reduce(DataFrame.unionByName, [_narrow(table, frame) for table, frame in tables.items()])
    return rows.groupBy(TABLE, s.REASON).agg(
        F.count(F.lit(1)).alias(s.ROWS),
        F.count_distinct(*KEY).alias(KEYS),
        F.count_if(REASSIGNED).alias(REASSIGNED),
        *[F.sum(figure).alias(figure) for figure in MONEY],
    )


def _narrow(table: str, frame: DataFrame) -> DataFrame:
    """Return what is counted and summed of each row: two texts for the key, the money, the reason, reassigned."""

    def text(name: str | None) -> Column:
        return F.col(name).cast("string") if name in frame.columns else F.lit(None).cast("string")

    def money(*names: str) -> Column:
        return next((F.col(name) for name in names if name in frame.columns), F.lit(None)).cast(s.MONEY)

    first, *second = s.TABLE_KEYS.get(table, (None,))
    return frame.select(
        F.lit(table).alias(TABLE),
        text(s.REASON if table == "rejected_transactions" else None).alias(s.REASON),
        text(first).alias(KEY[0]),
        (text(second[0]) if second else F.lit("")).alias(KEY[1]),
        (F.col(REASSIGNED) if REASSIGNED in frame.columns else F.lit(False)).alias(REASSIGNED),
        *[money(*names).alias(figure) for figure, names in MONEY.items()],
    )


def figures_of(table: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the figures of a small table as `table_figures` does, and the sums of its lines and customers."""

    def total(*names: str) -> Any:
        values = [row[name] for row in rows for name in names if row.get(name) is not None]
        return sum(values) if values else None

    keys = {tuple(row[name] for name in s.TABLE_KEYS[table]) for row in rows}
    sums = {figure: total(*names) for figure, names in {**MONEY, **COUNTS}.items()}
    return {s.ROWS: len(rows), KEYS: len(keys), **sums}


def flow_figures(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the customers of `SEGMENT_FLOW` in a segment before, and after, and their net spend of both runs.

    `changed` has the customers who moved, entered or left, and their net spend of both runs.
    """

    def net_spend(of_rows: Sequence[Mapping[str, Any]]) -> dict[str, Decimal]:
        columns = (s.NET_SPEND_BEFORE, s.NET_SPEND_AFTER)
        return {name: sum((row[name] or Decimal(0) for row in of_rows), Decimal(0)) for name in columns}

    changed = [row for row in rows if row[s.PREVIOUS_SEGMENT_ID] != row[s.SEGMENT_ID]]
    before = [row for row in rows if row[s.PREVIOUS_SEGMENT_ID] is not None]
    after = [row for row in rows if row[s.SEGMENT_ID] is not None]
    return {
        CUSTOMERS_BEFORE: sum(row[s.CUSTOMERS] for row in before),
        CUSTOMERS_AFTER: sum(row[s.CUSTOMERS] for row in after),
        **net_spend(rows),
        CHANGED: {s.CUSTOMERS: sum(row[s.CUSTOMERS] for row in changed), **net_spend(changed)},
    }


def saved_model(pipeline: PipelineModel, model: SegmentModel, config: RunConfig) -> SegmentModel:
    """Return the model of a saved pipeline, with what the manifest will record of `model`.

    Raises: QualityGateError if the pipeline names the segments in another way.
    """
    of_run = model.pipeline(config.basis)
    named, expected = (stages[-1].extractParamMap().values() for stages in (pipeline.stages, of_run.stages))
    if list(named) != list(expected):
        raise QualityGateError("the saved model gives the segments other ids or names than the run")
    return model_from(pipeline, model.facts(), model.cuts, model.choice)


def with_reassigned(customer_segments: DataFrame, model: SegmentModel, config: RunConfig) -> DataFrame:
    """Add whether `model` gives the features of the table another segment, distance, score, name or reason.

    Columns: those of the features, reassigned boolean. Scoring new transactions takes the same way.
    """
    features = customer_segments.select(*s.column_names(s.CUSTOMER_FEATURES), F.struct(*SCORED).alias(STAGED))
    again = model.score(features, config.basis, config.rfm.rules, config.charts.currency)
    return again.withColumn(REASSIGNED, ~F.struct(*SCORED).eqNullSafe(F.col(STAGED)))


def require_consistent(
    tables: Mapping[str, Mapping[str, Any]],
    rejected: Mapping[str, int],
    data_quality: Sequence[Mapping[str, Any]],
    counted_rows: Mapping[str, int],
    before: Mapping[str, Any] | None = None,
) -> None:
    """Raise QualityGateError that names all figures that differ, to the last decimal.

    `tables` are the figures of each table, `rejected` the rejected lines by reason, `before` the reconciliation of the
    run before.
    """
    compared = [*_comparisons(tables, rejected, data_quality, counted_rows)]
    if before is not None:
        compared += _comparisons_with(before, tables)
    differences = [
        f"{figure} = {value}, {other_figure} = {other}"
        for figure, value, other_figure, other in compared
        if value != other
    ]
    if reassigned := tables["customer_segments"].get(REASSIGNED):
        customers = counted(reassigned, "customer")
        differences.append(f"the saved model gives {customers} another segment, distance, score, name or reason")
    if differences:
        raise QualityGateError(f"the staged figures differ: {'; '.join(differences)}: nothing was published")


def _comparisons(
    tables: Mapping[str, Mapping[str, Any]],
    rejected: Mapping[str, int],
    data_quality: Sequence[Mapping[str, Any]],
    counted_rows: Mapping[str, int],
) -> Iterator[tuple[str, object, str, object]]:
    """Yield pairs of figures that must be equal, each with what it is."""
    for table in [table for table in tables if table in s.TABLE_KEYS]:
        yield f"rows of {table}", tables[table][s.ROWS], "distinct keys", tables[table][KEYS]
    for table, count in counted_rows.items():
        yield f"rows of {table}", tables[table][s.ROWS], "rows counted before writing", count

    rows = {row[s.RULE]: row[s.ROWS] for row in data_quality}
    for rule in s.RULE_NAMES:
        yield f"rejected lines with the reason {rule}", rejected.get(rule, 0), "in data_quality", rows[rule]
    rejected_rows = tables["rejected_transactions"][s.ROWS]
    yield "rows of rejected_transactions", rejected_rows, "rejected lines", sum(rows[rule] for rule in s.RULE_NAMES)
    yield "lines in data_quality", tables["data_quality"][LINES] or 0, "lines counted", sum(rows.values())

    revenue = {row[s.RULE]: row[s.REVENUE] or Decimal(0) for row in data_quality}
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


def _comparisons_with(
    before: Mapping[str, Any], tables: Mapping[str, Mapping[str, Any]]
) -> Iterator[tuple[str, object, str, object]]:
    """Yield the sums of segment_flow, each with the figure of this run, or of the run before, that it must equal."""
    flow, customers, changes = (tables[name] for name in ("segment_flow", "customer_segments", "segment_changes"))
    net_spend = customers[s.NET_REVENUE] or Decimal(0)
    yield "customers of segment_flow", flow[CUSTOMERS_AFTER], "rows of customer_segments", customers[s.ROWS]
    yield "net_spend_after of segment_flow", flow[s.NET_SPEND_AFTER], "net_spend of customer_segments", net_spend
    earlier = "of the run before"
    yield "customers before of segment_flow", flow[CUSTOMERS_BEFORE], earlier, before[s.CUSTOMERS]
    yield "net_spend_before of segment_flow", flow[s.NET_SPEND_BEFORE], earlier, Decimal(before[s.NET_SPEND])
    changed, in_changes = flow[CHANGED], "of segment_changes"
    yield "customers of segment_flow in another segment", changed[s.CUSTOMERS], f"rows {in_changes}", changes[s.ROWS]
    for spend in (s.NET_SPEND_BEFORE, s.NET_SPEND_AFTER):
        yield f"their {spend}", changed[spend], in_changes, changes[spend] or Decimal(0)


def reconcile(data_quality: Sequence[Mapping[str, Any]], customers: int, net_spend: Decimal) -> dict[str, Any]:
    """Return lines and revenue by outcome, the customers and their net spend, as the manifest records them."""

    def by_outcome(figure: str) -> dict[str, Any]:
        figures = {row[s.RULE]: row[figure] or 0 for row in data_quality}  # the money of some lines is unknown
        outcomes = {"read": sum(figures.values()), "clean": figures[s.CLEAN], "guest": figures[s.GUEST]}
        return {**outcomes, "rejected": sum(figures[rule] for rule in s.RULE_NAMES)}

    # Revenue as text: JSON numbers are floating-point for many readers, and these are exact.
    revenue = {outcome: str(value) for outcome, value in by_outcome(s.REVENUE).items()}
    return {"lines": by_outcome(s.ROWS), "revenue": revenue, s.CUSTOMERS: customers, s.NET_SPEND: str(net_spend)}
