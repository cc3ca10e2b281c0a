"""Texts and sizes in inches in, a page in the one look of every chart out, its texts measured so that none overlap."""
# TODO-DOC charts.marks: A segment's id and name in, the colour, shape and label it has in every chart out.
# TODO-DOC charts.svg: A figure in, the same chart as an SVG to stand inside an HTML page out: no styles,
# scripts or links, its own ids.  Text stays text: it can be found, selected and read at any size, and takes a
# fraction of the bytes of outlines. Each line of it carries the length that was measured when the page was
# laid out, to which browsers fit any other font, so that nothing overlaps where DejaVu Sans, or Verdana of
# nearly the same widths, is not installed.

import math
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, wraps
from io import StringIO
from pathlib import Path
from typing import Any, Final, NamedTuple, ParamSpec, TypeVar
from xml.etree import ElementTree as ET

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, fontManager
from matplotlib.ft2font import FT2Font
from matplotlib.lines import Line2D
from matplotlib.text import Text

from segmentation.report.text import Row, Rows

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

_GID: Final = "segment-"


def segment_mark(segment_id: int) -> SegmentMark:
    """The colour and shape of a segment (ids count from 1); past twelve they begin again."""
    return SEGMENT_MARKS[(segment_id - 1) % len(SEGMENT_MARKS)]


def segment_gid(segment_id: int) -> str:
    """The group id of what is drawn of a segment, by which a page can highlight it; several artists may share it."""
    return f"{_GID}{segment_id}"


def segment_of_gid(gid: str) -> int | None:
    """The segment whose `segment_gid` it is, None for any other text."""
    number = gid.removeprefix(_GID)
    return int(number) if number != gid and number.isdecimal() else None


def by_id(profiles: Rows) -> list[Row]:
    return sorted(profiles, key=lambda row: int(row["segment_id"]))


def name_of(profile: Row, width: float) -> str:
    """A segment's name in at most `width` inches of bold text."""
    return fit(profile["segment_name"] or f"Segment {profile['segment_id']}", width, weight="bold")


def write_segment(page: Page, level: float, profile: Row, width: float, weight: str = "normal") -> None:
    """A line of a legend at the page's left: the segment's mark, then its name in at most `width` inches."""
    segment_id = int(profile["segment_id"])
    (colour, marker), gid = segment_mark(segment_id), segment_gid(segment_id)
    across, up = page.figure.get_size_inches()
    x, y = (MARGIN + 0.12) / across, (page.bottom + level) / up
    mark = Line2D([x], [y], marker=marker, ms=10, mfc=colour, mec=INK, mew=0.8, ls="", gid=gid)
    mark.set_transform(page.figure.transFigure)
    page.figure.add_artist(mark)
    page.write(0.35, level, name_of(profile, width), weight=weight, gid=gid)


# The page may set these to show the charts on a dark ground; without them they are the colours of the PNG.
PAGE_COLOURS: Final = {
    INK.lower(): "--chart-ink",
    QUIET.lower(): "--chart-quiet",
    FAINT.lower(): "--chart-grid",
    "#ffffff": "--chart-paper",
    ACCENT.lower(): "--chart-accent",
    CONTRAST.lower(): "--chart-contrast",
}
FONT_FAMILY: Final = "DejaVu Sans, Verdana, Geneva, sans-serif"
POINTS_PER_INCH: Final = 72
DECIMALS: Final = 2  # of a point: finer than a screen's dots

_NAMESPACE: Final = "http://www.w3.org/2000/svg"
_LINKED_TO: Final = "{http://www.w3.org/1999/xlink}href"
_INHERITED: Final = {"fill", "stroke", "font-size", "font-weight", "text-anchor"}
_INHERITED_PREFIXES: Final = ("fill-", "stroke-")


@dataclass(frozen=True)
class DrawnChart:
    """A chart of a run for its report: `title` is its finding in plain text and its alternative text."""

    name: str
    title: str
    svg: str


def drawn_chart(figure: Figure, name: str) -> DrawnChart:
    return DrawnChart(name, str(figure.get_label()), inline_svg(figure, name))


def inline_svg(figure: Figure, name: str) -> str:
    """The figure as an SVG element for an HTML page with a strict content security policy.

    Every id and every reference to one begins with `name`. The root has `viewBox`, `class="chart"`, `role="img"` and
    the figure's label as `aria-label`. What is drawn of a segment lies in groups with `data-segment`, its id. Colours
    of the house style are `var(--chart-ink, …)` and the others of `PAGE_COLOURS`, and a segment's own is
    `var(--chart-segment-1, …)` to 12, its place in the palette. The same figure gives the same text.
    """
    drawn = ET.fromstring(_as_matplotlib_writes_it(figure))
    root = ET.Element(
        "svg",
        {
            "xmlns": _NAMESPACE,
            "viewBox": _rounded(drawn.get("viewBox", "")),
            "class": "chart",
            "role": "img",
            "aria-label": str(figure.get_label()),
            "font-family": FONT_FAMILY,
            "font-size": f"{TEXT_SIZE:g}px",
            "stroke-linejoin": "round",
        },
    )
    ids = {id_: f"{name}-{number}" for number, id_ in enumerate(_ids_referred_to(drawn), 1)}
    for child in drawn:
        root.extend(_translated(child, ids, None))
    return ET.tostring(root, encoding="unicode")


@in_house_style
def _as_matplotlib_writes_it(figure: Figure) -> str:
    text = StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return text.getvalue()


def _ids_referred_to(drawn: ET.Element) -> Iterator[str]:
    """The ids that something refers to, in the order of what they name; those of mere groups are left out."""
    referred = {
        reference
        for element in drawn.iter()
        for value in element.attrib.values()
        for reference in re.findall(r"^#(.+)$|^url\(#(.+)\)$", value)
        for reference in reference
    }
    return (id_ for element in drawn.iter() if (id_ := element.get("id")) in referred and id_)


def _translated(element: ET.Element, ids: dict[str, str], segment: int | None) -> list[ET.Element]:
    """The element without its style; instead of a mere group its children, of an empty one nothing."""
    tag = element.tag.removeprefix(f"{{{_NAMESPACE}}}")
    if tag in {"metadata", "style"}:
        return []
    own = segment_of_gid(element.get("id", "")) if tag == "g" else None
    inside = segment if own is None else own
    attributes = _attributes(element, ids, inside)
    if own is not None:
        attributes["data-segment"] = str(own)
    children = [new for child in element for new in _translated(child, ids, inside)]
    if tag in {"g", "defs", "clipPath"} and not children:
        return []
    if tag == "g":
        attributes |= _taken_from(children)
        if not attributes:
            return children
    made = ET.Element(tag, attributes)
    made.extend(children)
    if tag == "text":
        made.text = element.text
        _fit_any_font(made)
    return [made]


def _attributes(element: ET.Element, ids: dict[str, str], segment: int | None) -> dict[str, str]:
    """Styles as presentation attributes, numbers rounded, colours and ids as the page knows them."""
    attributes: dict[str, str] = {}
    for key, value in element.attrib.items():
        if key == "style":
            attributes |= {name: _style_value(text, segment) for name, text in _declarations(value)}
        elif key == "id":
            if value in ids:
                attributes["id"] = ids[value]
        elif key == _LINKED_TO:
            attributes["href"] = f"#{ids[value.removeprefix('#')]}"
        elif value.startswith("url(#"):
            attributes[key] = f"url(#{ids[value[5:-1]]})"
        elif not (key == "transform" and value.startswith("rotate(-0 ")):
            attributes[key] = _rounded(value)
    attributes.pop("font-family", None)  # the root's
    if attributes.get("font-size") == f"{TEXT_SIZE:g}px":
        del attributes["font-size"]
    if attributes.get("text-anchor") == "start":
        del attributes["text-anchor"]
    return attributes


def _declarations(style: str) -> Iterator[tuple[str, str]]:
    """Each property of a style and its value; of the shorthand `font`, which has no attribute, its parts."""
    for declaration in filter(str.strip, style.split(";")):
        name, _, value = (part.strip() for part in declaration.partition(":"))
        if name != "font":
            yield name, value
            continue
        *words, size = value.partition("px")[0].split()
        yield "font-size", f"{size}px"
        yield from (("font-weight", word) for word in words if word.isdecimal() or word == "bold")


def _style_value(value: str, segment: int | None) -> str:
    if segment is not None and value == segment_mark(segment).colour.lower():
        return f"var(--chart-segment-{(segment - 1) % len(SEGMENT_MARKS) + 1}, {value})"
    if value in PAGE_COLOURS:
        return f"var({PAGE_COLOURS[value]}, {value})"
    return value if value.startswith("#") else _rounded(value)


def _rounded(value: str) -> str:
    """Numbers to `DECIMALS`, without final zeros, and one space between them."""
    short = re.sub(r"\d+\.\d+", lambda number: f"{float(number[0]):.{DECIMALS}f}".rstrip("0").rstrip("."), value)
    return " ".join(short.split())


def _taken_from(children: list[ET.Element]) -> dict[str, str]:
    """The inherited attributes that all children share, taken from them: a thousand points need one colour."""
    if len(children) < 2 or any(child.tag == "defs" for child in children):
        return {}
    first, *others = children
    shared = {
        key: value
        for key, value in first.attrib.items()
        if (key in _INHERITED or key.startswith(_INHERITED_PREFIXES)) and all(o.get(key) == value for o in others)
    }
    for child in children:
        for key in shared:
            del child.attrib[key]
    return shared


def _fit_any_font(text: ET.Element) -> None:
    size = float(text.get("font-size", f"{TEXT_SIZE:g}px").removesuffix("px"))
    weight = "bold" if text.get("font-weight") in {"700", "bold"} else "normal"
    length = width_of(text.text or "", size, weight) * POINTS_PER_INCH
    text.set("textLength", _rounded(f"{length:.6f}"))
    text.set("lengthAdjust", "spacingAndGlyphs")
