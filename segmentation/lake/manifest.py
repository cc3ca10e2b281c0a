"""What makes a run the same run: its input, its configuration, its code."""
# TODO-DOC manifest: What a published run says of itself: manifest.json.

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

from segmentation import __version__
from segmentation import schemas as s
from segmentation.clustering.choose_k import Choice
from segmentation.config.settings import RunConfig
from segmentation.errors import ConfigError
from segmentation.filesystem import StoredFile
from segmentation.ingest.files import InputFile

LONGEST_RUN_ID = 100
RUN_ID = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{LONGEST_RUN_ID - 1}}}")
SHORT = 12
SOURCES = (".py", ".html", ".css", ".js")


@dataclass(frozen=True)
class Identity:
    """Hexadecimal SHA-256 of the input's paths, sizes and modification times, and of all that a run depends on."""

    input_fingerprint: str
    run: str

    @property
    def default_run_id(self) -> str:
        """Equal for equal runs, so that the same run finds itself published."""
        return self.run[:SHORT]


def identify(files: Sequence[StoredFile], config: RunConfig, as_of: date | None) -> Identity:
    """The identity of a run over `files`; `as_of` is the day asked for, None for the default."""
    fingerprint = _digest([[file.path, file.size, file.modified_ms] for file in files])
    return Identity(fingerprint, _digest([fingerprint, config.canonical(), str(as_of), code_version()]))


def is_run_id(run_id: str) -> bool:
    """Whether it can be the name of one folder everywhere."""
    return RUN_ID.fullmatch(run_id) is not None


def require_run_id(run_id: str) -> str:
    """`run_id` unchanged; ConfigError where it could not be the name of one folder everywhere."""
    if not is_run_id(run_id):
        raise ConfigError(
            f"--run-id {run_id!r}: may have letters, digits, '.', '_' and '-', beginning with a letter or digit, "
            f"at most {LONGEST_RUN_ID} characters"
        )
    return run_id


@cache
def code_version() -> str:
    """The package's version with a digest of its source and templates, so that changed code makes another run."""
    sources = list(_sources(resources.files("segmentation")))
    return f"{__version__}+{_digest(sources)[:SHORT]}"


def _sources(folder: Traversable, within: str = "") -> Iterator[tuple[str, str]]:
    """Each source file's place inside the package and its text, in the order of their names."""
    for entry in sorted(folder.iterdir(), key=lambda one: one.name):
        place = f"{within}{entry.name}"
        if entry.is_dir():
            yield from _sources(entry, f"{place}/")
        elif entry.name.endswith(SOURCES):
            yield place, entry.read_text(encoding="utf-8")


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, ensure_ascii=False).encode()).hexdigest()


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
    for table, schema in s.TABLES.items():
        own = {path: facts for path, facts in checksums.items() if path.startswith(f"{table}/")}
        tables[table] = {
            "rows": rows[table],
            "bytes": sum(facts["bytes"] for facts in own.values()),
            "schema": json.loads(schema.json()),
            "files": own,
        }
    others = {path: facts for path, facts in checksums.items() if path.partition("/")[0] not in s.TABLES}
    return {"tables": tables, "files": others}
