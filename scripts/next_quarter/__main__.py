"""Measure how well segments predict next quarter's buyers; run by scripts/evaluate_next_quarter, see --help."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from scripts.arguments import positive
from scripts.next_quarter.customers import FIRST_MONTHS, MOST_CUSTOMERS, label_customers, window_of
from scripts.next_quarter.metrics import FOLDS
from scripts.next_quarter.report import measure, table_of
from segmentation.config.files import load_config
from segmentation.config.settings import RunConfig
from segmentation.errors import SegmentationError
from segmentation.guess.config import guess_config
from segmentation.session import spark_session

DAYS: Final = 100

DESCRIPTION: Final = """\
Measure how well segments predict next quarter's buyers. Customers, scores, k and segments come from the lines before
the cut-off alone, by a run of the job in a temporary lake. A second run, as of the window's end, says who had an order
in the window of which anything stayed. Both runs use the given configuration, or the guessed one."""

EPILOG: Final = f"""\
measured, for segment_id and for rfm_segment
  rate   of a group, the share of its customers who bought again; for the AUC it is taken from the customers of the
         other folds ({FOLDS} of them), and smoothed
  AUC    of a buyer and another customer, how often the buyer's group has the higher rate; equal rates count half.
         0.5 is a coin. The interval of 95 % is a bootstrap's over customers, and keeps the segments as they are

prints
  a table; the same as JSON in the last line

limits
  of more than {MOST_CUSTOMERS:,} customers, so many are drawn by a hash of their ids

example
  scripts/evaluate_next_quarter --input online_retail.parquet --config conf/online_retail_rfm.yaml
"""


def main(arguments: Sequence[str]) -> int:
    options = _parser().parse_args(arguments)
    try:
        config = _config(options)
        spark = spark_session(config.title)
        window = window_of(spark, config, options.input, options.cut_off, options.days)
        with tempfile.TemporaryDirectory(prefix="next-quarter-") as lake:
            result = measure(label_customers(spark, config, options.input, lake, window), window, options.seed)
    except SegmentationError as error:
        print(f"evaluate_next_quarter: {error}", file=sys.stderr)
        return error.exit_code
    print(table_of(result, options.input))
    print()
    print(json.dumps({"input": options.input, "config": options.config, **result}))
    return 0


def _config(options: argparse.Namespace) -> RunConfig:
    if options.config is not None:
        return load_config(options.config, options.set)
    return guess_config(options.input, options.set)[0]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/evaluate_next_quarter", description=DESCRIPTION, epilog=EPILOG)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--input", nargs="+", required=True, metavar="PATH", help="files, directories or globs")
    parser.add_argument("--config", metavar="FILE", help="YAML; without it columns and dates are guessed")
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="override configuration keys")
    parser.add_argument(
        "--cut-off",
        type=_day,
        metavar="YYYY-MM-DD",
        help=f"the day before which customers are segmented (default: {FIRST_MONTHS} months after the first sale)",
    )
    parser.add_argument("--days", type=positive, default=DAYS, metavar="N", help=f"of the window (default: {DAYS})")
    parser.add_argument("--seed", type=int, default=1, metavar="X", help="of folds and bootstrap (default: 1)")
    return parser


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"must be a day as 2011-09-01, got {text!r}") from error


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
