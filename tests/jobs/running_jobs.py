"""Runs of the main job: by spark-submit as a user types it, or by its `main` in the tests' session."""

import io
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from jobs.segment_customers import main
from scripts.launcher.class_archive import class_archive
from scripts.launcher.options import CLASS_SHARING, JAVA_FOR_SMALL_INPUT, SPARK_FOR_SMALL_INPUT
from segmentation.stopping import STOP_SIGNALS
from tests.conftest import ROOT, settings_of
from tests.processes import Address

CONFIG = "conf/online_retail.yaml"
DEFAULT_RECIPE = "conf/online_retail_ii.yaml"
RFM_CONFIG = "conf/online_retail_rfm.yaml"
# Fewer fits, for what does not depend on them.
QUICK = ("clustering.k_max=4", "clustering.restarts=1")
# A job that takes this long hangs.
TIMEOUT_SECONDS = 900
JAVA_OPTIONS = "spark.driver.extraJavaOptions"
# What the properties file gives Java, and what scripts/submit adds for small input.
PROFILE_JAVA = "-Dlog4j2.configurationFile=conf/log4j2.properties -Ddev.ludovic.netlib.blas.allowNative=false"
QUICK_JAVA = " ".join(JAVA_FOR_SMALL_INPUT)
SMALL_INPUT = settings_of(SPARK_FOR_SMALL_INPUT)
# Spark's own default, which scripts/submit turns off for small input.
ADAPTIVE = {"spark.sql.adaptive.enabled": "true"}
# In the environment and in Spark's settings of runs whose output is searched for it.
CANARY = "c4nary"
SECRETS = {"AWS_SECRET_ACCESS_KEY": CANARY, "LAKE_PASSWORD": CANARY}
SPARK_SECRETS = {"spark.hadoop.fs.s3a.secret.key": CANARY, "spark.lake.token": CANARY}
# Class archive and logs; not the user's own cache.
CACHE = ROOT / "tests" / ".cache"


@dataclass(frozen=True)
class Done:
    """How a run of the job ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def output(self) -> str:
        """Both streams."""
        return self.stdout + self.stderr

    @property
    def errors(self) -> str:
        """Standard error without the lines of the Java virtual machine itself."""
        lines = self.stderr.splitlines(keepends=True)
        return "".join(line for line in lines if not line.startswith(("WARNING: Using incubator", "NOTE: Picked up")))


@dataclass(frozen=True)
class PublishedRun:
    """A lake with one run, the output of the job that published it, and the addresses that the job listened on."""

    lake: Path
    run: Path
    done: Done
    addresses: frozenset[Address]


Submit = Callable[..., Done]
RunJob = Callable[..., Done]
Watch = Callable[[int, str], None]


def submit_command(
    *arguments: object,
    master: str | None = None,
    conf: Mapping[str, str] | None = None,
    java: str = "",
    properties: str | Path = "conf/spark-local.conf",
) -> list[str]:
    """Return a command line of spark-submit with the settings that scripts/submit chooses for small input."""
    options = ["--master", master] if master else []
    java_options = " ".join([PROFILE_JAVA, QUICK_JAVA, java, *class_sharing()])
    for key, value in {**SMALL_INPUT, JAVA_OPTIONS: java_options, **(conf or {})}.items():
        options += ["--conf", f"{key}={value}"]
    spark_submit = str(Path(sys.executable).parent / "spark-submit")
    job = ["--properties-file", str(properties), *options, "jobs/segment_customers.py"]
    return [spark_submit, *job, *map(str, arguments)]


def class_sharing() -> list[str]:
    """Return Java's options for the class archive that the first run by scripts/submit leaves."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(CACHE))
        archive = class_archive()
    return [*CLASS_SHARING, f'-XX:SharedArchiveFile="{archive}"'] if archive and archive.is_file() else []


def environment() -> dict[str, str]:
    python = {"PYSPARK_PYTHON": sys.executable, "PYSPARK_DRIVER_PYTHON": sys.executable}
    return {**os.environ, **python, "XDG_CACHE_HOME": str(CACHE)}


def start(
    command: Sequence[str], variables: Mapping[str, str] | None = None, merged: bool = True
) -> subprocess.Popen[str]:
    """Start a command at the top of the checkout without a terminal, its streams `merged` into one or apart."""
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env={**environment(), **(variables or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if merged else subprocess.PIPE,
        text=True,
        errors="surrogateescape",
    )


def finish(process: subprocess.Popen[str]) -> Done:
    stdout, stderr = process.communicate(timeout=TIMEOUT_SECONDS)
    return Done(process.returncode, stdout, stderr or "")


def run_to_its_end(command: Sequence[str], variables: Mapping[str, str] | None = None) -> Done:
    return finish(start(command, variables, merged=False))


def watched(command: Sequence[str], watch: Watch, variables: Mapping[str, str] | None = None) -> Done:
    """Run a command and call `watch` with its process id and each line as it comes."""
    process = start(command, variables)
    hangs = threading.Timer(TIMEOUT_SECONDS, process.kill)
    hangs.start()
    lines = []
    with process:
        try:
            for line in process.stdout or ():
                lines.append(line)
                watch(process.pid, line)
            process.wait()
        finally:
            hangs.cancel()
            process.kill()
    return Done(process.returncode, "".join(lines), "")


def job_in(spark: SparkSession, job: Callable[[Sequence[str]], int] = main) -> RunJob:
    """Return a function that runs a job from the top of the checkout in the given session, which its `main` finds."""
    assert SparkSession.getActiveSession() is spark

    def run(*arguments: object) -> Done:
        out, err = io.StringIO(), io.StringIO()
        library = logging.getLogger("segmentation")
        level = library.level
        # A job whose run stands ignores stop signals until its process ends, and so would what later tests start.
        handlers = {number: signal.getsignal(number) for number in STOP_SIGNALS}
        try:
            with redirect_stdout(out), redirect_stderr(err), pytest.MonkeyPatch.context() as patch:
                patch.chdir(ROOT)
                patch.setenv("XDG_CACHE_HOME", str(CACHE))
                code = job([str(argument) for argument in arguments])
        except SystemExit as exit_:  # raised by argparse
            code = int(exit_.code or 0)
        finally:
            library.setLevel(level)
            for number, handler in handlers.items():
                signal.signal(number, handler)
        return Done(code, out.getvalue(), err.getvalue())

    return run
