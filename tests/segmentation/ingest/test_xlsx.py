"""Workbooks, read on the driver: sheets, cells as text, and what is refused."""

import logging
import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from segmentation import schemas as s
from segmentation.errors import InputError
from segmentation.ingest.xlsx import read_workbook

COLUMNS = dict(
    zip(
        s.LINE_FIELDS,
        ("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"),
        strict=True,
    )
)
HEADER = list(COLUMNS.values())
LINE = [536365, "85123A", "HEART", 6, datetime(2010, 12, 1, 8, 26), 2.55, 17850, "United Kingdom"]
AS_TEXT = ("536365", "85123A", "HEART", "6", "2010-12-01 08:26:00", "2.55", "17850", "United Kingdom")


def workbook(folder: Path, sheets: Mapping[str, Sequence[Sequence[Any]]], **options: Any) -> Path:
    """A workbook with the given rows in its sheets; a cell that is None is not written at all."""
    path = folder / "book.xlsx"
    book = xlsxwriter.Workbook(str(path), {"default_date_format": "dd/mm/yyyy hh:mm", **options})
    for name, rows in sheets.items():
        sheet = book.add_worksheet(name)
        for row, cells in enumerate(rows):
            for column, cell in enumerate(cells):
                if cell == "=NA()":
                    sheet.write_formula(row, column, cell, None, "#N/A")
                elif cell is not None:
                    sheet.write(row, column, cell)
    book.close()
    return path


def read(path: Path, sheets: Sequence[str] | None = None) -> list[tuple[str | None, ...]]:
    """The eight fields of each row as text."""
    table = read_workbook(path, "book.xlsx", COLUMNS, sheets)
    return list(zip(*[table[s.raw(field)].to_pylist() for field in s.LINE_FIELDS], strict=True))


def test_every_kind_of_cell_becomes_the_text_a_person_would_write(tmp_path: Path) -> None:
    rows = [
        HEADER,
        LINE,
        # An invoice as text, a code as a number, a price that no double holds, a day number, an id as text, no country.
        ["C536379", 22633, "", -1, 40513.3513888889, 0.1 + 0.2, "17850.0", None],
        [536381.0, "D", True, 1e9, date(2010, 12, 1), 0.00001, None, "=NA()"],
    ]
    first, second, third = read(workbook(tmp_path, {"Online Retail": rows}))
    assert first == AS_TEXT
    assert second[:4] == ("C536379", "22633", None, "-1")
    assert second[4].startswith("40513.35138888")
    assert second[5:] == ("0.3", "17850.0", None)
    assert third == ("536381", "D", "true", "1000000000", "2010-12-01 00:00:00", "0.00001", None, "#N/A")


@pytest.mark.parametrize("epoch_1904", [False, True])
def test_a_date_cell_keeps_its_minute_at_every_minute_of_the_day(tmp_path: Path, epoch_1904: bool) -> None:
    minutes = [datetime(2010, 12, 1) + timedelta(minutes=minute) for minute in range(24 * 60)]
    rows = [HEADER, *[[*LINE[:4], minute, *LINE[5:]] for minute in minutes]]
    path = workbook(tmp_path, {"A": rows}, date_1904=epoch_1904)
    table = read_workbook(path, "book.xlsx", COLUMNS, None)
    assert table[s.raw(s.INVOICE_DATE)].to_pylist() == [str(minute) for minute in minutes]


def test_all_sheets_are_read_each_by_its_own_header_and_told_apart_by_source(tmp_path: Path) -> None:
    path = workbook(
        tmp_path,
        {
            "Year 2009-2010": [HEADER, LINE],
            "Year 2010-2011": [["Extra", *reversed(HEADER)], ["?", *reversed(LINE)], ["?", *reversed(LINE)]],
        },
    )
    assert read(path) == [AS_TEXT] * 3
    sources = read_workbook(path, "in/book.xlsx", COLUMNS, None)[s.SOURCE_FILE].to_pylist()
    assert sources == ["in/book.xlsx#Year 2009-2010"] + ["in/book.xlsx#Year 2010-2011"] * 2


def test_only_the_named_sheets_are_read_where_some_are_named(tmp_path: Path) -> None:
    other = [*LINE[:2], "OTHER", *LINE[3:]]
    path = workbook(tmp_path, {"A": [HEADER, LINE], "B": [HEADER, other], "Broken": [["x"]]})
    assert [line[2] for line in read(path, ["B"])] == ["OTHER"]
    assert [line[2] for line in read(path, ["B", "A"])] == ["OTHER", "HEART"]


def test_a_misspelt_sheet_is_an_error_with_the_nearest_name(tmp_path: Path) -> None:
    path = workbook(tmp_path, {"Year 2009-2010": [HEADER, LINE], "Year 2010-2011": [HEADER, LINE]})
    with pytest.raises(InputError, match="there is no sheet 'Year 2010-201': did you mean 'Year 2010-2011'"):
        read(path, ["Year 2010-201"])
    with pytest.raises(InputError, match="there is no sheet 'Sales': known are Year 2009-2010, Year 2010-2011"):
        read(path, ["Sales"])


def test_a_cover_sheet_and_an_empty_one_are_left_out_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = workbook(tmp_path, {"Notes": [["Sales of the shop"], ["by us"]], "Data": [HEADER, LINE], "Empty": []})
    with caplog.at_level(logging.WARNING):
        assert read(path) == [AS_TEXT]
    assert "book.xlsx#Notes has none of the columns and was left out" in caplog.text
    assert "book.xlsx#Empty has none of the columns and was left out" in caplog.text


def test_a_cover_sheet_that_is_asked_for_by_name_is_an_error(tmp_path: Path) -> None:
    path = workbook(tmp_path, {"Notes": [["Sales"]], "Data": [HEADER, LINE]})
    with pytest.raises(InputError, match=r"book\.xlsx#Notes: column 'InvoiceNo' \(for invoice_no\) is missing"):
        read(path, ["Notes"])


def test_a_workbook_without_a_single_sheet_of_lines_is_an_error_that_lists_the_sheets(tmp_path: Path) -> None:
    path = workbook(tmp_path, {"A": [["a", "b"], [1, 2]], "B": []})
    with pytest.raises(InputError, match=r"none of its sheets \(A, B\) has the columns InvoiceNo, StockCode"):
        read(path)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (["Customer ID" if name == "CustomerID" else name for name in HEADER], "the nearest is 'Customer ID'"),
        (HEADER[:-1], "column 'Country' (for country) is missing"),
        ([*HEADER, "Country"], "column 'Country' (for country) is there 2 times"),
    ],
)
def test_a_renamed_missing_or_doubled_column_is_an_error_that_names_the_sheet(
    tmp_path: Path, header: list[str], message: str
) -> None:
    path = workbook(tmp_path, {"Sheet A": [header, LINE]})
    with pytest.raises(InputError, match=r"book\.xlsx#Sheet A: .*" + re.escape(message)):
        read(path)


def test_blank_rows_are_no_lines_wherever_they_are_and_the_table_may_start_anywhere(tmp_path: Path) -> None:
    shifted = [[], [], [None, *HEADER], [], [None, *LINE], [], [], [None, *LINE], []]
    assert read(workbook(tmp_path, {"A": shifted})) == [AS_TEXT, AS_TEXT]


def test_unnamed_and_extra_columns_do_not_shift_the_fields(tmp_path: Path) -> None:
    rows = [[HEADER[0], None, *HEADER[1:]], [LINE[0], "?", *LINE[1:], "beyond the header"]]
    assert read(workbook(tmp_path, {"A": rows})) == [AS_TEXT]


def test_a_row_with_a_single_cell_is_a_line_whose_other_fields_are_missing(tmp_path: Path) -> None:
    assert read(workbook(tmp_path, {"A": [HEADER, [536365]]})) == [("536365", *[None] * 7)]


def test_a_sheet_with_a_header_only_has_no_lines(tmp_path: Path) -> None:
    assert read(workbook(tmp_path, {"A": [HEADER]})) == []


@pytest.mark.parametrize("content", [b"PK\x03\x04 cut off", b"InvoiceNo,StockCode\n", b"\xd0\xcf\x11\xe0 old Excel"])
def test_a_file_that_is_no_workbook_is_an_error_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "book.xlsx"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"^book\.xlsx: cannot be read as a workbook: [^\n]+$"):
        read(path)
