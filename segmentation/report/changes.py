"""What changed since the run before: who moved where, why and with how much money, and what became of the segments."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final, NamedTuple

from markupsafe import Markup

from segmentation import schemas as s
from segmentation.changes import AGEING, CAUSES, ENTERED, LEFT, MOVED, PURCHASE, REFIT, WITH_NEW_RETURNS
from segmentation.errors import counted
from segmentation.report.data import History, ReportData
from segmentation.report.marks import mark_svg
from segmentation.report.text import MISSING, Row, Rows, cut, day, listed, money, sentence

MOST_MOVEMENTS: Final = 5
MOST_PLACES: Final = 3
QUOTED: Final = "“{}”"
NO_RUN_BEFORE: Final = (
    "The lake had no run of these settings as of an earlier day: a run of a later day will say who moved."
)
WHY_LEFT: Final[Mapping[str | None, str]] = {
    AGEING: "all that they bought is older than the days that count",
    None: "the input has no purchase of theirs any more",
}


class FlowRow(NamedTuple):
    """A row of the table of movements: two segments with their marks, and the figures as texts."""

    before: tuple[Markup, str]
    after: tuple[Markup, str]
    customers: str
    net_before: str
    net_after: str
    why: str


class WhatChanged(NamedTuple):
    """The section of the page, as sentences and rows.

    `segments` has what became of segments, `movements` the largest ones, `others` who entered and left, `causes` why
    customers moved, and `flow` all movements. All of them are empty if nothing changed. `gone` are segments that have
    no customer any more.
    """

    lead: str
    segments: list[str]
    movements: list[str]
    others: list[str]
    causes: list[str]
    flow: list[FlowRow]
    gone: list[tuple[Markup, str]]


def what_changed(data: ReportData) -> WhatChanged:
    """Return what the page says of the changes since the run before."""
    history, currency = data.history, data.config.charts.currency
    if history.day_before is None:
        return WhatChanged(NO_RUN_BEFORE, [], [], [], [], [], [])
    names = SegmentNames.of(history)
    order, here = row_order(history.moves, data.profiles), {int(row[s.SEGMENT_ID]) for row in data.profiles}
    flow = _flow(history.moves, names, order, currency) if history.has_changes else []
    return WhatChanged(
        f"{_lead(history)} {model_in_words(history)}" if history.model.get("is_fitted") else _lead(history),
        [*became_of(history.model.get("events", ()), names), *_renamed(history.model)],
        largest_movements(history.moves, names, currency),
        [*_entered(history.moves, names, currency), *_left(history.moves, names, currency)],
        _causes(history),
        flow,
        [(mark_svg(segment_id), names.now(segment_id)) for segment_id in order if segment_id not in here],
    )


class SegmentNames(NamedTuple):
    """The names of segments by their ids, in the run before and in this one."""

    before: Mapping[int, str]
    after: Mapping[int, str]

    @classmethod
    def of(cls, history: History) -> "SegmentNames":
        """Return the names that the movements and the model know."""
        before = {move[s.PREVIOUS_SEGMENT_ID]: move[s.PREVIOUS_SEGMENT_NAME] for move in history.moves}
        after = {move[s.SEGMENT_ID]: move[s.SEGMENT_NAME] for move in history.moves}
        return cls(before, {**segments_of(history.model), **after})

    def then(self, segment_id: int, form: str = "{}") -> str:
        """Return the name in the run before; a former one, where another segment has it now."""
        name = self.before.get(segment_id) or self.after.get(segment_id)
        former = "the former " if _has_another(name, segment_id, self.after) else ""
        return former + form.format(cut(name or f"Segment {segment_id}"))

    def now(self, segment_id: int, form: str = "{}") -> str:
        """Return the name in this run; a new one, where another segment had it before."""
        name = self.after.get(segment_id) or self.before.get(segment_id)
        new = "the new " if _has_another(name, segment_id, self.before) else ""
        return new + form.format(cut(name or f"Segment {segment_id}"))


def _has_another(name: str | None, segment_id: int, names: Mapping[int, str]) -> bool:
    return any(name is not None and other == name and number != segment_id for number, other in names.items())


def segments_of(model: Mapping[str, Any]) -> dict[int, str]:
    """Return the names of a model's segments by id, those without customers included."""
    return {int(segment[s.SEGMENT_ID]): str(segment["name"]["name"]) for segment in model.get("segments", ())}


def row_order(moves: Rows, profiles: Rows) -> list[int]:
    """Return the ids of the segments of both runs: today's in the order of `profiles`, a gone one before its successor.

    The successor is the segment to which most of its customers went.
    """
    order = [int(row[s.SEGMENT_ID]) for row in profiles]
    went: dict[int, dict[int, int]] = {}
    for move in moves:
        old, new = move[s.PREVIOUS_SEGMENT_ID], move[s.SEGMENT_ID]
        if old is not None and old not in order:
            to = went.setdefault(old, {})
            if new is not None:
                to[new] = to.get(new, 0) + move[s.CUSTOMERS]
    for old, to in sorted(went.items()):
        place = order.index(max(sorted(to), key=lambda new: to[new])) if to else len(order)
        order.insert(place, old)
    return order


# ---- the model ----


def model_in_words(history: History) -> str:
    """Say which model segments the customers, and why; empty if that is not known."""
    model = history.model
    if not model:
        return ""
    if model["is_fitted"]:
        return f"The model was fitted in this run, because {model['why']}."
    fitted_as_of = day(date.fromisoformat(model["fitted_as_of"]))
    return f"Scored by the model that run {model['fitted_in']} fitted as of {fitted_as_of}, because {model['why']}."


def fit_in_words(history: History) -> str:
    """Say of which run the figures of the fit are; empty if they are of this one."""
    model = history.model
    if not model or model["is_fitted"]:
        return ""
    return f"As of {day(date.fromisoformat(model['fitted_as_of']))}, when run {model['fitted_in']} fitted the model."


def window_in_words(history: History, as_of: date) -> str:
    """Say which days count, if not all."""
    if history.first_day is None:
        return ""
    days = counted((as_of - history.first_day).days, "day")
    return f"Figures of the {days} from {day(history.first_day)}."


def without_customers(history: History, profiles: Rows) -> str:
    """Name the segments of the model that have no customer; empty if all have one."""
    known = {int(row[s.SEGMENT_ID]) for row in profiles}
    names = [_quoted(cut(name)) for segment_id, name in segments_of(history.model).items() if segment_id not in known]
    if not names:
        return ""
    return (
        f"Nobody is in {listed(names)}: {'that segment' if len(names) == 1 else 'those segments'} of the model "
        f"{'has' if len(names) == 1 else 'have'} no customer today."
    )


def became_of(events: Iterable[Mapping[str, Any]], names: SegmentNames) -> list[str]:
    """Say which segments a new model split, merged, found or lost."""
    sentences = []
    for event in events:
        before = listed([names.then(segment_id, QUOTED) for segment_id in event["before"]])
        after = listed([names.now(segment_id, QUOTED) for segment_id in event["after"]])
        texts = {
            "split": f"{before} was split into {after}.",
            "merged": f"{before} were merged into {after}.",
            "new": f"{after} is new.",
            "gone": f"{before} is gone.",
        }
        sentences.append(sentence(texts[event["kind"]]))
    return sentences


def _renamed(model: Mapping[str, Any]) -> list[str]:
    return [
        f"{_quoted(cut(row['to']))} was called {_quoted(cut(row['from']))} before." for row in model.get("renamed", ())
    ]


def _quoted(name: str) -> str:
    return QUOTED.format(name)


# ---- who moved ----


class Movement(NamedTuple):
    """Customers who went from one segment to another for one reason, with their net spend then and now.

    `returned` is the number of those who returned more than before.
    """

    before: int
    after: int
    cause: str
    customers: int
    net_before: Decimal
    net_after: Decimal
    returned: int


def largest_movements(moves: Rows, names: SegmentNames, currency: str) -> list[str]:
    """Return a sentence for each of the movements of most customers, and one for the others."""
    by_size = sorted(_movements(moves), key=lambda move: (-move.customers, -move.net_after, move[:3]))
    shown, others = by_size[:MOST_MOVEMENTS], by_size[MOST_MOVEMENTS:]
    sentences = [
        f"{counted(move.customers, 'customer')} moved from {names.then(move.before, QUOTED)} to "
        f"{names.now(move.after, QUOTED)} {_how(move)}: {_spent(move, currency)}."
        for move in shown
    ]
    if others:
        customers = counted(sum(move.customers for move in others), "customer")
        sentences.append(f"{counted(len(others), 'more movement')} of {customers} in all.")
    return sentences


def _movements(moves: Rows) -> list[Movement]:
    found: dict[tuple[int, int, str], Movement] = {}
    for move in moves:
        if move[s.KIND] != MOVED:
            continue
        key = (int(move[s.PREVIOUS_SEGMENT_ID]), int(move[s.SEGMENT_ID]), str(move[s.CAUSE]))
        customers, before, after, returned = found[key][3:] if key in found else (0, Decimal(0), Decimal(0), 0)
        found[key] = Movement(
            *key,
            customers + move[s.CUSTOMERS],
            before + move[s.NET_SPEND_BEFORE],
            after + move[s.NET_SPEND_AFTER],
            returned + move[WITH_NEW_RETURNS],
        )
    return [*found.values()]


def _how(move: Movement) -> str:
    if move.cause == AGEING:
        return "as time passed without a new order"
    if move.cause == REFIT:
        return CAUSES[REFIT]
    if move.returned == 0:
        has_fallen = move.net_after < move.net_before
        return "after new purchases or changes of their lines" if has_fallen else "after new purchases"
    is_by_returns = move.returned == move.customers and move.net_after < move.net_before
    return "after returns" if is_by_returns else "after new purchases or returns"


def _spent(move: Movement, currency: str) -> str:
    before, after = money(move.net_before, currency), money(move.net_after, currency)
    if before == after:
        return f"they have spent {after} net, as before"
    return f"they had spent {before} net and now {after}"


def _entered(moves: Rows, names: SegmentNames, currency: str) -> list[str]:
    entered = [move for move in moves if move[s.KIND] == ENTERED]
    if not entered:
        return []
    net = money(_sum(entered, s.NET_SPEND_AFTER), currency)
    places = _places(entered, s.SEGMENT_ID, "in", names.now)
    return [f"{counted(_sum(entered, s.CUSTOMERS), 'customer')} entered, with {net} net: {places}."]


def _left(moves: Rows, names: SegmentNames, currency: str) -> list[str]:
    """Return a sentence for each reason why customers left."""
    sentences = []
    for cause, why in WHY_LEFT.items():
        left = [move for move in moves if (move[s.KIND], move[s.CAUSE]) == (LEFT, cause)]
        if left:
            customers, net = counted(_sum(left, s.CUSTOMERS), "customer"), _sum(left, s.NET_SPEND_BEFORE)
            segments = _places(left, s.PREVIOUS_SEGMENT_ID, "from", names.then)
            sentences.append(f"{customers} left, with {money(net, currency)} net, because {why}: {segments}.")
    return sentences


def _places(moves: Rows, column: str, word: str, name: Callable[[int, str], str]) -> str:
    """Say how many customers were in each of the segments with most of them."""
    sizes: dict[int, int] = {}
    for move in moves:
        sizes[move[column]] = sizes.get(move[column], 0) + move[s.CUSTOMERS]
    by_size = sorted(sizes.items(), key=lambda item: (-item[1], item[0]))
    if len(by_size) == 1:
        [(segment_id, size)] = by_size
        return f"{'all ' if size > 1 else ''}{word} {name(segment_id, QUOTED)}"
    places = [f"{size:,} {word} {name(segment_id, QUOTED)}" for segment_id, size in by_size[:MOST_PLACES]]
    others = sum(size for _, size in by_size[MOST_PLACES:])
    return "; ".join([*places, *([f"{others:,} {word} others"] if others else [])])


def _causes(history: History) -> list[str]:
    """Explain the causes for which customers moved, each with their number."""
    nothing, ageing = "nothing was bought or returned since", "their last order is that much longer ago"
    if history.first_day is not None:
        nothing = "their orders, spend and returns did not rise since"
        ageing += ", and older orders no longer count"
    meanings = {
        PURCHASE: "they bought or returned something since",
        AGEING: f"{nothing}, but {ageing}",
        REFIT: f"{nothing}, and the model before would have put them into another segment than this one",
    }
    by_cause = {cause: _sum(_moved(history.moves, cause), s.CUSTOMERS) for cause in meanings}
    return [
        f"{by_cause[cause]:,} {CAUSES[cause]}: {meaning}." for cause, meaning in meanings.items() if by_cause[cause]
    ]


def _moved(moves: Rows, cause: str) -> Rows:
    return [move for move in moves if move[s.KIND] == MOVED and move[s.CAUSE] == cause]


def _lead(history: History) -> str:
    moves = history.moves
    moved, entered, left, stayed = (
        _sum([move for move in moves if move[s.KIND] == kind], s.CUSTOMERS) for kind in (MOVED, ENTERED, LEFT, None)
    )
    since = f"Since {day(history.day_before)} (run {history.run_before})"
    if not moved + entered + left:
        return f"{since}, nobody moved to another segment, entered or left."
    parts = [
        f"{counted(moved, 'customer')} moved to another segment",
        f"{_some(entered)} entered",
        f"{_some(left)} left",
    ]
    return f"{since}, {listed(parts)}; {stayed:,} stayed in their segment."


def _some(number: int) -> str:
    return f"{number:,}" if number else "none"


def flow_title(moves: Rows) -> str:
    """Return how many of the customers of both runs moved."""
    moved = _sum([move for move in moves if move[s.KIND] == MOVED], s.CUSTOMERS)
    both = moved + _sum([move for move in moves if move[s.KIND] is None], s.CUSTOMERS)
    if not moved:
        return "Nobody moved to another segment"
    return f"{moved:,} of {counted(both, 'customer')} moved to another segment"


def _flow(moves: Rows, names: SegmentNames, order: list[int], currency: str) -> list[FlowRow]:
    """Return the table of movements: those of most customers first, those who stayed last."""
    pairs: dict[tuple[int | None, int | None], list[Row]] = {}
    for move in moves:
        pairs.setdefault((move[s.PREVIOUS_SEGMENT_ID], move[s.SEGMENT_ID]), []).append(move)

    def place(pair: tuple[int | None, int | None]) -> tuple[Any, ...]:
        stayed = pair[0] == pair[1]
        by_size = 0 if stayed else -_sum(pairs[pair], s.CUSTOMERS)
        return stayed, by_size, *(len(order) if end is None else order.index(end) for end in pair)

    return [_flow_row(pair, pairs[pair], names, currency) for pair in sorted(pairs, key=place)]


def _flow_row(pair: tuple[int | None, int | None], moves: Rows, names: SegmentNames, currency: str) -> FlowRow:
    before, after = pair
    kind, by_cause = moves[0][s.KIND], {cause: _sum(_moved(moves, cause), s.CUSTOMERS) for cause in CAUSES}
    causes = [f"{by_cause[cause]:,} {by}" for cause, by in CAUSES.items() if by_cause[cause]]
    return FlowRow(
        (Markup(""), MISSING) if before is None else (mark_svg(before), names.then(before)),
        (Markup(""), MISSING) if after is None else (mark_svg(after), names.now(after)),
        f"{_sum(moves, s.CUSTOMERS):,}",
        MISSING if before is None else money(_sum(moves, s.NET_SPEND_BEFORE), currency),
        MISSING if after is None else money(_sum(moves, s.NET_SPEND_AFTER), currency),
        ", ".join(causes) or kind or "stayed",
    )


def _sum(rows: Rows, column: str) -> Any:
    return sum(row[column] for row in rows if row[column] is not None)
