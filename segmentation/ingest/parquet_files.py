"""Read Parquet files into raw lines: typed as in `schemas.READ_TYPED`, else as the text a person would write."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

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
from segmentation.ingest.files import (
    InputFile,
    glob_escaped,
    is_stopped,
    locate_columns,
    path_in_read_error,
    quoted,
    source_file,
)
from segmentation.ingest.values import as_text


def read_parquet(spark: SparkSession, files: Sequence[InputFile], settings: InputSettings) -> list[DataFrame]:
    """Return a frame of raw lines for each schema: a column may be an integer in one file and text in another.

    Raises: InputError for a file that is not whole, lacks a column, or has a column that is no number, text or date.
    """
    groups: defaultdict[str, list[InputFile]] = defaultdict(list)
    for file in files:
        groups[_parquet_schema(spark, file)].append(file)
    frames = []
    for footer, group in groups.items():
        try:
            frame = _frame(spark, group)
        except Exception as error:  # py4j raises every Java exception as its own kind
            if is_stopped(spark):
                raise
            path = path_in_read_error(error) or group[0].path
            raise InputError(f"{path}: cannot be read as Parquet: {java_message(error)}") from None
        located = locate_columns(frame.columns, settings.columns.by_field, group[0].path)
        columns = [
            _read(field, frame.schema[located[field]], footer, group[0].path).alias(s.raw(field)) for field in located
        ]
        texts = [
            s.raw(field)
            for field in located
            if isinstance(frame.schema[located[field]].dataType, StringType | BinaryType)
        ]
        lines = frame.select(*columns, source_file().alias(s.SOURCE_FILE))
        frames.append(_with_broken_text_unparsed(lines, texts))
    return frames


def first_unreadable(spark: SparkSession, files: Sequence[InputFile]) -> str | None:
    """Read each file to its end and return the path of the first that fails; None where Spark stops meanwhile."""
    for file in files:
        try:
            _frame(spark, [file]).write.format("noop").mode("overwrite").save()
        except Exception:  # noqa: BLE001 - py4j raises every Java exception as its own kind
            return None if is_stopped(spark) else file.path
    return None


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
    whole = {name: F.make_valid_utf8(F.col(name)) for name in texts}
    return lines.withColumns({**whole, s.UNPARSED_LINE: unparsed})


def _read(name: str, field: StructField, footer: str, path: str) -> Column:
    """Return the column of a field. Spark reads nanoseconds as plain numbers: only the file's `footer` shows them."""
    column, kind = F.col(quoted(field.name)), field.dataType
    if isinstance(kind, ArrayType | MapType | StructType):
        raise InputError(f"{path}: column {field.name!r} is {kind.simpleString()}: a number, text or date is needed")
    if f"int64 {field.name} (TIMESTAMP(NANOS" in footer:
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


def _parquet_schema(spark: SparkSession, file: InputFile) -> str:
    """Return the schema in the file's footer, as text."""
    jvm: Any = spark._jvm
    path = jvm.org.apache.hadoop.fs.Path(file.stored.path)
    try:
        source = jvm.org.apache.parquet.hadoop.util.HadoopInputFile.fromPath(path, spark._jsc.hadoopConfiguration())
        reader = jvm.org.apache.parquet.hadoop.ParquetFileReader.open(source)
    except Exception as error:  # py4j raises every Java exception as its own kind
        if is_stopped(spark):
            raise
        raise InputError(f"{file.path}: is not a whole Parquet file: {java_message(error)}") from None
    try:
        return str(reader.getFooter().getFileMetaData().getSchema().toString())
    finally:
        reader.close()
