"""The segments chart: customers by orders and spend, over a table of the segments that is also the legend."""

import random
import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from segmentation import schemas as s
from segmentation.errors import counted
from segmentation.report.charts.style import (
    INK,
    QUIET,
    Page,
    PageFigure,
    fit,
    heading,
    house_style,
    log_ticks,
    name_of,
    new_page,
    plain,
    width_of,
    write_segment,
)
from segmentation.report.findings import MONEY_SHARE, brings_more_than_its_share, carrier
from segmentation.report.marks import segment_mark
from segmentation.report.text import Row, Rows, compact, finite, percent

SKEWED: Final = 8.0  # times the median; with a larger maximum most points would lie in one corner
CROWDED: Final = 200  # points; above, equal numbers of orders hide each other
MANY: Final = 1000  # points; above, they are more transparent
SMALL: Final = 60  # points of a segment; up to here they are drawn larger, and over the segments' medians
ROW_HEIGHT: Final = 0.29  # inches
ROOMY: Final = 6.0  # inches of a page with room for long words


class _Point(NamedTuple):
    orders: float
    spend: float
    segment_id: int


@house_style()
def segments_chart(
    customers: Rows,
    profiles: Rows,
    sampled_from: int | None = None,
    *,
    spend: str = s.TOTAL_SPEND,
    orders: str = s.PURCHASE_FREQUENCY,
    currency: str = "",
    width: float = 10,
    legend: bool = True,
) -> PageFigure:
    """Draw customers by orders and spend, coloured and shaped by segment, with each segment's median customer.

    `customers` is a bounded sample: the features `spend` and `orders`, segment_id. `profiles`, by rising spend:
    segment_id, segment_name, customers, customer_share, money, money_share, and the medians of both features.
    `sampled_from` is the number of all customers; where it exceeds the rows, the chart says that it shows a sample.
    `legend` adds a table of the segments below.
    """
    currency = plain(currency)
    points = _points(customers, orders, spend)
    medians = _points([row for row in profiles if int(row[s.SEGMENT_ID])], f"median_{orders}", f"median_{spend}")
    jittered = len(points) > CROWDED and all(point.orders == round(point.orders) for point in points)
    explanation = "Small symbols are customers, large ones the segments' medians."
    if sampled_from is not None and sampled_from > len(customers):
        explanation += f" {len(customers):,} of {sampled_from:,} customers drawn."
    explanation += " Revenue is without guests' sales."
    note = ""
    if jittered:
        note = "Symbols are shifted a little sideways where many customers have the same number of orders."

    table = 0.4 + ROW_HEIGHT * len(profiles) if legend else 0.0
    page = new_page(segments_title(profiles), explanation, note, width=width, body=5.2 + table)
    # All digits are equally wide: of thousands of amounts a few shapes are measured.
    labels = {re.sub(r"\d", "0", compact(point.spend, currency)) for point in points}
    left = max(0.75, 0.3 + max(map(width_of, labels), default=0.0))
    axes = page.axes(left, table + 0.75, page.width - left - 0.15, 4.15)
    _scale(axes, "x", [point.orders for point in points + medians], "", room=0.4 if jittered else 0.0)
    _scale(axes, "y", [point.spend for point in points + medians], currency)
    _draw_customers(axes, points, jittered=jittered)
    _draw_medians(axes, medians)
    logarithmic = "logarithmic scale" if width > ROOMY else "log scale"
    axes.set_xlabel(f"Orders per customer{f' ({logarithmic})' if axes.get_xscale() == 'log' else ''}")
    units = [currency, logarithmic if axes.get_yscale() == "log" else ""]
    unit = ", ".join(filter(None, units))
    heading(axes, fit(f"Spend per customer ({unit})" if unit else "Spend per customer", page.width - left))
    axes.grid()
    if legend:
        _segment_table(page, profiles, table)
    return page.figure


def segments_title(profiles: Rows) -> str:
    """Return which segment brings more of the revenue than its size suggests."""
    customers = sum(int(row[s.CUSTOMERS]) for row in profiles)
    if len(profiles) == 1:
        return f"One segment holds all {customers:,} customers" if customers != 1 else "One customer, one segment"
    best = carrier(profiles)
    if not brings_more_than_its_share(best):
        return f"Revenue follows size: no segment of the {len(profiles)} brings much more than its share of customers"
    number, size, revenue = int(best[s.CUSTOMERS]), percent(best[s.CUSTOMER_SHARE]), percent(best[MONEY_SHARE])
    verb = "brings" if number == 1 else "bring"
    return f"{counted(number, 'customer')} ({size}) {verb} {revenue} of revenue: {name_of(best, 4.5)}"


def _points(rows: Rows, orders: str, spend: str) -> list[_Point]:
    """Return the rows that have both numbers."""
    return [
        _Point(x, y, int(row[s.SEGMENT_ID]))
        for row in rows
        if (x := finite(row.get(orders))) is not None and (y := finite(row.get(spend))) is not None
    ]


def _scale(axes: Axes, which: str, values: Sequence[float], currency: str, room: float = 0.0) -> None:
    """Set limits, scale and ticks: logarithmic where all values are positive and the largest is far from the median."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    set_limits = axes.set_xlim if which == "x" else axes.set_ylim
    low, high = min(values, default=0.0), max(values, default=1.0)
    median = sorted(values)[len(values) // 2] if values else 1.0
    if low > 0 and high > SKEWED * median:
        (axes.set_xscale if which == "x" else axes.set_yscale)("log")
        pad = (high / low) ** 0.04
        set_limits(max(low - room, low / 2) / pad, (high + room) * pad)
        axis.set_major_locator(FixedLocator(log_ticks(low, high * pad, at_most=9)))
    else:
        pad = 0.05 * (high - low) or max(abs(high) * 0.1, 1.0)
        set_limits(low - pad - room, high + pad + room)
        axis.set_major_locator(MaxNLocator(7, integer=which == "x"))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: compact(value, currency, figures=4)))


def _draw_customers(axes: Axes, points: Sequence[_Point], *, jittered: bool) -> None:
    shift = random.Random(0)
    members: dict[int, list[tuple[float, float]]] = {}
    for x, y, segment_id in points:
        members.setdefault(segment_id, []).append((x + shift.uniform(-0.3, 0.3) if jittered else x, y))
    for segment_id, cloud in sorted(members.items(), key=lambda item: (-len(item[1]), item[0])):  # small ones on top
        colour, marker = segment_mark(segment_id)
        small = len(cloud) <= SMALL
        alpha = 0.7 if len(points) < MANY else 0.45
        axes.plot(
            [x for x, _ in cloud],
            [y for _, y in cloud],
            ls="",
            marker=marker,
            ms=5.8 if small else 3.5,
            mfc=colour,
            mec="white" if small else "none",
            mew=0.5 if small else 0,
            alpha=0.9 if small else alpha,
            zorder=6 if small else 2,
        )


def _draw_medians(axes: Axes, medians: Sequence[_Point]) -> None:
    for x, y, segment_id in medians:
        colour, marker = segment_mark(segment_id)
        axes.plot(x, y, marker=marker, ms=18, mfc="white", mew=0, zorder=4)
        axes.plot(x, y, marker=marker, ms=13, mfc=colour, mec=INK, mew=1.3, zorder=5, label="median")


def _segment_table(page: Page, profiles: Rows, height: float) -> None:
    columns = (("Customers", 6.1), ("Share of customers", 7.8), ("Share of revenue", page.width))
    top = height - 0.15
    page.write(0, top, "Segment", color=QUIET)
    for name, right in columns:
        page.write(right, top, name, color=QUIET, ha="right")
    best: Row | None = carrier(profiles) if len(profiles) > 1 else None
    for number, row in enumerate(profiles):
        level = top - 0.32 - number * ROW_HEIGHT
        weight = "bold" if row is best else "normal"
        write_segment(page, level, row, 4.6, weight)
        texts = (f"{int(row['customers']):,}", percent(row[s.CUSTOMER_SHARE]), percent(row[MONEY_SHARE]))
        for (_, right), text in zip(columns, texts, strict=True):
            page.write(right, level, text, ha="right", weight=weight)
