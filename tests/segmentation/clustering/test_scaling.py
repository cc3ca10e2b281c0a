"""Points are the limited, transformed and scaled features, with the figures that a sweep needs."""

from typing import Any

import numpy as np
import pytest
from pyspark.sql import SparkSession

from segmentation.config.settings import ClusteredFeature
from segmentation.errors import InputError
from tests.segmentation.clustering.generated import (
    ALL_FEATURES,
    Swept,
    collected,
    customers,
    overlapping,
    prepared,
    settings,
    standardised,
)

# Nine values: the quartiles are the third, fifth and seventh, whichever definition is taken.
VALUES = np.array([1.0, 2.0, 2.0, 3.0, 5.0, 8.0, 13.0, 21.0, 500.0])


def test_points_are_the_standardised_features_with_their_figures(swept: Swept):
    np.testing.assert_allclose(swept.points, standardised(swept.table[:, :2]))
    assert (swept.preparation.count, swept.preparation.distinct) == (160, 6)  # counted to one more than k_max
    assert swept.preparation.mean == pytest.approx((0.0, 0.0), abs=1e-12)
    assert swept.preparation.total_squares == pytest.approx(2 * 159)


def test_the_preparation_takes_a_handful_of_jobs(swept: Swept):
    assert swept.jobs_of_preparation <= 8


@pytest.mark.parametrize(("transform", "winsorise"), [("none", None), ("log1p", (0.1, 0.9))])
def test_each_feature_is_limited_transformed_and_scaled_in_the_given_order(
    spark: SparkSession, transform: Any, winsorise: tuple[float, float] | None
):
    scales: dict[str, Any] = {"recency_days": "min_max", "total_spend": "standard", "purchase_frequency": "robust"}
    features = [
        ClusteredFeature(feature=name, scale=scale, transform=transform, winsorise=winsorise)  # type: ignore[arg-type]
        for name, scale in scales.items()
    ]
    preparation = prepared(customers(spark, np.column_stack([VALUES, VALUES[::-1], VALUES])), settings(*features))
    values = np.clip(VALUES, *np.quantile(VALUES, winsorise)) if winsorise else VALUES
    values = np.log1p(values) if transform == "log1p" else values
    lower, median, upper = np.quantile(values, [0.25, 0.5, 0.75])
    expected = [
        (values - values.min()) / (values.max() - values.min()),
        (values - values.mean()) / values.std(ddof=1),
        (values[::-1] - median) / (upper - lower),
    ]
    np.testing.assert_allclose(collected(preparation), np.column_stack(expected))
    preparation.points.unpersist()


def test_a_feature_without_variation_separates_nobody(spark: SparkSession):
    preparation = prepared(customers(spark, [(number, 3, 1) for number in range(6)]), settings())
    assert set(collected(preparation)[:, 1]) == {0.0}


def test_a_feature_that_robust_scaling_would_erase_is_refused_and_nothing_cached(spark: SparkSession):
    frame = customers(spark, [(number, 3 if number else 4, 1) for number in range(6)])
    features = [ClusteredFeature(feature=name, scale="robust") for name in ("total_spend", "purchase_frequency")]  # type: ignore[arg-type]
    cached = spark.sparkContext._jsc.getPersistentRDDs().size()  # type: ignore[attr-defined]
    with pytest.raises(InputError, match=r"features: purchase_frequency is the same .* use standard or min_max"):
        prepared(frame, settings(*features))
    assert spark.sparkContext._jsc.getPersistentRDDs().size() == cached  # type: ignore[attr-defined]


def test_customers_who_are_all_alike_are_one_distinct_point(spark: SparkSession):
    preparation = prepared(customers(spark, [(7, 3, 1)] * 5), settings())
    assert (preparation.count, preparation.distinct, preparation.total_squares) == (5, 1, 0.0)


@pytest.mark.parametrize(("same_at_first", "distinct"), [(120, 6), (400, 1)])
def test_different_points_are_found_wherever_they_are(spark: SparkSession, same_at_first: int, distinct: int):
    table = overlapping(400)
    table[:same_at_first] = table[0]
    preparation = prepared(customers(spark, table), settings(*ALL_FEATURES, seeding_sample=100))
    preparation.points.unpersist()
    assert (preparation.count, preparation.distinct) == (400, distinct)
