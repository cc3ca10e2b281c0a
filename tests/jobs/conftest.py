"""Whole runs of the job: by spark-submit as a user types it, or in the tests' own session where that shows the same."""

import io
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from jobs.segment_customers import main
from scripts.launcher.class_archive import class_archive
from scripts.launcher.options import CLASS_SHARING, JAVA_FOR_SMALL_INPUT, SPARK_FOR_SMALL_INPUT
from tests.conftest import settings_of
from tests.jobs.published_runs import latest_run
from tests.jobs.small_shop import SmallShop, make_small_shop, write_csv

ROOT = Path(__file__).resolve().parents[2]
CONFIG = "conf/online_retail.yaml"
RFM_CONFIG = "conf/online_retail_rfm.yaml"
# Fewer fits, for what does not depend on them.
QUICK = ("clustering.k_max=4", "clustering.restarts=1")
# A job that takes this long hangs.
SECONDS_TO_WAIT = 900
# The properties file's Java options, then what scripts/submit chooses for input as small as that of the tests.
JAVA_OPTIONS = "-Dlog4j2.configurationFile=conf/log4j2.properties -Ddev.ludovic.netlib.blas.allowNative=false"
QUICK_JAVA = " ".join(JAVA_FOR_SMALL_INPUT)
SHORT_RUN = {"spark.driver.extraJavaOptions": f"{JAVA_OPTIONS} {QUICK_JAVA}"}
SMALL_INPUT = settings_of(SPARK_FOR_SMALL_INPUT)
# As spark-submit without scripts/submit has it.
ADAPTIVE = {"spark.sql.adaptive.enabled": "true"}
# What scripts/submit keeps of Java's loaded classes; not where a user's own is.
CACHE = ROOT / "tests" / ".cache"


@dataclass(frozen=True)
class Done:
    """What a run of the job ended with."""

    code: int
    stdout: str
    stderr: str

    @property
    def said(self) -> str:
        """Both streams: spark-submit hands on what its driver's Python writes to standard error on standard output."""
        return self.stdout + self.stderr

    @property
    def complaints(self) -> str:
        """What is on standard error besides the Java virtual machine's own lines."""
        lines = self.stderr.splitlines(keepends=True)
        return "".join(line for line in lines if not line.startswith(("WARNING: Using incubator", "NOTE: Picked up")))


@dataclass(frozen=True)
class PublishedRun:
    """A lake with one run, and what the job said when it published it."""

    lake: Path
    run: Path
    said: Done


Submit = Callable[..., Done]
RunJob = Callable[..., Done]


def submit_command(
    *arguments: object,
    master: str | None = None,
    conf: Mapping[str, str] | None = None,
    properties: str | Path = "conf/spark-local.conf",
    for_small_input: bool = True,
) -> list[str]:
    """The command line as scripts/submit makes it for small input, by the Spark beside this Python; or with Spark's own
    ways of spreading lines, as spark-submit alone has them.
    """
    options = ["--master", master] if master else []
    settings = {**SHORT_RUN, **(SMALL_INPUT if for_small_input else {}), **(conf or {})}
    java = " ".join([settings["spark.driver.extraJavaOptions"], *class_sharing()])
    for key, value in {**settings, "spark.driver.extraJavaOptions": java}.items():
        options += ["--conf", f"{key}={value}"]
    spark_submit = str(Path(sys.executable).parent / "spark-submit")
    job = ["--properties-file", str(properties), *options, "jobs/segment_customers.py"]
    return [spark_submit, *job, *map(str, arguments)]


def class_sharing() -> list[str]:
    """What lets Java start sooner, once a first run by scripts/submit has left its loaded classes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(CACHE))
        archive = class_archive()
    return [*CLASS_SHARING, f'-XX:SharedArchiveFile="{archive}"'] if archive and archive.is_file() else []


def environment() -> dict[str, str]:
    python = {"PYSPARK_PYTHON": sys.executable, "PYSPARK_DRIVER_PYTHON": sys.executable}
    return {**os.environ, **python, "XDG_CACHE_HOME": str(CACHE)}


@pytest.fixture(scope="session")
def submit() -> Submit:
    """Runs the job by spark-submit from the top of the checkout, without a terminal."""

    def run(*arguments: object, cwd: Path = ROOT, variables: Mapping[str, str] | None = None, **options: Any) -> Done:
        return run_to_its_end(submit_command(*arguments, **options), cwd, variables)

    return run


def run_to_its_end(command: list[str], cwd: Path = ROOT, variables: Mapping[str, str] | None = None) -> Done:
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**environment(), **(variables or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS_TO_WAIT,
    )
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def run_job(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> RunJob:
    """Runs the job in the tests' own session: `main` finds it there."""
    monkeypatch.chdir(ROOT)
    return job_in(spark)


def job_in(spark: SparkSession) -> RunJob:
    assert SparkSession.getActiveSession() is spark

    def run(*arguments: object) -> Done:
        out, err = io.StringIO(), io.StringIO()
        library = logging.getLogger("segmentation")
        level = library.level
        try:
            with redirect_stdout(out), redirect_stderr(err), pytest.MonkeyPatch.context() as patch:
                patch.setenv("XDG_CACHE_HOME", str(CACHE))
                code = main([str(argument) for argument in arguments])
        except SystemExit as exit_:  # argparse's own
            code = int(exit_.code or 0)
        finally:
            library.setLevel(level)
        return Done(code, out.getvalue(), err.getvalue())

    return run


@pytest.fixture(scope="session")
def small_shop() -> SmallShop:
    return make_small_shop()


@pytest.fixture(scope="session")
def small_csv(small_shop: SmallShop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_csv(small_shop.texts, tmp_path_factory.mktemp("shop") / "transactions.csv")


@pytest.fixture(scope="session")
def published(small_csv: Path, tmp_path_factory: pytest.TempPathFactory) -> PublishedRun:
    """The small shop's run, published once by scripts/submit with the classic recipe; nobody may write to its lake."""
    lake = tmp_path_factory.mktemp("published") / "lake"
    job = ["jobs/segment_customers.py", "--config", CONFIG, "--input", str(small_csv), "--output", str(lake)]
    said = run_to_its_end([sys.executable, "scripts/launcher", *job])
    assert said.code == 0, said.stderr
    return PublishedRun(lake, latest_run(lake), said)
