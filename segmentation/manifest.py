"""What a published run says of itself: manifest.json."""

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from segmentation.choosing_k import Choice
from segmentation.config import RunConfig
from segmentation.identity import Identity, code_version
from segmentation.input_files import InputFile
from segmentation.schemas import TABLES


def run_facts(
    config: RunConfig,
    identity: Identity,
    files: Sequence[InputFile],
    as_of: date,
    began: datetime,
    choice: Choice,
    spark_version: str,
) -> dict[str, Any]:
    """What a run was made from, with what, and what it decided."""
    return {
        "identity": identity.run,
        "title": config.title,
        "as_of": as_of.isoformat(),
        "began_at": began.isoformat(timespec="seconds"),
        "input": {
            "fingerprint": identity.input_fingerprint,
            "files": [
                {
                    "path": file.path,
                    "bytes": file.stored.size,
                    "modified_ms": file.stored.modified_ms,
                    "format": file.kind,
                }
                for file in files
            ],
        },
        "configuration": config.model_dump(mode="json"),
        "code_version": code_version(),
        "spark_version": spark_version,
        "choice": {"k": choice.k, "rule": choice.rule, "elbow": choice.elbow, "reason": choice.reason},
    }


def contents(rows: Mapping[str, int], checksums: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """`tables`, each with its rows, bytes, schema and the SHA-256 of each file, and `files`, the same of all others.

    `rows` are counted by table, `checksums` are by path inside the run: bytes and sha256.
    """
    tables = {}
    for table, schema in TABLES.items():
        own = {path: facts for path, facts in checksums.items() if path.startswith(f"{table}/")}
        tables[table] = {
            "rows": rows[table],
            "bytes": sum(facts["bytes"] for facts in own.values()),
            "schema": json.loads(schema.json()),
            "files": own,
        }
    others = {path: facts for path, facts in checksums.items() if path.partition("/")[0] not in TABLES}
    return {"tables": tables, "files": others}
