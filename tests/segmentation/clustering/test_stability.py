"""Segments that lie apart come back in resamples and others do not; the silhouette is scikit-learn's."""

import numpy as np
import pytest
from sklearn.metrics import silhouette_score

from segmentation.clustering.stability import (
    Stability,
    fit,
    greatest_jaccards,
    mean_jaccards,
    nearest,
    silhouettes,
    within_squares,
)
from tests.segmentation.clustering.generated import Points

CENTRES = np.array([(0.0, 0.0), (9.0, 0.0), (0.0, 9.0)])


def groups(count: int = 90) -> tuple[Points, Points]:
    """Points around three centres far apart, and the number of the centre of each."""
    random = np.random.default_rng(4)
    labels = np.arange(count) % 3
    return CENTRES[labels] + random.normal(size=(count, 2)), labels


def random(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_the_jaccard_similarity_is_that_of_the_best_match_and_none_for_an_empty_cluster():
    labels, others = np.array([0, 0, 0, 0, 1, 1]), np.array([2, 2, 2, 0, 0, 0])
    assert greatest_jaccards(labels, others, 3) == [3 / 4, 2 / 3, None]


def test_groups_that_lie_apart_come_back_whole():
    points, labels = groups()
    assert mean_jaccards(points, labels, 3, 10, random()) == ((1.0, 1.0, 1.0), 1.0)


def test_a_cut_through_a_round_cloud_does_not_come_back():
    points = random(2).normal(size=(600, 2))
    labels = (points[:, 0] > 0).astype(int)
    jaccards, surely = mean_jaccards(points, labels, 2, 10, random())
    assert (surely or 0) < min(value or 0 for value in jaccards) <= max(value or 0 for value in jaccards) < 0.75


def test_half_of_a_group_does_not_come_back_while_the_others_do():
    points, labels = groups(300)
    halved = np.where((labels == 2) & (points[:, 0] > 0), 3, labels)
    first, second, *halves = mean_jaccards(points, halved, 4, 10, random())[0]
    assert min(first or 0, second or 0) > 0.85
    assert min(value or 0 for value in halves) < min(first or 0, second or 0) - 0.1


def test_a_cluster_without_a_point_has_no_similarity():
    points, labels = groups()
    assert mean_jaccards(points, labels, 4, 3, random())[0][3] is None


def test_more_clusters_than_different_points_are_no_error():
    points = np.repeat([[1.0, 2.0], [3.0, 4.0]], 20, axis=0)
    assert within_squares(points, fit(points, 5, random())) == 0
    assert len(mean_jaccards(points, nearest(points, points[[0, 20]]), 5, 3, random())[0]) == 5


def test_a_fit_finds_the_groups_from_any_seed():
    points, labels = groups()
    for seed in range(10):
        found = nearest(points, fit(points, 3, random(seed)))
        assert len({(int(own), int(label)) for own, label in zip(found, labels, strict=True)}) == 3


@pytest.mark.parametrize("count", [90, 1_203])
def test_the_silhouette_is_scikit_learns_over_several_chunks(count: int):
    points, labels = groups(count)
    halves = (labels > 0).astype(np.intp)
    expected = [silhouette_score(points, each) for each in (labels, halves)]
    assert silhouettes(points, [labels, halves]) == pytest.approx(expected)


def test_one_cluster_has_no_silhouette_and_a_point_alone_counts_zero():
    points = np.array([[0.0], [1.0], [10.0]])
    alone, single = silhouettes(points, [np.array([0, 0, 1]), np.zeros(3, dtype=np.intp)])
    assert single is None
    assert alone == pytest.approx((9 / 10 + 8 / 9 + 0) / 3)


def test_identical_points_in_two_clusters_have_a_silhouette_of_zero():
    assert silhouettes(np.ones((4, 2)), [np.array([0, 0, 1, 1])]) == [0.0]


def test_least_and_mean_are_over_the_segments_that_are_known():
    stability = Stability((0.9, None, 0.6), (0.5, 0.0, 0.5), 0.4)
    assert (stability.least_jaccard, stability.mean_jaccard, stability.least_share) == (0.6, 0.75, 0.0)
    assert stability.reordered([2, 0, 1]).jaccards == (0.6, 0.9, None)
    assert Stability((None,), (1.0,), None).mean_jaccard is None
