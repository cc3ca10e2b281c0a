"""The aggregates of the charts and the report: the run's tables → a bounded number of rows.

However large the run, the number of rows depends on the numbers of segments and cleaning rules alone. The rows are the
same on any number of cores and partitions: sums are exact decimals, and ties are broken by a key.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from pyspark.sql import Column, DataFrame, Window, WindowSpec
from pyspark.sql import functions as F

from segmentation import rollups
from segmentation import schemas as s
from segmentation.report.text import Rows
from segmentation.sampling import is_drawn

LARGEST_SHOWN: Final = 250
LARGEST_OF_A_SEGMENT: Final = 5
EXAMPLES_OF_A_RULE: Final = 3
MOST_DRAWN_FROM: Final = 10_000  # rejected lines of a rule that take part in the draw of its examples
LONGEST_FIELD: Final = 200  # characters of a field of an example: a text can be as long as a file
MOST_POINTS: Final = 200  # of the Lorenz curve: one for each half percent of the customers
MOST_PERIODS: Final = 60  # five years of months; more bars than that are too thin to see
MOST_BINS: Final = 40
ROUND_DAYS: Final = (1, 2, 5, 7, 10, 14, 20, 30, 60, 90, 180)
# So that a segment of a few customers is not lost in a sample of a few in a thousand.
LEAST_DRAWN_OF_A_SEGMENT: Final = 50
ABC_CLASSES: Final = ("A", "B", "C")
LEAST_BUYERS: Final = 20  # customers; a share of fewer is no finding
NOTABLE_LIFT: Final = 1.25
SUMMED: Final = (s.REVENUE, s.GUEST_REVENUE, s.UNITS)

RANK: Final = "rank"
LIFT: Final = "lift"
LIFT_RANK: Final = "lift_rank"
IS_GOODS: Final = "is_goods"
TOTAL: Final = "total"
REST: Final = "rest"
OF_CLASS: Final = "of_class"
RANKED_REVENUE: Final = "ranked_revenue"
PERIOD_START: Final = "period_start"
DAYS_UP_TO: Final = "days_up_to"


# ---- countries and products ----


def ranked(rollup: DataFrame, key: str, money: str) -> DataFrame:
    """Rank the goods of a rollup by falling `money`; without any goods all of it.

    Columns: those of the rollup, shares and ABC classes anew, of `money` over the goods; rank int, from 1; and structs
    of rows bigint, revenue, guest_revenue and `money` decimal and units bigint: `total` of all goods, `rest` of what
    is no goods, such as postage and fees, `of_class` of the row's class.
    """
    everything, of_class = Window.partitionBy(), Window.partitionBy(s.ABC_CLASS)
    is_goods = F.col(s.IS_MERCHANDISE) if s.IS_MERCHANDISE in rollup.columns else F.lit(True)
    kept = [name for name in rollup.columns if name not in (s.REVENUE_SHARE, s.CUMULATIVE_REVENUE_SHARE, s.ABC_CLASS)]
    goods = (
        rollup.select(*kept, (is_goods | ~F.bool_or(is_goods).over(everything)).alias(IS_GOODS))
        .withColumns({TOTAL: _sums(money, everything, IS_GOODS), REST: _sums(money, everything, f"NOT {IS_GOODS}")})
        .where(IS_GOODS)
    )
    largest_first = Window.orderBy(F.col(money).desc(), key)
    return rollups.with_revenue_shares(goods, key, money).withColumns(
        {RANK: F.row_number().over(largest_first), OF_CLASS: _sums(money, of_class, IS_GOODS)}
    )


def largest(goods: DataFrame) -> DataFrame:
    """Return the LARGEST_SHOWN rows of `ranked`, and the first of each class."""
    first = F.min(RANK).over(Window.partitionBy(s.ABC_CLASS))
    shown = goods.withColumn("is_shown", (F.col(RANK) <= LARGEST_SHOWN) | (F.col(RANK) == first))
    return shown.where("is_shown").drop(IS_GOODS, "is_largest", "is_shown").orderBy(RANK)


def _sums(money: str, window: WindowSpec, condition: str) -> Column:
    rows = F.count_if(F.expr(condition)).over(window).alias(s.ROWS)
    names = dict.fromkeys((*SUMMED, money))
    return F.struct(rows, *[F.sum(F.when(F.expr(condition), F.col(name))).over(window).alias(name) for name in names])


def sold_by_segment(by_segment: DataFrame, key: str, keys: Sequence[Any]) -> DataFrame:
    """Return one row per segment and key, of the given `keys` and of each segment's LARGEST_OF_A_SEGMENT.

    Of rows `with_lift`, each segment's LARGEST_OF_A_SEGMENT by their lift too.

    Columns: `key`; segment_id int; customers bigint; revenue decimal; rank int, from 1 in the segment by falling
    revenue; those of `with_lift`.
    """
    in_segment = Window.partitionBy(s.SEGMENT_ID).orderBy(F.col(s.REVENUE).desc(), key)
    numbered = by_segment.withColumn(RANK, F.row_number().over(in_segment))
    is_shown = (F.col(RANK) <= LARGEST_OF_A_SEGMENT) | F.col(key).isin(list(keys))
    of_lift = [name for name in (s.DESCRIPTION, LIFT, LIFT_RANK) if name in by_segment.columns]
    if of_lift:
        is_shown |= F.col(LIFT_RANK) <= LARGEST_OF_A_SEGMENT
    columns = (key, s.SEGMENT_ID, s.CUSTOMERS, s.REVENUE, RANK, *of_lift)
    return numbered.where(is_shown).select(*columns).orderBy(s.SEGMENT_ID, RANK)


def with_lift(product_segments: DataFrame, goods: DataFrame, customers: Mapping[int, int]) -> DataFrame:
    """Add how much more often a segment's customers buy a product than all others do.

    The lift of a product is the share of the segment's customers who bought it, divided by that share of all other
    customers (S. Brin, R. Motwani, J. Ullman, S. Tsur, "Dynamic itemset counting", 1997). Only `goods`, one row per
    stock code, with LEAST_BUYERS buyers in the segment count, so that a few people make no finding. `customers` are
    those of each segment, by id; there are at least two.

    Columns: description string, NULL for no goods; lift double, NULL where no other customer bought the product;
    lift_rank int, from 1 in the segment by falling lift, NULL where the lift is not notable.
    """
    everyone = sum(customers.values())
    size = F.element_at(
        F.create_map(*[F.lit(part) for pair in customers.items() for part in pair]), F.col(s.SEGMENT_ID)
    ).cast("double")
    of_product = F.sum(s.CUSTOMERS).over(Window.partitionBy(s.STOCK_CODE))
    others = (of_product - F.col(s.CUSTOMERS)) / (F.lit(everyone) - size)
    lift = F.when(others > 0, F.col(s.CUSTOMERS) / size / others)
    is_notable = (
        F.col(IS_GOODS).isNotNull()
        & (F.col(s.CUSTOMERS) >= LEAST_BUYERS)
        & (F.col(LIFT).isNull() | (F.col(LIFT) >= NOTABLE_LIFT))
    )
    greatest_first = (F.col(LIFT).desc_nulls_first(), F.col(s.CUSTOMERS).desc(), F.col(s.STOCK_CODE))
    in_segment = Window.partitionBy(s.SEGMENT_ID, "is_notable").orderBy(*greatest_first)
    # One row per stock code on the right side.
    named = product_segments.join(goods.select(s.STOCK_CODE, s.DESCRIPTION, IS_GOODS), on=s.STOCK_CODE, how="left")
    return (
        named.withColumn(LIFT, lift)
        .withColumn("is_notable", is_notable)
        .withColumn(LIFT_RANK, F.when(F.col("is_notable"), F.row_number().over(in_segment)))
    )


# ---- returns ----


def greatest_returned_orders(orders: DataFrame, segments: DataFrame) -> DataFrame:
    """Return one row per segment with a return: its order of which the most money was taken back.

    `orders` has the money taken back of each order, `returned`. Columns: segment_id int; returned and revenue decimal.
    """
    # An order of two countries is one order.
    of_customers = orders.where(F.col(s.CUSTOMER_ID).isNotNull()).groupBy(s.CUSTOMER_ID, s.INVOICE_NO)
    summed = of_customers.agg(F.sum(s.RETURNED).alias(s.RETURNED), F.sum(s.REVENUE).alias(s.REVENUE))
    # Every customer has one row in `segments`.
    joined = summed.where(F.col(s.RETURNED) > 0).join(
        segments.select(s.CUSTOMER_ID, s.SEGMENT_ID), on=s.CUSTOMER_ID, how="inner"
    )
    greatest = F.max(F.struct(s.RETURNED, s.REVENUE)).alias("greatest")
    return joined.groupBy(s.SEGMENT_ID).agg(greatest).select(s.SEGMENT_ID, "greatest.*").orderBy(s.SEGMENT_ID)


# ---- rejected lines ----


def example_lines(rejected: DataFrame, lines: Mapping[str, int]) -> DataFrame:
    """Draw a few rejected lines of each reason, as if at random but the same in every run.

    `lines` are the lines by reason: where there are very many, only some take part in the draw.

    Columns: reason string and the eight fields, string, cut after LONGEST_FIELD characters and never NULL.
    """
    draw = F.xxhash64(*s.LINE_FIELDS)
    shares = {reason: MOST_DRAWN_FROM / count for reason, count in lines.items() if count > MOST_DRAWN_FROM}
    fields = [F.substring(F.coalesce(F.col(name), F.lit("")), 1, LONGEST_FIELD).alias(name) for name in s.LINE_FIELDS]
    of_reason = Window.partitionBy(s.REASON).orderBy(draw)  # lines of equal hashes are equal
    ranked = rejected.where(is_drawn(draw, F.col(s.REASON), shares)).withColumn(RANK, F.row_number().over(of_reason))
    return ranked.where(F.col(RANK) <= EXAMPLES_OF_A_RULE).orderBy(s.REASON, RANK).select(s.REASON, *fields)


# ---- customers ----


def drawn_customers(segments: DataFrame, profiles: Rows, most: int, spend: str, orders: str) -> DataFrame:
    """Sample about `most` customers, from each segment in proportion to its size, the same in every run.

    Customers of whom nothing stayed are left out: they have no place on a logarithmic scale.

    Columns: `spend` decimal, `orders` bigint, segment_id int; no customer's id.
    """
    customers = sum(row[s.CUSTOMERS] for row in profiles)
    shares = {}
    if customers > most:
        for row in profiles:
            drawn = max(LEAST_DRAWN_OF_A_SEGMENT, most * row[s.CUSTOMERS] / customers)
            shares[row[s.SEGMENT_ID]] = drawn / row[s.CUSTOMERS]
    sample = segments.where(
        is_drawn(F.col(s.CUSTOMER_ID), F.col(s.SEGMENT_ID), shares) & (F.col(s.SEGMENT_ID) != s.RETURNED_EVERYTHING_ID)
    )
    # In order, since points are drawn over one another.
    return sample.orderBy(s.CUSTOMER_ID).select(spend, orders, s.SEGMENT_ID).limit(2 * most)


def lorenz_points(segments: DataFrame, customers: int, spend: str, at_most: int = MOST_POINTS) -> DataFrame:
    """Return the Lorenz curve (M. O. Lorenz, 1905) of `spend`: one row per point, at most `at_most`, each exact.

    `customers` is the number of rows of `segments`. The points are at even steps, the last one is all customers.

    Columns: customers bigint, from the lowest spend up; revenue decimal, the sum of their spend; ranked_revenue
    decimal(38,4), the sum of each spend times its rank from 1, from which `gini` follows at the last point.
    """
    # One partition is meant: the customers are in one already while they are clustered.
    least_first = Window.orderBy(spend)
    up_to_here = least_first.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    rank = F.col(s.CUSTOMERS)
    begins_a_step = (rank * at_most) % customers < at_most
    ranked_spend = rank.cast("decimal(18,0)") * F.col(spend)
    return (
        segments.select(spend, F.row_number().over(least_first).cast("bigint").alias(s.CUSTOMERS))
        .select(
            rank,
            F.sum(spend).over(up_to_here).alias(s.REVENUE),
            F.sum(ranked_spend).over(up_to_here).cast("decimal(38,4)").alias(RANKED_REVENUE),
        )
        .where(begins_a_step)
        .orderBy(rank)
    )


def period_sales(orders: DataFrame, segments: DataFrame, months: int, money: Column) -> DataFrame:
    """Return one row per period and segment that bought in it, and one of all guests.

    Columns: period_start date, the first day of `months` months, and segment_id int, NULL for guests; customers bigint,
    those who bought; revenue decimal, the sum of `money`, an expression over `orders`; first_sold_at, last_sold_at
    timestamp_ntz.
    """
    is_customer = F.col(s.CUSTOMER_ID).isNotNull()
    period = F.when(is_customer, _period_start(F.col(s.FIRST_SOLD_AT), months)).alias(PERIOD_START)
    span = [F.min(s.FIRST_SOLD_AT).alias(s.FIRST_SOLD_AT), F.max(s.LAST_SOLD_AT).alias(s.LAST_SOLD_AT)]
    bought = orders.groupBy(s.CUSTOMER_ID, period).agg(F.sum(money).alias(s.REVENUE), *span)
    # Every customer has one row in `segments`.
    return (
        bought.join(segments.select(s.CUSTOMER_ID, s.SEGMENT_ID), on=s.CUSTOMER_ID, how="left")
        .groupBy(PERIOD_START, s.SEGMENT_ID)
        .agg(F.count(F.lit(1)).alias(s.CUSTOMERS), F.sum(s.REVENUE).alias(s.REVENUE), *span)
        .orderBy(PERIOD_START, s.SEGMENT_ID)
    )


def recency_bins(segments: DataFrame, days: int, recency: str) -> DataFrame:
    """Return one row per bin of `days` days and segment with a customer in it, of the customers who have `recency`.

    Columns: days_up_to int, the last day of the bin: its customers last bought more than days_up_to - days and up to
    days_up_to days ago; segment_id int; customers bigint.
    """
    bin_of = F.floor((F.col(recency) - 1) / days)
    return (
        segments.where(F.col(recency).isNotNull())
        .groupBy(((bin_of + 1) * days).cast("int").alias(DAYS_UP_TO), s.SEGMENT_ID)
        .agg(F.count(F.lit(1)).alias(s.CUSTOMERS))
        .orderBy(DAYS_UP_TO, s.SEGMENT_ID)
    )


def period_months(first: date, last: date) -> int:
    """Return the shortest period, of 1, 3, 12 or whole years of months, of which `MOST_PERIODS` hold both days."""
    for months in (1, 3, 12):
        if month_number(last) // months - month_number(first) // months < MOST_PERIODS:
            return months
    years = last.year - first.year + 1
    return 12 * -(-years // (MOST_PERIODS - 1))


def bin_days(least: int, most: int) -> int:
    """Return the narrowest round bin, in days, of which `MOST_BINS` hold both recencies."""
    for days in ROUND_DAYS:
        if (most - 1) // days - (least - 1) // days < MOST_BINS:
            return days
    return 365 * -(-(most - least) // (365 * (MOST_BINS - 1)))


def month_number(day: date) -> int:
    """Count the months since the year 0."""
    return day.year * 12 + day.month - 1


def _period_start(moment: Column, months: int) -> Column:
    number = F.year(moment) * 12 + F.month(moment) - 1
    first = F.greatest(number - number % months, F.lit(12))  # there is no year 0
    return F.make_date(F.floor(first / 12).cast("int"), first % 12 + 1, F.lit(1))
