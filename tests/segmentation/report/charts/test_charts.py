"""The charts say what the numbers say, show names literally, let no text overlap, and are the same bytes every time."""

import itertools
import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from segmentation import schemas as s
from segmentation.report.charts import style
from segmentation.report.charts.elbow import elbow_chart, elbow_title, knee_of
from segmentation.report.charts.profiles import profiles_chart
from segmentation.report.charts.revenue import concentration_chart, pareto_chart, pareto_title
from segmentation.report.charts.segments import segments_chart, segments_title
from segmentation.report.charts.style import fit, log_ticks, plain, save, width_of, wrapped
from segmentation.report.charts.timeline import months_chart, recency_chart
from segmentation.report.marks import SEGMENT_MARKS, segment_mark
from segmentation.report.text import compact, percent

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


def sweep_of(wssse: Sequence[float], chosen: int, first: int = 1) -> list[Row]:
    return [
        {"k": k, "wssse": value, "silhouette": None if k == 1 else 1 / k, "chosen": k == chosen}
        for k, value in enumerate(wssse, first)
    ]


def profiles_of(segments: Sequence[tuple[str, int, str, float]]) -> list[Row]:
    customers, revenue = sum(s[1] for s in segments), sum(Decimal(s[2]) for s in segments)
    return [
        {
            "segment_id": segment_id,
            "segment_name": name,
            "customers": number,
            "customer_share": number / customers,
            "revenue": Decimal(money),
            "revenue_share": float(Decimal(money) / revenue),
            "mean_total_spend": float(money) / number,
            "mean_purchase_frequency": orders,
            "mean_recency_days": 200.0 / segment_id,
        }
        for segment_id, (name, number, money, orders) in enumerate(segments, 1)
    ]


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
        upto = sum(revenue[: position + 1]) / whole if whole else None
        rows.append(
            {
                "label": labels[position] if labels else f"Item {position + 1}",
                "revenue": Decimal(str(value)),
                "cumulative_revenue_share": upto,
                "abc_class": "A" if not position or (upto or 0.0) <= 0.8 else "B" if (upto or 0.0) <= 0.95 else "C",
            }
        )
    return rows


def texts_drawn(figure: Figure) -> Iterator[tuple[Text, Any]]:
    """Every text that is drawn, with the box it fills."""
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


def assert_texts_apart(figure: Figure) -> None:
    boxes = [(text.get_text(), box.padded(-0.5)) for text, box in texts_drawn(figure)]
    page = figure.bbox
    for text, box in boxes:
        inside = page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1
        assert inside, f"{text!r} leaves the page"
    for (one, a), (other, b) in itertools.combinations(boxes, 2):
        assert not a.overlaps(b), f"{one!r} and {other!r} overlap"


def words_of(figure: Figure) -> set[str]:
    return {text.get_text() for text, _ in texts_drawn(figure)}


def marks_with(axes: Axes, gid: str) -> list[Any]:
    return [artist for artist in axes.get_children() if artist.get_gid() == gid]


def points_of(spends: Iterable[str | int], at_most: int = 200) -> list[Row]:
    """The points of the Lorenz curve, each exact, as `lorenz_points` gives them."""
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
            "customers": 1 + (place + row["segment_id"]) % 7,
            "revenue": Decimal(100 * row["segment_id"] + 10 * place),
        }
        for place, start in enumerate(starts)
        for row in profiles
    ]


def bins_of(profiles: Sequence[Row], days: int = 10) -> list[Row]:
    return [
        {"days_up_to": days * number, "segment_id": row["segment_id"], "customers": 40 // number}
        for number in (1, 2, 5, 30)
        for row in profiles
    ]


MONTHS = [date(2010, 12, 1), *(date(2011, month, 1) for month in range(1, 13))]
AS_OF = date(2011, 12, 10)


def all_charts(profiles: Sequence[Row], labels: Sequence[str] | None = None) -> dict[str, Figure]:
    revenue = [float(200 - 9 * i) for i in range(len(labels) if labels else 20)]
    timed = [row | {"median_recency_days": 300.0 / row["segment_id"]} for row in profiles]
    return {
        "elbow": elbow_chart(sweep_of(CLASSIC_WSSSE, 4), "The point farthest below the chord."),
        "segments": segments_chart(customers_of(profiles), profiles, 434_000, currency="£"),
        "pareto": pareto_chart(pareto_of(revenue, labels), "label", ("product", "products"), 900, currency="£"),
        "profiles": profiles_chart(profiles, s.NUMERIC_FEATURES, currency="£"),
        "concentration": concentration_chart(points_of(range(1, 1000)), currency="£"),
        "months": months_chart(sales_of(profiles, MONTHS), profiles, AS_OF, currency="£"),
        "recency": recency_chart(bins_of(profiles), timed, AS_OF, 10),
    }


# ---- the elbow


def test_the_elbow_of_the_classic_recipe_is_four_and_its_title_gives_the_gain() -> None:
    sweep = sweep_of(CLASSIC_WSSSE, 4)
    assert knee_of(sweep) == 4
    expected = "The elbow is at k = 4: four segments explain 74 % of the variation, one more would add 8 points"
    assert elbow_title(sweep, "elbow") == expected
    assert elbow_chart(sweep, "").get_label() == expected


def test_the_knee_does_not_depend_on_the_scale_and_the_lowest_of_equals_wins() -> None:
    assert knee_of(sweep_of([value * 1e9 for value in CLASSIC_WSSSE], 4)) == 4
    assert knee_of(sweep_of([12.0, 6.0, 3.0, 0.0], 2)) == 2
    assert knee_of(sweep_of([9.0, 5.5, 1.0, 0.0], 2)) == 3
    assert knee_of(sweep_of([9.0, 5.0, 2.0, 0.0], 2)) == 2, "both lie one below the chord"
    assert knee_of(sweep_of([10.0, 9.0, 6.0, 0.0], 2)) is None, "a curve above its chord has no elbow"


@pytest.mark.parametrize(
    ("wssse", "chosen", "rule", "title"),
    [
        (CLASSIC_WSSSE, 5, "fixed", "k = 5 was set in the configuration; the elbow reads 4"),
        (CLASSIC_WSSSE, 4, "fixed", "k = 4 was set in the configuration; the elbow agrees"),
        (CLASSIC_WSSSE, 2, "silhouette", "k = 2 has the best silhouette (0.50); the elbow reads 4"),
        (CLASSIC_WSSSE, 6, "elbow", "k = 6 was chosen; the elbow reads 4"),
        ((5.0, 5.0, 5.0), 2, "fixed", "k = 2 was set in the configuration; the curve shows no elbow"),
        ((0.0,), 1, "elbow", "One segment: all customers are alike"),
        ((3.0,), 1, "elbow", "Only k = 1 was tried; k = 1 was chosen"),
        ((9.0, 3.0), 2, "elbow", "Only k = 1 and 2 were tried; k = 2 was chosen"),
        ((9.0, 3.0), 2, "fixed", "k = 2 was set in the configuration"),
        ((100.0, 40.0, 0.0, 0.0), 3, "elbow", "The elbow is at k = 3: three segments explain all of the variation"),
        ((100.0, 40.0, 1e-14, 0.0), 3, "elbow", "The elbow is at k = 3: three segments explain all of the variation"),
        (
            *((100.0, 10.0, 10.0, 10.0), 2, "elbow"),
            "The elbow is at k = 2: two segments explain 90 % of the variation, one more would add nothing",
        ),
    ],
)
def test_the_elbow_title_tells_how_k_was_chosen(wssse: Sequence[float], chosen: int, rule: str, title: str) -> None:
    figure = elbow_chart(sweep_of(wssse, chosen), "Why.", rule)
    assert figure.get_label() == title
    assert_texts_apart(figure)


@pytest.mark.parametrize("chosen", range(1, 11))
def test_exactly_the_chosen_k_is_marked_wherever_it_lies(chosen: int) -> None:
    figure = elbow_chart(sweep_of(CLASSIC_WSSSE, chosen), "Why.", "fixed")
    (mark,) = marks_with(figure.axes[0], "chosen")
    assert (list(mark.get_xdata()), list(mark.get_ydata())) == ([chosen], [CLASSIC_WSSSE[chosen - 1]])
    assert f"chosen: k = {chosen}" in words_of(figure)
    assert ("elbow: k = 4" in words_of(figure)) == (chosen != 4)
    assert_texts_apart(figure)


def test_a_sweep_need_not_start_at_one_nor_be_short() -> None:
    late = sweep_of([1000 / k for k in range(2, 41)], 40, first=2)
    figure = elbow_chart(late, "Why. " * 60, "fixed")
    assert "explain" not in elbow_title(late, "elbow"), "without k = 1 the whole variation is unknown"
    assert_texts_apart(figure)


def test_the_silhouettes_are_shown_where_they_decided() -> None:
    figure = elbow_chart(sweep_of(CLASSIC_WSSSE, 2), "The best silhouette.", "silhouette")
    assert {"0.50", "0.33", "0.10"} <= words_of(figure)
    assert_texts_apart(figure)


# ---- the segments


def test_the_segments_title_names_the_few_who_bring_much() -> None:
    profiles = profiles_of(CLASSIC)
    title = "6 customers (0.1 %) bring 13 % of revenue: High Spend, Low Frequency"
    assert segments_title(profiles) == title
    assert segments_chart(customers_of(profiles), profiles).get_label() == title


def test_a_tiny_segment_without_weight_is_no_finding() -> None:
    profiles = profiles_of([("Many", 9000, "500.00", 1), ("Some", 999, "480.00", 2), ("One", 1, "20.00", 3)])
    assert segments_title(profiles) == "999 customers (10 %) bring 48 % of revenue: Some"


def test_segments_alike_in_spend_and_a_single_segment_are_told_plainly() -> None:
    even = profiles_of([("One", 50, "500.00", 2), ("Other", 50, "510.00", 9)])
    assert segments_title(even).startswith("Revenue follows size")
    assert segments_title(profiles_of([("All", 4338, "10.00", 2)])) == "One segment holds all 4,338 customers"


def test_a_sample_is_called_a_sample_and_a_full_set_is_not() -> None:
    profiles = profiles_of(CLASSIC)
    customers = customers_of(profiles)
    said = " ".join(words_of(segments_chart(customers, profiles, 434_000)))
    assert "120 of 434,000 customers drawn" in said
    assert "drawn" not in " ".join(words_of(segments_chart(customers, profiles, len(customers))))


def test_the_map_says_that_its_revenue_is_that_of_customers() -> None:
    profiles = profiles_of(CLASSIC)
    said = " ".join(words_of(segments_chart(customers_of(profiles), profiles)))
    assert "Revenue is without guests' sales." in said


def test_skewed_axes_are_logarithmic_and_even_ones_are_not() -> None:
    profiles = profiles_of(CLASSIC)
    skewed = [
        {"total_spend": 10.0 * 2 ** (i % 12), "purchase_frequency": 1 + i % 3, "segment_id": 1} for i in range(99)
    ]
    (axes,) = segments_chart(skewed, many_profiles(1)).axes
    assert (axes.get_yscale(), axes.get_xscale()) == ("log", "linear")
    (axes,) = segments_chart(customers_of(profiles), profiles, currency="£").axes
    assert axes.get_ylabel() == "Total spend per customer (£, logarithmic scale)"
    alike = [{"total_spend": Decimal("12.50"), "purchase_frequency": 2, "segment_id": 1}] * 3
    (axes,) = segments_chart(alike, profiles_of([("All", 3, "37.50", 2)]), currency="£").axes
    assert (axes.get_yscale(), axes.get_xscale()) == ("linear", "linear")
    assert axes.get_ylabel() == "Total spend per customer (£)"


def test_every_customer_and_every_centre_is_inside_the_axes() -> None:
    profiles = profiles_of(CLASSIC)
    customers = customers_of(profiles, each=120)
    (axes,) = segments_chart(customers, profiles).axes
    points = [point for line in axes.lines for point in line.get_xydata().tolist()]
    assert len([line for line in axes.lines if line.get_label() == "average"]) == len(profiles)
    assert len(points) == len(customers) + 2 * len(profiles)
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    assert all(left < x < right and low < y < high for x, y in points)


def test_crowded_orders_are_shifted_by_less_than_half_an_order_and_the_chart_says_so() -> None:
    customers = [{"total_spend": 5.0 + i % 7, "purchase_frequency": 2, "segment_id": 1} for i in range(400)]
    figure = segments_chart(customers, profiles_of([("All", 400, "3000.00", 2)]))
    shifted = np.asarray(figure.axes[0].lines[0].get_xdata())
    assert 1.5 < min(shifted) < 1.9
    assert 2.1 < max(shifted) < 2.5
    assert any("shifted" in words for words in words_of(figure))


def test_each_segment_has_its_own_colour_and_shape() -> None:
    assert len({mark.colour for mark in SEGMENT_MARKS}) == len({mark.marker for mark in SEGMENT_MARKS}) == 12
    assert segment_mark(1) == SEGMENT_MARKS[0]
    assert segment_mark(12) == SEGMENT_MARKS[11]
    assert segment_mark(13) == SEGMENT_MARKS[0]


# ---- Pareto


@pytest.mark.parametrize(
    ("revenue", "of", "class_a", "title"),
    [
        ([84.6, 2.7, 2.7, 10.0], 4, None, "One country brings 85 % of revenue: Item 1"),
        ([70.0, 17.0, 8.0, 5.0], 4, None, "Two countries bring 87 % of revenue"),
        ([70.0, 17.0, 8.0, 5.0], 4, 2, "Two countries bring 87 % of revenue"),
        ([5.0] * 20, 20, None, "16 countries bring 80 % of revenue"),
        ([7.4] * 12 + [1.4] * 8, 20, 10, "Eleven countries bring 81 % of revenue"),
        ([40.0, 30.0, 30.0], 3, None, "Revenue is spread: none of three countries brings more than 40 %"),
        ([25.0] * 4, 4, None, "Revenue is spread: none of four countries brings more than 25 %"),
        ([10.0], 1, None, "All revenue comes from one country: Item 1"),
        ([0.0, 0.0], 2, None, "There is no revenue to share among 2 countries"),
        ([], 0, None, "No country has any revenue"),
    ],
)
def test_the_pareto_title_tells_how_few_bring_how_much(
    revenue: Sequence[float], of: int, class_a: int | None, title: str
) -> None:
    rows = pareto_of(revenue)
    assert pareto_title(rows, "label", ("country", "countries"), of, class_a) == title
    assert_texts_apart(pareto_chart(rows, "label", ("country", "countries"), of, class_a_count=class_a))


@pytest.mark.parametrize(
    ("of", "class_a", "title"),
    [
        (1000, 82, "8 products in 100 bring 80 % of revenue (82 of 1,000)"),
        (100_000, 300, "300 of 100,000 products bring 80 % of revenue"),
        (1000, None, "The 20 largest of 1,000 products bring 20 % of revenue"),
        (1000, 0, "The 20 largest of 1,000 products bring 20 % of revenue"),
    ],
)
def test_beyond_the_rows_shown_the_title_needs_the_size_of_class_a(of: int, class_a: int | None, title: str) -> None:
    rows = pareto_of([1.0] * 20, total=100.0)
    assert pareto_title(rows, "label", ("product", "products"), of, class_a) == title
    figure = pareto_chart(rows, "label", ("product", "products"), of, class_a_count=class_a)
    assert f"The 20 largest of {of:,} products; the other {of - 20:,} products bring 80 % of revenue." in words_of(
        figure
    )


def test_the_rule_of_the_classes_is_told_with_what_their_revenue_includes() -> None:
    figure = pareto_chart(pareto_of([85.0, 10.0, 5.0]), "label", ("country", "countries"), 3)
    said = " ".join(text.get_text() for text, _ in texts_drawn(figure))
    assert "Guests' sales are included. Classes by cumulative revenue: A up to 80 % and always the largest" in said
    assert {"A", "B", "C"} <= words_of(figure)


def test_bars_are_true_to_the_money_even_beside_a_giant_or_below_zero() -> None:
    revenue = [9_000_000.0, 285_000.0, 0.0, -40_000.0]
    figure = pareto_chart(pareto_of(revenue), "label", ("country", "countries"), 4, currency="£")
    bars, line = figure.axes
    assert [bar.get_width() for bar in bars.patches] == revenue  # type: ignore[attr-defined]
    assert {"£9M", "£285k", "£0", "−£40k", "80 %", "95 %"} <= words_of(figure)
    low, high = line.get_xlim()
    assert low <= 0
    assert high >= (revenue[0] + revenue[1]) / sum(revenue)
    assert_texts_apart(figure)


# ---- all of them


@pytest.mark.parametrize("k", [1, 2, 4, 12])
@pytest.mark.parametrize("name", ["Champions", LONG])
def test_no_text_overlaps_another_or_leaves_the_page(k: int, name: str) -> None:
    for figure in all_charts(many_profiles(k, name), [f"{name} {i}" for i in range(20)]).values():
        assert_texts_apart(figure)


@pytest.mark.filterwarnings("error")
def test_hostile_names_are_shown_literally_and_without_complaint(tmp_path: Path) -> None:
    profiles = [row | {"segment_name": HOSTILE[i]} for i, row in enumerate(many_profiles(len(HOSTILE)))]
    figures = all_charts(profiles, HOSTILE)
    figures["elbow"] = elbow_chart(sweep_of(CLASSIC_WSSSE, 4), HOSTILE[0])
    figures["title"] = segments_chart([], profiles_of([("Low", 90, "10.00", 1), (HOSTILE[0], 10, "90.00", 2)]))
    del figures["concentration"]  # names nobody
    for name, figure in figures.items():
        assert any(HOSTILE[0] in words for words in words_of(figure)), name
        assert not any(text.get_parse_math() for text, _ in texts_drawn(figure) if "$" in text.get_text()), name
        assert_texts_apart(figure)
        save(figure, tmp_path / "hostile.png")
    assert {"unicorn □ gift", "tab and newline", "<b>&amp;</b>"} <= words_of(figures["pareto"]) or "🦄" in "".join(
        words_of(figures["pareto"])
    )


@pytest.mark.parametrize("currency", ["$", "Kč", "USD"])
def test_currencies_of_a_few_letters_leave_texts_apart(currency: str) -> None:
    profiles = [row | {"median_recency_days": 9.0} for row in many_profiles(4, "Buyers")]
    assert_texts_apart(months_chart(sales_of(profiles, MONTHS), profiles, AS_OF, currency=currency))
    assert_texts_apart(profiles_chart(profiles, s.NUMERIC_FEATURES, currency=currency))
    assert_texts_apart(concentration_chart(points_of(range(1, 100)), currency=currency))


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    for attempt in ("first", "second"):
        for chart, figure in all_charts(profiles_of(CLASSIC)).items():
            save(figure, tmp_path / f"{chart}_{attempt}.png")
    for chart in all_charts(profiles_of(CLASSIC)):
        first = (tmp_path / f"{chart}_first.png").read_bytes()
        assert first.startswith(b"\x89PNG")
        assert b"Software" not in first
        assert first == (tmp_path / f"{chart}_second.png").read_bytes()


def test_saving_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    figure = elbow_chart(sweep_of(CLASSIC_WSSSE, 4), "Why.")
    save(figure, tmp_path / "one.png")
    save(figure, str(tmp_path / "two.png"))
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


def test_the_readers_own_matplotlib_settings_neither_change_nor_are_changed(tmp_path: Path) -> None:
    save(elbow_chart(sweep_of(CLASSIC_WSSSE, 4), "Why."), tmp_path / "plain.png")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = dict(rcParams)
        try:
            rcParams.update({"font.size": 30, "axes.facecolor": "black", "lines.linewidth": 9})
            save(elbow_chart(sweep_of(CLASSIC_WSSSE, 4), "Why."), tmp_path / "dark.png")
            assert rcParams["font.size"] == 30
        finally:
            rcParams.update(before)
    assert (tmp_path / "plain.png").read_bytes() == (tmp_path / "dark.png").read_bytes()


def test_charts_need_no_pyplot() -> None:
    program = (
        "import sys; from segmentation.report.charts.style import save; "
        "from segmentation.report.charts.elbow import elbow_chart; "
        "from segmentation.report.charts import profiles, revenue, segments, timeline; "
        "save(elbow_chart([{'k': 1, 'wssse': 0.0, 'chosen': True}], ''), sys.argv[1]); "
        "sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    root = Path(style.__file__).parents[3]
    subprocess.run([sys.executable, "-c", program, "/dev/null"], cwd=root, check=True)


def test_a_cache_that_cannot_be_written_is_not_told_and_what_stands_in_for_it_is_removed(tmp_path: Path) -> None:
    program = (
        "import os; from segmentation.report.charts import style; import matplotlib; "
        "assert os.path.dirname(matplotlib.get_cachedir()) == os.environ['TMPDIR']"
    )
    places = {"HOME": "/dev/null", "XDG_CONFIG_HOME": "/dev/null", "XDG_CACHE_HOME": "/dev/null"}
    variables = {name: value for name, value in os.environ.items() if name != "MPLCONFIGDIR"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(style.__file__).parents[3],
        env={**variables, **places, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(tmp_path.iterdir()) == []


# ---- numbers and texts


@pytest.mark.parametrize(
    ("function", "value", "text"),
    [
        (compact, 0, "0"),
        (compact, 1e-15, "0"),
        (compact, 0.052, "0.052"),
        (compact, 3.0, "3"),
        (compact, 3.04, "3.0"),
        (compact, 43.4, "43"),
        (compact, 999.7, "1.0k"),
        (compact, Decimal("1234.5600"), "1.2k"),
        (compact, 3_400_000, "3.4M"),
        (compact, -7e9, "−7bn"),
        (compact, -0.0, "0"),
        (compact, None, "–"),
        (compact, float("nan"), "–"),
        (percent, 0, "0 %"),
        (percent, 0.00001, "<0.1 %"),
        (percent, 0.0497, "5.0 %"),
        (percent, 0.05, "5 %"),
        (percent, 0.998, ">99 %"),
        (percent, 1, "100 %"),
        (percent, 1.43, "143 %"),
        (percent, -0.02, "−2 %"),
        (percent, None, "–"),
    ],
)
def test_numbers_are_written_for_people(function: Callable[[Any], str], value: Any, text: str) -> None:
    assert function(value) == text


def test_money_has_its_symbol_or_code_in_front() -> None:
    assert (compact(1200, "£"), compact(-1200, "$"), compact(1200, "CHF")) == ("£1.2k", "−$1.2k", "CHF 1.2k")


def test_round_numbers_on_axes_keep_their_figures() -> None:
    assert [compact(value, figures=4) for value in (1250, 12.5, 0.1 + 0.2, 100_000)] == ["1.25k", "12.5", "0.3", "100k"]


def test_texts_lose_only_what_cannot_be_drawn() -> None:
    assert plain("a\u202eb\x00c\ud800 \n d") == "abc d"
    assert plain(None) == "None"
    assert plain(HOSTILE[0]) == HOSTILE[0]


def test_shortened_texts_fit_and_wrapped_ones_keep_all_words() -> None:
    short = fit("W" * 200, 2.0)
    assert short.endswith("…")
    assert 1.7 < width_of(short) <= 2.0
    lines = wrapped("bring 13 % of revenue " * 9, 2.0)
    assert " ".join(lines) == ("bring 13 % of revenue " * 9).strip()
    assert all(width_of(line) <= 2.0 and not line.startswith("%") for line in lines)
    assert wrapped("", 2.0) == []
    assert width_of(fit("endless " * 100_000, 3.0)) <= 3.0


def test_logarithmic_ticks_are_round_and_few() -> None:
    assert log_ticks(0.9, 120) == [1, 2, 5, 10, 20, 50, 100]
    assert log_ticks(0.5, 2e6) == [1, 10, 100, 1e3, 1e4, 1e5, 1e6]
    assert len(log_ticks(1e-6, 1e9, at_most=4)) <= 4


def test_rows_may_be_any_mapping() -> None:
    rows: Sequence[Mapping[str, Any]] = tuple(sweep_of(CLASSIC_WSSSE, 4))
    assert elbow_title(rows, "elbow").startswith("The elbow is at k = 4")
