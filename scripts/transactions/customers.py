"""The generated customers: each one's segment and what the plan says of it, as DataFrame expressions.

Values are a pure function of the seed and the customer. Nothing here runs an action, shuffles or sorts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from scripts.transactions.catalogue import COUNTRY_WHEEL, FOREIGN_WHEEL
from scripts.transactions.draws import Recipe, lookup, open_day
from scripts.transactions.plan import (
    DAYS_BETWEEN_MONTHLY_ORDERS,
    HEAVY_BUYER_SHARE,
    LARGEST_TAIL_FACTOR,
    LEAST_SPEND,
    MOST_ORDERS,
    ORDERS_STEP,
    RECENCY_STEP,
    SPEND_STEP,
    TAIL_INDEX,
    Band,
)
from scripts.transactions.season import DAYS

# Lines grow more slowly than spend, so that a line of a big spender is also worth more.
LINES_BY_SPEND_EXPONENT: Final = 0.7
# Line weights are integers, in units of 1/1,000: their sum must not depend on the order of addition.
WEIGHT_UNIT: Final = 1_000
TWO_COUNTRIES_SHARE: Final = 0.03


def with_planted_values(customers: DataFrame, recipe: Recipe) -> DataFrame:
    """Add the planted values of each `customer`.

    Columns added: segment int, last_day and first_day int (days since FIRST_DAY), order_count long, spend double
    (pounds, over all orders), line_weight long, home and abroad int (indexes into COUNTRIES), shops_abroad boolean.
    """
    customer, segments = F.col("customer"), recipe.segments
    # 0 for most customers, up to 1 for the heaviest buyer.
    heaviness = F.greatest(F.lit(0.0), 1 - recipe.uniform("heavy buyer", customer) / HEAVY_BUYER_SHARE)
    last_open = F.lit(DAYS) - F.col("recency_days")
    orders = _orders(recipe) * F.pow(_of_segment([s.heavy_orders for s in segments]), F.col("heaviness"))
    spend = _spend(recipe) * F.pow(_of_segment([s.heavy_spend for s in segments]), F.col("heaviness"))
    most_orders = F.lit(MOST_ORDERS).cast("long")
    if recipe.variations.at_risk:  # every month, since the shop's first day at the earliest
        most_orders = F.least(most_orders, 1 + F.floor(F.col("last_day") / DAYS_BETWEEN_MONTHLY_ORDERS))
    return (
        customers.withColumn("segment", planted_segment(recipe))
        .withColumn("heaviness", heaviness)
        # Recency counts from the day after the last sale, so some customer must buy on the last day.
        .withColumn("recency_days", F.when(customer == 0, 1).otherwise(_recency_days(recipe)))
        .withColumn("last_day", open_day(last_open))
        .withColumn("first_day", open_day(recipe.index("first day", F.col("last_day") + 1, customer)))
        .withColumn("planted_spend", spend)
        .select(
            *customers.columns,
            "segment",
            "last_day",
            "first_day",
            F.least(F.floor(orders), most_orders).alias("order_count"),
            (F.col("planted_spend") * recipe.spend_scale).alias("spend"),
            F.floor(F.pow("planted_spend", F.lit(LINES_BY_SPEND_EXPONENT)) * WEIGHT_UNIT).alias("line_weight"),
            lookup(COUNTRY_WHEEL, recipe.index("home", len(COUNTRY_WHEEL), customer), "int").alias("home"),
            lookup(FOREIGN_WHEEL, recipe.index("abroad", len(FOREIGN_WHEEL), customer), "int").alias("abroad"),
            (recipe.uniform("shops abroad", customer) < TWO_COUNTRIES_SHARE).alias("shops_abroad"),
        )
    )


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


def _recency_days(recipe: Recipe) -> Column:
    bands = [segment.recency_days for segment in recipe.segments]
    in_bands = F.floor(_in_band(recipe, "recency", [(band.low, band.high + 1) for band in bands]))
    spread = F.floor(_spread_about_middle(recipe, "recency", bands, RECENCY_STEP) + 0.5)
    return _either(recipe, in_bands, F.greatest(F.lit(1), F.least(F.lit(DAYS), spread)))


def _orders(recipe: Recipe) -> Column:
    bands = [segment.orders for segment in recipe.segments]
    in_bands = _in_band(recipe, "orders", [(band.low, band.high + 1) for band in bands])
    spread = F.floor(_spread_about_middle(recipe, "orders", bands, ORDERS_STEP) + 0.5)
    return _either(recipe, in_bands, F.greatest(F.lit(1), spread))


def _spend(recipe: Recipe) -> Column:
    bands = [segment.spend for segment in recipe.segments]
    in_bands = _in_band(recipe, "spend", [(band.low, band.high) for band in bands])
    spread = F.greatest(F.lit(LEAST_SPEND), _spread_about_middle(recipe, "spend", bands, SPEND_STEP))
    spend = _either(recipe, in_bands, spread)
    if not recipe.variations.heavy_tail:
        return spend
    factor = F.pow(recipe.uniform("tail", F.col("customer")), F.lit(-1 / TAIL_INDEX))
    is_in_tail = recipe.uniform("heavy tail", F.col("customer")) < recipe.variations.heavy_tail
    return spend * F.when(is_in_tail, F.least(F.lit(LARGEST_TAIL_FACTOR), factor)).otherwise(1.0)


def _in_band(recipe: Recipe, draw: str, bounds: Sequence[tuple[int, int]]) -> Column:
    """Return a value between the bounds of its segment, likeliest near their middle on a log scale."""
    low, high = _of_segment([low for low, _ in bounds]), _of_segment([high for _, high in bounds])
    return low * F.pow(high / low, recipe.middling(draw, F.col("customer")))


def _spread_about_middle(recipe: Recipe, draw: str, bands: Sequence[Band], step: float) -> Column:
    """Return a value whose log1p is normal about the middle of its segment's band; `step` is between two levels."""
    middle = _of_segment([math.log1p(band.middle) for band in bands])
    deviation = _of_segment([segment.spread * step for segment in recipe.segments])
    return F.expm1(middle + deviation * recipe.normal(f"spread of {draw}", F.col("customer")))


def _either(recipe: Recipe, in_band: Column, spread: Column) -> Column:
    """Return the value of the segments without or with a spread."""
    if not any(segment.spread for segment in recipe.segments):
        return in_band
    return F.when(_of_segment([segment.spread for segment in recipe.segments]) > 0, spread).otherwise(in_band)


def _of_segment(values: Sequence[int | float]) -> Column:
    return lookup(values, F.col("segment"), "double")
