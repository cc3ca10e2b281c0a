"""Guards for Excel workbooks, applied to their XML before the reader unpacks it (ECMA-376, SpreadsheetML).

The reader holds the whole rectangle around a sheet's filled cells in memory, and reads a formula that was never
calculated, or a cell merged into another, as blank. A blank customer id would silently make a customer a guest.
"""

import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as ET
from zipfile import BadZipFile, ZipFile, ZipInfo

import fastexcel

from segmentation.errors import InputError

# The sheets of shops unpack to about ten times their size. Apache POI, too, takes more than a hundred times for a bomb.
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

OLE_CONTAINER = b"\xd0\xcf\x11\xe0"
# The name of the stream in it that holds an encrypted workbook.
ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
BOOK, RELATIONS, SHARED_TEXTS = "xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/sharedstrings.xml"
SHARED_TEXT = re.compile(rb"<(?:[\w.-]+:)?si[\s/>]")
# Nearly all sheets need no XML parser: no formula, no merged cells, no prefixed element, and every cell names its
# position, in columns A to Z.
NEEDS_PARSING = re.compile(
    rb'<c[\s/>](?!r="[A-Z](?:[1-9]\d{0,5}|10[0-4]\d{4})")'
    rb"|<(?:f[\s/>]|mergeCell[\s/>]|[\w.-]+:(?:c|f|row|mergeCell)[\s/>])"
)
DAMAGE = (
    *(ET.ParseError, LookupError, ValueError, BadZipFile, zlib.error),
    *(EOFError, OSError, NotImplementedError, RuntimeError),
)
# Enough of a cell's text for an index of a shared text, and to recognise 0.
LONGEST_INDEX = 20
CELL_REFERENCE = re.compile(r"\$?([A-Za-z]{1,3})\$?([1-9]\d{0,9})")

Cell = tuple[int, int]
"""A cell's row and column, which count from 1."""


@dataclass(frozen=True)
class SheetMarks:
    """Cells of a sheet that the reader would take for blanks.

    `uncalculated` maps a column to the first row whose formula was never calculated. `merged` has the first and the
    last cell of each merged range.
    """

    uncalculated: dict[int, int] = field(default_factory=dict)
    merged: list[tuple[Cell, Cell]] = field(default_factory=list)


@dataclass(frozen=True)
class Workbook:
    """A workbook whose parts, its sheets excepted, are safe to unpack.

    `sheets` has the name and the part of every sheet, in the workbook's order; None for a workbook of before 2007.
    """

    local: Path
    path: str
    sheets: Sequence[tuple[str, ZipInfo]] | None = None
    shared_lengths: Sequence[int] = ()
    is_calculated_on_load: bool = False


def cell_name(row: int, column: int) -> str:
    """Return the name of a cell as a spreadsheet shows it, from its row and column, which count from 1.

    >>> cell_name(5, 1), cell_name(1, 26), cell_name(1, 27), cell_name(1_048_576, 16_384)
    ('A5', 'Z1', 'AA1', 'XFD1048576')
    """
    letters = ""
    while column:
        column, letter = divmod(column - 1, 26)
        letters = chr(ord("A") + letter) + letters
    return f"{letters}{row}"


def open_workbook(local: Path, path: str) -> Workbook:
    """Check every part of a workbook but its sheets.

    Raises: InputError for a workbook that has a password, is damaged, or would exhaust the memory.
    """
    with local.open("rb") as file:
        if file.read(len(OLE_CONTAINER)) == OLE_CONTAINER:
            if ENCRYPTED in file.read():
                raise InputError(f"{path}: is protected by a password: save it without one")
            return Workbook(local, path)
    with damage_named(path), ZipFile(local) as archive:
        parts = _parts_by_name(archive, path)
        book = ET.fromstring(b"".join(_pieces(archive, parts.pop(BOOK), path)))
        relations = ET.fromstring(b"".join(_pieces(archive, parts.pop(RELATIONS), path)))
        sheets = []
        for name, part_name in _sheet_parts(book, relations):
            if part_name not in parts:
                raise InputError(f"{path}#{name}: the sheet is missing from the workbook: it is damaged or cut off")
            sheets.append((name, parts[part_name]))
        shared_lengths = _shared_lengths(archive, parts.pop(SHARED_TEXTS, None), path)
        of_sheets = {part.filename for _, part in sheets}
        for part in parts.values():
            if part.filename not in of_sheets:
                for _ in _pieces(archive, part, path):
                    pass
    calculation = book.find("{*}calcPr")
    is_calculated_on_load = calculation is not None and calculation.get("fullCalcOnLoad") in ("1", "true")
    return Workbook(local, path, sheets, shared_lengths, is_calculated_on_load)


def inspect_sheet(book: Workbook, index: int) -> SheetMarks:
    """Return the marks of a sheet, by its index in the workbook; of a workbook of before 2007 none are known.

    Raises: InputError for a sheet that is damaged or would exhaust the memory.
    """
    if book.sheets is None:
        return SheetMarks()
    name, part = book.sheets[index]
    path = f"{book.path}#{name}"
    with damage_named(path), ZipFile(book.local) as archive:
        if _is_plain(archive, part, path, max(book.shared_lengths, default=0)):
            return SheetMarks()
        scan = _SheetScan(book)
        parser = ET.XMLParser(target=scan)
        for piece in _pieces(archive, part, path):
            parser.feed(piece)
        parser.close()
    cells = scan.last_row * max(0, scan.last_column - scan.first_column + 1)
    if cells > MOST_CELLS:
        raise InputError(
            f"{path}: its cells reach to {cell_name(scan.last_row, scan.last_column)}: with the blank ones between "
            f"{cells:,}, more than {MOST_CELLS:,}: delete the cells far from the table"
        )
    if scan.characters > MOST_CHARACTERS:
        raise InputError(
            f"{path}: its cells hold {scan.characters:,} characters of text, more than {MOST_CHARACTERS:,}: give "
            "the lines as CSV or Parquet"
        )
    return scan.marks


@contextmanager
def damage_named(path: str) -> Iterator[None]:
    """Turn an error of the libraries that unpack, parse and read workbooks into an InputError that names the file."""
    try:
        yield
    except fastexcel.FastExcelError as error:
        raise InputError(f"{path}: cannot be read as a workbook: {str(error).strip().splitlines()[0]}") from None
    except DAMAGE as error:
        raise InputError(f"{path}: cannot be read as a workbook: it is damaged or cut off: {error}") from None


def _parts_by_name(archive: ZipFile, path: str) -> dict[str, ZipInfo]:
    parts: dict[str, ZipInfo] = {}
    for part in archive.infolist():
        name = _part_name(part.filename)
        if name in parts:
            raise InputError(f"{path}: holds the part {part.filename} twice: it is damaged, or made to deceive")
        parts[name] = part
    if BOOK not in parts or RELATIONS not in parts:
        raise InputError(f"{path}: cannot be read as a workbook: there is no {BOOK} in it: save it as XLSX")
    return parts


def _part_name(name: str, folder: str = "") -> str:
    """Return a part's name as the reader looks it up, however a writer spells it."""
    name = name.replace("\\", "/").lower()
    return name.removeprefix("/") if name.startswith("/") else folder + name


def _sheet_parts(book: ET.Element, relations: ET.Element) -> Iterator[tuple[str, str]]:
    targets = {relation.get("Id"): _part_name(relation.get("Target", ""), folder="xl/") for relation in relations}
    for sheet in book.iterfind("{*}sheets/{*}sheet"):
        # `r:id`, of which two dialects of the format differ in the namespace.
        relation_id = next((value for key, value in sheet.attrib.items() if re.fullmatch(r"\{.*\}id", key)), None)
        yield sheet.get("name", ""), targets.get(relation_id, "")


def _shared_lengths(archive: ZipFile, part: ZipInfo | None, path: str) -> list[int]:
    """Return for each of the texts that cells share the bytes of its XML, of which its characters are fewer."""
    starts, size = [], 0
    for piece in _pieces(archive, part, path) if part else ():
        starts += [size + match.start() for match in SHARED_TEXT.finditer(piece)]
        size += len(piece)
    return [after - before for before, after in pairwise([*starts, size])]


def _pieces(archive: ZipFile, part: ZipInfo, path: str) -> Iterator[bytes]:
    """Unpack a part in pieces of about a megabyte, each cut before the start of a tag."""
    limit = max(HARMLESS_BYTES, MOST_INFLATION * part.compress_size)
    too_much = (
        f"{path}: {part.filename} unpacks to more than {MOST_INFLATION} times its size, as no workbook of a shop "
        "does: it is damaged, or made to exhaust the memory"
    )
    if part.file_size > limit:
        raise InputError(too_much)
    # The size in the archive's directory may be false: read on to where the data ends.
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
                raise InputError(f"{path}: {part.filename} declares a document type, as no workbook does")
            if len(rest) > MOST_BYTES_OF_TEXT:
                raise InputError(f"{path}: {part.filename} has a text that no cell can hold: it is damaged")
            yield piece
    yield rest


def _is_plain(archive: ZipFile, part: ZipInfo, path: str, longest_shared: int) -> bool:
    """Return whether the text of a sheet's XML shows that no mark or limit can apply to it."""
    size = 0
    for piece in _pieces(archive, part, path):
        if NEEDS_PARSING.search(piece):
            return False
        size += len(piece)
    return size + size // LEAST_BYTES_OF_A_CELL * longest_shared <= MOST_CHARACTERS


class _SheetScan:
    """Collect a sheet's marks and sizes as the target of an XML parser, so that no tree of its cells is built."""

    def __init__(self, book: Workbook) -> None:
        self.marks = SheetMarks()
        self.characters = self.last_row = self.last_column = 0
        self.first_column = 2**31
        self._shared_lengths = book.shared_lengths
        # A program that does not calculate itself writes no value or 0, and asks whoever opens the file to do it.
        self._not_calculated = ("", "0") if book.is_calculated_on_load else ("",)
        self._row = self._column = 0
        self._type = self._text = ""
        self._has_formula = self._in_value = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        kind = tag.rpartition("}")[2]
        if kind == "c":
            self._row, self._column = _row_and_column(attributes.get("r", "")) or (self._row, self._column + 1)
            self._type, self._text, self._has_formula = attributes.get("t", "n"), "", False
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
                self.marks.merged.append((ends[0], ends[1]))

    def data(self, text: str) -> None:
        if self._in_value:
            self.characters += len(text)
            self._text = (self._text + text)[:LONGEST_INDEX]

    def end(self, tag: str) -> None:
        kind = tag.rpartition("}")[2]
        if kind in ("v", "t"):
            self._in_value = False
        elif kind == "c" and (self._text or self._has_formula):
            self.last_row = max(self.last_row, self._row)
            self.last_column = max(self.last_column, self._column)
            self.first_column = min(self.first_column, self._column)
            if self._type == "s" and self._text.isdecimal() and int(self._text) < len(self._shared_lengths):
                self.characters += self._shared_lengths[int(self._text)]
            # A formula whose result is the empty text has that as its value, and says so by its type.
            if self._has_formula and self._type != "str" and self._text.strip() in self._not_calculated:
                self.marks.uncalculated.setdefault(self._column, self._row)


def _row_and_column(reference: str) -> tuple[int, int] | None:
    match = CELL_REFERENCE.fullmatch(reference)
    if not match:
        return None
    column = 0
    for letter in match[1].upper():
        column = column * 26 + ord(letter) - ord("A") + 1
    return int(match[2]), column
