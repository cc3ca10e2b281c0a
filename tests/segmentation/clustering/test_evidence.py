"""The segments of each fit are judged on a bounded sample, the same whatever the order of the customers."""

from dataclasses import replace

import numpy as np
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from segmentation.clustering.evidence import collect_evidence, with_stability
from segmentation.clustering.kmeans import Fit
from tests.segmentation.clustering.generated import (
    ALL_FEATURES,
    SPEND_AND_FREQUENCY,
    Swept,
    customers,
    overlapping,
    prepared,
    settings,
)


def test_customers_planted_together_come_back_and_finer_segments_do_not(swept: Swept):
    judged = with_stability(swept.fits, collect_evidence(swept.preparation, settings()), settings())
    stability = {fit.k: fit.stability for fit in judged if fit.stability}
    assert [fit.k for fit in judged] == list(stability) == [1, 2, 3, 4, 5]
    assert stability[1].jaccards == (None,)
    assert stability[1].silhouette is None
    assert (stability[4].least_jaccard or 0) > 0.95 > (stability[5].least_jaccard or 0)
    assert sorted(stability[4].shares) == sorted((np.bincount(swept.kinds) / 160).tolist())


def test_figures_of_a_k_do_not_depend_on_the_others_nor_on_the_order_of_the_customers(swept: Swept):
    judged = with_stability(swept.fits, collect_evidence(swept.preparation, settings()), settings())
    preparation = prepared(swept.frame.orderBy(F.rand(3)).repartition(5), settings())
    evidence = collect_evidence(preparation, settings())
    preparation.points.unpersist()
    assert with_stability([swept.fit(3)], evidence, settings()) == [judged[2]]
    again = collect_evidence(swept.preparation, settings())
    again.within_to_null(5)
    assert evidence.within_to_null(3) == again.within_to_null(3)


def test_at_most_so_many_customers_judge_on_logarithms_of_skewed_features(spark: SparkSession):
    chosen = settings(*SPEND_AND_FREQUENCY, stability_sample=100)
    preparation = prepared(customers(spark, overlapping(400)), chosen)
    evidence = collect_evidence(preparation, chosen)
    preparation.points.unpersist()
    assert len(evidence.points) == len(evidence.space.values) == 100
    assert evidence.space.is_log == (True, True)
    assert evidence.space.is_whole == (False, True)


def test_a_segment_without_a_sampled_customer_is_unknown(swept: Swept):
    far = replace(swept.fit(2), k=3, centres=(*swept.fit(2).centres, (999.0, 999.0)))
    [judged] = with_stability([far], collect_evidence(swept.preparation, settings()), settings())
    assert judged.stability is not None
    assert judged.stability.jaccards[2] is None
    assert judged.stability.least_share == 0


def test_two_customers_are_judged_without_an_error(spark: SparkSession):
    preparation = prepared(customers(spark, [(1, 1, 1), (9, 3, 30)]), settings(*ALL_FEATURES))
    evidence = collect_evidence(preparation, settings(*ALL_FEATURES))
    points = evidence.points
    fits = [Fit(2, tuple(map(tuple, points.tolist())), 0.0, 0, 0.0)]
    [judged] = with_stability(fits, evidence, settings(*ALL_FEATURES))
    preparation.points.unpersist()
    assert judged.stability is not None
    assert len(judged.stability.jaccards) == 2
    assert evidence.within_to_null(2) > 0
