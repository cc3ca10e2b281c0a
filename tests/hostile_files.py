"""Lines and files as they go wrong in the wild, made by code, and how tests read them."""

import csv
import json
from collections.abc import Mapping, Sequence
from io import BytesIO, StringIO
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.config.settings import CleaningSettings, InputSettings
from segmentation.ingest.find import find_input
from segmentation.ingest.read import read_lines

HEADER = ("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country")
TOP = ",".join(HEADER)
COLUMNS = dict(zip(s.LINE_FIELDS, HEADER, strict=True))
INPUT = InputSettings(columns=COLUMNS)
CLEANING = CleaningSettings(date_formats=("iso", "M/d/yyyy[ H:mm[:ss]]", "d-M-yyyy[ H:mm[:ss]]", "excel"))
GOOD: Mapping[str, str] = dict(
    zip(HEADER, ("536365", "85123A", "HEART", "2", "2010-12-01 08:26", "2.55", "17850", "France"), strict=True)
)


def read(spark: SparkSession, *paths: Path | str, settings: InputSettings = INPUT) -> DataFrame:
    """Return the raw lines of the files at some paths."""
    return read_lines(spark, find_input(spark, [str(path) for path in paths], settings), settings)


def raw_texts(lines: DataFrame, *fields: str) -> list[tuple[str | None, ...]]:
    """Return the raw text of some fields, sorted."""
    rows = lines.select(*[F.col(s.raw(field)).cast("string") for field in fields]).collect()
    return sorted((tuple(row) for row in rows), key=str)


def line(number: int = 0, **fields: str) -> str:
    """Return a good line, split by commas and without quotes, with some fields replaced."""
    return ",".join({**GOOD, "InvoiceNo": str(536365 + number), **fields}.values())


def lines(count: int) -> list[str]:
    return [line(number) for number in range(count)]


def text(*all_lines: str, end: str = "\n") -> str:
    return end.join(all_lines) + end


def quoted_csv(rows: Sequence[Sequence[str]]) -> bytes:
    """Return rows below the header, each field in quotes."""
    target = StringIO()
    csv.writer(target, quoting=csv.QUOTE_ALL).writerows([HEADER, *rows])
    return target.getvalue().encode()


def json_object(number: int = 0, **fields: object) -> str:
    return json.dumps({**GOOD, "InvoiceNo": str(536365 + number), **fields})


def parquet(count: int = 300, columns: Mapping[str, pa.Array] | None = None, **options: object) -> bytes:
    """Return good lines with three different descriptions, some columns replaced."""
    arrays = {name: pa.array([value] * count) for name, value in GOOD.items()}
    arrays["Description"] = pa.array([("RED", "GREEN", "BLUE")[number * number % 7 % 3] for number in range(count)])
    arrays |= columns or {}
    target = BytesIO()
    pq.write_table(pa.table(arrays), target, **options)
    return target.getvalue()


def flipped(content: bytes, position: int, bits: int = 0xFF) -> bytes:
    """Flip some bits of one byte; a negative position counts from the end."""
    damaged = bytearray(content)
    damaged[position] ^= bits
    return bytes(damaged)


def last_byte_of(content: bytes, column: str) -> int:
    """Return the position of the last byte of a column's only page of values in a Parquet file."""
    chunk = pq.ParquetFile(BytesIO(content)).metadata.row_group(0).column(HEADER.index(column))
    start = chunk.dictionary_page_offset or chunk.data_page_offset
    return int(start + chunk.total_compressed_size - 1)


def parquet_with_a_value_beyond_its_dictionary() -> bytes:
    """Return damage that Spark meets only where the value is used, and then does not say in which file."""
    content = parquet(compression="none")
    # Two bits a value, of which 3 is beyond a dictionary of three; behind the last values the page is filled up.
    position = last_byte_of(content, "Description") - 1
    return flipped(content, position, content[position] ^ 0xFF)


FIVE = text(TOP, *lines(5))
