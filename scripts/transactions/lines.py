"""The generated tables as DataFrame expressions: customers with planted values, their lines, guests' lines.

A line is a pure function of the seed, its customer and its number. Nothing here runs an action, shuffles or sorts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from scripts.transactions.catalogue import BARGAINS, CATALOGUE, COUNTRIES, COUNTRY_WHEEL, FOREIGN_WHEEL
from scripts.transactions.draws import Recipe, day_between, lookup, open_day, popularity_rank
from scripts.transactions.plan import HEAVY_BUYER_SHARE, INVOICES_PER_CUSTOMER
from scripts.transactions.season import DAYS

# The real data set begins with this customer and this invoice.
FIRST_CUSTOMER_ID: Final = 12_346
FIRST_INVOICE: Final = 536_365

# Lines grow more slowly than spend, so that a line of a big spender is also worth more.
LINES_BY_SPEND_EXPONENT: Final = 0.7
# Line weights are integers, in units of 1/1,000: their sum must not depend on the order of addition.
WEIGHT_UNIT: Final = 1_000
# A line's share of its customer's spend varies from 1 - 0.7 to 1 + 0.7 of an even share.
LINE_SHARE_JITTER: Final = 0.7
# From a dozen on, goods are sold in packs of six.
PACK_FROM: Final = 12
PACK: Final = 6
LONGEST_DESCRIPTION: Final = max(len(product.description) for product in CATALOGUE)
CUT_DESCRIPTION_LENGTH: Final = 12
TWO_COUNTRIES_SHARE: Final = 0.03
ABROAD_ORDER_SHARE: Final = 0.35
OPENING_MINUTE: Final = 8 * 60
OPEN_MINUTES: Final = 10 * 60
# Guests' lines come in blocks of a fixed size; random cuts divide each block into this many invoices.
GUEST_BLOCK_LINES: Final = 64
GUEST_BLOCK_INVOICES: Final = 4


def planted_segment(recipe: Recipe) -> Column:
    """Return the segment of `customer`, as an index into the plan.

    Multiples of the golden ratio spread evenly over [0, 1), so the shares hold even for a few hundred customers.
    Integers keep it exact for any number of customers.
    """
    steps, golden_step = 2**24, 10_368_889
    position = F.pmod(F.col("customer") % steps * golden_step + recipe.seed % steps, F.lit(steps)) / F.lit(steps)
    reached, segment = 0.0, F.lit(0)
    for index, share in enumerate([planned.share for planned in recipe.segments][:-1], start=1):
        reached += share
        segment = F.when(position >= reached, index).otherwise(segment)
    # The first customer belongs to the first segment, see `with_planted_values`.
    return F.when(F.col("customer") == 0, 0).otherwise(segment)


def with_planted_values(customers: DataFrame, recipe: Recipe) -> DataFrame:
    """Add the planted values of each `customer`.

    Columns added: segment int, last_day and first_day int (days since FIRST_DAY), order_count long, spend double
    (pounds, over all orders), line_weight long, home and abroad int (indexes into COUNTRIES), shops_abroad boolean.
    """
    customer, segments = F.col("customer"), recipe.segments

    def of_segment(values: Sequence[int | float]) -> Column:
        return lookup(values, F.col("segment"), "double")

    def in_band(draw: str, lows: Sequence[int], highs: Sequence[int]) -> Column:
        low, high = of_segment(lows), of_segment(highs)
        return low * F.pow(high / low, recipe.middling(draw, customer))

    recency_days = F.floor(
        in_band("recency", [s.recency_days.low for s in segments], [s.recency_days.high + 1 for s in segments])
    )
    orders = in_band("orders", [s.orders.low for s in segments], [s.orders.high + 1 for s in segments])
    spend = in_band("spend", [s.spend.low for s in segments], [s.spend.high for s in segments])
    # 0 for most customers, up to 1 for the heaviest buyer.
    heaviness = F.greatest(F.lit(0.0), 1 - recipe.uniform("heavy buyer", customer) / HEAVY_BUYER_SHARE)
    last_open = F.lit(DAYS) - F.col("recency_days")
    return (
        customers.withColumn("segment", planted_segment(recipe))
        .withColumn("heaviness", heaviness)
        # Recency counts from the day after the last sale, so some customer must buy on the last day.
        .withColumn("recency_days", F.when(customer == 0, 1).otherwise(recency_days))
        .withColumn("last_day", open_day(last_open))
        .withColumn("first_day", open_day(recipe.index("first day", F.col("last_day") + 1, customer)))
        .withColumn(
            "order_count", F.floor(orders * F.pow(of_segment([s.heavy_orders for s in segments]), F.col("heaviness")))
        )
        .withColumn("planted_spend", spend * F.pow(of_segment([s.heavy_spend for s in segments]), F.col("heaviness")))
        .select(
            *customers.columns,
            "segment",
            "last_day",
            "first_day",
            "order_count",
            (F.col("planted_spend") * recipe.spend_scale).alias("spend"),
            F.floor(F.pow("planted_spend", F.lit(LINES_BY_SPEND_EXPONENT)) * WEIGHT_UNIT).alias("line_weight"),
            lookup(COUNTRY_WHEEL, recipe.index("home", len(COUNTRY_WHEEL), customer), "int").alias("home"),
            lookup(FOREIGN_WHEEL, recipe.index("abroad", len(FOREIGN_WHEEL), customer), "int").alias("abroad"),
            (recipe.uniform("shops abroad", customer) < TWO_COUNTRIES_SHARE).alias("shops_abroad"),
        )
    )


def with_line_count(customers: DataFrame, recipe: Recipe, lines_per_weight: float) -> DataFrame:
    """Add line_count long: one line for each order, and more by the customer's weight."""
    more = F.floor(F.col("line_weight") * lines_per_weight + recipe.uniform("line count", F.col("customer")))
    return customers.withColumn("line_count", F.col("order_count") + more)


def customer_lines(lines: DataFrame, recipe: Recipe, *keep: str) -> DataFrame:
    """Return one row per sale line, with the columns named in `keep` and those of `sale_columns`.

    `lines` has the columns of `with_planted_values` and `with_line_count`, and `line` long, the line's number within
    its customer.
    """
    customer, line, order, count = (F.col(name) for name in ("customer", "line", "order", "line_count"))
    orders, rank, budget = F.col("order_count"), F.col("rank"), F.col("budget")

    # The first lines give every order one line; the others fall at random, most of them into the latest orders.
    any_order = F.floor(orders * F.pow(recipe.uniform("order", customer, line), F.lit(1.5)))
    between = day_between(F.col("first_day"), F.col("last_day"), recipe.uniform("day", customer, order))
    day = F.when(order == 0, F.col("last_day")).when(order == orders - 1, F.col("first_day")).otherwise(between)

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
    is_abroad = F.col("shops_abroad") & (recipe.uniform("order abroad", customer, order) < ABROAD_ORDER_SHARE)
    return (
        lines.withColumn("order", F.when(line < orders, line).otherwise(any_order))
        .withColumn("budget", F.col("spend") * share)
        .withColumn("rank", rank_in_budget)
        .withColumn("price", price_of(rank))
        .select(
            *keep,
            *sale_columns(
                invoice=FIRST_INVOICE + customer * INVOICES_PER_CUSTOMER + order,
                rank=rank,
                price=F.col("price"),
                variant=recipe.uniform("description", customer, line),
                quantity=F.greatest(F.lit(1), F.when(quantity < PACK_FROM, quantity).otherwise(packs)),
                day=day,
                minute=recipe.middling("minute", customer, order),
                customer_id=FIRST_CUSTOMER_ID + customer,
                country=F.when(is_abroad, F.col("abroad")).otherwise(F.col("home")),
            ),
        )
    )


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
