"""The charts of a run: `draw_all` draws the report's data, each as PNG for the lake, some as SVG for the report."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from matplotlib.figure import Figure

from segmentation import schemas as s
from segmentation.report.aggregates import ABC_CLASSES
from segmentation.report.changes import fit_in_words
from segmentation.report.charts.elbow import elbow_chart
from segmentation.report.charts.flow import flow_chart
from segmentation.report.charts.profiles import profiles_chart
from segmentation.report.charts.revenue import concentration_chart, pareto_chart
from segmentation.report.charts.segments import segments_chart
from segmentation.report.charts.style import PageFigure, save
from segmentation.report.charts.svg import drawing
from segmentation.report.charts.timeline import months_chart, recency_chart
from segmentation.report.compare import clustered_only
from segmentation.report.data import ReportData, Sold, compared_features
from segmentation.report.marks import Drawing
from segmentation.report.tables import NOUNS
from segmentation.report.text import Rows

LARGEST_DRAWN = 20
PRODUCT = "product"
# Inches: of the page in a window, and on a phone, where the texts of a chart keep their size.
WIDE = 8.5
NARROW = 4.6


def draw_all(data: ReportData, put: Callable[[Path, str], None]) -> dict[str, Drawing]:
    """Draw every chart. Pass each PNG to `put` with its path inside the run; return those that the page shows as SVG.

    The page shows the others as tables of its own, which fit any window.
    """
    drawings = {name: drawing(chart(width=WIDE), chart(width=NARROW), name) for name, chart in _on_page(data).items()}
    with TemporaryDirectory(prefix="charts-") as folder:
        for name, figure in _pictures(data).items():
            path = Path(folder) / f"{name}.png"
            save(figure, path)
            put(path, f"charts/{name}.png")
    return drawings


def _on_page(data: ReportData) -> dict[str, Callable[..., PageFigure]]:
    config, currency = data.config, data.config.charts.currency
    customers = sum(row[s.CUSTOMERS] for row in data.profiles)
    # Identical customers are one segment: the elbow's title says so.
    rule = "elbow" if data.choice.rule == "identical" else data.choice.rule
    segments = partial(
        segments_chart,
        data.drawn_customers,
        data.profiles,
        customers,
        spend=config.spend,
        orders=config.orders,
        currency=currency,
        legend=False,
    )
    charts: dict[str, Callable[..., PageFigure]] = {
        "elbow": partial(elbow_chart, data.sweep, fit_in_words(data.history), rule),  # the reason is above it
        "segments": segments,
        "concentration": partial(concentration_chart, data.lorenz_points, currency=currency, labels=False),
    }
    history = data.history
    if history.day_before is not None and history.has_changes:
        days = (history.day_before, data.as_of)
        charts["flow"] = partial(flow_chart, history.moves, data.profiles, days)
    return charts


def _pictures(data: ReportData) -> dict[str, Figure]:
    config, profiles, as_of, currency = data.config, data.profiles, data.as_of, data.config.charts.currency
    charts, rule, fitted = _on_page(data), data.choice.rule, fit_in_words(data.history)
    why = f"{data.choice.reason}. {fitted}" if fitted else data.choice.reason
    figures: dict[str, Figure] = {
        "elbow": elbow_chart(data.sweep, why, "elbow" if rule == "identical" else rule),
        "segments": charts["segments"](legend=True),
        "profiles": profiles_chart(
            clustered_only(profiles), data.overall, compared_features(config), currency=currency
        ),
        "concentration": charts["concentration"](labels=True),
        "months": months_chart(data.period_sales, profiles, as_of, data.months, currency=currency),
        "recency": recency_chart(data.recency_bins, profiles, as_of, data.days, config.recency),
    }
    if "flow" in charts:
        figures["flow"] = charts["flow"]()
    if data.countries is not None:
        figures["countries"] = _pareto(data.countries, data.countries.largest, s.COUNTRY, NOUNS[s.COUNTRY], currency)
    if data.products is not None:
        labelled = _labelled(data.products.largest[:LARGEST_DRAWN])
        figures["products"] = _pareto(data.products, labelled, PRODUCT, NOUNS[s.STOCK_CODE], currency)
    return figures


def _pareto(sold: Sold, rows: Rows, label: str, noun: tuple[str, str], currency: str) -> Figure:
    class_a = sum(int(row[s.ROWS]) for row in sold.classes if row[s.ABC_CLASS] == ABC_CLASSES[0])
    return pareto_chart(
        rows[:LARGEST_DRAWN],
        label,
        noun,
        sold.total[s.ROWS],
        currency=currency,
        class_a_count=class_a or None,
        money=sold.money,
    )


def _labelled(products: Rows) -> Rows:
    return [{**row, PRODUCT: f"{row[s.DESCRIPTION] or 'no description'} ({row[s.STOCK_CODE]})"} for row in products]
