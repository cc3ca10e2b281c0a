"""What the report tells of the large tables: their largest rows, what they add up to, and a few example lines."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import reduce
from typing import Any, Final

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from segmentation.charts.numbers import Row, Rows
from segmentation.sampling import is_drawn
from segmentation.schemas import (
    ABC_CLASS,
    COUNTRY,
    DESCRIPTION,
    FIRST_SOLD_AT,
    GUEST_REVENUE,
    IS_MERCHANDISE,
    LAST_SOLD_AT,
    LINE_FIELDS,
    REASON,
    REVENUE,
    ROWS,
    SEGMENT_ID,
    STOCK_CODE,
    UNITS,
)

LARGEST_SHOWN: Final = 250
LARGEST_OF_A_SEGMENT: Final = 5
EXAMPLES_OF_A_RULE: Final = 3
MOST_DRAWN_FROM: Final = 10_000
# A field of an example line is cut here on its way: a text can be as long as a file.
LONGEST_FIELD: Final = 200
CLASSES: Final = ("A", "B", "C")
TOTAL: Final = "total_"
PLACE: Final = "place"


@dataclass(frozen=True)
class Sold:
    """Countries, or products.

    `largest`: at most LARGEST_SHOWN rows of the rollup by falling revenue; `total`: over all its rows, rows, revenue,
    guest_revenue, units, how many are in class A, B and C, and of products first_sold_at and last_sold_at;
    `of_segments`: revenue by key and segment_id of the largest, and of each segment's own LARGEST_OF_A_SEGMENT, whose
    `place` in it counts from 1.
    """

    largest: Rows
    total: Row
    of_segments: Rows


@dataclass(frozen=True)
class ReportRows:
    """All that the report collects beside what the run holds already."""

    countries: Sold
    products: Sold
    examples: Rows


def report_rows(
    countries: DataFrame,
    products: DataFrame,
    country_segments: DataFrame,
    product_segments: DataFrame,
    rejected: DataFrame,
    lines: Mapping[str, int],
) -> ReportRows:
    """Collects from the run's tables: at most 250 + 255 x 50 rows each of countries and products, and 24 lines.

    `lines` are how many were read by rule.
    """
    with ThreadPoolExecutor(3) as pool:  # five small jobs, of which each leaves most cores idle
        examples = pool.submit(example_lines(rejected, lines).collect)  # EXAMPLES_OF_A_RULE rows per rule
        of_countries = pool.submit(_sold, countries, country_segments, COUNTRY)
        of_products = pool.submit(_sold, products, product_segments, STOCK_CODE)
        return ReportRows(of_countries.result(), of_products.result(), [row.asDict() for row in examples.result()])


def _sold(rollup: DataFrame, by_segment: DataFrame, key: str) -> Sold:
    rows = [row.asDict() for row in largest_with_totals(rollup, key).collect()]  # LARGEST_SHOWN rows
    total = {name.removeprefix(TOTAL): value for name, value in rows[0].items() if name.startswith(TOTAL)}
    largest = [{name: value for name, value in row.items() if not name.startswith(TOTAL)} for row in rows]
    of_segments = shares_of_segments(rollup, by_segment, key, [row[key] for row in largest])
    return Sold(largest, total, [row.asDict() for row in of_segments.collect()])  # (250 + 5) rows per segment


def largest_with_totals(rollup: DataFrame, key: str) -> DataFrame:
    """The rows of largest revenue, each with the totals over all rows as `total_…` beside it."""
    everything = Window.partitionBy()  # one partition is meant: a row is a country or a product
    sums = [name for name in (REVENUE, GUEST_REVENUE, UNITS) if name in rollup.columns]
    totals = {ROWS: F.count(F.lit(1))} | {name: F.sum(name) for name in sums}
    totals |= {one: F.count_if(F.col(ABC_CLASS) == one) for one in CLASSES}
    if FIRST_SOLD_AT in rollup.columns:
        totals |= {FIRST_SOLD_AT: F.min(FIRST_SOLD_AT), LAST_SOLD_AT: F.max(LAST_SOLD_AT)}
    whole = rollup.select("*", *[total.over(everything).alias(f"{TOTAL}{name}") for name, total in totals.items()])
    return whole.orderBy(F.col(REVENUE).desc(), key).limit(LARGEST_SHOWN)


def shares_of_segments(rollup: DataFrame, by_segment: DataFrame, key: str, wanted: Sequence[Any]) -> DataFrame:
    """Rows of `by_segment` of the wanted keys, and of each segment's largest: its key, description where there is one,
    segment_id, revenue and `place` in the segment, goods before postage and fees.
    """
    told = [name for name in (DESCRIPTION, IS_MERCHANDISE) if name in rollup.columns]
    # One row per key on the right side.
    named = by_segment.join(F.broadcast(rollup.select(key, *told)), on=key, how="inner")
    goods_first = [F.col(name).desc() for name in told if name == IS_MERCHANDISE]
    in_segment = Window.partitionBy(SEGMENT_ID).orderBy(*goods_first, F.col(REVENUE).desc(), key)
    placed = named.withColumn(PLACE, F.row_number().over(in_segment))
    is_told = (F.col(PLACE) <= LARGEST_OF_A_SEGMENT) | F.col(key).isin(list(wanted))
    columns = [key, *[name for name in told if name == DESCRIPTION], SEGMENT_ID, REVENUE, PLACE]
    return placed.where(is_told).select(*columns).orderBy(SEGMENT_ID, PLACE)


def example_lines(rejected: DataFrame, lines: Mapping[str, int]) -> DataFrame:
    """A few lines of each reason, as if drawn at random but the same in every run: reason and the fields, cut short.

    `lines` are how many there are by reason: of very many only some take part in the draw.
    """
    draw = F.xxhash64(*LINE_FIELDS)
    shares = {reason: MOST_DRAWN_FROM / count for reason, count in lines.items() if count > MOST_DRAWN_FROM}
    fields = [F.substring(F.coalesce(F.col(name), F.lit("")), 1, LONGEST_FIELD).alias(name) for name in LINE_FIELDS]
    drawn = Window.partitionBy(REASON).orderBy(draw)  # lines of equal hashes are equal
    placed = rejected.where(is_drawn(draw, F.col(REASON), shares)).withColumn(PLACE, F.row_number().over(drawn))
    return placed.where(F.col(PLACE) <= EXAMPLES_OF_A_RULE).orderBy(REASON, PLACE).select(REASON, *fields)


def others(sold: Sold) -> dict[str, Any]:
    """What the rows that are not among the largest add up to: rows, and each sum of the totals."""
    sums = [name for name in (REVENUE, GUEST_REVENUE, UNITS) if name in sold.total]
    shown = {name: reduce(lambda a, b: a + b, [row[name] for row in sold.largest]) for name in sums}
    return {ROWS: sold.total[ROWS] - len(sold.largest)} | {name: sold.total[name] - shown[name] for name in sums}
