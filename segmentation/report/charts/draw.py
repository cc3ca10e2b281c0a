"""The run's charts: what each draws from the published tables, collected in bounded rows, and where it is put."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.clustering.choose_k import Choice
from segmentation.config.settings import RunConfig
from segmentation.report.charts.elbow import elbow_chart
from segmentation.report.charts.profiles import heatmap_chart, profiles_chart
from segmentation.report.charts.revenue import concentration_chart, pareto_chart
from segmentation.report.charts.segments import segments_chart
from segmentation.report.charts.style import DrawnChart, drawn_chart, save
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
    everyone = sum(row[s.CUSTOMERS] for row in profiles)
    shown = [s.TOTAL_SPEND, s.PURCHASE_FREQUENCY, s.RECENCY_DAYS, s.AVERAGE_ORDER_VALUE]
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
            "heatmap": heatmap_chart(profiles, s.NUMERIC_FEATURES, currency=currency),
            "concentration": concentration_chart(lorenz.result(), currency=currency),
            "months": months_chart(sold.result(), profiles, span[s.AS_OF], months, currency=currency),
            "recency": recency_chart(recencies.result(), profiles, span[s.AS_OF], days),
        }
        figures["countries"] = pareto_chart(
            countries.largest[:LARGEST_DRAWN],
            s.COUNTRY,
            ("country", "countries"),
            countries.total[s.ROWS],
            currency=currency,
        )
        figures["products"] = pareto_chart(
            _labelled(products.largest[:LARGEST_DRAWN]),
            PRODUCT,
            ("product", "products"),
            products.total[s.ROWS],
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
    return [{**row, PRODUCT: f"{row[s.DESCRIPTION] or 'no description'} ({row[s.STOCK_CODE]})"} for row in products]


def _chart_rule(choice: Choice) -> str:
    return "elbow" if choice.rule == "identical" else choice.rule


def _customers_drawn(segments: DataFrame, profiles: Rows, most: int) -> Rows:
    """At most about `most` customers, from each segment in proportion to its size, the same in every run."""
    total = sum(row[s.CUSTOMERS] for row in profiles)
    shares = {
        row[s.SEGMENT_ID]: max(LEAST_DRAWN_OF_A_SEGMENT, most * row[s.CUSTOMERS] / total) / row[s.CUSTOMERS]
        for row in profiles
        if total > most
    }
    sample = segments.where(is_drawn(F.col(s.CUSTOMER_ID), F.col(s.SEGMENT_ID), shares))
    # In order, since points are drawn over one another and shifted by turns.
    drawn = sample.orderBy(s.CUSTOMER_ID).select(s.TOTAL_SPEND, s.PURCHASE_FREQUENCY, s.SEGMENT_ID)
    return [row.asDict() for row in drawn.limit(2 * most).collect()]  # the expected number is about `most`
