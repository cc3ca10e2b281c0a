"""Keep rows in buckets that depend on the data alone, so that sums of doubles are the same in every run.

The sum of floating-point numbers depends on their order. A bucket is a partition of Spark whose rows are sorted, and
the sums of the buckets are added exactly on the driver. So neither cores nor partitions nor the order in which tasks
end change a bit, and many machines can share the buckets.
"""

from collections import defaultdict
from collections.abc import Sequence
from math import fsum
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F


def in_buckets(rows: DataFrame, buckets: int, key: str) -> DataFrame:
    """Return the rows in `buckets` partitions by a hash of their unique `key`, sorted by it in each."""
    return rows.repartition(buckets, key).sortWithinPartitions(key)


def sums(rows: DataFrame, values: Sequence[Column], *keys: Column) -> dict[tuple[Any, ...], tuple[float, ...]]:
    """Return the sums of `values`, none of them NULL, by the values of `keys`; collect one row per bucket and key.

    `rows` are in buckets, not shuffled since. The keys have few values: of very many, Spark would sort the rows anew.
    """
    grouped = rows.groupBy(F.spark_partition_id(), *keys).agg(*[F.sum(value) for value in values])
    of_buckets: defaultdict[tuple[Any, ...], list[Sequence[float]]] = defaultdict(list)
    for _, *row in grouped.collect():  # one row per bucket and key
        of_buckets[tuple(row[: len(keys)])].append(row[len(keys) :])
    return {key: tuple(map(fsum, zip(*parts, strict=True))) for key, parts in of_buckets.items()}
