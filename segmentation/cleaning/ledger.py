"""Account for every line that was read: counts and money by outcome, warnings, and whether there is enough to go on."""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.cleaning.rules import RULES
from segmentation.errors import InputError, counted
from segmentation.ingest import values
from segmentation.ingest.files import InputFile
from segmentation.money import sum_of_money

logger = logging.getLogger(__name__)

OUTCOMES = (*s.RULE_NAMES, s.GUEST, s.CLEAN)
# Exports have a few broken lines. A larger share mostly means a wrong format or column.
WARN_ABOVE_MALFORMED_SHARE = 0.10
# Why a line is malformed, and what to do about it.
REMEDIES: Mapping[str, str] = {
    s.UNPARSED_LINE: "the line cannot be split into its fields: look at its quotes and at input.csv",
    s.INVOICE_NO: "invoice_no is blank or rounded, as 5.4E+05: look at input.columns.invoice_no",
    s.STOCK_CODE: "stock_code is blank or rounded, as 5.4E+05: look at input.columns.stock_code",
    s.QUANTITY: "quantity is no whole number: look at input.columns.quantity, and write it as 1000",
    s.INVOICE_DATE: "invoice_date is no date in a known format: add its format to cleaning.date_formats",
    s.UNIT_PRICE: "unit_price is no number: look at input.columns.unit_price, and write it as 1000.50",
    s.CUSTOMER_ID: "customer_id is rounded, as 5.4E+05: export it as text",
    s.AMOUNT: "the amount is too large, or no number: look at input.columns, and write it as 1000.50",
}


def line_counts(sums: DataFrame, judged: DataFrame, input_fields: Collection[str] = s.LINE_FIELDS) -> DataFrame:
    """Return one row per outcome that occurs.

    `sums` come from `features.order_sums`; of the lines `judged` by every rule only the rejected ones are counted.

    Columns: rule string; rows bigint; revenue decimal(20,4), 0 for a line without an amount; last_sold_at
    timestamp_ntz, NULL for rejected lines; unreadable struct: malformed lines by what is wrong, each bigint, NULL for
    sales.
    """
    outcome_of_sale = F.when(F.col(s.CUSTOMER_ID).isNull(), F.lit(s.GUEST)).otherwise(F.lit(s.CLEAN))
    sold = sums.groupBy(outcome_of_sale.alias(s.RULE)).agg(
        F.sum(s.LINES).alias(s.ROWS),
        sum_of_money(F.col(s.REVENUE), s.REVENUE),
        F.max(s.LAST_SOLD_AT).alias(s.LAST_SOLD_AT),
    )
    rejected = judged.where(F.col(s.REJECTION).isNotNull())
    faults = {name: F.count_if(fault).alias(name) for name, fault in _faults(input_fields).items()}
    by_reason = rejected.groupBy(F.col(s.REASON).alias(s.RULE)).agg(
        F.count(F.lit(1)).alias(s.ROWS),
        sum_of_money(F.col(s.AMOUNT), s.REVENUE),
        F.struct(*faults.values()).alias(s.UNREADABLE),
    )
    return sold.unionByName(by_reason, allowMissingColumns=True)


def sales_of_day(lines: DataFrame, day: date) -> DataFrame:
    """Return source_file and invoice_no of the sales of a day, sorted. `lines` come from `judge_each_line`."""
    is_of_day = F.col(s.REASONS).isNull() & (F.col(s.INVOICE_DATE).cast("date") == F.lit(day))
    return lines.where(is_of_day).select(s.SOURCE_FILE, s.INVOICE_NO).sort(s.SOURCE_FILE, s.INVOICE_NO)


@dataclass(frozen=True)
class Ledger:
    """Lines and money by outcome, from the rows of `line_counts`, and the files that they came from."""

    rows: Sequence[Row]
    files: Sequence[InputFile]

    @cached_property
    def counts(self) -> dict[str, int]:
        """Lines by outcome, 0 where there is none."""
        rows = {row[s.RULE]: row[s.ROWS] for row in self.rows}
        return {outcome: rows.get(outcome, 0) for outcome in OUTCOMES}

    @property
    def read(self) -> int:
        return sum(self.counts.values())

    @property
    def rejected(self) -> int:
        return sum(self.counts[rule] for rule in s.RULE_NAMES)

    @property
    def last_sale_day(self) -> date | None:
        return max((row[s.LAST_SOLD_AT].date() for row in self.rows if row[s.LAST_SOLD_AT]), default=None)

    @cached_property
    def data_quality(self) -> list[dict[str, Any]]:
        """The rows of `DATA_QUALITY`: one per outcome."""
        revenue = {row[s.RULE]: row[s.REVENUE] for row in self.rows}
        nothing = Decimal(0).scaleb(-s.MONEY.scale)
        return [
            {
                s.RULE: outcome,
                s.ROWS: count,
                s.SHARE: count / self.read if self.read else 0.0,
                s.REVENUE: revenue.get(outcome, nothing),
            }
            for outcome, count in self.counts.items()
        ]

    @property
    def lines_read(self) -> str:
        """The lines read by outcome, such as `of 5 lines read: guest 2, clean 3`, to follow a message in brackets."""
        return f"of {counted(self.read, 'line')} read: {_listed(self.counts)}"

    @property
    def source(self) -> str:
        """The first file, and how many more there are, for a message."""
        return self.files[0].path + (f" and {len(self.files) - 1} more" if len(self.files) > 1 else "")


def day_after_last_sale(ledger: Ledger, lines: DataFrame) -> date:
    """Return the default of `as_of`.

    Raises InputError where the last sale lies in the future, which would make every recency meaningless. Only then an
    action runs on `lines`, which come from `judge_each_line`, to name the file and the invoice.
    """
    last, tomorrow = ledger.last_sale_day, datetime.now(UTC).date() + timedelta(days=1)
    if last is None:  # `require_clean_lines` raises next
        return tomorrow
    if last > tomorrow:  # tomorrow itself may be today east of Greenwich
        file, invoice = sales_of_day(lines, last).head() or ("", "")
        of_invoice = f", of invoice {invoice}," if invoice else ""
        raise InputError(
            f"{file}: the last sale{of_invoice} is on {last}, which is in the future: correct its date, or "
            "set the day of the run with --as-of: lines of that day and later are then out of period"
        )
    return last + timedelta(days=1)


def require_clean_lines(ledger: Ledger) -> None:
    """Raise InputError where no line is clean."""
    if not ledger.read:
        raise InputError(f"{ledger.source}: a header, but no lines below it")
    if not ledger.counts[s.CLEAN]:
        commonest = max(ledger.counts, key=lambda outcome: ledger.counts[outcome])
        remedy = RULES[commonest].remedy if commonest in RULES else "input.columns.customer_id"
        raise InputError(
            f"{ledger.source}: no usable line is left of {ledger.read:,} read ({_listed(ledger.counts)}): check "
            f"{remedy}"
        )


def warn_of_malformed(ledger: Ledger) -> None:
    """Warn where many lines are malformed: how many, the commonest fault, and its remedy."""
    malformed = next((row for row in ledger.rows if row[s.RULE] == s.MALFORMED), None)
    if malformed is None or malformed[s.ROWS] <= WARN_ABOVE_MALFORMED_SHARE * ledger.read:
        return
    faults = malformed[s.UNREADABLE].asDict()
    commonest = max(REMEDIES, key=lambda name: faults[name])
    logger.warning(
        "%s: %s of %s lines (%.1f%%) are malformed and count nowhere. In %s of them %s. They are in the table "
        "rejected_transactions; quality_gates.max_rejected_share refuses such a run",
        *(ledger.source, f"{malformed[s.ROWS]:,}", f"{ledger.read:,}", 100 * malformed[s.ROWS] / ledger.read),
        *(f"{faults[commonest]:,}", REMEDIES[commonest]),
    )


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{outcome} {count:,}" for outcome, count in counts.items() if count)


def _faults(input_fields: Collection[str]) -> Mapping[str, Column]:
    """For each of `REMEDIES` whether it is what a malformed line lacks. A field that no line has is no fault."""
    is_malformed = F.col(s.REASON).eqNullSafe(s.MALFORMED)
    rejection = F.col(s.REJECTION)
    needed = (s.INVOICE_NO, s.STOCK_CODE, s.QUANTITY, s.INVOICE_DATE, s.UNIT_PRICE)
    missing = {name: F.col(name).isNull() for name in needed}
    missing[s.CUSTOMER_ID] = values.is_rounded(F.col(s.CUSTOMER_ID))  # a missing customer is no fault
    if s.AMOUNT in input_fields:
        missing[s.AMOUNT] = F.col(s.AMOUNT).isNull()
    else:
        missing[s.AMOUNT] = F.col(s.AMOUNT).isNull() & ~missing[s.QUANTITY] & ~missing[s.UNIT_PRICE]
    missing |= {name: F.lit(False) for name in s.LINE_FIELDS if name not in input_fields and name in missing}
    is_unparsed = rejection[s.UNPARSED]
    faults = {name: is_malformed & ~is_unparsed & fault for name, fault in missing.items()}
    return {s.UNPARSED_LINE: is_malformed & is_unparsed, **faults}
