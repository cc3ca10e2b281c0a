"""Two groups are far more compact than customers without groups; clouds, boxes and steps of whole orders are not."""

import numpy as np
import pytest

from segmentation.clustering.nulls import feature_space, within_to_null
from tests.segmentation.clustering.generated import Points

N = 1_000


def random(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def one_cloud(seed: int) -> Points:
    """Lognormal spend and orders, of most customers one, two or three."""
    spend, orders = random(seed).multivariate_normal([6.5, 0.5], [[1.0, 0.5], [0.5, 0.5]], N).T
    return np.column_stack([np.exp(spend), np.maximum(1, np.exp(orders).round())])


def box(seed: int) -> Points:
    return np.column_stack([random(seed).uniform(10, 2_000, N), random(seed + 99).integers(1, 5, N)])


def two_clouds(seed: int) -> Points:
    of_second = random(seed).random(N) < 0.5
    spend = random(seed + 1).normal(np.where(of_second, 7.0, 5.0), 0.4)
    orders = random(seed + 2).normal(np.where(of_second, 2.5, 0.8), 0.35)
    return np.column_stack([np.exp(spend), np.maximum(1, np.exp(orders).round())])


def ratio(table: Points, k: int, seed: int = 1) -> float:
    space = feature_space(np.log1p(table), (True, True), (False, True))
    return within_to_null(space, k, random(seed))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("k", [2, 4])
def test_one_cloud_and_a_box_of_whole_orders_are_no_groups(seed: int, k: int):
    assert ratio(one_cloud(seed), k) > 0.8
    assert ratio(box(seed), k) > 0.8


@pytest.mark.parametrize("seed", range(5))
def test_two_clouds_are_groups(seed: int):
    assert ratio(two_clouds(seed), 2) < 0.7


def test_steps_of_whole_numbers_would_look_like_groups_if_the_nulls_had_none():
    steps = np.column_stack([random(1).uniform(3, 9, N), np.log1p(random(2).integers(1, 4, N))])
    as_whole = within_to_null(feature_space(steps, (True, True), (False, True)), 9, random(3))
    as_continuous = within_to_null(feature_space(steps, (True, True), (False, False)), 9, random(3))
    assert as_continuous < 0.8 < as_whole


def test_skewed_features_are_compared_on_a_logarithm_and_others_as_they_are():
    skewed, even = np.exp(random(1).normal(5, 1, N)), random(2).uniform(0, 9, N)
    space = feature_space(np.column_stack([skewed, even, -skewed]), (False, False, False), (False,) * 3)
    assert space.is_log == (True, False, False)
    np.testing.assert_allclose(space.values, np.column_stack([np.log1p(skewed), even, -skewed]))


def test_one_lognormal_cloud_clustered_on_raw_values_is_no_group_either():
    table = one_cloud(3)
    assert within_to_null(feature_space(table, (False, False), (False, True)), 3, random(1)) > 0.8


def test_customers_who_are_all_alike_are_as_compact_as_any():
    assert within_to_null(feature_space(np.ones((50, 2)), (True, True), (False, True)), 2, random(1)) == 1.0
