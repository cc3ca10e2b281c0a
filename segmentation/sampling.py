"""Samples that are the same in any order of the rows and on any number of cores."""

from pyspark.sql import Column
from pyspark.sql import functions as F


def uniform(*keys: Column) -> Column:
    """A number from 0 to below 1 for each row, evenly spread and fixed by the values of `keys`: 63 bits of a hash."""
    return F.xxhash64(*keys).bitwiseAND(2**63 - 1) / F.lit(2.0**63)
