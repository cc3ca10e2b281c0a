"""Run the job and its peers in turn on the same input and measure them as whole processes; see --help."""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from scripts.arguments import positive
from scripts.benchmarking.copies import lines_of, write_copies
from scripts.benchmarking.measure import Measurement, measure
from scripts.benchmarking.report import Benchmark, legend, machine, markdown_table

ROOT: Final = Path(__file__).resolve().parents[2]
OURS: Final = "this job"
ON_CLUSTER: Final = {1: "1 executor", 2: "2 executors"}
# From this many customers on, the job's input would be too large for the settings of small input.
MANY_CUSTOMERS: Final = 50_000


@dataclass(frozen=True)
class Peer:
    """What a peer makes, the endings of the files that it reads, and from how many lines on it is left out."""

    makes: str
    reads: tuple[str, ...]
    too_many_lines: float = math.inf


TABLES: Final = "tables of customers, countries, products and segments"
SWEEP: Final = "scikit-learn's sweep of k = 2..10 with ten starts each, elbow and scatter chart"
PEERS: Final = {
    "duckdb": Peer(
        f"all of this job's tables, with matched returns, scores, names of scores and rejected lines; {SWEEP}; "
        "no reasons, silhouettes, names of segments, model, report, lists or audit",
        (".parquet", ".csv", ".csv.gz"),  # it reads workbooks by an extension from the network
    ),
    "polars": Peer(
        f"{TABLES}, without matched returns, scores and rejected lines; {SWEEP}",
        (".parquet", ".csv", ".csv.gz", ".xlsx"),
    ),
    "pandas": Peer(
        "the same as polars",
        (".parquet", ".csv", ".csv.gz", ".xlsx"),
        too_many_lines=20e6,  # all of them are in memory, half a GB per million
    ),
    "bare": Peer(
        "a PySpark script of 60 lines, the same kinds of tables with rejected lines; one fit of k = 4, one chart; "
        "no matched returns, scores, sweep, report or audit",
        (".parquet",),
    ),
}
MAKES: Final = {
    OURS: "everything: all tables, the sweep, charts, report, lists, model, audit with checksums",
    **{name: peer.makes for name, peer in PEERS.items()},
    "bare score": "the same columns by a PySpark script of 60 lines, without returns, looks at the lines or checks",
    **dict.fromkeys(ON_CLUSTER.values(), "this job on scripts/cluster; CPU and memory of the driver alone"),
}

EPILOG: Final = """\
Each contestant is a process of its own, from its start to files on disk. They take turns. The table shows the median of
the rounds, and the median ratio of the times within a round. Below it stands what each contestant makes.

examples
  scripts/benchmark online_retail.parquet
  scripts/benchmark online_retail.parquet --copies 1 20 100 --driver-memory 12g
  scripts/benchmark online_retail.parquet --copies 20 --executors
  scripts/benchmark online_retail.parquet --score
  scripts/benchmark --sweep 4338 400000 4000000 --rounds 1
"""

# Runs a contestant with an empty folder for its output.
Contestant = Callable[[Path], Measurement]


def main(arguments: Sequence[str]) -> int:
    options = _parse(arguments)
    compare = _compare_executors if options.executors else _compare_scoring if options.score else _compare_peers
    results = []
    for source in options.input:
        for copies in options.copies:
            with tempfile.TemporaryDirectory() as scratch:
                results.append(compare(_copied(source.resolve(), copies, Path(scratch)), options))
    results += [_compare_sweeps(customers, options.rounds) for customers in options.sweep]
    print(machine())
    print(markdown_table(results))
    print(legend(results, MAKES))
    return 1 if any(result.has_failures for result in results) else 0


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/benchmark",
        description="Measure the job and its peers: wall and CPU seconds, peak memory.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("input", type=Path, nargs="*", help="a file, or a folder of Parquet files, with the columns "
        "of Online Retail")  # fmt: skip
    parser.add_argument("--copies", type=positive, nargs="+", default=[1], metavar="N", help="measure a Parquet file N "
        "times over, each copy with its own customers and invoices (default: 1)")  # fmt: skip
    parser.add_argument("--config", default="conf/online_retail.yaml", help="of this job, '' for none (default: "
        "%(default)s, whose tables the peers make)")  # fmt: skip
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=list(PEERS), help="default: all that read the "
        "input; pandas up to 20 million lines")  # fmt: skip
    parser.add_argument("--rounds", type=positive, default=3, help="default: %(default)s")
    parser.add_argument("--driver-memory", default="2g", help="of Spark's driver, and of each executor (default: "
        "%(default)s)")  # fmt: skip
    parser.add_argument("--executors", action="store_true", help="one against two of one core, on scripts/cluster")
    parser.add_argument("--score", action="store_true", help="jobs/score_customers.py, by the model of a run with the "
        "default --config, against a bare script with the same columns and a run that fits, on Parquet")  # fmt: skip
    parser.add_argument("--sweep", type=int, nargs="+", metavar="N", default=[], help="of N customers, alone")
    options = parser.parse_args(arguments)
    for source in options.input:
        if not source.exists():
            parser.error(f"{source}: does not exist")
        if options.copies != [1] and source.suffix != ".parquet":
            parser.error(f"{source}: only a Parquet file can be copied (--copies)")
    if not options.input and not options.sweep:
        parser.error("name an input, or --sweep")
    return options


def _copied(source: Path, copies: int, scratch: Path) -> Path:
    if copies == 1:
        return source
    target = scratch / f"{source.stem}_x{copies}.parquet"
    write_copies(source, copies, target)
    return target


def _compare_peers(source: Path, options: argparse.Namespace) -> Benchmark:
    memory = ["--driver-memory", options.driver_memory]

    def ours(folder: Path) -> Measurement:
        return measure(["scripts/submit", *memory, *_job(source, folder, options.config)], ROOT)

    def peer(name: str) -> Contestant:
        program = [sys.executable, "scripts/benchmarking/peers", name]
        if name == "bare":
            program = [*_bare_spark(options), "scripts/benchmarking/peers/bare.py"]
        return lambda folder: measure([*program, str(source), str(folder / "out")], ROOT)

    lines = lines_of(source)
    ending = ".parquet" if source.is_dir() else "".join(source.suffixes[-2:])
    chosen = {name: PEERS[name] for name in options.peers}
    able = [name for name, peer in chosen.items() if ending.endswith(peer.reads) and lines < peer.too_many_lines]
    name = f"{source.name}, {lines:,} lines" if lines else source.name
    return Benchmark(
        name, _take_turns(source.name, {OURS: ours, **{name: peer(name) for name in able}}, options.rounds)
    )


def _bare_spark(options: argparse.Namespace) -> list[str]:
    # As few partitions as a laptop has cores: Spark's 200 make a small run slower.
    settings = ["spark.ui.enabled=false", "spark.log.level=ERROR", "spark.sql.shuffle.partitions=2"]
    confs = [text for setting in settings for text in ("--conf", setting)]
    return ["spark-submit", "--master", "local[*]", "--driver-memory", options.driver_memory, *confs]


def _compare_scoring(source: Path, options: argparse.Namespace) -> Benchmark:
    """Score the lines of a run by its own model."""
    submit = ["scripts/submit", "--driver-memory", options.driver_memory]
    with tempfile.TemporaryDirectory() as made:
        subprocess.run([*submit, *_job(source, Path(made), options.config)], cwd=ROOT, check=True)
        lake = f"{made}/lake"

        def ours(folder: Path) -> Measurement:
            paths = ["--lake", lake, "--input", str(source), "--output", str(folder / "out")]
            return measure([*submit, "jobs/score_customers.py", "--quiet", *paths], ROOT)

        def bare(folder: Path) -> Measurement:
            program = [*_bare_spark(options), "scripts/benchmarking/peers/bare_score.py"]
            return measure([*program, str(source), lake, str(folder / "out")], ROOT)

        def fitting(folder: Path) -> Measurement:
            return measure([*submit, *_job(source, folder, options.config)], ROOT)

        contestants = {"score_customers": ours, "bare score": bare, OURS: fitting}
        runs = _take_turns(source.name, contestants, options.rounds)
    return Benchmark(f"scoring of {source.name}, {lines_of(source):,} lines", runs)


def _compare_executors(source: Path, options: argparse.Namespace) -> Benchmark:
    """Run the job on a standalone cluster of this machine, with one worker of one core and with two."""
    packed = subprocess.run(["scripts/package"], cwd=ROOT, capture_output=True, text=True, check=True)
    package = packed.stdout.split()[-1]
    memory = options.driver_memory

    def on_cluster(workers: int) -> Contestant:
        def run(folder: Path) -> Measurement:
            cluster = ["--dir", f"{folder}/cluster"]
            start = ["scripts/cluster", "start", *cluster, "--workers", str(workers), "--memory", memory]
            subprocess.run(start, cwd=ROOT, capture_output=True, check=True)
            profile = ["--properties-file", f"{folder}/cluster/job.properties"]
            sizes = ["--driver-memory", memory, "--executor-memory", memory]
            command = ["spark-submit", *profile, *sizes, "--py-files", package, *_job(source, folder, options.config)]
            try:
                return measure(command, ROOT)
            finally:
                subprocess.run(["scripts/cluster", "stop", *cluster], cwd=ROOT, capture_output=True, check=True)

        return run

    contestants = {name: on_cluster(workers) for workers, name in ON_CLUSTER.items()}
    name = f"{source.name}, {lines_of(source):,} lines"
    return Benchmark(name, _take_turns(source.name, contestants, options.rounds))


def _compare_sweeps(customers: int, rounds: int) -> Benchmark:
    """Measure the sweep alone: the seconds that it reports, without the start of Spark and of Python."""
    program = "scripts/benchmarking/sweep.py"
    local = ["spark-submit", "--properties-file", "conf/spark-local.conf"]
    start = ["scripts/submit"] if customers < MANY_CUSTOMERS else local
    with tempfile.TemporaryDirectory() as made:
        path = f"{made}/customers.parquet"
        subprocess.run([sys.executable, program, "customers", path, "--count", str(customers)], cwd=ROOT, check=True)

        def by(command: Sequence[str], library: str) -> Contestant:
            def run(_: Path) -> Measurement:
                measurement = measure([*command, program, library, path], ROOT)
                result = next((line for line in measurement.output.splitlines() if line.startswith("{")), "{}")
                return replace(measurement, wall=json.loads(result).get("seconds", measurement.wall))

            return run

        ours = by([*start, "--driver-memory", "6g"], "spark")
        contestants = {OURS: ours, "scikit-learn": by([sys.executable], "scikit-learn")}
        runs = _take_turns(f"sweep of {customers:,}", contestants, rounds)
    return Benchmark(f"sweep of {customers:,} customers, without start-up (CPU and memory with it)", runs)


def _take_turns(name: str, contestants: Mapping[str, Contestant], rounds: int) -> dict[str, list[Measurement]]:
    """Run every contestant once a round, so that a slow minute of the machine hits all of them."""
    runs: dict[str, list[Measurement]] = {contestant: [] for contestant in contestants}
    for number in range(1, rounds + 1):
        for contestant, run in contestants.items():
            with tempfile.TemporaryDirectory() as folder:
                measurement = run(Path(folder))
            took = f"{measurement.wall:.1f} s, CPU {measurement.cpu:.1f} s, exit code {measurement.code}"
            print(f"{name}, round {number}: {contestant} {took}", file=sys.stderr)
            runs[contestant].append(measurement)
    return runs


def _job(source: Path, folder: Path, config: str) -> list[str]:
    configured = ["--config", config] if config else []
    files = ["--input", str(source), "--output", str(folder / "lake")]
    return ["jobs/segment_customers.py", *configured, "--quiet", *files]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
