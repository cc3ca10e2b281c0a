"""The page's own charts, made of tables and small bars that fit any window: the heatmap, and two charts of time."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from markupsafe import Markup

from segmentation import schemas as s
from segmentation.report.compare import EXPLANATION, cells, clustered_only, comparison_title, shown_features
from segmentation.report.data import ReportData, compared_features
from segmentation.report.findings import name_of
from segmentation.report.marks import bars, mark_svg, palette_class
from segmentation.report.text import MISSING, Row, Rows, compact, feature_value, finite
from segmentation.report.timeline import days_in_words, largest_share, months_of, recency_of

ALL_CUSTOMERS: Final = "All customers"
SHADES: Final = 4  # of each side of the heatmap's scale


class Heatmap(NamedTuple):
    """Segments compared with all customers: a row per feature, a column per segment, a class for each cell's shade."""

    title: str
    explanation: str
    segments: list[tuple[Markup, str]]
    rows: list[tuple[str, str, list[tuple[str, str]]]]


class BarRow(NamedTuple):
    """One row of small bars: whose they are, a figure in words, and the bars."""

    mark: Markup
    name: str
    figure: str
    bars: Markup


class Panel(NamedTuple):
    """Rows of bars under one heading over one axis, whose ends are named."""

    heading: str
    rows: list[BarRow]
    first: str
    last: str


class BarChart(NamedTuple):
    """Panels of bars, with the chart's texts."""

    title: str
    explanation: str
    note: str
    panels: list[Panel]


def heatmap(data: ReportData) -> Heatmap:
    """Return the comparison of the segments with all customers, without the group of whom nothing stayed."""
    profiles, currency = clustered_only(data.profiles), data.config.charts.currency
    features = shown_features(data.overall, compared_features(data.config))
    rows = [
        (
            s.FEATURES[feature].full_label,
            feature_value(feature, data.overall[f"mean_{feature}"], currency),
            [(cell.text, _shade(cell.strength)) for cell in cells(profiles, data.overall, feature, currency)],
        )
        for feature in features
    ]
    segments = [(mark_svg(int(row[s.SEGMENT_ID])), name_of(row)) for row in profiles]
    return Heatmap(comparison_title(profiles, data.overall, features), EXPLANATION, segments, rows)


def _shade(strength: float | None) -> str:
    """Return the class of a cell's colour: h0 (worst) to h8 (best)."""
    return "h-none" if strength is None else f"h{round((strength + 1) * SHADES)}"


def months_panel(data: ReportData) -> BarChart:
    """Return revenue and active customers by period."""
    profiles, currency = data.profiles, data.config.charts.currency
    shown = months_of(data.period_sales, profiles, data.as_of, data.months, currency)
    periods = shown.periods
    first, last = periods.short_name(0), periods.short_name(periods.number - 1)

    def highest(unit: str) -> Callable[[Sequence[float], Row | None], str]:
        def words(values: Sequence[float], _: Row | None) -> str:
            best = max(range(len(values)), key=lambda position: values[position])
            return f"at most {compact(values[best], unit)}, {periods.short_name(best)}" if values[best] > 0 else "none"

        return words

    revenue = "Net revenue" if data.config.figures == "net" else "Revenue"
    panels = [
        Panel(heading, _bar_rows(values, profiles, highest(unit), shown.unfinished), first, last)
        for heading, values, unit in ((revenue, shown.revenue, currency), ("Active customers", shown.active, ""))
    ]
    return BarChart(shown.title, shown.explanation, shown.note, panels)


def recency_panel(data: ReportData) -> BarChart:
    """Return the customers by days since their last order."""
    profiles, feature = clustered_only(data.profiles), data.config.recency
    shown = recency_of(data.recency_bins, profiles, data.as_of, data.days, feature)

    def words(values: Sequence[float], profile: Row | None) -> str:
        source = data.overall if profile is None else profile
        median = finite(source.get(f"median_{feature}"))
        if median is None or not sum(values):
            return MISSING
        return f"median {days_in_words(median)}; highest bar {largest_share(values)}"

    first, last = f"{shown.start:,} days", f"{shown.start + shown.number * data.days:,} days"
    return BarChart(
        shown.title,
        shown.explanation,
        "",
        [Panel("Customers", _bar_rows(shown.customers, profiles, words), first, last)],
    )


def _bar_rows(
    values_of: Mapping[int, Sequence[float]],
    profiles: Rows,
    words: Callable[[Sequence[float], Row | None], str],
    pale: int | None = None,
) -> list[BarRow]:
    """Return a row for all customers, unless there is one segment, and one for each segment."""

    def bar_row(mark: Markup, name: str, colour: str, values: Sequence[float], profile: Row | None) -> BarRow:
        figure = words(values, profile)
        return BarRow(mark, name, figure, bars(values, colour, f"{name}: {figure}", pale))

    rows = []
    if len(profiles) > 1:
        sums = [sum(values) for values in zip(*values_of.values(), strict=True)]
        rows.append(bar_row(Markup(""), ALL_CUSTOMERS, "everyone", sums, None))
    for profile in profiles:
        segment_id = int(profile[s.SEGMENT_ID])
        mark, colour = mark_svg(segment_id), palette_class(segment_id)
        rows.append(bar_row(mark, name_of(profile), colour, values_of[segment_id], profile))
    return rows
