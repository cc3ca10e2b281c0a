"""Measure on a sample whether segments come back when customers are drawn anew, and how far apart they are.

- Jaccard similarity of each segment under the bootstrap: C. Hennig, "Cluster-wise assessment of cluster stability",
  Computational Statistics & Data Analysis 52, 2007 (`clusterboot` of the R package fpc, points counted once).
- silhouette with Euclidean distances: P. Rousseeuw, 1987.

All of it is numpy on the driver, on a bounded number of points. The random numbers of a k depend on the seed and that k
alone, so its figures do not depend on the largest k tried.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segmentation.clustering.seeding import Points

Labels = NDArray[np.intp]

# Independent starts of each refit. Warm starts would lead every resample back to the same optimum.
STARTS = 8
SHORT_RUN = 4
FINISHED_STARTS = 2
MAX_ITERATIONS = 50
# Standard errors below the mean: of 20 such bounds one is too high.
SURE = 1.645
# Rows of the distance matrix that are held at a time.
CHUNK = 500


@dataclass(frozen=True)
class Stability:
    """How the segments of one fit come back: each segment's mean Jaccard similarity, in the order of the centres.

    `shares` are the segments' shares of the sample. A segment without a customer in it has the similarity None.
    `surely` is the least similarity minus its error: another draw of resamples, or of customers, gives as much.
    """

    jaccards: tuple[float | None, ...]
    shares: tuple[float, ...]
    silhouette: float | None
    surely: float | None = None

    def reordered(self, order: Sequence[int]) -> "Stability":
        """Return the same with the segments in another order."""
        return Stability(
            tuple(self.jaccards[number] for number in order),
            tuple(self.shares[number] for number in order),
            self.silhouette,
            self.surely,
        )

    @property
    def least_jaccard(self) -> float | None:
        return min((value for value in self.jaccards if value is not None), default=None)

    @property
    def mean_jaccard(self) -> float | None:
        known = [value for value in self.jaccards if value is not None]
        return sum(known) / len(known) if known else None

    @property
    def least_share(self) -> float:
        return min(self.shares)


def nearest(points: Points, centres: Points) -> Labels:
    """Return the position of each point's nearest centre, the first of equals."""
    # |x - c|² / 2 without |x|², which is the same for every centre.
    return np.asarray((points @ -centres.T + 0.5 * (centres * centres).sum(axis=1)).argmin(axis=1))


def mean_jaccards(
    points: Points, labels: Labels, k: int, resamples: int, random: np.random.Generator
) -> tuple[tuple[float | None, ...], float | None]:
    """Return for each of k clusters the mean over bootstrap resamples of its greatest Jaccard similarity to a refit's.

    A cluster that a resample misses counts nothing there. None if it has no point at all. The second value is the least
    over the clusters of the mean minus `SURE` standard errors.
    """
    similarities: list[list[float]] = [[] for _ in range(k)]
    for _ in range(resamples):
        drawn = np.unique(random.integers(len(points), size=len(points)))
        refitted = nearest(points[drawn], fit(points[drawn], k, random))
        for cluster, similarity in enumerate(greatest_jaccards(labels[drawn], refitted, k)):
            if similarity is not None:
                similarities[cluster].append(similarity)
    known = [np.array(values) for values in similarities if len(values) > 1]
    surely = min((float(each.mean() - SURE * each.std(ddof=1) / len(each) ** 0.5) for each in known), default=None)
    return tuple(sum(values) / len(values) if values else None for values in similarities), surely


def greatest_jaccards(labels: Labels, others: Labels, k: int) -> list[float | None]:
    """Return for each cluster of `labels` its greatest Jaccard similarity to a cluster of `others`; None if empty."""
    both = np.bincount(labels * k + others, minlength=k * k).reshape(k, k)
    either = both.sum(axis=1, keepdims=True) + both.sum(axis=0, keepdims=True) - both
    similarity = both / np.maximum(either, 1)
    return [float(row.max()) if size else None for row, size in zip(similarity, both.sum(axis=1), strict=True)]


def fit(points: Points, k: int, random: np.random.Generator) -> Points:
    """Return the best centres of several independent k-means++ starts."""
    starts = [_plus_plus(points, k, random) for _ in range(STARTS)]
    short = sorted((_lloyd(points, start, SHORT_RUN) for start in starts), key=lambda run: run[1])
    finished = [_lloyd(points, centres, MAX_ITERATIONS) for centres, _ in short[:FINISHED_STARTS]]
    return min(finished, key=lambda run: run[1])[0]


def within_squares(points: Points, centres: Points) -> float:
    """Return the sum of squared distances to the nearest centres."""
    return float(((points - centres[nearest(points, centres)]) ** 2).sum())


def _lloyd(points: Points, centres: Points, iterations: int) -> tuple[Points, float]:
    for _ in range(iterations):
        labels = nearest(points, centres)
        sizes = np.bincount(labels, minlength=len(centres))
        sums = np.stack([np.bincount(labels, column, minlength=len(centres)) for column in points.T], axis=1)
        moved = np.where(sizes[:, np.newaxis] > 0, sums / np.maximum(sizes, 1)[:, np.newaxis], centres)
        if np.abs(moved - centres).max() < 1e-4:
            break
        centres = moved
    return centres, within_squares(points, centres)


def _plus_plus(points: Points, k: int, random: np.random.Generator) -> Points:
    centres = np.empty((k, points.shape[1]))
    centres[0] = points[random.integers(len(points))]
    squared = ((points - centres[0]) ** 2).sum(axis=1)
    for position in range(1, k):
        running = np.cumsum(squared)
        drawn = min(int(np.searchsorted(running, random.random() * running[-1], side="right")), len(points) - 1)
        centres[position] = points[drawn]
        np.minimum(squared, ((points - centres[position]) ** 2).sum(axis=1), out=squared)
    return centres


def silhouettes(points: Points, labellings: Sequence[Labels]) -> list[float | None]:
    """Return the mean Euclidean silhouette of each labelling; None for a single cluster. A point alone counts 0."""
    n = len(points)
    members = [np.eye(int(labels.max()) + 1)[labels] for labels in labellings]
    sizes = [member.sum(axis=0) for member in members]
    one_hot = np.concatenate(members, axis=1)
    ends = np.cumsum([member.shape[1] for member in members])[:-1]
    totals = [0.0] * len(labellings)
    squares = (points * points).sum(axis=1)
    for start in range(0, n, CHUNK):
        rows = slice(start, min(start + CHUNK, n))
        squared = squares[rows, np.newaxis] + squares - 2 * (points[rows] @ points.T)
        distances = np.sqrt(np.maximum(squared, 0))
        for number, sums in enumerate(np.split(distances @ one_hot, ends, axis=1)):
            totals[number] += _sum_of_silhouettes(sums, labellings[number][rows], sizes[number])
    return [round(total / n, 9) if (size > 0).sum() > 1 else None for total, size in zip(totals, sizes, strict=True)]


def _sum_of_silhouettes(sums: Points, labels: Labels, sizes: Points) -> float:
    """Add up silhouettes from each point's summed distances to the clusters (`sums`, points × clusters)."""
    own = np.arange(len(labels)), labels
    within = sums[own] / np.maximum(sizes[labels] - 1, 1)
    means = np.where(sizes > 0, sums / np.maximum(sizes, 1), np.inf)
    means[own] = np.inf
    other = means.min(axis=1)
    greater = np.maximum(within, other)
    counts = (sizes[labels] > 1) & (greater > 0) & np.isfinite(other)
    return float(np.where(counts, (other - within) / np.where(counts, greater, 1), 0).sum())
