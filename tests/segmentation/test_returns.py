"""Returns take back what was bought: each kind to the penny, and as a slow, independent program does it."""

import random
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from segmentation.returns import lines_of_returned_products, money_taken_back
from tests.segmentation.cleaning.lines import with_copies, with_ten_thousandths
from tests.segmentation.naive_returns import Line, match, net_figures, rounded

LINES = (
    "customer_id string, invoice_no string, stock_code string, country string, invoice_date timestamp_ntz, "
    "unit_price decimal(22,8), quantity decimal(14,4), amount decimal(18,4)"
)
FIRST_DAY = datetime(2011, 1, 1)


def line(day: float, invoice: str, units: int | str, price: str, product: str = "MUG", **other: str) -> Line:
    """A sale, or with negative units a return, of customer 1. Units in text have decimals."""
    moment = FIRST_DAY + timedelta(days=day)
    place = (other.get("customer", "1"), invoice, product, other.get("country", "France"))
    return Line(*place, moment, Decimal(price), Decimal(units), rounded(Decimal(units) * Decimal(price)))


def in_columns(one: Line) -> tuple[Any, ...]:
    return one.customer, one.invoice, one.product, one.country, one.moment, one.price, one.units, one.amount


def frame(spark: SparkSession, lines: Sequence[Line]) -> DataFrame:
    return spark.createDataFrame(list(map(in_columns, lines)), LINES)


def taken_back(sales: DataFrame, returned: DataFrame) -> DataFrame:
    sales, returned = with_ten_thousandths(sales), with_ten_thousandths(returned)
    sold = with_copies(sales)
    return money_taken_back(sold, lines_of_returned_products(sold, returned))


Taken = dict[tuple[str, str, str, str], list[Decimal]]


def found(taken: Sequence[Row]) -> Taken:
    """The money taken back by customer, invoice, product and country, of each line."""
    result: defaultdict[tuple[str, str, str, str], list[Decimal]] = defaultdict(list)
    for row in taken:
        result[row.customer_id, row.invoice_no, row.stock_code, row.country].append(row.returned)
    return {key: sorted(values) for key, values in result.items()}


def expected(lines: Sequence[Line]) -> Taken:
    result: defaultdict[tuple[str, str, str, str], list[Decimal]] = defaultdict(list)
    for one in match(lines):
        if one.units > 0 and one.taken:
            result[one.customer, one.invoice, one.product, one.country].append(one.taken)
    return {key: sorted(values) for key, values in result.items()}


KINDS = {
    "partial": ([line(0, "1", 10, "2.50"), line(1, "C1", -4, "2.50")], {"1": "10.00"}),
    "whole": ([line(0, "1", 10, "2.50"), line(1, "C1", -10, "2.50")], {"1": "25.00"}),
    # 200 g at 3.33, and 50 g at 2: what they brought together, rounded once.
    "by weight": (
        [line(0, "1", "0.4505", "3.33"), line(1, "C1", "-0.2", "3.33"), line(2, "C2", "-0.0501", "2")],
        {"1": "0.7662"},
    ),
    "more than was bought": ([line(0, "1", 10, "2.50"), line(1, "C1", -12, "2.50")], {"1": "25.00"}),
    "twice": (
        [line(0, "1", 10, "2.50"), line(1, "C1", -10, "2.50"), line(2, "C2", -10, "2.50")],
        {"1": "25.00"},
    ),
    "before the purchase": ([line(1, "1", 10, "2.50"), line(0, "C1", -10, "2.50")], {}),
    "of another customer": ([line(0, "1", 10, "2.50"), line(1, "C1", -10, "2.50", customer="2")], {}),
    "of the latest purchase": (
        [line(0, "1", 3, "2.50"), line(1, "2", 3, "2.50"), line(2, "C1", -4, "2.50"), line(3, "3", 3, "2.50")],
        {"1": "2.50", "2": "7.50"},
    ),
    "at a lower price": ([line(0, "1", 10, "2.50"), line(1, "C1", -3, "2.00")], {"1": "6.00"}),
    "at a higher price": ([line(0, "1", 10, "2.50"), line(1, "C1", -3, "4.00")], {"1": "7.50"}),
    "at several prices": (
        [line(0, "1", 2, "9.00"), line(1, "2", 2, "3.00"), line(2, "C1", -3, "5.00")],
        {"1": "5.00", "2": "6.00"},
    ),
    "as one unit of Manual": ([line(0, "1", 10, "2.50"), line(1, "C1", -1, "25.00", "M")], {"1": "25.00"}),
    "as Manual of an amount that nobody paid": ([line(0, "1", 10, "2.50"), line(1, "C1", -1, "24.99", "M")], {}),
    "as Manual of a line that came back in part": (
        [line(0, "1", 10, "2.50"), line(1, "C1", -1, "2.50"), line(2, "C2", -1, "25.00", "M")],
        {"1": "2.50"},
    ),
    "as Manual of the latest line of the amount": (
        [line(0, "1", 10, "2.50"), line(1, "2", 5, "5.00", "CUP"), line(2, "C1", -1, "25.00", "M")],
        {"2": "25.00"},
    ),
    # All returns go through the first step first: the later return has the line, though the earlier is Manual.
    "with a later return of the same price": (
        [line(0, "1", 10, "2.50"), line(1, "C1", -1, "25.00", "M"), line(2, "C2", -10, "2.50")],
        {"1": "25.00"},
    ),
    "of a rest by its amount": (
        [line(0, "1", 2, "5.00"), line(1, "2", 1, "10.00", "CUP"), line(2, "C1", -4, "5.00")],
        {"1": "10.00", "2": "10.00"},
    ),
    # Of one moment, the order is by invoice.
    "in the same minute": ([line(0, "1", 2, "5.00"), line(0, "2", -2, "5.00")], {"1": "10.00"}),
    "in the same minute, on an earlier invoice": ([line(0, "2", 2, "5.00"), line(0, "1", -2, "5.00")], {}),
    "of a price in fractions of a penny": (
        [line(0, "1", 3, "0.33335"), line(1, "C1", -1, "0.33335"), line(2, "C2", -2, "0.33335")],
        {"1": "1.0001"},
    ),
    "of lines that were each rounded up": (
        [*[line(day, str(day), 1, "0.00005") for day in (1, 2, 3)], line(4, "C1", -3, "0.00005")],
        {"1": "0.0001", "2": "0.0001"},
    ),
}


IN_COUNTRIES = [
    line(0, "1", 2, "5.00", customer="of countries", country="France"),
    line(0, "1", 2, "5.00", customer="of countries", country="Spain"),
    line(1, "C1", -3, "5.00", customer="of countries", country="Malta"),
]
SALES_OF_LITTLE = [
    ("of no invoice", None, None, "X", FIRST_DAY, Decimal(10), Decimal(1), Decimal(10)),
    ("of no price", "1", "A", "X", FIRST_DAY, Decimal(3), Decimal(2), Decimal(6)),
]
RETURNS_OF_LITTLE = [
    ("of no invoice", None, None, "X", FIRST_DAY + timedelta(1), Decimal(-4), Decimal(-1), Decimal(-4)),
    ("of no price", "2", "B", "X", FIRST_DAY + timedelta(1), None, Decimal(0), Decimal(-6)),
]
SALES_LEFT_ALONE = [
    (None, "1", "A", "X", FIRST_DAY, Decimal(3), Decimal(2), Decimal(6)),
    ("of no units", "1", "A", "X", FIRST_DAY, Decimal(3), Decimal(-2), Decimal(-6)),
    ("of no units", "1", "A", "X", FIRST_DAY, Decimal(0), Decimal(2), Decimal(0)),
]
RETURNS_LEFT_ALONE = [
    (customer, "2", "A", "X", FIRST_DAY + timedelta(1), Decimal(3), Decimal(-2), Decimal(-6))
    for customer in (None, "of no units")
]


def renamed(one: Line, customer: str) -> Line:
    return Line(customer, *in_columns(one)[1:])


@pytest.fixture(scope="module")
def taken(spark: SparkSession) -> list[Row]:
    """What is taken back of the lines above. One job answers all tests: no customer depends on another."""
    lines = [renamed(one, f"{kind}/{one.customer}") for kind, (of_kind, _) in KINDS.items() for one in of_kind]
    lines += IN_COUNTRIES
    sales, returns = ([in_columns(one) for one in lines if (one.units > 0) is is_sale] for is_sale in (True, False))
    sales += [*SALES_OF_LITTLE, *SALES_LEFT_ALONE]
    returns += [*RETURNS_OF_LITTLE, *RETURNS_LEFT_ALONE]
    return taken_back(spark.createDataFrame(sales, LINES), spark.createDataFrame(returns, LINES)).collect()


def of_customers(taken: Sequence[Row], *customers: str | None) -> list[Row]:
    return [row for row in taken if row.customer_id in customers]


def test_each_kind_of_return_takes_back_the_right_pennies(taken: list[Row]):
    actual: defaultdict[str, defaultdict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for row in taken:
        kind, is_of_a_kind, customer = str(row.customer_id).partition("/")
        if is_of_a_kind:
            assert customer == "1"
            actual[kind][row.invoice_no] += row.returned
    wrong = {
        kind
        for kind, (_, money) in KINDS.items()
        if actual[kind] != {invoice: Decimal(text) for invoice, text in money.items()}
    }
    assert wrong == set()


def test_a_line_with_several_returns_in_several_countries_keeps_its_country(taken: list[Row]):
    by_country = {row.country: row.returned for row in of_customers(taken, "of countries")}
    assert by_country == {"Spain": Decimal("10.0000"), "France": Decimal("5.0000")}


def test_lines_without_invoice_product_or_price_are_matched_by_what_they_have(taken: list[Row]):
    matched = of_customers(taken, "of no invoice", "of no price")
    assert {row.customer_id: row.returned for row in matched} == {
        "of no invoice": Decimal(4),
        "of no price": Decimal(6),
    }


def test_guests_and_sales_without_units_or_money_are_left_alone(taken: list[Row]):
    assert of_customers(taken, None, "of no units") == []


def any_lines(draw: random.Random, customer: str) -> list[Line]:
    """Lines with few moments, products, prices and amounts, so that much is equal; copies are among them."""
    prices, units = ["1", "2", "2.5", "5", "0.33335"], [-12, -5, -2, -1, 1, 1, 2, 2, 3, 5, 10, 12]
    return [
        line(
            *(draw.randint(0, 3), draw.choice("123"), draw.choice(units), draw.choice(prices), draw.choice("ABM")),
            customer=customer,
            country=draw.choice("FS"),
        )
        for _ in range(draw.choice([2, 3, 4, 6, 9, 14, 20]))
    ]


def test_any_customers_get_what_the_independent_program_gives_them(spark: SparkSession):
    draw = random.Random(7)
    lines = [one for number in range(800) for one in any_lines(draw, str(number))]
    all_lines = frame(spark, lines).orderBy(F.rand(5)).repartition(3)
    taken = found(taken_back(all_lines.where("quantity > 0"), all_lines.where("quantity < 0")).collect())
    assert taken == expected(lines)
    sold: defaultdict[str, Decimal] = defaultdict(Decimal)
    given_back: defaultdict[str, Decimal] = defaultdict(Decimal)
    for one in lines:
        (sold if one.units > 0 else given_back)[one.customer] += abs(one.amount)
    for customer, net in net_figures(match(lines)).items():
        assert 0 <= net.returned_matched <= min(sold[customer], given_back[customer])


def test_the_order_and_the_partitions_of_the_lines_do_not_matter(spark: SparkSession):
    lines = [
        line(day % 5, str(day % 7), 1 + day % 4 if day % 3 else -(1 + day % 5), f"{1 + day % 2}.50", "AB"[day % 2])
        for day in range(60)
    ]
    answer = expected(lines)
    assert answer
    apart = frame(spark, lines[::-1]).orderBy(F.rand(5)).repartition(6)
    assert found(taken_back(apart.where("quantity > 0"), apart.where("quantity < 0")).collect()) == answer


@pytest.mark.parametrize(
    ("returns", "product", "price", "rows", "money"),
    [
        # Of 3 units each, from the latest purchases of 2 units: pairs of 40,000 and 4,000 would be 160 million.
        (4_000, "MUG", 2, 6_000, 24_000),
        # At the lower price of 1, where all that is taken in one go is compared.
        pytest.param(400, "MUG", 1, 600, 1_200, marks=pytest.mark.slow),
        # No product twice, and no amount that is that of a return.
        pytest.param(4_000, None, 2, 0, None, marks=pytest.mark.slow),
    ],
)
def test_a_customer_of_many_lines_is_matched_like_any_other(
    spark: SparkSession, returns: int, product: str | None, price: int, rows: int, money: int | None
):
    is_sale = F.col("id") < 40_000
    many = spark.range(40_000 + returns).select(
        F.lit("1").alias("customer_id"),
        F.col("id").cast("string").alias("invoice_no"),
        F.coalesce(F.lit(product), F.col("id").cast("string")).alias("stock_code"),
        F.lit("X").alias("country"),
        (F.lit(FIRST_DAY).cast("timestamp_ntz") + F.make_dt_interval(mins=F.col("id"))).alias("invoice_date"),
        F.when(is_sale, 2).otherwise(price).cast("decimal(22,8)").alias("unit_price"),
        F.when(is_sale, 2).otherwise(-3).cast("int").alias("quantity"),
    )
    lines = many.withColumn("amount", (F.col("quantity") * F.col("unit_price")).cast("decimal(18,4)"))
    taken = taken_back(lines.where("quantity > 0"), lines.where("quantity < 0"))
    assert taken.agg(F.count("*"), F.sum("returned")).collect() == [(rows, money)]
