"""Country and product tables add up to the lines, to the last decimal."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from chispa import assert_df_equality
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.features import baskets_of, order_sums, orders_of
from segmentation.returns import lines_of_returned_products, money_taken_back
from segmentation.rollups import country_sales, country_segments, product_sales, product_segments
from segmentation.sales import Sales
from tests.segmentation.cleaning.lines import with_copies, with_ten_thousandths

LINES = (
    "customer_id string, invoice_no string, stock_code string, description string, country string, quantity int, "
    "invoice_date timestamp_ntz, amount decimal(18,4), unit_price decimal(22,8)"
)
TAKEN_BACK = "customer_id string, invoice_no string, stock_code string, country string, returned decimal(20,4)"
PATTERN = "^[0-9]{5}"
Line = tuple[str | None, str, str, str, str, int, str, str]


def lines(spark: SparkSession, *rows: Line) -> DataFrame:
    """Sales or returns: customer, invoice, stock code, description, country, quantity, moment, amount."""
    typed = [(*row[:6], datetime.fromisoformat(row[6]), Decimal(row[7]), Decimal(row[7]) / row[5]) for row in rows]
    return with_ten_thousandths(spark.createDataFrame(typed, LINES))


def sold(country: str, amount: str, stock_code: str = "10000", description: str = "MUG") -> Line:
    return ("1", "500", stock_code, description, country, 1, "2011-01-01", amount)


def shop(spark: SparkSession) -> DataFrame:
    return lines(
        spark,
        ("1", "500", "85123A", "HEART HOLDER", "France", 2, "2011-01-01 10:00", "20.0000"),
        ("1", "500", "POST", "POSTAGE", "France", 1, "2011-01-01 10:00", "18.0000"),
        ("2", "501", "85123A", "HEART HOLDER", "France", 1, "2011-01-05 11:00", "12.0000"),
        (None, "502", "85123A", "heart holder", "Spain", 4, "2011-02-01 12:00", "45.0001"),
        ("1", "503", "22222", "MUG", "Spain", 1, "2011-03-01 13:00", "1.9999"),
        ("1", "504", "22222", "MUG", "Spain", 1, "2011-03-02 13:00", "2.0000"),
        ("2", "503", "22222", "MUG", "Spain", 1, "2011-03-01 13:00", "1.0000"),  # the number was used twice
    )


def returned(spark: SparkSession) -> DataFrame:
    return lines(
        spark,
        ("1", "510", "POST", "POSTAGE", "Spain", -1, "2011-01-02 10:00", "-18.0000"),
        ("2", "511", "85123A", "HEART HOLDER", "France", -2, "2011-01-06 11:00", "-24.0000"),
        (None, "512", "85123A", "HEART HOLDER", "Spain", -1, "2011-01-01 12:00", "-60.0000"),
        (None, "513", "99999", "NEVER SOLD", "Malta", -1, "2011-03-01 12:00", "-1.0000"),
    )


def taken_back(sales: DataFrame, back: DataFrame | None) -> DataFrame:
    """What returns take back. Without returns it is nothing, and no query that matches them."""
    if back is None:
        return sales.sparkSession.createDataFrame([], TAKEN_BACK)
    return money_taken_back(Sales(sales), lines_of_returned_products(Sales(sales), back))


def countries_of(sales: DataFrame, back: DataFrame | None = None) -> DataFrame:
    orders = orders_of(order_sums(Sales(sales)), taken_back(sales, back))
    return country_sales(orders, sales.limit(0) if back is None else back)


def products_of(sales: DataFrame, pattern: str, back: DataFrame | None = None) -> DataFrame:
    sold = with_copies(sales)
    baskets = baskets_of(sold, taken_back(sales, back))
    return product_sales(sold, sales, baskets, sales.limit(0) if back is None else back, pattern)


def countries_by_segment(sales: DataFrame, segments: DataFrame) -> DataFrame:
    return country_segments(orders_of(order_sums(Sales(sales)), taken_back(sales, None)), segments)


def products_by_segment(sales: DataFrame, segments: DataFrame) -> DataFrame:
    return product_segments(baskets_of(Sales(sales), taken_back(sales, None)), segments)


def segments(spark: SparkSession) -> DataFrame:
    # With columns that the rollups' lines have too, as customer_segments does.
    return spark.createDataFrame(
        [("1", 2, "High", "Spain"), ("2", 1, "Low", "France"), ("3", 2, "High", "France")],
        "customer_id string, segment_id int, segment_name string, country string",
    )


def test_every_figure_of_the_countries(spark: SparkSession):
    money = Decimal
    expected = spark.createDataFrame(
        [
            # The postage and the heart came back to France, where they were sold, whatever the return says.
            (
                *("France", money("50.0000"), money("0.0000"), money("30.0000"), money("0.0000"), money("20.0000")),
                *(2, 2, money(4), money("25.0000"), 0.5, 0.5, "A"),
            ),
            (
                *("Spain", money("50.0000"), money("45.0001"), money("60.0000"), money("60.0000"), money("-10.0000")),
                *(3, 2, money(7), money("16.6667"), 0.5, 1.0, "C"),
            ),
        ],
        s.COUNTRY_SALES,
    )
    assert_df_equality(countries_of(shop(spark), returned(spark)), expected, ignore_nullable=True)


def test_every_figure_of_the_products(spark: SparkSession):
    money = Decimal
    first, second = datetime(2011, 1, 1, 10), datetime(2011, 2, 1, 12)
    third, fourth = datetime(2011, 3, 1, 13), datetime(2011, 3, 2, 13)
    expected = spark.createDataFrame(
        [
            (
                *("85123A", "HEART HOLDER", money("77.0001"), money("45.0001")),
                *(money("72.0000"), money("60.0000"), money("5.0001"), money(7), 3, 2, money("11.0000")),
                *(first, second, 77.0001 / 100, 77.0001 / 100, "A", True),
            ),
            (
                *("POST", "POSTAGE", money("18.0000"), money("0.0000")),
                *(money("18.0000"), money("0.0000"), money("0.0000"), money(1), 1, 1, money("18.0000")),
                *(first, first, 0.18, 95.0001 / 100, "C", False),
            ),
            (
                *("22222", "MUG", money("4.9999"), money("0.0000")),
                *(money("0.0000"), money("0.0000"), money("4.9999"), money(3), 2, 2, money("1.6666")),
                *(third, fourth, 4.9999 / 100, 1.0, "C", True),
            ),
        ],
        s.PRODUCT_SALES,
    )
    assert_df_equality(products_of(shop(spark), PATTERN, returned(spark)), expected, ignore_nullable=True)


@pytest.mark.parametrize(
    ("amounts", "classes"),
    [
        ("50 30 15 5", "AABC"),
        ("50.0000 30.0001 14.9999 5.0000", "ABBC"),  # the last decimal decides on the next class
        ("97 2 1", "ACC"),
    ],
)
def test_classes_end_with_eighty_and_ninety_five_percent_of_revenue(spark: SparkSession, amounts: str, classes: str):
    sales = lines(spark, *[sold(country, amount) for country, amount in zip("WXYZ", amounts.split(), strict=False)])
    assert "".join(row["abc_class"] for row in countries_of(sales).collect()) == classes


def test_countries_without_revenue_are_in_alphabetical_order_with_shares_of_zero(spark: SparkSession):
    rows = countries_of(lines(spark, *[sold(country, "0") for country in "CAB"])).collect()
    figures = [(row["country"], row["revenue_share"], row["cumulative_revenue_share"]) for row in rows]
    assert figures == [("A", 0.0, 0.0), ("B", 0.0, 0.0), ("C", 0.0, 0.0)]


def test_a_product_has_its_commonest_description(spark: SparkSession):
    commonest = {
        ("MUG", "CUP", "CUP"): "CUP",
        ("MUG", "CUP"): "CUP",
        ("", "", "", "MUG"): "MUG",
        ("", "MUG", "", "CUP"): "CUP",
        ("", ""): "",
        ("mug", "MUG", "mug"): "mug",
    }
    sales = lines(
        spark,
        *[
            sold("UK", "1", stock_code=f"1000{number}", description=text)
            for number, texts in enumerate(commonest)
            for text in texts
        ],
    )
    rows = products_of(sales, PATTERN).orderBy("stock_code").collect()
    assert [row["description"] for row in rows] == list(commonest.values())


def test_merchandise_matches_the_configured_pattern(spark: SparkSession):
    codes = ["85123A", "22423", "POST", "M", "C2", "1234", "gift_0001", "DOT"]
    sales = lines(spark, *[sold("UK", "1", stock_code=code) for code in codes])
    goods = {row["stock_code"] for row in products_of(sales, PATTERN).collect() if row["is_merchandise"]}
    gifts = {row["stock_code"] for row in products_of(sales, "^gift_").collect() if row["is_merchandise"]}
    assert goods == {"85123A", "22423"}
    assert gifts == {"gift_0001"}


def test_countries_by_segment_count_clean_lines_where_they_were_sold(spark: SparkSession):
    clean = shop(spark).where(F.col("customer_id").isNotNull())
    expected = spark.createDataFrame(
        [
            ("France", 1, "Low", 1, Decimal("12.0000")),
            ("France", 2, "High", 1, Decimal("38.0000")),
            ("Spain", 1, "Low", 1, Decimal("1.0000")),
            ("Spain", 2, "High", 1, Decimal("3.9999")),
        ],
        s.COUNTRY_SEGMENTS,
    )
    assert_df_equality(countries_by_segment(clean, segments(spark)), expected, ignore_nullable=True)


def test_products_by_segment_count_clean_lines_and_their_units(spark: SparkSession):
    third = lines(spark, ("3", "600", "85123A", "HEART HOLDER", "Spain", 4, "2011-01-02", "10.0000"))
    clean = shop(spark).where(F.col("customer_id").isNotNull()).unionByName(third)
    expected = spark.createDataFrame(
        [
            ("22222", 1, "Low", 1, Decimal(1), Decimal("1.0000")),
            ("22222", 2, "High", 1, Decimal(2), Decimal("3.9999")),
            ("85123A", 1, "Low", 1, Decimal(1), Decimal("12.0000")),
            ("85123A", 2, "High", 2, Decimal(6), Decimal("30.0000")),
            ("POST", 2, "High", 1, Decimal(1), Decimal("18.0000")),
        ],
        s.PRODUCT_SEGMENTS,
    )
    assert_df_equality(products_by_segment(clean, segments(spark)), expected, ignore_nullable=True)


def test_no_lines_give_empty_tables_in_their_declared_schemas(spark: SparkSession):
    nothing = lines(spark)
    for frame, schema in (
        (countries_of(nothing), s.COUNTRY_SALES),
        (products_of(nothing, PATTERN), s.PRODUCT_SALES),
        (countries_by_segment(nothing, segments(spark)), s.COUNTRY_SEGMENTS),
        (products_by_segment(nothing, segments(spark)), s.PRODUCT_SEGMENTS),
    ):
        assert frame.count() == 0
        assert s.schema_differences(frame.schema, schema) == []


def any_line(random: np.random.Generator) -> Line:
    customer = random.choice(["", "1", "2"])
    return (
        str(customer) or None,
        str(random.integers(500, 520)),
        str(random.choice(["85123A", "22222", "POST"])),
        str(random.choice(["MUG", "CUP", ""])),
        str(random.choice(["France", "Spain"])),
        int(random.integers(1, 2**31 - 1)),
        "2011-01-01",
        str(Decimal(int(random.integers(0, 10**12))) / 10_000),
    )


def total_of(rows: Sequence[Row], column: str) -> Any:
    return sum(row[column] for row in rows)


def test_all_four_tables_add_up_to_the_money_and_units_of_the_lines(spark: SparkSession):
    random = np.random.default_rng(8)
    rows = [any_line(random) for _ in range(150)]
    sales = lines(spark, *rows)
    clean = sales.where(F.col("customer_id").isNotNull())
    total, guests = sum(Decimal(row[7]) for row in rows), sum(Decimal(row[7]) for row in rows if row[0] is None)
    units, guest_units = sum(row[5] for row in rows), sum(row[5] for row in rows if row[0] is None)
    for frame in (countries_of(sales), products_of(sales, PATTERN)):
        found = frame.collect()
        assert total_of(found, "revenue") == total
        assert total_of(found, "guest_revenue") == guests
        assert total_of(found, "units") == units
        assert total_of(found, "revenue_share") == pytest.approx(1)
    assert total_of(countries_by_segment(clean, segments(spark)).collect(), "revenue") == total - guests
    by_product = products_by_segment(clean, segments(spark)).collect()
    assert total_of(by_product, "revenue") == total - guests
    assert total_of(by_product, "units") == units - guest_units


def test_several_lines_of_a_product_on_an_invoice_are_one_order(spark: SparkSession):
    one = ("1", "500", "A", "MUG", "France", 2, "2011-01-01 10:00", "20.0000")
    sales = lines(
        spark, one, one, ("1", "501", "A", "MUG", "France", 1, "2011-01-02 10:00", "10.0000"), ("2", *one[1:])
    )
    baskets = baskets_of(Sales(sales), taken_back(sales, None))
    # Lines of other items, here of invoice 501, may be among those that repeat: of items with a rejected line.
    for repeated in (sales, sales.where("invoice_no = '500'")):
        [product] = product_sales(Sales(sales), repeated, baskets, sales.limit(0), ".*").collect()
        assert product.orders == 2
