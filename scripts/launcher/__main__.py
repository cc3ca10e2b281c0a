"""Start spark-submit on this machine with the settings that suit the input; run by scripts/submit, see --help."""

from __future__ import annotations

import locale
import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from scripts.launcher.class_archive import class_archive, remove_old_archives
from scripts.launcher.options import (
    JAVA_OPTIONS,
    SMALL_INPUT,
    job_position,
    launch_options,
    needs_no_spark,
    sets_java_options,
)

HELP: Final = f"""\
usage: scripts/submit [options of spark-submit] jobs/JOB.py [options of the job]

    spark-submit --properties-file conf/spark-local.conf …

with the environment made ready, and two things that must be chosen before Java starts:
  * Spark's classes are loaded from an archive. The first run on a machine makes it at its end, which takes some
    seconds more. It lies in $XDG_CACHE_HOME or ~/.cache; each Java and each Spark has its own.
  * Where --input is less than {SMALL_INPUT / 1e6:.0f} MB as plain CSV, Java compiles quickly rather than well and
    collects garbage with one thread, and Spark uses two partitions without adaptive execution. Where it is more,
    garbage is collected for throughput. The tables are the same.

--help, --explain and --write-config need no Spark and are answered at once.
Where the options name a properties file or {JAVA_OPTIONS}, spark-submit gets them unchanged.

example
  scripts/submit jobs/segment_customers.py --config conf/online_retail.yaml --input my_sales.csv --output lake
"""


def main(arguments: Sequence[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help"):
        print(HELP, end="")
        return 0 if arguments else 2
    if needs_no_spark(arguments):
        os.execv(sys.executable, [sys.executable, *arguments[job_position(arguments) :]])
    try:
        pwd.getpwuid(os.getuid())
    except KeyError:
        from segmentation.errors import nameless_user  # help is printed without the project's environment

        print(f"error: {nameless_user(os.getuid())}", file=sys.stderr)
        return 1
    if locale.getlocale()[1] is None:  # no locale is set, and Java would take each byte of a name for a character
        os.environ["LC_ALL"] = "C.UTF-8"
    spark_submit = str(Path(sys.executable).parent / "spark-submit")
    if sets_java_options(arguments):
        os.execv(spark_submit, [spark_submit, *arguments])
    archive = class_archive()
    if archive is None:
        os.execv(spark_submit, [spark_submit, *launch_options(arguments), *arguments])
    if archive.is_file():
        options = launch_options(arguments, [f'-XX:SharedArchiveFile="{archive}"'])
        os.execv(spark_submit, [spark_submit, *options, *arguments])
    return _run_and_archive(spark_submit, arguments, archive)


def _run_and_archive(spark_submit: str, arguments: Sequence[str], archive: Path) -> int:
    """Run the job while Java writes its class archive, and return its exit code.

    Other runs see the archive only when it is complete.
    """
    unfinished = archive.with_suffix(f".{os.getpid()}.part")
    options = launch_options(arguments, [f'-XX:ArchiveClassesAtExit="{unfinished}"'])
    process = subprocess.Popen([spark_submit, *options, *arguments])

    def forward(number: int, frame: FrameType | None) -> None:
        process.send_signal(number)

    signal.signal(signal.SIGTERM, forward)
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # as it is under nohup
        signal.signal(signal.SIGHUP, forward)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to the whole process group
    code = process.wait()
    with suppress(OSError):
        if code == 0:
            unfinished.replace(archive)
            remove_old_archives(archive)
        else:
            unfinished.unlink(missing_ok=True)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
