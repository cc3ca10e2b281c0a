"""Points of the Lorenz curve in, the chart of how few customers bring how much of the revenue out."""

from decimal import Decimal
from fractions import Fraction
from typing import Final, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter

from segmentation.charts.numbers import Rows, compact, count, percent
from segmentation.charts.style import (
    ACCENT,
    FAINT,
    INK,
    QUIET,
    Page,
    heading,
    in_house_style,
    new_page,
    plain,
    width_of,
)

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


@in_house_style
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
