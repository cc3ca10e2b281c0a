"""The flow chart: customers from the segments of the run before to those of this one."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final, NamedTuple

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path

from segmentation import schemas as s
from segmentation.report.changes import flow_title, row_order
from segmentation.report.charts.style import INK, QUIET, Page, PageFigure, fit, house_style, new_page, width_of, wrapped
from segmentation.report.marks import segment_mark
from segmentation.report.text import Row, Rows, day

TALLEST: Final = 3.2  # inches of all customers
NARROWEST: Final = 0.022  # inches of a band: a single customer is seen
BAR: Final = 0.12  # inches of a segment's bar
MARK: Final = 0.34  # inches of a segment's symbol
LINE: Final = 0.2  # inches of a line of a label
GAP: Final = 0.16  # inches between two segments
HEAD: Final = 0.4  # inches above, for the days
# Inches and lines of a name, at most.
NAMES: Final = (2.3, 2)
NAMES_ON_A_PHONE: Final = (1.5, 3)
ROOMY: Final = 6.0  # inches of a page with room for names on both sides
STAYED, MOVED, OTHERS = 0.28, 0.9, 0.5  # opacity
NOWHERE: Final = -1  # the row of those who entered or left, below the segments


class _Band(NamedTuple):
    """Customers from one row to another, and the width of their band in inches."""

    before: int
    after: int
    width: float


class _Side(NamedTuple):
    """One of both runs: the lines of each row's label, and how many inches high its bar is."""

    labels: Mapping[int, list[str]]
    bars: Mapping[int, float]

    @property
    def width(self) -> float:
        """The inches of the widest label with its symbol."""
        return MARK + max(width_of(line) for lines in self.labels.values() for line in lines)

    def height(self, row: int) -> float:
        return max(self.bars.get(row, 0.0), LINE * len(self.labels.get(row, ())))


@house_style()
def flow_chart(moves: Rows, profiles: Rows, days: tuple[date, date], *, width: float = 10) -> PageFigure:
    """Draw customers from the segments of one run to those of the next, as bands as wide as they are many.

    `moves` are the rows of `changes.movements`, at least one; `profiles` those of segment_profiles in the order to draw
    them in; `days` are those of both runs.
    """
    bands = _bands(moves)
    sides = _sides(moves, bands, width > ROOMY)
    order = [row for row in (*row_order(moves, profiles), NOWHERE) if any(row in side.bars for side in sides)]
    heights = {row: max(side.height(row) for side in sides) for row in order}
    body = HEAD + sum(heights.values()) + GAP * (len(order) - 1)
    explanation = (
        f"Left the segments of {day(days[0])}, right those of {day(days[1])}. A band is as wide as its customers are "
        "many: pale where they stayed, strong where they moved, grey from those who entered and to those who left."
    )
    page = new_page(flow_title(moves), explanation, "", width=width, body=body)
    axes = page.axes(0, 0, page.width, body)
    axes.set_xlim(0, page.width)
    axes.set_ylim(0, body)
    axes.axis("off")
    top, middles = body - HEAD, {}
    for row in order:
        middles[row] = top - heights[row] / 2
        top -= heights[row] + GAP
    edges = (sides[0].width, page.width - sides[1].width)
    _draw_bands(axes, bands, sides, middles, (edges[0] + BAR, edges[1] - BAR))
    for number, (side, edge) in enumerate(zip(sides, edges, strict=True)):
        page.write(number * page.width, body - 0.12, day(days[number]), color=QUIET, ha="right" if number else "left")
        for row in side.bars:
            _draw_end(page, axes, side, row, (edge, middles[row]), is_right=bool(number))
    return page.figure


def _bands(moves: Rows) -> list[_Band]:
    sizes: dict[tuple[int, int], int] = {}
    for move in moves:
        ends = _end(move, s.PREVIOUS_SEGMENT_ID), _end(move, s.SEGMENT_ID)
        sizes[ends] = sizes.get(ends, 0) + move[s.CUSTOMERS]
    inches = TALLEST / sum(sizes.values())
    return [_Band(*ends, max(size * inches, NARROWEST)) for ends, size in sizes.items()]


def _end(move: Row, column: str) -> int:
    return NOWHERE if move[column] is None else int(move[column])


def _sides(moves: Rows, bands: Sequence[_Band], is_roomy: bool) -> tuple[_Side, _Side]:
    """Return both runs. On a phone only the right one has names."""
    sides = []
    ends = (
        (s.PREVIOUS_SEGMENT_ID, s.PREVIOUS_SEGMENT_NAME, "Entered", NAMES if is_roomy else None),
        (s.SEGMENT_ID, s.SEGMENT_NAME, "Left", NAMES if is_roomy else NAMES_ON_A_PHONE),
    )
    for number, (id_column, name_column, nowhere, room) in enumerate(ends):
        names: dict[int, str] = {}
        sizes: dict[int, int] = {}
        for move in moves:
            row = _end(move, id_column)
            names[row] = nowhere if row == NOWHERE else str(move[name_column] or f"Segment {row}")
            sizes[row] = sizes.get(row, 0) + move[s.CUSTOMERS]
        labels = {row: [*_name_lines(names[row], room, row), f"{sizes[row]:,}"] for row in names}
        bars = {row: sum(band.width for band in bands if band[number] == row) for row in names}
        sides.append(_Side(labels, bars))
    return sides[0], sides[1]


def _name_lines(name: str, room: tuple[float, int] | None, row: int) -> list[str]:
    """Return a name in a few lines that fit; where there is no room, none but of those who entered."""
    if room is None:
        return [name] if row == NOWHERE else []
    width, most = room
    lines = wrapped(name, width)
    return lines if len(lines) <= most else [*lines[: most - 1], fit(" ".join(lines[most - 1 :]), width)]


def _draw_bands(
    axes: Axes,
    bands: Sequence[_Band],
    sides: tuple[_Side, _Side],
    middles: Mapping[int, float],
    edges: tuple[float, float],
) -> None:
    """Draw each band between its ends, which lie side by side in the order of the rows."""
    tops = [{row: middles[row] + side.bars[row] / 2 for row in side.bars} for side in sides]
    order = list(middles)
    left_of, right_of = {}, {}
    for band in sorted(bands, key=lambda band: order.index(band.after)):
        left_of[band] = tops[0][band.before]
        tops[0][band.before] -= band.width
    for band in sorted(bands, key=lambda band: order.index(band.before)):
        right_of[band] = tops[1][band.after]
        tops[1][band.after] -= band.width
    for band in bands:
        stayed, other = band.before == band.after, NOWHERE in band[:2]
        axes.add_patch(
            PathPatch(
                _curve(edges, left_of[band] - band.width / 2, right_of[band] - band.width / 2),
                fc="none",
                ec=QUIET if other else segment_mark(band.before).colour,
                alpha=STAYED if stayed else OTHERS if other else MOVED,
                lw=72 * band.width,
                capstyle="butt",
                zorder=2 if stayed else 3 if other else 4,
            )
        )


def _curve(edges: tuple[float, float], left: float, right: float) -> Path:
    """Return the middle line of a band, level at both ends."""
    (first, last), middle = edges, sum(edges) / 2
    return Path([(first, left), (middle, left), (middle, right), (last, right)], [Path.MOVETO, *[Path.CURVE4] * 3])


def _draw_end(page: Page, axes: Axes, side: _Side, row: int, at: tuple[float, float], *, is_right: bool) -> None:
    """Draw a row's bar, its symbol and its label, outwards from the bar's outer edge."""
    (edge, middle), away = at, 1 if is_right else -1
    colour, marker = segment_mark(max(row, 0))
    corner = (edge - BAR if is_right else edge, middle - side.bars[row] / 2)
    axes.add_patch(Rectangle(corner, BAR, side.bars[row], fc=QUIET if row == NOWHERE else colour, lw=0, zorder=5))
    if row != NOWHERE:
        symbol = Line2D([edge + away * 0.16], [middle], marker=marker, ms=9, mfc=colour, mec=INK, mew=0.8, ls="")
        axes.add_line(symbol)
    lines = side.labels[row]
    for number, line in enumerate(lines):
        level = middle + LINE * ((len(lines) - 1) / 2 - number)
        is_count = number == len(lines) - 1
        where, style = edge + away * MARK, {"ha": "left" if is_right else "right"}
        page.write(where, level, line, color=QUIET if is_count and len(lines) > 1 else INK, **style)
