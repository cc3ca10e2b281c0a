"""The rounds of a crash test: a run is killed some times over, then left in peace; between them runs nobody kills."""

from __future__ import annotations

import random
import signal
import tempfile
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Final

from crash_checks import Fault, Kind, Watcher, leftovers, lost, lost_pointer, run_ids
from crash_job import Job, Order
from crash_processes import ProcessGroup
from crash_reader import Account, Reader

RANDOM_MOMENT: Final = "random moment"
MOST_KILLS_OF_A_ROUND: Final = 4
# A run that takes this long hangs.
SECONDS_TO_WAIT: Final = 900
LINES_OF_A_LOG: Final = 15


class JobFailedError(Exception):
    """The job did what it may not do even where it is killed: fail by itself, hang, or leave out a step."""


@dataclass
class Outcome:
    """What a crash test found. Seconds are those of whole runs from start to exit."""

    kills: Counter[str] = field(default_factory=Counter)
    outran: int = 0  # runs that were done before the moment at which they were to be killed
    normal: list[float] = field(default_factory=list)
    redone: list[float] = field(default_factory=list)  # after kills, nothing published yet
    found_published: list[float] = field(default_factory=list)  # after a kill behind the rename
    reader: Account = field(default_factory=Account)
    harness: Account = field(default_factory=Account)  # its own read after each kill and each success
    afterwards: dict[str, Fault] = field(default_factory=dict)  # runs lost and leftovers, each text once
    failure: str | None = None
    is_interrupted: bool = False

    def count(self, kind: Kind) -> int:
        """Reads with a fault of the kind; for LOST and LEFTOVER, and for CHANGED at the end, how many."""
        settled = sum(fault.kind == kind for fault in self.afterwards.values())
        return self.reader.count(kind) + self.harness.count(kind) + settled

    @property
    def recovery_ratio(self) -> float | None:
        return median(self.redone) / median(self.normal) if self.redone and self.normal else None

    @property
    def fewest_reads(self) -> int:
        """With fewer, that nothing was found would say nothing."""
        return max(self.kills.total(), 1)

    @property
    def is_as_wanted(self) -> bool:
        found = any(self.count(kind) for kind in Kind)
        return self.failure is None and not found and self.reader.reads >= self.fewest_reads


class CrashTest:
    """Starts and kills one job on one lake, by moments and steps that follow from a seed."""

    def __init__(self, lake: Path, job: Job, folder: Path, seed: int, say: Callable[[str], None]) -> None:
        self._lake = lake
        self._job = job
        self._folder = folder
        self._draw = random.Random(seed)
        self._say = say
        self._watcher = Watcher(lake)
        self._published: set[str] = set()
        self._orders = 0
        self.outcome = Outcome()

    def run(self, kills: int, normal_runs: int) -> Outcome:
        """Kills so many times, with so many normal runs spread between; the first run of all is not measured."""
        outcome = self.outcome
        with Reader(self._lake) as reader:
            try:
                self._publish(self._next_order())
                planned = deque(planned_kills(kills, self._job.steps, self._draw))
                while planned:
                    if outcome.kills.total() * normal_runs >= len(outcome.normal) * kills:
                        self._normal_run()
                    self._round(planned)
                while len(outcome.normal) < normal_runs:
                    self._normal_run()
            except JobFailedError as error:
                outcome.failure = str(error)
            except KeyboardInterrupt:
                outcome.failure, outcome.is_interrupted = "interrupted; nothing of it runs any more", True
            outcome.reader = reader.stop()
        # A run that is not the latest may have changed after the last look whose turn it was.
        self._settle(self._watcher.changed())
        self._settle(lost(self._lake, self._published | self._watcher.seen | set(outcome.reader.seen)))
        return outcome

    def _next_order(self) -> Order:
        self._orders += 1
        return Order(self._orders)

    def _normal_run(self) -> None:
        seconds = self._publish(self._next_order())
        self.outcome.normal.append(seconds)
        self._say(f"normal run: {seconds:.1f} s")

    def _round(self, planned: deque[str]) -> None:
        """Up to MOST_KILLS_OF_A_ROUND of the planned kills on one run, then the same run in peace."""
        order, outcome = self._next_order(), self.outcome
        done: list[str] = []
        outran = False
        for _ in range(self._draw.randint(1, MOST_KILLS_OF_A_ROUND)):
            # A run that is published goes through no step again: the next step waits for the next round.
            if not planned or (planned[0] != RANDOM_MOMENT and self._is_published(order)):
                break
            if not self._killed(order, planned[0]):
                outran = True  # another moment is drawn in the next round
                outcome.outran += 1
                break
            done.append(planned.popleft())
        was_published = self._is_published(order)
        seconds = self._publish(order)
        if done and not outran:  # else it was not a kill that left what was found
            (outcome.found_published if was_published else outcome.redone).append(seconds)
        killed = ", ".join(done) or "not"
        self._say(f"{outcome.kills.total()} kills: {order.run_id} killed: {killed}; then {seconds:.1f} s in peace")

    def _is_published(self, order: Order) -> bool:
        return order.run_id in run_ids(self._lake)

    def _killed(self, order: Order, kill: str) -> bool:
        """Starts a run to be killed at a step or a random moment; False where it ended before the moment."""
        at_random = kill == RANDOM_MOMENT
        moment = self._draw.random() * median(self.outcome.normal)
        with self._started(order, None if at_random else kill) as (group, said):
            if group.ended_within(moment if at_random else SECONDS_TO_WAIT) is None and not at_random:
                raise JobFailedError(f"{order.run_id} hangs before the step {kill!r}; it said:\n{said()}")
            code = group.kill()
            if code not in (0, -signal.SIGKILL):
                raise JobFailedError(f"{order.run_id} ended by itself with {code}; it said:\n{said()}")
            if code == 0 and not at_random:
                raise JobFailedError(f"{order.run_id} ended without the step {kill!r}; it said:\n{said()}")
        if code == 0:
            return False
        self.outcome.kills[kill] += 1
        self._look()
        return True

    def _publish(self, order: Order) -> float:
        """A run in peace, and what the lake is like after it; its seconds."""
        with self._started(order) as (group, said):
            code = group.ended_within(SECONDS_TO_WAIT)
            seconds = group.seconds
            if code != 0:
                raise JobFailedError(f"{order.run_id} in peace ended with {code}; it said:\n{said()}")
        self._published.add(order.run_id)
        self._look()
        self._settle(lost(self._lake, [order.run_id]))
        self._settle(lost_pointer(self._lake, order.run_id))
        self._settle(leftovers(self._lake, self._published))
        return seconds

    @contextmanager
    def _started(self, order: Order, step: str | None = None) -> Iterator[tuple[ProcessGroup, Callable[[], str]]]:
        """The job in a process group, and what shows the end of its log; its scratch goes with it."""
        # Spark cannot clean up after SIGKILL.
        with tempfile.TemporaryDirectory(prefix="run-", dir=self._folder, ignore_cleanup_errors=True) as folder:
            scratch = Path(folder)
            log = scratch / "log"
            command = self._job.command(order, scratch, step)
            with ProcessGroup(command, self._job.environment(scratch), scratch, log) as group:
                yield group, lambda: end_of(log)

    def _look(self) -> None:
        faults = self._watcher.look()
        if faults is not None:
            self.outcome.harness.add(faults)

    def _settle(self, faults: list[Fault]) -> None:
        self.outcome.afterwards.update({fault.text: fault for fault in faults})


def planned_kills(kills: int, steps: Sequence[str], draw: random.Random) -> list[str]:
    """Half of the kills at the steps in turn, the others at random moments, shuffled; all random without steps."""
    first = draw.randrange(len(steps)) if steps else 0
    at_steps = [steps[(first + number) % len(steps)] for number in range(kills // 2)] if steps else []
    planned = at_steps + [RANDOM_MOMENT] * (kills - len(at_steps))
    draw.shuffle(planned)
    return planned


def end_of(log: Path) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-LINES_OF_A_LOG:])
