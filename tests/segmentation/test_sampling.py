"""Samples are fixed by the keys of rows, and of about the requested share."""

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from segmentation.sampling import is_drawn, uniform


def test_a_draw_is_uniform_and_fixed_by_its_keys(spark: SparkSession):
    rows = spark.range(4_000).select(uniform(F.lit(7), F.col("id")).alias("first"), uniform(F.lit(7), F.col("id")))
    draws = rows.collect()
    assert all(0 <= first < 1 and first == second for first, second in draws)
    assert abs(sum(first for first, _ in draws) / len(draws) - 0.5) < 0.02
    assert len({first for first, _ in draws}) == len(draws)


def test_a_share_applies_to_its_group_and_other_groups_are_drawn_whole(spark: SparkSession):
    frame = spark.range(4_000).withColumn("group", F.col("id") % 2)
    drawn = frame.where(is_drawn(F.col("id"), F.col("group"), {0: 0.25})).groupBy("group").count()
    counts = dict(drawn.collect())
    assert counts[1] == 2_000
    assert 420 < counts[0] < 580
