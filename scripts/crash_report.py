"""What a crash test found, as a Markdown table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median
from typing import Final

from crash_checks import Kind
from crash_rounds import RANDOM_MOMENT, Outcome

WANTED_READS_A_SECOND: Final = 10
WANTED_RATIO: Final = 1.1
FAULTS: Final = {
    Kind.TORN: "torn reads",
    Kind.MIXED: "mixed reads",
    Kind.CHANGED: "reads of a published run that was changed",
    Kind.BACKWARDS: "reads of a `latest.json` that went back",
    Kind.LOST: "runs lost",
    Kind.LEFTOVER: "leftovers after the next success",
}


def report(outcome: Outcome, steps: Sequence[str]) -> str:
    lines = ["| | found | wanted |", "|---|---:|---:|", *rows(outcome, steps)]
    for title, examples in {
        "What the reader saw": outcome.reader.examples,
        "What was there after a kill or a success": [*outcome.harness.examples, *outcome.afterwards],
    }.items():
        if examples:
            lines += ["", f"{title}:", "", *(f"- {example}" for example in examples)]
    if outcome.failure:
        lines += ["", f"Stopped early: {outcome.failure}"]
    return "\n".join(lines) + "\n"


def rows(outcome: Outcome, steps: Sequence[str]) -> Iterator[str]:
    yield row("kills", f"{outcome.kills.total():,}")
    yield row("at a random moment", f"{outcome.kills[RANDOM_MOMENT]:,}", indented=True)
    for step in steps:
        yield row(f"at the step “{step}”", f"{outcome.kills[step]:,}", indented=True)
    reader = outcome.reader
    rate = reader.reads / reader.seconds if reader.seconds else 0.0
    yield row("runs that were done before their moment came", f"{outcome.outran:,}")
    yield row("reads, every checksum verified", f"{reader.reads:,}", f"≥ {outcome.fewest_reads:,}")
    yield row("reads a second", f"{rate:.1f}", f"≥ {WANTED_READS_A_SECOND}")
    yield row("longest pause between two reads", f"{reader.longest_pause:.2f} s")
    for kind, title in FAULTS.items():
        yield row(title, f"{outcome.count(kind):,}", "0")
    yield row("normal run, nothing killed before", seconds(outcome.normal))
    yield row("recovery: the next run after kills", seconds(outcome.redone))
    ratio = outcome.recovery_ratio
    yield row("recovery ÷ normal", f"{ratio:.2f}" if ratio else "–", f"≤ {WANTED_RATIO}")
    yield row("the next run where the kill came after the rename", seconds(outcome.found_published))


def row(what: str, found: str, wanted: str = "", indented: bool = False) -> str:
    return f"| {'… ' * indented}{what} | {found} |{wanted and f' {wanted}'} |"


def seconds(runs: Sequence[float]) -> str:
    return f"{median(runs):.1f} s (median of {len(runs)})" if runs else "–"
