"""Where returns decide what a segment looks like, or weigh on it: warnings that name the figures."""

from decimal import Decimal
from typing import Final

from segmentation import schemas as s
from segmentation.errors import counted
from segmentation.report.findings import name_of
from segmentation.report.text import Row, Rows, money, percent

# A segment's returned share of revenue is notable above this many times that of all customers.
TIMES_ALL: Final = 2
# One order decides where what came back of it is more than this share of the segment's revenue.
SHARE_OF_ONE_ORDER: Final = Decimal("0.05")


def returns_warnings(profiles: Rows, returned_orders: Rows, currency: str, is_net: bool) -> list[str]:
    """Return a sentence for each segment whose figures are decided by returns, the most money first.

    `profiles` have customers, revenue and net_revenue, `returned_orders` the order of each segment of which the most
    was taken back. `is_net` is whether the run counts what stayed. The group of those who returned everything is named
    so, and needs no warning.
    """
    bought = sum((Decimal(row[s.REVENUE]) for row in profiles), Decimal(0))
    of_all = bought - sum((Decimal(row[s.NET_REVENUE]) for row in profiles), Decimal(0))
    if bought <= 0 or of_all <= 0:
        return []
    greatest = {int(row[s.SEGMENT_ID]): Decimal(row[s.RETURNED]) for row in returned_orders}
    found: list[tuple[Decimal, str]] = []
    for row in profiles:
        revenue, one_order = Decimal(row[s.REVENUE]), greatest.get(int(row[s.SEGMENT_ID]), Decimal(0))
        returned = revenue - Decimal(row[s.NET_REVENUE])
        if int(row[s.SEGMENT_ID]) == s.RETURNED_EVERYTHING_ID or revenue <= 0:
            continue
        reasons = []
        if returned * bought > TIMES_ALL * of_all * revenue:
            share = f"{percent(float(returned / revenue))}, against {percent(float(of_all / bought))} of all customers"
            reasons.append(f"{money(returned, currency)} of {money(revenue, currency)} came back, {share}")
        if one_order > SHARE_OF_ONE_ORDER * revenue:
            share = f"{percent(float(one_order / revenue))} of the segment's {money(revenue, currency)}"
            reasons.append(f"{money(one_order, currency)} of one order came back, {share}")
        if reasons:
            found.append((returned, f"{_who(row, is_net)}: {'; '.join(reasons)}. {_counted(row, currency, is_net)}"))
    return [text for _, text in sorted(found, key=lambda pair: -pair[0])]


def _who(profile: Row, is_net: bool) -> str:
    size = counted(int(profile[s.CUSTOMERS]), "customer")
    return f"Returns {'weigh on' if is_net else 'decide'} {name_of(profile)} ({size})"


def _counted(profile: Row, currency: str, is_net: bool) -> str:
    stayed = money(profile[s.NET_REVENUE], currency)
    if is_net:
        return f"The figures here are after returns: {stayed} stayed."
    return f"The figures here are before returns: only {stayed} stayed."
