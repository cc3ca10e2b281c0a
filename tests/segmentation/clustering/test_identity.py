"""After a refit a segment is recognised by its customers; splits, merges, new and gone segments are told."""

from collections import Counter

import numpy as np
import pytest
from numpy.typing import NDArray

from segmentation.clustering.identity import Event, events, same_segments
from segmentation.clustering.seeding import assign, starting_centres

Groups = tuple[tuple[float, float], ...]
SIZE = 150


def told(shared: dict[tuple[int, int], int]) -> tuple[dict[int, int], list[Event]]:
    same = same_segments(shared)
    return same, events(shared, same, sorted({old for old, _ in shared}), sorted({new for _, new in shared}))


def test_a_segment_goes_on_where_half_of_the_joint_customers_are_the_same():
    assert told({(3, 0): 50, (3, 1): 25, (8, 1): 75}) == ({0: 3, 1: 8}, [])
    assert same_segments({(3, 0): 50, (3, 1): 51, (8, 1): 75}) == {1: 8}, "3 has less than half of either"


def test_of_two_exact_halves_the_first_goes_on_and_the_other_is_a_part():
    assert told({(5, 0): 40, (5, 1): 40}) == ({0: 5}, [Event("split", (5,), (0, 1))])


def test_a_border_that_moved_is_no_split():
    assert told({(1, 0): 70, (1, 1): 30, (2, 1): 200}) == ({0: 1, 1: 2}, [])


def test_parts_below_a_quarter_or_sixty_percent_together_are_no_split():
    small = {(1, 0): 80, (1, 1): 20, (2, 2): 50}
    assert told(small) == ({0: 1, 2: 2}, [Event("new", (), (1,))])
    scattered = {(1, 0): 25, (1, 1): 25, (1, 2): 10, (1, 3): 10, (1, 4): 10, (1, 5): 20}
    assert [event.kind for event in told(scattered)[1]].count("split") == 0


def test_two_that_become_one_are_merged_and_what_nobody_shares_is_new_or_gone():
    assert told({(1, 0): 30, (2, 0): 30, (3, 1): 50}) == ({0: 1, 1: 3}, [Event("merged", (1, 2), (0,))])
    assert events({(1, 0): 9}, {0: 1}, [1, 2], [0, 1]) == [Event("new", (), (1,)), Event("gone", (2,), ())]


# --- planted: the customers of both models are the same, and so both are fitted to groups that differ ---


def drawn(groups: Groups, seed: int) -> NDArray[np.float64]:
    random = np.random.default_rng(seed)
    return np.vstack([random.normal(group, 1.0, (SIZE, 2)) for group in groups])


def positions(points: NDArray[np.float64], k: int, training: NDArray[np.float64], seed: int) -> list[int]:
    """The segment of each point under the model of `training`, fitted by the product's own search for centres."""
    nearest, _ = assign(points, starting_centres(training, np.ones(len(training)), [k], seed)[k])
    return [int(place) for place in nearest]


def transitions(before: Groups, after: Groups, seed: int, newcomers: int = 0) -> list[tuple[str, int, int]]:
    """Fit a model to the groups before and one to those after, and tell what became of the segments.

    The last `newcomers` groups are of customers who were not there before.
    """
    old_points, new_points = drawn(before, seed), drawn(after, seed + 1_000)
    known = len(new_points) - newcomers * SIZE
    old = positions(new_points, len(before), old_points, seed)[:known]
    new = positions(new_points, len(after), new_points, seed)[:known]
    shared = Counter(zip([place + 1 for place in old], new, strict=True))
    found = events(shared, same_segments(shared), range(1, len(before) + 1), range(len(after)))
    return [(event.kind, len(event.before), len(event.after)) for event in found]


THREE: Groups = ((0.0, 0.0), (9.0, 0.0), (0.0, 9.0))
WHOLE, HALVES, FAR = (9.0, 9.0), ((9.0, 6.0), (9.0, 12.0)), (40.0, 40.0)


@pytest.mark.parametrize("seed", range(20))
def test_what_was_planted_is_recognised_and_nothing_of_a_resample(seed: int):
    assert transitions((*THREE, WHOLE), (*THREE, *HALVES), seed) == [("split", 1, 2)]
    assert transitions((*THREE, *HALVES), (*THREE, WHOLE), seed) == [("merged", 2, 1)]
    assert transitions(THREE, (*THREE, FAR), seed, newcomers=1) == [("new", 0, 1)]
    assert transitions((*THREE, FAR), THREE, seed) == [("gone", 1, 0)]
    assert transitions((*THREE, WHOLE), (*THREE, WHOLE), seed) == []
