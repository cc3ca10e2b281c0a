"""One sweep of few customers, for the tests of scaling, the sweep and the segments."""

from collections.abc import Iterator

import pytest
from pyspark.sql import SparkSession
from threadpoolctl import threadpool_limits

from segmentation.clustering.sweep import sweep
from tests.segmentation.clustering.generated import (
    Swept,
    collected,
    customers,
    far_apart,
    jobs_so_far,
    prepared,
    settings,
)


@pytest.fixture(scope="package", autouse=True)
def one_thread() -> Iterator[None]:
    """Let scikit-learn use one thread: on cores shared with Spark more wait for each other."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="session")
def swept(spark: SparkSession) -> Iterator[Swept]:
    table, kinds = far_apart(160)
    frame = customers(spark, table).persist()
    frame.count()
    began = jobs_so_far(spark)
    preparation = prepared(frame, settings())
    between = jobs_so_far(spark)
    fits = sweep(preparation, range(2, 6), settings())
    ended = jobs_so_far(spark)
    points = collected(preparation)
    yield Swept(frame, table, kinds, preparation, points, fits, between - began, ended - between)
    preparation.points.unpersist()
    frame.unpersist()
