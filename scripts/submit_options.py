"""spark-submit on this machine, with Java told what the work at hand needs; run by scripts/submit, see --help."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from segmentation.cli.job import STARTED_BY  # noqa: E402 - found by the line before
from segmentation.ingest.files import as_plain_text  # noqa: E402

PROPERTIES: Final = ROOT / "conf" / "spark-local.conf"
JAVA_OPTIONS: Final = "spark.driver.extraJavaOptions"

HELP: Final = f"""\
usage: scripts/submit [options of spark-submit] jobs/JOB.py [options of the job]

    spark-submit --properties-file conf/spark-local.conf …

with the environment made ready, and two things that can only be said before Java starts:
  * The classes that Spark loads come from an archive. The first run on a machine makes it when it is done, which takes
    some seconds more; it lies in $XDG_CACHE_HOME or ~/.cache, and another Java or another Spark gets another one.
  * Where --input is less than {{most:.0f}} MB as plain CSV, Java compiles quickly instead of well and collects garbage
    with one thread, and Spark spreads the lines over two partitions without adaptive execution: a run of seconds does
    not live long enough to earn back the other way. Where it is more, garbage is collected for throughput. The tables
    are the same.

What a job tells without Spark (--help, --explain, --write-config) it tells at once.
Where the options name a properties file, or {JAVA_OPTIONS}, all is left to spark-submit.

example
  scripts/submit jobs/segment_customers.py --config conf/online_retail.yaml --input my_sales.csv --output lake
"""

# Beyond it the better compiler and adaptive execution earn back what they cost. To clean 540,000 lines took 15 s of the
# processor the quick way and 19 s the other, 2.7 million 44 and 33 s.
SMALL_INPUT: Final = 64_000_000
# With the quick compiler alone Java would reserve 48 MB for compiled code, too little for Spark's generated classes.
JAVA_FOR_SMALL_INPUT: Final = ("-XX:TieredStopAtLevel=1", "-XX:ReservedCodeCacheSize=240m", "-XX:+UseSerialGC")
# Seconds of work count here, not the length of a pause: a tenth less time on ten million lines.
JAVA_FOR_LARGE_INPUT: Final = ("-XX:+UseParallelGC",)
# Few lines need no second thought on how to spread them.
SPARK_FOR_SMALL_INPUT: Final = (
    "spark.sql.adaptive.enabled=false",
    "spark.sql.shuffle.partitions=2",
    # As if a file cost 64 KB to open, not 4 MB: one of a few megabytes is read by every core.
    "spark.sql.files.openCostInBytes=65536",
)
# An archive that does not fit is passed over, and need not be told of.
ABOUT_THE_ARCHIVE: Final = ("-Xshare:auto", "-Xlog:disable", "-Xlog:all=error:stderr")
OLDEST_KEPT: Final = 4


def main(arguments: Sequence[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help"):
        print(HELP.format(most=SMALL_INPUT / 1e6), end="")
        return 0 if arguments else 2
    if needs_no_spark(arguments):
        job = _place_of_job(arguments)
        os.execv(sys.executable, [sys.executable, *arguments[job:]])
    os.environ[STARTED_BY] = shlex.join([_own_place(), *arguments[: _place_of_job(arguments) + 1]])
    spark_submit = str(Path(sys.executable).parent / "spark-submit")
    if _says_itself(arguments):
        os.execv(spark_submit, [spark_submit, *arguments])
    archive = class_archive()
    if archive is None or archive.is_file():
        os.execv(spark_submit, [spark_submit, *local_options(arguments, archive), *arguments])
    return _first_run(spark_submit, arguments, archive)


def needs_no_spark(arguments: Sequence[str]) -> bool:
    """Whether the job is only asked to tell something: then Java need not start, nor leave an archive of so little."""
    of_job = {text.partition("=")[0] for text in arguments[_place_of_job(arguments) + 1 :]}
    return bool(of_job & {"-h", "--help", "--explain"}) or ("--write-config" in of_job and "--output" not in of_job)


def _place_of_job(arguments: Sequence[str]) -> int:
    """Where spark-submit's own options end."""
    return next((number for number, text in enumerate(arguments) if text.endswith(".py")), len(arguments))


def _own_place() -> str:
    """scripts/submit, as it can be typed in the folder that this process runs in."""
    return "scripts/submit" if Path.cwd() == ROOT else str(ROOT / "scripts" / "submit")


def local_options(arguments: Sequence[str], archive: Path | None) -> list[str]:
    """The options of spark-submit for these arguments; an archive that is not there is left out."""
    sharing = (f'-XX:SharedArchiveFile="{archive}"',) if archive and archive.is_file() else ()
    return _options(arguments, sharing)


def class_archive() -> Path | None:
    """Where the archive for this Java and this Spark belongs; None where no folder can be made for it."""
    made_of = [str(path) for path in _what_is_archived()]
    sizes = [str(Path(path).stat().st_size) for path in made_of]
    key = hashlib.sha256("\n".join([*made_of, *sizes]).encode()).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "customer-segmentation"
    try:
        cache.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError:
        return None
    return cache / f"classes-{key}.jsa"


def _what_is_archived() -> Iterator[Path]:
    """The file that Java is, and every file of Spark's classes."""
    home = os.environ.get("JAVA_HOME")
    java = f"{home}/bin/java" if home else shutil.which("java")
    if java:
        yield Path(java).resolve()
        yield Path(java).resolve().parent.parent / "release"
    yield from sorted((_spark_home() / "jars").iterdir())


def _spark_home() -> Path:
    """Where Spark is: as the environment has it, or the one installed beside this Python."""
    if home := os.environ.get("SPARK_HOME"):
        return Path(home)
    pyspark = importlib.util.find_spec("pyspark")
    assert pyspark is not None
    assert pyspark.origin is not None
    return Path(pyspark.origin).parent


def _says_itself(arguments: Sequence[str]) -> bool:
    """Whether the options of spark-submit, which end at the job, say what would be said here."""
    own = arguments[: _place_of_job(arguments)]
    return any(text.startswith(("--properties-file", "--driver-java-options")) or JAVA_OPTIONS in text for text in own)


def _options(arguments: Sequence[str], sharing: Sequence[str]) -> list[str]:
    of_file = next(
        line.partition(JAVA_OPTIONS)[2].strip()
        for line in PROPERTIES.read_text(encoding="utf-8").splitlines()
        if line.startswith(JAVA_OPTIONS)
    )
    # The properties name the logging file as it is seen from the checkout; this may be started anywhere.
    of_file = of_file.replace("conf/log4j2.properties", f'"{ROOT}/conf/log4j2.properties"')
    is_small = bytes_of_input(arguments) < SMALL_INPUT
    of_size = JAVA_FOR_SMALL_INPUT if is_small else JAVA_FOR_LARGE_INPUT
    java = [of_file, *of_size, *ABOUT_THE_ARCHIVE, *sharing]
    options = ["--properties-file", str(PROPERTIES), "--conf", f"{JAVA_OPTIONS}={' '.join(java)}"]
    if is_small:
        for setting in SPARK_FOR_SMALL_INPUT:
            options += ["--conf", setting]
    return options


def bytes_of_input(arguments: Sequence[str]) -> int:
    """The size of what is behind --input, as plain CSV; what is no path of this machine counts as large."""
    total = 0
    follows = False
    for text in arguments:
        if text.startswith("--"):
            name, equals, value = text.partition("=")
            follows = name == "--input"
            paths = [value] if follows and equals else []
        else:
            paths = [text] if follows else []
        for path in paths:
            total += _size(path.removeprefix("file:"))
    return total


def _size(path: str) -> int:
    if "://" in path:
        return SMALL_INPUT
    found = [Path(path)] if Path(path).exists() else list(Path().glob(path)) if not path.startswith("/") else []
    if not found and path.startswith("/"):
        found = list(Path("/").glob(path.lstrip("/")))
    files = [file for one in found for file in ([one] if one.is_file() else one.rglob("*"))]
    with suppress(OSError):
        return sum(as_plain_text(file.name, file.stat().st_size) for file in files if file.is_file())
    return SMALL_INPUT


def _first_run(spark_submit: str, arguments: Sequence[str], archive: Path) -> int:
    """The run, from which Java leaves the archive; other runs see it when it is whole."""
    unfinished = archive.with_suffix(f".{os.getpid()}.part")
    making = [f'-XX:ArchiveClassesAtExit="{unfinished}"']
    process = subprocess.Popen([spark_submit, *_options(arguments, making), *arguments])

    def hand_on(number: int, frame: FrameType | None) -> None:
        process.send_signal(number)

    signal.signal(signal.SIGTERM, hand_on)
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # as it is under nohup
        signal.signal(signal.SIGHUP, hand_on)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to the whole group
    code = process.wait()
    with suppress(OSError):
        if code == 0:
            unfinished.replace(archive)
            _remove_old(archive)
        else:
            unfinished.unlink(missing_ok=True)
    return code if code >= 0 else 128 - code


def _remove_old(archive: Path) -> None:
    """Of archives for other Javas and Sparks the latest are kept."""
    others = sorted(archive.parent.glob("classes-*"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in others[OLDEST_KEPT:]:
        path.unlink()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
