"""A figure in, the same chart as an SVG to stand inside an HTML page out: no styles, scripts or links, its own ids.

Text stays text: it can be found, selected and read at any size, and takes a fraction of the bytes of outlines. Each
line of it carries the length that was measured when the page was laid out, to which browsers fit any other font, so
that nothing overlaps where DejaVu Sans, or Verdana of nearly the same widths, is not installed.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from typing import Final
from xml.etree import ElementTree as ET

from matplotlib.figure import Figure

from segmentation.charts.marks import SEGMENT_MARKS, segment_mark, segment_of_gid
from segmentation.charts.style import ACCENT, CONTRAST, FAINT, INK, QUIET, TEXT_SIZE, in_house_style, width_of

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
