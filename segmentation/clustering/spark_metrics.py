"""Measure clusterings of any number of points, with two Spark jobs for several clusterings.

The expressions are SQL text: one of thousands of terms is a single call to Java, not a call for each term.
"""

import math
from collections.abc import Iterator, Mapping, Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segmentation.clustering.metrics import Centres, Cluster, Indices, indices_of
from segmentation.session import SparkThreadPool, release

# Each cluster is a term of an expression that Spark compiles, and the length of a Java method is limited.
MOST_CLUSTERS_OF_A_JOB = 20
NULL = "CAST(NULL AS DOUBLE)"


def measure(
    points: DataFrame, point: str, clusterings: Sequence[Centres], total_squares: float, parallel_jobs: int = 4
) -> list[tuple[float, Indices]]:
    """Return WSSSE and indices of each clustering of `points` by the nearest of its centres.

    `point` is a column of arrays of doubles. Two jobs measure up to `MOST_CLUSTERS_OF_A_JOB` clusters; `parallel_jobs`
    such pairs run at the same time. The sums are the same in each run if the points are sorted in one partition.
    """
    dimensions = len(clusterings[0][0])
    # Cached columns of doubles are read several times as quickly as a cached array.
    columns = points.select(*[F.col(point)[number].alias(f"x_{number}") for number in range(dimensions)]).persist()

    def measure_batch(batch: Sequence[Centres]) -> list[tuple[float, Indices]]:
        clusters = _collect_clusters(columns, batch)
        silhouettes = _silhouettes(columns, batch, clusters).head() or ()
        wssse = [math.fsum(cluster.wssse for cluster in of_clustering.values()) for of_clustering in clusters]
        return [
            (squares, indices_of(centres, of_clustering, silhouette, squares, total_squares))
            for centres, of_clustering, silhouette, squares in zip(batch, clusters, silhouettes, wssse, strict=True)
        ]

    try:
        with SparkThreadPool(parallel_jobs) as pool:
            batches = list(pool.map(measure_batch, _batches(clusterings)))
    finally:
        release(columns)
    return [measured for batch in batches for measured in batch]


def _batches(clusterings: Sequence[Centres]) -> Iterator[list[Centres]]:
    """Split the clusterings, in order, into batches of at most `MOST_CLUSTERS_OF_A_JOB` clusters, if not of one."""
    batch: list[Centres] = []
    for centres in clusterings:
        if batch and sum(map(len, batch)) + len(centres) > MOST_CLUSTERS_OF_A_JOB:
            yield batch
            batch = []
        batch.append(centres)
    if batch:
        yield batch


def _assigned(columns: DataFrame, clusterings: Sequence[Centres]) -> DataFrame:
    """Assign each point to the nearest centre of each clustering, the first of equals: one row per point.

    Columns: the coordinates; square double, the squared norm; for each clustering label_ int, the centre's position,
    and least_ double, the squared distance to it.
    """
    dimensions = columns.columns
    distances, least, labels = [], [], []
    for number, centres in enumerate(clusterings):
        names = [f"distance_{number}_{position}" for position in range(len(centres))]
        for name, centre in zip(names, centres, strict=True):
            differences = [f"({x} - {_sql(value)})" for x, value in zip(dimensions, centre, strict=True)]
            distances.append(f"{' + '.join(f'{each} * {each}' for each in differences)} AS {name}")
        least.append(f"{_least(names)} AS least_{number}")
        cases = " ".join(f"WHEN {name} = least_{number} THEN {position}" for position, name in enumerate(names))
        labels.append(f"CASE {cases} END AS label_{number}")
    square = f"{' + '.join(f'{x} * {x}' for x in dimensions)} AS square"
    # Each step is a projection of its own, so that what is used often is computed once.
    return (
        columns.selectExpr(*dimensions, square, *distances)
        .selectExpr("*", *least)
        .selectExpr(*dimensions, "square", *[f"least_{number}" for number in range(len(clusterings))], *labels)
    )


def _collect_clusters(columns: DataFrame, clusterings: Sequence[Centres]) -> list[dict[int, Cluster]]:
    """Return for each clustering its clusters by position, without empty ones."""
    structs = ", ".join(
        f"named_struct('clustering', {number}, 'cluster', label_{number}, 'squared', least_{number})"
        for number in range(len(clusterings))
    )
    each = _assigned(columns, clusterings).selectExpr(*columns.columns, "square", f"inline(array({structs}))")
    totals = each.groupBy("clustering", "cluster").agg(
        F.count(F.lit(1)),
        F.avg(F.sqrt("squared")),
        F.sum("squared"),
        F.sum("square"),
        *[F.sum(x) for x in columns.columns],
    )
    result: list[dict[int, Cluster]] = [{} for _ in clusterings]
    # Sorted, since sums over clusters depend on their order. One row per cluster of each clustering.
    # One row per cluster of each clustering.
    for clustering, cluster, size, mean_distance, wssse, squared_norms, *sums in sorted(totals.collect()):
        result[clustering][cluster] = Cluster(size, mean_distance, wssse, squared_norms, sums)
    return result


def _silhouettes(
    columns: DataFrame, clusterings: Sequence[Centres], clusters: Sequence[Mapping[int, Cluster]]
) -> DataFrame:
    """Return one row: the mean silhouette of each clustering. A point alone in its cluster counts 0."""
    distances, within, others, means = [], [], [], []
    for number, of_clustering in enumerate(clusters):
        label = f"label_{number}"
        names = {position: f"to_{number}_{position}" for position in of_clustering}
        distances += [
            f"{_mean_squared_distance(columns.columns, of_clustering[position])} AS {name}"
            for position, name in names.items()
        ]
        cases = " ".join(
            f"WHEN {position} THEN {name} * {_sql(of_clustering[position].size / (of_clustering[position].size - 1))}"
            for position, name in names.items()
            if of_clustering[position].size > 1
        )
        within.append(f"{f'CASE {label} {cases} END' if cases else NULL} AS within_{number}")
        to_others = [f"CASE WHEN {label} <> {position} THEN {name} END" for position, name in names.items()]
        others.append(f"{_least(to_others)} AS other_{number}")
        means.append(_mean_silhouette(f"within_{number}", f"other_{number}"))
    assigned = _assigned(columns, clusterings)
    return assigned.selectExpr("*", *distances).selectExpr(*within, *others).selectExpr(*means)


def _mean_squared_distance(dimensions: Sequence[str], cluster: Cluster) -> str:
    """Return SQL for the mean squared distance of a point to those of a cluster, 0 if it rounds to less."""
    size = float(cluster.size)
    product = " + ".join(f"{x} * {_sql(total)}" for x, total in zip(dimensions, cluster.sums, strict=True))
    return f"greatest(square + {_sql(cluster.squared_norms / size)} - 2D * ({product}) / {_sql(size)}, 0D)"


def _mean_silhouette(within: str, other: str) -> str:
    return (
        f"avg(CASE WHEN {within} < {other} THEN 1 - {within} / {other} "
        f"WHEN {within} > {other} THEN {other} / {within} - 1 ELSE 0D END)"
    )


def _least(values: Sequence[str]) -> str:
    """Return SQL for the least value that is not NULL. LEAST itself takes two values or more."""
    return f"least({', '.join(values)}, {NULL})"


def _sql(value: float) -> str:
    return f"({float(value)!r}D)"
