"""All lines and the planted segments, as frames.

Two small aggregates over the customers decide how many lines there are. Then each kind of line is made from its own
range of ids and written as it comes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from scripts.transactions.customers import with_planted_values
from scripts.transactions.draws import Recipe, lookup
from scripts.transactions.extras import extra_lines
from scripts.transactions.lines import (
    FIRST_CUSTOMER_ID,
    customer_lines,
    guest_lines,
    with_line_count,
)
from scripts.transactions.output import online_retail_table
from scripts.transactions.plan import (
    AS_PLANNED,
    CUSTOMER_LINE_SHARE,
    LineCounts,
    Variations,
    check_sizes,
    line_counts,
    planted_segments,
    spend_scale,
)
from scripts.transactions.returns import net_figures, story_line_count, story_lines, story_purchases, with_story

# About 15 MB of Parquet or 80 MB of CSV, and a few seconds of one core. The number of files follows from the number of
# rows alone, never from the machine.
LINES_PER_FILE: Final = 1_000_000
# Even small data is made in this many parts, so that it uses more than one core.
LEAST_CUSTOMER_FILES: Final = 4
CUSTOMERS_PER_TRUTH_FILE: Final = 2_000_000


@dataclass(frozen=True)
class Drawn:
    """The result of drawing the customers: the scale of their lines, and the number of all lines."""

    lines_per_weight: float
    counts: LineCounts


def recipe_for(rows: int, customers: int, segments: int, seed: int, variations: Variations = AS_PLANNED) -> Recipe:
    """Return the recipe for these sizes. Raises PlanError if they cannot be planted."""
    check_sizes(rows, customers, segments)
    planted = planted_segments(segments, customers, variations)
    return Recipe(seed, customers, planted, spend_scale(rows, customers), variations)


def planted_customers(spark: SparkSession, recipe: Recipe, partitions: int) -> DataFrame:
    """Return one row per customer: customer long (0, 1, …) and the columns of `with_planted_values`."""
    # At most one partition per customer: an empty partition still costs a task.
    ids = spark.range(0, recipe.customers, numPartitions=min(partitions, recipe.customers))
    return ids.withColumnRenamed("id", "customer").transform(with_planted_values, recipe)


def draw_customers(spark: SparkSession, recipe: Recipe, rows: int) -> Drawn:
    """Run two or three aggregates over the customers: scale their lines to their share of `rows`, then count them."""
    customers = planted_customers(spark, recipe, _customer_files(rows))
    # Integers, so that the sums are the same in any order.
    sums = customers.agg(F.sum("order_count").alias("orders"), F.sum("line_weight").alias("weight")).first()
    assert sums is not None, "an aggregate without groups has one row"
    beyond_one_an_order = max(0.0, rows * CUSTOMER_LINE_SHARE - sums["orders"])
    lines_per_weight = beyond_one_an_order / sums["weight"]

    counted = customers.transform(with_line_count, recipe, lines_per_weight)
    lines = counted.agg(F.sum("line_count")).first()
    assert lines is not None, "an aggregate without groups has one row"
    if not recipe.variations.returns:
        return Drawn(lines_per_weight, line_counts(rows, lines[0]))
    returned = counted.transform(with_story, recipe).agg(F.coalesce(F.sum(story_line_count()), F.lit(0))).first()
    assert returned is not None, "an aggregate without groups has one row"
    return Drawn(lines_per_weight, line_counts(rows, lines[0], returned[0]))


def transactions(spark: SparkSession, recipe: Recipe, drawn: Drawn) -> DataFrame:
    """Return one row per line, exactly `drawn.counts.total`, with the columns of `online_retail_table`."""
    counts = drawn.counts
    customers = planted_customers(spark, recipe, _customer_files(counts.customer_sales)).transform(
        with_line_count, recipe, drawn.lines_per_weight
    )
    sales = customers.transform(_with_each_line).transform(customer_lines, recipe)
    if recipe.variations.returns:
        sales = sales.unionByName(customers.transform(with_story, recipe).transform(story_lines, recipe))
    guests = spark.range(0, counts.guest_sales, numPartitions=_parts(counts.guest_sales, LINES_PER_FILE))
    extras = spark.range(0, counts.extras, numPartitions=_parts(counts.extras, LINES_PER_FILE))
    return (
        sales.unionByName(guests.withColumnRenamed("id", "line").transform(guest_lines, recipe))
        .unionByName(
            extras.withColumnRenamed("id", "extra").transform(extra_lines, recipe, drawn.lines_per_weight, counts)
        )
        .transform(online_retail_table)
    )


def segments_truth(spark: SparkSession, recipe: Recipe) -> DataFrame:
    """Return one row per customer. Columns: customer_id string, segment int (0, 1, …), segment_label string."""
    labels = [segment.label for segment in recipe.segments]
    return planted_customers(spark, recipe, _parts(recipe.customers, CUSTOMERS_PER_TRUTH_FILE)).select(
        (FIRST_CUSTOMER_ID + F.col("customer")).cast("string").alias("customer_id"),
        "segment",
        lookup(labels, F.col("segment"), "string").alias("segment_label"),
    )


def returns_truth(spark: SparkSession, recipe: Recipe, drawn: Drawn) -> DataFrame:
    """Return one row per customer with a planted return, with the columns of `net_figures`. Equal lines count once."""
    customers = (
        planted_customers(spark, recipe, _customer_files(drawn.counts.customer_sales))
        .transform(with_line_count, recipe, drawn.lines_per_weight)
        .transform(with_story, recipe)
    )
    sales = (
        customers.transform(_with_each_line)
        .transform(customer_lines, recipe)
        .unionByName(customers.transform(story_purchases, recipe))
        .withColumn("Description", F.trim("Description"))
        .distinct()
    )
    pence = F.col("Quantity") * F.round(F.col("UnitPrice") * 100).cast("long")
    gross = sales.groupBy((F.col("CustomerID") - FIRST_CUSTOMER_ID).alias("customer")).agg(
        F.sum(pence).alias("pence"), F.countDistinct("InvoiceNo").alias("orders")
    )
    return net_figures(gross, recipe)


def _with_each_line(customers: DataFrame) -> DataFrame:
    """Return one row per sale line of a customer: the customer's columns, and `line` long."""
    return customers.withColumn("line", F.explode(F.sequence(F.lit(0).cast("long"), F.col("line_count") - 1)))


def _customer_files(lines: int) -> int:
    return max(LEAST_CUSTOMER_FILES, _parts(lines, LINES_PER_FILE))


def _parts(count: int, size: int) -> int:
    """Return the number of parts of at most `size`, at least one."""
    return max(1, -(-count // size))
