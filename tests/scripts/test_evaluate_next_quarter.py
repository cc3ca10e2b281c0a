"""Next quarter's buyers: the measures against known values, and one whole evaluation of a made shop."""

from __future__ import annotations

import csv
import json
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from pyspark.sql import SparkSession
from sklearn.metrics import roc_auc_score

from scripts.next_quarter.customers import label_customers, window_of
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


FIRST_DAY, CUT_OFF = date(2011, 1, 3), date(2011, 10, 3)
HEADER = ("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country")


def small_shop(file: Path) -> str:
    """Write lines of forty customers before the cut-off, of whom even ones buy again, and of some special ones."""
    lines: list[tuple[str, int, date, str]] = []
    for customer in range(40):
        lines += [
            (f"{1000 + 10 * customer + n}", 1 + customer, FIRST_DAY + timedelta(7 * n), f"{customer}") for n in range(3)
        ]
        if customer % 2 == 0:
            lines.append((f"{5000 + customer}", 2, CUT_OFF + timedelta(customer), f"{customer}"))
    lines += [
        ("7001", 1, FIRST_DAY, "returns the new order"),
        ("7002", 5, CUT_OFF + timedelta(3), "returns the new order"),
        ("C7003", -5, CUT_OFF + timedelta(9), "returns the new order"),
        ("7004", 1, FIRST_DAY, "buys on the last day"),
        ("7005", 1, CUT_OFF + timedelta(99), "buys on the last day"),
        ("7006", 1, FIRST_DAY, "buys a day too late"),
        ("7007", 1, CUT_OFF + timedelta(100), "buys a day too late"),
        ("7008", 1, CUT_OFF, "was no customer before"),
    ]
    with file.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(HEADER)
        for invoice, quantity, day, customer in lines:
            writer.writerow((invoice, "20001", "MUG", quantity, f"{day} 10:00:00", "2.50", customer, "France"))
    return str(file)


@pytest.mark.whole_run
def test_customers_before_the_cut_off_are_labelled_by_their_net_orders(spark: SparkSession, tmp_path: Path) -> None:
    config = load_config(str(ROOT / "conf/online_retail_ii.yaml"), [
        *("input.columns.invoice_no=InvoiceNo", "input.columns.unit_price=UnitPrice"),
        *("input.columns.customer_id=CustomerID", "clustering.k=3"),
    ])  # fmt: skip
    file = small_shop(tmp_path / "lines.csv")
    window = window_of(spark, config, [file], None, 100)
    assert (window.cut_off, window.days) == (CUT_OFF, 100)

    labelled = label_customers(spark, config, [file], str(tmp_path / "lake"), window)

    assert len(labelled.bought) == 43
    assert labelled.bought.sum() == 20 + 1
    assert len(set(labelled.groups["segment_id"])) == 3
    result = measure(labelled, window, seed=1)
    assert (result["customers"], result["bought_again"], result["k"]) == (43, 21, 3)
    assert set(result["groupings"]) == {"segment_id", "rfm_segment"}
    for grouping in result["groupings"].values():
        assert sum(group["customers"] for group in grouping["groups"]) == 43
        assert sum(group["bought_again"] for group in grouping["groups"]) == 21
    assert "43 customers, of whom 21 bought again (48.8%)" in table_of(json.loads(json.dumps(result)), [file])


def test_a_window_after_the_last_sale_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    config = load_config(str(ROOT / "conf/online_retail.yaml"))
    file = small_shop(tmp_path / "lines.csv")
    with pytest.raises(ConfigError, match=r"--days 200: the sales end on 2012-01-11, before the last of these days"):
        window_of(spark, config, [file], CUT_OFF, 200)
    with pytest.raises(ConfigError, match="--cut-off 2011-01-03: must be after 2011-01-03, the first day of the sales"):
        window_of(spark, config, [file], FIRST_DAY, 10)
