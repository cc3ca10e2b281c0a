"""Read published runs as any reader does: by pyarrow and json, without Spark."""

import hashlib
import json
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from segmentation import schemas as s

# What may differ between two runs of the same input and configuration: how long a fit took.
DIFFERS = {"k_sweep": {"seconds"}}
# Spark makes a new one for each object: SQLTransformer_eabaace88b50.
UID = re.compile(r"\b([A-Za-z]+)_[0-9a-f]{12,}")


def table_of(run: Path, table: str) -> pa.Table:
    return pq.read_table(run / table, partitioning=None)


def rows_of(run: Path, table: str) -> list[dict[str, Any]]:
    return table_of(run, table).to_pylist()


def content_hash(run: Path, table: str, without: Collection[str] = ()) -> str:
    """Return the SHA-256 of a table's schema and sorted rows, without columns that differ between runs."""
    table_read = table_of(run, table)
    omitted = {*without, *DIFFERS.get(table, ())}
    compared = table_read.select([name for name in table_read.column_names if name not in omitted])
    columns = [compared.column(name).to_pylist() for name in compared.column_names]
    rows = sorted(repr(row) for row in zip(*columns, strict=True))
    return hashlib.sha256("\n".join([str(compared.schema.remove_metadata()), *rows]).encode()).hexdigest()


def content_hashes(run: Path, without: Collection[str] = ()) -> dict[str, str]:
    return {table: content_hash(run, table, without) for table in s.TABLES}


def manifest_of(run: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    return content


def runs_in(lake: Path) -> list[str]:
    """Return the ids of the published runs, sorted."""
    return sorted(path.name.removeprefix("run_id=") for path in (lake / "runs").glob("*"))


def latest_run(lake: Path) -> Path:
    return lake / json.loads((lake / "latest.json").read_text(encoding="utf-8"))["path"]


def left_over(lake: Path) -> list[str]:
    """Return what is in a lake besides latest.json and its published runs."""
    staging = lake / "_staging"
    strays = {path.name for path in lake.iterdir()} - {"runs", "latest.json", "_staging"} if lake.is_dir() else set()
    return sorted(strays | ({path.name for path in staging.iterdir()} if staging.is_dir() else set()))


def model_content(run: Path) -> list[tuple[dict[str, Any], list[str]]]:
    """Return each stage of the saved model in order: metadata without uid and timestamp, and sorted rows of data."""
    stages = sorted((run / "model" / "stages").iterdir(), key=lambda path: int(path.name.partition("_")[0]))
    return [(_metadata(stage), _data(stage)) for stage in stages]


def _metadata(stage: Path) -> dict[str, Any]:
    [part] = (stage / "metadata").glob("part-*")
    content: dict[str, Any] = json.loads(UID.sub(r"\1", part.read_text(encoding="utf-8")))
    # PySpark's default is the hash of a class name, which differs between processes; no prediction depends on it.
    content["defaultParamMap"].pop("seed", None)
    return {key: value for key, value in content.items() if key != "timestamp"}


def _data(stage: Path) -> list[str]:
    data = stage / "data"
    return sorted(repr(row) for row in pq.read_table(data, partitioning=None).to_pylist()) if data.is_dir() else []
