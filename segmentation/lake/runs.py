"""The lake as its readers see it: which runs are published, which is the latest, and a run's tables and model.

LAKE/runs/run_id=<id>/   a published run; appears whole, is never changed afterwards
LAKE/latest.json         names the published run with the latest as_of; of several the one published last
LAKE/_staging/           runs in the making, see `publishing`; ignored by Spark, Hive, Trino, DuckDB and pandas readers

A run is published if and only if its manifest is there.
"""
# TODO-DOC expiry: Old runs and abandoned stagings: which of them a lake may lose, and losing them.

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame, SparkSession

from segmentation import schemas as s
from segmentation.errors import ConfigError, InputError, java_message
from segmentation.filesystem import filesystem_for, temporary_name
from segmentation.lake.manifest import is_run_id, require_run_id

logger = logging.getLogger(__name__)

MANIFEST = "manifest.json"
LATEST = "latest.json"
MODEL = "model"
MANIFEST_FORMAT = 2
GLOB_CHARACTERS = frozenset("*?[]{}\\")


STAGING = "_staging"
# A staged run that failed its audit is kept for a person to look at.
REFUSED = ".refused"


@dataclass(frozen=True)
class RunEntry:
    """A published run among the others: its day, and when it was published."""

    run_id: str
    as_of: date
    published_at: datetime


class Lake:
    """One lake on any file system that Hadoop reaches."""

    def __init__(self, spark: SparkSession, path: str) -> None:
        self.spark = spark
        try:
            self.filesystem = filesystem_for(spark, path)
        except Exception as error:  # noqa: BLE001 - an unknown scheme, or a host that does not answer
            raise ConfigError(f"lake {path}: cannot be reached: {java_message(error)}") from None
        self.path = self.filesystem.root
        if set(self.path) & GLOB_CHARACTERS:
            raise ConfigError(
                f"lake {self.shown}: may not have any of {' '.join(sorted(GLOB_CHARACTERS))}, which Spark expands"
            )

    @property
    def shown(self) -> str:
        """The lake's path as a person writes it."""
        return self.path.removeprefix("file:")

    def run_path(self, run_id: str) -> str:
        """Where a run of this id is or would be; ConfigError for an id that would lead elsewhere."""
        require_run_id(run_id)
        return f"{self.path}/{place_of(run_id)}"

    def run_ids(self) -> list[str]:
        """The ids of all published runs, sorted."""
        return [run_id for run_id in self._ids() if self.is_published(run_id)]

    def unfinished_run_ids(self) -> list[str]:
        """Runs without a manifest: publications that are under way, or ended half done, where folders are copied."""
        return [run_id for run_id in self._ids() if not self.is_published(run_id)]

    def _ids(self) -> list[str]:
        names = self.filesystem.names_in(f"{self.path}/runs")
        ids = [name.removeprefix("run_id=") for name in names if name.startswith("run_id=")]
        return [run_id for run_id in ids if is_run_id(run_id)]

    def is_published(self, run_id: str) -> bool:
        return self.filesystem.exists(f"{self.run_path(run_id)}/{MANIFEST}")

    def latest_run_id(self) -> str:
        """The run that latest.json names; InputError where nothing has been published."""
        return self.latest().run_id

    def latest(self) -> "RunEntry":
        """What latest.json says; InputError where nothing has been published, or something else stands there."""
        path = f"{self.path}/{LATEST}"
        if not self.filesystem.exists(path):
            raise InputError(f"{self.shown}: nothing has been published in this lake")
        content = self._json(path)
        return _entry(str(content.get("run_id")), content, path)

    def manifest(self, run_id: str) -> dict[str, Any]:
        """The manifest of a published run; InputError where there is no such run, or a newer version wrote it."""
        if not self.is_published(run_id):
            raise InputError(f"{self.shown}: there is no run {run_id!r}")
        content = self._json(f"{self.run_path(run_id)}/{MANIFEST}")
        if content.get("format") not in range(1, MANIFEST_FORMAT + 1):
            raise InputError(
                f"{self.shown}: run {run_id!r} was published by a newer version, or by another program: its manifest "
                f"has the format {content.get('format')!r}, this version reads 1 to {MANIFEST_FORMAT}"
            )
        return content

    def runs(self) -> list["RunEntry"]:
        """All published runs, those with the latest as_of first, of equal ones those published last.

        What is no run of this job is left out with a warning.
        """
        found = []
        for run_id in self.run_ids():
            path = f"{self.run_path(run_id)}/{MANIFEST}"
            try:
                found.append(_entry(run_id, self._json(path), path))
            except InputError as error:
                logger.warning("%s", error)
        return sorted(found, key=lambda entry: (entry.as_of, entry.published_at), reverse=True)

    def _json(self, path: str) -> dict[str, Any]:
        try:
            content = json.loads(self.filesystem.read_text(path))
        except ValueError:
            content = None
        except OSError as error:
            raise InputError(f"{path.removeprefix('file:')}: cannot be read: {error.strerror or error}") from None
        if not isinstance(content, dict):
            raise _foreign(path)
        return content


@dataclass(frozen=True)
class PublishedRun:
    """A published run: resolved once, it stays the same run, however many newer ones appear."""

    spark: SparkSession
    run_id: str
    path: str
    manifest: dict[str, Any]

    def table(self, name: str) -> DataFrame:
        """A table as its schema in `TABLES` declares, of the files in the manifest.

        Raises InputError for an unknown table or a file that is gone, QualityGateError where the schema differs.
        """
        if name not in s.TABLES:
            raise InputError(f"there is no table {name!r}: known are {', '.join(s.TABLES)}")
        try:
            files = [f"{self.path}/{file}" for file in self.manifest["tables"][name]["files"]]
        except (KeyError, TypeError):
            raise InputError(
                f"run {self.run_id}: {self.path.removeprefix('file:')}/{MANIFEST} names no files of the table {name}: "
                "restore or remove the run"
            ) from None
        try:
            frame = self.spark.read.parquet(*files)
        except Exception as error:  # noqa: BLE001 - the run was removed meanwhile, or there is no right to read it
            raise InputError(f"run {self.run_id}, table {name}: cannot be read: {java_message(error)}") from None
        return s.require_schema(frame, s.TABLES[name], name)

    def model(self) -> PipelineModel:
        """The fitted pipeline: customer features → segment_id and segment_name; InputError where it is gone."""
        try:
            return PipelineModel.load(f"{self.path}/{MODEL}")
        except Exception as error:  # noqa: BLE001 - as above
            raise InputError(f"run {self.run_id}: its model cannot be read: {java_message(error)}") from None


def _entry(run_id: str, content: Mapping[str, Any], path: str) -> RunEntry:
    # Format 1 has no time of publication; the run began not long before it.
    published_at = content.get("published_at") or content.get("began_at")
    try:
        entry = RunEntry(run_id, date.fromisoformat(content["as_of"]), datetime.fromisoformat(str(published_at)))
    except (KeyError, TypeError, ValueError):
        raise _foreign(path) from None
    if not is_run_id(run_id) or entry.published_at.tzinfo is None:
        raise _foreign(path)
    return entry


def _foreign(path: str) -> InputError:
    return InputError(f"{path.removeprefix('file:')}: is not what this job writes there: restore or remove it")


def place_of(run_id: str) -> str:
    """A run's folder below its lake."""
    return f"runs/run_id={run_id}"


def open_run(spark: SparkSession, lake: str, run_id: str | None = None) -> PublishedRun:
    """The named run of a lake, or the latest; InputError where there is none."""
    opened = Lake(spark, lake)
    run = run_id if run_id is not None else opened.latest_run_id()
    return PublishedRun(spark, run, opened.run_path(run), opened.manifest(run))


def read_table(spark: SparkSession, lake: str, table: str, run_id: str | None = None) -> DataFrame:
    """A table of the named run, or of the latest; to read several of one run, use `open_run`."""
    return open_run(spark, lake, run_id).table(table)


def read_model(spark: SparkSession, lake: str, run_id: str | None = None) -> PipelineModel:
    """The model of the named run, or of the latest."""
    return open_run(spark, lake, run_id).model()


# Where nobody can tell whether a process still works on a staging: no run goes on so long without writing a file.
LONGEST_SILENCE = timedelta(days=1)


@dataclass(frozen=True)
class Expired:
    """What may go: its path below the lake, what it is, and how long it has been there."""

    path: str
    what: str
    age: timedelta


def expired(lake: Lake, keep: int, older_than: timedelta, now: datetime) -> list[Expired]:
    """What is older than asked: published runs but the newest `keep` and the latest, and what was left in staging.

    InputError where there is no such lake.
    """
    if not lake.filesystem.is_directory(lake.path):
        raise InputError(f"{lake.shown}: there is no such lake")
    return [one for one in (*_old_runs(lake, keep, now), *_left_behind(lake, now)) if one.age > older_than]


def remove(lake: Lake, one: Expired) -> str | None:
    """Takes a run or a staging out of the lake: first its name, in one step, then its files, while others go on.

    None, or why nothing happened: it is gone, somebody works on it, or latest.json names it by now. Ended in between,
    the rest goes with the next run, as any abandoned staging does.
    """
    path, storage = f"{lake.path}/{one.path}", lake.filesystem
    place = aside(lake, "expired")
    storage.make_directory(f"{lake.path}/{STAGING}")
    with ExitStack() as claimed:
        with storage.exclusive():
            claim = storage.claim(path)
            claimed.callback(claim.release)
            if reason := _why_it_stays(lake, one, is_free=claim.is_held):
                return reason
            storage.rename(path, place)
        storage.delete(place)  # which is claimed under its new name as well
    return None


def _why_it_stays(lake: Lake, one: Expired, is_free: bool) -> str | None:
    if not lake.filesystem.exists(f"{lake.path}/{one.path}"):
        return "gone meanwhile"
    if not is_free:
        return "somebody works on it"
    with suppress(InputError):
        if one.path == place_of(lake.latest_run_id()):
            return "the latest run by now"
    return None


def _old_runs(lake: Lake, keep: int, now: datetime) -> Iterator[Expired]:
    runs = lake.runs()
    kept = {run.run_id for run in runs[: max(keep, 1)]}
    with suppress(InputError):  # latest.json is gone; the newest is kept all the same
        kept.add(lake.latest_run_id())
    for run in runs:
        if run.run_id not in kept:
            yield Expired(place_of(run.run_id), f"a run as of {run.as_of}", now - run.published_at)


def _left_behind(lake: Lake, now: datetime) -> Iterator[Expired]:
    staged = [f"{STAGING}/{name}" for name in lake.filesystem.names_in(f"{lake.path}/{STAGING}")]
    # Where a run appears by one rename, a folder without a manifest is somebody else's.
    copied = [] if lake.filesystem.renames_folders else lake.unfinished_run_ids()
    half_published = [place_of(run_id) for run_id in copied]
    for path in (*staged, *half_published):
        with suppress(OSError):  # it went meanwhile
            written = datetime.fromtimestamp(lake.filesystem.modified_ms(f"{lake.path}/{path}") / 1000, UTC)
            if now - written > LONGEST_SILENCE and not _is_worked_on(lake, path):
                yield Expired(path, "refused" if path.endswith(REFUSED) else "abandoned", now - written)


def _is_worked_on(lake: Lake, path: str) -> bool:
    """Whether a process that lives says so; it can where folders can be claimed."""
    claim = lake.filesystem.claim(f"{lake.path}/{path}")
    is_free = claim.is_held
    claim.release()
    return not is_free


def aside(lake: Lake, run_id: str) -> str:
    """A new place under `_staging/`; no two are the same."""
    return f"{lake.path}/{STAGING}/{temporary_name(run_id)}"
