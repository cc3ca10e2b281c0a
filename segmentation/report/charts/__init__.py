"""The charts of a run: `draw_all` collects the few rows each needs and draws it as PNG, and as SVG for the report."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from matplotlib.figure import Figure
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.clustering.choose_k import Choice
from segmentation.config.settings import RunConfig
from segmentation.report.charts.elbow import elbow_chart
from segmentation.report.charts.profiles import profiles_chart
from segmentation.report.charts.revenue import concentration_chart, pareto_chart
from segmentation.report.charts.segments import segments_chart
from segmentation.report.charts.style import save
from segmentation.report.charts.svg import DrawnChart, drawn_chart
from segmentation.report.charts.timeline import months_chart, recency_chart
from segmentation.report.data import (
    FIRST_DAY,
    LAST_DAY,
    LEAST_RECENCY,
    MOST_RECENCY,
    Sold,
    bin_days,
    lorenz_points,
    period_months,
    period_sales,
    purchase_span,
    recency_bins,
)
from segmentation.report.text import Rows
from segmentation.sampling import is_drawn

LARGEST_DRAWN = 20
PRODUCT = "product"
# A segment of a few customers must not vanish from a sample of a few in a thousand.
LEAST_DRAWN_OF_A_SEGMENT = 50


def draw_all(
    config: RunConfig,
    choice: Choice,
    sweep: Rows,
    profiles: Rows,
    orders: DataFrame,
    segments: DataFrame,
    countries: Sold,
    products: Sold,
    put: Callable[[Path, str], None],
) -> list[DrawnChart]:
    """Draw every chart. Pass each PNG to `put` with its name inside the run; return the same charts as SVG."""
    collected = _collect(orders, segments, profiles, config.charts.customers_drawn)
    figures = _figures(config, choice, sweep, profiles, countries, products, collected)
    with TemporaryDirectory(prefix="charts-") as folder:
        for name, figure in figures.items():
            path = Path(folder) / f"{name}.png"
            save(figure, path)
            put(path, f"charts/{name}.png")
    return [drawn_chart(figure, name) for name, figure in figures.items()]


@dataclass(frozen=True)
class _Collected:
    """The rows of the charts of all customers, bounded whatever the number of customers.

    `months` is the length of a period, `days` the width of a bin.
    """

    as_of: date
    months: int
    days: int
    sales: Rows
    recencies: Rows
    lorenz: Rows
    sample: Rows


def _collect(orders: DataFrame, segments: DataFrame, profiles: Rows, customers_drawn: int) -> _Collected:
    span = purchase_span(segments).collect()[0]  # one row
    months, days = period_months(span[FIRST_DAY], span[LAST_DAY]), bin_days(span[LEAST_RECENCY], span[MOST_RECENCY])
    frames = (
        period_sales(orders, segments, months),  # MOST_PERIODS rows per segment
        recency_bins(segments, days),  # MOST_BINS rows per segment
        lorenz_points(segments, sum(row[s.CUSTOMERS] for row in profiles)),  # MOST_POINTS rows
        _sample(segments, profiles, customers_drawn),  # 2 x customers_drawn rows
    )
    # Small jobs, each of which mostly waits: together they take little more than the longest of them.
    with ThreadPoolExecutor(len(frames)) as pool:
        sales, recencies, lorenz, sample = pool.map(_rows, frames)
    return _Collected(span[s.AS_OF], months, days, sales, recencies, lorenz, sample)


def _rows(bounded: DataFrame) -> Rows:
    return [row.asDict() for row in bounded.collect()]


def _sample(segments: DataFrame, profiles: Rows, most: int) -> DataFrame:
    """Draw about `most` customers, from each segment in proportion to its size, the same in every run."""
    total = sum(row[s.CUSTOMERS] for row in profiles)
    shares = {
        row[s.SEGMENT_ID]: max(LEAST_DRAWN_OF_A_SEGMENT, most * row[s.CUSTOMERS] / total) / row[s.CUSTOMERS]
        for row in profiles
        if total > most
    }
    sample = segments.where(is_drawn(F.col(s.CUSTOMER_ID), F.col(s.SEGMENT_ID), shares))
    # In order, since points hide one another and shift by turns.
    ordered = sample.orderBy(s.CUSTOMER_ID).select(s.TOTAL_SPEND, s.PURCHASE_FREQUENCY, s.SEGMENT_ID)
    return ordered.limit(2 * most)


def _figures(
    config: RunConfig,
    choice: Choice,
    sweep: Rows,
    profiles: Rows,
    countries: Sold,
    products: Sold,
    collected: _Collected,
) -> dict[str, Figure]:
    currency, as_of = config.charts.currency, collected.as_of
    customers = sum(row[s.CUSTOMERS] for row in profiles)
    # Identical customers are one segment: the elbow's title says so.
    rule = "elbow" if choice.rule == "identical" else choice.rule
    return {
        "elbow": elbow_chart(sweep, choice.reason, rule=rule),
        "segments": segments_chart(collected.sample, profiles, sampled_from=customers, currency=currency),
        "profiles": profiles_chart(profiles, s.NUMERIC_FEATURES, currency=currency),
        "concentration": concentration_chart(collected.lorenz, currency=currency),
        "months": months_chart(collected.sales, profiles, as_of, collected.months, currency=currency),
        "recency": recency_chart(collected.recencies, profiles, as_of, collected.days),
        "countries": pareto_chart(
            countries.largest[:LARGEST_DRAWN],
            s.COUNTRY,
            ("country", "countries"),
            countries.total[s.ROWS],
            currency=currency,
        ),
        "products": pareto_chart(
            _labelled(products.largest[:LARGEST_DRAWN]),
            PRODUCT,
            ("product", "products"),
            products.total[s.ROWS],
            currency=currency,
            class_a_count=products.total["A"],
        ),
    }


def _labelled(products: Rows) -> Rows:
    return [{**row, PRODUCT: f"{row[s.DESCRIPTION] or 'no description'} ({row[s.STOCK_CODE]})"} for row in products]
