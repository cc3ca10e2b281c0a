"""Every form of file seen in the wild gives the same lines; what cannot be read is refused in a sentence."""

import csv
import gzip
import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter
from chispa import assert_df_equality
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StringType

from segmentation import schemas as s
from segmentation.cleaning.parse import parse_lines
from segmentation.cleaning.rules import judge_lines, rejected_transactions
from segmentation.config.settings import CleaningSettings, CsvSettings, InputSettings
from segmentation.errors import InputError
from segmentation.ingest.files import HEAD_BYTES, find_input
from segmentation.ingest.read import read_lines

HEADER = ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"]
INPUT = InputSettings(columns=dict(zip(s.LINE_FIELDS, HEADER, strict=True)))
CLEANING = CleaningSettings(date_formats=("iso", "M/d/yyyy[ H:mm[:ss]]", "d-M-yyyy[ H:mm[:ss]]", "excel"))
AT = datetime(2010, 12, 1, 8, 26)
PARSED = (
    "invoice_no string, stock_code string, description string, quantity int, invoice_date timestamp_ntz, "
    "unit_price decimal(22,8), customer_id string, country string"
)

Values = tuple[str, str, str, int, datetime, Decimal, str | None, str]
# All that makes files hard: commas, quotes and line ends in a field, accents, guests, codes that look like numbers.
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
    """The day number of Excel's calendar."""
    since = moment - datetime(1899, 12, 30)
    return since.days + since.seconds / 86_400


def text_rows(
    when: Callable[[datetime], Any] = str, customer: str = "{}", lines: Sequence[Values] = TEN
) -> list[list[str]]:
    """The lines as text, a date and an id in the given way, no id as nothing."""
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


def as_json(name: str, array: bool = False, typed: bool = True, drop_nulls: bool = False) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        objects = []
        for values, texts in zip(TEN, text_rows(), strict=True):
            fields = dict(zip(HEADER, texts, strict=True))
            fields["CustomerID"] = values[6]
            if typed:
                fields |= {"Quantity": values[3], "UnitPrice": float(values[5])}
                fields["CustomerID"] = float(values[6]) if values[6] else None
                fields["StockCode"] = int(values[1]) if values[1].isdigit() else values[1]
            objects.append({key: value for key, value in fields.items() if value is not None or not drop_nulls})
        lines = json.dumps(objects, indent=1) if array else "\n".join(json.dumps(one) for one in objects) + "\n"
        (folder / name).write_text(lines, encoding="utf-8")
        return folder / name

    return write


def table(**types: pa.DataType) -> pa.Table:
    """The ten lines as an Arrow table, of text but for the columns whose type is given."""
    arrays = []
    for position, name in enumerate(HEADER):
        values = [line[position] for line in TEN]
        kind = types.get(name, pa.string())
        if pa.types.is_timestamp(kind) or pa.types.is_decimal(kind):
            arrays.append(pa.array(values, pa.timestamp(kind.unit) if pa.types.is_timestamp(kind) else kind).cast(kind))
        elif pa.types.is_integer(kind):
            arrays.append(pa.array([None if one is None else int(one) for one in values], kind))
        elif pa.types.is_floating(kind):
            arrays.append(pa.array([None if one is None else float(one) for one in values], kind))
        else:
            arrays.append(pa.array([None if one is None else str(one) for one in values], kind))
    return pa.table(arrays, names=HEADER)


def as_parquet(slices: tuple[int, int] = (0, 10), **types: pa.DataType) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = folder / f"{slices[0]}.parquet"
        pq.write_table(table(**types).slice(slices[0], slices[1] - slices[0]), path)
        return path

    return write


def as_xlsx(*parts: Sequence[Values], day_numbers: bool = False) -> Callable[[Path], Path]:
    """A workbook with a sheet for each of the parts and a cover, numbers as numbers, ids as floats."""

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
    "CSV, UTF-8 with BOM, CRLF": as_csv(encoding="utf-8-sig", newline="\r\n"),
    "CSV, UTF-8 with BOM, all quoted": as_csv(encoding="utf-8-sig", quoting=csv.QUOTE_ALL),
    "CSV, ISO-8859-1, CRLF": as_csv(encoding="iso-8859-1", newline="\r\n"),
    "CSV, windows-1252": as_csv(encoding="windows-1252"),
    "CSV, UTF-16 with BOM, CRLF": as_csv(encoding="utf-16", newline="\r\n"),
    "CSV, gzip": as_csv("lines.csv.gz", compress=True),
    "CSV, gzip, ISO-8859-1": as_csv("lines.csv.gz", compress=True, encoding="iso-8859-1"),
    "CSV, semicolons": as_csv(delimiter=";"),
    "CSV, tabs": as_csv("lines.tsv", delimiter="\t"),
    "CSV, bars, no known ending": as_csv("lines.data", delimiter="|"),
    "CSV, dates as in the UCI file": as_csv(rows=text_rows(us)),
    "CSV, dates day first": as_csv(rows=text_rows(lambda moment: moment.strftime("%d-%m-%Y %H:%M"))),
    "CSV, dates as Excel day numbers, ids with .0": as_csv(rows=text_rows(day_number, customer="{}.0")),
    "CSV, stray spaces": as_csv(
        rows=[[f" {field} " if field and "\n" not in field else field for field in row] for row in text_rows()],
        header=[f" {name}" for name in HEADER],
    ),
    "CSV, columns reversed among others": as_csv(
        header=["Extra", *reversed(HEADER), ""], rows=[["?", *reversed(row), ""] for row in text_rows()]
    ),
    "JSON lines, numbers as numbers, null keys omitted": as_json("lines.jsonl", drop_nulls=True),
    "JSON lines, all text": as_json("lines.json", typed=False),
    "JSON lines, no known ending": as_json("lines.log"),
    "JSON, one array": as_json("lines.json", array=True),
    "Parquet, text": as_parquet(),
    "Parquet, integers, decimals, timestamps without a zone": as_parquet(
        Quantity=pa.int32(), UnitPrice=pa.decimal128(12, 3), CustomerID=pa.int64(), InvoiceDate=pa.timestamp("us")
    ),
    "Parquet, doubles, timestamps with a zone": as_parquet(
        Quantity=pa.float64(), UnitPrice=pa.float64(), CustomerID=pa.float64(), InvoiceDate=pa.timestamp("ms", "UTC")
    ),
    "Parquet, nanoseconds as pandas writes them": as_parquet(InvoiceDate=pa.timestamp("ns")),
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


FIELDS = dict(zip(HEADER, text_rows(lines=TEN[:1])[0], strict=True))
GOOD = csv_bytes(text_rows())


def read(spark: SparkSession, *paths: Path | str, settings: InputSettings = INPUT) -> DataFrame:
    return read_lines(spark, find_input(spark, [str(path) for path in paths], settings), settings)


def fields_of(lines: DataFrame, *fields: str) -> list[tuple[str | None, ...]]:
    """The raw text of some fields, sorted."""
    rows = lines.select(*[F.col(s.raw(field)).cast("string") for field in fields]).collect()
    return sorted((tuple(row) for row in rows), key=str)


@pytest.mark.parametrize("form", FORMS)
def test_the_same_ten_lines_are_read_the_same_from_every_form(spark: SparkSession, tmp_path: Path, form: str) -> None:
    lines = read(spark, FORMS[form](tmp_path))
    assert lines.columns == s.RAW_LINES.names
    assert all(
        lines.schema[s.raw(field)].dataType in (StringType(), *s.READ_TYPED.get(field, ())) for field in s.LINE_FIELDS
    )
    actual = parse_lines(lines, CLEANING).select(*s.LINE_FIELDS)
    assert_df_equality(actual, spark.createDataFrame(TEN, PARSED), ignore_nullable=True, ignore_row_order=True)


def test_typed_columns_are_judged_and_set_aside_as_the_same_lines_in_text_are(
    spark: SparkSession, tmp_path: Path
) -> None:
    values: dict[str, tuple[list[Any], pa.DataType]] = {
        "InvoiceNo": (["1", "1", "1", "C2", "3", "4", "5"], pa.string()),
        "StockCode": (["A"] * 7, pa.string()),
        "Description": ([" RED ", " RED ", "RED", None, "", "x", "y"], pa.string()),
        "Quantity": ([6, 6, 6, -1, -(2**31), 2**40, None], pa.int64()),
        "InvoiceDate": ([AT, AT, AT, AT, None, AT, datetime(2012, 1, 1)], pa.timestamp("us")),
        "UnitPrice": ([2.55, 2.55, 2.55, 12.0, 0.1, float("nan"), 1e-5], pa.float64()),
        "CustomerID": ([17850, 17850, 17850, None, 1, 2, 3], pa.int64()),
        "Country": (["EIRE", "EIRE", "EIRE ", "EIRE", None, "", "EIRE"], pa.string()),
    }
    as_text: dict[str, list[str | None]] = {
        name: [None if value is None else str(value) for value in column] for name, (column, _) in values.items()
    }
    as_text["UnitPrice"] = ["2.55", "2.55", "2.55", "12", "0.1", "NaN", "1.0E-5"]
    frames = []
    for name, arrays in {
        "typed": [pa.array(column, kind) for column, kind in values.values()],
        "text": [pa.array(column, pa.string()) for column in as_text.values()],
    }.items():
        folder = tmp_path / name
        folder.mkdir()
        pq.write_table(pa.table(arrays, names=HEADER), folder / "lines.parquet")
        lines = read(spark, folder)
        judged = judge_lines(parse_lines(lines, CLEANING), CLEANING, None)
        rejected = rejected_transactions(judged).drop("source_file")
        frames.append((lines.dtypes, judged.drop("rejection", "source_file"), rejected))
    (typed, *from_typed), (text, *from_text) = frames
    assert dict(typed)["raw_quantity"] == "bigint"
    assert set(dict(text).values()) == {"string"}
    for actual, expected in zip(from_typed, from_text, strict=True):
        assert_df_equality(actual, expected, ignore_nullable=True, ignore_row_order=True)
    reasons = {row.reason for row in from_typed[1].collect()}
    assert reasons == {"duplicate", "cancellation", "malformed"}


def test_each_field_is_decoded_by_itself_so_that_a_file_of_mixed_encodings_reads_right(
    spark: SparkSession, tmp_path: Path
) -> None:
    rows = [row[:] for row in text_rows(lines=TEN[:4])]
    content = csv_bytes(rows).decode()
    replaced = [
        ("WHITE HANGING HEART", "€5 – “CAFÉ”".encode("windows-1252")),
        ("HAND WARMER, UNION JACK", "€5 – “CAFÉ” 日本".encode()),
        ('7"" RECORD ""HITS""', "£ Ñ".encode("iso-8859-1")),
    ]
    mixed = content.encode()
    for text, encoded in replaced:
        assert text.encode() in mixed
        mixed = mixed.replace(text.encode(), encoded)
    path = tmp_path / "mixed.csv"
    path.write_bytes(mixed)
    assert {text for (text,) in fields_of(read(spark, path), "description")} == {
        "€5 – “CAFÉ”",
        "€5 – “CAFÉ” 日本",
        "£ Ñ",
        "FIRST LINE\nSECOND LINE",
    }


def test_an_encoding_or_delimiter_that_is_configured_is_used(spark: SparkSession, tmp_path: Path) -> None:
    path = as_csv(rows=text_rows(lines=TEN[4:5]), delimiter="~")(tmp_path)
    as_latin = INPUT.model_copy(update={"csv": CsvSettings(encoding="iso-8859-1", delimiter="~")})
    assert fields_of(read(spark, path, settings=as_latin), "description") == [("CAFÃ\x89 CRÃ\x88ME Â£5 Ã\x91ANDÃ\x9a",)]
    as_utf8 = INPUT.model_copy(update={"csv": CsvSettings(encoding="utf-8", delimiter="~")})
    assert fields_of(read(spark, path, settings=as_utf8), "description", "country") == [
        ("CAFÉ CRÈME £5 ÑANDÚ", "France")
    ]


@pytest.mark.parametrize(
    ("written", "configured"),
    [
        ("windows-1252", "auto"),
        ("windows-1252", "iso-8859-1"),
        ("iso-8859-1", "iso-8859-1"),
        ("utf-8", "auto"),
        ("utf-8", "utf-8"),
        ("utf-16", "auto"),
    ],
)
def test_a_column_whose_name_is_not_ascii_is_found_in_every_encoding(
    spark: SparkSession, tmp_path: Path, written: str, configured: str
) -> None:
    names = dict(zip(HEADER, HEADER, strict=True)) | {"Quantity": "Stück", "Description": "Größe"}
    if written != "iso-8859-1":
        names["UnitPrice"] = "Preis €"
    path = as_csv(header=list(names.values()), rows=text_rows(lines=TEN[:1]), encoding=written)(tmp_path)
    settings = InputSettings(
        columns=dict(zip(s.LINE_FIELDS, names.values(), strict=True)), csv=CsvSettings(encoding=configured)
    )
    assert fields_of(read(spark, path, settings=settings), "quantity", "unit_price") == [("6", "2.55")]


# No NUL, which no text file holds; a carriage return inside quotes is a line end like any other.
CSV_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), min_size=1, max_size=15)


@settings(
    max_examples=3,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],  # each step of shrinking would be a Spark job too
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(texts=st.lists(CSV_TEXT, min_size=50, max_size=100))
def test_any_text_survives_a_csv_file_untouched(spark: SparkSession, tmp_path: Path, texts: list[str]) -> None:
    path = tmp_path / "any.csv"
    rows = [["536365", "A", text, "6", str(AT), "1", "", "EIRE"] for text in texts]
    path.write_bytes(csv_bytes(rows, quoting=csv.QUOTE_ALL))
    lines = read(spark, path).collect()
    assert sorted(row.raw_description for row in lines) == sorted(texts)
    assert [row.unparsed_line for row in lines] == [None] * len(texts)


def test_lines_of_the_wrong_width_are_malformed_counted_and_shown_as_they_were(
    spark: SparkSession, tmp_path: Path
) -> None:
    path = tmp_path / "wild.csv"
    good, short, long = (
        "536365,A,GOOD,6,2010-12-01,2.55,17850,EIRE",
        "536366,A,too few",
        "536367,A,TOO MANY,6,2010-12-01,2.55,17850,EIRE,and,more",
    )
    path.write_text("\r\n".join([",".join(HEADER), good, short, "", long, ",,,,,,,", good, ""]), newline="")
    judged = judge_lines(parse_lines(read(spark, path), CLEANING), CLEANING, date(2011, 1, 1))
    actual = judged.select("invoice_no", "description", "rejection.unparsed", "reason")
    expected = spark.createDataFrame(
        [
            ("536365", "GOOD", None, None),
            ("536365", "GOOD", False, "duplicate"),
            ("536366", "too few", True, "malformed"),
            ("536367", "TOO MANY", True, "malformed"),
            (None, "", False, "malformed"),
        ],
        "invoice_no string, description string, unparsed boolean, reason string",
    )
    assert_df_equality(actual, expected, ignore_nullable=True, ignore_row_order=True)


def test_a_quote_that_is_never_closed_costs_one_line_where_fields_hold_no_line_ends(
    spark: SparkSession, tmp_path: Path
) -> None:
    path = tmp_path / "quote.csv"
    rows = ['1,A,"NEVER CLOSED,6,2010-12-01,1,,', '2,A,7" RECORD,6,2010-12-01,1,,', "3,A,x,6,2010-12-01,1,,"]
    path.write_text("\n".join([",".join(HEADER), *rows]) + "\n")
    by_line = INPUT.model_copy(update={"csv": CsvSettings(multiline=False)})
    lines = read(spark, path, settings=by_line).select("raw_invoice_no", "unparsed_line").collect()
    assert sorted(map(tuple, lines)) == [("1", rows[0]), ("2", None), ("3", None)]


def test_files_of_any_name_are_read_once_and_named_as_a_person_writes_them(spark: SparkSession, tmp_path: Path) -> None:
    names = ["a b.csv", "[2010] {x}.csv", "1+1.csv", "50%20.csv", "100%.csv", "ü,é.csv", "q'uo\"te.csv", "star*.csv"]
    names += ["hash#1.csv", "what?.csv"]
    for name in names:
        (tmp_path / name).write_text(",".join(HEADER) + "\n1,A,x,6,2010-12-01,1,,\n", encoding="utf-8")
    sources = read(spark, tmp_path, tmp_path / "a b.csv", tmp_path / "1+1.csv").select("source_file").collect()
    assert sorted(row.source_file for row in sources) == sorted(str(tmp_path / name) for name in names)


@pytest.mark.parametrize("name", ["a b.csv", "[2010] {x}.csv", "1+1.csv", "50%20.csv", "ü é.csv", "star*.csv"])
def test_a_file_of_any_name_can_be_named_by_itself(spark: SparkSession, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(",".join(HEADER) + "\n", encoding="utf-8")
    assert [file.path for file in find_input(spark, [str(tmp_path / name)], INPUT)] == [str(tmp_path / name)]


def test_a_glob_finds_what_it_matches_and_hidden_files_in_directories_are_no_data(
    spark: SparkSession, tmp_path: Path
) -> None:
    for name in ("2010-11.csv", "2010-12.csv", "2011-01.csv", "deep/2010-10.csv", "deep/_SUCCESS", "deep/.x.crc"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(",".join(HEADER) + "\n")

    def found(*paths: str) -> list[str]:
        files = find_input(spark, [str(tmp_path / path) for path in paths], INPUT)
        return [str(Path(file.path).relative_to(tmp_path)) for file in files]

    assert found("2010-*.csv") == ["2010-11.csv", "2010-12.csv"]
    assert found("{2010-12,2011-01}.csv", "2010-1[12].csv") == ["2010-11.csv", "2010-12.csv", "2011-01.csv"]
    assert found("deep") == ["deep/2010-10.csv"]
    with pytest.raises(InputError, match=r"2012-\*\.csv: nothing is there to read"):
        found("2011-01.csv", "2012-*.csv")


PASSED_OVER = "Spark reads no file whose name begins with _ or . or ends with ._COPYING_: rename it if it is data"


@pytest.mark.parametrize("name", ["_lines.csv", ".lines.csv", "_lines.xlsx", "lines.csv._COPYING_"])
def test_a_file_that_spark_would_pass_over_is_refused_where_it_is_named(
    spark: SparkSession, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_bytes(GOOD)
    with pytest.raises(InputError, match=f"^{re.escape(f'{tmp_path / name}: cannot be read: {PASSED_OVER}')}$"):
        find_input(spark, [str(tmp_path / name)], INPUT)


def test_a_file_or_folder_that_spark_would_pass_over_is_told_of_where_a_directory_or_a_glob_holds_it(
    spark: SparkSession, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("good.csv", "_held.csv", ".kept.csv", ".good.csv.crc", "_old/x.csv", "_a=1.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(GOOD + name.encode())
    (tmp_path / "_SUCCESS").write_bytes(b"")
    for path in (tmp_path, tmp_path / "*.csv"):
        caplog.clear()
        files = find_input(spark, [str(path)], INPUT)
        assert [Path(file.path).name for file in files] == ["_a=1.csv", "good.csv"]
        told = [f"{tmp_path / name} is left out: {PASSED_OVER}" for name in ("_held.csv", ".kept.csv")]
        folders = [f"{tmp_path / '_old'} is left out: {PASSED_OVER}"] if path == tmp_path else []
        assert sorted(record.message for record in caplog.records) == sorted([*told, *folders])
    assert read(spark, tmp_path).count() == 2 * (len(TEN) + 1)


def test_a_broken_line_of_json_is_malformed_and_every_number_keeps_its_text(
    spark: SparkSession, tmp_path: Path
) -> None:
    path = tmp_path / "lines.jsonl"
    good = dict(zip(HEADER, text_rows(lines=TEN[:1])[0], strict=True))
    exact = (
        json.dumps(good)
        .replace('"6"', "6.0")
        .replace('"2.55"', "2.550000")
        .replace('"17850"', "1785000000000000000001")
    )
    path.write_text("\n".join([json.dumps(good), '{"InvoiceNo": "53', "  ", "5", exact]) + "\n")
    lines = read(spark, path).select("raw_quantity", "raw_unit_price", "raw_customer_id", "unparsed_line").collect()
    assert sorted(map(tuple, lines), key=str) == [
        ("6", "2.55", "17850", None),
        ("6.0", "2.550000", "1785000000000000000001", None),
        (None, None, None, "5"),
        (None, None, None, '{"InvoiceNo": "53'),
    ]


def test_a_json_file_of_guests_alone_is_read_beside_one_with_customers(spark: SparkSession, tmp_path: Path) -> None:
    # Writers leave out a key whose value is null, Spark's own among them; a part may hold nothing but guests.
    fields = dict(zip(HEADER, text_rows(lines=TEN[:1])[0], strict=True))
    guest = {key: value for key, value in fields.items() if key != "CustomerID"}
    (tmp_path / "part-0.json").write_text(json.dumps(fields) + "\n")
    (tmp_path / "part-1.json").write_text(json.dumps(guest) + "\n")
    assert fields_of(read(spark, tmp_path), "customer_id") == [("17850",), (None,)]


def test_times_in_nanoseconds_keep_every_microsecond(spark: SparkSession, tmp_path: Path) -> None:
    nanoseconds = [
        (1291191960_123456999, "2010-12-01 08:26:00.123456"),
        (1291191960_999999999, "2010-12-01 08:26:00.999999"),
        (4102444799_999999999, "2099-12-31 23:59:59.999999"),
        (-1, "1969-12-31 23:59:59.999999"),
        (-1000, "1969-12-31 23:59:59.999999"),
        (-(2**63), "1677-09-21 00:12:43.145224"),
        (0, "1970-01-01 00:00:00"),
    ]
    columns = {name: pa.array([text] * len(nanoseconds)) for name, text in FIELDS.items()}
    columns["InvoiceDate"] = pa.array([number for number, _ in nanoseconds], pa.int64()).cast(pa.timestamp("ns"))
    columns["Description"] = pa.array([str(number) for number, _ in nanoseconds])
    pq.write_table(pa.table(columns), tmp_path / "nanoseconds.parquet")
    found = {int(row[0] or ""): row[1] for row in fields_of(read(spark, tmp_path), "description", "invoice_date")}
    assert found == dict(nanoseconds)


def json_lines(folder: Path, name: str, *objects: Mapping[str, Any]) -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(one) + "\n" for one in objects), encoding="utf-8")
    return path


def renamed(old: str, new: str) -> dict[str, str]:
    """A good line with one of its keys renamed."""
    return {new if key == old else key: value for key, value in FIELDS.items()}


def without(*names: str) -> dict[str, str]:
    return {key: value for key, value in FIELDS.items() if key not in names}


@pytest.mark.parametrize(
    ("of_second_file", "message"),
    [
        (renamed("CustomerID", "Customer ID"), "column 'CustomerID' (for customer_id) is missing, the nearest is"),
        (renamed("Country", "country"), "column 'Country' (for country) is missing, the nearest is 'country'"),
        (renamed("Quantity", "Menge"), "column 'Quantity' (for quantity) is missing"),
        (without("InvoiceNo"), "column 'InvoiceNo' (for invoice_no) is missing"),
    ],
)
def test_a_column_renamed_in_one_json_file_of_several_is_refused_by_that_files_name(
    spark: SparkSession, tmp_path: Path, of_second_file: Mapping[str, str], message: str
) -> None:
    json_lines(tmp_path, "a.jsonl", FIELDS)
    path = json_lines(tmp_path, "b.jsonl", of_second_file)
    with pytest.raises(InputError, match=f"^{re.escape(f'{path}: {message}')}"):
        read(spark, tmp_path)


@pytest.mark.parametrize("column", ["CustomerID", "Quantity"])
@pytest.mark.parametrize("before", [b"", b'{"InvoiceNo": "53\n'])
def test_a_column_that_only_a_later_line_of_a_json_file_has_is_found(
    spark: SparkSession, tmp_path: Path, column: str, before: bytes
) -> None:
    # What is broken ends the look at the keys of the head.
    first = json.dumps({**without(column), "CustomerName": "A"}).encode() + b"\n"
    path = tmp_path / "lines.jsonl"
    path.write_bytes(first * (1 if before else HEAD_BYTES // len(first) + 1) + before + json.dumps(FIELDS).encode())
    lines = read(spark, path).where(F.col(s.raw("country")).isNotNull())
    field = s.LINE_FIELDS[HEADER.index(column)]
    assert set(fields_of(lines, field)) == {(None,), (FIELDS[column],)}


def test_a_column_that_no_line_of_a_long_json_file_has_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    line = {**without("CustomerID"), "Description": 'the "CustomerID": is not here'}
    path = json_lines(tmp_path, "lines.jsonl", *[line] * 500)
    with pytest.raises(InputError, match=re.escape(f"{path}: column 'CustomerID' (for customer_id) is missing")):
        read(spark, path)


def test_a_json_file_without_a_customer_is_told_of_with_its_keys(
    spark: SparkSession, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    json_lines(tmp_path, "a.jsonl", FIELDS)
    path = json_lines(tmp_path, "b.jsonl", renamed("CustomerID", "Kunde"))
    assert fields_of(read(spark, tmp_path), "customer_id") == [("17850",), (None,)]
    assert f"{path}: its first objects have no 'CustomerID'" in caplog.text
    assert "Keys found: InvoiceNo, StockCode, Description, Quantity, InvoiceDate, UnitPrice, Kunde" in caplog.text


def test_each_json_file_may_have_stray_spaces_of_its_own_in_its_keys(spark: SparkSession, tmp_path: Path) -> None:
    json_lines(tmp_path, "a.jsonl", FIELDS)
    json_lines(tmp_path, "b.jsonl", renamed("CustomerID", " CustomerID "))
    assert fields_of(read(spark, tmp_path), "customer_id") == [("17850",), ("17850",)]


def test_numbers_in_parquet_that_are_no_quantity_become_text_and_then_malformed_lines(
    spark: SparkSession, tmp_path: Path
) -> None:
    quantities = [6.0, -0.0, 1.5, 1e-5, 1e300, float("nan"), float("inf"), float("-inf"), None]
    count = len(quantities)
    columns = {name: pa.array([field] * count) for name, field in zip(HEADER, text_rows(lines=TEN[:1])[0], strict=True)}
    columns["Quantity"] = pa.array(quantities, pa.float64())
    columns["Description"] = pa.array([str(number) for number in range(count)])
    pq.write_table(pa.table(columns), tmp_path / "wild.parquet")
    rows = parse_lines(read(spark, tmp_path), CLEANING).select("description", "quantity").collect()
    parsed = {int(row.description): row.quantity for row in rows}
    assert [parsed[number] for number in range(count)] == [6, 0, None, None, None, None, None, None, None]


def test_parquet_dates_are_midnight_and_ids_that_are_integers_doubles_or_text_are_one_customer(
    spark: SparkSession, tmp_path: Path
) -> None:
    fields = dict(zip(HEADER, text_rows(lines=TEN[:1])[0], strict=True))
    for number, (customer, kind) in enumerate(
        [
            (17850, pa.int64()),
            (17850, pa.int16()),
            (17850.0, pa.float64()),
            (" 17850 ", pa.string()),
            (Decimal(17850), None),
        ]
    ):
        columns = {name: pa.array([field]) for name, field in fields.items()}
        columns["CustomerID"] = pa.array([customer], kind)
        columns["InvoiceDate"] = pa.array([date(2010, 12, 1)])
        pq.write_table(pa.table(columns), tmp_path / f"{number}.parquet")
    rows = parse_lines(read(spark, tmp_path), CLEANING).select("customer_id", "invoice_date").distinct()
    expected = spark.createDataFrame(
        [("17850", datetime(2010, 12, 1))], "customer_id string, invoice_date timestamp_ntz"
    )
    assert_df_equality(rows, expected, ignore_nullable=True)


def write_header(folder: Path, kind: str, header: Sequence[str]) -> Path:
    """A file of the given kind with a header and one line."""
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
def test_a_missing_and_a_renamed_column_are_named_with_the_nearest_match(
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


@pytest.mark.parametrize("kind", KINDS)
def test_a_doubled_column_is_an_error_and_never_a_guess(spark: SparkSession, tmp_path: Path, kind: str) -> None:
    path = write_header(tmp_path, kind, [*HEADER, "Country"])
    with pytest.raises(InputError, match=r"lines\..*Country.*(is there 2 times|already exists)"):
        read(spark, path)


@pytest.mark.parametrize("kind", KINDS)
def test_a_stray_space_in_a_header_is_forgiven_in_every_format_alike(
    spark: SparkSession, tmp_path: Path, kind: str
) -> None:
    path = write_header(tmp_path, kind, [f" {name} " if name == "CustomerID" else name for name in HEADER])
    assert fields_of(read(spark, path), "customer_id", "country") == [("1", "1")]


@pytest.mark.parametrize("kind", ["csv", "parquet", "xlsx"])
def test_a_header_without_lines_gives_no_lines(spark: SparkSession, tmp_path: Path, kind: str) -> None:
    path = write_header(tmp_path, kind, HEADER)
    if kind == "csv":
        path.write_text(",".join(HEADER))
    elif kind == "parquet":
        pq.write_table(pq.read_table(path).slice(0, 0), path)
    else:
        book = xlsxwriter.Workbook(str(path))
        book.add_worksheet("Sales").write_row(0, 0, HEADER)
        book.close()
    assert read(spark, path).collect() == []


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.csv", b"", "empty, there are no lines to read"),
        ("empty.parquet", b"", "empty, there are no lines to read"),
        ("empty.csv.gz", gzip.compress(b""), "empty, there are no lines to read"),
        ("blank.csv", b"\n \r\n\n", "empty, there are no lines to read"),
        ("picture.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "unknown format: known are CSV, Parquet, JSON lines, XLSX"),
        ("random.bin", bytes(range(256)) * 4, "unknown format: known are CSV, Parquet, JSON lines, XLSX"),
        ("random.csv", bytes(range(256)) * 4, "unknown format, though its name says csv"),
        ("text.parquet", GOOD, "unknown format, though its name says parquet"),
        ("text.xlsx", GOOD, "unknown format, though its name says xlsx"),
        ("packed.csv", gzip.compress(GOOD), "is compressed with gzip, but its name does not say so: rename it"),
        ("plain.csv.gz", GOOD, "cannot be opened or unpacked: not a gzip file"),
        ("notes.txt", b"These are only notes,\nand no table.\n", "column 'InvoiceNo' (for invoice_no) is missing"),
        ("cut.parquet", b"PAR1 and then nothing", "is not a whole Parquet file"),
        ("broken.json", b'{"InvoiceNo": 1', "is not JSON with one object a line"),
        ("empty.json", b"[]", "is not JSON with an array of objects"),
        ("zip.xlsx", b"PK\x03\x04 cut off", "cannot be read as a workbook"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name_in_one_line(
    spark: SparkSession, tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        read(spark, path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_a_truncated_parquet_file_is_refused_by_name(spark: SparkSession, tmp_path: Path) -> None:
    path = as_parquet()(tmp_path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match=re.escape(f"{path}: is not a whole Parquet file")):
        read(spark, path)


def test_a_parquet_column_of_lists_is_refused_by_name(spark: SparkSession, tmp_path: Path) -> None:
    columns = {name: pa.array(["1"]) for name in HEADER} | {"Country": pa.array([["EIRE", "France"]])}
    pq.write_table(pa.table(columns), tmp_path / "lists.parquet")
    with pytest.raises(InputError, match=r"lists\.parquet: column 'Country' is array<string>: a number, text or date"):
        read(spark, tmp_path)


def test_a_path_where_nothing_is_or_that_no_file_system_knows_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "empty folder").mkdir()
    for path in (tmp_path / "nowhere.csv", tmp_path / "empty folder"):
        with pytest.raises(InputError, match=re.escape(f"{path}: nothing is there to read")):
            find_input(spark, [str(path)], INPUT)
    with pytest.raises(InputError, match=r"nosuch://bucket/x\.csv: cannot be listed: .*nosuch"):
        find_input(spark, ["nosuch://bucket/x.csv"], INPUT)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the superuser may read everything")
def test_a_file_without_the_right_to_read_it_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    path = as_csv()(tmp_path)
    path.chmod(0)
    with pytest.raises(InputError, match="cannot be opened"):
        find_input(spark, [str(path)], INPUT)


def test_an_empty_file_among_others_is_left_out_with_a_warning(
    spark: SparkSession, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    as_csv()(tmp_path)
    (tmp_path / "empty.csv").write_text("")
    with caplog.at_level("WARNING"):
        files = find_input(spark, [str(tmp_path)], INPUT)
    assert [Path(file.path).name for file in files] == ["lines.csv"]
    assert f"{tmp_path / 'empty.csv'} is empty and was skipped" in caplog.text


def test_a_sheet_that_is_misspelt_in_the_configuration_is_refused_with_the_nearest(
    spark: SparkSession, tmp_path: Path
) -> None:
    path = as_xlsx(TEN)(tmp_path)
    with pytest.raises(InputError, match=r"there is no sheet 'Sheat2': did you mean 'Sheet2'\?"):
        read(spark, path, settings=INPUT.model_copy(update={"sheets": ("Sheat2",)}))
    assert read(spark, path, settings=INPUT.model_copy(update={"sheets": ("Sheet2",)})).count() == len(TEN)
