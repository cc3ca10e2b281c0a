"""Read files of any input format into one frame of raw lines."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial, reduce
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.config.settings import InputSettings
from segmentation.errors import InputError, SegmentationError
from segmentation.filesystem import FileSystems
from segmentation.ingest.csv_files import LONGEST_FIELD, MOST_COLUMNS, read_csv
from segmentation.ingest.files import InputFile, is_stopped, path_in_read_error
from segmentation.ingest.json_files import read_json
from segmentation.ingest.parquet_files import first_unreadable, read_parquet
from segmentation.ingest.values import raw_text
from segmentation.ingest.xlsx import read_workbook

# What Spark's CSV library throws for a field or line beyond its limits.
TOO_LONG = {"com.univocity.parsers.common.TextParsingException", "java.lang.ArrayIndexOutOfBoundsException"}
# Rows of workbooks that the driver holds before Spark gets them.
BYTES_OF_A_FRAME = 64_000_000
# Compressions for which Spark has no class, as of Parquet, or no library of the system, as of text.
MISSING_CODEC = re.compile(
    r"(?P<package>(?:[a-z]+\.)+(?P<codec>Brotli|Lzo|Lz4|Zstd|ZStandard|Snappy)\w*Codec).{0,20} (?:was )?not found"
    r"|native (?P<library>zStandard|lz4|snappy) library not available"
)
# A reader's own `raise_error`.
REFUSAL = re.compile(r"\[USER_RAISED_EXCEPTION\] (?P<message>[^\n]*?)( SQLSTATE|\n|$)")


def read_lines(
    spark: SparkSession, files: Sequence[InputFile], settings: InputSettings, is_utf8: bool = False
) -> DataFrame:
    """Return one row per line of the given files, in no particular order; only headers are read at once.

    With `is_utf8` the texts of Parquet files are known to be UTF-8, and not looked at.

    Columns: `schemas.raw_schema` of the fields with a column in the configuration, with the types of
    `schemas.READ_TYPED` where every file has the same.
    Raises: InputError for a file that lacks a mapped column, has one twice, or cannot be opened.
    """
    readers: Mapping[str, Callable[[SparkSession, Sequence[InputFile], InputSettings], list[DataFrame]]] = {
        "csv": read_csv,
        "json": read_json,
        "parquet": partial(read_parquet, is_utf8=is_utf8),
        "xlsx": _read_workbooks,
    }
    frames: list[DataFrame] = []
    for kind, reader in readers.items():
        files_of_kind = [file for file in files if file.kind == kind]
        if files_of_kind:
            frames += reader(spark, files_of_kind, settings)
    if any(frame.dtypes != frames[0].dtypes for frame in frames):
        frames = [_as_texts(frame, settings) for frame in frames]
    return reduce(DataFrame.unionByName, frames)


@contextmanager
def read_errors_named(spark: SparkSession, files: Sequence[InputFile]) -> Iterator[None]:
    """Turn Spark's read errors in the first action on lines into an InputError that names the damaged file.

    Spark names the file in most of them. It does not for some damaged Parquet pages: then each Parquet file is read by
    itself. Where Spark was stopped, no file is to blame.
    """
    try:
        yield
    except SegmentationError:
        raise
    except Exception as error:
        refusal = REFUSAL.search(str(getattr(error, "java_exception", None) or error))
        if refusal:
            raise InputError(refusal["message"]) from error
        if is_stopped(spark):
            raise
        parquet = [file for file in files if file.kind == "parquet"]
        path = path_in_read_error(error) or first_unreadable(spark, parquet)
        if path is None:
            raise
        codec = MISSING_CODEC.search(_java_messages(error))
        if codec:
            remedy = (
                f"write the file with zstd or snappy, or start Spark with a package that has {codec['package']}"
                if codec["package"]
                else "unpack it, or compress it with gzip"
            )
            name = (codec["codec"] or codec["library"]).lower()
            raise InputError(f"{path}: is compressed with {name}, which this Spark cannot unpack: {remedy}") from error
        if _java_causes(error) >= TOO_LONG:
            raise InputError(
                f"{path}: has a field of more than {LONGEST_FIELD:,} characters or a line of more than "
                f"{MOST_COLUMNS:,} fields: close the quote that is left open, or let all lines end alike"
            ) from error
        raise InputError(f"{path}: cannot be read to its end, it is damaged or cut off: send it again") from error


def _as_texts(lines: DataFrame, settings: InputSettings) -> DataFrame:
    fields = {s.raw(field): field for field in settings.columns.by_field}
    return lines.select(
        *[
            raw_text(fields.get(raw.name, ""), F.col(raw.name), raw.dataType, settings.decimal).alias(raw.name)
            for raw in lines.schema
        ]
    )


def _java_messages(error: Exception) -> str:
    """Return the messages of the Java exceptions that led to this one; empty where there are none."""
    cause: Any = getattr(error, "_origin", None) or getattr(error, "java_exception", None)
    messages = []
    while cause is not None:
        messages.append(str(cause.toString()))
        cause = cause.getCause()
    return "\n".join(messages)


def _java_causes(error: Exception) -> set[str]:
    """Return the class names of the Java exceptions that led to this one."""
    cause: Any = getattr(error, "_origin", None) or getattr(error, "java_exception", None)
    names = set()
    while cause is not None:
        names.add(str(cause.getClass().getName()))
        cause = cause.getCause()
    return names


def _read_workbooks(spark: SparkSession, files: Sequence[InputFile], settings: InputSettings) -> list[DataFrame]:
    """Return the rows of workbooks, read on the driver and passed on as Arrow; many small ones make one frame."""
    frames: list[DataFrame] = []
    tables: list[pa.Table] = []
    sheets = None if settings.sheets == "all" else settings.sheets
    schema = s.raw_schema(settings.columns.by_field)
    filesystems = FileSystems(spark)
    for file in files:
        with filesystems.of(file.stored.path).local_copy(file.stored.path) as local:
            tables.append(read_workbook(local, file.path, settings.columns.by_field, sheets, settings.decimal))
        if file is files[-1] or sum(table.nbytes for table in tables) > BYTES_OF_A_FRAME:
            frames.append(spark.createDataFrame(pa.concat_tables(tables), schema))
            tables.clear()
    return frames
