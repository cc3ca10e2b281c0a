"""A corpus of files as they go wrong: each is read with the damage counted, or refused by name; no line is lost."""

import gzip
import re
from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from time import perf_counter
from typing import Any
from unittest.mock import MagicMock

import pyarrow as pa
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.cleaning.parse import parse_lines
from segmentation.cleaning.rules import judge_lines
from segmentation.config.settings import CleaningSettings, CsvSettings, InputSettings
from segmentation.errors import InputError
from segmentation.ingest.files import find_input
from segmentation.ingest.parquet_files import read_parquet
from segmentation.ingest.read import read_errors_named, read_lines
from tests.hostile_files import (
    GOOD,
    HEADER,
    TOP,
    flipped,
    json_object,
    last_byte_of,
    line,
    lines,
    parquet,
    parquet_with_a_value_beyond_its_dictionary,
    quoted_csv,
    text,
)

INPUT = InputSettings(columns=dict(zip(s.LINE_FIELDS, HEADER, strict=True)))
# Many cases are one and the same line; that copies are found is shown elsewhere.
CLEANING = CleaningSettings(
    date_formats=("iso", "M/d/yyyy[ H:mm[:ss]]", "d-M-yyyy[ H:mm[:ss]]", "excel"), switched_off=("duplicate",)
)
COPIES_FOUND = CLEANING.model_copy(update={"switched_off": ()})
AS_OF = date(2500, 1, 1)

FIVE = text(TOP, *lines(5))
PACKED = gzip.compress(
    text(TOP, *[line(number, Description=f"{number * 7919 % 1000}") for number in range(5_000)]).encode()
)
SEMICOLONS = text(*[row.replace(",", ";") for row in (TOP, line(1), line(2, UnitPrice="1.234!50"), line(3))])

# --- read, with the damage counted: the file's ending, its content, what becomes of its lines ---
COUNTED: dict[str, tuple[str, str | bytes, dict[str, int]]] = {
    "a quote opened in one line and closed in the next": (
        "csv",
        text(TOP, line(1, Description='"OPEN'), line(2, Description='CLOSED"'), line(3)),
        {"clean": 3},
    ),
    "a quote closed 5,000 lines later": (
        "csv",
        text(TOP, line(1, Description='"OPEN'), *lines(5_000), line(2, Description='CLOSED"'), line(3)),
        {"clean": 5_003},
    ),
    "a quote left open in an id and closed in a later one": (
        "csv",
        text(TOP, line(1, CustomerID='"17850'), *lines(3), line(2, CustomerID='17850"'), line(3)),
        {"clean": 6},
    ),
    "a quote that is never closed": (
        "csv",
        text(TOP, line(1), line(2, Description='"OPEN'), *lines(50)),
        {"clean": 51, "malformed": 1},
    ),
    "a quote left open before a quoted field": (
        "csv",
        text(TOP, line(1, Description='"OPEN'), *lines(3), line(2, Description='"A, B"'), line(3)),
        {"clean": 5, "malformed": 1},
    ),
    "line ends, quotes and commas that belong to the text": (
        "csv",
        text(TOP, line(1, Description='"SET OF: A, B, 3 C, D, E,\nF, G, H, I, J\r\n, K, ""L"", M, N, O, P"'), line(2)),
        {"clean": 2},
    ),
    "quotes in the middle of a field": (
        "csv",
        text(TOP, line(1, Description='7" RECORD'), line(2, Description='"7" RECORD"'), line(3)),
        {"clean": 3},
    ),
    "too few and too many fields": (
        "csv",
        text(TOP, line(1), "536366,85123A", line(2) + ",", line(3) + ",more", '4,A,"two\nlines",1'),
        {"clean": 1, "malformed": 5},
    ),
    "nothing but delimiters, blank lines, remarks": (
        "csv",
        text(TOP, line(1), ",,,,,,,", "", "", "# a remark", line(2)),
        {"clean": 2, "malformed": 2},
    ),
    "the header again in the middle": ("csv", FIVE + FIVE, {"clean": 10, "malformed": 1}),
    "the header again with a byte order mark": (
        "csv",
        (FIVE.encode("utf-8-sig") + FIVE.encode("utf-8-sig")),
        {"clean": 10, "malformed": 1},
    ),
    "CRLF, then LF": ("csv", text(TOP, *lines(2), end="\r\n") + text(*lines(500)), {"clean": 502}),
    "LF, then CRLF": ("csv", FIVE + text(*lines(5), end="\r\n"), {"clean": 10}),
    "a lone CR between two lines": ("csv", text(TOP, line(1) + "\r" + line(2), line(3)), {"clean": 3}),
    "CR alone": ("csv", text(TOP, *lines(5), end="\r"), {"clean": 5}),
    "NUL in a field": ("csv", text(TOP, line(1, Description="A\0B"), line(2, Description='"\0"')), {"clean": 2}),
    "a tail of NULs": ("csv", FIVE + "\0" * 50_000, {"clean": 5, "malformed": 1}),
    "a description of 10,000 characters": ("csv", text(TOP, line(1, Description="x" * 10_000)), {"clean": 1}),
    "UTF-8 with a mark": ("csv", FIVE.encode("utf-8-sig"), {"clean": 5}),
    "UTF-16 with a mark, little end first": ("csv", b"\xff\xfe" + FIVE.encode("utf-16-le"), {"clean": 5}),
    "UTF-16 with a mark, big end first": ("csv", b"\xfe\xff" + FIVE.encode("utf-16-be"), {"clean": 5}),
    "UTF-16 without a mark, little end first": ("csv", FIVE.encode("utf-16-le"), {"clean": 5}),
    "UTF-16 without a mark, big end first": ("csv", FIVE.encode("utf-16-be"), {"clean": 5}),
    "UTF-16 cut within a character": ("csv", FIVE.encode("utf-16")[:-3], {"clean": 4, "malformed": 1}),
    "UTF-32 with a mark": ("csv", FIVE.encode("utf-32"), {"clean": 5}),
    "windows-1252": ("csv", text(TOP, line(1, Description="CAFÉ “€5”")).encode("windows-1252"), {"clean": 1}),
    "gzip of several members": (
        "csv.gz",
        gzip.compress(FIVE.encode()) + gzip.compress(text(*lines(4)).encode()),
        {"clean": 9},
    ),
    "decimal commas between semicolons": ("csv", SEMICOLONS.replace("!", ","), {"clean": 2, "malformed": 1}),
    "decimal commas between commas": (
        "csv",
        text(TOP, line(1), line(2, UnitPrice="1,50")),
        {"clean": 1, "malformed": 1},
    ),
    "columns in another order": (
        "csv",
        text(",".join(reversed(HEADER)), ",".join(reversed(GOOD.values()))),
        {"clean": 1},
    ),
    "a column more": ("csv", text(TOP + ",Till", line(1) + ",7", line(2)), {"clean": 1, "malformed": 1}),
    "no customer anywhere": ("csv", text(TOP, line(1, CustomerID=""), line(2, CustomerID="")), {"guest": 2}),
    "no country anywhere": ("csv", text(TOP, line(1, Country=""), line(2, Country="")), {"clean": 2}),
    "no invoice anywhere": ("csv", text(TOP, line(1, InvoiceNo=""), line(2, InvoiceNo="")), {"malformed": 2}),
    "several objects in a line of JSON": (
        "jsonl",
        text(json_object(1), json_object(2) + json_object(3, Description='}{"') + " " + json_object(4), json_object(5)),
        {"clean": 3, "malformed": 1},
    ),
    "several objects in a line of JSON, commas between": (
        "jsonl",
        text(f"{json_object(1)},{json_object(2)} , {json_object(3)},", json_object(4) + ","),
        {"clean": 2, "malformed": 2},
    ),
    "an array of objects in a line of JSON lines": (
        "jsonl",
        text(json_object(1), f"[{json_object(2)}, {json_object(3)}]", f"{json_object(4)} [{json_object(5)}]"),
        {"clean": 4, "malformed": 1},
    ),
    "JSON texts that look like the end of an object": (
        "jsonl",
        text(
            json_object(1, Description="BOX }{"),
            json_object(2, Description='"}, {"'),
            json_object(3, Description="}{\\"),
            json_object(4, Description="] [{", Tags=[[{"a": 1}, {"b": [2]}], {"c": {}}, {"d": 3}], More={"e": {}}),
        ),
        {"clean": 4},
    ),
    "JSON texts that look like the end of an array": (
        "json",
        f"[{json_object(1, Description='] [{')}, {json_object(2, Tags=[[{}], [{}]])}]",
        {"clean": 2},
    ),
    "JSON numbers that are none": (
        "jsonl",
        text(json_object(1), json_object(2, UnitPrice=float("nan")), json_object(3, Quantity=float("inf"))),
        {"clean": 1, "malformed": 2},
    ),
    "JSON lines that are broken, NUL or another encoding": (
        "jsonl",
        text(json_object(1), json_object(2)[:40], "\0\0\0", json_object(3).replace("F", "É")).encode("iso-8859-1"),
        {"clean": 1, "malformed": 3},
    ),
    "a JSON number of more digits than Python parses": (
        "jsonl",
        text(json_object(1).replace('"2.55"', "1" * 5_000), json_object(2)),
        {"clean": 1, "malformed": 1},
    ),
    "Parquet text that is no UTF-8": (
        "parquet",
        parquet(2, {"Description": pa.array([b"CAF\xc9", b"TEA"])}),
        {"clean": 1, "malformed": 1},
    ),
    "Parquet with a column of no type": ("parquet", parquet(2, {"CustomerID": pa.nulls(2)}), {"guest": 2}),
}  # fmt: skip


def judged(
    spark: SparkSession, path: Path, settings: InputSettings = INPUT, cleaning: CleaningSettings = CLEANING
) -> DataFrame:
    files = find_input(spark, [str(path)], settings)
    return judge_lines(parse_lines(read_lines(spark, files, settings), cleaning), cleaning, AS_OF)


def outcomes(lines_: DataFrame) -> DataFrame:
    """One row for each file and reason, with the number of lines."""
    return lines_.groupBy("source_file", F.coalesce("reason", F.lit("clean")).alias("reason")).count()


@pytest.fixture(scope="module")
def counted(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Mapping[str, int]]:
    """What becomes of the lines of each file of the corpus; all are read together, as a run reads a directory."""
    folder = tmp_path_factory.mktemp("corpus")
    names = {}
    for number, (case, (ending, content, _)) in enumerate(COUNTED.items()):
        path = folder / f"{number}.{ending}"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        names[str(path)] = case
    found: dict[str, dict[str, int]] = {case: {} for case in COUNTED}
    for row in outcomes(judged(spark, folder)).collect():
        found[names[row.source_file]][row.reason] = row["count"]
    return found


@pytest.mark.parametrize("case", COUNTED)
def test_every_line_of_a_damaged_file_is_counted(case: str, counted: Mapping[str, Mapping[str, int]]) -> None:
    assert counted[case] == COUNTED[case][2]


# --- refused: the file's name, its content, the message behind its path ---
PLAIN = parquet(compression="none")
DAMAGED = "cannot be read to its end, it is damaged or cut off: send it again"
NOT_WHOLE = "is not a whole Parquet file: "
REFUSED: dict[str, tuple[str, bytes, str]] = {
    "gzip cut in the middle": ("lines.csv.gz", PACKED[: len(PACKED) // 2], DAMAGED),
    "gzip without its last bytes": ("lines.csv.gz", PACKED[:-4], DAMAGED),
    "gzip with a wrong checksum": ("lines.csv.gz", flipped(PACKED, -6), DAMAGED),
    "gzip with a flipped bit": ("lines.csv.gz", flipped(PACKED, len(PACKED) // 2, 0x10), DAMAGED),
    "gzip with something behind it": ("lines.csv.gz", PACKED + b"and more", DAMAGED),
    "gzip cut, its name hard to write": ("50%20 of [ü], 1+1.csv.gz", PACKED[:-4], DAMAGED),
    "gzip cut in its header": ("lines.csv.gz", PACKED[:15], "cannot be opened or unpacked: "),
    "gzip in name only": ("lines.csv.gz", FIVE.encode(), "cannot be opened or unpacked: not a gzip file"),
    "gzip of JSON lines, cut": (
        "lines.jsonl.gz",
        gzip.compress(text(*map(json_object, range(500))).encode())[:-9],
        DAMAGED,
    ),
    "UTF-32 without a mark": ("lines.csv", FIVE.encode("utf-32-le"), "unknown format, though its name says csv"),
    "a line of more fields than can be split": (
        "lines.csv",
        (FIVE + "," * 30_000).encode(),
        "has a field of more than 10,000,000 characters or a line of more than 20,480 fields: close the quote",
    ),
    "a quote left open over millions of characters": (
        "lines.csv",
        text(TOP, line(1, Description='"OPEN'), *[line(2, Description="x" * 10_000)] * 1_100).encode(),
        "has a field of more than 10,000,000 characters or a line of more than 20,480 fields: close the quote",
    ),
    "two JSON arrays in one file": (
        "lines.json",
        f"[{json_object(1)}]\n[{json_object(2)}]".encode(),
        "is not one JSON array of objects from beginning to end",
    ),
    "two JSON arrays in one file, a comma between": (
        "lines.json",
        f"[{json_object(1)}],[{json_object(2)}]".encode(),
        "is not one JSON array of objects from beginning to end",
    ),
    "a JSON array that is cut off": (
        "lines.json",
        f"[{json_object(1)}, {json_object(2)[:40]}".encode(),
        "is not one JSON array of objects from beginning to end",
    ),
    "Parquet cut off": ("lines.parquet", PLAIN[: len(PLAIN) // 2], NOT_WHOLE),
    "Parquet without its last bytes": ("lines.parquet", PLAIN[:-20], NOT_WHOLE),
    "Parquet with a flipped mark": ("lines.parquet", flipped(PLAIN, -1), NOT_WHOLE),
    "Parquet with a wrong footer length": ("lines.parquet", flipped(PLAIN, -6), NOT_WHOLE),
    "Parquet with a column name flipped in the footer": (
        "lines.parquet",
        flipped(PLAIN, PLAIN.rindex(b"StockCode"), 0x20),
        NOT_WHOLE,
    ),
    "Parquet with a flipped page header": ("lines.parquet", flipped(PLAIN, 5), DAMAGED),
    "Parquet with a flipped page, packed by gzip": (
        "lines.parquet",
        flipped(packed := parquet(compression="gzip"), last_byte_of(packed, "Description") - 10),
        DAMAGED,
    ),
    "Parquet with a flipped page that has a checksum": (
        "lines.parquet",
        flipped(summed := parquet(compression="none", write_page_checksum=True), summed.index(b"GREEN"), 0x20),
        DAMAGED,
    ),
    "Parquet with a value beyond its dictionary": (
        "lines.parquet",
        parquet_with_a_value_beyond_its_dictionary(),
        DAMAGED,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_a_damaged_file_is_refused_by_name_though_others_are_good(
    case: str, spark: SparkSession, tmp_path: Path
) -> None:
    name, content, message = REFUSED[case]
    (tmp_path / name).write_bytes(content)
    (tmp_path / f"good.{name.partition('.')[2].removesuffix('.gz')}").write_bytes(good_file(name))
    with pytest.raises(InputError, match=f"^{re.escape(f'{tmp_path / name}: {message}')}") as caught:
        read_to_the_end(spark, tmp_path)
    assert "\n" not in str(caught.value)


def good_file(name: str) -> bytes:
    if "parquet" in name:
        return parquet(3)
    return json_object().encode() if "json" in name else FIVE.encode()


def read_to_the_end(spark: SparkSession, path: Path, settings: InputSettings = INPUT) -> list[Any]:
    files = find_input(spark, [str(path)], settings)
    lines_ = read_lines(spark, files, settings)
    with read_errors_named(spark, files):
        return lines_.collect()


class EndingContext:
    """What answers of a Spark that ends on the way: it has not stopped until it was asked so often."""

    def __init__(self, running: int) -> None:
        self.running = running
        self.sparkContext = self._jsc = self

    def sc(self) -> "EndingContext":
        return self

    def isStopped(self) -> bool:  # noqa: N802 - Java's name
        self.running -= 1
        return self.running < 0


@pytest.mark.parametrize("running", [0, 1])
def test_no_file_is_blamed_for_what_fails_because_spark_was_stopped(
    spark: SparkSession, tmp_path: Path, running: int
) -> None:
    (tmp_path / "lines.parquet").write_bytes(PLAIN)
    files = find_input(spark, [str(tmp_path)], INPUT)
    ending: Any = EndingContext(running)
    with pytest.raises(RuntimeError, match="SparkContext was shut down"), read_errors_named(ending, files):
        raise RuntimeError("Job 3 cancelled because SparkContext was shut down")


def test_no_file_is_blamed_where_spark_is_stopped_before_it_is_read(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "lines.parquet").write_bytes(PLAIN)
    [file] = find_input(spark, [str(tmp_path)], INPUT)
    ended: Any = EndingContext(0)
    ended._jvm = MagicMock()
    # What the footer is read with, and the folder listed by, is gone.
    with pytest.raises(AttributeError, match="hadoopConfiguration"):
        read_parquet(ended, [file], INPUT)
    with pytest.raises(AttributeError, match="_gateway"):
        find_input(ended, [str(tmp_path)], INPUT)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("logo.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "unknown format: known are CSV"),
        ("all.zip", b"PK\x03\x04\0\0", "unknown format: known are CSV"),
        ("README.txt", b"Lines of May.\n", "column 'InvoiceNo' (for invoice_no) is missing"),
        ("june.csv", text(TOP.removesuffix(",Country"), "1,A,x,1,2010-12-01,1,1").encode(), "column 'Country' (for"),
    ],
)
def test_one_foreign_file_in_a_directory_is_refused_by_name(
    name: str, content: bytes, message: str, spark: SparkSession, tmp_path: Path
) -> None:
    (tmp_path / "may.csv").write_text(FIVE)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=f"^{re.escape(f'{tmp_path / name}: {message}')}"):
        read_to_the_end(spark, tmp_path)


def test_a_delimiter_that_is_configured_and_wrong_is_refused_with_what_was_found(
    spark: SparkSession, tmp_path: Path
) -> None:
    (tmp_path / "lines.csv").write_text(FIVE)
    settings = INPUT.model_copy(update={"csv": CsvSettings(delimiter=";")})
    with pytest.raises(InputError, match=rf"lines\.csv: column 'InvoiceNo' .* is missing.* Found: {TOP}\."):
        read_to_the_end(spark, tmp_path / "lines.csv", settings)


def test_bytes_that_are_no_text_in_the_configured_encoding_make_their_line_malformed(
    spark: SparkSession, tmp_path: Path
) -> None:
    (tmp_path / "lines.csv").write_bytes(FIVE.encode() + line(9, Description="CAFÉ").encode("windows-1252"))
    settings = INPUT.model_copy(update={"csv": CsvSettings(encoding="utf-8")})
    rows = outcomes(judged(spark, tmp_path / "lines.csv", settings=settings)).collect()
    assert {row.reason: row["count"] for row in rows} == {"clean": 5, "malformed": 1}


def test_swallowed_lines_are_read_as_they_stand(spark: SparkSession, tmp_path: Path) -> None:
    opening, closing = line(1, Description='"OPEN', Quantity="7"), line(3, Description='CLOSED"', Quantity="9")
    (tmp_path / "lines.csv").write_text(text(TOP, opening, line(2, Quantity="8"), closing))
    rows = judged(spark, tmp_path / "lines.csv").select("invoice_no", "description", "quantity", "country").collect()
    assert sorted(map(tuple, rows)) == [
        ("536366", "OPEN", 7, "France"),
        ("536367", "HEART", 8, "France"),
        ("536368", "CLOSED", 9, "France"),
    ]


def test_the_same_file_by_several_paths_is_read_once_and_a_copy_of_it_is_told(
    spark: SparkSession, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    may, copy = tmp_path / "may.csv", tmp_path / "may (1).csv"
    may.write_text(FIVE)
    copy.write_text(FIVE)
    (tmp_path / "june.csv").write_text(FIVE.replace("HEART", "HEARTS"))
    assert len(find_input(spark, [str(may), f"file:{may}", f"{tmp_path}/./may.csv", f"{tmp_path}/ma?.csv"], INPUT)) == 1
    assert caplog.text == ""
    copies = judged(spark, tmp_path, cleaning=COPIES_FOUND)
    assert Counter(row.reason for row in copies.collect()) == {None: 10, "duplicate": 5}
    assert [record.message for record in caplog.records] == [
        f"{may} seems to be a copy of {copy}: as large, and beginning alike"
    ]


# --- one value of a good line replaced: the field, its text, and what it is read as or why the line is rejected ---
MALFORMED, GUEST = "malformed", "guest"
NO_SALE = {"Quantity": "non_positive_quantity", "UnitPrice": "non_positive_price"}
VALUES: list[tuple[str, str, Any]] = [
    *[
        (field, written, MALFORMED)
        for field in ("Quantity", "UnitPrice")
        for written in ("1,234.50", "1.234,50", "£2.55", "2,55", "1 000", "NaN", "Infinity", "-inf", "1" + "0" * 30, "")
    ],
    *[(field, written, reason) for field, reason in NO_SALE.items() for written in ("-0", "0", "-1", "-1e3")],
    ("Quantity", "1e3", 1000),
    ("Quantity", "2.0", 2),
    ("Quantity", "2.5", MALFORMED),
    ("UnitPrice", "1e3", Decimal(1000)),
    ("UnitPrice", "1e-3", Decimal("0.001")),
    *[
        ("InvoiceDate", written, MALFORMED)
        for written in ("2011-02-30", "2/30/2011", "31/12/2010", "1900-02-29", "2011-01-01 24:00", "2011-01-01 12:60")
    ],
    *[
        ("InvoiceDate", written, MALFORMED)
        for written in ("0000-01-01", "1/1/0000", "10000-01-01", "1/1/10000", "1/1/11", "20110101", "now", "")
    ],
    *[("InvoiceDate", written, MALFORMED) for written in ("00000", "00001.5", "0")],
    # Ambiguous to a reader, not to the configuration, which says the month first with slashes, the day with dashes.
    ("InvoiceDate", "3/4/2011", datetime(2011, 3, 4)),
    ("InvoiceDate", "3-4-2011", datetime(2011, 4, 3)),
    ("InvoiceDate", "1900-01-01", datetime(1900, 1, 1)),
    ("InvoiceDate", "0001-01-01", datetime(1, 1, 1)),
    ("InvoiceDate", "2999-12-31", "out_of_period"),
    # The shop's own clock counts, wherever it hangs.
    ("InvoiceDate", "2010-12-01T08:26:00Z", datetime(2010, 12, 1, 8, 26)),
    ("InvoiceDate", "2010-12-01T23:30:00+02:00", datetime(2010, 12, 1, 23, 30)),
    ("InvoiceDate", "2010-12-01 23:30:00-11:00", datetime(2010, 12, 1, 23, 30)),
    ("InvoiceDate", "2010-12-01 08:26:00 Europe/London", datetime(2010, 12, 1, 8, 26)),
    ("CustomerID", "00017850", "00017850"),
    ("CustomerID", "17850.0", "17850"),
    ("CustomerID", "\u200f17850\u200b", "17850"),
    ("CustomerID", "\u300017850\u2003", "17850"),
    ("CustomerID", "17850\0", "17850"),
    ("CustomerID", "5E12", "5E12"),
    *[
        (field, number + "0" * (100 - len(number)) + more, value if not more else MALFORMED)
        for field, number, value in (
            ("Quantity", "2.", 2),
            ("UnitPrice", "2.5", Decimal("2.5")),
            ("InvoiceDate", "2010-12-01T08:26:00.", None),
        )
        for more in ("", "0")
        if value or more
    ],
    *[("CustomerID", written, MALFORMED) for written in ("1.785E4", "1.785e4", "1.23457E+15", "2E+04")],
    *[("CustomerID", blank, GUEST) for blank in ("", " \t", "\u00a0", "\u2003", "\u202f", "\u200b", "\ufeff", "\0")],
    ("StockCode", "85123a", "85123a"),
    ("StockCode", "085123", "085123"),
    ("StockCode", "8.5123E+04", MALFORMED),
    ("StockCode", "\u200b", MALFORMED),
    ("InvoiceNo", "5.36365E+05", MALFORMED),
    ("InvoiceNo", "\u00a0", MALFORMED),
    *[("Description", written, written) for written in ("🦊 FOX 👩‍👩‍👧", "שלום, עולם", "مرحبا", "e\u0301\u0302")],
    *[("Description", written, written) for written in ("a\nb", "a,b;c\td", '"', '""', '7" "HITS"', "\\", "=1+1")],
    ("Description", "x" * 10_000, "x" * 10_000),
]  # fmt: skip


@pytest.fixture(scope="module")
def values(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Mapping[int, Mapping[str, Any]]:
    """The judged lines by the number of the case, which stands in the country."""
    rows = [
        list({**GOOD, "Country": str(number), field: written}.values())
        for number, (field, written, _) in enumerate(VALUES)
    ]
    path = tmp_path_factory.mktemp("values") / "lines.csv"
    path.write_bytes(quoted_csv(rows))
    return {int(row.country): row.asDict() for row in judged(spark, path).collect()}


def test_numbers_of_a_million_digits_are_no_numbers_and_cost_no_time(spark: SparkSession, tmp_path: Path) -> None:
    digits = "9" * 1_000_000
    (tmp_path / "lines.csv").write_text(text(TOP, *[line(UnitPrice=digits, Quantity=f"0.{digits}")] * 4))
    begin = perf_counter()
    assert {row.reason for row in judged(spark, tmp_path).select("reason").collect()} == {"malformed"}
    assert perf_counter() - begin < 60  # as numbers they take minutes


@pytest.mark.parametrize(
    "number", range(len(VALUES)), ids=lambda number: f"{VALUES[number][0]} {VALUES[number][1][:20]!a}"
)
def test_a_value_is_read_as_it_is_meant_or_its_line_is_rejected(
    number: int, values: Mapping[int, Mapping[str, Any]]
) -> None:
    field, _, expected = VALUES[number]
    row, column = values[number], s.LINE_FIELDS[HEADER.index(field)]
    if expected in (MALFORMED, GUEST, "out_of_period", *NO_SALE.values()):
        assert row["reason"] == expected
    else:
        assert (row[column], row["reason"]) == (expected, None)
