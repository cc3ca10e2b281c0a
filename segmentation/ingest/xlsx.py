"""Read Excel workbooks into Arrow tables of raw lines, on the driver."""

import logging
import re
from collections.abc import Collection, Mapping, Sequence
from functools import reduce
from pathlib import Path

import fastexcel
import pyarrow as pa
import pyarrow.compute as pc

from segmentation import schemas as s
from segmentation.config.settings import DecimalMark
from segmentation.errors import InputError, did_you_mean
from segmentation.ingest.files import locate_columns
from segmentation.ingest.numbers import TypedNumber
from segmentation.ingest.values import LONGEST_NUMBER
from segmentation.ingest.workbook_guards import (
    SheetMarks,
    Workbook,
    cell_name,
    damage_named,
    inspect_sheet,
    open_workbook,
)

logger = logging.getLogger(__name__)

# A title, a date and a blank line above the table are fewer.
HEADER_IS_SOUGHT_IN_ROWS = 20
# What in a text may be a decimal comma, or a point between thousands: `2,55`, `1.234.567`, `1.234`.
DECIMAL_COMMA = re.compile(r"\d,\d|\d\.\d+\.\d|^[1-9]\d{0,2}\.\d{3}$")
# Day 1 of Excel's calendar.
FIRST_DAY = "1900-01-01"
# How the reader names the errors that a cell shows in place of a value.
SHOWN_ERRORS = {
    "Div0": "#DIV/0!",
    "NA": "#N/A",
    "Name": "#NAME?",
    "Null": "#NULL!",
    "Num": "#NUM!",
    "Ref": "#REF!",
    "Value": "#VALUE!",
}


def read_workbook(
    local: Path,
    path: str,
    columns: Mapping[str, str],
    sheets: Sequence[str] | None,
    decimal: DecimalMark = "auto",
) -> pa.Table:
    """Return one row per row of the sheets that is not blank; `sheets` None reads all of them.

    Every cell becomes text: dates as `2010-12-01 08:26:00`, whole numbers without a fraction, errors as shown. A
    quantity or money that is a number gets the decimal mark of the texts, `decimal`. A sheet without any of the
    columns, such as a cover, is left out with a warning unless it is named.

    Columns: the raw fields, `source_file` as `path#sheet`, and `unparsed_line`, which describes a cell without a value
        of its own: an error such as #N/A, a merged cell, a date that Excel's calendar does not have.
    Raises: InputError for a file that is no workbook or would exhaust the memory; a sheet that is missing, or hidden
        and not named; a missing or doubled column; a formula that was never calculated.
    """
    book, reader = _open(local, path)
    for sheet in sheets or ():
        if sheet not in reader.sheet_names:
            raise InputError(f"{path}: there is no sheet {sheet!r}{did_you_mean(sheet, reader.sheet_names)}")
    doubled = next((sheet for sheet in reader.sheet_names if reader.sheet_names.count(sheet) > 1), None)
    if doubled is not None:
        raise InputError(f"{path}: has two sheets of the name {doubled!r}: rename one of them")
    tables = []
    for sheet in dict.fromkeys(sheets or reader.sheet_names):
        marks = inspect_sheet(book, reader.sheet_names.index(sheet))
        source, is_named = f"{path}#{sheet}", sheets is not None
        table = _read_sheet(reader, sheet, source, columns, marks, is_named, decimal)
        if table is not None:
            tables.append(table)
    if not tables:
        sheet_list, column_list = ", ".join(reader.sheet_names), ", ".join(columns.values())
        raise InputError(f"{path}: none of its sheets ({sheet_list}) has the columns {column_list}")
    return pa.concat_tables(tables)


def first_rows(
    local: Path, path: str, sheets: Sequence[str] | None, count: int, decimal: DecimalMark = "auto"
) -> dict[str, list[list[str | None]]]:
    """Return the first rows of each sheet as columns of text, by `path#sheet`; blank and hidden sheets are left out.

    `sheets` names the sheets to look at, hidden ones included; None looks at all that are visible. Where texts have
    decimal commas, or `decimal` says so, cells that are numbers are `TypedNumber`.

    Raises: InputError for a file that is no workbook or would exhaust the memory.
    """
    book, reader = _open(local, path)
    rows = {}
    for index, sheet in enumerate(reader.sheet_names):
        if sheets is None or sheet in sheets:
            inspect_sheet(book, index)
            with damage_named(path):
                loaded = reader.load_sheet(index, header_row=None, dtypes="string", n_rows=count)
                cells = loaded.to_arrow_with_errors()[0]
            if cells.num_rows and (loaded.visible == "visible" or sheets is not None):
                texts = [column.to_pylist() for column in cells.columns]
                if decimal == "comma" or _may_have_commas(texts):
                    texts = _with_numbers_marked(texts, _are_numbers(reader, sheet, path, None, count))
                rows[f"{path}#{sheet}"] = texts
    return rows


def _open(local: Path, path: str) -> tuple[Workbook, fastexcel.ExcelReader]:
    book = open_workbook(local, path)
    with damage_named(path):
        reader = fastexcel.read_excel(local)
    if book.sheets is not None and len(book.sheets) != len(reader.sheet_names):
        raise InputError(f"{path}: cannot be read as a workbook: its list of sheets is damaged")
    return book, reader


def _read_sheet(
    reader: fastexcel.ExcelReader,
    sheet: str,
    path: str,
    columns: Mapping[str, str],
    marks: SheetMarks,
    is_named: bool,
    decimal: DecimalMark,
) -> pa.Table | None:
    with damage_named(path):
        # Without skipping, a row's index is its number in the sheet less one.
        loaded = reader.load_sheet(sheet, header_row=None, skip_rows=0, dtypes="string")
        cells, errors = loaded.to_arrow_with_errors()
    first = _first_filled_row(cells)
    header = _find_header(cells, columns, first)
    names = _names(cells, header)
    if header != first:
        logger.warning("%s: the header is in row %s; what is above it is left out", path, header + 1)
    if not set(names) & set(columns.values()) and not is_named:
        logger.warning("%s has none of the columns and was left out", path)
        return None
    positions = locate_columns(names, columns, path)
    if loaded.visible != "visible" and not is_named:
        raise InputError(
            f"{path}: is hidden, and holds lines: say under input.sheets in the configuration which sheets to read"
        )
    # Positions count from 0 at the first filled column, the sheet's columns from 1.
    left = loaded.available_columns()[0].absolute_index + 1
    _require_calculated(marks, [left + position for position in positions.values()], path)
    damage = _merged_rows(marks, {left + position for position in positions.values()}, header, cells.num_rows)
    fields = {position: cells.column(position).cast(pa.string()) for position in positions.values()}
    if decimal == "comma":
        are_numbers = _are_numbers(reader, sheet, path)
        for position in {positions[field] for field in s.NUMBER_FIELDS if field in positions}:
            marked = pc.replace_substring(fields[position], ".", ",")
            fields[position] = pc.if_else(are_numbers.column(position), marked, fields[position])
    for position, error_by_row in _shown_errors(errors, fields).items():
        fields[position] = _with_texts(fields[position], error_by_row)
        for row, shown in error_by_row.items():
            damage[row] = f"{cell_name(row + 1, left + position)} is {shown}"
    position = positions[s.INVOICE_DATE]
    for row in _impossible_dates(fields[position]):
        damage[row] = f"{cell_name(row + 1, left + position)} is a date before {FIRST_DAY}"
    return _raw_lines({field: fields[position] for field, position in positions.items()}, path, damage, header)


def _raw_lines(fields: Mapping[str, pa.Array], path: str, damage: Mapping[int, str], header: int) -> pa.Table:
    """Return the rows below the header with any field filled, the damaged ones marked and counted in a warning."""
    rows = len(fields[s.INVOICE_DATE])
    unparsed = _with_texts(pa.nulls(rows, pa.string()), damage)
    names = [*map(s.raw, fields), s.SOURCE_FILE, s.UNPARSED_LINE]
    table = pa.Table.from_arrays([*fields.values(), pa.repeat(pa.scalar(path), rows), unparsed], names=names)
    is_filled = reduce(pc.or_, [pc.is_valid(field) for field in fields.values()])
    lines = table.slice(header + 1).filter(is_filled.slice(header + 1))
    damaged = lines[s.UNPARSED_LINE].drop_null()
    if damaged:
        logger.warning(
            "%s: lines malformed by an error, an impossible date or a merged cell: %s, the first as %s",
            path,
            len(damaged),
            damaged[0],
        )
    return lines


def _may_have_commas(texts: Sequence[Sequence[str | None]]) -> bool:
    return any(DECIMAL_COMMA.search(text or "", 0, LONGEST_NUMBER) for column in texts for text in column)


def _are_numbers(
    reader: fastexcel.ExcelReader, sheet: str, path: str, skipped: int | None = 0, rows: int | None = None
) -> pa.Table:
    """Return for each cell whether it is a number, and no text; as far as decimal points go, also true and false."""
    with damage_named(path):
        # The reader takes numbers for true or false, and texts and dates for neither.
        loaded = reader.load_sheet(sheet, header_row=None, skip_rows=skipped, dtypes="boolean", n_rows=rows)
        cells = loaded.to_arrow()
    return pa.table([pc.is_valid(column) for column in cells.columns], names=cells.schema.names)


def _with_numbers_marked(texts: Sequence[Sequence[str | None]], are_numbers: pa.Table) -> list[list[str | None]]:
    marks = [column.to_pylist() for column in are_numbers.columns]
    return [
        [TypedNumber(text) if text and is_number else text for text, is_number in zip(column, of_column, strict=True)]
        for column, of_column in zip(texts, marks, strict=True)
    ]


def _first_filled_row(cells: pa.RecordBatch) -> int:
    filled = [pc.index(pc.is_valid(column), True).as_py() for column in cells.columns]
    return min((row for row in filled if row >= 0), default=0)


def _names(cells: pa.RecordBatch, row: int) -> list[str]:
    return [(column[row].as_py() or "").strip() for column in cells.columns if len(column)]


def _find_header(cells: pa.RecordBatch, columns: Mapping[str, str], first: int) -> int:
    """Return the row with the most columns: a title may stand above it. `first` is the first row that is filled."""
    rows = range(first, min(first + HEADER_IS_SOUGHT_IN_ROWS, cells.num_rows))
    count = {row: len(set(columns.values()).intersection(_names(cells, row))) for row in rows}
    best = max(rows, key=lambda row: count[row], default=first)
    return best if count and count[best] > max(count[first], 1) else first


def _require_calculated(marks: SheetMarks, columns: Collection[int], path: str) -> None:
    """Raise InputError where a formula has no value yet, as in a workbook that a program wrote and nobody opened."""
    cells = [(marks.uncalculated[column], column) for column in columns if column in marks.uncalculated]
    if cells:
        raise InputError(
            f"{path}: the formula in {cell_name(*min(cells))} was never calculated: open the workbook in a "
            "spreadsheet program and save it"
        )


def _merged_rows(marks: SheetMarks, columns: Collection[int], header: int, rows: int) -> dict[int, str]:
    """Return the row indexes with a field inside a merged range, of which only the first cell has a value."""
    spans = []
    for (first_row, first_column), (last_row, last_column) in marks.merged:
        fields = [column for column in columns if first_column <= column <= last_column]
        if fields:
            # The first row has its value where the range begins with the only field in it.
            start = first_row if fields == [first_column] else first_row - 1
            text = f"{cell_name(first_row, first_column)}:{cell_name(last_row, last_column)} is merged"
            spans.append((start, last_row, text))
    texts: dict[int, str] = {}
    begin = header + 1
    for first, end, text in sorted(spans):
        texts |= dict.fromkeys(range(max(first, begin), min(end, rows)), text)
        begin = max(begin, min(end, rows))  # ranges may overlap by the thousand: each row is visited once
    return texts


def _shown_errors(errors: fastexcel.CellErrors | None, positions: Collection[int]) -> dict[int, dict[int, str]]:
    """Return by position and row what a cell without a value shows: an error, or a date after all calendar days."""
    shown: dict[int, dict[int, str]] = {}
    for error in errors.errors if errors else ():
        row, position = error.position
        if position in positions:
            match = re.search(r"Error\((\w+)\)", error.detail)
            name = match[1] if match else ""
            shown.setdefault(position, {})[row] = SHOWN_ERRORS.get(name, "a value that is no text, number or date")
    return shown


def _impossible_dates(column: pa.Array) -> list[int]:
    """Return the rows with a date before Excel's calendar: the cell holds 0, a time of day or a negative number.

    The reader counts backwards from the first day. Text that somebody typed in the reader's own format counts too.
    """
    is_date = pc.match_substring_regex(column, r"^-?\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
    is_impossible = pc.and_(is_date, pc.less(column, FIRST_DAY))
    return list(pc.indices_nonzero(pc.fill_null(is_impossible, False)).to_pylist())


def _with_texts(column: pa.Array, texts: Mapping[int, str]) -> pa.Array:
    """Return the column with the rows in `texts` replaced."""
    if not texts:
        return column
    values = column.to_pylist()
    for row, text in texts.items():
        values[row] = text
    return pa.array(values, pa.string())
