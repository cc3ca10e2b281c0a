"""The largest countries or products in, the chart of their revenue and of the share it adds up to out."""

from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from segmentation.charts.numbers import Rows, column, compact, count, in_words, percent, sentence
from segmentation.charts.style import INK, QUIET, Page, fit, in_house_style, new_page, plain, width_of

# Darker for more; none is a segment's colour, and the letter stands beside it.
CLASS_COLOURS: Final = {"A": "#0072B2", "B": "#6C9EBF", "C": "#B4C3CE"}
ABC_LIMITS: Final = (0.80, 0.95)


def pareto_title(
    rows: Rows, label_column: str, noun: tuple[str, str], total_count: int, class_a_count: int | None = None
) -> str:
    """How few bring how much; see `pareto_chart` for the arguments."""
    one, many = map(plain, noun)
    shares = column(rows, "cumulative_revenue_share")
    if not rows:
        return f"No {one} has any revenue"
    if total_count == 1:
        return f"All revenue comes from one {one}: {fit(rows[0][label_column], 4.5, weight='bold')}"
    if any(share is None for share in shares):
        return f"There is no revenue to share among {count(total_count)} {many}"
    reached = next((n for n, share in enumerate(shares, 1) if (share or 0.0) >= ABC_LIMITS[0]), None)
    if reached == 1:
        label = fit(rows[0][label_column], 4.5, weight="bold")
        return f"One {one} brings {percent(shares[0])} of revenue: {label}"
    if reached is not None and reached < total_count:
        return f"{sentence(in_words(reached))} {many} bring {percent(shares[reached - 1])} of revenue"
    few = class_a_count or total_count
    if few < total_count:
        hundredths = 100 * few / total_count
        brought = f"{percent(ABC_LIMITS[0])} of revenue"
        if hundredths >= 1.5:
            return f"{hundredths:.0f} {many} in 100 bring {brought} ({count(few)} of {count(total_count)})"
        return f"{count(few)} of {count(total_count)} {many} bring {brought}"
    if len(rows) >= total_count:
        return f"Revenue is spread: none of {in_words(total_count)} {many} brings more than {percent(shares[0])}"
    return f"The {in_words(len(rows))} largest of {count(total_count)} {many} bring {percent(shares[-1])} of revenue"


@in_house_style
def pareto_chart(
    rows: Rows,
    label_column: str,
    noun: tuple[str, str],
    total_count: int,
    *,
    currency: str = "",
    class_a_count: int | None = None,
) -> Figure:
    """Revenue of the largest countries or products, and beside it the share reached so far.

    `rows`: about twenty, by falling revenue: revenue, cumulative_revenue_share (both over all rows there are),
    abc_class, and the label's column. `noun` is singular and plural; `total_count` how many there are in all;
    `class_a_count` how many of all are in class A, which lets the title tell what share of them brings 80 %.
    """
    one, many, currency = plain(noun[0]), plain(noun[1]), plain(currency)
    title = pareto_title(rows, label_column, noun, total_count, class_a_count)
    hidden = total_count - len(rows)
    shares = column(rows, "cumulative_revenue_share")
    rest = None if not shares or shares[-1] is None else max(1 - shares[-1], 0.0)
    explanation = f"All {count(total_count)} {many}, by revenue." if total_count > 1 else ""
    if hidden > 0:
        explanation = f"The {len(rows)} largest of {count(total_count)} {many}; "
        explanation += f"the other {count(hidden)} {one if hidden == 1 else many} bring{'s' * (hidden == 1)} "
        explanation += f"{percent(rest)} of revenue." if rest is not None else "no revenue."
    note = (
        "Guests' sales are included. Classes by cumulative revenue: A up to 80 % and always the largest, B up to 95 %, "
        "C the rest."
    )
    row_height = 0.3
    height = row_height * max(len(rows), 1)
    page = new_page(title, explanation, note, width=11.5, body=height + 0.65)
    labels = [fit(row[label_column] if row[label_column] is not None else "(no name)", 4.2) for row in rows]
    left = max(map(width_of, labels), default=0.0) + 0.15
    right_panel, class_column = 2.6, 0.75
    bars = page.axes(left, 0.1, page.width - left - right_panel - 0.95 - class_column, height)
    line = page.axes(page.width - right_panel - 0.7, 0.1, right_panel, height)
    _revenue_bars(page, bars, rows, currency, row_height)
    _cumulative_line(line, rows)
    for position, (row, label, share) in enumerate(zip(rows, labels, shares, strict=True)):
        level = 0.1 + height - (position + 0.5) * row_height
        page.write(left - 0.1, level, label, ha="right")
        page.write(page.width - right_panel - 1.15, level, str(row["abc_class"]), ha="center", color=QUIET)
        page.write(page.width, level, percent(share), ha="right", color=QUIET)
    top = height + 0.5  # above the names of the two limits
    unit = f" ({currency})" if currency else ""
    page.write(left, top, f"Revenue{unit}", weight="bold")
    page.write(page.width - right_panel - 1.15, top, "Class", ha="center", weight="bold")
    page.write(page.width - right_panel - 0.7, top, "Cumulative share of revenue", weight="bold")
    return page.figure


def _revenue_bars(page: Page, axes: Axes, rows: Rows, currency: str, row_height: float) -> None:
    revenue = [value or 0.0 for value in column(rows, "revenue")]
    texts = [compact(row["revenue"], currency) for row in rows]
    low, high = min([*revenue, 0.0]), max([*revenue, 0.0])
    span = (high - low) or 1.0
    inches = axes.get_position().width * page.figure.get_size_inches()[0]
    label_room = max(map(width_of, texts), default=0.0) + 0.15
    axes.set_xlim(low, low + span * inches / (inches - label_room))
    axes.set_ylim(len(rows) - 0.5 if rows else 0.5, -0.5)
    for position, (row, value, text) in enumerate(zip(rows, revenue, texts, strict=True)):
        axes.barh(position, value, height=0.68, color=CLASS_COLOURS.get(str(row["abc_class"]), QUIET))
        axes.annotate(text, (max(value, 0.0), position), (4, 0), textcoords="offset points", va="center")
    axes.axvline(0, color=QUIET, lw=0.8)
    _bare(axes)


def _cumulative_line(axes: Axes, rows: Rows) -> None:
    shares = column(rows, "cumulative_revenue_share")
    known = [
        (share, position, str(row["abc_class"]))
        for position, (share, row) in enumerate(zip(shares, rows, strict=True))
        if share is not None
    ]
    reached = [share for share, _, _ in known]
    axes.set_xlim(min([0.0, *reached]), max([1.0, *reached]) * 1.02)
    axes.set_ylim(len(rows) - 0.5 if rows else 0.5, -0.5)
    for limit, side in zip(ABC_LIMITS, ("right", "left"), strict=True):
        axes.axvline(limit, color=INK, lw=1, ls=(0, (4, 3)), zorder=1)
        axes.text(limit, 1.0, percent(limit), transform=axes.get_xaxis_transform(), ha=side, va="bottom", color=QUIET)
    axes.plot(reached, [position for _, position, _ in known], color=QUIET, lw=1.5, zorder=2)
    for share, position, letter in known:
        colour = CLASS_COLOURS.get(letter, QUIET)
        axes.plot(share, position, marker="o", ms=8, mfc=colour, mec="white", mew=1, ls="", zorder=3)
    axes.axvline(0, color=QUIET, lw=0.8)
    _bare(axes)


def _bare(axes: Axes) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
