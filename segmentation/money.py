"""Money and quantities in Spark: sums of them are exact in any order.

Lines carry both as a whole number of ten-thousandths, `amount_e4` and `quantity_e4`: to sum decimals takes ten times as
long.
"""

from decimal import Decimal

from pyspark.sql import Column
from pyspark.sql import functions as F

from segmentation import schemas as s

SUM_OF_LINES = "decimal(28,4)"
LOW_BITS = 20


def amount_of(amount_e4: Column) -> Column:
    """Return ten-thousandths, a bigint, as the amount of a line, decimal(18,4)."""
    amount: Column = amount_e4 * F.lit(Decimal("0.0001"))
    return amount.cast(s.AMOUNT_OF_LINE)


def units_of(quantity_e4: Column) -> Column:
    """Return ten-thousandths, a bigint, as the quantity of a line, decimal(14,4)."""
    units: Column = quantity_e4 * F.lit(Decimal("0.0001"))
    return units.cast(s.UNITS_OF_LINE)


def whole_units_of(quantity_e4: Column) -> Column:
    """Return ten-thousandths, a bigint, as whole units, bigint, without what is behind the point."""
    return F.call_function("div", quantity_e4, F.lit(10_000).cast("bigint"))


def plain_text(number: Column) -> Column:
    """Return a decimal with digits behind the point as text without trailing zeros: 6.0000 as 6."""
    return F.regexp_replace(number.cast("string"), r"\.?0+$", "")


def in_ten_thousandths(money: Column) -> Column:
    """Return a decimal with four digits behind the point in ten-thousandths, bigint."""
    return (money * 10_000).cast("bigint")


def rounded_to_ten_thousandths(money_e8: Column) -> Column:
    """Round money in 10⁻⁸, a bigint, half up (away from 0) to ten-thousandths, bigint."""
    half = F.when(money_e8 < 0, F.lit(-5_000)).otherwise(F.lit(5_000)).cast("bigint")
    return F.call_function("div", money_e8 + half, F.lit(10_000).cast("bigint"))


def sum_of_ten_thousandths(amount_e4: Column) -> Column:
    """Return an aggregate: the sum of ten-thousandths as decimal(28,4), 0 where there is none.

    The high and the low digits are summed apart, so that neither sum can overflow.
    """
    high = F.sum(F.shiftright(amount_e4, LOW_BITS)).cast("decimal(20,0)")
    low = F.sum(amount_e4.bitwiseAND(F.lit(2**LOW_BITS - 1).cast("bigint"))).cast("decimal(20,0)")
    return F.coalesce((high * 2**LOW_BITS + low) * F.lit(Decimal("0.0001")), F.lit(0)).cast(SUM_OF_LINES)


def sum_of_money(money: Column, name: str) -> Column:
    """Return an aggregate: the sum of `money`, a decimal, as decimal(20,4), 0 where there is none."""
    return F.coalesce(F.sum(money), F.lit(0)).cast(s.MONEY).alias(name)
