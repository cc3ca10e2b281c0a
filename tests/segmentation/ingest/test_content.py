"""What a file contains is part of a run's identity, even where its size and time stay."""

import gzip
import os
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from segmentation.filesystem import StoredFile, filesystem_for
from segmentation.filesystem.hadoop import HadoopFileSystem
from segmentation.ingest import content, find
from segmentation.ingest.content import PIECE_BYTES, PIECES, content_of, gzip_size
from segmentation.ingest.find import find_input
from tests.hostile_files import FIVE, INPUT

PACKED = gzip.compress(FIVE.encode() * 9)
NOTHING = gzip.compress(b"")


def changed(path: Path, position: int) -> None:
    """Change one byte of a file, and put its time of change back."""
    before = path.stat()
    with path.open("r+b") as file:
        file.seek(position)
        byte = file.read(1)
        file.seek(position)
        file.write(bytes([byte[0] ^ 1]))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_a_file_changed_under_its_size_and_time_is_another_input(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "sales.csv"
    path.write_text(FIVE * (PIECES * PIECE_BYTES // len(FIVE) * 2))
    size = path.stat().st_size
    for limit, positions, said in (
        (content.WHOLE_BYTES, (size // 2, size // 3), "blake2b of the whole "),
        # Above the limit: the end, the middle piece, and a byte of the head that the header does not show.
        (1, (size - 1, (size - PIECE_BYTES) * 8 // 15 + 9, PIECE_BYTES - 1), "blake2b of 16 samples "),
    ):
        monkeypatch.setattr(find, "WHOLE_BYTES", limit)
        seen = [find_input(spark, [str(path)], INPUT)[0].as_listed]
        for position in positions:
            changed(path, position)
            seen.append(find_input(spark, [str(path)], INPUT)[0].as_listed)
        assert len({file.content for file in seen}) == len(seen)
        assert len({(file.path, file.size, file.modified_ms) for file in seen}) == 1
        assert seen[0].content.startswith(said)


def test_a_store_says_itself_of_which_content_a_file_is(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "sales.csv"
    path.write_text(FIVE)
    stored = StoredFile(f"file:{path}", len(FIVE), 0)
    remote = HadoopFileSystem(spark, str(tmp_path))
    assert remote.checksum(stored.path) == "", "Hadoop has none for a local file"
    samples = content_of(remote, stored, is_whole=True)
    assert samples.startswith("blake2b of 1 samples ")
    changed(path, len(FIVE) - 1)
    assert content_of(remote, stored, is_whole=True) != samples
    monkeypatch.setattr(remote, "checksum", lambda path: "MD5-of-CRC32 17")
    assert content_of(remote, stored, is_whole=True) == "MD5-of-CRC32 17"
    tagged = StoredFile(stored.path, stored.size, 0, content="etag 1a")
    assert content_of(filesystem_for(spark, str(tmp_path)), tagged, is_whole=True) == "etag 1a"


@pytest.mark.parametrize(
    ("packed", "size"),
    [
        (PACKED, len(PACKED)),
        (PACKED + NOTHING, len(PACKED + NOTHING)),
        (PACKED + b"\0" * 500, len(PACKED)),
        (PACKED * 2 + b"\0" * 3, len(PACKED * 2)),
        (PACKED + NOTHING + b"\0" * 9, len(PACKED + NOTHING)),
        (PACKED[:-9] + b"\0" * 9, len(PACKED)),  # cut off: not made to look whole
    ],
)
def test_gzip_ends_before_the_zeros_behind_it(tmp_path: Path, packed: bytes, size: int) -> None:
    (tmp_path / "a.gz").write_bytes(packed)
    try:
        assert gzip_size(str(tmp_path / "a.gz"), len(packed)) == size
    except OSError:
        assert packed[:-9] == PACKED[:-9]
