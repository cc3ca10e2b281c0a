"""How much text an input stands for, by which its work is spread."""

from pathlib import PurePath
from typing import Final

# How many bytes of plain CSV one byte of other files stands for: measured on the reference data set.
DENSER: Final = {".parquet": 12, ".gz": 6, ".xlsx": 2}
# What is sorted at once then takes some 100 MB of memory: it fits with two cores that share 2 GB.
BYTES_SORTED_AT_ONCE: Final = 32_000_000
LEAST_PARTITIONS: Final = 8


def as_plain_text(path: str, size: int) -> int:
    """The bytes of plain CSV that a file of `size` bytes stands for, by its name's ending.

    >>> as_plain_text("day.csv", 100), as_plain_text("day.parquet", 100)
    (100, 1200)
    """
    return size * DENSER.get(PurePath(path).suffix, 1)


def partitions_for(text_bytes: int) -> int:
    """Into how many parts lines of so much text are shuffled: by their number alone, whatever the cores.

    At 2 cores and at 200: one part takes a core a second or so, so that 200 share a gigabyte well, and 2 are not kept
    busy by thousands of parts with nothing in them.

    >>> partitions_for(45_000_000), partitions_for(20_000_000_000)
    (8, 625)
    """
    return max(LEAST_PARTITIONS, -(-text_bytes // BYTES_SORTED_AT_ONCE))
