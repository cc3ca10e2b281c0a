"""Raw lines made in tests, and what the cleaning makes of them."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.cleaning.ledger import line_counts
from segmentation.cleaning.parse import parse_lines
from segmentation.cleaning.rules import judge_lines, sales_lines
from segmentation.config.settings import CleaningSettings, DecimalMark
from segmentation.features import order_sums
from segmentation.money import in_ten_thousandths, units_of
from segmentation.sales import Sales, reversed_lines

DATE_FORMATS = ("iso", "M/d/yyyy[ H:mm[:ss]]", "d-M-yyyy[ H:mm[:ss]]", "excel")
DEFAULTS = CleaningSettings(date_formats=DATE_FORMATS)
AS_OF = date(2011, 12, 10)
SALE = dict(
    zip(
        s.LINE_FIELDS,
        ("536365", "85123A", "HEART", "6", "12/1/2010 8:26", "2.55", "17850", "United Kingdom"),
        strict=True,
    )
)

RawLine = Mapping[str, str | None]


def line(**fields: str | None) -> RawLine:
    """Return a raw sale line with some fields, its source or its unparsed text different."""
    return {**SALE, "source_file": "a.csv", "unparsed_line": None, **fields}


def raw_lines(spark: SparkSession, lines: Sequence[RawLine]) -> DataFrame:
    names = (*s.LINE_FIELDS, "source_file", "unparsed_line")
    return spark.createDataFrame([tuple(one[name] for name in names) for one in lines], s.RAW_LINES)


def parsed(spark: SparkSession, lines: Sequence[RawLine], decimal: DecimalMark = "auto", **changed: Any) -> DataFrame:
    return parse_lines(raw_lines(spark, lines), DEFAULTS.model_copy(update=changed), decimal=decimal)


def parsed_with_statuses(
    spark: SparkSession,
    lines: Sequence[tuple[RawLine, str | None]],
    settings: CleaningSettings,
    field: str = s.LINE_STATUS,
) -> DataFrame:
    """Return parsed lines of an input with a column of statuses, or of another field."""
    numbered = [{**one, "description": str(number)} for number, (one, _) in enumerate(lines)]
    statuses = [(str(number), status) for number, (_, status) in enumerate(lines)]
    marked = spark.createDataFrame(statuses, f"raw_description string, {s.raw(field)} string")
    return parse_lines(raw_lines(spark, numbered).join(marked, "raw_description"), settings)


def judged(spark: SparkSession, lines: Sequence[RawLine], as_of: date | None = AS_OF, **changed: Any) -> DataFrame:
    return judge_lines(parsed(spark, lines, **changed), DEFAULTS.model_copy(update=changed), as_of)


def with_ten_thousandths(lines: DataFrame) -> DataFrame:
    """Complete lines that were made with a quantity and an amount to the columns of `rules.sales_less_copies`."""
    quantity = in_ten_thousandths(F.col(s.QUANTITY).cast(s.UNITS_OF_LINE))
    in_whole = {s.QUANTITY_E4: quantity, s.AMOUNT_E4: in_ten_thousandths(F.col(s.AMOUNT)), s.LINES: F.lit(1)}
    return lines.withColumns(in_whole).drop(s.QUANTITY)


def with_copies(sales: DataFrame) -> Sales:
    """Return sales of which each has a copy that is taken off again: the sums are those of `sales`."""
    return Sales(sales.unionByName(sales), reversed_lines(sales))


def counts(lines: DataFrame, **changed: Any) -> DataFrame:
    """Count judged lines by outcome as a run does: sales by their orders."""
    return line_counts(order_sums(Sales(sales_lines(lines))), lines, DEFAULTS.model_copy(update=changed))


def outcome() -> Column:
    """The outcome of a judged line: its first reason, `guest` or `clean`."""
    return F.coalesce(F.col(s.REASON), F.lit(s.CLEAN)).alias("outcome")


def reasons_of(
    spark: SparkSession, cases: Sequence[RawLine], as_of: date | None = AS_OF, **changed: Any
) -> list[list[str]]:
    """Return the reasons of each line, in their order, from one Spark job."""
    numbered = [{**case, "description": str(number)} for number, case in enumerate(cases)]
    reasons = F.coalesce(F.col("rejection.reasons"), F.array().cast("array<string>")).alias("reasons")
    rows = judged(spark, numbered, as_of, **changed).select("description", reasons).collect()
    by_number = {int(row.description): list(row.reasons) for row in rows}
    assert len(by_number) == len(cases)
    return [by_number[number] for number in range(len(cases))]


def values_of(spark: SparkSession, field: str, texts: Sequence[str | None], decimal: DecimalMark = "auto") -> list[Any]:
    """Return what a field's texts are parsed to, in their order, from one Spark job."""
    lines = [line(**{"source_file": str(number), field: text}) for number, text in enumerate(texts)]
    value = units_of(F.col(s.QUANTITY_E4)) if field == s.QUANTITY else F.col(field)
    rows = parsed(spark, lines, decimal).select("source_file", value.alias(field)).collect()
    return [row[field] for row in sorted(rows, key=lambda row: int(row.source_file))]
