"""Compare how compact the segments are with those of customers who fall into no groups.

The measure is the within share: the squared distances within segments ÷ those to the mean of all. Any customers can be
cut into k segments, so the share alone says nothing. It is held against two kinds of customers without groups, with as
many customers, cut into as many segments in the same way:

- a normal distribution with the same covariance
- an even spread over the box along the principal axes (R. Tibshirani, G. Walther, T. Hastie, "Estimating the number of
  clusters in a data set via the gap statistic", 2001)

Skewed features are compared on log1p: their raw values look clustered to any such test. Whole numbers, such as orders,
are drawn as whole numbers: the gap between one order and two is no gap between groups.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segmentation.clustering.seeding import Points
from segmentation.clustering.stability import fit, within_squares

DRAWS = 5
# From this skewness on a feature is compared on log1p: an exponential distribution has 2, a normal one 0.
SKEWED = 1.0


@dataclass(frozen=True)
class FeatureSpace:
    """Features of sampled customers, unscaled: one row per customer, one column per feature.

    `is_log` says which columns hold log1p of a feature, mirrored below 0; `is_whole` which features are whole numbers.
    """

    values: Points
    is_log: tuple[bool, ...]
    is_whole: tuple[bool, ...]


def feature_space(values: Points, is_log: tuple[bool, ...], is_whole: tuple[bool, ...]) -> FeatureSpace:
    """Return the space in which features are compared: skewed ones that are not on log1p yet are put on it."""
    to_log = [not logged and _skewness(column) > SKEWED for logged, column in zip(is_log, values.T, strict=True)]
    return FeatureSpace(
        np.where(to_log, _log1p(values), values),
        tuple(logged or now for logged, now in zip(is_log, to_log, strict=True)),
        is_whole,
    )


def within_to_null(space: FeatureSpace, k: int, random: np.random.Generator) -> float:
    """Return the within share of k segments ÷ the smallest of customers without groups."""
    least = min(within_share(draw, k, random) for draw in _nulls(space, random))
    own = within_share(space.values, k, random)
    return own / least if least > 0 else 1.0


def within_share(values: Points, k: int, random: np.random.Generator) -> float:
    """Return the share of the sum of squares that k segments of the standard-scaled values leave within them."""
    points = standard_scaled(values)
    total = float((points * points).sum())
    return within_squares(points, fit(points, k, random)) / total if total > 0 else 0.0


def standard_scaled(values: Points) -> Points:
    """Return the columns minus their means, divided by their standard deviations if these are not 0."""
    spread = values.std(axis=0)
    return np.asarray((values - values.mean(axis=0)) / np.where(spread > 0, spread, 1))


def continuous(space: FeatureSpace, random: np.random.Generator) -> Points:
    """Return the values with whole-number features spread evenly over their unit."""
    result = space.values.copy()
    for number, (is_log, is_whole) in enumerate(zip(space.is_log, space.is_whole, strict=True)):
        if is_whole:
            column = result[:, number]
            spread = (_expm1(column) if is_log else column) + random.uniform(-0.5, 0.5, len(column))
            result[:, number] = _log1p(spread) if is_log else spread
    return result


def _nulls(space: FeatureSpace, random: np.random.Generator) -> Iterator[Points]:
    mean, points = space.values.mean(axis=0), standard_scaled(space.values)
    spread = space.values.std(axis=0)
    variances, axes = np.linalg.eigh(points.T @ points / len(points))
    on_axes = points @ axes
    lowest, highest = on_axes.min(axis=0), on_axes.max(axis=0)
    for _ in range(DRAWS):
        normal = random.standard_normal(points.shape) * np.sqrt(np.maximum(variances, 0))
        even = random.uniform(lowest, highest, size=points.shape)
        for drawn in (normal, even):
            yield _whole_where_whole(space, drawn @ axes.T * spread + mean)


def _whole_where_whole(space: FeatureSpace, values: Points) -> Points:
    """Round the whole-number features of drawn customers, within the range of the real ones."""
    result = values.copy()
    for number, (is_log, is_whole) in enumerate(zip(space.is_log, space.is_whole, strict=True)):
        if is_whole:
            lowest, highest = space.values[:, number].min(), space.values[:, number].max()
            column = np.clip(values[:, number], lowest, highest)
            result[:, number] = _log1p(np.rint(_expm1(column))) if is_log else np.rint(column)
    return result


def _skewness(column: NDArray[np.float64]) -> float:
    centred = column - column.mean()
    variance = float((centred**2).mean())
    return float((centred**3).mean()) / variance**1.5 if variance > 0 else 0.0


def _log1p(values: Points) -> Points:
    return np.asarray(np.sign(values) * np.log1p(np.abs(values)))


def _expm1(values: Points) -> Points:
    return np.asarray(np.sign(values) * np.expm1(np.abs(values)))
