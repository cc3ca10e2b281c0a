"""Texts and sizes in inches in, a page in the one look of every chart out, its texts measured so that none overlap."""

import math
import unicodedata
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, wraps
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, fontManager
from matplotlib.ft2font import FT2Font
from matplotlib.text import Text

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
MISSING: Final = "\u25a1"  # an empty box in place of a character that no font has

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
    "legend.frameon": False,
    "legend.fontsize": TEXT_SIZE,
    "svg.fonttype": "none",  # text, not outlines
    "svg.hashsalt": "segments",  # the same ids in every run
}

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")


# ---- texts that fit ------------------------------------------------------------------------------------------------


@cache
def _fonts() -> tuple[str, ...]:
    installed = set(fontManager.get_font_names())
    return tuple(font for font in FONTS if font in installed)


@cache
def _drawable() -> frozenset[int]:
    return frozenset(code for font in _fonts() for code in FT2Font(findfont(font)).get_charmap())


def plain(text: Any) -> str:
    """Any text on one line and harmless: no control or bidirectional override characters, a box for missing glyphs."""
    kept = "".join(
        " " if character.isspace() else character
        for character in str(text)
        if character.isspace() or unicodedata.category(character)[0] != "C"
    )
    drawable = _drawable()
    return " ".join("".join(c if ord(c) in drawable else MISSING for c in kept).split())


@cache
def _ruler() -> RendererAgg:
    return RendererAgg(1, 1, DPI)  # type: ignore[no-untyped-call]


def width_of(text: str, size: float = TEXT_SIZE, weight: str = "normal") -> float:
    """The width of a line of text in inches."""
    font = FontProperties(family=list(_fonts()), size=size, weight=weight)
    width, _, _ = _ruler().get_text_width_height_descent(text, font, False)  # type: ignore[no-untyped-call]
    return float(width) / DPI


def fit(text: Any, width: float, size: float = TEXT_SIZE, weight: str = "normal") -> str:
    """The text as `plain` makes it, shortened with an ellipsis to at most `width` inches."""
    whole = plain(text)
    most = int(width * 72)  # no letter is so narrow that more of them fit
    if len(whole) <= most and width_of(whole, size, weight) <= width:
        return whole
    cut = bisect_right(range(min(len(whole), most)), width, key=lambda n: width_of(f"{whole[:n]}…", size, weight)) - 1
    return f"{whole[: max(cut, 0)].rstrip()}…"


def wrapped(text: Any, width: float, size: float = TEXT_SIZE, weight: str = "normal") -> list[str]:
    """The text in lines of at most `width` inches; a number stays with its percent sign."""
    lines: list[str] = []
    for word in plain(text).replace(" %", "\u00a0%").split(" "):
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and width_of(longer, size, weight) <= width:
            lines[-1] = longer
        elif word:
            lines.append(fit(word, width, size, weight))
    return [line.replace("\u00a0", " ") for line in lines]


# ---- pages ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Page:
    """A figure with its header written, and the free body below it; lengths are inches from the body's lower left."""

    figure: Figure
    width: float
    height: float
    bottom: float

    def axes(self, left: float, bottom: float, width: float, height: float) -> Axes:
        """Axes whose frame (without tick labels) takes the given place."""
        across, up = self.figure.get_size_inches()
        rectangle = ((MARGIN + left) / across, (self.bottom + bottom) / up, width / across, height / up)
        return self.figure.add_axes(rectangle)

    def write(self, left: float, bottom: float, text: str, **style: Any) -> Text:
        """A line of text, already plain and measured; its middle is at `bottom`."""
        across, up = self.figure.get_size_inches()
        style = {"va": "center", "ha": "left"} | style
        return self.figure.text((MARGIN + left) / across, (self.bottom + bottom) / up, text, **style)


def new_page(title: str, explanation: str, note: str, *, width: float, body: float) -> Page:
    """A page as wide as told, as high as its texts and a body of `body` inches need.

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
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)  # no pyplot: nothing outlives a figure
    figure.set_label(plain(title))

    top = height - MARGIN
    for lines, size, weight, colour in [*blocks, (notes, TEXT_SIZE, "normal", QUIET)]:
        if lines is notes:
            top = MARGIN + len(notes) * TEXT_SIZE * LINE / 72
        for line in lines:
            figure.text(MARGIN / width, top / height, line, size=size, weight=weight, color=colour, va="top")
            top -= size * LINE / 72
        top -= 0.05
    return Page(figure, inside, body, bottom)


def log_ticks(low: float, high: float, at_most: int = 8) -> list[float]:
    """Round numbers between two positive ones: 1, 2, 5 in each decade while there is room, then decades only."""
    decades = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
    for steps in ((1, 2, 5), (1,)):
        ticks = [step * 10.0**decade for decade in decades for step in steps if low <= step * 10.0**decade <= high]
        if len(ticks) <= at_most:
            return ticks
    return ticks[:: math.ceil(len(ticks) / at_most)]


def heading(axes: Axes, text: str) -> None:
    """The vertical axis named in reading direction, above the axis."""
    axes.set_ylabel(text, rotation=0, ha="left", va="bottom")
    axes.yaxis.set_label_coords(0.0, 1.02)


def in_house_style(chart: Callable[_Parameters, _Result]) -> Callable[_Parameters, _Result]:
    """Run a function under this style alone, whatever the reader's matplotlibrc says, and put the old one back."""

    @wraps(chart)
    def styled(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Result:
        with matplotlib.style.context(["default", _STYLE | {"font.family": list(_fonts())}]):
            return chart(*args, **kwargs)

    return styled


@in_house_style
def save(figure: Figure, path: Path | str) -> None:
    """Write the figure as PNG; the same figure gives the same bytes (no dates, no versions inside)."""
    figure.savefig(path, format="png", dpi=DPI, metadata={"Software": None})
