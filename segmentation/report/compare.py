"""Segments compared with all customers, feature by feature: the cells of the heatmap, on the page and as a chart."""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from segmentation import schemas as s
from segmentation.report.text import Row, Rows, column, compact, feature_value, finite

# Full colour from four times the average, or a quarter of it, so that one segment of giants does not make all others
# grey. Beyond, the numbers say it.
FULL_COLOUR_AT: Final = 4.0
NOTABLE_RATIO: Final = 1.5  # of the highest mean to the lowest, for a title
# Features that a title prefers: those every reader understands.
TITLE_FEATURES: Final = (
    *(s.TOTAL_SPEND, s.NET_SPEND, s.PURCHASE_FREQUENCY, s.NET_ORDERS, s.RECENCY_DAYS, s.NET_RECENCY_DAYS),
    s.AVERAGE_ORDER_VALUE,
)
EXPLANATION: Final = (
    "Average of each segment against the average of all customers: × is times the average, % is above or below it. "
    "Blue is better for the shop, orange is worse; the colour is full from four times, or a quarter of, the average."
)


class Cell(NamedTuple):
    """A cell's text, and how far it is better (to 1) or worse (to -1) than the average; None without a value."""

    text: str
    strength: float | None


def clustered_only(profiles: Rows) -> list[Row]:
    """Leave out the group of whom nothing stayed: what they bought would look like more, and better."""
    return [row for row in profiles if int(row[s.SEGMENT_ID]) != s.RETURNED_EVERYTHING_ID]


def shown_features(overall: Row, features: Sequence[str]) -> list[str]:
    """Return the features that any customer has."""
    return [feature for feature in features if finite(overall.get(f"mean_{feature}")) is not None]


def comparison_title(profiles: Rows, overall: Row, features: Sequence[str]) -> str:
    """Return in which feature the segments lie farthest apart, and how far."""
    if len(profiles) == 1:
        return "One segment: its average customer is the average customer"
    ranges = []
    for feature in features:
        average = finite(overall.get(f"mean_{feature}")) or 0.0
        means = [mean for mean in column(profiles, f"mean_{feature}") if mean is not None]
        if average > 0 and means and min(means) > 0:
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


def cells(profiles: Rows, overall: Row, feature: str, currency: str) -> list[Cell]:
    """Return a feature's cell for each segment. Where means lie below zero, a ratio would mean nothing."""
    means, average = column(profiles, f"mean_{feature}"), finite(overall.get(f"mean_{feature}"))
    known = [mean for mean in means if mean is not None]
    if average is not None and min([average, *known]) < 0:
        compared = _differences(feature, means, average, currency)
    else:
        compared = [relative_to_average(mean, average) for mean in means]
    if not s.FEATURES[feature].lower_is_better:
        return compared
    return [Cell(cell.text, None if cell.strength is None else -cell.strength) for cell in compared]


def relative_to_average(mean: float | None, average: float | None) -> Cell:
    """Compare a mean with the average, neither below zero: 3.2×, +20 %, −60 %. More counts as better."""
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


def _differences(feature: str, means: Sequence[float | None], average: float, currency: str) -> list[Cell]:
    """Return each mean's difference in the feature's own unit. The widest difference has full colour."""
    differences = [None if mean is None else mean - average for mean in means]
    widest = max((abs(difference) for difference in differences if difference is not None), default=0.0) or 1.0
    return [
        Cell("–", None)
        if difference is None
        else Cell(f"{'+' if difference > 0 else ''}{feature_value(feature, difference, currency)}", difference / widest)
        for difference in differences
    ]
