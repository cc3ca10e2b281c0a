"""The aggregates of the report are exact, bounded, and the same in any order of the rows."""

from datetime import date, datetime
from decimal import Decimal

import pytest
from chispa import assert_df_equality
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.report import aggregates
from segmentation.report.aggregates import (
    MOST_BINS,
    MOST_PERIODS,
    bin_days,
    drawn_customers,
    example_lines,
    greatest_returned_orders,
    largest,
    lorenz_points,
    period_months,
    period_sales,
    ranked,
    recency_bins,
    sold_by_segment,
    with_lift,
)
from segmentation.report.data import sales_total

# ---- countries and products ----

PRODUCT = (
    "stock_code string, description string, revenue decimal(20,4), guest_revenue decimal(20,4), "
    "net_revenue decimal(20,4), units bigint, revenue_share double, abc_class string, is_merchandise boolean"
)
PRODUCTS = [
    ("22423", "CAKESTAND", Decimal(60), Decimal(5), Decimal(50), 10, 0.3, "A", True),
    ("POST", "POSTAGE", Decimal(90), Decimal(0), Decimal(90), 9, 0.45, "A", False),
    ("85123A", "LANTERN", Decimal(50), Decimal(1), Decimal(50), 8, 0.25, "B", True),
    ("10001", "MUG", Decimal(10), Decimal(2), Decimal(10), 7, 0.05, "C", True),
]


@pytest.fixture(scope="module")
def products(spark: SparkSession) -> DataFrame:
    return spark.createDataFrame(PRODUCTS, PRODUCT)


def test_the_largest_come_first_with_one_of_each_class_and_equal_ones_by_their_key(
    products: DataFrame, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(aggregates, "LARGEST_SHOWN", 1)
    rows = largest(ranked(products, "stock_code", "net_revenue")).collect()
    assert [(row["stock_code"], row["rank"]) for row in rows] == [("22423", 1), ("85123A", 2), ("10001", 3)]


def test_goods_their_classes_and_the_rest_are_summed_up_apart(products: DataFrame):
    goods, *others = largest(ranked(products, "stock_code", "net_revenue")).collect()
    sums = {"rows": 3, "revenue": Decimal(120), "guest_revenue": Decimal(8), "units": 25, "net_revenue": Decimal(110)}
    assert goods["total"].asDict() == sums
    assert (goods["rest"]["rows"], goods["rest"]["revenue"]) == (1, Decimal(90))
    assert [
        (row["abc_class"], row["of_class"]["rows"], row["of_class"]["net_revenue"]) for row in (goods, *others)
    ] == [
        ("A", 1, Decimal(50)),
        ("B", 1, Decimal(50)),
        ("C", 1, Decimal(10)),
    ]


def test_shares_and_classes_are_of_goods_and_of_the_money_that_counts(products: DataFrame):
    rows = ranked(products, "stock_code", "net_revenue").orderBy("stock_code").collect()
    assert [(row["stock_code"], row["abc_class"]) for row in rows] == [("10001", "C"), ("22423", "A"), ("85123A", "B")]
    assert [row["revenue_share"] for row in rows] == pytest.approx([10 / 110, 50 / 110, 50 / 110])


def test_without_any_goods_all_rows_are_shown(products: DataFrame):
    fees = products.withColumn("is_merchandise", F.lit(False))
    rows = largest(ranked(fees, "stock_code", "net_revenue")).collect()
    assert [(row["stock_code"], row["total"]["rows"], row["rest"]["rows"]) for row in rows] == [
        (code, 4, 0) for code in ("POST", "22423", "85123A", "10001")
    ]


def test_each_segment_has_its_largest_and_the_keys_asked_for(spark: SparkSession, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(aggregates, "LARGEST_OF_A_SEGMENT", 1)
    bought = [("France", 1, 2, Decimal(3)), ("Spain", 1, 1, Decimal(7)), ("Italy", 1, 1, Decimal(1))]
    schema = "country string, segment_id int, customers bigint, revenue decimal(20,4)"
    rows = sold_by_segment(spark.createDataFrame(bought, schema), "country", ["Italy"]).collect()
    assert [(row["country"], row["customers"], row["rank"]) for row in rows] == [("Spain", 1, 1), ("Italy", 1, 3)]


def test_the_lift_compares_a_segments_buyers_with_all_others(spark: SparkSession, products: DataFrame):
    bought = [
        ("22423", 1, 40),  # 40 of 100 against 50 of 200: 1.6
        ("22423", 2, 50),
        ("85123A", 1, 30),  # nobody else
        ("10001", 1, 19),  # too few buyers
        ("10001", 2, 1),
        ("POST", 1, 90),  # no merchandise
    ]
    schema = "stock_code string, segment_id int, customers bigint"
    by_segment = spark.createDataFrame(bought, schema).withColumn("revenue", F.lit(1)).repartition(3)
    rows = with_lift(by_segment, ranked(products, "stock_code", "net_revenue"), {1: 100, 2: 200}).collect()
    notable = {row["lift_rank"]: row for row in rows if row["lift_rank"] is not None}
    assert [(rank, notable[rank]["segment_id"], notable[rank]["description"]) for rank in sorted(notable)] == [
        (1, 1, "LANTERN"),
        (2, 1, "CAKESTAND"),
    ]
    assert notable[1]["lift"] is None
    assert notable[2]["lift"] == pytest.approx(1.6)


def test_what_is_bought_more_often_is_shown_whatever_its_revenue(spark: SparkSession, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(aggregates, "LARGEST_OF_A_SEGMENT", 1)
    schema = "stock_code string, segment_id int, customers bigint, revenue int, lift double, lift_rank int"
    bought = [("a", 1, 9, 3, 1.3, 2), ("b", 1, 9, 9, None, None), ("c", 1, 9, 1, 2.0, 1)]
    rows = sold_by_segment(spark.createDataFrame(bought, schema), "stock_code", []).collect()
    assert [(row["stock_code"], row["rank"], row["lift_rank"]) for row in rows] == [("b", 1, None), ("c", 3, 1)]


# ---- returns ----


def test_the_greatest_returned_order_of_each_segment(spark: SparkSession):
    rows = [
        ("1", "a", "France", "100", "40"),
        ("1", "a", "Spain", "50", "30"),  # the same order: 70
        ("1", "b", "France", "60", "60"),
        ("3", "c", "France", "9", "0"),
        ("2", "d", "France", "9", "0"),
        (None, "e", "France", "999", "999"),
    ]
    typed = [(*keys, Decimal(revenue), Decimal(returned)) for *keys, revenue, returned in rows]
    schema = "customer_id string, invoice_no string, country string, revenue decimal(28,4), returned decimal(28,4)"
    [greatest] = greatest_returned_orders(spark.createDataFrame(typed, schema), members(spark)).collect()
    assert greatest.asDict() == {"segment_id": 1, "returned": Decimal(70), "revenue": Decimal(150)}


# ---- rejected lines ----


def rejected(spark: SparkSession, **lines: int) -> DataFrame:
    """That many different lines of each reason."""
    rows = [
        (reason, *[f"{field} {number}" for field in s.LINE_FIELDS])
        for reason, count in lines.items()
        for number in range(count)
    ]
    return spark.createDataFrame(rows, ["reason", *s.LINE_FIELDS])


def test_at_most_three_examples_of_a_reason_the_same_in_any_order(spark: SparkSession, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(aggregates, "MOST_DRAWN_FROM", 20)  # of more lines, only some take part in the draw
    counts = {"cancellation": 100, "duplicate": 2}
    lines = rejected(spark, **counts)
    examples = example_lines(lines, counts).collect()
    assert [row["reason"] for row in examples] == ["cancellation"] * 3 + ["duplicate"] * 2
    reordered = lines.orderBy(F.col("invoice_no").desc()).repartition(3)
    assert example_lines(reordered, counts).collect() == examples


def test_a_field_of_an_example_is_never_null_and_of_bounded_length(spark: SparkSession):
    row = ("malformed", None, "x" * 100_000, *[None] * 6)
    schema = ", ".join(f"{name} string" for name in ("reason", *s.LINE_FIELDS))
    [example] = example_lines(spark.createDataFrame([row], schema), {"malformed": 1}).collect()
    assert example["invoice_no"] == ""
    assert len(example["stock_code"]) == aggregates.LONGEST_FIELD


# ---- customers ----


def spenders(spark: SparkSession, *spends: str) -> DataFrame:
    return spark.createDataFrame([(Decimal(spend),) for spend in spends], "total_spend decimal(20,4)")


def test_the_lorenz_points_add_up_from_the_lowest_spend(spark: SparkSession):
    expected = spark.createDataFrame(
        [
            (1, Decimal("1"), Decimal("1")),
            (2, Decimal("3"), Decimal("5")),
            (3, Decimal("6.5"), Decimal("15.5")),
            (4, Decimal("16.5"), Decimal("55.5")),
        ],
        "customers bigint, revenue decimal(30,4), ranked_revenue decimal(38,4)",
    )
    points = lorenz_points(spenders(spark, "10", "2", "3.5", "1"), 4, "total_spend")
    assert_df_equality(points, expected, ignore_nullable=True)


def test_the_lorenz_points_are_at_even_steps_up_to_all_customers(spark: SparkSession):
    customers = spark.range(1, 1001).selectExpr("cast(id as decimal(20,4)) as total_spend").repartition(3)
    points = lorenz_points(customers, 1000, "total_spend", at_most=8).collect()
    assert [row["customers"] for row in points] == [125, 250, 375, 500, 625, 750, 875, 1000]
    assert [row["revenue"] for row in points] == [n * (n + 1) // 2 for n in range(125, 1001, 125)]
    uneven = lorenz_points(customers.limit(997), 997, "total_spend", at_most=8).collect()
    assert [row["customers"] for row in uneven] == [125, 250, 374, 499, 624, 748, 873, 997]


def test_customers_of_whom_nothing_stayed_are_not_drawn(spark: SparkSession):
    rows = [("1", 0, Decimal(0), 0), ("2", 1, Decimal(5), 1)]
    customers = spark.createDataFrame(
        rows, "customer_id string, segment_id int, net_spend decimal(20,4), net_orders int"
    )
    profiles = [{"segment_id": 0, "customers": 1}, {"segment_id": 1, "customers": 1}]
    [drawn] = drawn_customers(customers, profiles, 100, "net_spend", "net_orders").collect()
    assert drawn.asDict() == {"net_spend": Decimal(5), "net_orders": 1, "segment_id": 1}


ORDERS = "customer_id string, first_sold_at timestamp_ntz, last_sold_at timestamp_ntz, revenue decimal(30,4)"


def orders(spark: SparkSession) -> DataFrame:
    rows = [
        ("1", "2010-12-31T23:59", "10.5"),
        ("1", "2010-12-01T00:00", "1"),
        ("2", "2010-12-05T10:00", "100"),
        ("1", "2011-01-01T00:00", "3"),
        ("3", "2011-04-30T10:00", "7"),
        (None, "2011-01-05T10:00", "999"),
        (None, "2010-11-05T10:00", "1"),
    ]
    typed = [(customer, *[datetime.fromisoformat(moment)] * 2, Decimal(money)) for customer, moment, money in rows]
    return spark.createDataFrame(typed, ORDERS)


def members(spark: SparkSession) -> DataFrame:
    return spark.createDataFrame([("1", 1), ("2", 2), ("3", 1)], "customer_id string, segment_id int")


@pytest.mark.parametrize(
    ("months", "expected"),
    [
        (3, [("2010-10-01", 1, 1, "11.5"), ("2010-10-01", 2, 1, "100"), ("2011-01-01", 1, 1, "3"),
             ("2011-04-01", 1, 1, "7")]),
        (24, [("2010-01-01", 1, 2, "21.5"), ("2010-01-01", 2, 1, "100")]),
    ],
)  # fmt: skip
def test_sales_by_period_count_each_customer_once_and_guests_apart(
    spark: SparkSession, months: int, expected: list[tuple[str, int, int, str]]
):
    guests, *found = [
        row.asDict() for row in period_sales(orders(spark), members(spark), months, F.col("revenue")).collect()
    ]
    assert [
        (row["period_start"].isoformat(), row["segment_id"], row["customers"], row["revenue"]) for row in found
    ] == [(start, id_, number, Decimal(money)) for start, id_, number, money in expected]
    assert (guests["segment_id"], guests["revenue"]) == (None, 1000)
    assert sales_total([guests, *found]) == {
        "revenue": Decimal("1121.5"),
        "first_sold_at": datetime(2010, 11, 5, 10),
        "last_sold_at": datetime(2011, 4, 30, 10),
    }


def test_sales_of_the_year_one_have_a_period(spark: SparkSession):
    early = spark.createDataFrame(
        [(customer, *[datetime(year, 3, 1)] * 2, Decimal(5)) for customer, year in (("1", 1), ("2", 2011))],
        ORDERS,
    )
    months = period_months(date(1, 3, 1), date(2011, 3, 1))
    first, last = period_sales(early, members(spark), months, F.col("revenue")).collect()
    assert first["period_start"] == date(1, 1, 1)
    assert date(1900, 1, 1) < last["period_start"] <= date(2011, 3, 1)


def test_a_recency_bin_ends_on_its_last_day(spark: SparkSession):
    rows = [(1, 1), (10, 1), (11, 1), (10, 2), (373, 2), (None, 0)]  # of whom nothing stayed has no last order
    customers = spark.createDataFrame(rows, "net_recency_days int, segment_id int")
    expected = spark.createDataFrame(
        [(10, 1, 2), (10, 2, 1), (20, 1, 1), (380, 2, 1)], "days_up_to int, segment_id int, customers bigint"
    )
    assert_df_equality(recency_bins(customers, 10, "net_recency_days"), expected, ignore_nullable=True)


@pytest.mark.parametrize(
    ("first", "last", "months"),
    [
        ("2011-01-01", "2011-01-31", 1),
        ("2007-01-01", "2011-12-31", 1),
        ("2007-01-01", "2012-01-01", 3),
        ("1996-12-31", "2011-12-31", 12),
        ("1951-12-31", "2011-12-31", 24),
        ("0001-01-01", "9999-12-31", 12 * 170),
    ],
)
def test_periods_are_as_short_as_their_number_allows(first: str, last: str, months: int):
    start, end = date.fromisoformat(first), date.fromisoformat(last)
    assert period_months(start, end) == months
    numbers = [(day.year * 12 + day.month - 1) // months for day in (start, end)]
    assert numbers[1] - numbers[0] < MOST_PERIODS


@pytest.mark.parametrize(
    ("least", "most", "days"),
    [
        (1, 1, 1),
        (1, 41, 2),
        (1, 373, 10),
        (1, 7200, 180),
        (1, 7201, 365),
        (1, 735000, 18980),
    ],
)
def test_bins_are_as_narrow_as_their_number_allows(least: int, most: int, days: int):
    assert bin_days(least, most) == days
    assert (most - 1) // days - (least - 1) // days < MOST_BINS
