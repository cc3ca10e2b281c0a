"""Read the tables of published runs by pyarrow, without Spark, and look at what a lake holds."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq


def table_of(run: Path, table: str) -> pa.Table:
    return pq.read_table(run / table, partitioning=None)


def rows_of(run: Path, table: str) -> list[dict[str, Any]]:
    return table_of(run, table).to_pylist()


def runs_in(lake: Path) -> list[str]:
    """Return the ids of the published runs, sorted."""
    return sorted(path.name.removeprefix("run_id=") for path in (lake / "runs").glob("*"))


def left_over(lake: Path) -> list[str]:
    """Return what is in a lake besides latest.json and its published runs."""
    staging = lake / "_staging"
    strays = {path.name for path in lake.iterdir()} - {"runs", "latest.json", "_staging"} if lake.is_dir() else set()
    return sorted(strays | ({path.name for path in staging.iterdir()} if staging.is_dir() else set()))
