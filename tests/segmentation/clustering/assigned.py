"""Customers with scores in their segments, and the words of their cuts, for the tests of names."""

from collections.abc import Sequence

from pyspark.sql import DataFrame, SparkSession

from segmentation import schemas as s
from segmentation.scoring.cuts import Cut, Cuts
from segmentation.scoring.words import Words

CUTS = Cuts(
    Cut((15.0, 30.0, 60.0, 120.0), "gaps"),
    Cut((1.0, 2.0, 4.0, 9.0), "quarters"),
    Cut((50, 100, 300, 1_000), "fifths"),
    30,
)
WORDS = Words(CUTS, s.GROSS, "£")
RULES = {"Champions": "Last order up to 30 days ago, 10 orders or more", "Lost": "Last order 121 days ago or longer"}
SPEND = (s.TOTAL_SPEND, s.PURCHASE_FREQUENCY)
SCHEMA = (
    "segment_id int, recency_score int, frequency_score int, monetary_score int, rfm_segment string, "
    "total_spend double, purchase_frequency long, recency_days int"
)
Segment = Sequence[tuple[int, int, int, str, float]]  # recency, frequency and money scores, rfm_segment, spend


def customers(spark: SparkSession, *segments: Segment) -> DataFrame:
    rows = [
        (number, *scores, name, spend, 3, 10)
        for number, segment in enumerate(segments, start=1)
        for *scores, name, spend in segment
    ]
    return spark.createDataFrame(rows, SCHEMA)
