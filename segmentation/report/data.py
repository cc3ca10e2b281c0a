"""All data of the charts and the report. `collect` runs their only Spark jobs; drawing and rendering run none."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Final

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.clustering.choose_k import Choice
from segmentation.config.settings import RunConfig
from segmentation.exports import file_names
from segmentation.report import aggregates as agg
from segmentation.report.findings import MONEY, MONEY_SHARE
from segmentation.report.text import Row, Rows
from segmentation.scoring.statistics import FIRST_DAY, LAST_DAY, LEAST_RECENCY, MOST_RECENCY, CustomerStatistics
from segmentation.session import SparkThreadPool

JOBS_AT_ONCE: Final = 4  # small jobs, of which each leaves most cores idle


# Features that every segment's card shows, next to those of spend, orders and recency.
ALWAYS_SHOWN: Final = (s.AVERAGE_ORDER_VALUE, s.DISTINCT_PRODUCTS)


@dataclass(frozen=True)
class LargeTables:
    """The run's tables that are too large for the driver, and its orders (`features.orders_of`).

    Tables of countries or products are None where the input has no countries or no products.
    """

    orders: DataFrame
    customer_segments: DataFrame
    rejected_transactions: DataFrame
    country_sales: DataFrame | None = None
    product_sales: DataFrame | None = None
    country_segments: DataFrame | None = None
    product_segments: DataFrame | None = None


@dataclass(frozen=True)
class Sold:
    """The largest countries, or goods, by the money that counts.

    `money` is the column that counts. `largest` holds at most LARGEST_SHOWN rows of the rollup, `total` sums rows,
    revenue, guest_revenue, units and `money` of all of them; `rest` does so for what is no merchandise, None where
    there is none. `classes` has these sums of each ABC class. `of_segments` are rows of `aggregates.sold_by_segment`,
    `often` those with a notable lift (`aggregates.with_lift`): their rank is that of the lift.
    """

    money: str
    largest: Rows
    total: Row
    rest: Row | None
    classes: Rows
    of_segments: Rows
    often: Rows = ()

    @property
    def others(self) -> dict[str, Any]:
        """Rows, units and money of all that `largest` leaves out."""
        names = dict.fromkeys((*agg.SUMMED, self.money))
        others = {name: self.total[name] - sum(row[name] for row in self.largest) for name in names}
        return {s.ROWS: self.total[s.ROWS] - len(self.largest), **others}


@dataclass(frozen=True)
class History:
    """Where the model of a run comes from, and who moved since the run before.

    `model` is the manifest's entry on the model. `run_before` and `day_before` are id and as_of of the run before, None
    without one; `moves` are the rows of `changes.movements`. `first_day` is that of the window, None if all days count.
    """

    model: Mapping[str, Any] = field(default_factory=dict)
    run_before: str | None = None
    day_before: date | None = None
    moves: Rows = ()
    first_day: date | None = None

    @property
    def has_changes(self) -> bool:
        """Whether anybody moved, entered or left."""
        return any(move[s.KIND] for move in self.moves)


@dataclass(frozen=True)
class ReportData:
    """The data of the charts and the report: the run's small tables as rows, and aggregates of its large ones.

    `sweep` and `quality` are the rows of k_sweep and data_quality. `profiles` are those of segment_profiles by
    spend_rank, with MONEY and MONEY_SHARE. `statistics` are the rows of `CustomerStatistics` for segments, `overall`
    that for all. `rfm_profiles` are the rows of that table, `rfm_cuts` sentences that say where each score is cut.
    `sales` comes from `sales_total`. A row of `period_sales` covers `months` months, one of `recency_bins` covers
    `days` days. `lists` has the file of each segment's list of customers, by segment_id; empty without exports.
    """

    config: RunConfig
    choice: Choice
    as_of: date
    sweep: Rows
    profiles: Rows
    statistics: Rows
    overall: Row
    quality: Rows
    sales: Row
    returned_orders: Rows
    countries: Sold | None
    products: Sold | None
    rejected_examples: Rows
    drawn_customers: Rows
    lorenz_points: Rows
    period_sales: Rows
    months: int
    recency_bins: Rows
    days: int
    rfm_profiles: Rows = ()
    rfm_cuts: Sequence[str] = ()
    lists: Mapping[int, str] = field(default_factory=dict)
    history: History = field(default_factory=History)

    @property
    def period(self) -> tuple[date | None, date | None]:
        """The days of the first and the last sale, those to guests included."""
        first, last = self.sales[s.FIRST_SOLD_AT], self.sales[s.LAST_SOLD_AT]
        return first and first.date(), last and last.date()


def collect(
    config: RunConfig,
    choice: Choice,
    sweep: Rows,
    profiles: Rows,
    statistics: CustomerStatistics,
    quality: Rows,
    rfm_cuts: Sequence[str],
    rfm_profiles: Rows,
    tables: LargeTables,
    history: History,
) -> ReportData:
    """Collect the data of the charts and the report, in a bounded number of rows however large the run is."""
    segments, orders = tables.customer_segments, tables.orders
    customers = sum(int(row[s.CUSTOMERS]) for row in profiles)
    lines = {row[s.RULE]: int(row[s.ROWS]) for row in quality}
    revenue = config.revenue
    of_order = F.col(s.REVENUE) - F.col(s.RETURNED) if config.figures == "net" else F.col(s.REVENUE)
    overall = statistics.overall
    months = agg.period_months(overall[FIRST_DAY], overall[LAST_DAY])
    days = agg.bin_days(overall[LEAST_RECENCY] or 1, overall[MOST_RECENCY] or 1)
    with SparkThreadPool(JOBS_AT_ONCE) as pool:

        def rows(frame: DataFrame) -> Future[Rows]:
            return pool.submit(_rows, frame)

        # The comments give the greatest number of rows.
        countries = pool.submit(_sold, tables.country_sales, tables.country_segments, s.COUNTRY, revenue, profiles)
        products = pool.submit(_sold, tables.product_sales, tables.product_segments, s.STOCK_CODE, revenue, profiles)
        returned = rows(agg.greatest_returned_orders(orders, segments))  # one per segment
        periods = rows(agg.period_sales(orders, segments, months, of_order))  # MOST_PERIODS per segment, 1
        bins = rows(agg.recency_bins(segments, days, config.recency))  # MOST_BINS per segment
        lorenz = rows(agg.lorenz_points(segments, customers, config.spend))  # MOST_POINTS
        most = config.charts.customers_drawn
        drawn = rows(agg.drawn_customers(segments, profiles, most, config.spend, config.orders))  # twice that many
        examples = rows(agg.example_lines(tables.rejected_transactions, lines))  # EXAMPLES_OF_A_RULE per rule
        return ReportData(
            config=config,
            choice=choice,
            as_of=overall[s.AS_OF],
            sweep=sweep,
            profiles=with_money(profiles, revenue),
            statistics=statistics.segments,
            overall=overall,
            quality=quality,
            sales=sales_total(periods.result()),
            returned_orders=returned.result(),
            countries=countries.result(),
            products=products.result(),
            rejected_examples=examples.result(),
            drawn_customers=drawn.result(),
            lorenz_points=lorenz.result(),
            period_sales=[row for row in periods.result() if row[s.SEGMENT_ID] is not None],
            months=months,
            recency_bins=bins.result(),
            days=days,
            rfm_profiles=rfm_profiles,
            rfm_cuts=rfm_cuts,
            lists=file_names(profiles) if config.exports.enabled else {},
            history=history,
        )


def sales_total(period_sales: Rows) -> Row:
    """Return the money of all sales, those to guests included, and when the first and the last one was."""
    return {
        s.REVENUE: sum(row[s.REVENUE] for row in period_sales),
        s.FIRST_SOLD_AT: min(row[s.FIRST_SOLD_AT] for row in period_sales),
        s.LAST_SOLD_AT: max(row[s.LAST_SOLD_AT] for row in period_sales),
    }


def with_money(profiles: Rows, revenue: str) -> list[dict[str, Any]]:
    """Add to each profile the money that counts, the column `revenue`, and its share of the money of all customers.

    The profiles are in the order of their spend_rank, in which the report shows them: ids do not ascend with spend.
    """
    total = sum((Decimal(row[revenue]) for row in profiles), Decimal(0))
    return [
        {**row, MONEY: row[revenue], MONEY_SHARE: float(row[revenue] / total) if total else 0.0}
        for row in sorted(profiles, key=lambda row: int(row[s.SPEND_RANK]))
    ]


def shown_on_cards(config: RunConfig) -> list[str]:
    """Return the features of a segment's card: those that count, and those that were clustered."""
    clustered = [setting.feature for setting in config.clustering.features]
    features = dict.fromkeys([config.spend, config.orders, config.recency, *ALWAYS_SHOWN, *clustered])
    return [feature for feature in features if _is_known(feature, config) or feature in clustered]


def compared_features(config: RunConfig) -> list[str]:
    """Return the features of the comparison: of two alike, before and after returns, the one that counts."""
    net_only, gross_only = (s.NET_ORDERS, s.NET_RECENCY_DAYS), (s.TOTAL_SPEND, s.PURCHASE_FREQUENCY, s.RECENCY_DAYS)
    left_out = {s.RETURNED_MATCHED, s.RETURNED_UNMATCHED, *(gross_only if config.figures == "net" else net_only)}
    return [feature for feature in s.NUMERIC_FEATURES if feature not in left_out and _is_known(feature, config)]


def _is_known(feature: str, config: RunConfig) -> bool:
    """Return whether the input has the field that a feature rests on."""
    return s.FEATURE_NEEDS.get(feature, s.CUSTOMER_ID) in config.input_fields


def _sold(rollup: DataFrame | None, by_segment: DataFrame | None, key: str, money: str, profiles: Rows) -> Sold | None:
    if rollup is None or by_segment is None:
        return None
    ranked = agg.ranked(rollup, key, money)
    found = _rows(agg.largest(ranked))  # LARGEST_SHOWN rows and one per class
    classes = {row[s.ABC_CLASS]: {s.ABC_CLASS: row[s.ABC_CLASS], **row[agg.OF_CLASS].asDict()} for row in found}
    total, rest = (found[0][sums].asDict() for sums in (agg.TOTAL, agg.REST))
    largest = [row for row in found if row[agg.RANK] <= agg.LARGEST_SHOWN]
    keys = {row[key] for row in largest}
    if key == s.STOCK_CODE and len(profiles) > 1:
        customers = {int(row[s.SEGMENT_ID]): int(row[s.CUSTOMERS]) for row in profiles}
        by_segment = agg.with_lift(by_segment, ranked, customers)
    # LARGEST_SHOWN + twice LARGEST_OF_A_SEGMENT rows per segment.
    sold = _rows(agg.sold_by_segment(by_segment, key, sorted(keys)))
    of_segments = [row for row in sold if row[agg.RANK] <= agg.LARGEST_OF_A_SEGMENT or row[key] in keys]
    often = [{**row, agg.RANK: row[agg.LIFT_RANK]} for row in sold if _is_bought_more_often(row)]
    often.sort(key=lambda row: (row[s.SEGMENT_ID], row[agg.RANK]))
    return Sold(money, largest, total, rest if rest[s.ROWS] else None, [*classes.values()], of_segments, often)


def _is_bought_more_often(row: Row) -> bool:
    rank = row.get(agg.LIFT_RANK)
    return rank is not None and rank <= agg.LARGEST_OF_A_SEGMENT


def _rows(frame: DataFrame) -> Rows:
    return [row.asDict() for row in frame.collect()]
