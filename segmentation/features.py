"""What was sold to whom → one row per customer."""

from datetime import date

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from segmentation.schemas import (
    AMOUNT,
    AVERAGE_BASKET_UNITS,
    AVERAGE_DAYS_BETWEEN_ORDERS,
    AVERAGE_ORDER_VALUE,
    COUNTRY,
    CUSTOMER_FEATURES,
    CUSTOMER_ID,
    DISTINCT_PRODUCTS,
    FIRST_PURCHASE_AT,
    FIRST_SOLD_AT,
    INVOICE_NO,
    LAST_PURCHASE_AT,
    LAST_SOLD_AT,
    MONEY,
    PURCHASE_FREQUENCY,
    RECENCY_DAYS,
    RETURN_RATE,
    RETURNED_AMOUNT,
    REVENUE,
    TENURE_DAYS,
    TOTAL_SPEND,
    UNITS,
    UNITS_BOUGHT,
    column_names,
)


def customer_features(orders: DataFrame, baskets: DataFrame, cancellations: DataFrame, as_of: date) -> DataFrame:
    """`CUSTOMER_FEATURES`: one row per customer with at least one sale.

    `orders` and `baskets` are those of `orders_of` and `baskets_of` over the clean lines, with guests' orders or not;
    `cancellations` the lines of cancelled invoices that would else be good. Money is exact; `purchase_frequency` counts
    distinct invoices; `recency_days` and `tenure_days` are whole days from the last and the first purchase to `as_of`;
    `average_days_between_orders` is (last - first) / (orders - 1) and NULL for one order; `return_rate` is
    `returned_amount / total_spend` and can exceed 1 where goods from before the period came back.
    """
    of_customers = orders.where(F.col(CUSTOMER_ID).isNotNull())
    bought = of_customers.groupBy(CUSTOMER_ID).agg(
        F.sum(REVENUE).cast(MONEY).alias(TOTAL_SPEND),
        F.count_distinct(INVOICE_NO).alias(PURCHASE_FREQUENCY),
        F.sum(UNITS).alias(UNITS_BOUGHT),
        F.min(FIRST_SOLD_AT).alias(FIRST_PURCHASE_AT),
        F.max(LAST_SOLD_AT).alias(LAST_PURCHASE_AT),
    )
    # One row per customer on each right side; a left join keeps those who returned nothing.
    return (
        bought.join(_main_country(of_customers), on=CUSTOMER_ID, how="inner")
        .join(_distinct_products(baskets), on=CUSTOMER_ID, how="inner")
        .join(_returned(cancellations), on=CUSTOMER_ID, how="left")
        .withColumns(
            {
                RECENCY_DAYS: _days_until(as_of, LAST_PURCHASE_AT),
                TENURE_DAYS: _days_until(as_of, FIRST_PURCHASE_AT),
                AVERAGE_ORDER_VALUE: (F.col(TOTAL_SPEND) / F.col(PURCHASE_FREQUENCY)).cast(MONEY),
                AVERAGE_BASKET_UNITS: F.col(UNITS_BOUGHT) / F.col(PURCHASE_FREQUENCY),
                AVERAGE_DAYS_BETWEEN_ORDERS: _days_between_orders(),
                RETURNED_AMOUNT: F.coalesce(F.col(RETURNED_AMOUNT), F.lit(0)).cast(MONEY),
            }
        )
        # Amounts of very small sales can round to nothing; nothing was then returned of nothing.
        .withColumn(
            RETURN_RATE,
            F.coalesce(
                F.try_divide(F.col(RETURNED_AMOUNT).cast("double"), F.col(TOTAL_SPEND).cast("double")), F.lit(0.0)
            ),
        )
        .select(*column_names(CUSTOMER_FEATURES))
    )


def _main_country(orders: DataFrame) -> DataFrame:
    """One row per customer: the country where most was spent, the first in the alphabet of equals."""
    spent = orders.groupBy(CUSTOMER_ID, COUNTRY).agg(F.sum(REVENUE).alias(REVENUE))
    most_first = F.min(F.struct((-F.col(REVENUE)).alias(REVENUE), F.col(COUNTRY)))
    return spent.groupBy(CUSTOMER_ID).agg(most_first[COUNTRY].alias(COUNTRY))


def _distinct_products(baskets: DataFrame) -> DataFrame:
    """One row per customer: how many different products were bought."""
    return baskets.groupBy(CUSTOMER_ID).agg(F.count(F.lit(1)).alias(DISTINCT_PRODUCTS))


def _returned(cancellations: DataFrame) -> DataFrame:
    """One row per customer with a cancellation: the money that went back, positive."""
    return cancellations.groupBy(CUSTOMER_ID).agg(F.sum(-F.col(AMOUNT)).alias(RETURNED_AMOUNT))


def _days_until(as_of: date, moment: str) -> Column:
    return F.datediff(F.lit(as_of), F.col(moment).cast("date"))


def _days_between_orders() -> Column:
    span = F.datediff(F.col(LAST_PURCHASE_AT).cast("date"), F.col(FIRST_PURCHASE_AT).cast("date"))
    return F.when(F.col(PURCHASE_FREQUENCY) > 1, span / (F.col(PURCHASE_FREQUENCY) - 1))
