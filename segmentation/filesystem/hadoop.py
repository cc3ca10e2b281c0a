"""Files and folders through Hadoop's FileSystem: HDFS, object stores, and reading on the local disk."""

import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Any

from pyspark.sql import SparkSession

from segmentation.errors import PublishConflict, java_message
from segmentation.filesystem import (
    GROUP_FILE,
    GROUP_FOLDER,
    OWNER_ONLY_FILE,
    OWNER_ONLY_FOLDER,
    Claim,
    StoredFile,
    is_hidden,
    is_of_hadoop,
    temporary_name,
    warn_of_hidden,
)

RENAMES_FOLDERS = frozenset({"hdfs", "viewfs"})
# Hadoop itself asks a name node that does not answer again for minutes.
NAME_NODE_PORTS = {"hdfs": 8020, "webhdfs": 9870, "swebhdfs": 9871}
SECONDS_TO_CONNECT = 5
STORES_WITH_TAGS = frozenset({"s3a", "abfs", "abfss"})


class HadoopFileSystem:
    """A file system that Hadoop reaches; every path given to its methods must be on it.

    `root` is the path that it was opened for, absolute and with its scheme. `renames_folders` is whether a folder is
    renamed in one step with all that is in it: object stores copy file by file.

    Processes on HDFS or an object store cannot lock anything or see each other: nobody waits, every claim is held.
    """

    def __init__(self, spark: SparkSession, path: str) -> None:
        self._gateway: Any = spark.sparkContext._gateway
        self._jvm: Any = spark._jvm
        context: Any = spark._jsc
        self._conf: Any = context.hadoopConfiguration()
        self._fs: Any = self._path(path).getFileSystem(self._conf)
        self.scheme: str = self._fs.getUri().getScheme()
        self._require_name_node()
        self.root: str = self._fs.makeQualified(self._path(path)).toString()
        self.renames_folders: bool = self.scheme in RENAMES_FOLDERS
        self._codecs: dict[str, Any] = {}
        self._lock = Lock()  # files are opened by several threads

    def _path(self, path: str) -> Any:
        return self._jvm.org.apache.hadoop.fs.Path(path)

    def _require_name_node(self) -> None:
        """Raise OSError within seconds where no name node of an HDFS answers."""
        uri = self._fs.getUri()
        host = uri.getHost()
        if self.scheme not in NAME_NODE_PORTS or host is None:
            return
        port = uri.getPort() if uri.getPort() > 0 else NAME_NODE_PORTS[self.scheme]
        nodes = self._nodes_of_service(host) or [(host, port)]
        reasons = []
        for node, port in nodes:
            try:
                socket.create_connection((node, port), SECONDS_TO_CONNECT).close()
                return
            except OSError as error:
                reasons.append(f"{node}:{port} does not answer ({error.strerror or error})")
        raise OSError(
            f"the name node of HDFS at {', '.join(reasons)}: check that it runs, its name and port, and that this "
            "machine may reach it"
        )

    def _nodes_of_service(self, name: str) -> list[tuple[str, int]]:
        """Return the hosts and ports of the name nodes behind a name of the configuration; none for a plain host."""
        nodes = str(self._conf.get(f"dfs.ha.namenodes.{name}", "")).split(",")
        kind = "rpc" if self.scheme == "hdfs" else "http"
        addresses = [str(self._conf.get(f"dfs.namenode.{kind}-address.{name}.{node.strip()}", "")) for node in nodes]
        pairs = [address.rpartition(":") for address in addresses if address]
        return [(host, int(port)) for host, _, port in pairs if port.isdigit()]

    def find(self, pattern: str, on_hidden: Callable[[str], None] = warn_of_hidden) -> list[StoredFile]:
        """List all files at a path, below a folder or matching a glob, sorted by path; empty if nothing is there.

        Hidden files inside a folder are left out; `on_hidden` gets the path of each that is not empty, and by default
        warns of it unless it is a checksum.
        """
        path = self._path(pattern)
        if self._fs.exists(path):
            statuses = [self._fs.getFileStatus(path)]
        else:
            statuses = list(self._fs.globStatus(path) or ())
        files = (file for status in statuses for file in self._files_of(status, on_hidden))
        return sorted(files, key=lambda file: file.path)

    def _files_of(self, status: Any, on_hidden: Callable[[str], None]) -> Iterator[StoredFile]:
        path = status.getPath().toString()
        if not status.isDirectory():
            yield StoredFile(path, status.getLen(), status.getModificationTime(), self._entity_tag(status))
            return
        for inner in self._fs.listStatus(status.getPath()):
            name = inner.getPath().getName()
            if not is_hidden(name):
                yield from self._files_of(inner, on_hidden)
            elif inner.getLen() or inner.isDirectory():
                on_hidden(inner.getPath().toString())

    def _entity_tag(self, status: Any) -> str:
        """Return what an object store says of a file's content; empty where it says nothing."""
        if self.scheme not in STORES_WITH_TAGS:
            return ""
        try:
            tag = status.getEtag()
        except Exception:  # noqa: BLE001 - an old connector has no such method
            return ""
        return f"etag {tag}" if tag else ""

    def checksum(self, path: str) -> str:
        """Return the file system's own checksum of a file's content; empty where it has none."""
        try:
            checksum = self._fs.getFileChecksum(self._path(path))
            return f"{checksum.getAlgorithmName()} {bytes(checksum.getBytes()).hex()}" if checksum is not None else ""
        except Exception:  # noqa: BLE001 - as above; samples of the file do as well
            return ""

    def head(self, path: str, count: int) -> bytes:
        """Return the first `count` bytes of a file, decompressed according to its name.

        Raises OSError if it cannot be read or decompressed.
        """
        with self._opened(path, self._codec_of(path)) as stream:
            return bytes(stream.readNBytes(count))

    def part(self, path: str, start: int, count: int) -> bytes:
        """Return `count` bytes of a file from a position on, as they are stored.

        Raises OSError if it cannot be read.
        """
        with self._opened(path) as stream:
            stream.seek(start)
            return bytes(stream.readNBytes(count))

    @contextmanager
    def _opened(self, path: str, codec: Any = None) -> Iterator[Any]:
        """Open a file as a stream of Java, and raise its errors as OSError."""
        stream = None
        try:
            stream = self._fs.open(self._path(path))
            if codec:
                stream = codec.createInputStream(stream)
            yield stream
        except Exception as error:  # noqa: BLE001 - py4j raises every Java exception as its own type
            raise OSError(java_message(error)) from None
        finally:
            if stream is not None:
                stream.close()

    def _codec_of(self, path: str) -> Any:
        """Return Hadoop's codec for the ending of a file's name, None where it is not compressed."""
        ending = Path(path).suffix
        with self._lock:
            if ending not in self._codecs:
                factory = self._jvm.org.apache.hadoop.io.compress.CompressionCodecFactory(self._conf)
                self._codecs[ending] = factory.getCodec(self._path(f"/name{ending}"))
            return self._codecs[ending]

    def read_text(self, path: str) -> str:
        """Return a small text file's content. Raises OSError if it cannot be read."""
        try:
            size = self._fs.getFileStatus(self._path(path)).getLen()
        except Exception as error:  # noqa: BLE001 - as above
            raise OSError(java_message(error)) from None
        return self.head(path, size).decode("utf-8")

    @contextmanager
    def local_copy(self, path: str) -> Iterator[Path]:
        """Give access to a file on the driver's disk, as long as the context lasts."""
        with TemporaryDirectory(prefix="copy-") as folder:
            local = Path(folder) / f"copy{Path(path).suffix}"
            self._fs.copyToLocalFile(self._path(path), self._path(f"file:{local}"))
            yield local

    def exists(self, path: str) -> bool:
        return bool(self._fs.exists(self._path(path)))

    def is_directory(self, path: str) -> bool:
        return self.exists(path) and bool(self._fs.getFileStatus(self._path(path)).isDirectory())

    def names_in(self, path: str) -> list[str]:
        """List the names in a folder, sorted; empty if there is no such folder."""
        if not self.exists(path):
            return []
        return sorted(status.getPath().getName() for status in self._fs.listStatus(self._path(path)))

    def modified_ms(self, path: str) -> int:
        """Return when the newest file or folder at or below a path was written, in ms since 1970.

        Raises OSError if something below it vanishes meanwhile.
        """
        try:
            status = self._fs.getFileStatus(self._path(path))
            inner = self._fs.listStatus(self._path(path)) if status.isDirectory() else ()
        except Exception as error:  # noqa: BLE001 - as above
            raise OSError(java_message(error)) from None
        times = [self.modified_ms(below.getPath().toString()) for below in inner]
        return max([int(status.getModificationTime()), *times])

    def free_bytes(self, path: str) -> int:
        """Return how many more bytes the file system takes."""
        return int(self._fs.getStatus(self._path(path)).getRemaining())

    def may_write(self, path: str) -> bool:
        """Return False if it is known in advance that this user may not add to a folder."""
        return True

    def make_directory(self, path: str, owner_only: bool = False) -> None:
        """Make a folder and its parents. Raises OSError if that fails."""
        try:
            is_made = self._fs.mkdirs(self._path(path))
            if owner_only:
                self._set_mode(path, OWNER_ONLY_FOLDER)
        except Exception as error:  # noqa: BLE001 - as above
            raise OSError(java_message(error)) from None
        if not is_made:
            raise OSError(f"{path} could not be made")

    def write_text(self, path: str, text: str, staging: str) -> None:
        """Write a small text file, or replace it, atomically: through a temporary file in the folder `staging`."""
        temporary = f"{staging}/.{temporary_name(Path(path).name)}"
        stream = self._fs.create(self._path(temporary), False)
        try:
            stream.write(text.encode("utf-8"))
        finally:
            stream.close()
        self.rename(temporary, path, replace=True)

    def put(self, local: Path, path: str) -> None:
        """Copy a file from the driver's disk."""
        self._fs.copyFromLocalFile(self._path(f"file:{local}"), self._path(path))

    def publish(self, source: str, target: str, last: str) -> None:
        """Make the folder `source` appear as `target`, in one step where folders can be renamed.

        Elsewhere its file `last` appears after all others: readers must go by that file.
        Raises PublishConflict if `target` exists.
        """
        if self.renames_folders:
            self.rename(source, target)
            return
        if self.exists(target):
            raise PublishConflict(
                f"{target} exists already; if it has no {last}, another process is publishing it, or ended before it "
                "was done: then expire_runs removes it"
            )
        self._fs.mkdirs(self._path(target))
        for name in self.names_in(source):
            if name != last:
                self.rename(f"{source}/{name}", f"{target}/{name}")
        self.rename(f"{source}/{last}", f"{target}/{last}")

    def rename(self, source: str, target: str, replace: bool = False) -> None:
        """Rename a file or folder to a name that is free, or replace the file of that name."""
        fs = self._jvm.org.apache.hadoop.fs
        options = self._gateway.new_array(fs.Options.Rename, int(replace))
        if replace:
            options[0] = fs.Options.Rename.OVERWRITE
        context = fs.FileContext.getFileContext(self._fs.getUri(), self._conf)
        try:
            context.rename(self._path(source), self._path(target), options)
        except Exception as error:  # noqa: BLE001 - as above
            if not replace and self.exists(target):
                raise PublishConflict(f"{target} exists already") from None
            raise OSError(java_message(error)) from None

    def delete(self, path: str) -> None:
        """Delete a file, or a folder with all that is in it; do nothing if there is none."""
        self._fs.delete(self._path(path), True)

    def restrict(self, path: str, to_group: bool = False) -> None:
        """Take a folder and all that is in it from everyone but its owner, or its owner's group."""
        for inner in self._fs.listStatus(self._path(path)):
            if inner.isDirectory():
                self.restrict(inner.getPath().toString(), to_group)
            else:
                self._set_mode(inner.getPath().toString(), GROUP_FILE if to_group else OWNER_ONLY_FILE)
        self._set_mode(path, GROUP_FOLDER if to_group else OWNER_ONLY_FOLDER)

    def remove_files_of_hadoop(self, path: str) -> None:
        """Delete what Hadoop wrote next to the data of a folder, at any depth: it confuses other readers."""
        for inner in self._fs.listStatus(self._path(path)):
            if inner.isDirectory():
                self.remove_files_of_hadoop(inner.getPath().toString())
            elif is_of_hadoop(inner.getPath().getName()):
                self.delete(inner.getPath().toString())

    def not_removable(self, path: str) -> str | None:
        """Return the path of what this user may not remove of a folder, None where nothing is known to hinder it."""
        return None

    def copy_permissions(self, source: str, target: str) -> None:
        """Give the folder `target` the permissions of `source`."""
        self._set_mode(target, self._fs.getFileStatus(self._path(source)).getPermission().toShort())

    def _set_mode(self, path: str, mode: int) -> None:
        permission = self._jvm.org.apache.hadoop.fs.permission.FsPermission(f"{mode:04o}")
        self._fs.setPermission(self._path(path), permission)

    def sync(self, path: str) -> None:
        """Do nothing: closing a file makes it durable here."""

    def sync_names(self, path: str) -> None:
        """Do nothing: a rename is durable here."""

    def exclusive(self) -> AbstractContextManager[None]:
        """Wait until no other process of this machine holds the same root; held as long as the context lasts."""
        return nullcontext()

    def claim(self, path: str) -> Claim:
        """Claim a folder, so that other processes see that this one works on it."""
        return Claim(is_held=True)

    def remove_abandoned(self, folder: str, beginning: str = "") -> None:
        """Remove what ended processes of this machine left in a folder under temporary names with this beginning.

        On HDFS and object stores nobody can see whether a process still works on it: `expire_runs` goes by age.
        """
