"""Make retail transactions with planted customer segments, in the shape of the Online Retail data set.

Run by scripts/make_transactions, or by spark-submit with any master. Two small aggregates over the customers decide how
many lines there are; then each kind of line is made from its own range of ids and written as it comes.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from typing import Final

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from transactions_draws import Recipe, lookup
from transactions_extras import extra_lines
from transactions_lines import FIRST_CUSTOMER_ID, customer_lines, guest_lines, with_line_count, with_planted_values
from transactions_output import online_retail_table, refuse_used_output, write_transactions
from transactions_plan import (
    CUSTOMER_LINE_SHARE,
    LEAST_CUSTOMERS_PER_SEGMENT,
    LEAST_ROWS_PER_CUSTOMER,
    MOST_ROWS_PER_CUSTOMER,
    SEGMENT_PLANS,
    LineCounts,
    PlanError,
    check_sizes,
    line_counts,
    spend_scale,
)

# About 15 MB of Parquet or 80 MB of CSV, and a few seconds of one core. The number of files follows from the number of
# rows alone, never from the machine.
LINES_PER_FILE: Final = 1_000_000
# Even small data is made in this many parts, so that it does not keep one core busy and the others idle.
LEAST_CUSTOMER_FILES: Final = 4
CUSTOMERS_PER_TRUTH_FILE: Final = 2_000_000

DESCRIPTION: Final = """\
Make retail transaction lines with planted customer segments, in the shape of the Online Retail data set: heavy buyers,
seasonal dates, long-tail products, guests, cancellations, exact duplicates and a few dirty lines. The same arguments
make the same rows on any machine."""

EPILOG: Final = f"""\
writes
  PATH/transactions/   exactly N lines: InvoiceNo, StockCode, Description, Quantity, InvoiceDate, UnitPrice,
                       CustomerID, Country
  PATH/segments/       who belongs to which planted segment (Parquet): customer_id, segment, segment_label

limits
  {min(SEGMENT_PLANS)} to {max(SEGMENT_PLANS)} segments, and at least {LEAST_CUSTOMERS_PER_SEGMENT} customers for each
  {LEAST_ROWS_PER_CUSTOMER} to {MOST_ROWS_PER_CUSTOMER:,} rows a customer

example
  scripts/make_transactions --rows 300000 --customers 3000 --segments 4 --seed 1 --format csv --output /tmp/demo
"""


@dataclass(frozen=True)
class Drawn:
    """What the customers came out as: how their lines are scaled, how many they have, and the segments' sizes."""

    lines_per_weight: float
    counts: LineCounts
    customers_by_segment: dict[int, int]


def recipe_for(rows: int, customers: int, segments: int, seed: int) -> Recipe:
    """Raises PlanError if these sizes cannot be planted."""
    check_sizes(rows, customers, segments)
    return Recipe(seed, customers, SEGMENT_PLANS[segments], spend_scale(rows, customers))


def planted_customers(spark: SparkSession, recipe: Recipe, partitions: int) -> DataFrame:
    """One row a customer: customer long (0, 1, …) and the columns of `with_planted_values`."""
    # Not more partitions than customers: an empty one still costs a task.
    ids = spark.range(0, recipe.customers, numPartitions=min(partitions, recipe.customers))
    return ids.withColumnRenamed("id", "customer").transform(with_planted_values, recipe)


def draw_customers(spark: SparkSession, recipe: Recipe, rows: int) -> Drawn:
    """Two aggregates over the customers: scale their lines to their share of `rows`, then count them."""
    customers = planted_customers(spark, recipe, files_for(rows))
    # Whole numbers, so that the sums are the same in any order.
    sums = customers.agg(F.sum("order_count").alias("orders"), F.sum("line_weight").alias("weight")).first()
    assert sums is not None, "an aggregate without groups has one row"
    beyond_one_an_order = max(0.0, rows * CUSTOMER_LINE_SHARE - sums["orders"])
    lines_per_weight = beyond_one_an_order / sums["weight"]

    by_segment = (
        customers.transform(with_line_count, recipe, lines_per_weight)
        .groupBy("segment")
        .agg(F.count("*").alias("customers"), F.sum("line_count").alias("lines"))
        .collect()
    )
    counts = line_counts(rows, sum(row["lines"] for row in by_segment))
    return Drawn(lines_per_weight, counts, {row["segment"]: row["customers"] for row in by_segment})


def transactions(spark: SparkSession, recipe: Recipe, drawn: Drawn) -> DataFrame:
    """All lines, exactly `drawn.counts.total`, with the columns of `online_retail_table`."""
    counts = drawn.counts
    sales = (
        planted_customers(spark, recipe, files_for(counts.customer_sales))
        .transform(with_line_count, recipe, drawn.lines_per_weight)
        .withColumn("line", F.explode(F.sequence(F.lit(0).cast("long"), F.col("line_count") - 1)))
        .transform(customer_lines, recipe)
    )
    guests = spark.range(0, counts.guest_sales, numPartitions=-(-counts.guest_sales // LINES_PER_FILE) or 1)
    extras = spark.range(0, counts.extras, numPartitions=-(-counts.extras // LINES_PER_FILE) or 1)
    return (
        sales.unionByName(guests.withColumnRenamed("id", "line").transform(guest_lines, recipe))
        .unionByName(
            extras.withColumnRenamed("id", "extra").transform(extra_lines, recipe, drawn.lines_per_weight, counts)
        )
        .transform(online_retail_table)
    )


def segments_truth(spark: SparkSession, recipe: Recipe) -> DataFrame:
    """One row a customer: customer_id string, segment int (0, 1, …), segment_label string."""
    labels = [segment.label for segment in recipe.segments]
    return planted_customers(spark, recipe, -(-recipe.customers // CUSTOMERS_PER_TRUTH_FILE)).select(
        (FIRST_CUSTOMER_ID + F.col("customer")).cast("string").alias("customer_id"),
        "segment",
        lookup(labels, F.col("segment"), "string").alias("segment_label"),
    )


def files_for(lines: int) -> int:
    return max(LEAST_CUSTOMER_FILES, -(-lines // LINES_PER_FILE))


def summary(output: str, recipe: Recipe, drawn: Drawn) -> str:
    counts = drawn.counts
    lines = (
        ("customers' sales", counts.customer_sales),
        ("guests' sales", counts.guest_sales),
        ("cancellations", counts.cancellations),
        ("duplicates", counts.duplicates),
        ("dirty", counts.dirty),
    )
    segments = ((f"{n} {s.label}", drawn.customers_by_segment.get(n, 0)) for n, s in enumerate(recipe.segments))
    return "\n".join(
        [
            f"{output}/transactions   {counts.total:,} lines",
            *(f"    {kind:<20}{count:>15,}" for kind, count in lines),
            f"{output}/segments   {recipe.customers:,} customers in {len(recipe.segments)} planted segments",
            *(f"    {segment:<20}{count:>15,}" for segment, count in segments),
        ]
    )


def argument_parser() -> argparse.ArgumentParser:
    def positive(text: str) -> int:
        if (number := int(text.replace("_", ""))) < 1:
            raise ValueError
        return number

    def seed(text: str) -> int:
        if not 0 <= (number := int(text)) < 2**63:
            raise ValueError
        return number

    # argparse names the function in its message: invalid positive value: '-3'.
    positive.__name__, seed.__name__ = "positive whole number", "seed (0 to 2^63 - 1)"
    parser = argparse.ArgumentParser(
        prog="scripts/make_transactions",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    least, most = min(SEGMENT_PLANS), max(SEGMENT_PLANS)
    parser.add_argument("--rows", type=positive, required=True, metavar="N", help="transaction lines in all")
    parser.add_argument("--customers", type=positive, required=True, metavar="M", help="customers with an id")
    parser.add_argument(
        "--segments", type=positive, required=True, metavar="S", help=f"planted segments, {least} to {most}"
    )
    parser.add_argument("--seed", type=seed, required=True, metavar="X", help="same seed, same rows")
    parser.add_argument("--format", choices=("parquet", "csv"), required=True, help="of the transactions")
    parser.add_argument("--output", required=True, metavar="PATH", help="an empty or new directory, local or remote")
    parser.add_argument(
        "--overwrite", action="store_true", help="replace PATH/transactions and PATH/segments; leave other files"
    )
    return parser


def main(arguments: list[str]) -> int:
    parser = argument_parser()
    options = parser.parse_args(arguments)
    output = options.output.rstrip("/") or "/"
    try:
        recipe = recipe_for(options.rows, options.customers, options.segments, options.seed)
        if not options.overwrite:
            refuse_used_output(output)
    except PlanError as error:
        parser.error(str(error))

    spark = (
        SparkSession.builder.appName("make_transactions")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.ansi.enabled", "true")
        # Some hundred expressions are built: to note for each where in the code it was would double the time it takes.
        .config("spark.python.sql.dataFrameDebugging.enabled", "false")
        .getOrCreate()
    )
    mode = "overwrite" if options.overwrite else "errorifexists"
    try:
        drawn = draw_customers(spark, recipe, options.rows)
        write_transactions(transactions(spark, recipe, drawn), options.format, f"{output}/transactions", mode)
        segments_truth(spark, recipe).write.mode(mode).parquet(f"{output}/segments")
    except PlanError as error:
        parser.error(str(error))
    except AnalysisException as error:
        if error.getCondition() != "PATH_ALREADY_EXISTS":
            raise
        parser.error(f"--output {output}: is not empty; choose another place or add --overwrite")
    finally:
        spark.stop()
    print(summary(output, recipe, drawn))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
