"""Read CSV files into raw lines; a record that swallowed other lines, by an open quote, is read line by line."""

import csv
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StringType, StructField, StructType

from segmentation import schemas as s
from segmentation.config.settings import CsvSettings, InputSettings
from segmentation.errors import InputError
from segmentation.filesystem import StoredFile
from segmentation.ingest.files import (
    InputFile,
    by_header,
    folder_value,
    glob_escaped,
    locate_with_folders,
    source_file,
    utf_16_without_mark,
)

DELIMITERS = (",", ";", "\t", "|")
# Byte order marks, the longer first: that of UTF-32 begins with one of UTF-16.
BYTE_ORDER_MARKS = {
    b"\xff\xfe\0\0": "UTF-32",
    b"\0\0\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}
# No field of a sale is as long; a quote left open at the top of a large file must not fill the memory.
LONGEST_FIELD = 10_000_000
MOST_COLUMNS = 20_480
# Files up to this size that are not compressed are read apart from larger ones, with less memory for each.
SMALL_FILE = 1_000_000
PLAIN_ENDINGS = frozenset({".csv", ".tsv", ".txt"})
# Java decodes bytes that are no character of the encoding to this.
REPLACEMENT = "\ufffd"
# What windows-1252 shows where ISO-8859-1 has control characters; five bytes have no meaning in either.
C1_CONTROLS = "".join(chr(code) for code in range(0x80, 0xA0) if code not in (0x81, 0x8D, 0x8F, 0x90, 0x9D))
WINDOWS_1252 = C1_CONTROLS.encode("iso-8859-1").decode("windows-1252")
LINE_END = r"\r\n|\r|\n"
# Columns of `_split_merged_records`: a line of a record over several, and its fields.
LINE, REREAD = "line", "reread"


@dataclass(frozen=True)
class _Layout:
    """How a file is written; files of one layout are read together.

    Each field comes with the position of its column, or with the number of the folder in the path that has its value.
    """

    encoding: str
    delimiter: str
    width: int
    positions: tuple[tuple[str, int], ...]
    folders: tuple[tuple[str, int], ...]
    is_small: bool


def read_csv(spark: SparkSession, files: Sequence[InputFile], settings: InputSettings) -> list[DataFrame]:
    """Return a frame of raw lines for each layout of the files.

    Raises: InputError for a file that lacks a column or has one twice.
    """
    layouts: defaultdict[_Layout, list[StoredFile]] = defaultdict(list)
    for header, group in by_header(files).items():
        positions, folders = locate_with_folders(header.names, settings.columns.by_field, group[0])
        encoding, delimiter = header.form
        for file in group:
            layout = _Layout(
                encoding,
                delimiter,
                len(header.names),
                (*positions.items(),),
                (*folders.items(),),
                is_small=file.stored.size <= SMALL_FILE and Path(file.path).suffix in PLAIN_ENDINGS,
            )
            layouts[layout].append(file.stored)
    return [_read_layout(spark, stored, layout, settings.csv) for layout, stored in layouts.items()]


def csv_header(head: bytes, path: str, settings: InputSettings) -> tuple[tuple[str, ...], tuple[str, str]]:
    """Return the names in the first line of a file that is not blank, and the file's encoding and delimiter.

    Raises: InputError for a file of blank lines.
    """
    encoding = detect_encoding(head, settings.csv)
    lines = text_lines(head, encoding, settings.csv)
    first = next(lines, None)
    if first is None:
        raise InputError(f"{path}: empty, there are no lines to read")
    record = [first, *lines] if '"' in first else [first]
    if settings.csv.delimiter != "auto":
        return tuple(split_header(record, settings.csv.delimiter)), (encoding, settings.csv.delimiter)
    columns = set(settings.columns.by_field.values())
    names = {delimiter: split_header(record, delimiter) for delimiter in DELIMITERS}
    best = max(DELIMITERS, key=lambda delimiter: (len(columns & set(names[delimiter])), len(names[delimiter])))
    return tuple(names[best]), (encoding, best)


def detect_encoding(head: bytes, settings: CsvSettings) -> str:
    """Return the encoding to decode a file with; "auto" decodes byte by byte, and `_repaired` mends each field."""
    for mark, name in BYTE_ORDER_MARKS.items():
        if head.startswith(mark):
            return name
    configured = {"auto": "ISO-8859-1", "utf-8": "UTF-8", "iso-8859-1": "ISO-8859-1"}[settings.encoding]
    return utf_16_without_mark(head) or configured


def text_lines(part: bytes, encoding: str, settings: CsvSettings) -> Iterator[str]:
    """Yield the lines of a part of a file as text, without the blank ones."""
    part = part.removeprefix(b"\xef\xbb\xbf")
    lines: Iterable[str]
    if encoding == "ISO-8859-1":
        may_be_utf_8 = settings.encoding == "auto"
        lines = (_decoded_line(line, may_be_utf_8) for line in part.splitlines())
    else:
        lines = part.decode(encoding, "replace").splitlines()
    return (line for line in lines if line.strip())


def split_header(lines: Sequence[str], delimiter: str) -> list[str]:
    """Return the names in the first of the lines, split at the delimiter."""
    return [name.strip() for name in next(csv.reader(lines, delimiter=delimiter, skipinitialspace=True))]


def _read_layout(spark: SparkSession, files: Sequence[StoredFile], layout: _Layout, settings: CsvSettings) -> DataFrame:
    columns = [f"column_{number}" for number in range(layout.width)]
    schema = StructType([StructField(name, StringType()) for name in (*columns, s.UNPARSED_LINE)])
    options = {
        "mode": "PERMISSIVE",
        "columnNameOfCorruptRecord": s.UNPARSED_LINE,
        "columnPruning": "false",  # else a line with too few or too many fields passes unnoticed
        "sep": layout.delimiter,
        "escape": '"',  # RFC 4180: a quote inside quotes is doubled
        # Reserved for each file before it is read. No field is longer than its file.
        "maxCharsPerColumn": str(max(file.size for file in files) if layout.is_small else LONGEST_FIELD),
        "maxColumns": str(MOST_COLUMNS),
    }
    # Line ends of two or four bytes are only seen by the parser that reads whole files.
    is_multiline = settings.multiline or layout.encoding.startswith(("UTF-16", "UTF-32"))
    records = (
        spark.read.schema(schema)
        .options(**options)
        .option("header", True)
        .option("enforceSchema", True)  # the header was checked before, by name
        .option("encoding", layout.encoding)
        .option("multiLine", is_multiline)
        .csv([glob_escaped(file.path) for file in files])
        .select(*columns, s.UNPARSED_LINE, source_file().alias(s.SOURCE_FILE))
    )
    if is_multiline:
        by_field = dict(layout.positions)
        numbers = [by_field[field] for field in (s.QUANTITY, s.UNIT_PRICE, s.AMOUNT) if field in by_field]
        records = _split_merged_records(records, columns, numbers, options)
    is_single_byte = layout.encoding == "ISO-8859-1"
    texts = {s.raw(field): F.col(columns[position]) for field, position in layout.positions}
    texts[s.UNPARSED_LINE] = F.col(s.UNPARSED_LINE)
    if is_single_byte and settings.encoding == "auto":
        texts = {name: _repaired(text) for name, text in texts.items()}
    texts |= {s.raw(field): folder_value(F.col(s.SOURCE_FILE), number) for field, number in layout.folders}
    unparsed = texts.pop(s.UNPARSED_LINE).alias(s.UNPARSED_LINE)
    lines = records.select(*[text.alias(name) for name, text in texts.items()], s.SOURCE_FILE, unparsed)
    return lines if is_single_byte else _undecodable_unparsed(lines)


def _split_merged_records(
    records: DataFrame, columns: Sequence[str], numbers: Sequence[int], options: Mapping[str, str]
) -> DataFrame:
    """Read records that swallowed other lines again, line by line; `records` has `columns` and `unparsed_line`.

    These are records over several lines that cannot be split: a quote left open, or line ends that change within the
    file. And those with a field that holds the end of a line and the beginning of another: a quote left open that a
    later line closes. `numbers` are the positions of quantity and money, `options` those of the reader.
    """
    # Nearly every record is a line; only the others are examined further.
    runs_over = reduce(Column.__or__, [_has_line_end(F.col(name)) for name in (*columns, s.UNPARSED_LINE)])
    text = F.concat_ws(options["sep"], *[F.coalesce(F.col(name), F.lit("")) for name in columns])
    swallowed = F.when(_is_several_lines(text, len(columns), numbers, options["sep"]), text)
    lines = F.split(F.coalesce(F.col(s.UNPARSED_LINE), swallowed), LINE_END)
    exploded = records.withColumn(LINE, F.explode_outer(F.when(runs_over, lines)))
    schema = ", ".join(f"{name} STRING" for name in (*columns, s.UNPARSED_LINE))
    reread = F.when(F.col(LINE).isNotNull(), F.from_csv(F.col(LINE), schema, dict(options)))
    return (
        exploded.where(F.col(LINE).isNull() | (F.col(LINE) != ""))
        .withColumn(REREAD, reread)
        .select(
            *[
                F.when(F.col(LINE).isNull(), F.col(name)).otherwise(F.col(REREAD)[name]).alias(name)
                for name in (*columns, s.UNPARSED_LINE)
            ],
            s.SOURCE_FILE,
        )
    )


def _decoded_line(line: bytes, may_be_utf_8: bool) -> str:
    """Decode a line of the head as `_repaired` would, or where it cannot be UTF-8 as windows-1252."""
    if may_be_utf_8:
        with suppress(UnicodeDecodeError):
            return line.decode("utf-8")
    return line.decode("iso-8859-1").translate(str.maketrans(C1_CONTROLS, WINDOWS_1252))


def _repaired(column: Column) -> Column:
    """Decode text that was read byte by byte as ISO-8859-1 again, field by field.

    UTF-8 where its bytes are valid UTF-8 (text in another encoding almost never is), else windows-1252, which is
    ISO-8859-1 with printable characters in place of control characters.
    """
    as_utf_8 = F.encode(column, "ISO-8859-1").cast("string")
    is_ascii = F.octet_length(column) == F.char_length(column)
    return (
        F.when(is_ascii, column)
        .when(F.is_valid_utf8(as_utf_8), as_utf_8)
        .otherwise(F.translate(column, C1_CONTROLS, WINDOWS_1252))
    )


def _undecodable_unparsed(lines: DataFrame) -> DataFrame:
    """Mark lines with bytes that are no text in the file's encoding as unparsed."""
    text = F.concat_ws(" ", *[name for name in lines.columns if name not in (s.SOURCE_FILE, s.UNPARSED_LINE)])
    unparsed = F.coalesce(F.col(s.UNPARSED_LINE), F.when(F.contains(text, F.lit(REPLACEMENT)), text))
    return lines.withColumn(s.UNPARSED_LINE, unparsed)


def _is_several_lines(text: Column, width: int, numbers: Sequence[int], delimiter: str) -> Column:
    """Return whether a record's text is several lines of data, and not one with a description over several lines.

    The first and the last line must have enough fields, and a quantity or money in its position.
    """
    lines = F.split(text, LINE_END)
    conditions = []
    for line in (F.element_at(lines, 1), F.element_at(lines, -1)):
        fields = F.split(line, re.escape(delimiter))
        has_number = [F.get(fields, F.lit(number)).try_cast("double").isNotNull() for number in numbers]
        conditions += [F.size(fields) >= width, reduce(Column.__or__, has_number)]
    return reduce(Column.__and__, conditions)


def _has_line_end(text: Column) -> Column:
    return F.coalesce(F.contains(text, F.lit("\n")) | F.contains(text, F.lit("\r")), F.lit(False))
