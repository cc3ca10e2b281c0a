"""Segment the customers of a retailer by their transactions, and publish the run
to a data lake: tables, charts, a report and the model, all of them or nothing.
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
from segmentation.cli.explain import explanation_of
from segmentation.cli.job import JobParser, command_line, day, run_job
from segmentation.cli.log import log_folder, run_log
from segmentation.cli.result import RunResult, result_for
from segmentation.cli.scratch import job_session
from segmentation.cli.streams import is_output_a_terminal, use_standard_error_of_spark_submit
from segmentation.cli.summary import summary_of
from segmentation.config.files import load_config, write_config
from segmentation.config.settings import RunConfig
from segmentation.errors import ConfigError
from segmentation.guess.config import guess_config
from segmentation.ingest.refused_folders import require_apart
from segmentation.lake.manifest import require_run_id
from segmentation.progress import Progress, collected_warnings

USAGE = "segment_customers.py --input PATH [PATH ...] --output LAKE [options]"
EXAMPLES = """\
  spark-submit --properties-file conf/spark-local.conf \\
      jobs/segment_customers.py --input my_sales.csv --output lake
  ... --input my_sales.csv --write-config my_shop.yaml    then, every night:
  ... --config my_shop.yaml --input sales/*.parquet --output lake --quiet
  ... --config conf/online_retail_rfm.yaml --set clustering.k=5 --explain"""
EXIT_CODES = """\
  0  published, or this very run was published before; explained, written
  1  any other error
  2  bad arguments or configuration
  3  bad input
  4  audit or quality gate failed, nothing published
  5  lost a publishing race
  129, 130, 143  stopped by a closed terminal, by Ctrl-C, by SIGTERM"""

KEEP_THE_GUESS = (
    "columns and dates were guessed: --write-config my_shop.yaml writes the guess to check and correct, --config "
    "my_shop.yaml runs with it"
)


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = JobParser("segment_customers.py", __doc__ or "", USAGE, EXAMPLES, EXIT_CODES)
    add = parser.add_argument_group("data").add_argument
    add("--input", nargs="+", action="extend", default=[], metavar="PATH", help="files, directories or globs")
    add("--output", metavar="LAKE", help="the lake's folder, on any file system Spark can write to")
    add = parser.add_argument_group("configuration").add_argument
    add("--config", metavar="FILE", help="YAML, see conf/README.md; without it the columns and dates are guessed from "
        "--input")  # fmt: skip
    add("--set", nargs="+", action="extend", default=[], metavar="KEY=VALUE", help="override configuration keys, such "
        "as clustering.k=5")  # fmt: skip
    add("--write-config", metavar="FILE", help="write the configuration, guessed or given, to a new file, then run if "
        "there is an --output")  # fmt: skip
    add("--explain", action="store_true", help="print what the configuration does, and exit without running")
    add = parser.add_argument_group("run").add_argument
    add("--as-of", type=day, metavar="YYYY-MM-DD", help="the day to look back from (default: the day after the last "
        "sale)")  # fmt: skip
    add("--run-id", metavar="ID", help="default: made from the input, configuration and code")
    add("--force", action="store_true", help="publish again, under a new id, a run that was published before")
    model = parser.add_argument_group("model")
    add = model.add_mutually_exclusive_group().add_argument
    add("--model", metavar="RUN_ID", help="score by the model of this run (default: as model.refit says)")
    add("--refit", action="store_true", help="fit a new model, as --set model.refit=always does")
    model.add_argument("--rename", action="store_true", help="name all segments afresh, also those whose name is true")
    add = parser.add_argument_group("messages").add_argument
    add("--result", metavar="FILE", help="write run id, status, figures, warnings and error as JSON to this local "
        "file, whatever the exit code")  # fmt: skip
    add("--quiet", action="store_true", help="print nothing but errors")
    add("--debug", action="store_true", help="print the stack trace of an error, and Spark's warnings on a terminal")
    return parser.parse(arguments)


def load_or_guess_config(options: argparse.Namespace) -> RunConfig:
    """Return the configuration, given or guessed, and write it where --write-config asks for it."""
    if options.config is None and not options.input:
        raise ConfigError("--input: name the files to read; without --config the columns are guessed from them")
    about: Sequence[str] = [f"Made from {options.config}", *[f"  --set {override}" for override in options.set]]
    if options.config is not None:
        config = load_config(options.config, options.set)
    else:
        config, about = guess_config(options.input, options.set)
    if options.write_config is not None:
        write_config(config, options.write_config, about)
    return refitting(config) if options.refit else config


def refitting(config: RunConfig) -> RunConfig:
    """Return the configuration for a run that fits a new model in any case."""
    return config.model_copy(update={"model": config.model.model_copy(update={"refit": "always"})})


def segment(options: argparse.Namespace, console: Console | None, result: RunResult) -> None:
    """Run as the options say. `result` gets what becomes known of the run, also where it fails."""
    result.prepare()
    run_id = require_run_id(options.run_id) if options.run_id is not None else None
    if options.output is not None:
        require_apart(options.input, options.output)
    config = load_or_guess_config(options)
    if options.explain:
        is_guessed = options.config is None
        print(explanation_of(config, options.input, options.output, options.as_of, is_guessed))
    if options.explain or (options.write_config is not None and options.output is None):
        return
    for option, value in (("--input", options.input), ("--output", options.output)):
        if not value:
            raise ConfigError(f"{option}: is needed to run; only --explain and --write-config FILE work without it")
    with ThreadPoolExecutor(1) as pool:  # Python loads the largest libraries while Java starts Spark
        pool.submit(import_module, "segmentation.pipeline")
        spark = job_session(config.title, os.environ)
    from segmentation.context import Request
    from segmentation.pipeline import STAGES, segment_customers

    request = Request(
        *(tuple(options.input), options.output, options.as_of, run_id, options.force, result.command),
        *(options.model, options.rename),
    )
    if console is not None:
        spark.sparkContext.setLogLevel("OFF")  # its lines would break the progress bar
    elif options.quiet:
        spark.sparkContext.setLogLevel("ERROR")
    progress = Progress(STAGES) if console is None else TerminalProgress(STAGES, console)
    result.seconds = progress.seconds
    with run_log(log_folder(os.environ)) as result.log:
        result.published = segment_customers(spark, config, request, progress)
    if not options.quiet:
        width = None if console is None else console.width
        hint = "" if options.config or options.write_config else KEEP_THE_GUESS
        print(summary_of(result.published, config, width, result.log, is_output_a_terminal(), hint))


def main(arguments: Sequence[str]) -> int:
    result = result_for(arguments, command_line("jobs/segment_customers.py", arguments))
    with result.of_ended_parsing():
        options = parse_arguments(arguments)

    def work(console: Console | None) -> None:
        with collected_warnings() as result.warnings:
            segment(options, console, result)

    return run_job(work, options.quiet, options.debug, result.write)


if __name__ == "__main__":
    use_standard_error_of_spark_submit()
    sys.exit(main(sys.argv[1:]))
