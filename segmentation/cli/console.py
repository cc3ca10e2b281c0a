"""Where a person sees what a job does: a terminal, or the lines of a log."""
# TODO-DOC summary: The closing summary of a run, for the screen.

import codecs
import logging
import os
import sys
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from textwrap import wrap
from threading import Event, Thread
from typing import Any

from pyspark import SparkContext
from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleDimensions
from rich.progress import BarColumn, SpinnerColumn, TaskID, TextColumn
from rich.progress import Progress as Bar
from rich.table import Column, Table
from rich.text import Text

from segmentation import schemas as s
from segmentation.cli.log import RunLog
from segmentation.pipeline import Published
from segmentation.progress import Progress
from segmentation.redaction import PlainFormatter, plain_log, shown
from segmentation.report.text import money, number, percent

logger = logging.getLogger(__name__)

REFRESH_SECONDS = 0.5
BAR_WIDTH = 18
# The mark of a record that stands on the terminal already.
ON_SCREEN = {"is_on_screen": True}
PLAIN_ERRORS = "plainer"
# What stands in place of a character that the terminal's encoding does not have.
PLAINER = {"£": "GBP ", "€": "EUR ", "₹": "INR ", "…": "...", "·": "-", "–": "-", "×": "x", "─": "-", "′": "'"}


class Terminal(Console):
    """A terminal of the size that it has at the moment, whichever of the process's files it is."""

    @property
    def size(self) -> ConsoleDimensions:
        with suppress(OSError, ValueError):
            columns, lines = os.get_terminal_size(self.file.fileno())
            if columns:  # a pseudo-terminal may not say
                return ConsoleDimensions(columns, lines)
        return super().size

    @size.setter
    def size(self, new_size: tuple[int, int]) -> None:
        self._width, self._height = new_size


class TerminalLog(logging.Handler):
    """Records as lines of a terminal, above a bar if one is there."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console
        self.setFormatter(PlainFormatter("%(message)s"))
        self.addFilter(lambda record: not hasattr(record, "is_on_screen"))

    def emit(self, record: logging.LogRecord) -> None:
        style = "yellow" if record.levelno >= logging.WARNING else ""
        with suppress(OSError, ValueError):  # whoever looked is gone
            tell(self._console, self.format(record), style)


def tell(console: Console, line: str, style: str = "") -> None:
    """A line on the terminal as it is, broken between words; what has no space, such as a path, stays whole."""
    console.print(Text(broken(line, console.width), style=style), soft_wrap=True)


def broken(line: str, width: int) -> str:
    """The line in as many as it takes, all but the first indented further than it is.

    >>> print(broken("  dates: iso, as they are written in the file", 30))
      dates: iso, as they are
          written in the file
    """
    indent = " " * (len(line) - len(line.lstrip()) + 4)
    return "\n".join(
        wrap(
            line, max(width, 2 * len(indent)), subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
        )
    )


def screen_log(console: Console | None) -> logging.Handler:
    """The log that a person sees: on the terminal, or as lines with their time on standard error."""
    return TerminalLog(console) if console else plain_log("%(asctime)s %(message)s")


def terminal() -> Console | None:
    """The terminal that standard error is, or None where it is a file, a pipe, or cannot move its cursor.

    spark-submit runs Python behind a pipe of its own; there the terminal is the standard error of the parent process.
    """
    console = None
    if sys.stderr.isatty():
        console = Terminal(stderr=True)
    else:
        with suppress(OSError):  # no /proc on this system, or no right to it
            # Opened as it is: what a shell's `2> job.log` points to must not be emptied.
            descriptor = os.open(f"/proc/{os.getppid()}/fd/2", os.O_WRONLY | os.O_NOCTTY)
            if os.isatty(descriptor):
                stream = os.fdopen(descriptor, "w", encoding=sys.stderr.encoding, errors=PLAIN_ERRORS)
                console = Terminal(file=stream, force_terminal=True)
            else:
                os.close(descriptor)
    return None if console is None or console.is_dumb_terminal else console


def _plainer(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    return "".join(PLAINER.get(one, "?") for one in error.object[error.start : error.end]), error.end


codecs.register_error(PLAIN_ERRORS, _plainer)


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
        str(row[s.SEGMENT_ID]),
        row[s.SEGMENT_NAME],
        f"{row[s.CUSTOMERS]:,}",
        percent(row[s.CUSTOMER_SHARE]),
        money(row[s.REVENUE], currency),
        percent(row[s.REVENUE_SHARE]),
        money(row[f"median_{s.TOTAL_SPEND}"], currency),
        number(row[f"median_{s.PURCHASE_FREQUENCY}"]),
        number(row[f"median_{s.RECENCY_DAYS}"]),
    ]


class TerminalProgress(Progress):
    """Progress with a bar on a terminal while a stage runs."""

    def __init__(self, stages: int, console: Console) -> None:
        super().__init__(stages)
        self._console = console
        self._began = time.perf_counter()

    def _done(self, line: str) -> None:
        with suppress(OSError):  # the terminal is gone
            tell(self._console, line)
        logger.info("%s", line, extra=ON_SCREEN)

    @contextmanager
    def _running(self, heading: str, began: float) -> Iterator[None]:
        done = Event()
        bar = _bar(self._console)
        task = bar.add_task(f"{heading} …", total=self._stages, completed=len(self.seconds), minutes=self._minutes())
        with suppress(OSError):  # as above
            bar.start()
        watcher = Thread(target=self._watch, args=(bar, task, heading, began, done), daemon=True)
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()
            with suppress(OSError):
                bar.stop()

    def _watch(self, bar: Bar, task: TaskID, heading: str, began: float, done: Event) -> None:
        while not done.is_set():
            activity = self._found or _spark_activity()
            told = f"{heading} … {time.perf_counter() - began:.0f} s{f' · {activity}' if activity else ''}"
            bar.update(task, description=told, minutes=self._minutes())
            done.wait(REFRESH_SECONDS)

    def _minutes(self) -> str:
        """Minutes and seconds since the first stage began."""
        return "{}:{:02}".format(*divmod(int(time.perf_counter() - self._began), 60))


def _bar(console: Console) -> Bar:
    """One line: what is being done, cut to fit, how many of the stages are done, and the time since the first began."""
    text = TextColumn(
        "{task.description}", markup=False, table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis")
    )
    spinner = SpinnerColumn("dots" if console.encoding.startswith("utf") else "line")
    minutes = TextColumn("{task.fields[minutes]}", markup=False)
    return Bar(spinner, text, BarColumn(BAR_WIDTH), minutes, console=console, transient=True, expand=True)


def _spark_activity() -> str:
    """The running Spark jobs and their tasks, in a few words."""
    context = SparkContext._active_spark_context
    if context is None:
        return ""
    with suppress(Exception):  # the context may be stopping; the line is only a courtesy
        tracker = context.statusTracker()
        stages = [info for stage in tracker.getActiveStageIds() if (info := tracker.getStageInfo(stage))]
        if stages:
            finished, tasks = sum(s.numCompletedTasks for s in stages), sum(s.numTasks for s in stages)
            return f"Spark: {shown(stages[0].name.split(' at ')[0])}, {finished} of {tasks} tasks"
    return ""
