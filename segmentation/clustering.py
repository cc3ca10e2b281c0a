"""A fit → its centres in the units of the features, the pipeline that assigns customers, and their distances."""

import math
from collections.abc import Sequence

from pyspark.ml import PipelineModel
from pyspark.ml.feature import SQLTransformer
from pyspark.ml.functions import vector_to_array
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from segmentation.cluster_indices import Centres, nearest_centre, squared_distance
from segmentation.config import ClusteredFeature
from segmentation.fitting import Fit
from segmentation.preparation import POINT, SCALED, Preparation, clustered
from segmentation.schemas import (
    DISTANCE_TO_CENTRE,
    MARGIN,
    NEAREST_OTHER_SEGMENT_ID,
    PURCHASE_FREQUENCY,
    SEGMENT_ID,
    SEGMENT_NAME,
    TOTAL_SPEND,
)
from segmentation.warm_start import model_of

CLUSTER = "cluster"


def centres_in_original_units(
    points: DataFrame, fit: Fit, features: Sequence[ClusteredFeature]
) -> list[dict[str, float]]:
    """For each centre, in the fit's order: every clustered feature at the centre with its transform undone, and
    total_spend and purchase_frequency, by the mean of its customers where they are not clustered.
    """
    means: dict[str, Column] = {name: F.avg(F.col(name).cast("double")) for name in (TOTAL_SPEND, PURCHASE_FREQUENCY)}
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
        statement=f"SELECT *, {CLUSTER} + 1 AS {SEGMENT_ID}, CASE {CLUSTER} {cases} END AS {SEGMENT_NAME} FROM __THIS__"
    )
    return PipelineModel([*preparation.stages, model_of(centres, SCALED, CLUSTER), naming])


def with_distances(assigned: DataFrame, centres: Centres) -> DataFrame:
    """Adds, for rows with `scaled` and segment_id: the distance to the own centre, the other segment whose centre is
    nearest, and how much farther that one is; NULL the last two where there is no other.
    """
    point = vector_to_array(F.col(SCALED))
    distances = [F.sqrt(squared_distance(point, centre)) for centre in centres]
    own = F.element_at(F.array(*distances), F.col(SEGMENT_ID))
    others = [
        F.when(F.col(SEGMENT_ID) != number, F.struct(distance.alias("distance"), F.lit(number).alias("segment")))
        for number, distance in enumerate(distances, start=1)
    ]
    return (
        assigned.withColumns({DISTANCE_TO_CENTRE: own, "nearest_other": F.array_min(F.array(*others))})
        .withColumn(NEAREST_OTHER_SEGMENT_ID, F.col("nearest_other.segment"))
        .withColumn(MARGIN, F.col("nearest_other.distance") - F.col(DISTANCE_TO_CENTRE))
    )


def _undone(logarithm: float) -> float:
    return math.copysign(math.expm1(abs(logarithm)), logarithm)


def _sql_text(text: str) -> str:
    """A SQL literal in which nothing is special: no quote, no `${variable}`, no placeholder of SQLTransformer."""
    return "'" + "".join(c if c.isalnum() or c == " " or ord(c) > 127 else f"\\u{ord(c):04x}" for c in text) + "'"
