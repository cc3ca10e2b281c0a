"""What spark-submit is given besides the job: Java's options and Spark's settings, chosen by the size of the input."""

from __future__ import annotations

import argparse
import glob
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
PROPERTIES: Final = ROOT / "conf" / "spark-local.conf"
JAVA_OPTIONS: Final = "spark.driver.extraJavaOptions"

# Above this size the better compiler and adaptive execution earn back what they cost; see scripts/README.md.
SMALL_INPUT: Final = 64_000_000
# With the quick compiler alone Java would reserve 48 MB for compiled code, too little for Spark's generated classes.
JAVA_FOR_SMALL_INPUT: Final = ("-XX:TieredStopAtLevel=1", "-XX:ReservedCodeCacheSize=240m", "-XX:+UseSerialGC")
# A batch job needs throughput; the length of a pause does not matter.
JAVA_FOR_LARGE_INPUT: Final = ("-XX:+UseParallelGC",)
SPARK_FOR_SMALL_INPUT: Final = (
    "spark.sql.adaptive.enabled=false",
    "spark.sql.shuffle.partitions=2",
)
# Java ignores a class archive that does not fit, without a message.
CLASS_SHARING: Final = ("-Xshare:auto", "-Xlog:disable", "-Xlog:all=error:stderr")


def job_position(arguments: Sequence[str]) -> int:
    """Return the index of the job's file, where spark-submit's own options end."""
    return next((index for index, text in enumerate(arguments) if text.endswith(".py")), len(arguments))


def needs_no_spark(arguments: Sequence[str]) -> bool:
    """Return whether the job only prints something, for which Java need not start."""
    of_job = {text.partition("=")[0] for text in arguments[job_position(arguments) + 1 :]}
    return bool(of_job & {"-h", "--help", "--explain"}) or ("--write-config" in of_job and "--output" not in of_job)


def sets_java_options(arguments: Sequence[str]) -> bool:
    """Return whether spark-submit's own options already choose a properties file or Java's options."""
    own = arguments[: job_position(arguments)]
    return any(text.startswith(("--properties-file", "--driver-java-options")) or JAVA_OPTIONS in text for text in own)


def launch_options(arguments: Sequence[str], archive_options: Sequence[str] = ()) -> list[str]:
    """Return spark-submit's options for a job's command line; `archive_options` are Java's for its class archive."""
    is_small = input_bytes(arguments) < SMALL_INPUT
    for_size = JAVA_FOR_SMALL_INPUT if is_small else JAVA_FOR_LARGE_INPUT
    java = [_java_options_of_profile(), *for_size, *CLASS_SHARING, *archive_options]
    options = ["--properties-file", str(PROPERTIES), "--conf", f"{JAVA_OPTIONS}={' '.join(java)}"]
    if is_small:
        for setting in SPARK_FOR_SMALL_INPUT:
            options += ["--conf", setting]
    return options


def input_bytes(arguments: Sequence[str]) -> int:
    """Return the size of the files behind --input as plain CSV; a path on another machine counts as large."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--input", nargs="*", action="extend", default=[])
    return sum(_path_bytes(path.removeprefix("file:")) for path in parser.parse_known_args(arguments)[0].input)


def _path_bytes(path: str) -> int:
    # Imported here: help is printed without the project's environment.
    from segmentation.ingest.sizes import estimated_csv_bytes

    if "://" in path:
        return SMALL_INPUT
    with suppress(OSError):
        # Path.glob takes no absolute pattern.
        matches = [path] if Path(path).exists() else glob.glob(path)  # noqa: PTH207
        paths = [file for match in map(Path, matches) for file in (match, *match.rglob("*"))]
        return sum(estimated_csv_bytes(file.name, file.stat().st_size) for file in paths if file.is_file())
    return SMALL_INPUT


def _java_options_of_profile() -> str:
    lines = PROPERTIES.read_text(encoding="utf-8").splitlines()
    options = next(line.removeprefix(JAVA_OPTIONS).strip() for line in lines if line.startswith(JAVA_OPTIONS))
    # The profile names the logging file relative to the checkout; a job may be started from any folder.
    return options.replace("conf/log4j2.properties", f'"{ROOT}/conf/log4j2.properties"')
