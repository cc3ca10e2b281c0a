"""Statistics of customers, in one pass: by segment, by the names that rules give, by both, and of all customers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.session import percentiles

# Exact enough for any feature. Unlike sums of doubles, sums of decimals do not depend on the order of the rows.
EXACT: Final = "decimal(28,8)"
GROUP: Final = "group"
GROUPED_BY: Final = "grouped_by"
OF_SEGMENT, OF_NAME, OF_PAIR, OF_ALL = "segment", "rfm_segment", "pair", "all"
KEYS: Final[Mapping[str, Sequence[str]]] = {
    OF_SEGMENT: (s.SEGMENT_ID, s.SEGMENT_NAME),
    OF_NAME: (s.RFM_SEGMENT,),
    OF_PAIR: (s.RFM_SEGMENT, s.SEGMENT_ID, s.SEGMENT_NAME),
    OF_ALL: (),
}
FIRST_DAY: Final = "first_day"
LAST_DAY: Final = "last_day"
LEAST_RECENCY: Final = "least_recency_days"
MOST_RECENCY: Final = "most_recency_days"


@dataclass(frozen=True)
class CustomerStatistics:
    """Collected rows of `customer_statistics`, with `median_` of each feature that has quartiles.

    `segments` are by segment_id, `names` those of each rfm_segment, `pairs` of each rfm_segment and segment; `overall`
    is the row of all customers.
    """

    segments: Sequence[Mapping[str, Any]]
    names: Sequence[Mapping[str, Any]]
    pairs: Sequence[Mapping[str, Any]]
    overall: Mapping[str, Any]

    @classmethod
    def of(cls, rows: Iterable[Row]) -> "CustomerStatistics":
        groups: dict[str, list[dict[str, Any]]] = {grouped_by: [] for grouped_by in KEYS}
        for row in rows:
            group: Row = row[GROUP]
            quartiles = {name: row[quartiles_of(name)] for name in s.NUMERIC_FEATURES}
            medians = {f"median_{name}": values and values[1] for name, values in quartiles.items()}
            keys = {name: group[name] for name in KEYS[group[GROUPED_BY]]}
            groups[group[GROUPED_BY]].append({**keys, **row.asDict(), **medians})
        groups[OF_SEGMENT].sort(key=lambda row: int(row[s.SEGMENT_ID]))
        [overall] = groups[OF_ALL]
        return cls(groups[OF_SEGMENT], groups[OF_NAME], groups[OF_PAIR], overall)


def customer_statistics(customer_segments: DataFrame, recency: str) -> DataFrame:
    """Aggregate customers: one row per segment, per rfm_segment, per pair of both, and one of all customers.

    Columns: group, a struct of grouped_by and the keys, NULL where the row is not grouped by them; customers bigint;
    revenue, net_revenue decimal(20,4); as_of, first_day and last_day of a purchase, date; least_recency_days and
    most_recency_days int, of the feature `recency`. Of each numeric feature, over the customers that have it: mean_
    double for segments and all customers, quartiles_ array<double> (three values) for these and, of RFM_FEATURES, for
    each rfm_segment; else NULL.
    """
    described, named = _is_in(OF_SEGMENT, OF_ALL), _is_in(OF_SEGMENT, OF_ALL, OF_NAME)
    statistics = [
        column
        for feature in s.NUMERIC_FEATURES
        for column in (
            F.avg(F.when(described, F.col(feature).cast(EXACT))).cast("double").alias(f"mean_{feature}"),
            percentiles(
                F.when(named if feature in s.RFM_FEATURES else described, F.col(feature)), [0.25, 0.5, 0.75]
            ).alias(quartiles_of(feature)),
        )
    ]
    # A row for each of its groups: Spark plans and compiles one aggregation, not four.
    in_groups = customer_segments.withColumn(GROUP, F.explode(F.array(*map(_group, KEYS))))
    return in_groups.groupBy(GROUP).agg(
        F.count(F.lit(1)).alias(s.CUSTOMERS),
        F.sum(s.TOTAL_SPEND).cast(s.MONEY).alias(s.REVENUE),
        F.sum(s.NET_SPEND).cast(s.MONEY).alias(s.NET_REVENUE),
        F.max(s.AS_OF).alias(s.AS_OF),
        F.min(s.FIRST_PURCHASE_AT).cast("date").alias(FIRST_DAY),
        F.max(s.LAST_PURCHASE_AT).cast("date").alias(LAST_DAY),
        F.min(recency).alias(LEAST_RECENCY),
        F.max(recency).alias(MOST_RECENCY),
        *statistics,
    )


def quartiles_of(feature: str) -> str:
    """Return the column of a feature's quartiles."""
    return f"quartiles_{feature}"


def _group(grouped_by: str) -> Column:
    keys = [
        (F.col(name) if name in KEYS[grouped_by] else F.lit(None)).cast(s.COLUMN_TYPES[name]).alias(name)
        for name in KEYS[OF_PAIR]
    ]
    return F.struct(F.lit(grouped_by).alias(GROUPED_BY), *keys)


def _is_in(*kinds: str) -> Column:
    return F.col(f"{GROUP}.{GROUPED_BY}").isin(*kinds)
