"""Assign customers to the segments of a fit, and describe the segments.

A fit's centres become values in original units, a Spark ML pipeline that assigns customers, and the rows of the tables
`customer_segments`, `segment_profiles` and `k_sweep`.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from pyspark.ml import PipelineModel
from pyspark.ml.feature import SQLTransformer
from pyspark.ml.functions import vector_to_array
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.buckets import sums
from segmentation.clustering.choose_k import Choice
from segmentation.clustering.kmeans import Fit, model_of
from segmentation.clustering.metrics import Centres, nearest_centre, squared_distance
from segmentation.clustering.scaling import POINT, SCALED, Preparation, clustered
from segmentation.config.settings import ClusteredFeature

CLUSTER = "cluster"
RETURNED_PROFILE: Mapping[str, Any] = {
    s.SEGMENT_ID: s.RETURNED_EVERYTHING_ID,
    s.SEGMENT_NAME: s.RETURNED_EVERYTHING,
    s.SUGGESTED_NAME: s.RETURNED_EVERYTHING,
    s.RULE: "everything that these customers bought came back; they take no part in the clustering",
    s.CENTRE: {},
    s.JACCARD: None,
    s.SPEND_RANK: 0,
}


def ordered_by_spend(
    preparation: Preparation, fit: Fit, features: Sequence[ClusteredFeature]
) -> tuple[Fit, list[dict[str, float]]]:
    """Return the fit with its centres in the order of their spend, and those centres in original units."""
    centres = centres_in_original_units(preparation, fit, features)
    spend, orders = preparation.figures.spend, preparation.figures.orders
    order = sorted(range(fit.k), key=lambda c: (centres[c][spend], centres[c][orders], fit.centres[c]))
    stability = fit.stability.reordered(order) if fit.stability else None
    ordered = replace(fit, centres=tuple(fit.centres[c] for c in order), stability=stability)
    return ordered, [centres[c] for c in order]


def centres_in_original_units(
    preparation: Preparation, fit: Fit, features: Sequence[ClusteredFeature]
) -> list[dict[str, float]]:
    """Return for each centre, in the fit's order, its clustered features with the transform undone.

    Each also has spend and orders, by the run's figures: where they are not clustered, the mean of its customers.
    """
    points, figures = preparation.points, preparation.figures
    values = {name: F.col(name).cast("double") for name in (figures.spend, figures.orders)}
    values |= {dimension.feature: F.col(clustered(dimension.feature)) for dimension in features}
    found = sums(points, [F.lit(1), *values.values()], nearest_centre(F.col(POINT), fit.centres).alias(CLUSTER))
    means = [
        dict(zip(values, (total / size for total in totals), strict=True))
        for _, (size, *totals) in sorted(found.items())
    ]
    logarithms = {dimension.feature for dimension in features if dimension.transform == "log1p"}
    return [
        {name: _expm1(value) if name in logarithms else value for name, value in of_centre.items()}
        for of_centre in means
    ]


def _expm1(logarithm: float) -> float:
    """Undo log1p, mirrored below 0."""
    return math.copysign(math.expm1(abs(logarithm)), logarithm)


def clustered_only(
    centres: Sequence[Mapping[str, float]], features: Sequence[ClusteredFeature]
) -> list[dict[str, float]]:
    """Return the centres with their clustered features only."""
    return [{dimension.feature: centre[dimension.feature] for dimension in features} for centre in centres]


def cluster_model(preparation: Preparation, centres: Centres) -> PipelineModel:
    """Return the pipeline from customer features to the number of the nearest of `centres`, `cluster`, from 0."""
    return PipelineModel([*preparation.stages, model_of(centres, SCALED, CLUSTER)])


def with_position(clustered: DataFrame) -> DataFrame:
    """Set segment_id int, of customers who take part in the clustering, to their centre's position: 1 for the first."""
    return clustered.withColumn(s.SEGMENT_ID, F.col(CLUSTER) + 1)


def naming_stage(ids: Sequence[int], names: Sequence[str], figures: s.Figures) -> SQLTransformer:
    """Return the stage from `cluster`, a position in `ids` and `names`, to segment_id and segment_name.

    With net figures, customers of whom nothing stayed get segment_id 0, "Returned Everything".
    """

    def case(values: Iterable[str]) -> str:
        return f"CASE {CLUSTER} {' '.join(f'WHEN {place} THEN {value}' for place, value in enumerate(values))} END"

    segment_id, segment_name = case(map(str, ids)), case(map(_sql_text, names))
    if figures == s.NET:
        segment_id = f"CASE WHEN {s.NET_ORDERS} = 0 THEN {s.RETURNED_EVERYTHING_ID} ELSE {segment_id} END"
        segment_name = f"CASE WHEN {s.NET_ORDERS} = 0 THEN '{s.RETURNED_EVERYTHING}' ELSE {segment_name} END"
    return SQLTransformer(
        statement=f"SELECT *, {segment_id} AS {s.SEGMENT_ID}, {segment_name} AS {s.SEGMENT_NAME} FROM __THIS__"
    )


def _sql_text(text: str) -> str:
    """Return a SQL literal with special characters escaped: quotes, `${variable}`, a placeholder of SQLTransformer."""
    return "'" + "".join(c if c.isalnum() or c == " " or ord(c) > 127 else f"\\u{ord(c):04x}" for c in text) + "'"


def with_distances(assigned: DataFrame, centres: Centres, ids: Sequence[int]) -> DataFrame:
    """Add the distances to the own and to the nearest other centre, for rows with `scaled`, `cluster` and segment_id.

    `ids` are the segment_id of each centre.

    Columns: distance_to_centre double, nearest_other_segment_id int and margin double (how much farther the nearest
    other centre is). The last two are NULL if there is one segment, all three for segment_id 0.
    """
    point = vector_to_array(F.col(SCALED))
    distances = [F.sqrt(squared_distance(point, centre)) for centre in centres]
    own = F.when(F.col(s.SEGMENT_ID) != s.RETURNED_EVERYTHING_ID, F.get(F.array(*distances), F.col(CLUSTER)))
    others = [
        F.when(
            ~F.col(s.SEGMENT_ID).isin(segment_id, s.RETURNED_EVERYTHING_ID),
            F.struct(distance.alias("distance"), F.lit(segment_id).alias("segment")),
        )
        for segment_id, distance in zip(ids, distances, strict=True)
    ]
    return (
        assigned.withColumns({s.DISTANCE_TO_CENTRE: own, "nearest_other": F.array_min(F.array(*others))})
        .withColumn(s.NEAREST_OTHER_SEGMENT_ID, F.col("nearest_other.segment"))
        .withColumn(s.MARGIN, F.col("nearest_other.distance") - F.col(s.DISTANCE_TO_CENTRE))
    )


def sweep_row(fit: Fit, choice: Choice, run_id: str) -> dict[str, Any]:
    """Return a row of `K_SWEEP` of the run that fitted it."""
    stability = fit.stability
    return {
        s.K: fit.k,
        s.WSSSE: fit.wssse,
        s.SILHOUETTE: stability.silhouette if stability else None,
        s.DAVIES_BOULDIN: fit.indices.davies_bouldin,
        s.CALINSKI_HARABASZ: fit.indices.calinski_harabasz,
        s.LEAST_JACCARD: stability.least_jaccard if stability else None,
        s.MEAN_JACCARD: stability.mean_jaccard if stability else None,
        s.LEAST_SHARE: stability.least_share if stability else 1.0,
        s.ITERATIONS: fit.iterations,
        s.SECONDS: round(fit.seconds, 3),
        s.CHOSEN: fit.k == choice.k,
        s.FITTED_IN: run_id,
    }


def segment_profiles(
    statistics: Sequence[Mapping[str, Any]], segments: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return the rows of `SEGMENT_PROFILES` from collected statistics and what is known of the model's segments.

    `segments` have segment_id, segment_name, suggested_name, rule, centre, jaccard, and ascend with spend; one without
    customers has no row. Customers who returned everything are outside the clustering.
    """
    described: dict[int, Mapping[str, Any]] = {
        segment[s.SEGMENT_ID]: {**segment, s.SPEND_RANK: rank} for rank, segment in enumerate(segments, 1)
    }
    described[s.RETURNED_EVERYTHING_ID] = RETURNED_PROFILE
    customers = sum(row[s.CUSTOMERS] for row in statistics)
    revenue = sum((row[s.REVENUE] for row in statistics), Decimal(0))
    return [
        {
            **{name: value for name, value in row.items() if name in s.SEGMENT_PROFILES.names},
            **described[row[s.SEGMENT_ID]],
            s.CUSTOMER_SHARE: row[s.CUSTOMERS] / customers,
            s.REVENUE_SHARE: float(row[s.REVENUE]) / float(revenue) if revenue else 0.0,
        }
        for row in statistics
    ]
