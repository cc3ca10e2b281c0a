"""A standalone cluster on this machine, started by scripts/cluster, with a secret."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.jobs.running_jobs import ADAPTIVE, PROFILE_JAVA, QUICK_JAVA
from tests.processes import PROC

WORKERS = 3
NO_PYTHON = "/nonexistent/python"
# Added to the profile that scripts/cluster writes: memory for this machine, and executors without Python.
SMALL_EXECUTORS = {
    "spark.executorEnv.PYSPARK_PYTHON": NO_PYTHON,
    "spark.pyspark.python": NO_PYTHON,
    "spark.pyspark.driver.python": sys.executable,
    "spark.driver.memory": "2g",
    "spark.executor.memory": "512m",
    "spark.executor.extraJavaOptions": f"{PROFILE_JAVA.split()[1]} {QUICK_JAVA}",
    "spark.sql.shuffle.partitions": "8",
    **ADAPTIVE,
}


@dataclass(frozen=True)
class Cluster:
    """A running cluster, by the folder of its files."""

    folder: Path

    @property
    def properties(self) -> Path:
        """The properties file for spark-submit: profile, URL and secret."""
        return self.folder / "job.properties"

    @property
    def secret(self) -> str:
        lines = self.properties.read_text().splitlines()
        [line] = [line for line in lines if line.startswith("spark.authenticate.secret ")]
        return line.split()[-1]

    def worker(self, number: int) -> int:
        """Return the process id of a worker."""
        return int((self.folder / f"worker-{number}.pid").read_text())

    def executors(self, worker: int | None = None) -> dict[int, str]:
        """Return the running executors of one worker or of all: process id → command line."""
        folder = self.folder / "work" / (str(worker) if worker else "")
        running = {}
        for process in PROC.glob("[0-9]*"):
            with suppress(OSError):  # it ended meanwhile, or is another user's
                if (process / "cwd").readlink().is_relative_to(folder):
                    running[int(process.name)] = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        return running


def cluster(verb: str, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    # To files, not pipes: the cluster's processes would hold a pipe open.
    with (folder / f"{verb}.out").open("w+") as out, (folder / f"{verb}.err").open("w+") as err:
        command = [str(ROOT / "scripts" / "cluster"), verb, "--dir", str(folder / "cluster"), *options]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, check=False, timeout=300)
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(command, done.returncode, out.read(), err.read())


@contextmanager
def running_cluster(folder: Path, workers: int) -> Iterator[Cluster]:
    """Start a master and some workers of one core; stop them and their executors at the end.

    All tests share one cluster, so the commands of scripts/cluster are checked here.
    """
    running = Cluster((folder / "cluster").resolve())
    try:
        started = cluster("start", folder, "--workers", str(workers), "--cores", "1", "--memory", "1g")
        assert started.returncode == 0, started.stderr
        url = started.stdout.splitlines()[-1]
        assert re.fullmatch(r"spark://127\.0\.0\.1:\d+", url)
        again = cluster("start", folder)
        assert (again.returncode, again.stdout.strip()) == (0, url), again.stderr
        yield running
    finally:
        left = running.executors()
        stopped = cluster("stop", folder)
        for pid in left:  # of a worker that was killed, or stopped themselves
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        assert stopped.returncode == 0, stopped.stderr
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=5)
    assert list(running.folder.glob("*.pid")) == []
    assert "not running" in cluster("stop", folder).stderr
