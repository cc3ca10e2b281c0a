"""Name segments, each uniquely, with a sentence that says what the name means and of how many customers it is true.

**Rules** ("High Spend, Frequent"). A name states properties that at least `naming.min_share` of the segment's customers
share, all of them at once. Where recency is clustered, the name of an rfm rule that so many of them have comes first
("Champions"). It states how recent they are, so a clustering that did not look at recency gets no such name. Else the
name states ranges of the scores of spend and of orders, and of recency where that is clustered (`statements`).
Segments of one name are distinguished by the feature that separates them best, if as many share that as well; else by
numbers, which state nothing.

**Levels** ("High Spend, Low Frequency"). See `levels`. Which names of an earlier model stay: see `kept_names`.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import pairwise
from math import floor
from typing import Any

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.clustering.levels import RECENCY_FEATURES, Limits, SegmentName, halfway, name_by_levels
from segmentation.clustering.statements import NAME_ORDER, CellCounts, Statement, best_statement
from segmentation.config.base import ONE_SEGMENT
from segmentation.config.naming import MIXED, NamingSettings
from segmentation.config.rfm import SCORES
from segmentation.errors import counted
from segmentation.scoring.words import Words, capitalised, conditions_in_words

Centre = Mapping[str, float]
OF_TWO = ("Lower", "Higher")
OF_THREE = ("Lowest", "Middle", "Highest")


@dataclass(frozen=True)
class Named:
    """A segment with what its name states, and what distinguishes it from others of the same name."""

    segment_id: int
    customers: int
    statement: Statement
    rfm_segment: str = ""  # the rule that gave the name
    qualifier: str = ""
    limits: Mapping[str, Limits] | None = None  # of the feature that qualifies
    share: float = 0.0  # of the customers who have all of it

    @property
    def name(self) -> str:
        return f"{self.statement.name}, {self.qualifier}" if self.qualifier else self.statement.name

    @property
    def percent(self) -> str:
        """The share in words, rounded down."""
        return f"{floor(100 * self.share + 1e-9)} %"

    @property
    def states(self) -> dict[str, Any]:
        """What the name states, for the model: a later run asks of how many customers it is still true."""
        return {
            "ranges": {score: list(limits) for score, limits in self.statement.ranges.items()},
            "rfm_segment": self.rfm_segment,
            "limits": {feature: list(limits) for feature, limits in (self.limits or {}).items()},
        }

    def holds(self) -> Column:
        """Return whether a customer of the segment has what the name states."""
        conditions = [F.col(s.SEGMENT_ID) == self.segment_id]
        if self.rfm_segment:
            conditions.append(F.col(s.RFM_SEGMENT) == self.rfm_segment)
        conditions += [F.col(score).between(*limits) for score, limits in self.statement.ranges.items()]
        for feature, (above, up_to) in (self.limits or {}).items():
            value = F.col(feature).cast("double")
            conditions += [] if above is None else [value > F.lit(above)]
            conditions += [] if up_to is None else [value <= F.lit(up_to)]
        return reduce(lambda all_hold, condition: all_hold & condition, conditions)


def name_segments(
    assigned: DataFrame,
    centres: Sequence[Centre],
    clustered: Sequence[str],
    settings: NamingSettings,
    words: Words,
    rules: Mapping[str, str],
) -> list[SegmentName]:
    """Return one name per centre, in their order.

    `assigned` has one row per customer: segment_id (1 for the first of `centres`), the scores, rfm_segment, and the
    features of the centres. These are in original units, spend ascending. `clustered` are the clustered features,
    `rules` the rules of rfm_segment in words.

    The scheme "rules" runs one small action, and a second where segments get the same name.
    """
    if settings.scheme == "levels":
        return name_by_levels(centres, words.figures)
    if len(centres) == 1:
        return [SegmentName(ONE_SEGMENT, "There is one segment.")]
    # At most 125 combinations of scores for each segment, each with a few names.
    # At most 125 combinations of scores and the names of the rules, for each segment.
    rows = assigned.groupBy(s.SEGMENT_ID, *SCORES, s.RFM_SEGMENT).count().collect()
    named = _named_by_what_they_share(rows, len(centres), clustered, settings, words)
    named = _distinguished(assigned, named, centres, settings.min_share)
    return [SegmentName(segment.name, sentence(segment, words, rules, settings), segment.states) for segment in named]


def _named_by_what_they_share(
    rows: Sequence[Row], k: int, clustered: Sequence[str], settings: NamingSettings, words: Words
) -> list[Named]:
    everyone: Counter[tuple[int, ...]] = Counter()
    cells: defaultdict[int, Counter[tuple[int, ...]]] = defaultdict(Counter)
    names: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for row in rows:
        cell, number = tuple(row[score] for score in SCORES), row["count"]
        everyone[cell] += number
        cells[row[s.SEGMENT_ID]][cell] += number
        names[row[s.SEGMENT_ID]][row[s.RFM_SEGMENT]] += number
    sees_recency = bool({*RECENCY_FEATURES} & {*clustered})
    scores = [score for score in NAME_ORDER if score != s.RECENCY_SCORE or sees_recency]
    is_one_order = words.cuts.frequency.values[0] < 2

    def named(segment_id: int) -> Named:
        customers = sum(cells[segment_id].values())
        if not customers:
            return Named(segment_id, 0, Statement(MIXED, {}, 0.0))
        [(rfm_segment, number)] = names[segment_id].most_common(1)
        if sees_recency and number >= settings.min_share * customers:
            share = number / customers
            return Named(segment_id, customers, Statement(rfm_segment, {}, share), rfm_segment, share=share)
        own: CellCounts = cells[segment_id]
        statement = best_statement(own, everyone, scores, settings.min_share, is_one_order)
        return Named(segment_id, customers, statement, share=statement.share)

    return [named(segment_id) for segment_id in range(1, k + 1)]


# ---- segments of the same name ----


def _distinguished(
    assigned: DataFrame, named: Sequence[Named], centres: Sequence[Centre], min_share: float
) -> list[Named]:
    """Return the segments with qualifiers where several have the same name."""
    groups: defaultdict[str, list[Named]] = defaultdict(list)
    for segment in named:
        groups[segment.name].append(segment)
    qualified = [
        option
        for group in groups.values()
        if len(group) > 1
        for feature in centres[0]
        for option in _qualified_by(feature, group, centres)
    ]
    shares = with_shares(assigned, qualified)
    result = {segment.segment_id: segment for segment in named}
    for group in groups.values():
        if len(group) > 1:
            result |= {segment.segment_id: segment for segment in _best_qualified(group, shares, min_share)}
    return [result[segment.segment_id] for segment in named]


def _qualified_by(feature: str, group: Sequence[Named], centres: Sequence[Centre]) -> list[Named]:
    """Return the segments qualified by their ranks in a feature; none where two of them do not differ in it."""
    values = {segment.segment_id: centres[segment.segment_id - 1][feature] for segment in group}
    order = sorted(group, key=lambda segment: values[segment.segment_id])
    borders = [halfway(values[low.segment_id], values[high.segment_id]) for low, high in pairwise(order)]
    ascending = [values[order[0].segment_id], *borders, values[order[-1].segment_id]]
    if any(low >= high for low, high in pairwise(borders)) or not ascending[0] < ascending[1] < ascending[-1]:
        return []
    limits = list(pairwise([None, *borders, None]))
    return [
        replace(segment, qualifier=_rank_words(feature, rank, len(order)), limits={feature: limits[rank]})
        for rank, segment in enumerate(order)
    ]


def _rank_words(feature: str, rank: int, count: int) -> str:
    """Return the words for a rank in a feature, 0 the lowest."""
    if feature in RECENCY_FEATURES and count <= len(OF_THREE):
        return {2: ("More Recent", "Less Recent"), 3: ("Most Recent", "Middling", "Least Recent")}[count][rank]
    noun = s.FEATURES[feature].name_noun or s.FEATURES[feature].label.title()
    if count > len(OF_THREE):
        return f"No. {count - rank} by {noun}"
    return f"{(OF_TWO if count == len(OF_TWO) else OF_THREE)[rank]} {noun}"


def with_shares(assigned: DataFrame, qualified: Sequence[Named]) -> list[Named]:
    """Return the segments, each with its customers, and the share of them who have all that its name states.

    Runs an action of one row, if there are any.
    """
    if not qualified:
        return []
    customers = [F.count_if(F.col(s.SEGMENT_ID) == segment.segment_id) for segment in qualified]
    holding = [F.count_if(segment.holds()) for segment in qualified]
    row = tuple(assigned.agg(*customers, *holding).collect()[0])  # one row
    return [
        replace(segment, customers=count, share=held / count if count else 0.0)
        for segment, count, held in zip(qualified, row[: len(qualified)], row[len(qualified) :], strict=True)
    ]


def _best_qualified(group: Sequence[Named], qualified: Sequence[Named], min_share: float) -> list[Named]:
    """Return a group with the qualifiers that are true of most; numbered, No. 1 spending most, if none is."""
    ids = {segment.segment_id for segment in group}
    by_feature: defaultdict[str, list[Named]] = defaultdict(list)
    for segment in qualified:
        if segment.segment_id in ids:
            by_feature[next(iter(segment.limits or ()))].append(segment)
    best = max(by_feature.values(), key=lambda segments: min(segment.share for segment in segments), default=[])
    if best and min(segment.share for segment in best) >= min_share:
        return best
    return [replace(segment, qualifier=f"No. {len(group) - rank}") for rank, segment in enumerate(group)]


# ---- the sentence ----


def sentence(segment: Named, words: Words, rules: Mapping[str, str], settings: NamingSettings) -> str:
    """Say what the name means, and of how many customers it is true."""
    customers = counted(segment.customers, "customer")
    whose = f"these {customers}" if segment.customers != 1 else "this customer"
    when = {**segment.statement.ranges, **{key: _rounded(limits) for key, limits in (segment.limits or {}).items()}}
    conditions = conditions_in_words(when, words)
    if segment.rfm_segment:
        meaning = rules[segment.rfm_segment]
        meaning = f"{segment.rfm_segment} by their own figures ({meaning[0].lower()}{meaning[1:]})"
        conditions = ", ".join(filter(None, (meaning, conditions)))
    numbered = "; numbered by spend, because nothing else tells them apart" if _is_numbered(segment) else ""
    if not conditions:
        least = floor(100 * settings.min_share)
        return f"Nothing that a name could say of spend, orders or recency is true of {least} % of {whose}{numbered}."
    return f"{capitalised(conditions)}: true of {segment.percent} of {whose}{numbered}."


def _rounded(limits: Limits) -> Limits:
    """Return limits with as many figures as a person reads."""
    low, high = (None if limit is None else float(f"{limit:.3g}") for limit in limits)
    return low, high


def _is_numbered(segment: Named) -> bool:
    return bool(segment.qualifier) and not segment.limits
