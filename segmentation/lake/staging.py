"""Stage a run, and publish it by one rename.

A run is written under `_staging/`, read back, then renamed to its place: that is the one commit point. `latest.json`
follows. If the process ends before, the next run on the lake removes what it left, since nobody claims it any more.
"""

import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema, to_arrow_schema
from pyspark.sql.types import StructType

from segmentation import schemas as s
from segmentation.errors import ConfigError, InputError, PublishConflict, SegmentationError, java_message
from segmentation.exports import EXPORTS, write_exports
from segmentation.filesystem import Claim, readable_path, temporary_name
from segmentation.lake.manifest import MAX_RUN_ID_LENGTH, Identity
from segmentation.lake.runs import (
    LATEST,
    MANIFEST,
    MANIFEST_FORMAT,
    MODEL,
    REFUSED,
    STAGING,
    Lake,
    RunEntry,
    run_folder,
)
from segmentation.lake.writes import Writes
from segmentation.stopping import held_back

# Logs each step at the moment it is reached; scripts/crash_test kills the job there.
steps = logging.getLogger("segmentation.lake.steps")
STAGING_WRITTEN = "staging written"
AUDITED = "audited"
BEFORE_RENAME = "before rename"
AFTER_RENAME = "after rename"
BEFORE_LATEST = "before latest.json"
AFTER_LATEST = "after latest.json"

# Hold personal data, lines of the input and lists of customers: readable by the owner, or the owner's group.
SENSITIVE = ("rejected_transactions", EXPORTS)
# Spark's binary reader, which computes the checksums, takes files up to 2 GiB.
MAX_ROWS_PER_FILE = 5_000_000
# Tasks that are being cancelled may write again what was just deleted; they have ended within these attempts.
DELETE_ATTEMPTS = 8
SECONDS_BETWEEN_ATTEMPTS = 0.25


def require_writable(lake: Lake) -> None:
    """Make the lake's folder if needed. Raises ConfigError if it is a file, or cannot be made or written."""
    filesystem, staging = lake.filesystem, f"{lake.path}/{STAGING}"
    if filesystem.exists(lake.path) and not filesystem.is_directory(lake.path):
        raise ConfigError(f"--output {lake.shown}: is a file; name a folder")
    probe = f"{staging}/{temporary_name('.probe')}"
    try:
        filesystem.make_directory(staging)
        with filesystem.exclusive():
            filesystem.write_text(probe, "", staging)
            filesystem.delete(probe)
    except Exception as error:  # noqa: BLE001 - the operating system's and Hadoop's errors have no common type
        reason = getattr(error, "strerror", None) or java_message(error)
        raise ConfigError(f"--output {lake.shown}: cannot be written: {reason}") from None
    for folder in (lake.path, f"{lake.path}/runs"):
        if not filesystem.may_write(folder):
            raise ConfigError(f"--output {readable_path(folder)}: cannot be written: Permission denied")


def remove_abandoned(lake: Lake) -> None:
    """Delete what processes of this machine that ended before their time left under `_staging/`."""
    lake.filesystem.remove_abandoned(f"{lake.path}/{STAGING}")


def find_run_id(
    lake: Lake, identity: Identity, published: RunEntry | None, run_id: str | None, force: bool
) -> tuple[str, bool]:
    """Return the id to publish under, and whether this very run is published under it already.

    `published` is the run of this request that is published. The id is `run_id`, or that run's, or else the identity's
    own, which changes when it is known what the run builds upon; with `force` a taken one gets a number.

    Raises ConfigError if something else stands under the id.
    """
    if force:
        return free_run_id(lake, run_id or identity.default_run_id), False
    if published is not None and run_id in (None, published.run_id):
        return published.run_id, True
    is_own, run_id = run_id is None, run_id or identity.default_run_id
    if not is_own and lake.is_published(run_id):
        if published is not None and lake.manifest(run_id).get("identity") == published.identity:
            return run_id, True
        raise ConfigError(
            f"--run-id {run_id}: is already published from other input, configuration, earlier runs or code: choose "
            "another, or --force to publish under a new, numbered id"
        )
    if run_id in lake.unfinished_run_ids():
        raise ConfigError(
            f"--run-id {run_id}: {readable_path(lake.run_path(run_id))} exists without its manifest: another process "
            "is publishing it, or something else made that folder: remove it, or choose another id"
        )
    return run_id, False


def free_run_id(lake: Lake, run_id: str) -> str:
    """Return `run_id` if no run has it, or else with the first free number from 2: `daily-2`."""
    candidate, number = run_id, 2
    while lake.filesystem.exists(lake.run_path(candidate)):
        suffix = f"-{number}"
        candidate, number = run_id[: MAX_RUN_ID_LENGTH - len(suffix)] + suffix, number + 1
    return candidate


def stage(lake: Lake, run_id: str) -> "StagedRun":
    """Make a new, empty folder to write a run into, readable by its owner alone and claimed by this process."""
    filesystem, staging = lake.filesystem, f"{lake.path}/{STAGING}"
    filesystem.make_directory(staging)
    path = f"{staging}/{temporary_name(run_id)}"
    try:
        with filesystem.exclusive():  # else another run could take it for abandoned before it is claimed
            filesystem.make_directory(path, owner_only=True)
            return StagedRun(lake, run_id, path, filesystem.claim(path))
    except BaseException:  # a signal, or a folder that was made and cannot be restricted
        with suppress(Exception):
            filesystem.delete(path)
        raise


def write_rows(rows: Sequence[Mapping[str, Any]], schema: StructType, path: Path) -> None:
    """Write rows as one Parquet file on the driver's disk. Keys that the schema does not declare are left out."""
    declared = [{name: row[name] for name in schema.names} for row in rows]
    pq.write_table(pa.Table.from_pylist(declared, to_arrow_schema(schema)), path)


@dataclass(frozen=True)
class StagedRun:
    """A run being written: its folder, this process's claim on it, and its writes in the background."""

    lake: Lake
    run_id: str
    path: str
    claim: Claim
    writes: Writes = field(default_factory=Writes)
    _cleaning_up: Lock = field(default_factory=Lock)

    def write_table(self, table: str, frame: DataFrame) -> None:
        """Start to write one of `TABLES` as Parquet. Raises QualityGateError if the frame has another schema."""
        s.require_schema(frame, s.TABLES[table], table)
        writer = frame.write.option("maxRecordsPerFile", MAX_ROWS_PER_FILE)
        self.writes.start(writer.parquet, f"{self.path}/{table}")

    def write_small_table(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write collected rows as one of `SMALL_TABLES`, without a job of Spark."""
        with TemporaryDirectory(prefix="table-") as folder:
            local = Path(folder) / f"part-00000-{uuid4()}.snappy.parquet"
            write_rows(rows, s.TABLES[table], local)
            self.put_file(local, f"{table}/{local.name}")

    def write_model(self, model: PipelineModel) -> None:
        """Start to save the model."""
        self.writes.start(model.write().save, f"{self.path}/{MODEL}")

    def write_exports(self, rows: DataFrame, names: Mapping[int, str], changes: DataFrame | None = None) -> None:
        """Start to write the lists of customers, `exports.export_rows`, to the files of these names by segment_id.

        `changes` are `exports.change_rows`, where there was a run before.
        """
        folder = f"{self.path}/{EXPORTS}"
        self.lake.filesystem.make_directory(folder, owner_only=True)
        self.writes.start(lambda path: write_exports(self.lake.filesystem, rows, names, path, changes), folder)

    def put_file(self, local: Path, name: str) -> None:
        """Copy a file from the driver's disk to `name` inside the run."""
        self.lake.filesystem.put(local, f"{self.path}/{name}")

    def put_text(self, text: str, name: str) -> None:
        """Write a text as UTF-8 to `name`, a file in a folder of its own inside the run."""
        path = f"{self.path}/{name}"
        self.lake.filesystem.make_directory(path.rpartition("/")[0])
        self.lake.filesystem.write_text(path, text, self.path)

    def written(self, table: str) -> DataFrame:
        """Wait until a table is written and return it as read from disk. Raises the error of its write."""
        self.writes.wait_for(f"{self.path}/{table}")
        return self.lake.spark.read.schema(s.TABLES[table]).parquet(f"{self.path}/{table}")

    def wait_until_written(self) -> None:
        """Wait until all is written, and delete Hadoop's own files: nothing may read the run before.

        Polars takes a checksum for data, and the manifest has better ones. A reader that has seen a checksum fails
        where it goes meanwhile. Raises the error of the first write that failed.
        """
        with self._cleaning_up:
            self.writes.wait()
            self.lake.filesystem.remove_files_of_hadoop(self.path)

    def finish_writing(self, sensitive_to_group: bool = False) -> None:
        """Wait until all is written, restrict what is sensitive, and make all of it durable.

        Raises the error of the first write that failed.
        """
        self.wait_until_written()
        filesystem = self.lake.filesystem
        for path in [f"{self.path}/{name}" for name in SENSITIVE]:
            if filesystem.is_directory(path):
                filesystem.restrict(path, sensitive_to_group)
        filesystem.sync(self.path)
        reached(STAGING_WRITTEN)

    def table(self, table: str) -> DataFrame:
        """Return a table as read from disk. Raises QualityGateError if it has another schema."""
        return s.require_schema(self.lake.spark.read.parquet(f"{self.path}/{table}"), s.TABLES[table], table)

    def small_table(self, table: str) -> list[dict[str, Any]]:
        """Return the rows of one of `SMALL_TABLES` as read from disk, without a job of Spark.

        Raises QualityGateError if it has another schema, OSError or ArrowException if it cannot be read.
        """
        rows: list[dict[str, Any]] = []
        for name in self.lake.filesystem.names_in(f"{self.path}/{table}"):
            if name.endswith(".parquet"):
                with self.lake.filesystem.local_copy(f"{self.path}/{table}/{name}") as local:
                    content = pq.ParquetFile(local).read()
                s.require_equal_schema(from_arrow_schema(content.schema), s.TABLES[table], table)
                rows += content.to_pylist()
        return rows

    def model(self) -> PipelineModel:
        return PipelineModel.load(f"{self.path}/{MODEL}")

    def checksums(self) -> dict[str, dict[str, Any]]:
        """Return bytes and SHA-256 of every file that is not hidden, by path inside the run, sorted."""
        rows = (
            self.lake.spark.read.format("binaryFile")
            .option("recursiveFileLookup", True)
            .load(self.path)
            .select("path", "length", F.sha2("content", 256).alias("sha256"))
            .collect()  # one row per file, without its content
        )
        folder = f"/{self.path.rpartition('/')[2]}/"
        files = {row["path"].partition(folder)[2]: {"bytes": row["length"], "sha256": row["sha256"]} for row in rows}
        return dict(sorted(files.items()))

    def publish(self, facts: Mapping[str, Any], number_from: str | None = None) -> str:
        """Publish the run with its manifest, and return its id.

        With `number_from`, the id is that one, or its first free number.

        Raises PublishConflict if another process took the id, SegmentationError if the run is published but
        latest.json could not be written.
        """
        lake, filesystem = self.lake, self.lake.filesystem
        filesystem.make_directory(f"{lake.path}/runs")
        while True:
            with filesystem.exclusive(), held_back(lake.spark) as commit:
                run_id = self.run_id if number_from is None else free_run_id(lake, number_from)
                self._write_manifest(run_id, facts)
                filesystem.copy_permissions(f"{lake.path}/runs", self.path)
                reached(BEFORE_RENAME)
                try:
                    filesystem.publish(self.path, lake.run_path(run_id), last=MANIFEST)
                except PublishConflict as error:
                    if number_from is not None:
                        continue
                    raise self._conflict(str(facts["identity"]), error) from None
                commit()
                reached(AFTER_RENAME)
                try:
                    filesystem.sync_names(f"{lake.path}/runs")
                    reached(BEFORE_LATEST)
                    _update_latest(lake)
                except Exception as error:
                    raise SegmentationError(
                        f"run {run_id} is published, but {LATEST} could not be written: {java_message(error)}: solve "
                        "that and start the same run again"
                    ) from error
                reached(AFTER_LATEST)
            return run_id

    def _write_manifest(self, run_id: str, facts: Mapping[str, Any]) -> None:
        published_at = datetime.now(UTC)
        with suppress(InputError, OverflowError):  # a clock that was set back makes no run older than the one before it
            published_at = max(published_at, self.lake.latest().published_at + timedelta(microseconds=1))
        content = {
            "format": MANIFEST_FORMAT,
            "run_id": run_id,
            "published_at": published_at.isoformat(timespec="microseconds"),
            **facts,
        }
        text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        self.lake.filesystem.write_text(f"{self.path}/{MANIFEST}", text, self.path)

    def _conflict(self, identity: str, error: PublishConflict) -> PublishConflict:
        if not self.lake.is_published(self.run_id):
            return error
        if self.lake.manifest(self.run_id).get("identity") == identity:
            _update_latest(self.lake)  # the other process may have ended just before that
            return PublishConflict(
                f"another process published this very run, {self.run_id}, meanwhile: nothing is left to do"
            )
        return PublishConflict(
            f"another process published under the id {self.run_id} meanwhile, from other input, configuration, earlier "
            "runs or code: choose another --run-id, or --force to publish under a new, numbered id"
        )

    def refuse(self) -> str:
        """Keep the run in staging for a person to inspect, and return its folder."""
        self.writes.close()
        path = f"{self.path}{REFUSED}"
        self.lake.filesystem.rename(self.path, path)
        return path

    def discard(self) -> None:
        """Delete the staged run; do nothing if it was published or refused."""
        self._delete()
        self.claim.release()

    def cancel_and_discard(self, cancel_jobs: Callable[[], None]) -> None:
        """Cancel the writes, by `cancel_jobs`, and delete the staged run."""
        if not self.writes.cancel(cancel_jobs):
            for _ in range(DELETE_ATTEMPTS):
                self._delete()
                time.sleep(SECONDS_BETWEEN_ATTEMPTS)
        self.discard()

    def _delete(self) -> None:
        with suppress(Exception):  # the disk or Java went away; the error that ended the run says more
            self.lake.filesystem.delete(self.path)


def reached(step: str) -> None:
    """Log that a step is reached."""
    steps.debug(step)


def update_latest(lake: Lake) -> None:
    """Let latest.json name the newest published run."""
    with lake.filesystem.exclusive():
        _update_latest(lake)


def _update_latest(lake: Lake) -> None:
    # Repeated until it names the newest: where processes cannot wait for each other, a newer run may appear meanwhile.
    path = f"{lake.path}/{LATEST}"
    while runs := lake.runs():
        newest = runs[0]
        content = {
            "run_id": newest.run_id,
            "path": run_folder(newest.run_id),
            "as_of": newest.as_of.isoformat(),
            "published_at": newest.published_at.isoformat(timespec="microseconds"),
        }
        text = json.dumps(content, indent=2) + "\n"
        with suppress(InputError, OSError):  # there is none yet, or it is damaged
            named = lake.latest()
            if lake.filesystem.read_text(path) == text:
                return
            # A run whose manifest cannot be read at the moment is still a run.
            is_newer = (named.as_of, named.published_at) > (newest.as_of, newest.published_at)
            if is_newer and lake.filesystem.exists(lake.run_path(named.run_id)):
                return
        lake.filesystem.write_text(path, text, f"{lake.path}/{STAGING}")
