"""Judge on a bounded sample of customers whether the segments of each fit are really there.

Whatever the number of customers, the judgement sees at most `clustering.stability_sample` of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.clustering.kmeans import Fit
from segmentation.clustering.nulls import FeatureSpace, feature_space, within_to_null
from segmentation.clustering.peaks import Valley, density_points, highest_valley
from segmentation.clustering.scaling import POINT, Preparation, clustered
from segmentation.clustering.seeding import Points
from segmentation.clustering.stability import Labels, Stability, mean_jaccards, nearest, silhouettes
from segmentation.config.settings import ClusteringSettings
from segmentation.sampling import uniform

# Streams of random numbers: a k has its own for each purpose, whatever other k are tried.
RESAMPLES, NULLS, DENSITY = 1, 2, 3


@dataclass(frozen=True)
class Evidence:
    """Sampled customers as points of the clustering, and their features for the question whether they form groups.

    `labels` are the segments of the customers for each k that was judged. What is computed for a k is kept.
    """

    points: Points
    space: FeatureSpace
    seed: int
    labels: dict[int, Labels] = field(default_factory=dict)
    ratios: dict[int, float] = field(default_factory=dict)
    valleys: dict[int, Valley] = field(default_factory=dict)

    @cached_property
    def density_points(self) -> Points:
        """The points whose density is looked at, the same for every k."""
        return density_points(self.space, np.random.default_rng([self.seed, DENSITY]))

    def within_to_null(self, k: int) -> float:
        """Return the within share of k segments ÷ the smallest of customers without groups."""
        if k not in self.ratios:
            self.ratios[k] = within_to_null(self.space, k, np.random.default_rng([self.seed, k, NULLS]))
        return self.ratios[k]

    def highest_valley(self, k: int) -> Valley:
        """Return the density between the two segments that are least apart ÷ that at the lower of their peaks."""
        if k not in self.valleys:
            self.valleys[k] = highest_valley(self.density_points, self.labels[k], k)
        return self.valleys[k]


def collect_evidence(preparation: Preparation, settings: ClusteringSettings) -> Evidence:
    """Sample customers by a hash of their id, the same on any number of partitions."""
    names = [dimension.feature for dimension in settings.features]
    drawn = (
        preparation.points.select(
            uniform(F.lit(settings.seed), F.col(s.CUSTOMER_ID)).alias("draw"),
            s.CUSTOMER_ID,
            POINT,
            F.array(*map(clustered, names)).alias("values"),
        )
        .orderBy("draw", s.CUSTOMER_ID)
        .limit(settings.stability_sample)
        .collect()  # at most `stability_sample` rows
    )
    space = feature_space(
        np.array([row["values"] for row in drawn], dtype=float),
        tuple(dimension.transform == "log1p" for dimension in settings.features),
        tuple(s.FEATURES[name].type in (s.LONG, s.INTEGER) for name in names),
    )
    return Evidence(np.array([row[POINT] for row in drawn], dtype=float), space, settings.seed)


def with_stability(fits: Sequence[Fit], evidence: Evidence, settings: ClusteringSettings) -> list[Fit]:
    """Return the fits with the stability and the silhouette of their segments."""
    labellings = [nearest(evidence.points, np.array(fit.centres)) for fit in fits]
    evidence.labels.update({fit.k: labels for fit, labels in zip(fits, labellings, strict=True)})
    result = []
    for fit, labels, silhouette in zip(fits, labellings, silhouettes(evidence.points, labellings), strict=True):
        random = np.random.default_rng([settings.seed, fit.k, RESAMPLES])
        jaccards, surely = (
            mean_jaccards(evidence.points, labels, fit.k, settings.resamples, random) if fit.k > 1 else ((None,), None)
        )
        shares = np.bincount(labels, minlength=fit.k) / len(labels)
        result.append(replace(fit, stability=Stability(jaccards, tuple(map(float, shares)), silhouette, surely)))
    return result
