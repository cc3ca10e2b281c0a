"""What the segments are like: the tables `segment_profiles`, `k_sweep` and `data_quality` as small, collected rows."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from segmentation.schemas import (
    CENTRE,
    CUSTOMER_SHARE,
    CUSTOMERS,
    MONEY,
    NUMERIC_FEATURES,
    REVENUE,
    REVENUE_SHARE,
    ROWS,
    RULE,
    SEGMENT_ID,
    SEGMENT_NAME,
    SHARE,
    TOTAL_SPEND,
)

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
        for feature in NUMERIC_FEATURES
        for column in (
            F.avg(F.col(feature).cast(EXACT)).cast("double").alias(f"mean_{feature}"),
            F.percentile(F.col(feature).cast("double"), [0.25, 0.5, 0.75]).alias(quartiles_of(feature)),
        )
    ]
    medians = {f"median_{feature}": F.col(quartiles_of(feature))[1] for feature in NUMERIC_FEATURES}
    return (
        customer_segments.groupBy(SEGMENT_ID, SEGMENT_NAME)
        .agg(F.count(F.lit(1)).alias(CUSTOMERS), F.sum(TOTAL_SPEND).cast(MONEY).alias(REVENUE), *statistics)
        .withColumns(medians)
        .orderBy(SEGMENT_ID)
    )


def quartiles_of(feature: str) -> str:
    """The name of a feature's quartiles among the statistics."""
    return f"{QUARTILES}{feature}"


def segment_profiles(
    statistics: Sequence[Row], rules: Sequence[str], centres: Sequence[Mapping[str, float]]
) -> list[dict[str, Any]]:
    """The rows of `SEGMENT_PROFILES`: collected statistics, with shares, the rule that gave each name, the centres."""
    customers = sum(row[CUSTOMERS] for row in statistics)
    revenue = sum((row[REVENUE] for row in statistics), Decimal(0))
    return [
        {
            **{name: value for name, value in row.asDict().items() if not name.startswith(QUARTILES)},
            RULE: rule,
            CUSTOMER_SHARE: row[CUSTOMERS] / customers,
            REVENUE_SHARE: float(row[REVENUE]) / float(revenue) if revenue else 0.0,
            CENTRE: dict(centre),
        }
        for row, rule, centre in zip(statistics, rules, centres, strict=True)
    ]


def data_quality(counts: Sequence[Row], rules: Sequence[str]) -> list[dict[str, Any]]:
    """The rows of `DATA_QUALITY`: one for each of `rules`, in their order, 0 where no line failed it first."""
    by_rule = {row[RULE]: row for row in counts}
    read = sum(row[ROWS] for row in counts)
    nothing = Decimal(0).scaleb(-MONEY.scale)
    return [
        {
            RULE: rule,
            ROWS: by_rule[rule][ROWS] if rule in by_rule else 0,
            SHARE: by_rule[rule][ROWS] / read if rule in by_rule else 0.0,
            REVENUE: by_rule[rule][REVENUE] if rule in by_rule else nothing,
        }
        for rule in rules
    ]
