"""Read workbooks on the driver: sheets, cells as text, errors, dates, hidden sheets."""

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
from tests.hostile_files import COLUMNS, HEADER
from tests.old_workbooks import old_workbook
from tests.workbooks import (
    LINE,
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

VALUES = [536365, "85123A", "HEART", 6, datetime(2010, 12, 1, 8, 26), 2.55, 17850, "United Kingdom"]
AS_TEXT = ("536365", "85123A", "HEART", "6", "2010-12-01 08:26:00", "2.55", "17850", "United Kingdom")


def workbook(
    folder: Path, sheets: Mapping[str, Sequence[Sequence[Any]]], hidden: Mapping[str, str] | None = None, **options: Any
) -> Path:
    """Write a workbook with the given rows in its sheets; a cell that is None is not written at all.

    `hidden` maps the sheets to hide to the writer's method for it.
    """
    path = folder / "book.xlsx"
    book = xlsxwriter.Workbook(str(path), {"default_date_format": "dd/mm/yyyy hh:mm", **options})
    for name, rows in sheets.items():
        sheet = book.add_worksheet(name)
        if hidden and name in hidden:
            getattr(sheet, hidden[name])()
        for row, cells in enumerate(rows):
            for column, cell in enumerate(cells):
                if cell == "=NA()":
                    sheet.write_formula(row, column, cell, None, "#N/A")
                elif cell is not None:
                    sheet.write(row, column, cell)
    book.close()
    return path


def read(path: Path, sheets: Sequence[str] | None = None) -> list[tuple[str | None, ...]]:
    """Return the eight fields of each row as text."""
    table = read_workbook(path, "book.xlsx", COLUMNS, sheets)
    return list(zip(*[table[s.raw(field)].to_pylist() for field in s.LINE_FIELDS], strict=True))


def test_every_kind_of_cell_becomes_the_text_a_person_would_write(tmp_path: Path) -> None:
    rows = [
        HEADER,
        VALUES,
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
def test_a_date_cell_keeps_its_minute_in_both_calendars(tmp_path: Path, epoch_1904: bool) -> None:
    minutes = [datetime(2010, 12, 1) + timedelta(minutes=minute) for minute in range(24 * 60)]
    rows = [HEADER, *[[*VALUES[:4], minute, *VALUES[5:]] for minute in minutes]]
    path = workbook(tmp_path, {"A": rows}, date_1904=epoch_1904)
    table = read_workbook(path, "book.xlsx", COLUMNS, None)
    assert table[s.raw(s.INVOICE_DATE)].to_pylist() == [str(minute) for minute in minutes]


def test_each_sheet_is_read_by_its_own_header_under_its_own_source(tmp_path: Path) -> None:
    path = workbook(
        tmp_path,
        {
            "Year 2009-2010": [HEADER, VALUES],
            "Year 2010-2011": [["Extra", *reversed(HEADER)], ["?", *reversed(VALUES)], ["?", *reversed(VALUES)]],
        },
    )
    assert read(path) == [AS_TEXT] * 3
    sources = read_workbook(path, "in/book.xlsx", COLUMNS, None)[s.SOURCE_FILE].to_pylist()
    assert sources == ["in/book.xlsx#Year 2009-2010"] + ["in/book.xlsx#Year 2010-2011"] * 2


def test_only_the_named_sheets_are_read_where_some_are_named(tmp_path: Path) -> None:
    other = [*VALUES[:2], "OTHER", *VALUES[3:]]
    path = workbook(tmp_path, {"A": [HEADER, VALUES], "B": [HEADER, other], "Broken": [["x"]]})
    assert [line[2] for line in read(path, ["B"])] == ["OTHER"]
    assert [line[2] for line in read(path, ["B", "A"])] == ["OTHER", "HEART"]


def test_a_misspelt_sheet_is_an_error_with_the_nearest_name(tmp_path: Path) -> None:
    path = workbook(tmp_path, {"Year 2009-2010": [HEADER, VALUES], "Year 2010-2011": [HEADER, VALUES]})
    with pytest.raises(InputError, match="there is no sheet 'Year 2010-201': did you mean 'Year 2010-2011'"):
        read(path, ["Year 2010-201"])
    with pytest.raises(InputError, match="there is no sheet 'Sales': known are Year 2009-2010, Year 2010-2011"):
        read(path, ["Sales"])


def test_a_cover_sheet_and_an_empty_one_are_left_out_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = workbook(tmp_path, {"Notes": [["Sales of the shop"], ["by us"]], "Data": [HEADER, VALUES], "Empty": []})
    with caplog.at_level(logging.WARNING):
        assert read(path) == [AS_TEXT]
    assert "book.xlsx#Notes has none of the columns and was left out" in caplog.text
    assert "book.xlsx#Empty has none of the columns and was left out" in caplog.text


def test_a_workbook_without_any_lines_is_an_error_that_lists_the_sheets(tmp_path: Path) -> None:
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
    path = workbook(tmp_path, {"Sheet A": [header, VALUES]})
    with pytest.raises(InputError, match=r"book\.xlsx#Sheet A: .*" + re.escape(message)):
        read(path)


def test_the_table_may_start_anywhere_and_blank_rows_are_no_lines(tmp_path: Path) -> None:
    shifted = [[], [], [None, *HEADER], [], [None, *VALUES], [], [], [None, *VALUES], []]
    assert read(workbook(tmp_path, {"A": shifted})) == [AS_TEXT, AS_TEXT]


@pytest.mark.parametrize("content", [b"PK\x03\x04 cut off", b"InvoiceNo,StockCode\n", b"\xd0\xcf\x11\xe0 old Excel"])
def test_a_file_that_is_no_workbook_is_an_error_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "book.xlsx"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"^book\.xlsx: cannot be read as a workbook: [^\n]+$"):
        read(path)


@pytest.mark.parametrize("error", ["#DIV/0!", "#N/A"])
def test_an_error_in_a_cell_is_read_as_shown_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, error: str
) -> None:
    with caplog.at_level(logging.WARNING):
        [line] = sheet_lines(with_price(f'<c r="F2" t="e"><f>1/0</f><v>{error}</v></c>'), tmp_path)
    assert line == (*LINE[:5], error, *LINE[6:], f"F2 is {error}")
    warning = "book.xlsx#Lines: lines malformed by an error, an impossible date or a merged cell: 1, the first as F2 is"
    assert f"{warning} {error}" in caplog.text


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
def test_a_date_of_any_cell_type_is_read_as_text_and_never_as_a_blank(tmp_path: Path, cell: str, text: str) -> None:
    formats = '<cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="22"/></cellXfs>'
    sheet = sheet_of(row_of(1, HEADER), row_of(2, LINE).replace(text_cell("E2", "2010-12-01"), cell))
    parts = {**parts_of(sheet), "xl/styles.xml": f'<styleSheet xmlns="{SPREADSHEETML}">{formats}</styleSheet>'}
    [line] = workbook_lines(zipped(parts), tmp_path)
    assert line[4] == text


@pytest.mark.parametrize("number", ["0", "-1", "NaN"])
def test_a_date_before_the_calendar_makes_its_line_unparsed(tmp_path: Path, number: str) -> None:
    formats = '<cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="22"/></cellXfs>'
    cell = f'<c r="E2" s="1"><v>{number}</v></c>'
    sheet = sheet_of(row_of(1, HEADER), row_of(2, LINE).replace(text_cell("E2", "2010-12-01"), cell))
    parts = {**parts_of(sheet), "xl/styles.xml": f'<styleSheet xmlns="{SPREADSHEETML}">{formats}</styleSheet>'}
    [line] = workbook_lines(zipped(parts), tmp_path)
    assert line[-1] == "E2 is a date before 1900-01-01"


@pytest.mark.parametrize("how", ["hide", "very_hidden"])
def test_a_hidden_sheet_with_lines_is_read_only_if_it_is_named(tmp_path: Path, how: str) -> None:
    content = workbook(tmp_path, {"Lines": [HEADER, LINE], "Old": [HEADER, LINE, LINE]}, {"Old": how}).read_bytes()
    assert refusal(content, tmp_path) == (
        "book.xlsx#Old: is hidden, and holds lines: say under input.sheets in the configuration which sheets to read"
    )
    assert len(workbook_lines(content, tmp_path, ["Lines"])) == 1
    assert len(workbook_lines(content, tmp_path, ["Lines", "Old"])) == 3


@pytest.mark.parametrize("state", ["hidden", "very hidden"])
def test_a_hidden_sheet_of_an_old_workbook_is_read_only_if_it_is_named(tmp_path: Path, state: str) -> None:
    content = old_workbook([("Lines", "visible", [HEADER, LINE]), ("Old", state, [HEADER, LINE, LINE])])
    assert refusal(content, tmp_path) == (
        "book.xlsx#Old: is hidden, and holds lines: say under input.sheets in the configuration which sheets to read"
    )
    assert workbook_lines(content, tmp_path, ["Lines"]) == [(*LINE, None)]
    assert len(workbook_lines(content, tmp_path, ["Lines", "Old"])) == 3


def test_a_workbook_of_before_2007_is_read(tmp_path: Path) -> None:
    lines, more = ("Lines", "visible", [HEADER, LINE]), ("More", "visible", [HEADER, LINE, LINE])
    assert workbook_lines(old_workbook([lines, more]), tmp_path) == [(*LINE, None)] * 3
    message = "book.xlsx: has two sheets of the name 'Lines': rename one of them"
    assert refusal(old_workbook([lines, more, lines]), tmp_path) == message


def test_a_hidden_sheet_without_lines_does_not_matter(tmp_path: Path) -> None:
    path = workbook(tmp_path, {"Lines": [HEADER, LINE], "Lists": [["France"], ["EIRE"]]}, {"Lists": "hide"})
    assert len(read(path)) == 1


def test_a_header_below_a_title_is_found(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    titled = sheet_of(row_of(2, ["Sales of the shop"]), row_of(4, HEADER), row_of(5, LINE), row_of(7, LINE))
    assert workbook_lines(zipped(parts_of(titled)), tmp_path) == [(*LINE, None)] * 2
    assert "book.xlsx#Lines: the header is in row 4; what is above it is left out" in caplog.text


def test_a_chart_sheet_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "chart.xlsx"
    book = xlsxwriter.Workbook(str(path))
    sheet = book.add_worksheet("Lines")
    sheet.write_row(0, 0, HEADER)
    sheet.write_row(1, 0, LINE)
    chart = book.add_chart({"type": "bar"})
    chart.add_series({"values": "=Lines!$D$2:$D$2"})
    book.add_chartsheet("Chart").set_chart(chart)
    book.close()
    assert workbook_lines(path.read_bytes(), tmp_path) == [(*LINE, None)]


def test_two_sheets_of_one_name_are_refused(tmp_path: Path) -> None:
    message = "book.xlsx: has two sheets of the name 'May': rename one of them"
    assert refusal(with_second_sheet("May", "May"), tmp_path) == message
    assert refusal(with_second_sheet("May", "May"), tmp_path, ["May"]) == message
