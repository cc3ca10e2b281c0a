"""A standalone cluster on this machine for the tests that need one, as scripts/cluster starts it: with a secret."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.jobs.conftest import ADAPTIVE, JAVA_OPTIONS, QUICK_JAVA, ROOT
from tests.jobs.running_jobs import PROC

NO_PYTHON = "/nonexistent/python"
# What a job needs beside the profile that scripts/cluster writes: room on this machine, and executors without Python.
SMALL_EXECUTORS = {
    "spark.executorEnv.PYSPARK_PYTHON": NO_PYTHON,
    "spark.pyspark.python": NO_PYTHON,
    "spark.pyspark.driver.python": sys.executable,
    "spark.driver.memory": "2g",
    "spark.executor.memory": "512m",
    "spark.executor.extraJavaOptions": f"{JAVA_OPTIONS.split()[1]} {QUICK_JAVA}",
    "spark.sql.shuffle.partitions": "8",
    **ADAPTIVE,
}


@dataclass(frozen=True)
class Cluster:
    """Where a running cluster keeps its files."""

    folder: Path

    @property
    def properties(self) -> Path:
        """What a job is submitted with: the cluster's profile, URL and secret."""
        return self.folder / "job.properties"

    @property
    def secret(self) -> str:
        lines = self.properties.read_text().splitlines()
        [line] = [line for line in lines if line.startswith("spark.authenticate.secret ")]
        return line.split()[-1]

    def worker(self, number: int) -> int:
        """The process id of a worker."""
        return int((self.folder / f"worker-{number}.pid").read_text())

    def executors(self, worker: int | None = None) -> dict[int, str]:
        """The executors that run, of one worker or of all: process id → command line."""
        place = self.folder / "work" / (str(worker) if worker else "")
        found = {}
        for process in PROC.glob("[0-9]*"):
            with suppress(OSError):  # it ended meanwhile, or is another user's
                if (process / "cwd").readlink().is_relative_to(place):
                    found[int(process.name)] = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        return found


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
    """A cluster of one master and some workers of one core, ended with all that it began."""
    running = Cluster((folder / "cluster").resolve())
    try:
        started = cluster("start", folder, "--workers", str(workers), "--cores", "1", "--memory", "1g")
        assert started.returncode == 0, started.stderr
        yield running
    finally:
        left = running.executors()
        stopped = cluster("stop", folder)
        for pid in left:  # of a worker that was killed, or stopped themselves
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        assert stopped.returncode == 0, stopped.stderr
