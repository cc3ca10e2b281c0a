"""Name segments by levels of their centres' spend and frequency: "High Spend, Low Frequency".

The different values of the centres' spend are split, on a log scale, into levels: 2 for two values, 3 for up to six, 5
beyond. The split has the least squared distance within levels, and no level has more than five values (natural breaks:
G. F. Jenks, 1967). The frequency word ranks the segments of one spend level. Where these all have the same frequency,
it is the level of that frequency over all segments. Equal values get equal words, and the word is Medium where all
segments are equal. Segments that get the same name are qualified by the feature in which they differ most.

A customer has the level on whose side of the borders the customer's figure is. A border is halfway, on the log scale,
between the nearest centres of two neighbouring levels.
"""

import math
import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any, NamedTuple, TypeVar

from segmentation import schemas as s
from segmentation.config.base import ONE_SEGMENT

Key = TypeVar("Key", str, int)
Limits = tuple[float | None, float | None]  # above the first, up to the second

LEVEL_WORDS = {
    1: ("Medium",),
    2: ("Low", "High"),
    3: ("Low", "Medium", "High"),
    4: ("Very Low", "Low", "High", "Very High"),
    5: ("Very Low", "Low", "Medium", "High", "Very High"),
}
RECENCY_FEATURES = (s.RECENCY_DAYS, s.NET_RECENCY_DAYS)
MOST_LEVELS = max(LEVEL_WORDS)
# Centres are means: a smaller difference, as a share or in the feature's unit, is rounding.
ROUNDING = 1e-9
NUMBERED = re.compile(r", No\. [0-9]+$")


@dataclass(frozen=True)
class SegmentName:
    """A segment's name, and a sentence with the rule and the figures that gave it.

    `states` is what the name states of its customers, as `naming` has it; None where it is by levels, or of the one
    segment.
    """

    name: str
    rule: str
    states: Mapping[str, Any] | None = None


class Level(NamedTuple):
    """A word for a value, the reason for it, and the limits of the values that it is true of."""

    word: str
    reason: str
    limits: Limits


def name_by_levels(centres: Sequence[Mapping[str, float]], figures: s.Figures) -> list[SegmentName]:
    """Name segments by levels of spend and frequency; `centres` are in original units, spend ascending."""
    if len(centres) == 1:
        return [SegmentName(ONE_SEGMENT, "there is one segment")]
    spends, frequencies = _spends_and_frequencies(centres, figures)
    of_spend, of_frequency = _level_words(spends), _frequency_words(frequencies, _levels(spends))
    names = [_plain_name(*levels) for levels in zip(of_spend, of_frequency, strict=True)]
    return [
        SegmentName(
            unique,
            f"spend is {of_spend[i].reason}; frequency is {of_frequency[i].reason}"
            f"{_qualified_because(unique, names[i])}",
        )
        for i, unique in enumerate(_unique_names(names, centres))
    ]


def levels_by_name(centres: Sequence[Mapping[str, float]], figures: s.Figures) -> dict[str, tuple[Level, Level]]:
    """Return the level of spend and that of frequency for each name without qualifier that `centres` give a meaning."""
    spends, frequencies = _spends_and_frequencies(centres, figures)
    spend_levels = _levels(spends)
    of_spend, of_frequency = _level_words(spends), _frequency_words(frequencies, spend_levels)
    result = {}
    for positions in _positions_by(spend_levels).values():
        own = {of_frequency[position] for position in positions}
        for frequency in own if len(own) > 1 else _level_words(frequencies):
            levels = of_spend[positions[0]], frequency
            result[_plain_name(*levels)] = levels
    return result


def halfway(low: float, high: float) -> float:
    """Return the value halfway between two on the log scale."""
    return math.expm1((math.log1p(max(0.0, low)) + math.log1p(max(0.0, high))) / 2)


def _spends_and_frequencies(
    centres: Sequence[Mapping[str, float]], figures: s.Figures
) -> tuple[list[float], list[float]]:
    return [centre[figures.spend] for centre in centres], [centre[figures.orders] for centre in centres]


def _plain_name(spend: Level, frequency: Level) -> str:
    return f"{spend.word} Spend, {frequency.word} Frequency"


def _qualified_because(name: str, plain: str) -> str:
    """Return the end of a rule's sentence: why the name has a qualifier, if it has one."""
    if name == plain:
        return ""
    how = "alike in all of these, and numbered" if NUMBERED.search(name) else "distinguished by where they differ most"
    return f"; more than one segment fits, {how}"


def _unique_names(names: Sequence[str], centres: Sequence[Mapping[str, float]]) -> list[str]:
    """Return the names with qualifiers added to equal ones until all differ."""
    result = list(names)
    while len(set(result)) < len(result):
        for name, positions in _positions_by(result).items():
            if len(positions) > 1:
                qualifiers = _qualifiers([centres[position] for position in positions])
                for position, qualifier in zip(positions, qualifiers, strict=True):
                    result[position] = f"{name}, {qualifier}"
    return result


def _qualifiers(centres: Sequence[Mapping[str, float]]) -> list[str]:
    """Qualify each centre by its rank in the feature with the largest ratio of highest to lowest value.

    Recency qualifies only two different values, unless nothing else differs. Equal centres are numbered.
    """
    ranks = {feature: _ranks([centre[feature] for centre in centres]) for feature in centres[0]}
    differing = [feature for feature in ranks if max(ranks[feature]) > 0]
    if not differing:
        return [f"No. {number}" for number in range(1, len(centres) + 1)]

    def spread(feature: str) -> float:
        values = [math.log1p(max(0.0, centre[feature])) for centre in centres]
        return max(values) - min(values)

    clear = [feature for feature in differing if feature not in RECENCY_FEATURES or max(ranks[feature]) == 1]
    widest = max(clear or differing, key=spread)
    return [_qualifier(widest, rank, max(ranks[widest]) + 1) for rank in ranks[widest]]


def _qualifier(feature: str, rank: int, count: int) -> str:
    if feature in RECENCY_FEATURES and count == 2:
        return ("More Recent", "Less Recent")[rank]
    noun = s.FEATURES[feature].name_noun or feature.replace("_", " ").title()
    if count == 2:
        return f"{('Lower', 'Higher')[rank]} {noun}"
    return f"{_rank_word(rank, count)} {noun}"


def _rank_word(rank: int, count: int) -> str:
    """Return the word for a rank out of `count`, 0 the lowest; beyond the words, a number with 1 the highest."""
    if count <= MOST_LEVELS:
        return LEVEL_WORDS[count][rank]
    return f"No. {count - rank}"


def _level_words(values: Sequence[float]) -> list[Level]:
    levels = _levels(values)
    count, limits = max(levels) + 1, _limits(values, levels)
    if count == 1:
        return [Level(LEVEL_WORDS[1][0], "the same in all segments", limits[0])] * len(levels)
    return [
        Level(LEVEL_WORDS[count][level], f"{_place(level, count)} of {count} levels", limits[level]) for level in levels
    ]


def _limits(values: Sequence[float], levels: Sequence[int]) -> list[Limits]:
    """Return the limits of each level, ascending."""
    of_level = [[values[position] for position in positions] for _, positions in sorted(_positions_by(levels).items())]
    borders = [halfway(max(low), min(high)) for low, high in pairwise(of_level)]
    return list(pairwise([None, *borders, None]))


def _place(rank: int, count: int) -> str:
    """Return where a rank out of `count` stands, 0 the lowest, in words.

    >>> [_place(rank, 2) for rank in range(2)], [_place(rank, 4) for rank in range(4)]
    (['the lower', 'the higher'], ['the lowest', 'number 2 from the lowest', 'number 3 from the lowest', 'the highest'])
    """
    if count == 2:
        return ("the lower", "the higher")[rank]
    if rank in (0, count - 1):
        return "the highest" if rank else "the lowest"
    return "the middle" if count == 3 else f"number {rank + 1} from the lowest"


def _frequency_words(frequencies: Sequence[float], spend_levels: Sequence[int]) -> list[Level]:
    """Return each segment's word within its spend level, or over all segments where the level has one frequency."""
    result = _level_words(frequencies)
    for positions in _positions_by(spend_levels).values():
        values = [frequencies[position] for position in positions]
        ranks = _ranks(values)
        count, limits = max(ranks) + 1, _limits(values, ranks)
        if count == 1:
            continue
        for position, rank in zip(positions, ranks, strict=True):
            reason = f"{_place(rank, count)} of {count} in that spend level"
            result[position] = Level(_rank_word(rank, count), reason, limits[rank])
    return result


def _levels(values: Sequence[float]) -> list[int]:
    """Return the level of each value, from 0, by natural breaks of the logarithms of the different values."""
    ranks = _ranks(values)
    by_rank = dict(zip(ranks, values, strict=True))
    logs = [math.log1p(max(0.0, by_rank[rank])) for rank in range(len(by_rank))]
    count = len(logs) if len(logs) <= 2 else 3 if len(logs) <= 6 else 5
    largest = max(MOST_LEVELS, math.ceil(len(logs) / count))
    breaks = min(
        (
            breaks
            for breaks in combinations(range(1, len(logs)), count - 1)
            if max(len(level) for level in _split(breaks, logs)) <= largest
        ),
        key=lambda breaks: sum(_squared_deviation(level) for level in _split(breaks, logs)),
    )
    return [bisect_right(breaks, rank) for rank in ranks]


def _ranks(values: Sequence[float]) -> list[int]:
    """Return the rank of each value, 0 the lowest; values equal but for rounding share a rank."""
    order = sorted(range(len(values)), key=lambda position: values[position])
    ranks = [0] * len(values)
    for before, position in pairwise(order):
        is_equal = math.isclose(values[before], values[position], rel_tol=ROUNDING, abs_tol=ROUNDING)
        ranks[position] = ranks[before] if is_equal else ranks[before] + 1
    return ranks


def _split(breaks: Sequence[int], values: Sequence[float]) -> list[Sequence[float]]:
    return [values[start:end] for start, end in pairwise([0, *breaks, len(values)])]


def _squared_deviation(values: Sequence[float]) -> float:
    mean = sum(values) / len(values)
    return sum((value - mean) ** 2 for value in values)


def _positions_by(keys: Sequence[Key]) -> dict[Key, list[int]]:
    positions: defaultdict[Key, list[int]] = defaultdict(list)
    for position, key in enumerate(keys):
        positions[key].append(position)
    return dict(positions)
