"""The sales of a run, as lines that every query reads, and the copies among these lines, reversed."""

from collections.abc import Callable
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segmentation import schemas as s


def as_sales(lines: DataFrame) -> DataFrame:
    """Return lines that have no rejection with the columns of `Sales.lines`."""
    return lines.select(*s.PARSED_FIELDS, s.AMOUNT_E4, F.lit(1).alias(s.LINES))


def reversed_lines(sales: DataFrame) -> DataFrame:
    """Return lines of sales with quantity_e4, amount_e4 and lines of the opposite sign."""
    return sales.withColumns({name: -F.col(name) for name in (s.QUANTITY_E4, s.AMOUNT_E4, s.LINES)})


@dataclass(frozen=True)
class Sales:
    """Lines of sales, and the copies among them once more, reversed: a sum over both is the sum over the sales.

    Columns of both: invoice_no, stock_code, description, customer_id, country string; quantity_e4, amount_e4 bigint,
    both in ten-thousandths; invoice_date timestamp_ntz; unit_price decimal(22,8); lines int, 1. In `copies`, None where
    there are none, quantity_e4, amount_e4 and lines have the opposite sign.
    """

    lines: DataFrame
    copies: DataFrame | None = None

    def union_of(self, query: Callable[[DataFrame], DataFrame]) -> DataFrame:
        """Return the rows of a query over the lines and of the same query over the copies.

        To aggregate or join before a union is quicker: Spark makes a row of every line for a union, with all its texts.
        """
        of_lines = query(self.lines)
        return of_lines if self.copies is None else of_lines.unionByName(query(self.copies))
