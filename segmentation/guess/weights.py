"""Weigh sampled lines by their number and their money. Plain Python."""

import logging
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal

from segmentation import schemas as s
from segmentation.config.settings import DecimalMark
from segmentation.guess.numbers import read_number
from segmentation.guess.samples import Line, Sample, lines_of
from segmentation.guess.suggestions import Suggestion

logger = logging.getLogger(__name__)

CONSEQUENCES = {s.LINE_TYPE: "count as returns", s.LINE_STATUS: "count neither as sales nor as returns"}


def money_of(line: Line, columns: Mapping[str, str], decimal: DecimalMark) -> Decimal:
    """Return the money of a line, 0 where it cannot be read."""
    fields = [s.AMOUNT] if s.AMOUNT in columns else [s.QUANTITY, s.UNIT_PRICE]
    money = Decimal(1)
    for field in fields:
        money *= read_number(line.get(columns[field], ""), decimal) or 0
    return money


def warn_of_lines_taken_out(
    source: str,
    samples: Sequence[Sample],
    columns: Mapping[str, str],
    decimal: DecimalMark,
    suggestions: Sequence[Suggestion],
) -> None:
    """Warn of each suggested column that keeps lines from being sales: how many of those looked at, and their money."""
    for suggestion in suggestions:
        if not suggestion.words:
            continue
        column, words = suggestion.value, {*suggestion.words}
        read = [*columns.values(), column]
        lines = list(lines_of(samples, read))
        taken, share = _weight(lines, columns, decimal, column, words)
        field = suggestion.key.rpartition(".")[2]
        logger.warning(
            "%s: the column %r seems to say which lines are no sales: those with %s %s, %s of %s lines looked at "
            "(%.0f%%) and %.0f%% of their money. Wrong? --set %s=null",
            *(source, column, ", ".join(map(repr, suggestion.words)), CONSEQUENCES[field]),
            *(f"{taken:,}", f"{len(lines):,}", 100 * taken / max(1, len(lines)), 100 * share, suggestion.key),
        )


def _weight(
    lines: Sequence[Line], columns: Mapping[str, str], decimal: DecimalMark, column: str, words: Collection[str]
) -> tuple[int, float]:
    """Return how many lines have one of the words in a column, and their share of the money, whatever its sign."""
    money = {True: Decimal(0), False: Decimal(0)}
    taken = 0
    for line in lines:
        is_taken = line.get(column, "").strip() in words
        taken += is_taken
        money[is_taken] += abs(money_of(line, columns, decimal))
    return taken, float(money[True] / (sum(money.values()) or 1))
