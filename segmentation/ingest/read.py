"""Any input format → one raw shape: every field as the text that was read, with the file it came from."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import reduce
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.config.settings import InputSettings
from segmentation.errors import InputError, SegmentationError
from segmentation.filesystem import filesystem_for
from segmentation.ingest.csv_files import LONGEST_FIELD, MOST_COLUMNS, read_csv
from segmentation.ingest.files import InputFile, is_stopped, unreadable_path
from segmentation.ingest.json_files import read_json
from segmentation.ingest.parquet_files import first_unreadable, read_parquet
from segmentation.ingest.values import as_text
from segmentation.ingest.xlsx import read_workbook

# What the library with which Spark splits CSV lines throws at a field or line beyond its limits.
TOO_LONG = {"com.univocity.parsers.common.TextParsingException", "java.lang.ArrayIndexOutOfBoundsException"}
# What a reader's own expression says of a file.
REFUSED = re.compile(r"\[USER_RAISED_EXCEPTION\] (?P<message>[^\n]*?)( SQLSTATE|\n|$)")


def read_lines(spark: SparkSession, files: Sequence[InputFile], settings: InputSettings) -> DataFrame:
    """`RAW_LINES`: one row per line of the given files, in no particular order; no action but a look at headers.

    Fields keep their types only where every file has the same ones.

    Raises InputError where a file lacks a mapped column, has one twice, or cannot be opened.
    """
    readers = {"csv": read_csv, "json": read_json, "parquet": read_parquet, "xlsx": _read_workbooks}
    frames: list[DataFrame] = []
    for kind, reader in readers.items():
        of_kind = [file for file in files if file.kind == kind]
        if of_kind:
            frames += reader(spark, of_kind, settings)
    if any(frame.dtypes != frames[0].dtypes for frame in frames):
        frames = [_as_texts(frame) for frame in frames]
    return reduce(DataFrame.unionByName, frames)


def _as_texts(lines: DataFrame) -> DataFrame:
    return lines.select(*[as_text(F.col(field.name), field.dataType).alias(field.name) for field in lines.schema])


@contextmanager
def read_errors_named(spark: SparkSession, files: Sequence[InputFile]) -> Iterator[None]:
    """Around the first action on lines: a file that breaks off or cannot be unpacked is an InputError that names it.

    Spark names the file in most of these errors; a damaged Parquet page may be met only where its values are used, and
    then each of the Parquet files is tried by itself. Where Spark was stopped no file is at fault.
    """
    try:
        yield
    except SegmentationError:
        raise
    except Exception as error:
        refused = REFUSED.search(str(getattr(error, "java_exception", None) or error))
        if refused:
            raise InputError(refused["message"]) from error
        if is_stopped(spark):
            raise
        parquet = [file for file in files if file.kind == "parquet"]
        path = unreadable_path(error) or first_unreadable(spark, parquet)
        if path is None:
            raise
        if _java_causes(error) >= TOO_LONG:
            raise InputError(
                f"{path}: has a field of more than {LONGEST_FIELD:,} characters or a line of more than "
                f"{MOST_COLUMNS:,} fields: close the quote that is left open, or let all lines end alike"
            ) from error
        raise InputError(f"{path}: cannot be read to its end, it is damaged or cut off: send it again") from error


def _java_causes(error: Exception) -> set[str]:
    """The names of the Java exceptions that led to this one."""
    cause: Any = getattr(error, "_origin", None) or getattr(error, "java_exception", None)
    names = set()
    while cause is not None:
        names.add(str(cause.getClass().getName()))
        cause = cause.getCause()
    return names


def _read_workbooks(spark: SparkSession, files: Sequence[InputFile], settings: InputSettings) -> list[DataFrame]:
    """One frame a workbook, read on the driver and handed over as Arrow."""
    frames = []
    sheets = None if settings.sheets == "all" else settings.sheets
    for file in files:
        with filesystem_for(spark, file.stored.path).local_copy(file.stored.path) as local:
            table = read_workbook(local, file.path, settings.columns.by_field, sheets)
        frames.append(spark.createDataFrame(table, s.RAW_LINES))
    return frames
