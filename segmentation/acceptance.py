"""May a staged run be published? It is read back and audited, and held against the configured gates."""

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import Row

from segmentation import audit, quality_gates
from segmentation.config import RunConfig
from segmentation.errors import NO_SPACE, InputError, QualityGateError, SegmentationError, java_message
from segmentation.lake import Lake, open_run
from segmentation.publishing import StagedRun
from segmentation.schemas import CUSTOMER_SHARE, REASON, ROWS, SEGMENT_NAME, TABLES

logger = logging.getLogger(__name__)


def audited(
    staged: StagedRun, quality: Sequence[Mapping[str, Any]], counted: Mapping[str, int]
) -> tuple[dict[str, dict[str, Any]], dict[str, Any], dict[str, dict[str, Any]]]:
    """The figures of every table as it was read back, the reconciliation, and every file's bytes and checksum.

    QualityGateError where they disagree, or something cannot be read.
    """
    try:
        tables = {table: staged.table(table) for table in TABLES}
        misplaced = audit.customers_in_another_segment(tables["customer_segments"], staged.model())
        with ThreadPoolExecutor(4) as pool:  # four small jobs, of which each leaves most cores idle
            rows = pool.submit(audit.table_figures(tables).collect)  # one row per table
            reasons = pool.submit(audit.lines_by_reason(tables["rejected_transactions"]).collect)  # one row per rule
            strays = pool.submit(misplaced.count)
            files = pool.submit(staged.checksums)
        figures = {row[audit.TABLE]: row.asDict() for row in rows.result()}
        kept = {row[REASON]: row[ROWS] for row in reasons.result()}
        misplaced_customers = strays.result()
        checksums = files.result()
    except (PySparkException, Py4JJavaError) as error:
        if NO_SPACE in str(error):
            raise
        raise QualityGateError(f"the staged run cannot be read back: {java_message(error)}") from error
    return figures, audit.require_whole(figures, kept, misplaced_customers, quality, counted), checksums


def require_plausible(
    config: RunConfig,
    staged: StagedRun,
    reconciliation: Mapping[str, Any],
    described: Sequence[Mapping[str, Any]],
    as_of: date,
) -> None:
    """QualityGateError where a configured gate does not hold, on the run itself or against the newest until its day."""
    gates, lake = config.quality_gates, staged.lake
    figures = quality_gates.figures_of(staged.run_id, reconciliation, _customer_shares(described))
    before = _run_before(lake, config.title, as_of) if gates.compare else None
    quality_gates.require_plausible(gates, figures, before)


def _run_before(lake: Lake, title: str, as_of: date) -> quality_gates.RunFigures | None:
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
            return quality_gates.figures_of(entry.run_id, run.manifest["reconciliation"], shares)
        except (SegmentationError, KeyError) as error:
            raise QualityGateError(f"run {entry.run_id}, to compare with, cannot be read: {error}") from error
    return None


def _customer_shares(described: Sequence[Mapping[str, Any] | Row]) -> dict[str, float]:
    return {row[SEGMENT_NAME]: row[CUSTOMER_SHARE] for row in described}
