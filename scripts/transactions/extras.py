"""Cancellations, exact duplicates and dirty lines, each made from a copy of a customer's sale line.

A line is a pure function of the seed, its customer and its number, so the line to copy is made again, not looked up.
"""

from __future__ import annotations

from typing import Final

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from scripts.transactions.customers import with_planted_values
from scripts.transactions.draws import Recipe, lookup, open_day
from scripts.transactions.lines import (
    FIRST_INVOICE,
    GUEST_BLOCK_INVOICES,
    GUEST_BLOCK_LINES,
    customer_lines,
    with_line_count,
)
from scripts.transactions.plan import INVOICES_PER_CUSTOMER, LineCounts
from scripts.transactions.season import DAYS

MOST_DAYS_TO_CANCEL: Final = 14

# The flaws of dirty lines, which take turns.
FLAWS: Final = (
    "blank invoice", "blank stock code", "impossible date", "unreadable price", "free", "damaged", "adjustment",
)  # fmt: skip
BAD_DEBTS: Final = (-1106.21, -389.26, 112.60)
DAMAGES: Final = ("damages", "lost", "wet", "thrown away", "check?")


def extra_lines(extras: DataFrame, recipe: Recipe, lines_per_weight: float, counts: LineCounts) -> DataFrame:
    """Return one row per cancellation, exact duplicate or dirty line, with the columns of `sale_columns`.

    `extras` has `extra` long, the line's number, whose range decides its kind. Each line copies a customer's sale line
    drawn at random.
    """
    extra = F.col("extra")
    flaw = lookup(FLAWS, (extra - counts.cancellations - counts.duplicates) % len(FLAWS), "string")
    kind = (
        F.when(extra < counts.cancellations, "cancellation")
        .when(extra < counts.cancellations + counts.duplicates, "duplicate")
        .otherwise(flaw)
    )
    copies = (
        extras.withColumn("customer", recipe.index("copied customer", recipe.customers, extra))
        .transform(with_planted_values, recipe)
        .transform(with_line_count, recipe, lines_per_weight)
        .withColumn("line", recipe.index("copied line", F.col("line_count"), extra))
        .transform(customer_lines, recipe, "extra")
        .withColumn("kind", kind)
    )
    changed = _changed_columns(recipe, counts)

    def after_changes(name: str) -> Column:
        value = F.col(name)
        for changed_kind, replacement in changed.get(name, {}).items():
            value = F.when(F.col("kind") == changed_kind, replacement).otherwise(value)
        return value.cast(copies.schema[name].dataType).alias(name)

    return copies.select(*(after_changes(name) for name in copies.columns if name not in ("extra", "kind")))


def _changed_columns(recipe: Recipe, counts: LineCounts) -> dict[str, dict[str, Column]]:
    """Return what replaces the values of the copied line: column → kind → value."""
    extra = F.col("extra")
    # Numbered after all customers' and guests' invoices: every block of guests' lines reserves its invoices.
    guest_invoices = (counts.guest_sales // GUEST_BLOCK_LINES + 1) * GUEST_BLOCK_INVOICES
    own_number = FIRST_INVOICE + recipe.customers * INVOICES_PER_CUSTOMER + guest_invoices + extra

    returned = F.ceil(F.col("Quantity") * F.least(F.lit(1.0), 2 * recipe.uniform("returned", extra)))
    days_to_cancel = recipe.index("days to cancel", MOST_DAYS_TO_CANCEL, extra)
    day_of_cancelling = open_day(F.least(F.lit(DAYS - 1), F.col("day") + days_to_cancel))
    return {
        "InvoiceNo": {
            "cancellation": F.concat(F.lit("C"), own_number.cast("string")),
            "adjustment": F.concat(F.lit("A"), own_number.cast("string")),
            "free": own_number.cast("string"),
            "damaged": own_number.cast("string"),
            "blank invoice": F.lit(""),
        },
        "StockCode": {"adjustment": F.lit("B"), "blank stock code": F.lit("")},
        "Description": {
            "adjustment": F.lit("Adjust bad debt"),
            "free": F.lit(None),
            "damaged": lookup(DAMAGES, recipe.index("damage", len(DAMAGES), extra), "string"),
        },
        "Quantity": {"cancellation": -returned, "damaged": -F.col("Quantity"), "adjustment": F.lit(1)},
        "day": {"cancellation": day_of_cancelling, "impossible date": F.lit(None)},
        "UnitPrice": {
            "free": F.lit(0.0),
            "damaged": F.lit(0.0),
            "unreadable price": F.lit(float("nan")),
            "adjustment": lookup(BAD_DEBTS, recipe.index("bad debt", len(BAD_DEBTS), extra), "double"),
        },
        "CustomerID": {"free": F.lit(None), "damaged": F.lit(None), "adjustment": F.lit(None)},
    }
