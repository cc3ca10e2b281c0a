"""Parquet files: types, nanoseconds, and columns that are read as the same values whatever their type."""

from base64 import b64decode, b64encode
from datetime import date, datetime, time
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from chispa import assert_df_equality
from pyarrow.parquet import encryption
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.cleaning.parse import parse_lines
from segmentation.errors import InputError
from segmentation.guess.samples import samples_of
from segmentation.ingest import numbers
from segmentation.ingest.find import find_input
from segmentation.ingest.parquet_files import first_unreadable
from segmentation.ingest.parquet_footers import FOOTER_BYTES
from segmentation.ingest.values import Field
from tests.hostile_files import (
    CLEANING,
    HEADER,
    INPUT,
    parquet,
    parquet_with_a_value_beyond_its_dictionary,
    raw_texts,
    read,
)

AT = datetime(2010, 12, 1, 8, 26)


def test_times_in_nanoseconds_keep_every_microsecond(spark: SparkSession, tmp_path: Path) -> None:
    nanoseconds = {
        1291191960_123456999: "2010-12-01 08:26:00.123456",
        1291191960_999999999: "2010-12-01 08:26:00.999999",
        4102444799_999999999: "2099-12-31 23:59:59.999999",
        -1: "1969-12-31 23:59:59.999999",
        -1000: "1969-12-31 23:59:59.999999",
        -(2**63): "1677-09-21 00:12:43.145224",
        0: "1970-01-01 00:00:00",
    }
    columns = {
        "InvoiceDate": pa.array(list(nanoseconds), pa.int64()).cast(pa.timestamp("ns")),
        "Description": pa.array([str(number) for number in nanoseconds]),
    }
    (tmp_path / "nanoseconds.parquet").write_bytes(parquet(len(nanoseconds), columns))
    times = {int(row[0] or ""): row[1] for row in raw_texts(read(spark, tmp_path), "description", "invoice_date")}
    assert times == nanoseconds


def test_a_double_is_a_quantity_of_four_decimals_or_null(spark: SparkSession, tmp_path: Path) -> None:
    exact = {6.0: 60_000, -0.0: 0, 1.5: 15_000, 0.1 + 0.2: 3_000, 1e-5: 0, 5e-5: 1, -2e9: -20_000_000_000_000}
    quantities = [*exact, 2.0**31, 1e300, float("nan"), float("inf"), float("-inf"), None]
    columns = {
        "Quantity": pa.array(quantities, pa.float64()),
        "Description": pa.array([str(number) for number in range(len(quantities))]),
    }
    (tmp_path / "wild.parquet").write_bytes(parquet(len(quantities), columns))
    lines = read(spark, tmp_path)
    quantity = numbers.quantity_e4(Field(F.col("raw_quantity"), lines.schema["raw_quantity"].dataType))
    parsed = dict(lines.select("raw_description", quantity).collect())
    assert [parsed[str(number)] for number in range(len(quantities))] == [*exact.values(), *[None] * 6]


def test_dates_are_midnight_and_ids_of_any_type_are_one_customer(spark: SparkSession, tmp_path: Path) -> None:
    ids = [
        pa.array([17850], pa.int64()),
        pa.array([17850], pa.int16()),
        pa.array([17850.0], pa.float64()),
        pa.array([" 17850 "]),
        pa.array([Decimal(17850)]),
    ]
    for number, customer in enumerate(ids):
        columns = {"CustomerID": customer, "InvoiceDate": pa.array([date(2010, 12, 1)])}
        (tmp_path / f"{number}.parquet").write_bytes(parquet(1, columns))
    rows = parse_lines(read(spark, tmp_path), CLEANING).select("customer_id", "invoice_date").collect()
    assert [tuple(row) for row in rows] == [("17850", datetime(2010, 12, 1))] * len(ids)


def test_typed_columns_give_the_values_of_the_same_lines_in_text(spark: SparkSession, tmp_path: Path) -> None:
    columns: dict[str, tuple[list[Any], pa.DataType]] = {
        "InvoiceNo": (["1", "1", "1", "C2", "3", "4", "5"], pa.string()),
        "StockCode": (["A"] * 7, pa.string()),
        "Description": ([" RED ", " RED ", "RED", None, "", "x", "y"], pa.string()),
        "Quantity": ([6, 6, 6, -1, -(2**31), 2**40, None], pa.int64()),
        "InvoiceDate": ([AT, AT, AT, AT, None, AT, datetime(2012, 1, 1)], pa.timestamp("us")),
        "UnitPrice": ([2.55, 2.55, 2.55, 12.0, 0.1, float("nan"), 1e-5], pa.float64()),
        "CustomerID": ([17850, 17850, 17850, None, 1, 2, 3], pa.int64()),
        "Country": (["EIRE", "EIRE", "EIRE ", "EIRE", None, "", "EIRE"], pa.string()),
    }
    texts = {name: [None if value is None else str(value) for value in column] for name, (column, _) in columns.items()}
    texts["UnitPrice"] = ["2.55", "2.55", "2.55", "12", "0.1", "NaN", "1.0E-5"]
    tables = {
        "typed": [pa.array(column, kind) for column, kind in columns.values()],
        "text": [pa.array(column, pa.string()) for column in texts.values()],
    }
    parsed = {}
    for name, arrays in tables.items():
        pq.write_table(pa.table(arrays, names=HEADER), tmp_path / f"{name}.parquet")
        lines = read(spark, tmp_path / f"{name}.parquet")
        assert dict(lines.dtypes)["raw_quantity"] == ("bigint" if name == "typed" else "string")
        is_malformed = F.col(s.AS_READ).isNotNull().alias("is_malformed")
        parsed[name] = parse_lines(lines, CLEANING).select(*s.PARSED_FIELDS, s.AMOUNT, is_malformed)
    assert_df_equality(parsed["typed"], parsed["text"], ignore_nullable=True, ignore_row_order=True)


def test_a_column_of_lists_is_refused_by_name(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "lists.parquet").write_bytes(parquet(1, {"Country": pa.array([["EIRE", "France"]])}))
    with pytest.raises(InputError, match=r"lists\.parquet: column 'Country' is list, map or struct: a number, text"):
        read(spark, tmp_path)


def test_a_footer_longer_than_what_is_read_at_once_is_read_whole(spark: SparkSession, tmp_path: Path) -> None:
    table = pq.read_table(BytesIO(parquet(2))).replace_schema_metadata({"more": "x" * 2 * FOOTER_BYTES})
    pq.write_table(table, tmp_path / "long.parquet")
    pq.write_table(table.replace_schema_metadata(), tmp_path / "short.parquet")
    files = find_input(spark, [str(tmp_path)], INPUT)
    assert files[0].header == files[1].header
    assert "InvoiceNo" in files[0].header.names
    assert files[0].stored.size > 2 * FOOTER_BYTES


def test_the_first_of_several_unreadable_files_is_found_by_halves(spark: SparkSession, tmp_path: Path) -> None:
    for name in "abcdef":
        content = parquet_with_a_value_beyond_its_dictionary() if name in "de" else parquet()
        (tmp_path / f"{name}.parquet").write_bytes(content)
    (tmp_path / "c2.parquet").write_bytes(parquet(1, {"Quantity": pa.array([1])}))  # another schema
    files = find_input(spark, [str(tmp_path)], INPUT)
    assert first_unreadable(spark, files) == str(tmp_path / "d.parquet")
    assert first_unreadable(spark, files[:4]) is None


def test_only_mapped_columns_are_read_and_others_may_be_anything(spark: SparkSession, tmp_path: Path) -> None:
    others = {
        "till": pa.array([time(8, 26)], pa.time64("us")),
        "nano": pa.array([1], pa.time64("ns")),
        "half": pa.array([1.5]).cast(pa.float16()),
        "wide": pa.array([Decimal(1)], pa.decimal256(50, 2)),
        "uuid": pa.array([b"0" * 16], pa.uuid()),
        "items": pa.array([[{"a.b": 1}]]),
        "country": pa.array(["twin"]),
        "UNITPRICE": pa.array([True]),
        "empty": pa.nulls(1),
    }
    for number, (name, column) in enumerate(others.items()):
        (tmp_path / f"{number}.parquet").write_bytes(parquet(1, {name: column}))
    twins = pq.read_table(BytesIO(parquet(1))).append_column("Note", [["a"]]).append_column("Note", [["b"]])
    pq.write_table(twins, tmp_path / "twins.parquet")
    pq.write_table(pa.table({}), tmp_path / "no columns.parquet")
    pq.write_table(pa.table({name: pa.nulls(0) for name in HEADER}), tmp_path / "no rows.parquet")
    lines = read(spark, tmp_path)
    assert len(lines.inputFiles()) == len(others) + 1
    assert raw_texts(lines, "country", "unit_price") == [("France", "2.55")] * (len(others) + 1)
    with pytest.raises(InputError, match=r"no rows\.parquet: empty, there are no lines to read"):
        read(spark, tmp_path / "no rows.parquet")
    pq.write_table(twins.rename_columns([*HEADER[:-1], "Country", "Note", "Country"]), tmp_path / "twins.parquet")
    with pytest.raises(InputError, match=r"twins\.parquet: column 'Country' \(for country\) is there 2 times"):
        read(spark, tmp_path)


def test_a_mapped_column_of_a_type_that_spark_does_not_read_is_named(spark: SparkSession, tmp_path: Path) -> None:
    for name, column in (
        ("Quantity", pa.array([1.5]).cast(pa.float16())),
        ("UnitPrice", pa.array([Decimal(1)], pa.decimal256(50, 2))),
        ("InvoiceDate", pa.array([time(8, 26)], pa.time64("us"))),
    ):
        (tmp_path / "odd.parquet").write_bytes(parquet(1, {name: column}))
        with pytest.raises(InputError, match=rf"odd\.parquet: column '{name}' is \w+: a number, text or date"):
            read(spark, tmp_path)


def test_ids_of_any_kind_are_the_text_a_person_would_write(spark: SparkSession, tmp_path: Path) -> None:
    ids = {
        "uuid": (pa.array([bytes(range(16))], pa.uuid()), "00010203-0405-0607-0809-0a0b0c0d0e0f"),
        "fixed": (pa.array([b"17850"], pa.binary(5)), "17850"),
        "uint64": (pa.array([2**64 - 1], pa.uint64()), str(2**64 - 1)),
        "dictionary": (pa.array(["17850"]).dictionary_encode(), "17850"),
        "nothing": (pa.nulls(1), None),
    }
    for name, (column, _) in ids.items():
        (tmp_path / f"{name}.parquet").write_bytes(parquet(1, {"CustomerID": column, "Description": pa.array([name])}))
    assert dict(raw_texts(read(spark, tmp_path), "description", "customer_id")) == {
        name: text for name, (_, text) in ids.items()
    }


class KeyStore(encryption.KmsClient):
    """Keeps keys in plain sight, for tests."""

    def __init__(self, _: object) -> None:
        super().__init__()

    def wrap_key(self, key_bytes: bytes, _: str) -> bytes:
        return b64encode(key_bytes)

    def unwrap_key(self, wrapped_key: bytes, _: str) -> bytes:
        return b64decode(wrapped_key)


@pytest.mark.parametrize(
    ("plaintext_footer", "message"),
    [(True, "has encrypted columns: write it without"), (False, "is encrypted Parquet, which is not read: write it")],
)
def test_encrypted_files_are_named(spark: SparkSession, tmp_path: Path, plaintext_footer: bool, message: str) -> None:
    table = pq.read_table(BytesIO(parquet(3)))
    keys = {"footer_key": "footer", "column_keys": {"column": ["CustomerID"]}}
    properties = encryption.CryptoFactory(KeyStore).file_encryption_properties(
        encryption.KmsConnectionConfig(),
        encryption.EncryptionConfiguration(**keys, plaintext_footer=plaintext_footer),
    )
    with pq.ParquetWriter(tmp_path / "a.parquet", table.schema, encryption_properties=properties) as writer:
        writer.write_table(table)
    for look in (
        lambda path: find_input(spark, [path], INPUT),
        lambda path: samples_of([path], INPUT.csv, "auto", None),
    ):
        with pytest.raises(InputError, match=rf"a\.parquet: {message}"):
            look(str(tmp_path))
