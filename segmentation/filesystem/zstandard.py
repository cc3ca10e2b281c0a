"""Read files compressed with Zstandard, as Python's own modules read gzip."""

from io import BufferedReader, RawIOBase
from pathlib import Path
from typing import Any

import pyarrow as pa

STEP = 65_536


class _Unpacked(RawIOBase):
    """The text of a compressed file. It is read forwards only."""

    def __init__(self, path: str | Path) -> None:
        self._stream = pa.CompressedInputStream(pa.OSFile(str(path)), "zstd")
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            part = self._stream.read(len(buffer))
        except pa.ArrowException as error:
            raise OSError(str(error)) from None
        buffer[: len(part)] = part
        self._position += len(part)
        return len(part)

    def seek(self, offset: int, whence: int = 0) -> int:
        while self._position < offset and self.read(min(STEP, offset - self._position)):
            pass
        return self._position

    def tell(self) -> int:
        return self._position


def zstandard_open(path: str | Path, mode: str = "rb") -> BufferedReader:
    """Open a file to read what was compressed."""
    return BufferedReader(_Unpacked(path), STEP)
