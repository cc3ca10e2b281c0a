"""Texts fit where they are drawn, ticks are round, and each segment has its own mark."""

from segmentation.report.charts.style import fit, log_ticks, plain, width_of, wrapped
from segmentation.report.marks import SEGMENT_MARKS, segment_mark
from tests.segmentation.report.charts.samples import HOSTILE


def test_texts_lose_only_what_cannot_be_drawn() -> None:
    assert plain("a\u202eb\x00c\ud800 \n d") == "abc d"
    assert plain(None) == "None"
    assert plain(HOSTILE[0]) == HOSTILE[0]


def test_shortened_texts_fit_and_wrapped_ones_keep_all_words() -> None:
    short = fit("W" * 200, 2.0)
    assert short.endswith("…")
    assert 1.7 < width_of(short) <= 2.0
    assert width_of(fit("endless " * 100_000, 3.0)) <= 3.0
    lines = wrapped("bring 13 % of revenue " * 9, 2.0)
    assert " ".join(lines) == ("bring 13 % of revenue " * 9).strip()
    assert all(width_of(line) <= 2.0 and not line.startswith("%") for line in lines)
    assert wrapped("", 2.0) == []


def test_logarithmic_ticks_are_round_and_few() -> None:
    assert log_ticks(0.9, 120) == [1, 2, 5, 10, 20, 50, 100]
    assert log_ticks(0.5, 2e6) == [1, 10, 100, 1e3, 1e4, 1e5, 1e6]
    assert len(log_ticks(1e-6, 1e9, at_most=4)) <= 4


def test_each_segment_has_its_own_colour_and_shape() -> None:
    assert len({mark.colour for mark in SEGMENT_MARKS}) == len({mark.marker for mark in SEGMENT_MARKS}) == 12
    assert segment_mark(1) == SEGMENT_MARKS[0]
    assert segment_mark(12) == SEGMENT_MARKS[11]
    assert segment_mark(13).colour == SEGMENT_MARKS[0].colour
    assert len({segment_mark(number) for number in range(1, 145)}) == 144
