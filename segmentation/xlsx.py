"""Excel workbooks → Arrow tables of raw lines, on the driver."""

import logging
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import fastexcel
import pyarrow as pa
import pyarrow.compute as pc

from segmentation.config_messages import did_you_mean
from segmentation.errors import InputError
from segmentation.headers import locate_columns
from segmentation.schemas import INVOICE_DATE, LINE_FIELDS, SOURCE_FILE, UNPARSED_LINE, raw
from segmentation.sheet_xml import SheetMarks, cell_name
from segmentation.workbook_parts import inspect_workbook

logger = logging.getLogger(__name__)

RAW_TABLE = pa.schema(
    [(name, pa.string()) for name in (*(raw(field) for field in LINE_FIELDS), SOURCE_FILE, UNPARSED_LINE)]
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
    position = positions[INVOICE_DATE]
    for row in _impossible_dates(fields[position]):
        damage[row] = f"{cell_name(marks.first_row + row, left + position)} is a date before {FIRST_DAY}"
    table = pa.Table.from_arrays(
        [
            *[fields[positions[field]] for field in LINE_FIELDS],
            pa.repeat(pa.scalar(place), cells.num_rows),
            _with_texts(pa.nulls(cells.num_rows, pa.string()), damage),
        ],
        schema=RAW_TABLE,
    ).slice(1)
    blank = pc.is_null(table[raw(LINE_FIELDS[0])])
    for field in LINE_FIELDS[1:]:
        blank = pc.and_(blank, pc.is_null(table[raw(field)]))
    lines = table.filter(pc.invert(blank))
    damaged = lines[UNPARSED_LINE].drop_null()
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
