"""Centres in original units → a unique name and the rule that gave it. Plain Python.

**Levels** ("High Spend, Low Frequency"). The different values of the centres' spend are split, on a log scale, into
levels: 2 for two values, 3 for up to six, 5 beyond; the split with the least squared distance within levels, and no
level of more than five (natural breaks: G. F. Jenks, 1967). The frequency word of segments that share a spend level
ranks them among themselves; where that level has one frequency alone, it is the level of that frequency among all.
Equal values have equal words, and the word is Medium where all segments are equal.

**Rules** ("Champions"). Each centre is scored 1 to 5 on each feature by fifths of all customers, 5 the best, as RFM
analysis scores customers (A. M. Hughes, 1994); the first rule of the configuration whose ranges all hold gives the
name.

Segments that get the same name, by levels or by rules, are told apart by the feature in which they differ most.
"""

import math
import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import NamedTuple, TypeVar

from segmentation import schemas as s
from segmentation.config.settings import ONE_SEGMENT, NamingRule

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
LOWER_IS_BETTER = frozenset({s.RECENCY_DAYS, "returned_amount", "return_rate"})
# Small whole numbers, of which many customers have the same, and a centre lies between.
COUNTED = frozenset({s.PURCHASE_FREQUENCY, "distinct_products"})
NOUNS = {
    s.TOTAL_SPEND: "Spend",
    s.PURCHASE_FREQUENCY: "Frequency",
    "average_order_value": "Order Value",
    "average_basket_units": "Basket Size",
    "units_bought": "Units",
    "distinct_products": "Variety",
    "tenure_days": "Tenure",
    "returned_amount": "Returns",
    "return_rate": "Return Rate",
}


# Centres are means: what differs by less, as a share or in the feature's unit, differs by rounding alone.
ROUNDING = 1e-9
NUMBERED = re.compile(r", No\. [0-9]+$")


@dataclass(frozen=True)
class SegmentName:
    """A segment's name, and a sentence that says which rule and figures gave it."""

    name: str
    rule: str


class _Level(NamedTuple):
    """A word for a value, and what makes it true."""

    word: str
    basis: str


def name_by_levels(centres: Sequence[Mapping[str, float]]) -> list[SegmentName]:
    """One name per segment, in the order given: centres in original units, total_spend ascending."""
    if len(centres) == 1:
        return [SegmentName(ONE_SEGMENT, "there is one segment")]
    spend, frequency = ([centre[feature] for centre in centres] for feature in (s.TOTAL_SPEND, s.PURCHASE_FREQUENCY))
    spend_levels = _levels(spend)
    of_spend = _words(spend_levels)
    of_frequency = _among_peers(frequency, spend_levels)
    names = [f"{one.word} Spend, {other.word} Frequency" for one, other in zip(of_spend, of_frequency, strict=True)]
    return [
        SegmentName(
            told_apart,
            f"spend {spend[position]:,.2f} is {of_spend[position].basis}; "
            f"frequency {frequency[position]:,.2f} is {of_frequency[position].basis}{_apart(told_apart, name)}",
        )
        for position, (told_apart, name) in enumerate(zip(_told_apart(names, centres), names, strict=True))
    ]


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
    return f"{rule.name} needs {needed}; {scored} of 5{_apart(name, rule.name)}"


def _apart(name: str, plain: str) -> str:
    """Why a name has more words than what gave it."""
    if name == plain:
        return ""
    how = "alike in all of these, and numbered" if NUMBERED.search(name) else "told apart by where they differ most"
    return f"; more than one segment fits, {how}"


def _told_apart(names: Sequence[str], centres: Sequence[Mapping[str, float]]) -> list[str]:
    """The names, with more words where two are the same, until no two are."""
    result = list(names)
    while len(set(result)) < len(result):
        for name, positions in _positions_by(result).items():
            if len(positions) > 1:
                qualifiers = _qualifiers([centres[position] for position in positions])
                for position, qualifier in zip(positions, qualifiers, strict=True):
                    result[position] = f"{name}, {qualifier}"
    return result


def _qualifiers(centres: Sequence[Mapping[str, float]]) -> list[str]:
    """What tells each centre from the others: its place in the feature with the largest ratio between the highest and
    lowest value, recency only where it has two values; a number where all centres are equal.
    """
    places = {feature: _places([centre[feature] for centre in centres]) for feature in centres[0]}
    differing = [feature for feature in places if max(places[feature]) > 0]
    if not differing:
        return [f"No. {number}" for number in range(1, len(centres) + 1)]

    def spread(feature: str) -> float:
        values = [math.log1p(max(0.0, centre[feature])) for centre in centres]
        return max(values) - min(values)

    telling = [feature for feature in differing if feature != s.RECENCY_DAYS or max(places[feature]) == 1]
    widest = max(telling or differing, key=spread)
    return [_qualifier(widest, place, max(places[widest]) + 1) for place in places[widest]]


def _qualifier(feature: str, rank: int, count: int) -> str:
    if feature == s.RECENCY_DAYS and count == 2:
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


def _words(levels: Sequence[int], among: str = "") -> list[_Level]:
    """A word for the level of each segment."""
    count = max(levels) + 1
    if count == 1:
        return [_Level(LEVEL_WORDS[1][0], "the same in all segments")] * len(levels)
    return [_Level(LEVEL_WORDS[count][level], f"level {level + 1} of {count}{among}") for level in levels]


def _among_peers(frequency: Sequence[float], spend_levels: Sequence[int]) -> list[_Level]:
    """A word for each segment's frequency among those of its spend level; among all where these have one frequency."""
    result = _words(_levels(frequency), " among all segments")
    for peers in _positions_by(spend_levels).values():
        places = _places([frequency[peer] for peer in peers])
        count = max(places) + 1
        for peer, place in zip(peers, places, strict=True):
            if count > 1:
                basis = f"number {place + 1} of the {count} frequencies in this spend level, from the lowest"
                result[peer] = _Level(_rank_word(place, count), basis)
    return result


def _levels(values: Sequence[float]) -> list[int]:
    """The level of each value, from 0: natural breaks of the logarithms of the different values."""
    places = _places(values)
    different = dict(zip(places, values, strict=True))
    logs = [math.log1p(max(0.0, different[place])) for place in range(len(different))]
    count = len(logs) if len(logs) <= 2 else 3 if len(logs) <= 6 else 5
    largest = max(MOST_LEVELS, math.ceil(len(logs) / count))
    breaks = min(
        (breaks for breaks in combinations(range(1, len(logs)), count - 1) if _widest_level(breaks, logs) <= largest),
        key=lambda breaks: _within(breaks, logs),
    )
    return [bisect_right(breaks, place) for place in places]


def _places(values: Sequence[float]) -> list[int]:
    """The place of each value among the different ones, 0 for the lowest; equal values share one."""
    order = sorted(range(len(values)), key=lambda position: values[position])
    places = [0] * len(values)
    for before, position in pairwise(order):
        equal = math.isclose(values[before], values[position], rel_tol=ROUNDING, abs_tol=ROUNDING)
        places[position] = places[before] + (not equal)
    return places


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
