"""The result of a crash test as a Markdown table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median
from typing import Final

from scripts.crash.checks import Kind
from scripts.crash.rounds import RANDOM_MOMENT, Outcome

REQUIRED_READS_PER_SECOND: Final = 10
REQUIRED_RATIO: Final = 1.1
FAULTS: Final = {
    Kind.TORN: "torn reads",
    Kind.MIXED: "mixed reads",
    Kind.CHANGED: "reads of a published run that was changed",
    Kind.BACKWARDS: "reads of a `latest.json` that went back",
    Kind.LOST: "runs lost",
    Kind.LEFTOVER: "leftovers after the next success",
}


def report(outcome: Outcome, steps: Sequence[str]) -> str:
    """Return the table, examples of faults, and why the test stopped early, if it did."""
    lines = ["| | result | required |", "|---|---:|---:|", *_rows(outcome, steps)]
    for title, examples in {
        "Faults that the reader saw": outcome.reader.examples,
        "Faults after a kill or a success": [*outcome.own_reads.examples, *outcome.afterwards],
    }.items():
        if examples:
            lines += ["", f"{title}:", "", *(f"- {example}" for example in examples)]
    if outcome.failure:
        lines += ["", f"Stopped early: {outcome.failure}"]
    return "\n".join(lines) + "\n"


def _rows(outcome: Outcome, steps: Sequence[str]) -> Iterator[str]:
    yield _row("kills", f"{outcome.kills.total():,}")
    yield _row("… at a random moment", f"{outcome.kills[RANDOM_MOMENT]:,}")
    for step in steps:
        yield _row(f"… at the step “{step}”", f"{outcome.kills[step]:,}")
    reader = outcome.reader
    rate = reader.reads / reader.seconds if reader.seconds else 0.0
    yield _row("reads, every checksum verified", f"{reader.reads:,}", f"≥ {outcome.fewest_reads:,}")
    yield _row("reads a second", f"{rate:.1f}", f"≥ {REQUIRED_READS_PER_SECOND}")
    yield _row("longest pause between two reads", f"{reader.longest_pause:.2f} s")
    for kind, title in FAULTS.items():
        yield _row(title, f"{outcome.count(kind):,}", "0")
    yield _row("normal run, no kill before it", _median_seconds(outcome.normal))
    yield _row("recovery: the next run after kills", _median_seconds(outcome.redone))
    ratio = outcome.recovery_ratio
    yield _row("recovery ÷ normal", f"{ratio:.2f}" if ratio else "–", f"≤ {REQUIRED_RATIO}")


def _row(name: str, result: str, required: str = "") -> str:
    return f"| {name} | {result} | {required} |"


def _median_seconds(runs: Sequence[float]) -> str:
    return f"{median(runs):.1f} s (median of {len(runs)})" if runs else "–"
