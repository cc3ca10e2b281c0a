"""How good a clustering is, by three indices, and the column expressions for distances to centres."""
# TODO-DOC measuring: Points too many to be collected and clusterings of them → the figures of each, in a few
# Spark jobs for all.

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame
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


# Each cluster is a term of an expression that Spark compiles, and Java compiles no method of any length.
MOST_CLUSTERS_OF_A_JOB = 20
NULL = "CAST(NULL AS DOUBLE)"


@dataclass(frozen=True)
class Measured:
    """What a clustering is over all points: its WSSSE and its indices."""

    wssse: float
    indices: Indices


def measure(
    points: DataFrame, point: str, clusterings: Sequence[Centres], total_squares: float, at_once: int = 4
) -> list[Measured]:
    """For each of `clusterings`, by the nearest of its centres, its figures; two jobs for `MOST_CLUSTERS_OF_A_JOB`.

    `point` is a column of arrays of doubles. The sums are the same in each run where the points are sorted in one
    partition; as many as `at_once` pairs of jobs run at the same time.
    """
    dimensions = len(clusterings[0][0])
    # Doubles alone are read from the cache by columns, several times as quickly as an array.
    columns = points.select(*[F.col(point)[number].alias(f"x_{number}") for number in range(dimensions)]).persist()

    def measured(batch: Sequence[int]) -> list[Measured]:
        wanted = [clusterings[number] for number in batch]
        filled = _clusters_of(columns, wanted)
        silhouettes = _silhouettes(columns, wanted, filled).head() or ()
        return [
            _measured(centres, clusters, silhouette, total_squares)
            for centres, clusters, silhouette in zip(wanted, filled, silhouettes, strict=True)
        ]

    try:
        with ThreadPoolExecutor(at_once) as pool:
            batches = list(pool.map(measured, _batches([len(centres) for centres in clusterings])))
    finally:
        columns.unpersist()
    return [one for batch in batches for one in batch]


def _measured(centres: Centres, clusters: Mapping[int, Cluster], silhouette: float, total_squares: float) -> Measured:
    wssse = math.fsum(cluster.within for cluster in clusters.values())
    return Measured(wssse, indices_of(centres, clusters, silhouette, wssse, total_squares))


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


# The expressions below are SQL text: thousands of terms, each a call to Java as a Column, are one call as text.


def _placed(columns: DataFrame, clusterings: Sequence[Centres]) -> DataFrame:
    """Points with `square`, the squared distance from zero, and for each clustering own_ and least_: the position of
    the nearest centre, the first of equals, and the squared distance to it.
    """
    dimensions = columns.columns
    distances, least, own = [], [], []
    for number, centres in enumerate(clusterings):
        names = [f"distance_{number}_{position}" for position in range(len(centres))]
        for name, centre in zip(names, centres, strict=True):
            differences = [f"({x} - {_sql(value)})" for x, value in zip(dimensions, centre, strict=True)]
            distances.append(f"{' + '.join(f'{one} * {one}' for one in differences)} AS {name}")
        least.append(f"{_least(names)} AS least_{number}")
        cases = " ".join(f"WHEN {name} = least_{number} THEN {position}" for position, name in enumerate(names))
        own.append(f"CASE {cases} END AS own_{number}")
    square = f"{' + '.join(f'{x} * {x}' for x in dimensions)} AS square"
    # Each step is a projection of its own, so that what is used often is computed once.
    return (
        columns.selectExpr(*dimensions, square, *distances)
        .selectExpr("*", *least)
        .selectExpr(*dimensions, "square", *[f"least_{number}" for number in range(len(clusterings))], *own)
    )


def _clusters_of(columns: DataFrame, clusterings: Sequence[Centres]) -> list[dict[int, Cluster]]:
    """For each clustering its clusters by position, those to which no point is nearest left out."""
    placed = ", ".join(
        f"named_struct('clustering', {number}, 'cluster', own_{number}, 'squared', least_{number})"
        for number in range(len(clusterings))
    )
    each = _placed(columns, clusterings).selectExpr(*columns.columns, "square", f"inline(array({placed}))")
    counted = each.groupBy("clustering", "cluster").agg(
        F.count(F.lit(1)),
        F.avg(F.sqrt("squared")),
        F.sum("squared"),
        F.sum("square"),
        *[F.sum(x) for x in columns.columns],
    )
    found: list[dict[int, Cluster]] = [{} for _ in clusterings]
    # In order, since what is added up over clusters depends on it.
    for row in sorted(counted.collect()):  # one row per cluster of each clustering
        clustering, cluster, size, spread, within, squares, *sums = row
        found[clustering][cluster] = Cluster(size, spread, within, squares, sums)
    return found


def _silhouettes(
    columns: DataFrame, clusterings: Sequence[Centres], filled: Sequence[Mapping[int, Cluster]]
) -> DataFrame:
    """One row: the mean silhouette of each clustering; a point alone in its cluster counts 0."""
    apart, within, others, means = [], [], [], []
    for number, clusters in enumerate(filled):
        own = f"own_{number}"
        names = {position: f"apart_{number}_{position}" for position in clusters}
        apart += [f"{_apart(columns.columns, clusters[position])} AS {name}" for position, name in names.items()]
        cases = " ".join(
            f"WHEN {position} THEN {name} * {_sql(clusters[position].size / (clusters[position].size - 1))}"
            for position, name in names.items()
            if clusters[position].size > 1
        )
        within.append(f"{f'CASE {own} {cases} END' if cases else NULL} AS within_{number}")
        elsewhere = [f"CASE WHEN {own} <> {position} THEN {name} END" for position, name in names.items()]
        others.append(f"{_least(elsewhere)} AS other_{number}")
        means.append(_mean_silhouette(f"within_{number}", f"other_{number}"))
    return _placed(columns, clusterings).selectExpr("*", *apart).selectExpr(*within, *others).selectExpr(*means)


def _apart(dimensions: Sequence[str], cluster: Cluster) -> str:
    """The mean squared distance of a point to the points of a cluster; where it rounds to less than nothing, 0."""
    size = float(cluster.size)
    product = " + ".join(f"{x} * {_sql(total)}" for x, total in zip(dimensions, cluster.sums, strict=True))
    return f"greatest(square + {_sql(cluster.squares / size)} - 2D * ({product}) / {_sql(size)}, 0D)"


def _mean_silhouette(within: str, other: str) -> str:
    return (
        f"avg(CASE WHEN {within} < {other} THEN 1 - {within} / {other} "
        f"WHEN {within} > {other} THEN {other} / {within} - 1 ELSE 0D END)"
    )


def _least(values: Sequence[str]) -> str:
    """The least that is not NULL; of one value too, which SQL's LEAST does not take alone."""
    return f"least({', '.join(values)}, {NULL})"


def _sql(value: float) -> str:
    return f"({float(value)!r}D)"
