"""How good a clustering is, by three indices, and the column expressions for distances to centres."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import Column
from pyspark.sql import functions as F

from segmentation.seeding import Points, assign

Centres = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Indices:
    """None where an index is undefined: one cluster, or no distance within or between clusters."""

    silhouette: float | None
    davies_bouldin: float | None
    calinski_harabasz: float | None


@dataclass(frozen=True)
class Cluster:
    """What the figures need of one cluster: `spread` is the mean distance to the centre, `within` the squared sum."""

    size: int
    spread: float
    within: float
    squares: float
    sums: Sequence[float]


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
    points: Points, clusterings: Sequence[Centres], wssse: Sequence[float], total_squares: float
) -> list[Indices]:
    """For each of `clusterings`, by the nearest of its centres, its indices; `wssse` is known from their fits.

    - silhouette with squared Euclidean distance, as Spark's ClusteringEvaluator (P. Rousseeuw, 1987); -1 worst, 1 best
    - Davies-Bouldin (D. Davies, D. Bouldin, 1979): 0 best
    - Calinski-Harabasz (T. Caliński, J. Harabasz, 1974): the larger the better

    To the bit those that `measuring.measure` finds for the same points in the same order.
    """
    square = _added(column * column for column in points.T)
    found = []
    for centres, known in zip(clusterings, wssse, strict=True):
        own, least = assign(points, np.array(centres))
        clusters = _clusters(points, square, own, least)
        silhouette = _silhouette(points, square, own, clusters)
        found.append(indices_of(centres, clusters, silhouette, known, total_squares))
    return found


def indices_of(
    centres: Centres, clusters: Mapping[int, Cluster], silhouette: float, wssse: float, total_squares: float
) -> Indices:
    """The indices of a clustering whose clusters, by the position of their centre, and mean silhouette are known."""
    count = sum(cluster.size for cluster in clusters.values())
    return Indices(
        silhouette if len(clusters) > 1 else None,
        _davies_bouldin({position: cluster.spread for position, cluster in clusters.items()}, centres),
        _calinski_harabasz(count, len(centres), wssse, total_squares),
    )


def _clusters(points: Points, square: Points, own: NDArray[np.intp], least: Points) -> dict[int, Cluster]:
    """The clusters by position, those to which no point is nearest left out; `square` is the squared distance from zero
    of each point, `own` the position of its nearest centre and `least` the squared distance to it.
    """
    sizes = np.bincount(own)

    def total(values: Points) -> list[float]:
        return [float(value) for value in np.bincount(own, weights=values)]  # added up in the order of the points

    spreads, within, squares = total(np.sqrt(least)), total(least), total(square)
    sums = [total(column) for column in points.T]
    return {
        position: Cluster(
            int(size),
            spreads[position] / int(size),
            within[position],
            squares[position],
            [of_dimension[position] for of_dimension in sums],
        )
        for position, size in enumerate(sizes)
        if size > 0
    }


def _silhouette(points: Points, square: Points, own: NDArray[np.intp], clusters: Mapping[int, Cluster]) -> float:
    """The mean silhouette; a point alone in its cluster counts 0."""
    within, other = np.full(len(points), np.nan), np.full(len(points), np.inf)
    for position, cluster in clusters.items():
        product = _added(column * total for column, total in zip(points.T, cluster.sums, strict=True))
        apart = np.maximum(square + cluster.squares / cluster.size - 2 * product / cluster.size, 0)
        is_own = own == position
        if cluster.size > 1:
            within[is_own] = apart[is_own] * (cluster.size / (cluster.size - 1))
        other[~is_own] = np.minimum(other, apart)[~is_own]
    silhouettes = np.zeros(len(points))
    nearer, farther = within < other, within > other
    silhouettes[nearer] = 1 - within[nearer] / other[nearer]
    silhouettes[farther] = other[farther] / within[farther] - 1
    return float(np.cumsum(silhouettes)[-1]) / len(points)


def _added(columns: Iterable[Points]) -> Points:
    return reduce(np.add, columns)


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
