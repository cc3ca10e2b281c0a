r"""Segments the customers of a retailer by their transaction lines, and publishes the run in a data lake.

spark-submit --properties-file conf/spark-local.conf jobs/segment_customers.py \
    --config conf/online_retail.yaml --input PATH [PATH ...] --output LAKE
"""

import argparse
import sys
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

# spark-submit puts this folder on the path, the library is beside it; --py-files or an installed package serve as well.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from segmentation.config import load_config
from segmentation.entry import command_line, run_job
from segmentation.identity import require_run_id
from segmentation.pipeline import STAGES, run
from segmentation.progress import Progress, terminal
from segmentation.request import Request
from segmentation.session import spark_session
from segmentation.summary import summary_of

EXIT_CODES = """exit codes: 0 published (or this very run was published before), 2 bad arguments or configuration,
3 bad input, 4 audit or quality gate failed (nothing published), 5 lost a publishing race, 130 and 143 stopped by
Ctrl-C and SIGTERM, 1 anything else"""


def day(text: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a day such as 2011-09-01, got {text!r}") from None


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="segment_customers.py", description=__doc__, epilog=EXIT_CODES)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--config", required=True, metavar="FILE", help="YAML configuration, for example of conf/")
    parser.add_argument(
        "--input", required=True, nargs="+", action="extend", metavar="PATH", help="files, directories or globs"
    )
    parser.add_argument(
        "--output", required=True, metavar="LAKE", help="the lake's folder, on any file system of Spark"
    )
    parser.add_argument("--as-of", type=day, metavar="YYYY-MM-DD", help="default: day after the last sale")
    parser.add_argument("--run-id", metavar="ID", help="default: made from the input, configuration and code")
    parser.add_argument("--set", nargs="+", action="extend", default=[], metavar="KEY=VALUE", help="clustering.k=5 ...")
    parser.add_argument("--force", action="store_true", help="publish again, under a new id, what was published before")
    parser.add_argument("--quiet", action="store_true", help="say nothing but errors")
    parser.add_argument("--debug", action="store_true", help="show the stack trace of an error")
    return parser.parse_args(arguments)


def segment(options: argparse.Namespace) -> None:
    config = load_config(options.config, options.set)
    run_id = require_run_id(options.run_id) if options.run_id is not None else None
    request = Request(tuple(options.input), options.output, options.as_of, run_id, options.force, options.command)
    spark = spark_session(config.title)
    published = run(spark, config, request, Progress(STAGES, None if options.quiet else terminal()))
    if not options.quiet:
        print(summary_of(published, config.charts.currency))


def main(arguments: Sequence[str]) -> int:
    options = parse_arguments(arguments)
    options.command = command_line(["jobs/segment_customers.py", *arguments])
    return run_job(lambda: segment(options), options.quiet, options.debug)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
