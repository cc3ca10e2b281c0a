"""What the report collects of large tables is bounded, adds up, and is the same in any order of the rows."""

from datetime import datetime
from decimal import Decimal

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.report import data
from segmentation.report.data import example_lines, largest_with_totals, others, shares_of_segments

PRODUCT = (
    "stock_code string, description string, revenue decimal(20,4), guest_revenue decimal(20,4), units bigint, "
    "abc_class string, is_merchandise boolean, first_sold_at timestamp_ntz, last_sold_at timestamp_ntz"
)
FIRST, LAST = datetime(2010, 12, 1, 8), datetime(2011, 12, 9, 12)
PRODUCTS = [
    ("22423", "CAKESTAND", Decimal(50), Decimal(5), 10, "A", True, FIRST, FIRST),
    ("POST", "POSTAGE", Decimal(90), Decimal(0), 9, "A", False, FIRST, LAST),
    ("85123A", "LANTERN", Decimal(50), Decimal(1), 8, "B", True, LAST, LAST),
    ("10001", "MUG", Decimal(10), Decimal(2), 7, "C", True, LAST, LAST),
]
BY_SEGMENT = "stock_code string, segment_id int, segment_name string, revenue decimal(20,4)"


@pytest.fixture(scope="module")
def products(spark: SparkSession) -> DataFrame:
    return spark.createDataFrame(PRODUCTS, PRODUCT)


@pytest.fixture(scope="module")
def by_segment(spark: SparkSession) -> DataFrame:
    rows = [(code, segment, "name", Decimal(money)) for code, *_ in PRODUCTS for segment, money in ((1, 3), (2, 7))]
    rows.remove(("10001", 1, "name", Decimal(3)))
    return spark.createDataFrame(rows, BY_SEGMENT)


def test_the_largest_come_first_each_with_the_totals_over_all(products: DataFrame, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(data, "LARGEST_SHOWN", 2)
    rows = largest_with_totals(products, "stock_code").collect()
    assert [row["stock_code"] for row in rows] == ["POST", "22423"]  # of equals the first in the alphabet
    for row in rows:
        assert (row["total_rows"], row["total_revenue"], row["total_units"]) == (4, Decimal(200), 34)
        assert (row["total_A"], row["total_B"], row["total_C"]) == (2, 1, 1)
        assert (row["total_first_sold_at"], row["total_last_sold_at"]) == (FIRST, LAST)


def test_what_is_not_shown_is_the_rest_to_the_last_decimal(
    products: DataFrame, by_segment: DataFrame, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(data, "LARGEST_SHOWN", 2)
    sold = data._sold(products, by_segment, "stock_code")
    assert others(sold) == {"rows": 2, "revenue": Decimal(60), "guest_revenue": Decimal(3), "units": 15}
    assert set(sold.largest[0]) == set(products.columns)


def test_the_shares_are_of_the_wanted_and_of_each_segments_own_largest_goods(
    products: DataFrame, by_segment: DataFrame, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(data, "LARGEST_OF_A_SEGMENT", 2)
    rows = shares_of_segments(products, by_segment, "stock_code", ["POST"]).collect()
    told = [(row["segment_id"], row["place"], row["stock_code"], row["description"]) for row in rows]
    assert told == [
        (1, 1, "22423", "CAKESTAND"),
        (1, 2, "85123A", "LANTERN"),
        (1, 3, "POST", "POSTAGE"),  # postage after all goods
        (2, 1, "10001", "MUG"),
        (2, 2, "22423", "CAKESTAND"),
        (2, 4, "POST", "POSTAGE"),
    ]


def rejected(spark: SparkSession, *lines: tuple[str, int]) -> DataFrame:
    """So many lines of each reason, all different."""
    rows = [
        (reason, *[f"{field} {number}" for field in s.LINE_FIELDS])
        for reason, count in lines
        for number in range(count)
    ]
    return spark.createDataFrame(rows, ["reason", *s.LINE_FIELDS])


def test_at_most_three_examples_of_a_reason_the_same_in_any_order(spark: SparkSession):
    lines = rejected(spark, ("cancellation", 9), ("duplicate", 2))
    found = example_lines(lines, {"cancellation": 9, "duplicate": 2}).collect()
    assert [row["reason"] for row in found] == ["cancellation"] * 3 + ["duplicate"] * 2
    turned = lines.orderBy(F.col("invoice_no").desc()).repartition(3)
    assert example_lines(turned, {"cancellation": 9, "duplicate": 2}).collect() == found


def test_of_very_many_lines_only_some_take_part_in_the_draw(spark: SparkSession, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(data, "MOST_DRAWN_FROM", 50)
    lines = rejected(spark, ("guest", 1000), ("duplicate", 2))
    found = example_lines(lines, {"guest": 1000, "duplicate": 2}).collect()
    assert [row["reason"] for row in found] == ["duplicate"] * 2 + ["guest"] * 3


def test_a_field_that_is_missing_or_long_as_a_file_is_bounded(spark: SparkSession):
    row = ("malformed", None, "x" * 100_000, *[None] * 6)
    schema = ", ".join(f"{name} string" for name in ("reason", *s.LINE_FIELDS))
    [found] = example_lines(spark.createDataFrame([row], schema), {"malformed": 1}).collect()
    assert found["invoice_no"] == ""
    assert len(found["stock_code"]) == data.LONGEST_FIELD
