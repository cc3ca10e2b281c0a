"""The terminal a job runs in: log lines, a progress bar while a stage runs, and the closing summary."""

import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from textwrap import wrap
from typing import Any

from pyspark import SparkContext
from rich import box
from rich.console import Console
from rich.progress import BarColumn, ProgressColumn, SpinnerColumn, Task
from rich.progress import Progress as Bar
from rich.table import Column, Table
from rich.text import Text

from segmentation import schemas as s
from segmentation.cli.log import WITH_TIME, PlainFormatter
from segmentation.cli.streams import SUBSTITUTE_CHARACTERS
from segmentation.context import Published
from segmentation.progress import Progress
from segmentation.redaction import shown
from segmentation.report.text import money, number, percent

BAR_WIDTH = 18
REFRESHES_PER_SECOND = 4

# The summary's width where no terminal gives one, and at most.
WIDEST = 118
NARROWEST = 40
NARROWEST_NAME = 16
HEADINGS = (
    *("", "Segment", "Customers", "Share of\ncustomers", "Revenue", "Share of\nrevenue"),
    *("Spend", "Orders", "Last order,\ndays ago"),
)
# The columns to show from a width on; the report has all of them.
COLUMNS_OF_WIDTH = {110: range(9), 75: range(6), 50: (1, 2, 4), 0: (1, 4)}


def terminal() -> Console | None:
    """Return the terminal on standard error; None where that is a file or a pipe, or cannot move its cursor."""
    console = Console(stderr=True) if sys.stderr.isatty() else _terminal_of_spark_submit()
    return None if console is None or console.is_dumb_terminal else console


def screen_handler(console: Console | None) -> logging.Handler:
    """Return the handler for the log a person sees: on the terminal, or as lines with their time on standard error."""
    if console is not None:
        return _TerminalHandler(console)
    handler = logging.StreamHandler()
    handler.setFormatter(PlainFormatter(WITH_TIME))
    return handler


def print_line(console: Console, line: str, style: str = "") -> None:
    """Print a line without markup, wrapped between words; a path without spaces stays whole."""
    console.print(Text(wrapped(line, console.width), style=style), soft_wrap=True)


def wrapped(line: str, width: int) -> str:
    """Wrap a line between words, and indent what follows the first line.

    >>> print(wrapped("  dates: iso, as they are written in the file", 30))
      dates: iso, as they are
          written in the file
    """
    indent = " " * (len(line) - len(line.lstrip()) + 4)
    width = max(width, 2 * len(indent))
    return "\n".join(wrap(line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False))


class TerminalProgress(Progress):
    """Progress with a bar on the terminal while a stage runs."""

    def __init__(self, stages: int, console: Console) -> None:
        super().__init__(stages)
        self._console = console

    @contextmanager
    def _running(self, heading: str, began: float) -> Iterator[None]:
        def activity() -> str:
            details = self._note or _spark_activity()
            return f"{heading} … {time.perf_counter() - began:.0f} s{f' · {details}' if details else ''}"

        bar = Bar(
            SpinnerColumn("dots" if self._console.encoding.startswith("utf") else "line"),
            _LiveText(activity),
            BarColumn(BAR_WIDTH),
            console=self._console,
            transient=True,
            expand=True,
            refresh_per_second=REFRESHES_PER_SECOND,
        )
        bar.add_task("", total=self._stages, completed=len(self.seconds))
        with suppress(OSError):  # the terminal was closed
            bar.start()
        try:
            yield
        finally:
            with suppress(OSError):
                bar.stop()


def summary_of(published: Published, currency: str, width: int | None = None, log: Path | None = None) -> str:
    """Return the segments as a table that fits the width, and the paths of the run.

    It is one line if the run was published before.
    """
    path = shown(published.path.removeprefix("file:"))
    if published.already_published:
        return f"This very run was published before, as {published.run_id}: {path}\n(--force publishes it again)"
    console = Console(width=max(NARROWEST, min(width or WIDEST, WIDEST)))
    with console.capture() as captured:
        console.print(_table(published.segments, currency, console.width))
    lines = [
        "",
        wrapped(f"Segments: {shown(published.choice)}.", console.width),
        *[line.rstrip() for line in captured.get().rstrip().split("\n")],
        f"Report  {path}/report/index.html",
        f"Tables  {path}",
        f"Charts  {path}/charts",
    ]
    if log is not None:
        lines.append(f"Log     {shown(log)}")
    return "\n".join(lines)


def _table(segments: Sequence[Mapping[str, Any]], currency: str, width: int) -> Table:
    rows = [[shown(cell) for cell in _cells(segment, currency)] for segment in segments]
    columns = next(columns for least, columns in COLUMNS_OF_WIDTH.items() if width >= least)
    table = Table(box=box.SIMPLE, pad_edge=False)
    for column in columns:
        is_number = column >= 2
        table.add_column(HEADINGS[column], justify="right" if is_number else "left", no_wrap=is_number, overflow="fold")
    table.columns[columns.index(1)].min_width = min(NARROWEST_NAME, max(len(row[1]) for row in rows))
    if len(columns) == len(HEADINGS):
        table.caption = "Spend, orders and days since the last purchase are the segment's medians."
    for row in rows:
        # As Text: a plain string would be parsed for markup and emoji names.
        table.add_row(*[Text(row[column]) for column in columns])
    return table


def _cells(segment: Mapping[str, Any], currency: str) -> list[str]:
    """Return a segment's figures, formatted as in the report, in the order of HEADINGS."""
    return [
        str(segment[s.SEGMENT_ID]),
        segment[s.SEGMENT_NAME],
        f"{segment[s.CUSTOMERS]:,}",
        percent(segment[s.CUSTOMER_SHARE]),
        money(segment[s.REVENUE], currency),
        percent(segment[s.REVENUE_SHARE]),
        money(segment[f"median_{s.TOTAL_SPEND}"], currency),
        number(segment[f"median_{s.PURCHASE_FREQUENCY}"]),
        number(segment[f"median_{s.RECENCY_DAYS}"]),
    ]


class _LiveText(ProgressColumn):
    """The column of the bar that computes its text anew at each refresh."""

    def __init__(self, text: Callable[[], str]) -> None:
        super().__init__(Column(ratio=1, no_wrap=True, overflow="ellipsis"))
        self._text = text

    def render(self, task: Task) -> Text:
        return Text(self._text())


def _spark_activity() -> str:
    """Return how many tasks of the running Spark stages are done."""
    context = SparkContext._active_spark_context
    if context is None:
        return ""
    with suppress(Exception):  # the context may be stopping, and the text is only a courtesy
        tracker = context.statusTracker()
        stages = [info for stage in tracker.getActiveStageIds() if (info := tracker.getStageInfo(stage))]
        if stages:
            done = sum(stage.numCompletedTasks for stage in stages)
            tasks = sum(stage.numTasks for stage in stages)
            return f"{done} of {tasks} Spark tasks"
    return ""


class _TerminalHandler(logging.Handler):
    """Print records as lines of a terminal, above a bar if there is one."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console
        self.setFormatter(PlainFormatter("%(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        style = "yellow" if record.levelno >= logging.WARNING else ""
        with suppress(OSError, ValueError):  # the terminal was closed
            print_line(self._console, self.format(record), style)


def _terminal_of_spark_submit() -> Console | None:
    """Return the terminal of the parent process. spark-submit runs Python behind pipes, so only /proc leads there."""
    with suppress(OSError):  # no /proc on this system, or no right to it
        # Without O_TRUNC: the file of a shell's `2> job.log` must not be emptied.
        descriptor = os.open(f"/proc/{os.getppid()}/fd/2", os.O_WRONLY | os.O_NOCTTY)
        if os.isatty(descriptor):
            stream = os.fdopen(descriptor, "w", encoding=sys.stderr.encoding, errors=SUBSTITUTE_CHARACTERS)
            width = os.get_terminal_size(descriptor).columns or None  # a pseudo-terminal may not know
            return Console(file=stream, force_terminal=True, width=width)
        os.close(descriptor)
    return None
