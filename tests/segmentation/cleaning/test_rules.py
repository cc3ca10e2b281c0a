"""Judging lines: each rule, their order, and that no line and no penny is lost."""

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from chispa import assert_df_equality
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.cleaning.duplicates import repeated_items
from segmentation.cleaning.parse import parse_lines
from segmentation.cleaning.rules import (
    RULES,
    criteria,
    exceptional_lines,
    judge_each_line,
    judge_lines,
    rejected_transactions,
    returned_lines,
    returns_in_words,
    sales_less_copies,
    sales_lines,
    with_orders_of_days,
)
from segmentation.features import ORDER, order_sums
from segmentation.sales import Sales
from tests.segmentation.cleaning.lines import (
    AS_OF,
    DEFAULTS,
    SALE,
    RawLine,
    counts,
    judged,
    line,
    outcome,
    parsed,
    raw_lines,
    reasons_of,
)


def test_the_rules_are_those_that_the_configuration_knows() -> None:
    assert tuple(RULES) == s.RULE_NAMES
    assert set(criteria(DEFAULTS, AS_OF)) == set(s.RULE_NAMES)


def test_what_counts_as_a_return_is_said_in_words() -> None:
    by_type = DEFAULTS.model_copy(update={"returns": ("type",), "return_types": ("refund", "void")})
    assert returns_in_words(by_type) == "lines of the type refund, void"
    assert criteria(by_type, AS_OF)[s.CANCELLATION] == "the invoice begins with C, or the line's type is refund, void"
    assert criteria(DEFAULTS, AS_OF)[s.CANCELLATION] == "the invoice begins with C"
    assert returns_in_words(DEFAULTS) == "lines of invoices that begin with C; lines with a negative quantity"
    assert returns_in_words(DEFAULTS.model_copy(update={"returns": ()})) == "none"


def test_a_good_line_is_a_sale_with_its_values(spark: SparkSession) -> None:
    actual = sales_lines(judged(spark, [line(), line(quantity="0")])).drop(s.SOURCE_FILE)
    expected = spark.createDataFrame(
        [
            (
                *("536365", "85123A", "HEART", 60_000, datetime(2010, 12, 1, 8, 26)),
                *(Decimal("2.55"), "17850", "United Kingdom", 153_000, 1),
            )
        ],
        "invoice_no string, stock_code string, description string, quantity_e4 bigint, invoice_date timestamp_ntz, "
        "unit_price decimal(22,8), customer_id string, country string, amount_e4 bigint, lines int",
    )
    assert_df_equality(actual, expected, ignore_nullable=True)


def test_each_rule_rejects_its_line_and_all_reasons_are_in_order(spark: SparkSession) -> None:
    lines = [
        line(description="clean"),
        line(description="guest", customer_id=None),
        line(description="malformed", quantity="six"),
        line(description="cancellation", invoice_no="C536379"),
        line(description="adjustment", invoice_no="A563185"),
        line(description="total", customer_id="Grand Total:"),
        line(description="total", customer_id="", invoice_no="summe"),
        line(description="quantity", quantity="0"),
        line(description="price", unit_price="0"),
        line(description="tiny", unit_price="0.00004", quantity="1"),
        line(description="clean", unit_price="0.00004", quantity="2"),
        line(description="early", invoice_date="11/30/2010 23:59"),
        line(description="late", invoice_date="12/10/2011 0:00"),
        line(description="clean"),
        line(description="returned", invoice_no="C1", quantity="-1", unit_price="-0.01", invoice_date="1/1/2012 0:00"),
        line(description="bad debt", invoice_no="B", customer_id="", quantity="-5", unit_price="x"),
    ]
    actual = judged(spark, lines, first_day=date(2010, 12, 1)).select("description", outcome(), "rejection.reasons")
    expected = spark.createDataFrame(
        [
            ("clean", s.CLEAN, None),
            ("guest", s.GUEST, None),
            ("malformed", "malformed", ["malformed"]),
            ("cancellation", "cancellation", ["cancellation"]),
            ("adjustment", "adjustment", ["adjustment"]),
            ("total", "adjustment", ["adjustment"]),
            ("total", "adjustment", ["adjustment"]),
            ("quantity", "non_positive_quantity", ["non_positive_quantity"]),
            ("price", "non_positive_price", ["non_positive_price"]),
            ("tiny", "non_positive_price", ["non_positive_price"]),
            ("clean", s.CLEAN, None),
            ("early", "out_of_period", ["out_of_period"]),
            ("late", "out_of_period", ["out_of_period"]),
            ("clean", "duplicate", ["duplicate"]),
            (
                *("returned", "cancellation"),
                ["cancellation", "non_positive_quantity", "non_positive_price", "out_of_period"],
            ),
            ("bad debt", "malformed", ["malformed", "adjustment", "non_positive_quantity"]),
        ],
        "description string, outcome string, reasons array<string>",
    )
    assert_df_equality(actual, expected, ignore_nullable=True, ignore_row_order=True)


def test_a_rule_that_is_switched_off_rejects_nothing(spark: SparkSession) -> None:
    cases = [line(invoice_no="C1", quantity="-1"), line(quantity="-1", unit_price="0"), line(invoice_date="1/1/2012")]
    off = ("cancellation", "non_positive_price", "out_of_period")
    assert reasons_of(spark, cases, switched_off=off) == [["non_positive_quantity"], ["non_positive_quantity"], []]


def test_cancellations_and_adjustments_follow_the_configured_prefixes(spark: SparkSession) -> None:
    invoices = ["C1", "c1", " C1", "1C", "A1", "RET-1", "ret-1", "RETURN1", "R+1", "S100", "100", "+1"]
    cases = [line(invoice_no=invoice) for invoice in invoices]
    by_default = dict(zip(invoices, reasons_of(spark, cases), strict=True))
    assert {invoice for invoice in invoices if by_default[invoice] == ["cancellation"]} == {"C1", "c1", " C1"}
    assert {invoice for invoice in invoices if not by_default[invoice]} == {"1C", "100"}
    changed = reasons_of(spark, cases, cancellation_prefixes=("RET-", "R+"), sale_invoice_pattern="^S?[0-9]")
    by_changed = dict(zip(invoices, changed, strict=True))
    assert {invoice for invoice in invoices if by_changed[invoice] == ["cancellation"]} == {"RET-1", "ret-1", "R+1"}
    assert {invoice for invoice in invoices if not by_changed[invoice]} == {"1C", "100", "S100"}
    assert by_changed["RETURN1"] == ["adjustment"]


def test_the_first_day_is_in_the_period_and_as_of_is_not(spark: SparkSession) -> None:
    days = ["2010-12-01 23:59:59", "2010-12-02", "2010-12-02 00:00:00", "2011-12-09 23:59:59", "2011-12-10"]
    cases = [line(invoice_date=day) for day in days]
    out = ["out_of_period"]
    assert reasons_of(spark, cases, first_day=date(2010, 12, 2)) == [out, [], [], [], out]
    assert reasons_of(spark, cases, as_of=date(2010, 12, 2)) == [[], out, out, out, out]
    assert reasons_of(spark, cases, as_of=None) == [[], [], [], [], []]


def test_returns_are_in_the_period_each_once_and_of_guests_too(spark: SparkSession) -> None:
    returned = line(invoice_no="C1", quantity="-2")
    lines = [
        line(),
        returned,
        returned,
        line(invoice_no="C2", quantity="-1", customer_id=None),
        line(invoice_no="C3", quantity="1"),
        line(invoice_no="C4", quantity="-1", invoice_date="12/11/2011 9:00"),
        line(invoice_no="7", quantity="-3"),
        line(invoice_no="7", quantity="-3"),
        line(invoice_no="7", quantity="-3", unit_price="0"),
        line(invoice_no="A8", quantity="-1"),
        line(invoice_no="C9", quantity="-1", unit_price="-"),
    ]

    once = parsed(spark, lines).localCheckpoint()

    def found(as_of: date | None = AS_OF, **changed: Any) -> set[tuple[str, Decimal, str | None]]:
        rows = returned_lines(judge_lines(once, DEFAULTS.model_copy(update=changed), as_of)).collect()
        assert len(rows) == len(set(rows))
        return {(row.invoice_no, row.amount, row.customer_id) for row in rows}

    cancelled = {("C1", Decimal("-5.1"), "17850"), ("C2", Decimal("-2.55"), None)}
    by_quantity = {("7", Decimal("-7.65"), "17850")}
    late = {("C4", Decimal("-2.55"), "17850")}
    assert found() == cancelled | by_quantity
    assert found(as_of=None) == cancelled | by_quantity | late
    assert found(returns=("prefix",)) == cancelled
    assert found(returns=("negative_quantity",)) == by_quantity
    assert found(returns=()) == set()
    assert found(switched_off=(s.CANCELLATION,)) == cancelled | by_quantity


def test_a_refund_by_type_gets_the_sign_of_other_returns(spark: SparkSession) -> None:
    types = ["Refund", " CREDIT-note ", "Sale", None, "Refund", "Refund", "Refund", "refundable"]
    prices = ["2.55", "1", "2", "3", "-4", "x", "0", "6"]
    lines = [
        line(invoice_no=str(number), unit_price=price, quantity="-2" if number == 4 else "2")
        for number, price in enumerate(prices)
    ]
    typed = raw_lines(spark, lines).join(
        spark.createDataFrame(
            [(str(n), kind) for n, kind in enumerate(types)], "raw_invoice_no string, raw_line_type string"
        ),
        on="raw_invoice_no",
    )
    settings = DEFAULTS.model_copy(update={"returns": ("type",)})
    found = judge_lines(parse_lines(typed, settings), settings, None)
    rows = {row.invoice_no: (row.quantity_e4 / 1e4, row.amount, row.reason, row.is_return) for row in found.collect()}
    assert rows == {
        "0": (-2, Decimal("-5.1"), "cancellation", True),
        "1": (-2, Decimal("-2"), "cancellation", True),
        "2": (2, Decimal("4"), None, False),
        "3": (2, Decimal("6"), None, False),
        # Twice negative is money given back as well.
        "4": (2, Decimal("-8"), "cancellation", True),
        "5": (2, None, "malformed", False),
        "6": (2, Decimal("0"), "cancellation", False),
        "7": (2, Decimal("12"), None, False),
    }


def test_a_status_or_another_currency_is_neither_sale_nor_return(spark: SparkSession) -> None:
    marks = [("Closed", "GBP"), ("Wc-Cancelled", "gbp"), ("on_hold", "£"), (None, None), ("", "EUR"), ("Refund", " ")]
    lines = [line(stock_code=str(number), description=str(number)) for number in range(len(marks))]
    lines += [line(stock_code="C", invoice_no="C1", quantity="-1", description="6")]
    changed = {
        "currency": "GBP",
        "returns": ("prefix", "type"),
        "no_sale_statuses": ("wc cancelled", "on hold", "draft"),
    }
    cleaning = DEFAULTS.model_copy(update=changed)
    marked = spark.createDataFrame(
        [(str(number), status, currency) for number, (status, currency) in enumerate([*marks, ("draft", "GBP")])],
        "raw_description string, raw_line_status string, raw_currency string",
    )
    raw = raw_lines(spark, lines).join(marked, "raw_description").withColumn("raw_line_type", F.col("raw_line_status"))
    rows = judge_lines(parse_lines(raw, cleaning), cleaning, None).collect()
    assert {row["description"]: (row["reason"], row["is_return"]) for row in rows} == {
        "0": (None, False),
        "1": ("adjustment", False),
        "2": ("adjustment", False),
        "3": (None, False),
        "4": ("adjustment", False),
        "5": ("cancellation", True),
        "6": ("cancellation", False),
    }
    assert criteria(cleaning, AS_OF)["adjustment"].endswith("no_sale_statuses, or its currency is not GBP")


def test_an_order_may_be_a_number_with_its_day_and_customer(spark: SparkSession) -> None:
    days = [line(stock_code=str(number), invoice_date=f"2010-12-0{number}") for number in (1, 2)]
    lines = [*days, line(customer_id=None), line(customer_id="1"), line(customer_id="1"), line(quantity="0")]
    each = with_orders_of_days(judge_each_line(parsed(spark, lines).localCheckpoint(), DEFAULTS, AS_OF))
    exceptional = exceptional_lines(each, repeated_items(each), DEFAULTS)
    sums = order_sums(sales_less_copies(each, exceptional)).where("lines > 0").collect()
    assert len({row["invoice_no"] for row in sums}) == len(sums) == 4
    rejected = rejected_transactions(exceptional).collect()
    assert {(row["invoice_no"], row["reason"]) for row in rejected} == {
        ("536365", "duplicate"),
        ("536365", "non_positive_quantity"),
    }


def test_money_returned_without_invoices_is_found_by_its_sign(spark: SparkSession) -> None:
    lines = raw_lines(spark, [line(quantity="-2"), line(quantity="3")]).drop("raw_invoice_no", "raw_stock_code")
    rows = judge_lines(parse_lines(lines, DEFAULTS), DEFAULTS, None).collect()
    assert {(row.quantity_e4 / 1e4, row.reason, row.is_return) for row in rows} == {
        (-2, "non_positive_quantity", True),
        (3, None, False),
    }


def test_malformed_lines_are_quarantined_as_read_and_others_by_value(spark: SparkSession) -> None:
    lines = [
        line(),
        line(customer_id="nan"),
        line(quantity=" six ", customer_id="17850.0"),
        line(invoice_no=" C1 ", quantity="-6.0", customer_id="17850.0", unit_price="2.5500"),
        line(unit_price="-0", customer_id=None, country=" "),
        line(unit_price="-100"),
    ]
    rejected = rejected_transactions(judged(spark, lines))
    assert s.schema_differences(rejected.schema, s.REJECTED_TRANSACTIONS) == []
    sale = [SALE[field] for field in s.LINE_FIELDS]
    at = "2010-12-01 08:26:00"
    expected = spark.createDataFrame(
        [
            (*sale[:3], " six ", *sale[4:6], "17850.0", sale[7], "a.csv", "malformed", ["malformed"]),
            (
                *("C1", *sale[1:3], "-6", at, "2.55", "17850", sale[7], "a.csv", "cancellation"),
                ["cancellation", "non_positive_quantity"],
            ),
            (*sale[:4], at, "0", None, "Unspecified", "a.csv", "non_positive_price", ["non_positive_price"]),
            (*sale[:4], at, "-100", "17850", sale[7], "a.csv", "non_positive_price", ["non_positive_price"]),
        ],
        s.REJECTED_TRANSACTIONS,
    )
    assert_df_equality(rejected, expected, ignore_nullable=True, ignore_row_order=True)


# Spark's strings are UTF-8, which has no lone surrogates.
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NUMBER_LIKE = st.one_of(
    st.integers(-(10**12), 10**12).map(str),
    st.decimals(allow_nan=True, allow_infinity=True).map(str),
    st.floats().map(str),
    st.from_regex(r"[+-]?[0-9]{1,4}(\.[0-9]{0,10})?([eE][+-]?[0-9]{1,3})?", fullmatch=True),
)
DATE_LIKE = st.one_of(
    st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)).map(str),
    st.from_regex(r"[0-9]{1,4}[-/][0-9]{1,2}[-/][0-9]{1,5}( [0-9]{1,2}:[0-9]{2}(:[0-9]{2})?)?", fullmatch=True),
    st.from_regex(r"[0-9]{4,6}(\.[0-9]{0,12})?", fullmatch=True),
)
LIKELY: dict[str, st.SearchStrategy[str]] = {
    "invoice_no": st.from_regex(r"[ACac]?[0-9]{1,3}", fullmatch=True),
    "quantity": NUMBER_LIKE,
    "invoice_date": DATE_LIKE,
    "unit_price": NUMBER_LIKE,
    "customer_id": st.sampled_from(["17850", "17850.0", "nan", "", " "]),
}


def field_text(field: str) -> st.SearchStrategy[str | None]:
    """Mostly a value as in a sale, or one that looks like it; sometimes any text, sometimes none."""
    good, likely = st.just(SALE[field]), LIKELY.get(field, ANY_TEXT)
    return st.one_of(good, good, good, likely, ANY_TEXT, st.none())


@st.composite
def many_lines(draw: Callable[[st.SearchStrategy[Any]], Any]) -> list[RawLine]:
    """Lines of any text in all fields, some of them copies."""
    fields_of_a_line = st.fixed_dictionaries({field: field_text(field) for field in s.LINE_FIELDS})
    lines = draw(st.lists(fields_of_a_line, min_size=50, max_size=80))
    return [line(**fields) for fields in [*lines, *lines[:5]]]


def exact_amount(fields: RawLine) -> Decimal | None:
    """Quantity × price computed without Spark, where both are plain decimal text; else None."""
    try:
        quantity, price = (Decimal(str(fields[name]).strip(" \t\r\n")) for name in ("quantity", "unit_price"))
    except InvalidOperation:
        return None
    plain = all(
        re.fullmatch(r"[+-]?[0-9]{1,9}(\.[0-9]{0,8})?", str(fields[name])) for name in ("quantity", "unit_price")
    )
    if not plain or quantity != quantity.to_integral_value():
        return None
    amount = (quantity * price).quantize(Decimal("0.0001"), ROUND_HALF_UP)
    return amount if abs(amount) <= 10**11 else None  # beyond, the line is malformed


@settings(
    max_examples=2,  # each is two Spark jobs
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],  # each step of shrinking would be Spark jobs too
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(lines=many_lines())
def test_every_line_has_one_outcome_and_rows_and_money_add_up(spark: SparkSession, lines: list[RawLine]) -> None:
    numbered = [{**one, "source_file": str(number)} for number, one in enumerate(lines)]
    all_judged = judged(spark, numbered).localCheckpoint()
    rows = all_judged.collect()
    assert sorted(int(row.source_file) for row in rows) == list(range(len(lines)))
    for row in rows:
        if row.rejection:
            reasons = list(row.rejection.reasons)
            assert reasons == [rule for rule in s.RULE_NAMES if rule in reasons]
            assert row.reason == reasons[0]
            as_read = row.rejection.as_read
            assert (as_read is not None) == (row.reason == s.MALFORMED)
            if as_read is not None:
                assert all(as_read[field] == numbered[int(row.source_file)][field] for field in s.LINE_FIELDS)
        else:
            assert (row.reason, row.customer_id is None) in {(None, False), (s.GUEST, True)}
            assert row.quantity_e4 > 0
            assert row.amount >= 0
            assert None not in (row.invoice_no, row.stock_code, row.description, row.invoice_date, row.country)
        expected = exact_amount(numbered[int(row.source_file)])
        assert expected is None or row.amount == expected
    by_outcome = counts(all_judged).collect()
    assert sum(row.rows for row in by_outcome) == len(lines)
    assert sum(row.revenue for row in by_outcome) == sum(row.amount for row in rows if row.amount is not None)


def test_sums_over_sales_less_copies_are_those_over_the_sales(spark: SparkSession) -> None:
    lines = [line(), line(), line(), line(quantity="2"), line(customer_id=None), line(customer_id=None), line()]
    lines += [
        line(invoice_no="C1"),
        line(invoice_no="C1"),
        line(quantity="0"),
        line(invoice_no="536366", quantity="-1"),
        line(invoice_no="536366", quantity="-1"),
    ]
    once = parsed(spark, lines).localCheckpoint()
    for switched_off in ((), ("duplicate",), ("non_positive_quantity",)):
        cleaning = DEFAULTS.model_copy(update={"switched_off": switched_off})
        one_by_one = judge_each_line(once, cleaning, None)
        exceptional = exceptional_lines(one_by_one, repeated_items(one_by_one), cleaning)
        signed = sales_less_copies(one_by_one, exceptional)
        sales = sales_lines(judge_lines(once, cleaning, None))
        by_invoice = [
            order_sums(each).groupBy(*ORDER).agg(F.sum("revenue"), F.sum("units_e4"), F.sum("lines"))
            for each in (signed, Sales(sales))
        ]
        assert_df_equality(*by_invoice, ignore_row_order=True)


def test_a_sale_is_no_copy_of_a_refund_that_equals_it(spark: SparkSession) -> None:
    refund_first = parsed(spark, [line(source_file="a.csv"), line(source_file="b.csv")]).localCheckpoint()
    lines = judge_each_line(refund_first.withColumn(s.IS_REFUND, F.col("source_file") == "a.csv"), DEFAULTS, None)
    exceptional = exceptional_lines(lines, repeated_items(lines), DEFAULTS)
    # A sale that is taken off again would leave an order without a line.
    assert [(row.lines, row.units_e4) for row in order_sums(sales_less_copies(lines, exceptional)).collect()] == [
        (1, 60_000)
    ]
