"""Who moved between two runs, where to, and why: the previous segment of each customer, and the tables of changes.

Whether a customer has new lines is seen in the figures of both runs. In a window, a line that is smaller than what left
the window meanwhile raises no figure and is not seen: a return, or a late purchase before the last one.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from functools import reduce
from operator import or_
from typing import Any, Final

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from segmentation import schemas as s

MOVED, ENTERED, LEFT = "moved", "entered", "left"
PURCHASE, AGEING, REFIT = "purchase", "ageing", "refit"
# How texts name each cause.
CAUSES: Final[Mapping[str, str]] = {
    PURCHASE: "by purchases or returns",
    AGEING: "by ageing",
    REFIT: "by another model",
}
# The segment that the model of the run before gives today's figures.
KEPT_SEGMENT_ID = "kept_segment_id"
HAS_NEW_LINES, HAS_NEW_RETURNS = "has_new_lines", "has_new_returns"
# The number of customers who returned more than before.
WITH_NEW_RETURNS = "with_new_returns"
# Time alone can only lower these, and only in a window.
RISING_FIGURES = (
    *(s.TOTAL_SPEND, s.PURCHASE_FREQUENCY, s.UNITS_BOUGHT, s.DISTINCT_PRODUCTS, s.RETURNED_AMOUNT),
    s.LAST_PURCHASE_AT,
)
# What only lines can change where all days count.
FIGURES_OF_LINES = (*RISING_FIGURES, s.FIRST_PURCHASE_AT)
# Columns of the run before, next to those of today.
BEFORE, FIGURES_BEFORE = "before", "figures_before"


def compared(today: DataFrame, before: DataFrame, as_of: date, first_day: date | None) -> DataFrame:
    """Return one row per customer of either run: today's columns, NULL for who left, and what the run before says.

    `today` has customer features, the segment, the scores, and kept_segment_id int, the segment by the model of the run
    before, if that is another model. `before` is `customer_segments` of the run before. `first_day` is that of today's
    window, None if all days count.

    Columns added: previous_segment_id, previous_segment_name, previous_rfm_segment, segment_since, changed, as
    `CUSTOMER_SEGMENTS` has them; as_of date; kind, cause string, as `SEGMENT_CHANGES`, NULL for who stayed;
    net_spend_before, net_spend_after decimal; has_new_lines boolean; has_new_returns boolean, NULL for who entered or
    left.
    """
    then = before.select(
        F.col(s.CUSTOMER_ID),
        F.col(s.SEGMENT_ID).alias(s.PREVIOUS_SEGMENT_ID),
        F.col(s.SEGMENT_NAME).alias(s.PREVIOUS_SEGMENT_NAME),
        F.col(s.RFM_SEGMENT).alias(s.PREVIOUS_RFM_SEGMENT),
        F.col(s.SEGMENT_SINCE).alias(BEFORE),
        F.col(s.NET_SPEND).alias(s.NET_SPEND_BEFORE),
        F.struct(*FIGURES_OF_LINES).alias(FIGURES_BEFORE),
    )
    both = today.join(then, s.CUSTOMER_ID, "full_outer")
    if first_day is None:
        has_new_lines = ~F.struct(*FIGURES_OF_LINES).eqNullSafe(F.col(FIGURES_BEFORE))
    else:
        has_new_lines = F.coalesce(reduce(or_, map(_has_risen, RISING_FIGURES)), F.lit(False))
    new = {HAS_NEW_LINES: has_new_lines, HAS_NEW_RETURNS: _has_risen(s.RETURNED_AMOUNT)}
    return _with_moves(both.withColumns(new), first_day, as_of)


def _has_risen(figure: str) -> Column:
    return F.col(figure) > F.col(f"{FIGURES_BEFORE}.{figure}")


def first_seen(today: DataFrame, as_of: date) -> DataFrame:
    """Return the customers of a run without a run before, with the same columns as `compared`."""
    no_text, no_money = F.lit(None).cast("string"), F.lit(None).cast(s.MONEY)
    return today.withColumns(
        {
            s.PREVIOUS_SEGMENT_ID: F.lit(None).cast("int"),
            **dict.fromkeys((s.PREVIOUS_SEGMENT_NAME, s.PREVIOUS_RFM_SEGMENT, s.KIND, s.CAUSE), no_text),
            s.SEGMENT_SINCE: F.lit(as_of),
            s.CHANGED: F.lit(False),
            s.AS_OF: F.lit(as_of),
            s.NET_SPEND_BEFORE: no_money,
            s.NET_SPEND_AFTER: F.col(s.NET_SPEND),
            HAS_NEW_LINES: F.lit(True),
            HAS_NEW_RETURNS: F.lit(None).cast("boolean"),
        }
    )


def _with_moves(both: DataFrame, first_day: date | None, as_of: date) -> DataFrame:
    is_here, was_here = F.col(s.SEGMENT_ID).isNotNull(), F.col(s.PREVIOUS_SEGMENT_ID).isNotNull()
    stayed = F.col(s.SEGMENT_ID) == F.col(s.PREVIOUS_SEGMENT_ID)
    kind = F.when(~was_here, ENTERED).when(~is_here, LEFT).when(~stayed, MOVED)
    return both.withColumns(
        {
            s.SEGMENT_SINCE: F.when(is_here, F.when(stayed, F.col(BEFORE)).otherwise(F.lit(as_of))),
            s.CHANGED: is_here & was_here & ~stayed,
            s.AS_OF: F.lit(as_of),
            s.KIND: kind,
            s.CAUSE: _cause(kind, KEPT_SEGMENT_ID in both.columns, first_day),
            s.NET_SPEND_AFTER: F.col(s.NET_SPEND),
        }
    )


def _cause(kind: Column, is_refitted: bool, first_day: date | None) -> Column:
    """Return why a customer moved, entered or left: purchase, ageing or refit, NULL if that is not known."""
    ages = F.lit(True) if not is_refitted else F.col(KEPT_SEGMENT_ID) == F.col(s.SEGMENT_ID)
    of_moved = F.when(F.col(HAS_NEW_LINES), PURCHASE).when(ages, AGEING).otherwise(REFIT)
    # Without a window nobody is too old: the comparison with NULL is not true.
    is_too_old = F.col(f"{FIGURES_BEFORE}.{s.LAST_PURCHASE_AT}") < F.lit(first_day).cast("timestamp_ntz")
    of_left = F.when(is_too_old, AGEING)
    return F.when(kind == ENTERED, PURCHASE).when(kind == MOVED, of_moved).when(kind == LEFT, of_left)


def segment_changes(compared: DataFrame) -> DataFrame:
    """Return `SEGMENT_CHANGES` from `compared`: one row per customer who moved, entered or left."""
    return compared.where(F.col(s.KIND).isNotNull()).select(*s.column_names(s.SEGMENT_CHANGES))


def movements(compared: DataFrame) -> DataFrame:
    """Aggregate `compared`: one row per segment before, segment after, kind, cause and has_new_lines.

    Columns: as `SEGMENT_FLOW`, and kind, cause string; has_new_lines boolean; with_new_returns bigint.
    """
    keys = (s.PREVIOUS_SEGMENT_ID, s.PREVIOUS_SEGMENT_NAME, s.SEGMENT_ID, s.SEGMENT_NAME)
    return compared.groupBy(*keys, s.KIND, s.CAUSE, HAS_NEW_LINES).agg(
        F.count(F.lit(1)).alias(s.CUSTOMERS),
        F.sum(s.NET_SPEND_BEFORE).cast(s.MONEY).alias(s.NET_SPEND_BEFORE),
        F.sum(s.NET_SPEND_AFTER).cast(s.MONEY).alias(s.NET_SPEND_AFTER),
        F.count_if(HAS_NEW_RETURNS).alias(WITH_NEW_RETURNS),
    )


def collected_movements(compared: DataFrame) -> list[dict[str, Any]]:
    """Return the rows of `movements`. Runs an action of a few rows per pair of segments."""
    return [row.asDict() for row in movements(compared).collect()]


def segment_flow(moves: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows of `SEGMENT_FLOW` from those of `movements`, by both segments."""
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    for move in moves:
        key = (move[s.PREVIOUS_SEGMENT_ID], move[s.SEGMENT_ID])
        row = rows.setdefault(key, dict.fromkeys(s.SEGMENT_FLOW.names) | {s.CUSTOMERS: 0})
        for name in (s.PREVIOUS_SEGMENT_ID, s.PREVIOUS_SEGMENT_NAME, s.SEGMENT_ID, s.SEGMENT_NAME):
            row[name] = move[name]
        row[s.CUSTOMERS] += move[s.CUSTOMERS]
        for name in (s.NET_SPEND_BEFORE, s.NET_SPEND_AFTER):
            if move[name] is not None:
                row[name] = (row[name] or 0) + move[name]
    return [rows[key] for key in sorted(rows, key=lambda key: tuple((value is None, value or 0) for value in key))]


def counts(moves: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return how many customers entered, left, and moved by each cause, from the rows of `movements`."""
    number: Counter[tuple[str, str | None]] = Counter()
    for move in moves:
        number[move[s.KIND], move[s.CAUSE]] += move[s.CUSTOMERS]
    by_kind = {kind: sum(n for (of_kind, _), n in number.items() if of_kind == kind) for kind in (ENTERED, LEFT)}
    return {**by_kind, MOVED: {cause: number[MOVED, cause] for cause in CAUSES}}


def refit_share(moves: Iterable[Mapping[str, Any]]) -> float:
    """Return the share, of the customers of both runs without a new line, whom another model alone moved."""
    moves = [move for move in moves if move[s.KIND] in (None, MOVED) and not move[HAS_NEW_LINES]]
    customers = sum(move[s.CUSTOMERS] for move in moves)
    moved = sum(move[s.CUSTOMERS] for move in moves if move[s.CAUSE] == REFIT)
    return moved / customers if customers else 0.0
