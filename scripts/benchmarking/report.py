"""Show measurements as a Markdown table."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from statistics import median
from typing import Final

from scripts.benchmarking.measure import Measurement

PACKAGES: Final = ("pyspark", "duckdb", "polars", "pandas", "openpyxl", "scikit-learn")


@dataclass(frozen=True)
class Benchmark:
    """The measurements of every contestant on one input, one per round; all are compared with the first."""

    name: str
    runs: Mapping[str, Sequence[Measurement]]

    @property
    def ours(self) -> Sequence[Measurement]:
        return next(iter(self.runs.values()))

    @property
    def has_failures(self) -> bool:
        return any(run.code for runs in self.runs.values() for run in runs)


def machine() -> str:
    """Return the date, the machine and the versions of everything that ran, as one line."""
    java = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr.splitlines()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores, "
        f"{memory:.0f} GB; {java[0] if java else 'no java'}; Python {platform.python_version()}; {versions}\n"
    )


def markdown_table(benchmarks: Sequence[Benchmark]) -> str:
    """Return one table with a row per input and contestant, of medians.

    The ratio is the time of the input's first contestant ÷ the row's, within each round.
    """
    rounds = len(benchmarks[0].ours)
    lines = [
        f"Medians of {rounds} round{'s' if rounds > 1 else ''}; memory is that of the largest process; the ratio is "
        "the wall time of the input's first row ÷ this row's.",
        "",
        "| input | | wall s | CPU s | peak GB | ratio |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for benchmark in benchmarks:
        label = benchmark.name
        for name, runs in benchmark.runs.items():
            lines.append(f"| {label} | {name} | {_figures(benchmark.ours, runs)} |")
            label = ""
    return "\n".join([*lines, ""])


def legend(benchmarks: Sequence[Benchmark], makes: Mapping[str, str]) -> str:
    """Return what each contestant makes, as a list."""
    names = dict.fromkeys(name for benchmark in benchmarks for name in benchmark.runs)
    return "\n".join(f"- {name}: {makes[name]}" for name in names if name in makes)


def _figures(ours: Sequence[Measurement], runs: Sequence[Measurement]) -> str:
    if any(run.code for run in runs):
        return f"failed with {next(run.code for run in runs if run.code)} | | |"
    ratio = median(our.wall / run.wall for our, run in zip(ours, runs, strict=True))
    peak = median(run.peak_bytes for run in runs) / 2**30
    wall, cpu = median(run.wall for run in runs), median(run.cpu for run in runs)
    return f"{wall:.1f} | {cpu:.1f} | {peak:.1f} | {ratio:.2f}"
