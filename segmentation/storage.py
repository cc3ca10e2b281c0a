"""Files and folders wherever Hadoop's FileSystem reaches them: a local disk, HDFS, an object store.

The cluster's own settings and credentials serve. Where the file system is the driver's local disk, what must be
atomic goes through the operating system: Hadoop's local rename copies when it fails, and replaces by deleting first.
"""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from segmentation.errors import PublishConflict, java_message


@dataclass(frozen=True)
class StoredFile:
    """A file as it was found: its full path, its size in bytes, its modification time in ms since 1970."""

    path: str
    size: int
    modified_ms: int


class Storage:
    """The file system that holds `path`; every path given to its methods must be on the same one."""

    def __init__(self, spark: SparkSession, path: str) -> None:
        self._gateway: Any = spark.sparkContext._gateway
        self._jvm: Any = spark._jvm
        self._conf: Any = spark._jsc.hadoopConfiguration()
        self._fs: Any = self._path(path).getFileSystem(self._conf)
        self.is_local: bool = self._fs.getUri().getScheme() == "file"
        self.root: str = self._fs.makeQualified(self._path(path)).toString()

    def _path(self, path: str) -> Any:
        return self._jvm.org.apache.hadoop.fs.Path(path)

    def local(self, path: str) -> Path:
        """The path as the operating system knows it; only where `is_local`."""
        return Path(self._path(path).toUri().getPath())

    def find(self, pattern: str) -> list[StoredFile]:
        """All files at a path, below a directory or matching a glob, sorted by path; what begins with `_` or `.` inside
        a directory is not data and is left out. Empty if nothing is there.
        """
        path = self._path(pattern)
        if self._fs.exists(path):
            found = [self._fs.getFileStatus(path)]
        else:
            found = list(self._fs.globStatus(path) or ())
        return sorted((file for status in found for file in self._files_of(status)), key=lambda file: file.path)

    def _files_of(self, status: Any) -> Iterator[StoredFile]:
        if not status.isDirectory():
            yield StoredFile(status.getPath().toString(), status.getLen(), status.getModificationTime())
            return
        for inner in self._fs.listStatus(status.getPath()):
            if not inner.getPath().getName().startswith(("_", ".")):
                yield from self._files_of(inner)

    def head(self, path: str, count: int) -> bytes:
        """The first `count` bytes of a file, unpacked where its name says that it is compressed.

        Raises OSError where it cannot be read or unpacked.
        """
        stream = None
        try:
            stream = self._fs.open(self._path(path))
            codec = self._jvm.org.apache.hadoop.io.compress.CompressionCodecFactory(self._conf).getCodec(
                self._path(path)
            )
            stream = codec.createInputStream(stream) if codec else stream
            return bytes(stream.readNBytes(count))
        except Exception as error:  # noqa: BLE001 - py4j hands on every Java exception as its own kind
            raise OSError(java_message(error)) from None
        finally:
            if stream is not None:
                stream.close()

    def exists(self, path: str) -> bool:
        return bool(self._fs.exists(self._path(path)))

    def is_directory(self, path: str) -> bool:
        return self.exists(path) and bool(self._fs.getFileStatus(self._path(path)).isDirectory())

    def make_directory(self, path: str) -> None:
        """Makes a directory and its parents; OSError where that is not possible."""
        if self.is_local:
            self.local(path).mkdir(parents=True, exist_ok=True)
            return
        try:
            made = self._fs.mkdirs(self._path(path))
        except Exception as error:  # noqa: BLE001 - as above
            raise OSError(java_message(error)) from None
        if not made:
            raise OSError(f"{path} could not be made")

    def read_text(self, path: str) -> str:
        """A small text file's content."""
        status = self._fs.getFileStatus(self._path(path))
        return self.head(path, status.getLen()).decode("utf-8")

    def write_text(self, path: str, text: str) -> None:
        """Writes a small text file whole, in place of what was there; a reader sees the old text or the new."""
        beside = f"{path}.{os.getpid()}.tmp"
        if self.is_local:
            temporary = self.local(beside)
            with temporary.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self.local(path))
            _sync_directory(self.local(path).parent)
            return
        stream = self._fs.create(self._path(beside), True)
        stream.write(text.encode("utf-8"))
        stream.close()
        overwrite = self._jvm.org.apache.hadoop.fs.Options.Rename.OVERWRITE
        self._rename(beside, path, [overwrite])

    def put(self, local: Path, path: str) -> None:
        """Copies a file of the driver's disk into the storage."""
        if self.is_local:
            self.local(path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(local, self.local(path))
        else:
            self._fs.copyFromLocalFile(self._path(local.as_uri()), self._path(path))

    def fetch(self, path: str, local: Path) -> None:
        """Copies a file of the storage to the driver's disk."""
        self._fs.copyToLocalFile(self._path(path), self._path(local.as_uri()))

    def publish(self, source: str, target: str) -> None:
        """Renames the directory `source` to `target` in one step; PublishConflict if `target` is already there."""
        if not self.is_local:
            self._rename(source, target, [])
            return
        self.local(target).parent.mkdir(parents=True, exist_ok=True)
        try:
            # POSIX: fails unless the target is missing or an empty directory, and no run is empty.
            self.local(source).rename(self.local(target))
        except OSError as error:
            if self.exists(target):
                raise PublishConflict(f"{target} is already there") from error
            raise
        _sync_directory(self.local(target).parent)

    def _rename(self, source: str, target: str, options: list[Any]) -> None:
        fs = self._jvm.org.apache.hadoop.fs
        rename_options = self._gateway.new_array(fs.Options.Rename, len(options))
        for position, option in enumerate(options):
            rename_options[position] = option
        context = fs.FileContext.getFileContext(self._fs.getUri(), self._conf)
        try:
            context.rename(self._path(source), self._path(target), rename_options)
        except Exception as error:  # noqa: BLE001 - as above
            if not options and self.exists(target):
                raise PublishConflict(f"{target} is already there") from None
            raise OSError(java_message(error)) from None

    def delete(self, path: str) -> None:
        """Removes a file or a whole directory; nothing happens where there is none."""
        if self.is_local:
            local = self.local(path)
            if local.is_dir() and not local.is_symlink():
                shutil.rmtree(local)
            else:
                local.unlink(missing_ok=True)
        else:
            self._fs.delete(self._path(path), True)


def _sync_directory(directory: Path) -> None:
    """Makes a rename in `directory` survive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
