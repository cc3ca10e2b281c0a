"""Rows to draw charts from, and what can be seen in a drawn figure."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.text import Text

from segmentation import schemas as s
from segmentation.report.charts.elbow import elbow_chart
from segmentation.report.charts.flow import flow_chart
from segmentation.report.charts.profiles import profiles_chart
from segmentation.report.charts.revenue import concentration_chart, pareto_chart
from segmentation.report.charts.segments import segments_chart
from segmentation.report.charts.timeline import months_chart, recency_chart

Row = dict[str, Any]

# scikit-learn's best of ten restarts on the standard-scaled spend and frequency of the Online Retail customers
CLASSIC_WSSSE = (8676.0, 4695.6, 3265.4, 2287.0, 1628.2, 1282.8, 1015.2, 848.5, 722.9, 626.7)
CLASSIC = (
    ("Low Spend, Low Frequency", 4087, "4462317.0040", 3.05),
    ("Medium Spend, Medium Frequency", 237, "2839244.7400", 20.5),
    ("High Spend, High Frequency", 8, "440795.9300", 120.5),
    ("High Spend, Low Frequency", 6, "1144851.2200", 42.8),
)
HOSTILE = (
    r"$x_1^2$ {\frac{a}{b}} $$ \alpha",
    "a_b^c {} \\ $",
    "مرحبا بالعالم",
    "שלום עולם",
    "unicorn 🦄 gift",
    "tab\tand\nnewline",
    "<b>&amp;</b>",
    "W" * 90,
)
LONG = "High Spend, Low Frequency, and a name far longer than any sensible one"
MONTHS = [date(2010, 12, 1), *(date(2011, month, 1) for month in range(1, 13))]
AS_OF = date(2011, 12, 10)


def sweep_of(wssse: Sequence[float], chosen: int, first: int = 1) -> list[Row]:
    return [
        {"k": k, "wssse": value, "silhouette": None if k == 1 else 1 / k, "chosen": k == chosen}
        for k, value in enumerate(wssse, first)
    ]


def profiles_of(segments: Sequence[tuple[str, int, str, float]]) -> list[Row]:
    """Return profiles of segments given by name, customers, revenue and mean orders."""
    customers, revenue = sum(segment[1] for segment in segments), sum(Decimal(segment[2]) for segment in segments)
    return [
        {
            "segment_id": segment_id,
            "segment_name": name,
            "customers": number,
            "customer_share": number / customers,
            "revenue": Decimal(money),
            "money": Decimal(money),
            "money_share": float(Decimal(money) / revenue),
            "mean_total_spend": float(money) / number,
            "mean_purchase_frequency": orders,
            "median_total_spend": float(money) / number,
            "median_purchase_frequency": orders,
            "mean_recency_days": 200.0 / segment_id,
            "median_recency_days": 300.0 / segment_id,
        }
        for segment_id, (name, number, money, orders) in enumerate(segments, 1)
    ]


def overall_of(profiles: Sequence[Row]) -> Row:
    """Return the means of all customers, from those of the segments."""

    def mean(name: str) -> float | None:
        known = [row for row in profiles if row.get(name) is not None]
        customers = sum(row["customers"] for row in known)
        return sum(row["customers"] * row[name] for row in known) / customers if customers else None

    return {f"mean_{feature}": mean(f"mean_{feature}") for feature in s.NUMERIC_FEATURES}


def many_profiles(k: int, name: str = LONG) -> list[Row]:
    return profiles_of([(f"{name} {i}", 1 + 5000 // i**2, str(400 * 3**i), 1.0 + i) for i in range(1, k + 1)])


def customers_of(profiles: Sequence[Row], each: int = 30) -> list[Row]:
    return [
        {
            "total_spend": Decimal(str(round(row["mean_total_spend"] * (0.5 + i / each), 2))),
            "purchase_frequency": max(1, round(row["mean_purchase_frequency"]) + i % 3 - 1),
            "segment_id": row["segment_id"],
        }
        for row in profiles
        for i in range(each)
    ]


def pareto_of(revenue: Sequence[float], labels: Sequence[str] | None = None, total: float | None = None) -> list[Row]:
    whole = total or sum(revenue)
    rows = []
    for position, value in enumerate(revenue):
        share = sum(revenue[: position + 1]) / whole if whole else None
        rows.append(
            {
                "label": labels[position] if labels else f"Item {position + 1}",
                "revenue": Decimal(str(value)),
                "cumulative_revenue_share": share,
                "abc_class": "A" if not position or (share or 0.0) <= 0.8 else "B" if (share or 0.0) <= 0.95 else "C",
            }
        )
    return rows


def points_of(spends: Iterable[str | int], at_most: int = 200) -> list[Row]:
    """Return the points of the Lorenz curve, each exact, as `lorenz_points` does."""
    least_first = sorted(map(Decimal, spends))
    rows, revenue, ranked = [], Decimal(0), Decimal(0)
    for rank, spend in enumerate(least_first, 1):
        revenue, ranked = revenue + spend, ranked + rank * spend
        if rank * at_most % len(least_first) < at_most:
            rows.append({"customers": rank, "revenue": revenue, "ranked_revenue": ranked})
    return rows


def sales_of(profiles: Sequence[Row], starts: Sequence[date]) -> list[Row]:
    return [
        {
            "period_start": start,
            "segment_id": row["segment_id"],
            "customers": 1 + (position + row["segment_id"]) % 7,
            "revenue": Decimal(100 * row["segment_id"] + 10 * position),
        }
        for position, start in enumerate(starts)
        for row in profiles
    ]


def bins_of(profiles: Sequence[Row], days: int = 10) -> list[Row]:
    return [
        {"days_up_to": days * number, "segment_id": row["segment_id"], "customers": 40 // number}
        for number in (1, 2, 5, 30)
        for row in profiles
    ]


def moves_of(profiles: Sequence[Row]) -> list[Row]:
    """Return the rows of `changes.movements` of a night: most stay, a few go to each other segment, a few enter."""
    segments = [(row["segment_id"], row["segment_name"]) for row in profiles]
    ends = [(before, after) for before in [(None, None), *segments] for after in segments]
    return [
        {
            "previous_segment_id": before[0],
            "previous_segment_name": before[1],
            "segment_id": after[0],
            "segment_name": after[1],
            "kind": "entered" if before[0] is None else None if before == after else "moved",
            "customers": 1000 if before == after else 3,
        }
        for before, after in ends
    ]


def all_charts(profiles: Sequence[Row], labels: Sequence[str] | None = None) -> dict[str, Figure]:
    """Draw one chart of each kind. `labels` are those of the products."""
    revenue = [float(200 - 9 * i) for i in range(len(labels) if labels else 20)]
    return {
        "elbow": elbow_chart(sweep_of(CLASSIC_WSSSE, 4), "The point farthest below the chord."),
        "segments": segments_chart(customers_of(profiles), profiles, 434_000, currency="£"),
        "pareto": pareto_chart(pareto_of(revenue, labels), "label", ("product", "products"), 900, currency="£"),
        "profiles": profiles_chart(profiles, overall_of(profiles), s.NUMERIC_FEATURES, currency="£"),
        "concentration": concentration_chart(points_of(range(1, 1000)), currency="£"),
        "months": months_chart(sales_of(profiles, MONTHS), profiles, AS_OF, currency="£"),
        "recency": recency_chart(bins_of(profiles), profiles, AS_OF, 10),
        "flow": flow_chart(moves_of(profiles), profiles, (date(2011, 12, 9), AS_OF)),
    }


def texts_drawn(figure: Figure) -> Iterator[tuple[Text, Any]]:
    """Yield every text that is drawn, with the box it fills."""
    figure.draw_without_rendering()
    outside = set()
    for axes in figure.axes:
        for axis, limits in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
            for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]:
                if not min(limits) <= tick.get_loc() <= max(limits):
                    outside |= {id(tick.label1), id(tick.label2)}
    for text in figure.findobj(Text):
        assert isinstance(text, Text)
        if text.get_text().strip() and text.get_visible() and id(text) not in outside:
            yield text, text.get_window_extent()


def words_of(figure: Figure) -> set[str]:
    return {text.get_text() for text, _ in texts_drawn(figure)}


def assert_texts_apart(figure: Figure) -> None:
    """Assert that no text overlaps another or leaves the page."""
    drawn = [(text.get_text(), box.padded(-0.5)) for text, box in texts_drawn(figure)]
    left, bottom, right, top = np.array([box.extents for _, box in drawn]).T
    page = figure.bbox
    outside = (left < page.x0) | (right > page.x1) | (bottom < page.y0) | (top > page.y1)
    assert [drawn[i][0] for i in np.flatnonzero(outside)] == []
    overlap_across = (left[:, None] <= right) & (left <= right[:, None])
    overlap_up = (bottom[:, None] <= top) & (bottom <= top[:, None])
    overlaps = np.argwhere(np.triu(overlap_across & overlap_up, k=1))
    assert [(drawn[i][0], drawn[j][0]) for i, j in overlaps] == []
