"""The names that rules give are described, and crossed with the segments."""

from decimal import Decimal

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.scoring.profiles import rfm_by_segment, rfm_profiles

CUSTOMERS = [
    ("New", 1, "Low", "10.0001", 1),
    ("New", 2, "High", "30.0000", 2),
    ("Lost", 1, "Low", "60.0000", 9),
    ("New", 1, "Low", "20.0000", 3),
]


@pytest.fixture(scope="module")
def customers(spark: SparkSession) -> DataFrame:
    rows = [(name, segment, label, Decimal(spend), orders) for name, segment, label, spend, orders in CUSTOMERS]
    frame = spark.createDataFrame(
        rows,
        "rfm_segment string, segment_id int, segment_name string, total_spend decimal(20,4), purchase_frequency long",
    )
    others = {name: F.lit(1) for name in s.NUMERIC_FEATURES if name not in frame.columns}
    others |= {s.NET_SPEND: F.col(s.TOTAL_SPEND)}
    return frame.withColumns(others)


def test_each_name_has_a_row_with_its_rule_money_and_medians(customers: DataFrame):
    frame = rfm_profiles(customers, {"New": "First order lately", "Lost": "Silent", "Loyal": "Often"})
    assert s.schema_differences(frame.schema, s.RFM_PROFILES) == []
    new, lost = frame.orderBy(F.desc(s.RFM_SEGMENT)).collect()
    assert (new[s.RFM_SEGMENT], new[s.RULE], new[s.CUSTOMERS]) == ("New", "First order lately", 3)
    assert (new[s.REVENUE], new[s.NET_REVENUE]) == (Decimal("60.0001"), Decimal("60.0001"))
    assert (new["median_purchase_frequency"], lost["median_purchase_frequency"]) == (2.0, 9.0)
    assert (new[s.CUSTOMER_SHARE], lost[s.CUSTOMER_SHARE]) == (0.75, 0.25)
    assert new[s.NET_REVENUE_SHARE] == pytest.approx(60.0001 / 120.0001)


def test_each_pair_of_name_and_segment_has_shares_of_all_of_the_name_and_of_the_segment(customers: DataFrame):
    frame = rfm_by_segment(customers)
    assert s.schema_differences(frame.schema, s.RFM_BY_SEGMENT) == []
    rows = {(row[s.RFM_SEGMENT], row[s.SEGMENT_ID]): row for row in frame.collect()}
    assert {pair: row[s.CUSTOMERS] for pair, row in rows.items()} == {("New", 1): 2, ("New", 2): 1, ("Lost", 1): 1}
    new_low = rows["New", 1]
    assert (new_low[s.CUSTOMER_SHARE], new_low[s.SEGMENT_NAME]) == (0.5, "Low")
    assert new_low[s.SHARE_OF_RFM_SEGMENT] == pytest.approx(2 / 3)
    assert new_low[s.SHARE_OF_SEGMENT] == pytest.approx(2 / 3)


def test_shares_of_no_money_are_0(customers: DataFrame):
    free = customers.withColumn(s.NET_SPEND, F.lit(0).cast(s.MONEY)).withColumn(s.TOTAL_SPEND, F.lit(0).cast(s.MONEY))
    assert {row[s.NET_REVENUE_SHARE] for row in rfm_profiles(free, {"New": ""}).collect()} == {0.0}
