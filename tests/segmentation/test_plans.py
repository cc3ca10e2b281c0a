"""How often Spark reads the input and moves lines between partitions: a guard of speed that needs no clock."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession

from segmentation import rollups
from segmentation.cleaning.duplicates import repeated_items
from segmentation.cleaning.parse import parse_lines
from segmentation.cleaning.rules import exceptional_lines, judge_each_line, returned_lines, sales_less_copies
from segmentation.config.files import load_config
from segmentation.config.settings import RunConfig
from segmentation.features import baskets_of, customer_features, order_sums, orders_of
from segmentation.ingest.find import find_input
from segmentation.ingest.read import read_lines
from segmentation.returns import lines_of_returned_products, money_taken_back
from segmentation.sales import Sales
from segmentation.session import persisted
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


@dataclass(frozen=True)
class Lines:
    """Lines judged one by one, and what a run caches of them."""

    lines: DataFrame
    repeated: DataFrame
    exceptional: DataFrame


@pytest.fixture(scope="module")
def cached(spark: SparkSession, config: RunConfig, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lines]:
    """The small shop's lines, in two files."""
    folder = tmp_path_factory.mktemp("plans")
    texts = make_small_shop().texts
    for number in range(2):
        write_csv(texts[number::2], folder / f"{number}.csv")
    found = find_input(spark, [str(folder)], config.input)
    parsed = parse_lines(read_lines(spark, found, config.input), config.cleaning, spread=True)
    assert (count(parsed, "Scan csv"), count(parsed, "Exchange"), count(parsed, "Sort")) == (1, 1, 0)
    kept, lines = persisted(judge_each_line(parsed, config.cleaning, None))
    found = repeated_items(lines)
    # Two numbers of each line are shuffled and sorted, then the few that repeat.
    assert (count(found, "InMemoryTableScan"), count(found, "Exchange"), count(found, "Sort")) == (1, 2, 1)
    kept_items, repeated = persisted(found)
    found = exceptional_lines(lines, repeated, config.cleaning)
    of_few_lines = [name for name in steps(found) if name.startswith(("BroadcastHashJoin", "Exchange", "Window"))]
    assert of_few_lines == ["Window", "Exchange", "BroadcastHashJoin"]
    kept_lines, exceptional = persisted(found)
    yield Lines(lines, repeated, exceptional)
    for frame in (kept_lines, kept_items, kept):
        frame.unpersist()


@pytest.fixture(scope="module")
def sales(cached: Lines) -> Sales:
    return sales_less_copies(cached.lines, cached.exceptional)


@pytest.fixture(scope="module")
def returned(cached: Lines) -> DataFrame:
    return returned_lines(cached.exceptional)


@pytest.fixture(scope="module")
def taken_back(sales: Sales, returned: DataFrame) -> Iterator[DataFrame]:
    kept, matched = persisted(money_taken_back(sales, lines_of_returned_products(sales, returned)))
    yield matched
    kept.unpersist()


def test_sales_are_read_without_a_shuffle_or_a_sort(sales: Sales):
    assert [name for name in steps(sales.lines) if name.startswith(("Exchange", "Sort", "Window"))] == []


def test_returns_are_matched_among_few_lines(sales: Sales, returned: DataFrame):
    first = lines_of_returned_products(sales, returned)
    # The returned products, and their lines by customer; not those of other products.
    assert count(first, "Exchange") <= 4
    kept, first = persisted(first)
    try:
        second = money_taken_back(sales, first)
        # Returned products and amounts, the lines of these amounts by customer, and all lines by customer.
        assert count(second, "Exchange") == 4
        assert count(second, "CartesianProduct") + count(second, "BroadcastNestedLoopJoin") == 0
    finally:
        kept.unpersist()


def test_only_orders_not_their_lines_are_shuffled(sales: Sales, taken_back: DataFrame):
    # Sums of orders: of lines, and of copies.
    assert count(order_sums(sales), "Exchange") <= 2
    kept, sums = persisted(order_sums(sales))
    try:
        orders = orders_of(sums, taken_back)
        assert count(orders, "InMemoryTableScan") == 2
        assert count(orders, "Exchange") <= 2
    finally:
        kept.unpersist()


def test_baskets_shuffle_the_lines_of_customers_once(sales: Sales, taken_back: DataFrame):
    baskets = baskets_of(sales, taken_back)
    # Lines, exceptional lines, and what was taken back.
    assert count(baskets, "InMemoryTableScan") == 3
    assert count(baskets, "Exchange") <= 2


def test_customers_and_countries_are_aggregated_from_orders(sales: Sales, returned: DataFrame, taken_back: DataFrame):
    kept_orders, orders = persisted(orders_of(order_sums(sales), taken_back))
    kept_baskets, baskets = persisted(baskets_of(sales, taken_back))
    try:
        features = customer_features(orders, baskets, returned, AS_OF)
        # Orders twice (money, main country), baskets, and the lines once for the returned ones.
        assert count(features, "InMemoryTableScan") == 4
        # Orders and the returned lines twice.
        assert count(rollups.country_sales(orders, returned), "InMemoryTableScan") == 2
    finally:
        kept_orders.unpersist()
        kept_baskets.unpersist()
