"""The closing summary of a run on standard output: its segments, their money, warnings and where to look."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from segmentation import schemas as s
from segmentation.changes import CAUSES, ENTERED, LEFT, MOVED
from segmentation.cli.console import wrapped
from segmentation.config.settings import RunConfig
from segmentation.filesystem import readable_path
from segmentation.redaction import shown
from segmentation.report.text import Row, Rows, money, number, percent

if TYPE_CHECKING:
    from segmentation.context import Published

# The width where no terminal gives one, and at most.
WIDEST: Final = 118
NARROWEST: Final = 40
NARROWEST_NAME: Final = 16
# The columns to show from a width on; the report has all of them.
COLUMNS_OF_WIDTH: Final = {110: range(9), 75: range(6), 50: (1, 2, 4), 0: (1, 4)}
MOST_WARNINGS: Final = 5
MOST_NAMES: Final = 5


def summary_of(
    published: Published,
    config: RunConfig,
    width: int | None = None,
    log: Path | None = None,
    links: bool = False,
    hint: str = "",
) -> str:
    """Return the segments as a table that fits the width, warnings, and the paths of the run.

    `links` makes the paths hyperlinks of a terminal (OSC 8). `hint` says what to do next.
    """
    path = readable_path(published.path)
    width = max(NARROWEST, min(width or WIDEST, WIDEST))
    lines = []
    if published.already_published:
        lines.append(f"This very run was published before, as {published.run_id}: {_shown_path(path)}")
        lines.append("(--force publishes it again)")
    if published.segments:
        lines += [
            "",
            wrapped(f"Segments: {shown(published.choice)}.", width),
            *_table(published.segments, config, width),
        ]
        lines += [wrapped(line, width) for line in _money_that_stayed(published.segments, config.charts.currency)]
        lines += _names(published, width)
        lines += [wrapped(shown(line), width) for line in _model_and_moves(published)]
    lines += [wrapped(f"Warning: {shown(warning)}", width) for warning in published.warnings[:MOST_WARNINGS]]
    if more := len(published.warnings[MOST_WARNINGS:]):
        lines.append(f"... and {more:,} more warnings, in the report")
    places = {"Report": f"{path}/report/index.html", "Tables": path, "Charts": f"{path}/charts"}
    if config.exports.enabled:
        places["Lists"] = f"{path}/exports"
    if log is not None:
        places["Log"] = str(log)
    lines += [f"{name:<8}{_linked(place) if links else _shown_path(place)}" for name, place in places.items()]
    if hint:
        lines.append(wrapped(f"{'Next':<8}{hint}", width))
    return "\n".join(lines)


def _table(segments: Rows, config: RunConfig, width: int) -> list[str]:
    headings, total = _headings(config), _sum(segments, config.revenue)
    rows = [[shown(cell) for cell in _cells(segment, total, config)] for segment in segments]
    columns = next(columns for least, columns in COLUMNS_OF_WIDTH.items() if width >= least)
    table = Table(box=box.SIMPLE, pad_edge=False)
    for column in columns:
        is_number = column >= 2
        table.add_column(headings[column], justify="right" if is_number else "left", no_wrap=is_number, overflow="fold")
    table.columns[columns.index(1)].min_width = min(NARROWEST_NAME, max(len(row[1]) for row in rows))
    if len(columns) == len(headings):
        table.caption = "Spend, orders and days since the last order are the segment's medians."
    for row in rows:
        # As Text: a plain string would be parsed for markup and emoji names.
        table.add_row(*[Text(row[column]) for column in columns])
    console = Console(width=width)
    with console.capture() as captured:
        console.print(table)
    return [line.rstrip() for line in captured.get().rstrip().split("\n")]


def _headings(config: RunConfig) -> list[str]:
    amount = "Net\nrevenue" if config.figures == "net" else "Revenue"
    of_customer = ("Spend", "Orders", "Last order,\ndays ago")
    return ["", "Segment", "Customers", "Share of\ncustomers", amount, "Share of\nrevenue", *of_customer]


def _cells(segment: Row, total: Decimal, config: RunConfig) -> list[str]:
    """Return a segment's figures, formatted as in the report, in the order of the headings."""
    amount, currency = config.revenue, config.charts.currency
    return [
        str(segment[s.SEGMENT_ID]),
        segment[s.SEGMENT_NAME],
        f"{segment[s.CUSTOMERS]:,}",
        percent(segment[s.CUSTOMER_SHARE]),
        money(segment[amount], currency),
        percent(segment[amount] / total if total else None),
        money(segment[f"median_{config.spend}"], currency),
        number(segment[f"median_{config.orders}"]),
        number(segment[f"median_{config.recency}"]),
    ]


def _money_that_stayed(segments: Rows, currency: str) -> Iterator[str]:
    bought, stayed = _sum(segments, s.REVENUE), _sum(segments, s.NET_REVENUE)
    if bought != stayed:
        yield (
            f"Of {money(bought, currency)} that customers bought, {money(bought - stayed, currency)} came back: "
            f"{money(stayed, currency)} stayed."
        )


def _names(published: Published, width: int) -> Iterator[str]:
    """Yield how many customers each name of the rules has, those with the most first."""
    names = sorted(published.rfm_profiles, key=lambda row: (-row[s.CUSTOMERS], row[s.RFM_SEGMENT]))
    if names:
        largest = [f"{row[s.CUSTOMERS]:,} {row[s.RFM_SEGMENT]}" for row in names[:MOST_NAMES]]
        others = [f"{len(names) - MOST_NAMES} more names"] if len(names) > MOST_NAMES else []
        yield wrapped(f"Customers by their own scores: {shown(', '.join([*largest, *others]))}.", width)


def _model_and_moves(published: Published) -> Iterator[str]:
    """Yield which model segmented the customers and why, and who moved since the run before."""
    model, changes = published.model, published.changes
    if model:
        how = f"scored by the model that run {model['fitted_in']} fitted as of {model['fitted_as_of']}"
        yield f"Model: {'fitted in this run' if model['is_fitted'] else how}, because {model['why']}."
    if changes:
        yield f"Since {changes['since']} (run {published.predecessor}): {moves_in_words(changes)}."


def moves_in_words(changes: Mapping[str, Any]) -> str:
    """Say how many customers entered, left, and moved by which cause, as of `changes.counts`."""
    by_cause = {cause: changes[MOVED][cause] for cause in CAUSES}
    parts = [f"{changes[kind]:,} {kind}" for kind in (ENTERED, LEFT) if changes[kind]]
    if moved := sum(by_cause.values()):
        causes = ", ".join(f"{count:,} {CAUSES[cause]}" for cause, count in by_cause.items())
        parts.append(f"{moved:,} moved to another segment ({causes})")
    return ", ".join(parts) or "nobody entered, left or moved to another segment"


def _sum(rows: Rows, column: str) -> Decimal:
    return sum((row[column] for row in rows), Decimal(0))


def _shown_path(path: str) -> str:
    """Return a path as short as a shell understands it from here."""
    for folder, short in ((Path.cwd(), ""), (Path("~").expanduser(), "~/")):
        if len(str(folder)) > 1 and path.startswith(f"{folder}/"):
            return shown(path.replace(f"{folder}/", short, 1))
    return shown(path)


def _linked(path: str) -> str:
    """Return the shown path as a hyperlink of a terminal; a path of another file system as it is."""
    if not path.startswith("/"):
        return _shown_path(path)
    return f"\x1b]8;;{Path(path).as_uri()}\x1b\\{_shown_path(path)}\x1b]8;;\x1b\\"
