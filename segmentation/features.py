"""Aggregate sales lines to orders and baskets, and these to one row of features per customer.

Orders and baskets are computed once and read several times: countries and products are aggregated from them too. All
sums are exact. To add a feature: an entry in `schemas.FEATURES`, its expression in `customer_features`, a test.
"""

from datetime import date

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from segmentation import schemas as s


def orders_of(sales: DataFrame) -> DataFrame:
    """Return one row per invoice, customer and country: an order, unless an invoice number was used twice.

    Columns: invoice_no, customer_id (NULL for a guest), country string; revenue decimal(28,4); units bigint;
    first_sold_at, last_sold_at timestamp_ntz.
    """
    return sales.groupBy(s.INVOICE_NO, s.CUSTOMER_ID, s.COUNTRY).agg(*revenue_and_units(), *first_and_last_sale())


def baskets_of(sales: DataFrame) -> DataFrame:
    """Return one row per customer and stock code, without guests; all rows of a customer are in one partition.

    Columns: customer_id, stock_code string; revenue decimal(28,4); units bigint.
    """
    # Most customers buy a product once or twice: a partial aggregation before the shuffle would save little.
    of_customers = sales.where(F.col(s.CUSTOMER_ID).isNotNull()).select(
        s.CUSTOMER_ID, s.STOCK_CODE, s.AMOUNT, s.QUANTITY
    )
    return of_customers.repartition(s.CUSTOMER_ID).groupBy(s.CUSTOMER_ID, s.STOCK_CODE).agg(*revenue_and_units())


def revenue_and_units() -> list[Column]:
    """Return aggregates of lines: revenue decimal(28,4), units bigint."""
    return [F.sum(s.AMOUNT).alias(s.REVENUE), F.sum(F.col(s.QUANTITY).cast("bigint")).alias(s.UNITS)]


def first_and_last_sale() -> list[Column]:
    """Return aggregates of lines: first_sold_at and last_sold_at timestamp_ntz."""
    return [F.min(s.INVOICE_DATE).alias(s.FIRST_SOLD_AT), F.max(s.INVOICE_DATE).alias(s.LAST_SOLD_AT)]


def customer_features(orders: DataFrame, baskets: DataFrame, cancellations: DataFrame, as_of: date) -> DataFrame:
    """Return `CUSTOMER_FEATURES`: one row per customer with at least one sale.

    `orders` and `baskets` come from `orders_of` and `baskets_of`, `cancellations` from `cleaning.cancelled_lines`.

    Columns (units): total_spend, returned_amount (money, exact); purchase_frequency (distinct invoices); recency_days
    and tenure_days (whole days from the last and the first purchase to `as_of`); average_order_value (money);
    average_basket_units, units_bought (units); distinct_products; average_days_between_orders = (last − first) /
    (orders − 1), NULL for one order; return_rate = returned_amount / total_spend, above 1 where goods bought before
    the period came back; country, where most was spent.
    """
    of_customers = orders.where(F.col(s.CUSTOMER_ID).isNotNull())
    bought = of_customers.groupBy(s.CUSTOMER_ID).agg(
        F.sum(s.REVENUE).cast(s.MONEY).alias(s.TOTAL_SPEND),
        F.count_distinct(s.INVOICE_NO).alias(s.PURCHASE_FREQUENCY),
        F.sum(s.UNITS).alias(s.UNITS_BOUGHT),
        F.min(s.FIRST_SOLD_AT).alias(s.FIRST_PURCHASE_AT),
        F.max(s.LAST_SOLD_AT).alias(s.LAST_PURCHASE_AT),
    )
    # One row per customer on each right side; a left join keeps those who returned nothing.
    return (
        bought.join(_main_country(of_customers), on=s.CUSTOMER_ID, how="inner")
        .join(_distinct_products(baskets), on=s.CUSTOMER_ID, how="inner")
        .join(_returned(cancellations), on=s.CUSTOMER_ID, how="left")
        .withColumns(
            {
                s.RECENCY_DAYS: _days_until(as_of, s.LAST_PURCHASE_AT),
                s.TENURE_DAYS: _days_until(as_of, s.FIRST_PURCHASE_AT),
                s.AVERAGE_ORDER_VALUE: (F.col(s.TOTAL_SPEND) / F.col(s.PURCHASE_FREQUENCY)).cast(s.MONEY),
                s.AVERAGE_BASKET_UNITS: F.col(s.UNITS_BOUGHT) / F.col(s.PURCHASE_FREQUENCY),
                s.AVERAGE_DAYS_BETWEEN_ORDERS: _days_between_orders(),
                s.RETURNED_AMOUNT: F.coalesce(F.col(s.RETURNED_AMOUNT), F.lit(0)).cast(s.MONEY),
            }
        )
        # Very small sales can add up to 0.0000: the rate is then 0.
        .withColumn(
            s.RETURN_RATE,
            F.coalesce(
                F.try_divide(F.col(s.RETURNED_AMOUNT).cast("double"), F.col(s.TOTAL_SPEND).cast("double")), F.lit(0.0)
            ),
        )
        .select(*s.column_names(s.CUSTOMER_FEATURES))
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


def _returned(cancellations: DataFrame) -> DataFrame:
    """Return one row per customer with a cancellation: the money that went back, positive."""
    return cancellations.groupBy(s.CUSTOMER_ID).agg(F.sum(-F.col(s.AMOUNT)).alias(s.RETURNED_AMOUNT))


def _days_until(as_of: date, moment: str) -> Column:
    return F.datediff(F.lit(as_of), F.col(moment).cast("date"))


def _days_between_orders() -> Column:
    span = F.datediff(F.col(s.LAST_PURCHASE_AT).cast("date"), F.col(s.FIRST_PURCHASE_AT).cast("date"))
    return F.when(F.col(s.PURCHASE_FREQUENCY) > 1, span / (F.col(s.PURCHASE_FREQUENCY) - 1))
