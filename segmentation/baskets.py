"""Sales lines → the two smaller tables from which customers, countries and products are aggregated.

Each is made once, from lines that lie together by invoice, and read several times. All sums are exact.
"""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from segmentation.schemas import (
    AMOUNT,
    COUNTRY,
    CUSTOMER_ID,
    FIRST_SOLD_AT,
    INVOICE_DATE,
    INVOICE_NO,
    LAST_SOLD_AT,
    QUANTITY,
    REVENUE,
    STOCK_CODE,
    UNITS,
)


def orders_of(sales: DataFrame) -> DataFrame:
    """One row per invoice, customer and country, which is an order but for a few oddities of the till.

    Columns: invoice_no, customer_id (NULL for a guest's), country string; revenue decimal(30,4), units bigint,
    first_sold_at and last_sold_at timestamp_ntz.
    """
    return sales.groupBy(INVOICE_NO, CUSTOMER_ID, COUNTRY).agg(*_sold())


def baskets_of(sales: DataFrame) -> DataFrame:
    """One row per customer and stock code, all guests counting as one customer, whose customer_id is NULL.

    Columns: customer_id, stock_code string; then as those of `orders_of`.
    """
    # Few customers buy a product so often that to add up before the lines move would spare much.
    bought = sales.select(CUSTOMER_ID, STOCK_CODE, AMOUNT, QUANTITY, INVOICE_DATE).repartition(CUSTOMER_ID, STOCK_CODE)
    return bought.groupBy(CUSTOMER_ID, STOCK_CODE).agg(*_sold())


def _sold() -> list[Column]:
    return [
        F.sum(AMOUNT).alias(REVENUE),
        F.sum(F.col(QUANTITY).cast("bigint")).alias(UNITS),
        F.min(INVOICE_DATE).alias(FIRST_SOLD_AT),
        F.max(INVOICE_DATE).alias(LAST_SOLD_AT),
    ]
