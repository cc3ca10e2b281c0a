"""The recency chart shows when each segment last bought, true to the counts, with the medians of the profiles."""

import pytest

from segmentation.report.charts.style import segment_gid
from segmentation.report.charts.timeline import recency_chart, recency_title
from tests.segmentation.report.charts.test_charts import (
    AS_OF,
    CLASSIC,
    LONG,
    Row,
    assert_texts_apart,
    bins_of,
    many_profiles,
    profiles_of,
    words_of,
)


def with_medians(profiles: list[Row], *medians: float | None) -> list[Row]:
    return [row | {"median_recency_days": median} for row, median in zip(profiles, medians, strict=True)]


@pytest.mark.parametrize(
    ("medians", "title"),
    [
        ((2.0, 57.0), "Low: half bought in the last 2 days; High: in the last 57"),
        ((240.0, 1.0), "High: half bought in the last 1 day; Low: in the last 240"),
        ((50.0, 60.0), "The segments are alike in when they last bought: half within some 60 days"),
        ((None, 31.5), "Half of the customers bought in the last 32 days"),
        ((None, None), "When the customers of each segment last bought"),
    ],
)
def test_the_title_names_the_most_and_the_least_recent(medians: tuple[float | None, ...], title: str) -> None:
    profiles = with_medians(profiles_of([("Low", 5, "10", 1), ("High", 5, "100", 1)]), *medians)
    assert recency_title(profiles) == title
    assert_texts_apart(recency_chart(bins_of(profiles), profiles, AS_OF, 10))


def test_bars_are_true_to_the_counts_and_say_their_share() -> None:
    profiles = with_medians(profiles_of(CLASSIC[:2]), 57.0, 8.0)
    bins = [
        {"days_up_to": 10, "segment_id": 1, "customers": 30},
        {"days_up_to": 40, "segment_id": 1, "customers": 10},
        {"days_up_to": 10, "segment_id": 2, "customers": 7},
    ]
    figure = recency_chart(bins, profiles, AS_OF, 10)
    (axes,) = figure.axes
    first, second = (bar for bar in axes.patches if bar.get_gid() == segment_gid(1))
    assert first.get_height() == pytest.approx(3 * second.get_height())  # type: ignore[attr-defined]
    assert second.get_x() - first.get_x() == pytest.approx(3)  # type: ignore[attr-defined]
    assert {"75 %", "100 %", "79 %", "57 days", "8 days", "0", "40"} <= words_of(figure)


def test_the_axis_starts_where_the_customers_do() -> None:
    profiles = with_medians(profiles_of(CLASSIC[:1]), 3005.0)
    bins = [{"days_up_to": days, "segment_id": 1, "customers": 4} for days in (3010, 3050)]
    words = words_of(recency_chart(bins, profiles, AS_OF, 10))
    assert "3,000" in words
    assert "0" not in words


@pytest.mark.parametrize("segments", [1, 2, 12, 50])
@pytest.mark.parametrize("days", [1, 10, 18_980])
def test_texts_stay_apart(segments: int, days: int) -> None:
    profiles = [row | {"median_recency_days": 99.5} for row in many_profiles(segments, LONG)]
    assert_texts_apart(recency_chart(bins_of(profiles, days), profiles, AS_OF, days))


def test_no_customer_at_all_is_no_error() -> None:
    profiles = with_medians(profiles_of(CLASSIC[:2]), None, None)
    assert_texts_apart(recency_chart([], profiles, AS_OF, 10))
