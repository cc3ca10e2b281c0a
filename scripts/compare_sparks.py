"""Run the job on every version of Spark that setup.py allows; run by scripts/spark_versions, see --help."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts.run_contents import differences, latest_run, manifest_of

ROOT: Final = Path(__file__).resolve().parents[1]
CACHE: Final = ROOT / ".cache"
LOCK: Final = ROOT / ".requirements-oldest-spark.lock"
# Without a configuration, and the classic one.
RECIPES: Final = {"default": (), "classic": ("--config", "conf/online_retail.yaml")}
# Guests, cancellations, exact duplicates and malformed lines are part of any generated data.
DATA: Final = (
    *("--rows", "20000", "--customers", "400", "--segments", "3", "--seed", "1"),
    *("--returns", "0.1", "--format", "csv"),
)

DESCRIPTION: Final = """\
Run the job on the same input with every version of Spark that setup.py allows: the newest one of .venv, and the latest
patch of each version before it, installed by pip under .cache/spark, the oldest as it is locked. Compare all that the
runs publish with the newest one's: the sorted rows of every table to the last bit, the model, charts, lists and the
manifest's figures. Each version runs without a configuration and with conf/online_retail.yaml."""

EPILOG: Final = """\
prints
  one line per version

exit codes
  0 all are the same; 1 a difference, or a job or an installation failed; 2 bad arguments

examples
  scripts/spark_versions
  scripts/spark_versions --input online_retail.parquet
"""


class RunError(Exception):
    """A process failed; its output has been shown."""


def main(arguments: Sequence[str]) -> int:
    options = _parser().parse_args(arguments)
    try:
        if options.install_oldest:
            installed_spark(minor_versions()[0])
            return 0
        with tempfile.TemporaryDirectory(prefix="spark-versions-") as scratch:
            return 0 if _is_same_everywhere(options.input, Path(scratch)) else 1
    except RunError as error:
        print(f"spark_versions: {error}", file=sys.stderr)
        return 1


def minor_versions() -> list[str]:
    """Return the minor versions of Spark in the range of setup.py, ascending, as in 4.0."""
    found = re.search(r'"pyspark>=(\d+)\.(\d+),<\1\.(\d+)"', (ROOT / "setup.py").read_text(encoding="utf-8"))
    assert found is not None, "setup.py names no range of one major version"
    major, first, end = found.groups()
    return [f"{major}.{minor}" for minor in range(int(first), int(end))]


def oldest_version() -> str:
    """Return the locked version of the oldest Spark, as in 4.0.5."""
    [version] = re.findall(r"^pyspark==(\S+)", LOCK.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return str(version)


def spark_home(minor: str) -> Path:
    """Return the SPARK_HOME of a version, installed or not: the oldest as it is locked, the newest of .venv."""
    oldest, *_, newest = minor_versions()
    if minor == newest:
        import pyspark

        return Path(pyspark.__file__).parent
    return CACHE / "spark" / (oldest_version() if minor == oldest else minor) / "pyspark"


def installed_spark(minor: str) -> Path:
    """Return the SPARK_HOME of a version after installing it where it is not.

    Raises: RunError if pip cannot.
    """
    home = spark_home(minor)
    if home.is_dir():
        return home
    print(f"spark_versions: installing Spark {minor} into {home.parent.relative_to(ROOT)}", file=sys.stderr)
    is_oldest = minor == minor_versions()[0]
    wanted = ["--require-hashes", "--requirement", str(LOCK)] if is_oldest else [f"pyspark=={minor}.*"]
    home.parent.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home.parent.parent) as unfinished:
        # What else Spark needs is in .venv, and in its own folder.
        pip = [sys.executable, "-m", "pip", "install", "--no-deps", "--target", f"{unfinished}/installed"]
        pip += ["--no-input", "--disable-pip-version-check", "--use-pep517", *wanted]
        # A person's own settings of pip (user = true, a prefix) must not apply here.
        _run(pip, {"PIP_USER": "0", "PIP_PREFIX": ""}, f"pip could not install Spark {minor}")
        Path(unfinished, "installed").rename(home.parent)
    return home


def _is_same_everywhere(given: Sequence[Path], scratch: Path) -> bool:
    sources = list(given) or [_generated(scratch)]
    newest, *older = reversed(minor_versions())
    reference = _runs(newest, sources, scratch)
    print(f"{_version(reference)}: the reference", flush=True)
    is_same = True
    for minor in older:
        runs = _runs(minor, sources, scratch)
        differing = {recipe: differences(runs[recipe], reference[recipe]) for recipe in RECIPES}
        found = "; ".join(f"{recipe}: {', '.join(names)}" for recipe, names in differing.items() if names)
        print(f"{_version(runs)}: {f'differs in {found}' if found else 'the same'}", flush=True)
        is_same = is_same and not found
    return is_same


def _runs(minor: str, sources: Sequence[Path], scratch: Path) -> dict[str, Path]:
    """Return the run of each recipe on one version of Spark."""
    home = installed_spark(minor)
    runs = {}
    for recipe, options in RECIPES.items():
        lake = scratch / minor / recipe
        job = ["jobs/segment_customers.py", *options, "--quiet", "--input", *map(str, sources), "--output", str(lake)]
        variables = {"SPARK_HOME": str(home), "XDG_CACHE_HOME": str(CACHE)}
        _run([sys.executable, "scripts/launcher", *job], variables, f"Spark {minor}, {recipe} recipe: the job failed")
        runs[recipe] = latest_run(lake)
    return runs


def _version(runs: dict[str, Path]) -> str:
    """Return the version of Spark that the runs themselves name."""
    [version] = {str(manifest_of(run)["spark_version"]) for run in runs.values()}
    return version


def _generated(scratch: Path) -> Path:
    make = ["scripts/make_transactions", *DATA, "--output", str(scratch / "made")]
    _run(make, {}, "could not generate transactions")
    return scratch / "made" / "transactions"


def _run(command: Sequence[str], variables: dict[str, str], message: str) -> None:
    """Run a command at the top of the checkout, and show its output only if it fails.

    Raises: RunError with the message.
    """
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        sys.stderr.write(done.stdout)
        raise RunError(f"{message} with exit code {done.returncode}, its output is above")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/spark_versions", description=DESCRIPTION, epilog=EPILOG)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--input",
        nargs="+",
        type=_existing,
        default=[],
        metavar="PATH",
        help="files or folders with the columns of Online Retail (default: 20,000 generated lines with returns, "
        "guests, duplicates and malformed lines)",
    )
    parser.add_argument("--install-oldest", action="store_true", help="install the oldest version and stop")
    return parser


def _existing(text: str) -> Path:
    path = Path(text).resolve()
    if not path.exists():
        raise argparse.ArgumentTypeError(f"{text}: does not exist")
    return path


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
