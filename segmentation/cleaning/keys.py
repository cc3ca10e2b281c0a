"""Who is a customer, what is an order, which country is it: judged by the orders of a run, where lines cannot tell.

All of it comes from the cached sums of orders. Where a number is nobody, or a text has another spelling, an expression
over lines and orders replaces it: nothing is read a second time.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial, reduce

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.cleaning.spelling import (
    joined_spellings,
    may_be_decomposed,
    mixes_alphabets,
    needs_spelling,
    one_spelling,
)
from segmentation.config.settings import CleaningSettings
from segmentation.sales import Sales

# Numbers that programs write for no customer, and that may be ids: they are nobody's where they have this many times
# the orders of the median customer.
NUMBER_OF_NOBODY = r"^(-?0+|-1|-?9{4,})$"
TIMES_THE_MEDIAN = 10
E_MAIL = r"^[^@\s]+@[^@\s]+\.[^@\s]+$"
LINK_TO_E_MAIL = "mailto:"
# A number as a spreadsheet may write it: with thousands apart.
NUMBER_AS_SHOWN = r"^([0-9]+|[0-9]{1,3}([.,][0-9]{3})+)$"
# Of more countries, those with the most lines are compared.
MOST_COUNTRIES = 2_000
# The columns of `key_facts`, and what a row of it is about.
FACT, COUNTRY_READ, NUMBER = "fact", "country_read", "number"
RESPELLED, MIXED, APART = "respelled", "mixed", "apart"
SHARED, EXAMPLE, OF_EXAMPLE = "shared", "example", "of_example"
PARTLY_NAMED, UNNAMED_LINES, UNNAMED_REVENUE = "partly_named", "unnamed_lines", "unnamed_revenue"
PADDED = "padded"
SPELLINGS, OF_CUSTOMERS = "spellings", "of_customers"
ALL_ORDERS, PLACE, INVOICES = "all orders", "a country and a number", "invoice numbers"
FURTHER_LINES = "exceptional lines"


@dataclass(frozen=True)
class KeyFacts:
    """What the orders of a run say of its keys, from the rows of `key_facts`.

    `orders` counts orders, `of_customers` those that are no guest's; of these, `respelled` have a customer with another
    spelling, `mixed` one with letters of two alphabets, `apart` one with marks that are not composed. `countries` has
    lines by country as it was read, `numbers` orders by number that may be nobody. `invoices` are the invoice numbers
    looked at; `shared` of them have several customers on several days, `example` most of all: `of_example` orders.
    `respelled_lines` are the exceptional lines whose customer has another spelling. `partly_named` are the invoices of
    one day that have a customer in some lines and none in `unnamed_lines`, with `unnamed_revenue`. `padded` orders have
    a customer that may be another customer's number, written otherwise.
    """

    orders: int
    of_customers: int
    respelled: int
    mixed: int
    apart: int
    countries: Mapping[str, int]
    numbers: Mapping[str, int]
    invoices: int
    shared: int
    example: str
    of_example: int
    respelled_lines: int
    partly_named: int = 0
    unnamed_lines: int = 0
    unnamed_revenue: Decimal = Decimal(0)
    padded: int = 0

    @staticmethod
    def of(rows: Sequence[Row]) -> "KeyFacts":
        by_fact: dict[str, list[Row]] = {}
        for row in rows:
            by_fact.setdefault(row[FACT], []).append(row)
        [orders], [invoices] = by_fact[ALL_ORDERS], by_fact[INVOICES]
        countries: Counter[str] = Counter()
        numbers: Counter[str] = Counter()
        for row in by_fact.get(PLACE, ()):
            countries[row[COUNTRY_READ]] += row[s.LINES] or 0
            if row[NUMBER] is not None:
                numbers[row[NUMBER]] += row[s.ORDERS]
        of_orders = (orders[s.ORDERS], orders[OF_CUSTOMERS], orders[RESPELLED], orders[MIXED], orders[APART])
        shared = (invoices[s.ORDERS], invoices[SHARED], invoices[EXAMPLE] or "", invoices[OF_EXAMPLE] or 0)
        unnamed = (invoices[PARTLY_NAMED], invoices[UNNAMED_LINES] or 0, invoices[UNNAMED_REVENUE] or Decimal(0))
        further = by_fact[FURTHER_LINES][0][RESPELLED]
        return KeyFacts(*of_orders, countries, numbers, *shared, further, *unnamed, orders[PADDED])


@dataclass(frozen=True)
class Keys:
    """What is replaced in the keys of a run.

    `nobody` are customer ids that are no customer; `countries` maps spellings to the one that counts; `has_spellings`
    is whether customers have to be brought to one spelling.
    """

    settings: CleaningSettings
    nobody: Sequence[str] = ()
    countries: Mapping[str, str] = field(default_factory=dict)
    has_spellings: bool = False
    has_daily_orders: bool = False

    def in_sales(self, sales: Sales) -> Sales:
        copies = None if sales.copies is None else self.in_lines(sales.copies)
        return Sales(self.in_lines(sales.lines), copies)

    def in_lines(self, lines: DataFrame) -> DataFrame:
        """Return lines or orders with their keys replaced."""
        changed: dict[str, Column] = {}
        if self.nobody or self.has_spellings:
            customer = one_id(F.col(s.CUSTOMER_ID), self.settings) if self.has_spellings else F.col(s.CUSTOMER_ID)
            is_nobody = F.col(s.CUSTOMER_ID).isin(*self.nobody) if self.nobody else F.lit(False)
            changed[s.CUSTOMER_ID] = F.when(~is_nobody, customer)
            if self.nobody and self.has_daily_orders:
                of_day = F.substring_index(F.col(s.INVOICE_NO), " ", 1)
                changed[s.INVOICE_NO] = F.when(is_nobody, of_day).otherwise(F.col(s.INVOICE_NO))
        if self.countries:
            preferred = F.create_map(*[F.lit(text) for pair in self.countries.items() for text in pair])
            country = F.col(s.COUNTRY)
            changed[s.COUNTRY] = F.when(country.isin(*self.countries), preferred[country]).otherwise(country)
        return lines.withColumns(changed) if changed else lines

    def in_exceptional(self, exceptional: DataFrame) -> DataFrame:
        """Return the lines of `rules.exceptional_lines` with their keys replaced."""
        changed = self.in_lines(exceptional)
        if not self.nobody:
            return changed
        is_guest = F.col(s.REASON).isNull() & F.col(s.CUSTOMER_ID).isNull()
        return changed.withColumn(s.REASON, F.when(is_guest, F.lit(s.GUEST)).otherwise(F.col(s.REASON)))


def one_id(customer_id: Column, settings: CleaningSettings) -> Column:
    """Return a customer's id in one spelling: letters composed, plain spaces, an e-mail address in small letters.

    A link to an e-mail address, as in `mailto:anna@example.org`, is the address.
    """
    text = one_spelling(customer_id) if settings.normalise_text else customer_id
    return F.when(_is_e_mail(text), _plain_e_mail(text)).otherwise(text) if settings.normalise_ids else text


def _has_other_spelling(customer_id: Column, settings: CleaningSettings) -> Column:
    """Return whether `one_id` changes an id. It is asked of each order, and takes a tenth of the time."""
    is_respelled = needs_spelling(customer_id) if settings.normalise_text else F.lit(False)
    if not settings.normalise_ids:
        return is_respelled
    return is_respelled | (_is_e_mail(customer_id) & (_plain_e_mail(customer_id) != customer_id))


def _is_e_mail(text: Column) -> Column:
    return F.when(F.contains(text, F.lit("@")), text.rlike(E_MAIL)).otherwise(F.lit(False))


def _plain_e_mail(text: Column) -> Column:
    return F.regexp_replace(F.lower(text), f"^{LINK_TO_E_MAIL}", "")


def key_facts(sums: DataFrame, exceptional: DataFrame, settings: CleaningSettings, invoices_of: int = 1) -> DataFrame:
    """Return what the orders say of the keys of a run, in few rows whatever the number of orders: see `KeyFacts`.

    `sums` come from `features.order_sums`, `exceptional` from `rules.exceptional_lines`. Of the invoice numbers, one
    of `invoices_of` is looked at.

    Columns: fact, country_read, number string; orders, of_customers, lines, respelled, mixed, apart, padded, shared
    bigint; example string, of_example, partly_named, unnamed_lines bigint; unnamed_revenue decimal(20,4).
    """
    customer = F.col(s.CUSTOMER_ID)
    respelled = F.count_if(_has_other_spelling(customer, settings)).alias(RESPELLED)
    counted = [F.count_if(F.col(s.LINES) > 0).alias(s.ORDERS), F.sum(s.LINES).alias(s.LINES)]
    orders = sums.agg(
        F.lit(ALL_ORDERS).alias(FACT),
        *counted,
        F.count_if((F.col(s.LINES) > 0) & customer.isNotNull()).alias(OF_CUSTOMERS),
        respelled,
        F.count_if(mixes_alphabets(customer)).alias(MIXED),
        F.count_if(may_be_decomposed(customer)).alias(APART),
        F.count_if(_may_be_written_otherwise(customer)).alias(PADDED),
    )
    may_be_nobody = F.left(customer, F.lit(1)).isin("0", "-", "9") & customer.rlike(NUMBER_OF_NOBODY)
    number = F.when(may_be_nobody, customer).alias(NUMBER)
    places = sums.groupBy(F.col(s.COUNTRY).alias(COUNTRY_READ), number).agg(*counted)
    places = places.orderBy(F.col(s.LINES).desc(), COUNTRY_READ).limit(MOST_COUNTRIES)
    places = places.withColumn(FACT, F.lit(PLACE))
    further_lines = exceptional.agg(F.lit(FURTHER_LINES).alias(FACT), respelled)
    parts = (places, further_lines, _invoice_numbers(sums, invoices_of))
    return reduce(partial(DataFrame.unionByName, allowMissingColumns=True), parts, orders)


def orders_of_customers(sums: DataFrame) -> DataFrame:
    """Return one row per number of orders that a customer has, with the customers who have it.

    Customers whose id may be nobody's do not count. Columns: orders, customers bigint.
    """
    customers = sums.where((F.col(s.LINES) > 0) & ~F.col(s.CUSTOMER_ID).rlike(NUMBER_OF_NOBODY))
    orders = customers.groupBy(s.CUSTOMER_ID).agg(F.count(F.lit(1)).alias(s.ORDERS))
    return orders.groupBy(s.ORDERS).agg(F.count(F.lit(1)).alias(s.CUSTOMERS))


def spellings_of_customers(sums: DataFrame, settings: CleaningSettings) -> DataFrame:
    """Return one row: spellings bigint, how many customers were written in several ways, and in how many in all."""
    ids = sums.select(s.CUSTOMER_ID).where(F.col(s.CUSTOMER_ID).isNotNull()).distinct()
    by_customer = ids.groupBy(one_id(F.col(s.CUSTOMER_ID), settings)).agg(F.count(F.lit(1)).alias(SPELLINGS))
    several = by_customer.where(F.col(SPELLINGS) > 1)
    return several.agg(F.count(F.lit(1)).alias(s.CUSTOMERS), F.sum(SPELLINGS).alias(SPELLINGS))


def numbers_written_twice(sums: DataFrame) -> DataFrame:
    """Return one row: customers bigint, the numbers that customers have in several ways, such as 017029 and 17029.

    The ways differ in zeros before the number, or in marks between thousands.
    """
    customer = F.col(s.CUSTOMER_ID)
    numbers = sums.where(customer.rlike(NUMBER_AS_SHOWN)).select(s.CUSTOMER_ID).distinct()
    plain = F.regexp_replace(F.regexp_replace(customer, "[.,]", ""), "^0+(?=.)", "")
    twice = numbers.groupBy(plain).agg(F.count(F.lit(1)).alias(SPELLINGS)).where(F.col(SPELLINGS) > 1)
    return twice.agg(F.count(F.lit(1)).alias(s.CUSTOMERS))


def _may_be_written_otherwise(customer: Column) -> Column:
    """Return whether an id begins with a zero, or is a number with a mark between thousands."""
    has_mark = F.contains(customer, F.lit(",")) | F.contains(customer, F.lit("."))
    is_marked = F.when(has_mark, customer.rlike(NUMBER_AS_SHOWN)).otherwise(F.lit(False))
    return (F.startswith(customer, F.lit("0")) & (customer != "0")) | is_marked


def numbers_of_nobody(numbers: Mapping[str, int], customers_by_orders: Mapping[int, int]) -> list[str]:
    """Return the numbers with so many orders that they are nobody's. `customers_by_orders`: of `orders_of_customers`.

    >>> numbers_of_nobody({"0": 40, "99999": 39}, {1: 2, 4: 3})
    ['0']
    """
    left = (sum(customers_by_orders.values()) + 1) // 2
    for orders, customers in sorted(customers_by_orders.items()):
        left -= customers
        if left <= 0:
            return [number for number, count in numbers.items() if count >= TIMES_THE_MEDIAN * orders]
    return []


def keys_of(facts: KeyFacts, settings: CleaningSettings, nobody: Sequence[str] = ()) -> Keys:
    """Return what is to be replaced in the keys of a run."""
    countries = joined_spellings(facts.countries) if settings.normalise_text else {}
    return Keys(settings, nobody, countries, facts.respelled + facts.respelled_lines > 0)


def _invoice_numbers(sums: DataFrame, invoices_of: int) -> DataFrame:
    """Return one row: how many invoice numbers there are, and how many several customers share on several days.

    And how many of one day have a customer in some of their lines only, with the lines and money without one.
    """
    looked_at = sums.where(F.col(s.LINES) > 0)
    if invoices_of > 1:
        looked_at = looked_at.where(F.pmod(F.xxhash64(s.INVOICE_NO), F.lit(invoices_of)) == 0)
    customer = F.col(s.CUSTOMER_ID)
    numbers = looked_at.groupBy(s.INVOICE_NO).agg(
        F.count(F.lit(1)).alias(OF_EXAMPLE),
        (F.min(customer) < F.max(customer)).alias("of_several"),
        (F.min(F.to_date(s.FIRST_SOLD_AT)) < F.max(F.to_date(s.LAST_SOLD_AT))).alias("on_several_days"),
        F.max(customer).isNotNull().alias("has_customer"),
        F.sum(F.when(customer.isNull(), F.col(s.LINES))).alias(UNNAMED_LINES),
        F.sum(F.when(customer.isNull(), F.col(s.REVENUE))).alias(UNNAMED_REVENUE),
    )
    is_shared = F.col("of_several") & F.col("on_several_days")
    is_partly_named = F.col("has_customer") & (F.col(UNNAMED_LINES) > 0) & ~F.col("on_several_days")
    most = F.max(F.when(is_shared, F.struct(OF_EXAMPLE, s.INVOICE_NO)))
    return numbers.agg(
        F.lit(INVOICES).alias(FACT),
        F.count(F.lit(1)).alias(s.ORDERS),
        F.count_if(is_shared).alias(SHARED),
        most[s.INVOICE_NO].alias(EXAMPLE),
        most[OF_EXAMPLE].alias(OF_EXAMPLE),
        F.count_if(is_partly_named).alias(PARTLY_NAMED),
        F.sum(F.when(is_partly_named, F.col(UNNAMED_LINES))).alias(UNNAMED_LINES),
        F.sum(F.when(is_partly_named, F.col(UNNAMED_REVENUE))).cast(s.MONEY).alias(UNNAMED_REVENUE),
    )
