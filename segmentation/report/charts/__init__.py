"""The charts of a run: `draw_all` draws each of the report's data, as PNG for the lake and as SVG for the report."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from matplotlib.figure import Figure

from segmentation import schemas as s
from segmentation.report.charts.elbow import elbow_chart
from segmentation.report.charts.profiles import profiles_chart
from segmentation.report.charts.revenue import concentration_chart, pareto_chart
from segmentation.report.charts.segments import segments_chart
from segmentation.report.charts.style import save
from segmentation.report.charts.svg import inline_svg
from segmentation.report.charts.timeline import months_chart, recency_chart
from segmentation.report.data import ReportData
from segmentation.report.text import Rows

LARGEST_DRAWN = 20
PRODUCT = "product"


def draw_all(data: ReportData, put: Callable[[Path, str], None]) -> dict[str, str]:
    """Draw every chart. Pass each PNG to `put` with its path inside the run; return the same charts as SVG by name."""
    figures = _figures(data)
    with TemporaryDirectory(prefix="charts-") as folder:
        for name, figure in figures.items():
            path = Path(folder) / f"{name}.png"
            save(figure, path)
            put(path, f"charts/{name}.png")
    return {name: inline_svg(figure, name) for name, figure in figures.items()}


def _figures(data: ReportData) -> dict[str, Figure]:
    profiles, as_of, currency = data.profiles, data.as_of, data.config.charts.currency
    customers = sum(row[s.CUSTOMERS] for row in profiles)
    # Identical customers are one segment: the elbow's title says so.
    rule = "elbow" if data.choice.rule == "identical" else data.choice.rule
    figures = {
        "elbow": elbow_chart(data.sweep, data.choice.reason, rule=rule),
        "segments": segments_chart(data.drawn_customers, profiles, sampled_from=customers, currency=currency),
        "profiles": profiles_chart(profiles, s.NUMERIC_FEATURES, currency=currency),
        "concentration": concentration_chart(data.lorenz_points, currency=currency),
        "months": months_chart(data.period_sales, profiles, as_of, data.months, currency=currency),
        "recency": recency_chart(data.recency_bins, profiles, as_of, data.days),
    }
    if data.countries is not None:
        figures["countries"] = pareto_chart(
            data.countries.largest[:LARGEST_DRAWN],
            s.COUNTRY,
            ("country", "countries"),
            data.countries.total[s.ROWS],
            currency=currency,
        )
    if data.products is not None:
        figures["products"] = pareto_chart(
            _labelled(data.products.largest[:LARGEST_DRAWN]),
            PRODUCT,
            ("product", "products"),
            data.products.total[s.ROWS],
            currency=currency,
            class_a_count=data.products.total["A"],
        )
    return figures


def _labelled(products: Rows) -> Rows:
    return [{**row, PRODUCT: f"{row[s.DESCRIPTION] or 'no description'} ({row[s.STOCK_CODE]})"} for row in products]
