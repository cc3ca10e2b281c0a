"""Next quarter's buyers: the measures against known values, and one whole evaluation of a made shop."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from scripts.next_quarter.metrics import (
    auc_out_of_fold,
    auc_within_folds,
    count_customers,
    folds_of,
    rates_out_of_fold,
)


def test_auc_of_one_fold_counts_equal_rates_half() -> None:
    # Others and buyers of three groups. Buyers 2 at .9 beat all 3 others; 1 at .5 ties with one, beats one.
    counts = np.array([[[1, 0], [1, 1], [1, 2]]])
    assert auc_within_folds(counts, np.array([[0.1, 0.5, 0.9]])) == pytest.approx((1.5 + 2 * 2.5) / 9)


def test_auc_of_one_fold_is_that_of_scikit_learn() -> None:
    random = np.random.default_rng(3)
    group, bought = random.integers(0, 5, 300), random.random(300) < 0.4
    rates = np.array([0.1, 0.2, 0.2, 0.7, 0.4])
    counts = count_customers(np.zeros(300, dtype=np.int64), group, bought)
    assert auc_within_folds(counts, rates[None, :]) == pytest.approx(roc_auc_score(bought, rates[group]))


def test_auc_without_a_pair_is_no_number() -> None:
    assert np.isnan(auc_within_folds(np.array([[[4, 0]]]), np.array([[0.5]])))


def test_rates_come_from_the_other_folds_and_are_smoothed() -> None:
    # Two folds. Group 0: fold 0 has 10 buyers of 10, fold 1 has 2 of 10. Group 1: 0 of 10 in both.
    counts = np.array([[[0, 10], [10, 0]], [[8, 2], [10, 0]]])
    assert rates_out_of_fold(counts, smoothing=0).tolist() == [[0.2, 0], [1, 0]]
    # Fold 0 sees fold 1: 2 buyers of 20. As if ten more customers had bought at that share: (2 + 1) / 20.
    assert rates_out_of_fold(counts, smoothing=10)[0].tolist() == pytest.approx([0.15, 0.05])


def test_folds_share_buyers_and_others_evenly_and_repeat_with_the_seed() -> None:
    bought = np.arange(103) % 4 == 0
    fold = folds_of(bought, 10, seed=5)
    for members in (bought, ~bought):
        sizes = np.bincount(fold[members], minlength=10)
        assert sizes.max() - sizes.min() <= 1
    assert (fold == folds_of(bought, 10, seed=5)).all()
    assert (fold != folds_of(bought, 10, seed=6)).any()


def test_useless_groups_score_a_half() -> None:
    random = np.random.default_rng(1)
    aucs = []
    for seed in range(40):
        group, bought = random.integers(0, 3, 600), random.random(600) < 0.5
        counts = count_customers(folds_of(bought, 10, seed), group, bought)
        aucs.append(auc_within_folds(counts, rates_out_of_fold(counts)))
    assert np.mean(aucs) == pytest.approx(0.5, abs=0.012)


def test_the_interval_has_the_width_of_the_known_standard_error() -> None:
    # Two groups of 1,000, 30 % and 70 % of whom buy: AUC 0.7, and the variance of a two-valued score is known.
    bought = np.concatenate([np.arange(1000) < 300, np.arange(1000) < 700])
    group = np.repeat([0, 1], 1000)
    counts = count_customers(folds_of(bought, 10, seed=1), group, bought)
    auc = auc_out_of_fold(counts, resamples=2_000, seed=1)
    assert auc.value == pytest.approx(0.7, abs=0.002)
    standard_error = np.sqrt((0.7 * 0.3 / 1000 + 0.3 * 0.7 / 1000) / 4)
    assert auc.high - auc.low == pytest.approx(2 * 1.96 * standard_error, rel=0.1)
    assert auc.low < auc.value < auc.high
    assert auc == auc_out_of_fold(counts, resamples=2_000, seed=1)
