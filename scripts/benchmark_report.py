"""What was measured, as a table in text and as a chart."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Final

import matplotlib as mpl
import psutil

from benchmark_measure import Measured

mpl.use("agg")

import matplotlib.pyplot as plt

PACKAGES: Final = ("pyspark", "pandas", "openpyxl", "polars", "duckdb", "scikit-learn")


@dataclass(frozen=True)
class Benchmark:
    """The runs of every contestant on one input, this job's first, a round's at the same place of each list."""

    name: str
    runs: Mapping[str, Sequence[Measured]]

    @property
    def ours(self) -> Sequence[Measured]:
        return next(iter(self.runs.values()))


def machine() -> str:
    """Where and when, and the versions of all that ran."""
    java = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr.splitlines()
    memory = psutil.virtual_memory().total / 2**30
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores, "
        f"{memory:.0f} GB; {java[0] if java else 'no java'}; Python {platform.python_version()}; {versions}\n"
    )


def written(benchmark: Benchmark) -> str:
    """A Markdown table: one row per contestant, the medians, and the first's time as a multiple of the contestant's."""
    rounds = len(benchmark.ours)
    lines = [
        f"{benchmark.name}, median of {rounds} round{'s' if rounds > 1 else ''}",
        "",
        f"| | wall s | CPU s | peak GB | {next(iter(benchmark.runs))} ÷ it |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, runs in benchmark.runs.items():
        if any(run.code for run in runs):
            lines.append(f"| {name} | failed with {max(run.code for run in runs)} | | | |")
            continue
        ratio = median(ours.wall / run.wall for ours, run in zip(benchmark.ours, runs, strict=True))
        peak = median(run.peak_bytes for run in runs) / 2**30
        wall, cpu = median(run.wall for run in runs), median(run.cpu for run in runs)
        lines.append(f"| {name} | {wall:.1f} | {cpu:.1f} | {peak:.1f} | {ratio:.2f} |")
    return "\n".join([*lines, ""])


def write_chart(results: Sequence[Benchmark], path: Path) -> None:
    """Bars of the median wall seconds, a group for each input."""
    figure, axes = plt.subplots(nrows=len(results), squeeze=False, figsize=(9, 0.8 + 2.2 * len(results)))
    for axis, result in zip(axes[:, 0], results, strict=True):
        names = [name for name in reversed(result.runs) if not any(run.code for run in result.runs[name])]
        seconds = [median(run.wall for run in result.runs[name]) for name in names]
        colours = ["#c44e52" if result.runs[name] is result.ours else "#8c8c8c" for name in names]
        bars = axis.barh(names, seconds, color=colours)
        axis.bar_label(bars, labels=[f"{value:.1f} s" for value in seconds], padding=4)
        axis.set_title(f"{result.name}: seconds from start to files on disk", loc="left")
        axis.spines[["top", "right"]].set_visible(False)
        axis.margins(x=0.12)
    figure.tight_layout()
    figure.savefig(path, dpi=120)
