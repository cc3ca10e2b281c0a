"""The job and its peers, run in turn on the same input and measured as whole processes; see --help."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from benchmark_measure import Measured, measure
from benchmark_report import Benchmark, machine, write_chart, written

ROOT: Final = Path(__file__).resolve().parent.parent
OURS: Final = "this job"
LOCAL: Final = "conf/spark-local.conf"
MANY_CUSTOMERS: Final = 50_000
PEERS: Final = ("pandas", "polars", "duckdb")
# DuckDB reads workbooks by an extension that it fetches from the network.
READS_WORKBOOKS: Final = ("pandas", "polars")

EPILOG: Final = """\
Each contestant is a process of its own, from its start to files on disk, with the same cleaning, customer features,
sweep of k = 2..10, segments, country and product tables, elbow and scatter chart. They take turns; what is told is the
median of several rounds, and the ratio to this job's time in the same round.

examples
  scripts/benchmark online_retail.parquet
  scripts/benchmark lines.parquet --executors --rounds 1
  scripts/benchmark --sweep 4338 400000 4000000 --rounds 1
  scripts/benchmark lines.parquet --peers polars duckdb --rounds 1 --driver-memory 12g --chart benchmark.png
"""


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/benchmark",
        description="Measure the job and its peers: wall and CPU seconds, peak memory.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("input", type=Path, nargs="*", help="a file, or a folder of Parquet files, in our columns")
    parser.add_argument("--config", default="conf/online_retail.yaml", help="of this job (default: %(default)s)")
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=PEERS, help="default: all that read the input")
    parser.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--driver-memory", help="of this job, as spark-submit takes it, such as 2g")
    parser.add_argument("--executors", action="store_true", help="one against two of one core, on scripts/cluster")
    parser.add_argument("--sweep", type=int, nargs="+", metavar="N", default=[], help="of N customers, alone")
    parser.add_argument("--chart", type=Path, help="draw the medians there as well, as PNG")
    given = parser.parse_args(arguments)
    for source in given.input:
        if not source.exists():
            parser.error(f"{source}: nothing is there")
    if given.rounds < 1:
        parser.error(f"--rounds is a positive number, got {given.rounds}")
    if not given.input and not given.sweep:
        parser.error("name an input, or --sweep")
    compare = _executors if given.executors else _compared
    results = [compare(source.resolve(), given) for source in given.input]
    results += [_sweeps(customers, given.rounds) for customers in given.sweep]
    print(machine())
    for result in results:
        print(written(result))
    if given.chart:
        write_chart(results, given.chart)
        print(f"Chart: {given.chart}")
    return 1 if any(one.code for result in results for runs in result.runs.values() for one in runs) else 0


def _compared(source: Path, given: argparse.Namespace) -> Benchmark:
    peers = [peer for peer in given.peers if source.suffix != ".xlsx" or peer in READS_WORKBOOKS]
    runs: dict[str, list[Measured]] = {name: [] for name in (OURS, *peers)}
    for number in range(given.rounds):
        for name, measured in runs.items():
            with tempfile.TemporaryDirectory() as folder:
                command = _ours(source, Path(folder), given) if name == OURS else _peer(name, source, Path(folder))
                one = measure(command, ROOT)
            print(f"{source.name}, round {number + 1}: {name} {one.wall:.1f} s, exit code {one.code}", file=sys.stderr)
            measured.append(one)
    return Benchmark(source.name, runs)


def _executors(source: Path, given: argparse.Namespace) -> Benchmark:
    """The job on a standalone cluster of this machine, with one worker of one core and with two."""
    packed = subprocess.run(["scripts/package"], cwd=ROOT, capture_output=True, text=True, check=True)
    package = packed.stdout.split()[-1]
    runs: dict[str, list[Measured]] = {"2 executors": [], "1 executor": []}
    memory = given.driver_memory or "2g"
    for number in range(given.rounds):
        for name, measured in runs.items():
            with tempfile.TemporaryDirectory() as folder:
                cluster = ["--dir", f"{folder}/cluster"]
                start = ["scripts/cluster", "start", *cluster, "--workers", name[0], "--memory", memory]
                subprocess.run(start, cwd=ROOT, capture_output=True, check=True)
                profile = ["--properties-file", f"{folder}/cluster/job.properties", "--executor-memory", memory]
                job = ["jobs/segment_customers.py", "--config", given.config, "--quiet", "--input", str(source)]
                command = ["spark-submit", *profile, "--py-files", package, *job, "--output", f"{folder}/lake"]
                one = measure(command, ROOT)
                subprocess.run(["scripts/cluster", "stop", *cluster], cwd=ROOT, capture_output=True, check=True)
            print(f"{source.name}, round {number + 1}: {name} {one.wall:.1f} s, exit code {one.code}", file=sys.stderr)
            measured.append(one)
    return Benchmark(f"{source.name} on a cluster", runs)


def _sweeps(customers: int, rounds: int) -> Benchmark:
    """The sweep alone: its own seconds, without the start of Spark and of Python."""
    program = "scripts/benchmark_sweep.py"
    # As the job would be started on the lines of so many.
    start = ["scripts/submit"] if customers < MANY_CUSTOMERS else ["spark-submit", "--properties-file", LOCAL]
    spark = [*start, "--driver-memory", "6g", program, "spark"]
    commands = {OURS: spark, "scikit-learn": [sys.executable, program, "scikit-learn"]}
    runs: dict[str, list[Measured]] = {name: [] for name in commands}
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/customers.parquet"
        subprocess.run([sys.executable, program, "customers", str(customers), path], cwd=ROOT, check=True)
        for number in range(rounds):
            for name, command in commands.items():
                one = measure([*command, path], ROOT)
                told = next((line for line in one.said.splitlines() if line.startswith("{")), "{}")
                print(f"sweep of {customers:,}, round {number + 1}: {name} {told}", file=sys.stderr)
                runs[name].append(replace(one, wall=json.loads(told).get("seconds", one.wall)))
    return Benchmark(f"sweep of {customers:,} customers, without start-up (CPU and memory with it)", runs)


def _ours(source: Path, folder: Path, given: argparse.Namespace) -> list[str]:
    memory = ["--driver-memory", given.driver_memory] if given.driver_memory else []
    job = ["jobs/segment_customers.py", "--config", given.config, "--quiet"]
    return ["scripts/submit", *memory, *job, "--input", str(source), "--output", str(folder / "lake")]


def _peer(name: str, source: Path, folder: Path) -> list[str]:
    return [sys.executable, f"scripts/peer_{name}.py", str(source), str(folder / "out")]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
