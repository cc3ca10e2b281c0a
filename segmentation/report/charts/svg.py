"""Write a figure as an SVG element that stands in an HTML page, next to others, under a strict security policy.

matplotlib's own SVG carries its looks in `style` attributes, which the policy forbids, and in colours that suit a light
page alone. Both become attributes that a browser accepts and a page may override. Text stays text: people can find it,
select it and have it read aloud.
"""

import re
from collections.abc import Iterator
from io import StringIO
from typing import Final
from xml.etree import ElementTree as ET

from matplotlib.figure import Figure

from segmentation.report.charts.style import (
    ACCENT,
    CONTRAST,
    FAINT,
    INK,
    MARGIN,
    QUIET,
    TEXT_SIZE,
    PageFigure,
    house_style,
    width_of,
)
from segmentation.report.marks import NOTHING_STAYED, SEGMENT_MARKS, Drawing

# The page's custom properties, by which the charts adapt to a dark ground.
PAGE_COLOURS: Final = {
    INK.lower(): "--ink",
    QUIET.lower(): "--quiet",
    FAINT.lower(): "--line",
    "#ffffff": "--paper",
    ACCENT.lower(): "--accent",
    CONTRAST.lower(): "--taken",
    **{mark.colour.lower(): f"--s{number}" for number, mark in enumerate((NOTHING_STAYED, *SEGMENT_MARKS))},
}
FONT_FAMILY: Final = "DejaVu Sans, Verdana, Geneva, sans-serif"
POINTS_PER_INCH: Final = 72
EDGE: Final = 0.06  # inches left around a body, for the halves of symbols and lines
DECIMALS: Final = 2  # of a point: finer than a screen's dots

_NAMESPACE: Final = "http://www.w3.org/2000/svg"
_HREF: Final = "{http://www.w3.org/1999/xlink}href"


def drawing(wide: PageFigure, narrow: PageFigure, name: str) -> Drawing:
    """Return a chart for the page, drawn for wide and for narrow windows, with the texts of `wide`."""
    return Drawing(wide.title, wide.explanation, wide.note, _body_svg(wide, name), _body_svg(narrow, f"narrow-{name}"))


def _body_svg(figure: PageFigure, name: str) -> str:
    """Return the figure as an SVG element without its title, explanation, note and margins."""
    for text in figure.headings:
        text.set_visible(False)
    width, height = figure.get_size_inches()
    side = MARGIN - EDGE
    box = (side, figure.above - EDGE, width - 2 * side, height - figure.above - figure.below + 2 * EDGE)
    view = _rounded(" ".join(f"{inches * POINTS_PER_INCH:.6f}" for inches in box))
    return re.sub('viewBox="[^"]*"', f'viewBox="{view}"', inline_svg(figure, name), count=1)


def inline_svg(figure: Figure, name: str) -> str:
    """Return the figure as an SVG element without styles, scripts and links. The same figure gives the same text.

    Ids are hashes salted with `name`, so that no two charts of a page share one. The root scales (`viewBox` only) and
    has the figure's label as `aria-label`.
    """
    drawn = ET.fromstring(_matplotlib_svg(figure, name))
    root = ET.Element(
        "svg",
        {
            "xmlns": _NAMESPACE,
            "viewBox": _rounded(drawn.attrib["viewBox"]),
            "class": "chart",
            "role": "img",
            "aria-label": str(figure.get_label()),
            "font-family": FONT_FAMILY,
            "stroke-linejoin": "round",
        },
    )
    root.extend(drawn.findall(f"{{{_NAMESPACE}}}g") + drawn.findall(f"{{{_NAMESPACE}}}defs[{{{_NAMESPACE}}}clipPath]"))
    for element in root.iterfind(".//*"):
        element.tag = element.tag.removeprefix(f"{{{_NAMESPACE}}}")
        element.attrib = dict(_attributes(element))
        if element.tag == "text":
            _fit_any_font(element)
    for group in root.iter("g"):
        _share_style(group)
    return ET.tostring(root, encoding="unicode")


def _matplotlib_svg(figure: Figure, salt: str) -> str:
    text = StringIO()
    with house_style({"svg.fonttype": "none", "svg.hashsalt": salt}):
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return text.getvalue()


def _attributes(element: ET.Element) -> Iterator[tuple[str, str]]:
    """Yield the attributes with styles as presentation attributes, rounded numbers and the page's colours."""
    for key, value in element.items():
        if key == "style":
            for declaration in filter(str.strip, value.split(";")):
                name, _, setting = (part.strip() for part in declaration.partition(":"))
                if name != "font-family":  # the root's
                    yield name, _setting(setting)
        elif key == _HREF:
            yield "href", value
        elif key != "id" or element.tag != "g":
            yield key, _rounded(value)


def _setting(value: str) -> str:
    if value in PAGE_COLOURS:
        return f"var({PAGE_COLOURS[value]}, {value})"
    return value if value.startswith("#") else _rounded(value)


def _rounded(value: str) -> str:
    """Return the text with numbers of at most `DECIMALS`, without final zeros, and single spaces."""
    short = re.sub(r"\d+\.\d+", lambda number: f"{float(number[0]):.{DECIMALS}f}".rstrip("0").rstrip("."), value)
    return " ".join(short.split())


def _fit_any_font(text: ET.Element) -> None:
    """Give the text the length it was laid out with, so that no other font makes it overlap."""
    size = float(text.get("font-size", f"{TEXT_SIZE:g}px").removesuffix("px"))
    weight = "bold" if text.get("font-weight") == "700" else "normal"
    text.set("textLength", _rounded(f"{width_of(text.text or '', size, weight) * POINTS_PER_INCH:.6f}"))
    text.set("lengthAdjust", "spacingAndGlyphs")


def _share_style(group: ET.Element) -> None:
    """Move the attributes that all symbols of a group share to the group: thousands of points need one colour."""
    if len(group) < 2 or {child.tag for child in group} != {"use"}:
        return
    for key, value in list(group[0].items()):
        if key not in {"href", "x", "y"} and all(symbol.get(key) == value for symbol in group):
            group.set(key, value)
            for symbol in group:
                del symbol.attrib[key]
