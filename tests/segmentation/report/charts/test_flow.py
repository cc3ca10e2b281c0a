"""The flow chart: bands as wide as customers, from the segments of one run to those of the next."""

from datetime import date

import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import PathPatch, Rectangle

from segmentation.report.charts import NARROW, WIDE
from segmentation.report.charts.flow import BAR, NARROWEST, STAYED, TALLEST, flow_chart
from segmentation.report.charts.style import QUIET, PageFigure
from segmentation.report.marks import segment_mark
from tests.segmentation.report.charts.samples import (
    AS_OF,
    CLASSIC,
    assert_texts_apart,
    many_profiles,
    moves_of,
    profiles_of,
    words_of,
)
from tests.segmentation.report.sample_report import Row, move

DAYS = (date(2011, 12, 9), AS_OF)
MOVES = [move(1, 1, 800), move(1, 2, 100, "purchase"), move(2, 2, 99), move(None, 1, 500, "purchase"), move(2, None, 1)]


def bands_of(figure: PageFigure) -> list[PathPatch]:
    return [patch for patch in figure.axes[0].patches if isinstance(patch, PathPatch)]


def chart_of(moves: list[Row], width: float = WIDE) -> PageFigure:
    return flow_chart(moves, profiles_of(CLASSIC), DAYS, width=width)


def test_a_band_is_as_wide_as_its_customers_are_many_and_the_narrowest_is_seen():
    widths = [band.get_linewidth() / 72 for band in bands_of(chart_of(MOVES))]
    inches = TALLEST / 1500
    assert widths == pytest.approx([800 * inches, 100 * inches, 99 * inches, 500 * inches, NARROWEST])


def test_bars_are_as_high_as_their_bands_together_on_both_sides():
    bars = [patch for patch in chart_of(MOVES).axes[0].patches if isinstance(patch, Rectangle)]
    inches = TALLEST / 1500
    heights = [bar.get_height() / inches for bar in bars if bar.get_width() == pytest.approx(BAR)]
    few = NARROWEST / inches
    assert sorted(heights[:3]) == pytest.approx([99 + few, 500, 900])
    assert sorted(heights[3:]) == pytest.approx([few, 199, 1300])


def test_stays_are_pale_moves_have_the_colour_left_and_grey_is_who_entered_or_left():
    stay, moved, _, entered, left = bands_of(chart_of(MOVES))
    assert to_hex(stay.get_edgecolor()) == to_hex(moved.get_edgecolor()) == segment_mark(1).colour.lower()
    assert stay.get_alpha() == STAYED < (entered.get_alpha() or 0) < (moved.get_alpha() or 0)
    assert to_hex(entered.get_edgecolor()) == to_hex(left.get_edgecolor()) == QUIET.lower()


def test_a_segment_that_is_gone_has_a_row_of_its_own():
    words = words_of(flow_chart([move(1, 1, 9), move(4, 1, 3, "refit")], profiles_of(CLASSIC[:1]), DAYS, width=WIDE))
    assert {"High Spend, Low Frequency", "Low Spend, Low Frequency", "12", "3"} <= words


@pytest.mark.parametrize("width", [WIDE, NARROW])
@pytest.mark.parametrize("k", [2, 10])
def test_no_text_overlaps_another(width: float, k: int):
    profiles = many_profiles(k)
    assert_texts_apart(flow_chart(moves_of(profiles), profiles, DAYS, width=width))
