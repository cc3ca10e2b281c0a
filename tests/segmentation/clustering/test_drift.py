"""Whether customers moved from those that a model was fitted on: by hand, and only where it is no chance."""

import doctest
import math
from dataclasses import replace

import pytest
from pyspark.sql import DataFrame, SparkSession

from segmentation import schemas as s
from segmentation.clustering import drift
from segmentation.clustering.drift import Training, describe_training, drift_in_words, stability_index

SPEND = s.TOTAL_SPEND


def test_every_example_in_a_docstring_holds():
    result = doctest.testmod(drift)
    assert result.attempted > 0
    assert result.failed == 0


def assigned(spark: SparkSession, customers: int, spend: str, distance: str = "1") -> DataFrame:
    """Return customers numbered from 1; their spend and distance are expressions of the number."""
    frame = spark.range(1, customers + 1, numPartitions=1)
    return frame.selectExpr(f"{spend} AS {SPEND}", f"cast({distance} AS double) AS {s.DISTANCE_TO_CENTRE}")


def test_the_index_compares_the_shares_of_each_bin():
    expected = (0.5 - 0.2) * math.log(0.5 / 0.2) + (0.5 - 0.8) * math.log(0.5 / 0.8)
    assert stability_index([0.2, 0.8], [50, 50]) == pytest.approx(expected)
    assert stability_index([0.2, 0.8], [20, 80]) == 0.0
    # An empty bin counts as half a customer, in both directions.
    of_empty = (0.005 - 0.5) * math.log(0.005 / 0.5) + (1 - 0.5) * math.log(1 / 0.5)
    assert stability_index([0.5, 0.5], [0, 100]) == pytest.approx(of_empty)
    assert stability_index([0.0, 1.0], [50, 50]) == pytest.approx(of_empty)


def test_deciles_that_are_equal_are_one_bin(spark: SparkSession):
    # 1 for seven of ten customers, then 2, 3, 4.
    training = describe_training(assigned(spark, 1_000, "greatest(1, id % 10 - 5)", "id"), [SPEND])
    assert training.customers == 1_000
    assert list(training.deciles[SPEND]) == sorted(set(training.deciles[SPEND]))
    assert training.deciles[SPEND][0] == 1.0
    assert training.shares[SPEND][0] == 0.7
    assert sum(training.shares[SPEND]) == pytest.approx(1.0)
    assert len(training.shares[SPEND]) == len(training.deciles[SPEND]) + 1
    assert training.usual_distance == pytest.approx(990, abs=1)
    assert Training(**vars(training)) == training
    assert drift_in_words(assigned(spark, 1_000, "greatest(1, id % 10 - 5)"), training) == ""


def test_a_shifted_feature_is_drift_from_500_customers_on(spark: SparkSession):
    training = describe_training(assigned(spark, 500, "id"), [SPEND])
    shifted = assigned(spark, 500, "id + 200")
    index = stability_index(training.shares[SPEND], [0, 0, 0, 0, 50, 50, 50, 50, 50, 250])
    assert drift_in_words(shifted, training) == (
        f"the population stability index of total_spend is {index:.2f}, above 0.25"
    )
    assert drift_in_words(assigned(spark, 499, "id + 200"), training) == ""
    assert drift_in_words(shifted, replace(training, customers=499)) == ""
    assert drift_in_words(shifted.where("false"), training) == ""


def test_more_than_one_in_twenty_far_from_their_centre_are_drift(spark: SparkSession):
    training = describe_training(assigned(spark, 100, "id"), [SPEND])
    assert training.usual_distance == 1.0
    assert drift_in_words(assigned(spark, 100, "id", "if(id <= 5, 2, 1)"), training) == ""
    text = (
        "6.0% of the customers are farther from their centre than 99% of the customers were that the model was fitted"
    )
    assert drift_in_words(assigned(spark, 100, "id", "if(id <= 6, 2, 1)"), training) == f"{text} on"
    # Of few customers it takes five.
    assert drift_in_words(assigned(spark, 8, "id", "if(id <= 4, 2, 1)"), training) == ""
    assert drift_in_words(assigned(spark, 8, "id", "if(id <= 5, 2, 1)"), training) != ""
