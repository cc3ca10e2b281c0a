"""The sweep finds what is there, as well as scikit-learn does, and the same in any order of the rows.

Assertions are on which customers share a segment, never on KMeans' own numbers.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chispa import assert_df_equality
from numpy.typing import NDArray
from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, calinski_harabasz_score, davies_bouldin_score, silhouette_score

from segmentation.clustering.kmeans import Fit
from segmentation.clustering.scaling import Preparation, prepare
from segmentation.clustering.segments import centres_in_original_units, segment_model, with_distances
from segmentation.clustering.sweep import sweep
from segmentation.config.settings import ClusteredFeature, ClusteringSettings

SCHEMA = "customer_id string, total_spend decimal(20,4), purchase_frequency bigint, recency_days int"
SPEND_AND_FREQUENCY = (ClusteredFeature(feature="total_spend"), ClusteredFeature(feature="purchase_frequency"))
KS = range(2, 6)
Points = NDArray[np.float64]
Customer = tuple[str, Decimal, int, int]


def settings(*features: ClusteredFeature, **others: Any) -> ClusteringSettings:
    return ClusteringSettings(features=features or SPEND_AND_FREQUENCY, **{"k_max": 5, "restarts": 1, **others})


def customers(spark: SparkSession, rows: Sequence[Customer]) -> DataFrame:
    return spark.createDataFrame(rows, SCHEMA)


def prepared(frame: DataFrame, chosen: ClusteringSettings) -> Preparation:
    """As the pipeline hands customers over: one partition, sorted."""
    return prepare(frame.repartition(1).sortWithinPartitions("customer_id"), chosen)


def planted(count: int, seed: int) -> tuple[list[Customer], list[int]]:
    """Customers of four kinds far apart, and the kind of each; ids do not follow the kinds."""
    random = np.random.default_rng(seed)
    kinds = [(100, 5, 300), (5_000, 10, 200), (5_000, 60, 20), (20_000, 90, 5)]
    rows, kind_of = [], []
    for number in range(count):
        kind = int(random.integers(4))
        spend, frequency, recency = kinds[kind]
        noise = random.normal(0, 0.08, 3) + 1
        amount = Decimal(round(abs(spend * noise[0]) * 10_000)) / 10_000
        rows.append((f"{number:05}", amount, max(1, round(frequency * noise[1])), max(1, round(recency * noise[2]))))
        kind_of.append(kind)
    return rows, kind_of


def table(rows: Sequence[Customer]) -> Points:
    return np.array([[float(row[1]), row[2]] for row in rows])


def standardised(points: Points) -> Points:
    return (points - points.mean(axis=0)) / points.std(axis=0, ddof=1)


def labels(points: Points, fit: Fit) -> NDArray[np.intp]:
    return ((points[:, np.newaxis] - np.array(fit.centres)) ** 2).sum(axis=2).argmin(axis=1)


def collected(preparation: Preparation) -> Points:
    rows = preparation.points.orderBy("customer_id").select("point").collect()
    return np.array([row["point"] for row in rows])


@dataclass(frozen=True)
class Swept:
    rows: list[Customer]
    kinds: list[int]
    preparation: Preparation
    fits: list[Fit]
    points: Points


@pytest.fixture(scope="module")
def swept(spark: SparkSession) -> Iterator[Swept]:
    rows, kinds = planted(160, seed=1)
    preparation = prepared(customers(spark, rows), settings())
    yield Swept(rows, kinds, preparation, sweep(preparation, list(KS), settings()), collected(preparation))
    preparation.points.unpersist()


def test_the_points_are_the_standardised_features_and_what_is_known_of_them_is_right(swept: Swept):
    np.testing.assert_allclose(swept.points, standardised(table(swept.rows)))
    assert (swept.preparation.count, swept.preparation.distinct) == (160, 6)  # counted to one more than k_max
    assert swept.preparation.mean == pytest.approx((0.0, 0.0), abs=1e-12)
    assert swept.preparation.total_squares == pytest.approx(2 * 159)


def test_customers_planted_together_share_a_segment(swept: Swept):
    four = next(fit for fit in swept.fits if fit.k == 4)
    assert adjusted_rand_score(swept.kinds, labels(swept.points, four)) == 1.0


def test_every_wanted_k_is_there_once_and_one_in_closed_form(swept: Swept):
    assert [fit.k for fit in swept.fits] == [1, *KS]
    assert [len(fit.centres) for fit in swept.fits] == [1, *KS]
    one = swept.fits[0]
    assert one.wssse == pytest.approx(((swept.points - swept.points.mean(axis=0)) ** 2).sum())
    assert (one.indices.silhouette, one.indices.davies_bouldin, one.indices.calinski_harabasz) == (None, None, None)


def test_wssse_is_that_of_the_centres_within_one_percent_of_scikit_learns_best_and_never_rises(swept: Swept):
    wssse = [fit.wssse for fit in swept.fits]
    assert wssse == sorted(wssse, reverse=True)
    for fit in swept.fits[1:]:
        nearest = np.array(fit.centres)[labels(swept.points, fit)]
        assert fit.wssse == pytest.approx(((swept.points - nearest) ** 2).sum(), rel=1e-6)
        best = KMeans(fit.k, n_init=50, random_state=0).fit(swept.points).inertia_
        assert fit.wssse <= 1.01 * best


def test_the_indices_of_every_k_are_those_of_scikit_learn(swept: Swept):
    for fit in swept.fits[1:]:
        own = labels(swept.points, fit)
        indices = fit.indices
        assert indices.silhouette == pytest.approx(silhouette_score(swept.points, own, metric="sqeuclidean"))
        assert indices.davies_bouldin == pytest.approx(davies_bouldin_score(swept.points, own), rel=1e-6)
        assert indices.calinski_harabasz == pytest.approx(calinski_harabasz_score(swept.points, own), rel=1e-6)


def test_the_order_and_the_partitions_of_the_customers_change_no_bit_of_the_fits(spark: SparkSession, swept: Swept):
    shuffled = customers(spark, swept.rows).orderBy(F.rand(5)).repartition(7)
    preparation = prepared(shuffled, settings())
    again = sweep(preparation, list(KS), settings())
    preparation.points.unpersist()
    assert [(fit.centres, fit.wssse, fit.indices) for fit in again] == [
        (fit.centres, fit.wssse, fit.indices) for fit in swept.fits
    ]


def test_centres_in_original_units_are_the_means_of_their_customers(swept: Swept):
    four = next(fit for fit in swept.fits if fit.k == 4)
    own = labels(swept.points, four)
    means = [table(swept.rows)[own == number].mean(axis=0) for number in range(4)]
    centres = centres_in_original_units(swept.preparation.points, four, SPEND_AND_FREQUENCY)
    found = [[centre["total_spend"], centre["purchase_frequency"]] for centre in centres]
    np.testing.assert_allclose(found, means)


def test_a_log_scaled_centre_is_a_geometric_mean_and_what_is_not_clustered_a_plain_one(spark: SparkSession):
    rows = [("1", Decimal(99), 2, 9), ("2", Decimal(9), 4, 99), ("3", Decimal(9), 9, 9)]
    features = (ClusteredFeature(feature="recency_days", transform="log1p"),)
    preparation = prepared(customers(spark, rows), settings(*features))
    one = Fit(1, (preparation.mean,), 0.0, 0, 0.0, None)  # type: ignore[arg-type]
    centres = centres_in_original_units(preparation.points, one, features)
    assert centres[0] == pytest.approx({"recency_days": 1e4 ** (1 / 3) - 1, "total_spend": 39, "purchase_frequency": 5})


VALUES = np.array([1.0, 2.0, 2.0, 3.0, 5.0, 8.0, 13.0, 21.0, 500.0])


@pytest.mark.parametrize("scale", ["standard", "robust", "min_max"])
@pytest.mark.parametrize(("transform", "winsorise"), [("none", None), ("log1p", (0.1, 0.9))])
def test_limits_transform_and_scale_are_numpys_in_that_order(
    spark: SparkSession, transform: Any, scale: Any, winsorise: tuple[float, float] | None
):
    feature = ClusteredFeature(feature="recency_days", transform=transform, scale=scale, winsorise=winsorise)
    rows = [(str(number), Decimal(1), 1, int(value)) for number, value in enumerate(VALUES)]
    points = collected(prepared(customers(spark, rows), settings(feature)))[:, 0]
    expected = np.clip(VALUES, *np.quantile(VALUES, winsorise)) if winsorise else VALUES
    expected = np.log1p(expected) if transform == "log1p" else expected
    # Nine values: the quartiles are the third, fifth and seventh, whichever definition is taken.
    lower, median, upper = np.quantile(expected, [0.25, 0.5, 0.75])
    scaled = {
        "standard": (expected - expected.mean()) / expected.std(ddof=1),
        "robust": (expected - median) / (upper - lower),
        "min_max": (expected - expected.min()) / (expected.max() - expected.min()),
    }
    np.testing.assert_allclose(points, scaled[scale])


def test_each_feature_may_have_its_own_scale_and_the_order_is_the_configurations(spark: SparkSession):
    rows = [(str(n), Decimal(int(value)), int(VALUES[-1 - n]), n) for n, value in enumerate(VALUES)]
    features = (
        ClusteredFeature(feature="recency_days", scale="min_max"),
        ClusteredFeature(feature="total_spend", transform="log1p", scale="standard"),
        ClusteredFeature(feature="purchase_frequency", scale="robust"),
    )
    points = collected(prepared(customers(spark, rows), settings(*features)))
    logs = np.log1p(VALUES)
    expected = [np.arange(9) / 8, (logs - logs.mean()) / logs.std(ddof=1), (VALUES[::-1] - 5) / (13 - 2)]
    np.testing.assert_allclose(points, np.column_stack(expected))


def test_a_feature_without_variation_separates_nobody(spark: SparkSession):
    rows = [(str(number), Decimal(number), 3, 1) for number in range(6)]
    assert set(collected(prepared(customers(spark, rows), settings()))[:, 1]) == {0.0}


def test_customers_who_are_all_alike_are_one_distinct_point(spark: SparkSession):
    preparation = prepared(customers(spark, [(str(number), Decimal(7), 3, 1) for number in range(5)]), settings())
    assert (preparation.count, preparation.distinct, preparation.total_squares) == (5, 1, 0.0)


def test_as_many_segments_as_different_customers_leave_no_distance(spark: SparkSession):
    rows = [(f"{number:02}", Decimal(10 ** (number % 3)), 1 + number % 3, 1) for number in range(12)]
    preparation = prepared(customers(spark, rows), settings())
    assert preparation.distinct == 3
    fits = sweep(preparation, [2, 3], settings())
    assert fits[-1].wssse == pytest.approx(0, abs=1e-9)
    assert fits[-1].indices.calinski_harabasz is None or fits[-1].indices.calinski_harabasz > 1e9


def test_starting_from_a_small_sample_ends_near_the_optimum_over_all_customers(spark: SparkSession):
    random = np.random.default_rng(2)
    spend = random.pareto(1.5, 1_500) * 200 + 1
    frequency = 1 + random.poisson(2, 1_500) + (spend / 400 * random.random(1_500)).astype(int)
    rows = [
        (f"{n:05}", Decimal(round(one * 100)) / 100, int(often), 1)
        for n, (one, often) in enumerate(zip(spend, frequency, strict=True))
    ]
    chosen = settings(seeding_sample=200)
    preparation = prepared(customers(spark, rows), chosen)
    fits = sweep(preparation, [2, 4], chosen)
    points = collected(preparation)
    preparation.points.unpersist()
    best = {k: KMeans(k, n_init=20, random_state=0).fit(points).inertia_ for k in (2, 4)}
    assert {fit.k: fit.wssse / best[fit.k] for fit in fits[1:] if fit.wssse > 1.01 * best[fit.k]} == {}


def test_more_restarts_never_do_worse(spark: SparkSession, swept: Swept):
    again = sweep(swept.preparation, [3], settings(restarts=3))[-1]
    assert again.wssse <= next(fit for fit in swept.fits if fit.k == 3).wssse


NAMES = ("Low", "O'Brien's \"best\" \\ friends", "50 % \\n \\u0041 `x`", "größer; -- nicht {0} __?__ :name")


def segmented(model: PipelineModel, frame: DataFrame) -> DataFrame:
    return model.transform(frame).select("customer_id", "segment_id", "segment_name")


def test_the_model_numbers_and_names_segments_by_the_order_of_the_centres_and_is_the_same_when_read_back(
    spark: SparkSession, swept: Swept, tmp_path: Path
):
    four = next(fit for fit in swept.fits if fit.k == 4)
    model = segment_model(swept.preparation, four.centres, NAMES)
    frame = customers(spark, swept.rows)
    assigned = segmented(model, frame).orderBy("customer_id")
    rows = assigned.collect()
    assert [row["segment_id"] for row in rows] == (labels(swept.points, four) + 1).tolist()
    assert {(row["segment_id"], row["segment_name"]) for row in rows} == set(enumerate(NAMES, start=1))
    model.write().save(str(tmp_path / "model"))
    again = segmented(PipelineModel.load(str(tmp_path / "model")), frame)
    assert_df_equality(again.orderBy("customer_id"), assigned)


@pytest.mark.parametrize("name", ["${spark.sql.ansi.enabled}", "All of __THIS__"])
def test_a_name_that_looks_like_a_placeholder_is_a_name(spark: SparkSession, swept: Swept, name: str):
    model = segment_model(swept.preparation, swept.fits[0].centres, [name])
    found = segmented(model, customers(spark, swept.rows[:2])).collect()
    assert [row["segment_name"] for row in found] == [name, name]


def test_one_segment_holds_everyone_and_has_no_other_beside_it(spark: SparkSession, swept: Swept):
    centres = swept.fits[0].centres
    model = segment_model(swept.preparation, centres, ["All Customers"])
    rows = with_distances(model.transform(customers(spark, swept.rows)), centres).orderBy("customer_id").collect()
    assert {(row["segment_id"], row["segment_name"]) for row in rows} == {(1, "All Customers")}
    assert {(row["nearest_other_segment_id"], row["margin"]) for row in rows} == {(None, None)}
    distances = [row["distance_to_centre"] for row in rows]
    np.testing.assert_allclose(distances, np.sqrt(((swept.points - centres) ** 2).sum(axis=1)))


def test_distances_tell_the_own_centre_the_nearest_other_and_by_how_much_it_is_farther(
    spark: SparkSession, swept: Swept
):
    four = next(fit for fit in swept.fits if fit.k == 4)
    assigned = segment_model(swept.preparation, four.centres, NAMES).transform(customers(spark, swept.rows))
    rows = with_distances(assigned, four.centres).orderBy("customer_id").collect()
    distances = np.sqrt(((swept.points[:, np.newaxis] - np.array(four.centres)) ** 2).sum(axis=2))
    order = distances.argsort(axis=1)
    by_rank = np.sort(distances, axis=1)
    assert [row["nearest_other_segment_id"] for row in rows] == (order[:, 1] + 1).tolist()
    np.testing.assert_allclose([row["distance_to_centre"] for row in rows], by_rank[:, 0])
    np.testing.assert_allclose([row["margin"] for row in rows], by_rank[:, 1] - by_rank[:, 0])
    assert min(row["margin"] for row in rows) >= 0
