"""Damaged lines and files: counted as malformed, or an error that names the file."""

from datetime import date
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from segmentation.cleaning.rules import rejected_transactions
from segmentation.errors import InputError
from segmentation.intake import CleanedLines
from tests.hostile_files import TOP, line, parquet, parquet_with_a_value_beyond_its_dictionary, text
from tests.jobs.stages import clean, configured

# Twelve customers, each with a day and an amount of its own.
SOLD = [
    line(n, CustomerID=str(17850 + n), Quantity=str(n + 1), InvoiceDate=f"2010-12-{n + 1:02} 08:26") for n in range(12)
]

# It reads a file where lines are cached, not where they are counted.
ADAPTIVE_EXECUTION = "spark.sql.adaptive.enabled"


def counts_of(cleaned: CleanedLines) -> dict[str, int]:
    """Return the lines by outcome, without outcomes that do not occur."""
    return {outcome: count for outcome, count in cleaned.ledger.counts.items() if count}


def test_every_damaged_line_is_counted_and_quarantined(spark: SparkSession, tmp_path: Path):
    broken = [
        TOP,  # the header again, as in files that were joined
        line(20, Description='"OPEN'),
        line(21, CustomerID=""),
        line(22, Description='"RED, BLUE"'),
        line(23, UnitPrice="free"),
        line(24, CustomerID="1.785E4"),
        line(25) + ",more",
        line(26, Description='"TWO\nLINES"', CustomerID="17850"),
    ]
    path = tmp_path / "lines.csv"
    path.write_text(text(TOP, *SOLD[:6], *broken, *SOLD[6:]), encoding="utf-8")
    cleaned = clean(spark, configured(), path)
    assert counts_of(cleaned) == {"clean": 14, "guest": 1, "malformed": 5}
    assert cleaned.ledger.read == len(SOLD) + len(broken)
    rejected = rejected_transactions(cleaned.exceptional).collect()
    assert sorted(row["invoice_no"] for row in rejected) == ["536385", "536388", "536389", "536390", TOP[:9]]
    assert {row["source_file"] for row in rejected} == {str(path)}


@pytest.mark.parametrize("adaptive", ["false", "true"])
def test_a_damaged_parquet_file_is_named_whichever_values_are_damaged(
    adaptive: str, spark: SparkSession, tmp_path: Path
):
    (tmp_path / "a.parquet").write_bytes(parquet())
    (tmp_path / "b.parquet").write_bytes(parquet_with_a_value_beyond_its_dictionary())
    before = str(spark.conf.get(ADAPTIVE_EXECUTION))
    spark.conf.set(ADAPTIVE_EXECUTION, adaptive)
    try:
        with pytest.raises(InputError, match=r"/b\.parquet: cannot be read to its end, it is damaged"):
            clean(spark, configured(), tmp_path)
    finally:
        spark.conf.set(ADAPTIVE_EXECUTION, before)


@pytest.mark.parametrize("day", [pytest.param("2999-12-31", marks=pytest.mark.slow), "9999-12-31"])
def test_a_sale_in_the_future_is_refused_unless_the_run_has_its_day(day: str, spark: SparkSession, tmp_path: Path):
    path = tmp_path / "lines.csv"
    path.write_text(text(TOP, *SOLD, line(99, InvoiceDate=day)))
    message = rf"lines\.csv: the last sale, of invoice 536464, is on {day}, which is in the future: correct its date"
    with pytest.raises(InputError, match=message):
        clean(spark, configured(), path)
    cleaned = clean(spark, configured(), path, as_of=date(2011, 1, 1))
    assert counts_of(cleaned) == {"out_of_period": 1, "clean": len(SOLD)}
