"""CSV files → raw lines."""
# TODO-DOC open_quotes: CSV records that took in lines which are not their own → these lines, each for itself.

import csv
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import reduce

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StringType, StructField, StructType

from segmentation import schemas as s
from segmentation.config.settings import CsvSettings, InputSettings
from segmentation.errors import InputError
from segmentation.ingest.files import InputFile, glob_escaped, locate_columns, source_file, utf_16_without_mark

DELIMITERS = (",", ";", "\t", "|")
# Marks at the beginning of a file, the longer first: that of UTF-32 begins with one of UTF-16.
MARKS = {
    b"\xff\xfe\0\0": "UTF-32",
    b"\0\0\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}
# No field of a sale is as long; a quote that is left open at the top of a large file must not fill the memory.
LONGEST_FIELD = 10_000_000
MOST_COLUMNS = 20_480
# What Java puts in place of bytes that are no character of the encoding.
REPLACEMENT = "\ufffd"
# What windows-1252 shows where ISO-8859-1 has control characters; five bytes have no meaning in either.
C1_CONTROLS = "".join(chr(code) for code in range(0x80, 0xA0) if code not in (0x81, 0x8D, 0x8F, 0x90, 0x9D))
WINDOWS_1252 = C1_CONTROLS.encode("iso-8859-1").decode("windows-1252")


def read_csv(spark: SparkSession, files: Sequence[InputFile], settings: InputSettings) -> list[DataFrame]:
    """One frame for each way in which the files' headers are laid out."""
    layouts: defaultdict[tuple[str, str, int, tuple[int, ...]], list[str]] = defaultdict(list)
    for file in files:
        encoding = detect_encoding(file.head, settings.csv)
        names, delimiter = _csv_header(file, encoding, settings)
        located = locate_columns(names, settings.columns.by_field, file.path)
        key = (encoding, delimiter, len(names), tuple(located[field] for field in s.LINE_FIELDS))
        layouts[key].append(glob_escaped(file.stored.path))
    frames = []
    for (encoding, delimiter, width, positions), paths in layouts.items():
        columns = [f"column_{number}" for number in range(width)]
        schema = StructType([StructField(name, StringType()) for name in (*columns, s.UNPARSED_LINE)])
        options = {
            "mode": "PERMISSIVE",
            "columnNameOfCorruptRecord": s.UNPARSED_LINE,
            "columnPruning": "false",  # else a line with too few or too many fields passes unnoticed
            "sep": delimiter,
            "escape": '"',  # RFC 4180: a quote inside quotes is doubled
            "maxCharsPerColumn": str(LONGEST_FIELD),
            "maxColumns": str(MOST_COLUMNS),
        }
        is_multiline = settings.csv.multiline or encoding.startswith("UTF-16") or encoding == "UTF-32"
        records = (
            spark.read.schema(schema)
            .options(**options)
            .option("header", True)
            .option("enforceSchema", True)  # the header was checked above, by name
            .option("encoding", encoding)
            .option("multiLine", is_multiline)
            .csv(paths)
            .select(*columns, s.UNPARSED_LINE, source_file().alias(s.SOURCE_FILE))
        )
        if is_multiline:
            numbers = [positions[s.LINE_FIELDS.index(field)] for field in (s.QUANTITY, s.UNIT_PRICE)]
            records = split_merged_records(records, columns, numbers, options)
        text = _repaired if settings.csv.encoding == "auto" and encoding == "ISO-8859-1" else _as_is
        lines = records.select(
            *[
                text(F.col(columns[position])).alias(s.raw(field))
                for field, position in zip(s.LINE_FIELDS, positions, strict=True)
            ],
            s.SOURCE_FILE,
            text(F.col(s.UNPARSED_LINE)).alias(s.UNPARSED_LINE),
        )
        frames.append(lines if encoding == "ISO-8859-1" else _undecodable_unparsed(lines))
    return frames


def detect_encoding(head: bytes, settings: CsvSettings) -> str:
    """The name of the encoding to decode with; "auto" decodes byte by byte, and `_repaired` mends each field."""
    marked = next((name for mark, name in MARKS.items() if head.startswith(mark)), None) or utf_16_without_mark(head)
    if marked:
        return marked
    return {"auto": "ISO-8859-1", "utf-8": "UTF-8", "iso-8859-1": "ISO-8859-1"}[settings.encoding]


def text_lines(part: bytes, encoding: str, settings: CsvSettings) -> list[str]:
    """The lines that are not blank in a part of a file, as text."""
    part = part.removeprefix(b"\xef\xbb\xbf")
    if encoding == "ISO-8859-1":
        is_utf_8_possible = settings.encoding == "auto"
        lines = [_of_single_bytes(line, is_utf_8_possible) for line in part.splitlines()]
    else:
        lines = part.decode(encoding, "replace").splitlines()
    return [line for line in lines if line.strip()]


def split_header(lines: Sequence[str], delimiter: str) -> list[str]:
    """The names in the first of the lines, apart at the delimiter."""
    return [name.strip() for name in next(csv.reader(lines, delimiter=delimiter, skipinitialspace=True))]


def _csv_header(file: InputFile, encoding: str, settings: InputSettings) -> tuple[list[str], str]:
    """The names in the first line that is not blank, and the delimiter between them."""
    lines = text_lines(file.head, encoding, settings.csv)
    if not lines:
        raise InputError(f"{file.path}: empty, there are no lines to read")
    if settings.csv.delimiter != "auto":
        return split_header(lines, settings.csv.delimiter), settings.csv.delimiter
    wanted = set(settings.columns.by_field.values())
    names = {delimiter: split_header(lines, delimiter) for delimiter in DELIMITERS}
    best = max(DELIMITERS, key=lambda delimiter: (len(wanted & set(names[delimiter])), len(names[delimiter])))
    return names[best], best


def _of_single_bytes(line: bytes, is_utf_8_possible: bool) -> str:
    """A line of the head as `_repaired` would read it, or where UTF-8 is ruled out as windows-1252."""
    if is_utf_8_possible:
        with suppress(UnicodeDecodeError):
            return line.decode("utf-8")
    return line.decode("iso-8859-1").translate(str.maketrans(C1_CONTROLS, WINDOWS_1252))


def _undecodable_unparsed(lines: DataFrame) -> DataFrame:
    """Lines with bytes that are no text in the file's encoding count as unparsed: what they said is not known."""
    text = F.concat_ws(" ", *[s.raw(field) for field in s.LINE_FIELDS])
    unparsed = F.coalesce(F.col(s.UNPARSED_LINE), F.when(F.contains(text, F.lit(REPLACEMENT)), text))
    return lines.withColumn(s.UNPARSED_LINE, unparsed)


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


LINE_END = r"\r\n|\r|\n"
LINE, AGAIN = "line", "again"


def split_merged_records(
    records: DataFrame, columns: Sequence[str], numbers: Sequence[int], options: Mapping[str, str]
) -> DataFrame:
    """The records with `columns`, source_file and unparsed_line; one that swallowed lines is read again line by line.

    These are records that cannot be split and run over several lines (a quote left open, line ends that change within
    the file), and those with a field that holds the end of a line and the beginning of another: a quote left open that
    a later line happens to close. `numbers` are the positions of quantity and price, `options` those of the reader.
    """
    # Nearly every record is a line; the further questions are asked of the others alone.
    runs_over = reduce(Column.__or__, [_has_line_end(F.col(name)) for name in (*columns, s.UNPARSED_LINE)])
    as_one = F.concat_ws(options["sep"], *[F.coalesce(F.col(name), F.lit("")) for name in columns])
    swallowed = F.when(_is_several_lines(as_one, len(columns), numbers, options["sep"]), as_one)
    lines = F.split(F.coalesce(F.col(s.UNPARSED_LINE), swallowed), LINE_END)
    apart = records.withColumn(LINE, F.explode_outer(F.when(runs_over, lines)))
    schema = ", ".join(f"{name} STRING" for name in (*columns, s.UNPARSED_LINE))
    again = F.when(F.col(LINE).isNotNull(), F.from_csv(F.col(LINE), schema, dict(options)))
    return (
        apart.where(F.col(LINE).isNull() | (F.col(LINE) != ""))
        .withColumn(AGAIN, again)
        .select(
            *[
                F.when(F.col(LINE).isNull(), F.col(name)).otherwise(F.col(AGAIN)[name]).alias(name)
                for name in (*columns, s.UNPARSED_LINE)
            ],
            s.SOURCE_FILE,
        )
    )


def _is_several_lines(as_one: Column, width: int, numbers: Sequence[int], delimiter: str) -> Column:
    """Whether a record's fields, joined again, are lines of their own: the first and the last have fields enough, and
    a quantity or price where it should be. Of a description of several lines with commas in it these have none there.
    """
    lines = F.split(as_one, LINE_END)
    conditions = []
    for line in (F.element_at(lines, 1), F.element_at(lines, -1)):
        fields = F.split(line, re.escape(delimiter))
        has_number = [F.get(fields, F.lit(number)).try_cast("double").isNotNull() for number in numbers]
        conditions += [F.size(fields) >= width, reduce(Column.__or__, has_number)]
    return reduce(Column.__and__, conditions)


def _has_line_end(text: Column) -> Column:
    return F.coalesce(F.contains(text, F.lit("\n")) | F.contains(text, F.lit("\r")), F.lit(False))
