"""The profiles chart compares each segment with the average customer, whatever the sign and the size of the numbers."""

import pytest
from matplotlib.colors import to_rgb

from segmentation import schemas as s
from segmentation.report.charts.profiles import SCALE, profiles_chart
from segmentation.report.compare import Cell, cells, comparison_title, relative_to_average
from tests.segmentation.report.charts.samples import (
    CLASSIC,
    Row,
    assert_texts_apart,
    many_profiles,
    overall_of,
    profiles_of,
    words_of,
)

RECENCY = "recency_days"


@pytest.mark.parametrize(
    ("mean", "average", "text", "strength"),
    [
        (120.0, 100.0, "+20 %", 0.13),
        (200.0, 100.0, "2×", 0.5),
        (320.0, 100.0, "3.2×", 0.84),
        (9300.0, 100.0, "93×", 1.0),
        (25.0, 100.0, "−75 %", -1.0),
        (0.1, 100.0, "−99 %", -1.0),
        (0.0, 100.0, "none", -1.0),
        (0.0, 0.0, "0 %", 0.0),
        (None, 100.0, "–", None),
    ],
)
def test_a_cell_shows_how_far_a_mean_is_from_the_average(
    mean: float | None, average: float | None, text: str, strength: float | None
) -> None:
    cell = relative_to_average(mean, average)
    assert cell.text == text
    assert cell.strength == (None if strength is None else pytest.approx(strength, abs=0.01))


def test_means_below_zero_are_compared_in_their_own_unit() -> None:
    means = [{"mean_total_spend": mean} for mean in (-20.0, 40.0, None)]
    assert cells(means, {"mean_total_spend": 10.0}, "total_spend", "£") == [
        Cell("−£30", -1.0),
        Cell("+£30", 1.0),
        Cell("–", None),
    ]
    profiles = profiles_of([("Returning", 10, "-500.00", 1), ("Buying", 30, "3000.00", 2)])
    words = words_of(
        profiles_chart(profiles, overall_of(profiles), ["total_spend", "purchase_frequency"], currency="£")
    )
    assert {"−£112", "+£38", "£62"} <= words, "−50 and 100 against 62.5"


def test_less_of_what_should_be_little_is_better() -> None:
    [few, many] = cells([{"mean_recency_days": days} for days in (5.0, 40.0)], {"mean_recency_days": 20.0}, RECENCY, "")
    assert (few.text, few.strength) == ("−75 %", 1.0)
    assert (many.text, many.strength) == ("2×", -0.5)


def test_the_title_names_the_feature_in_which_segments_differ_most() -> None:
    title = comparison_title(profiles_of(CLASSIC), overall_of(profiles_of(CLASSIC)), s.NUMERIC_FEATURES)
    assert title == "The segments range from 0.53 to 93 times the average in spending"
    alike = profiles_of([("One", 50, "500.00", 2), ("Other", 50, "510.00", 2)])
    assert (
        comparison_title(alike, overall_of(alike), ["total_spend"])
        == "The segments hardly differ from the average customer"
    )
    assert comparison_title(many_profiles(1), {}, ["total_spend"]).startswith("One segment")
    assert (
        comparison_title(alike, overall_of(alike), ["return_rate"])
        == "How the segments differ from the average customer"
    )


def test_all_cells_and_averages_are_written_and_empty_features_left_out() -> None:
    profiles = [row | {"mean_return_rate": 0.0, "mean_units_bought": None} for row in profiles_of(CLASSIC)]
    words = words_of(profiles_chart(profiles, overall_of(profiles), s.NUMERIC_FEATURES, currency="£"))
    assert {"£2k", "93×", "−47 %", "28×", "0 %"} <= words
    assert {"Orders", "All customers"} <= words
    assert "bought" not in words


def test_one_giant_does_not_make_the_others_grey() -> None:
    profiles = profiles_of([("Low", 5000, "500000.00", 1), ("Middle", 500, "150000.00", 2), ("One", 1, "9e8", 3)])
    figure = profiles_chart(profiles, overall_of(profiles), ["purchase_frequency"])
    colours = [to_rgb(patch.get_facecolor()) for patch in figure.axes[0].patches]
    grey = SCALE(0.5)[:3]
    assert max(abs(a - b) for a, b in zip(colours[1], grey, strict=True)) > 0.2


@pytest.mark.parametrize("segments", [1, 12, 50])
def test_texts_stay_apart_with_all_features(segments: int) -> None:
    profiles: list[Row] = [
        row | {f"mean_{feature}": 10.0 ** (n * row["segment_id"] / 30) for n, feature in enumerate(s.NUMERIC_FEATURES)}
        for row in many_profiles(segments)
    ]
    assert_texts_apart(profiles_chart(profiles, overall_of(profiles), s.NUMERIC_FEATURES, currency="CHF"))


def test_no_feature_at_all_is_no_error() -> None:
    assert_texts_apart(profiles_chart(many_profiles(2), {}, []))
