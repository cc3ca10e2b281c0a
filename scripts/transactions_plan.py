"""What the generator plants: segments, their centres, the calendar, and how many lines of each kind. Plain Python.

Why these segments. The job clusters log1p(recency), log1p(frequency) and log1p(spend), standard-scaled, and picks k
where the curve of WSSSE over k = 1..10 is farthest from its chord. A split moves the curve away from the chord only if
it removes more than 1/9 of the curve's whole fall. So the last split, of the two segments that are cheapest to merge,
must still be worth more than 1/9. Three features have room for that up to seven segments:

* Two to four segments sit at corners of the recency × frequency × spend cube.
* Five and six lie near the corners of an octahedron (four in the recency × frequency plane, one or two apart in spend).
* Seven are a large core of regulars and six small segments, each away from the core in one direction only.
* For eight, the cheapest merge is worth at most 0.113 in the ideal case and less with any spread, against 1/9 = 0.111.

Ward (1963): merging segments of n and m customers at distance d costs n·m / (n + m) · d² of WSSSE. Satopää et al.
(2011), "Finding a 'Kneedle' in a Haystack", for the distance from the chord.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate
from typing import Final

FIRST_DAY: Final = date(2010, 12, 1)
LAST_DAY: Final = date(2011, 12, 9)
DAYS: Final = (LAST_DAY - FIRST_DAY).days + 1

# The largest number of orders a planted segment may give a customer is below this: invoice numbers are built of it.
INVOICES_PER_CUSTOMER: Final = 64


class PlanError(ValueError):
    """The asked-for sizes cannot be planted; the message says which bound is broken and by what."""


@dataclass(frozen=True)
class Band:
    """A range in which a customer's value falls, most often near its middle on a log scale; both ends belong to it."""

    low: int
    high: int


@dataclass(frozen=True)
class Segment:
    """One planted segment. `spend` is in pounds for a data set of `REFERENCE_ROWS_PER_CUSTOMER`.

    A few customers, `HEAVY_BUYER_SHARE`, are heavy buyers: up to `heavy_orders` times the orders and `heavy_spend`
    times the spend. Only outward-lying segments have them, so that a heavy buyer stays nearest to its own segment.
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
# Below this share of the reference, spend no longer shrinks with the lines: an order must still buy something.
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

# Shares of all lines, as in the real Online Retail data; guest lines fill up what is left, about 23.5 %.
CUSTOMER_LINE_SHARE: Final = 0.735
CANCELLATION_SHARE: Final = 0.017
DUPLICATE_SHARE: Final = 0.010
DIRTY_SHARE: Final = 0.0025

# An order has at least one line and a customer up to 5.5 orders on average: 10 rows × 0.735 leaves room for them all.
LEAST_ROWS_PER_CUSTOMER: Final = 10
# One customer's lines are expanded at once by one task, so their number is bounded.
MOST_ROWS_PER_CUSTOMER: Final = 20_000
# The smallest segments have 8 % of the customers; with fewer than about fifteen members a centre is chance.
LEAST_CUSTOMERS_PER_SEGMENT: Final = 30


@dataclass(frozen=True)
class LineCounts:
    """How many lines of each kind there are."""

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
        """Lines made by copying a customer's sale line and changing it, or not."""
        return self.cancellations + self.duplicates + self.dirty


def check_sizes(rows: int, customers: int, segments: int) -> None:
    """Refuse what cannot be planted: raises PlanError."""
    if segments not in SEGMENT_PLANS:
        least, most = min(SEGMENT_PLANS), max(SEGMENT_PLANS)
        raise PlanError(
            f"--segments {segments}: must be {least} to {most}; recency, frequency and spend have no room for more "
            "segments that the elbow rule could still tell apart"
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
    """What planted spend is multiplied with, so that a line costs about as much whatever the number of lines."""
    return max(LEAST_SPEND_SCALE, rows / customers / REFERENCE_ROWS_PER_CUSTOMER)


def line_counts(rows: int, customer_sales: int) -> LineCounts:
    """Divide `rows` lines among the kinds when customers have `customer_sales` of them; guests take what is left."""
    cancellations = round(rows * CANCELLATION_SHARE)
    duplicates = round(rows * DUPLICATE_SHARE)
    dirty = round(rows * DIRTY_SHARE)
    guest_sales = rows - customer_sales - cancellations - duplicates - dirty
    if guest_sales < 0:
        raise PlanError(f"--rows {rows:,} is too few: the customers' orders alone have {customer_sales:,} lines")
    return LineCounts(customer_sales, guest_sales, cancellations, duplicates, dirty)


# Sales by weekday, Monday first (closed on Saturdays), and by month: quiet spring, Christmas trade from September on.
_WEEKDAY_WEIGHTS: Final = (1.0, 1.1, 1.0, 1.15, 0.85, 0.0, 0.6)
_MONTH_WEIGHTS: Final = (0.70, 0.68, 0.80, 0.75, 0.90, 0.88, 0.88, 0.88, 1.25, 1.45, 1.85, 1.20)
_CLOSED: Final = (
    (date(2010, 12, 24), date(2011, 1, 3)),  # Christmas to New Year
    (date(2011, 4, 22), date(2011, 4, 25)),  # Easter
    (date(2011, 5, 2), date(2011, 5, 2)),  # bank holidays
    (date(2011, 5, 30), date(2011, 5, 30)),
    (date(2011, 8, 29), date(2011, 8, 29)),
)


def _weight(day: date) -> float:
    if any(first <= day <= last for first, last in _CLOSED):
        return 0.0
    return _WEEKDAY_WEIGHTS[day.weekday()] * _MONTH_WEIGHTS[day.month - 1]


DAY_WEIGHTS: Final = tuple(_weight(FIRST_DAY + timedelta(days=n)) for n in range(DAYS))

# The last day on which the shop was open, on or before each day, as an index into the days.
LAST_OPEN_DAY: Final = tuple(accumulate((n if weight else -1 for n, weight in enumerate(DAY_WEIGHTS)), max))

# The share of all sales made before each day; one entry more than there are days, the last being 1.
SALES_BEFORE_DAY: Final = tuple(before / sum(DAY_WEIGHTS) for before in accumulate(DAY_WEIGHTS, initial=0.0))

# The inverse: on which day each of so many equal parts of the sales was made; a day has about ten of them.
_PARTS: Final = 4096


def _days_of_equal_parts() -> tuple[int, ...]:
    days, day = [], 0
    for part in range(_PARTS):
        while SALES_BEFORE_DAY[day + 1] <= (part + 0.5) / _PARTS:
            day += 1
        days.append(day)
    return tuple(days)


DAY_OF_SALES_PART: Final = _days_of_equal_parts()
