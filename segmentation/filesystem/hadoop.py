"""Files and folders wherever Hadoop's FileSystem reaches them: a local disk, HDFS, an object store.

The cluster's own settings and credentials serve. Where the file system is the driver's local disk, what must be
atomic, exclusive or durable goes through the operating system, see `local_disk`.
"""

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from pyspark.sql import SparkSession

from segmentation.errors import PublishConflict, java_message
from segmentation.filesystem import local as local_disk

logger = logging.getLogger(__name__)

# Where a folder with all that is in it is renamed in one step. Object stores copy file by file instead.
RENAMES_FOLDERS_WHOLE = frozenset({"file", "hdfs", "viewfs"})
# The ending of the files in which Hadoop keeps checksums beside those that it writes.
CHECKSUM_ENDING = ".crc"
HIDDEN_IS_NO_DATA = "Spark reads no file whose name begins with _ or . or ends with ._COPYING_: rename it if it is data"


@dataclass(frozen=True)
class StoredFile:
    """A file as it was found: its full path, its size in bytes, its modification time in ms since 1970."""

    path: str
    size: int
    modified_ms: int


def is_hidden(name: str) -> bool:
    """Whether Spark passes over a file or folder of this name, even where it is named by itself."""
    return (name.startswith("_") and "=" not in name) or name.startswith(".") or name.endswith("._COPYING_")


class Storage:
    """The file system that holds `path`; every path given to its methods must be on the same one."""

    def __init__(self, spark: SparkSession, path: str) -> None:
        self._gateway: Any = spark.sparkContext._gateway
        self._jvm: Any = spark._jvm
        self._conf: Any = spark._jsc.hadoopConfiguration()
        self._fs: Any = self._path(path).getFileSystem(self._conf)
        scheme = self._fs.getUri().getScheme()
        self.is_local: bool = scheme == "file"
        self.renames_whole: bool = scheme in RENAMES_FOLDERS_WHOLE
        self.root: str = self._fs.makeQualified(self._path(path)).toString()

    def _path(self, path: str) -> Any:
        return self._jvm.org.apache.hadoop.fs.Path(path)

    def local(self, path: str) -> Path:
        """The path as the operating system knows it; only where `is_local`. Needs no Java, which may have ended."""
        return Path(path.removeprefix("file:"))

    def find(self, pattern: str) -> list[StoredFile]:
        """All files at a path, below a directory or matching a glob, sorted by path. What `is_hidden` in a directory is
        no data and is left out, with a warning unless it is a mark or a checksum. Empty if nothing is there.
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
            name = inner.getPath().getName()
            if not is_hidden(name):
                yield from self._files_of(inner)
            elif (inner.getLen() or inner.isDirectory()) and not name.endswith(CHECKSUM_ENDING):
                path = inner.getPath().toString().removeprefix("file:")
                logger.warning("%s is left out: %s", path, HIDDEN_IS_NO_DATA)

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

    def free_bytes(self, path: str) -> int:
        """How much more the file system of a path takes, whichever that is."""
        place = self._path(path)
        return int(place.getFileSystem(self._conf).getStatus(place).getRemaining())

    def exists(self, path: str) -> bool:
        return bool(self._fs.exists(self._path(path)))

    def is_directory(self, path: str) -> bool:
        return self.exists(path) and bool(self._fs.getFileStatus(self._path(path)).isDirectory())

    def names_in(self, path: str) -> list[str]:
        """The names of what is in a folder, sorted; none where there is no such folder."""
        if not self.exists(path):
            return []
        return sorted(status.getPath().getName() for status in self._fs.listStatus(self._path(path)))

    def modified_ms(self, path: str) -> int:
        """When the newest thing at or below a path was written, in ms since 1970."""
        if self.is_local:
            return local_disk.modified_ms(self.local(path))
        status = self._fs.getFileStatus(self._path(path))
        inner = self._fs.listStatus(self._path(path)) if status.isDirectory() else ()
        times = [self.modified_ms(below.getPath().toString()) for below in inner]
        return max([int(status.getModificationTime()), *times])

    def make_directory(self, path: str, owner_only: bool = False) -> None:
        """Makes a directory and its parents; OSError where that is not possible."""
        if self.is_local:
            self.local(path).mkdir(parents=True, exist_ok=True)
            if owner_only:
                self.local(path).chmod(local_disk.OWNER_ONLY_FOLDER)
            return
        try:
            made = self._fs.mkdirs(self._path(path))
            if owner_only:
                self._set_mode(path, local_disk.OWNER_ONLY_FOLDER)
        except Exception as error:  # noqa: BLE001 - as above
            raise OSError(java_message(error)) from None
        if not made:
            raise OSError(f"{path} could not be made")

    def restrict(self, path: str) -> None:
        """Takes a folder, and all in it, from everyone but its owner, where the file system knows owners."""
        if self.is_local:
            local_disk.restrict(self.local(path))
            return
        for inner in self._fs.listStatus(self._path(path)):
            if inner.isDirectory():
                self.restrict(inner.getPath().toString())
            else:
                self._set_mode(inner.getPath().toString(), local_disk.OWNER_ONLY_FILE)
        self._set_mode(path, local_disk.OWNER_ONLY_FOLDER)

    def open_like(self, path: str, model: str) -> None:
        """Gives a folder the permissions of another."""
        if self.is_local:
            self.local(path).chmod(self.local(model).stat().st_mode & 0o7777)
        else:
            self._set_mode(path, self._fs.getFileStatus(self._path(model)).getPermission().toShort())

    def _set_mode(self, path: str, mode: int) -> None:
        permission = self._jvm.org.apache.hadoop.fs.permission.FsPermission(f"{mode:04o}")
        self._fs.setPermission(self._path(path), permission)

    def read_text(self, path: str) -> str:
        """A small text file's content; OSError where it cannot be read."""
        if self.is_local:
            return self.local(path).read_text(encoding="utf-8")
        try:
            size = self._fs.getFileStatus(self._path(path)).getLen()
        except Exception as error:  # noqa: BLE001 - as above
            raise OSError(java_message(error)) from None
        return self.head(path, size).decode("utf-8")

    def write_text(self, path: str, text: str, beside: str) -> None:
        """Writes a small text file whole, in place of what was there, by way of a new file in the folder `beside`: a
        reader sees the old text or the new.
        """
        if self.is_local:
            local_disk.write_whole(self.local(path), text, self.local(beside))
            return
        temporary = f"{beside}/.{uuid4().hex}"
        self._create(temporary, text)
        self._rename(temporary, path, [self._jvm.org.apache.hadoop.fs.Options.Rename.OVERWRITE])

    def _create(self, path: str, text: str) -> None:
        stream = self._fs.create(self._path(path), False)
        try:
            stream.write(text.encode("utf-8"))
        finally:
            stream.close()

    def put(self, local: Path, path: str) -> None:
        """Copies a file of the driver's disk into the storage."""
        if self.is_local:
            self.local(path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(local, self.local(path))
            return
        self._fs.copyFromLocalFile(self._path(local.as_uri()), self._path(path))

    def fetch(self, path: str, local: Path) -> None:
        """Copies a file of the storage to the driver's disk."""
        self._fs.copyToLocalFile(self._path(path), self._path(local.as_uri()))

    def sync(self, path: str) -> None:
        """Makes all that was written in a folder survive a power cut; elsewhere than locally closing a file does."""
        if self.is_local:
            local_disk.sync_all(self.local(path))

    def sync_names(self, path: str) -> None:
        """Makes the renames in a folder survive a power cut."""
        if self.is_local:
            local_disk.sync(self.local(path))

    def may_write(self, path: str) -> bool:
        """False where it is known from the start that this user may not add to a folder."""
        return not self.is_local or local_disk.may_write(self.local(path))

    def claim(self, path: str) -> local_disk.Claim | None:
        """A claim on a folder, where processes can tell each other that they live: on a local disk."""
        return local_disk.Claim(self.local(path)) if self.is_local else None

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Waits until no other process of this machine is in here with the same storage; elsewhere than locally nobody
        waits.
        """
        if not self.is_local:
            yield
            return
        with local_disk.exclusive(self.local(self.root)):
            yield

    def publish(self, source: str, target: str, last: str) -> None:
        """Makes the folder `source` appear as `target`; PublishConflict if `target` is already there.

        In one step, where folders are renamed whole. Elsewhere its file `last` appears after all else, and readers go
        by that file.
        """
        if self.is_local:
            local_disk.rename_new(self.local(source), self.local(target))
        elif self.renames_whole:
            self._rename(source, target, [])
        else:
            if self.exists(target):
                raise PublishConflict(
                    f"{target} is already there; without {last} in it another process is publishing it, or ended "
                    "before it was done: then expire_runs removes it"
                )
            self._fs.mkdirs(self._path(target))
            for name in self.names_in(source):
                if name != last:
                    self._rename(f"{source}/{name}", f"{target}/{name}", [])
            self._rename(f"{source}/{last}", f"{target}/{last}", [])

    def rename(self, source: str, target: str) -> None:
        """Renames a file or folder to a name that is free."""
        if self.is_local:
            self.local(source).rename(self.local(target))
        else:
            self._rename(source, target, [])

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
            local_disk.remove(self.local(path))
        else:
            self._fs.delete(self._path(path), True)
