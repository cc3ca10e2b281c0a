"""An empty lake, on a disk without Java and with Spark, and what happens at a step of publishing."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from segmentation.filesystem import readable_path
from segmentation.ingest import reachable
from segmentation.lake import staging
from segmentation.lake.runs import Lake
from tests.segmentation.lake.disks import Disk


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    """A lake that needs no Spark; its tables can be neither written nor read."""
    monkeypatch.setattr(reachable, "filesystem_for", lambda _, path: Disk(Path(readable_path(path))))
    return Lake(None, str(tmp_path))


@pytest.fixture
def spark_lake(spark: SparkSession, tmp_path: Path) -> Lake:
    return Lake(spark, str(tmp_path))


class At(logging.Handler):
    """Call a function when a step is reached."""

    def __init__(self, step: str, call: Callable[[], object]) -> None:
        super().__init__()
        self._step, self._call = step, call

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage() == self._step:
            self._call()


@pytest.fixture
def at_step() -> Iterator[Callable[[str, Callable[[], object]], None]]:
    """Arrange that a function is called when publishing reaches a step."""
    before = staging.steps.level, list(staging.steps.handlers)

    def arrange(step: str, call: Callable[[], object]) -> None:
        staging.steps.setLevel(logging.DEBUG)
        staging.steps.addHandler(At(step, call))

    yield arrange
    staging.steps.setLevel(before[0])
    staging.steps.handlers = before[1]
