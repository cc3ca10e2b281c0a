"""Warnings about keys and copies: their limits, their figures, what to set, and no customer's id."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

import pytest
from pyspark.sql import Row

from segmentation import schemas as s
from segmentation.cleaning.cautions import (
    say_joined_customers,
    warn_of_adjustments,
    warn_of_copies,
    warn_of_copies_across_files,
    warn_of_customers,
    warn_of_keys,
    warn_of_numbers_written_twice,
    warn_of_refunds_by_price,
    warn_of_unreturned_cancellations,
)
from segmentation.cleaning.keys import KeyFacts, Keys
from segmentation.cleaning.ledger import Ledger
from segmentation.config.settings import RunConfig
from segmentation.filesystem import StoredFile
from segmentation.ingest.files import InputFile
from tests.segmentation.cleaning.lines import DEFAULTS

CONFIG = RunConfig.model_validate(
    {"input": {"columns": {name: name for name in s.LINE_FIELDS}}, "cleaning": {"date_formats": ("iso",)}}
)
FACTS = KeyFacts(1_000, 900, 0, 0, 0, {"France": 9}, {}, 1_000, 0, "", 0, 0)


def ledger(**outcomes: tuple[int, str]) -> Ledger:
    rows = [
        Row(rule=rule, rows=rows, revenue=Decimal(money), rows_without_revenue=0, last_sold_at=None)
        for rule, (rows, money) in outcomes.items()
    ]
    return Ledger(rows, [InputFile("a.csv", StoredFile("a.csv", 1, 0), "csv")])


@pytest.mark.parametrize(
    ("sold", "copies", "warned"),
    [
        ((90, "92.00"), (5, "3.00"), None),
        ((89, "94.00"), (6, "1.00"), "6 of 100 lines (6.0%) with 1.00, 1.0% of the sales"),
        ((94, "91.00"), (1, "4.00"), "1 of 100 lines (1.0%) with 4.00, 4.0% of the sales"),
    ],
)
def test_many_copies_by_lines_or_money_are_warned_of(
    sold: tuple[int, str], copies: tuple[int, str], warned: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    counts = ledger(clean=sold, guest=(5, "5.00"), duplicate=copies)
    warn_of_copies(counts, DEFAULTS)
    assert [record.message.startswith(warned or "") for record in caplog.records] == ([True] if warned else [])
    assert "cleaning.switched_off=[duplicate]" in caplog.text or not warned
    caplog.clear()
    warn_of_copies(counts, DEFAULTS.model_copy(update={"switched_off": ("duplicate",)}))
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("changed", "keys", "warned"),
    [
        ({}, {}, None),
        ({"shared": 2}, {}, None),
        ({"shared": 9}, {}, None),
        (
            {"shared": 10, "example": "17", "of_example": 4},
            {},
            "10 of 1,000 invoice numbers looked at (1.0%) are of several customers on several days, '17' of 4",
        ),
        ({"partly_named": 9, "unnamed_lines": 9}, {}, None),
        (
            {"partly_named": 10, "unnamed_lines": 2_000, "unnamed_revenue": Decimal("2500.50")},
            {},
            "10 of 1,000 invoices looked at (1.0%) name their customer in some lines only: the others, 2,000 lines "
            "with 2,500.50, count as sales to guests",
        ),
        ({"mixed": 2}, {}, "2 orders: the customer id mixes letters of two alphabets"),
        ({"apart": 1}, {}, "1 order: the customer id has letters and marks apart"),
        ({"countries": {"Sp\u0430in": 1}}, {}, "letters of two alphabets that look alike are mixed in the name of 1 c"),
        ({"numbers": {"0": 300}}, {"nobody": ["0"]}, "the customer id 0 has 300 of 1,000 orders"),
    ],
)
def test_what_may_be_wrong_with_keys_is_warned_of(
    changed: Mapping[str, object], keys: Mapping[str, object], warned: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    warn_of_keys(replace(FACTS, **changed), Keys(DEFAULTS, **keys), CONFIG)  # type: ignore[arg-type]
    assert [record.message.startswith(warned or "") for record in caplog.records] == ([True] if warned else [])


def test_numbers_that_restart_need_no_warning_where_a_day_and_customer_belong_to_the_key(
    caplog: pytest.LogCaptureFixture,
) -> None:
    cleaning = CONFIG.cleaning.model_copy(update={"order_key": "invoice_day_customer"})
    warn_of_keys(replace(FACTS, shared=500), Keys(DEFAULTS), CONFIG.model_copy(update={"cleaning": cleaning}))
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("orders", "customers", "of_customers", "warned"),
    [
        ((51, 5), 300, 900, "one customer id has 51 of 1,000 orders (5.1%) and 25.5% of the money, 10 times"),
        ((50, 5), 300, 900, None),
        ((59, 6), 300, 900, None),
        ((2, 1), 893, 900, "nearly every customer has one order: 900 orders by 893 customers. If the column"),
        ((2, 1), 870, 900, None),
        ((1, 1), 19, 19, None),
    ],
)
def test_customers_who_cannot_be_people_are_warned_of(
    orders: tuple[int, int], customers: int, of_customers: int, warned: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    largest = [Row(purchase_frequency=count, total_spend=Decimal(count)) for count in orders]
    counts = ledger(clean=(900, "150.00"), guest=(100, "50.00"))
    warn_of_customers(largest, customers, replace(FACTS, of_customers=of_customers), counts, CONFIG)
    assert [record.message.startswith(warned or "") for record in caplog.records] == ([True] if warned else [])


@pytest.mark.parametrize(
    ("taken", "warned"),
    [
        ("-0.50", []),
        (
            "-0.51",
            ["lines with a price below 0 take back 0.51, 0.5% of the sales, and count nowhere: they are among 3"],
        ),
    ],
)
def test_money_taken_back_by_prices_below_0_is_warned_of(
    taken: str, warned: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    warn_of_refunds_by_price(ledger(clean=(90, "95.00"), guest=(5, "5.00"), non_positive_price=(3, taken)))
    assert [message.partition(" lines with a price")[0] for message in caplog.messages] == warned


@pytest.mark.parametrize(("positive", "warned"), [("0.10", []), ("0.11", ["2 lines of invoices that begin with C"])])
def test_cancellations_with_positive_money_are_warned_of(
    positive: str, warned: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    sold, cancelled = ledger(clean=(90, "100.00"), cancellation=(7, "-9.00")).rows
    cancelled = Row(**cancelled.asDict(), positive_rows=2, positive_revenue=Decimal(positive))
    warn_of_unreturned_cancellations(Ledger([sold, cancelled], []), DEFAULTS)
    assert [message.partition(" have money above 0")[0] for message in caplog.messages] == warned


@pytest.mark.parametrize(("column", "positive", "warned"), [(None, "9", 0), (None, "9.51", 1), ("Status", "9.51", 0)])
def test_much_money_on_adjustments_is_warned_of_unless_a_status_says_so(
    column: str | None, positive: str, warned: int, caplog: pytest.LogCaptureFixture
) -> None:
    sold, adjusted = ledger(clean=(90, "100.00"), adjustment=(7, "1.00")).rows
    adjusted = Row(**adjusted.asDict(), positive_revenue=Decimal(positive), total_revenue=Decimal(9))
    cleaning = CONFIG.cleaning.model_copy(update={"currency": "EUR"})
    columns = CONFIG.input.columns.model_copy(update={"line_status": column})
    reading = CONFIG.input.model_copy(update={"columns": columns})
    warn_of_adjustments(
        Ledger([sold, adjusted], []), CONFIG.model_copy(update={"cleaning": cleaning, "input": reading})
    )
    assert ["lines with 0.51, 0.5% of the sales" in text for text in caplog.messages] == [True] * warned
    assert "or their currency is not EUR" in caplog.text or not warned


@pytest.mark.parametrize(("copies", "of_copies", "warned"), [(5, "3.00", 0), (6, "1.00", 1), (1, "3.01", 1)])
def test_files_with_sales_in_common_are_warned_of(
    copies: int, of_copies: str, warned: int, caplog: pytest.LogCaptureFixture
) -> None:
    found = Row(lines=100, copies=copies, revenue=Decimal(100), of_copies=Decimal(of_copies))
    warn_of_copies_across_files(found)
    assert len(caplog.messages) == warned
    warn_of_copies_across_files(Row(lines=0, copies=None, revenue=None, of_copies=None))
    assert len(caplog.messages) == warned


def test_numbers_written_in_two_ways_are_warned_of_without_naming_one(caplog: pytest.LogCaptureFixture) -> None:
    warn_of_numbers_written_twice(0)
    assert caplog.text == ""
    warn_of_numbers_written_twice(2)
    assert caplog.messages[0].startswith("2 customer numbers are written in several ways, with and without zeros")


def test_joined_spellings_are_said(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    say_joined_customers(Row(customers=0, spellings=None))
    assert caplog.text == ""
    say_joined_customers(Row(customers=2, spellings=5))
    warn_of_keys(FACTS, Keys(DEFAULTS, countries={"FRANCE": "France"}), CONFIG)
    assert [record.message.partition(",")[0] for record in caplog.records] == [
        "2 customers were written in 5 ways",
        "1 spelling of countries counted as another: 'FRANCE' as 'France' (cleaning.normalise_text)",
    ]
