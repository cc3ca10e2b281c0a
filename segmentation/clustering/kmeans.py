"""A fit of Spark's KMeans for one k, the best of its restarts."""
# TODO-DOC warm_start: Spark's KMeans from given starting centres, which Spark ML's Python class cannot be
# told.  Spark ML's KMeans runs `org.apache.spark.mllib.clustering.KMeans`; that one takes an initial model,
# and its result makes a Spark ML model. All of it runs in the JVM: the executors need no Python.

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pyspark import SparkContext
from pyspark.ml.clustering import KMeans, KMeansModel
from pyspark.sql import DataFrame

from segmentation.clustering.metrics import Centres, Indices
from segmentation.clustering.scaling import SCALED
from segmentation.clustering.seeding import Points, assign
from segmentation.config.settings import ClusteringSettings

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
class Data:
    """What is fitted: rows with `scaled`, each counted as often as the column `weight` says, or once where None."""

    rows: DataFrame
    vectors: Any
    weight: str | None = None


def data_of(rows: DataFrame, weight: str | None = None) -> Data:
    """Rows with `scaled`, and the weights' column where there is one, made ready for any number of fits."""
    vectors = weighted_vectors_of(rows, SCALED, weight) if weight else vectors_of(rows, SCALED)
    return Data(rows, vectors, weight)


def best_fit(data: Data, start: Centres, settings: ClusteringSettings, restarts: int = 1) -> Fit:
    """The least WSSSE of `restarts` fits: the first from the given start, the others from k-means||."""
    began = time.perf_counter()
    k = len(start)
    weighted = data.weight is not None
    tried = [fit_from(data.vectors, start, settings.max_iterations, settings.tolerance, weighted)]
    for restart in range(1, restarts):
        kmeans = KMeans(
            featuresCol=SCALED,
            k=k,
            seed=settings.seed * 1_000 + restart,
            maxIter=settings.max_iterations,
            tol=settings.tolerance,
            solver="row",  # the others fail where k-means|| finds fewer than k different centres
        )
        model = (kmeans.setWeightCol(data.weight) if data.weight else kmeans).fit(data.rows)
        if len(model.clusterCenters()) == k:
            tried.append((as_centres(model.clusterCenters()), model.summary.trainingCost, model.summary.numIter))
    centres, wssse, iterations = min(tried, key=lambda result: result[1])
    return Fit(k, centres, wssse, iterations, time.perf_counter() - began)


def grown_start(centres: Centres, candidates: Points) -> Centres:
    """The given centres and the candidate farthest from them: with one centre more no point is farther from its own."""
    given = np.array(centres)
    _, squared = assign(candidates, given)
    return as_centres(np.vstack([given, candidates[squared.argmax()]]))


def as_centres(centres: Iterable[Iterable[float]]) -> Centres:
    """Plain tuples of floats from any table of numbers."""
    return tuple(tuple(float(value) for value in centre) for centre in centres)


def vectors_of(points: DataFrame, column: str) -> Any:
    """The vectors of a Spark ML vector column as Java's `RDD[mllib.linalg.Vector]`."""
    jvm = _jvm()
    selected = points.select(column)
    converted = jvm.org.apache.spark.mllib.util.MLUtils.convertVectorColumnsFromML(
        selected._jdf, jvm.PythonUtils.toSeq([column])
    )
    encoder = jvm.org.apache.spark.sql.Encoders.udt(jvm.org.apache.spark.mllib.linalg.VectorUDT())
    return getattr(converted, "as")(encoder).rdd()


def weighted_vectors_of(points: DataFrame, vectors: str, weights: str) -> Any:
    """The rows of a Spark ML vector column and a column of doubles as Java's `RDD[(mllib.linalg.Vector, Double)]`."""
    jvm = _jvm()
    selected = points.selectExpr(f"{vectors} AS _1", f"{weights} AS _2")
    converted = jvm.org.apache.spark.mllib.util.MLUtils.convertVectorColumnsFromML(
        selected._jdf, jvm.PythonUtils.toSeq(["_1"])
    )
    encoders = jvm.org.apache.spark.sql.Encoders
    pair = encoders.tuple(encoders.udt(jvm.org.apache.spark.mllib.linalg.VectorUDT()), encoders.scalaDouble())
    return getattr(converted, "as")(pair).rdd()


def fit_from(
    vectors: Any, start: Centres, max_iterations: int, tolerance: float, weighted: bool = False
) -> tuple[Centres, float, int]:
    """Lloyd's iterations from `start` over all vectors: the centres, their WSSSE, the number of iterations.

    `vectors` are those of `weighted_vectors_of` where `weighted`, else of `vectors_of`.
    """
    kmeans = (
        _jvm()
        .org.apache.spark.mllib.clustering.KMeans()
        .setK(len(start))
        .setMaxIterations(max_iterations)
        .setEpsilon(tolerance)
        .setInitialModel(_mllib_model(start))
    )
    # With weights by the method that Spark ML itself calls; it is Spark's own in Scala, but open in Java.
    model = kmeans.runWithWeight(vectors, True, _jvm().scala.Option.empty()) if weighted else kmeans.run(vectors)
    centres = tuple(tuple(float(value) for value in centre.toArray()) for centre in model.clusterCenters())
    return centres, float(model.trainingCost()), int(model.numIter())


def model_of(centres: Centres, features_column: str, prediction_column: str) -> KMeansModel:
    """A Spark ML KMeansModel with exactly these centres: cluster 0 is the first of them."""
    java = _jvm().org.apache.spark.ml.clustering.KMeansModel("customer_segments", _mllib_model(centres))
    model = KMeansModel(java)
    model._resetUid("customer_segments")
    if len(centres) > 1:  # the parameter k of Spark ML starts at 2
        model._set(k=len(centres))
    return model.setFeaturesCol(features_column).setPredictionCol(prediction_column)


def _mllib_model(centres: Centres) -> Any:
    jvm = _jvm()
    array = _array(jvm.org.apache.spark.mllib.linalg.Vector, [_vector(centre) for centre in centres])
    return jvm.org.apache.spark.mllib.clustering.KMeansModel(array)


def _vector(values: Sequence[float]) -> Any:
    return _jvm().org.apache.spark.mllib.linalg.Vectors.dense(_array(_jvm().double, [float(value) for value in values]))


def _array(kind: Any, values: Sequence[Any]) -> Any:
    context = SparkContext._active_spark_context
    assert context is not None
    gateway: Any = context._gateway
    array = gateway.new_array(kind, len(values))
    for position, value in enumerate(values):
        array[position] = value
    return array


def _jvm() -> Any:
    context = SparkContext._active_spark_context
    assert context is not None
    return context._jvm
