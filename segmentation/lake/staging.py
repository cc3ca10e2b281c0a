"""What is written beside other work: each write begins at once, and what fails is raised where it is waited for."""
# TODO-DOC small_tables: Collected rows → a table again.
# TODO-DOC publishing: A run in the making: written under `_staging/`, read back, and made to appear whole.
# The one commit point is the rename of the run's folder; `latest.json` follows. A process that ends before
# leaves a folder under `_staging/`, which the next run on the lake removes, since nobody claims it any more.
# TODO-DOC request: What is asked of a run beside its configuration, and under which id it is to be published.

import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import pyarrow as pa
from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import to_arrow_schema

from segmentation import schemas as s
from segmentation.errors import ConfigError, InputError, PublishConflict, SegmentationError, java_message
from segmentation.filesystem import Claim
from segmentation.lake.manifest import LONGEST_RUN_ID, Identity
from segmentation.lake.runs import LATEST, MANIFEST, MANIFEST_FORMAT, MODEL, REFUSED, STAGING, Lake, aside, place_of
from segmentation.session import SparkThreadPool

# A small write leaves most cores idle while Spark plans and commits it; a large one keeps all of them busy by itself.
AT_ONCE: Final = 2
# Tasks that were cancelled are at rest within this time, or Java does not answer any more.
TRIES_TO_CANCEL: Final = 20
SECONDS_BETWEEN_WRITES: Final = 0.25


class Writes:
    """Writes to paths, begun in order, some at a time."""

    def __init__(self) -> None:
        self._pool = SparkThreadPool(AT_ONCE, thread_name_prefix="write")
        self._begun: dict[str, Future[None]] = {}

    def begin(self, write: Callable[[str], None], path: str) -> None:
        """Has `path` written; raises what an earlier write failed with, if it is done by now."""
        self._raise_failures()
        self._begun[path] = self._pool.submit(write, path)

    def finish(self) -> None:
        """Waits until all is written; raises what the first one failed with."""
        for one in self._begun.values():
            one.result()

    def wait_for(self, path: str) -> None:
        """Waits until one path that was begun is written; raises what that failed with."""
        self._begun[path].result()

    def stop(self, cancel: Callable[[], None]) -> bool:
        """Begins no other write and cancels all work; True if every write was done and well, so that no task is left.

        Those under way are cancelled until they are at rest.
        """
        self._pool.shutdown(wait=False, cancel_futures=True)
        at_rest = all(one.done() and not one.cancelled() and not one.exception() for one in self._begun.values())
        cancel()
        for _ in range(TRIES_TO_CANCEL):
            if all(one.done() for one in self._begun.values()):
                break
            time.sleep(SECONDS_BETWEEN_WRITES)
            cancel()
        return at_rest

    def end(self) -> None:
        """Begins no other write, and waits for those under way, whatever becomes of them."""
        self._pool.shutdown(cancel_futures=True)

    def _raise_failures(self) -> None:
        for one in self._begun.values():
            if one.done():
                one.result()


def small_table(spark: SparkSession, table: str, rows: Sequence[Mapping[str, Any]]) -> DataFrame:
    """A small table from collected rows, in one file; as Arrow, since plain rows would need Python on the executors."""
    schema = s.TABLES[table]
    columns = [[_arrow_value(row[name]) for row in rows] for name in s.column_names(schema)]
    arrow = to_arrow_schema(schema)
    arrays = [pa.array(values, field.type) for values, field in zip(columns, arrow, strict=True)]
    return spark.createDataFrame(pa.Table.from_arrays(arrays, schema=arrow), schema).coalesce(1)


def _arrow_value(value: Any) -> Any:
    return list(value.items()) if isinstance(value, dict) else value


# Each step by name, at the moment it is reached: what a crash test stops the job at.
steps = logging.getLogger("segmentation.lake.steps")
STAGING_WRITTEN = "staging written"
AUDITED = "audited"
BEFORE_RENAME = "before rename"
AFTER_RENAME = "after rename"
BEFORE_LATEST = "before latest.json"
AFTER_LATEST = "after latest.json"

# Lines as they were read, personal data among them: for their owner alone.
OWNER_ONLY_TABLE = "rejected_transactions"
# Spark's tasks, or a Java that is ending, are at rest within this time.
TRIES_UNDER_WAY = 8
SECONDS_BETWEEN_TRIES = 0.25
# The checksums read a file whole, and so does Spark's reader of binary files, up to 2 GiB.
MOST_ROWS_A_FILE = 5_000_000


def require_writable(lake: Lake) -> None:
    """ConfigError where the lake's folder is a file, or cannot be made or written."""
    storage = lake.filesystem
    probe = aside(lake, ".probe")
    if storage.exists(lake.path) and not storage.is_directory(lake.path):
        raise ConfigError(f"--output {lake.shown}: is a file; name a folder")
    try:
        storage.make_directory(f"{lake.path}/{STAGING}")
        with storage.exclusive():
            storage.write_text(probe, "", staging=f"{lake.path}/{STAGING}")
            storage.delete(probe)
    except Exception as error:  # noqa: BLE001 - the operating system's and Hadoop's refusals have no common kind
        reason = getattr(error, "strerror", None) or java_message(error)
        raise ConfigError(f"--output {lake.shown}: cannot be written: {reason}") from None
    for folder in (lake.path, f"{lake.path}/runs"):
        if not storage.may_write(folder):
            raise ConfigError(f"--output {folder.removeprefix('file:')}: cannot be written: Permission denied")


def remove_abandoned(lake: Lake) -> None:
    """Removes what processes of this machine that ended before their time left under `_staging/`."""
    lake.filesystem.remove_abandoned(f"{lake.path}/{STAGING}")


def name_latest(lake: Lake) -> None:
    """Lets latest.json name the newest of the published runs."""
    with lake.filesystem.exclusive():
        _name_latest(lake)


def free_run_id(lake: Lake, run_id: str) -> str:
    """`run_id`, or else with the first number from 2 under which nothing is published."""
    candidate, number = run_id, 2
    while lake.filesystem.exists(lake.run_path(candidate)):
        suffix = f"-{number}"
        candidate, number = run_id[: LONGEST_RUN_ID - len(suffix)] + suffix, number + 1
    return candidate


def reached(step: str) -> None:
    """Tells that a step is reached."""
    steps.debug(step)


@dataclass(frozen=True)
class StagedRun:
    """A run in the making: where its files are written, and this process's claim on it."""

    lake: Lake
    run_id: str
    path: str
    claim: Claim
    writes: Writes = field(default_factory=Writes)

    def write_table(self, table: str, frame: DataFrame) -> None:
        """Begins to write one of `TABLES` as Parquet; QualityGateError where the frame is not of its schema."""
        s.require_schema(frame, s.TABLES[table], table)
        write = frame.write.option("maxRecordsPerFile", MOST_ROWS_A_FILE)
        self.writes.begin(write.parquet, f"{self.path}/{table}")

    def write_model(self, model: PipelineModel) -> None:
        """Begins to save the model."""
        self.writes.begin(model.write().save, f"{self.path}/{MODEL}")

    def put_file(self, local: Path, name: str) -> None:
        """Copies a file of the driver's disk to `name` inside the run."""
        self.lake.filesystem.put(local, f"{self.path}/{name}")

    def put_text(self, text: str, name: str) -> None:
        """Writes a text as UTF-8 to `name` inside the run."""
        with TemporaryDirectory(prefix="run-") as folder:
            local = Path(folder) / "text"
            local.write_text(text, encoding="utf-8")
            self.put_file(local, name)

    def finish_writing(self) -> None:
        """What was begun is written and on the disk, and lines kept as they were read are for their owner alone.

        Raises what a write failed with.
        """
        self.writes.finish()
        self.lake.filesystem.restrict_to_owner(f"{self.path}/{OWNER_ONLY_TABLE}")
        self.lake.filesystem.sync(self.path)
        reached(STAGING_WRITTEN)

    def written(self, table: str) -> DataFrame:
        """A table as it was written, once it is; raises what its write failed with."""
        self.writes.wait_for(f"{self.path}/{table}")
        return self.lake.spark.read.schema(s.TABLES[table]).parquet(f"{self.path}/{table}")

    def table(self, table: str) -> DataFrame:
        """A staged table read back; QualityGateError where it is not of its schema."""
        return s.require_schema(self.lake.spark.read.parquet(f"{self.path}/{table}"), s.TABLES[table], table)

    def model(self) -> PipelineModel:
        return PipelineModel.load(f"{self.path}/{MODEL}")

    def checksums(self) -> dict[str, dict[str, Any]]:
        """Bytes and SHA-256 of every file of the run but Hadoop's hidden ones, by path inside the run, sorted."""
        rows = (
            self.lake.spark.read.format("binaryFile")
            .option("recursiveFileLookup", True)
            .load(self.path)
            .select("path", "length", F.sha2("content", 256).alias("sha256"))
            .collect()  # one row per file, without its content
        )
        folder = f"/{self.path.rpartition('/')[2]}/"
        found = {row["path"].partition(folder)[2]: {"bytes": row["length"], "sha256": row["sha256"]} for row in rows}
        return dict(sorted(found.items()))

    def publish(self, manifest: Mapping[str, Any], number_from: str | None = None) -> str:
        """Makes the run appear, whole, and returns its id: with `number_from` that id, or the first number behind it
        that is free.

        PublishConflict if the id was taken meanwhile, SegmentationError if the run is there but not named the latest.
        """
        lake, storage = self.lake, self.lake.filesystem
        storage.make_directory(f"{lake.path}/runs")
        while True:
            with storage.exclusive():
                run_id = self.run_id if number_from is None else free_run_id(lake, number_from)
                self._write_manifest(run_id, manifest)
                storage.copy_permissions(f"{lake.path}/runs", self.path)
                reached(BEFORE_RENAME)
                try:
                    storage.publish(self.path, lake.run_path(run_id), last=MANIFEST)
                except PublishConflict as error:
                    if number_from is not None:
                        continue
                    raise self._conflict(str(manifest["identity"]), error) from None
                reached(AFTER_RENAME)
                try:
                    storage.sync_names(f"{lake.path}/runs")
                    reached(BEFORE_LATEST)
                    _name_latest(lake)
                except Exception as error:
                    raise SegmentationError(
                        f"run {run_id} is published, but {LATEST} could not be written: {java_message(error)}: mend "
                        "that and start the same run again"
                    ) from error
                reached(AFTER_LATEST)
            return run_id

    def _conflict(self, identity: str, error: PublishConflict) -> PublishConflict:
        if not self.lake.is_published(self.run_id):
            return error
        if self.lake.manifest(self.run_id).get("identity") == identity:
            _name_latest(self.lake)  # the other process may have ended just before that
            return PublishConflict(
                f"another process published this very run, {self.run_id}, meanwhile: nothing is left to do"
            )
        return PublishConflict(
            f"another process published under the id {self.run_id} meanwhile, from other input, configuration or code: "
            "choose another --run-id, or --force to publish beside it"
        )

    def _write_manifest(self, run_id: str, manifest: Mapping[str, Any]) -> None:
        published_at = datetime.now(UTC)
        with suppress(InputError):  # a clock that was set back makes no run older than the one before it
            published_at = max(published_at, self.lake.latest().published_at + timedelta(microseconds=1))
        told = {"run_id": run_id, "published_at": published_at.isoformat(timespec="microseconds"), **manifest}
        text = json.dumps({"format": MANIFEST_FORMAT, **told}, indent=2, ensure_ascii=False) + "\n"
        self.lake.filesystem.write_text(f"{self.path}/{MANIFEST}", text, staging=self.path)

    def refuse(self) -> str:
        """Keeps the run where it is for a person to look at, and returns the place."""
        self.writes.end()
        kept = f"{self.path}{REFUSED}"
        self.lake.filesystem.rename(self.path, kept)
        return kept

    def discard(self) -> None:
        """Removes the run in the making; nothing happens where it was published or refused."""
        self._delete()
        self.claim.release()

    def discard_under_way(self, cancel: Callable[[], None]) -> None:
        """As `discard`, while tasks that `cancel` ends may still be writing, and making again what is removed."""
        at_rest = self.writes.stop(cancel)
        for _ in range(0 if at_rest else TRIES_UNDER_WAY):
            self._delete()
            time.sleep(SECONDS_BETWEEN_TRIES)
        self.discard()

    def _delete(self) -> None:
        with suppress(Exception):  # the disk or Java went away; the error that ended the run says more
            self.lake.filesystem.delete(self.path)


def stage(lake: Lake, run_id: str) -> StagedRun:
    """A new, empty place to write a run, for its owner alone; no two stagings share one."""
    storage = lake.filesystem
    storage.make_directory(f"{lake.path}/{STAGING}")
    path = aside(lake, run_id)
    try:
        with storage.exclusive():  # else it could be taken for abandoned before it is claimed
            storage.make_directory(path, owner_only=True)
            return StagedRun(lake, run_id, path, storage.claim(path))
    except BaseException:  # a signal, or a folder that was made and may not be restricted
        with suppress(Exception):
            storage.delete(path)
        raise


def _name_latest(lake: Lake) -> None:
    """Writes until latest.json names the newest run: where nobody waits for another, one may appear in between."""
    path = f"{lake.path}/{LATEST}"
    while runs := lake.runs():
        newest = runs[0]
        content = {
            "run_id": newest.run_id,
            "path": place_of(newest.run_id),
            "as_of": newest.as_of.isoformat(),
            "published_at": newest.published_at.isoformat(timespec="microseconds"),
        }
        text = json.dumps(content, indent=2) + "\n"
        with suppress(InputError, OSError):  # there is none yet, or it is not what it should be
            named = lake.latest()
            # A run whose manifest cannot be read just now is a run all the same.
            is_newer = (named.as_of, named.published_at) > (newest.as_of, newest.published_at)
            if lake.filesystem.read_text(path) == text or (
                is_newer and lake.filesystem.exists(lake.run_path(named.run_id))
            ):
                return
        lake.filesystem.write_text(path, text, staging=f"{lake.path}/{STAGING}")


def find_run_id(lake: Lake, identity: Identity, run_id: str | None, force: bool) -> tuple[str, bool]:
    """The id to publish under, and whether this very run is published under it already.

    ConfigError where something else is there under an id that was asked for.
    """
    run_id = run_id or identity.default_run_id
    if force:
        return free_run_id(lake, run_id), False
    if not lake.is_published(run_id):
        if run_id in lake.unfinished_run_ids():
            raise ConfigError(
                f"--run-id {run_id}: {lake.run_path(run_id).removeprefix('file:')} is there without its manifest: "
                "another process is publishing it, or something else made that folder: remove it, or choose another id"
            )
        return run_id, False
    if lake.manifest(run_id).get("identity") != identity.run:
        raise ConfigError(
            f"--run-id {run_id}: is already published from other input, configuration or code: choose another, or "
            "--force to publish beside it under a new id"
        )
    return run_id, True
