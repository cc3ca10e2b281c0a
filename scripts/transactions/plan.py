"""What the generator plants: the segments, their centres, and how many lines of each kind. Plain Python.

Why these segments. The job clusters log1p(recency), log1p(frequency) and log1p(spend), standard-scaled. It picks the k
at which the curve of WSSSE over k = 1..10 is farthest from its chord. A split moves the curve away from the chord only
if it removes more than 1/9 of the curve's whole fall. So even the last split, of the two segments that are cheapest to
merge, must be worth more than 1/9. Three features have room for that up to seven segments:

* Two to four segments sit at corners of the recency × frequency × spend cube.
* Five and six lie near the corners of an octahedron (four in the recency × frequency plane, one or two apart in spend).
* Seven are a large core of regulars and six small segments, each away from the core in one direction only.
* For eight, the cheapest merge is worth at most 0.113 in the ideal case and less with any spread, against 1/9 = 0.111.

Ward (1963): merging segments of n and m customers at distance d costs n·m / (n + m) · d² of WSSSE. Satopää et al.
(2011), "Finding a 'Kneedle' in a Haystack", for the distance from the chord.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

# Invoice numbers are made from this: no planted segment gives a customer as many orders.
INVOICES_PER_CUSTOMER: Final = 64


class PlanError(ValueError):
    """The sizes given cannot be planted; the message names the bound and the value."""


@dataclass(frozen=True)
class Band:
    """A range of a customer's value, both ends included. Values near its middle on a log scale are likeliest."""

    low: int
    high: int


@dataclass(frozen=True)
class Segment:
    """One planted segment. `spend` is in pounds for a data set of `REFERENCE_ROWS_PER_CUSTOMER`.

    A share of its customers, `HEAVY_BUYER_SHARE`, are heavy buyers: up to `heavy_orders` times the orders and
    `heavy_spend` times the spend. Only outer segments have them, so that a heavy buyer stays nearest to its own centre.
    """

    label: str
    share: float
    recency_days: Band
    orders: Band
    spend: Band
    heavy_orders: float = 1.0
    heavy_spend: float = 1.0


HEAVY_BUYER_SHARE: Final = 0.05
REFERENCE_ROWS_PER_CUSTOMER: Final = 100
# Spend shrinks with the number of lines down to this share: an order must still buy something.
LEAST_SPEND_SCALE: Final = 0.25

# The levels are equally far apart on the log1p scale: recency about 2.0, orders about 0.8, spend about 1.5.
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

# The first segment of each plan is a recent one: the first customer, who buys on the last day, belongs to it.
SEGMENT_PLANS: Final[dict[int, tuple[Segment, ...]]] = {
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
}

# Shares of all lines, as in the real Online Retail data. Guest lines take the rest, about 23.5 %.
CUSTOMER_LINE_SHARE: Final = 0.735
CANCELLATION_SHARE: Final = 0.017
DUPLICATE_SHARE: Final = 0.010
DIRTY_SHARE: Final = 0.0025

# A customer has up to 5.5 orders on average, of at least one line each: 10 rows × 0.735 is enough for them.
LEAST_ROWS_PER_CUSTOMER: Final = 10
# One task makes all lines of a customer at once, so their number is bounded.
MOST_ROWS_PER_CUSTOMER: Final = 20_000
# The smallest segments have 8 % of the customers. With fewer than about fifteen members a centre is chance.
LEAST_CUSTOMERS_PER_SEGMENT: Final = 30


@dataclass(frozen=True)
class LineCounts:
    """The number of lines of each kind."""

    customer_sales: int
    guest_sales: int
    cancellations: int
    duplicates: int
    dirty: int

    @property
    def total(self) -> int:
        return self.customer_sales + self.guest_sales + self.cancellations + self.duplicates + self.dirty

    @property
    def extras(self) -> int:
        """The lines made from a copy of a customer's sale line."""
        return self.cancellations + self.duplicates + self.dirty


def check_sizes(rows: int, customers: int, segments: int) -> None:
    """Raise PlanError for sizes that cannot be planted."""
    if segments not in SEGMENT_PLANS:
        least, most = min(SEGMENT_PLANS), max(SEGMENT_PLANS)
        raise PlanError(
            f"--segments {segments}: must be {least} to {most}; the elbow rule cannot separate more segments by "
            "recency, frequency and spend"
        )
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


def spend_scale(rows: int, customers: int) -> float:
    """Return the factor of planted spend that makes a line cost about the same for any number of lines."""
    return max(LEAST_SPEND_SCALE, rows / customers / REFERENCE_ROWS_PER_CUSTOMER)


def line_counts(rows: int, customer_sales: int) -> LineCounts:
    """Return the number of lines of each kind when customers have `customer_sales` of `rows`; guests take the rest."""
    cancellations = round(rows * CANCELLATION_SHARE)
    duplicates = round(rows * DUPLICATE_SHARE)
    dirty = round(rows * DIRTY_SHARE)
    guest_sales = rows - customer_sales - cancellations - duplicates - dirty
    if guest_sales < 0:
        raise PlanError(f"--rows {rows:,} is too few: the customers' orders alone have {customer_sales:,} lines")
    return LineCounts(customer_sales, guest_sales, cancellations, duplicates, dirty)
