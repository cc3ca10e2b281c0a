"""Where the scores of recency, frequency and money are cut, and these cuts in words.

A score is 1 to 5, 5 the best. Four ascending cuts give it: a value equal to a cut is below it, so that equal values
have equal scores. Customers of whom nothing stayed take no part.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.config.rfm import RfmSettings
from segmentation.errors import counted
from segmentation.session import percentiles

FIFTHS = (0.2, 0.4, 0.6, 0.8)
QUARTILES = (0.25, 0.5, 0.75)
ONE_ORDER = 1.0
# A customer of the last day of the data bought one day before the day of the run: nobody is more recent.
MOST_RECENT_DAYS = 1.0


@dataclass(frozen=True)
class Cut:
    """Four cuts of a figure, and how they were found: the subject of "… up to 30 days scores 5"."""

    values: tuple[float, float, float, float]
    source: str


@dataclass(frozen=True)
class Cuts:
    """The cuts of a run. `gap` is the repeat buyers' median gap between orders in days, None where there is none."""

    recency: Cut
    frequency: Cut
    monetary: Cut
    gap: float | None

    def facts(self) -> dict[str, Any]:
        """Return the cuts for the manifest."""
        scores = {"recency": self.recency, "frequency": self.frequency, "monetary": self.monetary}
        return {name: {"cuts": list(cut.values), "source": cut.source} for name, cut in scores.items()} | {
            "typical_gap_days": self.gap
        }

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> "Cuts":
        """Return the cuts from what a manifest records of them."""
        recency, frequency, monetary = (
            Cut(_four(facts[name]["cuts"]), facts[name]["source"]) for name in ("recency", "frequency", "monetary")
        )
        return cls(recency, frequency, monetary, facts["typical_gap_days"])


def find_cuts(customers: DataFrame, figures: s.Figures, settings: RfmSettings) -> Cuts:
    """Return the cuts of the scores. Runs one small action over `customers`, one row per customer."""
    found = _distribution(customers, figures)
    gap = found["gap"] or None
    return Cuts(
        _recency(settings, found, gap),
        _frequency(settings, found),
        _monetary(settings, found),
        gap,
    )


def _distribution(customers: DataFrame, figures: s.Figures) -> Row:
    """Return exact percentiles over the customers of whom something stayed."""
    orders = F.col(figures.orders)
    is_repeat = orders > 1
    # Two invoices of one day are one visit: they say nothing about how often a customer comes.
    gap = F.when(is_repeat & (F.col(s.AVERAGE_DAYS_BETWEEN_ORDERS) > 0), F.col(s.AVERAGE_DAYS_BETWEEN_ORDERS))
    [row] = (
        customers.where(orders > 0)
        .agg(
            F.count(F.lit(1)).alias("customers"),
            F.count(F.when(is_repeat, 1)).alias("repeat_buyers"),
            percentiles(gap, [0.5])[0].alias("gap"),
            _percentiles(F.col(figures.recency), FIFTHS).alias("recency"),
            _percentiles(orders, FIFTHS).alias("orders"),
            _percentiles(F.when(is_repeat, orders), QUARTILES).alias("repeat_orders"),
            _percentiles(F.col(figures.spend), FIFTHS).alias("spend"),
        )
        .collect()  # one row
    )
    return row


def _percentiles(value: Column, shares: Sequence[float]) -> Column:
    """Return exact percentiles, with the least and the greatest value at the ends; NULL without any value."""
    return percentiles(value, [0.0, *shares, 1.0])


def _recency(settings: RfmSettings, found: Row, gap: float | None) -> Cut:
    if settings.recency_days is not None:
        return Cut(_four(settings.recency_days), "set in the configuration")
    if settings.recency == "gaps" and gap is not None:
        multiples = [f"{multiple:g}" for multiple in settings.gap_multiples]
        times = f"{', '.join(multiples[:-1])} and {multiples[-1]}"
        values = _four([max(MOST_RECENT_DAYS, multiple * gap) for multiple in settings.gap_multiples])
        return Cut(values, f"{times} times the repeat buyers' typical gap between orders, {gap:,.1f} days")
    cut = _fifths(found["recency"])
    if settings.recency == "gaps":
        return Cut(cut.values, f"{cut.source}, because nobody ordered on two days")
    return cut


def _frequency(settings: RfmSettings, found: Row) -> Cut:
    if settings.orders is not None:
        return Cut(_four(settings.orders), "set in the configuration")
    if settings.frequency == "fifths":
        return _fifths(found["orders"])
    if not found["repeat_buyers"]:
        return Cut((ONE_ORDER,) * 4, "nobody ordered twice, so all score 1")
    least, *quartiles, most = found["repeat_orders"]
    if least == most:
        source = f"one order scores 1; all repeat buyers made {counted(round(most), 'order')}, so all of them score 3"
        return Cut((ONE_ORDER, ONE_ORDER, most, most), source)
    return Cut(_four([ONE_ORDER, *quartiles]), "one order scores 1; the quarters of the repeat buyers score 2 to 5")


def _monetary(settings: RfmSettings, found: Row) -> Cut:
    if settings.money is not None:
        return Cut(_four(settings.money), "set in the configuration")
    return _fifths(found["spend"])


def _fifths(percentiles: Sequence[float] | None) -> Cut:
    if percentiles is None:
        return Cut((0.0, 0.0, 0.0, 0.0), "no customer to compare")
    least, *fifths, most = percentiles
    if least == most:
        below = min(0.0, most - 1)
        return Cut((below, below, most, most), "the same for all customers, so all score 3")
    return Cut(_four(fifths), "the fifths of the customers")


def _four(values: Sequence[float]) -> tuple[float, float, float, float]:
    first, second, third, fourth = map(float, values)
    return first, second, third, fourth
