"""Sums of money are exact."""

from decimal import Decimal

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from segmentation.money import sum_of_ten_thousandths


def test_a_sum_of_ten_thousandths_is_exact_beyond_a_bigint(spark: SparkSession) -> None:
    largest = 10**15  # of one line
    amounts = F.when(F.col("id") % 2 == 0, F.lit(largest - 1)).otherwise(F.lit(-7).cast("bigint"))
    of_all = (
        spark.range(40_000)
        .groupBy(F.lit(1))
        .agg(
            sum_of_ten_thousandths(amounts).alias("large"),
            sum_of_ten_thousandths(-amounts).alias("opposite"),
            sum_of_ten_thousandths(F.when(F.col("id") < 0, amounts)).alias("nothing"),
        )
    )
    [row] = of_all.collect()
    expected = (20_000 * (largest - 1) - 20_000 * 7) * Decimal("0.0001")
    assert (row.large, row.opposite, row.nothing) == (expected, -expected, 0)
