"""Fit Spark's KMeans for one k, from given starting centres.

Spark ML's Python class takes no starting centres. `org.apache.spark.mllib.clustering.KMeans`, on which it is built,
takes an initial model, and its result makes a Spark ML model. All of it runs in the JVM: executors need no Python.
"""

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
from segmentation.clustering.stability import Stability
from segmentation.config.settings import ClusteringSettings

NO_INDICES = Indices(None, None)


@dataclass(frozen=True)
class Fit:
    """The best fit for one k: its centres in scaled space, and the figures of its row in `k_sweep`.

    `stability` is None before the segments were judged, and its figures are in the order of the centres.
    """

    k: int
    centres: Centres
    wssse: float
    iterations: int
    seconds: float
    indices: Indices = NO_INDICES
    stability: Stability | None = None


@dataclass(frozen=True)
class TrainingData:
    """Rows with `scaled`, the name of their weight column if they have one, and both as an RDD of the JVM."""

    rows: DataFrame
    weight: str | None
    vectors: Any


def training_data(rows: DataFrame, weight: str | None = None) -> TrainingData:
    """Convert rows with `scaled`, and a weight column if given, once for any number of fits."""
    jvm = _jvm()
    selected = rows.selectExpr(f"{SCALED} AS _1", f"{weight or '1D'} AS _2")
    converted = jvm.org.apache.spark.mllib.util.MLUtils.convertVectorColumnsFromML(
        selected._jdf, jvm.PythonUtils.toSeq(["_1"])
    )
    vector = jvm.org.apache.spark.mllib.linalg.VectorUDT()
    # What Encoders.udt makes, which Spark 4.0 lacks.
    udt_encoder = getattr(jvm.org.apache.spark.sql.catalyst.encoders, "AgnosticEncoders$UDTEncoder")
    encoders = jvm.org.apache.spark.sql.Encoders
    pair = encoders.tuple(udt_encoder(vector, vector.getClass()), encoders.scalaDouble())
    return TrainingData(rows, weight, getattr(converted, "as")(pair).rdd())


def best_fit(data: TrainingData, start: Centres, settings: ClusteringSettings, restarts: int = 1) -> Fit:
    """Return the fit of least WSSSE out of `restarts`: the first from `start`, the others from k-means||."""
    began = time.perf_counter()
    k = len(start)
    fits = [fit_from(data, start, settings.max_iterations, settings.tolerance)]
    for restart in range(1, restarts):
        kmeans = KMeans(
            featuresCol=SCALED,
            k=k,
            seed=settings.seed * 1_000 + restart,
            maxIter=settings.max_iterations,
            tol=settings.tolerance,
            solver="row",  # the others fail if k-means|| finds fewer than k different centres
        )
        model = (kmeans.setWeightCol(data.weight) if data.weight else kmeans).fit(data.rows)
        if len(model.clusterCenters()) == k:
            fits.append((as_centres(model.clusterCenters()), model.summary.trainingCost, model.summary.numIter))
    centres, wssse, iterations = min(fits, key=lambda fit: fit[1])
    return Fit(k, centres, wssse, iterations, time.perf_counter() - began)


def fit_from(data: TrainingData, start: Centres, max_iterations: int, tolerance: float) -> tuple[Centres, float, int]:
    """Run Lloyd's iterations from `start` over all rows. Return centres, WSSSE and the number of iterations."""
    kmeans = (
        _jvm()
        .org.apache.spark.mllib.clustering.KMeans()
        .setK(len(start))
        .setMaxIterations(max_iterations)
        .setEpsilon(tolerance)
        .setInitialModel(_mllib_model(start))
    )
    # The method that Spark ML itself calls: private to Spark in Scala, public in bytecode.
    model = kmeans.runWithWeight(data.vectors, True, _jvm().scala.Option.empty())
    centres = as_centres(centre.toArray() for centre in model.clusterCenters())
    return centres, float(model.trainingCost()), int(model.numIter())


def grown_start(centres: Centres, candidates: Points) -> Centres:
    """Return `centres` and the candidate farthest from them: with one more centre no point's distance grows."""
    given = np.array(centres)
    _, squared = assign(candidates, given)
    return as_centres(np.vstack([given, candidates[squared.argmax()]]))


def as_centres(centres: Iterable[Iterable[float]]) -> Centres:
    """Return plain tuples of floats."""
    return tuple(tuple(float(value) for value in centre) for centre in centres)


def model_of(centres: Centres, features_column: str, prediction_column: str) -> KMeansModel:
    """Return a Spark ML KMeansModel with exactly these centres: cluster 0 is the first of them."""
    java = _jvm().org.apache.spark.ml.clustering.KMeansModel("customer_segments", _mllib_model(centres))
    model = KMeansModel(java)
    model._resetUid("customer_segments")
    model._set(seed=0)  # PySpark's default is the hash of a name, another in each process
    if len(centres) > 1:  # the parameter k of Spark ML starts at 2
        model._set(k=len(centres))
    return model.setFeaturesCol(features_column).setPredictionCol(prediction_column)


def _mllib_model(centres: Centres) -> Any:
    jvm = _jvm()
    dense = jvm.org.apache.spark.mllib.linalg.Vectors.dense
    vectors = [dense(_java_array(jvm.double, centre)) for centre in centres]
    array = _java_array(jvm.org.apache.spark.mllib.linalg.Vector, vectors)
    return jvm.org.apache.spark.mllib.clustering.KMeansModel(array)


def _java_array(kind: Any, values: Sequence[Any]) -> Any:
    gateway: Any = _context()._gateway
    array = gateway.new_array(kind, len(values))
    for position, value in enumerate(values):
        array[position] = value
    return array


def _jvm() -> Any:
    return _context()._jvm


def _context() -> SparkContext:
    context = SparkContext._active_spark_context
    assert context is not None
    return context
