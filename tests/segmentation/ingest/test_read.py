"""Every form of file seen in the wild gives the same lines."""

import csv
import gzip
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StringType

from segmentation import schemas as s
from segmentation.cleaning.parse import parse_lines
from segmentation.config.settings import InputSettings
from segmentation.errors import InputError
from segmentation.money import units_of
from tests.hostile_files import CLEANING, COLUMNS, GOOD, HEADER, INPUT, json_object, parquet, raw_texts, read

AT = datetime(2010, 12, 1, 8, 26)
COMMA = INPUT.model_copy(update={"decimal": "comma"})


Values = tuple[str, str, str, int, datetime, Decimal, str | None, str]


# Everything that makes files hard to read: commas, quotes and line ends in a field, accents, guests, codes of digits.
TEN: list[Values] = [
    ("536365", "85123A", "WHITE HANGING HEART", 6, AT, Decimal("2.55"), "17850", "United Kingdom"),
    ("536365", "22633", "HAND WARMER, UNION JACK", 8, AT, Decimal("1.85"), "17850", "United Kingdom"),
    ("536366", "22633", '7" RECORD "HITS"', 2, datetime(2010, 12, 13, 23, 59), Decimal("0.1"), "13047", "EIRE"),
    ("536367", "84879", "FIRST LINE\nSECOND LINE", 32, datetime(2010, 12, 2), Decimal("1.69"), "13047", "EIRE"),
    ("536368", "21730", "CAFÉ CRÈME £5 ÑANDÚ", 1, datetime(2010, 12, 2, 13, 5), Decimal("12.75"), "12583", "France"),
    ("536369", "POST", "", 3, datetime(2010, 12, 3, 9, 0), Decimal("18"), "12583", "France"),
    (
        "536370",
        "22752",
        "GUEST'S BOX; BIG | RED",
        2,
        datetime(2010, 12, 4, 10, 1),
        Decimal("7.65"),
        None,
        "Unspecified",
    ),
    ("C536379", "D", "Discount", -1, datetime(2010, 12, 5, 11, 11), Decimal("27.5"), "14527", "Germany"),
    ("A563185", "B", "Adjust bad debt", 1, datetime(2011, 8, 12, 14, 50), Decimal("-11062.06"), None, "Germany"),
    ("581587", "22138", "BAKING SET 9 PIECE", 80995, datetime(2011, 12, 9, 12, 50), Decimal("0.001"), "16446", "EIRE"),
]


def us(moment: datetime) -> str:
    return f"{moment.month}/{moment.day}/{moment.year} {moment.hour}:{moment.minute:02}"


def day_number(moment: datetime) -> float:
    """Return the day number of Excel's calendar."""
    since = moment - datetime(1899, 12, 30)
    return since.days + since.seconds / 86_400


def text_rows(
    when: Callable[[datetime], Any] = str, customer: str = "{}", lines: Sequence[Values] = TEN
) -> list[list[str]]:
    """Return the lines as text, with dates and ids in the given form; a missing id is blank."""
    return [
        [
            *line[:3],
            str(line[3]),
            str(when(line[4])),
            str(line[5]),
            customer.format(line[6]) if line[6] else "",
            line[7],
        ]
        for line in lines
    ]


def csv_bytes(
    rows: Sequence[Sequence[str]],
    header: Sequence[str] = HEADER,
    encoding: str = "utf-8",
    newline: str = "\n",
    delimiter: str = ",",
    quoting: Any = csv.QUOTE_MINIMAL,
) -> bytes:
    target = StringIO()
    writer = csv.writer(target, lineterminator=newline, delimiter=delimiter, quoting=quoting)
    writer.writerows([header, *rows])
    return target.getvalue().encode(encoding)


def as_csv(name: str = "lines.csv", compress: bool = False, rows: Any = None, **form: Any) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        content = csv_bytes(rows if rows is not None else text_rows(), **form)
        (folder / name).write_bytes(gzip.compress(content) if compress else content)
        return folder / name

    return write


def as_json(name: str, array: bool = False, drop_nulls: bool = False) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        objects = []
        for values, texts in zip(TEN, text_rows(), strict=True):
            fields = dict(zip(HEADER, texts, strict=True))
            fields |= {"Quantity": values[3], "UnitPrice": float(values[5])}
            fields["CustomerID"] = float(values[6]) if values[6] else None
            fields["StockCode"] = int(values[1]) if values[1].isdigit() else values[1]
            objects.append({key: value for key, value in fields.items() if value is not None or not drop_nulls})
        lines = json.dumps(objects, indent=1) if array else "\n".join(json.dumps(fields) for fields in objects) + "\n"
        (folder / name).write_text(lines, encoding="utf-8")
        return folder / name

    return write


def table(**types: pa.DataType) -> pa.Table:
    """Return the ten lines as an Arrow table of text, with other types for some columns."""
    arrays = []
    for position, name in enumerate(HEADER):
        values = [line[position] for line in TEN]
        kind = types.get(name, pa.string())
        if pa.types.is_timestamp(kind) or pa.types.is_decimal(kind):
            arrays.append(pa.array(values, pa.timestamp(kind.unit) if pa.types.is_timestamp(kind) else kind).cast(kind))
        elif pa.types.is_integer(kind):
            arrays.append(pa.array([None if value is None else int(value) for value in values], kind))
        elif pa.types.is_floating(kind):
            arrays.append(pa.array([None if value is None else float(value) for value in values], kind))
        else:
            arrays.append(pa.array([None if value is None else str(value) for value in values], kind))
    return pa.table(arrays, names=HEADER)


def as_parquet(slices: tuple[int, int] = (0, 10), **types: pa.DataType) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = folder / f"{slices[0]}.parquet"
        pq.write_table(table(**types).slice(slices[0], slices[1] - slices[0]), path)
        return path

    return write


def as_xlsx(*parts: Sequence[Values], day_numbers: bool = False) -> Callable[[Path], Path]:
    """Write a workbook with a sheet for each part and a cover, numbers as numbers, ids as floats."""

    def write(folder: Path) -> Path:
        path = folder / "lines.xlsx"
        book = xlsxwriter.Workbook(str(path), {"default_date_format": "dd/mm/yyyy hh:mm"})
        book.add_worksheet("Cover").write(0, 0, "Sales")
        for part in parts:
            sheet = book.add_worksheet()
            rows: list[Any] = [HEADER]
            for line in part:
                code = int(line[1]) if line[1].isdigit() else line[1]
                when = day_number(line[4]) if day_numbers else line[4]
                customer = float(line[6]) if line[6] else None
                rows.append([line[0], code, line[2], line[3], when, float(line[5]), customer, line[7]])
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, row)
        book.close()
        return path

    return write


def as_directory(*writers: Callable[[Path], Path]) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        for number, writer in enumerate(writers):
            inner = folder / "all" / f"month={number}"
            inner.mkdir(parents=True)
            writer(inner)
        (folder / "all" / "_SUCCESS").write_text("")
        (folder / "all" / ".hidden.csv").write_text("not data")
        return folder / "all"

    return write


FORMS: dict[str, Callable[[Path], Path]] = {
    "CSV, UTF-8, LF": as_csv(),
    "CSV, UTF-8 with BOM, CRLF, all quoted": as_csv(encoding="utf-8-sig", newline="\r\n", quoting=csv.QUOTE_ALL),
    "CSV, gzip, ISO-8859-1": as_csv("lines.csv.gz", compress=True, encoding="iso-8859-1"),
    "CSV, semicolons": as_csv(delimiter=";"),
    "CSV, bars, no known ending": as_csv("lines.data", delimiter="|"),
    "CSV, dates as in the UCI file": as_csv(rows=text_rows(us)),
    "CSV, dates as Excel day numbers, ids with .0": as_csv(rows=text_rows(day_number, customer="{}.0")),
    "CSV, stray spaces": as_csv(
        rows=[[f" {field} " if field and "\n" not in field else field for field in row] for row in text_rows()],
        header=[f" {name}" for name in HEADER],
    ),
    "CSV, columns reversed, with others between": as_csv(
        header=["Extra", *reversed(HEADER), ""], rows=[["?", *reversed(row), ""] for row in text_rows()]
    ),
    "JSON lines, numbers as numbers, null keys omitted": as_json("lines.jsonl", drop_nulls=True),
    "JSON, one array": as_json("lines.json", array=True),
    "Parquet, integers, decimals, timestamps without a zone": as_parquet(
        Quantity=pa.int32(), UnitPrice=pa.decimal128(12, 3), CustomerID=pa.int64(), InvoiceDate=pa.timestamp("us")
    ),
    "Parquet, doubles, timestamps with a zone": as_parquet(
        Quantity=pa.float64(), UnitPrice=pa.float64(), CustomerID=pa.float64(), InvoiceDate=pa.timestamp("ms", "UTC")
    ),
    "Parquet, several schemas in one directory": as_directory(
        as_parquet((0, 4), CustomerID=pa.int64(), InvoiceDate=pa.timestamp("us"), UnitPrice=pa.float64()),
        as_parquet((4, 7), CustomerID=pa.string(), Quantity=pa.int64()),
        as_parquet((7, 10), CustomerID=pa.float64(), UnitPrice=pa.decimal128(20, 6)),
    ),
    "XLSX, date cells": as_xlsx(TEN),
    "XLSX, day numbers, two sheets": as_xlsx(TEN[:3], TEN[3:], day_numbers=True),
    "CSV, a directory of different headers, encodings and delimiters": as_directory(
        as_csv(rows=text_rows(us, lines=TEN[:4]), encoding="iso-8859-1", newline="\r\n"),
        as_csv(header=HEADER[::-1], rows=[row[::-1] for row in text_rows(lines=TEN[4:6])], delimiter=";"),
        as_csv(
            "x.csv.gz", header=[*HEADER, "x"], rows=[[*row, "1"] for row in text_rows(lines=TEN[6:])], compress=True
        ),
    ),
    "all formats in one directory": as_directory(
        as_csv(rows=text_rows(lines=TEN[:3])), as_parquet((3, 6), Quantity=pa.int64()), as_xlsx(TEN[6:])
    ),
}


@dataclass
class Form:
    """The ten lines as they were read from a form of file: the frame, and the number of times each was parsed."""

    raw: DataFrame
    parsed: Counter[tuple[Any, ...]] = field(default_factory=Counter)


@pytest.fixture(scope="module")
def forms(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Form]:
    """Read every form by itself, then parse all that have the same types together."""
    forms = {name: Form(read(spark, write(tmp_path_factory.mktemp("form")))) for name, write in FORMS.items()}
    batches: dict[tuple[tuple[str, str], ...], DataFrame] = {}
    for name, form in forms.items():
        lines = form.raw.withColumn(s.SOURCE_FILE, F.lit(name))
        types = tuple(lines.dtypes)
        batches[types] = batches[types].unionByName(lines) if types in batches else lines
    for batch in batches.values():
        parsed = parse_lines(batch.localCheckpoint(), CLEANING)
        parsed = parsed.withColumn(s.QUANTITY, units_of(F.col(s.QUANTITY_E4)))
        for name, *values in parsed.select(s.SOURCE_FILE, *s.LINE_FIELDS).collect():
            forms[name].parsed[tuple(values)] += 1
    return forms


@pytest.mark.parametrize("name", FORMS)
def test_the_same_ten_lines_are_read_from_every_form(forms: Mapping[str, Form], name: str) -> None:
    raw = forms[name].raw
    assert raw.columns == s.RAW_LINES.names
    for line_field in s.LINE_FIELDS:
        assert raw.schema[s.raw(line_field)].dataType in (StringType(), *s.READ_TYPED.get(line_field, ()))
    assert forms[name].parsed == Counter(TEN)


def write_header(folder: Path, kind: str, header: Sequence[str]) -> Path:
    """Write a file of the given kind with a header and one line."""
    path = folder / f"lines.{kind}"
    cells = ["1"] * len(header)
    if kind == "csv":
        path.write_text(f"{','.join(header)}\n{','.join(cells)}\n")
    elif kind == "jsonl":
        path.write_text("{" + ", ".join(f"{json.dumps(name)}: 1" for name in header) + "}\n")
    elif kind == "json":
        path.write_text("[{" + ", ".join(f"{json.dumps(name)}: 1" for name in header) + "}]\n")
    elif kind == "parquet":
        pq.write_table(pa.Table.from_arrays([pa.array([cell]) for cell in cells], names=list(header)), path)
    else:
        book = xlsxwriter.Workbook(str(path))
        sheet = book.add_worksheet("Sales")
        sheet.write_row(0, 0, header)
        sheet.write_row(1, 0, cells)
        book.close()
    return path


KINDS = ["csv", "jsonl", "json", "parquet", "xlsx"]


@pytest.mark.parametrize("kind", KINDS)
def test_missing_and_renamed_columns_are_named_with_the_nearest_name(
    spark: SparkSession, tmp_path: Path, kind: str
) -> None:
    path = write_header(tmp_path, kind, [*HEADER[:5], "Unit Price", "Customer ID"])
    with pytest.raises(InputError) as caught:
        read(spark, path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "column 'UnitPrice' (for unit_price) is missing, the nearest is 'Unit Price'" in message
    assert "column 'CustomerID' (for customer_id) is missing, the nearest is 'Customer ID'" in message
    assert "column 'Country' (for country) is missing" in message
    assert "Found: InvoiceNo, StockCode, Description, Quantity, InvoiceDate, Unit Price, Customer ID." in message


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_a_doubled_column_is_an_error(spark: SparkSession, tmp_path: Path, kind: str) -> None:
    path = write_header(tmp_path, kind, [*HEADER, "Country"])
    with pytest.raises(InputError, match=r"lines\..*Country.*(is there 2 times|already exists)"):
        read(spark, path)


@pytest.mark.parametrize("kind", ["csv", "jsonl", "xlsx"])
def test_stray_spaces_in_a_header_are_ignored(spark: SparkSession, tmp_path: Path, kind: str) -> None:
    path = write_header(tmp_path, kind, [f" {name} " if name == "CustomerID" else name for name in HEADER])
    assert raw_texts(read(spark, path), "customer_id", "country") == [("1", "1")]


@pytest.mark.parametrize("kind", KINDS)
def test_the_type_of_a_line_is_read_where_it_is_configured(spark: SparkSession, tmp_path: Path, kind: str) -> None:
    path = write_header(tmp_path, kind, [*HEADER, "Type"])
    settings = InputSettings(columns={**COLUMNS, "line_type": "Type"})
    assert raw_texts(read(spark, path, settings=settings), "country", "line_type") == [("1", "1")]
    assert "raw_line_type" not in read(spark, path).columns


def test_a_number_typed_in_its_file_is_never_read_by_a_decimal_comma(spark: SparkSession, tmp_path: Path) -> None:
    prices = [2.125, 1_234.5, 0.00001, 3, -7.0, 1e20, "2,125", "2.125", "1.234,50", True, None]
    expected = ["2.125", "1234.5", "0.00001", "3", "-7", None, "2.125", "2125", "1234.5", None, None]
    named = {"$numberDecimal": "2.125"}
    rows = [{**GOOD, "Quantity": 0.25, "UnitPrice": price} for price in prices]
    (tmp_path / "lines.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    (tmp_path / "array.json").write_text(json.dumps(rows))
    (tmp_path / "pretty.json").write_text("\n".join(json.dumps(row, indent=1) for row in rows))
    (tmp_path / "named.jsonl").write_text(json_object(Quantity=0.25, UnitPrice=named))
    with xlsxwriter.Workbook(str(tmp_path / "lines.xlsx")) as book:
        sheet = book.add_worksheet()
        for number, values in enumerate([HEADER, *[row.values() for row in rows]]):
            sheet.write_row(number, 0, values)
    kinds = {"double": pa.float64(), "float": pa.float32(), "decimal": pa.decimal128(12, 3)}
    for name, kind in kinds.items():
        typed = {"Quantity": pa.array([0.25]), "UnitPrice": pa.array([Decimal("2.125")]).cast(kind)}
        (tmp_path / f"{name}.parquet").write_bytes(parquet(1, typed))
    parsed = parse_lines(read(spark, tmp_path, settings=COMMA), CLEANING, decimal="comma")
    found: dict[str, Counter[tuple[Any, Any]]] = {}
    for row in parsed.select(s.SOURCE_FILE, s.QUANTITY_E4, s.UNIT_PRICE).collect():
        name = Path(row[s.SOURCE_FILE].partition("#")[0]).name
        found.setdefault(name, Counter())[row[s.QUANTITY_E4], row[s.UNIT_PRICE]] += 1
    all_of_them = Counter((2_500, price and Decimal(price)) for price in expected)
    once = Counter([(2_500, Decimal("2.125"))])
    assert found == {
        **dict.fromkeys(("lines.jsonl", "array.json", "pretty.json", "lines.xlsx"), all_of_them),
        **dict.fromkeys(("named.jsonl", "double.parquet", "float.parquet", "decimal.parquet"), once),
    }


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_header_without_lines_gives_no_lines(spark: SparkSession, tmp_path: Path, kind: str) -> None:
    path = write_header(tmp_path, kind, HEADER)
    if kind == "csv":
        path.write_text(",".join(HEADER))
    else:
        book = xlsxwriter.Workbook(str(path))
        book.add_worksheet("Sales").write_row(0, 0, HEADER)
        book.close()
    assert read(spark, path).collect() == []
