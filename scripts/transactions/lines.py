"""Customers' and guests' sale lines as DataFrame expressions.

A line is a pure function of the seed, its customer and its number. Nothing here runs an action, shuffles or sorts.
"""

from __future__ import annotations

from typing import Final

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from scripts.transactions.catalogue import BARGAINS, CATALOGUE, COUNTRIES, COUNTRY_WHEEL
from scripts.transactions.draws import Recipe, day_between, lookup, open_day, popularity_rank
from scripts.transactions.plan import DAYS_BETWEEN_MONTHLY_ORDERS, INVOICES_PER_CUSTOMER
from scripts.transactions.season import DAYS

# The real data set begins with this customer and this invoice.
FIRST_CUSTOMER_ID: Final = 12_346
FIRST_INVOICE: Final = 536_365

# A line's share of its customer's spend varies from 1 - 0.7 to 1 + 0.7 of an even share.
LINE_SHARE_JITTER: Final = 0.7
# From a dozen on, goods are sold in packs of six.
PACK_FROM: Final = 12
PACK: Final = 6
LONGEST_DESCRIPTION: Final = max(len(product.description) for product in CATALOGUE)
CUT_DESCRIPTION_LENGTH: Final = 12
ABROAD_ORDER_SHARE: Final = 0.35
MOST_DAYS_OFF_THE_MONTH: Final = 3
OPENING_MINUTE: Final = 8 * 60
OPEN_MINUTES: Final = 10 * 60
# Guests' lines come in blocks of a fixed size; random cuts divide each block into this many invoices.
GUEST_BLOCK_LINES: Final = 64
GUEST_BLOCK_INVOICES: Final = 4


def with_line_count(customers: DataFrame, recipe: Recipe, lines_per_weight: float) -> DataFrame:
    """Add line_count long: one line for each order, and more by the customer's weight."""
    more = F.floor(F.col("line_weight") * lines_per_weight + recipe.uniform("line count", F.col("customer")))
    return customers.withColumn("line_count", F.col("order_count") + more)


def customer_lines(lines: DataFrame, recipe: Recipe, *keep: str) -> DataFrame:
    """Return one row per sale line, with the columns named in `keep` and those of `sale_columns`.

    `lines` has the columns of `customers.with_planted_values` and `with_line_count`, and `line` long, the line's number
    within its customer.
    """
    customer, line, order, count = (F.col(name) for name in ("customer", "line", "order", "line_count"))
    orders, rank, budget = F.col("order_count"), F.col("rank"), F.col("budget")

    # The first lines give every order one line; the others fall at random, most of them into the latest orders.
    any_order = F.floor(orders * F.pow(recipe.uniform("order", customer, line), F.lit(1.5)))
    day = _order_day(recipe)

    # Lines share the customer's spend: cut [0, 1] into even parts, then move each inner cut a little. The parts add up
    # to 1 for any moves, so no sum over the customer's lines is needed.
    def moved(cut: Column) -> Column:
        inner = (cut > 0) & (cut < count)
        return F.when(inner, (recipe.uniform("cut", customer, cut) - 0.5) * LINE_SHARE_JITTER).otherwise(0.0)

    share = (moved(line + 1) - moved(line) + 1) / count

    # The first of two popular products of which the budget buys at least two, else a bargain.
    first, second = (
        popularity_rank(recipe.uniform(draw, customer, line), len(CATALOGUE)) for draw in ("product", "other product")
    )
    bargain = lookup(BARGAINS, popularity_rank(recipe.uniform("bargain", customer, line), len(BARGAINS)), "int")
    affordable = budget / 2
    rank_in_budget = (
        F.when(price_of(first) <= affordable, first).when(price_of(second) <= affordable, second).otherwise(bargain)
    )
    quantity = F.floor(budget / F.col("price") + 0.5)
    packs = F.floor(quantity / PACK + 0.5) * PACK
    return (
        lines.withColumn("order", F.when(line < orders, line).otherwise(any_order))
        .withColumn("budget", F.col("spend") * share)
        .withColumn("rank", rank_in_budget)
        .withColumn("price", price_of(rank))
        .select(
            *keep,
            *sale_columns(
                invoice=invoice_number(order),
                rank=rank,
                price=F.col("price"),
                variant=recipe.uniform("description", customer, line),
                quantity=F.greatest(F.lit(1), F.when(quantity < PACK_FROM, quantity).otherwise(packs)),
                day=day,
                minute=recipe.middling("minute", customer, order),
                customer_id=FIRST_CUSTOMER_ID + customer,
                country=order_country(recipe, order),
            ),
        )
    )


def invoice_number(order: Column) -> Column:
    """Return the number of the customer's invoice for an order; order 0 is the latest."""
    return FIRST_INVOICE + F.col("customer") * INVOICES_PER_CUSTOMER + order


def order_country(recipe: Recipe, order: Column) -> Column:
    """Return where the customer places an order, as an index into COUNTRIES."""
    is_abroad = F.col("shops_abroad") & (recipe.uniform("order abroad", F.col("customer"), order) < ABROAD_ORDER_SHARE)
    return F.when(is_abroad, F.col("abroad")).otherwise(F.col("home"))


def guest_lines(lines: DataFrame, recipe: Recipe) -> DataFrame:
    """Return one row per sale line without a customer, with the columns of `sale_columns`; `lines` has `line` long."""
    block, line, order = F.col("block"), F.col("line"), F.col("order")
    position = line % GUEST_BLOCK_LINES
    passed_cuts = sum(
        (
            (position >= recipe.index(f"guest cut {cut}", GUEST_BLOCK_LINES, block)).cast("long")
            for cut in range(1, GUEST_BLOCK_INVOICES)
        ),
        start=F.lit(0),
    )
    return (
        lines.withColumn("block", F.floor(line / GUEST_BLOCK_LINES))
        .withColumn("order", F.col("block") * GUEST_BLOCK_INVOICES + passed_cuts)
        .withColumn("rank", popularity_rank(recipe.uniform("guest product", line), len(CATALOGUE)))
        .select(
            *sale_columns(
                invoice=FIRST_INVOICE + recipe.customers * INVOICES_PER_CUSTOMER + order,
                rank=F.col("rank"),
                price=price_of(F.col("rank")),
                variant=recipe.uniform("guest description", line),
                # Mostly one or two, rarely up to a dozen.
                quantity=F.floor(F.pow(F.lit(13.0), F.pow(recipe.uniform("guest quantity", line), F.lit(2.0)))),
                day=day_between(F.lit(0), F.lit(DAYS - 1), recipe.uniform("guest day", order)),
                minute=recipe.middling("guest minute", order),
                customer_id=F.lit(None),
                country=lookup(COUNTRY_WHEEL, recipe.index("guest country", len(COUNTRY_WHEEL), order), "int"),
            )
        )
    )


def sale_columns(
    *,
    invoice: Column,
    rank: Column,
    price: Column,
    variant: Column,
    quantity: Column,
    day: Column,
    minute: Column,
    customer_id: Column,
    country: Column,
) -> list[Column]:
    """Return the output columns of a good sale, with day int and minute int (of the day) in place of InvoiceDate.

    `rank` is the product's in the catalogue, `price` its price and `country` an index into COUNTRIES. `minute` is a
    share of the opening hours, and `variant` a share that decides how the description is spelt.
    """
    description = lookup([product.description for product in CATALOGUE], rank, "string")
    # A few descriptions have a stray space, or are cut off as by a till.
    length = F.when(variant < 0.01, CUT_DESCRIPTION_LENGTH).otherwise(LONGEST_DESCRIPTION)
    stray = F.when(variant > 0.99, " ").otherwise("")
    return [
        invoice.cast("string").alias("InvoiceNo"),
        lookup([product.stock_code for product in CATALOGUE], rank, "string").alias("StockCode"),
        F.concat(F.substring(description, 1, length), stray).alias("Description"),
        quantity.cast("int").alias("Quantity"),
        day.cast("int").alias("day"),
        F.floor(OPENING_MINUTE + minute * OPEN_MINUTES).cast("int").alias("minute"),
        price.alias("UnitPrice"),
        customer_id.cast("long").alias("CustomerID"),
        lookup(COUNTRIES, country, "string").alias("Country"),
    ]


def price_of(rank: Column) -> Column:
    """Return the list price in pounds of the product of this rank."""
    return lookup([product.pence / 100 for product in CATALOGUE], rank, "double")


def _order_day(recipe: Recipe) -> Column:
    """Return the day of `order`: the first and the last as planted, those between by the season or every month."""
    customer, order, last_day = F.col("customer"), F.col("order"), F.col("last_day")
    if recipe.variations.at_risk:
        some_days = recipe.index("days off the month", 2 * MOST_DAYS_OFF_THE_MONTH + 1, customer, order)
        earlier = last_day - DAYS_BETWEEN_MONTHLY_ORDERS * order + some_days - MOST_DAYS_OFF_THE_MONTH
        return F.when(order == 0, last_day).otherwise(open_day(F.greatest(F.lit(0), earlier)))
    between = day_between(F.col("first_day"), last_day, recipe.uniform("day", customer, order))
    return F.when(order == 0, last_day).when(order == F.col("order_count") - 1, F.col("first_day")).otherwise(between)
