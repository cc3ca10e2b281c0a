"""Warnings about keys and copies: what looks like a fault of the export, with its figures and what to set.

No message names a customer's id, unless the id is nobody's.
"""

import logging
from collections.abc import Sequence
from decimal import Decimal

from pyspark.sql import Row

from segmentation import schemas as s
from segmentation.cleaning.duplicates import COPIES, OF_COPIES
from segmentation.cleaning.keys import KeyFacts, Keys
from segmentation.cleaning.ledger import POSITIVE_REVENUE, POSITIVE_ROWS, TOTAL_REVENUE, Ledger
from segmentation.cleaning.spelling import has_mixed_alphabets
from segmentation.config.settings import CleaningSettings, RunConfig
from segmentation.errors import counted, shortened

logger = logging.getLogger(__name__)

COPIES_OF_LINES, COPIES_OF_MONEY = 0.05, Decimal("0.03")
# Of the sales, taken back by lines with a price below 0.
REFUNDS_BY_PRICE = Decimal("0.005")
# Of the sales, on cancelled lines and on adjustments with money above 0.
POSITIVE_CANCELLATIONS, POSITIVE_ADJUSTMENTS = Decimal("0.001"), Decimal("0.005")
# One id is notable with this share of all orders, and as many times the orders of the next.
SHARE_OF_ONE, TIMES_THE_NEXT = 0.05, 10
# Customers who come back bring more orders than that for each customer.
ORDERS_OF_NO_CUSTOMER, FEWEST_CUSTOMERS = 1.02, 20
SHARED_NUMBERS, FEWEST_SHARED = 0.01, 3


def warn_of_copies(ledger: Ledger, settings: CleaningSettings) -> None:
    """Warn where many lines are exact copies: some tills write a line for each scan, and each is a sale."""
    if s.DUPLICATE in settings.switched_off:
        return
    revenue = {row[s.RULE]: row[s.REVENUE] or Decimal(0) for row in ledger.data_quality}
    copies, sold = ledger.counts[s.DUPLICATE], revenue[s.CLEAN] + revenue[s.GUEST]
    money = revenue[s.DUPLICATE] / (sold + revenue[s.DUPLICATE]) if sold > 0 else Decimal(0)
    if copies > COPIES_OF_LINES * ledger.read or money > COPIES_OF_MONEY:
        logger.warning(
            "%s of %s lines (%.1f%%) with %s, %.1f%% of the sales, are exact copies of another line and do not count. "
            "If the till writes a line for each scan, they are sales: set cleaning.switched_off=[duplicate]",
            *(f"{copies:,}", f"{ledger.read:,}", 100 * copies / ledger.read),
            *(f"{revenue[s.DUPLICATE]:,.2f}", 100 * money),
        )


def warn_of_copies_across_files(found: Row) -> None:
    """Warn where files of an input without invoice numbers have many lines in common.

    `found` comes from `duplicates.copies_across_files`.
    """
    lines, copies, revenue, of_copies = (found[name] or 0 for name in (s.LINES, COPIES, s.REVENUE, OF_COPIES))
    if copies > COPIES_OF_LINES * lines or of_copies > COPIES_OF_MONEY * revenue:
        logger.warning(
            "%s of %s sales looked at (%.1f%%), with %.1f%% of the money, are in another file of the input too, and "
            "count twice. If files overlap, or are two forms of the same data, name each line's file once; if they are "
            "further sales of the same goods on the same day, all is well",
            *(f"{copies:,}", f"{lines:,}", 100 * copies / lines, 100 * of_copies / revenue if revenue else 0),
        )


def warn_of_keys(facts: KeyFacts, keys: Keys, config: RunConfig) -> None:
    """Say what was replaced in the keys of a run, and warn of what may be wrong with them."""
    _say_what_is_nobody(facts, keys)
    _say_what_is_one_country(keys)
    _warn_of_shared_numbers(facts, config)
    _warn_of_unnamed_lines(facts, config)
    if facts.mixed:
        logger.warning(
            "%s: the customer id mixes letters of two alphabets that look alike, such as a Cyrillic 'а' in a Latin "
            "name. It stays a customer of its own: correct it in the source",
            counted(facts.mixed, "order"),
        )
    if facts.apart:
        logger.warning(
            "%s: the customer id has letters and marks apart, in a script of which they are not joined. The same name "
            "in one piece is another customer: export ids in the Unicode form NFC",
            counted(facts.apart, "order"),
        )
    mixed = [country for country in facts.countries if has_mixed_alphabets(country)]
    if mixed:
        logger.warning(
            "letters of two alphabets that look alike are mixed in the name of %s: %s. It stays a country of its own: "
            "correct it in the source",
            *(counted(len(mixed), "country", "countries"), shortened([repr(country) for country in mixed])),
        )


def say_joined_customers(joined: Row) -> None:
    """Say how many customers were written in several ways. `joined` comes from `keys.spellings_of_customers`."""
    if joined[s.CUSTOMERS]:
        logger.info(
            "%s were written in %s ways, which differ in the letter case of e-mail addresses, in accents or in spaces "
            "as typed: each counts as one (cleaning.normalise_ids, cleaning.normalise_text)",
            *(counted(joined[s.CUSTOMERS], "customer"), f"{joined['spellings']:,}"),
        )


def warn_of_numbers_written_twice(customers: int) -> None:
    """Warn of customers whose number is there in two ways. `customers` comes from `keys.numbers_written_twice`."""
    if customers:
        logger.warning(
            "%s written in several ways, with and without zeros before the number or marks between thousands, as "
            "spreadsheets do: each way counts as a customer of its own. Export customer ids as text",
            counted(customers, "customer number is", "customer numbers are"),
        )


def warn_of_refunds_by_price(ledger: Ledger) -> None:
    """Warn of much money on lines with a price below 0: of refunds or discounts that the rule takes out."""
    quality = {row[s.RULE]: row for row in ledger.data_quality}
    sold = sum((quality[outcome][s.REVENUE] for outcome in (s.CLEAN, s.GUEST)), Decimal(0))
    taken = -(quality[s.NON_POSITIVE_PRICE][s.REVENUE] or Decimal(0))
    if taken > REFUNDS_BY_PRICE * sold:
        logger.warning(
            "lines with a price below 0 take back %s, %.1f%% of the sales, and count nowhere: they are among %s with "
            "a price of 0 or less. If they are refunds or discounts, give them a quantity below 0 and a price above 0, "
            "or name the column of the line's money in input.columns.amount in place of unit_price",
            *(
                f"{taken:,.2f}",
                100 * taken / sold if sold else 100,
                counted(quality[s.NON_POSITIVE_PRICE][s.ROWS], "line"),
            ),
        )


def warn_of_unreturned_cancellations(ledger: Ledger, settings: CleaningSettings) -> None:
    """Warn of much positive money on cancelled lines: it is neither sold nor taken back."""
    sold = sum((row[s.REVENUE] for row in ledger.rows if row[s.RULE] in (s.CLEAN, s.GUEST)), Decimal(0))
    cancelled = next((row for row in ledger.rows if row[s.RULE] == s.CANCELLATION), None)
    money = cancelled[POSITIVE_REVENUE] or 0 if cancelled else 0
    if cancelled and money > POSITIVE_CANCELLATIONS * sold:
        logger.warning(
            "%s of invoices that begin with %s have money above 0, %s together, %.1f%% of the sales: as cancellations "
            "they are neither sold nor taken back. If they are sales, set cleaning.cancellation_prefixes to what only "
            "cancellations begin with, or cleaning.switched_off=[cancellation]; if they are credit notes, let the "
            "export write their quantities below 0",
            *(counted(cancelled[POSITIVE_ROWS], "line"), " or ".join(settings.cancellation_prefixes)),
            *(f"{money:,.2f}", 100 * money / sold if sold else 100),
        )


def warn_of_adjustments(ledger: Ledger, config: RunConfig) -> None:
    """Warn of much money on adjustments, unless a column of statuses says which lines are none of sales."""
    sold = sum((row[s.REVENUE] for row in ledger.rows if row[s.RULE] in (s.CLEAN, s.GUEST)), Decimal(0))
    for row in [row for row in ledger.rows if row[s.RULE] == s.ADJUSTMENT and not config.input.columns.line_status]:
        money = (row[POSITIVE_REVENUE] or 0) - (row[TOTAL_REVENUE] or 0)
        if money > POSITIVE_ADJUSTMENTS * sold:
            currency = config.cleaning.currency
            logger.warning(
                "lines with %s, %.1f%% of the sales, are adjustments and count nowhere: their invoice does not match "
                "cleaning.sale_invoice_pattern, %s%s. They are in the table rejected_transactions",
                *(f"{money:,.2f}", 100 * money / sold if sold else 100, config.cleaning.sale_invoice_pattern),
                f", or their currency is not {currency} (cleaning.currency)" if currency else "",
            )


def warn_of_customers(
    largest: Sequence[Row], customers: int, facts: KeyFacts, ledger: Ledger, config: RunConfig
) -> None:
    """Warn where customers do not look like people.

    `largest` are the features of the two customers with the most orders, and `customers` is their number.
    """
    if customers >= FEWEST_CUSTOMERS and facts.of_customers <= ORDERS_OF_NO_CUSTOMER * customers:
        logger.warning(
            "nearly every customer has one order: %s by %s. If the column %r is an id of the order, or an address made "
            "for it, nobody comes back in these figures: name the column of the person in input.columns.customer_id",
            *(counted(facts.of_customers, "order"), counted(customers, "customer"), config.input.columns.customer_id),
        )
    if len(largest) < 2:
        return
    orders, next_orders = (row[s.PURCHASE_FREQUENCY] for row in largest)
    if orders > SHARE_OF_ONE * facts.orders and orders >= TIMES_THE_NEXT * next_orders:
        sold = sum(row[s.REVENUE] for row in ledger.data_quality if row[s.RULE] in (s.CLEAN, s.GUEST))
        logger.warning(
            "one customer id has %s of %s orders (%.1f%%) and %.1f%% of the money, %s times the orders of the next. If "
            "it is what a till writes for nobody, add it to cleaning.missing_customer_ids; it has the highest "
            "purchase_frequency of the table customer_segments",
            *(f"{orders:,}", f"{facts.orders:,}", 100 * orders / facts.orders),
            *(100 * largest[0][s.TOTAL_SPEND] / sold if sold else 0, f"{orders // max(1, next_orders):,}"),
        )


def _say_what_is_nobody(facts: KeyFacts, keys: Keys) -> None:
    for number in keys.nobody:
        logger.warning(
            "the customer id %s has %s of %s orders, at least ten times those of the median customer: it counts as no "
            "customer, and its sales as those of guests. If it is one, set cleaning.numbers_of_nobody=false",
            *(number, f"{facts.numbers[number]:,}", f"{facts.orders:,}"),
        )


def _say_what_is_one_country(keys: Keys) -> None:
    if keys.countries:
        spellings = [f"{spelling!r} as {preferred!r}" for spelling, preferred in keys.countries.items()]
        logger.info(
            "%s of countries counted as another: %s (cleaning.normalise_text)",
            *(counted(len(spellings), "spelling"), shortened(spellings)),
        )


def _warn_of_shared_numbers(facts: KeyFacts, config: RunConfig) -> None:
    is_invoice = s.INVOICE_NO in config.input_fields and config.cleaning.order_key == "invoice"
    if is_invoice and facts.shared >= max(FEWEST_SHARED, SHARED_NUMBERS * facts.invoices):
        logger.warning(
            "%s of %s invoice numbers looked at (%.1f%%) are of several customers on several days, %r of %s customers' "
            "orders: the counter seems to restart, and a customer's orders of one number count once. Set "
            "cleaning.order_key=invoice_day_customer to count them apart",
            *(f"{facts.shared:,}", f"{facts.invoices:,}", 100 * facts.shared / facts.invoices),
            *(facts.example, f"{facts.of_example:,}"),
        )


def _warn_of_unnamed_lines(facts: KeyFacts, config: RunConfig) -> None:
    if facts.partly_named >= max(FEWEST_SHARED, SHARED_NUMBERS * facts.invoices):
        logger.warning(
            "%s of %s invoices looked at (%.1f%%) name their customer in some lines only: the others, %s with %s, "
            "count as sales to guests and are in no segment. If the export writes the customer once per order, fill "
            "the column %r down to its other lines first",
            *(f"{facts.partly_named:,}", f"{facts.invoices:,}", 100 * facts.partly_named / facts.invoices),
            *(counted(facts.unnamed_lines, "line"), f"{facts.unnamed_revenue:,.2f}", config.input.columns.customer_id),
        )
