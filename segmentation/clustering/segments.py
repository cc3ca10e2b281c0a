"""A fit → its centres in the units of the features, the pipeline that assigns customers, and their distances."""
# TODO-DOC segment_rows: Fits in, the rows of the tables that tell of segments out: customers, centres, the
# sweep.
# TODO-DOC profiles: What the segments are like: the tables `segment_profiles`, `k_sweep` and `data_quality`
# as small, collected rows.

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from pyspark.ml import PipelineModel
from pyspark.ml.feature import SQLTransformer
from pyspark.ml.functions import vector_to_array
from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.clustering.choose_k import Choice
from segmentation.clustering.kmeans import Fit, model_of
from segmentation.clustering.metrics import Centres, nearest_centre, squared_distance
from segmentation.clustering.scaling import POINT, SCALED, Preparation, clustered
from segmentation.config.settings import ClusteredFeature

CLUSTER = "cluster"


def centres_in_original_units(
    points: DataFrame, fit: Fit, features: Sequence[ClusteredFeature]
) -> list[dict[str, float]]:
    """For each centre, in the fit's order: every clustered feature at the centre with its transform undone, and
    total_spend and purchase_frequency, by the mean of its customers where they are not clustered.
    """
    means: dict[str, Column] = {
        name: F.avg(F.col(name).cast("double")) for name in (s.TOTAL_SPEND, s.PURCHASE_FREQUENCY)
    }
    means |= {one.feature: F.avg(clustered(one.feature)) for one in features}
    assigned = points.withColumn(CLUSTER, nearest_centre(F.col(POINT), fit.centres))
    # One row per centre: bounded by k.
    rows = {
        row[CLUSTER]: row for row in assigned.groupBy(CLUSTER).agg(*[m.alias(n) for n, m in means.items()]).collect()
    }
    logarithms = {one.feature for one in features if one.transform == "log1p"}
    return [
        {name: _undone(rows[number][name]) if name in logarithms else rows[number][name] for name in means}
        for number in sorted(rows)
    ]


def segment_model(preparation: Preparation, centres: Centres, names: Sequence[str]) -> PipelineModel:
    """Customer features → segment_id (1 for the first of `centres`) and segment_name, as one Spark ML pipeline."""
    cases = " ".join(f"WHEN {number} THEN {_sql_text(name)}" for number, name in enumerate(names))
    naming = SQLTransformer(
        statement=f"SELECT *, {CLUSTER} + 1 AS {s.SEGMENT_ID}, "
        f"CASE {CLUSTER} {cases} END AS {s.SEGMENT_NAME} FROM __THIS__"
    )
    return PipelineModel([*preparation.stages, model_of(centres, SCALED, CLUSTER), naming])


def with_distances(assigned: DataFrame, centres: Centres) -> DataFrame:
    """Adds, for rows with `scaled` and segment_id: the distance to the own centre, the other segment whose centre is
    nearest, and how much farther that one is; NULL the last two where there is no other.
    """
    point = vector_to_array(F.col(SCALED))
    distances = [F.sqrt(squared_distance(point, centre)) for centre in centres]
    own = F.element_at(F.array(*distances), F.col(s.SEGMENT_ID))
    others = [
        F.when(F.col(s.SEGMENT_ID) != number, F.struct(distance.alias("distance"), F.lit(number).alias("segment")))
        for number, distance in enumerate(distances, start=1)
    ]
    return (
        assigned.withColumns({s.DISTANCE_TO_CENTRE: own, "nearest_other": F.array_min(F.array(*others))})
        .withColumn(s.NEAREST_OTHER_SEGMENT_ID, F.col("nearest_other.segment"))
        .withColumn(s.MARGIN, F.col("nearest_other.distance") - F.col(s.DISTANCE_TO_CENTRE))
    )


def _undone(logarithm: float) -> float:
    return math.copysign(math.expm1(abs(logarithm)), logarithm)


def _sql_text(text: str) -> str:
    """A SQL literal in which nothing is special: no quote, no `${variable}`, no placeholder of SQLTransformer."""
    return "'" + "".join(c if c.isalnum() or c == " " or ord(c) > 127 else f"\\u{ord(c):04x}" for c in text) + "'"


def ordered_by_spend(
    preparation: Preparation, fit: Fit, features: Sequence[ClusteredFeature]
) -> tuple[Fit, list[dict[str, float]]]:
    """The fit with its centres ascending by spend in original units, and those centres in these units."""
    centres = centres_in_original_units(preparation.points, fit, features)
    order = sorted(
        range(fit.k),
        key=lambda c: (centres[c][s.TOTAL_SPEND], centres[c][s.PURCHASE_FREQUENCY], fit.centres[c]),
    )
    return replace(fit, centres=tuple(fit.centres[c] for c in order)), [centres[c] for c in order]


def clustered_only(
    centres: Sequence[Mapping[str, float]], features: Sequence[ClusteredFeature]
) -> list[dict[str, float]]:
    """The centres in the features that were clustered."""
    return [{one.feature: centre[one.feature] for one in features} for centre in centres]


def customer_segments(customers: DataFrame, model: PipelineModel, fit: Fit, as_of: date) -> DataFrame:
    """The table `customer_segments`: one row per customer, each in the segment of the nearest centre."""
    assigned = with_distances(model.transform(customers), fit.centres).withColumn(s.AS_OF, F.lit(as_of))
    return assigned.select(*s.column_names(s.CUSTOMER_SEGMENTS))


def sweep_row(fit: Fit, choice: Choice) -> dict[str, Any]:
    """A row of the table `k_sweep`."""
    return {
        s.K: fit.k,
        s.WSSSE: fit.wssse,
        s.SILHOUETTE: fit.indices.silhouette,
        s.DAVIES_BOULDIN: fit.indices.davies_bouldin,
        s.CALINSKI_HARABASZ: fit.indices.calinski_harabasz,
        s.ITERATIONS: fit.iterations,
        s.SECONDS: round(fit.seconds, 3),
        s.CHOSEN: fit.k == choice.k,
    }


# Fine enough for any feature, and sums of decimals do not depend on the order of the rows as sums of doubles do.
EXACT = "decimal(28,8)"
QUARTILES = "quartiles_"


def segment_statistics(customer_segments: DataFrame) -> DataFrame:
    """One row per segment, ids ascending: segment_id, segment_name, customers bigint, revenue decimal(20,4), and of
    each numeric feature, over the customers that have it, `mean_` and `median_` double and `quartiles_` array<double>,
    the three values that split them into fourths, the median among them.
    """
    statistics = [
        column
        for feature in s.NUMERIC_FEATURES
        for column in (
            F.avg(F.col(feature).cast(EXACT)).cast("double").alias(f"mean_{feature}"),
            F.percentile(F.col(feature).cast("double"), [0.25, 0.5, 0.75]).alias(quartiles_of(feature)),
        )
    ]
    medians = {f"median_{feature}": F.col(quartiles_of(feature))[1] for feature in s.NUMERIC_FEATURES}
    return (
        customer_segments.groupBy(s.SEGMENT_ID, s.SEGMENT_NAME)
        .agg(F.count(F.lit(1)).alias(s.CUSTOMERS), F.sum(s.TOTAL_SPEND).cast(s.MONEY).alias(s.REVENUE), *statistics)
        .withColumns(medians)
        .orderBy(s.SEGMENT_ID)
    )


def quartiles_of(feature: str) -> str:
    """The name of a feature's quartiles among the statistics."""
    return f"{QUARTILES}{feature}"


def segment_profiles(
    statistics: Sequence[Row], rules: Sequence[str], centres: Sequence[Mapping[str, float]]
) -> list[dict[str, Any]]:
    """The rows of `SEGMENT_PROFILES`: collected statistics, with shares, the rule that gave each name, the centres."""
    customers = sum(row[s.CUSTOMERS] for row in statistics)
    revenue = sum((row[s.REVENUE] for row in statistics), Decimal(0))
    return [
        {
            **{name: value for name, value in row.asDict().items() if not name.startswith(QUARTILES)},
            s.RULE: rule,
            s.CUSTOMER_SHARE: row[s.CUSTOMERS] / customers,
            s.REVENUE_SHARE: float(row[s.REVENUE]) / float(revenue) if revenue else 0.0,
            s.CENTRE: dict(centre),
        }
        for row, rule, centre in zip(statistics, rules, centres, strict=True)
    ]
