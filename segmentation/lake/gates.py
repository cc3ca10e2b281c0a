"""Quality gates: hold a run to the configured limits, by its own figures and against the previous run."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from pyspark.sql import Row

from segmentation import schemas as s
from segmentation.config.settings import QualityGates, RunConfig
from segmentation.errors import InputError, QualityGateError, SegmentationError
from segmentation.lake.runs import Lake, open_run

logger = logging.getLogger(__name__)

# The difference of two shares such as 0.80 - 0.75 is off by about 1e-17, and no line's share is so small.
ROUNDING = 1e-10


@dataclass(frozen=True)
class RunFigures:
    """What the gates look at: lines read and rejected, revenue of clean and guest lines, customers, segments' shares.

    `segment_shares` is each segment's share of the customers, by its name.
    """

    run_id: str
    lines: int
    rejected: int
    revenue: Decimal
    customers: int
    segment_shares: Mapping[str, float]


def run_figures(
    run_id: str, reconciliation: Mapping[str, Any], segment_profiles: Sequence[Mapping[str, Any] | Row]
) -> RunFigures:
    """Return a run's figures from its reconciliation and the rows of its segment_profiles."""
    lines, revenue = reconciliation["lines"], reconciliation["revenue"]
    return RunFigures(
        run_id,
        lines["read"],
        lines["rejected"],
        Decimal(revenue["clean"]) + Decimal(revenue["guest"]),
        reconciliation["customers"],
        {row[s.SEGMENT_NAME]: row[s.CUSTOMER_SHARE] for row in segment_profiles},
    )


def previous_figures(lake: Lake, config: RunConfig, as_of: date) -> RunFigures | None:
    """Return the figures of the newest run of the same title up to `as_of`; None if no gate compares, or there is none.

    A run that a newer version published is skipped with a warning, so that a rollback of the code does not stop runs.

    Raises QualityGateError if the run's figures cannot be read.
    """
    if not config.quality_gates.compare:
        return None
    for entry in lake.runs():
        if entry.as_of > as_of:
            continue
        try:
            run = open_run(lake.spark, lake.path, entry.run_id)
        except InputError as error:
            logger.warning("not compared with: %s", error)
            continue
        if run.manifest.get("title") != config.title:
            continue
        try:
            profiles = run.table("segment_profiles").collect()  # one row per segment
            return run_figures(entry.run_id, run.manifest["reconciliation"], profiles)
        except (SegmentationError, KeyError) as error:
            raise QualityGateError(f"run {entry.run_id}, to compare with, cannot be read: {error}") from error
    return None


def check_gates(gates: QualityGates, run: RunFigures, previous: RunFigures | None) -> None:
    """Raise QualityGateError that names every gate that does not hold, with the figure and the limit.

    Gates on changes hold if there is no `previous` run.
    """
    broken = list(_broken_by_run(gates, run))
    if previous:
        broken += _broken_by_change(gates, run, previous)
    if broken:
        raise QualityGateError(
            f"{'; '.join(broken)}: nothing was published. Correct the input, or raise the limit if this is right"
        )


def _broken_by_run(gates: QualityGates, run: RunFigures) -> Iterator[str]:
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


def _broken_by_change(gates: QualityGates, run: RunFigures, previous: RunFigures) -> Iterator[str]:
    totals = (
        ("max_rows_change", gates.max_rows_change, "lines", run.lines, previous.lines),
        ("max_revenue_change", gates.max_revenue_change, "revenue", run.revenue, previous.revenue),
    )
    for gate, limit, total, now, before in totals:
        if limit is None or now == before:
            continue
        change = float(now - before) / float(before) if before else float("inf")
        if _exceeds(abs(change), limit):
            figure = f"{total} changed by {change:+.2%}, from {before:,} in run {previous.run_id} to {now:,}"
            yield _broken(gate, limit, figure)
    limit = gates.max_segment_share_change
    if limit is None:
        return
    for name in sorted({*run.segment_shares, *previous.segment_shares}):
        share, share_before = run.segment_shares.get(name, 0.0), previous.segment_shares.get(name, 0.0)
        if _exceeds(abs(share - share_before), limit):
            figure = f"{name!r} went from {share_before:.2%} of the customers in run {previous.run_id} to {share:.2%}"
            yield _broken("max_segment_share_change", limit, figure)


def _exceeds(figure: float, limit: float) -> bool:
    return figure - limit > ROUNDING


def _broken(gate: str, limit: float, figure: str) -> str:
    return f"quality_gates.{gate} = {limit:g} does not hold: {figure}"
