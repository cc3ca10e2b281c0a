"""The one look of every chart: colours, texts measured so that none overlap, pages, and each segment's mark."""

import math
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, fontManager
from matplotlib.ft2font import FT2Font
from matplotlib.lines import Line2D
from matplotlib.text import Text

from segmentation import schemas as s
from segmentation.report.marks import segment_mark
from segmentation.report.text import Row

INK: Final = "#1A1A1A"
QUIET: Final = "#555555"  # 7.5 : 1 on white, still easy to read
FAINT: Final = "#D9D9D9"
ACCENT: Final = "#0072B2"
CONTRAST: Final = "#D55E00"

TITLE_SIZE: Final = 16.0
TEXT_SIZE: Final = 11.0  # the smallest size used; at half size it is still 11 pixels high
LINE: Final = 1.35  # line height as a multiple of the font size
MARGIN: Final = 0.3  # inches around the page
DPI: Final = 150
NO_GLYPH: Final = "\u25a1"  # an empty box for a character that no font has

# DejaVu Sans ships with matplotlib; the others help only where they are installed (Chinese, Japanese, Korean, Indic).
FONTS: Final = ("DejaVu Sans", "Noto Sans", "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans Devanagari")

_STYLE: Final[dict[str, Any]] = {
    "font.size": TEXT_SIZE,
    "text.color": INK,
    "text.parse_math": False,  # `$` and `_` in a product's description are characters, never formulas
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.labelsize": TEXT_SIZE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": False,
    "grid.color": FAINT,
    "grid.linewidth": 0.8,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelsize": TEXT_SIZE,
    "ytick.labelsize": TEXT_SIZE,
}


@contextmanager
def house_style(settings: Mapping[str, Any] | None = None) -> Iterator[None]:
    """Draw in this style alone, whatever the reader's matplotlibrc says; also a decorator. `settings` are added."""
    with matplotlib.style.context(["default", _STYLE | {"font.family": list(_fonts())} | dict(settings or {})]):
        yield


@house_style()
def save(figure: Figure, path: Path | str) -> None:
    """Write the figure as PNG. The same figure gives the same bytes: no date, no version."""
    packing = {"compress_level": 4}  # two thirds of the default's time, and as small but for 2 %
    figure.savefig(path, format="png", dpi=DPI, metadata={"Software": None}, pil_kwargs=packing)


# ---- texts that fit ------------------------------------------------------------------------------------------------


@cache
def _fonts() -> tuple[str, ...]:
    installed = set(fontManager.get_font_names())
    return tuple(font for font in FONTS if font in installed)


@cache
def _drawable() -> frozenset[int]:
    return frozenset(code for font in _fonts() for code in FT2Font(findfont(font)).get_charmap())


@cache
def _ruler() -> RendererAgg:
    return RendererAgg(1, 1, DPI)  # type: ignore[no-untyped-call]


def plain(text: Any) -> str:
    """Return the text on one line, without control and direction characters, a box for each missing glyph."""
    characters = (" " if c.isspace() else c for c in str(text))
    visible = (c for c in characters if unicodedata.category(c)[0] != "C")
    return " ".join("".join(c if ord(c) in _drawable() else NO_GLYPH for c in visible).split())


@lru_cache(maxsize=4096)  # the same texts stand in several charts
def width_of(text: str, size: float = TEXT_SIZE, weight: str = "normal") -> float:
    """Return the width of a line of text in inches."""
    font = FontProperties(family=list(_fonts()), size=size, weight=weight)
    width, _, _ = _ruler().get_text_width_height_descent(text, font, False)  # type: ignore[no-untyped-call]
    return float(width) / DPI


def fit(text: Any, width: float, size: float = TEXT_SIZE, weight: str = "normal") -> str:
    """Return the `plain` text, shortened with an ellipsis to at most `width` inches."""
    whole = plain(text)
    most = int(width * 72)  # no letter is so narrow that more of them fit
    if len(whole) <= most and width_of(whole, size, weight) <= width:
        return whole
    cut = bisect_right(range(min(len(whole), most)), width, key=lambda n: width_of(f"{whole[:n]}…", size, weight)) - 1
    return f"{whole[: max(cut, 0)].rstrip()}…"


def wrapped(text: Any, width: float, size: float = TEXT_SIZE, weight: str = "normal") -> list[str]:
    """Return the text in lines of at most `width` inches. A number stays with its percent sign."""
    words = [word for word in plain(text).replace(" %", "\u00a0%").split(" ") if word]
    lines: list[str] = []
    while words:
        number = bisect_right(
            range(len(words)), width, key=lambda last: width_of(" ".join(words[: last + 1]), size, weight)
        )
        lines.append(" ".join(words[:number]) if number else fit(words[0], width, size, weight))
        words = words[max(number, 1) :]
    return [line.replace("\u00a0", " ") for line in lines]


# ---- pages ---------------------------------------------------------------------------------------------------------


class PageFigure(Figure):
    """A figure that knows its texts and the inches above and below its body, so that a web page can write them itself.

    `headings` are the texts as drawn.
    """

    title = ""
    explanation = ""
    note = ""
    above = 0.0
    below = 0.0
    headings: tuple[Text, ...] = ()


@dataclass(frozen=True)
class Page:
    """A figure with its title and texts, and the free body between them.

    Lengths are inches from the body's lower left corner.
    """

    figure: PageFigure
    width: float
    height: float
    bottom: float

    def axes(self, left: float, bottom: float, width: float, height: float) -> Axes:
        """Return axes with their frame, not counting tick labels, at this position."""
        across, up = self.figure.get_size_inches()
        rectangle = ((MARGIN + left) / across, (self.bottom + bottom) / up, width / across, height / up)
        return self.figure.add_axes(rectangle)

    def write(self, left: float, bottom: float, text: str, **style: Any) -> Text:
        """Write a line of text that is plain and measured already, vertically centred at `bottom`."""
        across, up = self.figure.get_size_inches()
        style = {"va": "center", "ha": "left"} | style
        return self.figure.text((MARGIN + left) / across, (self.bottom + bottom) / up, text, **style)


def new_page(title: str, explanation: str, note: str, *, width: float, body: float) -> Page:
    """Return a page `width` inches wide, with room for its texts and a body of `body` inches.

    The plain title is also the figure's label (`figure.get_label()`): the alternative text of the chart.
    """
    inside = width - 2 * MARGIN
    blocks = [
        (wrapped(title, inside, TITLE_SIZE, "bold"), TITLE_SIZE, "bold", INK),
        (wrapped(explanation, inside), TEXT_SIZE, "normal", QUIET),
    ]
    notes = wrapped(note, inside)
    header = sum(len(lines) * size * LINE / 72 + 0.05 for lines, size, _, _ in blocks) + 0.15
    bottom = MARGIN + len(notes) * TEXT_SIZE * LINE / 72 + (0.15 if notes else 0)
    height = MARGIN + header + body + bottom
    figure = PageFigure(figsize=(width, height), dpi=DPI, facecolor="white")
    figure.title, figure.explanation, figure.note = plain(title), plain(explanation), plain(note)
    figure.above, figure.below = MARGIN + header, bottom
    FigureCanvasAgg(figure)  # no pyplot: nothing outlives a figure
    figure.set_label(plain(title))

    top, drawn = height - MARGIN, []
    for lines, size, weight, colour in [*blocks, (notes, TEXT_SIZE, "normal", QUIET)]:
        if lines is notes:
            top = MARGIN + len(notes) * TEXT_SIZE * LINE / 72
        for line in lines:
            text = figure.text(MARGIN / width, top / height, line, size=size, weight=weight, color=colour, va="top")
            drawn.append(text)
            top -= size * LINE / 72
        top -= 0.05
    figure.headings = tuple(drawn)
    return Page(figure, inside, body, bottom)


def heading(axes: Axes, text: str) -> None:
    """Name the vertical axis in reading direction, above the axis."""
    axes.set_ylabel(text, rotation=0, ha="left", va="bottom")
    axes.yaxis.set_label_coords(0.0, 1.02)


def log_ticks(low: float, high: float, at_most: int = 8) -> list[float]:
    """Return round numbers between two positive ones: 1, 2, 5 in each decade, or decades only where they crowd."""
    decades = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
    for steps in ((1, 2, 5), (1,)):
        ticks = [step * 10.0**decade for decade in decades for step in steps if low <= step * 10.0**decade <= high]
        if len(ticks) <= at_most:
            return ticks
    return ticks[:: math.ceil(len(ticks) / at_most)]


# ---- segments ------------------------------------------------------------------------------------------------------


def name_of(profile: Row, width: float) -> str:
    """Return a segment's name in at most `width` inches of bold text."""
    return fit(profile[s.SEGMENT_NAME] or f"Segment {profile['segment_id']}", width, weight="bold")


def write_segment(page: Page, level: float, profile: Row, width: float, weight: str = "normal") -> None:
    """Write a legend's line at the page's left: the segment's mark, then its name in at most `width` inches."""
    colour, marker = segment_mark(int(profile[s.SEGMENT_ID]))
    across, up = page.figure.get_size_inches()
    x, y = (MARGIN + 0.12) / across, (page.bottom + level) / up
    mark = Line2D([x], [y], marker=marker, ms=10, mfc=colour, mec=INK, mew=0.8, ls="")
    mark.set_transform(page.figure.transFigure)
    page.figure.add_artist(mark)
    page.write(0.35, level, name_of(profile, width), weight=weight)
