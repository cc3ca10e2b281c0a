"""The three indices are those of scikit-learn, and None where they are undefined."""

import numpy as np
import pytest
from pyspark.ml.evaluation import ClusteringEvaluator
from pyspark.ml.functions import array_to_vector
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from sklearn.datasets import make_blobs
from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score, silhouette_score

from segmentation.clustering.metrics import Indices, cluster_indices, measure, nearest_centre, squared_distance


def points_of(spark: SparkSession, points: list[list[float]]) -> DataFrame:
    return spark.createDataFrame([(point,) for point in points], "point array<double>").coalesce(1)


def test_the_indices_agree_with_scikit_learn():
    points, labels = make_blobs(n_samples=150, centers=4, n_features=3, cluster_std=2.0, random_state=2)
    # Centres of a clustering that is not a perfect one, so that no index is at its best.
    centres = np.stack([points[labels == label].mean(axis=0) for label in range(4)])
    labels = ((points[:, np.newaxis] - centres) ** 2).sum(axis=2).argmin(axis=1)
    centres = np.stack([points[labels == label].mean(axis=0) for label in range(4)])
    labels = ((points[:, np.newaxis] - centres) ** 2).sum(axis=2).argmin(axis=1)
    centres = np.stack([points[labels == label].mean(axis=0) for label in range(4)])
    assert (((points[:, np.newaxis] - centres) ** 2).sum(axis=2).argmin(axis=1) == labels).all()
    wssse = float(((points - centres[labels]) ** 2).sum())
    total = float(((points - points.mean(axis=0)) ** 2).sum())
    as_tuples = tuple(tuple(float(value) for value in centre) for centre in centres)
    (found,) = cluster_indices(points, [as_tuples], [wssse], total)
    assert found.silhouette == pytest.approx(silhouette_score(points, labels, metric="sqeuclidean"))
    assert found.davies_bouldin == pytest.approx(davies_bouldin_score(points, labels))
    assert found.calinski_harabasz == pytest.approx(calinski_harabasz_score(points, labels))


def test_one_cluster_has_no_index():
    assert cluster_indices(np.array([[0.0], [2.0]]), [((1.0,),)], [2.0], 2.0) == [Indices(None, None, None)]


def test_clusters_without_any_distance_within_have_no_calinski_harabasz():
    (found,) = cluster_indices(np.array([[0.0], [0.0], [8.0], [8.0]]), [((0.0,), (8.0,))], [0.0], 64.0)
    assert (found.silhouette, found.davies_bouldin, found.calinski_harabasz) == (1.0, 0.0, None)


def test_many_clusterings_at_once_have_the_silhouettes_of_sparks_evaluator_and_few_points_the_same_to_the_bit(
    spark: SparkSession,
):
    points = np.random.default_rng(3).normal(size=(80, 2)).round(3)
    # The last centre of each is nearest to no point, and one point stands alone.
    points[0] = (40.0, 40.0)
    clusterings = [tuple(map(tuple, [*points[:k], (900.0, 900.0)])) for k in (2, 8, 11)]  # more than fit into one job
    frame = points_of(spark, points.tolist()).withColumn("scaled", array_to_vector("point"))
    found = measure(frame, "point", clusterings, 400.0)
    evaluator = ClusteringEvaluator(featuresCol="scaled", predictionCol="cluster")
    expected = [
        evaluator.evaluate(frame.withColumn("cluster", nearest_centre(F.col("point"), centres)))
        for centres in clusterings
    ]
    assert [one.indices.silhouette for one in found] == pytest.approx(expected)

    of_few = cluster_indices(points, clusterings, [one.wssse for one in found], 400.0)
    assert of_few == [one.indices for one in found]


def test_a_distance_that_rounds_to_less_than_nothing_is_none(spark: SparkSession):
    # Far from zero, sums of squares cancel to the last bit.
    near, far = [8.118215927399868, 8.118215907399868, 8.118215917399867], -10.0
    points = np.array([[x] for x in [near[0]] * 3 + near[1:] + [far] * 3])
    centres = ((near[2],), (near[1],), (far,))

    (measured,) = measure(points_of(spark, points.tolist()), "point", [centres], 400.0)

    (of_few,) = cluster_indices(points, [centres], [measured.wssse], 400.0)
    assert of_few == measured.indices
    assert of_few.silhouette is not None
    assert -1 <= of_few.silhouette <= 1


def test_distances_are_squared_and_the_first_of_equally_near_centres_is_taken(spark: SparkSession):
    frame = points_of(spark, [[0.0, 0.0], [3.0, 4.0], [5.0, 0.0], [2.5, 0.0]])
    point = F.col("point")
    rows = frame.select(
        squared_distance(point, (0.0, 0.0)), nearest_centre(point, ((5.0, 0.0), (0.0, 0.0), (0.0, 0.0)))
    ).collect()
    assert [tuple(row) for row in rows] == [(0.0, 1), (25.0, 0), (25.0, 0), (6.25, 0)]
