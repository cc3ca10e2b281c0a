"""Rows of small bars over a common axis: one row for all customers, one for each segment."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from matplotlib.axes import Axes
from matplotlib.colors import to_rgba

from segmentation.report.charts.style import INK, QUIET, Page, name_of, width_of, write_segment
from segmentation.report.marks import segment_mark
from segmentation.report.text import Rows

ALL_CUSTOMERS: Final = "All customers"
NAMES: Final = 3.4  # inches of a segment's name, at most
LABEL: Final = 0.22  # inches above a bar for its number
FOOT: Final = 0.62  # inches below the rows for their axis
BAR_WIDTH: Final = 0.84  # of the step from bar to bar
PALE: Final = 0.4  # opacity


@dataclass(frozen=True)
class RowLayout:
    """Where rows stand: their number, the height of each in inches, and the left edge of what follows the names."""

    number: int
    height: float
    left: float

    @property
    def body(self) -> float:
        """The height of all rows in inches."""
        return self.number * self.height

    @property
    def bars(self) -> float:
        """The height of a row's highest bar in inches."""
        return self.height - LABEL - 0.08

    def level(self, row: int) -> float:
        """The middle of a row's bars, in inches from the page's body; row -1 is the lowest."""
        return FOOT + self.body - (row % self.number + 1) * self.height + (self.height - LABEL) / 2


def layout_of(profiles: Rows) -> RowLayout:
    """Return room for the rows of these segments. Many rows are lower."""
    number = len(profiles) + 1 if len(profiles) > 1 else len(profiles)
    names = [width_of(name_of(row, NAMES), weight="bold") for row in profiles]
    left = 0.35 + max([*names, width_of(ALL_CUSTOMERS, weight="bold")]) + 0.25
    return RowLayout(number, 0.8 if number <= 7 else 0.65 if number <= 13 else 0.5, left)


def write_names(page: Page, profiles: Rows, layout: RowLayout) -> None:
    """Write the rows' names at the left, level with the bars."""
    if layout.number > len(profiles):
        page.write(0.35, layout.level(0), ALL_CUSTOMERS, weight="bold")
    for number, row in enumerate(profiles, layout.number - len(profiles)):
        write_segment(page, layout.level(number), row, NAMES)


def draw_rows(
    axes: Axes,
    by_segment: Mapping[int, Sequence[float]],
    peak: Callable[[Sequence[float]], str],
    layout: RowLayout,
    inches: float,
    pale: int | None = None,
) -> None:
    """Draw bars 0, 1, 2 … of every segment, each row to its own scale, below a row of their sums.

    `peak` gives the text above a row's highest bar. The axes are `inches` wide. The bar numbered `pale` is drawn
    lighter. Bars below zero hang from the row's base.
    """
    rows = [(segment_mark(segment_id).colour, values) for segment_id, values in by_segment.items()]
    if len(rows) > 1:
        rows.insert(0, (QUIET, [sum(values) for values in zip(*by_segment.values(), strict=True)]))
    number = len(rows[0][1])
    axes.set_xlim(-0.5, number - 0.5)
    axes.set_ylim(0, layout.body)
    axes.set_yticks([])
    axes.spines[["left", "bottom"]].set_visible(False)
    for position, (colour, values) in enumerate(rows):
        high, low = max([0.0, *values]), min([0.0, *values])
        scale = layout.bars / (high - low) if high > low else 0.0
        base = layout.body - (position + 1) * layout.height - low * scale
        bars = [bar for bar, value in enumerate(values) if value]
        colours = [to_rgba(colour, PALE if bar == pale else 1.0) for bar in bars]
        axes.bar(bars, [values[bar] * scale for bar in bars], BAR_WIDTH, bottom=base, color=colours, lw=0, zorder=3)
        axes.plot([-0.5, number - 0.5], [base, base], color=QUIET, lw=0.8, zorder=4)
        if high > 0:
            text = peak(values)
            half = width_of(text) / 2 * number / inches
            middle = min(max(values.index(high), half - 0.5), number - 0.5 - half)  # inside the axes
            axes.text(middle, base + high * scale + 0.03, text, ha="center", va="bottom", color=INK, zorder=5)
