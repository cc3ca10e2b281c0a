"""Measure a command as a whole: its time, the processor time of all processes that it starts, and their memory."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Measurement:
    """The exit code, wall and CPU seconds, peak memory of the largest process, and output of a command."""

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
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        file.seek(0)
        output = file.read()
    if process.returncode:
        sys.stderr.write(output)
    peak = usage.ru_maxrss if sys.platform == "darwin" else usage.ru_maxrss * 1024
    return Measurement(process.returncode, wall, usage.ru_utime + usage.ru_stime, peak, output.strip())
