"""The run's charts: what each draws from the published tables, collected in bounded rows, and where it is put."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segmentation.charts.aggregates import (
    FIRST_DAY,
    LAST_DAY,
    LEAST_RECENCY,
    MOST_RECENCY,
    bin_days,
    lorenz_points,
    period_months,
    period_sales,
    purchase_span,
    recency_bins,
)
from segmentation.charts.concentration import concentration_chart
from segmentation.charts.elbow import elbow_chart
from segmentation.charts.heatmap import heatmap_chart
from segmentation.charts.months import months_chart
from segmentation.charts.numbers import Rows
from segmentation.charts.pareto import pareto_chart
from segmentation.charts.profiles import profiles_chart
from segmentation.charts.recency import recency_chart
from segmentation.charts.segments import segments_chart
from segmentation.charts.style import save
from segmentation.charts.svg import DrawnChart, drawn_chart
from segmentation.choosing_k import Choice
from segmentation.config import RunConfig
from segmentation.largest_rows import Sold
from segmentation.sampling import is_drawn
from segmentation.schemas import (
    AS_OF,
    AVERAGE_ORDER_VALUE,
    COUNTRY,
    CUSTOMER_ID,
    CUSTOMERS,
    DESCRIPTION,
    NUMERIC_FEATURES,
    PURCHASE_FREQUENCY,
    RECENCY_DAYS,
    ROWS,
    SEGMENT_ID,
    STOCK_CODE,
    TOTAL_SPEND,
)

LARGEST_DRAWN = 20
JOBS_AT_ONCE = 4
PRODUCT = "product"
# So that a segment of a few customers is not lost in a sample of a few in a thousand.
LEAST_DRAWN_OF_A_SEGMENT = 50


def draw_charts(
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
    """Draws every chart as PNG, hands each to `put` with its name inside the run, and returns the same as SVG."""
    currency = config.charts.currency
    everyone = sum(row[CUSTOMERS] for row in profiles)
    shown = [TOTAL_SPEND, PURCHASE_FREQUENCY, RECENCY_DAYS, AVERAGE_ORDER_VALUE]
    features = list(dict.fromkeys([*shown, *[one.feature for one in config.clustering.features]]))
    span = purchase_span(segments).collect()[0]  # one row
    months, days = period_months(span[FIRST_DAY], span[LAST_DAY]), bin_days(span[LEAST_RECENCY], span[MOST_RECENCY])

    # Small jobs, each of which mostly waits: together they take little more than the longest of them.
    with ThreadPoolExecutor(JOBS_AT_ONCE) as pool:
        # At most MOST_PERIODS rows for each segment, MOST_BINS for each, and MOST_POINTS.
        sold = pool.submit(_rows, period_sales(orders, segments, months))
        recencies = pool.submit(_rows, recency_bins(segments, days))
        lorenz = pool.submit(_rows, lorenz_points(segments, everyone))
        drawn = pool.submit(_customers_drawn, segments, profiles, config.charts.customers_drawn)
        figures = {
            "elbow": elbow_chart(sweep, choice.reason, rule=_chart_rule(choice)),
            "segments": segments_chart(drawn.result(), profiles, sampled_from=everyone, currency=currency),
            "profiles": profiles_chart(profiles, features, currency=currency),
            "heatmap": heatmap_chart(profiles, NUMERIC_FEATURES, currency=currency),
            "concentration": concentration_chart(lorenz.result(), currency=currency),
            "months": months_chart(sold.result(), profiles, span[AS_OF], months, currency=currency),
            "recency": recency_chart(recencies.result(), profiles, span[AS_OF], days),
        }
        figures["countries"] = pareto_chart(
            countries.largest[:LARGEST_DRAWN],
            COUNTRY,
            ("country", "countries"),
            countries.total[ROWS],
            currency=currency,
        )
        figures["products"] = pareto_chart(
            _labelled(products.largest[:LARGEST_DRAWN]),
            PRODUCT,
            ("product", "products"),
            products.total[ROWS],
            currency=currency,
            class_a_count=products.total["A"],
        )
    with TemporaryDirectory(prefix="charts-") as folder:
        for name, figure in figures.items():
            path = Path(folder) / f"{name}.png"
            save(figure, path)
            put(path, f"charts/{name}.png")
    return [drawn_chart(figure, name) for name, figure in figures.items()]


def _rows(bounded: DataFrame) -> Rows:
    return [row.asDict() for row in bounded.collect()]  # of which there are few, as is said where it is called


def _labelled(products: Rows) -> Rows:
    return [{**row, PRODUCT: f"{row[DESCRIPTION] or 'no description'} ({row[STOCK_CODE]})"} for row in products]


def _chart_rule(choice: Choice) -> str:
    return "elbow" if choice.rule == "identical" else choice.rule


def _customers_drawn(segments: DataFrame, profiles: Rows, most: int) -> Rows:
    """At most about `most` customers, from each segment in proportion to its size, the same in every run."""
    total = sum(row[CUSTOMERS] for row in profiles)
    shares = {
        row[SEGMENT_ID]: max(LEAST_DRAWN_OF_A_SEGMENT, most * row[CUSTOMERS] / total) / row[CUSTOMERS]
        for row in profiles
        if total > most
    }
    sample = segments.where(is_drawn(F.col(CUSTOMER_ID), F.col(SEGMENT_ID), shares))
    # In order, since points are drawn over one another and shifted by turns.
    drawn = sample.orderBy(CUSTOMER_ID).select(TOTAL_SPEND, PURCHASE_FREQUENCY, SEGMENT_ID)
    return [row.asDict() for row in drawn.limit(2 * most).collect()]  # the expected number is about `most`
