"""Numbers along a common axis in, one row of small bars for each segment out: for time and for distributions."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from matplotlib.axes import Axes

from segmentation.charts.marks import name_of, segment_gid, segment_mark, write_segment
from segmentation.charts.numbers import Rows
from segmentation.charts.style import FAINT, INK, QUIET, Page, width_of

EVERYONE: Final = "All customers"
NAMES: Final = 3.4  # inches of a segment's name, at most
LABEL: Final = 0.22  # inches over a bar for its number
FOOT: Final = 0.62  # inches under a panel for its axis


class BarRow(NamedTuple):
    """The bars of a segment, or of all customers where it is None, and the text over the highest of them."""

    segment_id: int | None
    values: Sequence[float]
    peak: str


class RowRoom(NamedTuple):
    """Where the rows stand: their number, the height of one, and the left edge of what is right of the names."""

    number: int
    height: float
    left: float

    @property
    def bars(self) -> float:
        """The height of a row's highest bar in inches."""
        return self.height - LABEL - 0.08

    @property
    def body(self) -> float:
        """The height of all rows in inches."""
        return self.number * self.height


def rows_for(profiles: Rows) -> RowRoom:
    """Room for a row for all customers, unless there is one segment only, and one for each segment."""
    number = len(profiles) + (len(profiles) > 1)
    names = [width_of(name_of(row, NAMES), weight="bold") for row in profiles]
    left = 0.35 + max([*names, width_of(EVERYONE, weight="bold")]) + 0.25
    return RowRoom(number, 0.8 if number <= 7 else 0.65 if number <= 13 else 0.5, left)


def write_names(page: Page, profiles: Rows, rows: RowRoom) -> None:
    """The rows' names at the left, level with the bars."""
    level = FOOT + rows.body - rows.height + (rows.height - LABEL) / 2
    if rows.number > len(profiles):
        page.write(0.35, level, EVERYONE, weight="bold")
        level -= rows.height
    for row in profiles:
        write_segment(page, level, row, NAMES)
        level -= rows.height


def draw_rows(axes: Axes, bars: Sequence[BarRow], rows: RowRoom, inches: float, pale: Sequence[int] = ()) -> None:
    """Bars 0, 1, 2 … of every row, each row to its own scale; axes are `inches` wide, and as high as the rows.

    The bars at the places `pale` are drawn lighter. Bars below zero hang from the row's base.
    """
    number = max((len(row.values) for row in bars), default=1)
    axes.set_xlim(-0.5, number - 0.5)
    axes.set_ylim(0, rows.body)
    axes.set_yticks([])
    axes.spines[["left", "bottom"]].set_visible(False)
    for position, row in enumerate(bars):
        high, low = max([0.0, *row.values]), min([0.0, *row.values])
        scale = rows.bars / (high - low) if high > low else 0.0
        base = rows.body - (position + 1) * rows.height - low * scale
        colour = QUIET if row.segment_id is None else segment_mark(row.segment_id).colour
        gid = None if row.segment_id is None else segment_gid(row.segment_id)
        for place, value in enumerate(row.values):
            if value:
                alpha = 0.4 if place in pale else 1.0
                axes.bar(place, value * scale, 0.84, bottom=base, color=colour, alpha=alpha, lw=0, zorder=3, gid=gid)
        axes.plot([-0.5, number - 0.5], [base, base], color=QUIET, lw=0.8, zorder=4)
        if high > 0:
            place = max(range(len(row.values)), key=lambda n: row.values[n])
            _label_peak(axes, row.peak, place, base + high * scale, number / inches, gid)


def _label_peak(axes: Axes, text: str, place: int, top: float, per_inch: float, gid: str | None) -> None:
    """The text over a bar, moved sideways as far as it would else leave the axes."""
    half = width_of(text) / 2 * per_inch
    low, high = axes.get_xlim()
    middle = min(max(place, low + half), high - half)
    axes.text(middle, top + 0.03, text, ha="center", va="bottom", color=INK, zorder=5, gid=gid)


def mark_places(axes: Axes, places: Sequence[float]) -> None:
    """Faint lines across all rows, as at the turn of a year."""
    for place in places:
        axes.axvline(place, color=FAINT, lw=0.8, zorder=1)
