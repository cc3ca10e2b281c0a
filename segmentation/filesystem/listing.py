"""List the files of this machine below a folder, through links, each folder once."""

import glob
import logging
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from stat import S_ISDIR, S_ISREG

from segmentation.filesystem import StoredFile, is_hidden, readable_path

logger = logging.getLogger(__name__)

# Their files are views of the kernel: some never end, and all change while they are read.
KERNEL_FOLDERS = ("/proc", "/sys")


def files_at(path: str, on_hidden: Callable[[str], None] = lambda _: None) -> Iterator[StoredFile]:
    """Yield a file, or every file below a folder, in no order, as Hadoop lists it.

    Symbolic links to folders are followed after all other folders, and each folder is listed once: a link to a folder
    above it adds nothing. Hidden files and folders inside a folder are left out; `on_hidden` gets the path of each
    that is not empty.

    Raises OSError for a folder that may not be listed, for what is no regular file, and for a name that Java cannot
    represent.
    """
    if os.path.islink(path) and not os.path.exists(path):  # noqa: PTH110, PTH114 - as above
        raise OSError(_dangling(path))
    folders: list[str] = [path]
    linked: list[str] = []
    listed: set[object] = set()
    while folders or linked:
        folder = folders.pop() if folders else linked.pop(0)
        status = os.stat(_encodable(folder))  # noqa: PTH116 - thousands of files are listed
        if not S_ISDIR(status.st_mode):
            yield _regular_file(folder, status)
            continue
        # Some network file systems number no files.
        identity = (status.st_dev, status.st_ino) if status.st_ino else os.path.realpath(folder)
        if identity in listed:
            continue
        listed.add(identity)
        _refuse_kernel(folder, status)
        with os.scandir(folder) as entries:
            for entry in entries:
                if is_hidden(entry.name):
                    if entry.is_dir() or entry.stat(follow_symlinks=False).st_size:
                        on_hidden(entry.path)
                elif entry.is_symlink() and not Path(entry.path).exists():
                    logger.warning("%s is left out: %s", entry.path, _dangling(entry.path))
                elif entry.is_dir():
                    (linked if entry.is_symlink() else folders).append(entry.path)
                else:
                    with suppress(FileNotFoundError):  # removed meanwhile
                        yield _regular_file(_encodable(entry.path), entry.stat())


def _regular_file(path: str, status: os.stat_result) -> StoredFile:
    if not S_ISREG(status.st_mode):
        raise OSError(f"{path} is a pipe, socket or device, which cannot be read twice: save its lines as a file")
    _refuse_kernel(path, status)
    return StoredFile(f"file:{path}", status.st_size, status.st_mtime_ns // 1_000_000)


def _dangling(path: str) -> str:
    return f"it is a link to {os.readlink(path)}, where nothing is: mount or restore that, or remove the link"  # noqa: PTH115


def _refuse_kernel(path: str, status: os.stat_result) -> None:
    if status.st_dev in _kernel_devices():
        raise OSError(f"{path} is a view of the system's kernel and holds no data: name a folder of files")


@cache
def _kernel_devices() -> frozenset[int]:
    return frozenset(Path(folder).stat().st_dev for folder in KERNEL_FOLDERS if Path(folder).is_dir()) - {
        Path("/").stat().st_dev
    }


def identities(paths: Iterable[str]) -> dict[str, tuple[int, int]]:
    """Return what is the same for all names of one file, by path: links of either kind have that of their target."""
    found = {}
    for path in paths:
        with suppress(FileNotFoundError):  # removed meanwhile: who opens it says so
            status = os.stat(readable_path(path))  # noqa: PTH116 - as above
            found[path] = (status.st_dev, status.st_ino)
    return found


def expanded_glob(pattern: str) -> list[str]:
    """Return what matches a glob of Hadoop: Python's, and `{alternative,other}`."""
    braces = re.search(r"\{([^{}]*)\}", pattern)
    if not braces:
        return glob.glob(pattern)  # noqa: PTH207 - a pattern may be absolute
    before, after = pattern[: braces.start()], pattern[braces.end() :]
    return [path for choice in braces[1].split(",") for path in expanded_glob(before + choice + after)]


def _encodable(path: str) -> str:
    try:
        path.encode()
    except UnicodeEncodeError:
        raise OSError(f"the name {path!r} is not UTF-8: rename the file") from None
    return path
