"""Who moved between two runs, why, since when; and that the flow has every customer and all the money of both."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from chispa import assert_df_equality
from pyspark.sql import DataFrame, SparkSession

from segmentation import schemas as s
from segmentation.changes import (
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
    customer_id: str,
    segment: int,
    spend: str = "5",
    returned: str = "0",
    last: date = date(2011, 10, 30),
    orders: int = 1,
    units: int = 2,
    products: int | None = 1,
) -> tuple[Any, ...]:
    money = Decimal(spend), Decimal(spend) + Decimal(returned)
    bought = orders, Decimal(units), products
    moments = datetime(2010, 12, 1), datetime(last.year, last.month, last.day, 9)
    return (customer_id, segment, NAMES[segment], "New", *money, *bought, Decimal(returned), *moments)


def before(spark: SparkSession, *rows: tuple[Any, ...]) -> DataFrame:
    """Return customers of the run before, who have been in their segment since the first."""
    return spark.createDataFrame([(*row, FIRST) for row in rows], f"{FIGURES}, segment_since date")


def today(spark: SparkSession, rows: Mapping[tuple[Any, ...], int]) -> DataFrame:
    """Return customers of today, each with the segment that the model before would give."""
    return spark.createDataFrame([(*row, kept) for row, kept in rows.items()], f"{FIGURES}, kept_segment_id int")


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
    return compared(today(spark, now), then, TODAY, None)


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
    assert {move[s.SEGMENT_ID]: move["with_new_returns"] for move in moves if move["with_new_returns"]} == {0: 1}


def test_with_the_model_of_the_run_before_nobody_moves_by_a_refit(spark: SparkSession):
    now = today(spark, {customer("older", 2): 1, customer("stays", 1): 1}).drop("kept_segment_id")
    both = compared(now, before(spark, customer("older", 1), customer("stays", 1)), TODAY, None)
    assert {row[s.CUSTOMER_ID]: row[s.CAUSE] for row in both.collect()} == {"older": "ageing", "stays": None}


def test_in_a_window_only_figures_that_rise_are_of_new_lines(spark: SparkSession):
    last = date(2011, 10, 30)
    moved = {
        # An order became too old, which lowers the figures.
        customer("expired", 1, "20", "5"): (1, "ageing"),
        customer("bought", 1, "20", last=BEFORE): (1, "purchase"),
        # Lines of the day of the run before, or of an earlier one, that came late.
        customer("bought later that day", 1, "20", last=date(2011, 10, 31)): (1, "purchase"),
        customer("late order", 1, "20", orders=4): (1, "purchase"),
        customer("late units", 1, "20", units=3): (1, "purchase"),
        customer("late product", 1, "20", products=2): (1, "purchase"),
        customer("late money", 1, "70", "20"): (1, "purchase"),
        customer("gave back", 1, "20", "21"): (1, "purchase"),
        # A return that is smaller than the one that became too old.
        customer("gave back a little", 1, "20", "6"): (1, "ageing"),
        customer("refitted", 1, "50", "20"): (2, "refit"),
        customer("no products", 1, "20", products=None): (1, "ageing"),
    }
    gone = {"too old": ("ageing", date(2011, 1, 31)), "deleted": (None, date(2011, 2, 1))}
    then = before(
        spark,
        *[customer(row[0], 2, "50", "20", last, 3, products=None if row[0] == "no products" else 1) for row in moved],
        *[customer(name, 2, last=day) for name, (_, day) in gone.items()],
    )
    now = {row: kept for row, (kept, _) in moved.items()}
    both = compared(today(spark, now), then, TODAY, date(2011, 2, 1))
    expected = {row[0]: cause for row, (_, cause) in moved.items()} | {name: cause for name, (cause, _) in gone.items()}
    assert {row[s.CUSTOMER_ID]: row[s.CAUSE] for row in both.collect()} == expected


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
        run = compared(frame(night), run, days[night], None)
    found = {row[s.CUSTOMER_ID]: (row[s.SEGMENT_SINCE], row[s.CHANGED]) for row in run.collect()}
    assert found == {
        "(1, 1, 1)": (FIRST, False),
        "(1, 2, 1)": (TODAY, True),
        "(1, None, 1)": (TODAY, False),
        "(None, 1, 2)": (TODAY, True),
    }
