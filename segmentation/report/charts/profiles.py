"""The segments' profiles in, the chart of one panel per feature out, with a title computed from the same rows."""
# TODO-DOC charts.heatmap: The segments' profiles in, the heatmap of segments by features, each relative to
# the average customer, out.

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from matplotlib.colors import LinearSegmentedColormap, to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from segmentation.report.charts.style import (
    INK,
    QUIET,
    Page,
    by_id,
    fit,
    in_house_style,
    log_ticks,
    name_of,
    new_page,
    plain,
    segment_gid,
    segment_mark,
    width_of,
    wrapped,
    write_segment,
)
from segmentation.report.text import Rows, average_of, column, compact, feature_value, feature_words, finite, percent

LOG_RATIO: Final = 30.0  # from here on the smaller of two bars is hard to see


def profiles_title(profiles: Rows, features: Sequence[str], currency: str = "") -> str:
    """How far the most extreme segment is from the average customer: in spend when that tells, else in any feature."""
    ratios = [
        (mean / average, row, feature)
        for feature in features
        if (average := average_of(profiles, feature) or 0.0) > 0
        for row in profiles
        if (mean := finite(row.get(f"mean_{feature}"))) is not None and mean / average > 0
    ]
    if len(profiles) == 1 or not ratios:
        spend, orders = average_of(profiles, "total_spend"), average_of(profiles, "purchase_frequency")
        if len(profiles) != 1 or spend is None or orders is None:
            return "What the average customer of each segment looks like"
        often = f"{compact(orders)} order{'' if orders == 1 else 's'}"
        return f"The average customer spends {compact(spend, currency)} in {often}"
    spending = [item for item in ratios if item[2] == "total_spend" and item[0] >= 1.5]
    ratio, row, feature = max(spending or ratios, key=lambda item: abs(math.log(item[0])))
    if 1 / 1.2 < ratio < 1.2:
        return "The segments differ little from the average customer"
    name = name_of(row, 4.5)
    if feature == "total_spend" and ratio > 1:
        return f"{name}: customers spend {compact(ratio)} times the average"
    far = f"{compact(ratio)} times" if ratio > 1 else f"{percent(1 - ratio)} below"
    return f"{name}: {feature_words(feature).verb} {far} the average"


@in_house_style
def profiles_chart(profiles: Rows, features: Sequence[str], *, currency: str = "") -> Figure:
    """The segments side by side: for each feature a panel with the mean of every segment beside the overall average.

    Rows: segment_id, segment_name, customers and mean_<feature> in original units (None where nobody has a value).
    Bars start at zero; where the values span orders of magnitude dots on a logarithmic scale take their place.
    """
    profiles, currency = by_id(profiles), plain(currency)
    across = {1: 1, 2: 2, 4: 2}.get(len(features), 3)
    row_height = 0.34 if len(profiles) <= 6 else 0.28
    panel_height = 0.62 + row_height * len(profiles) + 0.45
    down = math.ceil(len(features) / across)
    title = profiles_title(profiles, features, currency)
    explanation = "Mean per customer in each segment. Dashed line: the average of all customers."
    page = new_page(title, explanation, "", width=12, body=panel_height * down - 0.15)
    names = max(width_of(name_of(row, 3.4)) for row in profiles)
    left = 0.35 + names + 0.2
    panel_width = (page.width - left) / across
    for index, feature in enumerate(features):
        line, place = divmod(index, across)
        bottom = page.height - (line + 1) * panel_height + 0.45
        if place == 0:
            for position, row in enumerate(profiles):
                level = bottom + (len(profiles) - position - 0.5) * row_height
                write_segment(page, level, row, 3.4)
        at = _Place(left + place * panel_width, bottom, panel_width - 0.3, row_height)
        _panel(page, profiles, feature, currency, at)
    return page.figure


class _Place(NamedTuple):
    """Where a panel stands on the page, in inches."""

    left: float
    bottom: float
    width: float
    row_height: float


def _panel(page: Page, profiles: Rows, feature: str, currency: str, place: _Place) -> None:
    left, bottom, width, row_height = place
    about, average = feature_words(feature), average_of(profiles, feature)
    means = column(profiles, f"mean_{feature}")
    symbol = currency if about.unit == "money" else ""
    texts = [feature_value(feature, mean, currency) for mean in means]
    figures = max(width_of(text) for text in texts) + 0.1
    height = row_height * len(profiles)
    axes = page.axes(left, bottom, width - figures, height)
    axes.set_ylim(len(profiles) - 0.5, -0.5)
    known = [value for value in [*means, average] if value is not None]
    low, high = min(known, default=0.0), max(known, default=1.0)
    logarithmic = low > 0 and high / low > LOG_RATIO
    if logarithmic:
        pad = (high / low) ** 0.08
        axes.set_xscale("log")
        axes.set_xlim(low / pad, high * pad)
        widest = max(width_of(compact(limit, symbol)) for limit in (low, high)) + 0.25
        ticks = log_ticks(low / pad, high * pad, at_most=max(1, min(4, int((width - figures) / widest))))
        axes.xaxis.set_major_locator(FixedLocator(ticks))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: compact(value, symbol, figures=4)))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.grid(axis="x")
        axes.spines["left"].set_visible(False)
    else:
        axes.set_xlim(min(low, 0.0) * 1.05, max(high, 0.0) * 1.05 or 1.0)
        axes.set_xticks([])
        axes.spines["bottom"].set_visible(False)
    axes.set_yticks([])
    for position, (row, mean, text) in enumerate(zip(profiles, means, texts, strict=True)):
        colour, marker = segment_mark(int(row["segment_id"]))
        gid = segment_gid(int(row["segment_id"]))
        page.write(left + width, bottom + height - (position + 0.5) * row_height, text, ha="right", gid=gid)
        if mean is None:
            continue
        if logarithmic and average is not None:
            axes.plot([average, mean], [position, position], color=colour, lw=2.5, zorder=3, gid=gid)
            axes.plot(mean, position, marker=marker, ms=9, mfc=colour, mec=INK, mew=0.7, ls="", zorder=4, gid=gid)
        else:
            axes.barh(position, mean, height=0.62, color=colour, zorder=3, gid=gid)
    if average is not None:
        axes.axvline(average, color=INK, lw=1.2, ls=(0, (4, 3)), zorder=5)
    heading = fit(about.label + (f" ({symbol})" if symbol else ""), width + 0.1, weight="bold")
    page.write(left, bottom + height + 0.38, heading, weight="bold")
    overall = feature_value(feature, average, currency)
    page.write(
        left, bottom + height + 0.16, fit(f"average {overall}" + ", log scale" * logarithmic, width), color=QUIET
    )


# Blue and orange are told apart with any colour vision; the middle is a grey that neither of them becomes.
SCALE: Final = LinearSegmentedColormap.from_list("difference", ["#B34700", "#F0A060", "#F2F2F2", "#6BAED6", "#08519C"])
# Full colour from four times the average, or a quarter of it: beyond, numbers tell, so that one segment of giants does
# not make all others grey.
FULL_COLOUR_AT: Final = 4.0
# On a cell, whose colour is the same on a light and on a dark page; not quite the style's, which turn with the page.
DARK_TEXT: Final = "#1B1B1B"
LIGHT_TEXT: Final = "#FEFEFE"
NO_VALUE: Final = "#E6E6E6"
SAME: Final = 1.5  # times; where the highest is not so many times the lowest, that is no finding
TELLING: Final = ("total_spend", "purchase_frequency", "recency_days", "average_order_value")  # in a title
NAMES: Final = 3.4  # inches of a segment's name, at most


class Cell(NamedTuple):
    """A value's text, and how far it is above (to 1) or below (to -1) the average; None where there is none."""

    text: str
    strength: float | None


def relative_to_average(mean: float | None, average: float | None) -> Cell:
    """A positive mean as times the average, or as percent of it above or below: 3.2×, +20 %, −60 %.

    Of values that can be below zero no ratio tells anything; `difference_from_average` is for them.
    """
    if mean is None or average is None:
        return Cell("–", None)
    if average == 0:  # and so is every mean
        return Cell("0 %", 0.0)
    ratio = mean / average
    if ratio <= 0:
        return Cell("none", -1.0)
    strength = math.log(ratio) / math.log(FULL_COLOUR_AT)
    change = round(100 * (ratio - 1))
    sign = "+" if change > 0 else "−" if change < 0 else ""
    text = f"{compact(ratio)}×" if ratio >= 2 else f"{sign}{abs(change)} %"
    return Cell(text if ratio >= 0.01 else "−99 %", max(-1.0, min(strength, 1.0)))


def difference_from_average(feature: str, means: Sequence[float | None], average: float, currency: str) -> list[Cell]:
    """Where means lie below zero: the difference in the feature's own unit, full colour at the widest of them."""
    differences = [None if mean is None else mean - average for mean in means]
    widest = max((abs(one) for one in differences if one is not None), default=0.0) or 1.0
    return [
        Cell("–", None)
        if one is None
        else Cell(f"{'+' if one > 0 else ''}{feature_value(feature, one, currency)}", one / widest)
        for one in differences
    ]


def _cells(profiles: Rows, feature: str, currency: str) -> list[Cell]:
    means, average = column(profiles, f"mean_{feature}"), average_of(profiles, feature)
    if average is not None and min(mean for mean in means if mean is not None) < 0:
        return difference_from_average(feature, means, average, currency)
    return [relative_to_average(mean, average) for mean in means]


def heatmap_title(profiles: Rows, features: Sequence[str]) -> str:
    """In what the segments lie farthest apart, and how far: in one of the features that tell most, or else in any."""
    if len(profiles) == 1:
        return "One segment: its average customer is the average customer"
    spans = []
    for feature in features:
        average = average_of(profiles, feature) or 0.0
        means = [mean for mean in column(profiles, f"mean_{feature}") if mean is not None]
        if average > 0 and min(means) > 0:
            spans.append((max(means) / min(means), feature, min(means) / average, max(means) / average))
    if not spans:
        return "How the segments differ from the average customer"
    wide = [span for span in spans if span[0] >= SAME]
    if not wide:
        return "The segments hardly differ from the average customer"
    telling = [span for span in wide if span[1] in TELLING]
    _, feature, low, high = max(telling or wide, key=lambda span: span[0])
    what, least = feature_words(feature).verb, compact(low) if low >= 0.01 else "less than 0.01"
    return f"The segments range from {least} to {compact(high)} times the average in {what}"


@in_house_style
def heatmap_chart(profiles: Rows, features: Sequence[str], *, currency: str = "") -> Figure:
    """A row per segment, a column per feature, each cell the segment's mean beside the average of all customers.

    Rows: segment_id, segment_name, customers and mean_<feature> in original units. Features that no customer has are
    left out. A feature with a mean below zero is shown as the difference in its own unit, others as a ratio.
    """
    profiles, currency = by_id(profiles), plain(currency)
    features = [feature for feature in features if average_of(profiles, feature) is not None]
    explanation = (
        "Mean of each segment against the mean of all customers: × is times the average, % is above or below it. "
        "Blue is more, orange is less; the colour is full from four times, or a quarter of, the average."
    )
    names = max((width_of(name_of(row, NAMES), weight="bold") for row in profiles), default=0.0)
    left = 0.35 + max(names, width_of("All customers", weight="bold")) + 0.2
    most = max(0.86, min(1.5, 8.9 / max(len(features), 1)))
    labels = [wrapped(feature_words(feature).label, most - 0.08) for feature in features]
    head = 0.23 * max(map(len, labels), default=1) + 0.1
    row_height = 0.36
    body = head + row_height * (len(profiles) + 1) + 0.12
    width = max(10.0, left + most * len(features) + 0.6)
    page = new_page(heatmap_title(profiles, features), explanation, "", width=width, body=body)
    axes = page.axes(left, 0, most * len(features) or 1.0, body - head)
    axes.set_xlim(0, most * len(features) or 1.0)
    axes.set_ylim(0, body - head)
    axes.axis("off")
    first = body - head - row_height
    page.write(0.35, first + row_height / 2, "All customers", weight="bold")
    for row_number, row in enumerate(profiles):
        write_segment(page, first - 0.12 - (row_number + 0.5) * row_height, row, NAMES)
    for number, (feature, lines) in enumerate(zip(features, labels, strict=True)):
        middle = left + (number + 0.5) * most
        for line, text in enumerate(reversed(lines)):
            page.write(middle, body - head + 0.13 + 0.23 * line, text, ha="center", color=QUIET)
        average = fit(feature_value(feature, average_of(profiles, feature), currency), most, weight="bold")
        page.write(middle, first + row_height / 2, average, ha="center", weight="bold")
        for row_number, (row, cell) in enumerate(zip(profiles, _cells(profiles, feature, currency), strict=True)):
            bottom = first - 0.12 - (row_number + 1) * row_height
            gid = segment_gid(int(row["segment_id"]))
            colour = NO_VALUE if cell.strength is None else to_hex(SCALE((cell.strength + 1) / 2))
            axes.add_patch(Rectangle((number * most, bottom), most, row_height, fc=colour, ec="white", lw=1.5, gid=gid))
            page.write(
                middle, bottom + row_height / 2, fit(cell.text, most), ha="center", color=_readable_on(colour), gid=gid
            )
    return page.figure


def _readable_on(colour: str) -> str:
    """Dark or light text, whichever has the greater contrast (WCAG 2.2, relative luminance)."""
    channels = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    luminance = 0.2126 * channels[0] + 0.7152 * channels[1] + 0.0722 * channels[2]
    return DARK_TEXT if luminance > 0.2 else LIGHT_TEXT
