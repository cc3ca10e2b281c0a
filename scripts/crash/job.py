"""The job that a crash test starts and kills: the real one by spark-submit, made as short as possible."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final, Protocol

from scripts.launcher.options import launch_options

ROOT: Final = Path(__file__).resolve().parents[2]
# The steps that the library logs while it publishes, in this order.
STEPS: Final = (
    "staging written",
    "audited",
    "before rename",
    "after rename",
    "before latest.json",
    "after latest.json",
)
FEWEST_FITS: Final = ("clustering.k_max=3", "clustering.restarts=1")
LINES: Final = 150
CUSTOMERS: Final = 30
FIRST_DAY: Final = datetime(2011, 1, 3, 9, 0)
DAYS: Final = 90
FIRST_AS_OF: Final = date(2011, 6, 1)
HEADER: Final = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"


@dataclass(frozen=True)
class Order:
    """A run to publish: each is of a later day than the one before."""

    number: int

    @property
    def run_id(self) -> str:
        return f"crash-{self.number:04}"

    @property
    def as_of(self) -> str:
        return (FIRST_AS_OF + timedelta(days=self.number)).isoformat()


class Job(Protocol):
    """A program that publishes one run in a lake; `steps` are those at which it can kill itself."""

    steps: Sequence[str]

    def command(self, order: Order, scratch: Path, step: str | None) -> list[str]:
        """Return the command line; `scratch` is an empty folder for what it writes outside the lake."""

    def environment(self, scratch: Path) -> Mapping[str, str]:
        """Return the environment of the command."""


class SegmentCustomers:
    """jobs/segment_customers.py over a few lines, by this Python's own spark-submit.

    The first run stores Java's loaded classes in a file next to the input, from which the others start sooner.
    """

    steps: Sequence[str] = STEPS

    def __init__(self, lake: Path, folder: Path, seed: int) -> None:
        self._lake = lake
        self._input = write_input(folder / "transactions.csv", seed)
        self._classes = folder / "classes.jsa"

    def command(self, order: Order, scratch: Path, step: str | None) -> list[str]:
        sharing = "SharedArchiveFile" if self._classes.exists() else "ArchiveClassesAtExit"
        # Nothing is written to the machine's temporary folder.
        java = (f'-XX:{sharing}="{self._classes}"', f'-Djava.io.tmpdir="{scratch}"', "-XX:-UsePerfData")
        program = [str(ROOT / "scripts/crash/at_step.py"), step] if step else [str(ROOT / "jobs/segment_customers.py")]
        job = [
            *program,
            *("--config", str(ROOT / "conf/online_retail.yaml"), "--input", str(self._input)),
            *("--output", str(self._lake), "--run-id", order.run_id, "--as-of", order.as_of),
            *("--set", *FEWEST_FITS),
        ]
        spark_submit = str(Path(sys.executable).parent / "spark-submit")
        return [spark_submit, *launch_options(job, java), "--master", "local[2]", *job]

    def environment(self, scratch: Path) -> Mapping[str, str]:
        python = {"PYSPARK_PYTHON": sys.executable, "PYSPARK_DRIVER_PYTHON": sys.executable}
        return {**os.environ, **python, "TMPDIR": str(scratch), "SPARK_LOCAL_DIRS": str(scratch)}


def write_input(path: Path, seed: int) -> Path:
    """Write a CSV file of transactions: few customers, a third of whom buy ten times as much at a time."""
    draw = random.Random(seed)
    lines = [HEADER]
    for number in range(LINES):
        customer = number % CUSTOMERS
        quantity = draw.randint(1, 5) * (10 if customer % 3 == 0 else 1)
        moment = FIRST_DAY + timedelta(days=draw.randrange(DAYS), minutes=draw.randrange(480))
        product, price = draw.randrange(12), draw.randint(100, 900) / 100
        lines.append(
            f"{536_365 + number},{84_000 + product},LANTERN {product},{quantity},{moment},{price:.2f},"
            f"{12_346 + customer},United Kingdom"
        )
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
