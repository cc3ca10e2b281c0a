"""How good a clustering is, by three indices, and the column expressions for distances to centres."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

Centres = tuple[tuple[float, ...], ...]

# Each cluster is a term of an expression that Spark compiles, and Java compiles no method of any length.
MOST_CLUSTERS_OF_A_JOB = 12


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
    points: DataFrame, point: str, clusterings: Sequence[Centres], wssse: Sequence[float], total_squares: float
) -> list[Indices]:
    """For each of `clusterings`, by the nearest of its centres, its indices; two jobs for some ten clusters.

    - silhouette with squared Euclidean distance, as Spark's ClusteringEvaluator (P. Rousseeuw, 1987); -1 worst, 1 best
    - Davies-Bouldin (D. Davies, D. Bouldin, 1979): 0 best
    - Calinski-Harabasz (T. Caliński, J. Harabasz, 1974): the larger the better
    """
    found = []
    for first in _batches([len(centres) for centres in clusterings]):
        batch = [clusterings[number] for number in first]
        filled = _clusters(points, point, batch)
        silhouettes = _silhouettes(points, point, batch, filled).head()
        for number, clusters, silhouette in zip(first, filled, silhouettes or (), strict=True):
            centres = clusterings[number]
            spreads = {position: cluster.spread for position, cluster in clusters.items()}
            count = sum(cluster.size for cluster in clusters.values())
            found.append(
                Indices(
                    silhouette if len(clusters) > 1 else None,
                    _davies_bouldin(spreads, centres),
                    _calinski_harabasz(count, len(centres), wssse[number], total_squares),
                )
            )
    return found


@dataclass(frozen=True)
class _Cluster:
    """What the indices need of one cluster; `spread` is the mean distance to the centre."""

    size: int
    spread: float
    squares: float
    sums: Sequence[float]


def _batches(sizes: Sequence[int]) -> Iterator[list[int]]:
    """The positions in `sizes`, in order, in runs of which each adds up to no more than one job should bear."""
    batch: list[int] = []
    for position, size in enumerate(sizes):
        if batch and sum(sizes[one] for one in batch) + size > MOST_CLUSTERS_OF_A_JOB:
            yield batch
            batch = []
        batch.append(position)
    if batch:
        yield batch


def _clusters(points: DataFrame, point: str, clusterings: Sequence[Centres]) -> list[dict[int, _Cluster]]:
    """For each clustering its clusters by position, those to which no point is nearest left out."""
    distances = [
        F.array(*[squared_distance(F.col(point), centre) for centre in centres]).alias(f"distances_{number}")
        for number, centres in enumerate(clusterings)
    ]
    placed = []
    for number in range(len(clusterings)):
        least = F.array_min(f"distances_{number}")
        cluster = (F.array_position(F.col(f"distances_{number}"), least) - 1).cast("int")
        placed.append(
            F.struct(F.lit(number).alias("clustering"), cluster.alias("cluster"), F.sqrt(least).alias("distance"))
        )
    each = points.select(point, *distances).select(point, F.inline(F.array(*placed)))
    sums = [F.sum(F.col(point)[dimension]).alias(f"sum_{dimension}") for dimension in range(len(clusterings[0][0]))]
    counted = each.groupBy("clustering", "cluster").agg(
        F.count(F.lit(1)).alias("size"),
        F.avg("distance").alias("spread"),
        F.sum(_square(F.col(point), len(sums))).alias("squares"),
        *sums,
    )
    found: list[dict[int, _Cluster]] = [{} for _ in clusterings]
    for row in counted.collect():  # one row per cluster of each clustering
        clustering, cluster, size, spread, squares, *rest = row
        found[clustering][cluster] = _Cluster(size, spread, squares, rest)
    return found


def _silhouettes(
    points: DataFrame, point: str, clusterings: Sequence[Centres], filled: Sequence[Mapping[int, _Cluster]]
) -> DataFrame:
    """One row: the mean silhouette of each clustering; a point alone in its cluster counts 0."""
    owns = [nearest_centre(F.col(point), centres).alias(f"own_{number}") for number, centres in enumerate(clusterings)]
    square = _square(F.col(point), len(clusterings[0][0])).alias("square")
    placed = points.select(point, square, *owns)
    return placed.agg(*[_silhouette(point, f"own_{number}", clusters) for number, clusters in enumerate(filled)])


def _silhouette(point: str, own_cluster: str, clusters: Mapping[int, _Cluster]) -> Column:
    own: list[Column] = [F.lit(None).cast("double")]
    others = []
    for position, cluster in clusters.items():
        size = float(cluster.size)
        product = F.lit(0.0)
        for dimension, total in enumerate(cluster.sums):
            product = product + F.col(point)[dimension] * F.lit(total)
        # The mean squared distance to the cluster's points.
        apart = F.col("square") + F.lit(cluster.squares / size) - F.lit(2.0) * product / F.lit(size)
        others.append(F.when(F.col(own_cluster) != position, apart))
        if cluster.size > 1:
            own.append(F.when(F.col(own_cluster) == position, apart * F.lit(size / (size - 1))))
    within, nearest_other = F.coalesce(*own), F.array_min(F.array(*others))
    value = F.when(within < nearest_other, 1 - within / nearest_other).when(
        within > nearest_other, nearest_other / within - 1
    )
    return F.avg(F.coalesce(value, F.lit(0.0)))


def _square(point: Column, dimensions: int) -> Column:
    result = F.lit(0.0)
    for dimension in range(dimensions):
        result = result + point[dimension] * point[dimension]
    return result


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
