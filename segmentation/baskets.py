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

    Columns: invoice_no, customer_id (NULL for a guest's), country string; revenue decimal(28,4), units bigint,
    first_sold_at and last_sold_at timestamp_ntz.
    """
    return sales.groupBy(INVOICE_NO, CUSTOMER_ID, COUNTRY).agg(*revenue_and_units(), *first_and_last_sale())


def baskets_of(sales: DataFrame) -> DataFrame:
    """One row per customer and stock code; guests have none. Rows of one customer lie in one partition.

    Columns: customer_id, stock_code string; revenue decimal(28,4), units bigint.
    """
    # Few customers buy a product so often that to add up before the lines move would spare much.
    of_customers = sales.where(F.col(CUSTOMER_ID).isNotNull()).select(CUSTOMER_ID, STOCK_CODE, AMOUNT, QUANTITY)
    return of_customers.repartition(CUSTOMER_ID).groupBy(CUSTOMER_ID, STOCK_CODE).agg(*revenue_and_units())


def revenue_and_units() -> list[Column]:
    """Of lines: revenue decimal(28,4), units bigint."""
    return [F.sum(AMOUNT).alias(REVENUE), F.sum(F.col(QUANTITY).cast("bigint")).alias(UNITS)]


def first_and_last_sale() -> list[Column]:
    """Of lines: first_sold_at and last_sold_at timestamp_ntz."""
    return [F.min(INVOICE_DATE).alias(FIRST_SOLD_AT), F.max(INVOICE_DATE).alias(LAST_SOLD_AT)]
