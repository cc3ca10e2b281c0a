"""Run the job and its peers in turn on the same input and measure them as whole processes; see --help."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from scripts.arguments import positive
from scripts.benchmarking.measure import Measurement, measure
from scripts.benchmarking.report import Benchmark, machine, markdown_table

ROOT: Final = Path(__file__).resolve().parents[2]
OURS: Final = "this job"
# From this many customers on, the job's input would be too large for the settings of small input.
MANY_CUSTOMERS: Final = 50_000
PEERS: Final = ("pandas", "duckdb")

EPILOG: Final = """\
Each contestant is a process of its own, from its start to files on disk, with the same cleaning, customer features,
sweep of k = 2..10, segments, country and product tables, elbow and scatter chart. They take turns. The table shows the
median of the rounds, and the median ratio of the times within a round.

examples
  scripts/benchmark online_retail.parquet
  scripts/benchmark lines.parquet --executors --rounds 1
  scripts/benchmark --sweep 4338 400000 4000000 --rounds 1
  scripts/benchmark lines.parquet --peers duckdb --rounds 1 --driver-memory 12g
"""

# Runs a contestant with an empty folder for its output.
Contestant = Callable[[Path], Measurement]


def main(arguments: Sequence[str]) -> int:
    options = _parse(arguments)
    compare = _compare_executors if options.executors else _compare_peers
    results = [compare(source.resolve(), options) for source in options.input]
    results += [_compare_sweeps(customers, options.rounds) for customers in options.sweep]
    print(machine())
    for result in results:
        print(markdown_table(result))
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
    parser.add_argument("--config", default="conf/online_retail.yaml", help="of this job (default: %(default)s)")
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=PEERS, help="default: all that read the input")
    parser.add_argument("--rounds", type=positive, default=3, help="default: %(default)s")
    parser.add_argument("--driver-memory", help="of this job, as spark-submit takes it, such as 2g")
    parser.add_argument("--executors", action="store_true", help="one against two of one core, on scripts/cluster")
    parser.add_argument("--sweep", type=int, nargs="+", metavar="N", default=[], help="of N customers, alone")
    options = parser.parse_args(arguments)
    for source in options.input:
        if not source.exists():
            parser.error(f"{source}: does not exist")
    if not options.input and not options.sweep:
        parser.error("name an input, or --sweep")
    return options


def _compare_peers(source: Path, options: argparse.Namespace) -> Benchmark:
    def ours(folder: Path) -> Measurement:
        memory = ["--driver-memory", options.driver_memory] if options.driver_memory else []
        return measure(["scripts/submit", *memory, *_job(source, folder, options.config)], ROOT)

    def peer(name: str) -> Contestant:
        command = [sys.executable, "scripts/benchmarking/peers", name, str(source)]
        return lambda folder: measure([*command, str(folder / "out")], ROOT)

    # DuckDB reads workbooks by an extension that it fetches from the network.
    peers = [name for name in options.peers if source.suffix != ".xlsx" or name == "pandas"]
    contestants = {OURS: ours, **{name: peer(name) for name in peers}}
    return Benchmark(source.name, _take_turns(source.name, contestants, options.rounds))


def _compare_executors(source: Path, options: argparse.Namespace) -> Benchmark:
    """Run the job on a standalone cluster of this machine, with one worker of one core and with two."""
    packed = subprocess.run(["scripts/package"], cwd=ROOT, capture_output=True, text=True, check=True)
    package = packed.stdout.split()[-1]
    memory = options.driver_memory or "2g"

    def on_cluster(workers: int) -> Contestant:
        def run(folder: Path) -> Measurement:
            cluster = ["--dir", f"{folder}/cluster"]
            start = ["scripts/cluster", "start", *cluster, "--workers", str(workers), "--memory", memory]
            subprocess.run(start, cwd=ROOT, capture_output=True, check=True)
            profile = ["--properties-file", f"{folder}/cluster/job.properties", "--executor-memory", memory]
            command = ["spark-submit", *profile, "--py-files", package, *_job(source, folder, options.config)]
            measurement = measure(command, ROOT)
            subprocess.run(["scripts/cluster", "stop", *cluster], cwd=ROOT, capture_output=True, check=True)
            return measurement

        return run

    contestants = {"2 executors": on_cluster(2), "1 executor": on_cluster(1)}
    return Benchmark(f"{source.name} on a cluster", _take_turns(source.name, contestants, options.rounds))


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
            seconds, code = f"{measurement.wall:.1f} s", measurement.code
            print(f"{name}, round {number}: {contestant} {seconds}, exit code {code}", file=sys.stderr)
            runs[contestant].append(measurement)
    return runs


def _job(source: Path, folder: Path, config: str) -> list[str]:
    options = ["--config", config, "--quiet", "--input", str(source), "--output", str(folder / "lake")]
    return ["jobs/segment_customers.py", *options]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
