"""Run tests in children of a process whose Spark session is up: each child has its own connection to it.

To start Spark takes longer than most tests. A child is a fork, which imports the library anew, with the mutant in it.
"""

from __future__ import annotations

import importlib
import os
import shutil
import signal
import sys
import threading
import time
import uuid
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OURS = ("segmentation", "tests", "scripts", "jobs", "conftest")


@dataclass(frozen=True)
class Outcome:
    """How tests ended: `is_killed` if one of them failed, by whom, and how long it took."""

    is_killed: bool
    by: str
    seconds: float


class WarmTests:
    """A copy of the checkout, with a session that outlives the tests."""

    def __init__(self, copy: Path) -> None:
        self.copy = copy
        self.log = copy / "child.log"
        os.chdir(copy)
        os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = str(copy / ".hypothesis")
        sys.path[:] = [str(copy), *(path for path in sys.path if Path(path).resolve() != copy)]
        _forget_our_modules()
        self.session = _session()
        self.settings = dict(self.session.conf.getAll)

    def run(self, tests: Sequence[str], limit: float) -> Outcome:
        """Run test files in a child until one fails, at most `limit` seconds."""
        scratch = self.copy / f"temporary-{uuid.uuid4().hex}"  # Spark remembers files by their paths
        began = time.monotonic()
        child = os.fork()
        if child == 0:
            os.setsid()
            _child(self.session, tests, self.log, scratch)
        status = _wait(child, limit)
        seconds = time.monotonic() - began
        shutil.rmtree(scratch, ignore_errors=True)
        self._clear()
        if status is None:
            return Outcome(True, f"no end within {limit:.0f} s", seconds)
        failed = [
            line for line in self.log.read_text(errors="replace").splitlines() if line.startswith(("FAILED", "ERROR"))
        ]
        return Outcome(status != 0, failed[0].partition(" - ")[0] if failed else f"exit code {status}", seconds)

    def _clear(self) -> None:
        """Undo what a child may have left in the session."""
        self.session.sparkContext.cancelAllJobs()
        self.session.catalog.clearCache()
        for key, value in self.session.conf.getAll.items():
            if key not in self.settings:
                self.session.conf.unset(key)
            elif value != self.settings[key]:
                self.session.conf.set(key, self.settings[key])


def _session() -> Any:
    """Return a session with the settings of the tests."""
    from pyspark.sql import SparkSession

    from segmentation.spark_settings import SETTINGS, STATIC_SETTINGS

    small = importlib.import_module("tests.conftest").SMALL  # untyped
    builder = SparkSession.builder.master("local[2]").appName("mutants")
    for key, value in {**SETTINGS, **STATIC_SETTINGS, **small}.items():
        builder = builder.config(key, value)
    return builder.getOrCreate()


def _child(session: Any, tests: Sequence[str], log: Path, scratch: Path) -> None:
    """Run the tests with a connection of its own, and end without any of the parent's clean-up."""
    code = 70
    try:
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        client = session.sparkContext._gateway._gateway_client
        # The parent's connections stay open, and are not spoken on.
        client.parents = (client.thread_connection, client.deque)
        client.thread_connection, client.deque = threading.local(), deque()
        type(session).stop = lambda _: None
        _forget_our_modules()
        sys.dont_write_bytecode = True

        import pytest

        options = ["-c", "tests/pytest.ini", "-x", "-q"]
        options += ["--tb=line", "--hypothesis-seed=0", f"--basetemp={scratch}"]
        code = int(pytest.main([*options, *tests]))
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _wait(child: int, limit: float) -> int | None:
    """Return the exit code of a child; None if it had to be ended."""
    until = time.monotonic() + limit
    while time.monotonic() < until:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def _forget_our_modules() -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] in OURS]:
        del sys.modules[name]
