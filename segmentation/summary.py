"""The closing summary of a run, for the screen."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from segmentation.charts.numbers import percent
from segmentation.pipeline import Published
from segmentation.plain_text import shown
from segmentation.report.formatting import money, number
from segmentation.run_log import RunLog
from segmentation.schemas import (
    CUSTOMER_SHARE,
    CUSTOMERS,
    PURCHASE_FREQUENCY,
    RECENCY_DAYS,
    REVENUE,
    REVENUE_SHARE,
    SEGMENT_ID,
    SEGMENT_NAME,
    TOTAL_SPEND,
)
from segmentation.screen import broken

# Where no terminal says how wide it is, and where one is wider than lines are read.
WIDTH = 118
NARROWEST = 40
# A segment's name is broken before it is narrower than that; columns are left out first.
NARROWEST_NAME = 16
BETWEEN_COLUMNS = 3
# A line below the headings, of characters that every encoding has.
PLAIN_BOX = box.Box("    \n    \n -- \n    \n    \n    \n    \n    \n", ascii=True)
HEADINGS = (
    *("", "Segment", "Customers", "Share of\ncustomers", "Revenue", "Share of\nrevenue"),
    *("Spend", "Orders", "Last order,\ndays ago"),
)
# From the most to the fewest columns; all of them are in the report.
COLUMNS = (range(9), range(6), (0, 1, 2, 4, 5), (1, 2, 4), (1, 4))


def summary_of(
    published: Published,
    currency: str,
    width: int | None = None,
    encoding: str | None = None,
    log: RunLog | None = None,
) -> str:
    """The segments as a table, and where the run is; a line only if it was published before.

    The table is at most as wide as the terminal, and of characters that the encoding has; None has all.
    """
    path = shown(published.path.removeprefix("file:"))
    if published.before:
        return f"This very run was published before, as {published.run_id}: {path}\n(--force publishes it again)"
    fitting = max(NARROWEST, min(width or WIDTH, WIDTH))
    table = _table(published, currency, fitting, encoding)
    console = Console(width=fitting)
    with console.capture() as captured:
        console.print(table)
    lines = [
        "",
        broken(f"Segments: {shown(published.choice)}.", fitting),
        *[line.rstrip() for line in captured.get().rstrip().split("\n")],
        f"Report  {path}/report/index.html",
        f"Tables  {path}",
        f"Charts  {path}/charts",
    ]
    return "\n".join(lines if log is None else [*lines, f"Log     {log.told}"])


def _table(published: Published, currency: str, width: int, encoding: str | None) -> Table:
    rows = [[shown(cell) for cell in _cells(row, currency)] for row in published.segments]
    shown_columns = next((some for some in COLUMNS if _width(rows, some) <= width), COLUMNS[-1])
    of_lines = box.SIMPLE if encoding is None or encoding.lower().startswith("utf") else PLAIN_BOX
    table = Table(box=of_lines, pad_edge=False)
    for column in shown_columns:
        is_number = column >= 2
        table.add_column(HEADINGS[column], justify="right" if is_number else "left", no_wrap=is_number, overflow="fold")
    if len(shown_columns) == len(HEADINGS):
        table.caption = "Spend, orders and days since the last purchase are the segment's medians."
    for row in rows:
        # As text, since a plain string would be read for markup and the names of emoji.
        table.add_row(*[Text(row[column]) for column in shown_columns])
    return table


def _width(rows: Sequence[Sequence[str]], columns: Collection[int]) -> int:
    """How wide a table of these columns is at least."""
    texts = {column: [*HEADINGS[column].split("\n"), *[row[column] for row in rows]] for column in columns}
    widest = {column: max(map(cell_len, texts[column])) for column in columns}
    widest[1] = min(widest[1], NARROWEST_NAME)
    return sum(widest.values()) + BETWEEN_COLUMNS * len(widest) - 1


def _cells(row: Mapping[str, Any], currency: str) -> list[str]:
    """A segment's figures as its report has them."""
    return [
        str(row[SEGMENT_ID]),
        row[SEGMENT_NAME],
        f"{row[CUSTOMERS]:,}",
        percent(row[CUSTOMER_SHARE]),
        money(row[REVENUE], currency),
        percent(row[REVENUE_SHARE]),
        money(row[f"median_{TOTAL_SPEND}"], currency),
        number(row[f"median_{PURCHASE_FREQUENCY}"]),
        number(row[f"median_{RECENCY_DAYS}"]),
    ]
