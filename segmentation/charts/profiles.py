"""The segments' profiles in, the chart of one panel per feature out, with a title computed from the same rows."""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from segmentation.charts.features import average_of, feature_value, feature_words
from segmentation.charts.marks import by_id, name_of, segment_gid, segment_mark, write_segment
from segmentation.charts.numbers import Rows, column, compact, finite, percent
from segmentation.charts.style import INK, QUIET, Page, fit, in_house_style, log_ticks, new_page, plain, width_of

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
