"""The first stages of a run alone, for tests of what becomes of lines or customers: no table, chart or report."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
from pyspark.sql import DataFrame, SparkSession

from segmentation import schemas as s
from segmentation.cleaning.ledger import (
    Ledger,
    day_after_last_sale,
    line_counts,
    require_clean_lines,
    warn_of_malformed,
)
from segmentation.cleaning.parse import parse_lines
from segmentation.cleaning.rules import cancelled_lines, judge_lines, sales_lines
from segmentation.clustering.choose_k import Choice
from segmentation.clustering.scaling import prepare
from segmentation.clustering.sweep import choose_and_refit, ks_to_fit, sweep
from segmentation.config.files import load_config
from segmentation.config.settings import RunConfig
from segmentation.features import baskets_of, customer_features, orders_of
from segmentation.ingest.files import find_input
from segmentation.ingest.read import read_errors_named, read_lines
from tests.conftest import ROOT
from tests.jobs.running_jobs import CONFIG


@dataclass(frozen=True)
class CleanedLines:
    """The judged lines of some files, persisted, with their counts and the day of the run."""

    lines: DataFrame
    ledger: Ledger
    as_of: date

    @property
    def counts(self) -> dict[str, int]:
        """Lines by outcome, without outcomes that do not occur."""
        return {outcome: count for outcome, count in self.ledger.counts.items() if count}


def configured(path: str = CONFIG, *overrides: str) -> RunConfig:
    return load_config(str(ROOT / path), overrides)


def clean(spark: SparkSession, config: RunConfig, *paths: Path, as_of: date | None = None) -> CleanedLines:
    """Read, judge and count the lines of some files as a run does."""
    files = find_input(spark, [str(path) for path in paths], config.input)
    parsed = parse_lines(read_lines(spark, files, config.input), config.cleaning)
    judged = judge_lines(parsed, config.cleaning, as_of)
    lines = judged.persist()
    with read_errors_named(spark, files):
        ledger = Ledger(line_counts(lines).collect(), files)
    day = as_of or day_after_last_sale(ledger, judged)
    require_clean_lines(ledger)
    warn_of_malformed(ledger)
    return CleanedLines(lines, ledger, day)


def cluster(cleaned: CleanedLines, config: RunConfig) -> tuple[Choice, dict[str, int]]:
    """Sweep and choose as a run does, and return the choice and each customer's nearest centre."""
    sales = sales_lines(cleaned.lines)
    features = customer_features(orders_of(sales), baskets_of(sales), cancelled_lines(cleaned.lines), cleaned.as_of)
    preparation = prepare(features.repartition(1).sortWithinPartitions(s.CUSTOMER_ID).persist(), config.clustering)
    swept = sweep(preparation, ks_to_fit(preparation, config.clustering), config.clustering)
    fits, choice = choose_and_refit(preparation, swept, config.clustering)
    centres = next(fit.centres for fit in fits if fit.k == choice.k)
    rows = preparation.points.select(s.CUSTOMER_ID, "point").collect()
    return choice, {row[s.CUSTOMER_ID]: _nearest(row["point"], centres) for row in rows}


def _nearest(point: Sequence[float], centres: Sequence[Sequence[float]]) -> int:
    return int(((np.array(centres) - np.array(point)) ** 2).sum(axis=1).argmin())
