"""Starting centres are as good as many restarts would find, the same for the same seed, and never worse for more k."""

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs

from segmentation.clustering.seeding import assign, refine, starting_centres

KS = range(2, 9)
Points = NDArray[np.float64]


def cost(points: Points, centres: Points) -> float:
    return float(((points[:, np.newaxis, :] - centres[np.newaxis, :, :]) ** 2).sum(axis=2).min(axis=1).sum())


def ones(points: Points) -> Points:
    return np.ones(len(points))


def blobs() -> Points:
    return make_blobs(n_samples=300, centers=6, cluster_std=0.8, random_state=3)[0]


def heavy_tailed() -> Points:
    """Spend and frequency as a shop sees them: most customers small, a handful far out."""
    random = np.random.default_rng(11)
    spend = random.pareto(1.3, 800) * 300
    frequency = 1 + random.poisson(2, 800) + spend / 900 * random.random(800)
    points = np.column_stack([spend, frequency])
    return (points - points.mean(axis=0)) / points.std(axis=0)


def test_costs_are_within_one_percent_of_many_restarts_and_never_rise():
    points = heavy_tailed()
    starts = starting_centres(points, ones(points), KS, seed=1)
    costs = {k: cost(points, starts[k]) for k in KS}
    best = {k: KMeans(k, n_init=30, random_state=0).fit(points).inertia_ for k in KS}
    assert {k: costs[k] / best[k] for k in KS if costs[k] > 1.01 * best[k]} == {}
    assert list(costs.values()) == sorted(costs.values(), reverse=True)
    assert {k: centres.shape for k, centres in starts.items()} == {k: (k, 2) for k in KS}

    few_finished = starting_centres(points, ones(points), KS, 1, 3)
    assert {k for k in KS if cost(points, few_finished[k]) > 1.01 * costs[k]} == set()


def test_only_the_requested_ks_are_returned_and_each_depends_on_the_seed_alone():
    points = blobs()
    few = starting_centres(points, ones(points), [6, 3], seed=2)
    every = starting_centres(points, ones(points), range(2, 7), seed=2)
    assert sorted(few) == [3, 6]
    assert few[6].tolist() == every[6].tolist()
    assert starting_centres(points, ones(points), [], seed=1) == {}


def test_as_many_centres_as_distinct_points_are_the_points_themselves():
    distinct = np.array([[0.0, 0.0], [1.0, 0.0], [5.0, 5.0], [90.0, -3.0]])
    points = np.repeat(distinct, [40, 1, 7, 2], axis=0)
    starts = starting_centres(points, ones(points), range(2, 5), seed=1)
    assert sorted(starts[4].tolist()) == sorted(distinct.tolist())
    assert cost(points, starts[2]) >= cost(points, starts[3]) >= cost(points, starts[4]) == 0


def test_a_far_outlier_gets_a_centre_of_its_own():
    points = np.vstack([blobs(), [[1e6, 1e6]]])
    assert [1e6, 1e6] in starting_centres(points, ones(points), [2], seed=1)[2].tolist()


def test_a_weight_counts_like_as_many_points():
    points = np.array([[0.0], [1.0], [10.0], [11.0], [30.0]])
    weights = np.array([1.0, 3.0, 4.0, 1.0, 2.0])
    repeated = np.repeat(points, weights.astype(int), axis=0)
    weighted = starting_centres(points, weights, [2, 3], seed=1)
    unweighted = starting_centres(repeated, ones(repeated), [2, 3], seed=1)
    for k in (2, 3):
        np.testing.assert_allclose(np.sort(weighted[k], axis=0), np.sort(unweighted[k], axis=0))

    heavy = starting_centres(np.array([[0.0], [2.0], [100.0]]), np.array([9.0, 1.0, 1.0]), [2], seed=1)
    np.testing.assert_allclose(np.sort(heavy[2], axis=0), [[0.2], [100.0]])


def test_the_first_of_equally_near_centres_is_taken_and_distances_are_squared():
    nearest, squared = assign(np.array([[0.0, 0.0], [3.0, 4.0]]), np.array([[6.0, 8.0], [0.0, 0.0], [0.0, 0.0]]))
    assert (nearest.tolist(), squared.tolist()) == ([1, 0], [0.0, 25.0])


def test_refined_centres_are_the_means_of_all_points():
    points = np.array([[0.0], [1.0], [10.0], [11.0], [30.0]])
    weights = np.array([1.0, 3.0, 1.0, 1.0, 1.0])
    refined = refine(points, weights, {3: np.array([[0.0], [12.0], [29.0]])}, seed=1)
    np.testing.assert_allclose(refined[3], [[0.75], [10.5], [30.0]])


def test_a_poor_start_is_replaced_by_one_grown_from_k_minus_1():
    points = blobs()
    good = starting_centres(points, ones(points), [5, 6], seed=1)
    poor = {5: good[5], 6: np.vstack([good[5], good[5][:1] + 1e-3])}
    assert cost(points, refine(points, ones(points), poor, seed=1)[6]) <= 1.01 * cost(points, good[6])
