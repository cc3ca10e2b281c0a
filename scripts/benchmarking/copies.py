"""Make a larger input of a Parquet file: several copies, each with its own customers and invoices."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq


def lines_of(source: Path) -> int:
    """Return the number of lines of a Parquet file or of a folder of them; 0 for other files."""
    files = sorted(source.glob("*.parquet")) if source.is_dir() else [source]
    return sum(pq.read_metadata(file).num_rows for file in files if file.suffix == ".parquet")


def write_copies(source: Path, copies: int, target: Path) -> None:
    """Write the lines of a file `copies` times over, with the columns and types of Online Retail."""
    lines = pq.read_table(source)
    with pq.ParquetWriter(target, lines.schema) as writer:
        for number in range(copies):
            writer.write_table(_with_own_keys(lines, number, copies))


def _with_own_keys(lines: pa.Table, number: int, copies: int) -> pa.Table:
    """Return a copy of the lines: the number is appended to invoices, and is the rest of customers modulo `copies`."""
    invoices = lines["InvoiceNo"]
    suffix, nothing = (pa.scalar(text, invoices.type) for text in (str(number).zfill(len(str(copies))), ""))
    keys = {
        "InvoiceNo": pc.binary_join_element_wise(invoices, suffix, nothing),
        "CustomerID": pc.add(pc.multiply(lines["CustomerID"], copies), number),
    }
    for name, values in keys.items():
        lines = lines.set_column(lines.schema.get_field_index(name), lines.schema.field(name), values)
    return lines
