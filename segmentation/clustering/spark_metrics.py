"""Measure clusterings of any number of points, several clusterings in one Spark job.

The expressions are SQL text: one of thousands of terms is a single call to Java, not a call for each term.
"""

import math
from collections.abc import Iterator, Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segmentation.buckets import sums
from segmentation.clustering.metrics import Centres, Cluster, Indices, indices_of
from segmentation.session import SparkThreadPool

# Each cluster is a term of an expression that Spark compiles, and the length of a Java method is limited.
MOST_CLUSTERS_OF_A_JOB = 20
NULL = "CAST(NULL AS DOUBLE)"


def measure(
    points: DataFrame, clusterings: Sequence[Centres], total_squares: float, parallel_jobs: int = 4
) -> list[tuple[float, Indices]]:
    """Return WSSSE and indices of each clustering of `points` by the nearest of its centres.

    `points` are in buckets, and have their coordinates as columns of doubles, nothing else. One job measures up to
    `MOST_CLUSTERS_OF_A_JOB` clusters; `parallel_jobs` of them run at the same time.
    """

    def measure_batch(batch: Sequence[Centres]) -> list[tuple[float, Indices]]:
        clusters = _collect_clusters(points, batch)
        wssse = [math.fsum(cluster.wssse for cluster in of_clustering.values()) for of_clustering in clusters]
        return [
            (squares, indices_of(centres, of_clustering, squares, total_squares))
            for centres, of_clustering, squares in zip(batch, clusters, wssse, strict=True)
        ]

    with SparkThreadPool(parallel_jobs) as pool:
        batches = list(pool.map(measure_batch, _batches(clusterings)))
    return [measured for batch in batches for measured in batch]


def moved_centres(points: DataFrame, centres: Centres) -> Centres:
    """Return for each centre the mean of the points nearest to it, or the same centre if there is none.

    This is one of Lloyd's iterations, over `points` as `measure` has them.
    """
    coordinates = [F.col(name) for name in points.columns]
    found = sums(_assigned(points, [centres]), [F.lit(1), *coordinates], F.col("label_0"))
    moved = list(centres)
    for (label,), (size, *of_cluster) in found.items():
        moved[label] = tuple(total * (1 / size) for total in of_cluster)  # as Spark's KMeans divides
    return tuple(moved)


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

    Columns: those of `columns`; for each clustering label_ int, the centre's position, and least_ double, the squared
    distance to it.
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
    # Each step is a projection of its own, so that what is used often is computed once.
    return (
        columns.selectExpr("*", *distances)
        .selectExpr("*", *least)
        .selectExpr(*dimensions, *[f"least_{number}" for number in range(len(clusterings))], *labels)
    )


def _collect_clusters(columns: DataFrame, clusterings: Sequence[Centres]) -> list[dict[int, Cluster]]:
    """Return for each clustering its clusters by position, without empty ones."""
    structs = ", ".join(
        f"named_struct('clustering', {number}, 'cluster', label_{number}, 'squared', least_{number})"
        for number in range(len(clusterings))
    )
    each = _assigned(columns, clusterings).selectExpr(f"inline(array({structs}))")
    totals = sums(each, [F.lit(1), F.sqrt("squared"), F.col("squared")], F.col("clustering"), F.col("cluster"))
    result: list[dict[int, Cluster]] = [{} for _ in clusterings]
    # Sorted, since sums over clusters depend on their order.
    for (clustering, cluster), (size, distances, wssse) in sorted(totals.items()):
        result[clustering][cluster] = Cluster(int(size), distances / size, wssse)
    return result


def _least(values: Sequence[str]) -> str:
    """Return SQL for the least value. LEAST itself takes two values or more, and ignores NULL."""
    return f"least({', '.join(values)}, {NULL})"


def _sql(value: float) -> str:
    return f"({float(value)!r}D)"
