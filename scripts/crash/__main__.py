"""Kill the job again and again while a reader reads the lake; run by scripts/crash_test, see --help."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from scripts.arguments import positive
from scripts.crash.job import STEPS, SegmentCustomers
from scripts.crash.report import report
from scripts.crash.rounds import CrashTest

KILLS_PER_NORMAL_RUN: Final = 10
FEWEST_NORMAL_RUNS: Final = 3
RACES: Final = 2

DESCRIPTION: Final = """\
Check that the lake stays whole whenever the job dies. Publish runs of the real job over a small input in a new lake,
and end its whole process group by SIGKILL, half of the times at a random moment and half at a named step of publishing,
while a reader resolves latest.json and verifies every checksum of the run it names, more than ten times a second.
After one to four kills the same command is left to finish, like a scheduler's next attempt. Every run but the first is
scored by the model of an earlier one; at the beginning two runs of following days go at the same time, twice."""

EPILOG: Final = f"""\
steps
  {", ".join(STEPS)}

counted
  torn       a file of a published run is missing or differs from its manifest; a run or latest.json is missing
  mixed      latest.json, manifest and tables that are read together are not of one run
  changed    a published run has another manifest than before
  back       latest.json names an older day than before
  baseless   a run names a run before it, with which its customers are compared, that is not published
  lost       a run that was seen published, or for which the job ended with 0, is not whole, or not the latest
  leftovers  anything in the lake after a success besides runs/, latest.json and an empty _staging/
  recovery   a run left to finish after kills, against normal runs on the same lake; reported, not judged

exit codes
  0 no fault, in at least one read per kill; 1 a fault, or the job failed by itself; 2 bad arguments; 130 interrupted

example
  scripts/crash_test /tmp/crash-lake --kills 20 --seed 1 > crashes.md
"""


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/crash_test", description=DESCRIPTION, epilog=EPILOG)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("lake", type=Path, metavar="LAKE", help="a folder on this machine, new or empty")
    parser.add_argument("--kills", type=positive, default=20, metavar="N", help="default: 20")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="equal seeds, equal plans; default: 1")
    options = parser.parse_args(arguments)
    if options.lake.exists() and (not options.lake.is_dir() or any(options.lake.iterdir())):
        parser.error(f"{options.lake}: is not an empty folder; name a new one, never a lake in use")
    return options


def main(arguments: Sequence[str]) -> int:
    options = parse_arguments(arguments)
    # SIGTERM ends it like Ctrl-C: no process and no scratch folder is left.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    lake = options.lake.absolute()
    normal_runs = max(FEWEST_NORMAL_RUNS, options.kills // KILLS_PER_NORMAL_RUN)
    with tempfile.TemporaryDirectory(prefix="crash-test-") as folder:
        job = SegmentCustomers(lake, Path(folder), options.seed)
        outcome = CrashTest(lake, job, Path(folder), options.seed).run(options.kills, normal_runs, RACES)
    print(report(outcome, job.steps), end="")
    return 0 if outcome.is_success else 1


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
