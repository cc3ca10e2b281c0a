"""Check a lake for what its readers rely on, with pyarrow and json alone, as any reader would, without the library.

A finding is a `Fault` of one kind. `Watcher.look` is one read while others may write; the other checks are for when
nobody writes.
"""

from __future__ import annotations

import hashlib
import json
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
    TORN = "torn"  # a file is missing, cut short, not listed, or has another checksum
    MIXED = "mixed"  # files that are read together belong to different runs
    BACKWARDS = "backwards"  # latest.json names an older day than before
    CHANGED = "changed"  # a published run is whole, but differs from what was read before
    LOST = "lost"  # a published run is missing or not whole
    BASELESS = "baseless"  # a run names a run before it that is not published
    LEFTOVER = "leftover"  # the lake has something besides published runs


@dataclass(frozen=True)
class Fault:
    kind: Kind
    text: str


# Raised for JSON that is missing, damaged or without a key, and for a file that vanishes between two reads.
UNREADABLE: Final = (OSError, ValueError, KeyError, TypeError)


class Watcher:
    """Reads one lake again and again, and remembers the manifest of every run it has seen."""

    def __init__(self, lake: Path) -> None:
        self._lake = lake
        self._last: dict[str, Any] | None = None
        self._turn = 0
        self._manifests: dict[str, str] = {}
        self.seen: set[str] = set()

    def look(self) -> list[Fault] | None:
        """Read the run that latest.json names, the runs that are new, and one of the others in turn, by checksum.

        Return the faults, or None as long as nothing was ever published.
        """
        if self._last is None and not (self._lake / LATEST).exists():
            return None
        try:
            latest = pointer_of(self._lake)
            faults = list(self._faults_of_latest(latest))
            self._last = latest
            named = {latest["run_id"]}
        except UNREADABLE as error:
            faults, named = [_torn(LATEST, error)], set()
        runs = run_ids(self._lake)
        others = sorted(runs - named)
        due = runs - named - self.seen
        if others:
            self._turn += 1
            due |= {others[self._turn % len(others)]}
        self.seen |= runs | named
        return faults + [fault for run_id in sorted(due) for fault in self._faults_of(run_path(self._lake, run_id))]

    def lost(self, published: Collection[str]) -> list[Fault]:
        """Find the runs that were published and are missing, not whole, or not what was first read of them."""
        return [
            fault if fault.kind is Kind.CHANGED else Fault(Kind.LOST, f"the run {run_id} is lost: {fault.text}")
            for run_id in sorted(published)
            for fault in self._faults_of(run_path(self._lake, run_id))[:1]
        ]

    def _faults_of_latest(self, latest: Mapping[str, Any]) -> Iterator[Fault]:
        if self._last is not None and latest["as_of"] < self._last["as_of"]:
            yield Fault(Kind.BACKWARDS, f"{LATEST} went back from {self._last['as_of']} to {latest['as_of']}")
        if latest["path"] != f"{RUNS}/{RUN_PREFIX}{latest['run_id']}":
            yield Fault(Kind.MIXED, f"{LATEST} names the run {latest['run_id']} at {latest['path']}")
        yield from self._faults_of(self._lake / latest["path"], latest["as_of"])

    def _faults_of(self, run: Path, as_of: str | None = None) -> list[Fault]:
        if faults := faults_of_run(run, as_of):
            return faults
        try:  # the manifest has the checksum of every file
            content = (run / MANIFEST).read_bytes()
        except OSError as error:
            return [_torn(run.name, error)]
        manifest = hashlib.sha256(content).hexdigest()
        if self._manifests.setdefault(run.name, manifest) != manifest:
            return [Fault(Kind.CHANGED, f"{run.name} has another manifest than before")]
        before = json.loads(content).get("predecessor")
        if before is not None and not (run_path(self._lake, before) / MANIFEST).exists():
            return [Fault(Kind.BASELESS, f"{run.name} builds upon the run {before}, which is not published")]
        return []


def run_path(lake: Path, run_id: str) -> Path:
    return lake / RUNS / f"{RUN_PREFIX}{run_id}"


def run_ids(lake: Path) -> set[str]:
    """Return the runs that a listing of the lake shows, whole or not."""
    return {name.removeprefix(RUN_PREFIX) for name in _names(lake / RUNS) if name.startswith(RUN_PREFIX)}


def pointer_of(lake: Path) -> dict[str, Any]:
    """Return the content of latest.json: run_id, path, and as_of, a day such as 2011-09-01."""
    return {**json.loads((lake / LATEST).read_bytes())}


def faults_of_run(run: Path, as_of: str | None = None) -> list[Fault]:
    """Check a run's folder, and that it is of the day `as_of` if that is given."""
    try:
        manifest = json.loads((run / MANIFEST).read_bytes())
        declared = {**manifest["files"]}
        for table in manifest["tables"].values():
            declared.update(table["files"])
        faults = list(_torn_files(run, declared))
        if manifest["run_id"] != run.name.removeprefix(RUN_PREFIX):
            faults.append(Fault(Kind.MIXED, f"{run.name} has the manifest of the run {manifest['run_id']}"))
        if as_of not in (None, manifest["as_of"]):
            faults.append(Fault(Kind.MIXED, f"{run.name} is of {manifest['as_of']}, {LATEST} says {as_of}"))
        # A torn file may not be readable as Parquet.
        return faults if faults else list(_mixed_tables(run, manifest))
    except UNREADABLE as error:
        return [_torn(run.name, error)]


def leftovers(lake: Path, published: Collection[str]) -> list[Fault]:
    """Find what is in a lake besides latest.json, the runs `published` and an empty staging folder."""
    extra = _names(lake) - {RUNS, LATEST, STAGING}
    extra |= {f"{STAGING}/{name}" for name in _names(lake / STAGING)}
    extra |= {f"{RUNS}/{name}" for name in _names(lake / RUNS) - {f"{RUN_PREFIX}{run_id}" for run_id in published}}
    return [Fault(Kind.LEFTOVER, f"{name} is left over") for name in sorted(extra)]


def lost_pointer(lake: Path, run_id: str) -> list[Fault]:
    """Check that latest.json names a run that was just published, of a later day than all before."""
    try:
        named = pointer_of(lake)["run_id"]
    except UNREADABLE as error:
        named = repr(error)
    return [] if named == run_id else [Fault(Kind.LOST, f"the run {run_id} is not the latest: that is {named}")]


def _torn(name: str, error: Exception) -> Fault:
    return Fault(Kind.TORN, f"{name}: {type(error).__name__} {error}")


def _torn_files(run: Path, declared: Mapping[str, Mapping[str, Any]]) -> Iterator[Fault]:
    for name, facts in declared.items():
        try:
            content = (run / name).read_bytes()
        except OSError as error:
            yield _torn(f"{run.name}/{name}", error)
            continue
        if len(content) != facts["bytes"]:
            yield Fault(Kind.TORN, f"{run.name}/{name} has {len(content)} bytes, its manifest says {facts['bytes']}")
        elif hashlib.sha256(content).hexdigest() != facts["sha256"]:
            yield Fault(Kind.TORN, f"{run.name}/{name} has another SHA-256 than its manifest says")
    for name in _visible_files(run) - set(declared) - {MANIFEST}:
        yield Fault(Kind.TORN, f"{run.name}/{name} is not in its manifest")


def _mixed_tables(run: Path, manifest: Mapping[str, Any]) -> Iterator[Fault]:
    """Find tables that were not written together with the manifest, by their rows and the day on each row."""
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
    """Return the relative paths of all files except those that readers skip: names that begin with `_` or `.`."""
    paths = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    return {str(path) for path in paths if not any(part.startswith(("_", ".")) for part in path.parts)}


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()
