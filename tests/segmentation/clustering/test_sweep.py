"""Many customers are swept on a sample: the curve and the choice are those of fits on all, at a handful of jobs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from sklearn.cluster import KMeans
from sklearn.metrics import davies_bouldin_score, silhouette_score

from segmentation.clustering.choose_k import Choice, elbow
from segmentation.clustering.kmeans import Fit
from segmentation.clustering.scaling import Preparation, prepare
from segmentation.clustering.sweep import choose_and_refit, sweep
from segmentation.config.settings import ClusteredFeature, ClusteringSettings

FEATURES = tuple(ClusteredFeature(feature=name) for name in ("total_spend", "purchase_frequency", "recency_days"))
KS = range(2, 11)
Points = NDArray[np.float64]


def settings(**others: Any) -> ClusteringSettings:
    return ClusteringSettings(features=FEATURES, **others)


def generated(count: int) -> Points:
    """Spend, frequency and recency of four kinds of customers that overlap, with a long tail of spend."""
    random = np.random.default_rng(5)
    kind = random.choice(4, count, p=[0.35, 0.3, 0.25, 0.1])
    spend = np.exp(random.normal(np.array([5.0, 6.2, 7.2, 8.6])[kind], 0.7)).round(2)
    frequency = 1 + random.poisson(np.array([0.5, 1.5, 4.0, 12.0])[kind] * random.lognormal(0, 0.5, count))
    recency = np.clip(random.exponential(np.array([220, 120, 50, 15])[kind]), 1, 374).round()
    return np.column_stack([spend, frequency, recency])


def customers(spark: SparkSession, table: Points) -> DataFrame:
    ids = [f"{number:07}" for number in range(len(table))]
    frame = spark.createDataFrame(pa.table([ids, *table.T], ["customer_id", *[one.feature for one in FEATURES]]))
    return frame.withColumn("total_spend", F.col("total_spend").cast("decimal(20,4)"))


def prepared(frame: DataFrame, chosen: ClusteringSettings) -> Preparation:
    """As the pipeline hands customers over: one partition, sorted."""
    return prepare(frame.repartition(1).sortWithinPartitions("customer_id"), chosen)


def standardised(table: Points) -> Points:
    return (table - table.mean(axis=0)) / table.std(axis=0, ddof=1)


def nearest(points: Points, fit: Fit) -> tuple[NDArray[np.intp], Points]:
    squared = np.stack([((points - np.array(centre)) ** 2).sum(axis=1) for centre in fit.centres])
    return squared.argmin(axis=0), squared.min(axis=0)


def by_elbow(fits: Sequence[Fit]) -> int:
    found = elbow({fit.k: fit.wssse for fit in fits})
    assert found is not None
    return found


def jobs_so_far(spark: SparkSession) -> int:
    scheduler: Any = spark.sparkContext._jsc.sc().dagScheduler()  # type: ignore[attr-defined]
    return int(scheduler.numTotalJobs())


@dataclass(frozen=True)
class Swept:
    points: Points
    preparation: Preparation
    fits: list[Fit]
    jobs: int
    final: list[Fit]
    jobs_of_the_chosen: int


@pytest.fixture(scope="module")
def many(spark: SparkSession) -> Iterator[Swept]:
    table = generated(100_000)
    preparation = prepared(customers(spark, table), settings())
    before = jobs_so_far(spark)
    fits = sweep(preparation, list(KS), settings())
    between = jobs_so_far(spark)
    final, _ = choose_and_refit(preparation, fits, settings())
    jobs = (between - before, jobs_so_far(spark) - between)
    yield Swept(standardised(table), preparation, fits, jobs[0], final, jobs[1])
    preparation.points.unpersist()


@pytest.fixture(scope="module")
def hundreds(spark: SparkSession) -> Iterator[Preparation]:
    """More customers than the search may see, yet few enough to try things on."""
    preparation = prepared(customers(spark, generated(400)), settings(seeding_sample=100))
    yield preparation
    preparation.points.unpersist()


def test_the_curve_of_many_customers_is_that_of_fits_on_all_and_so_is_its_elbow(many: Swept):
    full = {1: many.fits[0].wssse}
    for fit in many.fits[1:]:
        onward = KMeans(fit.k, init=np.array(fit.centres), n_init=1, tol=1e-6, max_iter=500).fit(many.points)
        afresh = KMeans(fit.k, n_init=3, random_state=0).fit(many.points)
        full[fit.k] = min(onward.inertia_, afresh.inertia_)
    worse = {fit.k: fit.wssse / full[fit.k] for fit in many.fits if fit.wssse > 1.005 * full[fit.k]}
    assert worse == {}
    assert by_elbow(many.fits) == by_elbow(many.final) == elbow(full)


def test_wssse_of_many_customers_is_the_sum_over_all_of_them_and_never_rises(many: Swept):
    for fit in many.final:
        assert fit.wssse == pytest.approx(nearest(many.points, fit)[1].sum())
    wssse = [fit.wssse for fit in many.final]
    assert wssse == sorted(wssse, reverse=True)


def test_the_chosen_fit_is_fitted_on_all_customers_and_the_others_stay(many: Swept):
    chosen = by_elbow(many.final)
    for before, after in zip(many.fits, many.final, strict=True):
        if after.k != chosen:
            assert after == before
            continue
        assert after.wssse <= before.wssse
        own, _ = nearest(many.points, after)
        means = [many.points[own == number].mean(axis=0) for number in range(chosen)]
        np.testing.assert_allclose(after.centres, means, atol=2e-3)


def test_a_sweep_of_many_customers_takes_a_few_dozen_jobs(many: Swept):
    # The sample, two or three a fit, two for each batch of indices; fits on all customers take hundreds.
    assert many.jobs <= 60
    assert many.jobs_of_the_chosen <= 25


def test_a_sweep_of_few_customers_takes_a_few_dozen_jobs(spark: SparkSession):
    preparation = prepared(customers(spark, generated(400)), settings())
    before = jobs_so_far(spark)
    fits = sweep(preparation, list(KS), settings())
    assert jobs_so_far(spark) - before <= 60
    between = jobs_so_far(spark)
    assert choose_and_refit(preparation, fits, settings())[0] == fits
    assert jobs_so_far(spark) == between
    preparation.points.unpersist()


def test_the_preparation_takes_a_handful_of_jobs(spark: SparkSession):
    frame = customers(spark, generated(400)).repartition(1).sortWithinPartitions("customer_id").persist()
    frame.count()
    before = jobs_so_far(spark)
    prepare(frame, settings()).points.unpersist()
    assert jobs_so_far(spark) - before <= 8
    frame.unpersist()


def test_the_indices_of_a_sampled_sweep_are_those_of_all_customers(hundreds: Preparation):
    points = standardised(generated(400))
    for fit in sweep(hundreds, [2, 4, 6], settings(seeding_sample=100))[1:]:
        own, _ = nearest(points, fit)
        assert fit.indices.silhouette == pytest.approx(silhouette_score(points, own, metric="sqeuclidean"))
        assert fit.indices.davies_bouldin == pytest.approx(davies_bouldin_score(points, own), rel=1e-2)


def test_the_order_and_the_partitions_of_many_customers_change_no_bit(spark: SparkSession, many: Swept):
    shuffled = customers(spark, generated(100_000)).orderBy(F.rand(5)).repartition(7)
    preparation = prepared(shuffled, settings())
    again = sweep(preparation, [2, 5], settings())
    preparation.points.unpersist()
    wanted = [fit for fit in many.fits if fit.k in (1, 2, 5)]
    figures = [[(fit.centres, fit.wssse, fit.indices) for fit in fits] for fits in (again, wanted)]
    assert figures[0] == figures[1]


def test_a_choice_that_changes_with_the_new_figures_is_fitted_on_all_too(
    hundreds: Preparation, monkeypatch: pytest.MonkeyPatch
):
    chosen = settings(seeding_sample=100)
    fits = sweep(hundreds, [2, 3, 4], chosen)
    rough = [replace(fit, seconds=-1.0) for fit in fits]
    choices = iter([Choice(k, "fixed", None, "") for k in (3, 2, 2)])
    monkeypatch.setattr("segmentation.clustering.sweep.choose_k", lambda *_: next(choices))
    final, _ = choose_and_refit(hundreds, rough, chosen)
    assert [fit.k for fit in final if fit.seconds >= 0] == [2, 3]


def test_a_fit_that_is_worse_than_that_of_a_smaller_k_is_grown_from_it(hundreds: Preparation):
    chosen = settings(seeding_sample=100)
    fits = sweep(hundreds, [2, 3, 4], chosen)
    bad = replace(fits[-1], centres=((0.0,) * 3, (1.0,) * 3, (9.0,) * 3, (-9.0,) * 3), wssse=fits[-2].wssse + 1)
    final, _ = choose_and_refit(hundreds, [*fits[:-1], bad], settings(seeding_sample=100, k=3))
    wssse = [fit.wssse for fit in final]
    assert wssse == sorted(wssse, reverse=True)
    assert len(final[-1].centres) == 4


def test_restarts_on_a_sample_never_do_worse(hundreds: Preparation):
    once, thrice = (sweep(hundreds, [4], settings(seeding_sample=100, restarts=n))[-1] for n in (1, 3))
    assert thrice.wssse <= once.wssse


@pytest.mark.parametrize(("same_at_first", "distinct"), [(120, 11), (400, 1)])
def test_of_many_customers_different_ones_are_found_wherever_they_are(
    spark: SparkSession, same_at_first: int, distinct: int
):
    table = generated(400)
    table[:same_at_first] = table[0]
    preparation = prepared(customers(spark, table), settings(seeding_sample=100))
    preparation.points.unpersist()
    assert (preparation.count, preparation.distinct) == (400, distinct)


def test_many_customers_who_are_all_alike_are_one_segment(spark: SparkSession):
    chosen = settings(seeding_sample=100)
    preparation = prepared(customers(spark, np.repeat(generated(1), 400, axis=0)), chosen)
    fits, _ = choose_and_refit(preparation, sweep(preparation, [], chosen), chosen)
    preparation.points.unpersist()
    assert [(fit.k, fit.wssse) for fit in fits] == [(1, 0.0)]


def test_a_customer_unlike_all_others_is_found_among_many(spark: SparkSession):
    table = np.repeat(generated(1), 50_000, axis=0)
    table[123] += 1.0
    table[45_678] += 500.0
    preparation = prepared(customers(spark, table), settings())
    fits = sweep(preparation, [2], settings())
    preparation.points.unpersist()
    sizes = np.bincount(nearest(standardised(table), fits[-1])[0])
    assert sorted(sizes.tolist()) == [1, 49_999]
