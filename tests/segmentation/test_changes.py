"""Who moved between two runs, why, since when; and that the flow has every customer and all the money of both."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from chispa import assert_df_equality
from pyspark.sql import DataFrame, SparkSession

from segmentation import schemas as s
from segmentation.changes import (
    SegmentsBefore,
    compared,
    counts,
    first_seen,
    movements,
    refit_share,
    segment_changes,
    segment_flow,
)

FIRST, BEFORE, TODAY = date(2011, 10, 1), date(2011, 11, 1), date(2011, 12, 1)
NAMES = {0: "Returned Everything", 1: "Low", 2: "High"}
FIGURES = (
    "customer_id string, segment_id int, segment_name string, rfm_segment string, net_spend decimal(20,4), total_spend "
    "decimal(20,4), purchase_frequency bigint, units_bought decimal(20,4), distinct_products bigint, returned_amount "
    "decimal(20,4), first_purchase_at timestamp_ntz, last_purchase_at timestamp_ntz"
)
MOVES = "customer_id string, kind string, cause string, segment_since date, changed boolean, has_new_lines boolean"
FLOW = "net_spend_before decimal(20,4), net_spend_after decimal(20,4)"


def customer(
    customer_id: str, segment: int, spend: str = "5", returned: str = "0", last: date = date(2011, 10, 30)
) -> tuple[Any, ...]:
    money = Decimal(spend), Decimal(spend) + Decimal(returned)
    moments = datetime(2010, 12, 1), datetime(last.year, last.month, last.day, 9)
    return (customer_id, segment, NAMES[segment], "New", *money, 1, Decimal(2), 1, Decimal(returned), *moments)


def before(spark: SparkSession, *rows: tuple[Any, ...], window: bool = False) -> SegmentsBefore:
    """Return customers of the run before, who have been in their segment since the first."""
    frame = spark.createDataFrame([(*row, FIRST) for row in rows], f"{FIGURES}, segment_since date")
    return SegmentsBefore(frame, BEFORE, window)


def today(spark: SparkSession, rows: Mapping[tuple[Any, ...], int]) -> DataFrame:
    """Return customers of today, each with the segment that the model before would give."""
    return spark.createDataFrame([(*row, kept) for row, kept in rows.items()], f"{FIGURES}, kept_segment_id int")


def returned(spark: SparkSession, lines: Iterable[tuple[str, datetime]] = ()) -> DataFrame:
    return spark.createDataFrame([*lines], "customer_id string, invoice_date timestamp_ntz")


def of_a_refit(spark: SparkSession) -> DataFrame:
    """Return a comparison with a customer for every kind and cause."""
    then = before(
        spark,
        *[customer(name, 1) for name in ("stays", "buys", "grows old", "refitted")],
        *[customer(name, 2, "70.5") for name in ("gives back", "stays too")],
        customer("leaves", 2, "8.25"),
    )
    now = {
        customer("stays", 1): 1,
        customer("buys", 2, "60", last=date(2011, 11, 20)): 2,
        customer("grows old", 2): 2,
        customer("refitted", 2): 1,
        customer("gives back", 0, "0", "70.5"): 0,
        customer("stays too", 2, "99", last=date(2011, 11, 30)): 2,
        customer("comes", 1, "1.5", last=date(2011, 11, 2)): 1,
    }
    return compared(today(spark, now), then, returned(spark), TODAY)


def test_who_moved_entered_and_left_is_known_with_the_cause(spark: SparkSession):
    both = of_a_refit(spark)
    rows = [
        ("buys", "moved", "purchase", TODAY, True, True),
        ("comes", "entered", "purchase", TODAY, False, True),
        ("gives back", "moved", "purchase", TODAY, True, True),
        ("grows old", "moved", "ageing", TODAY, True, False),
        ("leaves", "left", None, None, False, True),
        ("refitted", "moved", "refit", TODAY, True, False),
        ("stays", None, None, FIRST, False, False),
        ("stays too", None, None, FIRST, False, True),
    ]
    expected = spark.createDataFrame(rows, MOVES)
    actual = both.select(*expected.columns)
    assert_df_equality(actual, expected, ignore_nullable=True, ignore_row_order=True)

    changes = [tuple(row) for row in segment_changes(both).orderBy(s.CUSTOMER_ID).collect()]
    assert changes[1] == ("comes", "entered", "purchase", None, None, 1, "Low", None, Decimal("1.5000"))
    assert changes[4] == ("leaves", "left", None, 2, "High", None, None, Decimal("8.2500"), None)
    assert [row[0] for row in changes] == ["buys", "comes", "gives back", "grows old", "leaves", "refitted"]


def test_the_flow_has_every_customer_and_all_the_money_of_both_runs(spark: SparkSession):
    moves = [row.asDict() for row in movements(of_a_refit(spark)).collect()]
    flow = [tuple(row.values()) for row in segment_flow(moves)]
    money = Decimal
    assert flow == [
        (1, "Low", 1, "Low", 1, money(5), money(5)),
        (1, "Low", 2, "High", 3, money(15), money(70)),
        (2, "High", 0, "Returned Everything", 1, money("70.5"), money(0)),
        (2, "High", 2, "High", 1, money("70.5"), money(99)),
        (2, "High", None, None, 1, money("8.25"), None),
        (None, None, 1, "Low", 1, None, money("1.5")),
    ]
    assert counts(moves) == {"entered": 1, "left": 1, "moved": {"purchase": 2, "ageing": 1, "refit": 1}}
    # Of three customers of both runs without a new line, the model moved one.
    assert refit_share(moves) == 1 / 3
    assert refit_share([]) == 0.0


def test_with_the_model_of_the_run_before_nobody_moves_by_a_refit(spark: SparkSession):
    now = today(spark, {customer("older", 2): 1, customer("stays", 1): 1}).drop("kept_segment_id")
    both = compared(now, before(spark, customer("older", 1), customer("stays", 1)), returned(spark), TODAY)
    assert {row[s.CUSTOMER_ID]: row[s.CAUSE] for row in both.collect()} == {"older": "ageing", "stays": None}


def test_in_a_window_only_lines_since_the_run_before_are_new(spark: SparkSession):
    ids = ("expired", "bought", "gave back", "gave back before", "refitted", "gone")
    then = before(spark, *[customer(name, 2, "50") for name in ids], window=True)
    now = {
        customer("expired", 1, "20"): 1,  # an order became too old, which changes the figures
        customer("bought", 1, "20", last=BEFORE): 1,
        customer("gave back", 1, "20"): 1,
        customer("gave back before", 1, "20"): 1,
        customer("refitted", 1, "50"): 2,
    }
    lines = [("gave back", datetime(2011, 11, 1)), ("gave back before", datetime(2011, 10, 31, 23))]
    both = compared(today(spark, now), then, returned(spark, lines), TODAY)
    assert {row[s.CUSTOMER_ID]: row[s.CAUSE] for row in both.collect()} == {
        "expired": "ageing",
        "bought": "purchase",
        "gave back": "purchase",
        "gave back before": "ageing",
        "refitted": "refit",
        "gone": "ageing",
    }


def test_the_stay_in_a_segment_begins_anew_for_who_returns(spark: SparkSession):
    nights = [(1, 1, 1), (1, 2, 1), (1, None, 1), (None, 1, 2)]
    days = (FIRST, BEFORE, TODAY)

    def frame(night: int) -> DataFrame:
        rows = {customer(str(path), path[night]): 0 for path in nights if path[night] is not None}
        return today(spark, rows).drop("kept_segment_id")

    run = first_seen(frame(0), days[0])
    assert {row[s.SEGMENT_SINCE] for row in run.collect()} == {FIRST}
    for night in (1, 2):
        run = run.where("segment_id is not null").drop(s.PREVIOUS_SEGMENT_ID, s.PREVIOUS_SEGMENT_NAME)
        run = compared(frame(night), SegmentsBefore(run, days[night - 1], False), returned(spark), days[night])
    found = {row[s.CUSTOMER_ID]: (row[s.SEGMENT_SINCE], row[s.CHANGED]) for row in run.collect()}
    assert found == {
        "(1, 1, 1)": (FIRST, False),
        "(1, 2, 1)": (TODAY, True),
        "(1, None, 1)": (TODAY, False),
        "(None, 1, 2)": (TODAY, True),
    }
