"""JSON files: keys, broken lines and exact numbers."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.errors import InputError
from segmentation.ingest.files import HEAD_BYTES
from tests.hostile_files import GOOD, HEADER, json_object, raw_texts, read


def json_lines(folder: Path, name: str, *objects: Mapping[str, Any]) -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(fields) + "\n" for fields in objects), encoding="utf-8")
    return path


def renamed(old: str, new: str) -> dict[str, str]:
    """Return a good line with one of its keys renamed."""
    return {new if key == old else key: value for key, value in GOOD.items()}


def without(*names: str) -> dict[str, str]:
    return {key: value for key, value in GOOD.items() if key not in names}


def test_a_broken_line_is_unparsed_and_every_number_keeps_its_text(spark: SparkSession, tmp_path: Path) -> None:
    exact = json_object().replace('"2"', "6.0").replace('"2.55"', "2.550000").replace('"17850"', "17850000000000000001")
    lines = [json_object(), '{"InvoiceNo": "53', "  ", "5", exact]
    (tmp_path / "lines.jsonl").write_text("\n".join(lines) + "\n")
    rows = read(spark, tmp_path).select("raw_quantity", "raw_unit_price", "raw_customer_id", "unparsed_line").collect()
    assert sorted(map(tuple, rows), key=str) == [
        ("2", "2.55", "17850", None),
        ("6.0", "2.550000", "17850000000000000001", None),
        (None, None, None, "5"),
        (None, None, None, '{"InvoiceNo": "53'),
    ]


def test_what_follows_the_first_object_of_a_line_is_unparsed(spark: SparkSession, tmp_path: Path) -> None:
    several = [json_object(1) + json_object(2), f"{json_object(3)}, {json_object(4)}", json_object(5) + " tail {}"]
    # Braces inside of texts and nested values are no further objects, nor is a number that JSON does not have.
    single = [
        json_object(6, Description="}{"),
        json_object(7, Tags=[{"a": {}}, [{}]]),
        json_object(8, a={}, b=float("nan")),
    ]
    (tmp_path / "lines.jsonl").write_text("\n".join(several + single))
    lines = read(spark, tmp_path)
    assert raw_texts(lines.where("unparsed_line IS NULL"), "invoice_no") == [
        (str(536365 + number),) for number in (1, 3, 5, 6, 7, 8)
    ]
    assert {row.unparsed_line for row in lines.where("unparsed_line IS NOT NULL").collect()} == set(several)


def test_a_file_of_guests_alone_is_read_with_one_of_customers(
    spark: SparkSession, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # Writers leave out a key whose value is null, Spark's own included; a part may hold nothing but guests.
    json_lines(tmp_path, "part-0.json", GOOD)
    json_lines(tmp_path, "part-1.json", without("CustomerID"))
    path = json_lines(tmp_path, "part-2.json", renamed("CustomerID", "Kunde"))
    assert raw_texts(read(spark, tmp_path), "customer_id") == [("17850",), (None,), (None,)]
    assert f"{path}: its first objects have no 'CustomerID'" in caplog.text
    assert "Keys found: InvoiceNo, StockCode, Description, Quantity, InvoiceDate, UnitPrice, Kunde" in caplog.text


@pytest.mark.parametrize(
    ("second_file", "message"),
    [
        (renamed("CustomerID", "Customer ID"), "column 'CustomerID' (for customer_id) is missing, the nearest is"),
        (renamed("Quantity", "Menge"), "column 'Quantity' (for quantity) is missing"),
    ],
)
def test_a_column_renamed_in_one_file_is_refused_by_the_name_of_that_file(
    spark: SparkSession, tmp_path: Path, second_file: Mapping[str, str], message: str
) -> None:
    json_lines(tmp_path, "a.jsonl", GOOD)
    path = json_lines(tmp_path, "b.jsonl", second_file)
    with pytest.raises(InputError, match=f"^{re.escape(f'{path}: {message}')}"):
        read(spark, tmp_path)


@pytest.mark.parametrize("column", ["CustomerID", "Quantity"])
@pytest.mark.parametrize("before", [b"", b'{"InvoiceNo": "53\n'])
def test_a_column_that_only_a_later_line_has_is_located(
    spark: SparkSession, tmp_path: Path, column: str, before: bytes
) -> None:
    # A broken line ends the search for keys in the head.
    first = json.dumps({**without(column), "CustomerName": "A"}).encode() + b"\n"
    path = tmp_path / "lines.jsonl"
    path.write_bytes(first * (1 if before else HEAD_BYTES // len(first) + 1) + before + json_object().encode())
    lines = read(spark, path).where(F.col(s.raw("country")).isNotNull())
    field = s.LINE_FIELDS[HEADER.index(column)]
    assert set(raw_texts(lines, field)) == {(None,), (GOOD[column],)}


def test_a_column_that_no_line_of_a_long_file_has_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    fields = {**without("CustomerID"), "Description": 'the "CustomerID": is not here'}
    path = json_lines(tmp_path, "lines.jsonl", *[fields] * 500)
    with pytest.raises(InputError, match=re.escape(f"{path}: column 'CustomerID' (for customer_id) is missing")):
        read(spark, path)
