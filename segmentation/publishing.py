"""A run in the making: written under `_staging/`, read back, and made to appear whole.

The one commit point is the rename of the run's folder; `latest.json` follows. A process that ends before leaves a
folder under `_staging/`, which the next run on the lake removes, since nobody claims it any more.
"""

import json
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segmentation.errors import ConfigError, InputError, PublishConflict, SegmentationError, java_message
from segmentation.identity import LONGEST_RUN_ID
from segmentation.lake import LATEST, MANIFEST, MANIFEST_FORMAT, MODEL, Lake, place_of
from segmentation.local_disk import HOST, Claim
from segmentation.schemas import TABLES, require_schema
from segmentation.writing import Writes

# Each step by name, at the moment it is reached: what a crash test stops the job at.
steps = logging.getLogger("segmentation.lake.steps")
STAGING_WRITTEN = "staging written"
AUDITED = "audited"
BEFORE_RENAME = "before rename"
AFTER_RENAME = "after rename"
BEFORE_LATEST = "before latest.json"
AFTER_LATEST = "after latest.json"

STAGING = "_staging"
# Lines as they were read, personal data among them: for their owner alone.
OWNER_ONLY_TABLE = "rejected_transactions"
# A staged run that failed its audit is kept for a person to look at.
REFUSED = ".refused"
# Spark's tasks, or a Java that is ending, are at rest within this time.
TRIES_UNDER_WAY = 8
SECONDS_BETWEEN_TRIES = 0.25
# The checksums read a file whole, and so does Spark's reader of binary files, up to 2 GiB.
MOST_ROWS_A_FILE = 5_000_000


def require_writable(lake: Lake) -> None:
    """ConfigError where the lake's folder is a file, or cannot be made or written."""
    storage = lake.storage
    probe = aside(lake, ".probe")
    if storage.exists(lake.path) and not storage.is_directory(lake.path):
        raise ConfigError(f"--output {lake.shown}: is a file; name a folder")
    try:
        storage.make_directory(f"{lake.path}/{STAGING}")
        with storage.exclusive():
            storage.write_text(probe, "", beside=f"{lake.path}/{STAGING}")
            storage.delete(probe)
    except Exception as error:  # noqa: BLE001 - the operating system's and Hadoop's refusals have no common kind
        reason = getattr(error, "strerror", None) or java_message(error)
        raise ConfigError(f"--output {lake.shown}: cannot be written: {reason}") from None
    for folder in (lake.path, f"{lake.path}/runs"):
        if not storage.may_write(folder):
            raise ConfigError(f"--output {folder.removeprefix('file:')}: cannot be written: Permission denied")


def remove_abandoned(lake: Lake) -> None:
    """Removes what processes of this machine that ended before their time left under `_staging/`."""
    storage = lake.storage
    if not storage.is_local:
        return  # nobody can tell there whether the owner lives: `expiry` goes by age
    abandoned = []
    with storage.exclusive():
        for name in storage.names_in(f"{lake.path}/{STAGING}"):
            path = f"{lake.path}/{STAGING}/{name}"
            if name.split(".")[-2:-1] != [HOST]:
                continue
            if storage.is_directory(path):
                abandoned.append((path, Claim(storage.local(path))))
                continue
            with suppress(OSError):  # written only by who has the lake for itself, as this process has now
                storage.delete(path)
    for path, claim in abandoned:
        if claim.is_held:
            with suppress(OSError):  # another user's, who removes it with a run of his own
                storage.delete(path)
        claim.release()


def aside(lake: Lake, run_id: str) -> str:
    """A new place under `_staging/`; no two are the same."""
    return f"{lake.path}/{STAGING}/{run_id}.{HOST}.{uuid4().hex[:12]}"


def name_latest(lake: Lake) -> None:
    """Lets latest.json name the newest of the published runs."""
    with lake.storage.exclusive():
        _name_latest(lake)


def free_run_id(lake: Lake, run_id: str) -> str:
    """`run_id`, or else with the first number from 2 under which nothing is published."""
    candidate, number = run_id, 2
    while lake.storage.exists(lake.run_path(candidate)):
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
    claim: Claim | None
    writes: Writes = field(default_factory=Writes)

    def write_table(self, table: str, frame: DataFrame) -> None:
        """Begins to write one of `TABLES` as Parquet; QualityGateError where the frame is not of its schema."""
        require_schema(frame, TABLES[table], table)
        write = frame.write.option("maxRecordsPerFile", MOST_ROWS_A_FILE)
        self.writes.begin(write.parquet, f"{self.path}/{table}")

    def write_model(self, model: PipelineModel) -> None:
        """Begins to save the model."""
        self.writes.begin(model.write().save, f"{self.path}/{MODEL}")

    def put_file(self, local: Path, name: str) -> None:
        """Copies a file of the driver's disk to `name` inside the run."""
        self.lake.storage.put(local, f"{self.path}/{name}")

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
        self.lake.storage.restrict(f"{self.path}/{OWNER_ONLY_TABLE}")
        self.lake.storage.sync(self.path)
        reached(STAGING_WRITTEN)

    def written(self, table: str) -> DataFrame:
        """A table as it was written, once it is; raises what its write failed with."""
        self.writes.wait_for(f"{self.path}/{table}")
        return self.lake.spark.read.schema(TABLES[table]).parquet(f"{self.path}/{table}")

    def table(self, table: str) -> DataFrame:
        """A staged table read back; QualityGateError where it is not of its schema."""
        return require_schema(self.lake.spark.read.parquet(f"{self.path}/{table}"), TABLES[table], table)

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
        lake, storage = self.lake, self.lake.storage
        storage.make_directory(f"{lake.path}/runs")
        while True:
            with storage.exclusive():
                run_id = self.run_id if number_from is None else free_run_id(lake, number_from)
                self._write_manifest(run_id, manifest)
                storage.open_like(self.path, f"{lake.path}/runs")
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
        self.lake.storage.write_text(f"{self.path}/{MANIFEST}", text, beside=self.path)

    def refuse(self) -> str:
        """Keeps the run where it is for a person to look at, and returns the place."""
        self.writes.end()
        kept = f"{self.path}{REFUSED}"
        self.lake.storage.rename(self.path, kept)
        return kept

    def discard(self) -> None:
        """Removes the run in the making; nothing happens where it was published or refused."""
        self._delete()
        if self.claim:
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
            self.lake.storage.delete(self.path)


def stage(lake: Lake, run_id: str) -> StagedRun:
    """A new, empty place to write a run, for its owner alone; no two stagings share one."""
    storage = lake.storage
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
            if lake.storage.read_text(path) == text or (is_newer and lake.storage.exists(lake.run_path(named.run_id))):
                return
        lake.storage.write_text(path, text, beside=f"{lake.path}/{STAGING}")
