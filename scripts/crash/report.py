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
    Kind.BASELESS: "reads of a run that builds upon none that is published",
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
    reader, ratio = outcome.reader, outcome.recovery_ratio
    rate = reader.reads / reader.seconds if reader.seconds else 0.0
    for name, result, required in (
        ("kills", f"{outcome.kills.total():,}", ""),
        ("… at a random moment", f"{outcome.kills[RANDOM_MOMENT]:,}", ""),
        *((f"… at the step “{step}”", f"{outcome.kills[step]:,}", "") for step in steps),
        ("reads, every checksum verified", f"{reader.reads:,}", f"≥ {outcome.fewest_reads:,}"),
        ("reads a second", f"{rate:.1f}", f"≥ {REQUIRED_READS_PER_SECOND}"),
        ("longest pause between two reads", f"{reader.longest_pause:.2f} s", ""),
        *((title, f"{outcome.count(kind):,}", "0") for kind, title in FAULTS.items()),
        ("normal run, no kill before it", _median_seconds(outcome.normal), ""),
        ("recovery: the next run after kills", _median_seconds(outcome.redone), ""),
        ("recovery ÷ normal", f"{ratio:.2f}" if ratio else "–", f"≤ {REQUIRED_RATIO}"),
    ):
        yield f"| {name} | {result} | {required} |"


def _median_seconds(runs: Sequence[float]) -> str:
    return f"{median(runs):.1f} s (median of {len(runs)})" if runs else "–"
