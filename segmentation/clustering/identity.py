"""Which segments of a new model are those of the model before, and what became of the others.

Both models assign the same customers, those of both runs. A segment goes on where the one before and the new one have
at least half of their joint customers in common (Jaccard). Segments of one model do not overlap, so that no other pair
can share as much: the assignment is the best there is. All else is classified by shares of customers, after MONIC
(M. Spiliopoulou, I. Ntoutsi, Y. Theodoridis, R. Schult, "MONIC: modeling and monitoring cluster transitions", 2006).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

# Of the joint customers of two segments that are the same one.
SAME_JACCARD = Fraction(1, 2)
# Of the customers of a segment that is split: each part holds so many of them at least, and all parts together.
PART_SHARE = Fraction(1, 4)
PARTS_TOGETHER = Fraction(3, 5)

# Customers by the segment_id before, and the position of the new segment.
Shared = Mapping[tuple[int, int], int]


@dataclass(frozen=True)
class Event:
    """What became of segments: `before` are ids of the model before, `after` positions, later ids, of the new one.

    split: one before, several after; merged: several before, one after; new: none before; gone: none after.
    """

    kind: Literal["split", "merged", "new", "gone"]
    before: tuple[int, ...]
    after: tuple[int, ...]


def same_segments(shared: Shared) -> dict[int, int]:
    """Return the segment_id before for the position of each new segment that goes on."""
    before, after = _totals(shared)
    same: dict[int, int] = {}
    taken: set[int] = set()
    # Only two exact halves of a segment can tie: the first one goes on.
    for (old, new), count in sorted(shared.items()):
        jaccard = Fraction(count, before[old] + after[new] - count)
        if jaccard >= SAME_JACCARD and old not in taken and new not in same:
            same[new] = old
            taken.add(old)
    return same


def events(shared: Shared, same: Mapping[int, int], ids: Sequence[int], positions: Sequence[int]) -> list[Event]:
    """Return what became of the segments before, `ids`, and where the new ones, `positions`, come from.

    A segment that goes on as itself is no part of another that is split or merged: a border between two moved.
    """
    before, after = _totals(shared)
    went_on = {old: new for new, old in same.items()}
    found: list[Event] = []
    explained, explained_new = set[int](), set[int]()
    for old in ids:
        parts = [
            new
            for new in positions
            if same.get(new, old) == old and _share(shared, old, new, before[old]) >= PART_SHARE
        ]
        if len(parts) > 1 and sum(_share(shared, old, new, before[old]) for new in parts) >= PARTS_TOGETHER:
            found.append(Event("split", (old,), tuple(parts)))
            explained.add(old)
            explained_new.update(parts)
    for new in positions:
        parts = [
            old for old in ids if went_on.get(old, new) == new and _share(shared, old, new, after[new]) >= PART_SHARE
        ]
        if len(parts) > 1 and sum(_share(shared, old, new, after[new]) for old in parts) >= PARTS_TOGETHER:
            found.append(Event("merged", tuple(parts), (new,)))
            explained.update(parts)
            explained_new.add(new)
    found += [Event("new", (), (new,)) for new in positions if new not in same and new not in explained_new]
    found += [Event("gone", (old,), ()) for old in ids if old not in went_on and old not in explained]
    return found


def _share(shared: Shared, old: int, new: int, whole: int) -> Fraction:
    return Fraction(shared.get((old, new), 0), whole) if whole else Fraction(0)


def _totals(shared: Shared) -> tuple[Counter[int], Counter[int]]:
    """Return the customers of each segment before, and of each new one."""
    before: Counter[int] = Counter()
    after: Counter[int] = Counter()
    for (old, new), count in shared.items():
        before[old] += count
        after[new] += count
    return before, after
