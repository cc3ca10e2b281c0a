"""Parsing raw lines to typed values."""

import math
from collections import Counter
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from random import Random

from chispa import assert_df_equality
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.cleaning.parse import Traits, look_at_lines, parse_lines
from segmentation.ingest.values import Around
from tests.segmentation.cleaning.lines import (
    DEFAULTS,
    judged,
    line,
    outcome,
    parsed,
    raw_lines,
    reasons_of,
    values_of,
)


def test_quantities_have_up_to_four_decimals_in_any_notation(spark: SparkSession) -> None:
    whole = {"6": 6, " 6 ": 6, "+6": 6, "6.0": 6, "6.000": 6, "1e3": 1000, "-0": 0, "-6.0": -6, "2147483647": 2**31 - 1}
    rounded = {
        "0.450": "0.45",
        "-.5": "-0.5",
        "0.999999999": "1",
        "0.00005": "0.0001",
        "-0.00005": "-0.0001",
        "1e-9": "0",
    }
    values = {text: Decimal(number) for text, number in {**whole, **rounded}.items()}
    no_value = ["", None, "six", "NaN", "Infinity", "-inf", "1,000", "6 6", "0x10", "2147483648", "1e400", "1e14", "6d"]
    no_value += ["9" * 60, "1e2147483647", "--6", "1/2"]
    assert values_of(spark, "quantity", list(values)) == list(values.values())
    parsed_to = dict(zip(no_value, values_of(spark, "quantity", no_value), strict=True))
    assert {text: value for text, value in parsed_to.items() if value is not None} == {}


def test_prices_are_exact_decimals_and_other_texts_are_malformed(spark: SparkSession) -> None:
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
    no_value = ["", None, "NaN", "Infinity", "-Infinity", "2,55", "1e20", "9" * 40, "1e2147483647", "free"]
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
    lines = [
        line(quantity=quantity, unit_price=price, source_file=f"{quantity} x {price}") for quantity, price, _ in amounts
    ]
    actual = parsed(spark, lines).select("source_file", "amount")
    expected = spark.createDataFrame(
        [(f"{quantity} x {price}", Decimal(amount)) for quantity, price, amount in amounts],
        "source_file string, amount decimal(18,4)",
    )
    assert_df_equality(actual, expected, ignore_nullable=True, ignore_row_order=True)


def test_dates_are_parsed_in_every_known_form(spark: SparkSession) -> None:
    expected = datetime(2010, 12, 1, 8, 26)
    same = ["12/1/2010 8:26", "12/01/2010 08:26", "12/1/2010 8:26:00", "01-12-2010 08:26", "1-12-2010 8:26"]
    same += ["2010-12-01 08:26:00", "2010-12-01 08:26", "2010-12-1 8:26", "2010-12-01T08:26:00", " 2010-12-01 08:26 "]
    same += ["40513.3513888889", "40513.351388889", "2010-12-01 08:26:00.000"]
    assert values_of(spark, "invoice_date", same) == [expected] * len(same)
    days = ["12/1/2010", "1-12-2010", "2010-12-01", "40513", "40513.0"]
    first_and_last = ["0001-01-01", "9999-12-31 23:59:59.999999"]
    found = values_of(spark, "invoice_date", [*days, *first_and_last])
    assert found == [datetime(2010, 12, 1)] * len(days) + [
        datetime(1, 1, 1),
        datetime(9999, 12, 31, 23, 59, 59, 999_999),
    ]
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


def test_a_time_outside_of_the_years_that_python_has_is_no_date(spark: SparkSession) -> None:
    first, last = datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999_999)
    ends = {"first": first, "before": first, "last": last, "after": last}
    typed = raw_lines(spark, [line(source_file=name, invoice_date=str(end)) for name, end in ends.items()])
    beyond = F.expr("CASE source_file WHEN 'before' THEN -1 WHEN 'after' THEN 1 ELSE 0 END")
    time = F.col("raw_invoice_date").cast("timestamp_ntz") + F.make_interval(secs=beyond / 1_000_000)
    parsed_times = parse_lines(typed.withColumn("raw_invoice_date", time), DEFAULTS)
    found = {row.source_file: row.invoice_date for row in parsed_times.select("source_file", "invoice_date").collect()}
    assert found == {"first": first, "before": None, "last": last, "after": None}
    for text, time_zone in (("9999-12-31T23:30:00Z", "Asia/Tokyo"), ("0001-01-01T00:30:00Z", "America/New_York")):
        of_greenwich = raw_lines(spark, [line(invoice_date=text)])
        assert parse_lines(of_greenwich, DEFAULTS, time_zone=time_zone).select("invoice_date").collect()[0][0] is None


def test_one_customer_has_one_id_and_every_form_of_none_is_a_guest(spark: SparkSession) -> None:
    same = ["17850", "17850.0", " 17850 ", "17850.00", "\t17850\r", "\u00a017850.0", "\ufeff17850"]
    assert values_of(spark, "customer_id", same) == ["17850"] * len(same)
    other = {"017850": "017850", "17850.5": "17850.5", "AB-7.0": "AB-7.0", "100.0": "100", "0": "0"}
    assert values_of(spark, "customer_id", list(other)) == list(other.values())
    none = ["", None, "  ", "nan", "NaN", "NULL", "null", "None", " none ", "N/A", "\u00a0"]
    assert values_of(spark, "customer_id", none) == [None] * len(none)
    rows = judged(spark, [line(customer_id=text) for text in none], switched_off=("duplicate",)).collect()
    assert {row.reason for row in rows} == {"guest"}


def test_ids_are_as_they_were_before_a_spreadsheet(spark: SparkSession) -> None:
    written = {
        "20013": "20013",
        "20013.0": "20013",
        "20013,0": "20013",
        "20,013": "20,013",
        "'20013": "20013",
        '="020013"': "020013",
        "'7.00": "7",
    }
    written |= {"85123A": "85123A", "1.5": "1.5", "A1.0": "A1.0", "'t Hooft": "'t Hooft", "-1.0": "-1", "'AB'": "AB"}
    fields = (s.INVOICE_NO, s.STOCK_CODE, s.CUSTOMER_ID)
    lines = [line(**dict.fromkeys(fields, text), source_file=str(number)) for number, text in enumerate(written)]

    def found(normalise: bool) -> list[str]:
        rows = parsed(spark, lines, normalise_ids=normalise).select(*fields, s.SOURCE_FILE).collect()
        assert {(row[s.INVOICE_NO], row[s.STOCK_CODE]) for row in rows} == {(row[s.CUSTOMER_ID],) * 2 for row in rows}
        return [row[s.CUSTOMER_ID] for row in sorted(rows, key=lambda row: int(row[s.SOURCE_FILE]))]

    assert found(normalise=True) == list(written.values())
    assert found(normalise=False) == list(written)


def test_words_for_nobody_are_no_customer_however_they_are_written(spark: SparkSession) -> None:
    nobody = [
        "\\N",
        "undefined",
        "(null)",
        "(blank)",
        "[Blank]",
        "NOT SET",
        "(not set)",
        "Walk-in",
        "WALKIN",
        "walk_in",
    ]
    nobody += [
        "Walk-In Customer",
        "cash customer",
        "Guest",
        "ANONYMOUS",
        "<unknown>",
        "'null'",
        "--",
        "\u2014",
        "#REF!",
    ]
    nobody += ["00000000-0000-0000-0000-000000000000", "Laufkunde", "Público General", "INVITÉ", "guest-checkout"]
    somebody = ["Guestier", "Blank & Sons", "0", "-1", "99999", "Cash", "1", "nobody@x.org"]
    assert values_of(spark, "customer_id", [*nobody, *somebody]) == [None] * len(nobody) + somebody


def test_the_words_for_no_customer_are_configured(spark: SparkSession) -> None:
    lines = [line(customer_id=text) for text in ("0", "Walk-in", "none", "")]
    changed = {"missing_customer_ids": ("0", "walk-in"), "switched_off": ("duplicate",)}
    rows = judged(spark, lines, **changed).select("customer_id", outcome()).collect()
    assert Counter(tuple(row) for row in rows) == {(None, s.GUEST): 3, ("none", s.CLEAN): 1}


def test_blank_countries_get_a_value_and_blank_invoices_or_codes_are_malformed(
    spark: SparkSession,
) -> None:
    blank = ["", None, " \t\r\n", "\u00a0"]
    assert values_of(spark, "country", [*blank, " EIRE "]) == ["Unspecified"] * 4 + ["EIRE"]
    lines = [line(description=text) for text in (*blank, " A  B ")]
    rows = parsed(spark, lines).select("description").collect()
    assert Counter(row.description for row in rows) == {"": 4, "A  B": 1}
    cases = [line(**{field: text}) for field in ("invoice_no", "stock_code") for text in blank]
    assert reasons_of(spark, cases) == [["malformed"]] * len(cases)


def test_a_line_of_the_wrong_width_is_malformed(spark: SparkSession) -> None:
    assert reasons_of(spark, [line(unparsed_line="536365,…,France,extra")]) == [["malformed"]]


def test_the_amount_of_a_double_is_that_of_its_digits(spark: SparkSession) -> None:
    random = Random(7)
    prices = [0.0, -0.0, 2.55, 0.1, 1e-9, 4.9e-9, 5e-9, 0.00005, 0.00004999, 87_960.93, 87_961.5, 1e8, 123_456_789.125]
    prices += [random.randrange(10 ** random.randrange(1, 12)) / 10 ** random.randrange(9) for _ in range(1_000)]
    prices += [random.uniform(0, 10), math.nan, math.inf, 0.1 + 0.2]
    priced = [(quantity, price) for price in prices for quantity in (1, -3, 524_289)]
    changed = [s.raw(field) for field in (s.DESCRIPTION, s.QUANTITY, s.UNIT_PRICE)]
    schema = f"{changed[0]} string, {changed[1]} bigint, {changed[2]} double"
    numbered = spark.createDataFrame([(str(number), *one) for number, one in enumerate(priced)], schema)
    lines = raw_lines(spark, [line()]).drop(*changed).crossJoin(numbered)
    found = parse_lines(lines, DEFAULTS).select(s.DESCRIPTION, s.AMOUNT, s.HAS_PRICE).collect()
    assert len(found) == len(priced)
    few = lines.where(f"{changed[1]} < 524289 AND abs({changed[2]}) < 80000 AND {changed[2]} = round({changed[2]}, 8)")
    assert [look_at_lines(some).are_exact for some in (lines, few)] == [False, True]
    for number, amount, has_price in found:
        quantity, price = priced[int(number)]
        if math.isfinite(price):
            digits = Decimal(repr(price)).quantize(Decimal("1e-8"), ROUND_HALF_UP)
            expected = (quantity * digits).quantize(Decimal("1e-4"), ROUND_HALF_UP)
            assert (price, amount, has_price) == (price, expected if abs(expected) <= 10**11 else None, digits > 0)
        else:
            assert (amount, has_price) == (None, None)


def test_texts_that_were_looked_at_are_parsed_alike(spark: SparkSession) -> None:
    same = [line(), line(invoice_no="536366", description="A MUG")]
    spaces = [line(description=text, country=text) for text in (" HEART", "HEART  ", "  ", "", None)]
    strange = [line(description=text) for text in ("\u00a0HEART", "HEART\t", "HEART\u200b", "HEÄRT", "HERZÜ")]
    found = []
    for lines in (same, [*same, *spaces], [*same, *spaces, *strange]):
        traits = look_at_lines(raw_lines(spark, lines))
        found.append((traits.around[s.raw(s.INVOICE_NO)], traits.around[s.raw(s.DESCRIPTION)], traits.are_whole))
        looked_at = parse_lines(raw_lines(spark, lines), DEFAULTS, traits=traits)
        assert_df_equality(looked_at, parsed(spark, lines), ignore_nullable=True)
    levels = (Around.NOTHING, Around.SPACES, Around.ANYTHING)
    assert found == [(Around.NOTHING, level, True) for level in levels]
    seen = look_at_lines(raw_lines(spark, [line(unparsed_line="a;b", invoice_no="5.4E+05")]))
    assert (seen.are_whole, seen.are_exact) == (False, False)
    assert {*seen.unrounded} == {s.raw(s.STOCK_CODE), s.raw(s.CUSTOMER_ID)}


def test_numbers_alone_are_looked_at(spark: SparkSession) -> None:
    columns = "raw_quantity bigint, raw_unit_price double, source_file string, unparsed_line string"
    rows = [(1, 2.5, "a", None), (None, None, "a", None), (1, math.nan, "a", None)]
    assert look_at_lines(spark.createDataFrame(rows, columns)) == Traits({}, [], are_whole=True, are_exact=True)
    for quantity, price in ((-(2**63), 2.5), (2**20, 2.5), (1, 1e-9), (1, math.inf)):
        lines = spark.createDataFrame([(quantity, price, "a", None)], columns)
        assert not look_at_lines(lines).are_exact
