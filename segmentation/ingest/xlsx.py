"""The XML of a workbook's sheets, read for what the reader of its cells does not tell (ECMA-376, SpreadsheetML)."""
# TODO-DOC workbook_parts: What is inside a workbook's zip archive, looked at before its reader unpacks
# anything.  The reader holds every cell of the rectangle around the filled ones in memory, takes a formula
# without a value for a blank cell, and knows nothing of merged cells: a few bytes can end the whole process,
# or pass for blanks.
# TODO-DOC xlsx: Excel workbooks → Arrow tables of raw lines, on the driver.

import logging
import mmap
import re
import zlib
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET
from xml.parsers import expat
from zipfile import BadZipFile, ZipFile, ZipInfo

import fastexcel
import pyarrow as pa
import pyarrow.compute as pc

from segmentation import schemas as s
from segmentation.errors import InputError, did_you_mean
from segmentation.ingest.files import locate_columns

CELL_REFERENCE = re.compile(r"\$?([A-Za-z]{1,3})\$?([1-9]\d{0,9})")


@dataclass(frozen=True)
class CellRange:
    """A rectangle of cells, all ends included; rows and columns count from 1."""

    first_row: int
    first_column: int
    last_row: int
    last_column: int

    def __str__(self) -> str:
        return f"{cell_name(self.first_row, self.first_column)}:{cell_name(self.last_row, self.last_column)}"

    @property
    def cells(self) -> int:
        return (self.last_row - self.first_row + 1) * (self.last_column - self.first_column + 1)

    def with_cell(self, row: int, column: int) -> "CellRange":
        """The smallest rectangle around this one and a cell."""
        if self.first_row <= row <= self.last_row and self.first_column <= column <= self.last_column:
            return self
        return CellRange(
            min(self.first_row, row),
            min(self.first_column, column),
            max(self.last_row, row),
            max(self.last_column, column),
        )


@dataclass
class SheetMarks:
    """What must be known of a sheet beside the values of its cells.

    `first_row` is the first with a filled cell; `uncalculated` has, for each column with formulas that were never
    calculated, the row of the first of them.
    """

    is_hidden: bool
    first_row: int = 1
    uncalculated: dict[int, int] = field(default_factory=dict)
    merged: list[CellRange] = field(default_factory=list)


def cell_name(row: int, column: int) -> str:
    """The name of a cell as a spreadsheet shows it, from its row and column, which count from 1.

    >>> cell_name(5, 1), cell_name(1, 26), cell_name(1, 27), cell_name(1_048_576, 16_384)
    ('A5', 'Z1', 'AA1', 'XFD1048576')
    """
    letters = ""
    while column:
        column, letter = divmod(column - 1, 26)
        letters = chr(ord("A") + letter) + letters
    return f"{letters}{row}"


class PieceParser(ABC):
    """Walks through an XML part that comes in pieces; what it looks for is a subclass's."""

    def __init__(self) -> None:
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters

    def feed(self, piece: bytes) -> None:
        self._parser.Parse(piece, False)

    def close(self) -> None:
        self._parser.Parse(b"", True)

    @abstractmethod
    def _start(self, name: str, attributes: dict[str, Any]) -> None: ...

    @abstractmethod
    def _end(self, name: str) -> None: ...

    @abstractmethod
    def _characters(self, text: str) -> None: ...


class SheetParser(PieceParser):
    """Walks through a sheet's XML cell by cell, and fills in its marks.

    `filled` is the rectangle around all filled cells, `characters` the length of all their texts together.
    """

    def __init__(self, marks: SheetMarks, calculates_on_load: bool, shared_lengths: Sequence[int]) -> None:
        self.filled: CellRange | None = None
        self.characters = 0
        self._marks = marks
        self._shared_lengths = shared_lengths
        # A program that does not calculate itself writes no value or 0, and asks whoever opens the file to do it.
        self._not_yet_calculated = ("", "0") if calculates_on_load else ("",)
        self._row = self._column = 0
        self._type = ""
        self._texts: list[str] = []  # the pieces of the cell's text, of which there may be very many
        self._has_formula = self._in_value = False
        super().__init__()

    def close(self) -> None:
        super().close()
        self._marks.first_row = self.filled.first_row if self.filled else 1

    def _start(self, name: str, attributes: dict[str, Any]) -> None:
        kind = _local(name)
        if kind == "c":
            self._row, self._column = _row_and_column(attributes.get("r", "")) or (self._row, self._column + 1)
            self._type, self._texts, self._has_formula = attributes.get("t", "n"), [], False
        elif kind == "f":
            self._has_formula = True
        elif kind in ("v", "t"):
            self._in_value = True
        elif kind == "row":
            self._row, self._column = int(attributes.get("r", self._row + 1)), 0
        elif kind == "mergeCell":
            first, _, last = attributes.get("ref", "").partition(":")
            ends = _row_and_column(first), _row_and_column(last)
            if ends[0] and ends[1]:
                self._marks.merged.append(CellRange(*ends[0], *ends[1]))

    def _characters(self, text: str) -> None:
        if self._in_value:
            self._texts.append(text)

    def _end(self, name: str) -> None:
        kind = _local(name)
        if kind in ("v", "t"):
            self._in_value = False
        elif kind == "c" and (self._texts or self._has_formula):
            self._count_cell()

    def _count_cell(self) -> None:
        row, column, text = self._row, self._column, "".join(self._texts)
        self.filled = self.filled.with_cell(row, column) if self.filled else CellRange(row, column, row, column)
        is_shared = self._type == "s" and text.isdecimal() and int(text) < len(self._shared_lengths)
        self.characters += self._shared_lengths[int(text)] if is_shared else len(text)
        # A formula whose result is the empty text has that as its value, and says so by its type.
        if self._has_formula and self._type != "str" and text.strip() in self._not_yet_calculated:
            self._marks.uncalculated.setdefault(column, row)


class SharedStringsParser(PieceParser):
    """Walks through the texts that cells share, and collects the length of each."""

    def __init__(self) -> None:
        self.lengths: list[int] = []
        self._in_text = False
        super().__init__()

    def _start(self, name: str, attributes: dict[str, Any]) -> None:
        if _local(name) == "si":
            self.lengths.append(0)
        self._in_text = _local(name) == "t"

    def _end(self, name: str) -> None:
        self._in_text = False

    def _characters(self, text: str) -> None:
        if self._in_text and self.lengths:
            self.lengths[-1] += len(text)


def _local(name: str) -> str:
    """An element's name without the prefix of its namespace."""
    return name.rpartition(":")[2]


def _row_and_column(reference: str) -> tuple[int, int] | None:
    found = CELL_REFERENCE.fullmatch(reference)
    if not found:
        return None
    column = 0
    for letter in found[1].upper():
        column = column * 26 + ord(letter) - ord("A") + 1
    return int(found[2]), column


# The sheets of shops unpack to about ten times their size; Apache POI, too, takes more than a hundred times for a bomb.
MOST_INFLATION = 100
# Below it even the best packed part does no harm.
HARMLESS_BYTES = 2**20
# A cell costs the reader about 60 bytes: 40 columns of a full sheet of 1,048,576 rows are 2.5 GB.
MOST_CELLS = 40 * 2**20
# The texts of all cells of a sheet: a few times what the longest sheet of a shop has, and half of what Arrow can hold.
MOST_CHARACTERS = 2**30
# A cell holds 32,767 characters of at most six bytes: a megabyte without a tag is none.
MOST_BYTES_OF_TEXT = 2**20
CHUNK_BYTES = 2**20
LEAST_BYTES_OF_A_CELL = len('<c r="A1" t="s"><v>0</v></c>')

SHEETS = "{*}sheets/{*}sheet"
OLE_CONTAINER = b"\xd0\xcf\x11\xe0"
BOOK, RELATIONS, SHARED_STRINGS = "xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/sharedstrings.xml"
# A sheet needs no closer look that is written as plainly as nearly all are: no formula, no merged cells, no element
# with a prefix, and every cell with its place, in columns A to Z.
NEEDS_A_CLOSER_LOOK = re.compile(
    rb'<c[\s/>](?!r="[A-Z](?:[1-9]\d{0,5}|10[0-4]\d{4})")'
    rb"|<(?:f[\s/>]|mergeCell[\s/>]|[\w.-]+:(?:c|f|row|mergeCell)[\s/>])"
)
HAS_CELLS = re.compile(rb"[<:]sheetData[\s/>]")
FIRST_FILLED_CELL = re.compile(rb'<c r="[A-Z](\d+)"[^<]*[^/]><')


def inspect_workbook(local: Path, path: str, sheets: Collection[str] | None) -> dict[str, SheetMarks | None] | None:
    """The marks of each sheet that is named (None: all), by its name; None in place of the marks of a sheet without
    cells, such as a chart, and of all for a workbook of before 2007.

    Raises InputError for a workbook that is protected by a password, that is damaged, that has two sheets of one name,
    or that holds more than a workbook can sensibly hold: it is unpacked piece by piece, and no further than that is
    sure.
    """
    with local.open("rb") as file:
        if file.read(len(OLE_CONTAINER)) == OLE_CONTAINER:
            _require_no_password(file.fileno(), path)
            return None
    with _damage_named(path), ZipFile(local) as archive:
        return _inspect(archive, path, sheets)


@contextmanager
def _damage_named(place: str) -> Iterator[None]:
    try:
        yield
    except (ET.ParseError, expat.ExpatError, LookupError, ValueError) as error:
        raise InputError(f"{place}: cannot be read as a workbook: its XML is damaged: {error}") from None
    except (BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as error:
        raise InputError(f"{place}: cannot be read as a workbook: it is damaged or cut off: {error}") from None


def _require_no_password(descriptor: int, path: str) -> None:
    # An encrypted workbook is a stream of this name inside an OLE container.
    name = "EncryptedPackage".encode("utf-16-le")
    with mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ) as content:
        if content.find(name) >= 0:
            raise InputError(f"{path}: is protected by a password: save it without one")


def _inspect(archive: ZipFile, path: str, sheets: Collection[str] | None) -> dict[str, SheetMarks | None]:
    parts: dict[str, ZipInfo] = {}
    for part in archive.infolist():
        name = _part_name(part.filename)
        if name in parts:
            raise InputError(f"{path}: holds the part {part.filename} twice: it is damaged, or made to deceive")
        parts[name] = part
    if BOOK not in parts or RELATIONS not in parts:
        raise InputError(f"{path}: cannot be read as a workbook: there is no {BOOK} in it: save it as XLSX")
    book = ET.fromstring(b"".join(_pieces(archive, parts[BOOK], path)))
    relations = ET.fromstring(b"".join(_pieces(archive, parts[RELATIONS], path)))
    targets = {
        relation.get("Id"): _part_name(relation.get("Target", ""), folder="xl/")
        for relation in relations
        if relation.get("TargetMode") != "External"
    }
    worksheets = {relation.get("Id") for relation in relations if relation.get("Type", "").endswith("/worksheet")}
    of_sheets = {targets.get(_relation_id(sheet)) for sheet in book.iterfind(SHEETS)}
    shared = SharedStringsParser()
    if SHARED_STRINGS in parts:
        for piece in _pieces(archive, parts[SHARED_STRINGS], path):
            shared.feed(piece)
        shared.close()
    for name in parts.keys() - {BOOK, RELATIONS, SHARED_STRINGS, *of_sheets}:
        for _ in _pieces(archive, parts[name], path):
            pass
    calculation = book.find("{*}calcPr")
    calculates_on_load = calculation is not None and calculation.get("fullCalcOnLoad") in ("1", "true")
    marks: dict[str, SheetMarks | None] = {}
    for sheet in book.iterfind(SHEETS):
        name, relation_id = sheet.get("name", ""), _relation_id(sheet)
        if sheets is not None and name not in sheets:
            continue
        if name in marks:
            raise InputError(f"{path}: has two sheets of the name {name!r}: rename one of them")
        content = parts.get(targets.get(relation_id, ""))
        if content is None:
            raise InputError(f"{path}#{name}: the sheet is missing from the workbook: it is damaged or cut off")
        # The reader gives the cells of whatever is called a sheet, also of a worksheet that passes for a chart.
        if relation_id not in worksheets and not any(
            map(HAS_CELLS.search, _pieces(archive, content, f"{path}#{name}"))
        ):
            marks[name] = None
            continue
        of_sheet = marks[name] = SheetMarks(is_hidden=sheet.get("state", "visible") != "visible")
        with _damage_named(f"{path}#{name}"):
            _scan(archive, content, f"{path}#{name}", of_sheet, calculates_on_load, shared.lengths)
    return marks


def _part_name(name: str, folder: str = "") -> str:
    """A part's name as the reader looks for it, whatever way a writer spells it."""
    name = name.replace("\\", "/").lower()
    return name.removeprefix("/") if name.startswith("/") else folder + name


def _relation_id(sheet: ET.Element) -> str:
    """The value of `r:id`, of which two dialects of the format differ in the namespace."""
    return next((value for key, value in sheet.attrib.items() if key.startswith("{") and key.endswith("}id")), "")


def _pieces(archive: ZipFile, part: ZipInfo, place: str) -> Iterator[bytes]:
    """The content of a part in pieces of about a megabyte, each cut before the start of a tag."""
    limit = max(HARMLESS_BYTES, MOST_INFLATION * part.compress_size)
    too_much = (
        f"{place}: {part.filename} unpacks to more than {MOST_INFLATION} times its size, as no workbook of a shop "
        "does: it is damaged, or made to exhaust the memory"
    )
    if part.file_size > limit:
        raise InputError(too_much)
    # The size that the archive's directory tells may be a lie: read on to where the data ends.
    to_its_end = copy(part)
    to_its_end.file_size = limit + 2 * CHUNK_BYTES
    is_xml = part.filename.lower().endswith((".xml", ".rels"))
    size, rest = 0, b""
    with archive.open(to_its_end) as stream:
        while chunk := stream.read(CHUNK_BYTES):
            size += len(chunk)
            if size > limit:
                raise InputError(too_much)
            chunk = rest + chunk
            cut = max(chunk.rfind(b"<"), 0) if is_xml else len(chunk)
            piece, rest = chunk[:cut], chunk[cut:]
            if is_xml and b"<!DOCTYPE" in piece:
                raise InputError(f"{place}: {part.filename} declares a document type, as no workbook does")
            if len(rest) > MOST_BYTES_OF_TEXT:
                raise InputError(f"{place}: {part.filename} has a text that no cell can hold: it is damaged")
            yield piece
    yield rest


def _scan(
    archive: ZipFile,
    part: ZipInfo,
    place: str,
    marks: SheetMarks,
    calculates_on_load: bool,
    shared_lengths: Sequence[int],
) -> None:
    """Fills in the marks of a sheet; parses its XML only where the look of its text gives a reason."""
    first, size = None, 0
    for piece in _pieces(archive, part, place):
        if NEEDS_A_CLOSER_LOOK.search(piece):
            break
        first = first or FIRST_FILLED_CELL.search(piece)
        size += len(piece)
    else:
        longest = max(shared_lengths, default=0)
        if size + size // LEAST_BYTES_OF_A_CELL * longest <= MOST_CHARACTERS:
            marks.first_row = int(first[1]) if first else 1
            return
    parser = SheetParser(marks, calculates_on_load, shared_lengths)
    for piece in _pieces(archive, part, place):
        parser.feed(piece)
    parser.close()
    if parser.filled and parser.filled.cells > MOST_CELLS:
        raise InputError(
            f"{place}: its filled cells span {parser.filled}, with the blank ones between {parser.filled.cells:,} "
            f"cells, more than {MOST_CELLS:,}: delete what stands far from the table"
        )
    if parser.characters > MOST_CHARACTERS:
        raise InputError(
            f"{place}: its cells hold {parser.characters:,} characters of text, more than {MOST_CHARACTERS:,}: give "
            "the lines as CSV or Parquet"
        )


logger = logging.getLogger(__name__)

RAW_TABLE = pa.schema(
    [(name, pa.string()) for name in (*(s.raw(field) for field in s.LINE_FIELDS), s.SOURCE_FILE, s.UNPARSED_LINE)]
)
# A title, a date and a blank line above the table are fewer.
HEADER_IS_SOUGHT_IN_ROWS = 20
# Day 1 of Excel's calendar.
FIRST_DAY = "1900-01-01"
# How the reader names the errors that a cell shows in place of a value.
ERRORS_SHOWN = {
    "Div0": "#DIV/0!",
    "NA": "#N/A",
    "Name": "#NAME?",
    "Null": "#NULL!",
    "Num": "#NUM!",
    "Ref": "#REF!",
    "Value": "#VALUE!",
}


def read_workbook(local: Path, path: str, columns: Mapping[str, str], sheets: Sequence[str] | None) -> pa.Table:
    """One row per row of the named sheets (None: all) that is not blank, every cell as text: dates as
    `2010-12-01 08:26:00`, whole numbers without a fraction, an error as it is shown. `source_file` is `path#sheet`.

    `unparsed_line` tells of a cell of the row that has no value of its own: one that shows an error, such as #N/A, one
    that is merged into another, and a date that Excel's calendar does not have. Of all sheets, those without any of the
    columns (notes, a cover) are left out with a warning. Raises InputError for a file that is no workbook or would
    exhaust the memory, a sheet that is not there or that is hidden and not named, missing or doubled columns, and a
    formula that was never calculated.
    """
    marks = inspect_workbook(local, path, sheets)
    try:
        reader = fastexcel.read_excel(local)
    except fastexcel.FastExcelError as error:
        raise InputError(f"{path}: cannot be read as a workbook: {_first_line(error)}") from None
    for sheet in sheets or ():
        if sheet not in reader.sheet_names:
            raise InputError(f"{path}: there is no sheet {sheet!r}{did_you_mean(sheet, reader.sheet_names)}")
    doubled = next((sheet for sheet in reader.sheet_names if reader.sheet_names.count(sheet) > 1), None)
    if doubled is not None:
        raise InputError(f"{path}: has two sheets of the name {doubled!r}: rename one of them")
    tables = []
    for sheet in dict.fromkeys(sheets or reader.sheet_names):
        if marks is not None and sheet not in marks:
            raise InputError(f"{path}: the name of its sheet {sheet!r} is written in a way that hides it: rename it")
        # A workbook of before 2007 has no marks, a sheet with nothing but a chart has no cells.
        of_sheet = SheetMarks(is_hidden=False) if marks is None else marks[sheet]
        if of_sheet is None:
            continue
        table = _read_sheet(reader, sheet, f"{path}#{sheet}", columns, of_sheet, is_named=sheets is not None)
        if table is not None:
            tables.append(table)
    if not tables:
        wanted = ", ".join(columns.values())
        raise InputError(f"{path}: none of its sheets ({', '.join(reader.sheet_names)}) has the columns {wanted}")
    return pa.concat_tables(tables)


def first_rows(local: Path, path: str, sheets: Sequence[str] | None, count: int) -> dict[str, list[list[str | None]]]:
    """The first rows of the named sheets (None: all that are not hidden) that hold any, as columns of text, by
    `path#sheet`; InputError for a file that is no workbook or would exhaust the memory.
    """
    inspect_workbook(local, path, sheets)
    found = {}
    try:
        reader = fastexcel.read_excel(local)
        for sheet in reader.sheet_names if sheets is None else sheets:
            if sheet in reader.sheet_names:
                loaded = reader.load_sheet(sheet, header_row=None, dtypes="string", n_rows=count)
                cells = loaded.to_arrow_with_errors()[0]
                if cells.num_rows and (loaded.visible == "visible" or sheets is not None):
                    found[f"{path}#{sheet}"] = [column.to_pylist() for column in cells.columns]
    except fastexcel.FastExcelError as error:
        raise InputError(f"{path}: cannot be read as a workbook: {_first_line(error)}") from None
    return found


def _read_sheet(
    reader: fastexcel.ExcelReader,
    sheet: str,
    place: str,
    columns: Mapping[str, str],
    marks: SheetMarks,
    is_named: bool,
) -> pa.Table | None:
    try:
        loaded = reader.load_sheet(sheet, header_row=None, dtypes="string")
        cells, errors = loaded.to_arrow_with_errors()
    except fastexcel.FastExcelError as error:
        raise InputError(f"{place}: cannot be read: {_first_line(error)}") from None
    names = _names(cells, 0)
    if not set(names) & set(columns.values()):
        _require_no_header_below(cells, columns, place, marks)
        if not is_named:
            logger.warning("%s has none of the columns and was left out", place)
            return None
    positions = locate_columns(names, columns, place)
    if (marks.is_hidden or loaded.visible != "visible") and not is_named:
        raise InputError(
            f"{place}: is hidden, and holds lines: say under input.sheets in the configuration which sheets to read"
        )
    # Rows of `cells` count from 0 at the header, its columns from 0 at the first filled one; the sheet's count from 1.
    left = loaded.available_columns()[0].absolute_index + 1
    _require_calculated(marks, [left + position for position in positions.values()], place)
    damage = _merged_rows(marks, {left + position for position in positions.values()}, cells.num_rows)
    fields = {position: cells.column(position).cast(pa.string()) for position in positions.values()}
    for position, shown_by_row in _errors_shown(errors, fields).items():
        fields[position] = _with_texts(fields[position], shown_by_row)
        for row, shown in shown_by_row.items():
            damage[row] = f"{cell_name(marks.first_row + row, left + position)} is {shown}"
    position = positions[s.INVOICE_DATE]
    for row in _impossible_dates(fields[position]):
        damage[row] = f"{cell_name(marks.first_row + row, left + position)} is a date before {FIRST_DAY}"
    table = pa.Table.from_arrays(
        [
            *[fields[positions[field]] for field in s.LINE_FIELDS],
            pa.repeat(pa.scalar(place), cells.num_rows),
            _with_texts(pa.nulls(cells.num_rows, pa.string()), damage),
        ],
        schema=RAW_TABLE,
    ).slice(1)
    blank = pc.is_null(table[s.raw(s.LINE_FIELDS[0])])
    for name in s.LINE_FIELDS[1:]:
        blank = pc.and_(blank, pc.is_null(table[s.raw(name)]))
    lines = table.filter(pc.invert(blank))
    damaged = lines[s.UNPARSED_LINE].drop_null()
    if damaged:
        logger.warning(
            "%s: %s lines are malformed by an error, an impossible date or a merged cell: %s",
            place,
            len(damaged),
            damaged[0],
        )
    return lines


def _names(cells: pa.RecordBatch, row: int) -> list[str]:
    return [(column[row].as_py() or "").strip() for column in cells.columns if len(column)]


def _require_no_header_below(cells: pa.RecordBatch, columns: Mapping[str, str], place: str, marks: SheetMarks) -> None:
    """InputError where the header stands below a title: the sheet would pass for a cover, its lines be lost."""
    for row in range(1, min(HEADER_IS_SOUGHT_IN_ROWS, cells.num_rows)):
        if set(columns.values()) <= set(_names(cells, row)):
            raise InputError(
                f"{place}: the header is in row {marks.first_row + row}, and row {marks.first_row} is filled: delete "
                "what stands above the header"
            )


def _require_calculated(marks: SheetMarks, columns: Collection[int], place: str) -> None:
    """InputError where a formula has no value yet, as in a workbook that a program wrote and nobody opened since."""
    waiting = [(marks.uncalculated[column], column) for column in columns if column in marks.uncalculated]
    if waiting:
        row, column = min(waiting)
        raise InputError(
            f"{place}: the formula in {cell_name(row, column)} was never calculated: open the workbook in a "
            "spreadsheet program and save it"
        )


def _merged_rows(marks: SheetMarks, columns: Collection[int], rows: int) -> dict[int, str]:
    """The rows with a field inside a merged range, of which only the first cell has a value, and what to tell of it."""
    spans = []
    for merged in marks.merged:
        fields = [column for column in columns if merged.first_column <= column <= merged.last_column]
        if fields:
            first_keeps_its_value = fields == [merged.first_column]
            spans.append((merged.first_row + first_keeps_its_value, merged.last_row, f"{merged} is merged"))
    found: dict[int, str] = {}
    below = 1  # the header
    for first, last, text in sorted(spans):
        end = min(last - marks.first_row + 1, rows)
        found |= dict.fromkeys(range(max(first - marks.first_row, below), end), text)
        below = max(below, end)
    return found


def _errors_shown(errors: fastexcel.CellErrors | None, positions: Collection[int]) -> dict[int, dict[int, str]]:
    """For each position of a field, by row, what a cell shows that has no text: an error, or a date after all days."""
    shown: dict[int, dict[int, str]] = {}
    for error in errors.errors if errors else ():
        row, position = error.position
        if position in positions:
            found = re.search(r"Error\((\w+)\)", error.detail)
            name = found[1] if found else ""
            shown.setdefault(position, {})[row] = ERRORS_SHOWN.get(name, "a value that is no text, number or date")
    return shown


def _impossible_dates(column: pa.Array) -> list[int]:
    """The rows with a date before the first of Excel's calendar: its cell holds 0, a time of day or less than nothing.

    The reader counts on backwards from there. A date that somebody typed as text in the reader's own format is taken
    for one of these.
    """
    is_date = pc.match_substring_regex(column, r"^-?\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
    is_impossible = pc.and_(is_date, pc.less(column, FIRST_DAY))
    return list(pc.indices_nonzero(pc.fill_null(is_impossible, False)).to_pylist())


def _with_texts(column: pa.Array, texts: Mapping[int, str]) -> pa.Array:
    """The column with some of its rows, counted from 0, replaced."""
    if not texts:
        return column
    values = column.to_pylist()
    for row, text in texts.items():
        values[row] = text
    return pa.array(values, pa.string())


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
