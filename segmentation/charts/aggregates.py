"""Customers with their segments and their orders → the few rows from which charts of all customers are drawn.

Every table here has a bounded number of rows, whatever the number of customers or years, and the same ones on any
number of cores and partitions: sums are of decimals, and ranks of customers who spend the same are worth the same.
"""

from datetime import date
from typing import Final

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from segmentation.schemas import (
    AS_OF,
    CUSTOMER_ID,
    CUSTOMERS,
    FIRST_PURCHASE_AT,
    FIRST_SOLD_AT,
    LAST_PURCHASE_AT,
    RECENCY_DAYS,
    REVENUE,
    SEGMENT_ID,
    TOTAL_SPEND,
)

RANKED_REVENUE: Final = "ranked_revenue"
PERIOD_START: Final = "period_start"
DAYS_UP_TO: Final = "days_up_to"
FIRST_DAY: Final = "first_day"
LAST_DAY: Final = "last_day"
LEAST_RECENCY: Final = "least_recency_days"
MOST_RECENCY: Final = "most_recency_days"

MOST_POINTS: Final = 200  # of the Lorenz curve: one each half percent of the customers
MOST_PERIODS: Final = 60  # five years of months; more bars than that are too thin to see
MOST_BINS: Final = 40
ROUND_DAYS: Final = (1, 2, 5, 7, 10, 14, 20, 30, 60, 90, 180)


def purchase_span(segments: DataFrame) -> DataFrame:
    """One row: as_of, first_day and last_day of a purchase date; least_recency_days, most_recency_days int."""
    return segments.agg(
        F.max(AS_OF).alias(AS_OF),
        F.min(FIRST_PURCHASE_AT).cast("date").alias(FIRST_DAY),
        F.max(LAST_PURCHASE_AT).cast("date").alias(LAST_DAY),
        F.min(RECENCY_DAYS).alias(LEAST_RECENCY),
        F.max(RECENCY_DAYS).alias(MOST_RECENCY),
    )


def lorenz_points(segments: DataFrame, customers: int, at_most: int = MOST_POINTS) -> DataFrame:
    """The Lorenz curve (M. O. Lorenz, 1905) of spend, exact at each of its `at_most` rows or fewer.

    `customers` is how many there are. A row is so many of the customers who spend least, at even steps up to all of
    them: customers bigint; revenue decimal, what they spend together; ranked_revenue decimal(38,4), the sum of each
    one's spend times the rank from 1, from which `gini` follows at the last row.
    """
    # One partition is meant: so the customers lie anyway while they are clustered.
    least_first = Window.orderBy(TOTAL_SPEND)
    up_to_here = least_first.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    rank = F.col(CUSTOMERS)
    begins_a_step = (rank * at_most) % customers < at_most
    return (
        segments.select(TOTAL_SPEND, F.row_number().over(least_first).cast("bigint").alias(CUSTOMERS))
        .select(
            rank,
            F.sum(TOTAL_SPEND).over(up_to_here).alias(REVENUE),
            F.sum(rank.cast("decimal(18,0)") * F.col(TOTAL_SPEND))
            .over(up_to_here)
            .cast("decimal(38,4)")
            .alias(RANKED_REVENUE),
        )
        .where(begins_a_step)
        .orderBy(rank)
    )


def period_sales(orders: DataFrame, segments: DataFrame, months: int) -> DataFrame:
    """One row per period of so many months and segment that bought in it: period_start date, segment_id int, customers
    bigint (those who bought), revenue decimal. `orders` are those of `orders_of`; guests' are left out.
    """
    bought = (
        orders.where(F.col(CUSTOMER_ID).isNotNull())
        .groupBy(CUSTOMER_ID, _period_start(F.col(FIRST_SOLD_AT), months).alias(PERIOD_START))
        .agg(F.sum(REVENUE).alias(REVENUE))
    )
    # Every customer has one row in `segments`.
    return (
        bought.join(segments.select(CUSTOMER_ID, SEGMENT_ID), on=CUSTOMER_ID, how="inner")
        .groupBy(PERIOD_START, SEGMENT_ID)
        .agg(F.count(F.lit(1)).alias(CUSTOMERS), F.sum(REVENUE).alias(REVENUE))
        .orderBy(PERIOD_START, SEGMENT_ID)
    )


def recency_bins(segments: DataFrame, days: int) -> DataFrame:
    """One row per bin of so many days and segment with a customer in it: days_up_to int, segment_id int, customers
    bigint. A bin holds the customers whose last purchase was more than days_up_to − days and up to days_up_to days ago.
    """
    bin_of = F.floor((F.col(RECENCY_DAYS) - 1) / days)
    return (
        segments.groupBy(((bin_of + 1) * days).cast("int").alias(DAYS_UP_TO), SEGMENT_ID)
        .agg(F.count(F.lit(1)).alias(CUSTOMERS))
        .orderBy(DAYS_UP_TO, SEGMENT_ID)
    )


def period_months(first: date, last: date) -> int:
    """The length of a period in months, of 1, 3, 12 or whole years, in which at most `MOST_PERIODS` hold both days."""
    years = last.year - first.year + 1
    for months in (1, 3, 12):
        if _month_number(last) // months - _month_number(first) // months < MOST_PERIODS:
            return months
    return 12 * -(-years // (MOST_PERIODS - 1))


def bin_days(least: int, most: int) -> int:
    """The width of a bin in days, a round one, in which at most `MOST_BINS` hold both recencies."""
    for days in ROUND_DAYS:
        if (most - 1) // days - (least - 1) // days < MOST_BINS:
            return days
    return 365 * -(-(most - least) // (365 * (MOST_BINS - 1)))


def _month_number(day: date) -> int:
    return day.year * 12 + day.month - 1


def _period_start(moment: Column, months: int) -> Column:
    number = F.year(moment) * 12 + F.month(moment) - 1
    first = F.greatest(number - number % months, F.lit(12))  # there is no year 0
    return F.make_date(F.floor(first / 12).cast("int"), first % 12 + 1, F.lit(1))
