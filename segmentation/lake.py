"""The lake: runs in the making under `_staging/`, published whole under `runs/` by one rename, read back by name.

LAKE/runs/run_id=<id>/   a published run; never changed afterwards
LAKE/latest.json         names the published run with the latest as_of
LAKE/_staging/           ignored by Spark, Hive, Trino, DuckDB and pandas readers
"""

import json
import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from segmentation.errors import ConfigError, InputError, java_message
from segmentation.schemas import TABLES, require_schema
from segmentation.storage import Storage

MANIFEST = "manifest.json"
LATEST = "latest.json"
MODEL = "model"
MANIFEST_FORMAT = 1
GLOB_CHARACTERS = frozenset("*?[]{}\\")
# The checksums read a file whole, and so does Spark's reader of binary files, up to 2 GiB.
MOST_ROWS_A_FILE = 5_000_000


@dataclass(frozen=True)
class StagedRun:
    """A run in the making: where its files are written."""

    run_id: str
    path: str


class Lake:
    """One lake on any file system that Hadoop reaches."""

    def __init__(self, spark: SparkSession, path: str) -> None:
        self._spark = spark
        if set(path) & GLOB_CHARACTERS:
            raise ConfigError(
                f"--output {path}: may not have any of {' '.join(sorted(GLOB_CHARACTERS))}, which Spark expands"
            )
        try:
            self._storage = Storage(spark, path)
        except Exception as error:  # noqa: BLE001 - an unknown scheme, or a host that does not answer
            raise ConfigError(f"--output {path}: cannot be reached: {java_message(error)}") from None
        self.path = self._storage.root

    def require_writable(self) -> None:
        """ConfigError where the lake's folder is a file, or cannot be made or written."""
        if self._storage.exists(self.path) and not self._storage.is_directory(self.path):
            raise ConfigError(f"--output {self._shown(self.path)}: is a file; name a folder")
        probe = f"{self.path}/_staging/.probe-{uuid.uuid4().hex}"
        try:
            self._storage.make_directory(f"{self.path}/_staging")
            self._storage.write_text(probe, "")
            self._storage.delete(probe)
        except Exception as error:  # noqa: BLE001 - the operating system's and Hadoop's refusals have no common kind
            reason = getattr(error, "strerror", None) or java_message(error)
            raise ConfigError(f"--output {self._shown(self.path)}: cannot be written: {reason}") from None

    def run_path(self, run_id: str) -> str:
        return f"{self.path}/runs/run_id={run_id}"

    def published_identity(self, run_id: str) -> str | None:
        """The identity of the run published under `run_id`; None where there is none."""
        manifest = f"{self.run_path(run_id)}/{MANIFEST}"
        if not self._storage.exists(manifest):
            return None
        return str(json.loads(self._storage.read_text(manifest))["identity"])

    def free_run_id(self, run_id: str) -> str:
        """`run_id`, or else with the first number from 2 under which nothing is published."""
        candidate, number = run_id, 2
        while self._storage.exists(self.run_path(candidate)):
            candidate, number = f"{run_id}-{number}", number + 1
        return candidate

    def stage(self, run_id: str) -> StagedRun:
        """A new, empty place to write a run; no two stagings share one."""
        path = f"{self.path}/_staging/{run_id}.{os.getpid()}.{uuid.uuid4().hex[:8]}"
        self._storage.make_directory(path)
        return StagedRun(run_id, path)

    def write_table(self, staged: StagedRun, table: str, frame: DataFrame) -> None:
        """Writes one of `TABLES` as Parquet; QualityGateError where the frame is not of its schema."""
        require_schema(frame, TABLES[table], table)
        frame.write.option("maxRecordsPerFile", MOST_ROWS_A_FILE).parquet(f"{staged.path}/{table}")

    def write_model(self, staged: StagedRun, model: PipelineModel) -> None:
        model.write().save(f"{staged.path}/{MODEL}")

    def put_file(self, staged: StagedRun, local: Path, name: str) -> None:
        """Copies a file of the driver's disk to `name` inside the run."""
        self._storage.put(local, f"{staged.path}/{name}")

    def contents(self, staged: StagedRun) -> dict[str, Any]:
        """The staged run read back: `tables`, each with rows, bytes, schema and the SHA-256 of each file, and
        `files`, the same of the model's and the charts'. QualityGateError where a table is not of its schema.
        """
        files = self._checksums(staged)
        summaries = {}
        for table, schema in TABLES.items():
            frame = require_schema(self._spark.read.parquet(f"{staged.path}/{table}"), schema, table)
            own = {path: facts for path, facts in files.items() if path.startswith(f"{table}/")}
            summaries[table] = {
                "rows": frame.count(),
                "bytes": sum(facts["bytes"] for facts in own.values()),
                "schema": json.loads(schema.json()),
                "files": own,
            }
        others = {path: facts for path, facts in files.items() if path.partition("/")[0] not in TABLES}
        return {"tables": summaries, "files": others}

    def publish(self, staged: StagedRun, manifest: Mapping[str, Any]) -> str:
        """Makes the staged run appear, whole, and returns its path; PublishConflict if its id was taken meanwhile."""
        content = {"format": MANIFEST_FORMAT, "run_id": staged.run_id, **manifest}
        self._storage.write_text(f"{staged.path}/{MANIFEST}", json.dumps(content, indent=2, ensure_ascii=False) + "\n")
        target = self.run_path(staged.run_id)
        self._storage.make_directory(f"{self.path}/runs")
        self._storage.publish(staged.path, target)
        self._name_latest(staged.run_id, str(manifest["as_of"]))
        return target

    def discard(self, staged: StagedRun) -> None:
        """Removes a run in the making; nothing happens where it was published."""
        self._storage.delete(staged.path)

    def latest_run_id(self) -> str:
        """The run that latest.json names; InputError where nothing has been published."""
        path = f"{self.path}/{LATEST}"
        if not self._storage.exists(path):
            raise InputError(f"{self._shown(self.path)}: nothing has been published in this lake")
        return str(json.loads(self._storage.read_text(path))["run_id"])

    def manifest(self, run_id: str) -> dict[str, Any]:
        """The manifest of a published run; InputError where there is no such run."""
        path = f"{self.run_path(run_id)}/{MANIFEST}"
        if not self._storage.exists(path):
            raise InputError(f"{self._shown(self.path)}: there is no run {run_id!r}")
        content: dict[str, Any] = json.loads(self._storage.read_text(path))
        return content

    def _name_latest(self, run_id: str, as_of: str) -> None:
        """Points latest.json at the run, unless it names one with a later `as_of`."""
        path = f"{self.path}/{LATEST}"
        if self._storage.exists(path) and json.loads(self._storage.read_text(path))["as_of"] > as_of:
            return
        published_at = datetime.now(UTC).isoformat(timespec="seconds")
        content = {"run_id": run_id, "path": f"runs/run_id={run_id}", "as_of": as_of, "published_at": published_at}
        self._storage.write_text(path, json.dumps(content, indent=2) + "\n")

    def _checksums(self, staged: StagedRun) -> dict[str, dict[str, Any]]:
        """Bytes and SHA-256 of every file of a staged run but Hadoop's hidden ones, by path inside the run."""
        rows = (
            self._spark.read.format("binaryFile")
            .option("recursiveFileLookup", True)
            .load(staged.path)
            .select("path", "length", F.sha2("content", 256).alias("sha256"))
            .collect()  # one row per file, without its content
        )
        folder = f"/{staged.path.rpartition('/')[2]}/"
        found = {row["path"].partition(folder)[2]: {"bytes": row["length"], "sha256": row["sha256"]} for row in rows}
        return dict(sorted(found.items()))

    @staticmethod
    def _shown(path: str) -> str:
        return path.removeprefix("file:")


def read_table(spark: SparkSession, lake: str, table: str, run_id: str | None = None) -> DataFrame:
    """A table of the named run, or of the latest, as its schema in `TABLES` declares.

    Raises InputError where the lake has no such run, QualityGateError where the table is not of its schema.
    """
    if table not in TABLES:
        raise InputError(f"there is no table {table!r}: known are {', '.join(TABLES)}")
    opened = Lake(spark, lake)
    run = run_id or opened.latest_run_id()
    opened.manifest(run)
    schema: StructType = TABLES[table]
    return require_schema(spark.read.parquet(f"{opened.run_path(run)}/{table}"), schema, table)


def read_model(spark: SparkSession, lake: str, run_id: str | None = None) -> PipelineModel:
    """The pipeline of the named run, or of the latest: customer features → segment_id and segment_name."""
    opened = Lake(spark, lake)
    return PipelineModel.load(f"{opened.run_path(run_id or opened.latest_run_id())}/{MODEL}")
