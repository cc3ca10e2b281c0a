"""Describe the names that rules give: the rows of `rfm_profiles` and `rfm_by_segment`."""

from collections.abc import Mapping
from typing import Any

from segmentation import schemas as s
from segmentation.scoring.statistics import CustomerStatistics


def rfm_profiles(statistics: CustomerStatistics, rules: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the rows of `RFM_PROFILES`: one per rfm_segment, by falling net revenue. `rules` are in words."""
    everyone = statistics.overall
    rows = [
        {
            **{name: value for name, value in row.items() if name in s.RFM_PROFILES.names},
            s.RULE: rules.get(row[s.RFM_SEGMENT]),
            s.CUSTOMER_SHARE: _share(row, everyone, s.CUSTOMERS),
            s.REVENUE_SHARE: _share(row, everyone, s.REVENUE),
            s.NET_REVENUE_SHARE: _share(row, everyone, s.NET_REVENUE),
        }
        for row in statistics.names
    ]
    return sorted(rows, key=lambda row: (-row[s.NET_REVENUE], row[s.RFM_SEGMENT]))


def rfm_by_segment(statistics: CustomerStatistics) -> list[dict[str, Any]]:
    """Return the rows of `RFM_BY_SEGMENT`: one per rfm_segment and segment with customers in both."""
    everyone = statistics.overall
    names = {row[s.RFM_SEGMENT]: row for row in statistics.names}
    segments = {row[s.SEGMENT_ID]: row for row in statistics.segments}
    rows = [
        {
            **{name: value for name, value in row.items() if name in s.RFM_BY_SEGMENT.names},
            s.CUSTOMER_SHARE: _share(row, everyone, s.CUSTOMERS),
            s.NET_REVENUE_SHARE: _share(row, everyone, s.NET_REVENUE),
            s.SHARE_OF_RFM_SEGMENT: _share(row, names[row[s.RFM_SEGMENT]], s.CUSTOMERS),
            s.SHARE_OF_SEGMENT: _share(row, segments[row[s.SEGMENT_ID]], s.CUSTOMERS),
        }
        for row in statistics.pairs
    ]
    return sorted(rows, key=lambda row: (row[s.RFM_SEGMENT], row[s.SEGMENT_ID]))


def _share(part: Mapping[str, Any], whole: Mapping[str, Any], figure: str) -> float:
    """Return the part's share of a figure; 0 where the whole is 0."""
    return float(part[figure]) / float(whole[figure]) if whole[figure] else 0.0
