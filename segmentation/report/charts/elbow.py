"""The elbow chart: the sweep over k, and how k was chosen."""

import math

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from segmentation import schemas as s
from segmentation.clustering.choose_k import elbow, leaves_nothing
from segmentation.errors import counted
from segmentation.report.charts.style import ACCENT, CONTRAST, INK, QUIET, PageFigure, heading, house_style, new_page
from segmentation.report.text import Rows, compact, finite, in_words, percent, sentence


@house_style()
def elbow_chart(sweep: Rows, choice_text: str, rule: str = "elbow", *, width: float = 10) -> PageFigure:
    """Draw WSSSE over k with the elbow and the chosen k.

    Rows: k, wssse, silhouette (None at k = 1), chosen. `choice_text` is a sentence for the line under the title; `rule`
    is how k was chosen: elbow, fixed, silhouette or auto.
    """
    sweep = sorted(sweep, key=lambda row: int(row[s.K]))
    page = new_page(elbow_title(sweep, rule), sentence(choice_text), "", width=width, body=4.9)
    axes = page.axes(0.75, 0.5, page.width - 1.05, 4.1)

    ks = [int(row[s.K]) for row in sweep]
    wssse = [float(row[s.WSSSE]) for row in sweep]
    top = max(wssse) or 1.0
    axes.set_ylim(-0.09 * top, 1.1 * top)
    axes.set_xlim(ks[0] - 0.5, ks[-1] + 0.5)
    if len(ks) > 2:
        axes.plot([ks[0], ks[-1]], [wssse[0], wssse[-1]], color=QUIET, lw=1.2, ls=(0, (5, 4)), zorder=2)
    axes.plot(ks, wssse, color=INK, lw=2, marker="o", ms=6, zorder=3)
    _mark_points(axes, sweep)

    axes.set_xlabel("Number of segments, k")
    heading(axes, "Differences left inside (WSSSE)")
    axes.xaxis.set_major_locator(FixedLocator(ks if len(ks) <= 20 else ks[:: math.ceil(len(ks) / 20)]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f}"))
    axes.yaxis.set_major_locator(MaxNLocator(5) if max(wssse) > 0 else FixedLocator([0]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: "" if value < 0 else compact(value, figures=4)))
    axes.grid(axis="y")
    return page.figure


def elbow_title(sweep: Rows, rule: str) -> str:
    """Return how k was chosen, by the elbow, as fixed or by the silhouette, and what the elbow says to it."""
    ks = sorted(int(row[s.K]) for row in sweep)
    chosen = next((row for row in sweep if row[s.CHOSEN]), sweep[0])
    k, knee = int(chosen[s.K]), knee_of(sweep)
    if ks == [1] and float(chosen[s.WSSSE]) == 0:
        return "One segment: all customers are alike"
    reading = "the curve shows no elbow" if knee is None else f"the elbow reads {knee}"
    agreement = "the elbow agrees" if knee == k else reading
    if rule == "fixed":
        title = f"k = {k} was set in the configuration"
        return f"{title}; {agreement}" if len(ks) > 2 else title
    if len(ks) <= 2:
        return f"Only k = {' and '.join(map(str, ks))} {'was' if len(ks) == 1 else 'were'} tried; k = {k} was chosen"
    if rule == "silhouette":
        value = finite(chosen.get(s.SILHOUETTE))
        return f"k = {k} has the best silhouette{'' if value is None else f' ({value:.2f})'}; {agreement}"
    if knee != k or rule == "auto":
        count = sentence(counted_in_words(k))
        return f"{count} {'was' if k == 1 else 'were'} chosen; {reading}"
    beyond = f"Beyond {counted_in_words(k)}, each further one explains little more"
    return f"{beyond}{_explained(sweep, k)}"


def counted_in_words(k: int) -> str:
    """Return a number of segments in words."""
    return "one segment" if k == 1 else f"{in_words(k)} segments"


def knee_of(sweep: Rows) -> int | None:
    """Return the k of the sweep's elbow, None where it has none."""
    return elbow({int(row[s.K]): float(row[s.WSSSE]) for row in sweep})


def _explained(sweep: Rows, k: int) -> str:
    """Return how much of the variation k segments explain, and how much one more would."""
    wssse = {int(row[s.K]): float(row[s.WSSSE]) for row in sweep}
    total = wssse.get(1, 0.0)
    if total <= 0:
        return ""
    if leaves_nothing(wssse, k):
        return f": {in_words(k)} explain all of the variation"
    text = f": {in_words(k)} explain {percent(1 - wssse[k] / total)} of the variation"
    if k + 1 not in wssse:
        return text
    points = round(100 * (wssse[k] - wssse[k + 1]) / total)
    gain = counted(points, "point") if points else "less than one point"
    return f"{text}, one more would add {gain}"


def _mark_points(axes: Axes, sweep: Rows) -> None:
    """Mark the elbow with its distance to the chord, and the chosen k."""
    ks = [int(row[s.K]) for row in sweep]
    wssse = [float(row[s.WSSSE]) for row in sweep]
    chosen = next((int(row[s.K]) for row in sweep if row[s.CHOSEN]), None)
    knee = knee_of(sweep)
    far_right = chosen is not None and chosen > (ks[0] + 2 * ks[-1]) / 3  # no room for a label on the right
    if knee is not None:
        below = wssse[ks.index(knee)]
        chord = wssse[0] + (wssse[-1] - wssse[0]) * (knee - ks[0]) / (ks[-1] - ks[0])
        axes.plot([knee, knee], [below, chord], color=CONTRAST, lw=2, zorder=2)
        axes.annotate("distance to the chord", (knee, chord), (4, 5), textcoords="offset points", color=CONTRAST)
        if knee != chosen:
            axes.plot(knee, below, marker="D", ms=11, mfc="white", mec=CONTRAST, mew=2, ls="", zorder=4)
            _label_point(axes, (knee, below), f"elbow: k = {knee}", CONTRAST, above_right=far_right)
    if chosen is not None:
        height = wssse[ks.index(chosen)]
        axes.plot(chosen, height, marker="o", ms=14, mfc=ACCENT, mec="white", mew=2, ls="", zorder=5)
        above_right = not far_right or len(ks) == 1
        _label_point(axes, (chosen, height), f"chosen: k = {chosen}", ACCENT, above_right=above_right)


def _label_point(axes: Axes, point: tuple[float, float], text: str, colour: str, *, above_right: bool) -> None:
    offset, side = ((10, 12), "left") if above_right else ((-9, -13), "right")
    axes.annotate(text, point, offset, textcoords="offset points", ha=side, va="center", color=colour, weight="bold")
