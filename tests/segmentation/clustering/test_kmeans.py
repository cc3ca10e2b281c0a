"""Spark's KMeans starts from the given centres, and a model has exactly the centres that it is given."""

from collections.abc import Iterator

import pytest
from pyspark.ml.functions import array_to_vector, vector_to_array
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from segmentation.clustering.kmeans import best_fit, fit_from, model_of, training_data
from tests.segmentation.clustering.generated import settings

GOOD, POOR = ((0.0,), (10.0,), (100.0,)), ((1.0,), (100.0,), (102.0,))


@pytest.fixture(scope="module")
def points(spark: SparkSession) -> Iterator[DataFrame]:
    values = [0.0, 1.0, 10.0, 11.0, 100.0, 102.0]
    frame = spark.createDataFrame([([value],) for value in values], "point array<double>").coalesce(1)
    cached = frame.select(array_to_vector("point").alias("scaled")).cache()
    yield cached
    cached.unpersist()


def with_weight(points: DataFrame) -> DataFrame:
    is_heavy = vector_to_array("scaled")[0] == 1.0
    return points.withColumn("weight", F.when(is_heavy, 3.0).otherwise(1.0))


def test_a_fit_ends_in_the_optimum_nearest_to_its_start(points: DataFrame):
    data = training_data(points)
    centres, wssse, iterations = fit_from(data, GOOD, 50, 1e-4)
    assert sorted(centres) == [(0.5,), (10.5,), (101.0,)]
    assert wssse == pytest.approx(0.5 + 0.5 + 2.0)
    assert 1 <= iterations <= 50
    centres, wssse, _ = fit_from(data, POOR, 50, 1e-4)
    assert sorted(centres) == [(5.5,), (100.0,), (102.0,)]
    assert wssse == pytest.approx(101.0)


def test_a_weight_counts_like_as_many_points(points: DataFrame):
    centres, wssse, _ = fit_from(training_data(with_weight(points), "weight"), GOOD, 50, 1e-4)
    assert sorted(centres) == [(0.75,), (10.5,), (101.0,)]
    assert wssse == pytest.approx(0.75**2 + 3 * 0.25**2 + 0.5 + 2.0)


@pytest.mark.parametrize("weight", [None, "weight"])
def test_a_restart_replaces_a_poor_start(points: DataFrame, weight: str | None):
    data = training_data(with_weight(points), weight)
    once, twice = (best_fit(data, POOR, settings(), restarts) for restarts in (1, 2))
    assert once.wssse > 100
    assert twice.wssse < 4
    assert len(twice.centres) == twice.k == 3


def test_a_model_predicts_by_the_given_centres_in_their_order(points: DataFrame):
    model = model_of(((101.0,), (5.0,)), "scaled", "cluster")
    assert [row["cluster"] for row in model.transform(points).collect()] == [1, 1, 1, 1, 0, 0]
    assert [centre.tolist() for centre in model.clusterCenters()] == [[101.0], [5.0]]
