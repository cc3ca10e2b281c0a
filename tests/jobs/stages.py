"""The first steps of a run alone, for tests of what becomes of lines or customers: no table, chart or report."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, cast

import numpy as np
from pyspark.sql import SparkSession

from segmentation import schemas as s
from segmentation.clustering.choose_k import Choice
from segmentation.config.files import load_config
from segmentation.config.settings import RunConfig
from segmentation.context import Request, RunContext
from segmentation.features import baskets_of, orders_of
from segmentation.ingest.files import find_input
from segmentation.pipeline import STAGES, CleanedLines, clean_lines, customer_table, fit_every_k
from segmentation.progress import Progress
from segmentation.returns import money_taken_back
from tests.conftest import ROOT
from tests.jobs.running_jobs import CONFIG

NOTHING = cast("Any", None)  # these steps neither write nor identify the run


def configured(path: str = CONFIG, *overrides: str) -> RunConfig:
    return load_config(str(ROOT / path), overrides)


def context_for(spark: SparkSession, config: RunConfig, *paths: Path, as_of: date | None = None) -> RunContext:
    inputs = [str(path) for path in paths]
    files = find_input(spark, inputs, config.input)
    return RunContext(spark, config, Request(inputs, "", as_of), Progress(STAGES), (), files, NOTHING, NOTHING)


def clean(spark: SparkSession, config: RunConfig, *paths: Path, as_of: date | None = None) -> CleanedLines:
    """Read, judge and count the lines of some files as a run does."""
    return clean_lines(context_for(spark, config, *paths, as_of=as_of))


def cluster(spark: SparkSession, config: RunConfig, *paths: Path) -> tuple[Choice, dict[str, int]]:
    """Sweep and choose as a run does, and return the choice and each customer's nearest centre."""
    context = context_for(spark, config, *paths)
    lines = clean_lines(context)
    taken_back = money_taken_back(lines.sales, lines.returned)
    orders, baskets = orders_of(lines.sales, taken_back), baskets_of(lines.sales, taken_back)
    _, preparation = customer_table(context, lines, orders, baskets)
    fits, choice = fit_every_k(context, preparation)
    centres = next(fit.centres for fit in fits if fit.k == choice.k)
    rows = preparation.points.select(s.CUSTOMER_ID, "point").collect()
    context.release_cache()
    return choice, {row[s.CUSTOMER_ID]: _nearest(row["point"], centres) for row in rows}


def _nearest(point: Sequence[float], centres: Sequence[Sequence[float]]) -> int:
    return int(((np.array(centres) - np.array(point)) ** 2).sum(axis=1).argmin())
