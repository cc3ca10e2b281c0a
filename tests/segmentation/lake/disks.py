"""The local disk without Java, which notes what is done outside of its lock, and what a power failure leaves of it."""

import fcntl
import os
import shutil
from pathlib import Path

import pytest

from segmentation.filesystem import Claim
from segmentation.filesystem.local import LocalFileSystem


class Disk(LocalFileSystem):
    """A local file system that was opened without Spark. `unlocked` lists changes outside of the lock of its root."""

    def __init__(self, root: Path) -> None:
        self.root = f"file:{root}"
        self.scheme = "file"
        self.renames_folders = True
        self.unlocked: list[str] = []

    def publish(self, source: str, target: str, last: str) -> None:
        self._note("publish", target)
        super().publish(source, target, last)

    def rename(self, source: str, target: str, replace: bool = False) -> None:
        self._note("rename", source)
        super().rename(source, target, replace)

    def write_text(self, path: str, text: str, staging: str) -> None:
        self._note("write", path)
        super().write_text(path, text, staging)

    def claim(self, path: str) -> Claim:
        self._note("claim", path)
        return super().claim(path)

    def is_locked(self) -> bool:
        """Return whether another process would have to wait for the lock."""
        descriptor = os.open(self.root.removeprefix("file:"), os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def _note(self, change: str, path: str) -> None:
        if not self.is_locked():
            self.unlocked.append(f"{change} {Path(path).name}")


class Power:
    """Notes each fsync: of a file its time, of a folder the names in it. What was not synced is lost in a failure."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._files: dict[int, int] = {}
        self._folders: dict[int, dict[str, int]] = {}
        monkeypatch.setattr(os, "fsync", self._fsync)

    def unsynced(self, folder: Path) -> list[str]:
        """Return the paths below a folder that a power failure would take or empty."""
        lost = []
        for inner in sorted(folder.iterdir()):
            status = inner.lstat()
            named = self._folders.get(folder.stat().st_ino, {}).get(inner.name)
            if named != status.st_ino or (inner.is_file() and self._files.get(status.st_ino) != status.st_mtime_ns):
                lost.append(str(inner))
            elif inner.is_dir():
                lost += self.unsynced(inner)
        return lost

    def fail(self, folder: Path) -> None:
        """Leave of a folder what was synced. The folder itself was there before."""
        for path in map(Path, self.unsynced(folder)):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()

    def _fsync(self, descriptor: int) -> None:
        status = os.fstat(descriptor)
        try:
            self._folders[status.st_ino] = {entry.name: entry.inode() for entry in os.scandir(descriptor)}
        except NotADirectoryError:
            self._files[status.st_ino] = status.st_mtime_ns
