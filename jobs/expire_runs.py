"""Remove old runs from a lake, and what abandoned and refused runs left in its
staging. Without --apply, only show what would be removed. The latest run is never
removed, nor one younger than --older-than. A reader of an older run must be done
before that: allow for the longest one.
"""

import argparse
import os
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

# spark-submit puts this folder on the path, the library is next to it; --py-files or an installed package work as well.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from segmentation.cli.job import JobParser, run_job
from segmentation.cli.scratch import job_session
from segmentation.cli.streams import use_standard_error_of_spark_submit
from segmentation.errors import SegmentationError, counted
from segmentation.lake.expiry import NOT_ALLOWED, find_expired, remove_expired
from segmentation.lake.runs import Lake
from segmentation.redaction import shown

USAGE = "expire_runs.py LAKE [--keep N] [--older-than AGE] [--apply]"
EXAMPLES = """\
  spark-submit --properties-file conf/spark-local.conf \\
      jobs/expire_runs.py lake --keep 30 --older-than 7d --apply"""
EXIT_CODES = """\
  0  removed, or shown
  1  something is another user's and stays; any other error
  2  bad arguments
  3  there is no such lake
  129, 130, 143  stopped by a closed terminal, by Ctrl-C, by SIGTERM"""
UNITS = {"d": "days", "h": "hours", "m": "minutes"}


def duration(text: str) -> timedelta:
    """Parse an age such as 7d, 12h or 30m."""
    match = re.fullmatch(r"(\d{1,6})([dhm])", text)
    if not match:
        raise argparse.ArgumentTypeError(f"must be a number of days, hours or minutes such as 7d or 12h, got {text!r}")
    return timedelta(**{UNITS[match[2]]: int(match[1])})


def number(text: str) -> int:
    """Parse a count, 0 or more."""
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
    parser.add_argument("--apply", action="store_true", help="remove instead of only showing")
    parser.add_argument("--debug", action="store_true", help="show the stack trace of an error")
    return parser.parse(arguments)


def expire(options: argparse.Namespace) -> None:
    """Show or remove what has expired, one line each, and how many there were."""
    lake = Lake(job_session("expire runs", os.environ), options.lake)
    removed = refused = 0
    for item in find_expired(lake, options.keep, options.older_than, datetime.now(UTC)):
        reason = remove_expired(lake, item) if options.apply else None
        if reason:
            action = f"kept ({reason})"
            refused += reason.startswith(NOT_ALLOWED)
        else:
            action = "removed" if options.apply else "would remove"
            removed += 1
        print(shown(f"{action} {item.path}: {item.what}, {item.age.days} days old"))
    ending = "removed" if options.apply else "would be removed; --apply removes them"
    print(f"{counted(removed, 'run or staging folder', 'runs and staging folders')} {ending}")
    if refused:
        raise SegmentationError(
            f"what another user published cannot be removed: {counted(refused, 'folder')} above: let its owner expire "
            "it, or share the lake with a group (lake.sensitive_mode in conf/README.md)"
        )


def main(arguments: Sequence[str]) -> int:
    options = parse_arguments(arguments)
    return run_job(lambda _: expire(options), quiet=False, debug=options.debug)


if __name__ == "__main__":
    use_standard_error_of_spark_submit()
    sys.exit(main(sys.argv[1:]))
