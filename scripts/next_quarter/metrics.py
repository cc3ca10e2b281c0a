"""How well groups of customers rank who buys again: rates out of fold, AUC, bootstrap. Plain numpy.

Customers count by fold, group and outcome: an array of shape (folds, groups, 2), others first, buyers second. Leading
dimensions are further such arrays, as of a bootstrap.

AUC is the share of pairs, of a buyer and another customer, in which the buyer has the higher rate. Ties count half.
Source: Hanley and McNeil (1982), "The meaning and use of the area under a receiver operating characteristic curve".

Only pairs of the same fold count. Over all pairs, useless groups would score below 0.5: a fold that has more of a
group's buyers leaves fewer to the folds that its rate comes from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

FOLDS: Final = 10
# A group's rate counts as if it had this many more customers, of whom as many buy as of all: a group of three is no
# certainty.
SMOOTHING: Final = 10.0
RESAMPLES: Final = 2_000
INTERVAL: Final = (0.025, 0.975)


@dataclass(frozen=True)
class Auc:
    """The area under the ROC curve, and its bootstrap interval of 95 %."""

    value: float
    low: float
    high: float


def folds_of(bought: NDArray[np.bool_], folds: int, seed: int) -> Integers:
    """Return the fold of each customer. Buyers and others are each dealt evenly, in random order."""
    random = np.random.default_rng(seed)
    fold = np.empty(len(bought), dtype=np.int64)
    for members in (np.flatnonzero(bought), np.flatnonzero(~bought)):
        fold[random.permutation(members)] = np.arange(len(members)) % folds
    return fold


def count_customers(fold: Integers, group: Integers, bought: NDArray[np.bool_]) -> Integers:
    """Return the number of customers by fold, group and outcome."""
    counts = np.zeros((fold.max() + 1, group.max() + 1, 2), dtype=np.int64)
    np.add.at(counts, (fold, group, bought.astype(np.int64)), 1)
    return counts


def rates_out_of_fold(counts: Integers, smoothing: float = SMOOTHING) -> Floats:
    """Return for each fold and group the smoothed share of buyers in all other folds."""
    others = counts.sum(axis=-3, keepdims=True) - counts
    of_all = others.sum(axis=-2, keepdims=True)
    share = of_all[..., 1] / np.maximum(of_all.sum(axis=-1), 1)
    return np.asarray((others[..., 1] + smoothing * share) / (others.sum(axis=-1) + smoothing))


def auc_within_folds(counts: Integers, rates: Floats) -> Floats:
    """Return the AUC of the rates over pairs of the same fold; NaN where there are no pairs."""
    first, second = rates[..., :, None], rates[..., None, :]
    wins = (first > second) + 0.5 * (first == second)
    pairs = counts[..., :, 1][..., :, None] * counts[..., :, 0][..., None, :]
    total = pairs.sum(axis=(-3, -2, -1))
    won = (pairs * wins).sum(axis=(-3, -2, -1))
    return np.asarray(np.divide(won, total, out=np.full(np.shape(total), np.nan), where=total > 0))


def auc_out_of_fold(counts: Integers, resamples: int = RESAMPLES, seed: int = 0) -> Auc:
    """Return the AUC of the groups' rates out of fold, with the percentile interval of a bootstrap over customers.

    A drawn customer keeps the fold, so that no copy is in two of them. Rates are computed again in each resample.
    """
    value = float(auc_within_folds(counts, rates_out_of_fold(counts)))
    customers = int(counts.sum())
    drawn = np.random.default_rng(seed).multinomial(customers, counts.ravel() / customers, size=resamples)
    # One resample at a time: a few thousand folds × groups × groups at once would be large.
    aucs = np.array([_auc(resample.reshape(counts.shape)) for resample in drawn])
    low, high = np.nanquantile(aucs, INTERVAL)
    return Auc(value, float(low), float(high))


def _auc(counts: Integers) -> float:
    return float(auc_within_folds(counts, rates_out_of_fold(counts)))
