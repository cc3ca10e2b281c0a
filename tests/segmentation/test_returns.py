"""Returns take back what was bought: each kind to the penny, and as a slow, independent program does it."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pyspark.sql import DataFrame, SparkSession
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


def frame(spark: SparkSession, lines: Sequence[Line]) -> DataFrame:
    rows = [
        (one.customer, one.invoice, one.product, one.country, one.moment, one.price, one.units, one.amount)
        for one in lines
    ]
    return spark.createDataFrame(rows, LINES)


def taken_back(sales: DataFrame, returned: DataFrame) -> DataFrame:
    sales, returned = with_ten_thousandths(sales), with_ten_thousandths(returned)
    sold = with_copies(sales)
    return money_taken_back(sold, lines_of_returned_products(sold, returned))


def taken_by_product(spark: SparkSession, lines: Sequence[Line]) -> DataFrame:
    """The product's matching of the lines, sales and returns told apart by their sign."""
    all_lines = frame(spark, lines)
    return taken_back(all_lines.where("quantity > 0"), all_lines.where("quantity < 0"))


Taken = dict[tuple[str, str, str, str], list[Decimal]]


def found(taken: DataFrame) -> Taken:
    """The money taken back by customer, invoice, product and country, of each line."""
    result: defaultdict[tuple[str, str, str, str], list[Decimal]] = defaultdict(list)
    for row in taken.collect():
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


def test_each_kind_of_return_takes_back_the_right_pennies(spark: SparkSession):
    # Each kind is a customer of its own, so that one job answers all of them.
    lines, answers = [], {}
    for number, (kind_lines, taken) in enumerate(KINDS.values()):
        for one in kind_lines:
            customer = f"{number}-{one.customer}"
            lines.append(Line(customer, *[getattr(one, name) for name in FIELDS]))
        answers |= {(f"{number}-1", invoice): Decimal(money) for invoice, money in taken.items()}
    rows = taken_by_product(spark, lines).groupBy("customer_id", "invoice_no").agg(F.sum("returned").alias("money"))
    actual = {(row.customer_id, row.invoice_no): row.money for row in rows.collect()}
    kinds = list(KINDS)
    wrong = {kinds[int(key[0].split("-")[0])] for key in {*actual, *answers} if actual.get(key) != answers.get(key)}
    assert wrong == set()


FIELDS = ("invoice", "product", "country", "moment", "price", "units", "amount")


def test_a_line_with_several_returns_in_several_countries_keeps_its_country(spark: SparkSession):
    lines = [
        line(0, "1", 2, "5.00", country="France"),
        line(0, "1", 2, "5.00", country="Spain"),
        line(1, "C1", -3, "5.00", country="Malta"),
    ]
    taken = found(taken_by_product(spark, lines))
    assert taken == {("1", "1", "MUG", "Spain"): [Decimal("10.0000")], ("1", "1", "MUG", "France"): [Decimal("5.0000")]}


def test_lines_without_invoice_product_or_price_are_matched_by_what_they_have(spark: SparkSession):
    rows = [
        ("1", None, None, "X", FIRST_DAY, Decimal(10), Decimal(1), Decimal(10)),
        ("1", None, None, "X", FIRST_DAY + timedelta(1), Decimal(-4), Decimal(-1), Decimal(-4)),
        ("2", "1", "A", "X", FIRST_DAY, Decimal(3), Decimal(2), Decimal(6)),
        ("2", "2", "B", "X", FIRST_DAY + timedelta(1), None, Decimal(0), Decimal(-6)),
    ]
    lines = spark.createDataFrame(rows, LINES)
    taken = taken_back(lines.where("amount > 0"), lines.where("amount < 0")).collect()
    assert {(row.customer_id, row.returned) for row in taken} == {("1", Decimal(4)), ("2", Decimal(6))}


def test_guests_and_sales_without_units_or_money_are_left_alone(spark: SparkSession):
    sales = spark.createDataFrame(
        [
            (None, "1", "A", "X", FIRST_DAY, Decimal(3), Decimal(2), Decimal(6)),
            ("1", "1", "A", "X", FIRST_DAY, Decimal(3), Decimal(-2), Decimal(-6)),
            ("1", "1", "A", "X", FIRST_DAY, Decimal(0), Decimal(2), Decimal(0)),
        ],
        LINES,
    )
    returned = spark.createDataFrame(
        [
            (customer, "2", "A", "X", FIRST_DAY + timedelta(1), Decimal(3), Decimal(-2), Decimal(-6))
            for customer in (None, "1")
        ],
        LINES,
    )
    assert taken_back(sales, returned).collect() == []


MOMENTS = st.integers(0, 3).map(float)
PRICES = st.sampled_from(["1", "2", "2.5", "5", "0.33335"])
MORE_SALES = st.sampled_from([-12, -5, -2, -1, 1, 1, 2, 2, 3, 5, 10, 12])


@st.composite
def customers(draw: st.DrawFn) -> list[Line]:
    """Lines of some customers with few moments, products, prices and amounts, so that much is equal."""
    rows = draw(
        st.lists(
            st.tuples(
                st.sampled_from("12"),
                st.sampled_from("123"),
                st.sampled_from("ABM"),
                st.sampled_from("FS"),
                *(MOMENTS, PRICES, MORE_SALES),
            ),
            min_size=2,
            max_size=30,
        )
    )
    return [
        line(moment, invoice, units, price, product, customer=customer, country=country)
        for customer, invoice, product, country, moment, price, units in rows
    ]


@settings(
    max_examples=8,
    derandomize=True,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],  # each step of shrinking would be a Spark job too
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(shops=st.lists(customers(), min_size=40, max_size=60))
def test_any_customers_get_what_the_independent_program_gives_them(spark: SparkSession, shops: list[list[Line]]):
    # Many small customers in one job. Copies are among them, as with the rule `duplicate` switched off.
    lines = [
        Line(f"{number}-{one.customer}", *[getattr(one, name) for name in FIELDS])
        for number, shop in enumerate(shops)
        for one in shop
    ]
    taken = found(taken_by_product(spark, lines))
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
    together = frame(spark, lines).coalesce(1)
    apart = frame(spark, lines[::-1]).orderBy(F.rand(5)).repartition(6)
    results = [found(taken_back(each.where("quantity > 0"), each.where("quantity < 0"))) for each in (together, apart)]
    assert results[0] == results[1] == expected(lines)
    assert results[0]


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
