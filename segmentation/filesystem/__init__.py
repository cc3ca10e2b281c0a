"""Files and folders on any file system that Hadoop reaches: the driver's own disk, HDFS, an object store.

The cluster's own settings and credentials apply.
"""

import os
import platform
import re
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from pyspark.sql import SparkSession

OWNER_ONLY_FOLDER = 0o700
OWNER_ONLY_FILE = 0o600
HIDDEN_IS_NO_DATA = "Spark reads no file whose name begins with _ or . or ends with ._COPYING_: rename it if it is data"
# A network file system serves many machines: a temporary name says which of them made it, between two dots.
HOST = re.sub(r"[^A-Za-z0-9-]", "-", platform.node()) or "host"


@dataclass(frozen=True)
class StoredFile:
    """A file as listed: its full path, its size in bytes, its modification time in ms since 1970."""

    path: str
    size: int
    modified_ms: int


class Claim:
    """A folder claimed by this process until `release`, or until the process ends.

    `is_held` is False where another process claims the folder, or this one may not open it.
    """

    def __init__(self, is_held: bool, descriptor: int | None = None) -> None:
        self.is_held = is_held
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the folder up; a second call does nothing."""
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor, self.is_held = None, False


class FileSystem(Protocol):
    """One file system; every path given to its methods must be on it."""

    root: str
    """The path that it was opened for, absolute and with its scheme."""
    renames_folders: bool
    """Whether a folder is renamed in one step with all that is in it. Object stores copy file by file."""

    def find(self, pattern: str) -> list[StoredFile]:
        """List all files at a path, below a folder or matching a glob, sorted by path; empty if nothing is there.

        Hidden files inside a folder are left out, with a warning unless they are empty or checksums.
        """

    def head(self, path: str, count: int) -> bytes:
        """Return the first `count` bytes of a file, decompressed according to its name.

        Raises OSError if it cannot be read or decompressed.
        """

    def read_text(self, path: str) -> str:
        """Return a small text file's content. Raises OSError if it cannot be read."""

    def local_copy(self, path: str) -> AbstractContextManager[Path]:
        """Give access to a file on the driver's disk, as long as the context lasts."""

    def exists(self, path: str) -> bool: ...

    def is_directory(self, path: str) -> bool: ...

    def names_in(self, path: str) -> list[str]:
        """List the names in a folder, sorted; empty if there is no such folder."""

    def modified_ms(self, path: str) -> int:
        """Return when the newest file or folder at or below a path was written, in ms since 1970.

        Raises OSError if something below it vanishes meanwhile.
        """

    def free_bytes(self, path: str) -> int:
        """Return how many more bytes the file system takes."""

    def may_write(self, path: str) -> bool:
        """Return False if it is known in advance that this user may not add to a folder."""

    def make_directory(self, path: str, owner_only: bool = False) -> None:
        """Make a folder and its parents. Raises OSError if that fails."""

    def write_text(self, path: str, text: str, staging: str) -> None:
        """Write a small text file, or replace it, atomically: through a temporary file in the folder `staging`."""

    def put(self, local: Path, path: str) -> None:
        """Copy a file from the driver's disk."""

    def publish(self, source: str, target: str, last: str) -> None:
        """Make the folder `source` appear as `target`, in one step where folders can be renamed.

        Elsewhere its file `last` appears after all others: readers must go by that file.
        Raises PublishConflict if `target` exists.
        """

    def rename(self, source: str, target: str) -> None:
        """Rename a file or folder to a name that is free."""

    def delete(self, path: str) -> None:
        """Delete a file, or a folder with all that is in it; do nothing if there is none."""

    def restrict_to_owner(self, path: str) -> None:
        """Take a folder and all that is in it from everyone but its owner."""

    def copy_permissions(self, source: str, target: str) -> None:
        """Give the folder `target` the permissions of `source`."""

    def sync(self, path: str) -> None:
        """Make all that was written below a folder survive a power cut."""

    def sync_names(self, path: str) -> None:
        """Make the renames in a folder survive a power cut."""

    def exclusive(self) -> AbstractContextManager[None]:
        """Wait until no other process of this machine holds the same root; held as long as the context lasts."""

    def claim(self, path: str) -> Claim:
        """Claim a folder, so that other processes see that this one works on it."""

    def remove_abandoned(self, folder: str) -> None:
        """Delete what processes of this machine that have ended left in a folder under a `temporary_name`."""


def filesystem_for(spark: SparkSession, path: str) -> FileSystem:
    """Return the file system that holds `path`. Raises Hadoop's error for an unknown scheme or host."""
    # Both are built on this module.
    from segmentation.filesystem.hadoop import HadoopFileSystem
    from segmentation.filesystem.local import LocalFileSystem

    filesystem = HadoopFileSystem(spark, path)
    return LocalFileSystem(spark, path) if filesystem.scheme == "file" else filesystem


def is_hidden(name: str) -> bool:
    """Return whether Spark skips a file or folder of this name, even if it is named by itself."""
    return (name.startswith("_") and "=" not in name) or name.startswith(".") or name.endswith("._COPYING_")


def readable_path(path: str) -> str:
    """Return a path as a person writes it: without the scheme of the local disk."""
    return path.removeprefix("file:")


def temporary_name(name: str) -> str:
    """Return a unique name that says which machine made it."""
    return f"{name}.{HOST}.{uuid4().hex[:12]}"


def is_temporary_here(name: str) -> bool:
    """Return whether `temporary_name` made a name on this machine."""
    return name.split(".")[-2:-1] == [HOST]
