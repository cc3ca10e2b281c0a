"""A run's identity and manifest: what it was made from, with what, and what it consists of."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import TYPE_CHECKING, Any

from segmentation import __version__
from segmentation import schemas as s
from segmentation.config.settings import RunConfig
from segmentation.errors import ConfigError
from segmentation.filesystem import StoredFile
from segmentation.ingest.files import InputFile

if TYPE_CHECKING:
    from segmentation.clustering.choose_k import Choice

MAX_RUN_ID_LENGTH = 100
RUN_ID = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{MAX_RUN_ID_LENGTH - 1}}}")
SHORT_DIGEST = 12
# Goes up where models or customers of earlier versions can no longer be compared with those of this one.
MODEL_FORMAT = 1
SOURCE_ENDINGS = (".py", ".html", ".css", ".js")


@dataclass(frozen=True)
class Identity:
    """SHA-256 in hexadecimal of the input's files, of what a run is asked for, and of all that it depends on.

    A file counts by its path, size, modification time, and a checksum of its content as far as it was looked at.
    `request` is known before the input is read, `run` when it is known which published runs the run builds upon.
    """

    input_fingerprint: str
    request: str
    run: str

    def building_upon(self, earlier: BuildsUpon) -> Identity:
        """Return the identity of a run that builds upon these published runs."""
        if earlier == BuildsUpon():
            return self
        return replace(self, run=_digest([self.request, earlier.predecessor, earlier.model]))

    @property
    def default_run_id(self) -> str:
        """The id of a run that is given none: the same run finds itself published."""
        return self.run[:SHORT_DIGEST]


@dataclass(frozen=True)
class BuildsUpon:
    """The ids of the published runs that a run builds upon.

    Its customers are compared with those of the predecessor, and the model of the other scores them, if it fits none.
    """

    predecessor: str | None = None
    model: str | None = None


def identify(
    files: Sequence[StoredFile], config: RunConfig, as_of: date | None, *options: str | bool | None
) -> Identity:
    """Return the identity of a run over `files` that builds upon no other.

    `as_of` is the requested day, None for the default; `options` are others of the command line that change the result.
    """
    fingerprint = _digest([[file.path, file.size, file.modified_ms, file.content] for file in files])
    asked_for = [fingerprint, config.canonical(), str(as_of), code_version()]
    request = _digest([*asked_for, *options] if any(options) else asked_for)
    return Identity(fingerprint, request, request)


def lineage_of(config: RunConfig) -> str:
    """Return what runs have in common whose models and segments can be compared: a digest of their settings."""
    return _digest([MODEL_FORMAT, config.settings_of_models()])[:SHORT_DIGEST]


def is_run_id(run_id: str) -> bool:
    """Return whether a text can name one folder on any file system."""
    return RUN_ID.fullmatch(run_id) is not None


def require_run_id(run_id: str) -> str:
    """Return `run_id`. Raises ConfigError if it cannot name one folder on any file system."""
    if not is_run_id(run_id):
        raise ConfigError(
            f"--run-id {run_id!r}: may have letters, digits, '.', '_' and '-', beginning with a letter or digit, "
            f"at most {MAX_RUN_ID_LENGTH} characters"
        )
    return run_id


@cache
def code_version() -> str:
    """Return the package's version with a digest of its source and templates, so that changed code is another run."""
    return f"{__version__}+{_digest(list(_sources(resources.files('segmentation'))))[:SHORT_DIGEST]}"


def _sources(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield each source file's path in the package and its text, in the order of names; it may be in a zip."""
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        path = f"{prefix}{entry.name}"
        if entry.is_dir():
            yield from _sources(entry, f"{path}/")
        elif entry.name.endswith(SOURCE_ENDINGS):
            yield path, entry.read_text(encoding="utf-8")


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def run_facts(
    config: RunConfig,
    identity: Identity,
    files: Sequence[InputFile],
    as_of: date,
    began: datetime,
    choice: Choice,
    spark_version: str,
) -> dict[str, Any]:
    """Return the manifest's entries on what a run was made from, with what, and what it decided."""
    return {
        "identity": identity.run,
        "request": identity.request,
        "title": config.title,
        "lineage": lineage_of(config),
        "as_of": as_of.isoformat(),
        "began_at": began.isoformat(timespec="seconds"),
        "input": {
            "fingerprint": identity.input_fingerprint,
            "files": [
                {
                    "path": file.path,
                    "bytes": file.stored.size,
                    "modified_ms": file.stored.modified_ms,
                    "content": file.stored.content,
                    "format": file.kind,
                }
                for file in files
            ],
        },
        "missing_fields": dict(config.missing_fields),
        "absent_tables": s.absent_tables(config.input_fields),
        "configuration": config.model_dump(mode="json"),
        "code_version": code_version(),
        "spark_version": spark_version,
        "choice": asdict(choice),
    }


def contents(rows: Mapping[str, int], files: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the manifest's entries on tables and files.

    `tables` has each table's rows, bytes, schema and files, `files` all others. `rows` are those of each table that
    the run has, `files` bytes and SHA-256 by path inside the run.
    """
    tables = {}
    for table in rows:
        own = {path: facts for path, facts in files.items() if path.startswith(f"{table}/")}
        tables[table] = {
            "rows": rows[table],
            "bytes": sum(facts["bytes"] for facts in own.values()),
            "schema": json.loads(s.TABLES[table].json()),
            "files": own,
        }
    others = {path: facts for path, facts in files.items() if path.partition("/")[0] not in s.TABLES}
    return {"tables": tables, "files": others}
