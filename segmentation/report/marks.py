"""Small drawings inside the report's lines: a segment's mark, its shares of a row, a step of the waterfall.

Each is an SVG whose colours are classes of the report's style sheet, `s1` to `s12` by the place in the palette.
"""

import math
from collections.abc import Iterable
from typing import Final

from markupsafe import Markup

from segmentation.charts.marks import SEGMENT_MARKS, segment_mark

GUESTS: Final = "guests"
SMALLER: Final = "smaller"
WIDE: Final = 1000
# Each shape of the charts' markers in a square of 16.
_SHAPES: Final = {
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


def place_in_palette(segment_id: int) -> str:
    """The class that colours what is drawn of a segment."""
    return f"s{SEGMENT_MARKS.index(segment_mark(segment_id)) + 1}"


def mark(segment_id: int) -> Markup:
    """The segment's symbol, in its shape and colour; its name stands beside it."""
    shape = _SHAPES[segment_mark(segment_id).marker]
    return Markup(
        '<svg class="mark" viewBox="0 0 16 16" aria-hidden="true"><path class="{}" d="{}"></path></svg>'
    ).format(place_in_palette(segment_id), shape)


def mix_bar(parts: Iterable[tuple[str, float]], described: str) -> Markup:
    """Shares of one as pieces of a bar, in their order; `parts` are a class and a share each."""
    pieces, at = [], 0
    for name, share in parts:
        # The edges are rounded, not the widths: no gap and no overlap.
        upto = min(WIDE, at + math.ceil(WIDE * share)) if share > 0 else at
        if upto > at:
            piece = Markup('<rect class="{}" x="{}" width="{}" height="10"></rect>')
            pieces.append(piece.format(name, at, upto - at))
        at = upto
    drawn = Markup(
        '<svg class="mix" viewBox="0 0 {} 10" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>'
    )
    return drawn.format(WIDE, described, Markup("").join(pieces))


def step_bar(start: float, share: float, kind: str) -> Markup:
    """A step of the waterfall: from where to how wide, as shares of all lines read; at least a hair where not 0."""
    width = max(WIDE * share, 2.0) if share > 0 else 0.0
    left = min(WIDE * start, WIDE - width)
    drawn = '<svg class="step" viewBox="0 0 {} 10" preserveAspectRatio="none" aria-hidden="true">{}</svg>'
    piece = Markup('<rect class="{}" x="{}" width="{}" height="10"></rect>').format(kind, f"{left:.1f}", f"{width:.1f}")
    return Markup(drawn).format(WIDE, piece if width else "")
