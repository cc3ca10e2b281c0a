"""Parse one value of a good line: its value, or a malformed line."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.cleaning.parse import parse_lines
from segmentation.money import units_of
from tests.hostile_files import CLEANING, GOOD, HEADER, quoted_csv, read

# Outcomes of a line, in place of a value.
MALFORMED, GUEST = "malformed", "guest"
# The column of a good line, its text, and the value it is parsed to or the outcome of its line.
VALUES: list[tuple[str, str, Any]] = [
    *[
        (field, text, MALFORMED)
        for field in ("Quantity", "UnitPrice")
        for text in ("1,234", "1.234,50", "2,55", "0,450", "--2", "5.-", "2,3.5", "1 00", "5 kg", "EUR", "2.5%", "£")
    ],
    *[
        (field, text, MALFORMED)
        for field in ("Quantity", "UnitPrice")
        for text in ("1,00,00", "0,123,456", "(5", "-(5)", "NaN", "Infinity", "-inf", "1" + "0" * 30, "")
    ],
    *[
        (field, text, Decimal(number))
        for field in ("Quantity", "UnitPrice")
        for text, number in (
            ("1,234.50", "1234.5"), ("1'234.50", "1234.5"), ("1\u2019234.50", "1234.5"), ("12,345,678", "12345678"),
            ("12,34,567.5", "1234567.5"), ("1 000", "1000"), ("1\u00a0234.5", "1234.5"), ("1\u202f234.5", "1234.5"),
            ("£2.55", "2.55"), ("EUR 2.55", "2.55"), ("2.55 €", "2.55"), ("US$1,234.50", "1234.5"), ("2.55eur", "2.55"),
            ("-£2.55", "-2.55"), ("£-2.55", "-2.55"), ("kr. 5", "5"), ("Rs.5", "5"), ("\uff12.\uff15", "2.5"),
            ("(5)", "-5"), ("(£5.00)", "-5"), ("5-", "-5"), ("\u22125", "-5"), ("+ 5", "5"), ("+1,234.5", "1234.5"),
        )
    ],
    *[("Quantity", text, number) for text, number in (("-0", 0), ("0", 0), ("-1", -1), ("-1e3", -1000))],
    *[("UnitPrice", text, Decimal(text)) for text in ("-0", "0", "-1", "-1e3")],
    # Parsing these as numbers would take minutes.
    ("UnitPrice", "9" * 1_000_000, MALFORMED),
    ("Quantity", "0." + "9" * 1_000_000, MALFORMED),
    ("Quantity", "1e3", 1000),
    ("Quantity", "2.0", 2),
    ("Quantity", "0.450", Decimal("0.45")),
    ("Quantity", "0.30000000000000004", Decimal("0.3")),
    ("Quantity", "1.00005", Decimal("1.0001")),
    ("UnitPrice", "1e3", Decimal(1000)),
    ("UnitPrice", "1e-3", Decimal("0.001")),
    *[
        ("InvoiceDate", text, MALFORMED)
        for text in ("2011-02-30", "2/30/2011", "31/12/2010", "1900-02-29", "2011-01-01 24:00", "2011-01-01 12:60")
    ],
    *[
        ("InvoiceDate", text, MALFORMED)
        for text in ("0000-01-01", "1/1/0000", "10000-01-01", "1/1/10000", "1/1/11", "20110101", "now", "")
    ],
    *[("InvoiceDate", text, MALFORMED) for text in ("00000", "00001.5", "0")],
    # The configured formats have the month first between slashes, the day first between dashes.
    ("InvoiceDate", "3/4/2011", datetime(2011, 3, 4)),
    ("InvoiceDate", "3-4-2011", datetime(2011, 4, 3)),
    ("InvoiceDate", "1900-01-01", datetime(1900, 1, 1)),
    ("InvoiceDate", "0001-01-01", datetime(1, 1, 1)),
    ("InvoiceDate", "2999-12-31", datetime(2999, 12, 31)),
    # The shop's own clock counts: zones and offsets are ignored.
    ("InvoiceDate", "2010-12-01T08:26:00Z", datetime(2010, 12, 1, 8, 26)),
    ("InvoiceDate", "2010-12-01T23:30:00+02:00", datetime(2010, 12, 1, 23, 30)),
    ("InvoiceDate", "2010-12-01 23:30:00-11:00", datetime(2010, 12, 1, 23, 30)),
    ("InvoiceDate", "2010-12-01 08:26:00 Europe/London", datetime(2010, 12, 1, 8, 26)),
    ("CustomerID", "00017850", "00017850"),
    ("CustomerID", "17850.0", "17850"),
    ("CustomerID", "\u200f17850\u200b", "17850"),
    ("CustomerID", "\u300017850\u2003", "17850"),
    ("CustomerID", "17850\0", "17850"),
    ("CustomerID", "5E12", "5E12"),
    *[
        (field, number + "0" * (100 - len(number)) + more, value if not more else MALFORMED)
        for field, number, value in (
            ("Quantity", "2.", 2),
            ("UnitPrice", "2.5", Decimal("2.5")),
            ("InvoiceDate", "2010-12-01T08:26:00.", None),
        )
        for more in ("", "0")
        if value or more
    ],
    *[("CustomerID", text, MALFORMED) for text in ("1.785E4", "1.785e4", "1.23457E+15", "2E+04")],
    *[("CustomerID", blank, GUEST) for blank in ("", " \t", "\u00a0", "\u2003", "\u202f", "\u200b", "\ufeff", "\0")],
    ("StockCode", "85123a", "85123a"),
    ("StockCode", "085123", "085123"),
    ("StockCode", "8.5123E+04", MALFORMED),
    ("StockCode", "\u200b", MALFORMED),
    ("InvoiceNo", "5.36365E+05", MALFORMED),
    ("InvoiceNo", "\u00a0", MALFORMED),
    *[("Description", text, text) for text in ("🦊 FOX 👩‍👩‍👧", "שלום, עולם", "مرحبا", "e\u0301\u0302")],
    *[("Description", text, text) for text in ("a\nb", "a,b;c\td", '"', '""', '7" "HITS"', "\\", "=1+1")],
    ("Description", "x" * 10_000, "x" * 10_000),
]  # fmt: skip


@pytest.fixture(scope="module")
def parsed(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Mapping[int, Mapping[str, Any]]:
    """Return the parsed lines by the number of the case, which is in the country."""
    rows = [
        list({**GOOD, "Country": str(number), column: text}.values()) for number, (column, text, _) in enumerate(VALUES)
    ]
    path = tmp_path_factory.mktemp("values") / "lines.csv"
    path.write_bytes(quoted_csv(rows))
    quantity = units_of(F.col(s.QUANTITY_E4)).alias(s.QUANTITY)
    lines = parse_lines(read(spark, path), CLEANING).select(*s.PARSED_FIELDS, quantity, s.AS_READ)
    return {int(row[s.COUNTRY]): row.asDict() for row in lines.collect()}


@pytest.mark.parametrize(
    "number", range(len(VALUES)), ids=lambda number: f"{VALUES[number][0]} {VALUES[number][1][:20]!a}"
)
def test_a_value_is_parsed_or_its_line_is_malformed(number: int, parsed: Mapping[int, Mapping[str, Any]]) -> None:
    column, _, expected = VALUES[number]
    row = parsed[number]
    assert (row[s.AS_READ] is not None) == (expected is MALFORMED)
    if expected is not MALFORMED:
        assert row[s.LINE_FIELDS[HEADER.index(column)]] == (None if expected is GUEST else expected)
