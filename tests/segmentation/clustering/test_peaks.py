"""Groups have valleys between them, however unequal in size; clouds, boxes and halves of a group have none."""

import numpy as np
import pytest

from segmentation.clustering.nulls import feature_space
from segmentation.clustering.peaks import NO_VALLEY, density_points, highest_valley
from segmentation.clustering.stability import fit, nearest
from tests.segmentation.clustering.generated import Points

N = 2_000


def random(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def clouds(seed: int, distance: float, share: float) -> tuple[Points, Points]:
    """Two round clouds, and which of them each point is of."""
    of_second = (random(seed).random(N) < share).astype(np.intp)
    points = random(seed + 1).normal(size=(N, 2))
    points[:, 0] += distance * of_second
    return points / points.std(axis=0), of_second


@pytest.mark.parametrize("share", [0.5, 0.1, 0.02])
def test_two_clouds_have_a_valley_whatever_their_sizes(share: float):
    points, labels = clouds(1, 7.0, share)
    assert highest_valley(points, labels, 2).at_most < 0.5


@pytest.mark.parametrize("k", [2, 3, 5])
@pytest.mark.parametrize("seed", range(4))
def test_a_cloud_and_a_box_have_no_valley(k: int, seed: int):
    for points in (random(seed).normal(size=(N, 2)), random(seed).uniform(-1.7, 1.7, size=(N, 2))):
        assert highest_valley(points, nearest(points, fit(points, k, random(seed))), k).at_most > 0.75


def test_halves_of_a_group_have_no_valley_between_them_even_if_other_groups_have():
    points, labels = clouds(2, 7.0, 0.5)
    halved = np.where((labels == 1) & (points[:, 1] > 0), 2, labels)
    assert highest_valley(points, halved, 3).ratio > 0.95


def test_steps_of_whole_orders_are_no_peaks():
    orders = 1 + random(1).poisson(0.8, N)
    table = np.log1p(np.column_stack([np.exp(random(2).normal(5, 1, N)), orders]))
    labels = np.minimum(orders, 3) - 1

    def valley(is_whole: bool) -> float:
        space = feature_space(table, (True, True), (False, is_whole))
        return highest_valley(density_points(space, random(3)), labels, 3).at_most

    assert valley(is_whole=False) < 0.75 < valley(is_whole=True)


def test_a_segment_without_a_customer_and_one_segment_are_no_peaks_apart():
    points, labels = clouds(1, 7.0, 0.5)
    assert (highest_valley(points, labels, 3), highest_valley(points, labels * 0, 1)) == (NO_VALLEY, NO_VALLEY)
