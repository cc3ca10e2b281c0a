"""Two charts of time: revenue and active customers by period, and days since the last order."""

import math
from collections.abc import Sequence
from datetime import date
from functools import partial
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter

from segmentation import schemas as s
from segmentation.report.charts.bar_rows import FOOT, draw_rows, layout_of, write_names
from segmentation.report.charts.style import INK, fit, house_style, new_page, plain, width_of
from segmentation.report.text import Rows, compact, finite
from segmentation.report.timeline import Periods, days_in_words, largest_share, months_of, recency_of

HEADING: Final = 0.35  # inches above the rows
PANEL: Final = 4.0  # inches
GAP: Final = 0.85
RECENCY_PANEL: Final = 6.2  # inches
MEDIANS: Final = 1.35  # inches right of it


# ---- revenue and active customers by period ------------------------------------------------------------------------


@house_style()
def months_chart(sales: Rows, profiles: Rows, as_of: date, months: int = 1, *, currency: str = "") -> Figure:
    """Draw revenue and active customers over time in two panels of bars.

    `sales`: period_start (first day of a period of this many `months`), segment_id, customers (who bought in it),
    revenue. `profiles`: segment_id, segment_name. The data end before `as_of`: where the last period does not, its
    bars are pale and the chart says so.
    """
    currency = plain(currency)
    shown = months_of(sales, profiles, as_of, months, currency)
    periods, unfinished = shown.periods, shown.unfinished
    layout = layout_of(profiles)
    width = layout.left + 2 * PANEL + GAP + 0.6
    page = new_page(shown.title, shown.explanation, shown.note, width=width, body=FOOT + layout.body + HEADING)
    write_names(page, profiles, layout)
    panels = (
        (layout.left, f"Revenue ({currency})" if currency else "Revenue", shown.revenue, currency),
        (layout.left + PANEL + GAP, "Active customers", shown.active, ""),
    )
    for left, heading, values, symbol in panels:
        page.write(left, FOOT + layout.body + 0.2, fit(heading, PANEL, weight="bold"), weight="bold")
        axes = page.axes(left, FOOT, PANEL, layout.body)
        draw_rows(axes, values, partial(_highest, symbol), layout, PANEL, pale=unfinished)
        _label_periods(axes, periods)
    return page.figure


def _highest(currency: str, values: Sequence[float]) -> str:
    return compact(max(values), currency)


def _label_periods(axes: Axes, periods: Periods) -> None:
    """Name as many periods as there is room for."""
    widest = max(width_of(periods.short_name(position)) for position in range(periods.number)) + 0.12
    step = math.ceil(widest * periods.number / PANEL)
    axes.xaxis.set_major_locator(FixedLocator(list(range(0, periods.number, step))))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda position, _: periods.short_name(int(position))))
    axes.tick_params(axis="x", length=0, pad=3)


# ---- days since the last order -------------------------------------------------------------------------------------


@house_style()
def recency_chart(bins: Rows, profiles: Rows, as_of: date, days: int, recency: str = s.RECENCY_DAYS) -> Figure:
    """Draw how many customers last bought how long before `as_of`.

    `bins`: days_up_to (of a bin of `days` days), segment_id, customers. `profiles`: segment_id, segment_name,
    and the median of the feature `recency`.
    """
    shown = recency_of(bins, profiles, as_of, days, recency)
    ends, start, number = shown.ends, shown.start, shown.number
    layout = layout_of(profiles)
    right = layout.left + RECENCY_PANEL + MEDIANS
    body = FOOT + layout.body + HEADING
    explanation = f"{shown.explanation} The number is its highest bar's share of the customers, dashed the median."
    page = new_page(shown.title, explanation, "", width=right + 0.75, body=body)
    write_names(page, profiles, layout)
    axes = page.axes(layout.left, FOOT, RECENCY_PANEL, layout.body)
    draw_rows(axes, shown.customers, largest_share, layout, RECENCY_PANEL)

    widest = max(width_of(f"{end:,}") for end in ends) + 0.2
    step = math.ceil(widest * number / RECENCY_PANEL)
    axes.xaxis.set_major_locator(FixedLocator([edge - 0.5 for edge in range(0, number + 1, step)]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda edge, _: f"{start + round(edge + 0.5) * days:,}"))
    axes.set_xlabel("Days since the last order")

    page.write(right, FOOT + layout.body + 0.2, "Median", weight="bold", ha="right")
    for position, row in enumerate(profiles, layout.number - len(profiles)):
        median = finite(row.get(f"median_{recency}"))
        text = "–" if median is None else days_in_words(median)
        page.write(right, layout.level(position), text, ha="right")
        if median is not None:
            across = (median - start) / days - 0.5
            foot = layout.body - (position + 1) * layout.height
            axes.plot([across] * 2, [foot, foot + layout.bars], color=INK, lw=1.2, ls=(0, (3, 2)), zorder=6)
    return page.figure
