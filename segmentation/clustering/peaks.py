"""Find whether segments are peaks of the density of customers, with valleys between them.

Customers are smoothed into a density (a sum of normal curves). From its segment's centre one climbs to a peak; on the
way to the next peak lies a valley. Its depth does not depend on how large the groups are, which the within share does:
a group of few customers far away hardly lowers that. Segments that cut a continuum climb to the same peak.

The measure is the ridgeline ratio of C. Hennig, "Methods for merging Gaussian mixture components", 2010, on a smoothed
sample instead of a mixture. The width of the curves is D. Scott's (1992), narrowed, since groups are narrower than all.
"""

from typing import NamedTuple

import numpy as np

from segmentation.clustering.nulls import FeatureSpace, continuous, standard_scaled
from segmentation.clustering.seeding import Points
from segmentation.clustering.stability import Labels

NARROWED = 0.8
STEPS_UP = 30
STEPS_ACROSS = 16
# Standard errors of a density. With these no one of 560 clouds and boxes of 500 to 4,000 customers shows a deep valley.
SURE = 1.5


class Valley(NamedTuple):
    """The density in a valley ÷ that at the lower peak, as estimated, and what it is at most, given few customers."""

    ratio: float
    at_most: float


NO_VALLEY = Valley(1.0, 1.0)


def density_points(space: FeatureSpace, random: np.random.Generator) -> Points:
    """Return the standard-scaled features, whole numbers spread evenly over their unit: steps are no peaks."""
    return standard_scaled(continuous(space, random))


def highest_valley(points: Points, labels: Labels, k: int) -> Valley:
    """Return the valley of the two segments that are least apart: 1 if they climb to the same peak.

    A valley is the least density on the straight way between two peaks ÷ the density at the lower one.
    """
    sizes = np.bincount(labels, minlength=k)
    if k < 2 or sizes.min() == 0:
        return NO_VALLEY
    width = NARROWED * len(points) ** (-1 / (points.shape[1] + 4))
    sums = np.stack([np.bincount(labels, column, minlength=k) for column in points.T], axis=1)
    peaks = _climbed(sums / sizes[:, np.newaxis], points, width)
    heights, errors = _densities(peaks, points, width)
    sure_heights = np.maximum(heights - SURE * errors, np.finfo(float).tiny)
    across = np.linspace(0, 1, STEPS_ACROSS + 1)[1:-1, np.newaxis, np.newaxis]
    ratios, at_most = [], []
    for first in range(k - 1):  # one segment at a time bounds the memory
        ways = (1 - across) * peaks[first] + across * peaks[first + 1 :]
        densities, errors = _densities(ways.reshape(-1, points.shape[1]), points, width)
        lowest = densities.reshape(len(ways), -1).min(axis=0)
        surely = (densities + SURE * errors).reshape(len(ways), -1).min(axis=0)
        ratios.append(float((lowest / np.minimum(heights[first], heights[first + 1 :])).max()))
        at_most.append(float((surely / np.minimum(sure_heights[first], sure_heights[first + 1 :])).max()))
    return Valley(min(1.0, max(ratios)), min(1.0, max(at_most)))


def _climbed(places: Points, points: Points, width: float) -> Points:
    """Return the peaks above some places, by mean shift (K. Fukunaga, L. Hostetler, 1975)."""
    for _ in range(STEPS_UP):
        weights = _weights(places, points, width)
        places = weights @ points / np.maximum(weights.sum(axis=1, keepdims=True), np.finfo(float).tiny)
    return places


def _densities(places: Points, points: Points, width: float) -> tuple[Points, Points]:
    """Return the density at each place, in customers, and its standard error."""
    weights = _weights(places, points, width)
    return weights.sum(axis=1), np.sqrt((weights * weights).sum(axis=1))


def _weights(places: Points, points: Points, width: float) -> Points:
    squared = (places**2).sum(axis=1)[:, np.newaxis] + (points**2).sum(axis=1) - 2 * places @ points.T
    return np.asarray(np.exp(-np.maximum(squared, 0) / (2 * width**2)))
