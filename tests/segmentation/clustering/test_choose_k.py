"""k is where Kneedle finds the elbow, or what the configuration says, and the reason says which."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmentation.clustering.choose_k import (
    TIE,
    Choice,
    choose_from_curve,
    choose_k,
    elbow,
    is_stable,
    leaves_nothing,
)
from segmentation.clustering.kmeans import Fit
from segmentation.clustering.peaks import Valley
from segmentation.clustering.stability import Stability
from tests.segmentation.clustering.generated import settings

# The best fits of the Online Retail customers' standard-scaled spend and frequency; k = 1 is the total sum of squares.
WSSSE = (8674.0, 4694.471, 3264.413, 2286.436, 1627.835, 1282.536, 1014.111, 848.268, 717.274, 612.8)
ONLINE_RETAIL = dict(enumerate(WSSSE, start=1))
SILHOUETTE = {2: 0.91, 3: 0.72, 4: 0.74, 5: 0.66}


def test_the_classic_curve_has_its_elbow_at_four_and_without_k_1_at_five():
    assert elbow(dict(reversed(ONLINE_RETAIL.items()))) == 4
    assert elbow({k: wssse for k, wssse in ONLINE_RETAIL.items() if k > 1}) == 5


def test_the_elbow_is_the_corner_of_two_lines():
    assert elbow({1: 100.0, 2: 60.0, 3: 20.0, 4: 15.0, 5: 10.0, 6: 5.0}) == 3
    # The chord falls by 25 a step: at k = 2 and at k = 3 the curve is 0.25 below it.
    assert elbow({1: 100.0, 2: 50.0, 3: 25.0, 4: 25.0, 5: 0.0}) == 2
    assert elbow({1: 100.0, 2: 80.0, 10: 5.0, 20: 0.0}) == 10


@pytest.mark.parametrize(
    "wssse",
    [
        pytest.param(dict.fromkeys(range(1, 6), 7.0), id="flat"),
        pytest.param({1: 8.0, 2: 6.0, 3: 4.0, 4: 2.0, 5: 0.0}, id="straight"),
        pytest.param({1: 8.0, 2: 2.0}, id="two points"),
        pytest.param({1: 100.0, 2: 95.0, 3: 80.0, 4: 40.0, 5: 0.0}, id="bent upwards"),
    ],
)
def test_a_curve_that_never_dips_below_its_chord_has_no_elbow(wssse: dict[int, float]):
    assert elbow(wssse) is None


@given(st.lists(st.floats(1e-3, 1e9), min_size=3, max_size=20), st.floats(1e-3, 1e6))
def test_the_elbow_is_inside_the_range_and_independent_of_the_unit(falls: list[float], unit: float):
    wssse = {k: sum(falls[k - 1 :]) for k in range(1, len(falls) + 1)}
    elbow_k = elbow(wssse)
    assert elbow_k is None or 1 < elbow_k < len(falls)
    if elbow_k is not None:
        distances = {
            k: 1 - (k - 1) / (len(falls) - 1) - (wssse[k] - wssse[len(falls)]) / (wssse[1] - wssse[len(falls)])
            for k in wssse
        }
        in_other_unit = elbow({k: value * unit for k, value in wssse.items()})
        rounding = 2 * TIE * wssse[1] / (wssse[1] - wssse[len(falls)])
        assert distances[elbow_k] == pytest.approx(max(distances.values()), abs=rounding)
        assert distances[in_other_unit or 1] == pytest.approx(distances[elbow_k], abs=rounding)


def test_an_elbow_of_rounding_errors_is_none():
    last = 134217728.0
    assert elbow({1: last + 0.24, 2: last + 0.16 - 3e-8, 3: last + 0.08, 4: last}) is None


def test_elbow_takes_the_elbow_and_says_how_far_k_max_moves_it():
    silhouette = dict.fromkeys(range(2, 11), 0.5)
    assert choose_from_curve(ONLINE_RETAIL, silhouette, "elbow") == Choice(
        4,
        "elbow",
        4,
        "beyond k = 4 each further segment explains little more (the elbow of the WSSSE curve; it moves with "
        "clustering.k_max: from 3 to 10 it reads 2 to 4)",
    )
    moved_once = choose_from_curve({1: 100.0, 2: 45.0, 3: 5.0, 4: 0.0}, silhouette, "elbow")
    assert moved_once.reason.endswith("; it moves with clustering.k_max: from 3 to 4 it reads 2 to 3)")
    unmoved = choose_from_curve({1: 100.0, 2: 60.0, 3: 20.0, 4: 15.0, 5: 10.0}, silhouette, "elbow")
    assert unmoved.reason.endswith("(the elbow of the WSSSE curve)")


def test_elbow_takes_the_best_silhouette_where_the_curve_has_no_elbow():
    straight = {1: 8.0, 2: 6.0, 3: 4.0, 4: 2.0, 5: 0.0}
    assert choose_from_curve(straight, SILHOUETTE, "elbow") == Choice(
        2, "silhouette", None, "the curve has no elbow within 2..5, so k = 2 was taken by the best silhouette"
    )


def test_elbow_takes_the_best_silhouette_where_the_elbow_was_not_fitted():
    choice = choose_from_curve(ONLINE_RETAIL, {5: 0.6, 6: 0.7, 7: 0.65}, "elbow")
    assert (choice.k, choice.rule, choice.elbow) == (6, "silhouette", 4)
    assert choice.reason == "the elbow reads 4, not within 5..7, so k = 6 was taken by the best silhouette"


def test_two_points_leave_the_only_k_there_is():
    choice = choose_from_curve({1: 8.0, 2: 0.0}, {2: 0.99}, "elbow")
    assert choice == Choice(2, "silhouette", None, "the curve has no elbow, and k = 2 was the only one to take")


def test_silhouette_takes_the_smallest_of_the_best_and_reports_the_elbow():
    choice = choose_from_curve(ONLINE_RETAIL, {3: 0.72, 4: 0.74, 5: 0.74}, "silhouette")
    assert choice == Choice(4, "silhouette", 4, "k = 4 has the best silhouette, 0.740; the elbow reads 4")


@pytest.mark.parametrize(
    ("wssse", "k", "elbow_k", "reason"),
    [
        (ONLINE_RETAIL, 5, 4, "k = 5 is set in the configuration; the elbow reads 4"),
        ({1: 8.0, 2: 0.0}, 2, None, "k = 2 is set in the configuration; the curve has no elbow"),
    ],
)
def test_a_configured_k_is_taken_whatever_the_figures_say(
    wssse: dict[int, float], k: int, elbow_k: int | None, reason: str
):
    assert choose_from_curve(wssse, SILHOUETTE, k) == Choice(k, "fixed", elbow_k, reason)


def preparation(distinct: int) -> Any:
    return SimpleNamespace(count=1_200, distinct=distinct)


def fits_of(silhouette: dict[int, float | None], jaccard: float = 0.9) -> list[Fit]:
    return [
        Fit(k, (), ONLINE_RETAIL[k], 0, 0.0, stability=Stability((jaccard,) * k, (1 / k,) * k, value, jaccard))
        for k, value in silhouette.items()
    ]


@dataclass(frozen=True)
class Shares:
    """The highest valley for each k, and the within share ÷ that of customers without groups."""

    valleys: dict[int, float]
    ratio: float | dict[int, float] = 1.0

    def within_to_null(self, k: int) -> float:
        return self.ratio[k] if isinstance(self.ratio, dict) else self.ratio

    def highest_valley(self, k: int) -> Valley:
        ratio = self.valleys.get(k, 1.0)
        return Valley(ratio, min(1.0, ratio + 0.1))


def chosen(fits: list[Fit], distinct: int = 6, ratio: float = 1.0, **others: Any) -> Choice:
    return choose_k(fits, preparation(distinct), settings(**others), Shares({}, ratio))


def test_the_choice_reads_the_figures_of_the_fits():
    fits = fits_of({1: None, 2: None, 3: 0.4, 4: 0.3, 5: 0.2})
    assert chosen(fits, k="silhouette").k == 3
    assert chosen(fits, k=5).rule == "fixed"


# --- auto: k by the segments that come back ---


def judged(least: dict[int, float], silhouette: dict[int, float], shares: Shares, **others: Any) -> Choice:
    """The choice where k segments have these least similarities and silhouettes."""
    fits = [Fit(1, (), ONLINE_RETAIL[1], 0, 0.0, stability=Stability((None,), (1.0,), None))]
    for k, jaccard in least.items():
        stability = Stability((jaccard, *(0.99,) * (k - 1)), (1 / k,) * k, silhouette.get(k, 0.3), jaccard - 0.01)
        fits.append(Fit(k, (), ONLINE_RETAIL[k], 0, 0.0, stability=stability))
    return choose_k(fits, preparation(9), settings(**others), shares)


TIERS = {2: 0.98, 3: 0.9, 4: 0.8, 5: 0.6, 6: 0.9}


def test_a_continuum_is_cut_into_the_last_of_the_unbroken_run_that_comes_back():
    choice = judged(TIERS, {2: 0.5, 3: 0.4}, Shares({}))
    assert (choice.k, choice.verdict, choice.least_jaccard, choice.elbow) == (4, "reproducible", 0.8, 2)
    assert (choice.within_to_null, choice.highest_valley) == (1.0, 1.0)
    assert choice.reason == "k = 4: each number of segments up to 4 gives segments that come back"
    assert choice.words.startswith("Customers form a continuum; the segments are tiers of it.")


def test_groups_apart_are_natural_even_beyond_a_k_that_does_not_come_back():
    least = {2: 0.98, 3: 0.5, 4: 0.98, 5: 0.97}
    choice = judged(least, {2: 0.5, 4: 0.6, 5: 0.58}, Shares({2: 0.3, 3: 0.8, 4: 0.4}))
    assert (choice.k, choice.verdict, choice.highest_valley) == (4, "natural", 0.4)
    assert choice.words.startswith("The groups are really there")


def test_more_compact_than_customers_without_groups_is_natural_for_a_silhouette_near_the_best():
    valleys = {2: 1.0, 3: 0.9, 4: 1.0}
    choice = judged(TIERS, {2: 0.4, 3: 0.5, 4: 0.46}, Shares(valleys, 0.6))
    assert (choice.k, choice.verdict) == (3, "natural")
    # No valley anywhere: the k of the best silhouette's band that is the most compact.
    compact = Shares({}, {2: 0.65, 3: 0.4, 4: 0.6})
    assert [judged(TIERS, {2: 0.48, 3: 0.4, 4: 0.5}, compact).k, judged(TIERS, {2: 0.5, 4: 0.49}, compact).k] == [4, 4]
    assert judged(TIERS, {2: 0.5, 3: 0.48, 4: 0.49}, compact).k == 3
    # The most compact k comes back, but its silhouette is far below the best.
    assert judged({2: 0.5, 3: 0.9}, {2: 0.8, 3: 0.4}, Shares({}, 0.6)).verdict == "constructed"


@pytest.mark.parametrize(("k_min", "k", "reason"), [(1, 1, "not even two segments come back"), (3, 3, "k = 3 is the ")])
def test_where_nothing_comes_back_all_customers_are_one_segment_if_k_min_allows_it(k_min: int, k: int, reason: str):
    least = dict.fromkeys(range(max(2, k_min), 6), 0.5)
    choice = judged(least, {}, Shares({}), k_min=k_min)
    assert (choice.k, choice.verdict) == (k, "constructed")
    assert choice.reason.startswith(reason)
    assert choice.within_to_null is None or k > 1


def test_small_segments_are_not_stable():
    def stable(share: float, customers: int) -> bool:
        fit = Fit(2, (), 1.0, 0, 0.0, stability=Stability((0.9, 0.9), (1 - share, share), 0.5, 0.88))
        return is_stable(fit, customers, settings())

    assert (stable(0.02, 4_000), stable(0.009, 4_000)) == (True, False)
    assert (stable(0.1, 50), stable(0.08, 50)) == (True, False)  # five customers, and four


def test_a_k_is_stable_only_if_all_its_segments_surely_come_back():
    def stable(jaccards: tuple[float | None, ...], surely: float | None) -> bool:
        fit = Fit(2, (), 1.0, 0, 0.0, stability=Stability(jaccards, (0.5, 0.5), 0.5, surely))
        return is_stable(fit, 1_000, settings())

    assert stable((0.9, 0.8), 0.76)
    assert not stable((0.9, 0.76), 0.74)
    assert not stable((0.9, None), 0.88)
    assert not is_stable(Fit(2, (), 1.0, 0, 0.0), 1_000, settings())


@pytest.mark.parametrize(
    ("k", "shares", "verdict"),
    [
        (3, Shares({}), "reproducible"),
        (3, Shares({}, 0.7), "natural"),
        (3, Shares({3: 0.6}), "natural"),
        (5, Shares({5: 0.1}, 0.1), "constructed"),
    ],
)
def test_a_k_that_was_chosen_otherwise_is_judged_too(k: int, shares: Shares, verdict: str):
    choice = judged(TIERS, {}, shares, k=k)
    assert (choice.k, choice.rule, choice.verdict) == (k, "fixed", verdict)
    assert choice.summary == f"{choice.reason}. {choice.words}"


def test_customers_who_are_all_alike_are_one_segment():
    choice = chosen([Fit(1, (), 0.0, 0, 0.0)], distinct=1)
    assert (choice.k, choice.rule, choice.elbow) == (1, "identical", None)
    assert choice.reason == "all 1,200 customers are identical in the clustered features: they are one segment"


@pytest.mark.parametrize(("left", "nothing"), [(0.0, True), (1e-9, True), (1e-5, False), (8.0, False)])
def test_wssse_that_is_rounding_alone_is_nothing(left: float, nothing: bool):
    assert leaves_nothing({1: 8.0, 2: left}, 2) == nothing
