"""How often Spark reads the input and moves lines between partitions: a guard of speed that needs no clock."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession

from segmentation import rollups
from segmentation import schemas as s
from segmentation.cleaning.ledger import line_counts
from segmentation.cleaning.parse import parse_lines
from segmentation.cleaning.rules import judge_lines, returned_lines, sales_lines
from segmentation.config.files import load_config
from segmentation.config.settings import RunConfig
from segmentation.features import baskets_of, customer_features, orders_of
from segmentation.ingest.find import find_input
from segmentation.ingest.read import read_lines
from segmentation.returns import money_taken_back
from tests.jobs.small_shop import make_small_shop, write_csv

CONFIG = Path(__file__).resolve().parents[2] / "conf" / "online_retail.yaml"
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
    return judge_lines(parse_lines(read_lines(spark, found, config.input), config.cleaning), config.cleaning, None)


@pytest.fixture(scope="module")
def lines(judged: DataFrame) -> Iterator[DataFrame]:
    cached = judged.drop(s.SOURCE_FILE).persist()
    line_counts(cached).collect()  # as the job does first: partitions are known once they are computed
    yield cached
    cached.unpersist()


@pytest.fixture(scope="module")
def sales(lines: DataFrame) -> DataFrame:
    return sales_lines(lines)


def test_the_input_is_read_shuffled_and_sorted_once(judged: DataFrame):
    plan = line_counts(judged)
    assert count(plan, "Scan csv") == 1
    assert count(plan, "Sort") == 1
    # One of lines, by invoice, and one of a few counts.
    assert count(plan, "Exchange") == 2
    assert count(plan, "Window") == 1


@pytest.fixture(scope="module")
def returned(lines: DataFrame) -> DataFrame:
    return returned_lines(lines)


@pytest.fixture(scope="module")
def taken_back(sales: DataFrame, returned: DataFrame) -> Iterator[DataFrame]:
    cached = money_taken_back(sales, returned).persist()
    yield cached
    cached.unpersist()


def test_returns_are_matched_with_one_shuffle_of_the_lines(sales: DataFrame, returned: DataFrame):
    matched = money_taken_back(sales, returned)
    # Sales, returns, and twice the few customers who returned anything.
    assert count(matched, "Exchange") <= 5
    assert count(matched, "CartesianProduct") + count(matched, "BroadcastNestedLoopJoin") == 0


def test_only_orders_not_their_lines_are_shuffled(sales: DataFrame, taken_back: DataFrame):
    orders = orders_of(sales, taken_back)
    assert count(orders, "InMemoryTableScan") == 2
    # The returns by invoice; and, where a union does not keep partitions (Spark 4.0), whole orders.
    assert count(orders, "Exchange") <= 2


def test_baskets_shuffle_the_lines_of_customers_once(sales: DataFrame, taken_back: DataFrame):
    baskets = baskets_of(sales, taken_back)
    assert count(baskets, "InMemoryTableScan") == 2
    assert count(baskets, "Exchange") <= 2


def test_customers_and_countries_are_aggregated_from_orders(
    sales: DataFrame, returned: DataFrame, taken_back: DataFrame
):
    orders, baskets = orders_of(sales, taken_back).persist(), baskets_of(sales, taken_back).persist()
    try:
        features = customer_features(orders, baskets, returned, AS_OF)
        # Orders twice (money, main country), baskets, and the lines once for the returned ones.
        assert count(features, "InMemoryTableScan") == 4
        # Orders and the returned lines twice.
        assert count(rollups.country_sales(orders, returned), "InMemoryTableScan") == 2
    finally:
        orders.unpersist()
        baskets.unpersist()
