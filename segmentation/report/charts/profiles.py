"""The profiles chart: a heatmap of segments by features, each mean compared with the average customer."""

from collections.abc import Sequence
from typing import Final

from matplotlib.colors import LinearSegmentedColormap, to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from segmentation import schemas as s
from segmentation.report.charts.style import (
    QUIET,
    fit,
    house_style,
    name_of,
    new_page,
    plain,
    width_of,
    wrapped,
    write_segment,
)
from segmentation.report.compare import EXPLANATION, cells, comparison_title, shown_features
from segmentation.report.text import Row, Rows, feature_value

# Blue and orange differ for any colour vision; the middle is a grey that neither of them becomes.
SCALE: Final = LinearSegmentedColormap.from_list("difference", ["#B34700", "#F0A060", "#F2F2F2", "#6BAED6", "#08519C"])
# A cell's colour is the same on a light and on a dark page, so its text is not in the style's colours, which change.
DARK_TEXT: Final = "#1B1B1B"
LIGHT_TEXT: Final = "#FEFEFE"
NO_VALUE: Final = "#E6E6E6"
NAMES: Final = 3.4  # inches of a segment's name, at most
ROW_HEIGHT: Final = 0.36  # inches
LINE_HEIGHT: Final = 0.23  # inches of a line of a column's heading
GAP: Final = 0.12  # inches between the average and the segments
EVERYONE: Final = "All customers"


@house_style()
def profiles_chart(profiles: Rows, overall: Row, features: Sequence[str], *, currency: str = "") -> Figure:
    """Draw a row per segment and a column per feature. Each cell compares the segment's mean with all customers'.

    Rows: segment_id, segment_name and mean_<feature> in original units; `overall` has mean_<feature> over all
    customers. Features without any value are left out. A feature with a mean below zero is shown as the difference in
    its own unit, others as a ratio.
    """
    currency = plain(currency)
    features = shown_features(overall, features)
    names = max((width_of(name_of(row, NAMES), weight="bold") for row in profiles), default=0.0)
    left = 0.35 + max(names, width_of(EVERYONE, weight="bold")) + 0.2
    column_width = max(0.86, min(1.5, 8.9 / max(len(features), 1)))
    labels = [wrapped(s.FEATURES[feature].label, column_width - 0.08) for feature in features]
    head = LINE_HEIGHT * max(map(len, labels), default=1) + 0.1
    cells_height = ROW_HEIGHT * (len(profiles) + 1) + GAP
    cells_width = column_width * len(features) or 1.0
    page = new_page(
        comparison_title(profiles, overall, features),
        EXPLANATION,
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
        average = fit(feature_value(feature, overall[f"mean_{feature}"], currency), column_width, weight="bold")
        page.write(middle, top, average, ha="center", weight="bold")
        for level, cell in zip(levels, cells(profiles, overall, feature, currency), strict=True):
            ground = NO_VALUE if cell.strength is None else to_hex(SCALE((cell.strength + 1) / 2))
            corner = (edge, level - ROW_HEIGHT / 2)
            axes.add_patch(Rectangle(corner, column_width, ROW_HEIGHT, fc=ground, ec="white", lw=1.5))
            colour = LIGHT_TEXT if abs(cell.strength or 0.0) > 0.75 else DARK_TEXT  # the greater contrast
            page.write(middle, level, fit(cell.text, column_width), ha="center", color=colour)
    return page.figure
