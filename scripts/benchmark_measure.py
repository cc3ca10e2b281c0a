"""A command measured as a whole: its time, and the processor and the memory of all processes that it starts."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

SECONDS_BETWEEN_LOOKS: Final = 0.1


@dataclass(frozen=True)
class Measured:
    """What a command took: exit code, seconds of wall and of all processors, and the most bytes at one moment; and what
    it said.
    """

    code: int
    wall: float
    cpu: float
    peak_bytes: int
    said: str = ""


def measure(command: Sequence[str], folder: Path) -> Measured:
    """Runs a command in a folder to its end; what it says is handed on only where it fails."""
    with tempfile.TemporaryFile("w+", errors="replace") as said:
        began = time.monotonic()
        process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        peak = _Peak(process.pid)
        peak.start()
        _, status, used = os.wait4(process.pid, 0)
        wall = time.monotonic() - began
        peak.done.set()
        peak.join()
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        text = said.read()
        if process.returncode:
            sys.stderr.write(text)
    return Measured(process.returncode, wall, used.ru_utime + used.ru_stime, peak.bytes, text.strip())


class _Peak(threading.Thread):
    """Looks several times a second at what a process and those below it hold in memory."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.bytes = 0
        self.done = threading.Event()
        self._pid = pid

    def run(self) -> None:
        while not self.done.wait(SECONDS_BETWEEN_LOOKS):
            with suppress(psutil.Error):
                root = psutil.Process(self._pid)
                self.bytes = max(self.bytes, sum(_resident(one) for one in [root, *root.children(recursive=True)]))


def _resident(process: psutil.Process) -> int:
    with suppress(psutil.Error):  # it ended meanwhile
        return int(process.memory_info().rss)
    return 0
