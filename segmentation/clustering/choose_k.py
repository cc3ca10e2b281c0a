"""The sweep's figures → k, and why. Plain Python.

The elbow is Kneedle's (V. Satopää, J. Albrecht, D. Irwin, B. Raghavan, "Finding a 'Kneedle' in a Haystack", 2011)
for a decreasing convex curve: with k and WSSSE both scaled to [0, 1], the k farthest below the chord from the first
point to the last.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

# Distances are of figures scaled to 1: nearer than this they differ by rounding alone.
TIE = 1e-9


@dataclass(frozen=True)
class Choice:
    """The k of the run, the rule that chose it, the k at which the elbow reads (None: none), and a sentence."""

    k: int
    rule: Literal["elbow", "silhouette", "fixed", "identical"]
    elbow: int | None
    reason: str


def elbow(wssse: Mapping[int, float]) -> int | None:
    """The k of the greatest distance below the chord, the smallest of equals; None where no k lies below it."""
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
    """Whether the customers of each segment are all alike: what WSSSE is left at k is that of rounding."""
    return wssse[k] <= TIE * max(wssse.values())


def choose_k(
    wssse: Mapping[int, float], silhouette: Mapping[int, float], wanted: int | str, allowed: Sequence[int]
) -> Choice:
    """The k among `allowed` (ascending, all >= 2) by the rule that `wanted` names: a number, "auto" or "silhouette".

    `wssse` has k = 1, the total sum of squares, as well: without it the curve's first and steepest part is missing.
    """
    reads = elbow(wssse)
    elbow_words = f"the elbow reads {reads}" if reads else "the curve has no elbow"
    by_silhouette = max(allowed, key=lambda k: silhouette[k])
    if isinstance(wanted, int):
        return Choice(wanted, "fixed", reads, f"k = {wanted} is set in the configuration; {elbow_words}")
    if wanted == "silhouette":
        reason = f"k = {by_silhouette} has the best silhouette, {silhouette[by_silhouette]:.3f}; {elbow_words}"
        return Choice(by_silhouette, "silhouette", reads, reason)
    if reads is not None and reads in allowed:
        reason = f"the elbow of the WSSSE curve, its greatest distance from the chord, is at k = {reads}"
        return Choice(reads, "elbow", reads, reason)
    if len(allowed) == 1:
        reason = f"{elbow_words}, and k = {by_silhouette} was the only one to take"
    else:
        within = f"{'' if reads is None else ', not'} within {allowed[0]}..{allowed[-1]}"
        reason = f"{elbow_words}{within}, so k = {by_silhouette} was taken by the best silhouette"
    return Choice(by_silhouette, "silhouette", reads, reason)
