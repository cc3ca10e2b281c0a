"""From input files to judged lines: read, parse, judge each line, and find what keys have in common."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.cleaning.cautions import (
    say_joined_customers,
    warn_of_adjustments,
    warn_of_copies,
    warn_of_copies_across_files,
    warn_of_keys,
    warn_of_numbers_written_twice,
    warn_of_refunds_by_price,
    warn_of_unreturned_cancellations,
)
from segmentation.cleaning.duplicates import copies_across_files, repeated_items
from segmentation.cleaning.keys import (
    FACT,
    TIMES_THE_MEDIAN,
    KeyFacts,
    Keys,
    key_facts,
    keys_of,
    numbers_of_nobody,
    numbers_written_twice,
    orders_of_customers,
    spellings_of_customers,
)
from segmentation.cleaning.ledger import (
    Ledger,
    day_after_last_sale,
    line_counts,
    require_clean_lines,
    unreadable_values,
    warn_of_early_sales,
    warn_of_malformed,
    warn_of_tiny_amounts,
    warn_of_totals,
)
from segmentation.cleaning.order_status import (
    is_once_per_order,
    marks_of_orders,
    status_facts,
    statuses_of_orders,
    unsold_orders,
    with_status_of_orders,
)
from segmentation.cleaning.parse import look_at_lines, parse_lines
from segmentation.cleaning.rules import (
    exceptional_lines,
    judge_each_line,
    returned_lines,
    sales_less_copies,
    with_daily_orders,
    with_orders_of_days,
)
from segmentation.config.settings import CleaningSettings, RunConfig
from segmentation.context import InputContext
from segmentation.features import order_sums
from segmentation.guess.unread import may_have_unread_columns, unread_marks
from segmentation.ingest.files import InputFile
from segmentation.ingest.find import find_input
from segmentation.ingest.instants import instants_in_words
from segmentation.ingest.read import read_errors_named, read_lines
from segmentation.ingest.sizes import estimated_csv_bytes
from segmentation.sales import Sales
from segmentation.session import join_hint, set_shuffle_partitions

logger = logging.getLogger(__name__)

# In bytes as plain CSV, about three million lines. Text is not parsed again for each query, whatever its size.
MOST_CACHED = 256_000_000
# In bytes as plain CSV, of lines of several files that are compared with each other.
LOOKED_AT = 32_000_000
# Of more bytes as plain CSV, only one invoice number of several is looked at for counters that restart.
BYTES_OF_ALL_INVOICES = 256_000_000
FIELD_WORDS = {s.INVOICE_NO: "invoice number", s.STOCK_CODE: "stock code"}


@dataclass(frozen=True)
class CleanedLines:
    """What became of the lines of the input, and the day of the run.

    `sales` are read from the input again by each query, unless its lines are cached. Cached: `exceptional`, the lines
    of `rules.exceptional_lines`, and `order_sums`, those of the sales. `join` is the Spark hint of joins with a part of
    the exceptional lines. `first_day` is that of the window, if the features have one.
    """

    sales: Sales
    exceptional: DataFrame
    order_sums: DataFrame
    ledger: Ledger
    facts: KeyFacts
    as_of: date
    join: str
    first_day: date | None = None

    @property
    def returned(self) -> DataFrame:
        return returned_lines(self.exceptional)


def look_at_input(spark: SparkSession, inputs: Sequence[str], config: RunConfig) -> list[InputFile]:
    """Find the input's files, spread shuffles by their size, and warn of fields and columns that are not read.

    Raises: InputError where there is no input, or it cannot be read.
    """
    files = find_input(spark, inputs, config.input)
    set_shuffle_partitions(spark, text_bytes(files))
    warn_of_missing_fields(config)
    for caution in unread_marks(inputs, config) if may_have_unread_columns(files, config) else ():
        logger.warning("%s", caution)
    return files


def clean_lines(context: InputContext) -> CleanedLines:
    """Read the input and judge every line.

    Runs the actions of the repeated items and of the counts by outcome; of large Parquet, of a look at all lines too.
    Where the input has statuses or types, or files without invoice numbers or products, they are looked at.
    """
    config, request = context.config, context.request
    with read_errors_named(context.spark, context.files):
        parsed = parsed_lines(context)
        for mark in marks_of_orders(config):
            parsed = with_whole_statuses(context, parsed, mark)
        cleaning = cleaning_of_window(context, parsed)
        lines = judged_lines(context, parsed, cleaning)
        # Without stock codes every line of an order would repeat its item, and nothing asks for it.
        has_items = s.STOCK_CODE in config.input_fields
        repeated = context.cache(repeated_items(lines if has_items else lines.limit(0)))
        join = join_hint(repeated.count())
        exceptional = context.cache(exceptional_lines(lines, repeated, cleaning, join))
        sales = sales_less_copies(lines, exceptional)
        sums = context.cache(order_sums(sales))
        one_invoice_of = 1 + text_bytes(context.files) // BYTES_OF_ALL_INVOICES
        facts_of_keys = key_facts(sums, exceptional, cleaning, one_invoice_of)
        rows = (
            line_counts(sums, exceptional, cleaning).unionByName(facts_of_keys, True).collect()
        )  # one per outcome and country
        facts = KeyFacts.of([row for row in rows if row[FACT] is not None])
        keys = find_keys(context, sums, facts)
        sales, exceptional, sums = keys.in_sales(sales), keys.in_exceptional(exceptional), keys.in_lines(sums)
        counts = [row for row in rows if row[FACT] is None]
        if keys.nobody:
            counts = line_counts(sums, exceptional, cleaning).collect()  # one per outcome
        ledger = Ledger(counts, context.files)
        faults = unreadable_values(exceptional, config.input_fields).collect() if ledger.counts[s.MALFORMED] else []
    as_of = request.as_of or day_after_last_sale(ledger, lines)
    require_clean_lines(ledger, faults)
    warn_of_malformed(ledger, faults)
    warn_of_early_sales(ledger)
    warn_of_totals(ledger)
    warn_of_tiny_amounts(ledger)
    warn_of_copies(ledger, cleaning)
    warn_of_refunds_by_price(ledger)
    warn_of_unreturned_cancellations(ledger, cleaning)
    warn_of_adjustments(ledger, config)
    warn_of_keys(facts, keys, config)
    context.progress.note(f"{ledger.counts[s.CLEAN]:,} of {ledger.read:,} lines usable, as of {as_of}")
    first_day = cleaning.first_day if config.features.window_days else None
    return CleanedLines(sales, exceptional, sums, ledger, facts, as_of, join_hint(ledger.rejected), first_day)


def cleaning_of_window(context: InputContext, parsed: DataFrame) -> CleaningSettings:
    """Return the rules of cleaning, whose first day is that of the window, if `features.window_days` sets one.

    Without an explicit as_of, runs the action over all lines that finds the last day of a sale.
    """
    settings, days = context.config.applied_cleaning, context.config.features.window_days
    if days is None:
        return settings
    as_of = context.request.as_of
    if as_of is None:
        sold = judge_each_line(parsed, settings, None).where(F.col(s.REASONS).isNull())
        last = sold.agg(F.max(F.col(s.INVOICE_DATE).cast("date"))).collect()[0][0]  # one row
        if last is None:  # `require_clean_lines` says why
            return settings
        as_of = last + timedelta(days=1)
    first = as_of - timedelta(days=days)
    return settings.model_copy(update={"first_day": max(first, settings.first_day or first)})


def judged_lines(context: InputContext, parsed: DataFrame, cleaning: CleaningSettings) -> DataFrame:
    """Return the lines, each with what it is; cached unless each query reads the input again."""
    config = context.config
    lines = judge_each_line(parsed, cleaning, context.request.as_of)
    if s.INVOICE_NO not in config.input_fields:
        lines = with_daily_orders(lines)
    elif config.applied_cleaning.order_key == "invoice_day_customer":
        lines = with_orders_of_days(lines)
    if not rereads(context.files):
        lines = context.cache(lines)
        compare_files(context, lines)
    return lines


def compare_files(context: InputContext, lines: DataFrame) -> None:
    """Warn where files have lines in common that no rule can take for copies, for lack of an invoice number or product.

    Runs an action over some of the cached lines where there are several files.
    """
    is_asked = context.config.applied_cleaning != context.config.cleaning
    if is_asked and len(context.files) > 1:
        one_of = 1 + text_bytes(context.files) // LOOKED_AT
        warn_of_copies_across_files(copies_across_files(lines, one_of).collect()[0])  # one row


def with_whole_statuses(context: InputContext, parsed: DataFrame, mark: str) -> DataFrame:
    """Return parsed lines, with the status or type of their order where an export writes it once per order.

    Runs an action over all lines, of the columns that are asked for.
    """
    settings = context.config.cleaning
    statuses = context.cache(statuses_of_orders(parsed, settings, mark))
    [facts] = status_facts(statuses).collect()
    if not is_once_per_order(facts, context.config, mark):
        return parsed
    return with_status_of_orders(parsed, unsold_orders(statuses), settings, mark, join_hint(facts["unsold"]))


def find_keys(context: InputContext, sums: DataFrame, facts: KeyFacts) -> Keys:
    """Return what is to be replaced in customers and countries.

    Runs an action over the orders where a number may be nobody, one where customers have several spellings, and one
    where numbers may have.
    """
    settings = context.config.applied_cleaning
    nobody: list[str] = []
    if settings.numbers_of_nobody and max(facts.numbers.values(), default=0) >= TIMES_THE_MEDIAN:
        by_orders = {row[s.ORDERS]: row[s.CUSTOMERS] for row in orders_of_customers(sums).collect()}
        nobody = numbers_of_nobody(facts.numbers, by_orders)
    if facts.padded:
        warn_of_numbers_written_twice(numbers_written_twice(sums).collect()[0][s.CUSTOMERS])  # one row
    if facts.respelled:
        say_joined_customers(spellings_of_customers(sums, settings).collect()[0])  # one row
    has_daily_orders = s.INVOICE_NO not in context.config.input_fields
    return replace(keys_of(facts, settings, nobody), has_daily_orders=has_daily_orders)


def parsed_lines(context: InputContext) -> DataFrame:
    """Return the parsed lines, spread over partitions to be cached, or to be read again as quickly as can be.

    Runs the actions that look at the first dates, and at all lines that are to be read again.
    """
    spark, files, config = context.spark, context.files, context.config
    raw_lines = read_lines(spark, files, config.input)
    instants = instants_in_words(raw_lines, files, config.input, config.cleaning.date_formats)
    if instants:
        logger.warning(
            "%s: they are read as the clock of UTC, by which sales of the evening or morning may count to another day. "
            "Set input.time_zone to the shop's own, such as America/New_York, or to UTC where that is right",
            instants,
        )
    parse = partial(parse_lines, decimal=config.input.decimal, time_zone=config.input.time_zone)
    if not rereads(files):
        return parse(raw_lines, config.cleaning, spread=True)
    traits = look_at_lines(raw_lines)
    if traits.are_whole:
        raw_lines = read_lines(spark, files, config.input, is_utf8=True)
    return parse(raw_lines, config.cleaning, traits=traits)


def rereads(files: Sequence[InputFile]) -> bool:
    """Return whether each query reads the input again: large Parquet, of which a query reads the columns it needs."""
    return text_bytes(files) > MOST_CACHED and all(file.kind == "parquet" for file in files)


def text_bytes(files: Sequence[InputFile]) -> int:
    """Return about how many bytes the input has as plain CSV."""
    return sum(estimated_csv_bytes(file.path, file.stored.size) for file in files)


def warn_of_missing_fields(config: RunConfig) -> None:
    """Warn in one line of the fields that the input does not have, with what the run does without them."""
    parts = [f"no {FIELD_WORDS.get(field, field)}: {text}" for field, text in config.missing_fields.items()]
    if config.applied_cleaning != config.cleaning:
        parts.append("two equal lines may be two sales: both count")
    if parts:
        logger.warning("the input has %s", "; ".join(parts))
