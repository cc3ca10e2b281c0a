"""The shop's calendar: which days it is open, and how sales are spread over them. Plain Python."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import accumulate
from typing import Final

FIRST_DAY: Final = date(2010, 12, 1)
LAST_DAY: Final = date(2011, 12, 9)
DAYS: Final = (LAST_DAY - FIRST_DAY).days + 1

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

# For each day: the last open day on or before it, as an index into the days.
LAST_OPEN_DAY: Final = tuple(accumulate((n if weight else -1 for n, weight in enumerate(DAY_WEIGHTS)), max))

# The share of all sales made before each day. It has one entry more than there are days; the last is 1.
SALES_BEFORE_DAY: Final = tuple(before / sum(DAY_WEIGHTS) for before in accumulate(DAY_WEIGHTS, initial=0.0))

# The inverse: the day on which each of 4,096 equal parts of the sales was made. A day has about ten parts.
_PARTS: Final = 4096


def _days_of_equal_parts() -> tuple[int, ...]:
    days, day = [], 0
    for part in range(_PARTS):
        while SALES_BEFORE_DAY[day + 1] <= (part + 0.5) / _PARTS:
            day += 1
        days.append(day)
    return tuple(days)


DAY_OF_SALES_PART: Final = _days_of_equal_parts()
