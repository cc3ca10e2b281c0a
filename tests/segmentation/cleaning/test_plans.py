"""How often Spark reads the input and moves lines between partitions: a guard of speed that needs no clock."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession

from segmentation import rollups
from segmentation.cleaning import rules
from segmentation.cleaning.rules import judged_lines, kept_lines, line_counts, parsed_lines
from segmentation.config.files import load_config
from segmentation.config.settings import RunConfig
from segmentation.features import baskets_of, customer_features, orders_of
from segmentation.ingest.files import find_input
from segmentation.ingest.read import read_lines
from tests.jobs.small_shop import make_small_shop, write_csv

CONFIG = Path(__file__).resolve().parents[3] / "conf" / "online_retail.yaml"
AS_OF = date(2011, 12, 10)


def steps(frame: DataFrame) -> list[str]:
    """The names of the operators of the physical plan, without those inside what is cached."""
    found, left = [], [frame._jdf.queryExecution().executedPlan()]
    while left:
        operator = left.pop()
        name = operator.nodeName()
        if name.startswith("AdaptiveSparkPlan"):
            left.append(operator.initialPlan())
            continue
        found.append(name)
        left += [operator.children().apply(number) for number in range(operator.children().length())]
    return found


def count(frame: DataFrame, step: str) -> int:
    return sum(name.startswith(step) for name in steps(frame))


@pytest.fixture(scope="module")
def config() -> RunConfig:
    return load_config(str(CONFIG))


@pytest.fixture(scope="module")
def judged(spark: SparkSession, config: RunConfig, tmp_path_factory: pytest.TempPathFactory) -> DataFrame:
    """The small shop's lines, in two files."""
    folder = tmp_path_factory.mktemp("plans")
    texts = make_small_shop().texts
    for number in range(2):
        write_csv(texts[number::2], folder / f"{number}.csv")
    found = find_input(spark, [str(folder)], config.input)
    return judged_lines(parsed_lines(read_lines(spark, found, config.input), config.cleaning), config.cleaning, None)


@pytest.fixture(scope="module")
def lines(judged: DataFrame) -> Iterator[DataFrame]:
    kept = kept_lines(judged).persist()
    line_counts(kept).collect()  # as the job does first; how they are spread is known once they are made
    yield kept
    kept.unpersist()


@pytest.fixture(scope="module")
def sales(lines: DataFrame) -> DataFrame:
    return rules.sales_among(lines)


def test_the_input_is_read_once_and_lines_are_moved_once_and_sorted_once(judged: DataFrame):
    plan = line_counts(kept_lines(judged))
    assert count(plan, "Scan csv") == 1
    assert count(plan, "Sort") == 1
    # One of lines, by invoice; one of counts, of which there are a few.
    assert count(plan, "Exchange") == 2
    assert count(plan, "Window") == 1


def test_everything_after_reads_the_kept_lines_and_orders_need_no_further_move_of_lines(sales: DataFrame):
    orders = orders_of(sales)
    assert count(orders, "InMemoryTableScan") == 1
    assert count(orders, "Exchange") == 0


def test_baskets_move_the_lines_of_customers_once(sales: DataFrame):
    baskets = baskets_of(sales)
    assert count(baskets, "InMemoryTableScan") == 1
    assert count(baskets, "Exchange") == 1


def test_no_line_is_looked_at_for_customers_and_countries(sales: DataFrame, lines: DataFrame, config: RunConfig):
    orders, baskets = orders_of(sales).persist(), baskets_of(sales).persist()
    try:
        cancelled = rules.cancelled_lines(lines, config.cleaning, AS_OF)
        features = customer_features(orders, baskets, cancelled, AS_OF)
        # Orders twice (money, main country), baskets, and the lines once, for those that were cancelled.
        assert count(features, "InMemoryTableScan") == 4
        assert count(rollups.country_sales(orders), "InMemoryTableScan") == 1
    finally:
        orders.unpersist()
        baskets.unpersist()
