"""The indices are those of scikit-learn and Spark, and None where they are undefined."""

import numpy as np
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs
from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score

from segmentation.clustering.kmeans import as_centres
from segmentation.clustering.metrics import Indices, cluster_indices, nearest_centre, squared_distance
from segmentation.clustering.spark_metrics import measure


def points_of(spark: SparkSession, points: list[list[float]]) -> DataFrame:
    return spark.createDataFrame([(point,) for point in points], "point array<double>").coalesce(1)


def test_the_indices_agree_with_scikit_learn():
    points, _ = make_blobs(n_samples=150, centers=4, n_features=3, cluster_std=2.0, random_state=2)
    fit = KMeans(4, n_init=1, tol=0, random_state=1).fit(points)
    total = float(((points - points.mean(axis=0)) ** 2).sum())
    (indices,) = cluster_indices(points, [as_centres(fit.cluster_centers_)], [fit.inertia_], total)
    assert indices.davies_bouldin == pytest.approx(davies_bouldin_score(points, fit.labels_))
    assert indices.calinski_harabasz == pytest.approx(calinski_harabasz_score(points, fit.labels_))


def test_one_cluster_has_no_index():
    assert cluster_indices(np.array([[0.0], [2.0]]), [((1.0,),)], [2.0], 2.0) == [Indices(None, None)]


def test_no_distance_within_clusters_leaves_calinski_harabasz_undefined():
    (indices,) = cluster_indices(np.array([[0.0], [0.0], [8.0], [8.0]]), [((0.0,), (8.0,))], [0.0], 64.0)
    assert indices == Indices(0.0, None)


def test_spark_and_driver_measure_the_same_bits(spark: SparkSession, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("segmentation.clustering.spark_metrics.MOST_CLUSTERS_OF_A_JOB", 8)  # two batches below
    points = np.random.default_rng(3).normal(size=(80, 2)).round(3)
    # The last centre of each is nearest to no point, and one point stands alone.
    points[0] = (40.0, 40.0)
    clusterings = [as_centres([*points[:k], (900.0, 900.0)]) for k in (2, 3, 4)]
    frame = points_of(spark, points.tolist()).selectExpr("point[0] AS x", "point[1] AS y")
    measured = measure(frame, clusterings, 400.0)
    wssse = [
        ((points[:, np.newaxis] - np.array(centres)) ** 2).sum(axis=2).min(axis=1).sum() for centres in clusterings
    ]
    assert [squares for squares, _ in measured] == pytest.approx(wssse)
    assert [indices for _, indices in measured] == cluster_indices(
        points, clusterings, [squares for squares, _ in measured], 400.0
    )


def test_distances_are_squared_and_the_first_of_equally_near_centres_is_taken(spark: SparkSession):
    frame = points_of(spark, [[0.0, 0.0], [3.0, 4.0], [5.0, 0.0], [2.5, 0.0]])
    point = F.col("point")
    rows = frame.select(
        squared_distance(point, (0.0, 0.0)), nearest_centre(point, ((5.0, 0.0), (0.0, 0.0), (0.0, 0.0)))
    ).collect()
    assert [tuple(row) for row in rows] == [(0.0, 1), (25.0, 0), (25.0, 0), (6.25, 0)]
