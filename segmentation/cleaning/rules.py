"""Judge each parsed line: clean, a guest's sale, or rejected with every rule that it breaks.

Most rules need the line alone. Duplicates are looked for among the few lines that share invoice and product with
another: these and the rejected lines are the exceptions, a few in a hundred, and all that is kept of the lines. The
others are read again by each query, with the copies among them taken off as reversed lines.

To add a rule: its name in `schemas.RULE_NAMES`, an entry in `RULES`, a test.
"""

import operator
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date
from functools import reduce
from types import MappingProxyType

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.cleaning.duplicates import ITEM, with_duplicate_flag, with_item
from segmentation.config.settings import CleaningSettings
from segmentation.money import amount_of, plain_text, units_of
from segmentation.sales import Sales, as_sales, reversed_lines

HAS_PREFIX = "has_prefix"
# A line that breaks one of these rules gives no money back.
NEVER_RETURNED = (s.ADJUSTMENT, s.OUT_OF_PERIOD, s.DUPLICATE)
# Between an invoice number and the day and customer of `with_orders_of_days`: a character that no export writes.
ORDER_SEPARATOR = "\x1f"
Condition = Callable[[CleaningSettings, date | None], Column]


@dataclass(frozen=True)
class Rule:
    """A cleaning rule. `condition` is true where a line breaks it; NULL counts as false.

    `label` and `meaning` are the report's words, `criterion` what --explain prints, with settings in braces, and
    `remedy` what to look at where a rule takes out more than expected.
    """

    condition: Condition
    label: str
    meaning: str
    criterion: str
    remedy: str


def _has_cancellation_prefix(settings: CleaningSettings) -> Column:
    prefixes = [prefix.upper() for prefix in settings.cancellation_prefixes]
    # Of each line no more than that becomes upper case.
    beginning = F.upper(F.substring(F.col(s.INVOICE_NO), 1, max(map(len, prefixes), default=0)))
    has_any = reduce(operator.or_, [F.startswith(beginning, F.lit(prefix)) for prefix in prefixes], F.lit(False))
    return F.coalesce(has_any, F.lit(False))


def _is_cancellation(settings: CleaningSettings, as_of: date | None) -> Column:
    return _has_cancellation_prefix(settings) | F.col(s.IS_REFUND)


def is_total(settings: CleaningSettings) -> Column:
    """Return whether a line adds up others, by the word in place of its customer, invoice number or stock code."""
    words = [word.lower() for word in settings.totals]
    words += [f"{word}:" for word in words]

    def is_word(text: Column) -> Column:
        has_digit_first = (text >= "0") & (text < ":")  # as most ids have: these are not looked at further
        return F.when(has_digit_first, F.lit(False)).otherwise(F.coalesce(F.lower(text).isin(words), F.lit(False)))

    return reduce(operator.or_, [is_word(F.col(name)) for name in (s.CUSTOMER_ID, s.INVOICE_NO, s.STOCK_CODE)])


def _is_adjustment(settings: CleaningSettings, as_of: date | None) -> Column:
    is_sale = F.col(s.INVOICE_NO).rlike(settings.sale_invoice_pattern)
    is_no_sale = F.col(s.IS_NO_SALE) | (~is_sale & ~_is_cancellation(settings, as_of))
    return (is_total(settings) | is_no_sale) if settings.totals else is_no_sale


def _is_without_money(settings: CleaningSettings, as_of: date | None) -> Column:
    rounds_to_0 = (F.col(s.AMOUNT_E4) == 0) & (F.col(s.QUANTITY_E4) != 0)
    return ~F.col(s.HAS_PRICE) | rounds_to_0


def is_before_first_day(settings: CleaningSettings) -> Column:
    """Return whether a line is older than the first day that counts, if there is one."""
    day = F.col(s.INVOICE_DATE).cast("date")
    return day < F.lit(settings.first_day) if settings.first_day else F.lit(False)


def _is_out_of_period(settings: CleaningSettings, as_of: date | None) -> Column:
    day = F.col(s.INVOICE_DATE).cast("date")
    is_too_late = day >= F.lit(as_of) if as_of else F.lit(False)
    return is_before_first_day(settings) | is_too_late


def _is_return(settings: CleaningSettings) -> Column:
    """Return whether a rejected line, whose `reason` and `reasons` are known, took money back.

    Every return is rejected, so that no table counts it as a sale. It counts inside the period, and once.
    """
    reason, reasons = F.col(s.REASON), F.col(s.REJECTION)[s.REASONS]
    has_prefix = F.col(HAS_PREFIX)
    marks = {
        "type": F.col(s.IS_REFUND),
        "prefix": has_prefix,
        "negative_quantity": ~has_prefix & (reason == s.NON_POSITIVE_QUANTITY),
    }
    is_marked = reduce(operator.or_, [marks[mark] for mark in settings.returns], F.lit(False))
    uncounted = reduce(operator.or_, [F.array_contains(reasons, name) for name in NEVER_RETURNED])
    is_readable = reason != s.MALFORMED
    return F.coalesce(is_marked & is_readable & (F.col(s.AMOUNT) < 0) & ~uncounted, F.lit(False))


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        s.MALFORMED: Rule(
            lambda settings, as_of: F.col(s.AS_READ).isNotNull(),
            "Cannot be read",
            "too few or too many fields, or an unreadable number, date or price",
            "a value that cannot be read; dates are tried as {date_formats}",
            "input.columns, input.csv and cleaning.date_formats",
        ),
        s.CANCELLATION: Rule(
            _is_cancellation,
            "Cancelled",
            "a cancelled invoice or a refund; it counts as money returned by its customer",
            "{cancellation}",
            "cleaning.cancellation_prefixes",
        ),
        s.ADJUSTMENT: Rule(
            _is_adjustment,
            "Adjustments",
            "the invoice is not a sale, such as a correction of bad debt, an order that was cancelled or never paid, "
            "money of another currency, or a line of totals",
            "the invoice does not match {sale_invoice_pattern}, the line adds up others{no_sale}",
            "cleaning.sale_invoice_pattern, cleaning.no_sale_statuses, cleaning.currency and cleaning.totals",
        ),
        s.NON_POSITIVE_QUANTITY: Rule(
            lambda settings, as_of: F.col(s.QUANTITY_E4) <= 0,
            "No quantity",
            "a quantity of 0 or less outside a cancellation, or money back where amounts are read",
            "a quantity of 0 or less, or an amount below 0",
            "input.columns.quantity and input.columns.amount",
        ),
        s.NON_POSITIVE_PRICE: Rule(
            _is_without_money,
            "No price",
            "a price of 0 or less, such as gifts and losses of stock, or money that rounds to 0",
            "a price of 0 or less, or an amount below 0.00005",
            "input.columns.unit_price or input.columns.amount",
        ),
        s.OUT_OF_PERIOD: Rule(
            _is_out_of_period,
            "Out of period",
            "before the first day, or on or after the day of this report",
            "{period}",
            "cleaning.first_day and --as-of",
        ),
        s.DUPLICATE: Rule(
            lambda settings, as_of: F.col(s.IS_DUPLICATE),
            "Duplicates",
            "an exact copy of another line, which counts once",
            "an exact copy of another line",
            "cleaning.switched_off",
        ),
    }
)
"""By name, in the order in which the first rule that a line breaks becomes its `reason`."""

# The two outcomes of a line that breaks no rule.
GUEST_MEANING = "good sales without a customer id: they count for countries and products only"
CLEAN_MEANING = "good sales of known customers"


def judge_each_line(parsed: DataFrame, settings: CleaningSettings, as_of: date | None) -> DataFrame:
    """Return one row per parsed line, judged by every rule that needs no other line: all but `duplicate`.

    `as_of` is the day given by the user: lines of that day and later are out of period. With None no line is too late.

    Columns: invoice_no, stock_code, description, customer_id, country string; invoice_date timestamp_ntz; unit_price
    decimal(22,8); quantity_e4, amount_e4 bigint; source_file, unparsed_line string; as_read struct of the eight texts,
    NULL unless malformed; is_refund and has_prefix boolean, of the line's type and of its invoice number; reasons
    array<string>, the rules broken, NULL where there is none.
    """
    parsed = parsed.withColumn(s.IS_REFUND, F.coalesce(F.col(s.IS_REFUND), F.lit(False)))
    rules = {name: rule for name, rule in RULES.items() if name not in (*settings.switched_off, s.DUPLICATE)}
    # A projection of its own: the conditions are used twice below, and evaluated once.
    flagged = parsed.withColumns(
        {_breaks(name): F.coalesce(rule.condition(settings, as_of), F.lit(False)) for name, rule in rules.items()}
    )
    is_rejected = reduce(operator.or_, [F.col(_breaks(name)) for name in rules])
    names = F.array_compact(F.array(*[F.when(F.col(_breaks(name)), F.lit(name)) for name in rules]))
    return flagged.select(
        *(*s.PARSED_FIELDS, s.AMOUNT_E4, s.SOURCE_FILE, s.UNPARSED_LINE, s.AS_READ, s.IS_REFUND),
        _has_cancellation_prefix(settings).alias(HAS_PREFIX),
        F.when(is_rejected, names).alias(s.REASONS),
    )


def exceptional_lines(
    lines: DataFrame, repeated: DataFrame, settings: CleaningSettings, join: str = "broadcast"
) -> DataFrame:
    """Return the rejected lines, and all lines that share invoice and product with another, judged by every rule.

    `lines` come from `judge_each_line`, `repeated` from `repeated_items`; `join` is the Spark hint of the join with
    `repeated`. Columns as of `judge_lines`.
    """
    found = (
        with_item(lines)
        .join(repeated.withColumn(s.IS_DUPLICATE, F.lit(True)).hint(join), on=ITEM, how="left")
        .where(F.col(s.REASONS).isNotNull() | F.col(s.IS_DUPLICATE))
        .drop(ITEM, s.IS_DUPLICATE)
    )
    return _judged(found, settings)


def judge_lines(parsed: DataFrame, settings: CleaningSettings, as_of: date | None) -> DataFrame:
    """Return one row per parsed line, judged by every rule that is switched on.

    `as_of` is described at `judge_each_line`.

    Columns: invoice_no, stock_code, description, customer_id, country string; invoice_date timestamp_ntz; unit_price
    decimal(22,8); amount decimal(18,4); quantity_e4, amount_e4 bigint, both in ten-thousandths; reason string: NULL
    for a clean line, `guest` for a guest's sale, else the first rule broken; source_file string; rejection struct, NULL
    unless the line is rejected: reasons array<string>, source_file string, as_read struct of the eight texts, NULL
    unless malformed, and unparsed boolean; is_return boolean: whether a rejected line took money back.
    """
    return _judged(judge_each_line(parsed, settings, as_of), settings)


def _judged(lines: DataFrame, settings: CleaningSettings) -> DataFrame:
    """Judge lines of `judge_each_line` by the rule that compares them, with the columns of `judge_lines`."""
    flagged = with_duplicate_flag(lines)
    if s.DUPLICATE in settings.switched_off:
        flagged = flagged.withColumn(s.IS_DUPLICATE, F.lit(False))
    copied = F.when(RULES[s.DUPLICATE].condition(settings, None), F.array(F.lit(s.DUPLICATE)))
    reasons = F.coalesce(F.concat(s.REASONS, copied), F.col(s.REASONS), copied)
    judged = flagged.withColumn(s.REASONS, reasons)
    reasons = F.col(s.REASONS)
    rejection = F.struct(
        reasons, F.col(s.SOURCE_FILE), F.col(s.AS_READ), F.col(s.UNPARSED_LINE).isNotNull().alias(s.UNPARSED)
    )
    is_guest = F.col(s.CUSTOMER_ID).isNull()
    return (
        judged.select(
            *s.PARSED_FIELDS,
            amount_of(F.col(s.AMOUNT_E4)).alias(s.AMOUNT),
            s.AMOUNT_E4,
            F.coalesce(reasons[0], F.when(is_guest, F.lit(s.GUEST))).alias(s.REASON),
            s.SOURCE_FILE,
            F.when(reasons.isNotNull(), rejection).alias(s.REJECTION),
            s.IS_REFUND,
            HAS_PREFIX,
        )
        .withColumn(s.IS_RETURN, _is_return(settings))
        .drop(s.IS_REFUND, HAS_PREFIX)
    )


def with_daily_orders(lines: DataFrame) -> DataFrame:
    """Return judged lines of an input without invoice numbers with a number for each order: a customer's day.

    The sales to guests of a day are one order. The rules that need the line alone come before: no prefix of these
    numbers means anything.
    """
    day = F.col(s.INVOICE_DATE).cast("date").cast("string")
    return lines.withColumn(s.INVOICE_NO, F.concat_ws(" ", day, F.col(s.CUSTOMER_ID)))


def with_orders_of_days(lines: DataFrame) -> DataFrame:
    """Return judged lines of an input whose invoice numbers restart with a number for each order.

    An order is an invoice number, a day and a customer. Lines that a rule rejects by themselves keep their number.
    """
    day = F.col(s.INVOICE_DATE).cast("date").cast("string")
    order = F.concat_ws(ORDER_SEPARATOR, F.col(s.INVOICE_NO), F.concat_ws(" ", day, F.col(s.CUSTOMER_ID)))
    return lines.withColumn(s.INVOICE_NO, F.when(F.col(s.REASONS).isNull(), order).otherwise(F.col(s.INVOICE_NO)))


def sales_lines(judged: DataFrame) -> DataFrame:
    """Return the judged lines that are clean or a guest's sale, with the columns of `Sales.lines`."""
    return as_sales(judged.where(F.col(s.REJECTION).isNull()))


def sales_less_copies(lines: DataFrame, exceptional: DataFrame) -> Sales:
    """Return the lines that break no rule by themselves, less those that are copies of others.

    `lines` come from `judge_each_line`, `exceptional` from `exceptional_lines`.
    """
    copies = exceptional.where(F.col(s.REJECTION)[s.REASONS] == F.array(F.lit(s.DUPLICATE)))
    return Sales(as_sales(lines.where(F.col(s.REASONS).isNull())), reversed_lines(as_sales(copies)))


def returned_lines(lines: DataFrame) -> DataFrame:
    """Return the judged lines on which a customer or a guest got money back, inside the period, each once."""
    return lines.where(F.col(s.IS_RETURN)).select(*s.PARSED_FIELDS, s.AMOUNT, s.AMOUNT_E4)


def rejected_transactions(lines: DataFrame, input_fields: Collection[str] = s.LINE_FIELDS) -> DataFrame:
    """Return `REJECTED_TRANSACTIONS`: one row per rejected line.

    The fields of a malformed line are the text as it was read. Those of other lines are the parsed values as text:
    numbers without trailing zeros, times as 2010-12-01 08:26:00. Fields that the input does not have are NULL. Of
    amounts in place of unit prices, a malformed line, or one of an input without quantities, has the amount there.
    """
    rejection = F.col(s.REJECTION)
    shown = {name for name in s.LINE_FIELDS if name in input_fields}
    values = {name: F.col(name) for name in s.PARSED_FIELDS if name in shown}
    if s.QUANTITY in shown:
        values[s.QUANTITY] = plain_text(units_of(F.col(s.QUANTITY_E4)))
    values[s.UNIT_PRICE] = plain_text(F.col(s.UNIT_PRICE if s.QUANTITY in shown else s.AMOUNT))
    parsed = {name: values.get(name, F.lit(None)).cast("string") for name in s.LINE_FIELDS}
    parsed[s.INVOICE_NO] = F.substring_index(parsed[s.INVOICE_NO], ORDER_SEPARATOR, 1)
    as_read = rejection[s.AS_READ]
    fields = [F.when(as_read.isNotNull(), as_read[name]).otherwise(parsed[name]).alias(name) for name in s.LINE_FIELDS]
    return lines.where(rejection.isNotNull()).select(
        *fields,
        rejection[s.SOURCE_FILE].alias(s.SOURCE_FILE),
        s.REASON,
        rejection[s.REASONS].alias(s.REASONS),
    )


def criteria(settings: CleaningSettings, as_of: date | None) -> Mapping[str, str]:
    """Return for each rule what it rejects under these settings, in words."""
    first = f"before {settings.first_day}, or " if settings.first_day else ""
    by_type = f", or the line's type is {', '.join(settings.return_types)}" if "type" in settings.returns else ""
    other_currency = f", or its currency is not {settings.currency}" if settings.currency else ""
    words = {
        "date_formats": ", ".join(settings.date_formats),
        "cancellation": f"the invoice begins with {' or '.join(settings.cancellation_prefixes)}{by_type}",
        "sale_invoice_pattern": settings.sale_invoice_pattern,
        "no_sale": ", its status is one of cleaning.no_sale_statuses" + other_currency,
        "period": f"{first}on or after {as_of if as_of else 'an explicit --as-of'}",
    }
    return {name: rule.criterion.format(**words) for name, rule in RULES.items()}


def returns_in_words(settings: CleaningSettings) -> str:
    """Return which lines take money back under these settings."""
    words = {
        "prefix": f"lines of invoices that begin with {' or '.join(settings.cancellation_prefixes)}",
        "negative_quantity": "lines with a negative quantity",
        "type": f"lines of the type {', '.join(settings.return_types)}",
    }
    return "; ".join(words[mark] for mark in words if mark in settings.returns) or "none"


def _breaks(rule: str) -> str:
    return f"breaks_{rule}"
