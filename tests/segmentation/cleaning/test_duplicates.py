"""Flagging exact copies of earlier lines."""

from collections import Counter
from decimal import Decimal

from chispa import assert_df_equality
from pyspark.sql import SparkSession

from segmentation import schemas as s
from segmentation.cleaning.duplicates import (
    ITEM,
    copies_across_files,
    repeated_items,
    with_duplicate_flag,
    with_item,
)
from segmentation.cleaning.parse import parse_lines
from segmentation.cleaning.rules import judge_each_line
from tests.segmentation.cleaning.lines import DEFAULTS, judged, line, outcome, parsed, raw_lines


def test_copies_are_equal_in_every_value_whatever_their_text(spark: SparkSession) -> None:
    copies = [
        line(),
        line(customer_id="17850.0", unit_price="2.5500"),
        line(invoice_date="2010-12-01 08:26:00", quantity=" 6"),
        line(source_file="b.csv"),
    ]
    guests = [line(customer_id=None), line(customer_id="nan")]
    different = [line(**{field: text}) for field, text in (("stock_code", "85123B"), ("description", "heart"))]
    different += [line(country="France"), line(invoice_date="12/1/2010 8:27"), line(unit_price="2.56")]
    malformed = [line(quantity="six"), line(quantity="sechs"), line(quantity="six")]
    rows = judged(spark, copies + guests + different + malformed).select(outcome(), "rejection.reasons").collect()
    assert Counter((row.outcome, *(row.reasons or ())) for row in rows) == {
        (s.CLEAN,): 1 + len(different),
        (s.GUEST,): 1,
        ("duplicate", "duplicate"): len(copies) - 1 + 1,
        ("malformed", "malformed"): 2,
        ("malformed", "malformed", "duplicate"): 1,
    }


def test_an_item_of_several_lines_is_returned_once(spark: SparkSession) -> None:
    lines = [line(), line(), line(description="other"), line(stock_code="B"), line(invoice_no="2"), line(country="X")]
    lines += [line(invoice_no="2", stock_code="B"), line(invoice_no="2", stock_code="B", customer_id=None)]
    items = with_item(parsed(spark, lines)).select(ITEM, s.INVOICE_NO, s.STOCK_CODE)
    repeated = repeated_items(items).collect()
    names = {(row.invoice_no, row.stock_code) for row in items.join(spark.createDataFrame(repeated), ITEM).collect()}
    assert (len(repeated), names) == (2, {("536365", "85123A"), ("2", "B")})


def test_sales_that_two_files_have_are_counted_beyond_those_of_one_file(spark: SparkSession) -> None:
    lines = [line(source_file=name, quantity="1") for name in "aab"]  # 2 sales in a, 1 of them again in b
    lines += [line(source_file="b", stock_code="B", quantity="2"), line(source_file="c", quantity="0")]
    judged_once = judge_each_line(parsed(spark, lines), DEFAULTS, None)
    [found] = copies_across_files(judged_once).collect()
    assert (found["lines"], found["copies"]) == (4, 1)
    assert (found["revenue"], found["of_copies"]) == (Decimal("12.75"), Decimal("2.55"))


def test_the_copy_that_stays_does_not_depend_on_order_or_partitions(spark: SparkSession) -> None:
    copies = [
        line(source_file="b.csv"),
        line(source_file="a.csv"),
        line(customer_id="17850.0", source_file="c.csv"),
        line(unit_price="2.550", source_file="d.csv"),
    ]
    forward = with_duplicate_flag(parsed(spark, copies)).select("source_file", s.IS_DUPLICATE)
    shuffled = parse_lines(raw_lines(spark, copies[::-1]).repartition(3), DEFAULTS)
    backward = with_duplicate_flag(shuffled).select("source_file", s.IS_DUPLICATE)
    expected = spark.createDataFrame(
        [("a.csv", False), ("b.csv", True), ("c.csv", True), ("d.csv", True)],
        "source_file string, is_duplicate boolean",
    )
    for actual in (forward, backward):
        assert_df_equality(actual, expected, ignore_nullable=True, ignore_row_order=True)


def test_prices_of_many_digits_distinguish_lines(spark: SparkSession) -> None:
    prices = ["10000000000.01", "20000000000.01", "20000000000.01", "20000000000.02"]
    lines = parsed(spark, [line(unit_price=price, quantity="1") for price in prices])
    rows = with_duplicate_flag(lines).select("unit_price", s.IS_DUPLICATE).collect()
    flags = zip(prices, [False, False, True, False], strict=True)
    assert sorted(map(tuple, rows)) == sorted((Decimal(price), flag) for price, flag in flags)


def test_copies_count_as_sales_where_the_rule_is_off(spark: SparkSession) -> None:
    rows = judged(spark, [line()] * 3, switched_off=("duplicate",)).select(outcome()).collect()
    assert [row.outcome for row in rows] == [s.CLEAN] * 3
