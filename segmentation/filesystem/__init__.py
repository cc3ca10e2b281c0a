"""Files and folders on any file system that Hadoop reaches: the driver's own disk, HDFS, an object store.

The cluster's own settings and credentials apply.
"""

import os
import platform
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

from pyspark.sql import SparkSession

if TYPE_CHECKING:
    from segmentation.filesystem.hadoop import HadoopFileSystem

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


def filesystem_for(spark: SparkSession, path: str) -> "HadoopFileSystem":
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
