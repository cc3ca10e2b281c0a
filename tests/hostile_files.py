"""Lines and files as they go wrong on their way, made by code."""

import csv
import json
from collections.abc import Mapping, Sequence
from io import BytesIO, StringIO

import pyarrow as pa
import pyarrow.parquet as pq

HEADER = ("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country")
TOP = ",".join(HEADER)
GOOD: Mapping[str, str] = dict(
    zip(HEADER, ("536365", "85123A", "HEART", "2", "2010-12-01 08:26", "2.55", "17850", "France"), strict=True)
)


def line(number: int = 0, **fields: str) -> str:
    """A good line, the comma its delimiter, nothing quoted, with some fields as given."""
    return ",".join({**GOOD, "InvoiceNo": str(536365 + number), **fields}.values())


def lines(count: int) -> list[str]:
    return [line(number) for number in range(count)]


def text(*all_lines: str, end: str = "\n") -> str:
    return end.join(all_lines) + end


def quoted_csv(rows: Sequence[Sequence[str]]) -> bytes:
    """Rows below the header, each field in quotes."""
    target = StringIO()
    csv.writer(target, quoting=csv.QUOTE_ALL).writerows([HEADER, *rows])
    return target.getvalue().encode()


def json_object(number: int = 0, **fields: object) -> str:
    return json.dumps({**GOOD, "InvoiceNo": str(536365 + number), **fields})


def parquet(count: int = 300, columns: Mapping[str, pa.Array] | None = None, **options: object) -> bytes:
    """Good lines with descriptions of which there are three, or the columns as given."""
    arrays = {name: pa.array([value] * count) for name, value in GOOD.items()}
    arrays["Description"] = pa.array([("RED", "GREEN", "BLUE")[number * number % 7 % 3] for number in range(count)])
    arrays |= columns or {}
    target = BytesIO()
    pq.write_table(pa.table(arrays), target, **options)
    return target.getvalue()


def flipped(content: bytes, position: int, bits: int = 0xFF) -> bytes:
    """With some bits of one byte turned; a negative position counts from the end."""
    damaged = bytearray(content)
    damaged[position] ^= bits
    return bytes(damaged)


def last_byte_of(content: bytes, column: str) -> int:
    """The position of the last byte of a column's only page of values in a Parquet file."""
    chunk = pq.ParquetFile(BytesIO(content)).metadata.row_group(0).column(HEADER.index(column))
    start = chunk.dictionary_page_offset or chunk.data_page_offset
    return int(start + chunk.total_compressed_size - 1)


def parquet_with_a_value_beyond_its_dictionary() -> bytes:
    """Spark meets this damage only where the value is used, and then does not say in which file."""
    content = parquet(compression="none")
    # Two bits a value, of which 3 is beyond a dictionary of three; behind the last values the page is filled up.
    position = last_byte_of(content, "Description") - 1
    return flipped(content, position, content[position] ^ 0xFF)
