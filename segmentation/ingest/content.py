"""Checksums of what input files contain, of all of it or of bounded samples: they are part of a run's identity."""

import zlib
from hashlib import blake2b
from pathlib import Path
from typing import Final

from segmentation.filesystem import FileSystem, StoredFile, readable_path
from segmentation.filesystem.local import LocalFileSystem

# Inputs of up to this many bytes in all are read whole, in less than a tenth of a second.
WHOLE_BYTES: Final = 64_000_000
# Else these pieces of each file, the first at its beginning and the last at its end, where Parquet has its footer.
PIECES: Final = 16
PIECE_BYTES: Final = 65_536
DIGEST_BYTES: Final = 16
BLOCK_BYTES: Final = 1_048_576
# The end of gzip is the size of the text in four bytes, which is a multiple of 4 GB only if there is no text.
GZIP_SIZE_BYTES: Final = 4
GZIP: Final = 31  # zlib's number for it


def content_of(filesystem: FileSystem, file: StoredFile, is_whole: bool) -> str:
    """Return a checksum of a file's content, with what it is made of.

    Of a remote file it is what the store itself says; where it says nothing, and of large local files, samples.

    Raises: OSError if it cannot be read.
    """
    is_local = isinstance(filesystem, LocalFileSystem)
    known = file.content or ("" if is_local else filesystem.checksum(file.path))
    if known:
        return known
    digest = blake2b(digest_size=DIGEST_BYTES)
    if is_local and (is_whole or file.size <= PIECES * PIECE_BYTES):
        with Path(readable_path(file.path)).open("rb") as stream:
            while block := stream.read(BLOCK_BYTES):
                digest.update(block)
        return f"blake2b of the whole {digest.hexdigest()}"
    # Opening a remote file takes longer than reading a piece of it.
    pieces = min(PIECES if is_local else 3, -(-file.size // PIECE_BYTES))
    for number in range(pieces):
        start = number * max(0, file.size - PIECE_BYTES) // max(1, pieces - 1)
        digest.update(filesystem.part(file.path, start, PIECE_BYTES))
    return f"blake2b of {pieces} samples {digest.hexdigest()}"


def gzip_size(path: str, size: int) -> int:
    """Return the size of a local gzip file without the zeros behind its end, as `gunzip` ignores them.

    Raises: OSError if it is damaged.
    """
    with Path(readable_path(path)).open("rb") as stream:
        stream.seek(max(0, size - GZIP_SIZE_BYTES))
        if any(stream.read()):
            return size
        stream.seek(0)
        member, end, read = zlib.decompressobj(GZIP), 0, 0
        while block := stream.read(BLOCK_BYTES):
            read += len(block)
            while block:
                if member.eof:
                    block = block.lstrip(b"\0")
                    if not block:
                        break
                    if read - len(block) != end:  # zeros between members: no gzip
                        return size
                    member = zlib.decompressobj(GZIP)
                try:
                    while block and not member.eof:
                        member.decompress(block, BLOCK_BYTES)
                        block = member.unconsumed_tail
                except zlib.error as error:
                    raise OSError(str(error)) from None
                if member.eof:
                    block = member.unused_data
                    end = read - len(block)
        return end if member.eof else size
