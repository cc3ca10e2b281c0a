"""What the generator plants: the segments, their centres, and how many lines of each kind. Plain Python.

Segments differ in recency, orders and spend. Each of them has two or three levels, equally far apart as log1p. One
segment is a single lognormal cloud, in which nothing is to be found. Two to four segments lie at corners of the cube of
the three features, eight at all of its corners. Five and six lie near the corners of an octahedron. Seven are a core of
regulars and six smaller segments, each away from the core in one direction.

As planned, segments are compact and of similar size, and any method should find them. `Variations` make them as hard to
find as in a shop. Where segments overlap, no method finds every planted label: compare with a clustering of the true
features that is given the number of segments.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

# Invoice numbers are made from this. The numbers from MOST_ORDERS on are for returns.
INVOICES_PER_CUSTOMER: Final = 64
MOST_ORDERS: Final = 60


class PlanError(ValueError):
    """The sizes given cannot be planted; the message names the bound and the value."""


@dataclass(frozen=True)
class Band:
    """A range of a customer's value, both ends included. Values near its middle on a log scale are likeliest."""

    low: int
    high: int

    @property
    def middle(self) -> float:
        return math.sqrt(self.low * self.high)


@dataclass(frozen=True)
class Segment:
    """One planted segment. `spend` is in pounds for a data set of `REFERENCE_ROWS_PER_CUSTOMER`.

    A share of its customers, `HEAVY_BUYER_SHARE`, are heavy buyers: up to `heavy_orders` times the orders and
    `heavy_spend` times the spend. Only outer segments have them, so that a heavy buyer stays nearest to its own centre.

    With a `spread` above 0 values are lognormal about the middles of the bands, see `Variations`.
    """

    label: str
    share: float
    recency_days: Band
    orders: Band
    spend: Band
    heavy_orders: float = 1.0
    heavy_spend: float = 1.0
    spread: float = 0.0


@dataclass(frozen=True)
class Variations:
    """What makes the planted segments as hard to find as a shop's. The defaults change nothing.

    - `smallest`: the smallest segment's share. The others grow from it by an equal factor, those that spend least last.
    - `spread`: the standard deviation within a segment, as a share of the distance between two levels.
    - `heavy_tail`: the share of customers, of any segment, whose spend is multiplied by a Pareto-distributed factor.
    - `returns`: the share of customers with a planted return, in place of cancellations at random.
    - `at_risk`: the share of a segment that bought every month, five times or more, and stopped at least 120 days ago.
      All other customers with several orders then buy every month as well.
    """

    smallest: float | None = None
    spread: float = 0.0
    heavy_tail: float = 0.0
    returns: float = 0.0
    at_risk: float = 0.0


AS_PLANNED: Final = Variations()


HEAVY_BUYER_SHARE: Final = 0.05
REFERENCE_ROWS_PER_CUSTOMER: Final = 100
# Spend shrinks with the number of lines down to this share: an order must still buy something.
LEAST_SPEND_SCALE: Final = 0.25

# How far apart two levels are on the log1p scale.
RECENCY_STEP: Final = 2.0
ORDERS_STEP: Final = 0.8
SPEND_STEP: Final = 1.5
_RECENT, _A_WHILE_AGO, _LONG_AGO = Band(1, 6), Band(20, 40), Band(140, 330)
_ONE_ORDER, _SOME_ORDERS, _MANY_ORDERS = Band(1, 1), Band(3, 4), Band(8, 12)
_SMALL_SPEND, _MIDDLE_SPEND, _LARGE_SPEND = Band(100, 200), Band(450, 900), Band(2200, 4400)

_CHAMPIONS: Final = (_RECENT, _MANY_ORDERS, _LARGE_SPEND, 3.0, 5.0)
_LOST: Final = (_LONG_AGO, _ONE_ORDER, _SMALL_SPEND)
_RECENCY_BY_FREQUENCY: Final = (
    ("loyal", (_RECENT, _MANY_ORDERS, _MIDDLE_SPEND, 2.0)),
    ("new", (_RECENT, _ONE_ORDER, _MIDDLE_SPEND)),
    ("at risk", (_LONG_AGO, _MANY_ORDERS, _MIDDLE_SPEND)),
    ("lost", (_LONG_AGO, _ONE_ORDER, _MIDDLE_SPEND)),
)

# Seven leave little room: narrower bands than elsewhere, and levels placed symmetrically about the regulars.
_7_RECENT, _7_A_WHILE_AGO, _7_LONG_AGO = Band(1, 4), Band(18, 28), Band(140, 220)
_7_ORDERS, _7_SPEND = Band(3, 3), Band(480, 720)

# For a single cloud. Wider, many of its values would be cut off at one order, or at either end of the calendar.
ONE_CLOUD_SPREAD: Final = 0.5

# The first segment of each plan is a recent one: the first customer, who buys on the last day, belongs to it.
SEGMENT_PLANS: Final[dict[int, tuple[Segment, ...]]] = {
    1: (Segment("everyone", 1.0, Band(30, 40), Band(4, 5), _MIDDLE_SPEND, spread=ONE_CLOUD_SPREAD),),
    2: (Segment("champions", 0.40, *_CHAMPIONS), Segment("lost", 0.60, *_LOST)),
    3: (
        Segment("champions", 0.30, *_CHAMPIONS),
        Segment("new", 0.33, _RECENT, _ONE_ORDER, _SMALL_SPEND),
        Segment("lost", 0.37, *_LOST),
    ),
    4: (
        Segment("champions", 0.24, *_CHAMPIONS),
        Segment("new", 0.24, _RECENT, _ONE_ORDER, _MIDDLE_SPEND),
        Segment("at risk", 0.26, _LONG_AGO, _MANY_ORDERS, _MIDDLE_SPEND),
        Segment("lost", 0.26, *_LOST),
    ),
    5: (
        *(Segment(label, 0.20, *bands) for label, bands in _RECENCY_BY_FREQUENCY),
        Segment("big spenders", 0.20, _A_WHILE_AGO, _SOME_ORDERS, _LARGE_SPEND, heavy_spend=5.0),
    ),
    6: (
        *(Segment(label, 0.17, *bands) for label, bands in _RECENCY_BY_FREQUENCY),
        Segment("big spenders", 0.16, _A_WHILE_AGO, _SOME_ORDERS, _LARGE_SPEND, heavy_spend=4.0),
        Segment("bargain hunters", 0.16, _A_WHILE_AGO, _SOME_ORDERS, _SMALL_SPEND),
    ),
    7: (
        Segment("just back", 0.08, _7_RECENT, _7_ORDERS, _7_SPEND),
        Segment("lapsed", 0.08, _7_LONG_AGO, _7_ORDERS, _7_SPEND),
        Segment("frequent shoppers", 0.08, _7_A_WHILE_AGO, Band(6, 8), _7_SPEND),
        Segment("one-time buyers", 0.08, _7_A_WHILE_AGO, _ONE_ORDER, _7_SPEND),
        Segment("big spenders", 0.08, _7_A_WHILE_AGO, _7_ORDERS, Band(2300, 3450), heavy_spend=1.5),
        Segment("bargain hunters", 0.08, _7_A_WHILE_AGO, _7_ORDERS, Band(100, 150)),
        Segment("regulars", 0.52, _7_A_WHILE_AGO, _7_ORDERS, _7_SPEND),
    ),
    8: (
        Segment("champions", 0.125, *_CHAMPIONS),
        Segment("loyal", 0.125, _RECENT, _MANY_ORDERS, _SMALL_SPEND),
        Segment("new big spenders", 0.125, _RECENT, _ONE_ORDER, _LARGE_SPEND),
        Segment("new", 0.125, _RECENT, _ONE_ORDER, _SMALL_SPEND),
        Segment("cannot lose them", 0.125, _LONG_AGO, _MANY_ORDERS, _LARGE_SPEND),
        Segment("at risk", 0.125, _LONG_AGO, _MANY_ORDERS, _SMALL_SPEND),
        Segment("lost big spenders", 0.125, _LONG_AGO, _ONE_ORDER, _LARGE_SPEND),
        Segment("lost", 0.125, *_LOST),
    ),
}

# Of whom `Variations.at_risk` is the share. The bands leave room for five monthly orders before the silence.
DAYS_BETWEEN_MONTHLY_ORDERS: Final = 30
_STOPPED: Final = Segment("stopped", 0.0, Band(125, 200), Band(5, 8), _MIDDLE_SPEND)
MOST_AT_RISK: Final = 0.9

# Pareto's index of the 80/20 rule, log 5 / log 4, and a bound that keeps one customer from having all revenue.
TAIL_INDEX: Final = 1.16
LARGEST_TAIL_FACTOR: Final = 100.0
# With a spread, a customer's spend in pounds is at least this.
LEAST_SPEND: Final = 5.0

# Shares of all lines, as in the real Online Retail data. Guest lines take the rest, about 23.5 %.
CUSTOMER_LINE_SHARE: Final = 0.735
CANCELLATION_SHARE: Final = 0.017
DUPLICATE_SHARE: Final = 0.010
DIRTY_SHARE: Final = 0.0025

# A customer has up to 5.5 orders on average, of at least one line each: 10 rows × 0.735 is enough for them.
LEAST_ROWS_PER_CUSTOMER: Final = 10
# One task makes all lines of a customer at once, so their number is bounded.
MOST_ROWS_PER_CUSTOMER: Final = 20_000
# The smallest planned segments have 8 % of the customers. With fewer than about fifteen members a centre is chance.
LEAST_CUSTOMERS_PER_SEGMENT: Final = 30
LEAST_MEMBERS: Final = 15
LEAST_SHARE: Final = 0.01


@dataclass(frozen=True)
class LineCounts:
    """The number of lines of each kind."""

    customer_sales: int
    guest_sales: int
    planted_returns: int
    cancellations: int
    duplicates: int
    dirty: int

    @property
    def total(self) -> int:
        return self.customer_sales + self.guest_sales + self.planted_returns + self.extras

    @property
    def extras(self) -> int:
        """The lines made from a copy of a customer's sale line."""
        return self.cancellations + self.duplicates + self.dirty


def check_sizes(rows: int, customers: int, segments: int) -> None:
    """Raise PlanError for sizes that cannot be planted."""
    if segments not in SEGMENT_PLANS:
        raise PlanError(f"--segments {segments}: must be {min(SEGMENT_PLANS)} to {max(SEGMENT_PLANS)}")
    if customers < (least := LEAST_CUSTOMERS_PER_SEGMENT * segments):
        raise PlanError(f"--customers {customers:,}: must be at least {least:,} for {segments} segments")
    if rows < (least := LEAST_ROWS_PER_CUSTOMER * customers):
        raise PlanError(
            f"--rows {rows:,} is too few for --customers {customers:,}: must be at least {least:,}, "
            f"{LEAST_ROWS_PER_CUSTOMER} a customer"
        )
    if rows > (most := MOST_ROWS_PER_CUSTOMER * customers):
        raise PlanError(
            f"--rows {rows:,} is too many for --customers {customers:,}: must be at most {most:,}, "
            f"{MOST_ROWS_PER_CUSTOMER:,} a customer"
        )


def planted_segments(segments: int, customers: int, variations: Variations) -> tuple[Segment, ...]:
    """Return the plan's segments with the variations. Raises PlanError for what cannot be planted."""
    plan = SEGMENT_PLANS[segments]
    if variations.spread:
        plan = tuple(replace(segment, spread=variations.spread) for segment in plan)
    if variations.smallest is not None:
        plan = _of_unequal_sizes(plan, variations.smallest)
    if variations.at_risk > MOST_AT_RISK:
        raise PlanError(f"--at-risk {variations.at_risk:g}: must be at most {MOST_AT_RISK}")
    if variations.at_risk:
        stopped = replace(_STOPPED, share=variations.at_risk)
        plan = (*(replace(segment, share=segment.share * (1 - stopped.share)) for segment in plan), stopped)
    smallest = min(segment.share for segment in plan)
    if customers < (least := math.ceil(LEAST_MEMBERS / smallest)):
        raise PlanError(
            f"--customers {customers:,}: must be at least {least:,}: the smallest segment has {smallest:.1%} of them "
            f"and needs {LEAST_MEMBERS}"
        )
    return plan


def _of_unequal_sizes(plan: Sequence[Segment], smallest: float) -> tuple[Segment, ...]:
    """Return the segments with shares in geometric progression from `smallest`, best customers first."""
    if not LEAST_SHARE <= smallest <= 1 / len(plan) or len(plan) == 1:
        most = f"must be {LEAST_SHARE} to {1 / len(plan):.3g}, an equal share" if len(plan) > 1 else "has one segment"
        raise PlanError(f"--smallest {smallest:g}: {most} of --segments {len(plan)}")
    low, high = 1.0, 1 / smallest
    for _ in range(60):  # bisection: the sum of the shares grows with the factor
        factor = (low + high) / 2
        low, high = (factor, high) if smallest * sum(factor**n for n in range(len(plan))) < 1 else (low, factor)
    best_first = sorted(plan, key=lambda segment: (segment.spend.high, segment.orders.high), reverse=True)
    share = {segment.label: smallest * factor**rank for rank, segment in enumerate(best_first)}
    return tuple(replace(segment, share=share[segment.label]) for segment in plan)


def spend_scale(rows: int, customers: int) -> float:
    """Return the factor of planted spend that makes a line cost about the same for any number of lines."""
    return max(LEAST_SPEND_SCALE, rows / customers / REFERENCE_ROWS_PER_CUSTOMER)


def line_counts(rows: int, customer_sales: int, planted_returns: int | None = None) -> LineCounts:
    """Return the number of lines of each kind; guests take what the customers' sales and returns leave of `rows`.

    `planted_returns` are the lines of planted returns and their purchases, in place of cancellations at random.
    """
    cancellations = round(rows * CANCELLATION_SHARE) if planted_returns is None else 0
    duplicates = round(rows * DUPLICATE_SHARE)
    dirty = round(rows * DIRTY_SHARE)
    returns = planted_returns or 0
    guest_sales = rows - customer_sales - returns - cancellations - duplicates - dirty
    if guest_sales < 0:
        of_customers = customer_sales + returns
        raise PlanError(f"--rows {rows:,} is too few: the customers' orders alone have {of_customers:,} lines")
    return LineCounts(customer_sales, guest_sales, returns, cancellations, duplicates, dirty)
