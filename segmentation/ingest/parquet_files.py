"""Read Parquet files into raw lines: typed as in `schemas.READ_TYPED`, else as the text a person would write."""

import re
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import (
    ArrayType,
    BinaryType,
    IntegralType,
    LongType,
    MapType,
    StringType,
    StructField,
    StructType,
    TimestampNTZType,
    TimestampType,
)

from segmentation import schemas as s
from segmentation.config.settings import InputSettings
from segmentation.errors import InputError, java_message
from segmentation.filesystem import FileSystem, StoredFile
from segmentation.ingest.files import (
    InputFile,
    by_header,
    folder_value,
    glob_escaped,
    is_stopped,
    locate_with_folders,
    path_in_read_error,
    quoted,
    source_file,
)
from segmentation.ingest.values import as_text

MAGIC = b"PAR1"
# Footers of usual files are smaller, and read at once.
FOOTER_BYTES = 65_536


def read_parquet(
    spark: SparkSession, files: Sequence[InputFile], settings: InputSettings, is_utf8: bool = False
) -> list[DataFrame]:
    """Return a frame of raw lines for each schema: a column may be an integer in one file and text in another.

    With `is_utf8` all texts are known to be UTF-8, and not looked at.
    Raises: InputError for a file that is not whole, lacks a column, or has a column that is no number, text or date.
    """
    frames = []
    for header, group in by_header(files).items():
        try:
            frame = _frame(spark, group)
        except Exception as error:  # py4j raises every Java exception as its own kind
            if is_stopped(spark):
                raise
            path = path_in_read_error(error) or group[0].path
            raise InputError(f"{path}: cannot be read as Parquet: {java_message(error)}") from None
        located, folders = locate_with_folders(frame.columns, settings.columns.by_field, group[0])
        columns, texts = [], []
        for field in settings.columns.by_field:
            if field in folders:
                column = folder_value(source_file(), folders[field])
            else:
                column = _read(field, frame.schema[located[field]], header.form[0], group[0].path)
                if isinstance(frame.schema[located[field]].dataType, StringType | BinaryType):
                    texts.append(s.raw(field))
            columns.append(column.alias(s.raw(field)))
        lines = frame.select(*columns, source_file().alias(s.SOURCE_FILE))
        frames.append(_with_broken_text_unparsed(lines, () if is_utf8 else texts))
    return frames


def first_unreadable(spark: SparkSession, files: Sequence[InputFile]) -> str | None:
    """Read files to their ends and return the path of the first that fails; None where Spark stops meanwhile.

    Files of one schema are read together, and again by halves where that fails.
    """
    paths = []
    for group in by_header(files).values():
        failing = group if _fails(spark, group) else []
        while len(failing) > 1:
            half = failing[: len(failing) // 2]
            failing = half if _fails(spark, half) else failing[len(half) :]
        # A fault that passes, such as a lost executor, is no file's.
        paths += [file.path for file in failing if _fails(spark, [file])]
    return None if is_stopped(spark) else min(paths, default=None)


def parquet_schema(spark: SparkSession, filesystem: FileSystem, stored: StoredFile, path: str, head: bytes) -> str:
    """Return the schema in a file's footer, as text.

    Raises: InputError for a file without a whole footer.
    """
    whole = head if len(head) == stored.size else None

    def end(count: int) -> bytes:
        return whole[-count:] if whole else filesystem.part(stored.path, max(0, stored.size - count), count)

    footer = end(FOOTER_BYTES)
    length = int.from_bytes(footer[-8:-4], "little") + 8
    if length > len(footer) and length < stored.size:
        footer = end(length)
    try:
        # The footer alone is a Parquet file of which no data can be read.
        schema = str(pq.read_metadata(pa.BufferReader(MAGIC + footer[-length:])).schema)
    except (pa.ArrowException, OSError, UnicodeDecodeError):
        return _schema_by_java(spark, stored, path)
    return schema.partition("\n")[2]  # the first line is Python's address of the object


def _frame(spark: SparkSession, files: Sequence[InputFile]) -> DataFrame:
    paths = [glob_escaped(file.stored.path) for file in files]
    # Most writers leave out the checksums of pages; where they exist, a flipped bit does not pass for a value.
    return spark.read.option("parquet.page.verify-checksum.enabled", True).parquet(*paths)


def _with_broken_text_unparsed(lines: DataFrame, texts: Sequence[str]) -> DataFrame:
    """Mark lines with text that is no UTF-8, from a damaged page or another encoding, as unparsed."""
    is_broken = F.lit(False)
    for name in texts:
        is_broken = is_broken | F.coalesce(~F.is_valid_utf8(F.col(name)), F.lit(False))
    unparsed = F.when(is_broken, F.make_valid_utf8(F.concat_ws(" ", *texts)))
    whole = {name: F.when(F.is_valid_utf8(name), F.col(name)).otherwise(F.make_valid_utf8(name)) for name in texts}
    return lines.withColumns({**whole, s.UNPARSED_LINE: unparsed})


def _read(name: str, field: StructField, schema: str, path: str) -> Column:
    """Return the column of a field. Spark reads nanoseconds as plain numbers: only the file's `schema` shows them."""
    column, kind = F.col(quoted(field.name)), field.dataType
    if isinstance(kind, ArrayType | MapType | StructType):
        raise InputError(f"{path}: column {field.name!r} is {kind.simpleString()}: a number, text or date is needed")
    if re.search(rf"int64 (field_id=\S+ )?{re.escape(field.name)} \(timestamp\([^)]*nano", schema, re.IGNORECASE):
        column, kind = F.timestamp_micros(_microseconds(column)), TimestampType()
    if isinstance(kind, TimestampType):
        column, kind = column.cast("timestamp_ntz"), TimestampNTZType()  # the session's time zone is UTC
    if isinstance(kind, IntegralType):
        column, kind = column.cast("bigint"), LongType()
    return column if kind in s.READ_TYPED.get(name, ()) else as_text(column, kind)


def _microseconds(nanoseconds: Column) -> Column:
    """Return whole microseconds, rounded down, in integers: a double cannot hold the nanoseconds since 1970."""
    rounded_up_by = F.when(nanoseconds % 1_000 < 0, 1).otherwise(0)
    return F.call_function("div", nanoseconds, F.lit(1_000)) - rounded_up_by


def _fails(spark: SparkSession, files: Sequence[InputFile]) -> bool:
    try:
        _frame(spark, files).write.format("noop").mode("overwrite").save()
    except Exception:  # noqa: BLE001 - py4j raises every Java exception as its own kind
        return True
    return False


def _schema_by_java(spark: SparkSession, stored: StoredFile, path: str) -> str:
    """Return the schema as Spark's own reader does, which knows every kind of footer that Spark can read."""
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
        return str(reader.getFooter().getFileMetaData().getSchema().toString())
    finally:
        reader.close()
