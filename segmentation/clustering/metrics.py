"""Measure clusterings by WSSSE, silhouette, Davies-Bouldin and Calinski-Harabasz.

- silhouette (P. Rousseeuw, 1987) with squared Euclidean distance, as Spark's ClusteringEvaluator: -1 worst, 1 best
- Davies-Bouldin (D. Davies, D. Bouldin, 1979): 0 best
- Calinski-Harabasz (T. Caliński, J. Harabasz, 1974): the larger the better

`cluster_indices` measures points on the driver; `spark_metrics.measure` measures a DataFrame of any size. For the
same points in the same order both return the same bits.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import Column
from pyspark.sql import functions as F

from segmentation.clustering.seeding import Points, assign

Centres = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Indices:
    """None where an index is undefined: one cluster, or no distance within or between clusters."""

    silhouette: float | None
    davies_bouldin: float | None
    calinski_harabasz: float | None


@dataclass(frozen=True)
class Cluster:
    """Sums over the points of one cluster: of squared distances to the centre, of squared norms, and of coordinates."""

    size: int
    mean_distance: float
    wssse: float
    squared_norms: float
    sums: Sequence[float]


def squared_distance(point: Column, centre: Sequence[float]) -> Column:
    """Return the squared Euclidean distance of an array column to a centre."""
    result = F.lit(0.0)
    for dimension, value in enumerate(centre):
        difference = point[dimension] - F.lit(float(value))
        result = result + difference * difference
    return result


def nearest_centre(point: Column, centres: Centres) -> Column:
    """Return the position, from 0, of the nearest centre; the first of equals."""
    distances = F.array(*[squared_distance(point, centre) for centre in centres])
    return (F.array_position(distances, F.array_min(distances)) - 1).cast("int")


def cluster_indices(
    points: Points, clusterings: Sequence[Centres], wssse: Sequence[float], total_squares: float
) -> list[Indices]:
    """Return the indices of each clustering of `points` by the nearest of its centres; `wssse` is that of its fit."""
    squared_norms = _sum_columns(column * column for column in points.T)
    result = []
    for centres, wssse_of_fit in zip(clusterings, wssse, strict=True):
        labels, squared = assign(points, np.array(centres))
        clusters = _clusters(points, squared_norms, labels, squared)
        silhouette = _silhouette(points, squared_norms, labels, clusters)
        result.append(indices_of(centres, clusters, silhouette, wssse_of_fit, total_squares))
    return result


def indices_of(
    centres: Centres, clusters: Mapping[int, Cluster], silhouette: float, wssse: float, total_squares: float
) -> Indices:
    """Return the indices of a clustering; `clusters` maps the positions of centres to their clusters, none empty."""
    count = sum(cluster.size for cluster in clusters.values())
    return Indices(
        silhouette if len(clusters) > 1 else None,
        _davies_bouldin({position: cluster.mean_distance for position, cluster in clusters.items()}, centres),
        _calinski_harabasz(count, len(centres), wssse, total_squares),
    )


def _davies_bouldin(mean_distances: Mapping[int, float], centres: Centres) -> float | None:
    """Return the mean over clusters of the worst ratio of two mean distances to the distance of their centres."""
    if len(mean_distances) < 2:
        return None
    worst = []
    for position, own in mean_distances.items():
        distances = {
            other: math.dist(centres[position], centres[other]) for other in mean_distances if other != position
        }
        if min(distances.values()) == 0:
            return None
        worst.append(max((own + mean_distances[other]) / distance for other, distance in distances.items()))
    return sum(worst) / len(worst)


def _calinski_harabasz(count: int, k: int, wssse: float, total_squares: float) -> float | None:
    """Return the ratio of the variance between clusters to that within."""
    if k < 2 or count <= k or wssse <= 0:
        return None
    return ((total_squares - wssse) / (k - 1)) / (wssse / (count - k))


def _clusters(points: Points, squared_norms: Points, labels: NDArray[np.intp], squared: Points) -> dict[int, Cluster]:
    """Return the clusters that are not empty; `squared` are the points' squared distances to their centres."""
    sizes = np.bincount(labels)

    def sum_by_cluster(values: Points) -> list[float]:
        return [float(value) for value in np.bincount(labels, weights=values)]  # adds in the order of the points

    distances, wssse, norms = map(sum_by_cluster, (np.sqrt(squared), squared, squared_norms))
    sums = [sum_by_cluster(column) for column in points.T]
    return {
        position: Cluster(
            int(size),
            distances[position] / int(size),
            wssse[position],
            norms[position],
            [of_dimension[position] for of_dimension in sums],
        )
        for position, size in enumerate(sizes)
        if size > 0
    }


def _silhouette(
    points: Points, squared_norms: Points, labels: NDArray[np.intp], clusters: Mapping[int, Cluster]
) -> float:
    """Return the mean silhouette; a point alone in its cluster counts 0."""
    within, other = np.full(len(points), np.nan), np.full(len(points), np.inf)
    for position, cluster in clusters.items():
        product = _sum_columns(column * total for column, total in zip(points.T, cluster.sums, strict=True))
        mean_squared = squared_norms + cluster.squared_norms / cluster.size - 2 * product / cluster.size
        mean_squared = np.maximum(mean_squared, 0)
        is_own = labels == position
        if cluster.size > 1:
            within[is_own] = mean_squared[is_own] * (cluster.size / (cluster.size - 1))
        other[~is_own] = np.minimum(other, mean_squared)[~is_own]
    silhouettes = np.zeros(len(points))
    nearer, farther = within < other, within > other
    silhouettes[nearer] = 1 - within[nearer] / other[nearer]
    silhouettes[farther] = other[farther] / within[farther] - 1
    return float(np.cumsum(silhouettes)[-1]) / len(points)


def _sum_columns(columns: Iterable[Points]) -> Points:
    return reduce(np.add, columns)
