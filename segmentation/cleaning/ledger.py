"""Account for every line that was read: counts and money by outcome, warnings, and whether there is enough to go on."""

import logging
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.cleaning.rules import RULES, is_before_first_day, is_total
from segmentation.config.settings import CleaningSettings
from segmentation.errors import InputError, counted
from segmentation.ingest import numbers, values
from segmentation.ingest.dates import EARLIEST_SALE
from segmentation.ingest.files import InputFile
from segmentation.money import sum_of_money, units_of
from segmentation.redaction import printable

logger = logging.getLogger(__name__)

OUTCOMES = (*s.RULE_NAMES, s.GUEST, s.CLEAN)
# Exports have a few broken lines. A larger share mostly means a wrong format or column.
WARN_ABOVE_MALFORMED_SHARE = 0.10
# Why a line is malformed, and what to do about it.
REMEDIES: Mapping[str, tuple[str, str]] = {
    s.UNPARSED_LINE: ("the line cannot be split into its fields", "look at its quotes and at input.csv"),
    s.INVOICE_NO: ("invoice_no is blank or rounded, as 5.4E+05", "look at input.columns.invoice_no"),
    s.STOCK_CODE: ("stock_code is blank or rounded, as 5.4E+05", "look at input.columns.stock_code"),
    s.QUANTITY: ("quantity is no number or too large", "look at input.columns.quantity and input.decimal"),
    s.INVOICE_DATE: ("invoice_date is no date in a known format", "add its format to cleaning.date_formats"),
    s.UNIT_PRICE: ("unit_price is no number or too large", "look at input.columns.unit_price and input.decimal"),
    s.CUSTOMER_ID: ("customer_id is rounded, as 5.4E+05", "export it as text"),
    s.AMOUNT: ("the amount is too large, or no number", "look at input.columns.amount and input.decimal"),
}
# The fields of which the first value that cannot be read is warned of: their money is lost.
ALWAYS_WARNED = (s.QUANTITY, s.INVOICE_DATE, s.UNIT_PRICE, s.AMOUNT)
# Of a value that is shown. What may be a name or an id in the wrong column is hidden: words, and digits with letters.
LONGEST_SHOWN = 40
HIDDEN = re.compile(r"[^\W\d_]{4,}|\b(?=\w*[^\W\d_])(?=(?:[^\W\d]*\d){5})\w+")
FAULT, VALUE, PROBABLE = "fault", "value", "probable"
EARLY = "early"
# Of rejected lines, those with money above 0, and that money; of adjustments, those that add up other lines.
POSITIVE_ROWS, POSITIVE_REVENUE = "positive_rows", "positive_revenue"
TOTAL_ROWS, TOTAL_REVENUE = "total_rows", "total_revenue"
# Of lines without a price, those whose money rounds to 0, and that money.
TINY_ROWS, TINY_REVENUE = "tiny_rows", "tiny_revenue"
# Of rejected lines, those before the first day that counts.
EARLIER_ROWS = "earlier_rows"


def line_counts(sums: DataFrame, judged: DataFrame, settings: CleaningSettings) -> DataFrame:
    """Return one row per outcome that occurs.

    `sums` come from `features.order_sums`; of the lines `judged` by every rule only the rejected ones are counted.

    Columns: rule string; rows bigint; revenue decimal(20,4), of lines with an amount, NULL where no line has one;
    rows_without_revenue bigint, the others; first_sold_at and last_sold_at timestamp_ntz, and early bigint, the lines
    of orders before 1990, NULL for rejected lines; positive_rows bigint and positive_revenue decimal(20,4), of rejected
    lines with money above 0, NULL for sales; total_rows bigint and total_revenue decimal(20,4), of adjustments that add
    up other lines; tiny_rows bigint and tiny_revenue decimal, of lines whose money rounds to 0; earlier_rows bigint, of
    rejected lines before `cleaning.first_day`, or that of the window.
    """
    outcome_of_sale = F.when(F.col(s.CUSTOMER_ID).isNull(), F.lit(s.GUEST)).otherwise(F.lit(s.CLEAN))
    sold = sums.groupBy(outcome_of_sale.alias(s.RULE)).agg(
        F.sum(s.LINES).alias(s.ROWS),
        sum_of_money(F.col(s.REVENUE), s.REVENUE),
        F.lit(0).cast("bigint").alias(s.ROWS_WITHOUT_REVENUE),
        F.max(s.LAST_SOLD_AT).alias(s.LAST_SOLD_AT),
        F.min(s.FIRST_SOLD_AT).alias(s.FIRST_SOLD_AT),
        F.sum(F.when(F.col(s.FIRST_SOLD_AT) < F.lit(EARLIEST_SALE), F.col(s.LINES)).otherwise(0)).alias(EARLY),
    )
    rejected = judged.where(F.col(s.REJECTION).isNotNull())
    adds_up = (F.col(s.REASON) == s.ADJUSTMENT) & is_total(settings)
    is_tiny = (F.col(s.REASON) == s.NON_POSITIVE_PRICE) & (F.col(s.UNIT_PRICE) > 0)
    unrounded = (units_of(F.col(s.QUANTITY_E4)) * F.col(s.UNIT_PRICE)).try_cast("decimal(18,12)")
    by_reason = rejected.groupBy(F.col(s.REASON).alias(s.RULE)).agg(
        F.count(F.lit(1)).alias(s.ROWS),
        F.sum(s.AMOUNT).cast(s.MONEY).alias(s.REVENUE),
        F.count_if(F.col(s.AMOUNT).isNull()).alias(s.ROWS_WITHOUT_REVENUE),
        F.count_if(F.col(s.AMOUNT) > 0).alias(POSITIVE_ROWS),
        F.sum(F.when(F.col(s.AMOUNT) > 0, F.col(s.AMOUNT))).cast(s.MONEY).alias(POSITIVE_REVENUE),
        F.count_if(adds_up).alias(TOTAL_ROWS),
        F.sum(F.when(adds_up, F.col(s.AMOUNT))).cast(s.MONEY).alias(TOTAL_REVENUE),
        F.count_if(is_tiny).alias(TINY_ROWS),
        F.sum(F.when(is_tiny, unrounded)).alias(TINY_REVENUE),
        F.count_if(is_before_first_day(settings)).alias(EARLIER_ROWS),
    )
    return sold.unionByName(by_reason, allowMissingColumns=True)


def unreadable_values(judged: DataFrame, input_fields: Collection[str] = s.LINE_FIELDS) -> DataFrame:
    """Return one row per fault of `REMEDIES` that malformed lines have; `judged` are lines judged by every rule.

    Columns: fault string; rows bigint; revenue decimal(20,4), of lines with an amount; probable decimal(20,4), what the
    others would bring, by the numbers that their texts probably mean, NULL where none does; value struct: the shortest
    such text, string, and its source_file.
    """
    as_read = F.col(s.REJECTION)[s.AS_READ]
    texts = {**{name: as_read[name] for name in s.LINE_FIELDS}, s.AMOUNT: as_read[s.UNIT_PRICE]}
    faults = [
        F.when(fault, F.struct(F.lit(name).alias(FAULT), texts.get(name, F.lit(None)).cast("string").alias(VALUE)))
        for name, fault in _faults(input_fields).items()
    ]
    units = F.coalesce(units_of(F.col(s.QUANTITY_E4)), numbers.probable_number(as_read[s.QUANTITY]))
    price = F.coalesce(F.col(s.UNIT_PRICE), numbers.probable_number(as_read[s.UNIT_PRICE]))
    money = price if s.AMOUNT in input_fields else units.cast("double") * price.cast("double")
    probable = F.when(F.col(s.AMOUNT).isNull(), F.abs(money)).try_cast(s.MONEY)
    text = F.substring(F.trim(F.col("found")[VALUE]), 1, 2 * LONGEST_SHOWN)
    by_length = F.struct((text == "").alias("is_blank"), F.length(text), text.alias(VALUE), F.col(s.SOURCE_FILE))
    return (
        judged.where(F.col(s.REASON) == s.MALFORMED)
        .select(
            F.explode(F.array_compact(F.array(*faults))).alias("found"),
            s.AMOUNT,
            s.SOURCE_FILE,
            probable.alias(PROBABLE),
        )
        .groupBy(F.col("found")[FAULT].alias(FAULT))
        .agg(
            F.count(F.lit(1)).alias(s.ROWS),
            sum_of_money(F.abs(s.AMOUNT), s.REVENUE),
            F.sum(PROBABLE).try_cast(s.MONEY).alias(PROBABLE),
            F.count_if(F.col(s.AMOUNT).isNull()).alias(s.ROWS_WITHOUT_REVENUE),
            F.min(F.when(text.isNotNull(), by_length)).alias(VALUE),
        )
    )


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
    def earlier(self) -> int:
        """The rejected lines before the first day that counts, whatever else is wrong with them."""
        return sum(row[EARLIER_ROWS] or 0 for row in self.rows)

    @property
    def last_sale_day(self) -> date | None:
        return max((row[s.LAST_SOLD_AT].date() for row in self.rows if row[s.LAST_SOLD_AT]), default=None)

    @cached_property
    def data_quality(self) -> list[dict[str, Any]]:
        """The rows of `DATA_QUALITY`: one per outcome."""
        rows = {row[s.RULE]: row for row in self.rows}
        nothing = {s.REVENUE: Decimal(0).scaleb(-s.MONEY.scale), s.ROWS_WITHOUT_REVENUE: 0}
        return [
            {
                s.RULE: outcome,
                s.ROWS: count,
                s.SHARE: count / self.read if self.read else 0.0,
                **{name: rows[outcome][name] if outcome in rows else none for name, none in nothing.items()},
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


def require_clean_lines(ledger: Ledger, faults: Sequence[Row] = ()) -> None:
    """Raise InputError where no line is clean. `faults` are the rows of `unreadable_values`."""
    if not ledger.read:
        raise InputError(f"{ledger.source}: a header, but no lines below it")
    if not ledger.counts[s.CLEAN]:
        commonest = max(ledger.counts, key=lambda outcome: ledger.counts[outcome])
        remedy = f"check {RULES[commonest].remedy if commonest in RULES else 'input.columns.customer_id'}"
        if commonest == s.MALFORMED and faults:
            worst = max(faults, key=lambda row: row[s.ROWS])
            remedy = f"in {worst[s.ROWS]:,} of them {': '.join(REMEDIES[worst[FAULT]])}"
        raise InputError(
            f"{ledger.source}: no usable line is left of {ledger.read:,} read ({_listed(ledger.counts)}): {remedy}"
        )


def warn_of_malformed(ledger: Ledger, faults: Sequence[Row]) -> None:
    """Warn of lines that are malformed: of each fault how many have it, an example, their money, and the remedy.

    `faults` are the rows of `unreadable_values`. A number or date is warned of from the first line on, any other fault
    where many lines are malformed.
    """
    are_many = ledger.counts[s.MALFORMED] > WARN_ABOVE_MALFORMED_SHARE * ledger.read
    by_name = {row[FAULT]: row for row in faults}
    for name, (fault, remedy) in REMEDIES.items():
        if name not in by_name or not (are_many or name in ALWAYS_WARNED):
            continue
        row = by_name[name]
        file, example = _example(row[VALUE])
        logger.warning(
            "%s: %s in %s of %s lines (%.1f%%)%s: they are malformed and count nowhere%s. %s; they are in the table "
            "rejected_transactions, and quality_gates.max_rejected_share refuses a run with too many",
            *(file or ledger.source, fault, f"{row[s.ROWS]:,}", f"{ledger.read:,}", 100 * row[s.ROWS] / ledger.read),
            *(example, _lost_money(row, ledger), remedy[:1].upper() + remedy[1:]),
        )


def warn_of_early_sales(ledger: Ledger) -> None:
    """Warn of sales before any shop kept them on a computer: of a date format that reads a number or year wrongly."""
    sold = [row for row in ledger.rows if row[s.RULE] in (s.CLEAN, s.GUEST)]
    early = sum(row[EARLY] for row in sold)
    if early:
        logger.warning(
            "%s: %s of %s lines of sales are before 1990, the first on %s: look at cleaning.date_formats, or leave "
            "them out by cleaning.first_day",
            *(ledger.source, f"{early:,}", f"{sum(row[s.ROWS] for row in sold):,}"),
            min(row[s.FIRST_SOLD_AT] for row in sold).date(),
        )


def warn_of_totals(ledger: Ledger) -> None:
    """Warn of lines that add up others, and that the rules take out, with their money."""
    for row in [row for row in ledger.rows if row[s.RULE] == s.ADJUSTMENT and row[TOTAL_ROWS]]:
        logger.warning(
            "%s: the customer, invoice or stock code is a word such as Total in %s with %s: they seem to add up other "
            "lines, and are adjustments, which count nowhere. Leave them out of the export, or set cleaning.totals=[] "
            "if they are sales",
            *(ledger.source, counted(row[TOTAL_ROWS], "line"), f"{row[TOTAL_REVENUE] or 0:,.2f}"),
        )


def warn_of_tiny_amounts(ledger: Ledger) -> None:
    """Warn of lines whose money rounds to 0 in a table of money, with what it is together."""
    for row in [row for row in ledger.rows if row[s.RULE] == s.NON_POSITIVE_PRICE and row[TINY_ROWS]]:
        logger.warning(
            "%s: the money of %s is above 0 and below 0.00005, %s together: it rounds to 0, so they count nowhere, "
            "like lines without a price. Let the export write prices in a smaller unit, such as cents",
            *(ledger.source, counted(row[TINY_ROWS], "line"), f"{(row[TINY_REVENUE] or Decimal(0)).normalize():,f}"),
        )


def _example(value: Row | None) -> tuple[str, str]:
    """Return the file and the words of an example; a text that may name a person is not shown."""
    if value is None:
        return "", ""
    text = printable(value[VALUE])
    if not text:
        return value[s.SOURCE_FILE], ", where it is blank"
    if "@" in text or not re.search(r"\d", text):
        return value[s.SOURCE_FILE], ", such as a text without digits"
    shown = HIDDEN.sub(lambda match: f"{match[0][:1]}•••", text)[:LONGEST_SHOWN]
    return value[s.SOURCE_FILE], f", such as {shown!r}"


def _lost_money(row: Row, ledger: Ledger) -> str:
    """Return the money of lines with a fault in words, and its share of all money, as far as it is known."""
    sold = sum((row[s.REVENUE] for row in ledger.rows if row[s.RULE] in (s.CLEAN, s.GUEST)), Decimal(0))
    lost, unknown = row[s.REVENUE] + (row[PROBABLE] or 0), row[s.ROWS_WITHOUT_REVENUE]
    if not lost:
        return f"; the money of {unknown:,} of them is unknown" if unknown else ""
    share = f"{lost:,.2f}, {100 * float(lost) / float(sold + lost):.1f}% of all money"
    if not unknown:
        return f", with {share}"
    return (
        f"; their money is probably about {share}" if row[PROBABLE] else f", with {share}, and of {unknown:,} unknown"
    )


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{outcome} {count:,}" for outcome, count in counts.items() if count)


def _faults(input_fields: Collection[str]) -> Mapping[str, Column]:
    """For each of `REMEDIES` whether it is what a malformed line lacks. A field that no line has is no fault."""
    is_malformed = F.col(s.REASON).eqNullSafe(s.MALFORMED)
    rejection = F.col(s.REJECTION)
    parsed = {name: name for name in (s.INVOICE_NO, s.STOCK_CODE, s.INVOICE_DATE, s.UNIT_PRICE)}
    parsed[s.QUANTITY] = s.QUANTITY_E4
    missing = {name: F.col(column).isNull() for name, column in parsed.items()}
    missing[s.CUSTOMER_ID] = values.is_rounded(F.col(s.CUSTOMER_ID))  # a missing customer is no fault
    if s.AMOUNT in input_fields:
        missing[s.AMOUNT] = F.col(s.AMOUNT).isNull()
    else:
        missing[s.AMOUNT] = F.col(s.AMOUNT).isNull() & ~missing[s.QUANTITY] & ~missing[s.UNIT_PRICE]
    missing |= {name: F.lit(False) for name in s.LINE_FIELDS if name not in input_fields and name in missing}
    is_unparsed = rejection[s.UNPARSED]
    faults = {name: is_malformed & ~is_unparsed & fault for name, fault in missing.items()}
    return {s.UNPARSED_LINE: is_malformed & is_unparsed, **faults}
