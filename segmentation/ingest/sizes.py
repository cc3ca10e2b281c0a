"""How much text an input stands for. Imports nothing, so that scripts/submit starts at once."""

from pathlib import PurePath
from typing import Final

# How many bytes of plain CSV one byte of another format stands for, measured on the reference data set.
CSV_BYTES_PER_BYTE: Final = {".parquet": 12, ".gz": 6, ".bz2": 8, ".zst": 6, ".xlsx": 2}
# The first bytes of a Parquet file stand for less: a footer says nothing of lines, and short columns repeat little.
PARQUET_FOOTER: Final = 3_000
SHORT_COLUMNS: Final = 100_000
CSV_BYTES_PER_BYTE_OF_SHORT_COLUMNS: Final = 4


def estimated_csv_bytes(path: str, size: int) -> int:
    """Return the bytes of plain CSV that a file of `size` bytes stands for, judged by its name's ending.

    >>> estimated_csv_bytes("day.csv", 100), estimated_csv_bytes("day.csv.gz", 100)
    (100, 600)
    >>> estimated_csv_bytes("day.parquet", 7_600), estimated_csv_bytes("year.parquet", 3_600_000)
    (18400, 42364000)
    """
    suffix = PurePath(path).suffix
    if suffix != ".parquet":
        return size * CSV_BYTES_PER_BYTE.get(suffix, 1)
    columns = max(0, size - PARQUET_FOOTER)
    short = min(columns, SHORT_COLUMNS)
    return short * CSV_BYTES_PER_BYTE_OF_SHORT_COLUMNS + (columns - short) * CSV_BYTES_PER_BYTE[suffix]
