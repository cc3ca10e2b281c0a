"""What the report tells of the large tables: their largest rows, what they add up to, and a few example lines."""
# TODO-DOC charts.aggregates: Customers with their segments and their orders → the few rows from which charts
# of all customers are drawn.  Every table here has a bounded number of rows, whatever the number of customers
# or years, and the same ones on any number of cores and partitions: sums are of decimals, and ranks of
# customers who spend the same are worth the same.

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from functools import reduce
from typing import Any, Final

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.report.text import Row, Rows
from segmentation.sampling import is_drawn

LARGEST_SHOWN: Final = 250
LARGEST_OF_A_SEGMENT: Final = 5
EXAMPLES_OF_A_RULE: Final = 3
MOST_DRAWN_FROM: Final = 10_000
# A field of an example line is cut here on its way: a text can be as long as a file.
LONGEST_FIELD: Final = 200
CLASSES: Final = ("A", "B", "C")
TOTAL: Final = "total_"
PLACE: Final = "place"


@dataclass(frozen=True)
class Sold:
    """Countries, or products.

    `largest`: at most LARGEST_SHOWN rows of the rollup by falling revenue; `total`: over all its rows, rows, revenue,
    guest_revenue, units, how many are in class A, B and C, and of products first_sold_at and last_sold_at;
    `of_segments`: revenue by key and segment_id of the largest, and of each segment's own LARGEST_OF_A_SEGMENT, whose
    `place` in it counts from 1.
    """

    largest: Rows
    total: Row
    of_segments: Rows


@dataclass(frozen=True)
class ReportRows:
    """All that the report collects beside what the run holds already."""

    countries: Sold
    products: Sold
    examples: Rows


def report_rows(
    countries: DataFrame,
    products: DataFrame,
    country_segments: DataFrame,
    product_segments: DataFrame,
    rejected: DataFrame,
    lines: Mapping[str, int],
) -> ReportRows:
    """Collects from the run's tables: at most 250 + 255 x 50 rows each of countries and products, and 24 lines.

    `lines` are how many were read by rule.
    """
    with ThreadPoolExecutor(3) as pool:  # five small jobs, of which each leaves most cores idle
        examples = pool.submit(example_lines(rejected, lines).collect)  # EXAMPLES_OF_A_RULE rows per rule
        of_countries = pool.submit(_sold, countries, country_segments, s.COUNTRY)
        of_products = pool.submit(_sold, products, product_segments, s.STOCK_CODE)
        return ReportRows(of_countries.result(), of_products.result(), [row.asDict() for row in examples.result()])


def _sold(rollup: DataFrame, by_segment: DataFrame, key: str) -> Sold:
    rows = [row.asDict() for row in largest_with_totals(rollup, key).collect()]  # LARGEST_SHOWN rows
    total = {name.removeprefix(TOTAL): value for name, value in rows[0].items() if name.startswith(TOTAL)}
    largest = [{name: value for name, value in row.items() if not name.startswith(TOTAL)} for row in rows]
    of_segments = shares_of_segments(rollup, by_segment, key, [row[key] for row in largest])
    return Sold(largest, total, [row.asDict() for row in of_segments.collect()])  # (250 + 5) rows per segment


def largest_with_totals(rollup: DataFrame, key: str) -> DataFrame:
    """The rows of largest revenue, each with the totals over all rows as `total_…` beside it."""
    everything = Window.partitionBy()  # one partition is meant: a row is a country or a product
    sums = [name for name in (s.REVENUE, s.GUEST_REVENUE, s.UNITS) if name in rollup.columns]
    totals = {s.ROWS: F.count(F.lit(1))} | {name: F.sum(name) for name in sums}
    totals |= {one: F.count_if(F.col(s.ABC_CLASS) == one) for one in CLASSES}
    if s.FIRST_SOLD_AT in rollup.columns:
        totals |= {s.FIRST_SOLD_AT: F.min(s.FIRST_SOLD_AT), s.LAST_SOLD_AT: F.max(s.LAST_SOLD_AT)}
    whole = rollup.select("*", *[total.over(everything).alias(f"{TOTAL}{name}") for name, total in totals.items()])
    return whole.orderBy(F.col(s.REVENUE).desc(), key).limit(LARGEST_SHOWN)


def shares_of_segments(rollup: DataFrame, by_segment: DataFrame, key: str, wanted: Sequence[Any]) -> DataFrame:
    """Rows of `by_segment` of the wanted keys, and of each segment's largest: its key, description where there is one,
    segment_id, revenue and `place` in the segment, goods before postage and fees.
    """
    told = [name for name in (s.DESCRIPTION, s.IS_MERCHANDISE) if name in rollup.columns]
    # One row per key on the right side.
    named = by_segment.join(F.broadcast(rollup.select(key, *told)), on=key, how="inner")
    goods_first = [F.col(name).desc() for name in told if name == s.IS_MERCHANDISE]
    in_segment = Window.partitionBy(s.SEGMENT_ID).orderBy(*goods_first, F.col(s.REVENUE).desc(), key)
    placed = named.withColumn(PLACE, F.row_number().over(in_segment))
    is_told = (F.col(PLACE) <= LARGEST_OF_A_SEGMENT) | F.col(key).isin(list(wanted))
    columns = [key, *[name for name in told if name == s.DESCRIPTION], s.SEGMENT_ID, s.REVENUE, PLACE]
    return placed.where(is_told).select(*columns).orderBy(s.SEGMENT_ID, PLACE)


def example_lines(rejected: DataFrame, lines: Mapping[str, int]) -> DataFrame:
    """A few lines of each reason, as if drawn at random but the same in every run: reason and the fields, cut short.

    `lines` are how many there are by reason: of very many only some take part in the draw.
    """
    draw = F.xxhash64(*s.LINE_FIELDS)
    shares = {reason: MOST_DRAWN_FROM / count for reason, count in lines.items() if count > MOST_DRAWN_FROM}
    fields = [F.substring(F.coalesce(F.col(name), F.lit("")), 1, LONGEST_FIELD).alias(name) for name in s.LINE_FIELDS]
    drawn = Window.partitionBy(s.REASON).orderBy(draw)  # lines of equal hashes are equal
    placed = rejected.where(is_drawn(draw, F.col(s.REASON), shares)).withColumn(PLACE, F.row_number().over(drawn))
    return placed.where(F.col(PLACE) <= EXAMPLES_OF_A_RULE).orderBy(s.REASON, PLACE).select(s.REASON, *fields)


def others(sold: Sold) -> dict[str, Any]:
    """What the rows that are not among the largest add up to: rows, and each sum of the totals."""
    sums = [name for name in (s.REVENUE, s.GUEST_REVENUE, s.UNITS) if name in sold.total]
    shown = {name: reduce(lambda a, b: a + b, [row[name] for row in sold.largest]) for name in sums}
    return {s.ROWS: sold.total[s.ROWS] - len(sold.largest)} | {name: sold.total[name] - shown[name] for name in sums}


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
        F.max(s.AS_OF).alias(s.AS_OF),
        F.min(s.FIRST_PURCHASE_AT).cast("date").alias(FIRST_DAY),
        F.max(s.LAST_PURCHASE_AT).cast("date").alias(LAST_DAY),
        F.min(s.RECENCY_DAYS).alias(LEAST_RECENCY),
        F.max(s.RECENCY_DAYS).alias(MOST_RECENCY),
    )


def lorenz_points(segments: DataFrame, customers: int, at_most: int = MOST_POINTS) -> DataFrame:
    """The Lorenz curve (M. O. Lorenz, 1905) of spend, exact at each of its `at_most` rows or fewer.

    `customers` is how many there are. A row is so many of the customers who spend least, at even steps up to all of
    them: customers bigint; revenue decimal, what they spend together; ranked_revenue decimal(38,4), the sum of each
    one's spend times the rank from 1, from which `gini` follows at the last row.
    """
    # One partition is meant: so the customers lie anyway while they are clustered.
    least_first = Window.orderBy(s.TOTAL_SPEND)
    up_to_here = least_first.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    rank = F.col(s.CUSTOMERS)
    begins_a_step = (rank * at_most) % customers < at_most
    return (
        segments.select(s.TOTAL_SPEND, F.row_number().over(least_first).cast("bigint").alias(s.CUSTOMERS))
        .select(
            rank,
            F.sum(s.TOTAL_SPEND).over(up_to_here).alias(s.REVENUE),
            F.sum(rank.cast("decimal(18,0)") * F.col(s.TOTAL_SPEND))
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
        orders.where(F.col(s.CUSTOMER_ID).isNotNull())
        .groupBy(s.CUSTOMER_ID, _period_start(F.col(s.FIRST_SOLD_AT), months).alias(PERIOD_START))
        .agg(F.sum(s.REVENUE).alias(s.REVENUE))
    )
    # Every customer has one row in `segments`.
    return (
        bought.join(segments.select(s.CUSTOMER_ID, s.SEGMENT_ID), on=s.CUSTOMER_ID, how="inner")
        .groupBy(PERIOD_START, s.SEGMENT_ID)
        .agg(F.count(F.lit(1)).alias(s.CUSTOMERS), F.sum(s.REVENUE).alias(s.REVENUE))
        .orderBy(PERIOD_START, s.SEGMENT_ID)
    )


def recency_bins(segments: DataFrame, days: int) -> DataFrame:
    """One row per bin of so many days and segment with a customer in it: days_up_to int, segment_id int, customers
    bigint. A bin holds the customers whose last purchase was more than days_up_to − days and up to days_up_to days ago.
    """
    bin_of = F.floor((F.col(s.RECENCY_DAYS) - 1) / days)
    return (
        segments.groupBy(((bin_of + 1) * days).cast("int").alias(DAYS_UP_TO), s.SEGMENT_ID)
        .agg(F.count(F.lit(1)).alias(s.CUSTOMERS))
        .orderBy(DAYS_UP_TO, s.SEGMENT_ID)
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
