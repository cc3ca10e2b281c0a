"""The charts as SVG: several stand in one page under a strict security policy, in any font and on any ground."""

import re
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from segmentation.report.charts.segments import segments_chart
from segmentation.report.charts.style import segment_gid, segment_of_gid
from segmentation.report.charts.svg import PAGE_COLOURS, inline_svg
from segmentation.report.marks import segment_mark
from tests.segmentation.report.charts.test_charts import (
    CLASSIC,
    HOSTILE,
    Row,
    all_charts,
    customers_of,
    many_profiles,
    profiles_of,
)

SVG = "{http://www.w3.org/2000/svg}"
SAFE_ELEMENTS = {"svg", "g", "path", "use", "defs", "clipPath", "rect", "text"}


def parsed(svg: str) -> ET.Element:
    return ET.fromstring(svg)


def charts(profiles: Sequence[Row], labels: Sequence[str] | None = None) -> dict[str, ET.Element]:
    return {name: parsed(inline_svg(figure, name)) for name, figure in all_charts(profiles, labels).items()}


def texts(root: ET.Element) -> list[str]:
    return [text.text or "" for text in root.iter(f"{SVG}text")]


def test_a_chart_is_an_svg_element_of_a_few_harmless_kinds_without_style_script_or_link() -> None:
    for name, figure in all_charts(profiles_of(CLASSIC)).items():
        svg = inline_svg(figure, name)
        assert svg.startswith("<svg ")
        assert "xlink" not in svg
        for element in parsed(svg).iter():
            assert element.tag.removeprefix(SVG) in SAFE_ELEMENTS
            assert not {key for key in element.keys() if key == "style" or key.lower().startswith("on")}  # noqa: SIM118
            assert element.get("href", "#").startswith("#")


def test_the_root_scales_and_has_the_finding_as_its_alternative_text() -> None:
    root = parsed(inline_svg(all_charts(profiles_of(CLASSIC))["segments"], "segments"))
    assert root.get("aria-label") == "6 customers (0.1 %) bring 13 % of revenue: High Spend, Low Frequency"
    assert (root.get("role"), root.get("class"), root.get("width"), root.get("height")) == ("img", "chart", None, None)
    left, top, width, height = map(float, root.get("viewBox", "").split())
    assert (left, top) == (0, 0)
    assert width > 0
    assert height > 0


def test_ids_are_unique_in_a_page_of_all_charts_and_every_reference_is_to_one_of_its_own_chart() -> None:
    seen: set[str] = set()
    for root in charts(profiles_of(CLASSIC)).values():
        ids = [element.get("id", "") for element in root.iter() if "id" in element.attrib]
        assert len(ids) == len(set(ids))
        assert not seen & set(ids)
        seen |= set(ids)
        references = [e.get("href", "")[1:] for e in root.iter() if "href" in e.attrib]
        references += [
            match for e in root.iter() for v in e.attrib.values() for match in re.findall(r"url\(#(.*)\)", v)
        ]
        assert set(references) == set(ids)


def test_the_same_figure_gives_the_same_text_and_so_do_the_same_rows() -> None:
    figure = all_charts(profiles_of(CLASSIC))["segments"]
    again = all_charts(profiles_of(CLASSIC))["segments"]
    assert inline_svg(figure, "x") == inline_svg(figure, "x") == inline_svg(again, "x")


def test_hostile_names_are_text_and_nothing_else(tmp_path: Path) -> None:
    bad = "</text><script>alert(1)</script>\"' onload=alert(1) &#60; \u202e\x00 ]]> <!-- "
    profiles = [row | {"segment_name": name} for row, name in zip(many_profiles(2), (bad, HOSTILE[0]), strict=True)]
    roots = charts(profiles, [bad, *HOSTILE])
    for root in roots.values():
        assert {element.tag.removeprefix(SVG) for element in root.iter()} <= SAFE_ELEMENTS
        assert not {key for element in root.iter() for key in element.attrib if key.startswith("on")}
    assert any("</text><script>" in text for text in texts(roots["pareto"]))
    assert HOSTILE[0] in texts(roots["pareto"])


def test_what_is_drawn_of_a_segment_lies_in_its_group_and_nothing_else_does() -> None:
    profiles = profiles_of(CLASSIC)
    roots = charts(profiles)
    for name in ("segments", "profiles"):
        groups = [element for element in roots[name].iter(f"{SVG}g") if "data-segment" in element.attrib]
        assert {group.get("data-segment") for group in groups} == {"1", "2", "3", "4"}
        for row in profiles:
            inside = [g for g in groups if g.get("data-segment") == str(row["segment_id"])]
            assert next(text for group in inside for text in texts(group)) == row["segment_name"]
    customers = [
        len(
            [
                use
                for g in roots["segments"].iter(f"{SVG}g")
                if g.get("data-segment") == n
                for use in g.iter(f"{SVG}use")
            ]
        )
        for n in "1234"
    ]
    assert customers == [30 + 3] * 4, "thirty customers, the centre, what is behind it, and the mark in the table"
    assert not [e for e in roots["pareto"].iter() if "data-segment" in e.attrib]


def test_colours_of_the_style_and_of_segments_can_be_set_by_the_page() -> None:
    svg = inline_svg(all_charts(profiles_of(CLASSIC))["segments"], "segments")
    assert f"var(--chart-segment-1, {segment_mark(1).colour.lower()})" in svg
    for colour in ("#1a1a1a", "#555555", "#d9d9d9", "#ffffff"):
        assert f"var({PAGE_COLOURS[colour]}, {colour})" in svg
        assert f'"{colour}"' not in svg
    pareto = inline_svg(all_charts(profiles_of(CLASSIC))["pareto"], "pareto")
    assert '"#6c9ebf"' in pareto, "class B is none of the page's"


def test_text_stays_text_and_has_its_measured_length_for_other_fonts() -> None:
    for root in charts(profiles_of(CLASSIC)).values():
        _, _, width, _ = map(float, root.get("viewBox", "").split())
        for text in root.iter(f"{SVG}text"):
            assert 0 < float(text.get("textLength", "0")) < width
            assert text.get("lengthAdjust") == "spacingAndGlyphs"
    assert "Orders per customer" in texts(charts(profiles_of(CLASSIC))["segments"])


def test_five_thousand_customers_stay_small() -> None:
    profiles = profiles_of(CLASSIC)
    figure = segments_chart(customers_of(profiles, each=1250), profiles, 434_000)
    assert len(inline_svg(figure, "segments").encode()) < 400_000


@pytest.mark.parametrize("gid", ["", "segment-", "segment-x", "patch_2", "axes_1", "segments-1"])
def test_only_a_segments_group_id_names_a_segment(gid: str) -> None:
    assert segment_of_gid(gid) is None
    assert segment_of_gid(segment_gid(37)) == 37
