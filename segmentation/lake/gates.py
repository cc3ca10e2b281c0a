"""Quality gates: hold a run to the configured limits, by its own figures and against the previous run."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from pyspark.sql import Row

from segmentation import schemas as s
from segmentation.config.settings import QualityGates, RunConfig
from segmentation.errors import InputError, QualityGateError, SegmentationError
from segmentation.lake.manifest import lineage_of
from segmentation.lake.runs import Lake, open_run

logger = logging.getLogger(__name__)

# The difference of two shares such as 0.80 - 0.75 is off by about 1e-17, and no line's share is so small.
ROUNDING = 1e-10


class SegmentShare(NamedTuple):
    """A segment's share of the customers."""

    name: str
    share: float


NOBODY = SegmentShare("", 0.0)


@dataclass(frozen=True)
class RunFigures:
    """What the gates look at: lines read and rejected, revenue of clean and guest lines, customers, segments' shares.

    `before_window` are those of the rejected lines that are older than the window, which is no fault of the input.
    `segments` are by segment_id.
    """

    run_id: str
    lines: int
    rejected: int
    before_window: int
    revenue: Decimal
    customers: int
    segments: Mapping[int, SegmentShare]


def run_figures(
    run_id: str,
    reconciliation: Mapping[str, Any],
    segment_profiles: Sequence[Mapping[str, Any] | Row],
    before_window: int = 0,
) -> RunFigures:
    """Return a run's figures from its reconciliation and the rows of its segment_profiles."""
    lines, revenue = reconciliation["lines"], reconciliation["revenue"]
    return RunFigures(
        run_id,
        lines["read"],
        lines["rejected"],
        before_window,
        Decimal(revenue["clean"]) + Decimal(revenue["guest"]),
        reconciliation["customers"],
        {row[s.SEGMENT_ID]: SegmentShare(row[s.SEGMENT_NAME], row[s.CUSTOMER_SHARE]) for row in segment_profiles},
    )


def previous_figures(lake: Lake, config: RunConfig, as_of: date) -> RunFigures | None:
    """Return the figures of the newest run of the lineage up to `as_of`; None if no gate compares, or there is none.

    A run that a newer version published is skipped with a warning, so that a rollback of the code does not stop runs.

    Raises QualityGateError if the run's figures cannot be read.
    """
    if not config.quality_gates.compare:
        return None
    lineage = lineage_of(config)
    for entry in lake.runs():
        if entry.as_of > as_of or entry.lineage != lineage:
            continue
        try:
            run = open_run(lake.spark, lake.path, entry.run_id)
        except InputError as error:
            logger.warning("not compared with: %s", error)
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
    limits = gates.model_dump()
    broken = [
        f"quality_gates.{gate} = {limits[gate]:g} does not hold: {text}"
        for gate, figure, text in _measured(run, previous)
        if limits[gate] is not None and figure - limits[gate] > ROUNDING
    ]
    if gates.min_customers is not None and run.customers < gates.min_customers:
        figure = f"there are {run.customers:,} customers"
        broken.append(f"quality_gates.min_customers = {gates.min_customers:g} does not hold: {figure}")
    if broken:
        raise QualityGateError(
            f"{'; '.join(broken)}: nothing was published. Correct the input, or raise the limit if this is right"
        )


def _measured(run: RunFigures, previous: RunFigures | None) -> Iterator[tuple[str, float, str]]:
    """Yield each gate that sets a maximum, with the figure that it limits, as a number and in words."""
    lines = run.lines - run.before_window
    rejected_share = (run.rejected - run.before_window) / lines
    of_window = " of the window" if run.before_window else ""
    yield "max_rejected_share", rejected_share, f"{rejected_share:.2%} of {lines:,} lines{of_window} are rejected"
    largest = max(run.segments.values(), key=lambda segment: segment.share)
    yield "max_segment_share", largest.share, f"{largest.name!r} holds {largest.share:.2%} of the customers"
    if previous is None:
        return
    for gate, total, now, before in (
        ("max_rows_change", "lines", run.lines, previous.lines),
        ("max_revenue_change", "revenue", run.revenue, previous.revenue),
    ):
        if now != before:
            change = float(now - before) / float(before) if before else float("inf")
            text = f"{total} changed by {change:+.2%}, from {before:,} in run {previous.run_id} to {now:,}"
            yield gate, abs(change), text
    for segment_id in sorted({*run.segments, *previous.segments}):
        then, today = previous.segments.get(segment_id, NOBODY), run.segments.get(segment_id, NOBODY)
        name = repr(today.name or then.name)
        if today.name and then.name not in ("", today.name):
            name += f" ({then.name!r} before)"
        text = f"{name} went from {then.share:.2%} of the customers in run {previous.run_id} to {today.share:.2%}"
        yield "max_segment_share_change", abs(today.share - then.share), text
