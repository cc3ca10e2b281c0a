"""Is a lake as its readers may rely on? Read by pyarrow and json alone, as anyone reads it, without the library.

What may be wrong is a `Fault` of one kind. `Watcher.look` is one read of a lake that others write to meanwhile;
`leftovers` and `lost` are asked when nobody writes.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq

MANIFEST: Final = "manifest.json"
LATEST: Final = "latest.json"
RUNS: Final = "runs"
STAGING: Final = "_staging"
RUN_PREFIX: Final = "run_id="
# The one table that carries the run's day on every row.
DATED_TABLE: Final = "customer_segments"


class Kind(StrEnum):
    TORN = "torn"  # a file is missing, cut short, other than its checksum, or in no manifest
    MIXED = "mixed"  # what is read together belongs to different runs
    BACKWARDS = "backwards"  # latest.json names an older day than it did before
    CHANGED = "changed"  # a published run is whole, but not what it was when it was read before
    LOST = "lost"  # a run was published and is not there whole
    LEFTOVER = "leftover"  # something is in the lake beside what was published


@dataclass(frozen=True)
class Fault:
    kind: Kind
    text: str


@dataclass(frozen=True)
class Pointer:
    """What latest.json says; `as_of` is a day such as 2011-09-01."""

    run_id: str
    path: str
    as_of: str


class UnreadableError(Exception):
    """A file that must be there and hold certain JSON is missing or does not."""


class Watcher:
    """Reads one lake again and again, and remembers which runs it has seen published in it, and as what."""

    def __init__(self, lake: Path) -> None:
        self._lake = lake
        self._last: Pointer | None = None
        self._turn = 0
        self._manifests: dict[str, str] = {}
        self.seen: set[str] = set()

    def look(self) -> list[Fault] | None:
        """One read, each file by its checksum: the run that latest.json names, those that were not there before, and
        one of the others in turn. None as long as there never was a latest.json.
        """
        if self._last is None and not (self._lake / LATEST).exists():
            return None
        faults = []
        named = None
        try:
            named = pointer_of(self._lake)
        except UnreadableError as error:
            faults.append(Fault(Kind.TORN, str(error)))
        if named is not None:
            faults += self._of_the_latest(named)
            self._last = named
        return faults + self._of_others(named)

    def changed(self) -> list[Fault]:
        """The runs that are whole, and others than when they were first read."""
        runs = [run_path(self._lake, run_id) for run_id in sorted(self.seen)]
        return [fault for run in runs for fault in self._faults_of(run) if fault.kind is Kind.CHANGED]

    def _of_the_latest(self, named: Pointer) -> Iterator[Fault]:
        if self._last is not None and named.as_of < self._last.as_of:
            yield Fault(Kind.BACKWARDS, f"{LATEST} went back from {self._last.as_of} to {named.as_of}")
        if named.path != f"{RUNS}/{RUN_PREFIX}{named.run_id}":
            yield Fault(Kind.MIXED, f"{LATEST} names the run {named.run_id} at {named.path}")
        yield from self._faults_of(self._lake / named.path, named.as_of)

    def _of_others(self, named: Pointer | None) -> list[Fault]:
        runs = run_ids(self._lake)
        latest = {named.run_id} if named else set()
        others = sorted(runs - latest)
        looked_at = runs - latest - self.seen
        if others:
            self._turn += 1
            looked_at |= {others[self._turn % len(others)]}
        self.seen |= runs | latest
        return [fault for run_id in sorted(looked_at) for fault in self._faults_of(run_path(self._lake, run_id))]

    def _faults_of(self, run: Path, as_of: str | None = None) -> list[Fault]:
        faults = faults_of_run(run, as_of)
        if faults:
            return faults
        try:  # the manifest has the checksum of every file
            manifest = hashlib.sha256((run / MANIFEST).read_bytes()).hexdigest()
        except OSError as error:
            return [Fault(Kind.TORN, f"{run.name}/{MANIFEST}: {error.strerror}")]
        if self._manifests.setdefault(run.name, manifest) == manifest:
            return []
        return [Fault(Kind.CHANGED, f"{run.name} has another manifest than when it was read before")]


def run_path(lake: Path, run_id: str) -> Path:
    return lake / RUNS / f"{RUN_PREFIX}{run_id}"


def run_ids(lake: Path) -> set[str]:
    """The runs that a listing of the lake shows, whole or not."""
    return {name.removeprefix(RUN_PREFIX) for name in _names(lake / RUNS) if name.startswith(RUN_PREFIX)}


def pointer_of(lake: Path) -> Pointer:
    """Raises UnreadableError where latest.json is missing or is not what it should be."""
    content = _json_of(lake / LATEST)
    try:
        return Pointer(content["run_id"], content["path"], content["as_of"])
    except KeyError as error:
        raise UnreadableError(f"{LATEST} has no {error}") from None


def faults_of_run(run: Path, as_of: str | None = None) -> list[Fault]:
    """What is wrong with a run's folder, which must be of the day `as_of` where that is given."""
    try:
        manifest = _json_of(run / MANIFEST)
        declared = {**manifest["files"]}
        for table in manifest["tables"].values():
            declared.update(table["files"])
        faults = list(_torn_files(run, declared))
        if manifest["run_id"] != run.name.removeprefix(RUN_PREFIX):
            faults.append(Fault(Kind.MIXED, f"{run.name} has the manifest of the run {manifest['run_id']}"))
        if as_of not in (None, manifest["as_of"]):
            faults.append(Fault(Kind.MIXED, f"{run.name} is of {manifest['as_of']}, {LATEST} says {as_of}"))
        # What is torn may not be readable as Parquet.
        return faults if faults else list(_mixed_tables(run, manifest))
    except UnreadableError as error:
        return [Fault(Kind.TORN, str(error))]
    except KeyError as error:
        return [Fault(Kind.TORN, f"{run.name}/{MANIFEST} has no {error}")]
    except (OSError, ValueError) as error:  # a file went away, or became another, between two looks at it
        return [Fault(Kind.TORN, f"{run.name}: {error}")]


def leftovers(lake: Path, published: Collection[str]) -> list[Fault]:
    """What is in a lake besides latest.json, the runs `published`, and an empty folder for runs in the making."""
    beside = _names(lake) - {RUNS, LATEST, STAGING}
    beside |= {f"{STAGING}/{name}" for name in _names(lake / STAGING)}
    beside |= {f"{RUNS}/{name}" for name in _names(lake / RUNS) - {f"{RUN_PREFIX}{run_id}" for run_id in published}}
    return [Fault(Kind.LEFTOVER, f"{name} is left over") for name in sorted(beside)]


def lost(lake: Path, published: Collection[str]) -> list[Fault]:
    """The runs that were published and are not there whole."""
    return [
        Fault(Kind.LOST, f"the run {run_id} is lost: {faults[0].text}")
        for run_id in sorted(published)
        if (faults := faults_of_run(run_path(lake, run_id)))
    ]


def lost_pointer(lake: Path, run_id: str) -> list[Fault]:
    """A run that has just been published, of a later day than all before, must be the one that latest.json names."""
    try:
        named = pointer_of(lake).run_id
    except UnreadableError as error:
        return [Fault(Kind.LOST, f"the run {run_id} is not the latest: {error}")]
    return [] if named == run_id else [Fault(Kind.LOST, f"the run {run_id} is not the latest: that is {named}")]


def _torn_files(run: Path, declared: Mapping[str, Mapping[str, Any]]) -> Iterator[Fault]:
    for name, facts in declared.items():
        try:
            content = (run / name).read_bytes()
        except OSError as error:
            yield Fault(Kind.TORN, f"{run.name}/{name}: {error.strerror}")
            continue
        if len(content) != facts["bytes"]:
            yield Fault(Kind.TORN, f"{run.name}/{name} has {len(content)} bytes, its manifest says {facts['bytes']}")
        elif hashlib.sha256(content).hexdigest() != facts["sha256"]:
            yield Fault(Kind.TORN, f"{run.name}/{name} is not what its manifest's SHA-256 says")
    for name in _visible_files(run) - set(declared) - {MANIFEST}:
        yield Fault(Kind.TORN, f"{run.name}/{name} is not in its manifest")


def _mixed_tables(run: Path, manifest: Mapping[str, Any]) -> Iterator[Fault]:
    """Tables that cannot have been written together with the manifest: by their rows, and the day on each."""
    for table, facts in manifest["tables"].items():
        rows = sum(pq.read_metadata(run / name).num_rows for name in facts["files"])
        if rows != facts["rows"]:
            yield Fault(Kind.MIXED, f"{run.name}/{table} has {rows} rows, its manifest says {facts['rows']}")
    for name in manifest["tables"][DATED_TABLE]["files"]:
        days = pq.ParquetFile(run / name).read(["as_of"], use_threads=False).column("as_of").unique().to_pylist()
        if {str(day) for day in days} - {manifest["as_of"]}:
            shown = ", ".join(map(str, days))
            yield Fault(Kind.MIXED, f"{run.name}/{name} has rows of {shown}, its manifest is of {manifest['as_of']}")


def _visible_files(folder: Path) -> set[str]:
    """The files below a folder by their path in it, but for what readers skip: names that begin with `_` or `.`."""
    found = set()
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(("_", "."))]
        found |= {str((Path(place) / name).relative_to(folder)) for name in files if not name.startswith(("_", "."))}
    return found


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


def _json_of(path: Path) -> dict[str, Any]:
    shown = f"{path.parent.name}/{path.name}" if path.name == MANIFEST else path.name
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise UnreadableError(f"{shown}: {error.strerror}") from None
    except ValueError:
        raise UnreadableError(f"{shown} is not JSON") from None
    if not isinstance(content, dict):
        raise UnreadableError(f"{shown} is not a JSON object")
    return content
