"""The reader of a crash test, a process of its own: reads the lake over and over until its standard input is closed.

It says `ready` when it begins, and at its end one line of JSON: what `Account` holds.
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

from command_help import answer_help
from crash_checks import Fault, Kind, Watcher

# Twice as often as is wanted, so that it stays often enough while the job has all cores.
SECONDS_BETWEEN_READS: Final = 0.05
MOST_EXAMPLES: Final = 20
SECONDS_TO_STOP: Final = 60


@dataclass
class Account:
    """Reads of a lake: how many, how many with a fault of each kind, and what the faults were, each text once."""

    reads: int = 0
    seconds: float = 0.0
    longest_pause: float = 0.0
    faulty: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)

    def add(self, faults: Iterable[Fault]) -> None:
        found = list(faults)
        self.reads += 1
        self.faulty.update({fault.kind.value for fault in found})
        for fault in found:
            if fault.text not in self.examples and len(self.examples) < MOST_EXAMPLES:
                self.examples.append(fault.text)

    def count(self, kind: Kind) -> int:
        return self.faulty[kind.value]


class Reader:
    """The reader's process; `stop` ends it and gives its account. As a context it is gone at the end, come what may."""

    def __init__(self, lake: Path) -> None:
        # In a session of its own: Ctrl-C reaches the harness alone, which ends the reader.
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
        out, _ = self._process.communicate(timeout=SECONDS_TO_STOP)
        if self._process.returncode != 0:
            raise RuntimeError(f"the reader ended with {self._process.returncode}")
        content = json.loads(out)
        return Account(**{**content, "faulty": Counter(content["faulty"])})


def read_until(stopped: Event, lake: Path) -> Account:
    """Reads as often as SECONDS_BETWEEN_READS says; the clock begins with the first run published."""
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

    def wait_for_the_end() -> None:
        sys.stdin.read()
        stopped.set()

    Thread(target=wait_for_the_end, daemon=True).start()
    print("ready", flush=True)
    print(json.dumps(vars(read_until(stopped, Path(sys.argv[1])))))
    return 0


if __name__ == "__main__":
    answer_help("python scripts/crash_reader.py LAKE", __doc__)
    sys.exit(main())
