"""How good a clustering is, by three indices, and the column expressions for distances to centres."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.ml.evaluation import ClusteringEvaluator
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

Centres = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Indices:
    """None where an index is undefined: one cluster, or no distance within or between clusters."""

    silhouette: float | None
    davies_bouldin: float | None
    calinski_harabasz: float | None


def squared_distance(point: Column, centre: Sequence[float]) -> Column:
    """The squared Euclidean distance of an array column to a centre."""
    result = F.lit(0.0)
    for dimension, value in enumerate(centre):
        difference = point[dimension] - F.lit(float(value))
        result = result + difference * difference
    return result


def nearest_centre(point: Column, centres: Centres) -> Column:
    """The position, from 0, of the nearest centre; the first of equals."""
    distances = F.array(*[squared_distance(point, centre) for centre in centres])
    return (F.array_position(distances, F.array_min(distances)) - 1).cast("int")


def cluster_indices(
    points: DataFrame, vector: str, point: str, centres: Centres, wssse: float, total_squares: float
) -> Indices:
    """The indices of the clustering of `points` by the nearest of `centres`; a few jobs.

    - silhouette with squared Euclidean distance, as Spark's ClusteringEvaluator (P. Rousseeuw, 1987); -1 worst, 1 best
    - Davies-Bouldin (D. Davies, D. Bouldin, 1979): 0 best
    - Calinski-Harabasz (T. Caliński, J. Harabasz, 1974): the larger the better
    """
    distance = F.sqrt(F.array_min(F.array(*[squared_distance(F.col(point), centre) for centre in centres])))
    assigned = points.select(vector, nearest_centre(F.col(point), centres).alias("cluster"), distance.alias("distance"))
    # One row per cluster: bounded by k.
    rows = assigned.groupBy("cluster").agg(F.count(F.lit(1)).alias("size"), F.avg("distance").alias("spread")).collect()
    evaluator = ClusteringEvaluator(featuresCol=vector, predictionCol="cluster", metricName="silhouette")
    silhouette = evaluator.evaluate(assigned) if len(rows) > 1 else None
    spreads = {row["cluster"]: row["spread"] for row in rows}
    count = sum(row["size"] for row in rows)
    return Indices(
        silhouette,
        _davies_bouldin(spreads, centres),
        _calinski_harabasz(count, len(centres), wssse, total_squares),
    )


def _davies_bouldin(spreads: dict[int, float], centres: Centres) -> float | None:
    """The mean over clusters of the worst ratio of two clusters' spreads to the distance of their centres."""
    if len(spreads) < 2:
        return None
    worst = []
    for one, spread in spreads.items():
        apart = {other: math.dist(centres[one], centres[other]) for other in spreads if other != one}
        if min(apart.values()) == 0:
            return None
        worst.append(max((spread + spreads[other]) / distance for other, distance in apart.items()))
    return sum(worst) / len(worst)


def _calinski_harabasz(count: int, k: int, wssse: float, total_squares: float) -> float | None:
    """The ratio of the variance between clusters to that within."""
    if k < 2 or count <= k or wssse <= 0:
        return None
    return ((total_squares - wssse) / (k - 1)) / (wssse / (count - k))
