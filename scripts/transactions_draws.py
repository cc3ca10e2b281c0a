"""Random draws and table look-ups as column expressions.

Every draw is a pure function of (seed, what is drawn, ids), never `rand()`: the same arguments give the same rows on
any number of cores, partitions or machines, and a row can be made again from its ids alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pyspark.sql import Column
from pyspark.sql import functions as F

from transactions_plan import DAY_OF_SALES_PART, LAST_OPEN_DAY, SALES_BEFORE_DAY, Segment

# Popularity falls as 1 / (rank + 50) (Zipf–Mandelbrot): the best seller has 0.45 % of the lines, as in the real data.
POPULARITY_OFFSET: Final = 50.0


@dataclass(frozen=True)
class Recipe:
    """All that decides the rows, besides how many lines of each kind there are."""

    seed: int
    customers: int
    segments: tuple[Segment, ...]
    spend_scale: float

    def uniform(self, what: str, *ids: Column) -> Column:
        """A double strictly between 0 and 1, decided by the seed, what is drawn and the ids."""
        # The type of an id changes its hash, so all are made long. 52 bits and a half are exact in a double.
        hashed = F.xxhash64(F.lit(self.seed).cast("long"), F.lit(what), *(column.cast("long") for column in ids))
        return (F.shiftrightunsigned(hashed, 12) + F.lit(0.5)) / F.lit(2.0**52)

    def index(self, what: str, count: Column | int, *ids: Column) -> Column:
        """A whole number from 0 up to, not including, `count`, evenly drawn."""
        return F.floor(self.uniform(what, *ids) * count)

    def middling(self, what: str, *ids: Column) -> Column:
        """Like `uniform`, but likelier near 0.5: the mean of two draws."""
        return (self.uniform(what, *ids) + self.uniform(f"{what} again", *ids)) / 2


def lookup(values: Sequence[str | int | float], index: Column, element_type: str) -> Column:
    """The value at a computed position of a constant table.

    The table travels as one string literal, which Spark folds into an array once; an array of thousands of literals
    would take longer to plan than the job to run.
    """
    table = F.split(F.lit("|".join(str(value) for value in values)), r"\|").cast(f"array<{element_type}>")
    return F.get(table, index.cast("int"))


def popularity_rank(uniform: Column, count: int) -> Column:
    """A Zipf–Mandelbrot rank from 0 (most popular) up to, not including, `count`."""
    offset = POPULARITY_OFFSET
    return F.floor(F.pow(F.lit((count + offset) / offset), uniform) * offset - offset)


def open_day(day: Column) -> Column:
    """The day itself, or the last open day before it."""
    return lookup(LAST_OPEN_DAY, day, "int")


def day_between(first_day: Column, last_day: Column, uniform: Column) -> Column:
    """A day drawn by the season's sales from those between two days, both included."""
    before, after = (lookup(SALES_BEFORE_DAY, day, "double") for day in (first_day, last_day + 1))
    part = F.floor((before + uniform * (after - before)) * len(DAY_OF_SALES_PART))
    # Parts are a little coarser than days, so the ends are held.
    return F.greatest(first_day, F.least(last_day, lookup(DAY_OF_SALES_PART, part, "int")))
