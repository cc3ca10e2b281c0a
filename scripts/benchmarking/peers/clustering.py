"""The common part of the peers: scikit-learn's sweep over k, the elbow, the segments and two charts."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import matplotlib as mpl

mpl.use("agg")

import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

LARGEST_K: Final = 10
DRAWN: Final = 5_000
SEED: Final = 1
STARTS: Final = 10

# The job's configuration, for the peers' cleaning of the same lines.
SALE: Final = r"^[0-9]"
CANCELLATION: Final = r"^[Cc]"
MERCHANDISE: Final = r"^[0-9]{5}"
CLASS_A_UP_TO: Final = 0.80
CLASS_B_UP_TO: Final = 0.95


def sweep(features: Floats, largest_k: int = LARGEST_K) -> tuple[dict[int, float], Integers]:
    """Return WSSSE by k from 1, and each row's cluster at the elbow, numbered from 1 by the mean of the first column.

    `features` has one row per customer; each column is scaled by its standard deviation. Each k has ten starts by
    k-means++: with one, scikit-learn's default, the fits are not as good as the job's.
    """
    scaled = (features - features.mean(axis=0)) / features.std(axis=0, ddof=1)
    wssse = {1: float((scaled**2).sum())}
    labels = {}
    for k in range(2, largest_k + 1):
        fit = KMeans(n_clusters=k, n_init=STARTS, random_state=SEED).fit(scaled)
        wssse[k] = float(fit.inertia_)
        labels[k] = (fit.labels_, fit.cluster_centers_[:, 0])
    clusters, centres = labels[elbow(wssse)]
    rank = np.empty(len(centres), dtype=int)
    rank[np.argsort(centres)] = np.arange(1, len(centres) + 1)
    return wssse, rank[clusters]


def elbow(wssse: dict[int, float]) -> int:
    """Return the k farthest below the chord of the curve, but not 1."""
    ks, values = np.array(list(wssse)), np.array(list(wssse.values()))
    x = (ks - ks[0]) / (ks[-1] - ks[0])
    y = (values - values[-1]) / (values[0] - values[-1])
    return int(ks[1:][np.argmax((1 - x - y)[1:])])


def draw(output: Path, wssse: dict[int, float], features: Floats, segments: Integers) -> None:
    """Write elbow.png, the curve, and segments.png, a sample of customers by spend and frequency."""
    figure, axes = plt.subplots(figsize=(9, 6))
    axes.plot(list(wssse), list(wssse.values()), marker="o")
    axes.set(xlabel="k", ylabel="WSSSE")
    figure.savefig(output / "elbow.png", dpi=120)
    figure, axes = plt.subplots(figsize=(9, 6))
    drawn = np.random.default_rng(SEED).permutation(len(features))[:DRAWN]
    axes.scatter(features[drawn, 0], features[drawn, 1], c=segments[drawn], s=8, cmap="viridis")
    axes.set(xlabel="total spend", ylabel="orders", xscale="log", yscale="log")
    figure.savefig(output / "segments.png", dpi=120)
