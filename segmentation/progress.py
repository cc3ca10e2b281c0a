"""Progress of a run: which stage it is in, what the stage found, how long each took, and what was warned of.

Drawing it on a terminal is `cli.console`'s work.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from segmentation.redaction import shown

logger = logging.getLogger(__name__)


class Progress:
    """Time the stages of a run and log a line for each. `seconds` maps a finished stage's title to its duration."""

    def __init__(self, stages: int) -> None:
        self._stages = stages
        self._note = ""
        self.seconds: dict[str, float] = {}

    def note(self, text: str) -> None:
        """Set what the running stage found, for its log line."""
        self._note = shown(text)

    @contextmanager
    def stage(self, title: str) -> Iterator[None]:
        """Time one stage and log it when it is done."""
        heading = f"[{len(self.seconds) + 1}/{self._stages}] {title}"
        self._note = ""
        began = time.perf_counter()
        with self._running(heading, began):
            yield
        self.seconds[title] = round(time.perf_counter() - began, 3)
        line = f"{heading}: {self._note}" if self._note else heading
        logger.info("%s", f"{line} ({self.seconds[title]:.1f} s)")

    @contextmanager
    def _running(self, heading: str, began: float) -> Iterator[None]:
        """Wrap a running stage; a subclass draws it here."""
        yield


LIBRARY: Final = "segmentation"
# The report shows this many; the log has all of them.
MOST_WARNINGS: Final = 50


class _Collector(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []
        self.omitted = 0

    def emit(self, record: logging.LogRecord) -> None:
        if len(self.messages) < MOST_WARNINGS:
            self.messages.append(shown(record.getMessage()))
        else:
            self.omitted += 1
            self.messages[MOST_WARNINGS:] = [f"and {self.omitted:,} more, in the log"]


@contextmanager
def collected_warnings() -> Iterator[list[str]]:
    """Yield a list to which the library's warnings are appended, for the run's report."""
    collector, library = _Collector(), logging.getLogger(LIBRARY)
    library.addHandler(collector)
    try:
        yield collector.messages
    finally:
        library.removeHandler(collector)
