"""Choose the number of segments from the fits of a sweep, and judge whether the segments are really there.

The verdicts are those of market segmentation (S. Dolnicar, B. Grün, F. Leisch, "Market Segmentation Analysis", 2018):

- natural: the segments are groups that lie apart, and come back when customers are drawn anew
- reproducible: customers are a continuum, of which the segments are tiers; they come back as well
- constructed: the segments do not all come back

The elbow is Kneedle's (V. Satopää, J. Albrecht, D. Irwin, B. Raghavan, "Finding a 'Kneedle' in a Haystack", 2011)
for a decreasing convex curve. With k and WSSSE both scaled to [0, 1], it is the k farthest below the chord from the
first point to the last.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from segmentation.clustering.kmeans import Fit
from segmentation.clustering.peaks import Valley
from segmentation.clustering.scaling import Preparation
from segmentation.config.settings import ClusteringSettings

Verdict = Literal["natural", "reproducible", "constructed"]

# Distances from the chord lie between 0 and 1: a difference below this is rounding.
TIE = 1e-9
# A valley less deep is the noise of an estimated density between two halves of one group.
SOME_VALLEY = 0.95
# A handful of customers comes back by chance, and is a list of exceptions, not a segment.
LEAST_CUSTOMERS = 5
WORDS: Mapping[Verdict, str] = {
    "natural": "The groups are really there: customers crowd around the segments, with few in between, and the "
    "segments come back when customers are drawn anew",
    "reproducible": "Customers form a continuum; the segments are tiers of it. They come back when customers are left "
    "out; their borders are a convention",
    "constructed": "Not all of these segments come back when customers are drawn anew: they are a division for "
    "convenience, not a finding",
}
ONE_SEGMENT_WORDS = (
    "No division of the customers comes back when customers are drawn anew: they are treated as one group"
)


@dataclass(frozen=True)
class Choice:
    """The chosen k, the rule that chose it, the k of the elbow (None where there is none) and the reason in words.

    `verdict` says whether the segments are really there, `words` the same for people; None and empty where all
    customers are identical. What the verdict rests on: `least_jaccard`, the similarity of the segment that comes back
    least; `within_to_null`, the within share ÷ the smallest of customers without groups; `highest_valley`, the density
    of customers between the two segments least apart ÷ that at the lower of their peaks.
    """

    k: int
    rule: Literal["auto", "elbow", "silhouette", "fixed", "identical"]
    elbow: int | None
    reason: str
    verdict: Verdict | None = None
    words: str = ""
    least_jaccard: float | None = None
    within_to_null: float | None = None
    highest_valley: float | None = None

    @property
    def summary(self) -> str:
        """The reason and the verdict, without the last full stop."""
        return f"{self.reason}. {self.words}" if self.words else self.reason


class Groups(Protocol):
    """What distinguishes k groups from a continuum."""

    def within_to_null(self, k: int) -> float:
        """Return the within share of k segments ÷ the smallest of customers without groups."""

    def highest_valley(self, k: int) -> Valley:
        """Return the density between the two segments that are least apart ÷ that at the lower of their peaks."""


def choose_k(fits: Sequence[Fit], preparation: Preparation, settings: ClusteringSettings, groups: Groups) -> Choice:
    """Choose one of `fits` by `clustering.k`, and judge its segments.

    `fits` include k = 1, whose WSSSE is the total sum of squares, and have their stability.
    """
    if preparation.distinct < 2:
        reason = f"all {preparation.count:,} customers are identical in the clustered features: they are one segment"
        return Choice(1, "identical", None, reason)
    wssse = {fit.k: fit.wssse for fit in fits}
    silhouette = {fit.k: (fit.stability and fit.stability.silhouette) or 0.0 for fit in fits if fit.k > 1}
    stable = [fit.k for fit in fits if fit.k > 1 and is_stable(fit, preparation.count, settings)]
    if settings.k == "auto":
        choice = choose_stable(stable, silhouette, groups, settings)
        choice = replace(choice, elbow=elbow(wssse))
    else:
        choice = choose_from_curve(wssse, silhouette, settings.k)
        choice = replace(choice, verdict=_verdict(choice.k, stable, groups, settings))
    if choice.k == 1:
        return replace(choice, words=ONE_SEGMENT_WORDS)
    chosen = next(fit for fit in fits if fit.k == choice.k)
    return replace(
        choice,
        words=WORDS[choice.verdict or "constructed"],
        least_jaccard=chosen.stability.least_jaccard if chosen.stability else None,
        within_to_null=round(groups.within_to_null(choice.k), 4),
        highest_valley=round(groups.highest_valley(choice.k).ratio, 4),
    )


def is_stable(fit: Fit, customers: int, settings: ClusteringSettings) -> bool:
    """Return whether all segments of a fit surely come back in resamples, and none is too small."""
    if fit.stability is None or fit.stability.surely is None:
        return False
    least_share = max(settings.min_share, LEAST_CUSTOMERS / customers)
    return (
        None not in fit.stability.jaccards
        and fit.stability.surely >= settings.stable_jaccard
        and fit.stability.least_share >= least_share
    )


def choose_stable(
    stable: Sequence[int], silhouette: Mapping[int, float], groups: Groups, settings: ClusteringSettings
) -> Choice:
    """Choose a k of natural groups if there are any, else the last of the unbroken run of stable k, else the least.

    `stable` are the k whose segments all come back, ascending.
    """
    natural = _natural(stable, silhouette, groups, settings)
    if natural is not None:
        reason = f"k = {natural} is the largest number of segments that come back and lie apart"
        return Choice(natural, "auto", None, reason, "natural")
    first = min(silhouette)
    last = first
    while last + 1 in stable:
        last += 1
    if first in stable:
        reason = f"k = {last}: each number of segments up to {last} gives segments that come back"
        return Choice(last, "auto", None, reason, "reproducible")
    if settings.k_min > 1:
        reason = f"k = {first} is the least that clustering.k_min allows: its segments do not all come back"
        return Choice(first, "auto", None, reason, "constructed")
    return Choice(1, "auto", None, "not even two segments come back when customers are drawn anew", "constructed")


def _natural(
    stable: Sequence[int], silhouette: Mapping[int, float], groups: Groups, settings: ClusteringSettings
) -> int | None:
    """Return the k of natural groups; None if customers are a continuum.

    There are groups if, for any k, the segments are more compact than those of customers without groups, or the valleys
    between them are deep. Then the largest k counts whose segments all have a valley between them: a k that halves a
    group has none there, although it is as compact.
    """
    valleys = {k: groups.highest_valley(k) for k in stable}
    enough = settings.silhouette_share * max(silhouette.values())
    compact = [k for k in stable if silhouette[k] >= enough and groups.within_to_null(k) <= settings.natural_within]
    if not compact and min((valley.at_most for valley in valleys.values()), default=1.0) > settings.natural_valley:
        return None
    apart = [k for k in stable if valleys[k].ratio <= SOME_VALLEY]
    return apart[-1] if apart else min(compact, key=groups.within_to_null)


def _verdict(k: int, stable: Sequence[int], groups: Groups, settings: ClusteringSettings) -> Verdict:
    if k not in stable:
        return "constructed"
    is_natural = (
        groups.within_to_null(k) <= settings.natural_within
        or groups.highest_valley(k).at_most <= settings.natural_valley
    )
    return "natural" if is_natural else "reproducible"


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
        elbow_text = f"the elbow of the WSSSE curve{_range_read(wssse)}"
        reason = f"beyond k = {elbow_k} each further segment explains little more ({elbow_text})"
        return Choice(elbow_k, "elbow", elbow_k, reason)
    if len(ks) == 1:
        reason = f"{elbow_text}, and k = {best} was the only one to take"
    else:
        within = f" within {ks[0]}..{ks[-1]}" if elbow_k is None else f", not within {ks[0]}..{ks[-1]}"
        reason = f"{elbow_text}{within}, so k = {best} was taken by the best silhouette"
    return Choice(best, "silhouette", elbow_k, reason)


def _range_read(wssse: Mapping[int, float]) -> str:
    """Say what the largest k tried does to the elbow; empty if it reads the same whatever it is."""
    ks = sorted(wssse)
    read = {last: elbow({k: wssse[k] for k in ks if k <= last}) for last in ks[2:]}
    known = sorted({k for k in read.values() if k})
    if len(known) < 2:
        return ""
    return f"; it moves with clustering.k_max: from {min(read)} to {ks[-1]} it reads {known[0]} to {known[-1]}"


def elbow(wssse: Mapping[int, float]) -> int | None:
    """Return the k of the greatest distance below the chord, the smallest of equals; None if no k lies below it."""
    ks = sorted(wssse)
    first, last = ks[0], ks[-1]
    fall = wssse[first] - wssse[last]
    if len(ks) < 3 or fall <= 0:
        return None

    distances = {k: 1 - (k - first) / (last - first) - (wssse[k] - wssse[last]) / fall for k in ks[1:-1]}
    greatest = max(distances.values())
    # The rounding of a WSSSE is proportional to the largest, and divided by the fall here.
    tie = TIE * wssse[first] / fall
    if greatest <= tie:
        return None
    return min(k for k, distance in distances.items() if distance >= greatest - tie)


def leaves_nothing(wssse: Mapping[int, float], k: int) -> bool:
    """Return whether WSSSE at k is zero but for rounding: the customers of each segment are identical."""
    return wssse[k] <= TIE * max(wssse.values())
