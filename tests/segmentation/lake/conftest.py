"""An empty lake."""

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from segmentation.lake.runs import Lake


@pytest.fixture
def lake(spark: SparkSession, tmp_path: Path) -> Lake:
    return Lake(spark, str(tmp_path))
