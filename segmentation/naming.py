"""Centres in original units → a unique name and the rule that gave it. Plain Python.

**Levels** ("High Spend, Low Frequency"). The centres' spend is split, on a log scale, into levels: 2 for two segments,
3 for up to six, 5 beyond; the split with the least squared distance within levels, and no level of more than five
(natural breaks: G. F. Jenks, 1967). The frequency word of segments that share a spend level ranks them among
themselves; that of a segment alone in its level is the level of its frequency among all.

**Rules** ("Champions"). Each centre is scored 1 to 5 on each feature by fifths of all customers, 5 the best, as RFM
analysis scores customers (A. M. Hughes, 1994); the first rule of the configuration whose ranges all hold gives the
name. Segments that get the same name are told apart by the feature in which they differ most.
"""

import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import TypeVar

from segmentation.config import ONE_SEGMENT, NamingRule
from segmentation.schemas import PURCHASE_FREQUENCY, RECENCY_DAYS, TOTAL_SPEND

Key = TypeVar("Key", str, int)

LEVEL_WORDS = {
    1: ("Medium",),
    2: ("Low", "High"),
    3: ("Low", "Medium", "High"),
    4: ("Very Low", "Low", "High", "Very High"),
    5: ("Very Low", "Low", "Medium", "High", "Very High"),
}
MOST_LEVELS = max(LEVEL_WORDS)
# Features of which a small value is the good one.
LOWER_IS_BETTER = frozenset({RECENCY_DAYS, "returned_amount", "return_rate"})
# Small whole numbers, of which many customers have the same, and a centre lies between.
COUNTED = frozenset({PURCHASE_FREQUENCY, "distinct_products"})
NOUNS = {
    TOTAL_SPEND: "Spend",
    PURCHASE_FREQUENCY: "Frequency",
    "average_order_value": "Order Value",
    "average_basket_units": "Basket Size",
    "units_bought": "Units",
    "distinct_products": "Variety",
    "tenure_days": "Tenure",
    "returned_amount": "Returns",
    "return_rate": "Return Rate",
}


@dataclass(frozen=True)
class SegmentName:
    """A segment's name, and a sentence that says which rule and figures gave it."""

    name: str
    rule: str


def name_by_levels(spend: Sequence[float], frequency: Sequence[float]) -> list[SegmentName]:
    """One name per segment, in the order given: centres' spend and frequency in original units, spend ascending."""
    if len(spend) == 1:
        return [SegmentName(ONE_SEGMENT, "there is one segment")]
    spend_levels = _levels(spend)
    frequency_levels = _levels(frequency)
    members = _positions_by(spend_levels)
    count = max(spend_levels) + 1
    names = []
    for position, level in enumerate(spend_levels):
        peers = members[level]
        if len(peers) == 1:
            frequency_word = LEVEL_WORDS[max(frequency_levels) + 1][frequency_levels[position]]
            basis = f"level {frequency_levels[position] + 1} of {max(frequency_levels) + 1} among all segments"
        else:
            order = sorted(peers, key=lambda peer: (frequency[peer], peer))
            rank = order.index(position)
            frequency_word = _rank_word(rank, len(order))
            basis = f"number {rank + 1} of the {len(order)} segments of this spend level, from the lowest"
        names.append(
            SegmentName(
                f"{LEVEL_WORDS[count][level]} Spend, {frequency_word} Frequency",
                f"spend {spend[position]:,.2f} is level {level + 1} of {count}; "
                f"frequency {frequency[position]:,.2f} is {basis}",
            )
        )
    return names


def name_by_rules(
    centres: Sequence[Mapping[str, float]], fifths: Mapping[str, Sequence[float]], rules: Sequence[NamingRule]
) -> list[SegmentName]:
    """One name per segment, in the order given.

    `centres` maps features to values in original units; `fifths` maps each feature of the rules to the four values
    that split all customers into fifths; `rules` ends in one that always holds.
    """
    if len(centres) == 1:
        return [SegmentName(ONE_SEGMENT, "there is one segment")]
    scores = [{name: score(name, centre[name], edges) for name, edges in fifths.items()} for centre in centres]
    matched = [next(rule for rule in rules if _holds(rule, scored)) for scored in scores]
    names = [rule.name for rule in matched]
    told_apart = _told_apart(names, centres)
    return [
        SegmentName(name, _rule_sentence(rule, scored, name, centre))
        for name, rule, scored, centre in zip(told_apart, matched, scores, centres, strict=True)
    ]


def score(feature: str, value: float, edges: Sequence[float]) -> int:
    """1 to 5: the fifth of all customers in which the value lies, 5 the best."""
    place = round(value) if feature in COUNTED else value  # a centre at 1.2 orders is that of customers with one
    below = bisect_left(list(edges), place)  # an edge equal to the value does not count: ties stay low
    return 5 - below if feature in LOWER_IS_BETTER else 1 + below


def _holds(rule: NamingRule, scores: Mapping[str, int]) -> bool:
    return all(low <= scores[feature] <= high for feature, (low, high) in rule.when.items())


def _rule_sentence(rule: NamingRule, scores: Mapping[str, int], name: str, centre: Mapping[str, float]) -> str:
    scored = ", ".join(f"{feature} {centre[feature]:,.2f} scores {scores[feature]}" for feature in scores)
    needed = ", ".join(f"{feature} {low}-{high}" for feature, (low, high) in rule.when.items()) or "no other rule"
    apart = "" if name == rule.name else "; more than one segment fits, told apart by where they differ most"
    return f"{rule.name} needs {needed}; {scored} of 5{apart}"


def _told_apart(names: Sequence[str], centres: Sequence[Mapping[str, float]]) -> list[str]:
    """The names, with a word more where two are the same."""
    result = list(names)
    for name, positions in _positions_by(names).items():
        if len(positions) == 1:
            continue
        feature = _widest(positions, centres)
        ascending = sorted(positions, key=lambda position: (centres[position][feature], position))
        for rank, position in enumerate(ascending):
            result[position] = f"{name}, {_qualifier(feature, rank, len(ascending))}"
    return result


def _widest(positions: Sequence[int], centres: Sequence[Mapping[str, float]]) -> str:
    """The feature with the largest ratio between its highest and lowest value; recency only tells two apart."""

    def spread(feature: str) -> float:
        values = [math.log1p(max(0.0, centres[position][feature])) for position in positions]
        return max(values) - min(values)

    features = [name for name in centres[positions[0]] if len(positions) == 2 or name != RECENCY_DAYS]
    return max(features or list(centres[positions[0]]), key=spread)


def _qualifier(feature: str, rank: int, count: int) -> str:
    if feature == RECENCY_DAYS and count == 2:
        return ("More Recent", "Less Recent")[rank]
    noun = NOUNS.get(feature, feature.replace("_", " ").title())
    if count == 2:
        return f"{('Lower', 'Higher')[rank]} {noun}"
    return f"{_rank_word(rank, count)} {noun}"


def _rank_word(rank: int, count: int) -> str:
    """A word for a place among `count`, from the lowest; numbered from the top where words run out."""
    if count <= MOST_LEVELS:
        return LEVEL_WORDS[count][rank]
    return f"No. {count - rank}"


def _levels(values: Sequence[float]) -> list[int]:
    """The level of each value, from 0: natural breaks of the values' logarithms."""
    count = 2 if len(values) == 2 else 3 if len(values) <= 6 else 5
    order = sorted(range(len(values)), key=lambda position: (values[position], position))
    logs = [math.log1p(max(0.0, values[position])) for position in order]
    largest = max(MOST_LEVELS, math.ceil(len(values) / count))
    breaks = min(
        (breaks for breaks in combinations(range(1, len(logs)), count - 1) if _widest_level(breaks, logs) <= largest),
        key=lambda breaks: _within(breaks, logs),
    )
    levels = [0] * len(values)
    for level, (start, end) in enumerate(_ranges(breaks, logs)):
        for position in order[start:end]:
            levels[position] = level
    return levels


def _ranges(breaks: Sequence[int], values: Sequence[float]) -> list[tuple[int, int]]:
    edges = [0, *breaks, len(values)]
    return list(pairwise(edges))


def _widest_level(breaks: Sequence[int], values: Sequence[float]) -> int:
    return max(end - start for start, end in _ranges(breaks, values))


def _within(breaks: Sequence[int], values: Sequence[float]) -> float:
    """The squared distances of the values to the mean of their level, added up."""
    total = 0.0
    for start, end in _ranges(breaks, values):
        mean = sum(values[start:end]) / (end - start)
        total += sum((value - mean) ** 2 for value in values[start:end])
    return total


def _positions_by(keys: Sequence[Key]) -> dict[Key, list[int]]:
    positions: defaultdict[Key, list[int]] = defaultdict(list)
    for position, key in enumerate(keys):
        positions[key].append(position)
    return dict(positions)
