"""The charts as SVG: several stand in one page under a strict security policy, in any font and on any ground."""

import re
from xml.etree import ElementTree as ET

import pytest

from segmentation.report.charts.segments import segments_chart
from segmentation.report.charts.svg import PAGE_COLOURS, inline_svg
from segmentation.report.marks import segment_mark
from tests.segmentation.report.charts.samples import (
    CLASSIC,
    HOSTILE,
    all_charts,
    customers_of,
    many_profiles,
    profiles_of,
)

SVG = "{http://www.w3.org/2000/svg}"
SAFE_ELEMENTS = {"svg", "g", "path", "use", "defs", "clipPath", "rect", "text"}


@pytest.fixture(scope="module")
def svgs() -> dict[str, str]:
    return {name: inline_svg(figure, name) for name, figure in all_charts(profiles_of(CLASSIC)).items()}


@pytest.fixture(scope="module")
def roots(svgs: dict[str, str]) -> dict[str, ET.Element]:
    return {name: ET.fromstring(svg) for name, svg in svgs.items()}


def texts(root: ET.Element) -> list[str]:
    return [text.text or "" for text in root.iter(f"{SVG}text")]


def assert_inert(root: ET.Element) -> None:
    """Assert that nothing in it could run, fetch, or need a style that the page's policy forbids."""
    for element in root.iter():
        assert element.tag.removeprefix(SVG) in SAFE_ELEMENTS
        assert not [key for key, _ in element.items() if key == "style" or key.lower().startswith("on")]
        assert element.get("href", "#").startswith("#")


def test_a_chart_is_an_inert_svg_element(svgs: dict[str, str], roots: dict[str, ET.Element]) -> None:
    for name, svg in svgs.items():
        assert svg.startswith("<svg ")
        assert "xlink" not in svg
        assert_inert(roots[name])


def test_hostile_names_are_text_and_nothing_else() -> None:
    bad = '</text><script>alert(1)</script>"\' onload=alert(1) style="x" &#60; \u202e\x00 ]]> <!-- '
    profiles = [row | {"segment_name": name} for row, name in zip(many_profiles(2), (bad, HOSTILE[0]), strict=True)]
    roots = {
        name: ET.fromstring(inline_svg(figure, name)) for name, figure in all_charts(profiles, [bad, *HOSTILE]).items()
    }
    for root in roots.values():
        assert_inert(root)
    assert any("</text><script>alert(1)</script>\"'" in text for text in texts(roots["pareto"]))
    assert HOSTILE[0] in texts(roots["pareto"])


def test_the_root_scales_and_has_the_finding_as_its_alternative_text(roots: dict[str, ET.Element]) -> None:
    root = roots["segments"]
    assert root.get("aria-label") == "6 customers (0.1 %) bring 13 % of revenue: High Spend, Low Frequency"
    assert (root.get("role"), root.get("class"), root.get("width"), root.get("height")) == ("img", "chart", None, None)
    left, top, width, height = map(float, root.get("viewBox", "").split())
    assert (left, top) == (0, 0)
    assert width > 0
    assert height > 0


def test_ids_are_unique_in_a_page_and_references_stay_in_their_chart(roots: dict[str, ET.Element]) -> None:
    seen: set[str] = set()
    for root in roots.values():
        ids = [element.get("id", "") for element in root.iter() if "id" in element.attrib]
        assert len(ids) == len(set(ids))
        assert not seen & set(ids)
        seen |= set(ids)
        references = [element.get("href", "")[1:] for element in root.iter() if "href" in element.attrib]
        for element in root.iter():
            references += [id_ for value in element.attrib.values() for id_ in re.findall(r"url\(#(.*)\)", value)]
        assert set(references) == set(ids)


def test_the_same_figure_gives_the_same_text_and_so_do_the_same_rows(svgs: dict[str, str]) -> None:
    again = all_charts(profiles_of(CLASSIC))["segments"]
    assert svgs["segments"] == inline_svg(again, "segments") == inline_svg(again, "segments")


def test_the_page_can_set_colours_of_the_style_and_of_segments(svgs: dict[str, str]) -> None:
    svg = svgs["segments"]
    assert f"var(--s1, {segment_mark(1).colour.lower()})" in svg
    for colour in ("#1a1a1a", "#555555", "#d9d9d9", "#ffffff"):
        assert f"var({PAGE_COLOURS[colour]}, {colour})" in svg
        assert f'"{colour}"' not in svg


def test_text_stays_text_and_has_its_measured_length_for_other_fonts(roots: dict[str, ET.Element]) -> None:
    for root in roots.values():
        _, _, width, _ = map(float, root.get("viewBox", "").split())
        for text in root.iter(f"{SVG}text"):
            assert 0 < float(text.get("textLength", "0")) < width
            assert text.get("lengthAdjust") == "spacingAndGlyphs"
    assert "Orders per customer" in texts(roots["segments"])


def test_five_thousand_customers_stay_small() -> None:
    profiles = profiles_of(CLASSIC)
    figure = segments_chart(customers_of(profiles, each=1250), profiles, 434_000)
    assert len(inline_svg(figure, "segments").encode()) < 400_000
