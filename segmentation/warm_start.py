"""Spark's KMeans from given starting centres, which Spark ML's Python class cannot be told.

Spark ML's KMeans runs `org.apache.spark.mllib.clustering.KMeans`; that one takes an initial model, and its result makes
a Spark ML model. All of it runs in the JVM: the executors need no Python.
"""

from collections.abc import Sequence
from typing import Any

from pyspark import SparkContext
from pyspark.ml.clustering import KMeansModel
from pyspark.sql import DataFrame

from segmentation.cluster_indices import Centres


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
