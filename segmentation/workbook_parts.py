"""What a workbook's zip archive and XML tell that its reader does not, looked at before the reader unpacks anything.

A workbook is a zip archive of XML parts (ECMA-376). Its reader holds every cell of the rectangle around the filled ones
in memory, takes a formula without a value for a blank cell, and knows nothing of merged cells.
"""

import mmap
import re
import zlib
from collections.abc import Collection, Iterator, Mapping
from copy import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET
from xml.parsers import expat
from zipfile import BadZipFile, ZipFile, ZipInfo

from segmentation.errors import InputError

# The sheets of shops unpack to about ten times their size; Apache POI takes more than a hundred times for a bomb, too.
MOST_INFLATION = 100
# Below it even the best packed part does no harm.
HARMLESS_BYTES = 2**20
# A full sheet, 1,048,576 rows, of as many columns: a cell costs the reader about 60 bytes.
MOST_COLUMNS_OF_A_FULL_SHEET = 40
MOST_CELLS = 2**20 * MOST_COLUMNS_OF_A_FULL_SHEET
# A cell holds 32,767 characters, each of up to four bytes; with markup between them never a megabyte without a tag.
MOST_BYTES_OF_TEXT = 2**20
CHUNK_BYTES = 2**20

CHARACTERS_OF_AN_OLE_NAME = "utf-16-le"
RELATIONSHIPS = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
# Sheets that are written as plainly as nearly all are need no second look: no formula, no merged cells, no element
# with a prefix, and every cell with its place, in columns A to Z.
NEEDS_A_CLOSER_LOOK = re.compile(
    rb'<c[\s/>](?!r="[A-Z](?:[1-9]\d{0,5}|10[0-4]\d{4})")|<(?:f[\s/>]|mergeCell[\s/>]|[\w.-]+:(?:c|f|row|mergeCell)[\s/>])'
)
FIRST_FILLED_CELL = re.compile(rb'<c r="[A-Z]+(\d+)"[^<]*[^/]><')
CELL_REFERENCE = re.compile(r"\$?([A-Za-z]{1,3})\$?([1-9]\d{0,9})")


@dataclass(frozen=True)
class CellRange:
    """A rectangle of cells, all ends included; rows and columns count from 1."""

    first_row: int
    first_column: int
    last_row: int
    last_column: int

    def __str__(self) -> str:
        first, last = cell_name(self.first_row, self.first_column), cell_name(self.last_row, self.last_column)
        return first if first == last else f"{first}:{last}"


@dataclass
class SheetMarks:
    """What must be known of a sheet beside the values of its cells.

    `first_row` is the first with a filled cell; `uncalculated` has for each column with formulas that were never
    calculated the row of the first.
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


def inspect_workbook(local: Path, path: str, sheets: Collection[str] | None) -> Mapping[str, SheetMarks]:
    """The marks of each worksheet that is named (None: all), by its name; empty for a workbook of before 2007.

    Raises InputError for a workbook that is protected by a password, that is damaged, or that would unpack to more
    than a workbook can sensibly hold: it is unpacked piece by piece, and only as far as that is certain.
    """
    with local.open("rb") as file:
        if file.read(4) == b"\xd0\xcf\x11\xe0":
            _require_no_password(file.fileno(), path)
            return {}
    try:
        with ZipFile(local) as archive:
            return _inspect(archive, path, sheets)
    except (BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as error:
        raise InputError(f"{path}: cannot be read as a workbook: it is damaged or cut off: {error}") from None
    except (ET.ParseError, expat.ExpatError) as error:
        raise InputError(f"{path}: cannot be read as a workbook: its XML is damaged: {error}") from None


def _require_no_password(descriptor: int, path: str) -> None:
    # An encrypted workbook is a stream of this name inside an OLE container.
    name = "EncryptedPackage".encode(CHARACTERS_OF_AN_OLE_NAME)
    with mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ) as content:
        if content.find(name) >= 0:
            raise InputError(f"{path}: is protected by a password: save it without one")


def _inspect(archive: ZipFile, path: str, sheets: Collection[str] | None) -> Mapping[str, SheetMarks]:
    parts: dict[str, ZipInfo] = {}
    for part in archive.infolist():
        name = _part_name(part.filename)
        if name in parts:
            raise InputError(f"{path}: holds the part {part.filename} twice: it is damaged, or made to deceive")
        parts[name] = part
    if "xl/workbook.xml" not in parts or "xl/_rels/workbook.xml.rels" not in parts:
        raise InputError(f"{path}: cannot be read as a workbook: it has no xl/workbook.xml: save it as XLSX")
    for name in ("xl/workbook.xml", "xl/_rels/workbook.xml.rels"):
        _require_sane(archive, parts[name], path)
    book = ET.fromstring(archive.read(parts["xl/workbook.xml"]))
    targets = {
        relation.get("Id"): _part_name(relation.get("Target", ""), folder="xl/")
        for relation in ET.fromstring(archive.read(parts["xl/_rels/workbook.xml.rels"]))
        if relation.get("Type", "").endswith("/worksheet")
    }
    calculates_on_load = any(
        element.get("fullCalcOnLoad") in ("1", "true") for element in book.iterfind(".//{*}calcPr")
    )
    marks, scanned = {}, set()
    for sheet in book.iterfind("{*}sheets/{*}sheet"):
        name, target = sheet.get("name", ""), targets.get(_relation_id(sheet), "")
        if target in parts and (sheets is None or name in sheets):
            marks[name] = SheetMarks(is_hidden=sheet.get("state", "visible") != "visible")
            _scan(archive, parts[target], f"{path}#{name}", calculates_on_load, marks[name])
            scanned.add(target)
    for name, part in parts.items():
        if name not in {*scanned, *targets.values()}:
            _require_sane(archive, part, path)
    return marks


def _part_name(name: str, folder: str = "") -> str:
    """A part's name as the archive has it, whatever way a writer spells it."""
    name = name.replace("\\", "/").lower()
    return name.removeprefix("/") if name.startswith("/") else folder + name


def _relation_id(sheet: ET.Element) -> str:
    """The value of `r:id`, of which two dialects of the format differ in the namespace."""
    return next((value for key, value in sheet.attrib.items() if key.startswith("{") and key.endswith("}id")), "")


def _require_sane(archive: ZipFile, part: ZipInfo, place: str) -> None:
    for _ in _pieces(archive, part, place):
        pass


def _pieces(archive: ZipFile, part: ZipInfo, place: str) -> Iterator[bytes]:
    """The content of a part in pieces of about a megabyte, each cut before the start of a tag."""
    limit = max(HARMLESS_BYTES, MOST_INFLATION * part.compress_size)
    too_much = (
        f"{place}: {part.filename} unpacks to more than {MOST_INFLATION} times its size: no workbook of a shop does, "
        "it is damaged, or made to exhaust the memory"
    )
    if part.file_size > limit:
        raise InputError(too_much)
    # The size that the directory claims may be a lie: read on to where the data ends.
    to_its_end = copy(part)
    to_its_end.file_size = limit + 1
    size, rest = 0, b""
    with archive.open(to_its_end) as stream:
        while chunk := stream.read(CHUNK_BYTES):
            size += len(chunk)
            if size > limit:
                raise InputError(too_much)
            chunk = rest + chunk
            cut = chunk.rfind(b"<")
            rest, chunk = chunk[max(cut, 0) :], chunk[: max(cut, 0)]
            if b"<!DOCTYPE" in chunk:
                raise InputError(f"{place}: {part.filename} has a document type declaration: no workbook has")
            if len(rest) > MOST_BYTES_OF_TEXT and part.filename.endswith((".xml", ".rels")):
                raise InputError(f"{place}: {part.filename} has text without end in a cell: it is damaged")
            yield chunk
    yield rest


def _scan(archive: ZipFile, part: ZipInfo, place: str, calculates_on_load: bool, marks: SheetMarks) -> None:
    """Fills in the marks of a sheet; parses its XML only where a look at its text shows a need."""
    first = None
    for piece in _pieces(archive, part, place):
        if NEEDS_A_CLOSER_LOOK.search(piece):
            break
        first = first or FIRST_FILLED_CELL.search(piece)
    else:
        marks.first_row = int(first[1]) if first else 1
        return
    parser = _SheetParser(marks, calculates_on_load)
    for piece in _pieces(archive, part, place):
        parser.feed(piece)
    parser.close()
    if parser.cells > MOST_CELLS:
        raise InputError(
            f"{place}: its filled cells span {parser.filled}, {parser.cells:,} cells with the blank ones between, more "
            f"than {MOST_CELLS:,}: delete what stands far from the table"
        )


class _SheetParser:
    """Walks through a sheet's XML, cell by cell."""

    def __init__(self, marks: SheetMarks, calculates_on_load: bool) -> None:
        self._marks = marks
        # A program that does not calculate itself writes no value or 0, and asks whoever opens the file to do it.
        self._not_yet_calculated = ("", "0") if calculates_on_load else ("",)
        self._row = self._column = 0
        self._type, self._text = "", ""
        self._has_formula = self._in_value = False
        self.filled: CellRange | None = None
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._parser.buffer_text = True

    @property
    def cells(self) -> int:
        """How many cells there are in the rectangle around the filled ones."""
        if not self.filled:
            return 0
        rows = self.filled.last_row - self.filled.first_row + 1
        return rows * (self.filled.last_column - self.filled.first_column + 1)

    def feed(self, piece: bytes) -> None:
        self._parser.Parse(piece, False)

    def close(self) -> None:
        self._parser.Parse(b"", True)
        self._marks.first_row = self.filled.first_row if self.filled else 1

    def _start(self, name: str, attributes: dict[str, Any]) -> None:
        kind = name.rpartition(":")[2]
        if kind == "c":
            place = _row_and_column(attributes.get("r", ""))
            self._row, self._column = place or (self._row, self._column + 1)
            self._type, self._text, self._has_formula = attributes.get("t", "n"), "", False
        elif kind == "f":
            self._has_formula = True
        elif kind in ("v", "t"):
            self._in_value = True
        elif kind == "row":
            self._row, self._column = int(attributes.get("r", self._row + 1)), 0
        elif kind == "mergeCell":
            self._marks.merged += _cell_range(attributes.get("ref", ""))

    def _characters(self, text: str) -> None:
        if self._in_value:
            self._text += text

    def _end(self, name: str) -> None:
        kind = name.rpartition(":")[2]
        if kind in ("v", "t"):
            self._in_value = False
        elif kind == "c" and (self._text or self._has_formula):
            self._extend()
            # A formula whose result is the empty text has that as its value, and says so.
            if self._has_formula and self._type != "str" and self._text.strip() in self._not_yet_calculated:
                self._marks.uncalculated.setdefault(self._column, self._row)

    def _extend(self) -> None:
        row, column, box = self._row, self._column, self.filled
        if not box:
            self.filled = CellRange(row, column, row, column)
        elif not (box.first_row <= row <= box.last_row and box.first_column <= column <= box.last_column):
            self.filled = CellRange(
                min(box.first_row, row),
                min(box.first_column, column),
                max(box.last_row, row),
                max(box.last_column, column),
            )


def _row_and_column(reference: str) -> tuple[int, int] | None:
    found = CELL_REFERENCE.fullmatch(reference)
    if not found:
        return None
    column = 0
    for letter in found[1].upper():
        column = column * 26 + ord(letter) - ord("A") + 1
    return int(found[2]), column


def _cell_range(reference: str) -> list[CellRange]:
    """The range of two cells with a colon between; nothing for what is none."""
    ends = [_row_and_column(end) for end in reference.split(":")]
    if len(ends) != 2 or ends[0] is None or ends[1] is None:
        return []
    return [CellRange(*ends[0], *ends[1])]
