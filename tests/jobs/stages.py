"""The first steps of a run alone, for tests of what becomes of lines or customers: no table, chart or report."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import DataFrame, Row, SparkSession

from segmentation import schemas as s
from segmentation.clustering.choose_k import Choice
from segmentation.clustering.kmeans import Fit
from segmentation.clustering.scaling import prepare, to_cluster
from segmentation.config.files import load_config
from segmentation.config.settings import RunConfig
from segmentation.context import InputContext, Request
from segmentation.customers import customer_buckets, customers_of, purchases_of
from segmentation.ingest.find import find_input
from segmentation.intake import CleanedLines, clean_lines
from segmentation.pipeline import STAGES
from segmentation.progress import Progress
from segmentation.refit import fit_every_k, with_scores
from segmentation.scoring.cuts import find_cuts
from tests.conftest import ROOT
from tests.jobs.running_jobs import CONFIG


def configured(path: str = CONFIG, *overrides: str) -> RunConfig:
    return load_config(str(ROOT / path), overrides)


def context_for(spark: SparkSession, config: RunConfig, *paths: Path, as_of: date | None = None) -> InputContext:
    inputs = [str(path) for path in paths]
    files = find_input(spark, inputs, config.input)
    return InputContext(spark, config, Request(inputs, "", as_of), Progress(STAGES), files)


def clean(spark: SparkSession, config: RunConfig, *paths: Path, as_of: date | None = None) -> CleanedLines:
    """Read, judge and count the lines of some files as a run does."""
    return clean_lines(context_for(spark, config, *paths, as_of=as_of))


@dataclass(frozen=True)
class Clustered:
    """The fits but for their seconds, the chosen k, and each customer's point and the position of its nearest centre.

    Points and positions are in the order of `customers`.
    """

    fits: Sequence[Fit]
    choice: Choice
    customers: Sequence[str]
    points: NDArray[np.float64]
    nearest: NDArray[np.int64]


def cluster(spark: SparkSession, config: RunConfig, *paths: Path) -> Clustered:
    """Sweep and choose as a run does."""
    context = context_for(spark, config, *paths)
    preparation = prepare(to_cluster(_customers(context), config.basis), config.clustering, config.basis)
    context.cached.append(preparation.points)
    fits, choice = fit_every_k(context, preparation)
    centres = np.array(next(fit.centres for fit in fits if fit.k == choice.k))
    rows = preparation.points.select(s.CUSTOMER_ID, "point").collect()
    context.release_cache()
    points = np.array([row["point"] for row in rows])
    nearest = ((points[:, None, :] - centres) ** 2).sum(axis=2).argmin(axis=1)
    untimed = [replace(fit, seconds=0.0) for fit in fits]
    return Clustered(untimed, choice, [row[s.CUSTOMER_ID] for row in rows], points, nearest)


def scored_customers(spark: SparkSession, config: RunConfig, *paths: Path) -> dict[str, Row]:
    """Return the customers with features and scores as a run computes them, by id."""
    context = context_for(spark, config, *paths)
    customers = _customers(context)
    scored, _ = with_scores(context, customers, find_cuts(customers, config.basis, config.rfm))
    rows = {row[s.CUSTOMER_ID]: row for row in scored.collect()}
    context.release_cache()
    return rows


def _customers(context: InputContext) -> DataFrame:
    lines = clean_lines(context)
    customers = customers_of(lines, purchases_of(context, lines), customer_buckets(lines))
    return context.cache(customers)  # several queries read them
