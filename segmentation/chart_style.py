"""The one look of every chart: page, fonts, colours, numbers for people, and the way to the file.

Every figure is a page measured in inches: a title that says the finding, a line of explanation, a body, a note. Texts
are measured before they are placed, so that nothing overlaps whatever the names are. No pyplot: nothing outlives a
figure.
"""

import math
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, wraps
from pathlib import Path
from typing import Any, Final, NamedTuple, ParamSpec, TypeVar

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
}

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")


class SegmentMark(NamedTuple):
    """How one segment is drawn in every chart."""

    colour: str
    marker: str


# Chosen by greedy search for the greatest smallest colour difference (CIELAB) seen with normal sight and, by the
# matrices of Machado, Oliveira and Fernandes (2009), with protanopia, deuteranopia and tritanopia: at least 27 among
# the first six, 11 among all twelve. Each has its own shape besides.
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


def segment_mark(segment_id: int) -> SegmentMark:
    """The colour and shape of a segment (ids count from 1); past twelve they begin again."""
    return SEGMENT_MARKS[(segment_id - 1) % len(SEGMENT_MARKS)]


# ---- numbers for people --------------------------------------------------------------------------------------------


def finite(value: Any) -> float | None:
    """Any number (int, float, Decimal, NumPy) as a float; None, NaN and infinity as None."""
    number = math.nan if value is None else float(value)
    return number if math.isfinite(number) else None


def compact(value: Any, currency: str = "", figures: int = 0) -> str:
    """A number in at most three figures: 0.05, 7.5, 43, 1.2k, £3.4M, −£120; a missing one is a dash.

    A final zero is kept where the number was rounded: 2,048 is 2.0k, 2,000 is 2k. For the round numbers on an axis
    `figures` asks for so many figures, without final zeros: 1,250 is 1.25k.

    >>> compact(1234), compact(3_400_000, "£"), compact(-120, "£"), compact(999_600), compact(50, "CHF"), compact(2048)
    ('1.2k', '£3.4M', '−£120', '1.0M', 'CHF 50', '2.0k')
    """
    number = finite(value)
    if number is None:
        return "–"
    sign = "−" if number < 0 else ""
    symbol = f"{currency} " if currency and currency[-1].isalpha() else currency
    size = abs(number)
    for suffix in ("", "k", "M", "bn", "tn"):
        digits = f"{size:.{figures}g}" if figures else _in_few_digits(size)
        if float(digits) < 1000 or suffix == "tn":
            break
        size /= 1000
    return f"{sign if float(digits) else ''}{symbol}{digits}{suffix}"


def _in_few_digits(size: float) -> str:
    if size == 0:
        return "0"
    decimals = 0 if size >= 9.95 else 1 if size >= 0.995 else min(1 - math.floor(math.log10(size)), 6)
    text = f"{size:.{decimals}f}"
    exact = "." in text and math.isclose(float(text), size, rel_tol=1e-9)
    return text.rstrip("0").rstrip(".") if exact else text


def percent(share: Any) -> str:
    """A share of one as a percentage that never rounds something to nothing or a part to the whole.

    >>> percent(0.128), percent(0.054), percent(0.00138), percent(0.0001), percent(0.9999), percent(1)
    ('13 %', '5.4 %', '0.1 %', '<0.1 %', '>99 %', '100 %')
    """
    number = finite(share)
    if number is None:
        return "–"
    value = 100 * number
    if value < 0:
        return f"−{percent(-number)}"
    if 0 < value < 0.1:
        return "<0.1 %"
    if 99.5 <= value < 100 - 1e-9:
        return ">99 %"
    whole = value >= 9.95 or math.isclose(value, round(value), rel_tol=1e-9)
    return f"{value:.0f} %" if whole else f"{value:.1f} %"


def count(value: int) -> str:
    """A whole number with thousands separators: 434,000."""
    return f"{value:,}"


_WORDS: Final = (
    *("zero", "one", "two", "three", "four", "five", "six"),
    *("seven", "eight", "nine", "ten", "eleven", "twelve"),
)


def in_words(number: int) -> str:
    """Small numbers as words (one … twelve), others in digits."""
    return _WORDS[number] if 0 <= number < len(_WORDS) else count(number)


def sentence(text: str) -> str:
    """The text with its first letter capital and the rest untouched."""
    return text[:1].upper() + text[1:]


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
    FigureCanvasAgg(figure)
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


def column(rows: Sequence[Mapping[str, Any]], name: str) -> list[float | None]:
    """One column of collected rows as floats, None where a row has no number."""
    return [finite(row.get(name)) for row in rows]
