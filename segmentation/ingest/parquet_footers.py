"""Read a Parquet file's footer on the driver: its columns, their types as Spark reads them, and their compression."""

import json
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import SparkSession

from segmentation.errors import InputError, java_message
from segmentation.filesystem import FileSystem, StoredFile
from segmentation.ingest.files import Header, is_stopped

MAGIC = b"PAR1"
# Footers of usual files are smaller, and read at once.
FOOTER_BYTES = 65_536
# A footer ends with its length in four bytes, and the magic bytes.
LENGTH_BYTES = 8
# Where columns are encrypted but the footer is not, a signature follows it.
SIGNATURE_BYTES = 28
# pyarrow looks at its own copy of the schema, and refuses the file where it does not know a type in there.
ARROW_SCHEMA, NO_SCHEMA = b"ARROW:schema", b"ARROW:unused"
# Begins the form of a file of which only Java can read the footer, before its schema as text: Spark finds the types.
INFERRED = "inferred"
# What begins the form of a column of a type that Spark does not read, and the form of one of several values a line.
UNSUPPORTED = "unsupported "
NESTED = f"{UNSUPPORTED}list, map or struct"
# Columns of which Spark reads other types than the file says: see `parquet_files`.
NANOSECONDS, NANOSECONDS_UTC, UUID, NOTHING = "nanoseconds", "nanoseconds utc", "uuid", "nothing"
LARGEST_DECIMAL = 38
TEXTS = ("STRING", "ENUM", "JSON")
PLAIN = {
    "BOOLEAN": "boolean",
    "INT32": "int",
    "INT64": "bigint",
    "INT96": "timestamp",
    "FLOAT": "float",
    "DOUBLE": "double",
    "BYTE_ARRAY": "binary",
    "FIXED_LEN_BYTE_ARRAY": "binary",
}
INTEGERS = {
    (8, True): "tinyint",
    (16, True): "smallint",
    (32, True): "int",
    (64, True): "bigint",
    (8, False): "smallint",
    (16, False): "int",
    (32, False): "bigint",
    (64, False): "decimal(20,0)",
}


def parquet_header(
    spark: SparkSession, filesystem: FileSystem, stored: StoredFile, path: str, head: bytes, mapped: Collection[str]
) -> tuple[Header, int | None]:
    """Return a file's columns with their types as Spark reads them, and its rows; None where these are not known.

    `mapped` are the columns that will be read: of others the type is left out, and may be any.

    Raises: InputError for a file without a whole footer, or with encrypted columns.
    """
    footer = _footer(filesystem, stored, head)
    metadata = _metadata(footer)
    if metadata is None:
        names_found, schema = _schema_by_java(spark, stored, path)
        return Header(names_found, (INFERRED, schema)), None
    _refuse_encrypted(metadata, len(footer), path)
    names: list[str] = []
    form: list[str] = []
    for number in range(len(metadata.schema)):
        column = metadata.schema.column(number)
        name, is_nested = column.path.split(".")[0], column.path != column.name
        if not is_nested:
            name = column.name
        elif names and names[-1] == name and form[-1] == NESTED:
            continue  # a further part of the same list or struct
        names.append(name)
        is_mapped = name.strip() in mapped
        # The row groups stay untouched: for a damaged or encrypted one pyarrow ends the process.
        form.append(NESTED if is_nested or column.max_repetition_level else _kind(column) if is_mapped else "")
    return Header(tuple(names), tuple(form)), metadata.num_rows


def footer_metadata(footer: bytes) -> Any:
    """Return the metadata in the bytes of a footer, which alone are a Parquet file of which no data can be read.

    Raises: pa.ArrowException, OSError or UnicodeDecodeError for a damaged footer.
    """
    part = MAGIC + footer
    try:
        return pq.read_metadata(pa.BufferReader(part))
    except pa.ArrowNotImplementedError:
        return pq.read_metadata(pa.BufferReader(part.replace(ARROW_SCHEMA, NO_SCHEMA)))


def open_parquet(file: Path, path: str) -> pq.ParquetFile:
    """Open a local file with pyarrow, whatever types it may have.

    Raises: pa.ArrowException or OSError if it is damaged, InputError if it is encrypted.
    """
    with file.open("rb") as stream:
        stream.seek(-LENGTH_BYTES, os.SEEK_END)
        stream.seek(-_length(stream.read()), os.SEEK_END)
        footer = stream.read()
    metadata = footer_metadata(footer)
    _refuse_encrypted(metadata, len(footer), path)
    return pq.ParquetFile(file, metadata=metadata)


def _footer(filesystem: FileSystem, stored: StoredFile, head: bytes) -> bytes:
    """Return the bytes of a file's footer, up to the file's end."""
    whole = head if len(head) == stored.size else None

    def end(count: int) -> bytes:
        return whole[-count:] if whole else filesystem.part(stored.path, max(0, stored.size - count), count)

    footer = end(FOOTER_BYTES)
    length = _length(footer)
    if length > len(footer) and length < stored.size:
        footer = end(length)
    return footer[-length:]


def _refuse_encrypted(metadata: Any, footer_bytes: int, path: str) -> None:
    if footer_bytes - LENGTH_BYTES - metadata.serialized_size == SIGNATURE_BYTES:
        raise InputError(f"{path}: has encrypted columns: write it without encryption, this job has no key")


def _length(footer: bytes) -> int:
    """Return the length of a footer by its end, with the end itself."""
    return int.from_bytes(footer[-LENGTH_BYTES:-4], "little") + LENGTH_BYTES


def _metadata(footer: bytes) -> Any:
    """Return the metadata in a footer as pyarrow reads it; None where it cannot."""
    try:
        metadata = footer_metadata(footer)
        for number in range(len(metadata.schema)):
            metadata.schema.column(number).path.encode()  # a name that is no UTF-8 fails here
        return metadata
    except (pa.ArrowException, OSError, UnicodeDecodeError):
        return None


def _kind(column: Any) -> str:
    """Return the type of a column as Spark reads it, as DDL or one of the names above."""
    logical = json.loads(column.logical_type.to_json())
    name, physical = logical["Type"].upper(), column.physical_type
    if name in ("NONE", "UNDEFINED") or physical == "INT96":
        return PLAIN[physical]
    if name in TEXTS:
        return "string"
    if name == "INT":
        return INTEGERS[logical["bitWidth"], logical["isSigned"]]
    if name == "DECIMAL" and column.precision <= LARGEST_DECIMAL:
        return f"decimal({column.precision},{column.scale})"
    if name == "TIMESTAMP":
        if logical["timeUnit"] == "nanoseconds":
            return NANOSECONDS_UTC if logical["isAdjustedToUTC"] else NANOSECONDS
        return "timestamp" if logical["isAdjustedToUTC"] else "timestamp_ntz"
    known = {"DATE": "date", "BSON": "binary", "UUID": UUID, "NULL": NOTHING, "UNKNOWN": NOTHING}
    return known.get(name, f"{UNSUPPORTED}{name.lower()}")


def _schema_by_java(spark: SparkSession, stored: StoredFile, path: str) -> tuple[tuple[str, ...], str]:
    """Return a file's columns and schema by Spark's own reader, which knows every footer that Spark can read."""
    jvm: Any = spark._jvm
    hadoop_path = jvm.org.apache.hadoop.fs.Path(stored.path)
    conf = spark._jsc.hadoopConfiguration()
    try:
        source = jvm.org.apache.parquet.hadoop.util.HadoopInputFile.fromPath(hadoop_path, conf)
        reader = jvm.org.apache.parquet.hadoop.ParquetFileReader.open(source)
    except Exception as error:  # py4j raises every Java exception as its own kind
        if is_stopped(spark):
            raise
        raise InputError(f"{path}: is not a whole Parquet file: {java_message(error)}") from None
    try:
        schema = reader.getFooter().getFileMetaData().getSchema()
        return tuple(str(field.getName()) for field in schema.getFields()), str(schema.toString())
    finally:
        reader.close()
