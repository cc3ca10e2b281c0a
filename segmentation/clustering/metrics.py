"""Measure clusterings by WSSSE, Davies-Bouldin and Calinski-Harabasz. The silhouette is in `stability`.

- Davies-Bouldin (D. Davies, D. Bouldin, 1979): 0 best
- Calinski-Harabasz (T. Caliński, J. Harabasz, 1974): the larger the better

`cluster_indices` measures points on the driver; `spark_metrics.measure` measures a DataFrame of any size. For the
same points in the same order both return the same bits.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import Column
from pyspark.sql import functions as F

from segmentation.clustering.seeding import Points, assign

Centres = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Indices:
    """None where an index is undefined: one cluster, or no distance within or between clusters."""

    davies_bouldin: float | None
    calinski_harabasz: float | None


@dataclass(frozen=True)
class Cluster:
    """The points of one cluster: their number, mean distance to the centre and sum of squared distances."""

    size: int
    mean_distance: float
    wssse: float


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
    result = []
    for centres, wssse_of_fit in zip(clusterings, wssse, strict=True):
        labels, squared = assign(points, np.array(centres))
        result.append(indices_of(centres, _clusters(labels, squared), wssse_of_fit, total_squares))
    return result


def indices_of(centres: Centres, clusters: Mapping[int, Cluster], wssse: float, total_squares: float) -> Indices:
    """Return the indices of a clustering; `clusters` maps the positions of centres to their clusters, none empty."""
    count = sum(cluster.size for cluster in clusters.values())
    return Indices(
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


def _clusters(labels: NDArray[np.intp], squared: Points) -> dict[int, Cluster]:
    """Return the clusters that are not empty; `squared` are the points' squared distances to their centres."""
    sizes = np.bincount(labels)
    # bincount adds in the order of the points.
    distances, wssse = np.bincount(labels, np.sqrt(squared)), np.bincount(labels, squared)
    return {
        position: Cluster(int(size), float(distances[position]) / int(size), float(wssse[position]))
        for position, size in enumerate(sizes)
        if size > 0
    }
