"""CSV and JSON files → raw lines."""

import csv
import json
from collections import defaultdict
from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StringType, StructField, StructType

from segmentation.config import InputSettings
from segmentation.errors import InputError
from segmentation.headers import locate_columns
from segmentation.input_files import InputFile, glob_escaped, quoted, source_file, unmarked_utf_16
from segmentation.open_quotes import lines_apart
from segmentation.schemas import LINE_FIELDS, QUANTITY, SOURCE_FILE, UNIT_PRICE, UNPARSED_LINE, raw

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
# The column in which Spark gives the text of a line or file.
TEXT = "value"
# What windows-1252 shows where ISO-8859-1 has control characters; five bytes have no meaning in either.
C1_CONTROLS = "".join(chr(code) for code in range(0x80, 0xA0) if code not in (0x81, 0x8D, 0x8F, 0x90, 0x9D))
WINDOWS_1252 = C1_CONTROLS.encode("iso-8859-1").decode("windows-1252")


def read_csv(spark: SparkSession, files: Sequence[InputFile], settings: InputSettings) -> list[DataFrame]:
    """One frame for each way in which the files' headers are laid out."""
    layouts: defaultdict[tuple[str, str, int, tuple[int, ...]], list[str]] = defaultdict(list)
    for file in files:
        encoding = _encoding(file.head, settings)
        names, delimiter = _csv_header(file, encoding, settings)
        located = locate_columns(names, settings.columns.by_field, file.path)
        key = (encoding, delimiter, len(names), tuple(located[field] for field in LINE_FIELDS))
        layouts[key].append(glob_escaped(file.stored.path))
    frames = []
    for (encoding, delimiter, width, positions), paths in layouts.items():
        columns = [f"column_{number}" for number in range(width)]
        schema = StructType([StructField(name, StringType()) for name in (*columns, UNPARSED_LINE)])
        options = {
            "mode": "PERMISSIVE",
            "columnNameOfCorruptRecord": UNPARSED_LINE,
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
            .select(*columns, UNPARSED_LINE, source_file().alias(SOURCE_FILE))
        )
        if is_multiline:
            numbers = [positions[LINE_FIELDS.index(field)] for field in (QUANTITY, UNIT_PRICE)]
            records = lines_apart(records, columns, numbers, options)
        text = _repaired if settings.csv.encoding == "auto" and encoding == "ISO-8859-1" else _as_is
        lines = records.select(
            *[
                text(F.col(columns[position])).alias(raw(field))
                for field, position in zip(LINE_FIELDS, positions, strict=True)
            ],
            SOURCE_FILE,
            text(F.col(UNPARSED_LINE)).alias(UNPARSED_LINE),
        )
        frames.append(lines if encoding == "ISO-8859-1" else _undecodable_unparsed(lines))
    return frames


def read_json(spark: SparkSession, files: Sequence[InputFile], settings: InputSettings) -> list[DataFrame]:
    """One frame for the files with an object a line, one for those with a single array of objects.

    A column is looked for in all files together: writers leave out a key whose value is null, and a file of guests
    alone has no customer id.
    """
    styles: defaultdict[bool, list[str]] = defaultdict(list)
    keys: list[str] = []
    for file in files:
        is_array = file.head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[")
        keys += [key for key in _json_keys(file, is_array) if key not in keys]
        styles[is_array].append(glob_escaped(file.stored.path))
    located = locate_columns(keys, settings.columns.by_field, files[0].path)
    schema = StructType(
        [
            *[StructField(keys[position], StringType()) for position in located.values()],
            StructField(UNPARSED_LINE, StringType()),
        ]
    )
    frames = []
    for is_array, paths in styles.items():
        objects = (
            spark.read.schema(schema)
            .option("mode", "PERMISSIVE")
            .option("columnNameOfCorruptRecord", UNPARSED_LINE)
            .option("multiLine", is_array)
            .json(paths)
            .select(
                *[F.col(quoted(keys[located[field]])).alias(raw(field)) for field in LINE_FIELDS],
                source_file().alias(SOURCE_FILE),
                UNPARSED_LINE,
            )
        )
        texts = spark.read.text(paths, wholetext=is_array).select(TEXT, source_file().alias(SOURCE_FILE))
        frames += _of_arrays(objects, texts) if is_array else [objects, _further_objects(texts)]
    return frames


def _further_objects(texts: DataFrame) -> DataFrame:
    """Every object but the first of a line, which Spark passes over, as an unparsed line."""
    # In a JSON text a quote inside quotes has a backslash before it, so this is no part of a value.
    objects = F.split(F.col(TEXT), r'\}\s*(?=\{\s*")')
    further = F.explode(F.slice(objects, 2, F.size(objects)))
    return texts.where(F.size(objects) > 1).select(*_no_fields(), SOURCE_FILE, further.alias(UNPARSED_LINE))


def _of_arrays(objects: DataFrame, texts: DataFrame) -> list[DataFrame]:
    """The objects of one array a file; how many lines are lost in a broken one is not known, so it ends the run."""
    message = F.concat(F.col(SOURCE_FILE), F.lit(": is not one JSON array of objects from beginning to end"))
    refusal = F.raise_error(message).cast("string")
    text = F.rtrim(F.col(TEXT), F.lit(" \t\r\n"))
    is_one = text.endswith("]") & ~text.rlike(r'\]\s*\[\s*\{\s*"')
    return [
        objects.withColumn(UNPARSED_LINE, F.when(F.col(UNPARSED_LINE).isNotNull(), refusal)),
        texts.where(~is_one).select(*_no_fields(), SOURCE_FILE, refusal.alias(UNPARSED_LINE)),
    ]


def _no_fields() -> list[Column]:
    return [F.lit(None).cast("string").alias(raw(field)) for field in LINE_FIELDS]


def _encoding(head: bytes, settings: InputSettings) -> str:
    """The name of the encoding to decode with; "auto" decodes byte by byte, and `_repaired` mends each field."""
    marked = next((name for mark, name in MARKS.items() if head.startswith(mark)), None) or unmarked_utf_16(head)
    if marked:
        return marked
    return {"auto": "ISO-8859-1", "utf-8": "UTF-8", "iso-8859-1": "ISO-8859-1"}[settings.csv.encoding]


def _csv_header(file: InputFile, encoding: str, settings: InputSettings) -> tuple[list[str], str]:
    """The names in the first line that is not blank, and the delimiter between them."""
    text = file.head.removeprefix(b"\xef\xbb\xbf").decode("utf-8" if encoding == "ISO-8859-1" else encoding, "replace")
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


def _undecodable_unparsed(lines: DataFrame) -> DataFrame:
    """Lines with bytes that are no text in the file's encoding count as unparsed: what they said is not known."""
    text = F.concat_ws(" ", *[raw(field) for field in LINE_FIELDS])
    unparsed = F.coalesce(F.col(UNPARSED_LINE), F.when(F.contains(text, F.lit(REPLACEMENT)), text))
    return lines.withColumn(UNPARSED_LINE, unparsed)


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
