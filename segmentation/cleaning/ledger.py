"""Is there enough to work on? The day, the lines, the customers and the numbers of segments of a run, or InputError."""

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from pyspark.sql import DataFrame, Row

from segmentation import schemas as s
from segmentation.cleaning import rules
from segmentation.errors import InputError
from segmentation.ingest.files import InputFile

logger = logging.getLogger(__name__)

# Exports have a few broken lines; beyond that share it is mostly a format or a column that the job was told wrong.
# `quality_gates.max_rejected_share` refuses a run, by all rejected lines; without it such a run is published.
MALFORMED_SHARE_TOLD = 0.10
# What the values of malformed lines lack, and what to do about it.
UNREADABLE: Mapping[str, str] = {
    s.UNPARSED_LINE: "the line cannot be taken apart into its fields: look at its quotes and at input.csv",
    s.INVOICE_NO: "invoice_no is blank or rounded, as 5.4E+05: look at input.columns.invoice_no",
    s.STOCK_CODE: "stock_code is blank or rounded, as 5.4E+05: look at input.columns.stock_code",
    s.QUANTITY: "quantity is no whole number: look at input.columns.quantity, and write it as 1000",
    s.INVOICE_DATE: "invoice_date is no date in a known way: tell how it is written in cleaning.date_formats",
    s.UNIT_PRICE: "unit_price is no number: look at input.columns.unit_price, and write it as 1000.50",
    s.CUSTOMER_ID: "customer_id is rounded, as 5.4E+05: export it as text",
    s.AMOUNT: "quantity times unit_price is beyond all measure: look at input.columns",
}


def day_after_last_sale(judged: DataFrame, counted: Sequence[Row]) -> date:
    """The default of as_of; InputError where it would lie in the future and make every recency nonsense."""
    last = max((row[s.LAST_SOLD_AT].date() for row in counted if row[s.LAST_SOLD_AT]), default=None)
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    # Without any sale the day does not matter: the run ends with the counts of what was wrong with the lines.
    if last is None:
        return tomorrow
    # A day's grace for shops east of Greenwich.
    if last > tomorrow:
        file, invoice = rules.sales_of(judged, last).head() or ("", "")
        raise InputError(
            f"{file}: the last sale, of invoice {invoice}, is on {last}, which is yet to come: correct its date, or "
            "give the run its day with --as-of: what is dated later is then out of period"
        )
    day: date = last
    return day + timedelta(days=1)


def require_usable(quality: Sequence[Mapping[str, Any]], files: Sequence[InputFile]) -> dict[str, int]:
    """Lines read by rule; InputError where there is no clean one."""
    counts = {row[s.RULE]: row[s.ROWS] for row in quality}
    place = _place(files)
    if not sum(counts.values()):
        raise InputError(f"{place}: a header, but no lines below it")
    if not counts[rules.CLEAN]:
        raise InputError(
            f"{place}: no usable line is left of {sum(counts.values()):,} read ({_listed(counts)}): check "
            "input.columns, cleaning.date_formats and --as-of"
        )
    return counts


def warn_of_malformed(counted: Sequence[Row], files: Sequence[InputFile]) -> None:
    """A warning where more than MALFORMED_SHARE_TOLD of the lines are malformed: how many, mostly why, what to do.

    `counted` are the rows of `cleaning.line_counts`.
    """
    read = sum(row[s.ROWS] for row in counted)
    malformed = next((row for row in counted if row[s.RULE] == rules.MALFORMED), None)
    if malformed is None or malformed[s.ROWS] <= MALFORMED_SHARE_TOLD * read:
        return
    unread = malformed[s.UNREAD].asDict()
    most = max(UNREADABLE, key=lambda what: unread[what])
    logger.warning(
        "%s: %s of %s lines (%.1f%%) are malformed and count nowhere. In %s of them %s. They are in the table "
        "rejected_transactions; quality_gates.max_rejected_share refuses such a run",
        *(_place(files), f"{malformed[s.ROWS]:,}", f"{read:,}", 100 * malformed[s.ROWS] / read),
        *(f"{unread[most]:,}", UNREADABLE[most]),
    )


def _place(files: Sequence[InputFile]) -> str:
    return files[0].path + (f" and {len(files) - 1} more" if len(files) > 1 else "")


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{rule} {count:,}" for rule, count in counts.items() if count)


def data_quality(counts: Sequence[Row], rules: Sequence[str]) -> list[dict[str, Any]]:
    """The rows of `DATA_QUALITY`: one for each of `rules`, in their order, 0 where no line failed it first."""
    by_rule = {row[s.RULE]: row for row in counts}
    read = sum(row[s.ROWS] for row in counts)
    nothing = Decimal(0).scaleb(-s.MONEY.scale)
    return [
        {
            s.RULE: rule,
            s.ROWS: by_rule[rule][s.ROWS] if rule in by_rule else 0,
            s.SHARE: by_rule[rule][s.ROWS] / read if rule in by_rule else 0.0,
            s.REVENUE: by_rule[rule][s.REVENUE] if rule in by_rule else nothing,
        }
        for rule in rules
    ]
