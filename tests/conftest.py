"""Fixtures that all tests share, the markers that follow from them, and the order in which two processes run tests."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from pyspark.sql import SparkSession
from xdist.scheduler import LoadFileScheduling

from scripts.launcher.options import JAVA_FOR_SMALL_INPUT, SPARK_FOR_SMALL_INPUT
from segmentation.session import SETTINGS, STATIC_SETTINGS

ROOT = Path(__file__).resolve().parent.parent


def settings_of(texts: Iterable[str]) -> dict[str, str]:
    """Return each `key=value` as a setting."""
    return dict(text.split("=", 1) for text in texts)


SMALL = {
    "spark.ui.enabled": "false",  # nobody looks at it, and it opens a port
    "spark.default.parallelism": "2",
    "spark.buffer.pageSize": "2m",  # by default each sort of a few lines takes 32 MB
    # Whole runs share most of their generated code, which is compiled once; Spark's own limit is less than one run has.
    "spark.sql.codegen.cache.maxEntries": "2000",
    "spark.driver.host": "127.0.0.1",  # listens on loopback only
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.memory": "2g",
    "spark.log.level": "ERROR",
    "spark.sql.files.openCostInBytes": "65536",  # as in conf/spark-local.conf
    # As scripts/submit starts Java for small input: it lives for minutes, and two sessions share the cores.
    "spark.driver.extraJavaOptions": " ".join(JAVA_FOR_SMALL_INPUT),
    **settings_of(SPARK_FOR_SMALL_INPUT),
}
# A test with one of these fixtures gets the marker.
MARKERS = {
    "published": "process",
    "submit": "process",
    "run_job": "whole_run",
    "browser": "browser",
    "cluster": "cluster",
    "online_retail": "online_retail",
}
# Their tests take long and guard what seldom changes: scripts/test --all runs them, before a release.
SLOW_FIXTURES = {"cleaned_forms", "cluster", "oldest_spark", "rfm_run"}
# Files whose tests share the published run and the cluster run in one process, so that each is made once.
OF_THE_PUBLISHED_RUN = {
    f"jobs/test_{name}.py"
    for name in (
        *("segment_customers", "further_runs", "refused_and_older_runs", "inert_output", "determinism", "cluster"),
        *("benchmark_peers", "spark_versions", "score_customers"),
    )
}
# Long files first, so that both processes end at about the same time.
LONGEST_FIRST = (
    *("jobs/test_online_retail", "scripts/test_crash", "jobs/", "segmentation/test_", "/cleaning/", "scripts/"),
    *("/ingest/", "/report/", "/lake/"),
)

# A busy machine is no fault of the code: no example has a time limit.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


class FileScheduling(LoadFileScheduling):
    """Give a process the tests of a whole file, or of all files of the published run."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "published run" if file in OF_THE_PUBLISHED_RUN else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> FileScheduling:
    return FileScheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by their fixtures, and sort the files by `LONGEST_FIRST`."""
    for item in items:
        markers = {MARKERS[name] for name in getattr(item, "fixturenames", ()) if name in MARKERS}
        if item.nodeid.startswith("scripts/"):
            markers.add("process")
        if SLOW_FIXTURES & {*getattr(item, "fixturenames", ())}:
            markers.add("slow")
        for marker in sorted(markers):
            item.add_marker(marker)
    items.sort(key=_position)


def _position(item: pytest.Item) -> int:
    file = item.nodeid.partition("::")[0]
    if file in OF_THE_PUBLISHED_RUN:
        return -1
    return next((number for number, text in enumerate(LONGEST_FIRST) if text in file), len(LONGEST_FIRST))


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """One session for all tests: two threads, the job's own settings, and a warehouse that goes with the tests."""
    builder = SparkSession.builder.master("local[2]").appName("tests")
    for key, value in {**SETTINGS, **STATIC_SETTINGS, **SMALL}.items():
        builder = builder.config(key, value)
    warehouse = tmp_path_factory.mktemp("warehouse")
    session = builder.config("spark.sql.warehouse.dir", str(warehouse)).getOrCreate()
    yield session
    session.stop()


@pytest.fixture(scope="session")
def online_retail() -> Path:
    """The folder with the real data set in its three forms; tests that need it are skipped where there is none."""
    folder = os.environ.get("ONLINE_RETAIL_DIR")
    if not folder:
        pytest.skip("ONLINE_RETAIL_DIR is not set: the real data set is not here")
    path = Path(folder).resolve()
    assert path.is_dir(), f"ONLINE_RETAIL_DIR={folder} is not a folder"
    return path
