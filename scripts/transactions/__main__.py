"""Make retail transactions with planted customer segments, in the shape of the Online Retail data set.

Run by scripts/make_transactions, or by spark-submit with any master.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final

from pyspark.sql import SparkSession

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from scripts.arguments import positive, share
from scripts.transactions.generator import draw_customers, recipe_for, returns_truth, segments_truth, transactions
from scripts.transactions.output import write_transactions
from scripts.transactions.plan import (
    LEAST_CUSTOMERS_PER_SEGMENT,
    LEAST_MEMBERS,
    LEAST_ROWS_PER_CUSTOMER,
    LEAST_SHARE,
    MOST_AT_RISK,
    MOST_ROWS_PER_CUSTOMER,
    SEGMENT_PLANS,
    PlanError,
    Variations,
)

DESCRIPTION: Final = """\
Make retail transaction lines with planted customer segments, in the shape of the Online Retail data set: heavy buyers,
seasonal dates, long-tail products, guests, cancellations, exact duplicates and a few dirty lines. The same arguments
make the same rows on any machine. By default segments are compact and of similar size. The options below "harder" make
them as hard to find as in a shop."""

EPILOG: Final = f"""\
writes
  PATH/transactions/   exactly N lines: InvoiceNo, StockCode, Description, Quantity, InvoiceDate, UnitPrice,
                       CustomerID, Country
  PATH/segments/       who belongs to which planted segment (Parquet): customer_id, segment, segment_label
  PATH/returns/        with --returns, what was taken back (Parquet): customer_id, kind, invoice_no, total_spend,
                       returned_matched, returned_unmatched, net_spend, purchase_frequency, net_orders

limits
  {min(SEGMENT_PLANS)} to {max(SEGMENT_PLANS)} segments; 1 is a single lognormal cloud
  at least {LEAST_CUSTOMERS_PER_SEGMENT} customers for each, and {LEAST_MEMBERS} in the smallest
  {LEAST_ROWS_PER_CUSTOMER} to {MOST_ROWS_PER_CUSTOMER:,} rows a customer

example
  scripts/make_transactions --rows 300000 --customers 3000 --segments 4 --seed 1 --format csv --output /tmp/demo
  scripts/make_transactions --rows 300000 --customers 3000 --segments 6 --seed 1 --format csv --output /tmp/shop \\
      --smallest 0.01 --spread 0.3 --heavy-tail 0.02
"""


def main(arguments: list[str]) -> int:
    parser = _argument_parser()
    options = parser.parse_args(arguments)
    output = options.output.rstrip("/")
    try:
        recipe = recipe_for(options.rows, options.customers, options.segments, options.seed, _variations(options))
    except PlanError as error:
        parser.error(str(error))
    # Elsewhere than on this machine Spark itself refuses to overwrite.
    if Path(output).is_file() or Path(output, "transactions").exists():
        parser.error(f"--output {output}: is a file or has transactions already; choose another directory")

    spark = (
        SparkSession.builder.appName("make_transactions")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.ansi.enabled", "true")
        # Recording the line of code of some hundred expressions would double the time it takes to build them.
        .config("spark.python.sql.dataFrameDebugging.enabled", "false")
        .getOrCreate()
    )
    try:
        drawn = draw_customers(spark, recipe, options.rows)
        write_transactions(transactions(spark, recipe, drawn), options.format, f"{output}/transactions")
        segments_truth(spark, recipe).write.parquet(f"{output}/segments")
        if options.returns:
            returns_truth(spark, recipe, drawn).coalesce(1).write.parquet(f"{output}/returns")
    except PlanError as error:
        parser.error(str(error))
    finally:
        spark.stop()
    print(f"{output}/transactions   {options.rows:,} lines")
    print(f"{output}/segments   {options.customers:,} customers in {len(recipe.segments)} planted segments")
    if options.returns:
        print(f"{output}/returns   what was taken back, for {options.returns:.0%} of the customers")
    return 0


def _argument_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/make_transactions", description=DESCRIPTION, epilog=EPILOG)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    planted = f"planted segments, {min(SEGMENT_PLANS)} to {max(SEGMENT_PLANS)}"
    parser.add_argument("--rows", type=positive, required=True, metavar="N", help="transaction lines in all")
    parser.add_argument("--customers", type=positive, required=True, metavar="M", help="customers with an id")
    parser.add_argument("--segments", type=positive, required=True, metavar="S", help=planted)
    parser.add_argument("--seed", type=int, required=True, metavar="X", help="same seed, same rows")
    parser.add_argument("--format", choices=("parquet", "csv"), required=True, help="of the transactions")
    parser.add_argument("--output", required=True, metavar="PATH", help="a directory, local or remote")
    harder = parser.add_argument_group("harder", "By default none of these; each changes the rows.")
    harder.add_argument(
        "--smallest",
        type=share,
        metavar="SHARE",
        help=f"unequal sizes: the smallest segment's share of the customers, from {LEAST_SHARE}, the best customers; "
        "the others grow by an equal factor",
    )
    harder.add_argument(
        "--spread",
        type=share,
        default=0.0,
        metavar="SHARE",
        help="overlap: lognormal values with this standard deviation, as a share of the distance between two levels; "
        "0.2 is tight, 0.5 overlaps",
    )
    harder.add_argument(
        "--heavy-tail",
        type=share,
        default=0.0,
        metavar="SHARE",
        help="the share of customers whose spend is multiplied by a Pareto-distributed factor, up to 100",
    )
    harder.add_argument(
        "--returns",
        type=share,
        default=0.0,
        metavar="SHARE",
        help="the share of customers with a planted return: whole, part, twice, at another price, a refund of the "
        "exact amount, of nobody's purchase, of everything; then there are no cancellations at random",
    )
    harder.add_argument(
        "--at-risk",
        type=share,
        default=0.0,
        metavar="SHARE",
        help=f"one more segment of this share, up to {MOST_AT_RISK}, named stopped: at least five orders, one a month, "
        "the last 120 days ago or longer; all other repeat buyers order every month as well",
    )
    return parser


def _variations(options: argparse.Namespace) -> Variations:
    return Variations(
        smallest=options.smallest,
        spread=options.spread,
        heavy_tail=options.heavy_tail,
        returns=options.returns,
        at_risk=options.at_risk,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
