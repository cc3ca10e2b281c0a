"""Customers are assigned to the segments of a fit, and segments are described by their customers."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chispa import assert_df_equality
from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame, SparkSession

from segmentation import schemas as s
from segmentation.clustering.kmeans import Fit
from segmentation.clustering.metrics import Centres
from segmentation.clustering.scaling import Preparation, prepare, to_cluster
from segmentation.clustering.segments import (
    centres_in_original_units,
    cluster_model,
    naming_stage,
    ordered_by_spend,
    segment_profiles,
    with_distances,
)
from segmentation.config.settings import ClusteredFeature
from segmentation.errors import InputError
from tests.segmentation.clustering.generated import (
    SPEND_AND_FREQUENCY,
    Swept,
    customers,
    nearest,
    prepared,
    settings,
)

# Names that SQL, Spark's variables or SQLTransformer's placeholder could take for their own.
NAMES = (
    "All of __THIS__",
    "O'Brien's \"best\" \\ friends",
    "50 % \\n \\u0041 `x` ${spark.sql.ansi.enabled}",
    "größer; -- nicht {0} __?__ :name",
)


# --- centres ---


def test_centres_in_original_units_are_the_means_of_their_customers(swept: Swept):
    four = swept.fit(4)
    labels, _ = nearest(swept.points, four)
    means = [swept.table[labels == number, :2].mean(axis=0) for number in range(4)]
    centres = centres_in_original_units(swept.preparation, four, SPEND_AND_FREQUENCY)
    np.testing.assert_allclose([[c["total_spend"], c["purchase_frequency"]] for c in centres], means)


def test_a_log_scaled_centre_is_a_geometric_mean(spark: SparkSession):
    features = (ClusteredFeature(feature="recency_days", transform="log1p"),)
    preparation = prepared(customers(spark, [(99, 2, 9), (9, 4, 99), (9, 9, 9)]), settings(*features))
    single = Fit(1, (preparation.mean,), 0.0, 0, 0.0)
    [centre] = centres_in_original_units(preparation, single, features)
    assert centre == pytest.approx({"recency_days": 1e4 ** (1 / 3) - 1, "total_spend": 39, "purchase_frequency": 5})


def test_centres_are_ordered_by_spend_then_frequency(swept: Swept):
    fit, centres = ordered_by_spend(swept.preparation, swept.fit(4), SPEND_AND_FREQUENCY)
    assert sorted(fit.centres) == sorted(swept.fit(4).centres)
    assert centres == sorted(centres, key=lambda c: (c["total_spend"], c["purchase_frequency"]))
    assert centres == centres_in_original_units(swept.preparation, fit, SPEND_AND_FREQUENCY)


# --- assignment ---


def segment_model(preparation: Preparation, centres: Centres, names: Sequence[str]) -> PipelineModel:
    naming = naming_stage(range(1, len(names) + 1), names, preparation.figures)
    return PipelineModel([*cluster_model(preparation, centres).stages, naming])


def assigned(model: PipelineModel, frame: DataFrame) -> DataFrame:
    return model.transform(frame).select("customer_id", "segment_id", "segment_name").orderBy("customer_id")


def test_the_model_numbers_and_names_by_the_order_of_centres_and_survives_saving(swept: Swept, tmp_path: Path):
    four = swept.fit(4)
    model = segment_model(swept.preparation, four.centres, NAMES)
    rows = assigned(model, swept.frame).collect()
    assert [row["segment_id"] for row in rows] == (nearest(swept.points, four)[0] + 1).tolist()
    assert {(row["segment_id"], row["segment_name"]) for row in rows} == set(enumerate(NAMES, start=1))
    model.write().save(str(tmp_path / "model"))
    again = PipelineModel.load(str(tmp_path / "model"))
    assert_df_equality(assigned(again, swept.frame), assigned(model, swept.frame))


def test_one_segment_holds_everyone_and_has_no_other(swept: Swept):
    centres = swept.fits[0].centres
    model = segment_model(swept.preparation, centres, ["${spark.sql.ansi.enabled}"])
    rows = with_distances(model.transform(swept.frame), centres, [1]).orderBy("customer_id").collect()
    assert {(row["segment_id"], row["segment_name"]) for row in rows} == {(1, "${spark.sql.ansi.enabled}")}
    assert {(row["nearest_other_segment_id"], row["margin"]) for row in rows} == {(None, None)}
    distances = [row["distance_to_centre"] for row in rows]
    np.testing.assert_allclose(distances, np.sqrt(((swept.points - centres) ** 2).sum(axis=1)))


def test_distances_are_to_the_own_and_the_nearest_other_centre(swept: Swept):
    four = swept.fit(4)
    ids = [7, 2, 5, 4]  # of segments that came and went
    naming = naming_stage(ids, NAMES, swept.preparation.figures)
    frame = naming.transform(cluster_model(swept.preparation, four.centres).transform(swept.frame))
    rows = with_distances(frame, four.centres, ids).orderBy("customer_id").collect()
    distances = np.sqrt(((swept.points[:, np.newaxis] - np.array(four.centres)) ** 2).sum(axis=2))
    by_rank = np.sort(distances, axis=1)
    nearest_two = np.array(ids)[distances.argsort(axis=1)[:, :2]].tolist()
    assert [[row["segment_id"], row["nearest_other_segment_id"]] for row in rows] == nearest_two
    np.testing.assert_allclose([row["distance_to_centre"] for row in rows], by_rank[:, 0])
    np.testing.assert_allclose([row["margin"] for row in rows], by_rank[:, 1] - by_rank[:, 0])
    assert min(row["margin"] for row in rows) >= 0


def test_customers_of_whom_nothing_stayed_are_outside_the_clustering(spark: SparkSession):
    dimensions = tuple(ClusteredFeature(feature=name, transform="log1p") for name in (s.NET_SPEND, s.NET_ORDERS))
    table = [("a", Decimal(90), 9, 1), ("b", Decimal(0), 0, None), ("c", Decimal(5), 1, 30)]
    frame = spark.createDataFrame(
        table, "customer_id string, net_spend decimal(20,4), net_orders bigint, net_recency_days int"
    )
    preparation = prepare(to_cluster(frame, s.NET).coalesce(1), settings(*dimensions), s.NET)
    assert preparation.count == 2
    centres = tuple(sorted(tuple(row["point"]) for row in preparation.points.collect()))
    rows = with_distances(segment_model(preparation, centres, ["Low", "High"]).transform(frame), centres, [1, 2])
    named = rows.select("customer_id", "segment_id", "segment_name", "nearest_other_segment_id").orderBy("customer_id")
    assert [tuple(row) for row in named.collect()] == [
        ("a", 2, "High", 1),
        ("b", 0, "Returned Everything", None),
        ("c", 1, "Low", 2),
    ]
    [outside] = rows.where("segment_id = 0").select("distance_to_centre", "margin").collect()
    assert tuple(outside) == (None, None)


def test_nobody_is_left_where_everything_came_back(spark: SparkSession):
    frame = spark.createDataFrame([(Decimal(0), 0)], "net_spend decimal(20,4), net_orders bigint")
    with pytest.raises(InputError, match="everything that customers bought came back"):
        prepare(to_cluster(frame, s.NET), settings(), s.NET)


# --- description ---

STATISTICS = [
    {
        **dict.fromkeys(s.FEATURE_STATISTICS, 2.0),
        "segment_id": number,
        "segment_name": name,
        "customers": customers,
        "revenue": Decimal(revenue),
        "net_revenue": Decimal(revenue),
        "quartiles_net_spend": [1.0, 2.0, 3.0],
    }
    for number, (name, customers, revenue) in enumerate(
        [("Low", 3, "10.0001"), ("High", 1, "90.0000"), ("Once", 1, "0.0000")], start=1
    )
]


def known(rules: Sequence[str], centres: Sequence[Any], jaccards: Sequence[float | None]) -> list[dict[str, Any]]:
    """What is known of the segments of a model, named by the first three of STATISTICS."""
    names = [row["segment_name"] for row in STATISTICS]
    columns = ("segment_id", "segment_name", "suggested_name", "rule", "centre", "jaccard")
    rows = zip(range(1, 4), names, names, rules, centres, jaccards, strict=False)
    return [dict(zip(columns, row, strict=True)) for row in rows]


def test_profiles_add_shares_rules_and_centres_to_the_declared_columns():
    centres = [{"total_spend": 3.3}, {"total_spend": 90.0}, {"total_spend": 0.0}]
    profiles = segment_profiles(STATISTICS, known(["low", "high", "once"], centres, [0.9, None, 0.7]))
    assert [set(row) for row in profiles] == [set(s.column_names(s.SEGMENT_PROFILES))] * 3
    assert [row["rule"] for row in profiles] == ["low", "high", "once"]
    assert [row["centre"] for row in profiles] == centres
    assert [row["jaccard"] for row in profiles] == [0.9, None, 0.7]
    assert [row["spend_rank"] for row in profiles] == [1, 2, 3]
    assert [row["customer_share"] for row in profiles] == [0.6, 0.2, 0.2]
    assert [row["revenue_share"] for row in profiles] == pytest.approx([10.0001 / 100.0001, 90 / 100.0001, 0.0])


def test_who_returned_everything_has_a_profile_without_a_centre():
    outside = {**STATISTICS[0], "segment_id": 0, "segment_name": "Returned Everything"}
    segments = known(["low", "high", "once"], [{"a": 1.0}] * 3, [0.9] * 3)
    first, second, _, _ = segment_profiles([outside, *STATISTICS], segments)
    assert (first["centre"], second["centre"]) == ({}, {"a": 1.0})
    assert (first["rule"].startswith("everything"), second["rule"]) == (True, "low")
    assert (first["spend_rank"], second["spend_rank"]) == (0, 1)


def test_ranks_by_spend_stay_those_of_the_model_when_ids_do_not_ascend_or_a_segment_is_empty():
    segments = known(["low", "high", "once"], [{}] * 3, [None] * 3)
    first, second, third = segments
    profiles = segment_profiles(STATISTICS[:2], [second, third, first])
    assert [(row["segment_id"], row["spend_rank"]) for row in profiles] == [(1, 3), (2, 1)]


def test_segments_without_any_revenue_have_shares_of_zero():
    row = {**STATISTICS[0], "revenue": Decimal("0.0000")}
    assert [profile["revenue_share"] for profile in segment_profiles([row], known(["r"], [{}], [None]))] == [0.0]
