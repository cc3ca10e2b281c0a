"""Sweep k alone, on generated customers, by this job or by scikit-learn; started by scripts/benchmark."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

FEATURES: Final = ("total_spend", "purchase_frequency", "recency_days")
# Four kinds of customers: their share, and their typical spend, orders, and days since the last purchase.
KINDS: Final = ((0.35, 150, 1.5, 220), (0.30, 490, 2.5, 120), (0.25, 1_340, 5, 50), (0.10, 5_430, 13, 15))
SEED: Final = 5
LARGEST_K: Final = 10


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="scripts/benchmarking/sweep.py", description=__doc__)
    parser.add_argument("task", choices=("customers", "spark", "scikit-learn"), help="customers writes the input")
    parser.add_argument("file", type=Path, help="Parquet, a row per customer")
    parser.add_argument("--count", type=int, default=4_338, help="customers to write")
    options = parser.parse_args(arguments)
    if options.task == "customers":
        write_customers(options.count, options.file)
        return
    by_library = sweep_by_spark if options.task == "spark" else sweep_by_scikit_learn
    seconds, wssse = by_library(options.file)
    print(json.dumps({"seconds": seconds, "wssse": wssse}))


def write_customers(count: int, path: Path) -> None:
    """Write one row per customer: customer_id and the features, the same for the same count."""
    random = np.random.default_rng(SEED)
    shares, spend, orders, days = (np.array(column) for column in zip(*KINDS, strict=True))
    kind = random.choice(len(KINDS), count, p=shares)
    columns = {
        "customer_id": [f"{number:09}" for number in range(count)],
        "total_spend": np.round(spend[kind] * random.lognormal(0, 0.7, count), 2),
        "purchase_frequency": 1 + random.poisson((orders[kind] - 1) * random.lognormal(0, 0.5, count)),
        "recency_days": np.clip(random.exponential(days[kind]), 1, 374).astype(np.int32),
    }
    pq.write_table(pa.table(columns), path)


def sweep_by_spark(path: Path, largest_k: int = LARGEST_K) -> tuple[float, float]:
    """Return the seconds of preparing, sweeping and fitting the chosen k, and the WSSSE of the largest k."""
    from pyspark.sql import functions as F

    from segmentation import schemas as s
    from segmentation.clustering.scaling import prepare
    from segmentation.clustering.sweep import choose_and_refit, sweep
    from segmentation.config.settings import ClusteredFeature, ClusteringSettings
    from segmentation.session import spark_session

    spark = spark_session("sweep")
    features = tuple(ClusteredFeature.model_validate({"feature": feature}) for feature in FEATURES)
    settings = ClusteringSettings(features=features, k_max=largest_k)
    ks = list(range(settings.smallest_k, largest_k + 1))
    read = spark.read.parquet(str(path)).withColumn("total_spend", F.col("total_spend").cast("decimal(20,4)"))
    customers = read.repartition(1).sortWithinPartitions("customer_id").persist()
    customers.count()

    began = time.perf_counter()
    preparation = prepare(customers, settings, s.GROSS)
    fits, _ = choose_and_refit(preparation, sweep(preparation, ks, settings), settings)
    seconds = time.perf_counter() - began
    customers.unpersist()
    return seconds, fits[-1].wssse


def sweep_by_scikit_learn(path: Path, largest_k: int = LARGEST_K) -> tuple[float, float]:
    """Return the seconds of scaling and fitting each k, and the WSSSE of the largest k."""
    from scripts.benchmarking.peers.clustering import sweep

    table = pq.read_table(path, columns=list(FEATURES))
    features = np.column_stack([table[name].to_numpy().astype(float) for name in FEATURES])
    began = time.perf_counter()
    wssse, _ = sweep(features, largest_k)
    return time.perf_counter() - began, wssse[largest_k]


if __name__ == "__main__":
    main(sys.argv[1:])
