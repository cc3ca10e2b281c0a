"""Make retail transactions with planted customer segments, in the shape of the Online Retail data set.

Run by scripts/make_transactions, or by spark-submit with any master.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final

from pyspark.errors import AnalysisException
from pyspark.sql import SparkSession

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from scripts.transactions.draws import Recipe
from scripts.transactions.generator import Drawn, draw_customers, recipe_for, segments_truth, transactions
from scripts.transactions.output import refuse_used_output, write_transactions
from scripts.transactions.plan import (
    LEAST_CUSTOMERS_PER_SEGMENT,
    LEAST_ROWS_PER_CUSTOMER,
    MOST_ROWS_PER_CUSTOMER,
    SEGMENT_PLANS,
    PlanError,
)

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


def main(arguments: list[str]) -> int:
    parser = _argument_parser()
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
        # Recording the line of code of some hundred expressions would double the time it takes to build them.
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
        parser.error(f"--output {output}: is not empty; choose another directory or add --overwrite")
    finally:
        spark.stop()
    print(_summary(output, recipe, drawn))
    return 0


def _argument_parser() -> argparse.ArgumentParser:
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


def _summary(output: str, recipe: Recipe, drawn: Drawn) -> str:
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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
