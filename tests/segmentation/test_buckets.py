"""Rows in buckets give the same sums to the last bit, whatever the order and the partitions of the input."""

import math

import numpy as np
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from segmentation.buckets import in_buckets, sums

VALUES = np.random.default_rng(1).lognormal(0, 8, 1_000).tolist()


@pytest.mark.parametrize("buckets", [1, 5])
def test_sums_depend_neither_on_the_order_nor_on_the_partitions_of_the_rows(spark: SparkSession, buckets: int):
    rows = spark.createDataFrame(list(enumerate(VALUES)), "id bigint, value double")
    group = (F.col("id") % 3).alias("group")

    def of_buckets(seed: int, partitions: int) -> object:
        shuffled = in_buckets(rows.orderBy(F.rand(seed)).repartition(partitions), buckets, "id")
        return sums(shuffled, [F.lit(1), F.col("value")], group)

    found = of_buckets(1, 2)
    assert found == of_buckets(2, 7)
    assert found == {(n,): (len(VALUES[n::3]), pytest.approx(math.fsum(VALUES[n::3]), rel=1e-14)) for n in range(3)}
