"""The rounds of a crash test: a run is killed several times, then left to finish; between rounds are normal runs."""

from __future__ import annotations

import random
import signal
import sys
import tempfile
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from threading import Event
from typing import Final

from scripts.crash.checks import Fault, Kind, Watcher, leftovers, lost_pointer, run_ids
from scripts.crash.job import Job, Order
from scripts.crash.processes import ProcessGroup
from scripts.crash.reader import Account, read_until

RANDOM_MOMENT: Final = "random moment"
MOST_KILLS_PER_ROUND: Final = 4
# A run that takes longer hangs.
SECONDS_TO_WAIT: Final = 900
LOG_LINES_SHOWN: Final = 15


class JobFailedError(Exception):
    """The job did what no kill excuses: fail by itself, hang, or leave out a step."""


@dataclass
class Outcome:
    """The result of a crash test. Seconds are those of whole runs from start to exit."""

    kills: Counter[str] = field(default_factory=Counter)
    normal: list[float] = field(default_factory=list)
    redone: list[float] = field(default_factory=list)  # after kills that left nothing published
    reader: Account = field(default_factory=Account)
    own_reads: Account = field(default_factory=Account)  # one after each kill and each success
    afterwards: dict[str, Fault] = field(default_factory=dict)  # lost runs and leftovers, each text once
    failure: str | None = None

    def count(self, kind: Kind) -> int:
        """Return the reads with a fault of the kind, and how many such faults were there afterwards."""
        afterwards = sum(fault.kind == kind for fault in self.afterwards.values())
        return self.reader.count(kind) + self.own_reads.count(kind) + afterwards

    @property
    def recovery_ratio(self) -> float | None:
        """The median run after kills, relative to the median normal run."""
        return median(self.redone) / median(self.normal) if self.redone and self.normal else None

    @property
    def fewest_reads(self) -> int:
        """With fewer reads, finding no fault would prove nothing."""
        return max(self.kills.total(), 1)

    @property
    def is_success(self) -> bool:
        """Whether the test ran to its end with enough reads and no fault."""
        has_faults = any(self.count(kind) for kind in Kind)
        return self.failure is None and not has_faults and self.reader.reads >= self.fewest_reads


class CrashTest:
    """Starts and kills one job on one lake, at moments and steps drawn from a seed."""

    def __init__(self, lake: Path, job: Job, folder: Path, seed: int) -> None:
        self._lake = lake
        self._job = job
        self._folder = folder
        self._draw = random.Random(seed)
        self._watcher = Watcher(lake)
        self._published: set[str] = set()
        self._orders = 0
        self.outcome = Outcome()

    def run(self, kills: int, normal_runs: int, races: int = 0) -> Outcome:
        """Kill so many times, with the normal runs spread between; the very first run is not measured.

        In a race two runs of following days go at the same time, before the first kill.
        """
        outcome = self.outcome
        stopped = Event()
        with ThreadPoolExecutor(max_workers=1) as pool:
            reading = pool.submit(read_until, stopped, self._lake)
            try:
                self._publish(self._next_order())
                for _ in range(races):
                    self._race()
                planned = deque(planned_kills(kills, self._job.steps, self._draw))
                while planned:
                    if outcome.kills.total() * normal_runs >= len(outcome.normal) * kills:
                        self._normal_run()
                    self._round(planned)
                while len(outcome.normal) < normal_runs:
                    self._normal_run()
            except JobFailedError as error:
                outcome.failure = str(error)
            finally:
                stopped.set()
            outcome.reader = reading.result()
        # A run that is not the latest may have changed since its last turn to be read.
        self._note(self._watcher.lost(self._published | self._watcher.seen | outcome.reader.seen))
        return outcome

    def _next_order(self) -> Order:
        self._orders += 1
        return Order(self._orders)

    def _normal_run(self) -> None:
        seconds = self._publish(self._next_order())
        self.outcome.normal.append(seconds)
        _say(f"normal run: {seconds:.1f} s")

    def _race(self) -> None:
        orders = self._next_order(), self._next_order()
        with self._start(orders[0]) as first, self._start(orders[1]) as second:
            for order, (group, log_end) in zip(orders, (first, second), strict=True):
                self._wait(order, group, log_end)
        self._check(*orders)
        _say(f"race: {' and '.join(order.run_id for order in orders)}")

    def _round(self, planned: deque[str]) -> None:
        """Kill one run up to MOST_KILLS_PER_ROUND times as planned, then let it finish."""
        order, outcome = self._next_order(), self.outcome
        done: list[str] = []
        for _ in range(self._draw.randint(1, MOST_KILLS_PER_ROUND)):
            # A published run goes through no step again: a kill at a step waits for the next round.
            if not planned or (planned[0] != RANDOM_MOMENT and self._is_published(order)):
                break
            if not self._kill(order, planned[0]):
                break  # it had ended before; the next round draws another moment
            done.append(planned.popleft())
        is_redone = bool(done) and not self._is_published(order)
        seconds = self._publish(order)
        if is_redone:
            outcome.redone.append(seconds)
        killed = ", ".join(done) or "not"
        _say(f"{outcome.kills.total()} kills: {order.run_id} killed: {killed}; finished in {seconds:.1f} s")

    def _is_published(self, order: Order) -> bool:
        return order.run_id in run_ids(self._lake)

    def _kill(self, order: Order, kill: str) -> bool:
        """Start a run and kill it at a step or a random moment; return False if it ended before the moment."""
        at_random = kill == RANDOM_MOMENT
        moment = self._draw.random() * median(self.outcome.normal)
        with self._start(order, None if at_random else kill) as (group, log_end):
            hangs = group.wait(moment if at_random else SECONDS_TO_WAIT) is None and not at_random
            code = group.kill()
            if hangs or code not in (0, -signal.SIGKILL) or (code == 0 and not at_random):
                trouble = "hangs before" if hangs else f"ended by itself with {code} before"
                raise JobFailedError(f"{order.run_id} {trouble} “{kill}”; its log ends:\n{log_end()}")
        if code == 0:
            return False
        self.outcome.kills[kill] += 1
        self._look()
        return True

    def _publish(self, order: Order) -> float:
        """Let a run finish, check the lake after it, and return its seconds."""
        with self._start(order) as (group, log_end):
            seconds = self._wait(order, group, log_end)
        self._check(order)
        return seconds

    def _wait(self, order: Order, group: ProcessGroup, log_end: Callable[[], str]) -> float:
        """Wait until a run has ended well, and return its seconds."""
        code = group.wait(SECONDS_TO_WAIT)
        if code != 0:
            raise JobFailedError(f"{order.run_id}, not killed, ended with {code}; its log ends:\n{log_end()}")
        return group.seconds

    def _check(self, *orders: Order) -> None:
        """Check the lake after runs that ended well, the one of the latest day last."""
        ids = [order.run_id for order in orders]
        self._published.update(ids)
        self._look()
        self._note(self._watcher.lost(ids))
        self._note(lost_pointer(self._lake, ids[-1]))
        self._note(leftovers(self._lake, self._published))

    @contextmanager
    def _start(self, order: Order, step: str | None = None) -> Iterator[tuple[ProcessGroup, Callable[[], str]]]:
        """Start the job in a process group; yield it and a function that returns the end of its log."""
        # Its scratch folder is deleted here: Spark cannot clean up after SIGKILL.
        with tempfile.TemporaryDirectory(prefix="run-", dir=self._folder, ignore_cleanup_errors=True) as folder:
            scratch = Path(folder)
            log = scratch / "log"
            command = self._job.command(order, scratch, step)
            with ProcessGroup(command, self._job.environment(scratch), scratch, log) as group:
                yield group, lambda: _end_of(log)

    def _look(self) -> None:
        faults = self._watcher.look()
        if faults is not None:
            self.outcome.own_reads.add(faults)

    def _note(self, faults: list[Fault]) -> None:
        self.outcome.afterwards.update({fault.text: fault for fault in faults})


def planned_kills(kills: int, steps: Sequence[str], draw: random.Random) -> list[str]:
    """Plan half of the kills at the steps in turn, the others at random moments, shuffled; all random without steps."""
    first = draw.randrange(len(steps)) if steps else 0
    at_steps = [steps[(first + number) % len(steps)] for number in range(kills // 2)] if steps else []
    planned = at_steps + [RANDOM_MOMENT] * (kills - len(at_steps))
    draw.shuffle(planned)
    return planned


def _end_of(log: Path) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES_SHOWN:])


def _say(message: str) -> None:
    print(f"crash_test: {message}", file=sys.stderr, flush=True)
