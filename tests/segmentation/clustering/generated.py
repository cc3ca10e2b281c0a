"""Generated customers, and a sweep of some that the tests of several modules read."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.buckets import in_buckets
from segmentation.clustering.kmeans import Fit
from segmentation.clustering.scaling import Preparation, prepare
from segmentation.config.settings import ClusteredFeature, ClusteringSettings

NAMES = ("total_spend", "purchase_frequency", "recency_days")
SPEND_AND_FREQUENCY = tuple(ClusteredFeature(feature=name) for name in ("total_spend", "purchase_frequency"))
ALL_FEATURES = (*SPEND_AND_FREQUENCY, ClusteredFeature(feature="recency_days"))
Points = NDArray[np.float64]


@dataclass(frozen=True)
class Swept:
    """Customers of four kinds far apart, the kind of each, and a sweep of k = 1 to 5 over all of them."""

    frame: DataFrame
    table: Points
    kinds: Sequence[int]
    preparation: Preparation
    points: Points
    fits: Sequence[Fit]
    jobs_of_preparation: int
    jobs_of_sweep: int

    def fit(self, k: int) -> Fit:
        return next(fit for fit in self.fits if fit.k == k)


def settings(*features: ClusteredFeature, **others: Any) -> ClusteringSettings:
    return ClusteringSettings(features=features or SPEND_AND_FREQUENCY, **{"k_max": 5, **others})


def far_apart(count: int) -> tuple[Points, list[int]]:
    """Spend, frequency and recency of four kinds of customers, and the kind of each; ids do not follow the kinds."""
    random = np.random.default_rng(1)
    kinds = random.integers(4, size=count)
    centres = np.array([(100, 5, 300), (5_000, 10, 200), (5_000, 60, 20), (20_000, 90, 5)])
    return np.maximum(1, (centres[kinds] * random.normal(1, 0.08, (count, 3))).round()), kinds.tolist()


def overlapping(count: int) -> Points:
    """Spend, frequency and recency of four kinds of customers that overlap, with a long tail of spend."""
    random = np.random.default_rng(5)
    kind = random.choice(4, count, p=[0.35, 0.3, 0.25, 0.1])
    spend = np.exp(random.normal(np.array([5.0, 6.2, 7.2, 8.6])[kind], 0.7)).round(2)
    frequency = 1 + random.poisson(np.array([0.5, 1.5, 4.0, 12.0])[kind] * random.lognormal(0, 0.5, count))
    recency = np.clip(random.exponential(np.array([220, 120, 50, 15])[kind]), 1, 374).round()
    return np.column_stack([spend, frequency, recency])


def customers(spark: SparkSession, table: Any) -> DataFrame:
    """One row per row of `table` (spend, frequency, recency), with ascending ids."""
    columns = np.array(table, dtype=float).T
    ids = [f"{number:07}" for number in range(len(table))]
    frame = spark.createDataFrame(pa.table([ids, *columns], ["customer_id", *NAMES]))
    return frame.select(
        "customer_id",
        F.col("total_spend").cast("decimal(20,4)"),
        F.col("purchase_frequency").cast("bigint"),
        F.col("recency_days").cast("int"),
    )


def prepared(frame: DataFrame, chosen: ClusteringSettings, buckets: int = 1) -> Preparation:
    """As the pipeline hands customers over."""
    return prepare(in_buckets(frame, buckets, "customer_id"), chosen, s.GROSS)


def collected(preparation: Preparation) -> Points:
    return np.array([row["point"] for row in preparation.points.orderBy("customer_id").select("point").collect()])


def standardised(table: Points) -> Points:
    return (table - table.mean(axis=0)) / table.std(axis=0, ddof=1)


def nearest(points: Points, fit: Fit) -> tuple[NDArray[np.intp], Points]:
    """Each point's nearest centre, and its squared distance."""
    squared = ((points[:, np.newaxis] - np.array(fit.centres)) ** 2).sum(axis=2)
    return squared.argmin(axis=1), squared.min(axis=1)


def figures(fits: Sequence[Fit]) -> list[Any]:
    """What is the same in every run: all but the seconds."""
    return [(fit.k, fit.centres, fit.wssse, fit.iterations, fit.indices) for fit in fits]


def jobs_so_far(spark: SparkSession) -> int:
    scheduler: Any = spark.sparkContext._jsc.sc().dagScheduler()  # type: ignore[attr-defined]
    return int(scheduler.numTotalJobs())
