"""A fit of Spark's KMeans for one k, the best of its restarts."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from pyspark.ml.clustering import KMeans
from pyspark.sql import DataFrame

from segmentation.cluster_indices import Centres, Indices
from segmentation.config import ClusteringSettings
from segmentation.preparation import SCALED
from segmentation.seeding import Points, assign
from segmentation.warm_start import fit_from, vectors_of, weighted_vectors_of

NO_INDICES = Indices(None, None, None)


@dataclass(frozen=True)
class Fit:
    """The best fit found for one k: its centres in scaled space, and the figures of its row in the sweep."""

    k: int
    centres: Centres
    wssse: float
    iterations: int
    seconds: float
    indices: Indices = NO_INDICES


@dataclass(frozen=True)
class Data:
    """What is fitted: rows with `scaled`, each counted as often as the column `weight` says, or once where None."""

    rows: DataFrame
    vectors: Any
    weight: str | None = None


def data_of(rows: DataFrame, weight: str | None = None) -> Data:
    """Rows with `scaled`, and the weights' column where there is one, made ready for any number of fits."""
    vectors = weighted_vectors_of(rows, SCALED, weight) if weight else vectors_of(rows, SCALED)
    return Data(rows, vectors, weight)


def best_fit(data: Data, start: Centres, settings: ClusteringSettings, restarts: int = 1) -> Fit:
    """The least WSSSE of `restarts` fits: the first from the given start, the others from k-means||."""
    began = time.perf_counter()
    k = len(start)
    weighted = data.weight is not None
    tried = [fit_from(data.vectors, start, settings.max_iterations, settings.tolerance, weighted)]
    for restart in range(1, restarts):
        kmeans = KMeans(
            featuresCol=SCALED,
            k=k,
            seed=settings.seed * 1_000 + restart,
            maxIter=settings.max_iterations,
            tol=settings.tolerance,
            solver="row",  # the others fail where k-means|| finds fewer than k different centres
        )
        model = (kmeans.setWeightCol(data.weight) if data.weight else kmeans).fit(data.rows)
        if len(model.clusterCenters()) == k:
            tried.append((as_centres(model.clusterCenters()), model.summary.trainingCost, model.summary.numIter))
    centres, wssse, iterations = min(tried, key=lambda result: result[1])
    return Fit(k, centres, wssse, iterations, time.perf_counter() - began)


def grown_start(centres: Centres, candidates: Points) -> Centres:
    """The given centres and the candidate farthest from them: with one centre more no point is farther from its own."""
    given = np.array(centres)
    _, squared = assign(candidates, given)
    return as_centres(np.vstack([given, candidates[squared.argmax()]]))


def as_centres(centres: Iterable[Iterable[float]]) -> Centres:
    """Plain tuples of floats from any table of numbers."""
    return tuple(tuple(float(value) for value in centre) for centre in centres)
