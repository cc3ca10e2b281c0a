"""Read published runs as any reader does, by pyarrow and json, and compare what is in them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq

from segmentation import schemas as s

# What may differ between two runs of the same lines and configuration: how long a fit took, and in which run.
DIFFERS: Final = {"k_sweep": {"seconds", "fitted_in"}}
# What the manifest says of a run's figures.
FACTS: Final = ("as_of", "choice", "rfm_cuts", "reconciliation", "warnings")
# Spark makes a new one for each object: SQLTransformer_eabaace88b50.
UID: Final = re.compile(r"\b([A-Za-z]+)_[0-9a-f]{12,}")


def latest_run(lake: Path) -> Path:
    return lake / str(json.loads((lake / "latest.json").read_text(encoding="utf-8"))["path"])


def manifest_of(run: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    return content


def differences(run: Path, other: Path) -> list[str]:
    """Return the names of what differs between two runs: tables, facts of the manifest, charts, lists, the model."""
    ours, theirs = _contents(run), _contents(other)
    return sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))


def content_hash(run: Path, table: str, without: Collection[str] = ()) -> str:
    """Return the SHA-256 of a table's schema and sorted rows, without columns that differ between runs."""
    table_read = pq.read_table(run / table, partitioning=None)
    omitted = {*without, *DIFFERS.get(table, ())}
    compared = table_read.select([name for name in table_read.column_names if name not in omitted])
    columns = [compared.column(name).to_pylist() for name in compared.column_names]
    rows = sorted(repr(row) for row in zip(*columns, strict=True))
    return hashlib.sha256("\n".join([str(compared.schema.remove_metadata()), *rows]).encode()).hexdigest()


def content_hashes(run: Path, without: Collection[str] = ()) -> dict[str, str]:
    """Return the hash of each table that the run has."""
    return {table: content_hash(run, table, without) for table in s.TABLES if (run / table).is_dir()}


def model_content(run: Path) -> list[tuple[dict[str, Any], list[str]]]:
    """Return each stage of the saved model in order: metadata without uid and timestamp, and sorted rows of data."""
    stages = sorted((run / "model" / "stages").iterdir(), key=lambda path: int(path.name.partition("_")[0]))
    return [(_metadata(stage), _data(stage)) for stage in stages]


def _contents(run: Path) -> dict[str, object]:
    manifest = manifest_of(run)
    return {
        **content_hashes(run),
        **{fact: manifest[fact] for fact in FACTS},
        **{name: file for name, file in manifest["files"].items() if name.startswith(("charts/", "exports/"))},
        # Each Spark has defaults of its own for what is not set.
        "model": [(stage["class"], stage["paramMap"], rows) for stage, rows in model_content(run)],
    }


def _metadata(stage: Path) -> dict[str, Any]:
    [part] = (stage / "metadata").glob("part-*")
    content: dict[str, Any] = json.loads(UID.sub(r"\1", part.read_text(encoding="utf-8")))
    # PySpark's default is the hash of a class name, which differs between processes; no prediction depends on it.
    content["defaultParamMap"].pop("seed", None)
    return {key: value for key, value in content.items() if key != "timestamp"}


def _data(stage: Path) -> list[str]:
    data = stage / "data"
    return sorted(repr(row) for row in pq.read_table(data, partitioning=None).to_pylist()) if data.is_dir() else []
