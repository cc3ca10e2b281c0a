"""Random draws and table look-ups as column expressions.

Every draw is a pure function of the seed, the name of the draw and ids, never `rand()`. The same arguments give the
same rows on any number of cores, partitions or machines, and a row can be made again from its ids alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

from pyspark.sql import Column
from pyspark.sql import functions as F

from scripts.transactions.plan import AS_PLANNED, Segment, Variations
from scripts.transactions.season import DAY_OF_SALES_PART, LAST_OPEN_DAY, SALES_BEFORE_DAY

# Popularity falls as 1 / (rank + 50) (Zipf–Mandelbrot): the best seller has 0.45 % of the lines, as in the real data.
POPULARITY_OFFSET: Final = 50.0

# Quantiles of the standard normal distribution at the middles of equal parts, up to 3.7 standard deviations. They are a
# table because the last digits of a cosine may depend on the machine.
_NORMAL_PARTS: Final = 4096
_NORMAL_QUANTILES: Final = tuple(
    round(NormalDist().inv_cdf((n + 0.5) / _NORMAL_PARTS), 6) for n in range(_NORMAL_PARTS)
)


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the rows, apart from the number of lines of each kind.

    `segments` are the plan's with the variations of segments; the other variations are read where they matter.
    """

    seed: int
    customers: int
    segments: tuple[Segment, ...]
    spend_scale: float
    variations: Variations = AS_PLANNED

    def uniform(self, draw: str, *ids: Column) -> Column:
        """Return a double strictly between 0 and 1, decided by the seed, the name of the draw and the ids."""
        # The type of an id changes its hash, so every id is cast. 52 bits and a half are exact in a double.
        hashed = F.xxhash64(F.lit(self.seed).cast("long"), F.lit(draw), *(column.cast("long") for column in ids))
        return (F.shiftrightunsigned(hashed, 12) + F.lit(0.5)) / F.lit(2.0**52)

    def index(self, draw: str, count: Column | int, *ids: Column) -> Column:
        """Return an integer from 0 to below `count`, each equally likely."""
        return F.floor(self.uniform(draw, *ids) * count)

    def middling(self, draw: str, *ids: Column) -> Column:
        """Return the mean of two uniform draws, which is likelier near 0.5."""
        return (self.uniform(draw, *ids) + self.uniform(f"{draw} again", *ids)) / 2

    def normal(self, draw: str, *ids: Column) -> Column:
        """Return a standard normal double."""
        return lookup(_NORMAL_QUANTILES, self.index(draw, _NORMAL_PARTS, *ids), "double")


def lookup(values: Sequence[str | int | float], index: Column, element_type: str) -> Column:
    """Return the value at a computed position of a constant table.

    The table is one string literal, which Spark folds into an array once. An array of thousands of literals would take
    longer to plan than the job to run.
    """
    table = F.split(F.lit("|".join(str(value) for value in values)), r"\|").cast(f"array<{element_type}>")
    return F.get(table, index.cast("int"))


def popularity_rank(uniform: Column, count: int) -> Column:
    """Return a Zipf–Mandelbrot rank from 0 (most popular) to below `count`."""
    offset = POPULARITY_OFFSET
    return F.floor(F.pow(F.lit((count + offset) / offset), uniform) * offset - offset)


def open_day(day: Column) -> Column:
    """Return the day itself, or the last open day before it."""
    return lookup(LAST_OPEN_DAY, day, "int")


def day_between(first_day: Column, last_day: Column, uniform: Column) -> Column:
    """Return a day between two days, both included, drawn by the season's sales."""
    before, after = (lookup(SALES_BEFORE_DAY, day, "double") for day in (first_day, last_day + 1))
    part = F.floor((before + uniform * (after - before)) * len(DAY_OF_SALES_PART))
    # A part may reach over the end of a day, so the bounds are enforced.
    return F.greatest(first_day, F.least(last_day, lookup(DAY_OF_SALES_PART, part, "int")))
