"""All data of the charts and the report. `collect` runs their only Spark jobs; drawing and rendering run none."""

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from pyspark.sql import DataFrame

from segmentation import schemas as s
from segmentation.clustering.choose_k import Choice
from segmentation.config.settings import RunConfig
from segmentation.report import aggregates as agg
from segmentation.report.text import Row, Rows
from segmentation.session import SparkThreadPool

JOBS_AT_ONCE: Final = 4  # small jobs, of which each leaves most cores idle


@dataclass(frozen=True)
class LargeTables:
    """The run's tables that are too large for the driver, and its orders (`features.orders_of`).

    A table that the run does not have is None.
    """

    orders: DataFrame
    customer_segments: DataFrame
    country_sales: DataFrame | None
    product_sales: DataFrame | None
    country_segments: DataFrame | None
    product_segments: DataFrame | None
    rejected_transactions: DataFrame
    rfm_profiles: DataFrame


@dataclass(frozen=True)
class Sold:
    """The largest countries, or products, by revenue.

    `largest` holds at most LARGEST_SHOWN rows of the rollup. `total` sums rows, revenue, guest_revenue and units of
    the whole rollup, counts the rows of each ABC class, and dates the first and last sale of products. `of_segments`
    is described at `aggregates.sold_by_segment`.
    """

    largest: Rows
    total: Row
    of_segments: Rows

    @property
    def others(self) -> dict[str, Any]:
        """Rows, revenue, guest_revenue and units of all that `largest` leaves out."""
        others = {name: self.total[name] - sum(row[name] for row in self.largest) for name in agg.SUMMED}
        return {s.ROWS: self.total[s.ROWS] - len(self.largest), **others}


@dataclass(frozen=True)
class ReportData:
    """The data of the charts and the report: the run's small tables as rows, and aggregates of its large ones.

    `sweep`, `profiles` and `quality` are the rows of k_sweep, segment_profiles and data_quality, `statistics` those of
    `segment_statistics`. `rfm_profiles` are the rows of that table, `rfm_cuts` sentences that say where each score is
    cut. `countries` and `products` are None where the input has none. `sold` sums up all sales, those
    to guests included (`aggregates.all_sales`). A row of `period_sales` covers `months` months, a
    row of `recency_bins` covers `days` days.
    """

    config: RunConfig
    choice: Choice
    as_of: date
    sweep: Rows
    profiles: Rows
    statistics: Rows
    quality: Rows
    countries: Sold | None
    products: Sold | None
    sold: Row
    rejected_examples: Rows
    drawn_customers: Rows
    lorenz_points: Rows
    period_sales: Rows
    months: int
    recency_bins: Rows
    days: int
    rfm_profiles: Rows = ()
    rfm_cuts: Sequence[str] = ()

    @property
    def period(self) -> tuple[date | None, date | None]:
        """The days of the first and the last sale, those to guests included."""
        first, last = self.sold[s.FIRST_SOLD_AT], self.sold[s.LAST_SOLD_AT]
        return first and first.date(), last and last.date()


def collect(
    config: RunConfig,
    choice: Choice,
    sweep: Rows,
    profiles: Rows,
    statistics: Rows,
    quality: Rows,
    rfm_cuts: Sequence[str],
    tables: LargeTables,
) -> ReportData:
    """Collect the data of the charts and the report, in a bounded number of rows however large the run is."""
    segments = tables.customer_segments
    customers = sum(int(row[s.CUSTOMERS]) for row in profiles)
    lines = {row[s.RULE]: int(row[s.ROWS]) for row in quality}
    span = agg.purchase_span(segments).collect()[0]  # one row
    months = agg.period_months(span[agg.FIRST_DAY], span[agg.LAST_DAY])
    days = agg.bin_days(span[agg.LEAST_RECENCY], span[agg.MOST_RECENCY])
    with SparkThreadPool(JOBS_AT_ONCE) as pool:

        def rows(frame: DataFrame) -> Future[Rows]:
            return pool.submit(_rows, frame)

        # The comments give the greatest number of rows.
        countries = pool.submit(_sold, tables.country_sales, tables.country_segments, s.COUNTRY)
        products = pool.submit(_sold, tables.product_sales, tables.product_segments, s.STOCK_CODE)
        sold = rows(agg.all_sales(tables.orders))  # one row
        periods = rows(agg.period_sales(tables.orders, segments, months))  # MOST_PERIODS per segment
        profiles_of_names = rows(tables.rfm_profiles)  # one row per name of a rule
        bins = rows(agg.recency_bins(segments, days))  # MOST_BINS per segment
        lorenz = rows(agg.lorenz_points(segments, customers))  # MOST_POINTS
        drawn = rows(agg.drawn_customers(segments, profiles, config.charts.customers_drawn))  # twice that many
        examples = rows(agg.example_lines(tables.rejected_transactions, lines))  # EXAMPLES_OF_A_RULE per rule
        return ReportData(
            config=config,
            choice=choice,
            as_of=span[s.AS_OF],
            sweep=sweep,
            profiles=profiles,
            statistics=statistics,
            quality=quality,
            rfm_profiles=profiles_of_names.result(),
            rfm_cuts=rfm_cuts,
            countries=countries.result(),
            products=products.result(),
            sold=sold.result()[0],
            rejected_examples=examples.result(),
            drawn_customers=drawn.result(),
            lorenz_points=lorenz.result(),
            period_sales=periods.result(),
            months=months,
            recency_bins=bins.result(),
            days=days,
        )


def _sold(rollup: DataFrame | None, by_segment: DataFrame | None, key: str) -> Sold | None:
    if rollup is None or by_segment is None:
        return None
    [total] = _rows(agg.totals(rollup))
    largest = _rows(agg.largest(rollup, key))  # LARGEST_SHOWN rows
    keys = [row[key] for row in largest]
    # LARGEST_SHOWN + LARGEST_OF_A_SEGMENT rows per segment.
    return Sold(largest, total, _rows(agg.sold_by_segment(rollup, by_segment, key, keys)))


def _rows(frame: DataFrame) -> Rows:
    return [row.asDict() for row in frame.collect()]
