"""A sweep finds the planted segments, as well as scikit-learn does, and the same in any order of the rows.

Many customers are swept on a sample: the curve and the choice are those of fits on all. Assertions are on which
customers share a segment, never on KMeans' own numbers.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, calinski_harabasz_score, davies_bouldin_score

from segmentation import schemas as s
from segmentation.clustering.choose_k import Choice, elbow
from segmentation.clustering.kmeans import Fit
from segmentation.clustering.scaling import Preparation
from segmentation.clustering.sweep import choose_and_refit, ks_to_fit, require_customers, sweep
from segmentation.errors import InputError
from tests.segmentation.clustering.generated import (
    ALL_FEATURES,
    Points,
    Swept,
    customers,
    figures,
    jobs_so_far,
    nearest,
    overlapping,
    prepared,
    settings,
    standardised,
)

SAMPLED = settings(*ALL_FEATURES, seeding_sample=1_000, k_max=8, k="elbow")
BUCKETS = 5
SMALL = settings(*ALL_FEATURES, seeding_sample=100)


# --- few customers: every k on all of them ---


def test_customers_planted_together_share_a_segment(swept: Swept):
    assert adjusted_rand_score(swept.kinds, nearest(swept.points, swept.fit(4))[0]) == 1.0


def test_every_k_is_fitted_once_and_k_1_in_closed_form(swept: Swept):
    assert [fit.k for fit in swept.fits] == [len(fit.centres) for fit in swept.fits] == [1, 2, 3, 4, 5]
    single = swept.fits[0]
    assert single.wssse == pytest.approx(((swept.points - swept.points.mean(axis=0)) ** 2).sum())
    assert (single.indices.davies_bouldin, single.indices.calinski_harabasz) == (None, None)


def test_wssse_is_within_one_percent_of_scikit_learns_and_never_rises(swept: Swept):
    wssse = [fit.wssse for fit in swept.fits]
    assert wssse == sorted(wssse, reverse=True)
    for fit in swept.fits[1:]:
        assert fit.wssse == pytest.approx(nearest(swept.points, fit)[1].sum(), rel=1e-6)
        assert fit.wssse <= 1.01 * KMeans(fit.k, n_init=10, random_state=0).fit(swept.points).inertia_


def test_the_indices_of_every_k_are_those_of_scikit_learn(swept: Swept):
    for fit in swept.fits[1:]:
        labels, _ = nearest(swept.points, fit)
        assert fit.indices.davies_bouldin == pytest.approx(davies_bouldin_score(swept.points, labels), rel=1e-6)
        assert fit.indices.calinski_harabasz == pytest.approx(calinski_harabasz_score(swept.points, labels), rel=1e-6)


def test_order_and_partitions_of_the_customers_change_no_bit(swept: Swept):
    preparation = prepared(swept.frame.orderBy(F.rand(5)).repartition(7), settings())
    again = sweep(preparation, range(2, 6), settings())
    preparation.points.unpersist()
    assert figures(again) == figures(swept.fits)


def test_few_customers_take_a_few_dozen_jobs_one_for_the_sample_and_no_refit(spark: SparkSession, swept: Swept):
    assert swept.jobs_of_sweep <= 40
    began = jobs_so_far(spark)
    fits, choice = choose_and_refit(swept.preparation, swept.fits, settings(k="elbow"))
    assert (figures(fits), choice.k) == (figures(swept.fits), elbow({fit.k: fit.wssse for fit in fits}))
    assert jobs_so_far(spark) == began + 1


def test_as_many_segments_as_different_customers_leave_no_distance(spark: SparkSession):
    rows = [(10 ** (number % 3), 1 + number % 3, 1) for number in range(12)]
    preparation = prepared(customers(spark, rows), settings())
    assert ks_to_fit(preparation, settings()) == [2, 3]
    last = sweep(preparation, [2, 3], settings())[-1]
    assert last.wssse == pytest.approx(0, abs=1e-9)
    assert last.indices.calinski_harabasz is None or last.indices.calinski_harabasz > 1e9


# --- many customers: every k on a sample ---


@dataclass(frozen=True)
class Sampled:
    points: Points
    preparation: Preparation
    fits: list[Fit]
    final: list[Fit]
    choice: Choice
    jobs_of_sweep: int
    jobs_of_refit: int


@pytest.fixture(scope="module", autouse=True)
def small_sample() -> Iterator[None]:
    """Sample 5,000 customers instead of 40,000, so that 12,000 are many."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("segmentation.clustering.sweep.FITTED_SAMPLE", 5_000)
        yield


@pytest.fixture(scope="module")
def many(spark: SparkSession, small_sample: None) -> Iterator[Sampled]:
    table = overlapping(12_000)
    preparation = prepared(customers(spark, table), SAMPLED, BUCKETS)
    began = jobs_so_far(spark)
    fits = sweep(preparation, range(2, 9), SAMPLED)
    between = jobs_so_far(spark)
    final, choice = choose_and_refit(preparation, fits, SAMPLED)
    jobs = (between - began, jobs_so_far(spark) - between)
    yield Sampled(standardised(table), preparation, fits, final, choice, *jobs)
    preparation.points.unpersist()


@pytest.fixture(scope="module")
def hundreds(spark: SparkSession) -> Iterator[tuple[Preparation, list[Fit]]]:
    """More customers than the search may see, yet few enough to try things on, and their sweep of k = 2 to 4."""
    preparation = prepared(customers(spark, overlapping(400)), SMALL)
    yield preparation, sweep(preparation, [2, 3, 4], SMALL)
    preparation.points.unpersist()


def test_the_curve_of_a_sample_and_its_elbow_are_those_of_fits_on_all(many: Sampled):
    full = {1: many.fits[0].wssse}
    for fit in many.fits[1:]:
        onward = KMeans(fit.k, init=np.array(fit.centres), n_init=1, tol=1e-6, max_iter=500).fit(many.points)
        afresh = KMeans(fit.k, n_init=2, random_state=0).fit(many.points)
        full[fit.k] = min(onward.inertia_, afresh.inertia_)
    worse = {fit.k: fit.wssse / full[fit.k] for fit in many.fits if fit.wssse > 1.005 * full[fit.k]}
    assert worse == {}
    assert (many.choice.rule, many.choice.k) == ("elbow", elbow(full))
    assert elbow({fit.k: fit.wssse for fit in many.fits}) == elbow(full)


def test_wssse_of_a_sampled_sweep_is_over_all_customers_and_never_rises(many: Sampled):
    for fit in many.final:
        assert fit.wssse == pytest.approx(nearest(many.points, fit)[1].sum())
    wssse = [fit.wssse for fit in many.final]
    assert wssse == sorted(wssse, reverse=True)


def test_only_the_chosen_k_is_fitted_on_all_customers(many: Sampled):
    # The sample, two or three a fit, two for each batch of indices; fits on all customers take hundreds.
    assert (many.jobs_of_sweep <= 60, many.jobs_of_refit <= 25) == (True, True)
    for before, after in zip(many.fits, many.final, strict=True):
        if after.k != many.choice.k:
            assert replace(after, stability=None) == before
            continue
        assert after.wssse <= before.wssse
        labels, _ = nearest(many.points, after)
        means = [many.points[labels == number].mean(axis=0) for number in range(after.k)]
        np.testing.assert_allclose(after.centres, means, atol=5e-3)


def test_order_and_partitions_of_many_customers_change_no_bit(spark: SparkSession, many: Sampled):
    shuffled = customers(spark, overlapping(12_000)).orderBy(F.rand(5)).repartition(7)
    preparation = prepared(shuffled, SAMPLED, BUCKETS)
    chosen = SAMPLED.model_copy(update={"k": many.choice.k})
    again, _ = choose_and_refit(preparation, sweep(preparation, [2, many.choice.k], chosen), chosen)
    preparation.points.unpersist()
    assert figures(again) == figures([fit for fit in many.final if fit.k in (1, 2, many.choice.k)])


def test_a_choice_that_the_new_figures_change_is_refitted_too(
    hundreds: tuple[Preparation, list[Fit]], monkeypatch: pytest.MonkeyPatch
):
    preparation, fits = hundreds
    choices = iter([Choice(k, "fixed", None, "") for k in (3, 2, 2)])
    monkeypatch.setattr("segmentation.clustering.sweep.choose_k", lambda *_: next(choices))
    final, choice = choose_and_refit(preparation, [replace(fit, seconds=-1.0) for fit in fits], SMALL)
    assert [fit.k for fit in final if fit.seconds >= 0] == [2, 3]
    assert choice.k == 2


def test_a_fit_worse_than_that_of_a_smaller_k_is_grown_from_it(hundreds: tuple[Preparation, list[Fit]]):
    preparation, fits = hundreds
    bad = replace(fits[-1], centres=((0.0,) * 3, (1.0,) * 3, (9.0,) * 3, (-9.0,) * 3), wssse=fits[-2].wssse + 1)
    chosen = settings(*ALL_FEATURES, seeding_sample=100, k=3)
    final, _ = choose_and_refit(preparation, [*fits[:-1], bad], chosen)
    wssse = [fit.wssse for fit in final]
    assert wssse == sorted(wssse, reverse=True)
    assert len(final[-1].centres) == 4


def test_many_customers_who_are_all_alike_are_one_segment(spark: SparkSession):
    preparation = prepared(customers(spark, np.repeat(overlapping(1), 400, axis=0)), SMALL)
    fits, choice = choose_and_refit(preparation, sweep(preparation, ks_to_fit(preparation, SMALL), SMALL), SMALL)
    preparation.points.unpersist()
    assert ([(fit.k, fit.wssse) for fit in fits], choice.rule) == ([(1, 0.0)], "identical")


def test_a_customer_unlike_all_others_is_in_the_sample(spark: SparkSession):
    table = np.repeat(overlapping(1), 12_000, axis=0)
    table[123] += 1.0
    table[9_876] += 500.0
    preparation = prepared(customers(spark, table), SAMPLED)
    fits = sweep(preparation, [2], SAMPLED)
    preparation.points.unpersist()
    sizes = np.bincount(nearest(standardised(table), fits[-1])[0])
    assert sorted(sizes.tolist()) == [1, 11_999]


# --- too few customers ---


def preparation(count: int, distinct: int) -> Any:
    return SimpleNamespace(count=count, distinct=distinct, figures=s.GROSS)


@pytest.mark.parametrize(
    ("count", "distinct", "k", "message"),
    [
        (1, 1, "auto", r"there is 1 customer with a sale: segments need at least 2 \(of 9 lines read: guest 7\)"),
        (5, 5, 6, r"customers = 5 should be >= clustering\.k = 6: lower it, or give more data \(of 9 lines read: "),
        (9, 3, 4, r"9 customers have only 3 different values of the clustered features: clustering\.k = 4 is more"),
    ],
)
def test_too_few_customers_are_refused_with_the_lines_that_were_read(count: int, distinct: int, k: Any, message: str):
    with pytest.raises(InputError, match=message):
        require_customers(preparation(count, distinct), k, "of 9 lines read: guest 7")
    require_customers(preparation(9, 1), 4, "enough: all alike are one segment")
    require_customers(preparation(6, 6), 6, "enough")


def test_ks_reach_as_far_as_the_customers_differ():
    assert ks_to_fit(preparation(9, 3), settings(k_max=10)) == [2, 3]
    assert ks_to_fit(preparation(9, 6), settings(k=5, k_max=4)) == [2, 3, 4, 5]
    assert ks_to_fit(preparation(9, 1), settings()) == []
    with pytest.raises(InputError, match=r"only 3 different values .* clustering\.k_min = 4 is more than that"):
        ks_to_fit(preparation(9, 3), settings(k_min=4))
