"""What is too little or too damaged to work on is told with the counts that show why."""

import logging
import re
from collections.abc import Mapping

import pytest
from pyspark.sql import Row

from segmentation.cleaning.ledger import UNREADABLE, warn_of_malformed
from segmentation.filesystem.hadoop import StoredFile
from segmentation.ingest.files import InputFile

FILES = [InputFile(path, StoredFile(path, 1, 0), "csv", b"x") for path in ("a.csv", "b.csv")]


def counted(malformed: int, clean: int, unread: Mapping[str, int]) -> list[Row]:
    """As `cleaning.line_counts` gives them: a row per rule that occurs."""
    nothing = dict.fromkeys(UNREADABLE, 0)
    rows = [("clean", clean, nothing), ("malformed", malformed, {**nothing, **unread})]
    return [Row(rule=rule, rows=count, unread=Row(**missing)) for rule, count, missing in rows if count]


def warnings_of(rows: list[Row], caplog: pytest.LogCaptureFixture) -> list[str]:
    with caplog.at_level(logging.WARNING, "segmentation"):
        warn_of_malformed(rows, FILES)
    return caplog.messages


@pytest.mark.parametrize(
    ("unread", "why"),
    [
        ({"invoice_date": 1_100, "quantity": 40}, r"1,100 of them invoice_date is no date .* cleaning\.date_formats\."),
        ({"unit_price": 1_200}, r"1,200 of them unit_price is no number: look at input\.columns\.unit_price,"),
        ({"quantity": 900, "unparsed_line": 901}, r"901 of them the line cannot be taken apart .* input\.csv\."),
        ({"customer_id": 1_234}, r"1,234 of them customer_id is rounded, as 5\.4E\+05: export it as text\. They are"),
    ],
)
def test_many_malformed_lines_are_warned_of_with_what_is_missing_most_and_the_remedy(
    unread: dict[str, int], why: str, caplog: pytest.LogCaptureFixture
):
    [told] = warnings_of(counted(1_234, 3_766, unread), caplog)
    assert told.startswith("a.csv and 1 more: 1,234 of 5,000 lines (24.7%) are malformed and count nowhere. In ")
    assert re.search(why, told)
    assert told.endswith("rejected_transactions; quality_gates.max_rejected_share refuses such a run")


@pytest.mark.parametrize(("malformed", "clean"), [(0, 5), (1, 9), (10, 90)])
def test_up_to_a_tenth_of_malformed_lines_is_not_warned_of(
    malformed: int, clean: int, caplog: pytest.LogCaptureFixture
):
    assert warnings_of(counted(malformed, clean, {"quantity": malformed}), caplog) == []
