"""What is inside a workbook's zip archive, looked at before its reader unpacks anything.

The reader holds every cell of the rectangle around the filled ones in memory, takes a formula without a value for a
blank cell, and knows nothing of merged cells: a few bytes can end the whole process, or pass for blanks.
"""

import mmap
import re
import zlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from xml.etree import ElementTree as ET
from xml.parsers import expat
from zipfile import BadZipFile, ZipFile, ZipInfo

from segmentation.errors import InputError
from segmentation.sheet_xml import SharedStringsParser, SheetMarks, SheetParser

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
