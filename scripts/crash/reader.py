"""The reader of a crash test, which reads the lake over and over in a thread of its own."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Final

from scripts.crash.checks import Fault, Kind, Watcher

# Twice as often as required, so that it stays often enough while the job uses all cores.
SECONDS_BETWEEN_READS: Final = 0.05
MOST_EXAMPLES: Final = 20


@dataclass
class Account:
    """Reads of a lake: how many, how many with a fault of each kind, and examples of faults, each text once."""

    reads: int = 0
    seconds: float = 0.0
    longest_pause: float = 0.0
    faulty: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

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
    account.seen = watcher.seen
    return account
