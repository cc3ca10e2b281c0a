"""Is a run that is whole also plausible? The configured limits, on its own figures and against the previous run."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from segmentation.config import QualityGates
from segmentation.errors import QualityGateError

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
