"""The terminal a job runs in: log lines, and a progress bar while a stage runs."""

import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from textwrap import wrap

from pyspark import SparkContext
from rich.console import Console
from rich.progress import Progress as Bar
from rich.progress import ProgressColumn, SpinnerColumn, Task
from rich.progress_bar import ProgressBar
from rich.table import Column
from rich.text import Text

from segmentation.cli.log import WITH_TIME, PlainFormatter
from segmentation.cli.streams import SUBSTITUTE_CHARACTERS, terminal_of_parent
from segmentation.progress import TYPICAL_SHARES, Progress

# The width of the bar from a width of the terminal on.
BAR_WIDTHS = {100: 18, 60: 8, 0: 0}
WIDTH_OF_SPINNER = 2
# Below it the time left is in seconds, above it in minutes.
SECONDS_SHOWN = 90
# Fewer tasks of Spark say nothing: one may take as long as the stage.
FEWEST_TASKS_SHOWN = 10
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

    def __init__(self, stages: int, console: Console, shares: Mapping[str, float] = TYPICAL_SHARES) -> None:
        super().__init__(stages, shares)
        self._console = console

    @contextmanager
    def _running(self, heading: str, title: str, began: float) -> Iterator[None]:
        def outlook() -> tuple[float, float | None]:
            return self.outlook(title, time.perf_counter() - began)

        def times() -> str:
            return times_of(time.perf_counter() - began, outlook()[1])

        def activity() -> str:
            free = self._console.width - WIDTH_OF_SPINNER - len(times()) - 1 - (bar_width + 1 if bar_width else 0)
            return fitting(heading, self._note or _spark_activity(), free)

        bar_width = next(width for least, width in BAR_WIDTHS.items() if self._console.width >= least)
        bar = Bar(
            SpinnerColumn("dots" if self._console.encoding.startswith("utf") else "line"),
            _LiveText(activity, Column(ratio=1, no_wrap=True, overflow="ellipsis")),
            *([_ShareBar(bar_width, lambda: outlook()[0])] if bar_width else []),
            _LiveText(times, Column(no_wrap=True, justify="right")),
            console=self._console,
            transient=True,
            expand=True,
            refresh_per_second=REFRESHES_PER_SECOND,
        )
        bar.add_task("")
        with suppress(OSError):  # the terminal was closed
            bar.start()
        try:
            yield
        finally:
            with suppress(OSError):
                bar.stop()


def fitting(heading: str, details: str, width: int) -> str:
    """Return the heading with its details where both fit, else the heading alone, cut between words.

    >>> fitting("[4/9] Trying", "7 of 10", 30), fitting("[4/9] Trying", "7 of 10", 20), fitting("[4/9] Trying", "", 9)
    ('[4/9] Trying · 7 of 10', '[4/9] Trying …', '[4/9] …')
    """
    if details and len(heading) + len(details) + 3 <= width:
        return f"{heading} · {details}"
    words = heading.split(" ")
    while len(words) > 1 and len(" ".join(words)) + 2 > width:
        words.pop()
    return f"{' '.join(words)} …"


def times_of(elapsed: float, left: float | None) -> str:
    """Return how long a stage has taken, and about how long the run will still take.

    >>> times_of(12.3, None), times_of(12.3, 3), times_of(70, 33), times_of(70, 200)
    ('12 s', '12 s, ~5 s left', '70 s, ~35 s left', '70 s, ~3 min left')
    """
    if left is None:
        return f"{elapsed:.0f} s"
    estimate = f"{round(left / 60)} min" if left >= SECONDS_SHOWN else f"{max(1, round(left / 5)) * 5} s"
    return f"{elapsed:.0f} s, ~{estimate} left"


class _ShareBar(ProgressColumn):
    """The bar of the share that is done."""

    def __init__(self, width: int, share: Callable[[], float]) -> None:
        super().__init__()
        self._width = width
        self._share = share

    def render(self, task: Task) -> ProgressBar:
        return ProgressBar(total=1.0, completed=self._share(), width=self._width)


class _LiveText(ProgressColumn):
    """The column of the bar that computes its text anew at each refresh."""

    def __init__(self, text: Callable[[], str], column: Column) -> None:
        super().__init__(column)
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
        done = sum(stage.numCompletedTasks for stage in stages)
        tasks = sum(stage.numTasks for stage in stages)
        if tasks >= FEWEST_TASKS_SHOWN:
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
