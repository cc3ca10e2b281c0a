"""The customers before the cut-off, each with its segments and whether it bought again in the window after it.

Both come from runs of the product itself. The run as of the cut-off sees only lines before it. The run as of the end of
the window has each customer's last net order: the last of which anything stayed, after the returns known by then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from segmentation import open_run, run, sampling
from segmentation import schemas as s
from segmentation.cleaning.parse import parse_lines
from segmentation.cleaning.rules import judge_lines, sales_lines
from segmentation.config.settings import ExportSettings, QualityGates, RunConfig
from segmentation.context import Published
from segmentation.errors import ConfigError, InputError
from segmentation.ingest.find import find_input
from segmentation.ingest.read import read_lines
from segmentation.session import guest_of, release

MOST_CUSTOMERS: Final = 200_000
FIRST_MONTHS: Final = 9
BOUGHT: Final = "bought_again"
GROUPINGS: Final = (s.SEGMENT_ID, s.RFM_SEGMENT)


@dataclass(frozen=True)
class Window:
    """The days in which customers are looked for: from `cut_off` on, before `end`."""

    cut_off: date
    end: date

    @property
    def days(self) -> int:
        return (self.end - self.cut_off).days


@dataclass(frozen=True)
class Labelled:
    """The customers before the cut-off, by id: the columns of their groups, and whether each bought again.

    `manifest` is that of the run that grouped them; `names` are the names of the segments by id.
    """

    groups: Mapping[str, Sequence[Any]]
    bought: NDArray[np.bool_]
    names: Mapping[int, str]
    manifest: Mapping[str, Any]


def window_of(spark: SparkSession, config: RunConfig, inputs: Sequence[str], cut_off: date | None, days: int) -> Window:
    """Return the window after the cut-off, by default the first nine months. Runs one action over the lines.

    Raises: ConfigError if there are no sales before the cut-off, or if they end before the window does.
    """
    with guest_of(spark):
        lines = read_lines(spark, find_input(spark, inputs, config.input), config.input)
        sales = sales_lines(judge_lines(parse_lines(lines, config.cleaning), config.applied_cleaning, None))
        # Cached, since Spark's code for the rules and the aggregate in one is too long to be compiled.
        sale_days = sales.select(F.col(s.INVOICE_DATE).cast("date").alias("day")).persist()
        day = F.col("day")
        found = sale_days.agg(F.min(day), F.max(day), F.add_months(F.min(day), FIRST_MONTHS)).first()
        release(sale_days)
    assert found is not None, "an aggregate without groups has one row"
    first, last, after_first_months = found
    if first is None:
        raise InputError("the input has no sales")
    window = Window(cut_off or after_first_months, (cut_off or after_first_months) + timedelta(days))
    if not first < window.cut_off:
        raise ConfigError(f"--cut-off {window.cut_off}: must be after {first}, the first day of the sales")
    if last < window.end - timedelta(1):
        raise ConfigError(
            f"--cut-off {window.cut_off} --days {days}: the sales end on {last}, before the last of these days, "
            f"{window.end - timedelta(1)}; choose an earlier cut-off or fewer days"
        )
    return window


def label_customers(
    spark: SparkSession, config: RunConfig, inputs: Sequence[str], lake: str, window: Window
) -> Labelled:
    """Publish both runs into `lake`, and return the customers: at most 200,000, drawn by a hash of their ids."""
    config = config.model_copy(update={"quality_gates": QualityGates(), "exports": ExportSettings(enabled=False)})
    before = open_run(spark, lake, _published(spark, config, inputs, lake, window.cut_off).run_id)
    # The second run is for its net orders. Its segments are not used.
    quick = config.clustering.model_copy(update={"k": 2, "k_min": 1, "k_max": 2, "restarts": 1})
    label_config = config.model_copy(update={"clustering": quick})
    after = open_run(spark, lake, _published(spark, label_config, inputs, lake, window.end).run_id)

    customers, later = (each.table("customer_segments") for each in (before, after))
    rows = labelled_rows(customers, later, window.days)
    return Labelled(
        groups={name: [row[name] for row in rows] for name in GROUPINGS},
        bought=np.array([row[BOUGHT] for row in rows], dtype=np.bool_),
        names={row[s.SEGMENT_ID]: row[s.SEGMENT_NAME] for row in rows},
        manifest=before.manifest,
    )


def labelled_rows(customers: DataFrame, later: DataFrame, days: int) -> list[Row]:
    """Return a row per customer of the cut-off, by id: at most 200,000. Runs the actions of count and collect.

    `customers` and `later` are the customers as of the cut-off and as of `days` days later. Columns: customer_id,
    segment_id, segment_name, rfm_segment, bought_again boolean: whether there is a net order in these days.
    """
    buyers = later.where(F.col(s.NET_RECENCY_DAYS) <= days).select(s.CUSTOMER_ID, F.lit(True).alias(BOUGHT))
    labelled = (
        _bounded(customers)
        .join(buyers, s.CUSTOMER_ID, "left")  # unique on both sides
        .select(s.CUSTOMER_ID, s.SEGMENT_ID, s.SEGMENT_NAME, s.RFM_SEGMENT, F.col(BOUGHT).isNotNull().alias(BOUGHT))
    )
    return sorted(labelled.collect(), key=lambda row: str(row[s.CUSTOMER_ID]))  # bounded above


def _published(spark: SparkSession, config: RunConfig, inputs: Sequence[str], lake: str, as_of: date) -> Published:
    return run(spark, config, inputs, lake, as_of=as_of)


def _bounded(customers: DataFrame) -> DataFrame:
    count = customers.count()
    if count <= MOST_CUSTOMERS:
        return customers
    # A little below the bound, which the drawn number may exceed by chance.
    return customers.where(sampling.uniform(F.col(s.CUSTOMER_ID)) < 0.99 * MOST_CUSTOMERS / count)
