"""Files and folders on any file system that Hadoop reaches: the driver's own disk, HDFS, an object store.

The cluster's own settings and credentials apply.
"""

import logging
import os
import platform
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from pyspark.sql import SparkSession

logger = logging.getLogger(__name__)

OWNER_ONLY_FOLDER = 0o700
OWNER_ONLY_FILE = 0o600
# The group may read, and remove as expired runs are.
GROUP_FOLDER = 0o770
GROUP_FILE = 0o640
HIDDEN_IS_NO_DATA = "Spark reads no file whose name begins with _ or . or ends with ._COPYING_: rename it if it is data"
SCHEME_AND_HOST = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?=/)(//[^/]*)?")
# A network file system serves many machines: a temporary name says which of them made it, between two dots.
HOST = re.sub(r"[^A-Za-z0-9-]", "-", platform.node()) or "host"


@dataclass(frozen=True)
class StoredFile:
    """A file as listed: its full path, its size in bytes, its modification time in ms since 1970.

    `content` says of which content it is, empty while nobody has looked: a store's tag or checksum, or one of our own.
    """

    path: str
    size: int
    modified_ms: int
    content: str = ""


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
    """What the library asks of a file system. `HadoopFileSystem` describes each operation.

    `root` is the path that it was opened for, absolute and with its scheme. `renames_folders` is whether a folder is
    renamed in one step with all that is in it.
    """

    root: str
    renames_folders: bool

    def find(self, pattern: str, on_hidden: Callable[[str], None] = ...) -> list[StoredFile]: ...
    def checksum(self, path: str) -> str: ...
    def head(self, path: str, count: int) -> bytes: ...
    def part(self, path: str, start: int, count: int) -> bytes: ...
    def read_text(self, path: str) -> str: ...
    def local_copy(self, path: str) -> AbstractContextManager[Path]: ...
    def exists(self, path: str) -> bool: ...
    def is_directory(self, path: str) -> bool: ...
    def names_in(self, path: str) -> list[str]: ...
    def modified_ms(self, path: str) -> int: ...
    def free_bytes(self, path: str) -> int: ...
    def may_write(self, path: str) -> bool: ...
    def make_directory(self, path: str, owner_only: bool = False) -> None: ...
    def write_text(self, path: str, text: str, staging: str) -> None: ...
    def put(self, local: Path, path: str) -> None: ...
    def publish(self, source: str, target: str, last: str) -> None: ...
    def rename(self, source: str, target: str, replace: bool = False) -> None: ...
    def delete(self, path: str) -> None: ...
    def restrict(self, path: str, to_group: bool = False) -> None: ...
    def remove_files_of_hadoop(self, path: str) -> None: ...
    def not_removable(self, path: str) -> str | None: ...
    def copy_permissions(self, source: str, target: str) -> None: ...
    def sync(self, path: str) -> None: ...
    def sync_names(self, path: str) -> None: ...
    def exclusive(self) -> AbstractContextManager[None]: ...
    def claim(self, path: str) -> Claim: ...
    def remove_abandoned(self, folder: str, beginning: str = ...) -> None: ...


def filesystem_for(spark: SparkSession, path: str) -> FileSystem:
    """Return the file system that holds `path`. Raises Hadoop's error for an unknown scheme or host."""
    # Both are built on this module.
    from segmentation.filesystem.hadoop import HadoopFileSystem
    from segmentation.filesystem.local import LocalFileSystem

    filesystem = HadoopFileSystem(spark, path)
    return LocalFileSystem(spark, path) if filesystem.scheme == "file" else filesystem


class FileSystems:
    """Opens the file system of each scheme and host once, for reading paths that are on several."""

    def __init__(self, spark: SparkSession) -> None:
        self._spark = spark
        self._opened: dict[str, FileSystem] = {}

    def of(self, path: str) -> FileSystem:
        """Return the file system that holds `path`. Raises Hadoop's error for an unknown scheme or host."""
        match = SCHEME_AND_HOST.match(path)
        root = match[0] if match else ""
        if root not in self._opened:
            self._opened[root] = filesystem_for(self._spark, f"{root}/")
        return self._opened[root]


def is_of_hadoop(name: str) -> bool:
    """Return whether Hadoop wrote a file next to the data, for itself: a checksum, or the mark of a finished write."""
    return name == "_SUCCESS" or (name.startswith(".") and name.endswith(".crc"))


def is_hidden(name: str) -> bool:
    """Return whether Spark skips a file or folder of this name, even if it is named by itself."""
    return (name.startswith("_") and "=" not in name) or name.startswith(".") or name.endswith("._COPYING_")


def warn_of_hidden(path: str) -> None:
    """Warn that a hidden file or folder with content is left out; of checksums nobody needs to know."""
    if not path.endswith(".crc"):
        logger.warning("%s is left out: %s", readable_path(path), HIDDEN_IS_NO_DATA)


def readable_path(path: str) -> str:
    """Return a path as a person writes it: without the scheme of the local disk."""
    return path.removeprefix("file:")


def temporary_name(name: str) -> str:
    """Return a unique name that says which machine made it."""
    return f"{name}.{HOST}.{uuid4().hex[:12]}"


def is_temporary_here(name: str) -> bool:
    """Return whether `temporary_name` made a name on this machine."""
    return name.split(".")[-2:-1] == [HOST]
