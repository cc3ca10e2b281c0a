"""Measure a command as a whole: its time, and the processor time and memory of all processes that it starts."""

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

SECONDS_BETWEEN_SAMPLES: Final = 0.1


@dataclass(frozen=True)
class Measurement:
    """The exit code, wall and CPU seconds, peak memory of all processes together, and output of a command."""

    code: int
    wall: float
    cpu: float
    peak_bytes: int
    output: str = ""


def measure(command: Sequence[str], folder: Path) -> Measurement:
    """Run a command in a folder to its end. Its output is passed on only if it fails."""
    with tempfile.TemporaryFile("w+", errors="replace") as file:
        began = time.monotonic()
        process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=file, stderr=file)
        memory = _MemorySampler(process.pid)
        memory.start()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - began
        memory.done.set()
        memory.join()
        process.returncode = os.waitstatus_to_exitcode(status)
        file.seek(0)
        output = file.read()
        if process.returncode:
            sys.stderr.write(output)
    return Measurement(process.returncode, wall, usage.ru_utime + usage.ru_stime, memory.peak_bytes, output.strip())


class _MemorySampler(threading.Thread):
    """Samples the resident memory of a process and its descendants, and keeps the peak."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.peak_bytes = 0
        self.done = threading.Event()
        self._pid = pid

    def run(self) -> None:
        while not self.done.wait(SECONDS_BETWEEN_SAMPLES):
            with suppress(psutil.Error):
                root = psutil.Process(self._pid)
                resident = sum(_resident_bytes(process) for process in [root, *root.children(recursive=True)])
                self.peak_bytes = max(self.peak_bytes, resident)


def _resident_bytes(process: psutil.Process) -> int:
    with suppress(psutil.Error):  # it ended meanwhile
        return int(process.memory_info().rss)
    return 0
