"""Write a table, or a folder of several, to a path of the user's own: whole or not at all, for its owner alone.

All is written into a hidden folder next to the path, which is renamed at the end. What a killed process left there, the
next one that writes the same path removes.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

from pyspark.sql import DataFrame, SparkSession

from segmentation import schemas as s
from segmentation.errors import ConfigError, PublishConflict
from segmentation.exports import CSV, with_inert_texts
from segmentation.filesystem import FileSystem, is_of_hadoop, readable_path, temporary_name
from segmentation.ingest.reachable import reachable_filesystem
from segmentation.stopping import held_back

ENDING_OF_CSV: Final = ".csv"
ENDING_OF_PARQUET: Final = ".parquet"
WRITTEN: Final = "written"
REPLACED: Final = "replaced"
MARK: Final = "_SUCCESS"
ONE_FILE: Final = {**CSV, "maxRecordsPerFile": 0}
# Tasks that are being cancelled may write again what was just deleted; they have ended within these attempts.
DELETE_ATTEMPTS: Final = 8
SECONDS_BETWEEN_ATTEMPTS: Final = 0.25


@dataclass(frozen=True)
class Output:
    """A path to be written, in a folder of `filesystem`, by way of the folder `staging`."""

    filesystem: FileSystem
    path: str
    staging: str
    replace: bool

    @property
    def folder(self) -> str:
        """The path to write to, for `publish` to rename."""
        return f"{self.staging}/{WRITTEN}"

    @property
    def is_csv(self) -> bool:
        return self.path.lower().endswith(ENDING_OF_CSV)

    def write(self, rows: DataFrame) -> None:
        """Write rows of customers as one CSV file, inert in a spreadsheet, or as a folder of Parquet files.

        Raises: PublishConflict if another process wrote the path meanwhile.
        """
        filesystem, written = self.filesystem, self.folder
        if self.is_csv:
            ordered = rows.repartition(1).sortWithinPartitions(s.CUSTOMER_ID)
            with_inert_texts(ordered).write.options(**ONE_FILE).csv(written)
            [file] = [name for name in filesystem.names_in(written) if name.endswith(ENDING_OF_CSV)]
            written = f"{written}/{file}"
        else:
            rows.write.parquet(written)
        self.publish(rows.sparkSession, written)

    def publish(self, spark: SparkSession, written: str) -> None:
        """Let a file or folder that was written appear at the path. Raises PublishConflict as `write` does.

        Hadoop's own files go. Where folders cannot be renamed, a mark appears in the folder when all else is there.
        """
        filesystem = self.filesystem
        if filesystem.is_directory(written):
            filesystem.remove_files_of_hadoop(written)
            if not filesystem.renames_folders:
                filesystem.write_text(f"{written}/{MARK}", "", self.staging)
        filesystem.restrict(self.staging)
        filesystem.sync(self.staging)
        with filesystem.exclusive(), held_back(spark) as commit:
            self._rename(written)
            commit()
            filesystem.sync_names(filesystem.root)

    def _rename(self, written: str) -> None:
        """Rename what was written to the path. What it replaces is in the staging folder until then."""
        filesystem, is_there = self.filesystem, self.filesystem.exists(self.path)
        if is_there and not self.replace:
            raise PublishConflict(f"{readable_path(self.path)} was written by another process meanwhile: nothing is")
        if not filesystem.is_directory(written):
            filesystem.rename(written, self.path, replace=is_there)
            return
        if is_there:
            filesystem.rename(self.path, f"{self.staging}/{REPLACED}")
        try:
            filesystem.publish(written, self.path, last=MARK)
        except BaseException:
            if is_there:
                filesystem.rename(f"{self.staging}/{REPLACED}", self.path)
            raise


@contextmanager
def staged_output(
    spark: SparkSession, path: str, replace: bool, remedy: str = "name another path, or --force to replace it"
) -> Iterator[Output]:
    """Make the hidden folder for an output, and remove it at the end. Nothing is left where the block raises.

    Raises: ConfigError where the path cannot be written, or is there and must not be replaced: `remedy` says what to
    do then.
    """
    folder, name = _folder_and_name(path)
    filesystem = reachable_filesystem(spark, folder, "--output")
    target = f"{filesystem.root.rstrip('/')}/{name}"
    _require_free(filesystem, target, path, replace, remedy)
    staging = f"{filesystem.root.rstrip('/')}/.{temporary_name(name)}"
    try:
        filesystem.make_directory(filesystem.root)
        with filesystem.exclusive():  # else another process could take it for left behind before it is claimed
            filesystem.make_directory(staging, owner_only=True)
            claim = filesystem.claim(staging)
    except OSError as error:
        raise ConfigError(f"--output {path}: cannot be written: {error.strerror or error}") from None
    attempts = DELETE_ATTEMPTS
    try:
        yield Output(filesystem, target, staging, replace)
        attempts = 1
        filesystem.remove_abandoned(filesystem.root, f".{name}.")
    finally:
        for attempt in range(attempts):
            time.sleep(SECONDS_BETWEEN_ATTEMPTS if attempt else 0)
            with suppress(Exception):  # the disk or Java went away; the error that ended the block says more
                filesystem.delete(staging)
        claim.release()


def _folder_and_name(path: str) -> tuple[str, str]:
    """Return the folder of a path, and its name in it."""
    folder, slash, name = path.rstrip("/").rpartition("/")
    if name in ("", ".", "..") or folder.endswith(":/"):  # nothing, or the host of a store
        raise ConfigError(f"--output {path}: name a file that ends in .csv, or a folder for Parquet files")
    return folder or slash or ".", name


def _require_free(filesystem: FileSystem, target: str, path: str, replace: bool, remedy: str) -> None:
    """Raise ConfigError if something is at the path, unless it is an earlier output that is to be replaced."""
    if not filesystem.exists(target):
        return
    if not replace:
        raise ConfigError(f"--output {path}: exists: {remedy}")
    is_folder, is_csv = filesystem.is_directory(target), path.rstrip("/").lower().endswith(ENDING_OF_CSV)
    if is_folder == is_csv:
        raise ConfigError(f"--output {path}: is a {'folder' if is_folder else 'file'}: name another path")
    names = filesystem.names_in(target) if is_folder else ()
    others = [name for name in names if not name.endswith(ENDING_OF_PARQUET) and not is_of_hadoop(name)]
    if others:
        raise ConfigError(f"--output {path}: has {others[0]!r}, which is no earlier output: name another path")
