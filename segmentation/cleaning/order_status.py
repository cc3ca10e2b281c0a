"""Statuses and types that an export writes once per order, in its first line, and leaves blank in the others.

Either is a mark of the parsed lines: `is_no_sale` by status and currency, `is_refund` by type, NULL where it is blank.
"""

import logging

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.cleaning.parse import with_refund_signs
from segmentation.cleaning.rules import ORDER_SEPARATOR
from segmentation.config.settings import CleaningSettings, RunConfig
from segmentation.errors import counted
from segmentation.money import sum_of_ten_thousandths

logger = logging.getLogger(__name__)

ORDER_KEY = "order_key"
HAS_SALE, HAS_NO_SALE = "has_sale", "has_no_sale"
WITHOUT_STATUS = "without_status"
# Where more orders have no status at all, a blank means an ordinary sale.
MOST_WITHOUT_STATUS = 0.10


def marks_of_orders(config: RunConfig) -> list[str]:
    """Return the marks of lines that their whole order may share."""
    columns, marks = config.input.columns, []
    has_status = columns.line_status is not None or columns.currency is not None
    if has_status and s.ADJUSTMENT not in config.cleaning.switched_off:
        marks.append(s.IS_NO_SALE)
    if columns.line_type is not None:
        marks.append(s.IS_REFUND)
    return marks if s.INVOICE_NO in config.input_fields else []


def statuses_of_orders(parsed: DataFrame, settings: CleaningSettings, mark: str) -> DataFrame:
    """Return one row per order of the lines of `parse_lines`.

    Columns: order_key string; has_sale and has_no_sale boolean, of the lines whose mark is false or true; lines bigint
    and revenue decimal, of those without it.
    """
    is_blank = F.col(mark).isNull()
    return (
        parsed.where(F.col(s.INVOICE_NO).isNotNull())
        .groupBy(_order_key(settings).alias(ORDER_KEY))
        .agg(
            F.coalesce(F.bool_or(~F.col(mark)), F.lit(False)).alias(HAS_SALE),
            F.coalesce(F.bool_or(F.col(mark)), F.lit(False)).alias(HAS_NO_SALE),
            F.count_if(is_blank).alias(s.LINES),
            sum_of_ten_thousandths(F.when(is_blank, F.col(s.AMOUNT_E4))).alias(s.REVENUE),
        )
    )


def unsold_orders(statuses: DataFrame) -> DataFrame:
    """Return the rows of `statuses_of_orders` whose every status says no sale, and that have lines without a status."""
    return statuses.where(_is_unsold())


def status_facts(statuses: DataFrame) -> DataFrame:
    """Return one row over `statuses_of_orders`.

    Columns: orders, without_status bigint, of all orders; unsold, lines bigint and revenue decimal, of `unsold_orders`.
    """
    is_unsold = _is_unsold()
    return statuses.agg(
        F.count(F.lit(1)).alias(s.ORDERS),
        F.count_if(~F.col(HAS_NO_SALE) & ~F.col(HAS_SALE)).alias(WITHOUT_STATUS),
        F.count_if(is_unsold).alias("unsold"),
        F.sum(F.when(is_unsold, F.col(s.LINES))).alias(s.LINES),
        F.sum(F.when(is_unsold, F.col(s.REVENUE))).alias(s.REVENUE),
    )


def is_once_per_order(facts: Row, config: RunConfig, mark: str) -> bool:
    """Return whether the mark of an order holds for its lines without one, and warn of what that means.

    `facts` is the row of `status_facts`.
    """
    if not facts["unsold"]:
        return False
    columns, is_type = config.input.columns, mark == s.IS_REFUND
    column = columns.line_type if is_type else columns.line_status or columns.currency
    lines = f"{counted(facts[s.LINES], 'line')} with {facts[s.REVENUE] or 0:,.2f}"
    orders = f"{counted(facts['unsold'], 'order')} whose other lines are {'returns' if is_type else 'no sale'} by it"
    if facts[WITHOUT_STATUS] <= MOST_WITHOUT_STATUS * facts[s.ORDERS]:
        logger.warning(
            "%r is blank in %s, of %s: nearly every order has it in some line, so it holds for the whole order, and "
            "these lines are %s too. Where a blank is a sale, write so in the column",
            *(column, lines, orders, "returns" if is_type else "adjustments"),
        )
        return True
    logger.warning(
        "%r is blank in %s, of %s: they count as sales, as %s of %s orders have none at all. Where it holds for the "
        "whole order, fill it down first",
        *(column, lines, orders, f"{facts[WITHOUT_STATUS]:,}", f"{facts[s.ORDERS]:,}"),
    )
    return False


def with_status_of_orders(
    parsed: DataFrame, unsold: DataFrame, settings: CleaningSettings, mark: str, join: str
) -> DataFrame:
    """Return lines of `parse_lines` with the mark of their order where they have none; those of a refund are negative.

    `unsold` comes from `unsold_orders`, one row per order; `join` is the Spark hint of the join with it.
    """
    orders = unsold.select(ORDER_KEY, F.lit(True).alias(HAS_NO_SALE)).hint(join)
    marked = (
        parsed.withColumn(ORDER_KEY, _order_key(settings))
        .join(orders, on=ORDER_KEY, how="left")
        .withColumn(mark, F.coalesce(mark, HAS_NO_SALE))
        .drop(ORDER_KEY, HAS_NO_SALE)
    )
    return with_refund_signs(marked) if mark == s.IS_REFUND else marked


def _is_unsold() -> Column:
    return F.col(HAS_NO_SALE) & ~F.col(HAS_SALE) & (F.col(s.LINES) > 0)


def _order_key(settings: CleaningSettings) -> Column:
    """Return what an order is by `cleaning.order_key`; NULL without an invoice number."""
    if settings.order_key == "invoice":
        return F.col(s.INVOICE_NO)
    day = F.col(s.INVOICE_DATE).cast("date").cast("string")
    key = F.concat_ws(ORDER_SEPARATOR, s.INVOICE_NO, F.coalesce(day, F.lit("")), F.coalesce(s.CUSTOMER_ID, F.lit("")))
    return F.when(F.col(s.INVOICE_NO).isNotNull(), key)
