"""Starting centres are as good as many restarts would find, the same for the same seed, and never worse for more k."""

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs

from segmentation.clustering.seeding import assign, settled, starting_centres

KS = range(2, 9)
Points = NDArray[np.float64]


def cost(points: Points, centres: Points, weights: Points | None = None) -> float:
    squared = ((points[:, np.newaxis, :] - centres[np.newaxis, :, :]) ** 2).sum(axis=2).min(axis=1)
    return float(squared.sum() if weights is None else squared @ weights)


def ones(points: Points) -> Points:
    return np.ones(len(points))


def blobs() -> Points:
    return make_blobs(n_samples=600, centers=6, cluster_std=0.8, random_state=3)[0]


def heavy_tailed() -> Points:
    """Spend and frequency as a shop sees them: most customers small, a handful far out."""
    random = np.random.default_rng(11)
    spend = random.pareto(1.3, 1_500) * 300
    frequency = 1 + random.poisson(2, 1_500) + spend / 900 * random.random(1_500)
    points = np.column_stack([spend, frequency])
    return (points - points.mean(axis=0)) / points.std(axis=0)


@pytest.mark.parametrize("make", [blobs, heavy_tailed])
def test_costs_are_within_one_percent_of_the_best_of_fifty_restarts_and_never_rise_with_k(make):
    points = make()
    found = starting_centres(points, ones(points), KS, seed=1)
    costs = {k: cost(points, found[k]) for k in KS}
    best = {k: KMeans(k, n_init=50, random_state=0).fit(points).inertia_ for k in KS}
    too_dear = {k: costs[k] / best[k] for k in KS if costs[k] > 1.01 * best[k]}
    assert too_dear == {}
    assert list(costs.values()) == sorted(costs.values(), reverse=True)
    assert {k: centres.shape for k, centres in found.items()} == {k: (k, 2) for k in KS}


def test_the_same_seed_gives_the_same_centres():
    points = heavy_tailed()[:300]
    once, again = (starting_centres(points, ones(points), [3, 5], seed=7) for _ in range(2))
    assert [centres.tolist() for centres in once.values()] == [centres.tolist() for centres in again.values()]


def test_only_the_wanted_ks_are_given_and_each_as_good_as_when_all_are_wanted():
    points = blobs()
    few = starting_centres(points, ones(points), [6, 3], seed=2)
    every = starting_centres(points, ones(points), range(2, 7), seed=2)
    assert sorted(few) == [3, 6]
    assert few[6].tolist() == every[6].tolist()


def test_no_ks_wanted_gives_no_centres():
    points = blobs()[:10]
    assert starting_centres(points, ones(points), [], seed=1) == {}


def test_as_many_centres_as_distinct_points_are_the_points_themselves():
    distinct = np.array([[0.0, 0.0], [1.0, 0.0], [5.0, 5.0], [90.0, -3.0]])
    points = np.repeat(distinct, [40, 1, 7, 2], axis=0)
    found = starting_centres(points, ones(points), range(2, 5), seed=1)
    assert sorted(found[4].tolist()) == sorted(distinct.tolist())
    assert cost(points, found[2]) >= cost(points, found[3]) >= cost(points, found[4]) == 0


def test_a_far_outlier_gets_a_centre_of_its_own():
    points = np.vstack([blobs(), [[1e6, 1e6]]])
    found = starting_centres(points, ones(points), [2], seed=1)
    assert [1e6, 1e6] in found[2].tolist()


def test_a_weight_counts_like_as_many_points():
    points = np.array([[0.0], [1.0], [10.0], [11.0], [30.0]])
    weights = np.array([1.0, 3.0, 4.0, 1.0, 2.0])
    repeated = np.repeat(points, weights.astype(int), axis=0)
    weighted = starting_centres(points, weights, [2, 3], seed=1)
    unweighted = starting_centres(repeated, ones(repeated), [2, 3], seed=1)
    for k in (2, 3):
        np.testing.assert_allclose(np.sort(weighted[k], axis=0), np.sort(unweighted[k], axis=0))


def test_a_heavy_point_draws_the_centre_to_itself():
    points = np.array([[0.0], [2.0], [100.0]])
    found = starting_centres(points, np.array([9.0, 1.0, 1.0]), [2], seed=1)
    np.testing.assert_allclose(np.sort(found[2], axis=0), [[0.2], [100.0]])


def test_points_of_one_dimension_and_of_six_are_both_served():
    random = np.random.default_rng(5)
    for dimensions in (1, 6):
        points = random.normal(size=(200, dimensions))
        assert starting_centres(points, ones(points), [4], seed=1)[4].shape == (4, dimensions)


def test_the_first_of_equally_near_centres_is_taken_and_distances_are_squared():
    nearest, squared = assign(np.array([[0.0, 0.0], [3.0, 4.0]]), np.array([[6.0, 8.0], [0.0, 0.0], [0.0, 0.0]]))
    assert (nearest.tolist(), squared.tolist()) == ([1, 0], [0.0, 25.0])


def test_centres_found_on_fewer_points_settle_where_the_means_of_all_are():
    points = np.array([[0.0], [1.0], [10.0], [11.0], [30.0]])
    weights = np.array([1.0, 3.0, 1.0, 1.0, 1.0])
    found = settled(points, weights, {3: np.array([[0.0], [12.0], [29.0]])}, seed=1)
    np.testing.assert_allclose(found[3], [[0.75], [10.5], [30.0]])


def test_finishing_fewer_starts_ends_within_one_percent():
    points = heavy_tailed()
    few, every = (starting_centres(points, ones(points), KS, 1, most) for most in (3, None))
    assert {k: cost(points, few[k]) for k in KS if cost(points, few[k]) > 1.01 * cost(points, every[k])} == {}


def test_a_poor_start_is_grown_from_the_centres_before_it():
    points = blobs()
    good = starting_centres(points, ones(points), [5, 6], seed=1)
    poor = {5: good[5], 6: np.vstack([good[5], good[5][:1] + 1e-3])}
    assert cost(points, settled(points, ones(points), poor, seed=1)[6]) <= 1.01 * cost(points, good[6])
