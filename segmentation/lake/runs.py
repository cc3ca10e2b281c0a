"""The read side of a lake: its published runs, the latest of them, and a run's tables and model.

LAKE/runs/run_id=<id>/   a published run; appears complete, is never changed afterwards
LAKE/latest.json         names the published run with the latest as_of; of equal ones the one published last
LAKE/_staging/           runs in the making, see `staging`; ignored by Spark, Hive, Trino, DuckDB and pandas readers

A run is published if and only if its manifest exists.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame, SparkSession

from segmentation import schemas as s
from segmentation.errors import ConfigError, InputError, SegmentationError, java_message
from segmentation.filesystem import readable_path
from segmentation.ingest.reachable import reachable_filesystem
from segmentation.lake.manifest import is_run_id, require_run_id

logger = logging.getLogger(__name__)

MANIFEST = "manifest.json"
LATEST = "latest.json"
MODEL = "model"
STAGING = "_staging"
# A staged run that failed its audit or a gate is kept, under this ending, for a person to inspect.
REFUSED = ".refused"
# The newest format of the manifest; this version reads all from 1.
MANIFEST_FORMAT = 2
GLOB_CHARACTERS = frozenset("*?[]{}\\")


def open_run(spark: SparkSession, lake: str, run_id: str | None = None) -> "PublishedRun":
    """Open a published run of a lake: the one named, or else the latest.

    `latest.json` is read once, here. All tables and the model read through the returned object belong to the same run,
    even if a newer one is published meanwhile.

    Args:
        spark: the session that reads.
        lake: the lake's folder, as given to `segment_customers.py --output`: a path or a URI that Hadoop reaches.
        run_id: the run to open; None for the latest.

    Raises:
        InputError: nothing has been published, there is no such run, or a newer version of this package wrote it.
        ConfigError: the lake cannot be reached, or `run_id` cannot be the name of a run.

    Example:
        run = open_run(spark, "lake")
        largest = run.table("customer_segments").where("segment_name = 'High Spend, Low Frequency'")
        segmented = run.model().transform(new_customer_features)
    """
    opened = Lake(spark, lake)
    run = opened.latest().run_id if run_id is None else run_id
    return PublishedRun(spark, run, opened.run_path(run), opened.manifest(run))


def read_table(spark: SparkSession, lake: str, table: str, run_id: str | None = None) -> DataFrame:
    """Return one table of a published run, by default of the latest.

    To read several tables that belong together, use `open_run`: a newer run may appear between two calls.

    Raises:
        InputError: as `open_run`; there is no table of that name, or one of its files is gone.
        QualityGateError: the files do not have the table's schema.

    Example:
        read_table(spark, "lake", "country_sales").orderBy("revenue", ascending=False).show()
    """
    return open_run(spark, lake, run_id).table(table)


@dataclass(frozen=True)
class PublishedRun:
    """A published run. It never changes; only `expire_runs` removes it.

    Attributes:
        run_id: its name in the lake.
        path: its folder, with the scheme of its file system.
        manifest: the content of its `manifest.json`: what it was made from, with what, its tables and their checksums.
    """

    spark: SparkSession
    run_id: str
    path: str
    manifest: dict[str, Any]

    def table(self, name: str) -> DataFrame:
        """Return a table of the run, with the schema that `segmentation.schemas.TABLES` declares for it.

        Only the files that the manifest lists are read.

        Raises:
            InputError: there is no table of that name, the run does not have it, or one of its files is gone or
                unreadable.
            QualityGateError: the files do not have the table's schema.
        """
        if name not in s.TABLES:
            raise InputError(f"there is no table {name!r}: known are {', '.join(s.TABLES)}")
        absent = self.manifest.get("absent_tables")
        if isinstance(absent, dict) and name in absent:
            raise InputError(
                f"run {self.run_id} has no table {name}: its input has no {absent[name]}, and its configuration does "
                f"not set input.columns.{absent[name]}"
            )
        tables = self.manifest.get("tables")
        if isinstance(tables, dict) and name not in tables and "code_version" in self.manifest:
            raise InputError(
                f"run {self.run_id} has no table {name}: version {self.manifest['code_version']}, which published it, "
                "does not write that table: run again"
            )
        try:
            files = [f"{self.path}/{file}" for file in self.manifest["tables"][name]["files"]]
        except (KeyError, TypeError):
            raise InputError(
                f"run {self.run_id}: {readable_path(self.path)}/{MANIFEST} lists no files of the table {name}: "
                "restore or remove the run"
            ) from None
        try:
            frame = self.spark.read.parquet(*files)
        except Exception as error:  # noqa: BLE001 - the run was removed meanwhile, or this user may not read it
            raise InputError(f"run {self.run_id}, table {name}: cannot be read: {java_message(error)}") from None
        return s.require_schema(frame, s.TABLES[name], name)

    def model(self) -> PipelineModel:
        """Return the fitted pipeline, which adds segment_id and segment_name to rows of customer features.

        Raises:
            InputError: the model is gone or unreadable.
        """
        try:
            return PipelineModel.load(f"{self.path}/{MODEL}")
        except Exception as error:  # noqa: BLE001 - as above
            raise InputError(f"run {self.run_id}: its model cannot be read: {java_message(error)}") from None


@dataclass(frozen=True)
class RunEntry:
    """A run in the list of a lake's runs, with the entries of its manifest by which later runs find it.

    These have their defaults for runs of versions that did not have them. `is_readable` says that this version reads
    the manifest. `next_segment_id` is above all ids that its model and those before used.
    """

    run_id: str
    as_of: date
    published_at: datetime
    lineage: str | None = None
    request: str | None = None
    identity: str | None = None
    predecessor: str | None = None
    title: str | None = None
    next_segment_id: int = 1
    is_readable: bool = True


class Lake:
    """A lake on any file system that Hadoop reaches. Raises ConfigError if it cannot be reached."""

    def __init__(self, spark: SparkSession, path: str) -> None:
        self.spark = spark
        self.filesystem = reachable_filesystem(spark, path, "lake")
        self.path = self.filesystem.root
        if set(self.path) & GLOB_CHARACTERS:
            raise ConfigError(
                f"lake {self.shown}: may not have any of {' '.join(sorted(GLOB_CHARACTERS))}, which Spark expands"
            )

    @property
    def shown(self) -> str:
        """The lake's path as a person writes it."""
        return readable_path(self.path)

    def run_path(self, run_id: str) -> str:
        """Return the folder of a run with this id, published or not. Raises ConfigError if it cannot be a run's id."""
        return f"{self.path}/{run_folder(require_run_id(run_id))}"

    def is_published(self, run_id: str) -> bool:
        """Return whether a run of this id is published."""
        return self.filesystem.exists(f"{self.run_path(run_id)}/{MANIFEST}")

    def run_ids(self) -> list[str]:
        """Return the ids of all published runs, sorted."""
        return [run_id for run_id in self._folders() if self.is_published(run_id)]

    def unfinished_run_ids(self) -> list[str]:
        """Return the ids of runs without a manifest, sorted.

        On an object store these are being published, or their publication broke off.
        """
        return [run_id for run_id in self._folders() if not self.is_published(run_id)]

    def _folders(self) -> list[str]:
        names = self.filesystem.names_in(f"{self.path}/runs")
        ids = [name.removeprefix("run_id=") for name in names if name.startswith("run_id=")]
        return [run_id for run_id in ids if is_run_id(run_id)]

    def runs(self) -> list[RunEntry]:
        """Return all published runs, the latest as_of first, of equal ones the one published last.

        A manifest that this job did not write is left out with a warning.
        """
        entries = []
        for run_id in self.run_ids():
            path = f"{self.run_path(run_id)}/{MANIFEST}"
            try:
                entries.append(_entry(run_id, self._json(path), path))
            except InputError as error:
                logger.warning("%s", error)
        return sorted(entries, key=lambda entry: (entry.as_of, entry.published_at), reverse=True)

    def latest(self) -> RunEntry:
        """Return the run that latest.json names. Raises InputError if there is none, or the file is damaged."""
        path = f"{self.path}/{LATEST}"
        if not self.filesystem.exists(path):
            raise InputError(f"{self.shown}: nothing has been published in this lake")
        content = self._json(path)
        return _entry(str(content.get("run_id")), content, path)

    def seconds_of_latest(self) -> dict[str, float]:
        """Return how long each stage of the latest run took; nothing where there is none or it does not say."""
        try:
            seconds = self.manifest(self.latest().run_id).get("seconds")
        except SegmentationError:
            return {}
        known = seconds.items() if isinstance(seconds, dict) else ()
        return {title: float(value) for title, value in known if isinstance(value, int | float)}

    def manifest(self, run_id: str) -> dict[str, Any]:
        """Return a published run's manifest. Raises InputError if there is no such run, or a newer version wrote it."""
        if not self.is_published(run_id):
            raise InputError(f"{self.shown}: there is no run {run_id!r}")
        content = self._json(f"{self.run_path(run_id)}/{MANIFEST}")
        if not _is_readable(content):
            raise InputError(
                f"{self.shown}: run {run_id!r} was published by a newer version, or by another program: its manifest "
                f"has the format {content.get('format')!r}, this version reads 1 to {MANIFEST_FORMAT}"
            )
        return content

    def _json(self, path: str) -> dict[str, Any]:
        try:
            content = json.loads(self.filesystem.read_text(path))
        except ValueError:
            content = None
        except OSError as error:
            raise InputError(f"{readable_path(path)}: cannot be read: {error.strerror or error}") from None
        if not isinstance(content, dict):
            raise _foreign(path)
        return content


def run_folder(run_id: str) -> str:
    """Return a run's folder, relative to its lake."""
    return f"runs/run_id={run_id}"


def _entry(run_id: str, content: Mapping[str, Any], path: str) -> RunEntry:
    # Format 1 has no time of publication; the run began not long before it.
    published_at = content.get("published_at") or content.get("began_at")
    model = content.get("model")
    try:
        entry = RunEntry(
            run_id,
            date.fromisoformat(content["as_of"]),
            datetime.fromisoformat(str(published_at)),
            **{key: content.get(key) for key in ("lineage", "request", "identity", "predecessor", "title")},
            next_segment_id=int(model.get("next_segment_id", 1)) if isinstance(model, dict) else 1,
            is_readable=_is_readable(content),
        )
    except (KeyError, TypeError, ValueError):
        raise _foreign(path) from None
    if not is_run_id(run_id) or entry.published_at.tzinfo is None:
        raise _foreign(path)
    return entry


def _is_readable(manifest: Mapping[str, Any]) -> bool:
    return manifest.get("format") in range(1, MANIFEST_FORMAT + 1)


def _foreign(path: str) -> InputError:
    return InputError(f"{readable_path(path)}: was not written by this job: restore or remove it")
