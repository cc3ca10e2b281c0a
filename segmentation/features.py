"""Aggregate sales lines to orders and baskets, and these to one row of features per customer.

Orders and baskets are computed once and read several times: countries and products are aggregated from them too. All
sums are exact. To add a feature: an entry in `schemas.FEATURES`, its expression in `customer_features`, a test.
"""

from datetime import date

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.money import SUM_OF_LINES, in_ten_thousandths, sum_of_money, sum_of_ten_thousandths
from segmentation.sales import Sales

ORDER = (s.INVOICE_NO, s.CUSTOMER_ID, s.COUNTRY)


def order_sums(sales: Sales) -> DataFrame:
    """Return one row per invoice, customer and country: an order, unless an invoice number was used twice.

    An order with copies has a second row, with what they add up to below 0.

    Columns: invoice_no, customer_id (NULL for a guest), country string; revenue decimal(28,4); units_e4, lines bigint;
    first_sold_at, last_sold_at timestamp_ntz.
    """
    return sales.union_of(lambda lines: lines.groupBy(*ORDER).agg(*revenue_units_and_lines(), *first_and_last_sale()))


def orders_of(sums: DataFrame, taken_back: DataFrame) -> DataFrame:
    """Return one row per order, with what came back of it.

    `sums` come from `order_sums`, `taken_back` from `returns.money_taken_back`.

    Columns: invoice_no, customer_id (NULL for a guest), country string; revenue decimal(28,4); units_e4 bigint, in
    ten-thousandths; returned decimal(20,4), the part of the revenue that customers took back; first_sold_at,
    last_sold_at timestamp_ntz.
    """
    returned = taken_back.groupBy(*ORDER).agg(F.sum(s.RETURNED).alias(s.RETURNED))
    return (
        sums.drop(s.LINES)
        .unionByName(returned, allowMissingColumns=True)
        .groupBy(*ORDER)
        .agg(
            F.sum(s.REVENUE).cast(SUM_OF_LINES).alias(s.REVENUE),
            F.sum(s.UNITS_E4).alias(s.UNITS_E4),
            _returned(),
            F.min(s.FIRST_SOLD_AT).alias(s.FIRST_SOLD_AT),
            F.max(s.LAST_SOLD_AT).alias(s.LAST_SOLD_AT),
        )
    )


def baskets_of(sales: Sales, taken_back: DataFrame) -> DataFrame:
    """Return one row per customer and stock code, without guests; all rows of a customer are in one partition.

    `taken_back` comes from `returns.money_taken_back`.

    Columns: customer_id, stock_code string; revenue decimal(28,4); units_e4 bigint, in ten-thousandths; returned
    decimal(20,4).
    """
    # Most customers buy a product once or twice: a partial aggregation before the shuffle would save little.
    columns = (s.CUSTOMER_ID, s.STOCK_CODE, s.AMOUNT_E4, s.QUANTITY_E4, s.LINES)
    of_customers = sales.union_of(lambda lines: lines.where(F.col(s.CUSTOMER_ID).isNotNull()).select(*columns))
    returned_e4 = in_ten_thousandths(F.col(s.RETURNED)).alias(s.RETURNED)
    returned = taken_back.select(s.CUSTOMER_ID, s.STOCK_CODE, returned_e4)
    both = of_customers.unionByName(returned, allowMissingColumns=True).repartition(s.CUSTOMER_ID)
    returned_sum = sum_of_ten_thousandths(F.col(s.RETURNED)).cast(s.MONEY).alias(s.RETURNED)
    summed = both.groupBy(s.CUSTOMER_ID, s.STOCK_CODE).agg(*revenue_units_and_lines(), returned_sum)
    return summed.drop(s.LINES)


def revenue_units_and_lines() -> list[Column]:
    """Return aggregates of sales, and of reversed ones: revenue decimal(28,4), units_e4 and lines bigint."""
    return [
        sum_of_ten_thousandths(F.col(s.AMOUNT_E4)).alias(s.REVENUE),
        F.sum(s.QUANTITY_E4).alias(s.UNITS_E4),
        F.sum(s.LINES).alias(s.LINES),
    ]


def first_and_last_sale() -> list[Column]:
    """Return aggregates of lines: first_sold_at and last_sold_at timestamp_ntz."""
    return [F.min(s.INVOICE_DATE).alias(s.FIRST_SOLD_AT), F.max(s.INVOICE_DATE).alias(s.LAST_SOLD_AT)]


def customer_features(orders: DataFrame, baskets: DataFrame, returned: DataFrame, as_of: date) -> DataFrame:
    """Return `CUSTOMER_FEATURES`: one row per customer with at least one sale.

    `orders` and `baskets` come from `orders_of` and `baskets_of`, `returned` from `cleaning.returned_lines`.

    Columns (units): total_spend (money, exact); purchase_frequency (distinct invoices); recency_days and tenure_days
    (whole days from the last and the first purchase to `as_of`); average_order_value (money); average_basket_units,
    units_bought (units); distinct_products; average_days_between_orders = (last − first) / (orders − 1), NULL for one
    order; country, where most was spent. Of what stayed after returns: net_spend = total_spend − returned_matched;
    net_orders, the orders of which anything stayed; net_recency_days, from the last of them, NULL without any. Of
    returns: returned_matched, the money taken back of purchases; returned_unmatched, the rest; returned_amount, their
    sum; return_rate = returned_matched / total_spend, 0 where that is 0.
    """
    of_customers = orders.where(F.col(s.CUSTOMER_ID).isNotNull()).repartition(s.CUSTOMER_ID)
    # One row per customer on each right side. A left join keeps those who returned nothing, and Spark leaves it out
    # where nothing of the right side is asked for.
    return (
        _bought(of_customers)
        .join(_main_country(of_customers), on=s.CUSTOMER_ID, how="left")
        .join(_distinct_products(baskets), on=s.CUSTOMER_ID, how="left")
        .join(_given_back(returned), on=s.CUSTOMER_ID, how="left")
        .withColumns(
            {
                s.RECENCY_DAYS: _days_until(as_of, s.LAST_PURCHASE_AT),
                s.NET_RECENCY_DAYS: _days_until(as_of, s.LAST_SOLD_AT),
                s.TENURE_DAYS: _days_until(as_of, s.FIRST_PURCHASE_AT),
                s.AVERAGE_ORDER_VALUE: (F.col(s.TOTAL_SPEND) / F.col(s.PURCHASE_FREQUENCY)).cast(s.MONEY),
                s.AVERAGE_BASKET_UNITS: F.col(s.UNITS_BOUGHT).cast("double") / F.col(s.PURCHASE_FREQUENCY),
                s.AVERAGE_DAYS_BETWEEN_ORDERS: _days_between_orders(),
                s.NET_SPEND: (F.col(s.TOTAL_SPEND) - F.col(s.RETURNED_MATCHED)).cast(s.MONEY),
                s.RETURNED_AMOUNT: F.coalesce(F.col(s.RETURNED_AMOUNT), F.lit(0)).cast(s.MONEY),
                # Very small sales can add up to 0.0000: the rate is then 0.
                s.RETURN_RATE: F.coalesce(_ratio(s.RETURNED_MATCHED, s.TOTAL_SPEND), F.lit(0.0)),
            }
        )
        .withColumn(s.RETURNED_UNMATCHED, (F.col(s.RETURNED_AMOUNT) - F.col(s.RETURNED_MATCHED)).cast(s.MONEY))
        .select(*s.column_names(s.CUSTOMER_FEATURES))
    )


def _bought(orders: DataFrame) -> DataFrame:
    """Return one row per customer: what was bought and what stayed; last_sold_at is of the last order that stayed."""
    # An invoice may be in two countries: it counts once.
    invoices = orders.groupBy(s.CUSTOMER_ID, s.INVOICE_NO).agg(
        *[F.sum(name).alias(name) for name in (s.REVENUE, s.UNITS_E4, s.RETURNED)],
        F.min(s.FIRST_SOLD_AT).alias(s.FIRST_SOLD_AT),
        F.max(s.LAST_SOLD_AT).alias(s.LAST_SOLD_AT),
    )
    stayed = (F.col(s.REVENUE) > F.col(s.RETURNED)) | (F.col(s.RETURNED) == 0)
    return invoices.groupBy(s.CUSTOMER_ID).agg(
        F.sum(s.REVENUE).cast(s.MONEY).alias(s.TOTAL_SPEND),
        F.sum(s.RETURNED).cast(s.MONEY).alias(s.RETURNED_MATCHED),
        F.count(F.lit(1)).alias(s.PURCHASE_FREQUENCY),
        F.count_if(stayed).alias(s.NET_ORDERS),
        sum_of_ten_thousandths(F.col(s.UNITS_E4)).cast(s.QUANTITIES).alias(s.UNITS_BOUGHT),
        F.min(s.FIRST_SOLD_AT).alias(s.FIRST_PURCHASE_AT),
        F.max(s.LAST_SOLD_AT).alias(s.LAST_PURCHASE_AT),
        F.max(F.when(stayed, F.col(s.LAST_SOLD_AT))).alias(s.LAST_SOLD_AT),
    )


def _main_country(orders: DataFrame) -> DataFrame:
    """Return one row per customer: the country where most was spent, alphabetically the first of equals."""
    spent = orders.groupBy(s.CUSTOMER_ID, s.COUNTRY).agg(F.sum(s.REVENUE).alias(s.REVENUE))
    most_first = F.min(F.struct((-F.col(s.REVENUE)).alias(s.REVENUE), F.col(s.COUNTRY)))
    return spent.groupBy(s.CUSTOMER_ID).agg(most_first[s.COUNTRY].alias(s.COUNTRY))


def _distinct_products(baskets: DataFrame) -> DataFrame:
    """Return one row per customer: the number of different products bought, NULL without stock codes."""
    different = F.count(F.col(s.STOCK_CODE))  # of an input without stock codes all are NULL
    return baskets.groupBy(s.CUSTOMER_ID).agg(F.nullif(different, F.lit(0)).alias(s.DISTINCT_PRODUCTS))


def _given_back(returned: DataFrame) -> DataFrame:
    """Return one row per customer with a return: the money that went back, positive."""
    of_customers = returned.where(F.col(s.CUSTOMER_ID).isNotNull())
    return of_customers.groupBy(s.CUSTOMER_ID).agg(F.sum(F.abs(s.AMOUNT)).alias(s.RETURNED_AMOUNT))


def _returned() -> Column:
    """Return the sum of the money taken back: returned decimal(20,4), 0 where there is none."""
    return sum_of_money(F.col(s.RETURNED), s.RETURNED)


def _ratio(part: str, whole: str) -> Column:
    return F.try_divide(F.col(part).cast("double"), F.col(whole).cast("double"))


def _days_until(as_of: date, moment: str) -> Column:
    return F.datediff(F.lit(as_of), F.col(moment).cast("date"))


def _days_between_orders() -> Column:
    span = F.datediff(F.col(s.LAST_PURCHASE_AT).cast("date"), F.col(s.FIRST_PURCHASE_AT).cast("date"))
    return F.when(F.col(s.PURCHASE_FREQUENCY) > 1, span / (F.col(s.PURCHASE_FREQUENCY) - 1))
