"""The closing summary of a run, for the screen."""

from collections.abc import Mapping
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from segmentation.pipeline import Published
from segmentation.plain_text import shown
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

WIDTH = 118
HEADINGS = ("", "Segment", "Customers", "Share", "Revenue", "Share", "Spend", "Orders", "Last bought")


def summary_of(published: Published, currency: str) -> str:
    """The segments as a table, and where the run is; a line only if it was published before."""
    path = shown(published.path.removeprefix("file:"))
    if published.before:
        return f"This very run was published before, as {published.run_id}: {path}\n(--force publishes it again)"
    table = Table(*HEADINGS, box=box.SIMPLE)
    table.caption = "Spend, orders and days since the last purchase are the segment's medians."
    for column in table.columns[2:]:
        column.justify = "right"
        column.no_wrap = True
    for row in published.segments:
        # As text, since a plain string would be read for markup and the names of emoji.
        table.add_row(*[Text(shown(cell)) for cell in _cells(row, currency)])
    console = Console(width=WIDTH)
    with console.capture() as captured:
        console.print(table)
    lines = [
        "",
        f"Segments: {shown(published.choice)}.",
        captured.get().rstrip(),
        f"Run     {published.run_id}",
        f"Tables  {path}",
        f"Charts  {path}/charts",
    ]
    return "\n".join(lines)


def _cells(row: Mapping[str, Any], currency: str) -> list[str]:
    return [
        str(row[SEGMENT_ID]),
        row[SEGMENT_NAME],
        f"{row[CUSTOMERS]:,}",
        f"{row[CUSTOMER_SHARE]:.1%}",
        f"{currency}{row[REVENUE]:,.0f}",
        f"{row[REVENUE_SHARE]:.1%}",
        f"{currency}{row[f'median_{TOTAL_SPEND}']:,.0f}",
        f"{row[f'median_{PURCHASE_FREQUENCY}']:,.0f}",
        f"{row[f'median_{RECENCY_DAYS}']:,.0f} days ago",
    ]
