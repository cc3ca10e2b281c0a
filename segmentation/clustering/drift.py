"""How far customers have moved from those that a model was fitted on.

The population stability index compares two distributions over the same bins: Σ (now − then) · ln(now / then) of the
shares (N. Siddiqi, "Credit Risk Scorecards", 2006, where more than 0.25 is a shift that calls for a new model).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.session import percentiles

MOST_STABILITY_INDEX = 0.25
# Below, the index of the same customers drawn anew may be as high by chance.
LEAST_CUSTOMERS = 500
USUAL_SHARE = 0.99
MOST_UNUSUAL = 0.05
# Of few customers, fewer than these may be far from their centre by chance.
LEAST_UNUSUAL = 5
DECILES = tuple(number / 10 for number in range(1, 10))


@dataclass(frozen=True)
class Training:
    """The customers that a model was fitted on.

    `deciles` are the different deciles of each clustered feature, in original units, and `shares` those of the
    customers up to the first, up to the next, …, and above the last. 99 % were not farther from their centre, in scaled
    space, than `usual_distance`.
    """

    customers: int
    deciles: Mapping[str, Sequence[float]]
    shares: Mapping[str, Sequence[float]]
    usual_distance: float


def describe_training(assigned: DataFrame, features: Sequence[str]) -> Training:
    """Describe customers with their distance_to_centre, one row each. Runs two actions of one row."""
    values = [percentiles(F.col(feature), DECILES) for feature in features]
    values.append(percentiles(F.col(s.DISTANCE_TO_CENTRE), [USUAL_SHARE]))
    row = assigned.agg(*values).collect()[0]  # one row
    deciles = {feature: sorted(set(row[number])) for number, feature in enumerate(features)}
    usual_distance = float(row[len(features)][0])
    counts, customers, _ = _counts(assigned, deciles, usual_distance)
    shares = {feature: [count / customers for count in of_bins] for feature, of_bins in counts.items()}
    return Training(customers, deciles, shares, usual_distance)


def drift_in_words(assigned: DataFrame, training: Training) -> str:
    """Say how customers differ from those of the training; empty if they do not. Runs an action of one row.

    `assigned` has one row per customer who takes part in the clustering, with the distance_to_centre of the model.
    """
    counts, customers, unusual = _counts(assigned, training.deciles, training.usual_distance)
    if not customers:
        return ""
    found = []
    if min(customers, training.customers) >= LEAST_CUSTOMERS:
        for feature, of_bins in counts.items():
            index = stability_index(training.shares[feature], of_bins)
            if index > MOST_STABILITY_INDEX:
                found.append(
                    f"the population stability index of {feature} is {index:.2f}, above {MOST_STABILITY_INDEX}"
                )
    if are_many(unusual, customers):
        found.append(
            f"{unusual / customers:.1%} of the customers are farther from their centre than {USUAL_SHARE:.0%} of the "
            "customers were that the model was fitted on"
        )
    return "; ".join(found)


def are_many(unusual: int, customers: int) -> bool:
    """Return whether so many of the customers are far from their centre that the model no longer fits."""
    return unusual >= LEAST_UNUSUAL and unusual > MOST_UNUSUAL * customers


def stability_index(then: Sequence[float], now: Sequence[int]) -> float:
    """Return the population stability index of the customers per bin `now` against their shares `then`.

    An empty bin counts as half a customer: the logarithm of nothing is infinite.

    >>> round(stability_index([0.5, 0.5], [500, 500]), 4), round(stability_index([0.5, 0.5], [900, 100]), 4)
    (0.0, 0.8789)
    """
    total = sum(now)
    least = 0.5 / total
    pairs = [(max(share, least), max(count / total, least)) for share, count in zip(then, now, strict=True)]
    return math.fsum((after - before) * math.log(after / before) for before, after in pairs)


def _counts(
    assigned: DataFrame, deciles: Mapping[str, Sequence[float]], usual_distance: float
) -> tuple[dict[str, list[int]], int, int]:
    """Return the customers per bin of each feature, all customers, and those farther than the usual distance."""
    bins = {feature: _conditions(feature, edges) for feature, edges in deciles.items()}
    counted: list[Column] = [F.count_if(condition) for conditions in bins.values() for condition in conditions]
    unusual = F.count_if(is_unusual(usual_distance))
    row: Sequence[Any] = assigned.agg(F.count(F.lit(1)), unusual, *counted).collect()[0]  # one row
    customers, number_unusual, *counts = row
    by_feature, start = {}, 0
    for feature, conditions in bins.items():
        by_feature[feature] = list(counts[start : start + len(conditions)])
        start += len(conditions)
    return by_feature, customers, number_unusual


def is_unusual(usual_distance: float) -> Column:
    """Return whether a customer is farther from its centre than 99 % of those that the model was fitted on."""
    return F.col(s.DISTANCE_TO_CENTRE) > F.lit(usual_distance)


def _conditions(feature: str, edges: Sequence[float]) -> list[Column]:
    """Return the condition of each bin: up to the first edge, above it and up to the next, …, above the last."""
    value = F.col(feature).cast("double")
    lower = [None, *edges]
    upper = [*edges, None]
    conditions = []
    for low, high in zip(lower, upper, strict=True):
        condition = F.lit(True) if low is None else value > F.lit(low)
        conditions.append(condition if high is None else condition & (value <= F.lit(high)))
    return conditions
