"""Score the customers of new transactions by the model of a published run: segment,
scores, name, distance to the centre, whether they are unusual, and why. Give all
transactions of these customers: their figures are made from the input alone.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path

from rich.console import Console

# spark-submit puts this folder on the path, the library is next to it; --py-files or an installed package work as well.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from segmentation.cli.console import TerminalProgress
from segmentation.cli.job import JobParser, day, run_job
from segmentation.cli.log import log_folder, run_log
from segmentation.cli.scratch import job_session
from segmentation.cli.streams import use_standard_error_of_spark_submit
from segmentation.ingest.refused_folders import require_output_apart
from segmentation.lake.manifest import require_run_id
from segmentation.progress import Progress

USAGE = "score_customers.py --lake LAKE --input PATH [PATH ...] --output PATH"
EXAMPLES = """\
  spark-submit --properties-file conf/spark-local.conf \\
      jobs/score_customers.py --lake lake --input sales --output scored.csv
  ... --lake lake --run-id daily-7 --input sales --output scored --force"""
EXIT_CODES = """\
  0  scored, and the output is whole
  1  any other error
  2  bad arguments, or the output exists
  3  bad input, no such run, or a run of another version
  5  another process wrote the output meanwhile
  129, 130, 143  stopped by a closed terminal, by Ctrl-C, by SIGTERM"""


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = JobParser("score_customers.py", __doc__ or "", USAGE, EXAMPLES, EXIT_CODES)
    add = parser.add_argument_group("data").add_argument
    add("--lake", required=True, metavar="LAKE", help="the lake's folder, as given to segment_customers.py --output")
    add("--input", nargs="+", action="extend", required=True, metavar="PATH", help="files, directories or globs, with "
        "the columns of the run's configuration")  # fmt: skip
    add("--output", required=True, metavar="PATH", help="one CSV file if it ends in .csv, else a folder of Parquet; "
        "readable by the owner only")  # fmt: skip
    add = parser.add_argument_group("scores").add_argument
    add("--run-id", metavar="ID", help="the run whose model and configuration count (default: the newest)")
    add("--as-of", type=day, metavar="YYYY-MM-DD", help="the day to look back from (default: the day after the last "
        "sale of the input)")  # fmt: skip
    add("--force", action="store_true", help="replace an output that exists")
    add = parser.add_argument_group("messages").add_argument
    add("--quiet", action="store_true", help="print nothing but errors")
    add("--debug", action="store_true", help="print the stack trace of an error, and Spark's warnings on a terminal")
    return parser.parse(arguments)


def score(options: argparse.Namespace, console: Console | None) -> None:
    """Score as the options say, and write the customers."""
    if options.run_id is not None:
        require_run_id(options.run_id)
    require_output_apart(options.output, options.input, options.lake)
    with ThreadPoolExecutor(1) as pool:  # Python loads the largest libraries while Java starts Spark
        pool.submit(import_module, "segmentation.published_model")
        spark = job_session("score customers", os.environ)
    from segmentation.cli.scored import Figures
    from segmentation.context import Request
    from segmentation.output import staged_output
    from segmentation.published_model import STAGES, scored_customers

    if console is not None:
        spark.sparkContext.setLogLevel("OFF")  # its lines would break the progress bar
    elif options.quiet:
        spark.sparkContext.setLogLevel("ERROR")
    count = len(STAGES)
    progress = Progress(count, STAGES) if console is None else TerminalProgress(count, console, STAGES)
    request = Request(tuple(options.input), options.lake, options.as_of, options.run_id)
    with run_log(log_folder(os.environ)), staged_output(spark, options.output, options.force) as output:
        with scored_customers(spark, request, progress) as scored:
            figures = Figures(scored)
            output.write(figures.rows)
        figures.warn_of_unusual()
    if not options.quiet:
        print(figures.summary(options.output))


def main(arguments: Sequence[str]) -> int:
    options = parse_arguments(arguments)
    return run_job(lambda console: score(options, console), options.quiet, options.debug)


if __name__ == "__main__":
    use_standard_error_of_spark_submit()
    sys.exit(main(sys.argv[1:]))
