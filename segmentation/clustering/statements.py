"""Find what most customers of a segment share: a range of each score, in words that make a name.

Of the statements that are true of enough of a segment's customers, the one is taken that says most about most of them:
the share of the segment's customers for whom it is true, times the logarithm of one over the share of all customers for
whom it is (its information: C. E. Shannon, 1948). So narrow ranges come before wide ones where they hold.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product

from segmentation import schemas as s
from segmentation.config.naming import FEW_ORDERS, MIXED, ONE_ORDER, PROPERTY_WORDS
from segmentation.config.rfm import SCORES

Cell = tuple[int, ...]  # of the scores, in the order of SCORES
CellCounts = Mapping[Cell, int]


@dataclass(frozen=True)
class Statement:
    """A name, the ranges of the scores that it states, and the share of the segment's customers of whom it is true."""

    name: str
    ranges: Mapping[str, tuple[int, int]]
    share: float

    def holds(self, cell: Cell) -> bool:
        return _holds(self.ranges, cell)


def best_statement(
    own: CellCounts, everyone: CellCounts, scores: Sequence[str], min_share: float, score_1_is_one_order: bool
) -> Statement:
    """Return the statement that names a segment. What all its customers could be said of is "Mixed Customers".

    `own` and `everyone` count the customers of the segment, and all customers, by their scores. Statements on all of
    `scores` come before those on some of them.
    """
    of_segment, of_all = sum(own.values()), sum(everyone.values())
    for count in range(len(scores), 0, -1):
        found: list[tuple[tuple[float, int], Statement]] = []
        for name, ranges in _candidates(scores, count, score_1_is_one_order):
            share = sum(number for cell, number in own.items() if _holds(ranges, cell)) / of_segment
            if share < min_share:
                continue
            share_of_all = sum(number for cell, number in everyone.items() if _holds(ranges, cell)) / of_all
            # Of statements that say as much, the narrowest: nobody may have the scores that a wider one adds.
            information, width = share * math.log(1 / share_of_all), sum(high - low for low, high in ranges.values())
            found.append(((round(information, 9), -width), Statement(name, ranges, share)))
        if found:
            return max(found, key=lambda scored: scored[0])[1]
    return Statement(MIXED, {}, 1.0)


def _candidates(
    scores: Sequence[str], count: int, score_1_is_one_order: bool
) -> Iterator[tuple[str, dict[str, tuple[int, int]]]]:
    """Yield names that state ranges of `count` of the scores, with these ranges."""
    for chosen in combinations(scores, count):
        for words in product(*[PROPERTY_WORDS[score] for score in chosen]):
            name = ", ".join(word for word, _ in words)
            if not score_1_is_one_order:
                name = name.replace(ONE_ORDER, FEW_ORDERS)
            yield name, {score: limits for score, (_, limits) in zip(chosen, words, strict=True)}


def _holds(ranges: Mapping[str, tuple[int, int]], cell: Cell) -> bool:
    return all(
        low <= score <= high
        for name, score in zip(SCORES, cell, strict=True)
        if name in ranges
        for low, high in (ranges[name],)
    )


# The order in which names state properties.
NAME_ORDER = (s.MONETARY_SCORE, s.FREQUENCY_SCORE, s.RECENCY_SCORE)
