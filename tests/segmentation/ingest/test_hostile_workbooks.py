"""Damaged, strange and hostile workbooks: read with the damage marked, or refused in one message with the place."""

import io
import logging
import random
import re
import struct
import zipfile
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.cleaning.parse import parse_lines
from segmentation.cleaning.rules import judge_lines
from segmentation.config.settings import CleaningSettings, InputSettings
from segmentation.errors import InputError
from segmentation.ingest.files import find_input
from segmentation.ingest.read import read_lines
from segmentation.ingest.workbook_guards import OLE_CONTAINER
from segmentation.ingest.xlsx import read_workbook
from tests.old_workbooks import old_workbook

HEADER = ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"]
COLUMNS = dict(zip(s.LINE_FIELDS, HEADER, strict=True))
LINE = ["536365", "85123A", "HEART", "6", "2010-12-01", "2.55", "17850", "France"]
Cell = str | None

SPREADSHEETML = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"


def text_cell(place: str, text: str) -> str:
    return f'<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>'


def row_of(number: int, texts: Sequence[str]) -> str:
    cells = "".join(text_cell(f"{letter}{number}", text) for letter, text in zip("ABCDEFGHIJ", texts, strict=False))
    return f'<row r="{number}">{cells}</row>'


def sheet_of(*rows: str, after: str = "") -> str:
    return f'<worksheet xmlns="{SPREADSHEETML}"><sheetData>{"".join(rows)}</sheetData>{after}</worksheet>'


PLAIN_SHEET = sheet_of(row_of(1, HEADER), row_of(2, LINE))


def parts_of(sheet: str, before: str = "", calculation: str = "") -> dict[str, str]:
    """The parts of the smallest workbook, with one sheet, `Lines`; `before` stands before the sheet's root element."""
    return {
        "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types"/>',
        "_rels/.rels": f'<Relationships xmlns="{PACKAGE}/relationships">'
        f'<Relationship Id="r1" Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{SPREADSHEETML}" xmlns:r="{OFFICE}">'
        f'<sheets><sheet name="Lines" sheetId="1" r:id="r1"/></sheets>{calculation}</workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}/relationships">'
        f'<Relationship Id="r1" Type="{OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
        f'<Relationship Id="r2" Type="{OFFICE}/sharedStrings" Target="sharedStrings.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'<?xml version="1.0" encoding="UTF-8"?>{before}{sheet}',
    }


def zipped(parts: Mapping[str, str | bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return content.getvalue()


def lines_of(content: bytes, folder: Path, sheets: Sequence[str] | None = None) -> list[tuple[Cell, ...]]:
    """The eight fields of each row, and what is told of the row."""
    path = folder / ("book.xls" if content.startswith(OLE_CONTAINER) else "book.xlsx")
    path.write_bytes(content)
    table = read_workbook(path, "book.xlsx", COLUMNS, sheets)
    return list(zip(*[table[name].to_pylist() for name in [*map(s.raw, s.LINE_FIELDS), s.UNPARSED_LINE]], strict=True))


def of_sheet(sheet: str, folder: Path, **more: str) -> list[tuple[Cell, ...]]:
    return lines_of(zipped(parts_of(sheet, **more)), folder)


def refusal(content: bytes, folder: Path, sheets: Sequence[str] | None = None) -> str:
    """The one message with which a workbook is refused."""
    with pytest.raises(InputError) as refused:
        lines_of(content, folder, sheets)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def written(folder: Path, sheets: Mapping[str, Sequence[Sequence[Any]]], hidden: Mapping[str, str]) -> bytes:
    """A workbook with some of its sheets `hidden` or `very_hidden`."""
    path = folder / "written.xlsx"
    book = xlsxwriter.Workbook(str(path))
    for name, rows in sheets.items():
        sheet = book.add_worksheet(name)
        for number, cells in enumerate(rows):
            sheet.write_row(number, 0, cells)
        if name in hidden:
            getattr(sheet, hidden[name])()
    book.close()
    return path.read_bytes()


# --- formulas ---------------------------------------------------------------------------------------------------
CALCULATES_ON_LOAD = '<calcPr calcId="1" fullCalcOnLoad="1"/>'


def with_price(cell: str) -> str:
    """A sheet with one line, whose price, in F2, is the given cell."""
    return sheet_of(row_of(1, HEADER), row_of(2, LINE).replace(text_cell("F2", "2.55"), cell))


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
def test_a_formula_counts_by_the_value_it_had_when_the_workbook_was_saved(tmp_path: Path, cell: str, text: str) -> None:
    [line] = of_sheet(with_price(cell), tmp_path)
    assert (line[5] or "") == text
    assert line[-1] is None


@pytest.mark.parametrize(
    ("cell", "calculation"),
    [
        ('<c r="F2"><f>1+1</f></c>', ""),
        ('<c r="F2"><f>1+1</f><v></v></c>', ""),
        ('<c r="F2"><f>1+1</f><v/></c>', ""),
        ("<c><f>1+1</f></c>", ""),  # a cell without its place comes after the one before it
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


def test_the_cell_of_an_uncalculated_formula_is_named_wherever_the_table_begins(tmp_path: Path) -> None:
    shifted = "".join(text_cell(f"{letter}4", name) for letter, name in zip("CDEFGHIJ", HEADER, strict=True))
    sheet = sheet_of(f'<row r="4">{shifted}</row>', '<row r="9"><c r="J9"><f>A1</f></c></row>')
    assert "#Lines: the formula in J9 was never calculated" in refusal(zipped(parts_of(sheet)), tmp_path)


def test_a_formula_beside_the_fields_need_not_be_calculated(tmp_path: Path) -> None:
    beside = row_of(2, LINE).replace("</row>", '<c r="K2"><f>D2*F2</f></c></row>')
    assert of_sheet(sheet_of(row_of(1, HEADER), beside), tmp_path) == [(*LINE, None)]


# --- cells without a value of their own -------------------------------------------------------------------------
@pytest.mark.parametrize("error", ["#DIV/0!", "#N/A", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!"])
def test_an_error_in_a_cell_is_read_as_it_is_shown_and_told_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, error: str
) -> None:
    with caplog.at_level(logging.WARNING):
        [line] = of_sheet(with_price(f'<c r="F2" t="e"><f>1/0</f><v>{error}</v></c>'), tmp_path)
    assert line == (*LINE[:5], error, *LINE[6:], f"F2 is {error}")
    told = f"book.xlsx#Lines: 1 lines are malformed by an error, an impossible date or a merged cell: F2 is {error}"
    assert told in caplog.text


def test_an_error_that_the_reader_does_not_know_is_refused_with_its_text(tmp_path: Path) -> None:
    message = refusal(zipped(parts_of(with_price('<c r="F2" t="e"><v>#SOON!</v></c>'))), tmp_path)
    assert re.match(r"book\.xlsx#Lines: cannot be read: .*'#SOON!'", message)


def test_a_line_with_a_field_inside_a_merged_range_is_told_of(tmp_path: Path) -> None:
    blank = ["536365", "85123A", "HEART", "6", "2010-12-01", "2.55"]
    merged = '<mergeCells><mergeCell ref="G2:G4"/><mergeCell ref="C6:D6"/><mergeCell ref="J2:K9"/></mergeCells>'
    rows = [row_of(1, HEADER), row_of(2, LINE), row_of(3, blank), row_of(4, blank), row_of(5, LINE), row_of(6, LINE)]
    lines = of_sheet(sheet_of(*rows, after=merged), tmp_path)
    # The first cell of a range over rows has its value; of a range over columns all but the first are blank.
    assert [line[-1] for line in lines] == [None, "G2:G4 is merged", "G2:G4 is merged", None, "C6:D6 is merged"]
    assert lines[1] == (*blank, None, None, "G2:G4 is merged")


def test_a_merged_range_that_reaches_far_below_the_table_adds_no_lines(tmp_path: Path) -> None:
    merged = '<mergeCells><mergeCell ref="A3:H1048576"/><mergeCell ref="A2:A1048576"/><mergeCell ref="?"/></mergeCells>'
    assert of_sheet(sheet_of(row_of(1, HEADER), row_of(2, LINE), after=merged), tmp_path) == [(*LINE, None)]


def test_lines_with_errors_and_merged_cells_are_rejected_as_malformed_and_counted(
    spark: SparkSession, tmp_path: Path
) -> None:
    guest = [*LINE[:6], "", LINE[7]]
    error = row_of(3, guest).replace(text_cell("C3", "HEART"), '<c r="C3" t="e"><v>#N/A</v></c>')
    merged = '<mergeCells><mergeCell ref="G4:G5"/></mergeCells>'
    rows = [row_of(1, HEADER), row_of(2, LINE), error, row_of(4, [*LINE[:3], "7", *LINE[4:]]), row_of(5, guest)]
    (tmp_path / "book.xlsx").write_bytes(zipped(parts_of(sheet_of(*rows, after=merged))))
    settings = InputSettings(columns=COLUMNS)
    lines = read_lines(spark, find_input(spark, [str(tmp_path)], settings), settings)
    cleaning = CleaningSettings(date_formats=("iso",))
    judged = judge_lines(parse_lines(lines, cleaning), cleaning, date(2011, 1, 1))
    counted = {row[s.REASON]: row["count"] for row in judged.groupBy(s.REASON).count().collect()}
    assert counted == {None: 2, "malformed": 2}
    shown = judged.where(F.col(s.REASON) == "malformed").select("rejection.as_read.description").collect()
    assert {row[0] for row in shown} == {"#N/A", "HEART"}


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (text_cell("E2", "01.12.2010"), "01.12.2010"),  # dates as text are tried with the configured formats
        ('<c r="E2" t="d"><v>2010-12-01T08:26:00</v></c>', "2010-12-01T08:26:00"),
        ('<c r="E2" s="1"><v>1</v></c>', "1900-01-01 00:00:00"),
        ('<c r="E2" s="1"><v>61</v></c>', "1900-03-01 00:00:00"),
        ('<c r="E2" s="1"><v>1e10</v></c>', "a value that is no text, number or date"),
        ('<c r="E2" t="b"><v>1</v></c>', "true"),
    ],
)
def test_a_date_in_any_disguise_is_read_as_text_and_never_as_a_blank(tmp_path: Path, cell: str, text: str) -> None:
    formats = '<cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="22"/></cellXfs>'
    sheet = sheet_of(row_of(1, HEADER), row_of(2, LINE).replace(text_cell("E2", "2010-12-01"), cell))
    parts = {**parts_of(sheet), "xl/styles.xml": f'<styleSheet xmlns="{SPREADSHEETML}">{formats}</styleSheet>'}
    [line] = lines_of(zipped(parts), tmp_path)
    assert line[4] == text


@pytest.mark.parametrize("number", ["0", "0.5", "-1", "-700000", "NaN"])
def test_a_date_before_the_first_of_the_calendar_is_told_of(tmp_path: Path, number: str) -> None:
    formats = '<cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="22"/></cellXfs>'
    cell = f'<c r="E2" s="1"><v>{number}</v></c>'
    sheet = sheet_of(row_of(1, HEADER), row_of(2, LINE).replace(text_cell("E2", "2010-12-01"), cell))
    parts = {**parts_of(sheet), "xl/styles.xml": f'<styleSheet xmlns="{SPREADSHEETML}">{formats}</styleSheet>'}
    [line] = lines_of(zipped(parts), tmp_path)
    assert line[-1] == "E2 is a date before 1900-01-01"


# --- sheets -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("how", ["hide", "very_hidden"])
def test_a_hidden_sheet_with_lines_is_read_only_if_it_is_named(tmp_path: Path, how: str) -> None:
    content = written(tmp_path, {"Lines": [HEADER, LINE], "Old": [HEADER, LINE, LINE]}, {"Old": how})
    assert refusal(content, tmp_path) == (
        "book.xlsx#Old: is hidden, and holds lines: say under input.sheets in the configuration which sheets to read"
    )
    assert len(lines_of(content, tmp_path, ["Lines"])) == 1
    assert len(lines_of(content, tmp_path, ["Lines", "Old"])) == 3


@pytest.mark.parametrize("state", ["hidden", "very hidden"])
def test_a_hidden_sheet_of_a_workbook_of_before_2007_is_read_only_if_it_is_named(tmp_path: Path, state: str) -> None:
    content = old_workbook([("Lines", "visible", [HEADER, LINE]), ("Old", state, [HEADER, LINE, LINE])])
    assert refusal(content, tmp_path) == (
        "book.xlsx#Old: is hidden, and holds lines: say under input.sheets in the configuration which sheets to read"
    )
    assert lines_of(content, tmp_path, ["Lines"]) == [(*LINE, None)]
    assert len(lines_of(content, tmp_path, ["Lines", "Old"])) == 3


def test_a_workbook_of_before_2007_is_read_and_two_sheets_of_one_name_are_refused(tmp_path: Path) -> None:
    lines, more = ("Lines", "visible", [HEADER, LINE]), ("More", "visible", [HEADER, LINE, LINE])
    assert lines_of(old_workbook([lines, more]), tmp_path) == [(*LINE, None)] * 3
    message = "book.xlsx: has two sheets of the name 'Lines': rename one of them"
    assert refusal(old_workbook([lines, more, lines]), tmp_path) == message


def test_a_hidden_sheet_without_lines_does_not_matter(tmp_path: Path) -> None:
    content = written(tmp_path, {"Lines": [HEADER, LINE], "Lists": [["France"], ["EIRE"]]}, {"Lists": "hide"})
    assert len(lines_of(content, tmp_path)) == 1


def test_a_header_below_a_title_is_refused_with_its_row(tmp_path: Path) -> None:
    titled = sheet_of(row_of(2, ["Sales of the shop"]), row_of(4, HEADER), row_of(5, LINE))
    assert refusal(zipped(parts_of(titled)), tmp_path) == (
        "book.xlsx#Lines: the header is in row 4, and row 2 is filled: delete the rows above the header"
    )


def test_a_sheet_that_is_only_a_chart_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "chart.xlsx"
    book = xlsxwriter.Workbook(str(path))
    sheet = book.add_worksheet("Lines")
    sheet.write_row(0, 0, HEADER)
    sheet.write_row(1, 0, LINE)
    chart = book.add_chart({"type": "bar"})
    chart.add_series({"values": "=Lines!$D$2:$D$2"})
    book.add_chartsheet("Chart").set_chart(chart)
    book.close()
    assert lines_of(path.read_bytes(), tmp_path) == [(*LINE, None)]


@pytest.mark.parametrize("kind", ["chartsheet", "dialogsheet"])
def test_a_sheet_of_lines_that_passes_for_a_chart_or_a_dialog_is_looked_at_like_any_other(
    tmp_path: Path, kind: str
) -> None:
    def disguised(sheet: str) -> bytes:
        parts = parts_of(sheet)
        relations = parts["xl/_rels/workbook.xml.rels"].replace('/worksheet"', f'/{kind}"')
        return zipped({**parts, "xl/_rels/workbook.xml.rels": relations})

    assert lines_of(disguised(PLAIN_SHEET), tmp_path) == [(*LINE, None)]
    uncalculated = refusal(disguised(with_price('<c r="F2"><f>1+1</f></c>')), tmp_path)
    assert "book.xlsx#Lines: the formula in F2 was never calculated" in uncalculated
    assert "unpacks to more than 100 times its size" in refusal(disguised(BOMB), tmp_path)


def with_second_sheet(first: str, second: str, content: str = PLAIN_SHEET) -> bytes:
    """A workbook of two sheets with a line each, of the given names as XML writes them."""
    parts = parts_of(PLAIN_SHEET)
    sheet, relation = '<sheet name="{}" sheetId="2" r:id="r3"/>', '<Relationship Id="r3" Type="{}" Target="{}"/>'
    book = parts["xl/workbook.xml"].replace('"Lines"', f'"{first}"')
    relations = parts["xl/_rels/workbook.xml.rels"]
    return zipped(
        {
            **parts,
            "xl/workbook.xml": book.replace("</sheets>", sheet.format(second) + "</sheets>"),
            "xl/_rels/workbook.xml.rels": relations.replace(
                "</Rel", relation.format(f"{OFFICE}/worksheet", "worksheets/sheet2.xml") + "</Rel"
            ),
            "xl/worksheets/sheet2.xml": content,
        }
    )


def test_two_sheets_of_one_name_are_refused(tmp_path: Path) -> None:
    message = "book.xlsx: has two sheets of the name 'May': rename one of them"
    assert refusal(with_second_sheet("May", "May"), tmp_path) == message
    assert refusal(with_second_sheet("May", "May"), tmp_path, ["May"]) == message


@pytest.mark.parametrize("end", ["\t", "&#9;"])
def test_a_sheet_is_checked_however_its_name_is_written(tmp_path: Path, end: str) -> None:
    # An XML parser reads the tab of an attribute as a space, the reader of the cells does not.
    content = with_second_sheet("May", f"Ju{end}ne", with_price('<c r="F2"><f>1+1</f></c>'))
    assert "ne: the formula in F2 was never calculated" in refusal(content, tmp_path)
    assert len(lines_of(with_second_sheet("May", f"Ju{end}ne", PLAIN_SHEET), tmp_path)) == 2


def test_a_million_formatted_rows_without_a_value_are_no_lines(tmp_path: Path) -> None:
    formatted = "".join(
        f'<row r="{n}" s="1" customFormat="1"><c r="A{n}" s="1"/><c r="H{n}" s="1"/></row>' for n in range(3, 1_048_577)
    )
    sheet = sheet_of(row_of(1, HEADER), row_of(2, LINE), formatted)
    assert of_sheet(sheet, tmp_path) == [(*LINE, None)]


# --- what would exhaust the memory, or reach out of the workbook ------------------------------------------------
BOMB = "<sheetData>" + "<row></row>" * 2_000_000


def with_claimed_size(content: bytes, name: str, size: int) -> bytes:
    """The archive with another unpacked size in its directory, for one of its parts."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        part = archive.getinfo(name)
    packed = bytearray(content)
    directory_entry = packed.rindex(b"PK\x01\x02", 0, packed.rindex(name.encode()))
    for offset in (part.header_offset + 22, directory_entry + 24):
        packed[offset : offset + 4] = struct.pack("<I", size)
    return bytes(packed)


def test_a_sheet_that_unpacks_to_too_much_is_refused_by_the_directory_and_where_that_lies(tmp_path: Path) -> None:
    bomb = zipped(parts_of(BOMB))
    message = "book.xlsx#Lines: xl/worksheets/sheet1.xml unpacks to more than 100 times its size"
    assert refusal(bomb, tmp_path).startswith(message)
    assert refusal(with_claimed_size(bomb, "xl/worksheets/sheet1.xml", 1000), tmp_path).startswith(message)


@pytest.mark.parametrize("name", ["xl/sharedStrings.xml", "xl/styles.xml", "xl/media/image1.png", "xl/workbook.xml"])
def test_any_other_part_that_unpacks_to_too_much_is_refused_by_its_name(tmp_path: Path, name: str) -> None:
    message = refusal(zipped({**parts_of(PLAIN_SHEET), name: BOMB}), tmp_path)
    assert message.startswith(f"book.xlsx: {name} unpacks to more than 100 times its size")


def test_a_cell_far_from_the_table_is_refused_before_every_cell_between_takes_memory(tmp_path: Path) -> None:
    far = '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    message = refusal(zipped(parts_of(sheet_of(row_of(1, HEADER), row_of(2, LINE), far))), tmp_path)
    assert message == (
        "book.xlsx#Lines: its cells reach to XFD1048576: with the blank ones between 17,179,869,184, more than "
        "41,943,040: delete the cells far from the table"
    )


def test_a_long_text_that_very_many_cells_share_is_refused(tmp_path: Path) -> None:
    cells = "".join(f'<row r="{n}"><c r="C{n}" t="s"><v>0</v></c></row>' for n in range(2, 40_000))
    noise = random.Random(5).choices("ABCDEFGH", k=32_000)
    shared = f'<sst xmlns="{SPREADSHEETML}"><si><t>{"".join(noise)}</t></si></sst>'
    parts = {**parts_of(sheet_of(row_of(1, HEADER), cells)), "xl/sharedStrings.xml": shared}
    message = refusal(zipped(parts), tmp_path)
    assert "book.xlsx#Lines: its cells hold 1,280," in message
    few = {**parts_of(sheet_of(row_of(1, HEADER), cells[: cells.index("</row>") + 6])), "xl/sharedStrings.xml": shared}
    assert len(lines_of(zipped(few), tmp_path)[0][2] or "") == 32_000


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
        ('<!DOCTYPE x [<!ENTITY % e SYSTEM "http://127.0.0.1:9/e.dtd"> %e;]>', "HEART"),
        (LAUGHS + "]>", "&m;"),
        (LAUGHS + "]>", "HEART"),
    ],
)
@pytest.mark.parametrize("part", ["xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/workbook.xml"])
def test_a_document_type_with_its_entities_is_refused_in_every_part(
    tmp_path: Path, part: str, declared: str, text: str
) -> None:
    shared = f'<sst xmlns="{SPREADSHEETML}"><si><t>HEART</t></si></sst>'
    parts = {**parts_of(PLAIN_SHEET), "xl/sharedStrings.xml": shared}
    head, _, body = parts[part].rpartition("?>")
    parts[part] = head + ("?>" if head else "") + declared + body.replace("HEART", text).replace("Lines", text)
    message = refusal(zipped(parts), tmp_path)
    assert message.startswith("book.xlsx")
    assert message.endswith(f"{part} declares a document type, as no workbook does")


# --- damage -----------------------------------------------------------------------------------------------------
def test_a_workbook_with_a_password_is_refused_with_the_remedy(tmp_path: Path) -> None:
    # The head of an OLE container, and the name of the stream that holds an encrypted workbook in its directory.
    container = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".ljust(1024, b"\0") + "EncryptedPackage".encode("utf-16-le")
    message = refusal(container.ljust(4096, b"\0"), tmp_path)
    assert message == "book.xlsx: is protected by a password: save it without one"


def test_an_archive_that_is_protected_by_a_password_is_refused(tmp_path: Path) -> None:
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
        ("xl/worksheets/sheet1.xml", PLAIN_SHEET[:-40], "#Lines: cannot be read: "),
        ("xl/worksheets/sheet1.xml", with_price('<c r="F2" t="s"><v>5</v></c>'), "#Lines: cannot be read: "),
        ("xl/workbook.xml", "<workbook><sheets>", ": cannot be read as a workbook: its XML is damaged: "),
        ("XL/Worksheets\\Sheet1.xml", PLAIN_SHEET, ": holds the part XL/Worksheets\\Sheet1.xml twice: it is"),
    ],
)
def test_a_part_that_is_missing_doubled_or_damaged_is_named(
    tmp_path: Path, part: str, content: str | None, message: str
) -> None:
    parts = parts_of(PLAIN_SHEET)
    parts.pop(part, None)
    assert f"book.xlsx{message}" in refusal(zipped(parts | ({part: content} if content else {})), tmp_path)


PUT_IN = [b"<", b">", b'"', b"&", b"<f/>", b"</c>", b'<c r="ZZ9999999"><v>1</v></c>', b"9"]


def mutated(content: bytes, rng: random.Random) -> bytes:
    """The bytes with up to four changes: bytes replaced, put in, left out, doubled, the rest cut off."""
    changed = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(changed) + 1)
        length = rng.randint(1, 20)
        kind = rng.randrange(10)
        if kind < 3:
            changed[at : at + 1] = rng.randbytes(1)
        elif kind < 5:
            changed[at:at] = rng.choice(PUT_IN)
        elif kind < 7:
            del changed[at : at + length]
        elif kind < 9:
            changed[at:at] = changed[at : at + length]
        else:
            del changed[at:]
    return bytes(changed)


def test_whatever_bytes_are_changed_a_workbook_is_read_or_refused_in_one_message(tmp_path: Path) -> None:
    rng = random.Random(20101201)
    merged = '<mergeCells><mergeCell ref="G2:G3"/></mergeCells>'
    formula = row_of(3, LINE).replace(text_cell("F3", "2.55"), '<c r="F3"><f>1+1</f><v>2</v></c>')
    parts: dict[str, Any] = parts_of(sheet_of(row_of(1, HEADER), row_of(2, LINE), formula, after=merged))
    whole = zipped(parts)
    messages = []
    for number in range(400):
        name = rng.choice(list(parts))
        inside = number % 2
        content = zipped({**parts, name: mutated(parts[name].encode(), rng)}) if inside else mutated(whole, rng)
        try:
            lines_of(content, tmp_path)
        except InputError as error:
            messages.append(str(error))
    assert 100 < len(messages) < 400
    assert [message for message in messages if not re.fullmatch(r"book\.xlsx(#[^\n]*)?: [^\n]+", message)] == []
