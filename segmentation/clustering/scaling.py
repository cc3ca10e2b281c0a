"""Scale customer features into points for KMeans.

The points are kept in one partition, sorted by customer: sums of floating-point numbers depend on their order. So the
fits are the same on any number of cores, partitions and input files.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from pyspark.ml.base import Transformer
from pyspark.ml.feature import (
    MinMaxScaler,
    RobustScaler,
    RobustScalerModel,
    SQLTransformer,
    StandardScaler,
    VectorAssembler,
)
from pyspark.ml.functions import vector_to_array
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.clustering.metrics import squared_distance
from segmentation.config.settings import ClusteredFeature, ClusteringSettings, Scaler
from segmentation.errors import InputError
from segmentation.session import percentiles, release

SCALED = "scaled"
POINT = "point"
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
    def distinct(self) -> int:
        """The number of different points, counted up to one more than the largest k."""
        return len(self.distinct_points)


def clustered(feature: str) -> str:
    """Return the column of a feature after its limits and transform, before scaling."""
    return f"clustered_{feature}"


def to_cluster(customers: DataFrame, figures: s.Figures) -> DataFrame:
    """Return the customers that take part in the clustering: with net figures, those of whose orders anything stayed.

    The logarithm of nothing is no spend like others: a few such customers would pull a centre of their own.
    """
    return customers.where(F.col(s.NET_ORDERS) > 0) if figures == s.NET else customers


def prepare(customers: DataFrame, settings: ClusteringSettings, figures: s.Figures) -> Preparation:
    """Fit limits and scalers on `customers`, one row per customer in one sorted partition, and persist the points.

    `customers` come from `to_cluster`. The caller unpersists the points.

    Points: one row per customer. Columns: customer_id string, spend decimal and orders bigint by their names in
    `figures`, each `clustered_` feature double, scaled vector, point array<double> (the same values).

    Raises: InputError if there are no customers, or if robust scaling would erase a feature.
    """
    if customers.isEmpty():
        raise InputError("everything that customers bought came back: there is nobody left to segment")
    stages: list[Transformer] = [_limit_and_transform(customers, settings.features)]
    frame = stages[0].transform(customers)
    for estimator in _scaling(settings.features):
        stage = estimator.fit(frame) if hasattr(estimator, "fit") else estimator
        stages.append(stage)
        frame = stage.transform(frame)
    names = [clustered(dimension.feature) for dimension in settings.features]
    points = frame.select(
        s.CUSTOMER_ID, figures.spend, figures.orders, *names, SCALED, vector_to_array(F.col(SCALED)).alias(POINT)
    ).persist()
    try:
        means = [F.avg(F.col(POINT)[number]) for number in range(len(names))]
        # One row each.
        count, *mean = points.agg(F.count(F.lit(1)), *means).collect()[0]
        total_squares = points.agg(F.sum(squared_distance(F.col(POINT), mean))).collect()[0][0]
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
        return [row[POINT] for row in rows.select(POINT).distinct().orderBy(POINT).limit(enough).collect()]

    if count > settings.seeding_sample:
        first = distinct(points.limit(settings.seeding_sample))
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
