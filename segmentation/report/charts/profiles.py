"""The profiles chart: a heatmap of segments by features, each mean compared with the average customer."""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from matplotlib.colors import LinearSegmentedColormap, to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from segmentation import schemas as s
from segmentation.report.charts.style import (
    QUIET,
    by_id,
    fit,
    house_style,
    name_of,
    new_page,
    plain,
    width_of,
    wrapped,
    write_segment,
)
from segmentation.report.text import Rows, average_of, column, compact, feature_value

# Blue and orange differ for any colour vision; the middle is a grey that neither of them becomes.
SCALE: Final = LinearSegmentedColormap.from_list("difference", ["#B34700", "#F0A060", "#F2F2F2", "#6BAED6", "#08519C"])
# Full colour from four times the average, or a quarter of it, so that one segment of giants does not make all others
# grey. Beyond, the numbers say it.
FULL_COLOUR_AT: Final = 4.0
# A cell's colour is the same on a light and on a dark page, so its text is not in the style's colours, which change.
DARK_TEXT: Final = "#1B1B1B"
LIGHT_TEXT: Final = "#FEFEFE"
NO_VALUE: Final = "#E6E6E6"
NOTABLE_RATIO: Final = 1.5  # of the highest mean to the lowest, for a title
# Features that a title prefers: those every reader understands.
TITLE_FEATURES: Final = (s.TOTAL_SPEND, s.PURCHASE_FREQUENCY, s.RECENCY_DAYS, s.AVERAGE_ORDER_VALUE)
NAMES: Final = 3.4  # inches of a segment's name, at most
ROW_HEIGHT: Final = 0.36  # inches
LINE_HEIGHT: Final = 0.23  # inches of a line of a column's heading
GAP: Final = 0.12  # inches between the average and the segments
EVERYONE: Final = "All customers"


class Cell(NamedTuple):
    """A cell's text, and how far it is above (to 1) or below (to -1) the average; None without a value."""

    text: str
    strength: float | None


@house_style()
def profiles_chart(profiles: Rows, features: Sequence[str], *, currency: str = "") -> Figure:
    """Draw a row per segment and a column per feature. Each cell compares the segment's mean with all customers'.

    Rows: segment_id, segment_name, customers and mean_<feature> in original units. Features without any value are
    left out. A feature with a mean below zero is shown as the difference in its own unit, others as a ratio.
    """
    profiles, currency = by_id(profiles), plain(currency)
    features = [feature for feature in features if average_of(profiles, feature) is not None]
    explanation = (
        "Mean of each segment against the mean of all customers: × is times the average, % is above or below it. "
        "Blue is more, orange is less; the colour is full from four times, or a quarter of, the average."
    )
    names = max((width_of(name_of(row, NAMES), weight="bold") for row in profiles), default=0.0)
    left = 0.35 + max(names, width_of(EVERYONE, weight="bold")) + 0.2
    column_width = max(0.86, min(1.5, 8.9 / max(len(features), 1)))
    labels = [wrapped(s.FEATURES[feature].label, column_width - 0.08) for feature in features]
    head = LINE_HEIGHT * max(map(len, labels), default=1) + 0.1
    cells_height = ROW_HEIGHT * (len(profiles) + 1) + GAP
    cells_width = column_width * len(features) or 1.0
    page = new_page(
        profiles_title(profiles, features),
        explanation,
        "",
        width=max(10.0, left + cells_width + 0.6),
        body=head + cells_height,
    )
    axes = page.axes(left, 0, cells_width, cells_height)
    axes.set_xlim(0, cells_width)
    axes.set_ylim(0, cells_height)
    axes.axis("off")
    top = cells_height - ROW_HEIGHT / 2
    page.write(0.35, top, EVERYONE, weight="bold")
    levels = [cells_height - GAP - ROW_HEIGHT * (number + 1.5) for number in range(len(profiles))]
    for level, row in zip(levels, profiles, strict=True):
        write_segment(page, level, row, NAMES)
    for number, (feature, lines) in enumerate(zip(features, labels, strict=True)):
        edge = number * column_width
        middle = left + edge + column_width / 2
        for line, text in enumerate(reversed(lines)):
            page.write(middle, cells_height + 0.13 + LINE_HEIGHT * line, text, ha="center", color=QUIET)
        average = fit(feature_value(feature, average_of(profiles, feature), currency), column_width, weight="bold")
        page.write(middle, top, average, ha="center", weight="bold")
        for level, cell in zip(levels, cells(profiles, feature, currency), strict=True):
            ground = NO_VALUE if cell.strength is None else to_hex(SCALE((cell.strength + 1) / 2))
            corner = (edge, level - ROW_HEIGHT / 2)
            axes.add_patch(Rectangle(corner, column_width, ROW_HEIGHT, fc=ground, ec="white", lw=1.5))
            colour = LIGHT_TEXT if abs(cell.strength or 0.0) > 0.75 else DARK_TEXT  # the greater contrast
            page.write(middle, level, fit(cell.text, column_width), ha="center", color=colour)
    return page.figure


def profiles_title(profiles: Rows, features: Sequence[str]) -> str:
    """Return in which feature the segments lie farthest apart, and how far."""
    if len(profiles) == 1:
        return "One segment: its average customer is the average customer"
    ranges = []
    for feature in features:
        average = average_of(profiles, feature) or 0.0
        means = [mean for mean in column(profiles, f"mean_{feature}") if mean is not None]
        if average > 0 and min(means) > 0:
            ranges.append((max(means) / min(means), feature, min(means) / average, max(means) / average))
    if not ranges:
        return "How the segments differ from the average customer"
    notable = [item for item in ranges if item[0] >= NOTABLE_RATIO]
    if not notable:
        return "The segments hardly differ from the average customer"
    preferred = [item for item in notable if item[1] in TITLE_FEATURES]
    _, feature, low, high = max(preferred or notable, key=lambda item: item[0])
    noun, lowest = s.FEATURES[feature].noun, compact(low) if low >= 0.01 else "less than 0.01"
    return f"The segments range from {lowest} to {compact(high)} times the average in {noun}"


def cells(profiles: Rows, feature: str, currency: str) -> list[Cell]:
    """Return a feature's cell for each segment. Where means lie below zero, a ratio would mean nothing."""
    means, average = column(profiles, f"mean_{feature}"), average_of(profiles, feature)
    if average is not None and min(mean for mean in means if mean is not None) < 0:
        return differences_from_average(feature, means, average, currency)
    return [relative_to_average(mean, average) for mean in means]


def relative_to_average(mean: float | None, average: float | None) -> Cell:
    """Compare a mean with the average, neither below zero: 3.2×, +20 %, −60 %."""
    if mean is None or average is None:
        return Cell("–", None)
    if average == 0:  # and so is every mean
        return Cell("0 %", 0.0)
    ratio = mean / average
    if ratio <= 0:
        return Cell("none", -1.0)
    strength = max(-1.0, min(math.log(ratio) / math.log(FULL_COLOUR_AT), 1.0))
    if ratio >= 2:
        return Cell(f"{compact(ratio)}×", strength)
    if ratio < 0.01:
        return Cell("−99 %", strength)
    change = round(100 * (ratio - 1))
    sign = "+" if change > 0 else "−" if change < 0 else ""
    return Cell(f"{sign}{abs(change)} %", strength)


def differences_from_average(feature: str, means: Sequence[float | None], average: float, currency: str) -> list[Cell]:
    """Return each mean's difference in the feature's own unit. The widest difference has full colour."""
    differences = [None if mean is None else mean - average for mean in means]
    widest = max((abs(difference) for difference in differences if difference is not None), default=0.0) or 1.0
    return [
        Cell("–", None)
        if difference is None
        else Cell(f"{'+' if difference > 0 else ''}{feature_value(feature, difference, currency)}", difference / widest)
        for difference in differences
    ]
