"""Spark's KMeans starts where it is told to, and a model has exactly the centres that it is given."""

import pytest
from pyspark.ml.functions import array_to_vector, vector_to_array
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from segmentation.clustering.kmeans import fit_from, model_of, vectors_of, weighted_vectors_of


def points(spark: SparkSession) -> DataFrame:
    values = [0.0, 1.0, 10.0, 11.0, 100.0, 102.0]
    frame = spark.createDataFrame([([value],) for value in values], "point array<double>").coalesce(1)
    return frame.select(array_to_vector("point").alias("scaled")).cache()


def test_a_fit_goes_on_from_its_start_to_the_optimum_nearest_to_it(spark: SparkSession):
    vectors = vectors_of(points(spark), "scaled")
    centres, wssse, iterations = fit_from(vectors, ((0.0,), (10.0,), (100.0,)), 50, 1e-4)
    assert sorted(centres) == [(0.5,), (10.5,), (101.0,)]
    assert wssse == pytest.approx(0.5 + 0.5 + 2.0)
    assert 1 <= iterations <= 50
    # Another start ends in another optimum: the start is what is used, not one of Spark's own.
    centres, wssse, _ = fit_from(vectors, ((1.0,), (100.0,), (102.0,)), 50, 1e-4)
    assert sorted(centres) == [(5.5,), (100.0,), (102.0,)]
    assert wssse == pytest.approx(101.0)


def test_a_model_predicts_by_the_given_centres_in_the_given_order(spark: SparkSession):
    model = model_of(((101.0,), (5.0,)), "scaled", "cluster")
    assert [row["cluster"] for row in model.transform(points(spark)).collect()] == [1, 1, 1, 1, 0, 0]
    assert [centre.tolist() for centre in model.clusterCenters()] == [[101.0], [5.0]]


def test_a_weight_counts_like_as_many_points(spark: SparkSession):
    heavy = vector_to_array("scaled")[0] == 1.0
    weighted = points(spark).withColumn("weight", F.when(heavy, 3.0).otherwise(1.0))
    start = ((0.0,), (10.0,), (100.0,))
    centres, wssse, _ = fit_from(weighted_vectors_of(weighted, "scaled", "weight"), start, 50, 1e-4, weighted=True)
    assert sorted(centres) == [(0.75,), (10.5,), (101.0,)]
    assert wssse == pytest.approx(0.75**2 + 3 * 0.25**2 + 0.5 + 2.0)
