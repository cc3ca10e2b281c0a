"""What was sold to whom → what each country and each product sold, and to which segments."""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.features import first_and_last_sale, revenue_and_units

# ABC analysis (H. F. Dickie, 1951): the few that bring most of the revenue, the next, and the many small.
CLASS_A_UP_TO = 0.80
CLASS_B_UP_TO = 0.95


def country_sales(orders: DataFrame) -> DataFrame:
    """`COUNTRY_SALES`: one row per country over the orders of customers and guests, largest revenue first."""
    counted = [
        F.count_distinct(s.INVOICE_NO).alias(s.ORDERS),
        F.count_distinct(s.CUSTOMER_ID).alias(s.CUSTOMERS),
    ]
    sold = orders.groupBy(s.COUNTRY).agg(*_added_up(), _guest_revenue(_of_guests(s.REVENUE)), *counted)
    per_order = (F.col(s.REVENUE) / F.col(s.ORDERS)).cast(s.MONEY)
    ranked = _with_revenue_shares(sold, s.COUNTRY).withColumn(s.AVERAGE_ORDER_VALUE, per_order)
    return ranked.select(*s.column_names(s.COUNTRY_SALES))


def product_sales(sales: DataFrame, baskets: DataFrame, merchandise_pattern: str) -> DataFrame:
    """`PRODUCT_SALES`: one row per stock code over the clean and guest lines `sales`, largest revenue first.

    `baskets` are those of `baskets_of(sales)`. `description` is the commonest, the first in the alphabet of equals;
    `is_merchandise` tells goods from postage, fees and the like by the stock code.
    """
    sold = _by_stock_code(sales)
    customers = baskets.groupBy(s.STOCK_CODE).agg(F.count(F.lit(1)).alias(s.CUSTOMERS))
    # Told apart where the lines of an invoice lie together, only counts move on.
    orders = (
        sales.select(s.INVOICE_NO, s.STOCK_CODE).distinct().groupBy(s.STOCK_CODE).agg(F.count(F.lit(1)).alias(s.ORDERS))
    )
    # One row per stock code on all sides; no customer has bought what guests alone did.
    complete = sold.join(orders, on=s.STOCK_CODE, how="inner").join(customers, on=s.STOCK_CODE, how="left")
    return (
        _with_revenue_shares(complete, s.STOCK_CODE)
        .withColumn(s.AVERAGE_UNIT_PRICE, F.try_divide(F.col(s.REVENUE), F.col(s.UNITS)).cast(s.MONEY))
        .withColumn(s.CUSTOMERS, F.coalesce(F.col(s.CUSTOMERS), F.lit(0)))
        .withColumn(s.IS_MERCHANDISE, F.col(s.STOCK_CODE).rlike(merchandise_pattern))
        .select(*s.column_names(s.PRODUCT_SALES))
    )


def country_segments(orders: DataFrame, segments: DataFrame) -> DataFrame:
    """`COUNTRY_SEGMENTS`: one row per country and segment, over the orders of customers.

    `segments` has one row per customer: customer_id, segment_id, segment_name.
    """
    bought = _with_segment(orders, segments).groupBy(s.COUNTRY, s.SEGMENT_ID, s.SEGMENT_NAME)
    counted = bought.agg(F.count_distinct(s.CUSTOMER_ID).alias(s.CUSTOMERS), *_added_up())
    return counted.orderBy(s.COUNTRY, s.SEGMENT_ID).select(*s.column_names(s.COUNTRY_SEGMENTS))


def product_segments(baskets: DataFrame, segments: DataFrame) -> DataFrame:
    """`PRODUCT_SEGMENTS`: one row per stock code and segment, over the baskets of customers; `segments` as above."""
    # Baskets lie together by customer, and one row per customer is looked up without sorting either side.
    bought = _with_segment(baskets, segments.hint("shuffle_hash")).groupBy(s.STOCK_CODE, s.SEGMENT_ID, s.SEGMENT_NAME)
    counted = bought.agg(F.count(F.lit(1)).alias(s.CUSTOMERS), *_added_up())
    return counted.orderBy(s.STOCK_CODE, s.SEGMENT_ID).select(*s.column_names(s.PRODUCT_SEGMENTS))


def _by_stock_code(sales: DataFrame) -> DataFrame:
    """One row per stock code: what was sold of it, from when to when, and its description on most lines, the first in
    the alphabet of equals; blank only where it is blank on every line.
    """
    # Two plain aggregations: `mode` keeps a map per group, for which Spark turns to sorting beyond 128 groups.
    described = sales.groupBy(s.STOCK_CODE, s.DESCRIPTION).agg(
        *revenue_and_units(),
        F.sum(_of_guests(s.AMOUNT)).alias(s.GUEST_REVENUE),
        *first_and_last_sale(),
        F.count(F.lit(1)).alias("lines"),
    )
    is_blank = F.col(s.DESCRIPTION) == ""
    commonest = F.min(F.struct(is_blank.alias("blank"), (-F.col("lines")).alias("lines"), F.col(s.DESCRIPTION)))
    return described.groupBy(s.STOCK_CODE).agg(
        *_added_up(),
        _guest_revenue(F.col(s.GUEST_REVENUE)),
        F.min(s.FIRST_SOLD_AT).alias(s.FIRST_SOLD_AT),
        F.max(s.LAST_SOLD_AT).alias(s.LAST_SOLD_AT),
        commonest[s.DESCRIPTION].alias(s.DESCRIPTION),
    )


def _added_up() -> list[Column]:
    """Of rows that hold sums already."""
    return [F.sum(s.REVENUE).cast(s.MONEY).alias(s.REVENUE), F.sum(s.UNITS).alias(s.UNITS)]


def _of_guests(money: str) -> Column:
    return F.when(F.col(s.CUSTOMER_ID).isNull(), F.col(money))


def _guest_revenue(of_guests: Column) -> Column:
    return F.coalesce(F.sum(of_guests), F.lit(0)).cast(s.MONEY).alias(s.GUEST_REVENUE)


def _with_segment(sold: DataFrame, segments: DataFrame) -> DataFrame:
    """The rows with their customer's segment, guests' left out; every customer has one row in `segments`."""
    return sold.join(segments.select(s.CUSTOMER_ID, s.SEGMENT_ID, s.SEGMENT_NAME), on=s.CUSTOMER_ID, how="inner")


def _with_revenue_shares(sold: DataFrame, key: str) -> DataFrame:
    """Adds each row's share of all revenue, the share up to and with it from the largest down, and its ABC class."""
    # One partition is meant: a row here is a country or a product, already aggregated.
    largest_first = Window.orderBy(F.col(s.REVENUE).desc(), F.col(key))
    up_to_here = largest_first.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    everything = largest_first.rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
    total = F.sum(s.REVENUE).over(everything).cast("double")
    cumulative = F.sum(s.REVENUE).over(up_to_here).cast("double")
    return sold.select(
        "*",
        F.coalesce(F.try_divide(F.col(s.REVENUE).cast("double"), total), F.lit(0.0)).alias(s.REVENUE_SHARE),
        F.coalesce(F.try_divide(cumulative, total), F.lit(0.0)).alias(s.CUMULATIVE_REVENUE_SHARE),
        # The largest is A even where it alone is past the limit: a class of the most important is never empty.
        (F.row_number().over(largest_first) == 1).alias("is_largest"),
    ).select(
        "*",
        F.when(F.col("is_largest") | (F.col(s.CUMULATIVE_REVENUE_SHARE) <= CLASS_A_UP_TO), "A")
        .when(F.col(s.CUMULATIVE_REVENUE_SHARE) <= CLASS_B_UP_TO, "B")
        .otherwise("C")
        .alias(s.ABC_CLASS),
    )
