"""Next quarter's buyers: the measures against known values, and one whole evaluation of a made shop."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from pyspark.sql import SparkSession
from sklearn.metrics import roc_auc_score

from scripts.next_quarter.customers import Labelled, Window, labelled_rows, window_of
from scripts.next_quarter.metrics import (
    auc_out_of_fold,
    auc_within_folds,
    count_customers,
    folds_of,
    rates_out_of_fold,
)
from scripts.next_quarter.report import measure, table_of
from segmentation import load_config
from segmentation.errors import ConfigError
from tests.conftest import ROOT

FIRST_DAY, CUT_OFF, LAST_DAY = date(2011, 1, 3), date(2011, 10, 3), date(2012, 1, 11)


def test_auc_of_one_fold_counts_equal_rates_half() -> None:
    # Others and buyers of three groups. Buyers 2 at .9 beat all 3 others; 1 at .5 ties with one, beats one.
    counts = np.array([[[1, 0], [1, 1], [1, 2]]])
    assert auc_within_folds(counts, np.array([[0.1, 0.5, 0.9]])) == pytest.approx((1.5 + 2 * 2.5) / 9)


def test_auc_of_one_fold_is_that_of_scikit_learn() -> None:
    random = np.random.default_rng(3)
    group, bought = random.integers(0, 5, 300), random.random(300) < 0.4
    rates = np.array([0.1, 0.2, 0.2, 0.7, 0.4])
    counts = count_customers(np.zeros(300, dtype=np.int64), group, bought)
    assert auc_within_folds(counts, rates[None, :]) == pytest.approx(roc_auc_score(bought, rates[group]))


def test_auc_without_a_pair_is_no_number() -> None:
    assert np.isnan(auc_within_folds(np.array([[[4, 0]]]), np.array([[0.5]])))


def test_rates_come_from_the_other_folds_and_are_smoothed() -> None:
    # Two folds. Group 0: fold 0 has 10 buyers of 10, fold 1 has 2 of 10. Group 1: 0 of 10 in both.
    counts = np.array([[[0, 10], [10, 0]], [[8, 2], [10, 0]]])
    assert rates_out_of_fold(counts, smoothing=0).tolist() == [[0.2, 0], [1, 0]]
    # Fold 0 sees fold 1: 2 buyers of 20. As if ten more customers had bought at that share: (2 + 1) / 20.
    assert rates_out_of_fold(counts, smoothing=10)[0].tolist() == pytest.approx([0.15, 0.05])


def test_folds_share_buyers_and_others_evenly_and_repeat_with_the_seed() -> None:
    bought = np.arange(103) % 4 == 0
    fold = folds_of(bought, 10, seed=5)
    for members in (bought, ~bought):
        sizes = np.bincount(fold[members], minlength=10)
        assert sizes.max() - sizes.min() <= 1
    assert (fold == folds_of(bought, 10, seed=5)).all()
    assert (fold != folds_of(bought, 10, seed=6)).any()


def test_useless_groups_score_a_half() -> None:
    random = np.random.default_rng(1)
    aucs = []
    for seed in range(40):
        group, bought = random.integers(0, 3, 600), random.random(600) < 0.5
        counts = count_customers(folds_of(bought, 10, seed), group, bought)
        aucs.append(auc_within_folds(counts, rates_out_of_fold(counts)))
    assert np.mean(aucs) == pytest.approx(0.5, abs=0.012)


def test_the_interval_has_the_width_of_the_known_standard_error() -> None:
    # Two groups of 1,000, 30 % and 70 % of whom buy: AUC 0.7, and the variance of a two-valued score is known.
    bought = np.concatenate([np.arange(1000) < 300, np.arange(1000) < 700])
    group = np.repeat([0, 1], 1000)
    counts = count_customers(folds_of(bought, 10, seed=1), group, bought)
    auc = auc_out_of_fold(counts, resamples=2_000, seed=1)
    assert auc.value == pytest.approx(0.7, abs=0.002)
    standard_error = np.sqrt((0.7 * 0.3 / 1000 + 0.3 * 0.7 / 1000) / 4)
    assert auc.high - auc.low == pytest.approx(2 * 1.96 * standard_error, rel=0.1)
    assert auc.low < auc.value < auc.high
    assert auc == auc_out_of_fold(counts, resamples=2_000, seed=1)


def test_buyers_are_those_with_a_net_order_in_the_window(spark: SparkSession) -> None:
    schema = "customer_id string, segment_id int, segment_name string, rfm_segment string, net_recency_days int"
    customers = [(name, 1 + len(name) % 2, "Some", "Loyal", 5) for name in "abcde"]
    later = [
        ("a", 1, "Other", "Lost", 1),  # bought on the last day of the window
        ("b", 1, "Other", "Lost", 100),  # on its first
        ("c", 1, "Other", "Lost", 101),  # before
        ("d", 1, "Other", "Lost", None),  # returned everything
        ("f", 1, "Other", "Lost", 3),  # was no customer before the window
    ]
    rows = labelled_rows(spark.createDataFrame(customers, schema), spark.createDataFrame(later, schema), days=100)

    assert [(row["customer_id"], row["bought_again"]) for row in rows] == [
        *(("a", True), ("b", True), ("c", False), ("d", False), ("e", False))
    ]
    assert {(row["segment_name"], row["rfm_segment"]) for row in rows} == {("Some", "Loyal")}


def test_the_result_counts_each_group_and_is_printed_with_names() -> None:
    bought = np.arange(100) % 2 == 0
    segments, rfm = [1 + n % 2 for n in range(100)], ["Loyal"] * 100
    labelled = Labelled(
        {"segment_id": segments, "rfm_segment": rfm}, bought, {1: "Good", 2: "Poor"}, {"choice": {"k": 2}}
    )
    result = json.loads(json.dumps(measure(labelled, Window(CUT_OFF, CUT_OFF + timedelta(100)), seed=1)))

    assert (result["cut_off"], result["days"], result["customers"], result["bought_again"]) == (
        "2011-10-03",
        100,
        100,
        50,
    )
    good, poor = result["groupings"]["segment_id"]["groups"]
    assert good == {"group": "1", "name": "Good", "customers": 50, "bought_again": 50, "rate": 1.0}
    assert poor["rate"] == 0
    assert [result["groupings"][name]["auc"] for name in ("segment_id", "rfm_segment")] == [1, 0.5]
    text = table_of(result, ["sales.csv"])
    assert "100 customers, of whom 50 bought again (50.0%)" in text
    assert text.index("Good") < text.index("Poor")


@pytest.fixture
def sales(tmp_path: Path) -> str:
    """A file whose sales are from the third of January 2011 to the eleventh of January 2012."""
    lines = ["InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"]
    for number, day in enumerate((FIRST_DAY, CUT_OFF, LAST_DAY)):
        lines.append(f"{5000 + number},20001,MUG,2,{day} 10:00:00,2.50,17850,France")
    lines.append(f"C5009,20001,MUG,-2,{LAST_DAY + timedelta(30)} 10:00:00,2.50,17850,France")
    (tmp_path / "sales.csv").write_text("\n".join(lines))
    return str(tmp_path / "sales.csv")


def test_the_window_follows_the_first_nine_months_of_sales(spark: SparkSession, sales: str) -> None:
    config = load_config(str(ROOT / "conf/online_retail.yaml"))
    assert window_of(spark, config, [sales], None, 100) == Window(CUT_OFF, CUT_OFF + timedelta(100))
    with pytest.raises(ConfigError, match="--days 200: the sales end on 2012-01-11, before the last of these days"):
        window_of(spark, config, [sales], CUT_OFF, 200)
    with pytest.raises(ConfigError, match="--cut-off 2011-01-03: must be after 2011-01-03, the first day of the sales"):
        window_of(spark, config, [sales], FIRST_DAY, 10)
