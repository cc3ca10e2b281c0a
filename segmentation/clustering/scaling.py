"""Scale customer features into points for KMeans.

Customers and points are in `buckets`: the fits are the same on any number of cores, partitions and input files.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import fsum, sqrt
from typing import Any

from pyspark import SparkContext
from pyspark.ml.base import Transformer
from pyspark.ml.common import _py2java
from pyspark.ml.feature import (
    MinMaxScaler,
    RobustScaler,
    RobustScalerModel,
    SQLTransformer,
    StandardScaler,
    StandardScalerModel,
    VectorAssembler,
)
from pyspark.ml.functions import vector_to_array
from pyspark.ml.linalg import Vectors
from pyspark.ml.stat import Summarizer
from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.buckets import sums
from segmentation.clustering.metrics import squared_distance
from segmentation.config.settings import ClusteredFeature, ClusteringSettings, Scaler
from segmentation.errors import InputError
from segmentation.sampling import uniform
from segmentation.session import percentiles, release

SCALED = "scaled"
POINT = "point"
# Spark's quantiles of a robust scaler are off by up to a thousandth of the customers; those of a sample half as much.
ROBUST_SAMPLE = 1_000_000
ScalingStage = VectorAssembler | StandardScaler | RobustScaler | MinMaxScaler


@dataclass(frozen=True)
class Preparation:
    """The fitted stages from customer features to scaled points, and figures of the points."""

    stages: tuple[Transformer, ...]
    points: DataFrame
    count: int
    mean: tuple[float, ...]
    total_squares: float  # the squared distances from the mean, added up: WSSSE of k = 1
    distinct_points: Sequence[Sequence[float]]  # all, or one more than the largest k
    figures: s.Figures

    @property
    def coordinates(self) -> DataFrame:
        """The points alone: a column of doubles for each dimension."""
        return self.points.select(*map(_coordinate, range(len(self.mean))))

    @property
    def distinct(self) -> int:
        """The number of different points, counted up to one more than the largest k."""
        return len(self.distinct_points)


def clustered(feature: str) -> str:
    """Return the column of a feature after its limits and transform, before scaling."""
    return f"clustered_{feature}"


def _coordinate(dimension: int) -> str:
    return f"x_{dimension}"


def to_cluster(customers: DataFrame, figures: s.Figures) -> DataFrame:
    """Return the customers that take part in the clustering: with net figures, those of whose orders anything stayed.

    The logarithm of nothing is no spend like others: a few such customers would pull a centre of their own.
    """
    return customers.where(F.col(s.NET_ORDERS) > 0) if figures == s.NET else customers


def prepare(customers: DataFrame, settings: ClusteringSettings, figures: s.Figures) -> Preparation:
    """Fit limits and scalers on `customers`, one row per customer in buckets, and persist the points.

    `customers` come from `to_cluster`. The caller unpersists the points.

    Points: one row per customer, in the same buckets. Columns: customer_id string, spend decimal and orders bigint by
    their names in `figures`, each `clustered_` feature double, point array<double> (the scaled values), and each of
    these as a column `x_`, which is read several times as quickly.

    Raises: InputError if there are no customers, or if robust scaling would erase a feature.
    """
    if customers.isEmpty():
        raise InputError("everything that customers bought came back: there is nobody left to segment")
    stages: list[Transformer] = [_limit_and_transform(customers, settings.features)]
    frame = stages[0].transform(customers)
    for step in _scaling(settings.features):
        stage = step if isinstance(step, VectorAssembler) else _fitted(step, frame)
        stages.append(stage)
        frame = stage.transform(frame)
    names = [clustered(dimension.feature) for dimension in settings.features]
    coordinates = [_coordinate(number) for number in range(len(names))]
    point = vector_to_array(F.col(SCALED)).alias(POINT)
    points = (
        frame.select(s.CUSTOMER_ID, figures.spend, figures.orders, *names, point)
        .select("*", *[F.col(POINT)[number].alias(name) for number, name in enumerate(coordinates)])
        .persist()
    )
    try:
        total, *totals = sums(points, [F.lit(1), *map(F.col, coordinates)])[()]
        count, mean = int(total), [value / total for value in totals]
        [total_squares] = sums(points, [squared_distance(F.col(POINT), mean)])[()]
        distinct_points = _distinct_points(points, count, settings)
        if len(distinct_points) > 1:
            _require_no_feature_erased(stages, settings.features)
    except BaseException:
        release(points)
        raise
    return Preparation(tuple(stages), points, count, tuple(mean), total_squares, distinct_points, figures)


def _distinct_points(points: DataFrame, count: int, settings: ClusteringSettings) -> list[Sequence[float]]:
    """Return as many different points as show whether every k can have k different centres.

    Of many customers the first few thousand nearly always have enough; only if they do not are all compared.
    """
    enough = settings.largest_k + 1

    def distinct(rows: DataFrame) -> list[Sequence[float]]:
        first = rows.select(POINT).distinct().orderBy(POINT).limit(enough)
        return [row[POINT] for row in first.collect()]  # at most one more than the largest k

    if count > settings.seeding_sample:
        first = distinct(points.select(s.CUSTOMER_ID, POINT).orderBy(s.CUSTOMER_ID).limit(settings.seeding_sample))
        if len(first) == enough:
            return first
    return distinct(points)


def _limit_and_transform(customers: DataFrame, dimensions: Sequence[ClusteredFeature]) -> SQLTransformer:
    """Return the stage that winsorises and transforms each feature into its `clustered_` column."""
    limits = _limits(customers, dimensions)

    def expression(dimension: ClusteredFeature) -> str:
        value = f"CAST({dimension.feature} AS DOUBLE)"
        if dimension.feature == s.NET_RECENCY_DAYS:  # NULL for customers of whom nothing stayed
            value = f"COALESCE({value}, 0D)"
        if dimension.feature in limits:
            lowest, highest = limits[dimension.feature]
            value = f"LEAST(GREATEST({value}, {lowest!r}D), {highest!r}D)"
        if dimension.transform == "log1p":  # mirrored below 0, which only switched-off rules allow
            value = f"SIGN({value}) * LOG1P(ABS({value}))"
        return f"{value} AS {clustered(dimension.feature)}"

    return SQLTransformer(statement=f"SELECT *, {', '.join(map(expression, dimensions))} FROM __THIS__")


def _limits(customers: DataFrame, dimensions: Sequence[ClusteredFeature]) -> Mapping[str, tuple[float, float]]:
    """Return for each winsorised feature the values at its two quantiles."""
    quantiles = {dimension.feature: dimension.winsorise for dimension in dimensions if dimension.winsorise}
    if not quantiles:
        return {}
    values = [percentiles(F.col(feature), pair) for feature, pair in quantiles.items()]
    row = customers.agg(*values).collect()[0]  # one row
    return {feature: tuple(pair) for feature, pair in zip(quantiles, row, strict=True)}


def _scaling(dimensions: Sequence[ClusteredFeature]) -> list[ScalingStage]:
    """Return assemblers and scalers whose last output is `scaled`, in the order of `dimensions`."""
    scalers: dict[Scaler, Callable[..., StandardScaler | RobustScaler | MinMaxScaler]] = {
        "standard": partial(StandardScaler, withMean=True, withStd=True),
        "robust": partial(RobustScaler, withCentering=True, withScaling=True),
        "min_max": MinMaxScaler,
    }
    names = [clustered(dimension.feature) for dimension in dimensions]
    if len({dimension.scale for dimension in dimensions}) == 1:
        scaler = scalers[dimensions[0].scale](inputCol="assembled", outputCol=SCALED)
        return [VectorAssembler(inputCols=names, outputCol="assembled"), scaler]
    stages: list[ScalingStage] = []
    for name, dimension in zip(names, dimensions, strict=True):
        stages.append(VectorAssembler(inputCols=[name], outputCol=f"assembled_{name}"))
        stages.append(scalers[dimension.scale](inputCol=f"assembled_{name}", outputCol=f"scaled_{name}"))
    return [*stages, VectorAssembler(inputCols=[f"scaled_{name}" for name in names], outputCol=SCALED)]


def _fitted(scaler: StandardScaler | RobustScaler | MinMaxScaler, customers: DataFrame) -> Transformer:
    """Fit a scaler on customers in buckets. Spark's own fits depend on the order in which their partitions end."""
    if isinstance(scaler, StandardScaler):
        return _fitted_standard(scaler, customers)
    if isinstance(scaler, RobustScaler):
        drawn = customers.where(uniform(F.col(s.CUSTOMER_ID)) < ROBUST_SAMPLE / customers.count())
        customers = drawn.select(s.CUSTOMER_ID, scaler.getInputCol()).repartition(1).sortWithinPartitions(s.CUSTOMER_ID)
    return scaler.fit(customers)


def _fitted_standard(scaler: StandardScaler, customers: DataFrame) -> StandardScalerModel:
    summary = Summarizer.metrics("count", "mean", "variance").summary(F.col(scaler.getInputCol()))
    by_bucket = customers.groupBy(F.spark_partition_id()).agg(summary.alias("summary"))
    rows = by_bucket.select("summary.*").collect()  # one row per bucket
    mean, deviation = _of_all(rows)
    context: Any = SparkContext._active_spark_context
    # The constructor is private to Spark in Scala, public in bytecode.
    java = context._jvm.org.apache.spark.ml.feature.StandardScalerModel(
        scaler.uid, _py2java(context, Vectors.dense(deviation)), _py2java(context, Vectors.dense(mean))
    )
    return scaler._copyValues(StandardScalerModel(java))


def _of_all(summaries: Sequence[Row]) -> tuple[list[float], list[float]]:
    """Return means and standard deviations of all customers from the counts, means and variances of buckets."""
    if len(summaries) == 1:  # to the bit what Spark finds
        [(_, mean, variance)] = summaries
        return list(mean), [sqrt(value) for value in variance]
    count = sum(size for size, _, _ in summaries)
    means, deviations = [], []
    for number in range(len(summaries[0]["mean"])):
        buckets = [(size, mean[number], variance[number]) for size, mean, variance in summaries]
        mean = fsum(size * own for size, own, _ in buckets) / count
        squares = fsum((size - 1) * variance + size * (own - mean) ** 2 for size, own, variance in buckets)
        means.append(mean)
        deviations.append(sqrt(squares / (count - 1)))
    return means, deviations


def _require_no_feature_erased(stages: Sequence[Transformer], dimensions: Sequence[ClusteredFeature]) -> None:
    """Raise InputError if robust scaling would make a feature 0 for everyone, because its quartiles are equal."""
    robust = [dimension.feature for dimension in dimensions if dimension.scale == "robust"]
    ranges = [value for stage in stages if isinstance(stage, RobustScalerModel) for value in stage.range.toArray()]
    for feature, quartile_range in zip(robust, ranges, strict=True):
        if quartile_range == 0:
            raise InputError(
                f"clustering.features: {feature} is the same for at least half of the customers, and scale: robust "
                "would erase it: use standard or min_max"
            )
