"""The terminal a job runs in: log lines, and a progress bar while a stage runs."""

import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from textwrap import wrap

from pyspark import SparkContext
from rich.console import Console
from rich.progress import BarColumn, ProgressColumn, SpinnerColumn, Task
from rich.progress import Progress as Bar
from rich.table import Column
from rich.text import Text

from segmentation.cli.log import WITH_TIME, PlainFormatter
from segmentation.cli.streams import SUBSTITUTE_CHARACTERS, terminal_of_parent
from segmentation.progress import Progress

BAR_WIDTH = 18
REFRESHES_PER_SECOND = 4


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
    descriptor = terminal_of_parent(2)
    if descriptor is None:
        return None
    with suppress(OSError):
        stream = os.fdopen(descriptor, "w", encoding=sys.stderr.encoding, errors=SUBSTITUTE_CHARACTERS)
        width = os.get_terminal_size(descriptor).columns or None  # a pseudo-terminal may not know
        return Console(file=stream, force_terminal=True, width=width)
    return None
