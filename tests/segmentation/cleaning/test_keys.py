"""Customers who are nobody, ids and countries in several spellings, invoice numbers that restart."""

import doctest
import re
from datetime import datetime
from decimal import Decimal

from pyspark.sql import DataFrame, SparkSession

from segmentation.cleaning import keys
from segmentation.cleaning.keys import (
    KeyFacts,
    Keys,
    key_facts,
    keys_of,
    numbers_of_nobody,
    numbers_written_twice,
    orders_of_customers,
    spellings_of_customers,
)
from tests.segmentation.cleaning.lines import DEFAULTS

Order = tuple[str, str | None, str, int]
SUMS = (
    "invoice_no string, customer_id string, country string, day int, revenue decimal(28,4), lines bigint, "
    "first_sold_at timestamp_ntz, last_sold_at timestamp_ntz"
)


def sums(spark: SparkSession, *orders: Order, copies: int = 0) -> DataFrame:
    """As `order_sums` makes them: invoice, customer, country and the day of December; `copies` take a line off."""
    rows = [(*order, Decimal(10), 2, datetime(2010, 12, order[3]), datetime(2010, 12, order[3])) for order in orders]
    rows += [(*order, Decimal(-5), -1, *rows[0][6:]) for order in orders[:copies]]
    return spark.createDataFrame(rows, SUMS).drop("day")


def facts_of(spark: SparkSession, *orders: Order, copies: int = 0) -> KeyFacts:
    of_orders = sums(spark, *orders, copies=copies)
    return KeyFacts.of(key_facts(of_orders, of_orders.limit(1), DEFAULTS).collect())


def test_the_orders_say_what_there_is_to_know_of_keys(spark: SparkSession) -> None:
    orders: list[Order] = [
        ("1", "Anna@x.org", "France", 1),
        ("2", "anna@x.org", "FRANCE", 2),
        ("2", "99999", "FRANCE", 3),
        ("3", "0", "Spain", 3),
        ("3", None, "Spain", 4),
        ("4", "\u0410nna", "Spain", 4),
        ("5", "\u0928\u093c", "Spain", 4),
        ("6", "017029", "Spain", 5),
        ("6", None, "Spain", 5),
        ("6", "17,029", "Spain", 5),
    ]
    facts = facts_of(spark, *orders, copies=2)
    assert (facts.orders, facts.of_customers) == (10, 8)
    # Each with the row of its copy, if there is one.
    assert (facts.respelled, facts.respelled_lines, facts.mixed, facts.apart) == (2, 1, 1, 1)
    assert (facts.countries, facts.numbers) == ({"France": 1, "FRANCE": 3, "Spain": 14}, {"99999": 1, "0": 1})
    assert (facts.invoices, facts.shared, facts.example, facts.of_example) == (6, 1, "2", 2)
    assert (facts.partly_named, facts.unnamed_lines, facts.unnamed_revenue) == (1, 2, Decimal(10))
    assert facts.padded == 2
    [twice] = numbers_written_twice(sums(spark, *orders, ("7", "17029", "Spain", 5))).collect()
    assert twice["customers"] == 1
    found = keys_of(facts, DEFAULTS, ["0"])
    assert (found.nobody, found.countries, found.has_spellings) == (["0"], {"France": "FRANCE"}, True)
    off = DEFAULTS.model_copy(update={"normalise_text": False})
    assert keys_of(facts, off).countries == {}


def test_numbers_are_nobody_with_ten_times_the_orders_of_the_median_customer(spark: SparkSession) -> None:
    orders: list[Order] = [(str(number), f"{number % 5}1", "France", 1) for number in range(10)]
    orders += [(f"n{number}", "99999", "France", 1) for number in range(20)]
    by_orders = {row["orders"]: row["customers"] for row in orders_of_customers(sums(spark, *orders)).collect()}
    assert by_orders == {2: 5}
    assert numbers_of_nobody({"99999": 20, "0": 19}, by_orders) == ["99999"]
    assert numbers_of_nobody({"0": 50}, {}) == []


def test_keys_are_replaced_in_lines_and_orders(spark: SparkSession) -> None:
    orders: list[Order] = [
        ("2010-12-01 0", "0", "FRANCE", 1),
        ("1", "Anna@X.org", "France", 1),
        ("1", "ZOE\u0308", "Spain", 1),
        ("1", None, "Spain", 1),
    ]
    of = Keys(DEFAULTS, ["0"], {"FRANCE": "France"}, has_spellings=True, has_daily_orders=True)
    rows = of.in_lines(sums(spark, *orders)).select("invoice_no", "customer_id", "country").collect()
    assert [tuple(row) for row in rows] == [
        ("2010-12-01", None, "France"),
        ("1", "anna@x.org", "France"),
        ("1", "ZO\u00cb", "Spain"),
        ("1", None, "Spain"),
    ]


def test_customers_in_several_spellings_are_counted(spark: SparkSession) -> None:
    ids = ("Anna@x.org", "anna@x.org", "mailto:ANNA@X.ORG", "Zoe\u0308", "Zo\u00eb", "B 1", "b 1", "a@b")
    orders: list[Order] = [("1", customer, "France", 1) for customer in ids]
    [joined] = spellings_of_customers(sums(spark, *orders), DEFAULTS).collect()
    assert (joined["customers"], joined["spellings"]) == (2, 5)
    off = DEFAULTS.model_copy(update={"normalise_ids": False, "normalise_text": False})
    assert spellings_of_customers(sums(spark, *orders), off).collect()[0]["customers"] == 0


def test_only_some_numbers_may_be_nobody() -> None:
    numbers = ("0", "00", "-1", "9999", "99999", "999", "1", "10", "9990", "-2", "A0")
    assert [number for number in numbers if re.search(keys.NUMBER_OF_NOBODY, number)] == [*numbers[:5]]


def test_the_examples_in_its_docstrings_are_true() -> None:
    done = doctest.testmod(keys)
    assert (done.failed, done.attempted > 0) == (0, True)
