"""A command with all the processes that it starts: killed together, and known to be gone."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

SECONDS_TO_DIE: Final = 30
SECONDS_BETWEEN_LOOKS: Final = 0.005
PROCESSES: Final = Path("/proc")


class ProcessGroup:
    """A command in a process group and session of its own, whose output goes to a file.

    As a context manager it kills what is left of the group at the end.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], folder: Path, log: Path) -> None:
        self._began = time.monotonic()
        with log.open("wb") as output:
            self._leader = subprocess.Popen(
                command,
                env=environment,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._group = self._leader.pid

    def __enter__(self) -> ProcessGroup:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def wait(self, seconds: float) -> int | None:
        """Return the command's exit code, negative for a signal; None if it still runs after these seconds."""
        try:
            return self._leader.wait(max(0.0, seconds))
        except subprocess.TimeoutExpired:
            return None

    @property
    def seconds(self) -> float:
        """The time since the start."""
        return time.monotonic() - self._began

    def kill(self) -> int:
        """Send SIGKILL to every process of the group; return the command's exit code when none of them is left."""
        with suppress(ProcessLookupError, PermissionError):  # macOS: no permission for what only waits to be reaped
            os.killpg(self._group, signal.SIGKILL)
        code = self._leader.wait(SECONDS_TO_DIE)
        deadline = time.monotonic() + SECONDS_TO_DIE
        while is_alive(self._group):
            if time.monotonic() > deadline:
                raise RuntimeError(f"process group {self._group} still exists {SECONDS_TO_DIE} s after SIGKILL")
            time.sleep(SECONDS_BETWEEN_LOOKS)
        return code


def is_alive(group: int) -> bool:
    """Return whether a process of the group is left, not counting dead ones that wait to be reaped."""
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):
        return False
    for stat in PROCESSES.glob("[0-9]*/stat"):
        with suppress(OSError):  # it ended meanwhile
            # "pid (name) state parent group …"; the name may hold spaces and parentheses.
            state, _, of_group, *_ = stat.read_text().rpartition(")")[2].split()
            if int(of_group) == group and state != "Z":
                return True
    return not PROCESSES.is_dir()
