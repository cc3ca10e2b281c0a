"""Say who moved between two published runs of one lake, from which segment to
which, why, and with how much money. The runs are of one configuration; the one of
the earlier day is the first, whichever is named first. Nothing in the lake changes.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console

# spark-submit puts this folder on the path, the library is next to it; --py-files or an installed package work as well.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from segmentation.cli.comparison import comparison_in_words
from segmentation.cli.job import JobParser, run_job
from segmentation.cli.scratch import job_session
from segmentation.cli.streams import use_standard_error_of_spark_submit
from segmentation.comparison import comparison_of
from segmentation.ingest.refused_folders import require_output_apart
from segmentation.lake.runs import Lake
from segmentation.output import staged_output

USAGE = "compare_runs.py LAKE RUN_A RUN_B [--output FOLDER] [options]"
EXAMPLES = """\
  spark-submit --properties-file conf/spark-local.conf \\
      jobs/compare_runs.py lake 2011-11 2011-12 --output who_moved"""
EXIT_CODES = """\
  0  compared
  1  any other error
  2  bad arguments, or runs of different configurations
  3  there is no such lake or run, or another version published it
  5  another process wrote the output meanwhile
  129, 130, 143  stopped by a closed terminal, by Ctrl-C, by SIGTERM"""


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = JobParser("compare_runs.py", __doc__ or "", USAGE, EXAMPLES, EXIT_CODES)
    parser.add_argument("lake", metavar="LAKE", help="the lake's folder, as given to segment_customers.py --output")
    for name in ("run_a", "run_b"):
        parser.add_argument(name, metavar=name.upper(), help="the id of a published run")
    parser.add_argument(
        "--output", metavar="FOLDER", help="write segment_changes, segment_flow (Parquet) and changes.csv to a new "
        "folder, readable by the owner only"
    )  # fmt: skip
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")
    parser.add_argument("--debug", action="store_true", help="show the stack trace of an error")
    return parser.parse(arguments)


def compare(options: argparse.Namespace, console: Console | None) -> None:
    """Print the comparison, and write it where --output asks for it."""
    if options.output is not None:
        require_output_apart(options.output, (), options.lake)
    spark = job_session("compare runs", os.environ)
    with ExitStack() as stack:
        output = None
        if options.output is not None:
            output = stack.enter_context(staged_output(spark, options.output, False, "name a new folder"))
        lake = Lake(spark, options.lake)
        comparison = stack.enter_context(comparison_of(lake, options.run_a, options.run_b))
        if not options.quiet:
            print(comparison_in_words(comparison, None if console is None else console.width))
        if output is not None:
            comparison.write(output)


def main(arguments: Sequence[str]) -> int:
    options = parse_arguments(arguments)
    return run_job(lambda console: compare(options, console), options.quiet, options.debug)


if __name__ == "__main__":
    use_standard_error_of_spark_submit()
    sys.exit(main(sys.argv[1:]))
