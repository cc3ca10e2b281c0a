"""Customers by segment and days since their last purchase in, the chart of how these are distributed out."""

from datetime import date
from typing import Final

from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter

from segmentation.charts.bar_rows import FOOT, LABEL, BarRow, draw_rows, rows_for, write_names
from segmentation.charts.marks import by_id, name_of, segment_gid
from segmentation.charts.numbers import Rows, compact, count, finite, percent
from segmentation.charts.style import INK, in_house_style, new_page, width_of

PANEL: Final = 6.2  # inches
FIGURES: Final = 1.35  # inches right of it
ALIKE: Final = 1.5  # times; medians that are closer are no finding


def _days(number: float) -> str:
    return f"{compact(number)} day{'' if number == 1 else 's'}"


def recency_title(profiles: Rows) -> str:
    """The segments whose typical last purchase is the most and the least recent."""
    medians = [
        (median, row) for row in by_id(profiles) if (median := finite(row.get("median_recency_days"))) is not None
    ]
    if not medians:
        return "When the customers of each segment last bought"
    latest, earliest = min(medians, key=lambda item: item[0]), max(medians, key=lambda item: item[0])
    if len(medians) == 1:
        return f"Half of the customers bought in the last {_days(latest[0])}"
    if earliest[0] < ALIKE * max(latest[0], 1.0):
        return f"The segments are alike in when they last bought: half within some {_days(earliest[0])}"
    return (
        f"{name_of(latest[1], 4.5)}: half bought in the last {_days(latest[0])}; "
        f"{name_of(earliest[1], 4.5)}: in the last {compact(earliest[0])}"
    )


@in_house_style
def recency_chart(bins: Rows, profiles: Rows, as_of: date, days: int) -> Figure:
    """A row of bars for all customers and for each segment: how many last bought how long before `as_of`.

    `bins`: days_up_to (of a bin of `days` days), segment_id, customers. `profiles`: segment_id, segment_name,
    median_recency_days.
    """
    profiles = by_id(profiles)
    rows = rows_for(profiles)
    ends = [int(row["days_up_to"]) for row in bins] or [days]
    first, number = min(ends), (max(ends) - min(ends)) // days + 1
    counts: dict[int, list[float]] = {int(row["segment_id"]): [0.0] * number for row in profiles}
    for row in bins:
        counts[int(row["segment_id"])][(int(row["days_up_to"]) - first) // days] += int(row["customers"])
    of_all = [sum(values) for values in zip(*counts.values(), strict=True)]

    explanation = (
        f"Customers by days from their last purchase to {as_of.day} {as_of:%B} {as_of.year}, in bars of {_days(days)}. "
        "Each row has its own scale; the number is its highest bar's share of the customers, dashed the median."
    )
    body = rows.body + FOOT + 0.35
    page = new_page(recency_title(profiles), explanation, "", width=rows.left + PANEL + FIGURES + 0.75, body=body)
    write_names(page, profiles, rows)
    axes = page.axes(rows.left, FOOT, PANEL, rows.body)
    bars = [BarRow(None, of_all, _peak(of_all))] * (len(profiles) > 1)
    bars += [BarRow(id_, values, _peak(values)) for id_, values in counts.items()]
    draw_rows(axes, bars, rows, PANEL)
    widest = max(width_of(count(end)) for end in ends) + 0.2
    step = max(1, -(-int(1000 * widest * number / PANEL) // 1000))
    edges = range(0, number + 1, step)
    axes.xaxis.set_major_locator(FixedLocator([edge - 0.5 for edge in edges]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda edge, _: count(first - days + round(edge + 0.5) * days)))
    axes.set_xlabel("Days since the last purchase")
    right = rows.left + PANEL + FIGURES
    page.write(right, FOOT + rows.body + 0.2, "Median", weight="bold", ha="right")
    level = FOOT + rows.body - rows.height * (rows.number - len(profiles) + 1) + (rows.height - LABEL) / 2
    for row in profiles:
        median = finite(row.get("median_recency_days"))
        text = "–" if median is None else _days(median)
        page.write(right, level, text, ha="right", gid=segment_gid(int(row["segment_id"])))
        if median is not None:
            place = (median - first + days) / days - 0.5
            foot = level - FOOT - (rows.height - LABEL) / 2
            axes.plot([place] * 2, [foot, foot + rows.bars], color=INK, lw=1.2, ls=(0, (3, 2)), zorder=6)
        level -= rows.height
    return page.figure


def _peak(values: list[float]) -> str:
    return percent(max(values) / sum(values)) if sum(values) else ""
