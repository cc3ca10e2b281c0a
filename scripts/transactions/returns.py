"""Planted returns: sales and returns of which it is known exactly what was taken back.

A customer with a return has one story, such as "part of an order". Its lines have products, prices and amounts of their
own, which no other line of the customer has, so that nothing else can be matched with them. The story of "everything"
returns all that its customer ever bought. There are no other returns in the data then.

A return takes back, of its customer's earlier lines, units of the same product at the same price; else an untouched
line of exactly the same amount; else units of the product at another price, at the lower of both. The rest is
unmatched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from scripts.transactions.catalogue import COUNTRIES
from scripts.transactions.draws import Recipe, lookup, open_day
from scripts.transactions.lines import (
    FIRST_CUSTOMER_ID,
    OPEN_MINUTES,
    OPENING_MINUTE,
    customer_lines,
    invoice_number,
    order_country,
)
from scripts.transactions.plan import INVOICES_PER_CUSTOMER
from scripts.transactions.season import DAYS

MOST_DAYS_TO_RETURN: Final = 14
# Goods come back before the shop opens or after it closes: their order in time is plain.
EARLY_MINUTE: Final = OPENING_MINUTE - 30
LATE_MINUTE: Final = OPENING_MINUTE + OPEN_MINUTES + 30
EVERYTHING: Final = "everything"

When = Literal["in the last order", "in an order of its own", "returned early", "returned late"]


@dataclass(frozen=True)
class StoryLine:
    """A purchase, or a return of negative `quantity`. `invoice` numbers the returns of one customer."""

    when: When
    stock_code: str
    quantity: int
    pence: int
    invoice: int = 0


@dataclass(frozen=True)
class Story:
    """What a customer bought and returned, and what of it is taken back, in pence."""

    kind: str
    lines: tuple[StoryLine, ...]
    matched_pence: int
    unmatched_pence: int


# Products that are sold in stories alone. Their prices in pence are primes, which no price of the catalogue divides.
_BASKET, _LANTERN, _MANUAL = "79001", "79002", "M"
STORY_DESCRIPTIONS: Final = {_BASKET: "PICNIC BASKET WILLOW", _LANTERN: "LANTERN CAST IRON", _MANUAL: "Manual"}

STORIES: Final = (
    Story(
        "part of an order",
        (
            StoryLine("in the last order", _BASKET, 12, 103),
            StoryLine("returned late", _BASKET, -5, 103),
        ),
        5 * 103,
        0,
    ),
    Story(
        "a whole order",
        (
            StoryLine("in an order of its own", _BASKET, 6, 107),
            StoryLine("returned late", _BASKET, -6, 107),
        ),
        6 * 107,
        0,
    ),
    Story(
        "the same goods twice",
        (
            StoryLine("in an order of its own", _BASKET, 4, 109),
            StoryLine("returned late", _BASKET, -4, 109),
            StoryLine("returned late", _BASKET, -4, 109, invoice=1),
        ),
        4 * 109,
        4 * 109,
    ),
    Story(
        "a copied return",
        (
            StoryLine("in the last order", _BASKET, 10, 113),
            StoryLine("returned late", _BASKET, -3, 113),
            StoryLine("returned late", _BASKET, -3, 113),
        ),
        3 * 113,
        0,
    ),
    Story(
        "at a lower price",
        (
            StoryLine("in the last order", _LANTERN, 4, 211),
            StoryLine("returned late", _LANTERN, -1, 199),
        ),
        199,
        0,
    ),
    Story(
        "at a higher price",
        (
            StoryLine("in the last order", _LANTERN, 4, 199),
            StoryLine("returned late", _LANTERN, -1, 211),
        ),
        199,
        12,
    ),
    Story(
        "a manual refund",
        (
            StoryLine("in an order of its own", _LANTERN, 3, 223),
            StoryLine("returned late", _MANUAL, -1, 3 * 223),
        ),
        3 * 223,
        0,
    ),
    Story(
        "before the purchase",
        (
            StoryLine("returned early", _BASKET, -2, 127),
            StoryLine("in the last order", _BASKET, 2, 127),
        ),
        0,
        2 * 127,
    ),
    # What others bought, at their price.
    Story("another customer's purchase", (StoryLine("returned late", _BASKET, -6, 107),), 0, 6 * 107),
    Story(EVERYTHING, (), 0, 0),
)
_LINES: Final = tuple(line for story in STORIES for line in story.lines)
_FIRST_LINES: Final = tuple(sum(len(story.lines) for story in STORIES[:index]) for index in range(len(STORIES)))
# No customer has as many orders as numbers of invoices.
_OWN_ORDER: Final = INVOICES_PER_CUSTOMER - 1


def with_story(customers: DataFrame, recipe: Recipe) -> DataFrame:
    """Keep the customers who return something, and add story int, an index into STORIES."""
    customer = F.col("customer")
    returns_something = recipe.uniform("returns", customer) < recipe.variations.returns
    return customers.where(returns_something).withColumn(
        "story", recipe.index("story", len(STORIES), customer).cast("int")
    )


def story_line_count() -> Column:
    """Return the number of lines of the customer's story, from the columns of `with_story` and `with_line_count`."""
    lines = lookup([len(story.lines) for story in STORIES], F.col("story"), "long")
    return F.when(_is_everything(), F.col("line_count")).otherwise(lines)


def story_lines(customers: DataFrame, recipe: Recipe) -> DataFrame:
    """Return one row per line of the stories, with the columns of `sale_columns`.

    `customers` has the columns of `with_story` and `with_line_count`.
    """
    lines = customers.withColumn("line", F.explode(F.sequence(F.lit(0).cast("long"), story_line_count() - 1)))
    everything = lines.where(_is_everything()).transform(_returned_sales, recipe)
    return lines.where(~_is_everything()).transform(_told, recipe).unionByName(everything)


def story_purchases(customers: DataFrame, recipe: Recipe) -> DataFrame:
    """Return the lines of `story_lines` that are purchases: a story has one at most."""
    position = lookup([_purchase_position(story) for story in STORIES], F.col("story"), "long")
    return customers.withColumn("line", position).where(F.col("line") >= 0).transform(_told, recipe)


def net_figures(gross: DataFrame, recipe: Recipe) -> DataFrame:
    """Return one row per customer with a planted return, from each one's `customer`, gross `pence` and `orders`.

    Columns: customer_id string, kind string, invoice_no string (of the first return), total_spend, returned_matched,
    returned_unmatched, net_spend decimal(20,4) (pounds), purchase_frequency, net_orders long.
    """
    pence, orders = F.col("pence"), F.col("orders")
    matched = F.when(_is_everything(), pence).otherwise(_of_story([story.matched_pence for story in STORIES]))
    gone = F.when(_is_everything(), orders).otherwise(_of_story([_orders_gone(story) for story in STORIES]))

    def pounds(of_pence: Column) -> Column:
        return (of_pence.cast("decimal(18,2)") / 100).cast("decimal(20,4)")

    return with_story(gross, recipe).select(
        (FIRST_CUSTOMER_ID + F.col("customer")).cast("string").alias("customer_id"),
        lookup([story.kind for story in STORIES], F.col("story"), "string").alias("kind"),
        _return_invoice(F.lit(0)).alias("invoice_no"),
        pounds(pence).alias("total_spend"),
        pounds(matched).alias("returned_matched"),
        pounds(_of_story([story.unmatched_pence for story in STORIES])).alias("returned_unmatched"),
        pounds(pence - matched).alias("net_spend"),
        orders.alias("purchase_frequency"),
        (orders - gone).alias("net_orders"),
    )


def _told(lines: DataFrame, recipe: Recipe) -> DataFrame:
    """Return the story line number `line` of each customer."""
    customer, last_day, when = F.col("customer"), F.col("last_day"), F.col("when")
    days = recipe.index("days to return", MOST_DAYS_TO_RETURN, customer)
    day_of_return = open_day(F.least(F.lit(DAYS - 1), last_day + days))
    minute = F.floor(OPENING_MINUTE + recipe.middling("minute", customer, F.lit(0)) * OPEN_MINUTES)
    position = _of_story(_FIRST_LINES) + F.col("line")

    def of_line(values: Sequence[str | int | float], element_type: str) -> Column:
        return lookup(values, F.col("position"), element_type)

    return (
        lines.withColumn("position", position)
        .withColumn("when", of_line([line.when for line in _LINES], "string"))
        .select(
            F.when(when == "in the last order", invoice_number(F.lit(0)).cast("string"))
            .when(when == "in an order of its own", invoice_number(F.lit(_OWN_ORDER)).cast("string"))
            .otherwise(_return_invoice(of_line([line.invoice for line in _LINES], "long")))
            .alias("InvoiceNo"),
            of_line([line.stock_code for line in _LINES], "string").alias("StockCode"),
            of_line([STORY_DESCRIPTIONS[line.stock_code] for line in _LINES], "string").alias("Description"),
            of_line([line.quantity for line in _LINES], "int").alias("Quantity"),
            F.when(when == "returned late", day_of_return).otherwise(last_day).cast("int").alias("day"),
            F.when(when == "returned early", EARLY_MINUTE)
            .when(when == "returned late", LATE_MINUTE)
            .otherwise(minute)
            .cast("int")
            .alias("minute"),
            of_line([line.pence / 100 for line in _LINES], "double").alias("UnitPrice"),
            (FIRST_CUSTOMER_ID + customer).cast("long").alias("CustomerID"),
            lookup(COUNTRIES, order_country(recipe, F.lit(0)), "string").alias("Country"),
        )
    )


def _returned_sales(lines: DataFrame, recipe: Recipe) -> DataFrame:
    """Return every sale line once more as a return, in the evening of the last purchase."""
    returned = {
        "InvoiceNo": F.concat(F.lit("C"), "InvoiceNo"),
        "Quantity": -F.col("Quantity"),
        "day": F.col("last_day"),
        "minute": F.lit(LATE_MINUTE),
    }
    return lines.transform(customer_lines, recipe, "last_day").withColumns(returned).drop("last_day")


def _is_everything() -> Column:
    return F.col("story") == [story.kind for story in STORIES].index(EVERYTHING)


def _of_story(values: Sequence[int]) -> Column:
    return lookup(values, F.col("story"), "long")


def _return_invoice(number: Column) -> Column:
    return F.concat(F.lit("C"), invoice_number(number).cast("string"))


def _purchase_position(story: Story) -> int:
    """Return the number of the story's line that is a purchase, or -1."""
    return next((number for number, line in enumerate(story.lines) if line.quantity > 0), -1)


def _orders_gone(story: Story) -> int:
    """Return the number of orders of which nothing stays."""
    return sum(line.when == "in an order of its own" for line in story.lines)
