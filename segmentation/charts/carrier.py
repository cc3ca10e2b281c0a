"""Which segment carries the revenue: one rule for the title of the customers' chart and the report's answer."""

from typing import Final

from segmentation.charts.numbers import Row, Rows, finite

# A segment carries the revenue that brings at least a twentieth of it, and a fifth more than its share of customers.
LEAST_CARRIED: Final = 0.05
MORE_THAN_ITS_SHARE: Final = 1.2


def carrier(profiles: Rows) -> Row:
    """The segment with the most revenue for its size, among those that bring enough to matter."""
    heavy = [row for row in profiles if (finite(row["revenue_share"]) or 0.0) >= LEAST_CARRIED] or list(profiles)
    return max(heavy, key=lambda row: (finite(row["revenue_share"]) or 0.0) / max(float(row["customer_share"]), 1e-12))


def brings_more_than_its_share(profile: Row) -> bool:
    """Whether a segment brings notably more of the revenue than its size suggests."""
    brought = finite(profile["revenue_share"])
    return brought is not None and brought >= MORE_THAN_ITS_SHARE * float(profile["customer_share"])
