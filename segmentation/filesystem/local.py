"""What must be atomic, exclusive or durable on the driver's own disk, through the operating system.

Hadoop's local file system copies where a rename fails, replaces by deleting first, and knows no locks.
"""

import fcntl
import os
import platform
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from segmentation.errors import PublishConflict

# As part of a file's name, whose parts are separated by dots: a lake may be a network's, and its machines many.
HOST = re.sub(r"[^A-Za-z0-9-]", "-", platform.node()) or "host"
OWNER_ONLY_FOLDER = 0o700
OWNER_ONLY_FILE = 0o600


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Waits until no other process is in here with the same folder.

    The lock ends with the process, however that ends, and leaves no file. Some network file systems have no locks on
    folders; there nobody waits.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


class Claim:
    """A folder that is claimed as long as this process lives, or until `release`.

    `is_held` is False where another process claims it, where this one may not open it, or the file system has no locks.
    """

    def __init__(self, folder: Path) -> None:
        self.is_held = False
        self._descriptor: int | None = None
        with suppress(OSError):
            self._descriptor = os.open(folder, os.O_RDONLY)
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.is_held = True

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor, self.is_held = None, False


def write_whole(path: Path, text: str, beside: Path) -> None:
    """Writes a text file by way of a new one in the folder `beside`: a reader sees the old text or the new, and so does
    who comes after a power cut.
    """
    temporary = beside / f".{path.name}.{HOST}.{uuid4().hex}"
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync(path.parent)


def rename_new(source: Path, target: Path) -> None:
    """Renames a filled folder in one step; PublishConflict where the target is there already."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        # POSIX: fails unless the target is missing or an empty folder, and no run is empty.
        source.rename(target)
    except OSError as error:
        if target.exists():
            raise PublishConflict(f"{target} is already there") from error
        raise


def modified_ms(path: Path) -> int:
    """When the newest thing at or below a path was written, in ms since 1970, but for what vanishes meanwhile."""
    newest = path.stat().st_mtime
    for place, _, names in os.walk(path):
        for name in (".", *names):
            with suppress(OSError):
                newest = max(newest, (Path(place) / name).stat().st_mtime)
    return round(newest * 1000)


def may_write(folder: Path) -> bool:
    """Whether this user may add to a folder, if it is there."""
    return not folder.exists() or os.access(folder, os.W_OK | os.X_OK)


def remove(path: Path) -> None:
    """Removes a file or a whole folder; nothing happens where there is none."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def restrict(folder: Path) -> None:
    """Takes a folder, and all in it, from everyone but its owner."""
    for place, _, names in os.walk(folder):
        Path(place).chmod(OWNER_ONLY_FOLDER)
        for name in names:
            (Path(place) / name).chmod(OWNER_ONLY_FILE)


def sync_all(folder: Path) -> None:
    """Makes all that was written in a folder survive a power cut."""
    for place, _, names in os.walk(folder, topdown=False):
        for name in names:
            sync(Path(place) / name)
        sync(Path(place))


def sync(path: Path) -> None:
    """Makes a file's content, or the renames in a folder, survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
