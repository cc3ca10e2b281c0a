"""The names that rules give are described, and crossed with the segments."""

from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import Row

from segmentation import schemas as s
from segmentation.scoring.profiles import rfm_by_segment, rfm_profiles
from segmentation.scoring.statistics import (
    GROUP,
    GROUPED_BY,
    KEYS,
    OF_ALL,
    OF_NAME,
    OF_PAIR,
    OF_SEGMENT,
    CustomerStatistics,
)


def group(grouped_by: str, keys: dict[str, Any], customers: int, money: str, orders: float | None = None) -> Row:
    quartiles = {f"quartiles_{name}": orders and [1.0, orders, 9.0] for name in s.NUMERIC_FEATURES}
    revenue = Decimal(money)
    return Row(
        **{GROUP: Row(**{GROUPED_BY: grouped_by, **dict.fromkeys(KEYS[OF_PAIR]), **keys})},
        **{s.CUSTOMERS: customers, s.REVENUE: revenue, s.NET_REVENUE: revenue, **quartiles},
    )


def statistics(*money: str) -> CustomerStatistics:
    """Those of four customers; `money` of the names New and Lost."""
    new, lost = money
    low, high = {"segment_id": 1, "segment_name": "Low"}, {"segment_id": 2, "segment_name": "High"}
    return CustomerStatistics.of(
        [
            group(OF_ALL, {}, 4, str(Decimal(new) + Decimal(lost)), 2.5),
            group(OF_NAME, {"rfm_segment": "Lost"}, 1, lost, 9.0),
            group(OF_NAME, {"rfm_segment": "New"}, 3, new, 2.0),
            group(OF_PAIR, {"rfm_segment": "New", **high}, 1, new),
            group(OF_PAIR, {"rfm_segment": "New", **low}, 2, "0.0000"),
            group(OF_PAIR, {"rfm_segment": "Lost", **low}, 1, lost),
            group(OF_SEGMENT, high, 1, new, 2.0),
            group(OF_SEGMENT, low, 3, lost, 3.0),
        ]
    )


def test_each_name_has_a_row_with_its_rule_money_and_medians():
    new, lost = rfm_profiles(statistics("60.0001", "60"), {"New": "First order lately", "Lost": "Silent"})
    assert [*sorted(new)] == sorted(s.RFM_PROFILES.names)
    assert (new[s.RFM_SEGMENT], new[s.RULE], new[s.CUSTOMERS]) == ("New", "First order lately", 3)
    assert (new[s.REVENUE], new[s.NET_REVENUE]) == (Decimal("60.0001"), Decimal("60.0001"))
    assert (new["median_purchase_frequency"], lost["median_purchase_frequency"]) == (2.0, 9.0)
    assert (new[s.CUSTOMER_SHARE], lost[s.CUSTOMER_SHARE]) == (0.75, 0.25)
    assert new[s.NET_REVENUE_SHARE] == pytest.approx(60.0001 / 120.0001)


def test_each_pair_of_name_and_segment_has_shares_of_all_of_the_name_and_of_the_segment():
    rows = rfm_by_segment(statistics("30", "60"))
    assert [*sorted(rows[0])] == sorted(s.RFM_BY_SEGMENT.names)
    found = [(row[s.RFM_SEGMENT], row[s.SEGMENT_ID], row[s.CUSTOMERS]) for row in rows]
    assert found == [("Lost", 1, 1), ("New", 1, 2), ("New", 2, 1)]
    new_low = rows[1]
    assert (new_low[s.CUSTOMER_SHARE], new_low[s.SEGMENT_NAME]) == (0.5, "Low")
    assert new_low[s.SHARE_OF_RFM_SEGMENT] == pytest.approx(2 / 3)
    assert new_low[s.SHARE_OF_SEGMENT] == pytest.approx(2 / 3)


def test_shares_of_no_money_are_0():
    rows = rfm_profiles(statistics("0", "0"), {})
    assert {row[s.NET_REVENUE_SHARE] for row in rows} == {0.0}
