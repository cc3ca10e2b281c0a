"""The job and its peers, run in turn on the same input and measured as whole processes; see --help."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmark_measure import Measured, measure
from benchmark_report import Benchmark, machine, write_chart, written

ROOT: Final = Path(__file__).resolve().parent.parent
OURS: Final = "this job"
PEERS: Final = ("pandas", "polars", "duckdb")
# DuckDB reads workbooks by an extension that it fetches from the network.
READS_WORKBOOKS: Final = ("pandas", "polars")

EPILOG: Final = """\
Each contestant is a process of its own, from its start to files on disk, with the same cleaning, customer features,
sweep of k = 2..10, segments, country and product tables, elbow and scatter chart. They take turns; what is told is the
median of several rounds, and the ratio to this job's time in the same round.

examples
  scripts/benchmark online_retail.parquet
  scripts/benchmark lines.parquet --peers polars duckdb --rounds 1 --driver-memory 12g --chart benchmark.png
"""


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/benchmark",
        description="Measure the job and its peers: wall and CPU seconds, peak memory.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("input", type=Path, nargs="+", help="a file, or a folder of Parquet files, in our columns")
    parser.add_argument("--config", default="conf/online_retail.yaml", help="of this job (default: %(default)s)")
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=PEERS, help="default: all that read the input")
    parser.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--driver-memory", help="of this job, as spark-submit takes it, such as 2g")
    parser.add_argument("--chart", type=Path, help="draw the medians there as well, as PNG")
    given = parser.parse_args(arguments)
    for source in given.input:
        if not source.exists():
            parser.error(f"{source}: nothing is there")
    if given.rounds < 1:
        parser.error(f"--rounds is a positive number, got {given.rounds}")
    results = [_compared(source.resolve(), given) for source in given.input]
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


def _ours(source: Path, folder: Path, given: argparse.Namespace) -> list[str]:
    memory = ["--driver-memory", given.driver_memory] if given.driver_memory else []
    job = ["jobs/segment_customers.py", "--config", given.config, "--quiet"]
    return ["scripts/submit", *memory, *job, "--input", str(source), "--output", str(folder / "lake")]


def _peer(name: str, source: Path, folder: Path) -> list[str]:
    return [sys.executable, f"scripts/peer_{name}.py", str(source), str(folder / "out")]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
