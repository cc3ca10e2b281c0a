"""The keys of the clustering: what is clustered, for which k, and how k is chosen."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from segmentation import schemas as s
from segmentation.config.base import Feature, Fraction, Settings, first_repeated

Scaler = Literal["standard", "robust", "min_max"]


class ClusteredFeature(Settings):
    """One dimension of the clustering: a feature, transformed, winsorised and scaled in that order."""

    feature: Feature
    transform: Literal["none", "log1p"] = "none"
    winsorise: tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(gt=0, le=1)]] | None = None
    scale: Scaler = "standard"

    @model_validator(mode="after")
    def _limits_ascend(self) -> "ClusteredFeature":
        if self.winsorise and self.winsorise[0] >= self.winsorise[1]:
            raise ValueError(f"winsorise: the lower quantile must be below the upper, got {list(self.winsorise)!r}")
        return self


# Spend and orders have long tails: on their logarithms a step is a multiple, not an amount.
DEFAULT_FEATURES = (
    ClusteredFeature(feature=s.NET_SPEND, transform="log1p"),
    ClusteredFeature(feature=s.NET_ORDERS, transform="log1p"),
)


class ClusteringSettings(Settings):
    """What is clustered, for which k, and how k is chosen."""

    features: tuple[ClusteredFeature, ...] = Field(
        DEFAULT_FEATURES,
        description="transform: none, log1p; winsorise: quantiles; scale: standard, robust, min_max",
        min_length=1,
    )
    k: Annotated[int, Field(ge=2, le=50)] | Literal["auto", "elbow", "silhouette"] = Field(
        "auto",
        description="auto (segments that come back when customers are drawn anew), elbow, silhouette, or a number from "
        "2 to 50",
    )
    k_min: int = Field(1, description="the smallest number of segments tried", ge=1)
    k_max: int = Field(10, description="the largest number of segments tried", ge=2, le=50)
    seed: int = Field(1, description="of every random choice", ge=0, lt=2**53)
    restarts: Literal["auto"] | Annotated[int, Field(ge=1, le=100)] = Field(
        "auto", description="fits for each k; auto is 1, from searched centres"
    )
    max_iterations: int = Field(100, description="a fit stops after this many iterations", ge=1, le=10_000)
    tolerance: float = Field(1e-4, description="or when no centre moves further than this", gt=0, le=1)
    seeding_sample: int = Field(
        10_000, description="above this many customers, each k is fitted on a sample of 40,000", ge=100, le=100_000
    )
    parallel_fits: int = Field(4, description="fits that run at the same time", ge=1, le=64)
    stable_jaccard: Fraction = Field(
        0.75,
        description="a segment comes back when its mean Jaccard similarity to that of resamples is surely at least "
        "this, by 1.645 standard errors "
        "(Hennig, 2007: below 0.6 not to be trusted, from 0.75 valid, from 0.85 highly stable)",
    )
    min_share: Fraction = Field(0.01, description="of the customers; a smaller segment counts as not stable")
    silhouette_share: Fraction = Field(
        0.9, description="auto prefers more segments down to this share of the best silhouette"
    )
    natural_within: float = Field(
        0.8,
        description="segments are natural if the squared distances within them are at most this share of those of "
        "customers without groups (an effect size in the manner of the gap statistic, Tibshirani et al., 2001)",
        gt=0,
        le=1,
    )
    natural_valley: float = Field(
        0.75,
        description="or if between any two segments the density of customers surely falls to this share of the lower "
        "peak (the ridgeline ratio of Hennig, 2010)",
        gt=0,
        le=1,
    )
    resamples: int = Field(
        20, description="bootstrap resamples, from each of which every k is fitted afresh", ge=2, le=1_000
    )
    stability_sample: int = Field(
        4_000, description="at most this many customers judge whether segments come back", ge=100, le=20_000
    )

    @property
    def largest_k(self) -> int:
        """The last k of the sweep, which includes a fixed k beyond `k_max`."""
        return max(self.k_max, self.k) if isinstance(self.k, int) else self.k_max

    @property
    def smallest_k(self) -> int:
        """The first k that is fitted; k = 1 needs no fit."""
        return max(2, min(self.k_min, self.k) if isinstance(self.k, int) else self.k_min)

    @model_validator(mode="after")
    def _range_ascends_and_features_differ(self) -> "ClusteringSettings":
        if self.k_min > self.k_max:
            raise ValueError(f"k_min must be at most k_max = {self.k_max}, got {self.k_min}")
        repeated = first_repeated(clustered.feature for clustered in self.features)
        if repeated is not None:
            raise ValueError(f"features: {repeated!r} is listed twice")
        return self
