"""What all tests share: one small Spark session, and where the real data set is."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from pyspark.sql import SparkSession

from scripts.launcher.options import JAVA_FOR_SMALL_INPUT, SPARK_FOR_SMALL_INPUT
from segmentation.session import SETTINGS

ROOT = Path(__file__).resolve().parent.parent


def settings_of(texts: Iterable[str]) -> dict[str, str]:
    """`key=value` as a setting each."""
    return dict(text.split("=", 1) for text in texts)


SMALL = {
    "spark.ui.enabled": "false",  # nothing to look at, and a port less to open
    "spark.default.parallelism": "4",
    "spark.driver.host": "127.0.0.1",  # listens on loopback only
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.memory": "2g",
    "spark.log.level": "ERROR",
    "spark.python.sql.dataFrameDebugging.enabled": "false",  # it doubles the time to build an expression
    # As scripts/submit has it for small input; two such sessions share the cores.
    "spark.driver.extraJavaOptions": " ".join(JAVA_FOR_SMALL_INPUT),
    **settings_of(SPARK_FOR_SMALL_INPUT),
}

# A machine that is busy is no fault of the code: no example is timed.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """One session for all tests: two threads, the job's own settings, and a warehouse that goes with the tests."""
    builder = SparkSession.builder.master("local[2]").appName("tests")
    for key, value in {**SETTINGS, **SMALL}.items():
        builder = builder.config(key, value)
    warehouse = tmp_path_factory.mktemp("warehouse")
    session = builder.config("spark.sql.warehouse.dir", str(warehouse)).getOrCreate()
    yield session
    session.stop()


@pytest.fixture(scope="session")
def online_retail() -> Path:
    """The folder with the real data set in its three forms; tests that need it are skipped where it is not."""
    folder = os.environ.get("ONLINE_RETAIL_DIR")
    if not folder:
        pytest.skip("ONLINE_RETAIL_DIR is not set: the real data set is not here")
    path = Path(folder).resolve()
    assert path.is_dir(), f"ONLINE_RETAIL_DIR={folder} is not a folder"
    return path
