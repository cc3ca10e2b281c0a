"""A staged run that is not whole is found by its rows, its keys, its lines, its money or its model."""

import re
from copy import deepcopy
from decimal import Decimal
from typing import Any

import pytest
from chispa import assert_df_equality
from pyspark.ml import PipelineModel
from pyspark.ml.feature import SQLTransformer
from pyspark.sql import SparkSession

from segmentation import schemas as s
from segmentation.errors import QualityGateError
from segmentation.lake.audit import (
    customers_in_another_segment,
    lines_by_reason,
    require_equal,
    require_whole,
    table_figures,
)
from segmentation.schemas import CLEAN, GUEST
from segmentation.schemas import RULE_NAMES as RULES

QUALITY = [
    {"rule": CLEAN, "rows": 10, "revenue": Decimal("50.0000")},
    {"rule": GUEST, "rows": 2, "revenue": Decimal("5.0000")},
    *[{"rule": rule, "rows": 1, "revenue": Decimal("1.0000")} for rule in RULES],
]
REASONS = dict.fromkeys(RULES, 1)
COUNTED = {"customer_segments": 4}


def sound() -> dict[str, Any]:
    figures: dict[str, Any] = {
        table: {"rows": 4, "keys": 4, "revenue": Decimal("50.0000"), "guest_revenue": None} for table in s.TABLES
    }
    for table in ("country_sales", "product_sales"):
        figures[table] |= {"revenue": Decimal("55.0000"), "guest_revenue": Decimal("5.0000")}
    figures["data_quality"] |= {"revenue": Decimal("62.0000"), "lines": Decimal(19)}
    return figures


def with_figure(table: str, name: str, value: object) -> dict[str, Any]:
    figures = deepcopy(sound())
    figures[table][name] = value
    return figures


def test_a_whole_run_gives_its_lines_money_and_customers():
    assert require_whole(sound(), REASONS, 0, QUALITY, COUNTED) == {
        "lines": {"read": 19, "clean": 10, "guest": 2, "rejected": 7},
        "revenue": {"read": "62.0000", "clean": "50.0000", "guest": "5.0000", "rejected": "7.0000"},
        "customers": 4,
    }


@pytest.mark.parametrize(
    ("table", "name", "value", "message"),
    [
        ("customer_segments", "keys", 3, "rows of customer_segments and the values of its key do not agree: rows = 4"),
        ("customer_segments", "rows", 5, "rows of customer_segments"),
        ("customer_segments", "revenue", Decimal("49.9999"), "the revenue of customer_segments and of clean lines"),
        ("segment_profiles", "revenue", None, "the revenue of segment_profiles and of clean lines"),
        ("product_segments", "revenue", Decimal(51), "the revenue of product_segments and of clean lines"),
        ("country_segments", "revenue", Decimal(51), "the revenue of country_segments and of clean lines"),
        ("country_sales", "revenue", Decimal(50), "the revenue of country_sales and of clean and guest lines"),
        ("product_sales", "guest_revenue", Decimal(4), "the guest revenue of product_sales and of guest lines"),
        ("data_quality", "lines", Decimal(18), "the lines of data_quality and those counted"),
        ("data_quality", "revenue", Decimal(61), "the revenue of data_quality and of all lines"),
    ],
)
def test_a_table_that_disagrees_is_named_with_both_figures(table: str, name: str, value: object, message: str):
    with pytest.raises(QualityGateError, match=message):
        require_whole(with_figure(table, name, value), REASONS, 0, QUALITY, COUNTED)


def test_rows_that_were_lost_on_the_way_to_the_disk_are_missed():
    figures = sound()
    figures["customer_segments"] |= {"rows": 3, "keys": 3}
    with pytest.raises(QualityGateError, match=r"rows of customer_segments and what was counted .* counted = 4"):
        require_whole(figures, REASONS, 0, QUALITY, COUNTED)


@pytest.mark.parametrize("rule", ["malformed", "duplicate"])
def test_a_line_that_was_not_kept_is_missed_under_its_reason(rule: str):
    kept = {**REASONS, rule: REASONS[rule] - 1}
    with pytest.raises(QualityGateError, match=f"the lines kept as {rule} and those counted do not agree"):
        require_whole(sound(), kept, 0, QUALITY, COUNTED)


def test_a_model_that_puts_customers_elsewhere_is_not_published():
    with pytest.raises(QualityGateError, match=r"the saved model puts into another segment, and none .*customers = 2"):
        require_whole(sound(), REASONS, 2, QUALITY, COUNTED)


def test_figures_are_counted_summed_and_without_a_column_unknown(spark: SparkSession):
    tables = {
        "country_segments": spark.createDataFrame(
            [("EIRE", 1, Decimal("1.5000")), ("EIRE", 2, Decimal("2.2500")), ("EIRE", 2, Decimal("3.0000"))],
            "country string, segment_id int, revenue decimal(20,4)",
        ),
        "customer_segments": spark.createDataFrame(
            [("a", Decimal("7.0000")), ("a", Decimal("8.0000"))], "customer_id string, total_spend decimal(20,4)"
        ),
        "product_sales": spark.createDataFrame(
            [("A", Decimal("7.0000"), Decimal("1.0000"))],
            "stock_code string, revenue decimal(20,4), guest_revenue decimal(20,4)",
        ),
        "rejected_transactions": spark.createDataFrame([("malformed",), ("malformed",)], "reason string"),
        "data_quality": spark.createDataFrame(
            [("clean", 4, Decimal("3.5000")), ("guest", 5, Decimal(0))],
            "rule string, rows bigint, revenue decimal(20,4)",
        ),
    }
    expected = spark.createDataFrame(
        [
            ("country_segments", 3, 2, Decimal("6.7500"), None, None),
            ("customer_segments", 2, 1, Decimal("15.0000"), None, None),
            ("product_sales", 1, 1, Decimal("7.0000"), Decimal("1.0000"), None),
            ("rejected_transactions", 2, 2, None, None, None),
            ("data_quality", 2, 2, Decimal("3.5000"), None, Decimal("9.0000")),
        ],
        "table string, rows bigint, keys bigint, revenue decimal(38,4), guest_revenue decimal(38,4), "
        "lines decimal(38,4)",
    )
    assert_df_equality(table_figures(tables), expected, ignore_nullable=True, ignore_row_order=True)


def test_lines_are_counted_by_reason(spark: SparkSession):
    lines = spark.createDataFrame([("guest",), ("malformed",), ("guest",)], "reason string")
    expected = spark.createDataFrame([("guest", 2), ("malformed", 1)], "reason string, rows bigint")
    assert_df_equality(lines_by_reason(lines), expected, ignore_nullable=True, ignore_row_order=True)


def test_customers_whom_the_model_puts_elsewhere_are_found(spark: SparkSession):
    by_spend = SQLTransformer(
        statement="SELECT *, IF(total_spend > 10, 2, 1) AS segment_id, 'x' AS segment_name FROM __THIS__"
    )
    fields = {"total_spend": Decimal("5.0000"), "segment_id": 1, "segment_name": "x"}
    rows = [
        {**fields, "customer_id": "right"},
        {**fields, "customer_id": "wrong", "segment_id": 2},
        {**fields, "customer_id": "misnamed", "segment_name": "y"},
    ]
    names = [field.name for field in s.CUSTOMER_SEGMENTS]
    schema = s.CUSTOMER_SEGMENTS.simpleString().removeprefix("struct<").removesuffix(">")
    customers = spark.createDataFrame([tuple(row.get(name) for name in names) for row in rows], schema)
    found = customers_in_another_segment(customers, PipelineModel([by_spend])).select("customer_id")
    expected = spark.createDataFrame([("misnamed",), ("wrong",)], "customer_id string")
    assert_df_equality(found, expected, ignore_row_order=True)


def test_figures_that_do_not_agree_stop_the_run_with_all_of_them():
    require_equal("revenue", lines=5, segments=5, countries=5)
    message = "revenue do not agree: lines = 5, segments = 5, countries = 6; nothing was published"
    with pytest.raises(QualityGateError, match=re.escape(message)):
        require_equal("revenue", lines=5, segments=5, countries=6)


def test_every_table_but_the_rejected_lines_has_a_key_of_its_own_columns():
    assert set(s.TABLE_KEYS) == set(s.TABLES) - {"rejected_transactions"}
    assert [table for table, key in s.TABLE_KEYS.items() if not set(key) <= set(s.TABLES[table].names)] == []
