"""How a segment is marked in every chart, table and card, and the small drawings inside the report's tables.

Each drawing is an SVG whose colours are classes of the report's style sheet: `s1` to `s12` for the segments.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from markupsafe import Markup

from segmentation.redaction import printable


class SegmentMark(NamedTuple):
    """How one segment is drawn: its colour, and its marker by matplotlib's name."""

    colour: str
    marker: str


# Chosen by greedy search for the greatest smallest colour difference (CIELAB) seen with normal sight and, by the
# matrices of Machado, Oliveira and Fernandes (2009), with protanopia, deuteranopia and tritanopia: at least 27 within
# the first six, 11 within all twelve.
SEGMENT_MARKS: Final = (
    SegmentMark("#56B4E9", "o"),
    SegmentMark("#E69F00", "s"),
    SegmentMark("#117733", "^"),
    SegmentMark("#882255", "D"),
    SegmentMark("#332288", "v"),
    SegmentMark("#999999", "P"),
    SegmentMark("#C7A76C", "X"),
    SegmentMark("#5C2A00", "p"),
    SegmentMark("#A6761D", "<"),
    SegmentMark("#AA4499", "*"),
    SegmentMark("#6A3D9A", ">"),
    SegmentMark("#009E73", "h"),
)
# Of the customers of whom nothing stayed (segment_id 0): no colour of the palette.
NOTHING_STAYED: Final = SegmentMark("#8D959C", "X")
# Each marker as a path in a square of 16.
SHAPES: Final = {
    "o": "M8 2a6 6 0 1 1 0 12a6 6 0 1 1 0-12z",
    "s": "M2.7 2.7h10.6v10.6H2.7z",
    "^": "M8 2L14.2 13.5H1.8z",
    "v": "M8 14L1.8 2.5h12.4z",
    "<": "M2 8L13.5 1.8v12.4z",
    ">": "M14 8L2.5 14.2V1.8z",
    "D": "M8 1.3L14.7 8L8 14.7L1.3 8z",
    "P": "M6 1.8h4V6h4.2v4H10v4.2H6V10H1.8V6H6z",
    "X": "M4.5 1.8L8 5.3l3.5-3.5l2.7 2.7L10.7 8l3.5 3.5l-2.7 2.7L8 10.7l-3.5 3.5l-2.7-2.7L5.3 8L1.8 4.5z",
    "p": "M8 1.6L14.5 6.3L12 14H4L1.5 6.3z",
    "h": "M8 1.4L13.9 4.7v6.6L8 14.6L2.1 11.3V4.7z",
    "*": "M8 1.2l1.7 4.6l4.9.2l-3.9 3l1.4 4.8L8 11.1l-4.1 2.7l1.4-4.8l-3.9-3l4.9-.2z",
}
WIDE: Final = 1000
BARS_HIGH: Final = 100


def segment_mark(segment_id: int) -> SegmentMark:
    """Return the colour and marker of a segment, which are those of its id in every run.

    Ids count from 1. After each twelve the colours begin again, with other markers: up to 144 the marks differ.
    """
    if segment_id == 0:
        return NOTHING_STAYED
    turn, place = divmod(segment_id - 1, len(SEGMENT_MARKS))
    return SegmentMark(SEGMENT_MARKS[place].colour, SEGMENT_MARKS[(place + turn) % len(SEGMENT_MARKS)].marker)


def palette_class(segment_id: int) -> str:
    """Return the class of the style sheet that colours a segment."""
    return "s0" if segment_id == 0 else f"s{(segment_id - 1) % len(SEGMENT_MARKS) + 1}"


def mark_svg(segment_id: int) -> Markup:
    """Draw a segment's marker in its colour, to stand before its name."""
    return Markup(
        '<svg class="mark" viewBox="0 0 16 16" aria-hidden="true"><path class="{}" d="{}"></path></svg>'
    ).format(palette_class(segment_id), SHAPES[segment_mark(segment_id).marker])


def mix_bar(parts: Iterable[tuple[str, float]], description: str) -> Markup:
    """Draw shares of one as a bar of pieces. `parts` are pairs of a class and a share."""
    pieces, left = [], 0
    for name, share in parts:
        # The edges are rounded, not the widths: no gap and no overlap.
        right = min(WIDE, left + math.ceil(WIDE * share))
        pieces.append(_piece(name, left, right - left))
        left = right
    drawing = Markup(
        '<svg class="mix" viewBox="0 0 {} 10" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>'
    )
    return drawing.format(WIDE, description, Markup("").join(pieces))


def step_bar(start: float, share: float, kind: str) -> Markup:
    """Draw a step of the waterfall, from `start` and `share` wide; a share above 0 is always visible."""
    width = max(WIDE * share, 2.0)
    piece = _piece(kind, min(WIDE * start, WIDE - width), width) if share > 0 else ""
    drawing = Markup('<svg class="step" viewBox="0 0 {} 10" preserveAspectRatio="none" aria-hidden="true">{}</svg>')
    return drawing.format(WIDE, piece)


def bars(values: Sequence[float], name: str, description: str, pale: int | None = None) -> Markup:
    """Draw values as bars over a common base, the highest as high as the drawing; values below zero hang from it.

    `name` is the class that colours them; the bar numbered `pale` is lighter.
    """
    high, low = max([0.0, *values]), min([0.0, *values])
    scale = BARS_HIGH / (high - low) if high > low else 0.0
    base = high * scale
    pieces = [
        Markup('<rect class="{}" x="{}" y="{:.1f}" width="8.4" height="{:.1f}"></rect>').format(
            f"{name} pale" if number == pale else name,
            10 * number,
            base - max(value, 0.0) * scale,
            max(abs(value) * scale, 0.5),
        )
        for number, value in enumerate(values)
        if value
    ]
    drawing = Markup(
        '<svg class="bars" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>'
    )
    return drawing.format(10 * max(len(values), 1), BARS_HIGH, printable(description), Markup("").join(pieces))


class Drawing(NamedTuple):
    """A chart for the page: the same picture for wide and narrow windows, its texts apart, so that they wrap."""

    title: str
    explanation: str
    note: str
    wide: str
    narrow: str


def _piece(name: str, left: float, width: float) -> Markup:
    return Markup('<rect class="{}" x="{:.0f}" width="{:.0f}" height="10"></rect>').format(name, left, width)
