"""Who moved between two runs, where to, and why: the previous segment of each customer, and the tables of changes."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from segmentation import schemas as s

MOVED, ENTERED, LEFT = "moved", "entered", "left"
PURCHASE, AGEING, REFIT = "purchase", "ageing", "refit"
# The segment that the model of the run before gives today's figures.
KEPT_SEGMENT_ID = "kept_segment_id"
HAS_NEW_LINES = "has_new_lines"
# What only lines can change; time alone cannot, unless a window moves on.
FIGURES_OF_LINES = (
    *(s.TOTAL_SPEND, s.PURCHASE_FREQUENCY, s.UNITS_BOUGHT, s.DISTINCT_PRODUCTS, s.RETURNED_AMOUNT),
    *(s.FIRST_PURCHASE_AT, s.LAST_PURCHASE_AT),
)
# Columns of the run before, next to those of today.
BEFORE = "before"


@dataclass(frozen=True)
class SegmentsBefore:
    """The customers of the run before: its `customer_segments`, and its as_of.

    `has_window` says that lines leave the figures when they are too old.
    """

    customers: DataFrame
    as_of: date
    has_window: bool


def compared(today: DataFrame, before: SegmentsBefore, returned: DataFrame, as_of: date) -> DataFrame:
    """Return one row per customer of either run: today's columns, NULL for who left, and what the run before says.

    `today` has customer features, the segment, the scores, and kept_segment_id int, the segment by the model of the run
    before, if that is another model. `returned` are the returned lines.

    Columns added: previous_segment_id, previous_segment_name, previous_rfm_segment, segment_since, changed, as
    `CUSTOMER_SEGMENTS` has them; as_of date; kind, cause string, as `SEGMENT_CHANGES`, NULL for who stayed;
    net_spend_before, net_spend_after decimal; has_new_lines boolean.
    """
    then = before.customers.select(
        F.col(s.CUSTOMER_ID),
        F.col(s.SEGMENT_ID).alias(s.PREVIOUS_SEGMENT_ID),
        F.col(s.SEGMENT_NAME).alias(s.PREVIOUS_SEGMENT_NAME),
        F.col(s.RFM_SEGMENT).alias(s.PREVIOUS_RFM_SEGMENT),
        F.col(s.SEGMENT_SINCE).alias(BEFORE),
        F.col(s.NET_SPEND).alias(s.NET_SPEND_BEFORE),
        F.struct(*FIGURES_OF_LINES).alias("figures_before"),
    )
    both = today.join(then, s.CUSTOMER_ID, "full_outer")
    if before.has_window:
        gave_back = returned.where(F.col(s.INVOICE_DATE) >= F.lit(before.as_of)).select(s.CUSTOMER_ID).distinct()
        both = both.join(gave_back.withColumn("gave_back", F.lit(True)), s.CUSTOMER_ID, "left")
        bought = F.col(s.LAST_PURCHASE_AT) >= F.lit(before.as_of).cast("timestamp_ntz")
        new_lines = F.coalesce(bought, F.lit(False)) | F.coalesce(F.col("gave_back"), F.lit(False))
    else:
        new_lines = ~F.struct(*FIGURES_OF_LINES).eqNullSafe(F.col("figures_before"))
    return _with_moves(both.withColumn(HAS_NEW_LINES, new_lines), before.has_window, as_of)


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
        }
    )


def _with_moves(both: DataFrame, has_window: bool, as_of: date) -> DataFrame:
    is_here, was_here = F.col(s.SEGMENT_ID).isNotNull(), F.col(s.PREVIOUS_SEGMENT_ID).isNotNull()
    stayed = F.col(s.SEGMENT_ID) == F.col(s.PREVIOUS_SEGMENT_ID)
    kind = F.when(~was_here, ENTERED).when(~is_here, LEFT).when(~stayed, MOVED)
    return both.withColumns(
        {
            s.SEGMENT_SINCE: F.when(is_here, F.when(stayed, F.col(BEFORE)).otherwise(F.lit(as_of))),
            s.CHANGED: is_here & was_here & ~stayed,
            s.AS_OF: F.lit(as_of),
            s.KIND: kind,
            s.CAUSE: _cause(kind, KEPT_SEGMENT_ID in both.columns, has_window),
            s.NET_SPEND_AFTER: F.col(s.NET_SPEND),
        }
    )


def _cause(kind: Column, is_refitted: bool, has_window: bool) -> Column:
    """Return why a customer moved, entered or left: purchase, ageing or refit."""
    ages = F.lit(True) if not is_refitted else F.col(KEPT_SEGMENT_ID) == F.col(s.SEGMENT_ID)
    of_moved = F.when(F.col(HAS_NEW_LINES), PURCHASE).when(ages, AGEING).otherwise(REFIT)
    of_left = F.lit(AGEING) if has_window else F.lit(None).cast("string")
    return F.when(kind == ENTERED, PURCHASE).when(kind == MOVED, of_moved).when(kind == LEFT, of_left)


def segment_changes(compared: DataFrame) -> DataFrame:
    """Return `SEGMENT_CHANGES` from `compared`: one row per customer who moved, entered or left."""
    return compared.where(F.col(s.KIND).isNotNull()).select(*s.column_names(s.SEGMENT_CHANGES))


def movements(compared: DataFrame) -> DataFrame:
    """Aggregate `compared`: one row per segment before, segment after, kind, cause and has_new_lines.

    Columns: as `SEGMENT_FLOW`, and kind, cause string; has_new_lines boolean.
    """
    keys = (s.PREVIOUS_SEGMENT_ID, s.PREVIOUS_SEGMENT_NAME, s.SEGMENT_ID, s.SEGMENT_NAME)
    return compared.groupBy(*keys, s.KIND, s.CAUSE, HAS_NEW_LINES).agg(
        F.count(F.lit(1)).alias(s.CUSTOMERS),
        F.sum(s.NET_SPEND_BEFORE).cast(s.MONEY).alias(s.NET_SPEND_BEFORE),
        F.sum(s.NET_SPEND_AFTER).cast(s.MONEY).alias(s.NET_SPEND_AFTER),
    )


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
    return {**by_kind, MOVED: {cause: number[MOVED, cause] for cause in (PURCHASE, AGEING, REFIT)}}


def refit_share(moves: Iterable[Mapping[str, Any]]) -> float:
    """Return the share, of the customers of both runs without a new line, whom a new model alone moved."""
    moves = [move for move in moves if move[s.KIND] in (None, MOVED) and not move[HAS_NEW_LINES]]
    customers = sum(move[s.CUSTOMERS] for move in moves)
    moved = sum(move[s.CUSTOMERS] for move in moves if move[s.CAUSE] == REFIT)
    return moved / customers if customers else 0.0
