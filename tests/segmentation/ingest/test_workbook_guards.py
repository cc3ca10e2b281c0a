"""Guards against workbooks that would exhaust the memory, or whose cells would be read as blanks."""

import random
import re
import struct
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from segmentation.errors import InputError
from tests.hostile_files import HEADER
from tests.workbooks import (
    LINE,
    PLAIN_SHEET,
    SPREADSHEETML,
    parts_of,
    refusal,
    row_of,
    sheet_lines,
    sheet_of,
    text_cell,
    with_price,
    with_second_sheet,
    workbook_lines,
    zipped,
)

# Two million rows of a few bytes once they are packed.
BOMB = "<sheetData>" + "<row></row>" * 2_000_000


CALCULATES_ON_LOAD = '<calcPr calcId="1" fullCalcOnLoad="1"/>'


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ('<c r="F2"><f>1+1.5</f><v>2.5</v></c>', "2.5"),
        ('<c r="F2" t="str"><f>"2"&amp;".5"</f><v>2.5</v></c>', "2.5"),
        ('<c r="F2"><f t="shared" si="0"/><v>2.5</v></c>', "2.5"),
        ('<c r="F2"><f>1-1</f><v>0</v></c>', "0"),
        ('<c r="F2" t="str"><f>""</f><v></v></c>', ""),
    ],
)
def test_a_formula_is_read_by_its_saved_value(tmp_path: Path, cell: str, text: str) -> None:
    [line] = sheet_lines(with_price(cell), tmp_path)
    assert (line[5] or "") == text
    assert line[-1] is None


@pytest.mark.parametrize(
    ("cell", "calculation"),
    [
        ('<c r="F2"><f>1+1</f></c>', ""),
        ('<c r="F2"><f>1+1</f><v></v></c>', ""),
        ("<c><f>1+1</f></c>", ""),  # a cell without a reference follows the previous one
        ('<x:c xmlns:x="http://schemas.openxmlformats.org/spreadsheetml/2006/main" r="F2"><x:f>1+1</x:f></x:c>', ""),
        ('<c r="F2"><f>1+1</f><v>0</v></c>', CALCULATES_ON_LOAD),
    ],
)
def test_a_formula_that_was_never_calculated_is_refused_with_its_cell(
    tmp_path: Path, cell: str, calculation: str
) -> None:
    message = refusal(zipped(parts_of(with_price(cell), calculation=calculation)), tmp_path)
    assert message.startswith("book.xlsx#Lines: the formula in F2 was never calculated: ")
    assert message.endswith("open the workbook in a spreadsheet program and save it")


def test_the_cell_of_a_formula_is_named_wherever_the_table_begins(tmp_path: Path) -> None:
    shifted = "".join(text_cell(f"{letter}4", name) for letter, name in zip("CDEFGHIJ", HEADER, strict=True))
    sheet = sheet_of(f'<row r="4">{shifted}</row>', '<row r="9"><c r="J9"><f>A1</f></c></row>')
    assert "#Lines: the formula in J9 was never calculated" in refusal(zipped(parts_of(sheet)), tmp_path)


def test_a_formula_outside_of_the_fields_need_not_be_calculated(tmp_path: Path) -> None:
    extra = row_of(2, LINE).replace("</row>", '<c r="K2"><f>D2*F2</f></c></row>')
    assert sheet_lines(sheet_of(row_of(1, HEADER), extra), tmp_path) == [(*LINE, None)]


def test_a_line_with_a_field_inside_a_merged_range_is_unparsed(tmp_path: Path) -> None:
    blank = ["536365", "85123A", "HEART", "6", "2010-12-01", "2.55"]
    merged = '<mergeCells><mergeCell ref="G2:G4"/><mergeCell ref="C6:D6"/><mergeCell ref="J2:K9"/></mergeCells>'
    rows = [row_of(1, HEADER), row_of(2, LINE), row_of(3, blank), row_of(4, blank), row_of(5, LINE), row_of(6, LINE)]
    lines = sheet_lines(sheet_of(*rows, after=merged), tmp_path)
    # The first cell of a range over rows has its value; of a range over columns all but the first are blank.
    assert [line[-1] for line in lines] == [None, "G2:G4 is merged", "G2:G4 is merged", None, "C6:D6 is merged"]
    assert lines[1] == (*blank, None, None, "G2:G4 is merged")


def test_a_merged_range_that_reaches_far_below_the_table_adds_no_lines(tmp_path: Path) -> None:
    merged = '<mergeCells><mergeCell ref="A3:H1048576"/><mergeCell ref="A2:A1048576"/><mergeCell ref="?"/></mergeCells>'
    assert sheet_lines(sheet_of(row_of(1, HEADER), row_of(2, LINE), after=merged), tmp_path) == [(*LINE, None)]


@pytest.mark.parametrize("kind", ["chartsheet", "dialogsheet"])
def test_a_sheet_declared_as_a_chart_or_dialog_is_checked_too(tmp_path: Path, kind: str) -> None:
    def disguised(sheet: str) -> bytes:
        parts = parts_of(sheet)
        relations = parts["xl/_rels/workbook.xml.rels"].replace('/worksheet"', f'/{kind}"')
        return zipped({**parts, "xl/_rels/workbook.xml.rels": relations})

    assert workbook_lines(disguised(PLAIN_SHEET), tmp_path) == [(*LINE, None)]
    uncalculated = refusal(disguised(with_price('<c r="F2"><f>1+1</f></c>')), tmp_path)
    assert "book.xlsx#Lines: the formula in F2 was never calculated" in uncalculated
    assert "unpacks to more than 100 times its size" in refusal(disguised(BOMB), tmp_path)


@pytest.mark.parametrize("end", ["\t", "&#9;"])
def test_a_sheet_is_checked_however_its_name_is_written(tmp_path: Path, end: str) -> None:
    # An XML parser reads the tab of an attribute as a space, the reader of the cells does not.
    content = with_second_sheet("May", f"Ju{end}ne", with_price('<c r="F2"><f>1+1</f></c>'))
    assert "ne: the formula in F2 was never calculated" in refusal(content, tmp_path)


def test_sheets_outside_of_the_list_of_sheets_are_refused(tmp_path: Path) -> None:
    # The reader of the cells takes them, wherever they are.
    parts = parts_of(with_price('<c r="F2"><f>1+1</f></c>'))
    parts["xl/workbook.xml"] = re.sub("</?sheets>", "", parts["xl/workbook.xml"])
    assert refusal(zipped(parts), tmp_path) == (
        "book.xlsx: cannot be read as a workbook: its list of sheets is damaged"
    )


def with_claimed_size(content: bytes, name: str, size: int) -> bytes:
    """Return the archive with another unpacked size in its directory, for one of its parts."""
    with zipfile.ZipFile(BytesIO(content)) as archive:
        part = archive.getinfo(name)
    packed = bytearray(content)
    directory_entry = packed.rindex(b"PK\x01\x02", 0, packed.rindex(name.encode()))
    for offset in (part.header_offset + 22, directory_entry + 24):
        packed[offset : offset + 4] = struct.pack("<I", size)
    return bytes(packed)


def test_a_sheet_that_inflates_too_much_is_refused_even_where_the_directory_lies(tmp_path: Path) -> None:
    bomb = zipped(parts_of(BOMB))
    message = "book.xlsx#Lines: xl/worksheets/sheet1.xml unpacks to more than 100 times its size"
    assert refusal(bomb, tmp_path).startswith(message)
    assert refusal(with_claimed_size(bomb, "xl/worksheets/sheet1.xml", 1000), tmp_path).startswith(message)


@pytest.mark.parametrize("name", ["xl/sharedStrings.xml", "xl/styles.xml", "xl/media/image1.png", "xl/workbook.xml"])
def test_any_other_part_that_inflates_too_much_is_refused_by_its_name(tmp_path: Path, name: str) -> None:
    message = refusal(zipped({**parts_of(PLAIN_SHEET), name: BOMB}), tmp_path)
    assert message.startswith(f"book.xlsx: {name} unpacks to more than 100 times its size")


def test_a_cell_far_from_the_table_is_refused_before_it_takes_memory(tmp_path: Path) -> None:
    far = '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    message = refusal(zipped(parts_of(sheet_of(row_of(1, HEADER), row_of(2, LINE), far))), tmp_path)
    assert message == (
        "book.xlsx#Lines: its cells reach to XFD1048576: with the blank ones between 17,179,869,184, more than "
        "41,943,040: delete the cells far from the table"
    )


def test_a_long_text_shared_by_many_cells_is_refused(tmp_path: Path) -> None:
    cells = "".join(f'<row r="{n}"><c r="C{n}" t="s"><v>0</v></c></row>' for n in range(2, 40_000))
    noise = random.Random(5).choices("ABCDEFGH", k=32_000)
    shared = f'<sst xmlns="{SPREADSHEETML}"><si><t>{"".join(noise)}</t></si></sst>'
    parts = {**parts_of(sheet_of(row_of(1, HEADER), cells)), "xl/sharedStrings.xml": shared}
    message = refusal(zipped(parts), tmp_path)
    assert "book.xlsx#Lines: its cells hold 1,280," in message
    few = {**parts_of(sheet_of(row_of(1, HEADER), cells[: cells.index("</row>") + 6])), "xl/sharedStrings.xml": shared}
    assert len(workbook_lines(zipped(few), tmp_path)[0][2] or "") == 32_000


def test_a_text_that_no_cell_can_hold_is_refused(tmp_path: Path) -> None:
    endless = "".join(random.Random(5).choices("ABCDEFGH", k=3_000_000))
    sheet = sheet_of(row_of(1, HEADER), row_of(2, [endless]))
    assert "has a text that no cell can hold" in refusal(zipped(parts_of(sheet)), tmp_path)


LAUGHS = '<!DOCTYPE x [<!ENTITY a "ha">' + "".join(
    f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(12)
)


@pytest.mark.parametrize(
    ("declared", "text"),
    [
        ('<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>', "&e;"),
        (LAUGHS + "]>", "&m;"),
    ],
)
@pytest.mark.parametrize("part", ["xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/workbook.xml"])
def test_a_document_type_with_entities_is_refused_in_every_part(
    tmp_path: Path, part: str, declared: str, text: str
) -> None:
    shared = f'<sst xmlns="{SPREADSHEETML}"><si><t>HEART</t></si></sst>'
    parts = {**parts_of(PLAIN_SHEET), "xl/sharedStrings.xml": shared}
    head, _, body = parts[part].rpartition("?>")
    parts[part] = head + ("?>" if head else "") + declared + body.replace("HEART", text).replace("Lines", text)
    message = refusal(zipped(parts), tmp_path)
    assert message.startswith("book.xlsx")
    assert message.endswith(f"{part} declares a document type, as no workbook does")


def test_a_workbook_with_a_password_is_refused_with_the_remedy(tmp_path: Path) -> None:
    # The head of an OLE container, and the name of the stream that holds an encrypted workbook in its directory.
    container = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".ljust(1024, b"\0") + "EncryptedPackage".encode("utf-16-le")
    message = refusal(container.ljust(4096, b"\0"), tmp_path)
    assert message == "book.xlsx: is protected by a password: save it without one"


def test_an_archive_with_a_password_is_refused(tmp_path: Path) -> None:
    packed = bytearray(zipped(parts_of(PLAIN_SHEET)))
    position = packed.find(b"PK\x01\x02")
    while position >= 0:
        packed[position + 8] |= 1  # the flag of an encrypted part
        position = packed.find(b"PK\x01\x02", position + 1)
    assert "password" in refusal(bytes(packed), tmp_path)


def test_a_workbook_that_is_cut_off_anywhere_is_refused(tmp_path: Path) -> None:
    whole = zipped(parts_of(PLAIN_SHEET))
    for end in range(4, len(whole), 97):
        assert re.match(r"book\.xlsx: cannot be read as a workbook: ", refusal(whole[:end], tmp_path))


@pytest.mark.parametrize(
    ("part", "content", "message"),
    [
        ("xl/worksheets/sheet1.xml", None, "#Lines: the sheet is missing from the workbook"),
        ("xl/workbook.xml", None, ": cannot be read as a workbook: there is no xl/workbook.xml in it: save it as XLSX"),
        ("xl/worksheets/sheet1.xml", PLAIN_SHEET[:-40], "#Lines: cannot be read as a workbook: "),
        (
            "xl/worksheets/sheet1.xml",
            with_price('<c r="F2" t="s"><v>5</v></c>'),
            "#Lines: cannot be read as a workbook: ",
        ),
        ("xl/workbook.xml", "<workbook><sheets>", ": cannot be read as a workbook: it is damaged or cut off: "),
        ("XL/Worksheets\\Sheet1.xml", PLAIN_SHEET, ": holds the part XL/Worksheets\\Sheet1.xml twice: it is"),
    ],
)
def test_a_part_that_is_missing_doubled_or_damaged_is_named(
    tmp_path: Path, part: str, content: str | None, message: str
) -> None:
    parts = parts_of(PLAIN_SHEET)
    parts.pop(part, None)
    assert f"book.xlsx{message}" in refusal(zipped(parts | ({part: content} if content else {})), tmp_path)


ADDED = [b"<", b">", b'"', b"&", b"<f/>", b"</c>", b'<c r="ZZ9999999"><v>1</v></c>', b"9"]


def mutated(content: bytes, rng: random.Random) -> bytes:
    """Return the bytes with up to four changes: bytes replaced, added, deleted, doubled, the rest cut off."""
    changed = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(changed) + 1)
        length = rng.randint(1, 20)
        kind = rng.randrange(10)
        if kind < 3:
            changed[at : at + 1] = rng.randbytes(1)
        elif kind < 5:
            changed[at:at] = rng.choice(ADDED)
        elif kind < 7:
            del changed[at : at + length]
        elif kind < 9:
            changed[at:at] = changed[at : at + length]
        else:
            del changed[at:]
    return bytes(changed)


def test_a_workbook_with_any_changed_bytes_is_read_or_refused_in_one_message(tmp_path: Path) -> None:
    rng = random.Random(20101201)
    merged = '<mergeCells><mergeCell ref="G2:G3"/></mergeCells>'
    formula = row_of(3, LINE).replace(text_cell("F3", "2.55"), '<c r="F3"><f>1+1</f><v>2</v></c>')
    parts: dict[str, Any] = parts_of(sheet_of(row_of(1, HEADER), row_of(2, LINE), formula, after=merged))
    whole = zipped(parts)
    messages = []
    for number in range(200):
        name = rng.choice(list(parts))
        inside = number % 2
        content = zipped({**parts, name: mutated(parts[name].encode(), rng)}) if inside else mutated(whole, rng)
        try:
            workbook_lines(content, tmp_path)
        except InputError as error:
            messages.append(str(error))
    assert 50 < len(messages) < 200
    assert [message for message in messages if not re.fullmatch(r"book\.xlsx(#[^\n]*)?: [^\n]+", message)] == []
