"""Customer segments from retail transactions: a Spark job for a data lake, and the same as a library.

Importing the package starts nothing and imports neither Spark nor any plotting library.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from segmentation.config.settings import RunConfig
    from segmentation.context import Published
    from segmentation.lake.runs import PublishedRun

__version__ = "0.1.0"
__all__ = ["load_config", "open_run", "read_table", "run", "score"]


def load_config(path: str, overrides: Sequence[str] = ()) -> RunConfig:
    """Return the validated settings of a YAML file, with overrides such as `clustering.k=5` applied.

    Raises: ConfigError, which names the file, the key, the value and what is allowed.

    >>> config = load_config("conf/online_retail.yaml", ["clustering.k=5"])
    >>> config.clustering.k, config.title
    (5, 'Online Retail, classic recipe')
    """
    from segmentation.config import files

    return files.load_config(path, overrides)


def run(
    spark: SparkSession, config: RunConfig, inputs: Sequence[str], lake: str, *, as_of: date | None = None
) -> Published:
    """Segment the customers of the input files and publish one complete run into the lake, or nothing.

    `inputs` are files, directories or globs; `as_of` is the day to look back from, by default the day after the last
    sale. Running again with the same input, configuration and code finds the run published and changes nothing. The
    session's settings, cached tables and running jobs are left as they were.

    Raises: ConfigError, InputError, QualityGateError or PublishConflict; each message says what to do.

    >>> config = load_config("conf/online_retail.yaml", ["clustering.k_max=4"])
    >>> published = run(spark, config, [sales_file], lake)
    >>> published.already_published, run(spark, config, [sales_file], lake).already_published
    (False, True)
    """
    from segmentation import context, pipeline

    return pipeline.segment_customers(spark, config, context.Request(tuple(inputs), lake, as_of))


def open_run(spark: SparkSession, lake: str, run_id: str | None = None) -> PublishedRun:
    """Return a published run of a lake, by default the newest: its manifest, tables and model.

    Several tables read from it belong together, whatever is published meanwhile.

    Raises: InputError if there is no such run, or if it is not complete.

    >>> newest = open_run(spark, lake)
    >>> newest.table("segment_profiles").count() == newest.manifest["choice"]["k"]
    True
    """
    from segmentation.lake import runs

    return runs.open_run(spark, lake, run_id)


def read_table(spark: SparkSession, lake: str, table: str, run_id: str | None = None) -> DataFrame:
    """Return one table of a published run, by default of the newest, with its declared schema.

    Raises: InputError if there is no such run or table.

    >>> segments = read_table(spark, lake, "customer_segments")
    >>> segments.columns[:3]
    ['customer_id', 'segment_id', 'segment_name']
    """
    from segmentation.lake import runs

    return runs.read_table(spark, lake, table, run_id)


def score(
    spark: SparkSession, lake: str, inputs: Sequence[str], *, run_id: str | None = None, as_of: date | None = None
) -> DataFrame:
    """Return the customers of new transactions, scored by the model of a published run, by default of the newest.

    `inputs` are files, directories or globs with all transactions of these customers, and the columns of the run's
    configuration. `as_of` is the day to look back from, by default the day after their last sale. One row per customer;
    columns: customer_id, segment_id, segment_name, rfm_segment, recency_score, frequency_score, monetary_score,
    distance_to_centre, nearest_other_segment_id, margin, is_anomaly (farther from its centre than 99 % of the customers
    that the model was fitted on), reason, as_of.

    The rows are computed now, with the settings of a run, and kept by Spark's executors (`DataFrame.localCheckpoint`)
    until the frame is no longer referenced. Write it if it is to outlive them. The session's settings, cached tables
    and running jobs are left as they were.

    Raises: ConfigError or InputError; each message says what to do.

    >>> scored = score(spark, lake, [sales_file])
    >>> scored.count() == read_table(spark, lake, "customer_segments").count()
    True
    """
    from segmentation import context, published_model

    with published_model.scored_customers(spark, context.Request(tuple(inputs), lake, as_of, run_id)) as scored:
        return scored.rows.localCheckpoint()
