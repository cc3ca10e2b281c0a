"""Raw lines → judged lines: each one clean, a guest's, or rejected, with every rule that it failed.

The steps are apart because the default for `as_of` is known only once the sales are: `parsed_lines` gives every line
its values and copy number, `judged_lines` tells the outcomes, `kept_lines` leaves what is worth persisting, and
`line_counts` finds the day of the last sale. No line of that day or before is too late, so only the `reasons` of lines
that are rejected anyway have to be told again with the day that follows from it.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from segmentation.config import CleaningSettings
from segmentation.schemas import (
    AMOUNT,
    COPY_NUMBER,
    COUNTRY,
    CUSTOMER_ID,
    DESCRIPTION,
    INVOICE_DATE,
    INVOICE_KIND,
    INVOICE_NO,
    LAST_SOLD_AT,
    LINE_FIELDS,
    MONEY,
    OUTCOME,
    PRICE,
    QUANTITY,
    REASON,
    REASONS,
    REVENUE,
    ROWS,
    RULE,
    SOURCE_FILE,
    STOCK_CODE,
    UNIT_PRICE,
    UNPARSED_LINE,
    raw,
)

CLEAN = "clean"
GUEST = "guest"
REJECTED = "rejected"

SALE = "sale"

MALFORMED = "malformed"
CANCELLATION = "cancellation"
ADJUSTMENT = "adjustment"
NON_POSITIVE_QUANTITY = "non_positive_quantity"
NON_POSITIVE_PRICE = "non_positive_price"
OUT_OF_PERIOD = "out_of_period"
DUPLICATE = "duplicate"
RULES = (
    MALFORMED,
    CANCELLATION,
    ADJUSTMENT,
    NON_POSITIVE_QUANTITY,
    NON_POSITIVE_PRICE,
    OUT_OF_PERIOD,
    DUPLICATE,
)
"""In the order in which the first that failed becomes a line's `reason`."""

# What people and exports leave around a value: spaces, tabs, line ends, NUL, a no-break space, a byte order mark.
STRAY = " \t\r\n\v\f\0\u00a0\ufeff"
# And around a text, as it comes from web pages and word processors: every other space of Unicode (categories Zs, Zl,
# Zp), and the characters that do not show: soft hyphen, joiners, marks of direction.
BLANK = "\u0085\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
BLANK += "\u00ad\u180e\u200b\u200c\u200d\u2060\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
# An id as a spreadsheet shows a number that is too wide for its cell: digits are gone, and many ids become one.
ROUNDED_ID = r"^[0-9]+(\.[0-9]+[eE][+-]?|[eE]\+)[0-9]+$"
UNSPECIFIED_COUNTRY = "Unspecified"
LARGEST_QUANTITY = 2**31 - 1
# Beyond it an amount is taken for a typing error; a hundred thousand lines of it still fit a table's MONEY.
LARGEST_AMOUNT = 10**11
# The characters of a number or date. To parse a number takes time that grows with the square of its digits.
LONGEST_NUMBER = 100
# Day 0 of Excel's calendar, as it counts for dates after February 1900.
EXCEL_EPOCH = "1899-12-30 00:00:00"


def parsed_lines(raw_lines: DataFrame, settings: CleaningSettings) -> DataFrame:
    """One row per line: the raw columns, and beside them the values.

    Adds invoice_no, stock_code, description, customer_id, country string; quantity int; invoice_date timestamp_ntz;
    unit_price decimal(22,8); amount decimal(20,4) = quantity × unit_price, rounded half up once; invoice_kind string:
    sale, cancellation or adjustment, NULL without an invoice; copy_number int, 1 for the first of exact copies. A
    value that cannot be parsed, or is longer than any number, is NULL, and the line then `malformed`.

    A time counts as the shop's own clock showed it: a zone or offset behind it, as in 2010-12-01T08:26:00+02:00, does
    not move it. Ids and codes are text: leading zeros and letter case are kept. One in exponent form, such as 1.785E4
    or 5.4E+05, is no id any more: the line is malformed.
    """
    numbers = (QUANTITY, UNIT_PRICE, INVOICE_DATE)
    text = {field: (_short if field in numbers else _stripped)(F.col(raw(field))) for field in LINE_FIELDS}
    lines = raw_lines.withColumns(
        {
            INVOICE_NO: _code(text[INVOICE_NO]),
            STOCK_CODE: _code(text[STOCK_CODE]),
            DESCRIPTION: F.coalesce(text[DESCRIPTION], F.lit("")),
            QUANTITY: _whole_number(text[QUANTITY]),
            INVOICE_DATE: _date_and_time(text[INVOICE_DATE], settings.date_formats),
            UNIT_PRICE: text[UNIT_PRICE].try_cast(PRICE),
            CUSTOMER_ID: _customer_id(text[CUSTOMER_ID], settings.missing_customer_ids),
            COUNTRY: F.coalesce(F.nullif(text[COUNTRY], F.lit("")), F.lit(UNSPECIFIED_COUNTRY)),
        }
    )
    amount = F.round(F.col(QUANTITY) * F.col(UNIT_PRICE), MONEY.scale)
    lines = lines.withColumns(
        {
            AMOUNT: F.when(F.abs(amount) <= LARGEST_AMOUNT, amount).cast(MONEY),
            UNPARSED_LINE: F.coalesce(
                F.col(UNPARSED_LINE), F.when(_is_rounded(F.col(CUSTOMER_ID)), F.col(CUSTOMER_ID))
            ),
            # Python's calendar, and that of most readers of the lake, knows no year 0.
            INVOICE_DATE: F.when(F.year(INVOICE_DATE).between(1, 9999), F.col(INVOICE_DATE)),
        }
    )
    lines = lines.withColumn(INVOICE_KIND, _invoice_kind(settings))
    # Copies have one invoice, and what is aggregated later by invoice needs no further exchange of lines.
    by_invoice = lines.repartition(INVOICE_NO)
    copy_number = F.lit(1) if DUPLICATE in settings.switched_off else _copy_number()
    return by_invoice.withColumn(COPY_NUMBER, copy_number)


def rules(settings: CleaningSettings, as_of: date | None) -> Mapping[str, Column]:
    """Each rule that is switched on as a condition that is true where a parsed line fails it, never NULL.

    With `as_of` None no line is too late.
    """
    day = F.col(INVOICE_DATE).cast("date")
    is_too_early = day < F.lit(settings.first_day) if settings.first_day else F.lit(False)
    is_too_late = day >= F.lit(as_of) if as_of else F.lit(False)
    conditions = {
        MALFORMED: _is_malformed(),
        CANCELLATION: F.col(INVOICE_KIND) == CANCELLATION,
        ADJUSTMENT: F.col(INVOICE_KIND) == ADJUSTMENT,
        NON_POSITIVE_QUANTITY: F.col(QUANTITY) <= 0,
        NON_POSITIVE_PRICE: F.col(UNIT_PRICE) <= 0,
        OUT_OF_PERIOD: is_too_early | is_too_late,
        DUPLICATE: F.col(COPY_NUMBER) > 1,
    }
    return {rule: F.coalesce(conditions[rule], F.lit(False)) for rule in RULES if rule not in settings.switched_off}


def judged_lines(lines: DataFrame, settings: CleaningSettings, as_of: date | None) -> DataFrame:
    """The parsed lines with `reasons` (all rules failed, in order), `reason` (the first; `guest` for a guest's
    line; NULL for a clean one) and `outcome`: clean, guest or rejected. With `as_of` None no line is too late.
    """
    failed = rules(settings, as_of)
    named = [F.when(condition, F.lit(rule)) for rule, condition in failed.items()]
    is_guest = F.col(CUSTOMER_ID).isNull()
    # Three columns that stand alone: whoever needs only the outcome does not pay for the list of reasons.
    return lines.withColumns(
        {
            REASONS: F.array_compact(F.array(*named)),
            OUTCOME: F.when(_any(list(failed.values())), REJECTED).when(is_guest, GUEST).otherwise(CLEAN),
            REASON: F.coalesce(*named, F.when(is_guest, F.lit(GUEST))),
        }
    )


def kept_lines(judged: DataFrame) -> DataFrame:
    """The judged lines with the values that sales are aggregated by, and what else was read only of those not clean.

    Lines of one invoice lie in one partition.
    """
    told_of_others = [*map(raw, LINE_FIELDS), SOURCE_FILE, UNPARSED_LINE, UNIT_PRICE, INVOICE_KIND, COPY_NUMBER]
    is_other = F.col(OUTCOME) != CLEAN
    return judged.select(
        *[name for name in LINE_FIELDS if name != UNIT_PRICE],
        *(AMOUNT, REASON, OUTCOME),
        *[F.when(is_other, F.col(name)).alias(name) for name in told_of_others],
    )


def sales_of(judged: DataFrame, day: date) -> DataFrame:
    """source_file and invoice_no of the judged lines of a day that fail no rule, sorted."""
    of_day = judged.where((F.col(OUTCOME) != REJECTED) & (F.col(INVOICE_DATE).cast("date") == F.lit(day)))
    return of_day.select(SOURCE_FILE, INVOICE_NO).sort(SOURCE_FILE, INVOICE_NO)


def cancelled_lines(judged: DataFrame, settings: CleaningSettings, as_of: date) -> DataFrame:
    """The lines of customers' cancelled invoices within the period on which money went back, each once."""
    failed = rules(settings, as_of)
    beside_the_point = [failed[rule] for rule in (OUT_OF_PERIOD, DUPLICATE) if rule in failed]
    is_counted = F.col(CUSTOMER_ID).isNotNull() & (F.col(AMOUNT) < 0) & ~_any(beside_the_point)
    return judged.where((F.col(REASON) == CANCELLATION) & is_counted)


def rejected_transactions(judged: DataFrame) -> DataFrame:
    """`REJECTED_TRANSACTIONS`: one row per rejected or guest line, its fields as they were read."""
    return judged.where(F.col(OUTCOME) != CLEAN).select(
        *[F.col(raw(field)).alias(field) for field in LINE_FIELDS], SOURCE_FILE, REASON, REASONS
    )


def line_counts(judged: DataFrame) -> DataFrame:
    """One row per reason that occurs (`clean` for none): rule string, rows bigint, revenue decimal(20,4), which
    counts 0 for a line whose amount cannot be computed, and last_sold_at timestamp_ntz, NULL for rejected lines.
    """
    return judged.groupBy(F.coalesce(F.col(REASON), F.lit(CLEAN)).alias(RULE)).agg(
        F.count(F.lit(1)).alias(ROWS),
        F.coalesce(F.sum(AMOUNT), F.lit(0)).cast(MONEY).alias(REVENUE),
        F.max(F.when(F.col(OUTCOME) != REJECTED, F.col(INVOICE_DATE))).alias(LAST_SOLD_AT),
    )


def _invoice_kind(settings: CleaningSettings) -> Column:
    prefixes = "|".join(_literal_pattern(prefix.upper()) for prefix in settings.cancellation_prefixes)
    is_cancellation = F.upper(F.col(INVOICE_NO)).rlike(f"^({prefixes})")
    is_sale = F.col(INVOICE_NO).rlike(settings.sale_invoice_pattern)
    kind = F.when(is_cancellation, CANCELLATION).when(is_sale, SALE).otherwise(ADJUSTMENT)
    return F.when(F.col(INVOICE_NO).isNotNull(), kind)


def _is_malformed() -> Column:
    needed = (INVOICE_NO, STOCK_CODE, QUANTITY, INVOICE_DATE, UNIT_PRICE, AMOUNT)
    return F.col(UNPARSED_LINE).isNotNull() | _any([F.col(name).isNull() for name in needed])


def _any(conditions: Sequence[Column]) -> Column:
    result = F.lit(False)
    for condition in conditions:
        result = result | condition
    return result


def _plain(column: Column) -> Column:
    return F.btrim(column, F.lit(STRAY))


def _short(column: Column) -> Column:
    """The text of a number or date without what is stray around it; NULL where it is too long to be either."""
    text = _plain(column)
    return F.when(F.octet_length(text) <= LONGEST_NUMBER, text)


def _stripped(column: Column) -> Column:
    """The text without what is stray around it; what has more than ASCII is searched for all that is blank."""
    is_ascii = F.octet_length(column) == F.char_length(column)
    return F.when(is_ascii, _plain(column)).otherwise(F.btrim(column, F.lit(STRAY + BLANK)))


def _code(text: Column) -> Column:
    """An invoice number or stock code as it is written; NULL where there is none, or only its rounded value."""
    return F.when((text != "") & ~_is_rounded(text), text)


def _is_rounded(text: Column) -> Column:
    return text.rlike(ROUNDED_ID)


def _whole_number(text: Column) -> Column:
    """`6` and `6.0` as 6; a fraction or what does not fit an int is NULL."""
    exact, nearest = text.try_cast("decimal(38,8)"), text.try_cast("double")  # only a double shows a tiny fraction
    fits = (nearest == F.rint(nearest)) & (F.abs(exact) <= F.lit(LARGEST_QUANTITY))
    return F.when(fits, exact).cast("int")


def _customer_id(text: Column, missing: Sequence[str]) -> Column:
    """`17850` and `17850.0` as 17850; blank, and the ways in which exports write "none", as NULL."""
    whole = F.when(F.contains(text, F.lit(".")), F.regexp_replace(text, r"^([0-9]+)\.0+$", "$1")).otherwise(text)
    is_missing = F.lower(text).isin("", *[word.lower() for word in missing])
    return F.when(~is_missing, whole)


def _date_and_time(text: Column, formats: Sequence[str]) -> Column:
    """The first format that fits: each is tried only on text of its shape, since a failed parse is slow."""
    return F.coalesce(*[_DATE_PARSERS.get(name, _by_pattern(name))(text) for name in formats])


def _iso(text: Column) -> Column:
    is_iso = text.rlike(r"^\d{4}-\d{1,2}-\d{1,2}([T ]|$)")
    return F.when(is_iso, text).try_cast("timestamp_ntz")


def _excel(text: Column) -> Column:
    """Days since the end of 1899 as Excel counts them, the time of day as a fraction, to the nearest second."""
    is_day_number = text.rlike(r"^[1-9]\d{4}(\.\d+)?$")
    seconds = F.round(F.when(is_day_number, text).try_cast("decimal(20,10)") * 86_400).cast("bigint")
    return F.lit(EXCEL_EPOCH).cast("timestamp_ntz") + F.make_dt_interval(secs=seconds)


def _by_pattern(pattern: str) -> Callable[[Column], Column]:
    """A Spark datetime pattern, tried where the text has as many of each separator as the pattern's date."""
    numeric = re.match(r"[yMd]{1,4}([^\w\s\[\]'])[yMd]{1,4}\1[yMd]{1,4}", pattern)
    separator = numeric[1] if numeric and "MMM" not in pattern else ""

    def parse(text: Column) -> Column:
        has_shape = text.rlike(rf"^\d{{1,4}}{_literal_pattern(separator)}\d{{1,2}}{_literal_pattern(separator)}")
        candidate = F.when(has_shape, text) if separator else text
        return F.try_to_timestamp(candidate, F.lit(pattern)).cast("timestamp_ntz")

    return parse


_DATE_PARSERS: Mapping[str, Callable[[Column], Column]] = {"iso": _iso, "excel": _excel}


def _copy_number() -> Column:
    """1 for the first of the lines that are equal in every value, 2 for the next, …

    Equal means the values: `17850` and `17850.0` are the same customer. A field without a value counts by its text.
    The first is the one whose text and file sort first, so that the order of the input does not matter.
    """
    texts = [F.coalesce(F.col(raw(field)), F.lit("")) for field in LINE_FIELDS]
    unparsed = F.when(_is_malformed(), F.concat_ws("\u001f", F.coalesce(F.col(UNPARSED_LINE), F.lit("")), *texts))
    # By the hash first: one number to compare tells most lines apart when they are sorted.
    values: list[str | Column] = [F.xxhash64(*LINE_FIELDS), *LINE_FIELDS, unparsed]
    return F.row_number().over(Window.partitionBy(*values).orderBy(*[raw(field) for field in LINE_FIELDS], SOURCE_FILE))


def _literal_pattern(text: str) -> str:
    """A regular expression that matches just this text."""
    return "".join(f"\\{character}" if not character.isalnum() else character for character in text)
