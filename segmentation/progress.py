"""Progress of a run: which stage it is in, what the stage found, how long each took, and what was warned of.

Drawing it on a terminal is `cli.console`'s work.
"""

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from segmentation.redaction import shown

logger = logging.getLogger(__name__)


# How the time of a run divides among its stages, as measured on Online Retail and on the demo's data.
TYPICAL_SHARES: Final = {
    "Looking at the input": 0.005,
    "Cleaning the lines": 0.32,
    "Aggregating customers, countries and products": 0.20,
    "Trying each number of segments": 0.12,
    "Naming the segments": 0.065,
    "Drawing the charts": 0.20,
    "Writing the report": 0.002,
    "Auditing": 0.085,
    "Publishing": 0.003,
}
# Of the expected time: so much must be over before the pace of a run without a predecessor is known.
LEAST_SHARE_FOR_A_PACE: Final = 0.2
# A stage that takes longer than expected stays short of its end.
MOST_OF_A_STAGE: Final = 0.95


class Progress:
    """Time the stages of a run and log a line for each. `seconds` maps a finished stage's title to its duration.

    `shares` are those that each stage usually has of the time.
    """

    def __init__(self, stages: int, shares: Mapping[str, float] = TYPICAL_SHARES) -> None:
        self._stages = stages
        self._note = ""
        self.seconds: dict[str, float] = {}
        self._expected = shares
        self._has_predecessor = False

    def expect(self, seconds: Mapping[str, float]) -> None:
        """Expect the durations that the stages had in an earlier run; none leave the typical shares."""
        if set(TYPICAL_SHARES) & set(seconds):
            self._expected = {title: seconds.get(title, 0.0) for title in TYPICAL_SHARES}
            self._has_predecessor = True

    def outlook(self, title: str, elapsed: float) -> tuple[float, float | None]:
        """Return the share of the run that is done and the seconds left, `elapsed` seconds into a stage.

        The seconds are None until the pace of this run is known.
        """
        expected = self._expected
        total = sum(expected.values()) or 1.0
        over = sum(expected.get(stage, 0.0) for stage in self.seconds)
        this = expected.get(title, 0.0)
        ahead = max(0.0, total - over - this)
        spent = sum(self.seconds.values())
        if over >= LEAST_SHARE_FOR_A_PACE * total:
            pace = spent / over
        elif self._has_predecessor:
            pace = 1.0
        else:
            return over / total, None
        if elapsed > pace * this:  # this stage says more than those before it
            pace = (spent + elapsed) / (over + this) if over + this else pace
        part = min(elapsed / (pace * this), MOST_OF_A_STAGE) if pace * this else 0.0
        return (over + part * this) / total, pace * ahead + max(0.0, pace * this - elapsed)

    def note(self, text: str) -> None:
        """Set what the running stage found, for its log line."""
        self._note = shown(text)

    @contextmanager
    def stage(self, title: str) -> Iterator[None]:
        """Time one stage and log it when it is done."""
        heading = f"[{len(self.seconds) + 1}/{self._stages}] {title}"
        self._note = ""
        began = time.perf_counter()
        with self._running(heading, title, began):
            yield
        self.seconds[title] = round(time.perf_counter() - began, 3)
        line = f"{heading}: {self._note}" if self._note else heading
        logger.info("%s", f"{line} ({self.seconds[title]:.1f} s)")

    @contextmanager
    def _running(self, heading: str, title: str, began: float) -> Iterator[None]:
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
