"""Samples that are the same in any order of the rows and on any number of cores."""

from collections.abc import Mapping
from typing import Any

from pyspark.sql import Column
from pyspark.sql import functions as F


def uniform(*keys: Column) -> Column:
    """A number from 0 to below 1 for each row, evenly spread and fixed by the values of `keys`: 63 bits of a hash."""
    return F.xxhash64(*keys).bitwiseAND(2**63 - 1) / F.lit(2.0**63)


def is_drawn(key: Column, group: Column, shares: Mapping[Any, float]) -> Column:
    """Whether a row is in a sample of such a share of its group, by its key; of groups without a share all are."""
    share = F.lit(1.0)
    for value, part in shares.items():
        share = F.when(group == value, F.lit(part)).otherwise(share)
    return uniform(key) < share
