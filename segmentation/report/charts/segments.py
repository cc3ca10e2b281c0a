"""A sample of customers and the segments' profiles in, the scatter chart over a table of the segments out."""

import random
from collections.abc import Sequence
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from segmentation.report.charts.style import (
    INK,
    QUIET,
    Page,
    by_id,
    heading,
    house_style,
    log_ticks,
    name_of,
    new_page,
    plain,
    segment_gid,
    width_of,
    write_segment,
)
from segmentation.report.findings import brings_more_than_its_share, carrier
from segmentation.report.marks import segment_mark
from segmentation.report.text import Rows, column, compact, count, finite, percent

SKEWED: Final = 8.0  # the largest value is so many times the median: most points would lie in one corner
CROWDED: Final = 200  # points; from here on equal numbers of orders hide each other


def segments_title(profiles: Rows) -> str:
    """Which segment brings more of the revenue than its size suggests."""
    everyone = sum(int(row["customers"]) for row in profiles)
    if len(profiles) == 1:
        return f"One segment holds all {count(everyone)} customers" if everyone != 1 else "One customer, one segment"
    best = carrier(profiles)
    if not brings_more_than_its_share(best):
        return f"Revenue follows size: no segment of the {len(profiles)} brings much more than its share of customers"
    number, size, brought = int(best["customers"]), best["customer_share"], best["revenue_share"]
    who = f"{count(number)} customer{'' if number == 1 else 's'} ({percent(size)})"
    name = name_of(best, 4.5)
    return f"{who} bring{'s' if number == 1 else ''} {percent(brought)} of revenue: {name}"


@house_style()
def segments_chart(customers: Rows, profiles: Rows, sampled_from: int | None = None, *, currency: str = "") -> Figure:
    """Customers by orders and spend, coloured and shaped by segment, above a table that is also the legend.

    `customers` is a bounded sample: total_spend, purchase_frequency, segment_id. `profiles`: segment_id (1 … by rising
    spend), segment_name, customers, customer_share, revenue_share, mean_total_spend, mean_purchase_frequency.
    `sampled_from` is how many customers there are; where it exceeds the rows, the chart says it shows a sample.
    """
    profiles, currency = by_id(profiles), plain(currency)
    orders, spend = column(customers, "purchase_frequency"), column(customers, "total_spend")
    points = [
        (x, y, int(row["segment_id"]))
        for x, y, row in zip(orders, spend, customers, strict=True)
        if x is not None and y is not None
    ]
    jittered = len(points) > CROWDED and all(x == round(x) for x, _, _ in points)
    explanation = "Small symbols are customers, large ones the segments' averages."
    if sampled_from is not None and sampled_from > len(customers):
        explanation += f" {count(len(customers))} of {count(sampled_from)} customers drawn."
    explanation += " Revenue is without guests' sales."
    note = "Symbols are shifted a little sideways where many customers have the same number of orders." * jittered

    row_height = 0.29
    table = 0.4 + row_height * len(profiles)
    page = new_page(segments_title(profiles), explanation, note, width=10, body=5.2 + table)
    left = max(0.75, 0.3 + max((width_of(text) for text in {compact(y, currency) for _, y, _ in points}), default=0.0))
    axes = page.axes(left, table + 0.75, page.width - left - 0.15, 4.15)
    centres = [
        (x, y, int(row["segment_id"]))
        for row in profiles
        if (x := finite(row.get("mean_purchase_frequency"))) is not None
        and (y := finite(row.get("mean_total_spend"))) is not None
    ]
    _scale(axes, "x", [x for x, _, _ in points + centres], "", room=0.4 if jittered else 0.0)
    _scale(axes, "y", [y for _, y, _ in points + centres], currency)

    chance = random.Random(0)
    members: dict[int, list[tuple[float, float]]] = {}
    for x, y, segment_id in points:
        shift = chance.uniform(-0.3, 0.3) if jittered else 0.0
        members.setdefault(segment_id, []).append((x + shift, y))
    for segment_id, cloud in sorted(members.items(), key=lambda item: (-len(item[1]), item[0])):  # small ones on top
        colour, marker = segment_mark(segment_id)
        few = len(cloud) <= 60
        axes.scatter(
            [x for x, _ in cloud],
            [y for _, y in cloud],
            s=34 if few else 12,
            c=colour,
            marker=marker,
            alpha=0.9 if few else 0.7 if len(points) < 1000 else 0.45,
            linewidths=0.5 if few else 0,
            edgecolors="white",
            zorder=6 if few else 2,  # a centre would hide a good part of a small segment
            gid=segment_gid(segment_id),
        )
    for x, y, segment_id in centres:
        colour, marker = segment_mark(segment_id)
        gid = segment_gid(segment_id)
        axes.scatter(x, y, s=330, c="white", marker=marker, zorder=4, linewidths=0, gid=gid)
        centre = axes.scatter(x, y, s=170, c=colour, marker=marker, zorder=5, linewidths=1.3, edgecolors=INK, gid=gid)
        centre.set_label("centre")
    axes.set_xlabel("Orders per customer" + " (logarithmic scale)" * (axes.get_xscale() == "log"))
    unit = ", ".join(filter(None, (currency, "logarithmic scale" * (axes.get_yscale() == "log"))))
    heading(axes, "Total spend per customer" + (f" ({unit})" if unit else ""))
    axes.grid()
    _segment_table(page, profiles, table, row_height)
    return page.figure


def _scale(axes: Axes, which: str, values: Sequence[float], currency: str, room: float = 0.0) -> None:
    """Limits, scale and ticks: logarithmic where the largest of only positive values is far beyond the median."""
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


def _segment_table(page: Page, profiles: Rows, height: float, row_height: float) -> None:
    columns = (("Customers", 6.1), ("Share of customers", 7.8), ("Share of revenue", page.width))
    top = height - 0.15
    page.write(0, top, "Segment", color=QUIET)
    for name, right in columns:
        page.write(right, top, name, color=QUIET, ha="right")
    best = carrier(profiles) if len(profiles) > 1 else None
    for index, row in enumerate(profiles):
        level = top - 0.32 - index * row_height
        weight = "bold" if row is best else "normal"
        write_segment(page, level, row, 4.6, weight)
        texts = (count(int(row["customers"])), percent(row["customer_share"]), percent(row["revenue_share"]))
        for (_, right), text in zip(columns, texts, strict=True):
            page.write(right, level, text, ha="right", weight=weight, gid=segment_gid(int(row["segment_id"])))
