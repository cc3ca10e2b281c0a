"""Workbooks made of XML, part by part, so that a test can damage any of it, and how tests read them."""

import zipfile
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path

import pytest

from segmentation import schemas as s
from segmentation.errors import InputError
from segmentation.ingest.workbook_guards import OLE_CONTAINER
from segmentation.ingest.xlsx import read_workbook
from tests.hostile_files import COLUMNS, HEADER

SPREADSHEETML = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
LINE = ["536365", "85123A", "HEART", "6", "2010-12-01", "2.55", "17850", "France"]


def text_cell(name: str, text: str) -> str:
    return f'<c r="{name}" t="inlineStr"><is><t>{text}</t></is></c>'


def row_of(number: int, texts: Sequence[str]) -> str:
    cells = "".join(text_cell(f"{letter}{number}", text) for letter, text in zip("ABCDEFGHIJ", texts, strict=False))
    return f'<row r="{number}">{cells}</row>'


def sheet_of(*rows: str, after: str = "") -> str:
    return f'<worksheet xmlns="{SPREADSHEETML}"><sheetData>{"".join(rows)}</sheetData>{after}</worksheet>'


PLAIN_SHEET = sheet_of(row_of(1, HEADER), row_of(2, LINE))


def parts_of(sheet: str, before: str = "", calculation: str = "") -> dict[str, str]:
    """Return the parts of the smallest workbook, of one sheet `Lines`; `before` precedes the sheet's root element."""
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


def with_price(cell: str) -> str:
    """Return a sheet with one line, whose price is the given cell in F2."""
    return sheet_of(row_of(1, HEADER), row_of(2, LINE).replace(text_cell("F2", "2.55"), cell))


def zipped(parts: Mapping[str, str | bytes]) -> bytes:
    content = BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return content.getvalue()


def with_second_sheet(first: str, second: str, content: str = PLAIN_SHEET) -> bytes:
    """Return a workbook of two sheets with a line each, with the given names as XML writes them."""
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


def workbook_lines(content: bytes, folder: Path, sheets: Sequence[str] | None = None) -> list[tuple[str | None, ...]]:
    """Return the eight fields of each row, and why the row is unparsed."""
    path = folder / ("book.xls" if content.startswith(OLE_CONTAINER) else "book.xlsx")
    path.write_bytes(content)
    table = read_workbook(path, "book.xlsx", COLUMNS, sheets)
    return list(zip(*[table[name].to_pylist() for name in [*map(s.raw, s.LINE_FIELDS), s.UNPARSED_LINE]], strict=True))


def sheet_lines(sheet: str, folder: Path, **more: str) -> list[tuple[str | None, ...]]:
    return workbook_lines(zipped(parts_of(sheet, **more)), folder)


def refusal(content: bytes, folder: Path, sheets: Sequence[str] | None = None) -> str:
    """Return the one message with which a workbook is refused."""
    with pytest.raises(InputError) as refused:
        workbook_lines(content, folder, sheets)
    assert "\n" not in str(refused.value)
    return str(refused.value)
