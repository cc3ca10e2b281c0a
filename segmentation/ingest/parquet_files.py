"""Read Parquet files into raw lines: typed as in `schemas.READ_TYPED`, else as the text a person would write."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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
from segmentation.ingest.dates import in_time_zone
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
from segmentation.ingest.parquet_footers import (
    INFERRED,
    NANOSECONDS,
    NANOSECONDS_UTC,
    NOTHING,
    UNSUPPORTED,
    UUID,
)
from segmentation.ingest.values import raw_text

# Types of a file's footer that Spark reads as others.
READ_AS = {NANOSECONDS: "bigint", NANOSECONDS_UTC: "bigint", UUID: "binary"}
UUID_GROUPS = ("^(.{8})(.{4})(.{4})(.{4})(.{12})$", "$1-$2-$3-$4-$5")


@dataclass(frozen=True)
class _Layout:
    """What is read of a file; files of one layout are read together.

    Each field comes with its column and the column's type as in `parquet_footers`, or with the number of the folder
    that has its value. `inferred` is the schema where Spark has to find the types.
    """

    columns: tuple[tuple[str, str, str], ...]
    folders: tuple[tuple[str, int], ...] = ()
    inferred: str = ""

    @property
    def schema(self) -> str:
        """The columns that are read, as DDL, in the types in which Spark reads them."""
        read = {column: READ_AS.get(kind, kind) for _, column, kind in self.columns if kind != NOTHING}
        return ", ".join(f"{quoted(column)} {kind}" for column, kind in read.items())


def read_parquet(
    spark: SparkSession, files: Sequence[InputFile], settings: InputSettings, is_utf8: bool = False
) -> list[DataFrame]:
    """Return a frame of raw lines for each layout: a column may be an integer in one file and text in another.

    Only the columns of the configuration are read: others may have types that Spark does not know. With `is_utf8` all
    texts are known to be UTF-8, and not looked at.

    Raises: InputError for a file that is not whole, lacks a column, has it twice, or has a column that is no number,
        text or date.
    """
    fields = settings.columns.by_field
    layouts = _by_layout(files, fields)
    frames = []
    for layout, group in layouts.items():
        try:
            frame = _frame(spark, group, layout)
        except Exception as error:  # py4j raises every Java exception as its own kind
            if is_stopped(spark):
                raise
            path = path_in_read_error(error) or group[0].path
            raise InputError(f"{path}: cannot be read as Parquet: {java_message(error)}") from None
        kinds = {field: (column, kind) for field, column, kind in layout.columns}
        folders = dict(layout.folders)
        columns, texts = [], []
        for field in fields:
            if field in folders:
                column = folder_value(source_file(), folders[field])
            else:
                name, kind = kinds[field]
                if kind == NOTHING:
                    column = F.lit(None).cast("string")
                else:
                    column = _read(field, frame.schema[name], kind, group[0].path, settings)
                    if kind != UUID and isinstance(frame.schema[name].dataType, StringType | BinaryType):
                        texts.append(s.raw(field))
            columns.append(column.alias(s.raw(field)))
        lines = frame.select(*columns, source_file().alias(s.SOURCE_FILE))
        frames.append(_with_broken_text_unparsed(lines, () if is_utf8 else texts))
    return frames


def _by_layout(files: Sequence[InputFile], fields: Mapping[str, str]) -> dict[_Layout, list[InputFile]]:
    layouts: defaultdict[_Layout, list[InputFile]] = defaultdict(list)
    for header, group in by_header(files).items():
        located, folders = locate_with_folders(header.names, fields, group[0])
        is_inferred = header.form[:1] == (INFERRED,)
        columns = []
        for field, position in located.items():
            name = header.names[position]
            kind = _inferred_kind(name, header.form[1]) if is_inferred else header.form[position]
            if kind.startswith(UNSUPPORTED):
                raise _type_error(group[0].path, fields[field], kind.removeprefix(UNSUPPORTED))
            columns.append((field, name, kind))
        layouts[_Layout((*columns,), (*folders.items(),), header.form[1] if is_inferred else "")] += group
    return layouts


def _inferred_kind(name: str, schema: str) -> str:
    """Return the type of a column in a schema as Java writes it where Spark reads it as another, else no type."""
    nano = re.search(rf"int64 {re.escape(name)} \(TIMESTAMP\(NANOS,(true|false)\)\)", schema)
    return "" if nano is None else NANOSECONDS_UTC if nano[1] == "true" else NANOSECONDS


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


def _frame(spark: SparkSession, files: Sequence[InputFile], layout: _Layout) -> DataFrame:
    paths = [glob_escaped(file.stored.path) for file in files]
    # Most writers leave out the checksums of pages; where they exist, a flipped bit does not pass for a value.
    reader = spark.read.option("parquet.page.verify-checksum.enabled", True)
    if not layout.inferred:
        reader = reader.schema(layout.schema or StructType())
    return reader.parquet(*paths)


def _with_broken_text_unparsed(lines: DataFrame, texts: Sequence[str]) -> DataFrame:
    """Mark lines with text that is no UTF-8, from a damaged page or another encoding, as unparsed."""
    is_broken = F.lit(False)
    for name in texts:
        is_broken = is_broken | F.coalesce(~F.is_valid_utf8(F.col(name)), F.lit(False))
    unparsed = F.when(is_broken, F.make_valid_utf8(F.concat_ws(" ", *texts)))
    whole = {name: F.when(F.is_valid_utf8(name), F.col(name)).otherwise(F.make_valid_utf8(name)) for name in texts}
    return lines.withColumns({**whole, s.UNPARSED_LINE: unparsed})


def _read(name: str, field: StructField, written: str, path: str, settings: InputSettings) -> Column:
    """Return the column of a field. `written` is its type in the file's footer where Spark reads it as another.

    Instants are moved to the time zone of the settings, if there is one.
    """
    column, kind = F.col(quoted(field.name)), field.dataType
    if isinstance(kind, ArrayType | MapType | StructType):
        raise _type_error(path, field.name, kind.simpleString())
    if written == UUID:
        return F.lower(F.regexp_replace(F.hex(column), *UUID_GROUPS))
    is_instant = isinstance(kind, TimestampType) or written == NANOSECONDS_UTC
    if written in (NANOSECONDS, NANOSECONDS_UTC):
        column, kind = F.timestamp_micros(_microseconds(column)), TimestampType()
    if isinstance(kind, TimestampType):
        column, kind = column.cast("timestamp_ntz"), TimestampNTZType()  # the session's time zone is UTC
        column = in_time_zone(column, settings.time_zone) if settings.time_zone and is_instant else column
    if isinstance(kind, IntegralType):
        column, kind = column.cast("bigint"), LongType()
    return column if kind in s.READ_TYPED.get(name, ()) else raw_text(name, column, kind, settings.decimal)


def _type_error(path: str, column: str, kind: str) -> InputError:
    return InputError(f"{path}: column {column!r} is {kind}: a number, text or date is needed")


def _microseconds(nanoseconds: Column) -> Column:
    """Return whole microseconds, rounded down, in integers: a double cannot hold the nanoseconds since 1970."""
    rounded_up_by = F.when(nanoseconds % 1_000 < 0, 1).otherwise(0)
    return F.call_function("div", nanoseconds, F.lit(1_000)) - rounded_up_by


def _fails(spark: SparkSession, files: Sequence[InputFile]) -> bool:
    header = files[0].header
    kinds = zip(header.names, header.form, strict=False)
    columns = [(name, name, kind) for name, kind in kinds if kind and not kind.startswith(UNSUPPORTED)]
    inferred = header.form[1] if header.form[:1] == (INFERRED,) else ""
    try:
        _frame(spark, files, _Layout((*columns,), inferred=inferred)).write.format("noop").mode("overwrite").save()
    except Exception:  # noqa: BLE001 - py4j raises every Java exception as its own kind
        return True
    return False
