"""Customer features → scaled points, and what is known of them before any fit (Spark ML).

The points are kept sorted by customer in one partition: sums of floating-point numbers depend on their order, and so
the fits are the same on any number of cores, partitions and input files.
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

SCALED = "scaled"
POINT = "point"


@dataclass(frozen=True)
class Preparation:
    """The stages from customer features to scaled points, and what is known of the points."""

    stages: tuple[Transformer, ...]
    points: DataFrame
    count: int
    mean: tuple[float, ...]
    total_squares: float
    different: Sequence[Sequence[float]]  # points of which no two are equal: all, or one more than the largest k

    @property
    def distinct(self) -> int:
        """How many different points there are, as far as the largest k needs to know."""
        return len(self.different)


def clustered(feature: str) -> str:
    """The column of a feature after its limits and transform, before scaling."""
    return f"clustered_{feature}"


def prepare(customers: DataFrame, settings: ClusteringSettings) -> Preparation:
    """Fits limits and scalers on `customers` (one row per customer, one sorted partition) and keeps the points.

    Points have one row per customer: customer_id, total_spend, purchase_frequency, each `clustered_` feature, `scaled`
    (vector) and `point` (the same as an array). They are persisted until the run clears its caches.
    """
    limits = _limits(customers, settings.features)
    stages: list[Transformer] = [_transformed(settings.features, limits)]
    frame = stages[0].transform(customers)
    for estimator in _scaling(settings.features):
        stage = estimator.fit(frame) if hasattr(estimator, "fit") else estimator
        stages.append(stage)
        frame = stage.transform(frame)
    names = [clustered(one.feature) for one in settings.features]
    points = frame.select(
        s.CUSTOMER_ID, s.TOTAL_SPEND, s.PURCHASE_FREQUENCY, *names, SCALED, vector_to_array(F.col(SCALED)).alias(POINT)
    ).persist()
    dimensions = range(len(names))
    row = points.agg(F.count(F.lit(1)), *[F.avg(F.col(POINT)[d]) for d in dimensions]).head()
    assert row is not None  # an aggregate without groups has one row
    count, *mean = row
    from_mean = points.agg(F.sum(squared_distance(F.col(POINT), mean))).head()
    different = _different(points, count, settings)
    if len(different) > 1:
        _require_no_feature_erased(stages, settings.features)
    return Preparation(
        tuple(stages),
        points,
        count,
        tuple(mean),
        from_mean[0] if from_mean else 0.0,
        different,
    )


def _different(points: DataFrame, count: int, settings: ClusteringSettings) -> list[Sequence[float]]:
    """Points of which no two are equal, as many as tell whether every k can have k different centres.

    Of many customers the first few thousand nearly always have enough; only where they do not are all compared.
    """
    enough = settings.largest_k + 1

    def among(some: DataFrame) -> list[Sequence[float]]:
        return [row[POINT] for row in some.select(POINT).distinct().orderBy(POINT).limit(enough).collect()]

    if count > settings.seeding_sample:
        found = among(points.limit(settings.seeding_sample))
        if len(found) == enough:
            return found
    return among(points)


def _limits(customers: DataFrame, features: Sequence[ClusteredFeature]) -> Mapping[str, tuple[float, float]]:
    """The values at the quantiles between which features are winsorised."""
    limited = [one for one in features if one.winsorise]
    if not limited:
        return {}
    quantiles = [F.percentile(F.col(one.feature).cast("double"), list(one.winsorise or ())) for one in limited]
    row = customers.agg(*quantiles).head()
    return {one.feature: tuple(row[position]) for position, one in enumerate(limited)} if row else {}


def _transformed(features: Sequence[ClusteredFeature], limits: Mapping[str, tuple[float, float]]) -> SQLTransformer:
    def expression(one: ClusteredFeature) -> str:
        value = f"CAST({one.feature} AS DOUBLE)"
        if one.feature in limits:
            lowest, highest = limits[one.feature]
            value = f"LEAST(GREATEST({value}, {lowest!r}D), {highest!r}D)"
        if one.transform == "log1p":  # mirrored below 0, which only switched-off rules let through
            value = f"SIGN({value}) * LOG1P(ABS({value}))"
        return f"{value} AS {clustered(one.feature)}"

    return SQLTransformer(statement=f"SELECT *, {', '.join(expression(one) for one in features)} FROM __THIS__")


def _scaling(
    features: Sequence[ClusteredFeature],
) -> list[VectorAssembler | StandardScaler | RobustScaler | MinMaxScaler]:
    """Assemblers and scalers whose last output is `scaled`, in the order of `features`."""
    scalers: dict[Scaler, Callable[..., StandardScaler | RobustScaler | MinMaxScaler]] = {
        "standard": partial(StandardScaler, withMean=True, withStd=True),
        "robust": partial(RobustScaler, withCentering=True, withScaling=True),
        "min_max": MinMaxScaler,
    }
    if len({one.scale for one in features}) == 1:
        together = VectorAssembler(inputCols=[clustered(one.feature) for one in features], outputCol="assembled")
        return [together, scalers[features[0].scale](inputCol="assembled", outputCol=SCALED)]
    stages: list[VectorAssembler | StandardScaler | RobustScaler | MinMaxScaler] = []
    for one in features:
        name = clustered(one.feature)
        stages.append(VectorAssembler(inputCols=[name], outputCol=f"assembled_{name}"))
        stages.append(scalers[one.scale](inputCol=f"assembled_{name}", outputCol=f"scaled_{name}"))
    scaled = [f"scaled_{clustered(one.feature)}" for one in features]
    return [*stages, VectorAssembler(inputCols=scaled, outputCol=SCALED)]


def _require_no_feature_erased(stages: Sequence[Transformer], features: Sequence[ClusteredFeature]) -> None:
    """InputError where robust scaling would turn a feature into 0 for everyone, because its quartiles are equal."""
    robust = [one.feature for one in features if one.scale == "robust"]
    ranges = [value for stage in stages if isinstance(stage, RobustScalerModel) for value in stage.range.toArray()]
    for feature, quartile_range in zip(robust, ranges, strict=True):
        if quartile_range == 0:
            raise InputError(
                f"clustering.features: {feature} is the same for at least half of the customers, and scale: robust "
                "would erase it: use standard or min_max"
            )
