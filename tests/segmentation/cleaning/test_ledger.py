"""The ledger: counts and money by outcome, the default day, and warnings that name the remedy."""

import logging
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from chispa import assert_df_equality
from pyspark.sql import Row, SparkSession

from segmentation import schemas as s
from segmentation.cleaning.ledger import (
    OUTCOMES,
    Ledger,
    day_after_last_sale,
    require_clean_lines,
    unreadable_values,
    warn_of_malformed,
    warn_of_tiny_amounts,
    warn_of_totals,
)
from segmentation.cleaning.rules import judge_each_line
from segmentation.errors import InputError
from segmentation.filesystem import StoredFile
from segmentation.ingest.files import InputFile
from tests.segmentation.cleaning.lines import DEFAULTS, RawLine, counts, judged, line, parsed

FILES = [InputFile(path, StoredFile(path, 1, 0), "csv") for path in ("a.csv", "b.csv")]


def ledger_of(malformed: int = 0, clean: int = 0) -> Ledger:
    """As `line_counts` counts them: a row per outcome that occurs."""
    rows = [(s.CLEAN, clean), (s.MALFORMED, malformed)]
    nothing = Decimal("0.0000")
    counted = [
        Row(
            rule=rule,
            rows=count,
            revenue=nothing,
            rows_without_revenue=0,
            last_sold_at=None,
        )
        for rule, count in rows
        if count
    ]
    return Ledger(counted, FILES)


def counted(spark: SparkSession, lines: list[RawLine], **changed: Any) -> Ledger:
    return Ledger(counts(judged(spark, lines, as_of=None, **changed), **changed).collect(), FILES)


def test_lines_are_counted_by_first_reason_with_their_money(spark: SparkSession) -> None:
    lines = [
        line(),
        line(),
        line(customer_id=None, quantity="2"),
        line(invoice_no="C1", quantity="-2"),
        line(quantity="x"),
        line(invoice_no="A1"),
        line(customer_id="TOTAL", quantity="3"),
        line(unit_price="0"),
        line(unit_price="0.000045", quantity="1"),
    ]
    expected = spark.createDataFrame(
        [
            ("clean", 1, Decimal("15.3"), 0, None, None, None),
            ("duplicate", 1, Decimal("15.3"), 0, 0, None, None),
            ("guest", 1, Decimal("5.1"), 0, None, None, None),
            ("cancellation", 1, Decimal("-5.1"), 0, 0, None, None),
            ("malformed", 1, None, 1, 0, None, None),
            ("adjustment", 2, Decimal("22.95"), 0, 1, Decimal("7.65"), None),
            ("non_positive_price", 2, Decimal(0), 0, 0, None, Decimal("0.000045")),
        ],
        "rule string, rows long, revenue decimal(20,4), rows_without_revenue long, total_rows long, "
        "total_revenue decimal(20,4), tiny_revenue decimal(28,12)",
    )
    by_reason = counts(judged(spark, lines)).select(*expected.columns)
    assert_df_equality(by_reason, expected, ignore_nullable=True, ignore_row_order=True)


def test_lines_before_the_first_day_are_counted_by_their_day(spark: SparkSession) -> None:
    old = {"invoice_date": "2010-11-30"}
    lines = [line(), line(**old), line(invoice_no="C1", quantity="-2", **old), line(invoice_no="C2", quantity="-1")]
    ledger = counted(spark, lines, first_day=date(2010, 12, 1))
    assert (ledger.rejected, ledger.earlier) == (3, 2)
    assert ledger.counts["out_of_period"] == 1, "a cancellation first of all"
    assert counted(spark, lines).earlier == 0


def test_lines_of_totals_are_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    for lines in (0, 2):
        row = Row(rule=s.ADJUSTMENT, rows=3, total_rows=lines, total_revenue=Decimal("12.5"))
        warn_of_totals(Ledger([row], FILES))
    assert [" is a word such as Total in 2 lines with 12.50: " in message for message in caplog.messages] == [True]


def test_money_that_rounds_to_0_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    for lines in (0, 9):
        row = Row(rule=s.NON_POSITIVE_PRICE, rows=9, tiny_rows=lines, tiny_revenue=Decimal("0.000360000000"))
        warn_of_tiny_amounts(Ledger([row], FILES))
    assert [" of 9 lines is above 0 and below 0.00005, 0.00036 together" in text for text in caplog.messages] == [True]


def test_malformed_lines_are_counted_by_fault(spark: SparkSession) -> None:
    lines = [
        line(),
        line(customer_id=None),
        line(quantity="0"),
        line(invoice_date="soon", quantity="six"),
        line(invoice_date="later"),
        line(invoice_no="", unit_price="2,55"),
        line(stock_code=" "),
        line(quantity="2000000000", unit_price="2000000000"),  # of which each can be read
        line(unparsed_line="536365,85123A,HEART", quantity=None),
        line(customer_id="1.785E4"),
        line(customer_id="5.4E+05"),
        line(customer_id="5.4E+05", unparsed_line="536365,85123A,HEART"),
    ]
    assert {row.fault: row.rows for row in unreadable_values(judged(spark, lines)).collect()} == {
        "unparsed_line": 2,
        "customer_id": 2,
        "invoice_no": 1,
        "stock_code": 1,
        "quantity": 1,
        "invoice_date": 2,
        "unit_price": 1,
        "amount": 1,
    }


def test_money_adds_up_where_a_sum_exceeds_a_money_column(spark: SparkSession) -> None:
    # Each amount alone just fits; one such typing error must not end the whole run.
    huge = line(quantity="100", unit_price="99999999999999")
    lines = [huge, {**huge, "stock_code": "B"}, {**huge, "stock_code": "C", "invoice_no": "C1"}, line()]
    assert counted(spark, lines).read == len(lines)


def test_every_outcome_has_a_row_and_all_add_up_to_what_was_read() -> None:
    rows = [
        Row(rule="clean", rows=6, revenue=Decimal("60.0000"), rows_without_revenue=0),
        Row(rule="malformed", rows=2, revenue=None, rows_without_revenue=2),
    ]
    quality = {row["rule"]: row for row in Ledger(rows, FILES).data_quality}
    assert tuple(quality) == OUTCOMES
    figures = {rule: tuple(row.values())[1:] for rule, row in quality.items()}
    assert figures["duplicate"] == (0, 0.0, Decimal("0.0000"), 0)
    assert figures["malformed"] == (2, 0.25, None, 2)
    assert figures["clean"] == (6, 0.75, Decimal("60.0000"), 0)
    assert [*quality["clean"]] == s.DATA_QUALITY.names


def test_an_empty_input_has_shares_of_zero_and_is_refused() -> None:
    ledger = ledger_of()
    assert {row["share"] for row in ledger.data_quality} == {0.0}
    with pytest.raises(InputError, match=r"^a\.csv and 1 more: a header, but no lines below it$"):
        require_clean_lines(ledger)


def test_without_a_clean_line_the_counts_show_why() -> None:
    message = r"no usable line is left of 7 read \(malformed 7\): check input\.columns"
    with pytest.raises(InputError, match=message):
        require_clean_lines(ledger_of(malformed=7))
    unsplit = [Row(fault=s.QUANTITY, rows=1), Row(fault=s.UNPARSED_LINE, rows=6)]
    with pytest.raises(
        InputError, match=r"\(malformed 7\): in 6 of them the line cannot be split into its fields: look"
    ):
        require_clean_lines(ledger_of(malformed=7), unsplit)


def test_the_default_day_follows_the_last_sale_guests_included(spark: SparkSession) -> None:
    lines = [
        line(invoice_date="12/1/2010 8:26"),
        line(invoice_date="12/5/2010 23:59", customer_id=None),
        line(invoice_date="12/9/2010 8:26", invoice_no="C1", quantity="-1"),
        line(invoice_date="12/8/2010 8:26", quantity="0"),
        line(invoice_date="13/13/2010 8:26"),
    ]
    ledger = counted(spark, lines)
    assert ledger.last_sale_day == date(2010, 12, 5)
    assert day_after_last_sale(ledger, judge_each_line(parsed(spark, lines), DEFAULTS, None)) == date(2010, 12, 6)


def test_a_sale_in_the_future_is_refused_with_its_file_and_invoice(spark: SparkSession) -> None:
    day = (datetime.now().date() + timedelta(days=30)).isoformat()  # noqa: DTZ005 - far from midnight anywhere
    lines = [line(), line(invoice_no="7", invoice_date=day, source_file="b.csv")]
    with pytest.raises(InputError, match=rf"^b\.csv: the last sale, of invoice 7, is on {day}, .* --as-of"):
        day_after_last_sale(counted(spark, lines), judge_each_line(parsed(spark, lines), DEFAULTS, None))


def warnings_of(ledger: Ledger, faults: Sequence[Row], caplog: pytest.LogCaptureFixture) -> list[str]:
    with caplog.at_level(logging.WARNING, "segmentation"):
        warn_of_malformed(ledger, faults)
    return caplog.messages


def fault(name: str, rows: int, **known: Any) -> Row:
    """As `unreadable_values` finds it."""
    values = {"revenue": Decimal(0), "probable": None, "rows_without_revenue": 0, "value": None, **known}
    return Row(fault=name, rows=rows, **values)


def test_a_number_or_date_is_warned_of_from_the_first_line_on_with_its_money(
    spark: SparkSession, caplog: pytest.LogCaptureFixture
) -> None:
    lines = [line(stock_code=str(number)) for number in range(1, 101)]  # of 15.30 each
    lines += [line(unit_price="1.234,50", quantity="2", source_file="b.csv"), line(unit_price="12.234,50")]
    lines += [line(invoice_date="1 DEC A2345678 2010", customer_id="7"), line(stock_code="")]
    lines += [line(quantity="Jane Smith of the shop"), line(quantity="jane@mail.com")]
    judged_lines = judged(spark, lines, as_of=None)
    ledger = Ledger(counts(judged_lines).collect(), FILES)
    quality = {row["rule"]: row for row in ledger.data_quality}
    assert (quality["malformed"]["revenue"], quality["malformed"]["rows_without_revenue"]) == (Decimal("30.6"), 4)
    first, second, third = warnings_of(ledger, unreadable_values(judged_lines).collect(), caplog)
    assert first.startswith(
        "a.csv: quantity is no number or too large in 2 of 106 lines (1.9%), such as a text without digits: they are "
        "malformed and count nowhere; the money of 2 of them is unknown. Look at input.columns.quantity"
    )
    assert second.startswith(
        "a.csv: invoice_date is no date in a known format in 1 of 106 lines (0.9%), such as '1 DEC "
    )
    assert "A•••" in second
    assert "count nowhere, with 15.30, 1.0% of all money. Add its format to cleaning.date_formats" in second
    assert third.startswith(
        "b.csv: unit_price is no number or too large in 2 of 106 lines (1.9%), such as '1.234,50': "
    )
    # 2 × 1,234.50 and 6 × 12,234.50, if they mean what a person would read.
    assert "; their money is probably about 75,876.00, 98.0% of all money. Look at" in third


@pytest.mark.parametrize(
    ("name", "why"),
    [
        (
            s.UNPARSED_LINE,
            "the line cannot be split into its fields in 1,234 of 5,000 lines (24.7%): they are malformed",
        ),
        (s.CUSTOMER_ID, "customer_id is rounded, as 5.4E+05 in 1,234 of 5,000 lines (24.7%): they are malformed"),
    ],
)
def test_other_faults_are_warned_of_where_they_are_many(name: str, why: str, caplog: pytest.LogCaptureFixture) -> None:
    assert warnings_of(ledger_of(10, 90), [fault(name, 10)], caplog) == []
    [warning] = warnings_of(ledger_of(1_234, 3_766), [fault(name, 1_234)], caplog)
    assert warning.startswith(f"a.csv and 1 more: {why}")
    assert warning.endswith("and quality_gates.max_rejected_share refuses a run with too many")
