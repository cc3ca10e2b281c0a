"""Two charts of where revenue comes from: the largest countries or products, and the concentration over customers."""

from decimal import Decimal
from fractions import Fraction
from typing import Final, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter

from segmentation import schemas as s
from segmentation.errors import counted
from segmentation.report.aggregates import RANKED_REVENUE
from segmentation.report.charts.style import (
    ACCENT,
    FAINT,
    INK,
    QUIET,
    Page,
    PageFigure,
    fit,
    heading,
    house_style,
    new_page,
    plain,
    width_of,
)
from segmentation.report.findings import few_of_many
from segmentation.report.text import Row, Rows, column, compact, in_words, percent, sentence
from segmentation.rollups import CLASS_A_UP_TO, CLASS_B_UP_TO

# Darker for more. None is a segment's colour, and the letter is written too.
CLASS_COLOURS: Final = {"A": "#0072B2", "B": "#6C9EBF", "C": "#B4C3CE"}
PARETO_ROW: Final = 0.3  # inches
CURVE: Final = 2.6  # inches of the cumulative curve

TOP_PERCENT: Final = (1, 10, 20)
EVEN: Final = 0.1  # a Gini coefficient up to which revenue is as good as evenly spread
LORENZ_HEIGHT: Final = 4.6  # inches
LORENZ_FOOT: Final = 0.55
LABELS: Final = 2.75  # inches right of the Lorenz curve
LABEL_STEP: Final = 0.52  # inches from one label to the next


# ---- the largest countries or products -----------------------------------------------------------------------------


@house_style()
def pareto_chart(
    rows: Rows,
    label_column: str,
    noun: tuple[str, str],
    total_count: int,
    *,
    currency: str = "",
    class_a_count: int | None = None,
    money: str = s.REVENUE,
) -> Figure:
    """Draw the revenue of the largest countries or products, and the share it adds up to.

    `rows`: about twenty, by falling `money`, the column that counts as revenue: that column, cumulative_revenue_share
    (over all rows there are), abc_class, and the label's column. `noun` is singular and plural; `total_count` is the
    number of all rows; `class_a_count` how many of all are in class A, for a title where the rows end before it does.
    """
    currency = plain(currency)
    title = pareto_title(rows, label_column, noun, total_count, class_a_count)
    note = (
        f"Guests' sales are included. A: the {noun[1]} that together make the first {percent(CLASS_A_UP_TO)} of "
        f"revenue, at least one; B: to {percent(CLASS_B_UP_TO)}; C: the rest."
    )
    height = PARETO_ROW * max(len(rows), 1)
    page = new_page(title, _shown_of_all(rows, noun, total_count), note, width=11.5, body=height + 0.65)
    labels = [_label(row, label_column, 4.2) for row in rows]
    left = max(map(width_of, labels), default=0.0) + 0.15
    curve_left, class_middle = page.width - CURVE - 0.7, page.width - CURVE - 1.15
    _revenue_bars(page, page.axes(left, 0.1, page.width - left - CURVE - 1.7, height), rows, money, currency)
    _cumulative_curve(page.axes(curve_left, 0.1, CURVE, height), rows)
    shares = column(rows, s.CUMULATIVE_REVENUE_SHARE)
    for number, (row, label, share) in enumerate(zip(rows, labels, shares, strict=True)):
        level = 0.1 + height - (number + 0.5) * PARETO_ROW
        page.write(left - 0.1, level, label, ha="right")
        page.write(class_middle, level, str(row[s.ABC_CLASS]), ha="center", color=QUIET)
        page.write(page.width, level, percent(share), ha="right", color=QUIET)
    top = height + 0.5  # above the names of the two limits
    page.write(left, top, f"Revenue ({currency})" if currency else "Revenue", weight="bold")
    page.write(class_middle, top, "Class", ha="center", weight="bold")
    page.write(curve_left, top, "Cumulative share of revenue", weight="bold")
    return page.figure


def pareto_title(
    rows: Rows, label_column: str, noun: tuple[str, str], total_count: int, class_a_count: int | None = None
) -> str:
    """Return how few bring how much; see `pareto_chart` for the arguments."""
    one, many = noun
    if not rows:
        return f"No {one} has any revenue"
    largest = _label(rows[0], label_column, 4.5, weight="bold")
    if total_count == 1:
        return f"All revenue comes from one {one}: {largest}"
    shares = [share for share in column(rows, s.CUMULATIVE_REVENUE_SHARE) if share is not None]
    if len(shares) < len(rows):
        return f"No revenue in total from {total_count:,} {many}"
    reached = next((number for number, share in enumerate(shares, 1) if share >= CLASS_A_UP_TO), None)
    if reached == 1:
        return f"One {one} brings {percent(shares[0])} of revenue: {largest}"
    if reached is not None and reached < total_count:
        return f"{sentence(in_words(reached))} {many} bring {percent(shares[reached - 1])} of revenue"
    few = class_a_count or total_count
    if few < total_count:
        return few_of_many(few, total_count, noun, CLASS_A_UP_TO)
    if len(rows) >= total_count:
        return f"Revenue is spread: none of {in_words(total_count)} {many} brings more than {percent(shares[0])}"
    return f"The {in_words(len(rows))} largest of {total_count:,} {many} bring {percent(shares[-1])} of revenue"


def _label(row: Row, label_column: str, width: float, weight: str = "normal") -> str:
    return fit("(no name)" if row[label_column] is None else row[label_column], width, weight=weight)


def _shown_of_all(rows: Rows, noun: tuple[str, str], total_count: int) -> str:
    """Return how many of all are drawn, and what the others bring."""
    if total_count <= 1:
        return ""
    if len(rows) >= total_count:
        return f"All {counted(total_count, *noun)}, by revenue."
    share = column(rows, s.CUMULATIVE_REVENUE_SHARE)[-1] if rows else None
    rest = "no revenue" if share is None else f"{percent(max(1 - share, 0.0))} of revenue"
    return f"The {len(rows)} largest of {counted(total_count, *noun)}, by revenue; the rest brings {rest}."


def _revenue_bars(page: Page, axes: Axes, rows: Rows, money: str, currency: str) -> None:
    revenue = [value or 0.0 for value in column(rows, money)]
    texts = [compact(row[money], currency) for row in rows]
    low, high = min([*revenue, 0.0]), max([*revenue, 0.0])
    inches = axes.get_position().width * page.figure.get_size_inches()[0]
    label_room = max(map(width_of, texts), default=0.0) + 0.15
    axes.set_xlim(low, low + ((high - low) or 1.0) * inches / (inches - label_room))
    axes.set_ylim(len(rows) - 0.5 if rows else 0.5, -0.5)
    for position, (row, value, text) in enumerate(zip(rows, revenue, texts, strict=True)):
        axes.barh(position, value, height=0.68, color=CLASS_COLOURS.get(str(row[s.ABC_CLASS]), QUIET))
        axes.annotate(text, (max(value, 0.0), position), (4, 0), textcoords="offset points", va="center")
    _remove_frame(axes)


def _cumulative_curve(axes: Axes, rows: Rows) -> None:
    points = [
        (share, position, str(rows[position][s.ABC_CLASS]))
        for position, share in enumerate(column(rows, s.CUMULATIVE_REVENUE_SHARE))
        if share is not None
    ]
    shares = [share for share, _, _ in points]
    axes.set_xlim(min([0.0, *shares]), max([1.0, *shares]) * 1.02)
    axes.set_ylim(len(rows) - 0.5 if rows else 0.5, -0.5)
    for limit, side in ((CLASS_A_UP_TO, "right"), (CLASS_B_UP_TO, "left")):
        axes.axvline(limit, color=INK, lw=1, ls=(0, (4, 3)), zorder=1)
        axes.text(limit, 1.0, percent(limit), transform=axes.get_xaxis_transform(), ha=side, va="bottom", color=QUIET)
    axes.plot(shares, [position for _, position, _ in points], color=QUIET, lw=1.5, zorder=2)
    for share, position, letter in points:
        colour = CLASS_COLOURS.get(letter, QUIET)
        axes.plot(share, position, marker="o", ms=8, mfc=colour, mec="white", mew=1, ls="", zorder=3)
    _remove_frame(axes)


def _remove_frame(axes: Axes) -> None:
    """Leave only the line at zero."""
    axes.axvline(0, color=QUIET, lw=0.8)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)


# ---- the concentration over customers ------------------------------------------------------------------------------


class Top(NamedTuple):
    """The `customers` who spend most of all `of` customers, and their share of the revenue."""

    customers: int
    of: int
    revenue_share: float

    @property
    def share(self) -> float:
        return self.customers / self.of


@house_style()
def concentration_chart(points: Rows, *, currency: str = "", width: float = 10, labels: bool = True) -> PageFigure:
    """Draw the Lorenz curve of revenue over customers, what the top customers bring, and the Gini coefficient.

    `points`, rising: customers, revenue (what that many who spend least spend together), ranked_revenue. The last
    point holds all customers. `labels` writes what the top customers bring next to the curve too, not only below.
    """
    customers = int(points[-1][s.CUSTOMERS]) if points else 0
    total = points[-1][s.REVENUE] if points else Decimal(0)
    coefficient = gini(customers, total, points[-1][RANKED_REVENUE]) if points else None
    explanation = f"{counted(customers, 'customer')}, "
    explanation += f"{compact(total, plain(currency))} of revenue without guests' sales."
    curve = [(0.0, 0.0)]
    if coefficient is not None:
        shown = f"{coefficient:.2f}".replace("-", "−")
        explanation += f" Gini coefficient {shown}: 0 if all spent the same, near 1 if one customer spent everything."
        curve += [(row[s.CUSTOMERS] / customers, float(Fraction(row[s.REVENUE]) / Fraction(total))) for row in points]
    tops = top_customers(points)
    note = "; ".join(
        f"{_who(top)} ({counted(top.customers, 'customer')}): {percent(top.revenue_share)}" for top in tops
    )
    note = f"{sentence(note)} of revenue." if note else ""
    page = new_page(concentration_title(points), explanation, note, width=width, body=5.6)
    axes = page.axes(0.75, LORENZ_FOOT, page.width - 0.75 - (LABELS if labels else 0.35), LORENZ_HEIGHT)
    across, up = [x for x, _ in curve], [y for _, y in curve]
    axes.set_xlim(0, 1)
    axes.set_ylim(min(up) * 1.05, max(1.0, *up))
    axes.plot([0, 1], [0, 1], color=QUIET, lw=1.2, ls=(0, (5, 4)), zorder=2)
    axes.text(0.44, 0.52, "if all spent the same", ha="right", va="bottom", color=QUIET)
    if coefficient is not None:
        axes.fill_between(across, up, across, color=FAINT, alpha=0.5, lw=0, zorder=1)
        axes.plot(across, up, color=ACCENT, lw=2.5, zorder=3, clip_on=False, solid_capstyle="round")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(FixedLocator([0, 0.2, 0.4, 0.6, 0.8, 1]))
        axis.set_major_formatter(FuncFormatter(lambda value, _: percent(value)))
    axes.set_xlabel("Customers, those who spend least first")
    heading(axes, "Share of revenue")
    axes.grid()
    if labels:
        _label_tops(page, axes, tops)
    return page.figure


def concentration_title(points: Rows) -> str:
    """Return how much of the revenue the top tenth of the customers bring."""
    customers = int(points[-1][s.CUSTOMERS]) if points else 0
    coefficient = gini(customers, points[-1][s.REVENUE], points[-1][RANKED_REVENUE]) if points else None
    if coefficient is None:
        return f"No revenue in total from {counted(customers, 'customer')}"
    if customers == 1:
        return "One customer brings all of the revenue"
    tops = top_customers(points)
    top = next((top for top in tops if top.share > 0.05), tops[-1])
    who = f"the top {percent(top.share)} of customers bring {percent(top.revenue_share)} of revenue"
    if top.customers == 1:
        who = f"one of {customers:,} customers brings {percent(top.revenue_share)} of revenue"
    return f"Revenue is spread evenly: {who}" if coefficient <= EVEN else sentence(who)


def gini(customers: int, revenue: Decimal, ranked_revenue: Decimal) -> float | None:
    """Return the Gini coefficient (C. Gini, 1912): 0 where all spend the same, near 1 where one customer spends it all.

    G = 2 Σ i·xᵢ / (n Σ xᵢ) − (n + 1) / n over spends x in rising order, i = 1 … n, as A. Sen writes it (On Economic
    Inequality, 1973); `ranked_revenue` is Σ i·xᵢ. None where there is no revenue to share.
    """
    if revenue <= 0:
        return None
    exact = 2 * Fraction(ranked_revenue) / (customers * Fraction(revenue)) - Fraction(customers + 1, customers)
    return float(exact)


def top_customers(points: Rows) -> list[Top]:
    """Return the top 1 %, 10 % and 20 % by spend, exact at the points of the curve; of few customers the first."""
    if not points or points[-1][s.REVENUE] <= 0:
        return []
    customers, revenue = int(points[-1][s.CUSTOMERS]), Fraction(points[-1][s.REVENUE])
    tops: list[Top] = []
    for nominal in TOP_PERCENT:
        below = next(row for row in points if 100 * row[s.CUSTOMERS] >= (100 - nominal) * customers)
        number = customers - int(below[s.CUSTOMERS])
        if number and (not tops or number > tops[-1].customers):
            tops.append(Top(number, customers, float(1 - Fraction(below[s.REVENUE]) / revenue)))
    if not tops and len(points) > 1:
        tops.append(Top(1, customers, float(1 - Fraction(points[-2][s.REVENUE]) / revenue)))
    return tops


def _label_tops(page: Page, axes: Axes, tops: list[Top]) -> None:
    """Label each top share at the right, level with its point where the labels leave room."""
    low, high = axes.get_ylim()
    levels: list[float] = []
    for top in tops:
        level = LORENZ_FOOT + LORENZ_HEIGHT * (1 - top.revenue_share - low) / (high - low)
        levels.append(min([level, *(above - LABEL_STEP for above in levels)]))
    lift = max(0.0, 0.75 - min(levels, default=1.0))  # the lowest stays on the page
    for top, level in zip(tops, levels, strict=True):
        x, y = 1 - top.share, 1 - top.revenue_share
        height = low + (high - low) * (level + lift - LORENZ_FOOT) / LORENZ_HEIGHT
        axes.plot([x, 1.0, 1.03], [y, y, height], color=INK, lw=0.8, zorder=4, clip_on=False)
        axes.plot(x, y, marker="o", ms=8, mfc=ACCENT, mec="white", mew=1.2, ls="", zorder=5)
        left = page.width - LABELS + 0.22
        page.write(left, level + lift + 0.1, f"{_who(top)}: {percent(top.revenue_share)}", weight="bold")
        number = counted(top.customers, "customer")
        if width_of(number) < LABELS - 0.25:
            page.write(left, level + lift - 0.12, number, color=QUIET)


def _who(top: Top) -> str:
    return f"top {percent(top.share)}" if top.customers > 1 else "one customer"
