"""The sweep over k in, the chart that shows how k was chosen out, with a title computed from the same rows."""

import math
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from segmentation.clustering.choose_k import elbow, leaves_nothing
from segmentation.report.charts.style import (
    ACCENT,
    CONTRAST,
    FAINT,
    INK,
    QUIET,
    Page,
    heading,
    house_style,
    new_page,
)
from segmentation.report.text import Rows, compact, finite, in_words, percent, sentence

NO_POINTS: Final = 1e-7  # up to here points differ from none by rounding alone


def knee_of(sweep: Rows) -> int | None:
    """The k at which the elbow of the sweep reads, None where it has none."""
    return elbow({int(row["k"]): float(row["wssse"]) for row in sweep})


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
    if leaves_nothing(wssse, k):
        return f": {in_words(k)} segments explain all of the variation"
    text = f": {in_words(k)} segments explain {percent(share)} of the variation"
    if k + 1 in wssse:
        points = 100 * (wssse[k] - wssse[k + 1]) / total
        text += f", one more would add {_in_points(points)}"
    return text


def _in_points(points: float) -> str:
    """Percentage points of the variation."""
    if points < 1:
        return "less than one point" if points > NO_POINTS else "nothing"
    return f"{points:.0f} point{'' if round(points) == 1 else 's'}"


@house_style()
def elbow_chart(sweep: Rows, choice_text: str, rule: str = "elbow") -> Figure:
    """How k was chosen. Rows: k, wssse, silhouette (None at k = 1), chosen; `rule`: elbow, fixed or silhouette.

    `choice_text` is a sentence shown under the title. With `rule` silhouette the silhouettes are drawn below.
    """
    sweep = sorted(sweep, key=lambda row: int(row["k"]))
    scored = [row for row in sweep if finite(row.get("silhouette")) is not None] if rule == "silhouette" else []
    strip = 1.9 if scored else 0.0
    page = new_page(elbow_title(sweep, rule), sentence(choice_text), "", width=10, body=4.9 + strip)
    axes = page.axes(0.75, 0.5 + strip, page.width - 1.55, 4.1)

    ks = [int(row["k"]) for row in sweep]
    wssse = [float(row["wssse"]) for row in sweep]
    chosen = next((int(row["k"]) for row in sweep if row["chosen"]), None)
    knee = knee_of(sweep)
    late = chosen is not None and chosen > (ks[0] + 2 * ks[-1]) / 3  # no room for a label on the right
    top = max(wssse) or 1.0
    axes.set_ylim(-0.09 * top, 1.1 * top)
    axes.set_xlim(ks[0] - 0.5, ks[-1] + 0.5)
    if len(ks) > 2:
        axes.plot([ks[0], ks[-1]], [wssse[0], wssse[-1]], color=QUIET, lw=1.2, ls=(0, (5, 4)), zorder=2)
    axes.plot(ks, wssse, color=INK, lw=2, marker="o", ms=6, zorder=3)
    if knee is not None:
        below = wssse[ks.index(knee)]
        chord = wssse[0] + (wssse[-1] - wssse[0]) * (knee - ks[0]) / (ks[-1] - ks[0])
        axes.plot([knee, knee], [below, chord], color=CONTRAST, lw=2, zorder=2)
        _name_lines(axes, (ks, wssse), knee, (below, chord))
        if knee != chosen:
            axes.plot(knee, below, marker="D", ms=11, mfc="white", mec=CONTRAST, mew=2, ls="", zorder=4)
            _label_point(axes, (knee, below), f"elbow: k = {knee}", CONTRAST, above_right=late)
    if chosen is not None:
        height = wssse[ks.index(chosen)]
        axes.plot(chosen, height, marker="o", ms=14, mfc=ACCENT, mec="white", mew=2, ls="", zorder=5, gid="chosen")
        _label_point(axes, (chosen, height), f"chosen: k = {chosen}", ACCENT, above_right=not late or len(ks) == 1)

    axes.set_xlabel("Number of segments, k")
    heading(axes, "Within-segment sum of squared distances (WSSSE)")
    axes.xaxis.set_major_locator(FixedLocator(ks if len(ks) <= 20 else ks[:: math.ceil(len(ks) / 20)]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f}"))
    axes.yaxis.set_major_locator(MaxNLocator(5) if max(wssse) > 0 else FixedLocator([0]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: "" if value < 0 else compact(value, figures=4)))
    axes.grid(axis="y")
    if ks[0] == 1 and wssse[0] > 0:
        _unexplained_axis(axes, wssse[0])
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


def _name_lines(axes: Axes, curve: tuple[list[int], list[float]], knee: int, ends: tuple[float, float]) -> None:
    """The names of the chord and of the greatest distance to it, over the chord, where the picture is empty."""
    ks, wssse = curve
    below, chord = ends
    knee_at = (knee - ks[0]) / (ks[-1] - ks[0])
    over: dict[str, Any] = {"textcoords": "offset points", "ha": "left", "va": "bottom"}
    at = 0.75 if knee_at < 0.5 else 0.2
    k, height = ks[0] + at * (ks[-1] - ks[0]), wssse[0] + at * (wssse[-1] - wssse[0])
    axes.annotate("chord from first to last k" if at < 0.5 else "chord", (k, height), (6, 4), color=QUIET, **over)
    low, high = axes.get_ylim()
    if knee_at < 0.7 and chord - below > 0.1 * (high - low):
        axes.annotate("greatest distance to the chord", (knee, chord), (4, 5), color=CONTRAST, weight="bold", **over)
