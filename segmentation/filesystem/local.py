"""Files and folders on the driver's own disk, through the operating system.

Hadoop's local file system copies where a rename fails, replaces by deleting first, and knows no locks.
"""

import bz2
import fcntl
import gzip
import os
import re
import shutil
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from stat import S_ISGID, S_ISVTX
from typing import IO, Any

from pyspark.sql import SparkSession

from segmentation.errors import PublishConflict
from segmentation.filesystem import (
    GROUP_FILE,
    GROUP_FOLDER,
    OWNER_ONLY_FILE,
    OWNER_ONLY_FOLDER,
    Claim,
    StoredFile,
    is_of_hadoop,
    is_temporary_here,
    readable_path,
    temporary_name,
    warn_of_hidden,
)
from segmentation.filesystem.hadoop import HadoopFileSystem
from segmentation.filesystem.listing import expanded_glob, files_at
from segmentation.filesystem.zstandard import zstandard_open

# Compressions that Python unpacks, by the ending of a file's name.
OPENERS: Mapping[str, Callable[..., IO[bytes]]] = {
    ".gz": gzip.open,  # type: ignore[dict-item]
    ".bz2": bz2.open,
    ".zst": zstandard_open,
}
GLOB_CHARACTERS = "*?[{"
UTF_8_REMEDY = "Java reads names by its locale: set LC_ALL=C.UTF-8 where spark-submit is started"


def java_knows_all_names(spark: SparkSession) -> bool:
    """Return whether Java can open files whose names have letters beyond ASCII, which its locale decides."""
    jvm: Any = spark._jvm
    return str(jvm.System.getProperty("sun.jnu.encoding")).upper() in ("UTF-8", "UTF8")


class LocalFileSystem(HadoopFileSystem):
    """The driver's disk: Hadoop expands globs and unpacks rare compressions, the operating system does the rest.

    A call to Java takes longer than listing or opening a small file. Only globs and rare compressions need Java, which
    may have ended.
    """

    def __init__(self, spark: SparkSession, path: str) -> None:
        super().__init__(spark, path)
        self.renames_folders = True
        if not (path.isascii() or java_knows_all_names(spark)):
            raise OSError(f"its name has letters that would be lost. {UTF_8_REMEDY}")

    def find(self, pattern: str, on_hidden: Callable[[str], None] = warn_of_hidden) -> list[StoredFile]:
        return sorted(
            (file for path in self._matches(pattern) for file in files_at(path, on_hidden)), key=lambda file: file.path
        )

    def _matches(self, pattern: str) -> list[str]:
        path = _absolute(pattern)
        if os.path.lexists(path):
            return [path]
        if not any(character in path for character in GLOB_CHARACTERS):
            return []
        # Hadoop takes a colon for the end of a scheme, and reads names by the locale of Java.
        if ":" in path or not path.isascii():
            return sorted(expanded_glob(path))
        statuses = self._fs.globStatus(self._path(pattern)) or ()
        return [readable_path(status.getPath().toString()) for status in statuses]

    def head(self, path: str, count: int) -> bytes:
        opener = OPENERS.get(Path(path).suffix)
        if opener is None and self._codec_of(path):
            return super().head(path, count)
        try:
            with (opener or open)(_local(path), "rb") as stream:
                return stream.read(count)
        except (EOFError, zlib.error) as error:
            raise OSError(str(error)) from None

    def part(self, path: str, start: int, count: int) -> bytes:
        with _local(path).open("rb") as stream:
            stream.seek(start)
            return stream.read(count)

    def read_text(self, path: str) -> str:
        return _local(path).read_text(encoding="utf-8")

    @contextmanager
    def local_copy(self, path: str) -> Iterator[Path]:
        yield _local(path)

    def exists(self, path: str) -> bool:
        return _local(path).exists()

    def is_directory(self, path: str) -> bool:
        return _local(path).is_dir()

    def names_in(self, path: str) -> list[str]:
        return sorted(inner.name for inner in _local(path).iterdir()) if self.exists(path) else []

    def modified_ms(self, path: str) -> int:
        walked = os.walk(_local(path), onerror=_raise)
        inside = [Path(folder) / name for folder, folders, names in walked for name in (*folders, *names)]
        return max(inner.lstat().st_mtime_ns for inner in (_local(path), *inside)) // 1_000_000

    def free_bytes(self, path: str) -> int:
        return shutil.disk_usage(_local(path)).free

    def may_write(self, path: str) -> bool:
        return not _local(path).exists() or os.access(_local(path), os.W_OK | os.X_OK)

    def make_directory(self, path: str, owner_only: bool = False) -> None:
        _local(path).mkdir(parents=True, exist_ok=True)
        if owner_only:
            _set_mode(_local(path), OWNER_ONLY_FOLDER)

    def write_text(self, path: str, text: str, staging: str) -> None:
        target = _local(path)
        temporary = _local(staging) / f".{temporary_name(target.name)}"
        try:
            with temporary.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _sync(target.parent)

    def put(self, local: Path, path: str) -> None:
        _local(path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(local, _local(path))

    def publish(self, source: str, target: str, last: str) -> None:
        _local(target).parent.mkdir(parents=True, exist_ok=True)
        try:
            # POSIX: fails unless the target is missing or an empty folder, and no run is empty.
            _local(source).rename(_local(target))
        except OSError as error:
            if _local(target).exists():
                raise PublishConflict(f"{readable_path(target)} exists already") from error
            raise

    def rename(self, source: str, target: str, replace: bool = False) -> None:
        _local(source).rename(_local(target))

    def delete(self, path: str) -> None:
        local = _local(path)
        if local.is_dir() and not local.is_symlink():
            shutil.rmtree(local)
        else:
            local.unlink(missing_ok=True)

    def restrict(self, path: str, to_group: bool = False) -> None:
        for folder, _, names in os.walk(_local(path)):
            _set_mode(Path(folder), GROUP_FOLDER if to_group else OWNER_ONLY_FOLDER)
            for name in names:
                (Path(folder) / name).chmod(GROUP_FILE if to_group else OWNER_ONLY_FILE)

    def remove_files_of_hadoop(self, path: str) -> None:
        for folder, _, names in os.walk(_local(path)):
            for name in filter(is_of_hadoop, names):
                (Path(folder) / name).unlink()

    def not_removable(self, path: str) -> str | None:
        local = _local(path)
        if not _may_remove_from(local.parent, local):
            return str(local)
        if local.is_symlink() or not local.is_dir():
            return None
        refused: list[OSError] = []
        for folder, folders, names in os.walk(local, onerror=refused.append):
            if (folders or names or folder == str(local)) and not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
                return folder
            inside = [Path(folder) / name for name in (*folders, *names)]
            others = [inner for inner in inside if not _may_remove_from(Path(folder), inner)]
            if others:
                return str(others[0])
        return str(refused[0].filename) if refused else None

    def copy_permissions(self, source: str, target: str) -> None:
        shutil.copymode(_local(source), _local(target))

    def sync(self, path: str) -> None:
        for folder, _, names in os.walk(_local(path), topdown=False):
            for name in names:
                _sync(Path(folder) / name)
            _sync(Path(folder))

    def sync_names(self, path: str) -> None:
        _sync(_local(path))

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        # The lock ends with the process and leaves no file. Where a network file system has no locks, nobody waits.
        descriptor = os.open(_local(self.root), os.O_RDONLY)
        try:
            with suppress(OSError):
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def claim(self, path: str) -> Claim:
        return claim_folder(_local(path))

    def remove_abandoned(self, folder: str, beginning: str = "") -> None:
        with self.exclusive():  # a new folder must be claimed before it can look abandoned
            names = [name for name in self.names_in(folder) if name.startswith(beginning)]
            temporary = [f"{folder}/{name}" for name in names if is_temporary_here(name)]
            folders = [path for path in temporary if self.is_directory(path)]
            claims = {path: self.claim(path) for path in folders}
            for path in temporary:
                if path not in claims:  # files are written only by the holder of the lock
                    self._delete_if_allowed(path)
        for path, claim in claims.items():
            if claim.is_held:
                self._delete_if_allowed(path)
            claim.release()

    def _delete_if_allowed(self, path: str) -> None:
        with suppress(OSError):  # another user's, who removes it with a later run
            self.delete(path)


def claim_folder(folder: Path) -> Claim:
    """Claim a folder by a lock, which ends with the process."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return Claim(is_held=False)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # locked by another process, or the file system has no locks
        os.close(descriptor)
        return Claim(is_held=False)
    return Claim(is_held=True, descriptor=descriptor)


def _raise(error: OSError) -> None:
    raise error


def _set_mode(folder: Path, mode: int) -> None:
    """Give a folder permissions, and leave the bit by which all that is made in it belongs to its group."""
    folder.chmod(mode | (folder.stat().st_mode & S_ISGID))


def _may_remove_from(folder: Path, inner: Path) -> bool:
    """Return whether this user may remove a file or folder from its folder; in /tmp and the like only its owner."""
    status, user = folder.stat(), os.geteuid()
    may_write = os.access(folder, os.W_OK | os.X_OK)
    return may_write and (not status.st_mode & S_ISVTX or user in (0, status.st_uid, inner.lstat().st_uid))


def _local(path: str) -> Path:
    return Path(readable_path(path))


def _absolute(path: str) -> str:
    """Return a local path as Hadoop qualifies it, without the scheme."""
    return os.path.abspath(re.sub("^/+", "/", readable_path(path)))  # noqa: PTH100 - `resolve` would follow links


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
