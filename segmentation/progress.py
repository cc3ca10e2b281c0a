"""What a person sees while the job runs: on a terminal one bar with what is being done, elsewhere a line a stage."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread

from pyspark import SparkContext
from rich.console import Console
from rich.progress import BarColumn, SpinnerColumn, TaskID, TextColumn
from rich.progress import Progress as Bar
from rich.table import Column

from segmentation.plain_text import shown
from segmentation.screen import ON_SCREEN, tell

logger = logging.getLogger(__name__)

REFRESH_SECONDS = 0.5
BAR_WIDTH = 18


class Progress:
    """Stages of a known number, each timed; `seconds` holds what each took."""

    def __init__(self, stages: int, console: Console | None = None) -> None:
        self._stages = stages
        self._console = console
        self._found = ""
        self._began = time.perf_counter()
        self.seconds: dict[str, float] = {}

    def found(self, text: str) -> None:
        """What the running stage has to tell; shown beside the bar, and with the stage's line."""
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
            with suppress(OSError):  # whoever looked is gone
                tell(self._console, line)
            logger.info("%s", line, extra=ON_SCREEN)
        else:
            logger.info("%s", line)

    @contextmanager
    def _running(self, heading: str, began: float) -> Iterator[None]:
        if not self._console:
            yield
            return
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
