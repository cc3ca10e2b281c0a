"""Parquet files → raw lines: every typed value as the text a person would write."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import (
    ArrayType,
    BinaryType,
    DataType,
    DoubleType,
    FloatType,
    MapType,
    StringType,
    StructField,
    StructType,
    TimestampType,
)

from segmentation.config import InputSettings
from segmentation.errors import InputError, java_message
from segmentation.headers import locate_columns
from segmentation.input_files import InputFile, glob_escaped, is_stopped, named_as_unreadable, quoted, source_file
from segmentation.schemas import LINE_FIELDS, SOURCE_FILE, UNPARSED_LINE, raw


def read_parquet(spark: SparkSession, files: Sequence[InputFile], settings: InputSettings) -> list[DataFrame]:
    """One frame for each schema among the files: a column may be an integer in one and text in another."""
    groups: defaultdict[str, list[InputFile]] = defaultdict(list)
    for file in files:
        groups[_parquet_schema(spark, file)].append(file)
    frames = []
    for footer, group in groups.items():
        try:
            frame = _frame(spark, group)
        except Exception as error:  # py4j hands on every Java exception as its own kind
            if is_stopped(spark):
                raise
            path = named_as_unreadable(error) or group[0].path
            raise InputError(f"{path}: cannot be read as Parquet: {java_message(error)}") from None
        located = locate_columns(frame.columns, settings.columns.by_field, group[0].path)
        columns = [
            _parquet_text(frame.schema[located[field]], footer, group[0].path).alias(raw(field))
            for field in LINE_FIELDS
        ]
        texts = [
            raw(field)
            for field in LINE_FIELDS
            if isinstance(frame.schema[located[field]].dataType, StringType | BinaryType)
        ]
        lines = frame.select(*columns, source_file().alias(SOURCE_FILE))
        frames.append(_with_broken_text_unparsed(lines, texts))
    return frames


def first_unreadable(spark: SparkSession, files: Sequence[InputFile]) -> str | None:
    """The path of the first of the files that cannot be read to its end; each is read by itself.

    None as well where Spark stops meanwhile.
    """
    for file in files:
        try:
            _frame(spark, [file]).write.format("noop").mode("overwrite").save()
        except Exception:  # noqa: BLE001 - as above
            return None if is_stopped(spark) else file.path
    return None


def _frame(spark: SparkSession, files: Sequence[InputFile]) -> DataFrame:
    paths = [glob_escaped(file.stored.path) for file in files]
    # Most writers leave out the checksum of a page; where it is there, a flipped bit is told from a value.
    return spark.read.option("parquet.page.verify-checksum.enabled", True).parquet(*paths)


def _with_broken_text_unparsed(lines: DataFrame, texts: Sequence[str]) -> DataFrame:
    """Lines with text that is no UTF-8, from a damaged page or another encoding, count as unparsed."""
    text = F.concat_ws(" ", *texts)
    unparsed = F.when(~F.is_valid_utf8(text), F.make_valid_utf8(text))
    whole = {name: F.make_valid_utf8(F.col(name)) for name in texts}
    return lines.withColumns({**whole, UNPARSED_LINE: unparsed})


def _parquet_text(field: StructField, footer: str, path: str) -> Column:
    """A Parquet column as text; `footer` is the file's own schema, which tells times in nanoseconds from numbers."""
    column = F.col(quoted(field.name))
    if isinstance(field.dataType, ArrayType | MapType | StructType):
        kind = field.dataType.simpleString()
        raise InputError(f"{path}: column {field.name!r} is {kind}: a number, text or date is needed")
    if f"int64 {field.name} (TIMESTAMP(NANOS" in footer:
        return _as_text(F.timestamp_micros(_microseconds(column)), TimestampType())
    return _as_text(column, field.dataType)


def _microseconds(nanoseconds: Column) -> Column:
    """Whole microseconds, rounded down: in integers, since a double does not hold the nanoseconds of our days."""
    rounded_up_by = F.when(nanoseconds % 1_000 < 0, 1).otherwise(0)
    return F.call_function("div", nanoseconds, F.lit(1_000)) - rounded_up_by


def _parquet_schema(spark: SparkSession, file: InputFile) -> str:
    """The schema in the file's footer, as text."""
    jvm: Any = spark._jvm
    path = jvm.org.apache.hadoop.fs.Path(file.stored.path)
    try:
        source = jvm.org.apache.parquet.hadoop.util.HadoopInputFile.fromPath(path, spark._jsc.hadoopConfiguration())
        reader = jvm.org.apache.parquet.hadoop.ParquetFileReader.open(source)
    except Exception as error:  # py4j hands on every Java exception as its own kind
        if is_stopped(spark):
            raise
        raise InputError(f"{file.path}: is not a whole Parquet file: {java_message(error)}") from None
    try:
        return str(reader.getFooter().getFileMetaData().getSchema().toString())
    finally:
        reader.close()


def _as_text(column: Column, kind: DataType) -> Column:
    """A typed value as the text a person would write: 17850.0 as 17850, never 1.785E4."""
    if isinstance(kind, FloatType | DoubleType):
        # Up to 2^53 every whole number is exact; beyond, and for fractions, Java's shortest text is.
        is_whole = (column == F.rint(column)) & (F.abs(column) < F.lit(2.0**53))
        return F.when(is_whole, F.when(is_whole, column).cast("bigint").cast("string")).otherwise(column.cast("string"))
    if isinstance(kind, TimestampType):
        return column.cast("timestamp_ntz").cast("string")  # the session's time zone is UTC
    return column.cast("string")
