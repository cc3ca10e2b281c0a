"""The segments chart shows every customer and median, and names the segment that brings much for its size."""

import numpy as np

from segmentation.report.charts.segments import segments_chart, segments_title
from tests.segmentation.report.charts.samples import (
    CLASSIC,
    assert_texts_apart,
    customers_of,
    many_profiles,
    profiles_of,
    words_of,
)


def test_the_title_names_the_few_who_bring_much() -> None:
    profiles = profiles_of(CLASSIC)
    title = "6 customers (0.1 %) bring 13 % of revenue: High Spend, Low Frequency"
    assert segments_title(profiles) == title
    assert segments_chart(customers_of(profiles), profiles).get_label() == title


def test_a_tiny_segment_without_weight_is_no_finding() -> None:
    profiles = profiles_of([("Many", 9000, "500.00", 1), ("Some", 999, "480.00", 2), ("One", 1, "20.00", 3)])
    assert segments_title(profiles) == "999 customers (10 %) bring 48 % of revenue: Some"


def test_alike_segments_and_a_single_one_have_modest_titles() -> None:
    even = profiles_of([("One", 50, "500.00", 2), ("Other", 50, "510.00", 9)])
    assert segments_title(even).startswith("Revenue follows size")
    assert segments_title(profiles_of([("All", 4338, "10.00", 2)])) == "One segment holds all 4,338 customers"


def test_a_sample_is_called_a_sample_and_a_full_set_is_not() -> None:
    profiles = profiles_of(CLASSIC)
    customers = customers_of(profiles)
    sampled = " ".join(words_of(segments_chart(customers, profiles, 434_000)))
    assert "120 of 434,000 customers drawn." in sampled
    whole = " ".join(words_of(segments_chart(customers, profiles, len(customers))))
    assert "drawn" not in whole
    assert "Revenue is without guests' sales." in whole


def test_skewed_axes_are_logarithmic_and_even_ones_are_not() -> None:
    profiles = profiles_of(CLASSIC)
    skewed = [
        {"total_spend": 10.0 * 2 ** (i % 12), "purchase_frequency": 1 + i % 3, "segment_id": 1} for i in range(99)
    ]
    (axes,) = segments_chart(skewed, many_profiles(1)).axes
    assert (axes.get_yscale(), axes.get_xscale()) == ("log", "linear")
    (axes,) = segments_chart(customers_of(profiles), profiles, currency="£").axes
    assert axes.get_ylabel() == "Spend per customer (£, logarithmic scale)"
    alike = [{"total_spend": 12.5, "purchase_frequency": 2, "segment_id": 1}] * 3
    (axes,) = segments_chart(alike, profiles_of([("All", 3, "37.50", 2)]), currency="£").axes
    assert (axes.get_yscale(), axes.get_xscale()) == ("linear", "linear")
    assert axes.get_ylabel() == "Spend per customer (£)"


def test_every_customer_and_every_median_is_inside_the_axes() -> None:
    profiles = profiles_of(CLASSIC)
    customers = customers_of(profiles, each=120)
    (axes,) = segments_chart(customers, profiles).axes
    points = np.concatenate([np.asarray(line.get_xydata()) for line in axes.lines])
    assert len([line for line in axes.lines if line.get_label() == "median"]) == len(profiles)
    assert len(points) == len(customers) + 2 * len(profiles), "a median has a white edge behind it"
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    assert all(left < x < right and low < y < high for x, y in points)


def test_crowded_orders_shift_by_less_than_half_an_order_and_it_is_said() -> None:
    customers = [{"total_spend": 5.0 + i % 7, "purchase_frequency": 2, "segment_id": 1} for i in range(400)]
    figure = segments_chart(customers, profiles_of([("All", 400, "3000.00", 2)]))
    shifted = np.asarray(figure.axes[0].lines[0].get_xdata())
    assert 1.5 < min(shifted) < 1.9
    assert 2.1 < max(shifted) < 2.5
    assert any("shifted" in words for words in words_of(figure))
    assert_texts_apart(figure)
