"""Columns are declared once, and every difference from a declared schema is listed."""

import re

import pytest
from pyspark.sql import SparkSession
from pyspark.sql.types import ArrayType, DecimalType, StringType, StructType

from segmentation import schemas as s
from segmentation.errors import QualityGateError

EXPECTED = (
    StructType()
    .add("customer_id", StringType())
    .add("total_spend", DecimalType(20, 4))
    .add("reasons", ArrayType(StringType()))
)
ALL_SCHEMAS = {**s.TABLES, "customer_features": s.CUSTOMER_FEATURES, "raw_lines": s.RAW_LINES}


def constants() -> dict[str, list[str]]:
    """The names of the constants that hold each text."""
    result: dict[str, list[str]] = {}
    for name, value in vars(s).items():
        if name.isupper() and isinstance(value, str):
            result.setdefault(value, []).append(name)
    return result


@pytest.mark.parametrize("table", ALL_SCHEMAS)
def test_every_column_is_in_snake_case_and_there_once(table: str):
    names = list(s.column_names(ALL_SCHEMAS[table]))
    assert [name for name in names if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name)] == []
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("table", ALL_SCHEMAS)
def test_every_column_is_declared_once_as_a_constant(table: str):
    derived = {f"{statistic}_{feature}" for statistic in ("mean", "median") for feature in s.NUMERIC_FEATURES}
    derived |= {s.raw(field) for field in s.LINE_FIELDS}
    declared = {name: constants().get(name, []) for name in s.column_names(ALL_SCHEMAS[table]) if name not in derived}
    assert {name: found for name, found in declared.items() if len(found) != 1} == {}


def test_a_constant_bears_the_name_of_its_column():
    assert {name: names for name, names in constants().items() if names != [name.upper()]} == {}


def test_the_tables_are_those_of_the_lake():
    assert set(s.TABLES) == {
        *("customer_segments", "segment_profiles", "k_sweep", "country_sales", "country_segments"),
        *("product_sales", "product_segments", "rejected_transactions", "data_quality"),
    }


def test_customer_segments_carry_every_feature():
    assert set(s.column_names(s.CUSTOMER_FEATURES)) < set(s.column_names(s.CUSTOMER_SEGMENTS))


def test_profiles_have_mean_and_median_of_every_numeric_feature():
    names = set(s.column_names(s.SEGMENT_PROFILES))
    assert {f"{word}_{feature}" for word in ("mean", "median") for feature in s.NUMERIC_FEATURES} <= names
    kinds = {field.name: field.dataType.simpleString() for field in s.CUSTOMER_FEATURES}
    numeric = {name for name, kind in kinds.items() if kind.startswith(("decimal", "bigint", "int", "double"))}
    assert set(s.NUMERIC_FEATURES) == numeric


@pytest.mark.parametrize("table", ALL_SCHEMAS)
def test_money_is_decimal_never_floating_point(table: str):
    money = {"revenue", "guest_revenue", "total_spend", "average_order_value", "returned_amount", "average_unit_price"}
    kinds = {field.name: field.dataType.simpleString() for field in ALL_SCHEMAS[table] if field.name in money}
    assert set(kinds.values()) <= {"decimal(20,4)"}


def test_rejected_lines_keep_the_text_of_all_eight_fields():
    kinds = {field.name: field.dataType.simpleString() for field in s.REJECTED_TRANSACTIONS}
    assert {kinds[field] for field in s.LINE_FIELDS} == {"string"}


def test_the_rollups_name_their_columns_as_the_contract_does():
    assert list(s.column_names(s.COUNTRY_SALES)) == [
        *("country", "revenue", "guest_revenue", "orders", "customers", "units", "average_order_value"),
        *("revenue_share", "cumulative_revenue_share", "abc_class"),
    ]
    assert list(s.column_names(s.PRODUCT_SALES)) == [
        *("stock_code", "description", "revenue", "guest_revenue", "units", "orders", "customers"),
        *("average_unit_price", "first_sold_at", "last_sold_at", "revenue_share", "cumulative_revenue_share"),
        *("abc_class", "is_merchandise"),
    ]


@pytest.mark.parametrize(
    ("ddl", "differences"),
    [
        ("customer_id STRING, total_spend DECIMAL(20,4), reasons ARRAY<STRING>", []),
        ("customer_id STRING NOT NULL, total_spend DECIMAL(20,4), reasons ARRAY<STRING>", []),
        ("customer_id STRING, reasons ARRAY<STRING>", ["missing total_spend decimal(20,4)"]),
        (
            "customer_id STRING, total_spend DECIMAL(20,4), reasons ARRAY<STRING>, extra INT",
            ["unexpected extra int"],
        ),
        (
            "customer_id STRING, total_spend DOUBLE, reasons ARRAY<STRING>",
            ["total_spend is double, not decimal(20,4)"],
        ),
        (
            "customer_id STRING, total_spend DECIMAL(20,2), reasons ARRAY<INT>",
            ["total_spend is decimal(20,2), not decimal(20,4)", "reasons is array<int>, not array<string>"],
        ),
        (
            "total_spend DECIMAL(20,4), customer_id STRING, reasons ARRAY<STRING>",
            [
                "columns in the order ['total_spend', 'customer_id', 'reasons'], "
                "not ['customer_id', 'total_spend', 'reasons']"
            ],
        ),
        (
            "CUSTOMER_ID STRING, total_spend DECIMAL(20,4), reasons ARRAY<STRING>",
            ["missing customer_id string", "unexpected CUSTOMER_ID string"],
        ),
    ],
)
def test_every_difference_of_a_schema_is_listed(spark: SparkSession, ddl: str, differences: list[str]):
    actual = spark.createDataFrame([], ddl).schema
    assert s.schema_differences(actual, EXPECTED) == differences


def test_a_repeated_column_is_a_difference():
    twice = StructType([*EXPECTED.fields, EXPECTED.fields[0]])
    assert s.schema_differences(twice, EXPECTED) != []


def test_require_schema_returns_the_frame_or_lists_all_differences(spark: SparkSession):
    right = spark.createDataFrame([], EXPECTED)
    assert s.require_schema(right, EXPECTED, "customers") is right
    wrong = spark.createDataFrame([], "customer_id string, total_spend double, extra int")
    with pytest.raises(
        QualityGateError,
        match=re.escape(
            "table customers does not have its declared schema: missing reasons array<string>; "
            "unexpected extra int; total_spend is double, not decimal(20,4)"
        ),
    ):
        s.require_schema(wrong, EXPECTED, "customers")
