"""Customer features → scaled points → KMeans for every k → a fitted pipeline (Spark ML).

The points are kept sorted by customer in one partition: sums of floating-point numbers depend on their order, and so
the fits are the same on any number of cores, partitions and input files.
"""

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from pyspark.ml import PipelineModel
from pyspark.ml.base import Transformer
from pyspark.ml.clustering import KMeans
from pyspark.ml.feature import (
    MinMaxScaler,
    RobustScaler,
    RobustScalerModel,
    SQLTransformer,
    StandardScaler,
    VectorAssembler,
)
from pyspark.ml.functions import vector_to_array
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from segmentation.cluster_indices import Centres, Indices, cluster_indices, nearest_centre, squared_distance
from segmentation.config import ClusteredFeature, ClusteringSettings, Scaler
from segmentation.errors import InputError
from segmentation.sampling import uniform
from segmentation.schemas import (
    CUSTOMER_ID,
    DISTANCE_TO_CENTRE,
    MARGIN,
    NEAREST_OTHER_SEGMENT_ID,
    PURCHASE_FREQUENCY,
    SEGMENT_ID,
    SEGMENT_NAME,
    TOTAL_SPEND,
)
from segmentation.seeding import Points, assign, starting_centres
from segmentation.warm_start import fit_from, model_of, vectors_of

SCALED = "scaled"
POINT = "point"
CLUSTER = "cluster"
WEIGHT = "weight"
NO_INDICES = Indices(None, None, None)


@dataclass(frozen=True)
class Fit:
    """The best fit found for one k: its centres in scaled space, and the figures of its row in the sweep."""

    k: int
    centres: Centres
    wssse: float
    iterations: int
    seconds: float
    indices: Indices = NO_INDICES


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
        CUSTOMER_ID, TOTAL_SPEND, PURCHASE_FREQUENCY, *names, SCALED, vector_to_array(F.col(SCALED)).alias(POINT)
    ).persist()
    dimensions = range(len(names))
    row = points.agg(F.count(F.lit(1)), *[F.avg(F.col(POINT)[d]) for d in dimensions]).head()
    assert row is not None  # an aggregate without groups has one row
    count, *mean = row
    from_mean = points.agg(F.sum(squared_distance(F.col(POINT), mean))).head()
    # Enough to know whether every k can have k different centres.
    different = points.select(POINT).distinct().orderBy(POINT).limit(settings.largest_k + 1).collect()
    if len(different) > 1:
        _require_no_feature_erased(stages, settings.features)
    return Preparation(
        tuple(stages),
        points,
        count,
        tuple(mean),
        from_mean[0] if from_mean else 0.0,
        [row[POINT] for row in different],
    )


def sweep(preparation: Preparation, ks: Sequence[int], settings: ClusteringSettings) -> list[Fit]:
    """The best fit for k = 1, in closed form, and for each of `ks` (ascending, each >= 2); WSSSE never rises with k."""
    points = preparation.points
    fits = [Fit(1, (preparation.mean,), preparation.total_squares, 0, 0.0)]
    sample, weights = _sample(preparation, settings)
    starts = starting_centres(sample, weights, ks, settings.seed)
    vectors = vectors_of(points, SCALED)
    with ThreadPoolExecutor(settings.parallel_fits) as pool:
        tasks = [pool.submit(_best_fit, preparation, vectors, _as_centres(starts[k]), settings) for k in ks]
        found = [task.result() for task in tasks]
    for fit in found:
        # Rare: a fit grown from the one before can only do better than that.
        worse = fit.wssse > fits[-1].wssse
        fits.append(_grown(preparation, vectors, fits[-1], sample, settings) if worse else fit)
    centres, wssse = [fit.centres for fit in fits], [fit.wssse for fit in fits]
    indices = cluster_indices(points, POINT, centres, wssse, preparation.total_squares)
    return [replace(fit, indices=of_fit) for fit, of_fit in zip(fits, indices, strict=True)]


def centres_in_original_units(
    points: DataFrame, fit: Fit, features: Sequence[ClusteredFeature]
) -> list[dict[str, float]]:
    """For each centre, in the fit's order: every clustered feature at the centre with its transform undone, and
    total_spend and purchase_frequency, by the mean of its customers where they are not clustered.
    """
    means: dict[str, Column] = {name: F.avg(F.col(name).cast("double")) for name in (TOTAL_SPEND, PURCHASE_FREQUENCY)}
    means |= {one.feature: F.avg(clustered(one.feature)) for one in features}
    assigned = points.withColumn(CLUSTER, nearest_centre(F.col(POINT), fit.centres))
    # One row per centre: bounded by k.
    rows = {
        row[CLUSTER]: row for row in assigned.groupBy(CLUSTER).agg(*[m.alias(n) for n, m in means.items()]).collect()
    }
    logarithms = {one.feature for one in features if one.transform == "log1p"}
    return [
        {name: _undone(rows[number][name]) if name in logarithms else rows[number][name] for name in means}
        for number in sorted(rows)
    ]


def segment_model(preparation: Preparation, centres: Centres, names: Sequence[str]) -> PipelineModel:
    """Customer features → segment_id (1 for the first of `centres`) and segment_name, as one Spark ML pipeline."""
    cases = " ".join(f"WHEN {number} THEN {_sql_text(name)}" for number, name in enumerate(names))
    naming = SQLTransformer(
        statement=f"SELECT *, {CLUSTER} + 1 AS {SEGMENT_ID}, CASE {CLUSTER} {cases} END AS {SEGMENT_NAME} FROM __THIS__"
    )
    return PipelineModel([*preparation.stages, model_of(centres, SCALED, CLUSTER), naming])


def with_distances(assigned: DataFrame, centres: Centres) -> DataFrame:
    """Adds, for rows with `scaled` and segment_id: the distance to the own centre, the other segment whose centre is
    nearest, and how much farther that one is; NULL the last two where there is no other.
    """
    point = vector_to_array(F.col(SCALED))
    distances = [F.sqrt(squared_distance(point, centre)) for centre in centres]
    own = F.element_at(F.array(*distances), F.col(SEGMENT_ID))
    others = [
        F.when(F.col(SEGMENT_ID) != number, F.struct(distance.alias("distance"), F.lit(number).alias("segment")))
        for number, distance in enumerate(distances, start=1)
    ]
    return (
        assigned.withColumns({DISTANCE_TO_CENTRE: own, "nearest_other": F.array_min(F.array(*others))})
        .withColumn(NEAREST_OTHER_SEGMENT_ID, F.col("nearest_other.segment"))
        .withColumn(MARGIN, F.col("nearest_other.distance") - F.col(DISTANCE_TO_CENTRE))
    )


def _undone(logarithm: float) -> float:
    return math.copysign(math.expm1(abs(logarithm)), logarithm)


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


def _sample(preparation: Preparation, settings: ClusteringSettings) -> tuple[Points, Points]:
    """At most about `seeding_sample` points and how many customers each stands for.

    Half of the chance is even, half in proportion to the squared distance from the mean, so that the few who spend
    most are in it (lightweight coresets: O. Bachem, M. Lucic, A. Krause, 2018).
    """
    points, most = preparation.points.select(CUSTOMER_ID, POINT), settings.seeding_sample
    chance: Column = F.lit(1.0)
    if preparation.count > most and preparation.total_squares > 0:
        far = squared_distance(F.col(POINT), preparation.mean) / F.lit(preparation.total_squares)
        chance = F.least(F.lit(1.0), F.lit(0.5 * most) * (F.lit(1.0 / preparation.count) + far))
    rows = (
        points.withColumn(WEIGHT, 1.0 / chance)
        .where((chance >= 1.0) | (uniform(F.lit(settings.seed), F.col(CUSTOMER_ID)) < chance))
        .select(POINT, WEIGHT)
        .limit(2 * most)  # the expected number is at most `most`
        .collect()
    )
    sampled, weights = [row[POINT] for row in rows], [row[WEIGHT] for row in rows]
    if preparation.count > most:  # as many different points as the largest k needs, however small the sample
        sampled += preparation.different
        weights += [1.0] * preparation.distinct
    return np.array(sampled), np.array(weights)


def _best_fit(preparation: Preparation, vectors: Any, start: Centres, settings: ClusteringSettings) -> Fit:
    """The least WSSSE of `restarts` fits: the first from the given start, the others from k-means||.

    By default there is another one only where the search for the start has not seen every customer.
    """
    began = time.perf_counter()
    k = len(start)
    tried = [fit_from(vectors, start, settings.max_iterations, settings.tolerance)]
    restarts = settings.restarts
    if restarts == "auto":
        restarts = 2 if preparation.count > settings.seeding_sample else 1
    for restart in range(1, restarts):
        model = KMeans(
            featuresCol=SCALED,
            predictionCol=CLUSTER,
            k=k,
            seed=settings.seed * 1_000 + restart,
            maxIter=settings.max_iterations,
            tol=settings.tolerance,
            solver="row",  # the others fail where k-means|| finds fewer than k different centres
        ).fit(preparation.points)
        if len(model.clusterCenters()) == k:
            tried.append((_as_centres(model.clusterCenters()), model.summary.trainingCost, model.summary.numIter))
    centres, wssse, iterations = min(tried, key=lambda result: result[1])
    return Fit(k, centres, wssse, iterations, time.perf_counter() - began)


def _grown(preparation: Preparation, vectors: Any, smaller: Fit, sample: Points, settings: ClusteringSettings) -> Fit:
    """A fit with one centre more than `smaller`, started from its centres and the sampled point farthest from them."""
    centres = np.array(smaller.centres)
    _, squared = assign(sample, centres)
    start = _as_centres(np.vstack([centres, sample[squared.argmax()]]))
    return _best_fit(preparation, vectors, start, settings.model_copy(update={"restarts": 1}))


def _as_centres(centres: Iterable[Iterable[float]]) -> Centres:
    return tuple(tuple(float(value) for value in centre) for centre in centres)


def _sql_text(text: str) -> str:
    """A SQL literal in which nothing is special: no quote, no `${variable}`, no placeholder of SQLTransformer."""
    return "'" + "".join(c if c.isalnum() or c == " " or ord(c) > 127 else f"\\u{ord(c):04x}" for c in text) + "'"
