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

PACKAGES: Final = ("pyspark", "pandas", "openpyxl", "duckdb", "scikit-learn")


@dataclass(frozen=True)
class Benchmark:
    """The measurements of every contestant on one input, one per round; the first contestant is the job."""

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


def markdown_table(benchmark: Benchmark) -> str:
    """Return one row per contestant: medians, and the median of our time ÷ its time within each round."""
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
