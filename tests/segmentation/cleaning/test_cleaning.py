"""Parsing and judging lines: each rule, their order, and that no line and no penny is lost whatever is read."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from chispa import assert_df_equality
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.cleaning.rules import (
    CLEAN,
    GUEST,
    REJECTED,
    RULES,
    judged_lines,
    kept_lines,
    line_counts,
    others_among,
    parsed_lines,
    rejected_transactions,
)
from segmentation.config.settings import CleaningSettings

DATE_FORMATS = ("iso", "M/d/yyyy[ H:mm[:ss]]", "d-M-yyyy[ H:mm[:ss]]", "excel")
DEFAULTS = CleaningSettings(date_formats=DATE_FORMATS)
AS_OF = date(2011, 12, 10)
SALE = dict(
    zip(
        s.LINE_FIELDS,
        ("536365", "85123A", "HEART", "6", "12/1/2010 8:26", "2.55", "17850", "United Kingdom"),
        strict=True,
    )
)


def line(**fields: str | None) -> dict[str, str | None]:
    """A raw sale line with some fields, its source or its unparsed text different."""
    return {**SALE, "source_file": "a.csv", "unparsed_line": None, **fields}


def raw_lines(spark: SparkSession, lines: Sequence[dict[str, str | None]]) -> DataFrame:
    names = (*s.LINE_FIELDS, "source_file", "unparsed_line")
    return spark.createDataFrame([tuple(one[name] for name in names) for one in lines], s.RAW_LINES)


def parsed(spark: SparkSession, lines: Sequence[dict[str, str | None]], **changed: Any) -> DataFrame:
    return parsed_lines(raw_lines(spark, lines), DEFAULTS.model_copy(update=changed))


def counts_of(judged: DataFrame) -> DataFrame:
    """Rule, rows and revenue of the lines."""
    return line_counts(kept_lines(judged)).select("rule", "rows", "revenue")


def judged(
    spark: SparkSession, lines: Sequence[dict[str, str | None]], as_of: date | None = AS_OF, **changed: Any
) -> DataFrame:
    return judged_lines(parsed(spark, lines, **changed), DEFAULTS.model_copy(update=changed), as_of)


def reasons_of(
    spark: SparkSession, cases: Sequence[dict[str, str | None]], as_of: date = AS_OF, **changed: Any
) -> list[list[str]]:
    """The reasons of each of the lines, in their order: one Spark job for all."""
    numbered = [{**case, "description": str(number)} for number, case in enumerate(cases)]
    rows = judged(spark, numbered, as_of, **changed).select("raw_description", "reasons").collect()
    by_number = {int(row.raw_description): list(row.reasons) for row in rows}
    assert len(by_number) == len(cases)
    return [by_number[number] for number in range(len(cases))]


def values_of(spark: SparkSession, field: str, texts: Sequence[str | None]) -> list[Any]:
    """What a field's texts are parsed to, in their order: one Spark job for all."""
    lines = [line(**{"description": str(number), field: text}) for number, text in enumerate(texts)]
    rows = parsed(spark, lines, switched_off=("duplicate",)).select("raw_description", field).collect()
    return [row[field] for row in sorted(rows, key=lambda row: int(row.raw_description))]


def test_a_good_line_is_parsed_to_its_values_and_is_clean(spark: SparkSession) -> None:
    actual = judged(spark, [line()]).select(*s.LINE_FIELDS, "amount", "is_copy", "outcome", "reason", "reasons")
    expected = spark.createDataFrame(
        [
            (
                *("536365", "85123A", "HEART", 6, datetime(2010, 12, 1, 8, 26), Decimal("2.55"), "17850"),
                *("United Kingdom", Decimal("15.30"), False, CLEAN, None, []),
            )
        ],
        "invoice_no string, stock_code string, description string, quantity int, invoice_date timestamp_ntz, "
        "unit_price decimal(22,8), customer_id string, country string, amount decimal(18,4), is_copy boolean, "
        "outcome string, reason string, reasons array<string>",
    )
    assert_df_equality(actual, expected, ignore_nullable=True)


def test_each_rule_rejects_its_line_with_the_first_reason_and_all_reasons_in_order(spark: SparkSession) -> None:
    lines = [
        line(description="clean"),
        line(description="guest", customer_id=None),
        line(description="malformed", quantity="six"),
        line(description="cancellation", invoice_no="C536379"),
        line(description="adjustment", invoice_no="A563185"),
        line(description="quantity", quantity="0"),
        line(description="price", unit_price="0"),
        line(description="early", invoice_date="11/30/2010 23:59"),
        line(description="late", invoice_date="12/10/2011 0:00"),
        line(description="clean"),
        line(description="returned", invoice_no="C1", quantity="-1", unit_price="-0.01", invoice_date="1/1/2012 0:00"),
        line(description="bad debt", invoice_no="B", customer_id="", quantity="-5", unit_price="x"),
    ]
    actual = judged(spark, lines, first_day=date(2010, 12, 1)).select("description", "outcome", "reason", "reasons")
    expected = spark.createDataFrame(
        [
            ("clean", CLEAN, None, []),
            ("guest", GUEST, "guest", []),
            ("malformed", REJECTED, "malformed", ["malformed"]),
            ("cancellation", REJECTED, "cancellation", ["cancellation"]),
            ("adjustment", REJECTED, "adjustment", ["adjustment"]),
            ("quantity", REJECTED, "non_positive_quantity", ["non_positive_quantity"]),
            ("price", REJECTED, "non_positive_price", ["non_positive_price"]),
            ("early", REJECTED, "out_of_period", ["out_of_period"]),
            ("late", REJECTED, "out_of_period", ["out_of_period"]),
            ("clean", REJECTED, "duplicate", ["duplicate"]),
            (
                *("returned", REJECTED, "cancellation"),
                ["cancellation", "non_positive_quantity", "non_positive_price", "out_of_period"],
            ),
            ("bad debt", REJECTED, "malformed", ["malformed", "adjustment", "non_positive_quantity"]),
        ],
        "description string, outcome string, reason string, reasons array<string>",
    )
    assert_df_equality(actual, expected, ignore_nullable=True, ignore_row_order=True)


def test_a_rule_that_is_switched_off_rejects_nothing_and_the_next_reason_counts(spark: SparkSession) -> None:
    cases = [line(invoice_no="C1", quantity="-1"), line(quantity="-1", unit_price="0"), line(invoice_date="1/1/2012")]
    off = ("cancellation", "non_positive_price", "out_of_period")
    assert reasons_of(spark, cases, switched_off=off) == [["non_positive_quantity"], ["non_positive_quantity"], []]


def test_prices_of_many_digits_tell_lines_apart(spark: SparkSession) -> None:
    prices = ["10000000000.01", "20000000000.01", "20000000000.01", "20000000000.02"]
    rows = parsed(spark, [line(unit_price=price, quantity="1") for price in prices]).select("unit_price", "is_copy")
    assert sorted(map(tuple, rows.collect())) == sorted(
        (Decimal(price), is_copy) for price, is_copy in zip(prices, [False, False, True, False], strict=True)
    )


def test_copies_count_as_sales_where_the_duplicate_rule_is_off(spark: SparkSession) -> None:
    counts = counts_of(judged(spark, [line()] * 3, switched_off=("duplicate",)))
    expected = spark.createDataFrame([("clean", 3, Decimal("45.9"))], "rule string, rows long, revenue decimal(20,4)")
    assert_df_equality(counts, expected, ignore_nullable=True)


def test_cancellations_and_adjustments_are_told_by_the_configured_prefixes(spark: SparkSession) -> None:
    invoices = ["C1", "c1", " C1", "1C", "A1", "RET-1", "ret-1", "RETURN1", "R+1", "S100", "100", "+1"]
    cases = [line(invoice_no=invoice) for invoice in invoices]
    by_default = dict(zip(invoices, reasons_of(spark, cases), strict=True))
    assert {invoice for invoice in invoices if by_default[invoice] == ["cancellation"]} == {"C1", "c1", " C1"}
    assert {invoice for invoice in invoices if not by_default[invoice]} == {"1C", "100"}
    changed = reasons_of(spark, cases, cancellation_prefixes=("RET-", "R+"), sale_invoice_pattern="^S?[0-9]")
    by_changed = dict(zip(invoices, changed, strict=True))
    assert {one for one in invoices if by_changed[one] == ["cancellation"]} == {"RET-1", "ret-1", "R+1"}
    assert {one for one in invoices if not by_changed[one]} == {"1C", "100", "S100"}
    assert by_changed["RETURN1"] == ["adjustment"]


def test_the_first_day_is_in_the_period_and_as_of_is_not(spark: SparkSession) -> None:
    days = ["2010-12-01 23:59:59", "2010-12-02", "2010-12-02 00:00:00", "2011-12-09 23:59:59", "2011-12-10"]
    cases = [line(invoice_date=day) for day in days]
    out = ["out_of_period"]
    assert reasons_of(spark, cases, first_day=date(2010, 12, 2)) == [out, [], [], [], out]
    assert reasons_of(spark, cases, as_of=date(2010, 12, 2)) == [[], out, out, out, out]


def test_the_last_sale_day_is_that_of_sales_alone_guests_included(spark: SparkSession) -> None:
    lines = [
        line(invoice_date="12/1/2010 8:26"),
        line(invoice_date="12/5/2010 23:59", customer_id=None),
        line(invoice_date="12/9/2010 8:26", invoice_no="C1", quantity="-1"),
        line(invoice_date="12/8/2010 8:26", quantity="0"),
        line(invoice_date="13/13/2010 8:26"),
    ]
    assert last_sale_of(judged(spark, lines)) == datetime(2010, 12, 5, 23, 59)
    assert last_sale_of(judged(spark, lines[2:])) is None


def last_sale_of(lines: DataFrame) -> datetime | None:
    return max((row.last_sold_at for row in line_counts(kept_lines(lines)).collect() if row.last_sold_at), default=None)


def test_what_is_kept_before_the_day_is_known_tells_the_same_as_what_is_judged_by_it(spark: SparkSession) -> None:
    lines = [
        line(),
        line(source_file="b.csv"),
        line(customer_id=None),
        line(quantity="six"),
        line(invoice_no="C1", quantity="-1"),
        line(invoice_no="C2", quantity="-1", invoice_date="12/2/2010 9:00"),  # after the last sale
    ]
    as_of = date(2010, 12, 2)
    kept = kept_lines(judged(spark, lines, as_of=None))
    again = others_among(kept, DEFAULTS, as_of)
    expected = rejected_transactions(judged(spark, lines, as_of=as_of))
    assert_df_equality(rejected_transactions(again), expected, ignore_nullable=True, ignore_row_order=True)
    assert again.where(F.array_contains("reasons", "out_of_period")).count() == 1
    clean = kept.where(F.col("reason").isNull()).collect()
    assert [(row.invoice_no, row.quantity, row.amount, row.as_read) for row in clean] == [
        ("536365", 6, Decimal("15.3"), None)
    ]


def test_quantities_are_whole_numbers_however_written_and_nothing_else(spark: SparkSession) -> None:
    whole = {"6": 6, " 6 ": 6, "+6": 6, "6.0": 6, "6.000": 6, "1e3": 1000, "-0": 0, "-6.0": -6, "2147483647": 2**31 - 1}
    no_value = [
        "",
        None,
        "6.5",
        "six",
        "NaN",
        "Infinity",
        "-inf",
        "1,000",
        "6 6",
        "0x10",
        "2147483648",
        "1e400",
        "1e-9",
    ]
    no_value += ["6.000000001", "0.999999999", "9" * 60, "1e2147483647", "--6", "6-", "1/2"]
    assert values_of(spark, "quantity", list(whole)) == list(whole.values())
    parsed_to = dict(zip(no_value, values_of(spark, "quantity", no_value), strict=True))
    assert {text: value for text, value in parsed_to.items() if value is not None} == {}


def test_prices_are_exact_decimals_and_what_is_no_number_or_too_large_is_malformed(spark: SparkSession) -> None:
    exact = {
        "2.55": "2.55",
        " 2.55\u00a0": "2.55",
        "0.30000000000000004": "0.3",
        "1e3": "1000",
        "1E-5": "0.00001",
        "-0": "0",
        "+.5": "0.5",
        "-11062.06": "-11062.06",
        "99999999999999": "99999999999999",
    }
    assert values_of(spark, "unit_price", list(exact)) == [Decimal(text) for text in exact.values()]
    no_value = ["", None, "NaN", "Infinity", "-Infinity", "£2.55", "2,55", "1e20", "9" * 40, "1e2147483647", "free"]
    assert values_of(spark, "unit_price", no_value) == [None] * len(no_value)
    cases = [
        line(unit_price="NaN"),
        line(unit_price="-0"),
        line(unit_price="1e-9"),
        line(unit_price="100000000000", quantity="1"),
    ]
    assert reasons_of(spark, [*cases, line(unit_price="100000000000.0001", quantity="1")]) == [
        ["malformed"],
        ["non_positive_price"],
        ["non_positive_price"],
        [],
        ["malformed"],  # no sale is of more than 10^11, and sums of such amounts would not fit a table
    ]


def test_an_amount_is_rounded_once_half_up_to_four_decimals(spark: SparkSession) -> None:
    amounts = [
        ("3", "0.33333333", "1.0000"),
        ("1", "0.00005", "0.0001"),
        ("1", "0.00004999", "0"),
        ("6", "2.55", "15.3"),
    ]
    amounts += [("-1", "0.00005", "-0.0001"), ("10000", "0.00000001", "0.0001")]
    lines = [line(quantity=quantity, unit_price=price) for quantity, price, _ in amounts]
    actual = parsed(spark, lines).select("raw_quantity", "raw_unit_price", "amount")
    expected = spark.createDataFrame(
        [(quantity, price, Decimal(amount)) for quantity, price, amount in amounts],
        "raw_quantity string, raw_unit_price string, amount decimal(18,4)",
    )
    assert_df_equality(actual, expected, ignore_nullable=True, ignore_row_order=True)


def test_dates_are_read_in_every_form_seen_in_the_wild(spark: SparkSession) -> None:
    wanted = datetime(2010, 12, 1, 8, 26)
    same = ["12/1/2010 8:26", "12/01/2010 08:26", "12/1/2010 8:26:00", "01-12-2010 08:26", "1-12-2010 8:26"]
    same += ["2010-12-01 08:26:00", "2010-12-01 08:26", "2010-12-1 8:26", "2010-12-01T08:26:00", " 2010-12-01 08:26 "]
    same += ["40513.3513888889", "40513.351388889", "2010-12-01 08:26:00.000"]
    assert values_of(spark, "invoice_date", same) == [wanted] * len(same)
    days = ["12/1/2010", "1-12-2010", "2010-12-01", "40513", "40513.0"]
    assert values_of(spark, "invoice_date", days) == [datetime(2010, 12, 1)] * len(days)
    assert values_of(spark, "invoice_date", ["12/31/2010 23:59", "31-12-2010 23:59", "40543.9993055556"]) == (
        [datetime(2010, 12, 31, 23, 59)] * 3
    )
    no_date = ["", None, "13/1/2010 8:26", "2/29/2011", "2010-02-30", "12/1/10 8:26", "12/1/2010 25:00", "now", "405"]
    no_date += [
        "yesterday",
        "12/1/2010 8:26 and more",
        "2010-12-01 08:26 and more",
        "999999",
        "-40513",
        "2010/12",
        "NaT",
    ]
    assert values_of(spark, "invoice_date", no_date) == [None] * len(no_date)


def test_one_customer_has_one_id_and_every_way_of_writing_none_is_a_guest(spark: SparkSession) -> None:
    same = ["17850", "17850.0", " 17850 ", "17850.00", "\t17850\r", "\u00a017850.0", "\ufeff17850"]
    assert values_of(spark, "customer_id", same) == ["17850"] * len(same)
    other = {"017850": "017850", "17850.5": "17850.5", "AB-7.0": "AB-7.0", "100.0": "100", "0": "0"}
    assert values_of(spark, "customer_id", list(other)) == list(other.values())
    none = ["", None, "  ", "nan", "NaN", "NULL", "null", "None", " none ", "N/A", "\u00a0"]
    assert values_of(spark, "customer_id", none) == [None] * len(none)
    rows = judged(spark, [line(customer_id=text) for text in none], switched_off=("duplicate",)).collect()
    assert {(row.outcome, row.reason) for row in rows} == {(GUEST, "guest")}


def test_the_words_for_no_customer_are_configured(spark: SparkSession) -> None:
    lines = [line(customer_id=text) for text in ("0", "Walk-in", "none", "")]
    changed = {"missing_customer_ids": ("0", "walk-in"), "switched_off": ("duplicate",)}
    rows = judged(spark, lines, **changed).select("raw_customer_id", "outcome").collect()
    assert {row.raw_customer_id: row.outcome for row in rows} == {
        "0": GUEST,
        "Walk-in": GUEST,
        "": GUEST,
        "none": CLEAN,
    }


def test_a_blank_country_or_description_gets_a_value_and_a_blank_invoice_or_code_is_malformed(
    spark: SparkSession,
) -> None:
    blank = ["", None, " \t\r\n", "\u00a0"]
    assert values_of(spark, "country", [*blank, " EIRE "]) == ["Unspecified"] * 4 + ["EIRE"]
    lines = [line(description=text) for text in (*blank, " A  B ")]
    rows = parsed(spark, lines).select("description").collect()
    assert Counter(row.description for row in rows) == {"": 4, "A  B": 1}
    cases = [line(**{field: text}) for field in ("invoice_no", "stock_code") for text in blank]
    assert reasons_of(spark, cases) == [["malformed"]] * len(cases)


def test_a_line_of_the_wrong_width_is_malformed_even_if_its_fields_look_right(spark: SparkSession) -> None:
    assert reasons_of(spark, [line(unparsed_line="536365,…,France,extra")]) == [["malformed"]]


def test_copies_are_told_by_value_not_by_text_and_differ_in_any_field(spark: SparkSession) -> None:
    copies = [
        line(),
        line(customer_id="17850.0", unit_price="2.5500"),
        line(invoice_date="2010-12-01 08:26:00", quantity=" 6"),
        line(source_file="b.csv"),
    ]
    guests = [line(customer_id=None), line(customer_id="nan")]
    different = [line(**{field: text}) for field, text in (("stock_code", "85123B"), ("description", "heart"))]
    different += [line(country="France"), line(invoice_date="12/1/2010 8:27"), line(unit_price="2.56")]
    broken = [line(quantity="six"), line(quantity="sechs"), line(quantity="six")]
    rows = judged(spark, copies + guests + different + broken).select("outcome", "reasons").collect()
    assert Counter((row.outcome, *row.reasons) for row in rows) == {
        (CLEAN,): 1 + len(different),
        (GUEST,): 1,
        (REJECTED, "duplicate"): len(copies) - 1 + 1,
        (REJECTED, "malformed"): 2,
        (REJECTED, "malformed", "duplicate"): 1,
    }


def test_which_copy_stays_does_not_depend_on_the_order_or_partitions_of_the_rows(spark: SparkSession) -> None:
    copies = [
        line(source_file="b.csv"),
        line(source_file="a.csv"),
        line(customer_id="17850.0", source_file="c.csv"),
        line(unit_price="2.550"),
    ]
    shown = ("raw_customer_id", "raw_unit_price", "source_file", "outcome", "reasons")
    forward = judged(spark, copies).select(*shown)
    lines = raw_lines(spark, copies[::-1]).repartition(3)
    backward = judged_lines(parsed_lines(lines, DEFAULTS), DEFAULTS, AS_OF).select(*shown)
    assert_df_equality(forward, backward, ignore_nullable=True, ignore_row_order=True)
    assert forward.where(F.col("outcome") == CLEAN).count() == 1


def test_rejected_lines_are_shown_as_they_were_read(spark: SparkSession) -> None:
    lines = [line(), line(quantity=" six ", customer_id="17850.0"), line(customer_id="nan")]
    rejected = rejected_transactions(judged(spark, lines))
    assert s.schema_differences(rejected.schema, s.REJECTED_TRANSACTIONS) == []
    sale = [SALE[field] for field in s.LINE_FIELDS]
    expected = spark.createDataFrame(
        [
            (*sale[:3], " six ", *sale[4:6], "17850.0", sale[7], "a.csv", "malformed", ["malformed"]),
            (*sale[:6], "nan", sale[7], "a.csv", "guest", []),
        ],
        s.REJECTED_TRANSACTIONS,
    )
    assert_df_equality(rejected, expected, ignore_nullable=True, ignore_row_order=True)


def test_lines_are_counted_by_first_reason_with_their_money(spark: SparkSession) -> None:
    lines = [
        line(),
        line(),
        line(customer_id=None, quantity="2"),
        line(invoice_no="C1", quantity="-2"),
        line(quantity="x"),
    ]
    expected = spark.createDataFrame(
        [
            ("clean", 1, Decimal("15.3")),
            ("duplicate", 1, Decimal("15.3")),
            ("guest", 1, Decimal("5.1")),
            ("cancellation", 1, Decimal("-5.1")),
            ("malformed", 1, Decimal(0)),
        ],
        "rule string, rows long, revenue decimal(20,4)",
    )
    counts = counts_of(judged(spark, lines))
    assert_df_equality(counts, expected, ignore_nullable=True, ignore_row_order=True)


def test_of_malformed_lines_it_is_counted_what_is_missing(spark: SparkSession) -> None:
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
    rows = line_counts(kept_lines(judged(spark, lines))).collect()
    by_rule = {row.rule: row.unread.asDict() for row in rows}
    assert by_rule.pop("malformed") == {
        "unparsed_line": 2,
        "customer_id": 2,
        "invoice_no": 1,
        "stock_code": 1,
        "quantity": 1,
        "invoice_date": 2,
        "unit_price": 1,
        "amount": 1,
    }
    assert {rule for rule, unread in by_rule.items() if any(unread.values())} == set()
    assert set(by_rule) == {"clean", "guest", "non_positive_quantity"}


def test_money_adds_up_even_where_the_sum_of_allowed_amounts_is_more_than_a_money_column_holds(
    spark: SparkSession,
) -> None:
    # Each amount alone is just within decimal(20,4); one such typing error must not bring the whole run down.
    huge = line(quantity="100", unit_price="99999999999999")
    lines = [huge, {**huge, "stock_code": "B"}, {**huge, "stock_code": "C", "invoice_no": "C1"}, line()]
    counts = counts_of(judged(spark, lines)).collect()
    assert sum(row.rows for row in counts) == len(lines)


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
def many_lines(draw: Callable[[st.SearchStrategy[Any]], Any]) -> list[dict[str, str | None]]:
    """Lines of any text in all fields, among them copies."""
    one = st.fixed_dictionaries({field: field_text(field) for field in s.LINE_FIELDS})
    lines = draw(st.lists(one, min_size=25, max_size=40))
    return [line(**fields) for fields in [*lines, *lines[:5]]]


def exact_amount(fields: dict[str, str | None]) -> Decimal | None:
    """Quantity × price worked out apart from Spark, where both are plain decimal text; else None."""
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
    max_examples=6,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],  # each step of shrinking would be Spark jobs too
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(lines=many_lines())
def test_whatever_is_read_every_line_has_one_outcome_and_the_rows_and_the_money_add_up(
    spark: SparkSession, lines: list[dict[str, str | None]]
) -> None:
    rows = judged(spark, lines).collect()
    assert len(rows) == len(lines)
    for row in rows:
        in_order = [rule for rule in RULES if rule in row.reasons]
        assert list(row.reasons) == in_order
        if row.outcome == REJECTED:
            assert row.reason == row.reasons[0]
        else:
            assert (row.outcome, row.reason, row.customer_id is None) in {
                (CLEAN, None, False),
                (GUEST, "guest", True),
            }
            assert row.reasons == []
            assert row.quantity > 0
            assert row.unit_price > 0
            assert None not in (row.invoice_no, row.stock_code, row.description, row.invoice_date, row.country)
            assert row.amount == (row.quantity * row.unit_price).quantize(Decimal("0.0001"), ROUND_HALF_UP)
        fields = {field: row[f"raw_{field}"] for field in s.LINE_FIELDS}
        expected = exact_amount(fields)
        assert expected is None or row.amount == expected
    given_texts = Counter(tuple(one[field] for field in s.LINE_FIELDS) for one in lines)
    assert Counter(tuple(row[f"raw_{field}"] for field in s.LINE_FIELDS) for row in rows) == given_texts
    counts = counts_of(judged(spark, lines)).collect()
    assert sum(row.rows for row in counts) == len(lines)
    assert sum(row.revenue for row in counts) == sum(row.amount for row in rows if row.amount is not None)
