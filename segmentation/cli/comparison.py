"""The comparison of two runs on standard output: who moved where and why, with their money."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from segmentation import schemas as s
from segmentation.changes import counts
from segmentation.cli.console import wrapped
from segmentation.cli.summary import NARROWEST, WIDEST, moves_in_words
from segmentation.comparison import Comparison
from segmentation.redaction import shown
from segmentation.report.changes import SegmentNames, became_of, largest_movements
from segmentation.report.data import History
from segmentation.report.text import money, sentence

ENTERED, LEFT = "(entered)", "(left)"


def comparison_in_words(comparison: Comparison, width: int | None = None) -> str:
    """Return the flow between the segments as a table that fits the width, and sentences on who moved and why."""
    width = max(NARROWEST, min(width or WIDEST, WIDEST))
    runs = [f"run {each.run.run_id} as of {each.as_of}" for each in (comparison.before, comparison.after)]
    sentences = [f"{moves_in_words(counts(comparison.moves))}.", *_sentences(comparison)]
    return "\n".join(
        [
            f"From {runs[0]} to {runs[1]}:",
            *_table(comparison, width),
            "",
            *[wrapped(shown(sentence(text)), width) for text in sentences],
        ]
    )


def _table(comparison: Comparison, width: int) -> list[str]:
    currency = comparison.config.charts.currency
    table = Table(box=box.SIMPLE, pad_edge=False)
    for heading in ("From", "To"):
        table.add_column(heading, overflow="fold")
    for heading in ("Customers", "Net spend\nbefore", "Net spend\nafter"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in comparison.flow:
        names = (row[s.PREVIOUS_SEGMENT_NAME] or ENTERED, row[s.SEGMENT_NAME] or LEFT)
        spend = [money(row[name], currency) for name in (s.NET_SPEND_BEFORE, s.NET_SPEND_AFTER)]
        cells = [*names, f"{row[s.CUSTOMERS]:,}", *spend]
        table.add_row(*[Text(shown(cell)) for cell in cells])
    console = Console(width=width)
    with console.capture() as captured:
        console.print(table)
    return [line.rstrip() for line in captured.get().rstrip().split("\n")]


def _sentences(comparison: Comparison) -> Iterator[str]:
    """Yield what became of the segments, and the largest movements."""
    events: list[dict[str, Any]] = [asdict(event) for event in comparison.events]
    history = History(
        {"segments": comparison.after.model.facts()["segments"]},
        comparison.before.run.run_id,
        comparison.before.as_of,
        comparison.moves,
    )
    names = SegmentNames.of(history)
    yield from became_of(events, names)
    for row in comparison.renamed:
        yield f"Segment {row[s.SEGMENT_ID]} is called {row['to']}, no longer {row['from']}."
    yield from largest_movements(comparison.moves, names, comparison.config.charts.currency)
