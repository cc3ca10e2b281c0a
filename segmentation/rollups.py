"""Aggregate sales by country and product, in total and by segment."""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.features import first_and_last_sale, revenue_units_and_lines
from segmentation.money import sum_of_money, sum_of_ten_thousandths
from segmentation.sales import Sales

# ABC analysis (H. F. Dickie, 1951): class A brings the first 80 % of cumulative revenue, B up to 95 %, C the rest.
CLASS_A_UP_TO = 0.80
CLASS_B_UP_TO = 0.95
FURTHER = "further_lines"


def country_sales(orders: DataFrame, returned: DataFrame) -> DataFrame:
    """Return `COUNTRY_SALES`: one row per country, over the orders of customers and guests, by falling revenue.

    `returned` comes from `cleaning.returned_lines`. Returns of guests into a country without a sale have no row.
    """
    counted = [
        F.count_distinct(s.INVOICE_NO).alias(s.ORDERS),
        F.count_distinct(s.CUSTOMER_ID).alias(s.CUSTOMERS),
    ]
    sold = orders.groupBy(s.COUNTRY).agg(
        *_resummed(), sum_of_money(F.col(s.RETURNED), s.RETURNED), _guest_revenue(_of_guests(s.REVENUE)), *counted
    )
    sold = _with_returns_of_guests(sold, returned, s.COUNTRY)
    per_order = (F.col(s.REVENUE) / F.col(s.ORDERS)).cast(s.MONEY)
    ranked = with_revenue_shares(sold, s.COUNTRY).withColumn(s.AVERAGE_ORDER_VALUE, per_order)
    return ranked.select(*s.column_names(s.COUNTRY_SALES))


def product_sales(
    sales: Sales, repeated: DataFrame, baskets: DataFrame, returned: DataFrame, merchandise_pattern: str
) -> DataFrame:
    """Return `PRODUCT_SALES`: one row per stock code, over clean and guest lines, by falling revenue.

    `repeated` has at least the sales of which several are of one product on one invoice. `baskets` comes from
    `features.baskets_of`, `returned` from `cleaning.returned_lines`. Returns of guests of a product that was never sold
    have no row. `description` is the commonest, alphabetically the first of equals. `is_merchandise` is whether the
    stock code matches the pattern of goods, unlike postage and fees.
    """
    sold = _by_stock_code(sales)
    customers = baskets.groupBy(s.STOCK_CODE).agg(
        F.count(F.lit(1)).alias(s.CUSTOMERS), sum_of_money(F.col(s.RETURNED), s.RETURNED)
    )
    # Each line is an order of its product, but for those that follow another one on the same invoice.
    of_invoice = repeated.groupBy(s.INVOICE_NO, s.STOCK_CODE).agg((F.count(F.lit(1)) - 1).alias(FURTHER))
    further = of_invoice.groupBy(s.STOCK_CODE).agg(F.sum(FURTHER).alias(FURTHER))
    # One row per stock code on all sides; a product that only guests bought has no customers.
    complete = sold.join(further, on=s.STOCK_CODE, how="left").join(customers, on=s.STOCK_CODE, how="left")
    complete = complete.withColumn(s.ORDERS, F.col(s.LINES) - F.coalesce(F.col(FURTHER), F.lit(0)))
    complete = _with_returns_of_guests(complete, returned, s.STOCK_CODE)
    return (
        with_revenue_shares(complete, s.STOCK_CODE)
        .withColumn(s.AVERAGE_UNIT_PRICE, F.try_divide(F.col(s.REVENUE), F.col(s.UNITS)).cast(s.MONEY))
        .withColumn(s.CUSTOMERS, F.coalesce(F.col(s.CUSTOMERS), F.lit(0)))
        .withColumn(s.IS_MERCHANDISE, F.col(s.STOCK_CODE).rlike(merchandise_pattern))
        .select(*s.column_names(s.PRODUCT_SALES))
    )


def country_segments(orders: DataFrame, segments: DataFrame) -> DataFrame:
    """Return `COUNTRY_SEGMENTS`: one row per country and segment, over the orders of customers.

    `segments` has one row per customer: customer_id, segment_id, segment_name.
    """
    bought = _with_segment(orders, segments).groupBy(s.COUNTRY, s.SEGMENT_ID, s.SEGMENT_NAME)
    counted = bought.agg(F.count_distinct(s.CUSTOMER_ID).alias(s.CUSTOMERS), *_resummed())
    return counted.orderBy(s.COUNTRY, s.SEGMENT_ID).select(*s.column_names(s.COUNTRY_SEGMENTS))


def product_segments(baskets: DataFrame, segments: DataFrame) -> DataFrame:
    """Return `PRODUCT_SEGMENTS`: one row per stock code and segment, over the baskets of customers."""
    # A hash join with one row per customer sorts neither side.
    bought = _with_segment(baskets, segments.hint("shuffle_hash")).groupBy(s.STOCK_CODE, s.SEGMENT_ID, s.SEGMENT_NAME)
    counted = bought.agg(F.count(F.lit(1)).alias(s.CUSTOMERS), *_resummed())
    return counted.orderBy(s.STOCK_CODE, s.SEGMENT_ID).select(*s.column_names(s.PRODUCT_SEGMENTS))


def _by_stock_code(sales: Sales) -> DataFrame:
    """Return one row per stock code: sums, first and last sale, and the description on most of its lines.

    Of equally common descriptions the alphabetically first; blank only if it is blank on every line.
    """
    # Plain aggregations: `mode` keeps a map per group, and Spark falls back to sorting beyond 128 groups.
    by_description = sales.union_of(
        lambda lines: lines.groupBy(s.STOCK_CODE, s.DESCRIPTION).agg(
            *revenue_units_and_lines(),
            sum_of_ten_thousandths(_of_guests(s.AMOUNT_E4)).alias(s.GUEST_REVENUE),
            *first_and_last_sale(),
        )
    )
    further = [
        _guest_revenue(F.col(s.GUEST_REVENUE)),
        F.min(s.FIRST_SOLD_AT).alias(s.FIRST_SOLD_AT),
        F.max(s.LAST_SOLD_AT).alias(s.LAST_SOLD_AT),
        F.sum(s.LINES).alias(s.LINES),
    ]
    sums = [F.sum(s.REVENUE).cast(s.MONEY).alias(s.REVENUE), F.sum(s.UNITS_E4).alias(s.UNITS_E4)]
    described = by_description.groupBy(s.STOCK_CODE, s.DESCRIPTION).agg(*sums, *further)
    is_blank = F.col(s.DESCRIPTION) == ""
    commonest = F.min(F.struct(is_blank.alias("blank"), (-F.col(s.LINES)).alias(s.LINES), F.col(s.DESCRIPTION)))
    return described.groupBy(s.STOCK_CODE).agg(*_resummed(), *further, commonest[s.DESCRIPTION].alias(s.DESCRIPTION))


def _resummed() -> list[Column]:
    """Return aggregates of rows that are sums already: revenue and units decimal(20,4)."""
    units = sum_of_ten_thousandths(F.col(s.UNITS_E4)).cast(s.QUANTITIES).alias(s.UNITS)
    return [F.sum(s.REVENUE).cast(s.MONEY).alias(s.REVENUE), units]


def _of_guests(money: str) -> Column:
    return F.when(F.col(s.CUSTOMER_ID).isNull(), F.col(money))


def _guest_revenue(of_guests: Column) -> Column:
    return sum_of_money(of_guests, s.GUEST_REVENUE)


def _with_returns_of_guests(sold: DataFrame, returned: DataFrame, key: str) -> DataFrame:
    """Complete `returned`, so far what customers took back, and add guest_returned and net_revenue."""
    of_guests = returned.where(F.col(s.CUSTOMER_ID).isNull())
    by_key = of_guests.groupBy(key).agg(sum_of_money(F.abs(s.AMOUNT), s.GUEST_RETURNED))
    guest_returned = F.coalesce(F.col(s.GUEST_RETURNED), F.lit(0)).cast(s.MONEY)
    # One row per key on both sides; most keys have no returns of guests.
    return (
        sold.join(by_key, on=key, how="left")
        .withColumn(s.GUEST_RETURNED, guest_returned)
        .withColumn(s.RETURNED, (F.coalesce(F.col(s.RETURNED), F.lit(0)) + F.col(s.GUEST_RETURNED)).cast(s.MONEY))
        .withColumn(s.NET_REVENUE, (F.col(s.REVENUE) - F.col(s.RETURNED)).cast(s.MONEY))
    )


def _with_segment(sold: DataFrame, segments: DataFrame) -> DataFrame:
    """Add the customer's segment and leave guests out; `segments` has one row per customer."""
    return sold.join(segments.select(s.CUSTOMER_ID, s.SEGMENT_ID, s.SEGMENT_NAME), on=s.CUSTOMER_ID, how="inner")


def with_revenue_shares(sold: DataFrame, key: str, money: str = s.REVENUE) -> DataFrame:
    """Add each row's share of `money`, the cumulative share from the largest down, and the ABC class."""
    # One partition on purpose: a row here is a country or a product, already aggregated.
    largest_first = Window.orderBy(F.col(money).desc(), F.col(key))
    up_to_here = largest_first.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    everything = largest_first.rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
    total = F.sum(money).over(everything).cast("double")
    cumulative = F.sum(money).over(up_to_here).cast("double")
    return sold.select(
        "*",
        F.coalesce(F.try_divide(F.col(money).cast("double"), total), F.lit(0.0)).alias(s.REVENUE_SHARE),
        F.coalesce(F.try_divide(cumulative, total), F.lit(0.0)).alias(s.CUMULATIVE_REVENUE_SHARE),
        # The largest is always A, even if it alone exceeds the limit.
        (F.row_number().over(largest_first) == 1).alias("is_largest"),
    ).select(
        "*",
        F.when(F.col("is_largest") | (F.col(s.CUMULATIVE_REVENUE_SHARE) <= CLASS_A_UP_TO), "A")
        .when(F.col(s.CUMULATIVE_REVENUE_SHARE) <= CLASS_B_UP_TO, "B")
        .otherwise("C")
        .alias(s.ABC_CLASS),
    )
