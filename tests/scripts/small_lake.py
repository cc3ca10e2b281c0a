"""Published runs made by hand: two tables of a few rows, a model and charts of one line of text, and the manifest."""

import hashlib
import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

ROWS = {"customer_segments": 3, "data_quality": 2}


def write_run(runs: Path, run_id: str, as_of: str) -> Path:
    run = runs / f"run_id={run_id}"
    for folder in (*ROWS, "model", "charts"):
        (run / folder).mkdir(parents=True)
    customers = {
        "customer_id": ["12346", "12347", "12348"],
        "total_spend": pa.array([Decimal(text) for text in ("10.2500", "20.2500", "30.2500")], pa.decimal128(20, 4)),
        "purchase_frequency": [1, 2, 3],
        "as_of": [date.fromisoformat(as_of)] * 3,
    }
    pq.write_table(pa.table(customers), run / "customer_segments/part-0.parquet")
    pq.write_table(pa.table({"rule": ["clean", "guest"], "rows": [3, 0]}), run / "data_quality/part-0.parquet")
    for name in ("model/metadata.json", *(f"charts/{number}.png" for number in range(5))):
        (run / name).write_text(f"{name} of {run_id}")
    write_manifest(run, run_id, as_of)
    return run


def write_manifest(run: Path, run_id: str, as_of: str) -> None:
    """Write the manifest of the files that are there."""
    paths = [path for path in sorted(run.rglob("*")) if path.is_file() and path.name != "manifest.json"]
    facts = {str(path.relative_to(run)): facts_of(path) for path in paths}
    of_tables = {
        table: {"rows": rows, "files": {name: facts[name] for name in facts if name.startswith(f"{table}/")}}
        for table, rows in ROWS.items()
    }
    others = {name: facts[name] for name in facts if name.partition("/")[0] not in ROWS}
    content = {"run_id": run_id, "as_of": as_of, "tables": of_tables, "files": others}
    (run / "manifest.json").write_text(json.dumps(content))


def facts_of(path: Path) -> dict[str, object]:
    return {"bytes": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def write_latest(lake: Path, run_id: str, as_of: str) -> None:
    content = {"run_id": run_id, "path": f"runs/run_id={run_id}", "as_of": as_of}
    (lake / "latest.json").write_text(json.dumps(content))
