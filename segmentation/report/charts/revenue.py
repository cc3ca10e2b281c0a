"""The largest countries or products in, the chart of their revenue and of the share it adds up to out."""
# TODO-DOC charts.concentration: Points of the Lorenz curve in, the chart of how few customers bring how much
# of the revenue out.

from decimal import Decimal
from fractions import Fraction
from typing import Final, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter

from segmentation.report.charts.style import (
    ACCENT,
    FAINT,
    INK,
    QUIET,
    Page,
    fit,
    heading,
    house_style,
    new_page,
    plain,
    width_of,
)
from segmentation.report.text import Rows, column, compact, count, in_words, percent, sentence

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


@house_style()
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


TOP_PERCENT: Final = (1, 10, 20)
EVEN: Final = 0.1  # a Gini coefficient up to which revenue is as good as evenly spread


class Top(NamedTuple):
    """The customers who spend most: how many of how many, and their share of the revenue."""

    customers: int
    of: int
    revenue_share: float

    @property
    def share(self) -> float:
        return self.customers / self.of

    @property
    def share_text(self) -> str:
        """10 % for 433 of 4,338, but 8.3 % for 1 of 12."""
        near = [f"{nominal} %" for nominal in TOP_PERCENT if abs(100 * self.share - nominal) < 0.05 * nominal]
        return near[0] if near else percent(self.share)


def gini(customers: int, revenue: Decimal, ranked_revenue: Decimal) -> float | None:
    """The Gini coefficient (C. Gini, 1912): 0 where all spend the same, near 1 where one customer spends everything.

    G = 2 Σ i·xᵢ / (n Σ xᵢ) − (n + 1) / n over spends x in rising order, i = 1 … n, as A. Sen writes it (On Economic
    Inequality, 1973); `ranked_revenue` is Σ i·xᵢ. None where there is no revenue to share.
    """
    if revenue <= 0:
        return None
    exact = 2 * Fraction(ranked_revenue) / (customers * Fraction(revenue)) - Fraction(customers + 1, customers)
    return float(exact)


def top_customers(points: Rows) -> list[Top]:
    """The top 1 %, 10 % and 20 % by spend, exact at the points of the curve; of very few customers the first alone."""
    if not points or points[-1]["revenue"] <= 0:
        return []
    everyone, revenue = int(points[-1]["customers"]), Fraction(points[-1]["revenue"])
    tops: list[Top] = []
    for nominal in TOP_PERCENT:
        below = next(row for row in points if 100 * row["customers"] >= (100 - nominal) * everyone)
        number = everyone - int(below["customers"])
        if number and (not tops or number > tops[-1].customers):
            tops.append(Top(number, everyone, float(1 - Fraction(below["revenue"]) / revenue)))
    if not tops and len(points) > 1:
        tops.append(Top(1, everyone, float(1 - Fraction(points[-2]["revenue"]) / revenue)))
    return tops


def concentration_title(points: Rows) -> str:
    """How much of the revenue the top tenth of the customers bring."""
    everyone = int(points[-1]["customers"]) if points else 0
    coefficient = gini(everyone, points[-1]["revenue"], points[-1]["ranked_revenue"]) if points else None
    if coefficient is None:
        return f"There is no revenue to share among {count(everyone)} customer{'' if everyone == 1 else 's'}"
    if everyone == 1:
        return "One customer brings all of the revenue"
    tops = top_customers(points)
    top = next((top for top in tops if top.share > 0.05 or top is tops[-1]), tops[-1])
    who = f"the top {top.share_text} of customers bring {percent(top.revenue_share)} of revenue"
    if top.customers == 1:
        who = f"one of {count(everyone)} customers brings {percent(top.revenue_share)} of revenue"
    return f"Revenue is spread evenly: {who}" if coefficient <= EVEN else who[0].upper() + who[1:]


@house_style()
def concentration_chart(points: Rows, *, currency: str = "") -> Figure:
    """The Lorenz curve of revenue over customers, with the shares of those who spend most and the Gini coefficient.

    `points`, rising: customers, revenue (what so many who spend least spend together), ranked_revenue; the last is all.
    """
    currency = plain(currency)
    everyone = int(points[-1]["customers"]) if points else 0
    total = points[-1]["revenue"] if points else Decimal(0)
    coefficient = gini(everyone, total, points[-1]["ranked_revenue"]) if points else None
    explanation = f"{count(everyone)} customer{'' if everyone == 1 else 's'}, "
    explanation += f"{compact(total, currency)} of revenue without guests' sales."
    if coefficient is not None:
        shown = f"{coefficient:.2f}".replace("-", "−")
        explanation += f" Gini coefficient {shown}: 0 if all spent the same, near 1 if one customer spent everything."
    page = new_page(concentration_title(points), explanation, "", width=10, body=5.6)
    right = 2.75
    axes = page.axes(0.75, 0.55, page.width - 0.75 - right, 4.6)
    curve = [(0.0, 0.0)]
    if coefficient is not None:
        curve += [(row["customers"] / everyone, float(Fraction(row["revenue"]) / Fraction(total))) for row in points]
    lowest = min(y for _, y in curve)
    axes.set_xlim(0, 1)
    axes.set_ylim(lowest * 1.05, max(1.0, *(y for _, y in curve)))
    across, up = [x for x, _ in curve], [y for _, y in curve]
    axes.plot([0, 1], [0, 1], color=QUIET, lw=1.2, ls=(0, (5, 4)), zorder=2)
    if len(curve) > 1:
        axes.fill_between(across, up, across, color=FAINT, alpha=0.5, lw=0, zorder=1)
        axes.plot(across, up, color=ACCENT, lw=2.5, zorder=3, clip_on=False, solid_capstyle="round")
        at, width = max(((x, x - y) for x, y in curve), key=lambda point: point[1])
        if width > 0.25 and coefficient is not None:  # room for the text in the area it is twice of
            axes.text(at - 0.03, at - width / 2, f"Gini {coefficient:.2f}", ha="center", va="center", weight="bold")
    axes.text(0.44, 0.52, "if all spent the same", ha="right", va="bottom", color=QUIET)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(FixedLocator([0, 0.2, 0.4, 0.6, 0.8, 1]))
        axis.set_major_formatter(FuncFormatter(lambda value, _: percent(value)))
    axes.set_xlabel("Share of customers, from those who spend least")
    heading(axes, "Share of revenue")
    axes.grid()
    _label_tops(page, axes, top_customers(points))
    return page.figure


def _label_tops(page: Page, axes: Axes, tops: list[Top]) -> None:
    """Right of the axes, level with its point as far as there is room, what each share at the top brings."""
    low, high = axes.get_ylim()
    levels: list[float] = []
    for top in tops:
        y = 1 - top.revenue_share
        wanted = 0.55 + 4.6 * (y - low) / (high - low)
        levels.append(min([wanted, *(level - 0.52 for level in levels)]))
    lift = max(0.0, 0.75 - min(levels, default=1.0))  # those at the foot stay on the page
    for top, level in zip(tops, levels, strict=True):
        x, y = 1 - top.share, 1 - top.revenue_share
        height = low + (high - low) * (level + lift - 0.55) / 4.6
        axes.plot([x, 1.0, 1.03], [y, y, height], color=INK, lw=0.8, zorder=4, clip_on=False)
        axes.plot(x, y, marker="o", ms=8, mfc=ACCENT, mec="white", mew=1.2, ls="", zorder=5)
        who = f"top {top.share_text}" if top.customers > 1 else "one customer"
        text = f"{who}: {percent(top.revenue_share)}"
        left = page.width - 2.75 + 0.22
        page.write(left, level + lift + 0.1, text, weight="bold")
        how_many = f"{count(top.customers)} customer{'' if top.customers == 1 else 's'}"
        page.write(left, level + lift - 0.12, how_many if width_of(how_many) < 2.5 else "", color=QUIET)
