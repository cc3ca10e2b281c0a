"""The lake as its readers see it: which runs are published, which is the latest, and a run's tables and model.

LAKE/runs/run_id=<id>/   a published run; appears whole, is never changed afterwards
LAKE/latest.json         names the published run with the latest as_of; of several the one published last
LAKE/_staging/           runs in the making, see `publishing`; ignored by Spark, Hive, Trino, DuckDB and pandas readers

A run is published if and only if its manifest is there.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame, SparkSession

from segmentation.errors import ConfigError, InputError, java_message
from segmentation.identity import is_run_id, require_run_id
from segmentation.schemas import TABLES, require_schema
from segmentation.storage import Storage

logger = logging.getLogger(__name__)

MANIFEST = "manifest.json"
LATEST = "latest.json"
MODEL = "model"
MANIFEST_FORMAT = 2
GLOB_CHARACTERS = frozenset("*?[]{}\\")


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
            self.storage = Storage(spark, path)
        except Exception as error:  # noqa: BLE001 - an unknown scheme, or a host that does not answer
            raise ConfigError(f"lake {path}: cannot be reached: {java_message(error)}") from None
        self.path = self.storage.root
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
        names = self.storage.names_in(f"{self.path}/runs")
        ids = [name.removeprefix("run_id=") for name in names if name.startswith("run_id=")]
        return [run_id for run_id in ids if is_run_id(run_id)]

    def is_published(self, run_id: str) -> bool:
        return self.storage.exists(f"{self.run_path(run_id)}/{MANIFEST}")

    def latest_run_id(self) -> str:
        """The run that latest.json names; InputError where nothing has been published."""
        return self.latest().run_id

    def latest(self) -> "RunEntry":
        """What latest.json says; InputError where nothing has been published, or something else stands there."""
        path = f"{self.path}/{LATEST}"
        if not self.storage.exists(path):
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
            content = json.loads(self.storage.read_text(path))
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
        if name not in TABLES:
            raise InputError(f"there is no table {name!r}: known are {', '.join(TABLES)}")
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
        return require_schema(frame, TABLES[name], name)

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
