"""Read CSV files into raw lines; a record that swallowed other lines, by an open quote, is read line by line."""

import logging
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StringType, StructField, StructType

from segmentation import schemas as s
from segmentation.config.settings import CsvSettings, InputSettings
from segmentation.filesystem import StoredFile
from segmentation.ingest.csv_form import CsvForm, split_lines
from segmentation.ingest.csv_head import DELIMITER_LINE
from segmentation.ingest.csv_records import (
    LINE,
    column_name,
    repaired,
    split_escaped_lines,
    split_merged_records,
    undecodable_unparsed,
)
from segmentation.ingest.files import (
    Header,
    InputFile,
    and_more,
    by_header,
    folder_value,
    glob_escaped,
    locate_with_folders,
    source_file,
)

logger = logging.getLogger(__name__)

# No field of a sale is as long; a quote left open at the top of a large file must not fill the memory.
LONGEST_FIELD = 10_000_000
MOST_COLUMNS = 20_480
# Of wider files every line is a record: to look for line ends in each field takes Spark longer than to read them.
MOST_COLUMNS_OF_MULTILINE = 300
# Files up to this size that are not compressed are read apart from larger ones, with less memory for each.
SMALL_FILE = 1_000_000
PLAIN_ENDINGS = frozenset({".csv", ".tsv", ".txt"})
WHITESPACE = " \t\r\n\ufeff"
UNIT_SEPARATOR = "\x1f"
# What is surely a number, to tell a line of data from names.
COUNT = re.compile(r"\s*[-+(]?\d[\d.,]*\)?-?\s*")
MONEY = re.compile(r"\s*[^\w\s]?[-+(]?\s*\D{0,4}\d[\d.,' ]*\D{0,4}\s*")


@dataclass(frozen=True)
class _Layout:
    """How a file is written; files of one layout are read together.

    Each field comes with the position of its column, or with the number of the folder in the path that has its value.
    Without a header the first line is data. With lines above the header, these and the header are left out.
    """

    form: CsvForm
    positions: tuple[tuple[str, int], ...]
    folders: tuple[tuple[str, int], ...]
    has_header: bool
    has_lines_above: bool
    is_small: bool


@dataclass
class _Group:
    """The files of a layout, and the lines above their headers, with these, where there are any."""

    files: list[StoredFile] = field(default_factory=list)
    above: set[str] = field(default_factory=set)


def read_csv(spark: SparkSession, files: Sequence[InputFile], settings: InputSettings) -> list[DataFrame]:
    """Return a frame of raw lines for each layout of the files.

    A file without a header, next to one with a header and as many fields, has its columns.

    Raises: InputError for a file that lacks a column or has one twice.
    """
    columns = settings.columns.by_field
    groups: dict[_Layout, _Group] = {}
    by_names = by_header(files)
    _warn_of_shapes(files)
    donors: dict[str, str] = {}
    for header, of_header in by_names.items():
        form: CsvForm = CsvForm(*header.form)
        donor = _donor(header, by_names, columns)
        names = donor.names if donor else header.names
        positions, folders = locate_with_folders(names, columns, of_header[0])
        shifted = tuple((name, position + form.offset) for name, position in positions.items())
        if donor:
            donors |= {file.path: by_names[donor][0].path for file in of_header}
        for file in of_header:
            is_small = file.stored.size <= SMALL_FILE and Path(file.path).suffix in PLAIN_ENDINGS
            layout = _Layout(
                form._replace(above=(), header_line=1, fault=""),
                shifted,
                (*folders.items(),),
                has_header=donor is None,
                has_lines_above=bool(form.above),
                is_small=is_small,
            )
            group = groups.setdefault(layout, _Group())
            group.files.append(file.stored)
            group.above.update(form.above)
    if donors:
        first, donor_path = next(iter(donors.items()))
        logger.warning(
            "%s: no header; the columns are taken by their position from %s, which has as many fields",
            and_more(first, len(donors)),
            donor_path,
        )
    return [_read_layout(spark, group, layout, settings) for layout, group in groups.items()]


def _warn_of_shapes(files: Sequence[InputFile]) -> None:
    """Warn where the header is below other lines, and where many lines have another number of fields."""
    titled, faults = [], {}
    for file in files:
        form = CsvForm(*file.header.form)
        if any(not DELIMITER_LINE.fullmatch(line) for line in form.above[:-1] if line):
            titled.append((file.path, form.header_line))
        if form.fault:
            faults[file.path] = form.fault
    if titled:
        logger.warning(
            "%s: the header is in line %s; what is above it is left out",
            and_more(titled[0][0], len(titled)),
            titled[0][1],
        )
    if faults:
        path, fault = next(iter(faults.items()))
        logger.warning("%s: %s", and_more(path, len(faults)), fault)


def _donor(header: Header, others: Collection[Header], columns: Mapping[str, str]) -> Header | None:
    """Return the header of another file, for one whose first line has no name of a column and is surely data."""
    wanted = set(columns.values())
    if wanted & {*header.names, *dict(header.folders)}:
        return None
    form = CsvForm(*header.form)
    for other in others:
        its_form = CsvForm(*other.form)
        is_alike = (its_form.delimiter, its_form.width, its_form.offset) == (form.delimiter, form.width, form.offset)
        if is_alike and len(other.names) == len(header.names) and wanted <= {*other.names, *dict(other.folders)}:
            values = dict(zip(other.names, header.names, strict=True))
            if _is_data({name: values[column] for name, column in columns.items() if column in values}):
                return other
    return None


def _is_data(values: Mapping[str, str]) -> bool:
    """Return whether a line has numbers where it must, and a date."""
    date = values.get(s.INVOICE_DATE, "")
    has_numbers = all(MONEY.fullmatch(values[name]) for name in (s.UNIT_PRICE, s.AMOUNT) if name in values)
    return has_numbers and COUNT.fullmatch(values.get(s.QUANTITY, "1")) is not None and any(map(str.isdigit, date))


def _read_layout(spark: SparkSession, group: _Group, layout: _Layout, settings: InputSettings) -> DataFrame:
    form, csv = layout.form, settings.csv
    records = _records(spark, group.files, layout, csv)
    is_single_byte = form.encoding == "ISO-8859-1"
    texts = {s.raw(name): F.col(column_name(position)) for name, position in layout.positions}
    texts[s.UNPARSED_LINE] = F.col(s.UNPARSED_LINE)
    if is_single_byte and csv.encoding == "auto":
        texts = {name: repaired(text) for name, text in texts.items()}
    texts |= {s.raw(name): folder_value(F.col(s.SOURCE_FILE), number) for name, number in layout.folders}
    unparsed = texts.pop(s.UNPARSED_LINE).alias(s.UNPARSED_LINE)
    lines = records.select(*[text.alias(name) for name, text in texts.items()], s.SOURCE_FILE, unparsed)
    if group.above or form.escapes_delimiter:
        lines = _without_header(lines, layout, group.above, settings.columns.by_field)
    return lines if is_single_byte else undecodable_unparsed(lines)


def _records(spark: SparkSession, files: Sequence[StoredFile], layout: _Layout, settings: CsvSettings) -> DataFrame:
    """Return the fields that are needed, by `column_name`, the source file, and the line where it cannot be split."""
    form = layout.form
    positions = sorted({position for _, position in layout.positions})
    options = {
        "mode": "PERMISSIVE",
        "columnNameOfCorruptRecord": s.UNPARSED_LINE,
        "columnPruning": "false",  # else a line with too few or too many fields passes unnoticed
        "sep": form.delimiter,
        "escape": form.escape,  # RFC 4180: a quote inside quotes is doubled
        "ignoreLeadingWhiteSpace": str(form.skips_spaces).lower(),
        "nullValue": form.null,
        # Reserved for each file before it is read. No field is longer than its file.
        "maxCharsPerColumn": str(max(file.size for file in files) if layout.is_small else LONGEST_FIELD),
        "maxColumns": str(MOST_COLUMNS),
    }
    paths = [glob_escaped(file.path) for file in files]
    if form.escapes_delimiter:
        return split_escaped_lines(_text_lines(spark, paths, form.encoding), form.width, positions, options)
    columns = [column_name(position) for position in range(form.width)]
    schema = StructType([StructField(name, StringType()) for name in (*columns, s.UNPARSED_LINE)])
    # Line ends of two or four bytes are only seen by the parser that reads whole files.
    is_multiline = form.encoding.startswith(("UTF-16", "UTF-32")) or (
        settings.multiline and form.width <= MOST_COLUMNS_OF_MULTILINE
    )
    records = (
        spark.read.schema(schema)
        .options(**options)
        .option("header", layout.has_header)
        .option("enforceSchema", True)  # the header was checked before, by name
        .option("encoding", form.encoding)
        .option("multiLine", is_multiline)
        .csv(paths)
    )
    records = records.select("*", source_file().alias(s.SOURCE_FILE))
    if not is_multiline:
        return records
    by_field = dict(layout.positions)
    numbers = [by_field[name] for name in (s.QUANTITY, s.UNIT_PRICE, s.AMOUNT) if name in by_field]
    return split_merged_records(records, form.width, positions, numbers, options)


def _text_lines(spark: SparkSession, paths: Sequence[str], encoding: str) -> DataFrame:
    """Return the lines of files as text, in the encoding in which CSV is read."""
    line: Column = F.col("value")
    if encoding == "ISO-8859-1":
        line = F.decode(line.cast("binary"), encoding)
    return spark.read.text(list(paths)).select(line.alias(LINE), source_file().alias(s.SOURCE_FILE))


def _without_header(lines: DataFrame, layout: _Layout, above: Collection[str], columns: Mapping[str, str]) -> DataFrame:
    """Leave out the lines above the header, and the header itself, which Spark takes for data where lines are above."""
    rows = {UNIT_SEPARATOR.join(columns[name] for name, _ in layout.positions)}
    form = layout.form
    for line in above:
        fields = next(iter(split_lines([line], form)), [])
        if len(fields) == form.width and any(text.strip() for text in fields):
            rows.add(UNIT_SEPARATOR.join(fields[position].strip(WHITESPACE) for _, position in layout.positions))
    texts = [F.btrim(F.coalesce(s.raw(name), F.lit("")), F.lit(WHITESPACE)) for name, _ in layout.positions]
    unparsed = F.btrim(F.col(s.UNPARSED_LINE), F.lit(WHITESPACE))
    is_title = F.coalesce(unparsed.isin(sorted(above)), F.lit(False))
    is_row = F.col(s.UNPARSED_LINE).isNull() & F.concat_ws(UNIT_SEPARATOR, *texts).isin(sorted(rows))
    return lines.where(~is_title & ~is_row)
