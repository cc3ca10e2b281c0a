"""Fits in, the rows of the tables that tell of segments out: customers, centres, the sweep."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segmentation.choosing_k import Choice
from segmentation.clustering import centres_in_original_units, with_distances
from segmentation.config import ClusteredFeature
from segmentation.fitting import Fit
from segmentation.preparation import Preparation
from segmentation.schemas import (
    AS_OF,
    CALINSKI_HARABASZ,
    CHOSEN,
    CUSTOMER_SEGMENTS,
    DAVIES_BOULDIN,
    ITERATIONS,
    PURCHASE_FREQUENCY,
    SECONDS,
    SILHOUETTE,
    TOTAL_SPEND,
    WSSSE,
    K,
    column_names,
)


def ordered_by_spend(
    preparation: Preparation, fit: Fit, features: Sequence[ClusteredFeature]
) -> tuple[Fit, list[dict[str, float]]]:
    """The fit with its centres ascending by spend in original units, and those centres in these units."""
    centres = centres_in_original_units(preparation.points, fit, features)
    order = sorted(
        range(fit.k),
        key=lambda c: (centres[c][TOTAL_SPEND], centres[c][PURCHASE_FREQUENCY], fit.centres[c]),
    )
    return replace(fit, centres=tuple(fit.centres[c] for c in order)), [centres[c] for c in order]


def clustered_only(
    centres: Sequence[Mapping[str, float]], features: Sequence[ClusteredFeature]
) -> list[dict[str, float]]:
    """The centres in the features that were clustered."""
    return [{one.feature: centre[one.feature] for one in features} for centre in centres]


def customer_segments(customers: DataFrame, model: PipelineModel, fit: Fit, as_of: date) -> DataFrame:
    """The table `customer_segments`: one row per customer, each in the segment of the nearest centre."""
    assigned = with_distances(model.transform(customers), fit.centres).withColumn(AS_OF, F.lit(as_of))
    return assigned.select(*column_names(CUSTOMER_SEGMENTS))


def sweep_row(fit: Fit, choice: Choice) -> dict[str, Any]:
    """A row of the table `k_sweep`."""
    return {
        K: fit.k,
        WSSSE: fit.wssse,
        SILHOUETTE: fit.indices.silhouette,
        DAVIES_BOULDIN: fit.indices.davies_bouldin,
        CALINSKI_HARABASZ: fit.indices.calinski_harabasz,
        ITERATIONS: fit.iterations,
        SECONDS: round(fit.seconds, 3),
        CHOSEN: fit.k == choice.k,
    }
