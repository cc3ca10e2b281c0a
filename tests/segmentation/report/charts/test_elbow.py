"""The elbow chart marks the chosen k and says in its title how it was chosen."""

from collections.abc import Sequence

import pytest

from segmentation.report.charts.elbow import elbow_chart, elbow_title, knee_of
from tests.segmentation.report.charts.samples import CLASSIC_WSSSE, assert_texts_apart, sweep_of, words_of


def test_the_elbow_of_the_classic_recipe_is_four_with_its_gain() -> None:
    sweep = sweep_of(CLASSIC_WSSSE, 4)
    assert knee_of(sweep) == 4
    expected = (
        "Beyond four segments, each further one explains little more: four explain 74 % of the variation, one more "
        "would add 8 points"
    )
    assert elbow_title(sweep, "elbow") == expected
    assert elbow_chart(sweep, "").get_label() == expected


@pytest.mark.parametrize(
    ("wssse", "chosen", "rule", "title"),
    [
        (CLASSIC_WSSSE, 5, "fixed", "k = 5 was set in the configuration; the elbow reads 4"),
        (CLASSIC_WSSSE, 2, "silhouette", "k = 2 has the best silhouette (0.50); the elbow reads 4"),
        (CLASSIC_WSSSE, 6, "elbow", "Six segments were chosen; the elbow reads 4"),
        ((5.0, 5.0, 5.0), 2, "fixed", "k = 2 was set in the configuration; the curve shows no elbow"),
        ((0.0,), 1, "elbow", "One segment: all customers are alike"),
        ((3.0,), 1, "elbow", "Only k = 1 was tried; k = 1 was chosen"),
        ((9.0, 3.0), 2, "elbow", "Only k = 1 and 2 were tried; k = 2 was chosen"),
        ((9.0, 3.0), 2, "fixed", "k = 2 was set in the configuration"),
        (
            (100.0, 40.0, 0.0, 0.0),
            3,
            "elbow",
            "Beyond three segments, each further one explains little more: three explain all of the variation",
        ),
        (
            (100.0, 10.0, 10.0, 10.0),
            2,
            "elbow",
            "Beyond two segments, each further one explains little more: two explain 90 % of the variation, one more "
            "would add less than one point",
        ),
    ],
)
def test_the_title_says_how_k_was_chosen(wssse: Sequence[float], chosen: int, rule: str, title: str) -> None:
    figure = elbow_chart(sweep_of(wssse, chosen), "Why.", rule)
    assert figure.get_label() == title
    assert_texts_apart(figure)


@pytest.mark.parametrize("chosen", [1, 3, 4, 10])
def test_exactly_the_chosen_k_is_marked_wherever_it_lies(chosen: int) -> None:
    figure = elbow_chart(sweep_of(CLASSIC_WSSSE, chosen), "Why.", "fixed")
    assert f"chosen: k = {chosen}" in words_of(figure)
    assert ("elbow: k = 4" in words_of(figure)) == (chosen != 4)
    assert_texts_apart(figure)


def test_a_long_sweep_that_starts_at_two_claims_no_explained_share() -> None:
    late = sweep_of([1000 / k for k in range(2, 41)], 40, first=2)
    figure = elbow_chart(late, "Why. " * 60, "fixed")
    assert "explain" not in elbow_title(late, "elbow"), "without k = 1 the whole variation is unknown"
    assert_texts_apart(figure)
