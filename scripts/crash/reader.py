"""The reader of a crash test: a process that reads the lake over and over until its standard input is closed.

It prints `ready` when it begins, and at its end one line of JSON: the fields of `Account`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from scripts.crash.checks import Fault, Kind, Watcher

# Twice as often as required, so that it stays often enough while the job uses all cores.
SECONDS_BETWEEN_READS: Final = 0.05
MOST_EXAMPLES: Final = 20
SECONDS_TO_STOP: Final = 60


@dataclass
class Account:
    """Reads of a lake: how many, how many with a fault of each kind, and examples of faults, each text once."""

    reads: int = 0
    seconds: float = 0.0
    longest_pause: float = 0.0
    faulty: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)

    def add(self, faults: Iterable[Fault]) -> None:
        """Count one read and its faults."""
        listed = list(faults)
        self.reads += 1
        self.faulty.update({fault.kind.value for fault in listed})
        for fault in listed:
            if fault.text not in self.examples and len(self.examples) < MOST_EXAMPLES:
                self.examples.append(fault.text)

    def count(self, kind: Kind) -> int:
        """Return how many reads had a fault of the kind."""
        return self.faulty[kind.value]


class Reader:
    """The reader's process; `stop` ends it and returns its account. As a context manager it never outlives the test."""

    def __init__(self, lake: Path) -> None:
        # In a session of its own: Ctrl-C reaches the crash test alone, which ends the reader.
        self._process = subprocess.Popen(
            [sys.executable, __file__, str(lake)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        if self._process.stdout.readline() != "ready\n":
            raise RuntimeError("the reader did not start")

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()

    def stop(self) -> Account:
        """End the process and return its account."""
        out, _ = self._process.communicate(timeout=SECONDS_TO_STOP)
        if self._process.returncode != 0:
            raise RuntimeError(f"the reader ended with {self._process.returncode}")
        content = json.loads(out)
        return Account(**{**content, "faulty": Counter(content["faulty"])})


def read_until(stopped: Event, lake: Path) -> Account:
    """Read every SECONDS_BETWEEN_READS; the clock begins with the first published run."""
    watcher, account = Watcher(lake), Account()
    first = last = 0.0
    while not stopped.is_set():
        began = time.monotonic()
        faults = watcher.look()
        if faults is not None:
            account.add(faults)
            first = first or began
            account.longest_pause = max(account.longest_pause, began - (last or began))
            last = began
        stopped.wait(began + SECONDS_BETWEEN_READS - time.monotonic())
    account.seconds = time.monotonic() - first if first else 0.0
    account.seen = sorted(watcher.seen)
    return account


def main() -> int:
    stopped = Event()

    def wait_for_end_of_input() -> None:
        sys.stdin.read()
        stopped.set()

    Thread(target=wait_for_end_of_input, daemon=True).start()
    print("ready", flush=True)
    print(json.dumps(vars(read_until(stopped, Path(sys.argv[1])))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
