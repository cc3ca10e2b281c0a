"""Choose the number of segments from the fits of a sweep, with the reason in words.

The elbow is Kneedle's (V. Satopää, J. Albrecht, D. Irwin, B. Raghavan, "Finding a 'Kneedle' in a Haystack", 2011)
for a decreasing convex curve. With k and WSSSE both scaled to [0, 1], it is the k farthest below the chord from the
first point to the last.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from segmentation.clustering.kmeans import Fit
from segmentation.clustering.scaling import Preparation

# Distances from the chord lie between 0 and 1: a difference below this is rounding.
TIE = 1e-9


@dataclass(frozen=True)
class Choice:
    """The chosen k, the rule that chose it, the k of the elbow (None where there is none) and the reason in words."""

    k: int
    rule: Literal["elbow", "silhouette", "fixed", "identical"]
    elbow: int | None
    reason: str


def choose_k(fits: Sequence[Fit], preparation: Preparation, k: int | str) -> Choice:
    """Choose one of `fits` by the configured `k`: a number, "elbow" or "silhouette".

    `fits` include k = 1, whose WSSSE is the total sum of squares. Without it the curve lacks its steepest part.
    """
    if preparation.distinct < 2:
        reason = f"all {preparation.count:,} customers are identical in the clustered features: they are one segment"
        return Choice(1, "identical", None, reason)
    wssse = {fit.k: fit.wssse for fit in fits}
    silhouette = {fit.k: fit.indices.silhouette or 0.0 for fit in fits if fit.k > 1}
    return choose_from_curve(wssse, silhouette, k)


def choose_from_curve(wssse: Mapping[int, float], silhouette: Mapping[int, float], k: int | str) -> Choice:
    """Choose a k that has a silhouette: the given number, the best silhouette, or for "elbow" the elbow.

    Where "elbow" finds no elbow, or one without a silhouette, the best silhouette decides.
    """
    ks = sorted(silhouette)
    elbow_k = elbow(wssse)
    elbow_text = f"the elbow reads {elbow_k}" if elbow_k else "the curve has no elbow"
    best = max(ks, key=lambda k: silhouette[k])
    if isinstance(k, int):
        return Choice(k, "fixed", elbow_k, f"k = {k} is set in the configuration; {elbow_text}")
    if k == "silhouette":
        reason = f"k = {best} has the best silhouette, {silhouette[best]:.3f}; {elbow_text}"
        return Choice(best, "silhouette", elbow_k, reason)
    if elbow_k is not None and elbow_k in silhouette:
        reason = f"the elbow of the WSSSE curve, its greatest distance from the chord, is at k = {elbow_k}"
        return Choice(elbow_k, "elbow", elbow_k, reason)
    if len(ks) == 1:
        reason = f"{elbow_text}, and k = {best} was the only one to take"
    else:
        within = f" within {ks[0]}..{ks[-1]}" if elbow_k is None else f", not within {ks[0]}..{ks[-1]}"
        reason = f"{elbow_text}{within}, so k = {best} was taken by the best silhouette"
    return Choice(best, "silhouette", elbow_k, reason)


def elbow(wssse: Mapping[int, float]) -> int | None:
    """Return the k of the greatest distance below the chord, the smallest of equals; None if no k lies below it."""
    ks = sorted(wssse)
    first, last = ks[0], ks[-1]
    fall = wssse[first] - wssse[last]
    if len(ks) < 3 or fall <= 0:
        return None

    distances = {k: 1 - (k - first) / (last - first) - (wssse[k] - wssse[last]) / fall for k in ks[1:-1]}
    greatest = max(distances.values())
    if greatest <= TIE:
        return None
    return min(k for k, distance in distances.items() if distance >= greatest - TIE)


def leaves_nothing(wssse: Mapping[int, float], k: int) -> bool:
    """Return whether WSSSE at k is zero but for rounding: the customers of each segment are identical."""
    return wssse[k] <= TIE * max(wssse.values())
