"""Inputs that lack fields of a line: a customer, a date and money are enough, in every format."""

import csv
import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter
from pyspark.sql import DataFrame, SparkSession

from segmentation import schemas as s
from segmentation.cleaning.duplicates import repeated_items
from segmentation.cleaning.ledger import unreadable_values
from segmentation.cleaning.parse import parse_lines
from segmentation.cleaning.rules import (
    exceptional_lines,
    judge_each_line,
    judge_lines,
    rejected_transactions,
    returned_lines,
    sales_lines,
    with_daily_orders,
)
from segmentation.config.files import config_of
from segmentation.config.settings import RunConfig
from segmentation.errors import ConfigError, InputError
from segmentation.features import baskets_of, customer_features, order_sums, orders_of
from segmentation.report.data import compared_features, shown_on_cards
from segmentation.returns import lines_of_returned_products, money_taken_back
from segmentation.sales import Sales
from tests.hostile_files import read

THREE = {"customer_id": "who", "invoice_date": "when", "amount": "paid"}
AS_OF = date(2011, 12, 10)
PURCHASES = [
    ("1", "2011-11-01 09:00:00", "10.50"),
    ("1", "2011-11-01 18:00:00", "4.5"),  # the same day: the same order
    ("1", "2011-11-20 18:00:00", "20"),
    ("2", "2011-11-20 18:00:00", "7.25"),
    ("2", "2011-11-20 18:00:00", "7.25"),  # an equal line may be another sale
    ("", "2011-12-01 10:00:00", "3"),  # a guest
]
REFUND = ("1", "2011-11-25 10:00:00", "-20")
Line = tuple[str, str, str]


def config(columns: Mapping[str, str] = THREE, *overrides: str) -> RunConfig:
    document = {
        "input": {"columns": dict(columns)},
        "cleaning": {"date_formats": ["iso"]},
        "clustering": {"features": [{"feature": s.TOTAL_SPEND}]},
    }
    return config_of(document, overrides, "test")


def judged(lines: DataFrame, settings: RunConfig) -> DataFrame:
    return judge_lines(parse_lines(lines, settings.cleaning), settings.applied_cleaning, None)


def raw(spark: SparkSession, rows: Sequence[Sequence[str | None]], *fields: str) -> DataFrame:
    return spark.createDataFrame([(*row, "a.csv", None) for row in rows], s.raw_schema(fields))


def csv_file(folder: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Path:
    path = folder / "lines.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return path


# --- the configuration ---


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"amount": None}, r"input\.columns\.quantity and unit_price must be set, or amount, the money of the line"),
        ({"amount": None, "quantity": "n"}, r"input\.columns\.unit_price must be set, or amount"),
        ({"amount": None, "unit_price": "p"}, r"input\.columns\.quantity must be set, or amount"),
        ({"unit_price": "p"}, r"input\.columns\.amount must not be set where unit_price is: leave out"),
        ({"country": "who"}, r"customer_id and country both name the column 'who'"),
    ],
)
def test_a_configuration_needs_money_once(columns: Mapping[str, Any], message: str):
    with pytest.raises(ConfigError, match=message):
        config({**THREE, **columns})


@pytest.mark.parametrize("field", ["customer_id", "invoice_date"])
def test_a_configuration_needs_a_customer_and_a_date(field: str):
    with pytest.raises(ConfigError, match=rf"input\.columns\.{field}: is required and not set"):
        config({name: column for name, column in THREE.items() if name != field})


def test_different_products_cannot_be_clustered_without_stock_codes():
    wanted = "clustering.features=[{feature: distinct_products}]"
    with pytest.raises(ConfigError, match=r"distinct_products needs stock codes: set input\.columns\.stock_code"):
        config(THREE, wanted)
    assert config({**THREE, "stock_code": "sku"}, wanted).clustering.features


@pytest.mark.parametrize(
    ("added", "absent"),
    [
        ({}, {"country_sales", "country_segments", "product_sales", "product_segments"}),
        ({"country": "land"}, {"product_sales", "product_segments"}),
        ({"stock_code": "sku"}, {"country_sales", "country_segments"}),
    ],
)
def test_tables_that_rest_on_a_missing_field_are_absent(added: Mapping[str, str], absent: set[str]):
    fields = config({**THREE, **added}).input_fields
    assert set(s.TABLES) - set(s.tables_of(fields)) == absent == set(s.absent_tables(fields))


def test_the_report_leaves_out_features_that_rest_on_a_missing_field():
    for features in (shown_on_cards, compared_features):
        assert not set(s.FEATURE_NEEDS) & set(features(config()))
        assert s.DISTINCT_PRODUCTS in features(config({**THREE, "stock_code": "sku"}))
    assert s.UNITS_BOUGHT in compared_features(config({**THREE, "quantity": "n"}))


@pytest.mark.parametrize("missing", ["invoice_no", "stock_code", None])
def test_equal_lines_are_duplicates_only_with_invoice_and_product(missing: str | None, spark: SparkSession):
    values = {"invoice_no": "7", "stock_code": "A", **dict(zip(THREE, PURCHASES[0], strict=True))}
    fields = [field for field in values if field != missing]
    settings = config({field: field for field in fields})
    lines = judged(raw(spark, [[values[field] for field in fields]] * 2, *fields), settings)
    assert lines.where("rejection is null").count() == (2 if missing else 1)


# --- the money of a line ---


def test_an_amount_gives_the_price_and_its_sign_the_return(spark: SparkSession):
    # From quantity and amount: quantity, unit price, amount, and the first reason.
    cases = {
        ("3", "10"): (3, "3.33333333", "10.0000", None),
        ("1", "0.33333333"): (1, "0.33333333", "0.3333", None),
        ("-2", "-5"): (-2, "2.50000000", "-5.0000", s.NON_POSITIVE_QUANTITY),
        ("2", "-5"): (-2, "2.50000000", "-5.0000", s.NON_POSITIVE_QUANTITY),
        ("-2", "5"): (-2, "2.50000000", "-5.0000", s.NON_POSITIVE_QUANTITY),
        ("0", "5"): (0, None, "5.0000", s.NON_POSITIVE_QUANTITY),
        ("2", "0"): (2, "0E-8", "0.0000", s.NON_POSITIVE_PRICE),
        ("", "5"): (None, None, None, s.MALFORMED),
        ("2", "five"): (None, None, None, s.MALFORMED),
        ("2", "100000000000.01"): (2, "50000000000.00500000", None, s.MALFORMED),
    }
    fields = ("quantity", "invoice_date", "customer_id", "amount")
    numbered = [(quantity, "2011-11-01", str(number), amount) for number, (quantity, amount) in enumerate(cases, 1)]
    rows = judged(raw(spark, numbered, *fields), config({field: field for field in fields})).collect()
    found = {int(row.customer_id): row for row in rows}
    for number, (case, (units, price, money, reason)) in enumerate(cases.items(), 1):
        row = found[number]
        typed = (units, price and Decimal(price), money and Decimal(money), reason)
        assert (row.quantity_e4 and row.quantity_e4 / 1e4, row.unit_price, row.amount, row.reason) == typed, case


def test_an_amount_without_a_quantity_is_that_of_one_unit(spark: SparkSession):
    lines = judged(raw(spark, [REFUND, PURCHASES[0]], *THREE), config())
    rows = {row.amount: row for row in lines.collect()}
    assert {(row.quantity_e4 / 1e4, row.unit_price, amount, row.is_return) for amount, row in rows.items()} == {
        (-1, Decimal(20), Decimal(-20), True),
        (1, Decimal("10.5"), Decimal("10.5"), False),
    }


def test_rejected_lines_show_what_the_input_has_and_null_elsewhere(spark: SparkSession):
    settings = config()
    lines = judged(raw(spark, [REFUND, ("1", "2011-11-01", "ten"), PURCHASES[0]], *THREE), settings)
    rejected = rejected_transactions(with_daily_orders(lines), settings.input_fields)
    s.require_schema(rejected, s.REJECTED_TRANSACTIONS, "rejected_transactions")
    rows = {row.reason: [row[field] for field in s.LINE_FIELDS] for row in rejected.collect()}
    assert rows == {
        s.NON_POSITIVE_QUANTITY: [None, None, None, None, "2011-11-25 10:00:00", "-20", "1", None],
        s.MALFORMED: [None, None, None, None, "2011-11-01", "ten", "1", None],
    }


def test_a_field_that_no_line_has_is_not_what_is_wrong_with_a_malformed_one(spark: SparkSession):
    settings = config()
    lines = judged(raw(spark, [("1", "2011-11-01", "ten"), ("1", "soon", "10")], *THREE), settings)
    faults = unreadable_values(lines, settings.input_fields).collect()
    assert {row.fault: row.rows for row in faults} == {s.INVOICE_DATE: 1, s.AMOUNT: 1}


# --- three columns, in every format ---


def _csv(path: Path) -> None:
    csv_file(path.parent, list(THREE.values()), [*PURCHASES, REFUND]).rename(path)


def _json(path: Path) -> None:
    objects = [dict(zip(THREE.values(), line, strict=True)) for line in [*PURCHASES, REFUND]]
    path.write_text("".join(json.dumps(row) + "\n" for row in objects), encoding="utf-8")


def _parquet(path: Path) -> None:
    customers, moments, amounts = zip(*[*PURCHASES, REFUND], strict=True)
    times = pa.array([datetime.fromisoformat(moment) for moment in moments])
    columns = {"who": pa.array(customers), "when": times, "paid": pa.array([float(amount) for amount in amounts])}
    pq.write_table(pa.table(columns), path)


def _xlsx(path: Path) -> None:
    with xlsxwriter.Workbook(str(path)) as workbook:
        sheet = workbook.add_worksheet()
        for number, line in enumerate([tuple(THREE.values()), *PURCHASES, REFUND]):
            sheet.write_row(number, 0, [float(line[2]) if cell is line[2] and number else cell for cell in line])


WRITERS = {"csv": _csv, "jsonl": _json, "parquet": _parquet, "xlsx": _xlsx}


def test_three_columns_are_read_alike_in_every_format(spark: SparkSession, tmp_path: Path):
    settings = config()
    parsed = {}
    for ending, write in WRITERS.items():
        write(tmp_path / f"three.{ending}")
        lines = parse_lines(read(spark, tmp_path / f"three.{ending}", settings=settings.input), settings.cleaning)
        rows = lines.select(*s.PARSED_FIELDS, s.AMOUNT, s.AS_READ).collect()
        parsed[ending] = sorted((tuple(row) for row in rows), key=str)
    assert all(lines == parsed["csv"] for lines in parsed.values())
    assert [line[-2] for line in parsed["csv"]].count(Decimal("-20.0000")) == 1


def test_three_columns_give_every_figure(spark: SparkSession):
    settings = config()
    lines = with_daily_orders(judged(raw(spark, [*PURCHASES, REFUND], *THREE), settings)).localCheckpoint()
    sales, returned = Sales(sales_lines(lines)), returned_lines(lines)
    taken_back = money_taken_back(sales, lines_of_returned_products(sales, returned)).localCheckpoint()
    orders = orders_of(order_sums(sales), taken_back)
    customers = customer_features(orders, baskets_of(sales, taken_back), returned, AS_OF)
    s.require_schema(customers, s.CUSTOMER_FEATURES, "customer_features")
    one, two = [row.asDict() for row in customers.orderBy("customer_id").collect()]
    figures = (s.TOTAL_SPEND, s.NET_SPEND, s.PURCHASE_FREQUENCY, s.NET_ORDERS, s.UNITS_BOUGHT)
    assert [one[name] for name in figures] == [Decimal(35), Decimal(15), 2, 1, 3]
    assert [two[name] for name in figures] == [Decimal("14.5"), Decimal("14.5"), 1, 1, 2]
    assert (one[s.RECENCY_DAYS], one[s.NET_RECENCY_DAYS], one[s.AVERAGE_DAYS_BETWEEN_ORDERS]) == (20, 39, 19.0)
    assert {(row[s.COUNTRY], row[s.DISTINCT_PRODUCTS]) for row in (one, two)} == {("Unspecified", None)}
    guests = orders.where("customer_id is null").collect()
    assert [(row.invoice_no, row.revenue) for row in guests] == [("2011-12-01", Decimal(3))]


def test_a_prefix_means_nothing_in_the_number_that_an_order_gets(spark: SparkSession):
    settings = config(THREE, "cleaning.cancellation_prefixes=['2']")
    parsed = parse_lines(raw(spark, [*PURCHASES, REFUND], *THREE), settings.cleaning)
    lines = with_daily_orders(judge_each_line(parsed, settings.applied_cleaning, None))
    found = exceptional_lines(lines, repeated_items(lines.limit(0)), settings.applied_cleaning)
    assert [(row.invoice_no, row.is_return) for row in found.collect()] == [("2011-11-25 1", True)]


def test_a_mapped_column_that_is_not_there_is_refused_with_what_was_found(spark: SparkSession, tmp_path: Path):
    path = csv_file(tmp_path, ["who", "when", "price"], PURCHASES)
    with pytest.raises(InputError, match=r"column 'paid' \(for amount\) is missing.*Found: who, when, price"):
        read(spark, path, settings=config().input)


@pytest.mark.parametrize("missing", [*s.MISSING_FIELDS])
def test_a_file_may_lack_any_one_optional_field(missing: str, spark: SparkSession, tmp_path: Path):
    line = {
        "invoice_no": "536365",
        "stock_code": "85123A",
        "description": "HEART",
        "quantity": "6",
        "invoice_date": "2011-12-01 08:26",
        "amount": "15.3",
        "customer_id": "17850",
        "country": "France",
    }
    header = [field for field in line if field != missing]
    settings = config({field: field for field in header})
    path = csv_file(tmp_path, header, [[line[field] for field in header]])
    [row] = judged(read(spark, path, settings=settings.input), settings).collect()
    values: dict[str, Any] = {
        **line,
        "quantity_e4": 60_000,
        "invoice_date": datetime(2011, 12, 1, 8, 26),
        "unit_price": Decimal("2.55"),
        "amount": Decimal("15.3"),
    }
    del values["quantity"]
    without = {
        "quantity": {"quantity_e4": 10_000, "unit_price": Decimal("15.3")},
        "country": {"country": "Unspecified"},
    }
    values |= without.get(missing, {missing: "" if missing == "description" else None})
    assert row.reason is None
    assert {name: row[name] for name in values} == values
    assert settings.missing_fields.keys() == {missing}
