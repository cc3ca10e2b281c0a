"""Columns are declared once, and every difference from a declared schema is listed."""

import re

import pytest
from pyspark.sql import SparkSession
from pyspark.sql.types import ArrayType, DecimalType, NumericType, StringType, StructType

from segmentation import schemas as s
from segmentation.errors import QualityGateError

EXPECTED = (
    StructType()
    .add("customer_id", StringType())
    .add("total_spend", DecimalType(20, 4))
    .add("reasons", ArrayType(StringType()))
)
ALL_SCHEMAS = {**s.TABLES, "customer_features": s.CUSTOMER_FEATURES, "raw_lines": s.RAW_LINES}


def test_every_column_is_in_snake_case_there_once_and_declared_as_one_constant():
    names = [name for name, value in vars(s).items() if name.isupper() and isinstance(value, str)]
    constants = [name for name in names if name != "RETURNED_EVERYTHING"]  # the name of a segment
    assert [name for name in constants if name != getattr(s, name).upper()] == []
    derived = {*s.FEATURE_STATISTICS, *map(s.raw, s.LINE_FIELDS)}
    for schema in ALL_SCHEMAS.values():
        assert [name for name in schema.names if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name)] == []
        assert len(set(schema.names)) == len(schema.names)
        assert {name.upper() for name in schema.names if name not in derived} <= set(constants)


def test_the_tables_and_the_columns_of_the_rollups_are_those_of_the_contract():
    assert set(s.TABLES) == {
        *("customer_segments", "segment_profiles", "k_sweep", "country_sales", "country_segments"),
        *("product_sales", "product_segments", "rejected_transactions", "data_quality"),
        *("rfm_profiles", "rfm_by_segment", "segment_changes", "segment_flow"),
    }
    assert s.COUNTRY_SALES.names == [
        *("country", "revenue", "guest_revenue", "returned", "guest_returned", "net_revenue", "orders", "customers"),
        *("units", "average_order_value", "revenue_share", "cumulative_revenue_share", "abc_class"),
    ]
    assert s.PRODUCT_SALES.names == [
        *("stock_code", "description", "revenue", "guest_revenue", "returned", "guest_returned", "net_revenue"),
        *("units", "orders", "customers"),
        *("average_unit_price", "first_sold_at", "last_sold_at", "revenue_share", "cumulative_revenue_share"),
        *("abc_class", "is_merchandise"),
    ]


def test_segments_and_profiles_carry_every_feature():
    assert set(s.CUSTOMER_FEATURES.names) < set(s.CUSTOMER_SEGMENTS.names)
    statistics = {f"{word}_{feature}" for word in ("mean", "median") for feature in s.NUMERIC_FEATURES}
    assert statistics <= set(s.SEGMENT_PROFILES.names)
    numeric = {field.name for field in s.CUSTOMER_FEATURES if isinstance(field.dataType, NumericType)}
    assert set(s.NUMERIC_FEATURES) == numeric


def test_money_is_decimal_never_floating_point_and_rejected_fields_are_text():
    money = {
        *("revenue", "guest_revenue", "returned", "guest_returned", "net_revenue", "total_spend", "net_spend"),
        *("average_order_value", "average_unit_price", "returned_amount", "returned_matched", "returned_unmatched"),
    }
    fields = [field for schema in ALL_SCHEMAS.values() for field in schema]
    assert {field.dataType for field in fields if field.name in money} == {DecimalType(20, 4)}
    assert {s.REJECTED_TRANSACTIONS[field].dataType for field in s.LINE_FIELDS} == {StringType()}


@pytest.mark.parametrize(
    ("ddl", "differences"),
    [
        ("customer_id STRING NOT NULL, total_spend DECIMAL(20,4), reasons ARRAY<STRING>", []),
        ("customer_id STRING, reasons ARRAY<STRING>", ["missing total_spend decimal(20,4)"]),
        (
            "customer_id STRING, total_spend DECIMAL(20,4), reasons ARRAY<STRING>, extra INT",
            ["unexpected extra int"],
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
    assert s.schema_differences(StructType([*actual, actual[0]]), EXPECTED) != []  # a repeated column


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
