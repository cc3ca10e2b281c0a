"""Describe the names that rules give: the tables `rfm_profiles` and `rfm_by_segment`."""

from collections.abc import Mapping

from pyspark.sql import Column, DataFrame, Window, WindowSpec
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.session import percentiles


def rfm_profiles(customer_segments: DataFrame, rules: Mapping[str, str]) -> DataFrame:
    """Return `RFM_PROFILES`: one row per rfm_segment that occurs, by falling net revenue. `rules` are in words."""
    in_words = F.create_map(*[F.lit(text) for pair in rules.items() for text in pair])
    medians = [percentiles(F.col(feature), [0.5])[0].alias(f"median_{feature}") for feature in s.RFM_FEATURES]
    everyone = Window.partitionBy()  # over the few rows of the names
    return (
        customer_segments.groupBy(s.RFM_SEGMENT)
        .agg(
            F.count(F.lit(1)).alias(s.CUSTOMERS),
            F.sum(s.TOTAL_SPEND).cast(s.MONEY).alias(s.REVENUE),
            F.sum(s.NET_SPEND).cast(s.MONEY).alias(s.NET_REVENUE),
            *medians,
        )
        .withColumns(
            {
                s.RULE: in_words[F.col(s.RFM_SEGMENT)],
                s.CUSTOMER_SHARE: _share(s.CUSTOMERS, everyone),
                s.REVENUE_SHARE: _share(s.REVENUE, everyone),
                s.NET_REVENUE_SHARE: _share(s.NET_REVENUE, everyone),
            }
        )
        .select(*s.column_names(s.RFM_PROFILES))
        .orderBy(F.desc(s.NET_REVENUE), s.RFM_SEGMENT)
    )


def rfm_by_segment(customer_segments: DataFrame) -> DataFrame:
    """Return `RFM_BY_SEGMENT`: one row per rfm_segment and segment with customers in both."""
    everyone = Window.partitionBy()  # over the few rows of the pairs
    return (
        customer_segments.groupBy(s.RFM_SEGMENT, s.SEGMENT_ID, s.SEGMENT_NAME)
        .agg(F.count(F.lit(1)).alias(s.CUSTOMERS), F.sum(s.NET_SPEND).cast(s.MONEY).alias(s.NET_REVENUE))
        .withColumns(
            {
                s.CUSTOMER_SHARE: _share(s.CUSTOMERS, everyone),
                s.NET_REVENUE_SHARE: _share(s.NET_REVENUE, everyone),
                s.SHARE_OF_RFM_SEGMENT: _share(s.CUSTOMERS, Window.partitionBy(s.RFM_SEGMENT)),
                s.SHARE_OF_SEGMENT: _share(s.CUSTOMERS, Window.partitionBy(s.SEGMENT_ID)),
            }
        )
        .select(*s.column_names(s.RFM_BY_SEGMENT))
        .orderBy(s.RFM_SEGMENT, s.SEGMENT_ID)
    )


def _share(figure: str, window: WindowSpec) -> Column:
    """Return a row's part of the sum; 0 where that is 0."""
    value = F.col(figure).cast("double")
    return F.coalesce(F.try_divide(value, F.sum(figure).over(window).cast("double")), F.lit(0.0))
