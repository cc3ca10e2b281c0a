"""Is a run that is whole also plausible? The configured limits, on its own figures and against the previous run."""
# TODO-DOC audit: Is a staged run, read back from the disk, whole? Rows, keys, lines and money agree, and the
# model gives the segments.  If not, nothing is published.
# TODO-DOC acceptance: May a staged run be published? It is read back and audited, and held against the
# configured gates.

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import reduce
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.ml import PipelineModel
from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.config.settings import QualityGates, RunConfig
from segmentation.errors import NO_SPACE, InputError, QualityGateError, SegmentationError, java_message
from segmentation.lake.runs import Lake, open_run
from segmentation.lake.staging import StagedRun
from segmentation.session import SparkThreadPool

# 0.80 - 0.75 is a little more than 0.05; a share of so little is less than a line of a billion.
ROUNDING = 1e-10


@dataclass(frozen=True)
class RunFigures:
    """What the gates look at: lines read and rejected, money of clean and guest lines, customers by segment name."""

    run_id: str
    lines: int
    rejected: int
    revenue: Decimal
    customers: int
    segment_shares: Mapping[str, float]


def figures_of(run_id: str, reconciliation: Mapping[str, Any], segment_shares: Mapping[str, float]) -> RunFigures:
    """From a manifest's reconciliation, and each segment's share of the customers."""
    lines, revenue = reconciliation["lines"], reconciliation["revenue"]
    money = Decimal(revenue["clean"]) + Decimal(revenue["guest"])
    return RunFigures(
        run_id, lines["read"], lines["rejected"], money, reconciliation["customers"], dict(segment_shares)
    )


def require_plausible(gates: QualityGates, run: RunFigures, previous: RunFigures | None) -> None:
    """QualityGateError naming each gate that does not hold, the figure and the limit."""
    broken = [*_on_its_own(gates, run), *(_against(gates, run, previous) if previous else ())]
    if broken:
        raise QualityGateError(
            f"{'; '.join(broken)}: nothing was published. Mend the input, or raise the limit if this is right"
        )


def _on_its_own(gates: QualityGates, run: RunFigures) -> Iterator[str]:
    if gates.max_rejected_share is not None:
        share = run.rejected / run.lines
        if _exceeds(share, gates.max_rejected_share):
            figure = f"{share:.2%} of {run.lines:,} lines are rejected"
            yield _broken("max_rejected_share", gates.max_rejected_share, figure)
    if gates.min_customers is not None and run.customers < gates.min_customers:
        yield _broken("min_customers", gates.min_customers, f"there are {run.customers:,} customers")
    if gates.max_segment_share is not None:
        name, share = max(run.segment_shares.items(), key=lambda item: item[1])
        if _exceeds(share, gates.max_segment_share):
            yield _broken("max_segment_share", gates.max_segment_share, f"{name!r} holds {share:.2%} of the customers")


def _against(gates: QualityGates, run: RunFigures, previous: RunFigures) -> Iterator[str]:
    compared = (
        ("max_rows_change", gates.max_rows_change, "lines", run.lines, previous.lines),
        ("max_revenue_change", gates.max_revenue_change, "revenue", run.revenue, previous.revenue),
    )
    for gate, limit, what, now, before in compared:
        if limit is None or now == before:
            continue
        change = float(now - before) / float(before) if before else float("inf")
        if _exceeds(abs(change), limit):
            figure = f"{what} changed by {change:+.2%}, from {before:,} in run {previous.run_id} to {now:,}"
            yield _broken(gate, limit, figure)
    largest = gates.max_segment_share_change
    for name in sorted({*run.segment_shares, *previous.segment_shares}) if largest is not None else ():
        share, share_before = run.segment_shares.get(name, 0.0), previous.segment_shares.get(name, 0.0)
        if _exceeds(abs(share - share_before), largest or 0.0):
            figure = f"{name!r} went from {share_before:.2%} of the customers in run {previous.run_id} to {share:.2%}"
            yield _broken("max_segment_share_change", largest or 0.0, figure)


def _exceeds(figure: float, limit: float) -> bool:
    """Whether a share or a change is beyond its limit by more than the rounding of the difference of two shares."""
    return figure - limit > ROUNDING


def _broken(gate: str, limit: float, figure: str) -> str:
    return f"quality_gates.{gate} = {limit:g} does not hold: {figure}"


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
            F.count(F.lit(1)).alias(s.ROWS),
            (F.count_distinct(*s.TABLE_KEYS[table]) if table in s.TABLE_KEYS else F.count(F.lit(1))).alias(KEYS),
            _sum(frame, s.REVENUE, s.TOTAL_SPEND).alias(s.REVENUE),
            _sum(frame, s.GUEST_REVENUE).alias(s.GUEST_REVENUE),
            _sum(frame, s.ROWS).alias(LINES),
        )

    return reduce(DataFrame.unionByName, [figures(table, frame) for table, frame in tables.items()])


def lines_by_reason(rejected_transactions: DataFrame) -> DataFrame:
    """One row per reason: reason string, rows bigint."""
    return rejected_transactions.groupBy(s.REASON).agg(F.count(F.lit(1)).alias(s.ROWS))


def customers_in_another_segment(customer_segments: DataFrame, model: PipelineModel) -> DataFrame:
    """The customers whom `model` does not put into the segment, by id and name, that the table has them in."""
    told = (s.SEGMENT_ID, s.SEGMENT_NAME)
    features = [name for name in s.column_names(s.CUSTOMER_SEGMENTS) if name not in told]
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
        require_equal(f"rows of {table} and the values of its key", rows=row[s.ROWS], keys=row[KEYS])
    for table, count in expected_rows.items():
        require_equal(f"rows of {table} and what was counted", table=figures[table][s.ROWS], counted=count)
    rows = {row[s.RULE]: row[s.ROWS] for row in quality}
    money = {row[s.RULE]: row[s.REVENUE] for row in quality}
    for rule in s.RULE_NAMES:
        require_equal(f"the lines kept as {rule} and those counted", kept=reasons.get(rule, 0), counted=rows[rule])
    clean, guest = money[s.CLEAN], money[s.GUEST]
    for table in ("customer_segments", "segment_profiles", "country_segments", "product_segments"):
        require_equal(
            f"the revenue of {table} and of clean lines", table=_money(figures, table, s.REVENUE), lines=clean
        )
    for table in ("country_sales", "product_sales"):
        revenue, of_guests = _money(figures, table, s.REVENUE), _money(figures, table, s.GUEST_REVENUE)
        require_equal(f"the revenue of {table} and of clean and guest lines", table=revenue, lines=clean + guest)
        require_equal(f"the guest revenue of {table} and of guest lines", table=of_guests, lines=guest)
    lines = figures["data_quality"][LINES] or 0
    require_equal("the lines of data_quality and those counted", table=lines, counted=sum(rows.values()))
    all_money = sum(money.values(), Decimal(0))
    require_equal(
        "the revenue of data_quality and of all lines",
        table=_money(figures, "data_quality", s.REVENUE),
        lines=all_money,
    )
    require_equal("customers whom the saved model puts into another segment, and none", customers=misplaced, none=0)
    return {
        "lines": _by_outcome(rows, 0),
        # As text: JSON numbers are floating-point for many readers, and these are exact.
        "revenue": {name: str(value) for name, value in _by_outcome(money, Decimal(0)).items()},
        s.CUSTOMERS: figures["customer_segments"][s.ROWS],
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
    rejected = sum((figures[rule] for rule in s.RULE_NAMES), zero)
    return {
        "read": sum(figures.values(), zero),
        "clean": figures[s.CLEAN],
        "guest": figures[s.GUEST],
        "rejected": rejected,
    }


logger = logging.getLogger(__name__)


def audited(
    staged: StagedRun, quality: Sequence[Mapping[str, Any]], counted: Mapping[str, int]
) -> tuple[dict[str, dict[str, Any]], dict[str, Any], dict[str, dict[str, Any]]]:
    """The figures of every table as it was read back, the reconciliation, and every file's bytes and checksum.

    QualityGateError where they disagree, or something cannot be read.
    """
    try:
        tables = {table: staged.table(table) for table in s.TABLES}
        misplaced = customers_in_another_segment(tables["customer_segments"], staged.model())
        with SparkThreadPool(4) as pool:  # four small jobs, of which each leaves most cores idle
            rows = pool.submit(table_figures(tables).collect)  # one row per table
            reasons = pool.submit(lines_by_reason(tables["rejected_transactions"]).collect)  # one row per rule
            strays = pool.submit(misplaced.count)
            files = pool.submit(staged.checksums)
        figures = {row[TABLE]: row.asDict() for row in rows.result()}
        kept = {row[s.REASON]: row[s.ROWS] for row in reasons.result()}
        misplaced_customers = strays.result()
        checksums = files.result()
    except (PySparkException, Py4JJavaError) as error:
        if NO_SPACE in str(error):
            raise
        raise QualityGateError(f"the staged run cannot be read back: {java_message(error)}") from error
    return figures, require_whole(figures, kept, misplaced_customers, quality, counted), checksums


def require_gates(
    config: RunConfig,
    staged: StagedRun,
    reconciliation: Mapping[str, Any],
    described: Sequence[Mapping[str, Any]],
    as_of: date,
) -> None:
    """QualityGateError where a configured gate does not hold, on the run itself or against the newest until its day."""
    gates, lake = config.quality_gates, staged.lake
    figures = figures_of(staged.run_id, reconciliation, _customer_shares(described))
    before = _run_before(lake, config.title, as_of) if gates.compare else None
    require_plausible(gates, figures, before)


def _run_before(lake: Lake, title: str, as_of: date) -> RunFigures | None:
    """The newest run of the same title until the day; QualityGateError where it does not tell its figures.

    A run of a newer version is passed over with a warning: after a step back to this one, runs are to go on.
    """
    for entry in lake.runs():
        if entry.as_of > as_of:
            continue
        try:
            run = open_run(lake.spark, lake.path, entry.run_id)
        except InputError as error:
            logger.warning("not compared with: %s", error)
            continue
        if run.manifest.get("title") != title:
            continue
        try:
            shares = _customer_shares(run.table("segment_profiles").collect())  # one row per segment
            return figures_of(entry.run_id, run.manifest["reconciliation"], shares)
        except (SegmentationError, KeyError) as error:
            raise QualityGateError(f"run {entry.run_id}, to compare with, cannot be read: {error}") from error
    return None


def _customer_shares(described: Sequence[Mapping[str, Any] | Row]) -> dict[str, float]:
    return {row[s.SEGMENT_NAME]: row[s.CUSTOMER_SHARE] for row in described}
