"""Excel workbooks → Arrow tables of raw lines, on the driver."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import fastexcel
import pyarrow as pa
import pyarrow.compute as pc

from segmentation.config_messages import did_you_mean
from segmentation.errors import InputError
from segmentation.headers import locate_columns
from segmentation.schemas import LINE_FIELDS, SOURCE_FILE, UNPARSED_LINE, raw

logger = logging.getLogger(__name__)

RAW_TABLE = pa.schema(
    [(name, pa.string()) for name in (*(raw(field) for field in LINE_FIELDS), SOURCE_FILE, UNPARSED_LINE)]
)


def read_workbook(local: Path, path: str, columns: Mapping[str, str], sheets: Sequence[str] | None) -> pa.Table:
    """One row per row of the named sheets (None: all) that is not blank, every cell as text: dates as
    `2010-12-01 08:26:00`, whole numbers without a fraction. `source_file` is `path#sheet`.

    Of all sheets, those without any of the columns (notes, a cover) are left out with a warning.
    Raises InputError for a file that is no workbook, a sheet that is not there, missing or doubled columns.
    """
    try:
        reader = fastexcel.read_excel(local)
    except fastexcel.FastExcelError as error:
        raise InputError(f"{path}: cannot be read as a workbook: {_first_line(error)}") from None
    for sheet in sheets or ():
        if sheet not in reader.sheet_names:
            raise InputError(f"{path}: there is no sheet {sheet!r}{did_you_mean(sheet, reader.sheet_names)}")
    tables = [
        table
        for sheet in dict.fromkeys(sheets or reader.sheet_names)
        if (table := _read_sheet(reader, sheet, f"{path}#{sheet}", columns, required=sheets is not None)) is not None
    ]
    if not tables:
        wanted = ", ".join(columns.values())
        raise InputError(f"{path}: none of its sheets ({', '.join(reader.sheet_names)}) has the columns {wanted}")
    return pa.concat_tables(tables)


def _read_sheet(
    reader: fastexcel.ExcelReader, sheet: str, place: str, columns: Mapping[str, str], required: bool
) -> pa.Table | None:
    try:
        header = reader.load_sheet(sheet, header_row=None, n_rows=1, dtypes="string").to_arrow()
        names = [str(column[0].as_py() or "") if len(column) else "" for column in header.columns]
        if not required and not {name.strip() for name in names} & set(columns.values()):
            logger.warning("%s has none of the columns and was left out", place)
            return None
        positions = locate_columns(names, columns, place)
        cells = reader.load_sheet(sheet, dtypes="string").to_arrow()
    except fastexcel.FastExcelError as error:
        raise InputError(f"{place}: cannot be read: {_first_line(error)}") from None
    fields = [cells.column(positions[field]).cast(pa.string()) for field in LINE_FIELDS]
    table = pa.Table.from_arrays(
        [*fields, pa.repeat(pa.scalar(place), cells.num_rows), pa.nulls(cells.num_rows, pa.string())], schema=RAW_TABLE
    )
    blank = pc.is_null(table[raw(LINE_FIELDS[0])])
    for field in LINE_FIELDS[1:]:
        blank = pc.and_(blank, pc.is_null(table[raw(field)]))
    return table.filter(pc.invert(blank))


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
