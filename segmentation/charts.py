"""The job's charts, drawn from small tables that are already aggregated: plain rows in, a figure out.

Rows are mappings as collected from the published tables (money may be `Decimal`). A title states the finding and is
computed from the same rows as the picture. Nothing here knows Spark, files or configuration.
"""

import math
import random
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from segmentation.chart_style import (
    ACCENT,
    CONTRAST,
    FAINT,
    INK,
    QUIET,
    Page,
    column,
    compact,
    count,
    finite,
    fit,
    in_house_style,
    in_words,
    log_ticks,
    new_page,
    percent,
    plain,
    save,
    segment_mark,
    sentence,
    width_of,
)

__all__ = ["elbow_chart", "pareto_chart", "profiles_chart", "save", "segments_chart"]

Row = Mapping[str, Any]
Rows = Sequence[Row]

CLASS_COLOURS: Final = {"A": "#0072B2", "B": "#E69F00", "C": "#999999"}  # Okabe and Ito (2008)
ABC_LIMITS: Final = (0.80, 0.95)
SKEWED: Final = 8.0  # the largest value is so many times the median: most points would lie in one corner
LOG_RATIO: Final = 30.0  # from here on the smaller of two bars is hard to see
CROWDED: Final = 200  # points; from here on equal numbers of orders hide each other


# ---- the elbow -----------------------------------------------------------------------------------------------------


def knee_of(sweep: Rows) -> int | None:
    """The k of greatest distance to the chord from the first to the last k (Satopää et al., 2011, "Kneedle").

    The distance to a straight line is proportional to the vertical gap below it, so no scaling is needed. The lowest k
    wins a tie; without a point below the chord there is no knee.
    """
    gaps = _gaps(sweep)
    greatest = max(gaps.values(), default=0.0)
    scale = max((abs(row["wssse"]) for row in sweep), default=0.0)
    if greatest <= 1e-9 * float(scale):
        return None
    return min(k for k, gap in gaps.items() if gap >= greatest * (1 - 1e-9))


def _gaps(sweep: Rows) -> dict[int, float]:
    points = sorted((int(row["k"]), float(row["wssse"])) for row in sweep)
    (first, high), (last, low) = points[0], points[-1]
    return {k: high + (low - high) * (k - first) / (last - first) - wssse for k, wssse in points[1:-1]}


def elbow_title(sweep: Rows, rule: str) -> str:
    """What the sweep says, in one sentence; `rule` is how k was chosen: elbow, fixed or silhouette."""
    ks = sorted(int(row["k"]) for row in sweep)
    chosen = next((row for row in sweep if row["chosen"]), sweep[0])
    k, knee = int(chosen["k"]), knee_of(sweep)
    if ks == [1] and float(chosen["wssse"]) == 0:
        return "One segment: all customers are alike"
    reading = "the curve shows no elbow" if knee is None else f"the elbow reads {knee}"
    agreement = "the elbow agrees" if knee == k else reading
    if rule == "fixed":
        return f"k = {k} was set in the configuration" + (f"; {agreement}" if len(ks) > 2 else "")
    if len(ks) <= 2:
        return f"Only k = {' and '.join(map(str, ks))} {'was' if len(ks) == 1 else 'were'} tried; k = {k} was chosen"
    if rule == "silhouette":
        value = finite(chosen.get("silhouette"))
        return f"k = {k} has the best silhouette{'' if value is None else f' ({value:.2f})'}; {agreement}"
    if knee != k:
        return f"k = {k} was chosen; {reading}"
    return f"The elbow is at k = {k}{_explained(sweep, k)}"


def _explained(sweep: Rows, k: int) -> str:
    wssse = {int(row["k"]): float(row["wssse"]) for row in sweep}
    total = wssse.get(1, 0.0)
    if total <= 0:
        return ""
    share = 1 - wssse[k] / total
    if wssse[k] <= 1e-9 * total:
        return f": {in_words(k)} segments explain all of the variation"
    text = f": {in_words(k)} segments explain {percent(share)} of the variation"
    if k + 1 in wssse:
        points = 100 * (wssse[k] - wssse[k + 1]) / total
        number = "less than one point" if points < 1 else f"{points:.0f} point{'' if round(points) == 1 else 's'}"
        text += f", one more would add {number}"
    return text


@in_house_style
def elbow_chart(sweep: Rows, choice_text: str, rule: str = "elbow") -> Figure:
    """How k was chosen. Rows: k, wssse, silhouette (None at k = 1), chosen; `rule`: elbow, fixed or silhouette.

    `choice_text` is a sentence shown under the title. With `rule` silhouette the silhouettes are drawn below.
    """
    sweep = sorted(sweep, key=lambda row: int(row["k"]))
    scored = [row for row in sweep if finite(row.get("silhouette")) is not None] if rule == "silhouette" else []
    strip = 1.9 if scored else 0.0
    page = new_page(elbow_title(sweep, rule), choice_text, "", width=10, body=5.15 + strip)
    axes = page.axes(0.75, 0.5 + strip, page.width - 1.55, 4.1)

    ks = [int(row["k"]) for row in sweep]
    wssse = [float(row["wssse"]) for row in sweep]
    chosen = next((int(row["k"]) for row in sweep if row["chosen"]), None)
    knee = knee_of(sweep)
    late = chosen is not None and chosen > (ks[0] + 2 * ks[-1]) / 3  # no room for a label on the right
    top = max(wssse) or 1.0
    axes.set_ylim(-0.09 * top, 1.1 * top)
    axes.set_xlim(ks[0] - 0.5, ks[-1] + 0.5)
    keys = [Line2D([], [], color=INK, lw=2, marker="o", ms=6, label="WSSSE of each k tried")]
    if len(ks) > 2:
        axes.plot([ks[0], ks[-1]], [wssse[0], wssse[-1]], color=QUIET, lw=1.2, ls=(0, (5, 4)), zorder=2)
        keys.append(Line2D([], [], color=QUIET, lw=1.2, ls=(0, (5, 4)), label="chord from first to last k"))
    axes.plot(ks, wssse, color=INK, lw=2, marker="o", ms=6, zorder=3)
    if knee is not None:
        below = wssse[ks.index(knee)]
        axes.plot([knee, knee], [below, below + _gaps(sweep)[knee]], color=CONTRAST, lw=2, zorder=2)
        keys.append(Line2D([], [], color=CONTRAST, lw=2, label=f"greatest distance to the chord: k = {knee}"))
        if knee != chosen:
            axes.plot(knee, below, marker="D", ms=11, mfc="white", mec=CONTRAST, mew=2, ls="", zorder=4)
            _label_point(axes, (knee, below), f"elbow: k = {knee}", CONTRAST, above_right=late)
    if chosen is not None:
        height = wssse[ks.index(chosen)]
        axes.plot(chosen, height, marker="o", ms=14, mfc=ACCENT, mec="white", mew=2, ls="", zorder=5, gid="chosen")
        _label_point(axes, (chosen, height), f"chosen: k = {chosen}", ACCENT, above_right=not late or len(ks) == 1)

    axes.set_xlabel("Number of segments, k")
    _heading(axes, "Within-segment sum of squared distances (WSSSE)")
    axes.xaxis.set_major_locator(FixedLocator(ks if len(ks) <= 20 else ks[:: math.ceil(len(ks) / 20)]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f}"))
    axes.yaxis.set_major_locator(MaxNLocator(5) if max(wssse) > 0 else FixedLocator([0]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: "" if value < 0 else compact(value, figures=4)))
    axes.grid(axis="y")
    if ks[0] == 1 and wssse[0] > 0:
        _unexplained_axis(axes, wssse[0])
    page.figure.legend(
        handles=keys,
        loc="upper left",
        bbox_to_anchor=(axes.get_position().x0, _share_of_height(page, 5.2 + strip)),
        ncols=3,
        borderpad=0,
        borderaxespad=0,
        handlelength=2.2,
        columnspacing=2,
    )
    if scored:
        _silhouettes(page, axes, scored)
    return page.figure


def _unexplained_axis(axes: Axes, total: float) -> None:
    low, high = axes.get_ylim()
    right = axes.twinx()
    right.set_ylim(low / total, high / total)
    right.yaxis.set_major_locator(FixedLocator([0, 0.25, 0.5, 0.75, 1]))
    right.yaxis.set_major_formatter(FuncFormatter(lambda value, _: percent(value)))
    right.set_ylabel("Variation left unexplained", rotation=0, ha="right", va="bottom")
    right.yaxis.set_label_coords(1.0 + 0.7 / (axes.get_position().width * 10), 1.02)


def _silhouettes(page: Page, above: Axes, scored: Rows) -> None:
    axes = page.axes(0.75, 0.5, page.width - 1.55, 0.95)
    for row in scored:
        colour = ACCENT if row["chosen"] else FAINT
        value = float(row["silhouette"])
        axes.bar(int(row["k"]), max(value, 0.0), width=0.6, color=colour)
        weight = "bold" if row["chosen"] else "normal"
        axes.text(
            int(row["k"]),
            max(value, 0.0) + 0.03,
            f"{value:.2f}".replace("-", "−"),
            ha="center",
            va="bottom",
            weight=weight,
        )
    axes.set_xlim(above.get_xlim())
    axes.set_ylim(0, 1.3)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_locator(FixedLocator(list(above.get_xticks())))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f}"))
    axes.set_xlabel("Silhouette of each k (1 = clearly apart, 0 = overlapping)")


def _label_point(axes: Axes, point: tuple[float, float], text: str, colour: str, *, above_right: bool) -> None:
    offset, side = ((10, 12), "left") if above_right else ((-9, -13), "right")
    axes.annotate(text, point, offset, textcoords="offset points", ha=side, va="center", color=colour, weight="bold")


def _heading(axes: Axes, text: str) -> None:
    """The vertical axis named in reading direction, above the axis."""
    axes.set_ylabel(text, rotation=0, ha="left", va="bottom")
    axes.yaxis.set_label_coords(0.0, 1.02)


def _share_of_height(page: Page, inches: float) -> float:
    return float((page.bottom + inches) / page.figure.get_size_inches()[1])


# ---- the segments --------------------------------------------------------------------------------------------------


def _by_id(profiles: Rows) -> list[Row]:
    return sorted(profiles, key=lambda row: int(row["segment_id"]))


def _name(profile: Row, width: float) -> str:
    """A segment's name in at most `width` inches of bold text."""
    return fit(profile["segment_name"] or f"Segment {profile['segment_id']}", width, weight="bold")


def _brings_most(profiles: Rows) -> Row:
    """The segment with the most revenue for its size, among those that bring at least a twentieth of the revenue."""
    heavy = [row for row in profiles if (finite(row["revenue_share"]) or 0.0) >= 0.05] or list(profiles)
    return max(heavy, key=lambda row: (finite(row["revenue_share"]) or 0.0) / max(float(row["customer_share"]), 1e-12))


def segments_title(profiles: Rows) -> str:
    """Which segment brings more of the revenue than its size suggests."""
    everyone = sum(int(row["customers"]) for row in profiles)
    if len(profiles) == 1:
        return f"One segment holds all {count(everyone)} customers" if everyone != 1 else "One customer, one segment"
    best = _brings_most(profiles)
    number, size, brought = int(best["customers"]), float(best["customer_share"]), finite(best["revenue_share"])
    if brought is None or brought < 1.2 * size:
        return f"Revenue follows size: no segment of the {len(profiles)} brings much more than its share of customers"
    who = f"{count(number)} customer{'' if number == 1 else 's'} ({percent(size)})"
    name = _name(best, 4.5)
    return f"{who} bring{'s' if number == 1 else ''} {percent(brought)} of revenue: {name}"


@in_house_style
def segments_chart(customers: Rows, profiles: Rows, sampled_from: int | None = None, *, currency: str = "") -> Figure:
    """Customers by orders and spend, coloured and shaped by segment, above a table that is also the legend.

    `customers` is a bounded sample: total_spend, purchase_frequency, segment_id. `profiles`: segment_id (1 … by rising
    spend), segment_name, customers, customer_share, revenue_share, mean_total_spend, mean_purchase_frequency.
    `sampled_from` is how many customers there are; where it exceeds the rows, the chart says it shows a sample.
    """
    profiles, currency = _by_id(profiles), plain(currency)
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
        )
    for x, y, segment_id in centres:
        colour, marker = segment_mark(segment_id)
        axes.scatter(x, y, s=330, c="white", marker=marker, zorder=4, linewidths=0)
        axes.scatter(x, y, s=170, c=colour, marker=marker, zorder=5, linewidths=1.3, edgecolors=INK, gid="centre")
    axes.set_xlabel("Orders per customer" + " (logarithmic scale)" * (axes.get_xscale() == "log"))
    unit = ", ".join(filter(None, (currency, "logarithmic scale" * (axes.get_yscale() == "log"))))
    _heading(axes, "Total spend per customer" + (f" ({unit})" if unit else ""))
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
    best = _brings_most(profiles) if len(profiles) > 1 else None
    for index, row in enumerate(profiles):
        level = top - 0.32 - index * row_height
        colour, marker = segment_mark(int(row["segment_id"]))
        _mark(page, 0.12, level, colour, marker)
        weight = "bold" if row is best else "normal"
        page.write(0.35, level, _name(row, 4.6), weight=weight)
        texts = (count(int(row["customers"])), percent(row["customer_share"]), percent(row["revenue_share"]))
        for (_, right), text in zip(columns, texts, strict=True):
            page.write(right, level, text, ha="right", weight=weight)


def _mark(page: Page, left: float, level: float, colour: str, marker: str) -> None:
    across, up = page.figure.get_size_inches()
    x, y = (0.3 + left) / across, (page.bottom + level) / up
    page.figure.add_artist(
        Line2D([x], [y], marker=marker, ms=10, mfc=colour, mec=INK, mew=0.8, ls="", transform=page.figure.transFigure)
    )


# ---- the profiles --------------------------------------------------------------------------------------------------


class Feature(NamedTuple):
    """What a feature is called, in what it is counted (money, share or anything else), and how a title says it."""

    label: str
    unit: str
    verb: str


FEATURES: Final[Mapping[str, Feature]] = {
    "total_spend": Feature("Total spend", "money", "spending"),
    "purchase_frequency": Feature("Orders", "", "orders"),
    "recency_days": Feature("Days since last order", "", "days since the last order"),
    "tenure_days": Feature("Days since first order", "", "days since the first order"),
    "average_order_value": Feature("Value of an order", "money", "order value"),
    "average_basket_units": Feature("Units in an order", "", "units in an order"),
    "units_bought": Feature("Units bought", "", "units bought"),
    "distinct_products": Feature("Different products", "", "different products"),
    "average_days_between_orders": Feature("Days between orders", "", "days between orders"),
    "returned_amount": Feature("Returned amount", "money", "returned amount"),
    "return_rate": Feature("Returned share of spend", "share", "return rate"),
}


def _feature(name: str) -> Feature:
    spoken = plain(name).replace("_", " ")
    return FEATURES.get(name, Feature(sentence(spoken), "", spoken))


def average_of(profiles: Rows, feature: str) -> float | None:
    """The mean over all customers: the segments' means weighted by their customers, those without a value left out."""
    known = [
        (int(row["customers"]), mean) for row in profiles if (mean := finite(row.get(f"mean_{feature}"))) is not None
    ]
    customers = sum(number for number, _ in known)
    return sum(number * mean for number, mean in known) / customers if customers else None


def profiles_title(profiles: Rows, features: Sequence[str], currency: str = "") -> str:
    """How far the most extreme segment is from the average customer: in spend when that tells, else in any feature."""
    ratios = [
        (mean / average, row, feature)
        for feature in features
        if (average := average_of(profiles, feature))
        for row in profiles
        if (mean := finite(row.get(f"mean_{feature}"))) is not None and mean / average > 0
    ]
    if len(profiles) == 1 or not ratios:
        spend, orders = average_of(profiles, "total_spend"), average_of(profiles, "purchase_frequency")
        if len(profiles) != 1 or spend is None or orders is None:
            return "What the average customer of each segment looks like"
        often = f"{compact(orders)} order{'' if orders == 1 else 's'}"
        return f"The average customer spends {compact(spend, currency)} in {often}"
    spending = [item for item in ratios if item[2] == "total_spend" and item[0] >= 1.5]
    ratio, row, feature = max(spending or ratios, key=lambda item: abs(math.log(item[0])))
    if 1 / 1.2 < ratio < 1.2:
        return "The segments differ little from the average customer"
    name = _name(row, 4.5)
    if feature == "total_spend" and ratio > 1:
        return f"{name}: customers spend {compact(ratio)} times the average"
    far = f"{compact(ratio)} times" if ratio > 1 else f"{percent(1 - ratio)} below"
    return f"{name}: {_feature(feature).verb} {far} the average"


@in_house_style
def profiles_chart(profiles: Rows, features: Sequence[str], *, currency: str = "") -> Figure:
    """The segments side by side: for each feature a panel with the mean of every segment beside the overall average.

    Rows: segment_id, segment_name, customers and mean_<feature> in original units (None where nobody has a value).
    Bars start at zero; where the values span orders of magnitude dots on a logarithmic scale take their place.
    """
    profiles, currency = _by_id(profiles), plain(currency)
    across = {1: 1, 2: 2, 4: 2}.get(len(features), 3)
    row_height = 0.34 if len(profiles) <= 6 else 0.28
    panel_height = 0.62 + row_height * len(profiles) + 0.45
    down = math.ceil(len(features) / across)
    title = profiles_title(profiles, features, currency)
    explanation = "Mean per customer in each segment. Dashed line: the average of all customers."
    page = new_page(title, explanation, "", width=12, body=panel_height * down - 0.15)
    names = max(width_of(_name(row, 3.4)) for row in profiles)
    left = 0.35 + names + 0.2
    panel_width = (page.width - left) / across
    for index, feature in enumerate(features):
        line, place = divmod(index, across)
        bottom = page.height - (line + 1) * panel_height + 0.45
        if place == 0:
            for position, row in enumerate(profiles):
                level = bottom + (len(profiles) - position - 0.5) * row_height
                _mark(page, 0.12, level, *segment_mark(int(row["segment_id"])))
                page.write(0.35, level, _name(row, 3.4))
        at = _Place(left + place * panel_width, bottom, panel_width - 0.3, row_height)
        _panel(page, profiles, feature, currency, at)
    return page.figure


class _Place(NamedTuple):
    """Where a panel stands on the page, in inches."""

    left: float
    bottom: float
    width: float
    row_height: float


def _panel(page: Page, profiles: Rows, feature: str, currency: str, place: _Place) -> None:
    left, bottom, width, row_height = place
    about, average = _feature(feature), average_of(profiles, feature)
    means = column(profiles, f"mean_{feature}")
    symbol = currency if about.unit == "money" else ""
    texts = [percent(mean) if about.unit == "share" else compact(mean, symbol) for mean in means]
    figures = max(width_of(text) for text in texts) + 0.1
    height = row_height * len(profiles)
    axes = page.axes(left, bottom, width - figures, height)
    axes.set_ylim(len(profiles) - 0.5, -0.5)
    known = [value for value in [*means, average] if value is not None]
    low, high = min(known, default=0.0), max(known, default=1.0)
    logarithmic = low > 0 and high / low > LOG_RATIO
    if logarithmic:
        pad = (high / low) ** 0.08
        axes.set_xscale("log")
        axes.set_xlim(low / pad, high * pad)
        widest = max(width_of(compact(limit, symbol)) for limit in (low, high)) + 0.25
        ticks = log_ticks(low / pad, high * pad, at_most=max(1, min(4, int((width - figures) / widest))))
        axes.xaxis.set_major_locator(FixedLocator(ticks))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: compact(value, symbol, figures=4)))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.grid(axis="x")
        axes.spines["left"].set_visible(False)
    else:
        axes.set_xlim(min(low, 0.0) * 1.05, max(high, 0.0) * 1.05 or 1.0)
        axes.set_xticks([])
        axes.spines["bottom"].set_visible(False)
    axes.set_yticks([])
    for position, (row, mean, text) in enumerate(zip(profiles, means, texts, strict=True)):
        colour, marker = segment_mark(int(row["segment_id"]))
        page.write(left + width, bottom + height - (position + 0.5) * row_height, text, ha="right")
        if mean is None:
            continue
        if logarithmic and average is not None:
            axes.plot([average, mean], [position, position], color=colour, lw=2.5, zorder=3)
            axes.plot(mean, position, marker=marker, ms=9, mfc=colour, mec=INK, mew=0.7, ls="", zorder=4)
        else:
            axes.barh(position, mean, height=0.62, color=colour, zorder=3)
    if average is not None:
        axes.axvline(average, color=INK, lw=1.2, ls=(0, (4, 3)), zorder=5)
    heading = fit(about.label + (f" ({symbol})" if symbol else ""), width + 0.1, weight="bold")
    page.write(left, bottom + height + 0.38, heading, weight="bold")
    overall = percent(average) if about.unit == "share" else compact(average, symbol)
    page.write(
        left, bottom + height + 0.16, fit(f"average {overall}" + ", log scale" * logarithmic, width), color=QUIET
    )


# ---- Pareto --------------------------------------------------------------------------------------------------------


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
    if reached is not None and reached < total_count and (reached <= 10 or not class_a_count):
        return f"{sentence(in_words(reached))} {many} bring {percent(shares[reached - 1])} of revenue"
    few = class_a_count or total_count
    if few < total_count:
        hundredths = 100 * few / total_count
        brought = f"{percent(ABC_LIMITS[0])} of revenue"
        if hundredths >= 1.5:
            return f"{hundredths:.0f} {many} in 100 bring {brought} ({count(few)} of {count(total_count)})"
        return f"{count(few)} of {count(total_count)} {many} bring {brought}"
    if len(rows) >= total_count:
        return f"Revenue is spread: the largest of {in_words(total_count)} {many} brings {percent(shares[0])}"
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
    note = "Classes by cumulative revenue: A up to 80 %, B up to 95 %, C the rest."
    row_height = 0.3
    height = row_height * max(len(rows), 1)
    page = new_page(title, explanation, note, width=11, body=height + 0.65)
    labels = [fit(row[label_column] if row[label_column] is not None else "(no name)", 3.6) for row in rows]
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
