"""Score the customers of new transactions by the model of a published run: no refit, no rollups, no charts.

The way is that of a run: `intake`, `customers`, and `SegmentModel.score`, by which the audit of each run checks its
own customers too. Returns are matched only where scores or segments look at what stayed after them. Actions of Spark:
those of `open_run`, `model_of` and `clean_lines`, and what the caller does with the rows.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Final

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.clustering.drift import is_unusual
from segmentation.clustering.segment_model import SegmentModel
from segmentation.config.engine import require_readable
from segmentation.config.settings import RunConfig
from segmentation.context import InputContext, Request
from segmentation.customers import (
    customer_buckets,
    customers_before_returns,
    customers_of,
    purchases_of,
    scoring_needs_returns,
)
from segmentation.errors import counted
from segmentation.intake import clean_lines, look_at_input
from segmentation.lake.lineage import configuration_of, model_of
from segmentation.lake.runs import Lake, PublishedRun, open_run
from segmentation.progress import Progress
from segmentation.session import SparkThreadPool, cancel_tagged_jobs, guest_of

logger = logging.getLogger(__name__)

# The stages, and how the time divides among them.
STAGES: Final = {"Looking at the input": 0.15, "Cleaning the lines": 0.5, "Scoring the customers": 0.35}


@dataclass(frozen=True)
class ScoredCustomers:
    """The customers of new transactions: `rows` have the columns of `SCORED_CUSTOMERS`, and are not computed yet.

    `run` is the published run whose model scores them.
    """

    rows: DataFrame
    run: PublishedRun
    model: SegmentModel
    as_of: date


@contextmanager
def scored_customers(
    spark: SparkSession, request: Request, progress: Progress | None = None
) -> Iterator[ScoredCustomers]:
    """Clean new transactions as a run does, and score their customers; inside the block their rows can be computed.

    `request.run_id` names the run whose model and configuration count, by default the newest of the lake. The session
    is the caller's: its settings, cached tables and running jobs are left as they were.

    Raises: ConfigError or InputError, each with what to do.
    """
    progress = progress or Progress(len(STAGES), STAGES)
    looking, cleaning, scoring = STAGES
    with guest_of(spark) as job_tag, SparkThreadPool(1, thread_name_prefix="model") as pool:
        with progress.stage(looking):
            run = open_run(spark, request.lake, request.run_id)
            loading = pool.submit(model_of, run)  # many small files, read while Spark plans other queries
            if request.run_id is None:
                pool.submit(warn_of_other_titles, Lake(spark, request.lake), run)
            config = configuration_of(run)
            require_readable(spark, config, request.as_of)
            files = look_at_input(spark, request.inputs, config)
            progress.note(f"{counted(len(files), 'file')}, for the model of run {run.run_id}")
            if loading.done():  # as where the manifest does not describe the model
                loading.result()
        context = InputContext(spark, config, request, progress, files)
        try:
            with progress.stage(cleaning):
                lines = clean_lines(context)
            with progress.stage(scoring):
                buckets = customer_buckets(lines)
                if scoring_needs_returns(config):
                    customers = customers_of(lines, purchases_of(context, lines), buckets)
                else:
                    customers = customers_before_returns(lines, buckets)
                model = loading.result()
                yield ScoredCustomers(score(customers, model, config, lines.as_of), run, model, lines.as_of)
        except BaseException:
            cancel_tagged_jobs(spark, job_tag)
            raise
        finally:
            context.release_cache()


def warn_of_other_titles(lake: Lake, run: PublishedRun) -> None:
    """Warn where the newest run of a lake is one of several configurations, any of which may be meant."""
    runs = [entry for entry in reversed(lake.runs()) if entry.is_readable and entry.title is not None]
    latest = {entry.title: entry.run_id for entry in runs}
    others = [f"{title} (--run-id {run_id})" for title, run_id in latest.items() if title != run.manifest.get("title")]
    if others:
        logger.warning(
            "the model is that of the newest run, %s: %s. The lake has runs of other titles too: %s",
            *(run.run_id, run.manifest.get("title"), ", ".join(others)),
        )


def score(customers: DataFrame, model: SegmentModel, config: RunConfig, as_of: date) -> DataFrame:
    """Return `SCORED_CUSTOMERS` of customer features."""
    scored = model.score(customers, config.basis, config.rfm.rules, config.charts.currency)
    # Who returned everything has no distance.
    is_anomaly = F.coalesce(is_unusual(model.training.usual_distance), F.lit(False))
    described = scored.withColumns({s.IS_ANOMALY: is_anomaly, s.AS_OF: F.lit(as_of)})
    return s.require_schema(described.select(*s.column_names(s.SCORED_CUSTOMERS)), s.SCORED_CUSTOMERS, "of scores")
