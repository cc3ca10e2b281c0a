"""What a person sees while the job runs: on a terminal the stage and what Spark is doing, elsewhere a line a stage."""

import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread

from pyspark import SparkContext
from rich.console import Console
from rich.markup import escape
from rich.status import Status

from segmentation.plain_text import shown

logger = logging.getLogger(__name__)

REFRESH_SECONDS = 0.5


def terminal() -> Console | None:
    """The terminal that standard error is, or None where it is a file or a pipe.

    spark-submit runs Python behind a pipe of its own; there the terminal is the standard error of the parent process.
    """
    if sys.stderr.isatty():
        return Console(stderr=True)
    with suppress(OSError):  # no /proc on this system, or no right to it
        # Opened as it is: what a shell's `2> job.log` points to must not be emptied.
        descriptor = os.open(f"/proc/{os.getppid()}/fd/2", os.O_WRONLY | os.O_NOCTTY)
        if os.isatty(descriptor):
            return Console(file=os.fdopen(descriptor, "w", encoding="utf-8"), force_terminal=True)
        os.close(descriptor)
    return None


class Progress:
    """Stages of a known number, each timed; `seconds` holds what each took."""

    def __init__(self, stages: int, console: Console | None = None) -> None:
        self._stages = stages
        self._console = console
        self._found = ""
        self.seconds: dict[str, float] = {}

    def found(self, text: str) -> None:
        """What the running stage has to tell; shown with its line."""
        self._found = shown(text)

    @contextmanager
    def stage(self, title: str) -> Iterator[None]:
        """One stage of the run: shown while it runs, and told with its seconds when it is done."""
        number = len(self.seconds) + 1
        heading = f"[{number}/{self._stages}] {title}"
        self._found = ""
        began = time.perf_counter()
        with self._running(heading, began):
            yield
        self.seconds[title] = round(time.perf_counter() - began, 3)
        told = f"{heading}: {self._found}" if self._found else heading
        line = f"{told} ({self.seconds[title]:.1f} s)"
        if self._console:
            self._console.print(line, markup=False, highlight=False)
        else:
            logger.info("%s", line)

    @contextmanager
    def _running(self, heading: str, began: float) -> Iterator[None]:
        if not self._console:
            yield
            return
        done = Event()
        with self._console.status("") as status:
            watcher = Thread(target=_watch, args=(status, heading, began, done), daemon=True)
            watcher.start()
            try:
                yield
            finally:
                done.set()
                watcher.join()


def _watch(status: Status, heading: str, began: float, done: Event) -> None:
    while not done.is_set():
        status.update(f"{escape(heading)} … {time.perf_counter() - began:.0f} s{_spark_activity()}")
        done.wait(REFRESH_SECONDS)


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
            return f" · Spark: {shown(stages[0].name.split(' at ')[0])}, {finished} of {tasks} tasks"
    return ""
