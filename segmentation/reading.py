"""Any input format → one raw shape: every field as the text that was read, with the file it came from."""

import csv
import json
import logging
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import unquote

from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import (
    ArrayType,
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
from segmentation.schemas import LINE_FIELDS, RAW_LINES, SOURCE_FILE, UNPARSED_LINE, raw
from segmentation.storage import Storage, StoredFile
from segmentation.xlsx import read_workbook

logger = logging.getLogger(__name__)

# Enough for any header line, and for a first look at the keys of JSON lines.
HEAD_BYTES = 65_536
DELIMITERS = (",", ";", "\t", "|")
ENDINGS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".parquet": "parquet",
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
    ".xls": "xlsx",
}
UNREADABLE = re.compile(r"\[FAILED_READ_FILE[^\]]*\][^\n]*? file (?P<path>\S+?)\.(\s|$)")
# What windows-1252 shows where ISO-8859-1 has control characters; five bytes have no meaning in either.
C1_CONTROLS = "".join(chr(code) for code in range(0x80, 0xA0) if code not in (0x81, 0x8D, 0x8F, 0x90, 0x9D))
WINDOWS_1252 = C1_CONTROLS.encode("iso-8859-1").decode("windows-1252")


@dataclass(frozen=True)
class InputFile:
    """One file of the input: its path as a person writes it, its kind, what a reader must know of it."""

    path: str
    stored: StoredFile
    kind: str
    head: bytes


def find_input(spark: SparkSession, paths: Sequence[str], settings: InputSettings) -> list[InputFile]:
    """Every file at the given paths, directories and globs, each once, sorted by path, with its kind recognised.

    Raises InputError for a path where nothing is, a file of no known format, and input that is empty altogether.
    """
    stored: dict[str, StoredFile] = {}
    for path in paths:
        found = _find(spark, path)
        if not found:
            raise InputError(f"{path}: nothing is there to read: check the path, or the rights to it")
        stored |= {file.path: file for file in found}
    files = [_recognise(spark, file, settings) for _, file in sorted(stored.items())]
    filled = [file for file in files if file.head]
    if not filled:
        raise InputError(f"{', '.join(file.path for file in files[:3])}: empty, there are no lines to read")
    for file in files:
        if not file.head:
            logger.warning("%s is empty and was skipped", file.path)
    return filled


def read_lines(spark: SparkSession, files: Sequence[InputFile], settings: InputSettings) -> DataFrame:
    """`RAW_LINES`: one row per line of the given files, in no particular order; no action but a look at headers.

    Raises InputError where a file lacks a mapped column, has one twice, or cannot be opened.
    """
    readers = {"csv": _read_csv, "json": _read_json, "parquet": _read_parquet, "xlsx": _read_workbooks}
    frames: list[DataFrame] = []
    for kind, reader in readers.items():
        of_kind = [file for file in files if file.kind == kind]
        if of_kind:
            frames += reader(spark, of_kind, settings)
    return reduce(DataFrame.unionByName, frames)


@contextmanager
def damage_reported() -> Iterator[None]:
    """Around the first action on lines: a file that breaks off or cannot be unpacked is an InputError that names it."""
    try:
        yield
    except Exception as error:
        found = UNREADABLE.search(str(getattr(error, "java_exception", None) or error))
        if not found:
            raise
        path = unquote(found["path"]).removeprefix("file:")
        path = "/" + path.lstrip("/") if path.startswith("//") else path
        raise InputError(f"{path}: cannot be read to its end, it is damaged or cut off: send it again") from error


def _find(spark: SparkSession, path: str) -> list[StoredFile]:
    try:
        return Storage(spark, path).find(path)
    except Exception as error:  # noqa: BLE001 - an unknown scheme, a host that does not answer, a lack of rights
        raise InputError(f"{path}: cannot be listed: {java_message(error)}") from None


def _recognise(spark: SparkSession, stored: StoredFile, settings: InputSettings) -> InputFile:
    path = stored.path.removeprefix("file:")
    try:
        head = Storage(spark, stored.path).head(stored.path, HEAD_BYTES) if stored.size else b""
    except OSError as error:
        raise InputError(f"{path}: cannot be opened or unpacked: {error}") from None
    kind = "csv" if not head else settings.format if settings.format != "auto" else _kind(head, path)
    return InputFile(path, stored, kind, head)


def _kind(head: bytes, path: str) -> str:
    """The format by the first bytes, and where these are only text by the name's ending."""
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        return "xlsx"
    if head.startswith(b"\x1f\x8b"):
        raise InputError(f"{path}: is compressed with gzip, but its name does not say so: rename it to end in .gz")
    by_name = next((ENDINGS[suffix] for suffix in reversed(Path(path).suffixes) if suffix in ENDINGS), None)
    utf_16 = head.startswith((b"\xff\xfe", b"\xfe\xff"))
    if by_name in ("parquet", "xlsx") or (b"\x00" in head and not utf_16):
        known = "CSV, Parquet, JSON lines, XLSX, and text compressed with gzip"
        claim = f", though its name says {by_name}" if by_name else ""
        raise InputError(f"{path}: unknown format{claim}: known are {known}")
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"[{")) and by_name != "csv":
        return "json"
    return by_name or "csv"


def _read_csv(spark: SparkSession, files: Sequence[InputFile], settings: InputSettings) -> list[DataFrame]:
    """One frame for each way in which the files' headers are laid out."""
    layouts: defaultdict[tuple[str, str, int, tuple[int, ...]], list[str]] = defaultdict(list)
    for file in files:
        encoding = _encoding(file.head, settings)
        names, delimiter = _csv_header(file, encoding, settings)
        located = locate_columns(names, settings.columns.by_field, file.path)
        key = (encoding, delimiter, len(names), tuple(located[field] for field in LINE_FIELDS))
        layouts[key].append(_glob_escaped(file.stored.path))
    frames = []
    for (encoding, delimiter, width, positions), paths in layouts.items():
        columns = [StructField(f"column_{number}", StringType()) for number in range(width)]
        lines = (
            spark.read.schema(StructType([*columns, StructField(UNPARSED_LINE, StringType())]))
            .option("mode", "PERMISSIVE")
            .option("columnNameOfCorruptRecord", UNPARSED_LINE)
            .option("columnPruning", False)  # else a line with too few or too many fields passes unnoticed
            .option("header", True)
            .option("enforceSchema", True)  # the header was checked above, by name
            .option("sep", delimiter)
            .option("encoding", encoding)
            .option("escape", '"')  # RFC 4180: a quote inside quotes is doubled
            .option("multiLine", settings.csv.multiline or encoding == "UTF-16")
            .csv(paths)
        )
        text = _repaired if settings.csv.encoding == "auto" and encoding == "ISO-8859-1" else _as_is
        frames.append(
            lines.select(
                *[
                    text(F.col(f"column_{position}")).alias(raw(field))
                    for field, position in zip(LINE_FIELDS, positions, strict=True)
                ],
                _source_file().alias(SOURCE_FILE),
                text(F.col(UNPARSED_LINE)).alias(UNPARSED_LINE),
            )
        )
    return frames


def _encoding(head: bytes, settings: InputSettings) -> str:
    """The name of the encoding to decode with; "auto" decodes byte by byte, and `_repaired` mends each field."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "UTF-16"
    return {"auto": "ISO-8859-1", "utf-8": "UTF-8", "iso-8859-1": "ISO-8859-1"}[settings.csv.encoding]


def _csv_header(file: InputFile, encoding: str, settings: InputSettings) -> tuple[list[str], str]:
    """The names in the first line that is not blank, and the delimiter between them."""
    try:
        text = file.head.removeprefix(b"\xef\xbb\xbf").decode("utf-8" if encoding != "UTF-16" else "utf-16", "replace")
    except UnicodeDecodeError as error:
        raise InputError(f"{file.path}: is not {encoding} text: {error.reason}") from None
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise InputError(f"{file.path}: empty, there are no lines to read")

    def names(delimiter: str) -> list[str]:
        return [name.strip() for name in next(csv.reader(lines, delimiter=delimiter, skipinitialspace=True))]

    if settings.csv.delimiter != "auto":
        return names(settings.csv.delimiter), settings.csv.delimiter
    wanted = set(settings.columns.by_field.values())
    best = max(DELIMITERS, key=lambda delimiter: (len(wanted & set(names(delimiter))), len(names(delimiter))))
    return names(best), best


def _read_json(spark: SparkSession, files: Sequence[InputFile], settings: InputSettings) -> list[DataFrame]:
    """One frame for the files with an object a line, one for those with a single array of objects.

    A column is looked for in all files together: writers leave out a key whose value is null, and a file of guests
    alone has no customer id.
    """
    styles: defaultdict[bool, list[str]] = defaultdict(list)
    keys: list[str] = []
    for file in files:
        is_array = file.head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[")
        keys += [key for key in _json_keys(file, is_array) if key not in keys]
        styles[is_array].append(_glob_escaped(file.stored.path))
    located = locate_columns(keys, settings.columns.by_field, files[0].path)
    schema = StructType(
        [
            *[StructField(keys[position], StringType()) for position in located.values()],
            StructField(UNPARSED_LINE, StringType()),
        ]
    )
    return [
        spark.read.schema(schema)
        .option("mode", "PERMISSIVE")
        .option("columnNameOfCorruptRecord", UNPARSED_LINE)
        .option("multiLine", is_array)
        .json(paths)
        .select(
            *[F.col(_quoted(keys[located[field]])).alias(raw(field)) for field in LINE_FIELDS],
            _source_file().alias(SOURCE_FILE),
            UNPARSED_LINE,
        )
        for is_array, paths in styles.items()
    ]


def _json_keys(file: InputFile, is_array: bool) -> list[str]:
    """Every key of the objects that the file's head holds whole; InputError where one has a key twice."""
    text = file.head.decode("utf-8-sig", "replace").lstrip()
    keys: dict[str, None] = {}
    decoder = json.JSONDecoder(object_pairs_hook=lambda pairs: [key for key, _ in pairs])
    position = text.find("{")
    while position >= 0:
        try:
            of_object, end = decoder.raw_decode(text, position)
        except json.JSONDecodeError:
            break  # cut off by the end of the head, or a broken line, which Spark will report as such
        doubled = next((key for key in of_object if of_object.count(key) > 1), None)
        if doubled is not None:
            times = of_object.count(doubled)
            raise InputError(f"{file.path}: column {doubled!r} is there {times} times in one object: leave one of them")
        keys |= dict.fromkeys(of_object)
        position = text.find("{", end)
    if not keys:
        shape = "an array of objects" if is_array else "one object a line"
        raise InputError(f"{file.path}: is not JSON with {shape}")
    return list(keys)


def _read_parquet(spark: SparkSession, files: Sequence[InputFile], settings: InputSettings) -> list[DataFrame]:
    """One frame for each schema among the files: a column may be an integer in one and text in another."""
    groups: defaultdict[str, list[InputFile]] = defaultdict(list)
    for file in files:
        groups[_parquet_schema(spark, file)].append(file)
    frames = []
    for footer, group in groups.items():
        try:
            frame = spark.read.parquet(*[_glob_escaped(file.stored.path) for file in group])
        except PySparkException as error:
            raise InputError(f"{group[0].path}: cannot be read as Parquet: {java_message(error)}") from None
        located = locate_columns(frame.columns, settings.columns.by_field, group[0].path)
        columns = [
            _parquet_text(frame.schema[located[field]], footer, group[0].path).alias(raw(field))
            for field in LINE_FIELDS
        ]
        frames.append(
            frame.select(*columns, _source_file().alias(SOURCE_FILE), F.lit(None).cast("string").alias(UNPARSED_LINE))
        )
    return frames


def _parquet_text(field: StructField, footer: str, path: str) -> Column:
    """A Parquet column as text; `footer` is the file's own schema, which tells times in nanoseconds from numbers."""
    column = F.col(_quoted(field.name))
    if isinstance(field.dataType, ArrayType | MapType | StructType):
        kind = field.dataType.simpleString()
        raise InputError(f"{path}: column {field.name!r} is {kind}: a number, text or date is needed")
    if f"int64 {field.name} (TIMESTAMP(NANOS" in footer:
        return _as_text(F.timestamp_micros(F.floor(column / F.lit(1_000))), TimestampType())
    return _as_text(column, field.dataType)


def _parquet_schema(spark: SparkSession, file: InputFile) -> str:
    """The schema in the file's footer, as text."""
    jvm: Any = spark._jvm
    path = jvm.org.apache.hadoop.fs.Path(file.stored.path)
    try:
        source = jvm.org.apache.parquet.hadoop.util.HadoopInputFile.fromPath(path, spark._jsc.hadoopConfiguration())
        reader = jvm.org.apache.parquet.hadoop.ParquetFileReader.open(source)
    except Exception as error:  # noqa: BLE001 - py4j hands on every Java exception as its own kind
        raise InputError(f"{file.path}: is not a whole Parquet file: {java_message(error)}") from None
    try:
        return str(reader.getFooter().getFileMetaData().getSchema().toString())
    finally:
        reader.close()


def _read_workbooks(spark: SparkSession, files: Sequence[InputFile], settings: InputSettings) -> list[DataFrame]:
    """One frame a workbook, read on the driver and handed over as Arrow."""
    frames = []
    with TemporaryDirectory(prefix="workbooks-") as folder:
        for file in files:
            storage = Storage(spark, file.stored.path)
            local = storage.local(file.stored.path) if storage.is_local else Path(folder) / "workbook.xlsx"
            if not storage.is_local:
                storage.fetch(file.stored.path, local)
            sheets = None if settings.sheets == "all" else settings.sheets
            frames.append(
                spark.createDataFrame(read_workbook(local, file.path, settings.columns.by_field, sheets), RAW_LINES)
            )
    return frames


def _as_text(column: Column, kind: Any) -> Column:
    """A typed value as the text a person would write: 17850.0 as 17850, never 1.785E4."""
    if isinstance(kind, FloatType | DoubleType):
        # Up to 2^53 every whole number is exact; beyond, and for fractions, Java's shortest text is.
        is_whole = (column == F.rint(column)) & (F.abs(column) < F.lit(2.0**53))
        return F.when(is_whole, F.when(is_whole, column).cast("bigint").cast("string")).otherwise(column.cast("string"))
    if isinstance(kind, TimestampType):
        return column.cast("timestamp_ntz").cast("string")  # the session's time zone is UTC
    return column.cast("string")


def _as_is(column: Column) -> Column:
    return column


def _repaired(column: Column) -> Column:
    """Text decoded byte by byte as ISO-8859-1 → what it was meant to be, field by field.

    UTF-8 where its bytes are valid UTF-8 (text in another encoding almost never is), else windows-1252, which is
    ISO-8859-1 with printable characters in place of control characters.
    """
    as_utf8 = F.encode(column, "ISO-8859-1").cast("string")
    is_ascii = F.octet_length(column) == F.char_length(column)
    return (
        F.when(is_ascii, column)
        .when(F.is_valid_utf8(as_utf8), as_utf8)
        .otherwise(F.translate(column, C1_CONTROLS, WINDOWS_1252))
    )


def _source_file() -> Column:
    """The path of the file a row was read from, as a person writes it."""
    encoded = F.regexp_replace(F.col("_metadata.file_path"), "^file:/+", "/")
    return F.try_url_decode(F.replace(encoded, F.lit("+"), F.lit("%2B")))


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _glob_escaped(path: str) -> str:
    """The path with the characters that Spark's file sources would expand taken literally."""
    return "".join(f"\\{character}" if character in "{}[]*?\\" else character for character in path)
