"""Draw samples that are the same in any order of the rows and on any number of cores."""

from collections.abc import Mapping
from typing import Any

from pyspark.sql import Column
from pyspark.sql import functions as F


def uniform(*keys: Column) -> Column:
    """Return a number in [0, 1) for each row, evenly spread and fixed by the values of `keys`: 63 bits of a hash."""
    return F.xxhash64(*keys).bitwiseAND(2**63 - 1) / F.lit(2.0**63)


def is_drawn(key: Column, group: Column, shares: Mapping[Any, float]) -> Column:
    """Return whether a row is drawn by its key into the sample of its group; groups without a share are drawn whole."""
    share = F.lit(1.0)
    for value, share_of_group in shares.items():
        share = F.when(group == value, F.lit(share_of_group)).otherwise(share)
    return uniform(key) < share
