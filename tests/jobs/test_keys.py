"""Customers, orders and countries as a run counts them, where exports write them in their own ways."""

import logging
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from segmentation import schemas as s
from tests.hostile_files import TOP, line, text
from tests.jobs.stages import clean, configured


def sold(number: int, **fields: str) -> str:
    """A sale of one of five customers; its invoice number is of four that are used again and again."""
    customer = str(17850 + number % 5)
    made = {
        "InvoiceNo": str(1 + number % 4),
        "InvoiceDate": f"2010-12-{number + 1:02} 08:26",
        "CustomerID": customer,
        "Country": "United Kingdom",
    }
    return line(number, **{**made, **fields})


def test_nobody_and_spellings_are_settled_by_the_orders(
    spark: SparkSession, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO)
    lines = [sold(number) for number in range(15)]
    lines += [sold(number, InvoiceNo=str(900 + number), CustomerID="99999") for number in range(30)]
    lines += [sold(20, CustomerID="0"), sold(21, CustomerID="Zoe\u0308@x.org"), sold(22, CustomerID="zoë@X.org")]
    lines += [sold(23, InvoiceNo="C1", CustomerID="ZOË@x.org", Quantity="-1"), sold(24, Country="UNITED\u00a0KINGDOM")]
    lines += [sold(25, InvoiceNo="C2", CustomerID="99999", Quantity="-1")]
    path = tmp_path / "lines.csv"
    path.write_text(text(TOP, *lines), encoding="utf-8")
    cleaned = clean(spark, configured(), path)
    counts = cleaned.ledger.counts
    assert (counts[s.GUEST], counts[s.CLEAN], counts[s.CANCELLATION]) == (30, 15 + 1 + 2 + 1, 2)
    for orders in (cleaned.order_sums, cleaned.sales.lines):
        customers = {row[0] for row in orders.select(s.CUSTOMER_ID).distinct().collect()}
        assert customers == {None, "0", "zoë@x.org", *(str(17850 + number) for number in range(5))}
    assert {row[0] for row in cleaned.order_sums.select(s.COUNTRY).distinct().collect()} == {"United Kingdom"}
    assert sorted(row[s.CUSTOMER_ID] or "" for row in cleaned.returned.collect()) == ["", "zoë@x.org"]
    said = [
        "1 customer were written in 2 ways",
        "the customer id 99999 has 30 of 49 orders",
        "1 spelling of countries counted as another: 'UNITED\\xa0KINGDOM' as 'United Kingdom'",
        "4 of 34 invoice numbers looked at",
    ]
    assert [[message for message in caplog.messages if message.startswith(begin)] != [] for begin in said] == [True] * 4

    settings = ("cleaning.numbers_of_nobody=false", "cleaning.normalise_text=false", "cleaning.normalise_ids=false")
    apart = clean(
        spark, configured("conf/online_retail.yaml", *settings, "cleaning.order_key=invoice_day_customer"), path
    )
    assert apart.ledger.counts[s.GUEST] == 0
    rows = apart.order_sums.select(s.INVOICE_NO, s.CUSTOMER_ID, s.COUNTRY).collect()
    assert len({row[s.INVOICE_NO] for row in rows}) == apart.ledger.counts[s.CLEAN]
    assert len({row[s.CUSTOMER_ID] for row in rows}) == 5 + 4
    assert len({row[s.COUNTRY] for row in rows}) == 2
