"""Removes old runs from a lake, and what abandoned and refused runs left in its
staging. Without --apply it only shows what it would remove. The latest run is
never removed, nor one younger than --older-than. Whoever reads an older run
needs to be done before that: give the longest reader time.
"""

import argparse
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

# spark-submit puts this folder on the path, the library is beside it; --py-files or an installed package serve as well.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from segmentation.cli.job import JobParser, run_job
from segmentation.lake.runs import Lake, expired, remove
from segmentation.redaction import shown
from segmentation.session import spark_session

USAGE = "expire_runs.py LAKE [--keep N] [--older-than AGE] [--apply]"
EXAMPLES = """\
  spark-submit --properties-file conf/spark-local.conf \\
      jobs/expire_runs.py lake --keep 30 --older-than 7d --apply"""
EXIT_CODES = """\
  0  removed, or shown
  1  anything that is not below
  2  bad arguments
  3  there is no such lake
  129, 130, 143  stopped by a closed terminal, by Ctrl-C, by SIGTERM"""
UNITS = {"d": "days", "h": "hours", "m": "minutes"}


def duration(text: str) -> timedelta:
    parts = re.fullmatch(r"(\d{1,6})([dhm])", text)
    if not parts:
        raise argparse.ArgumentTypeError(f"must be a number of days, hours or minutes such as 7d or 12h, got {text!r}")
    return timedelta(**{UNITS[parts[2]]: int(parts[1])})


def number(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"must be a number from 0, got {text!r}")
    return int(text)


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = JobParser("expire_runs.py", __doc__ or "", USAGE, EXAMPLES, EXIT_CODES)
    parser.add_argument("lake", metavar="LAKE", help="the lake's folder, as given to segment_customers.py --output")
    parser.add_argument("--keep", type=number, default=7, metavar="N", help="runs to keep, the newest (default: 7)")
    parser.add_argument(
        "--older-than", type=duration, default=timedelta(days=7), metavar="AGE", help="such as 12h (default: 7d)"
    )
    parser.add_argument("--apply", action="store_true", help="remove, and not only show")
    parser.add_argument("--debug", action="store_true", help="show the stack trace of an error")
    return parser.parse(arguments)


def expire(options: argparse.Namespace) -> None:
    lake = Lake(spark_session("expire runs"), options.lake)
    found = expired(lake, options.keep, options.older_than, datetime.now(UTC))
    going = 0
    for one in found:
        stays = remove(lake, one) if options.apply else None
        going += stays is None
        doing = f"passed over ({stays})" if stays else "removed" if options.apply else "would remove"
        print(shown(f"{doing} {one.path}: {one.what}, {one.age.days} days old"))
    print(f"{going} of this lake's runs and stagings {'removed' if options.apply else 'would go; --apply removes'}")


def main(arguments: Sequence[str]) -> int:
    options = parse_arguments(arguments)
    return run_job(lambda _: expire(options), quiet=False, debug=options.debug)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
