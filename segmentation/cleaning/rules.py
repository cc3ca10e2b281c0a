"""Raw lines → judged lines: each one clean, a guest's, or rejected, with every rule that it failed.

The steps are apart because the default for `as_of` is known only once the sales are: `parsed_lines` gives every line
its values and whether it is a copy, `judged_lines` tells the outcomes, `kept_lines` leaves what is worth persisting,
and `line_counts` finds the day of the last sale. No line of that day or before is too late, so only the `reasons` of
lines that are rejected anyway have to be told again with the day that follows from it.
"""

from collections.abc import Mapping, Sequence
from datetime import date

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.cleaning.duplicates import (
    LONG_PRICE,
    ODD,
    SHORT_PRICE,
    beside_values,
    thin_lines,
    whole_lines,
    with_copies_told,
)
from segmentation.config.settings import CleaningSettings
from segmentation.ingest import values
from segmentation.ingest.values import Field, as_text, literal_pattern

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

UNSPECIFIED_COUNTRY = "Unspecified"
# Beyond it an amount is taken for a typing error; a hundred thousand lines of it still fit a table's MONEY.
LARGEST_AMOUNT = 10**11
# Python's calendar, and that of most readers of the lake, knows no year 0.
KNOWN_TIMES = ("0001-01-01", "9999-12-31 23:59:59.999999")


def parsed_lines(raw_lines: DataFrame, settings: CleaningSettings) -> DataFrame:
    """One row per line: the raw columns, and beside them the values; lines of one invoice lie in one partition.

    Adds invoice_no, stock_code, description, customer_id, country string; quantity int; invoice_date timestamp_ntz;
    unit_price decimal(22,8); amount decimal(18,4) = quantity × unit_price, rounded half up once; invoice_kind string:
    sale, cancellation or adjustment, NULL without an invoice; is_copy boolean, false for the first of exact copies; and
    short_price decimal(18,8) and odd struct, as `thin_lines` has them. A value that cannot be parsed, or is longer than
    any number, is NULL, and the line then `malformed`.

    A time counts as the shop's own clock showed it: a zone or offset behind it, as in 2010-12-01T08:26:00+02:00, does
    not move it. Ids and codes are text: leading zeros and letter case are kept. One in exponent form, such as 1.785E4
    or 5.4E+05, is no id any more: the line is malformed.
    """
    read = {field: Field(F.col(s.raw(field)), raw_lines.schema[s.raw(field)].dataType) for field in s.LINE_FIELDS}
    # Copies have one invoice, and what is aggregated later by invoice needs no further exchange of lines. They are
    # moved before the rest is parsed: a file that only one core can take apart is parsed by all.
    by_invoice = raw_lines.withColumn(s.INVOICE_NO, values.code(read[s.INVOICE_NO])).repartition(s.INVOICE_NO)
    date_and_time = values.date_and_time(read[s.INVOICE_DATE], settings.date_formats)
    lines = by_invoice.withColumns(
        {
            s.STOCK_CODE: values.code(read[s.STOCK_CODE]),
            s.DESCRIPTION: F.coalesce(read[s.DESCRIPTION].stripped, F.lit("")),
            s.QUANTITY: values.whole_number(read[s.QUANTITY]),
            s.INVOICE_DATE: F.when(date_and_time.between(*map(_time, KNOWN_TIMES)), date_and_time),
            s.UNIT_PRICE: values.price(read[s.UNIT_PRICE]),
            s.CUSTOMER_ID: values.customer_id(read[s.CUSTOMER_ID], settings.missing_customer_ids),
            s.COUNTRY: F.coalesce(F.nullif(read[s.COUNTRY].stripped, F.lit("")), F.lit(UNSPECIFIED_COUNTRY)),
        }
    )
    amount = F.round(F.col(s.QUANTITY) * F.col(s.UNIT_PRICE), s.AMOUNT_OF_LINE.scale).try_cast(s.AMOUNT_OF_LINE)
    known_amount = F.when(F.abs(amount) <= F.lit(LARGEST_AMOUNT).cast(s.AMOUNT_OF_LINE), amount)
    thin = thin_lines(lines.withColumn(s.AMOUNT, known_amount), _is_malformed())
    is_told = DUPLICATE not in settings.switched_off
    told = with_copies_told(thin) if is_told else thin.withColumn(s.IS_COPY, F.lit(False))
    return _whole(told, settings)


def rules(settings: CleaningSettings, as_of: date | None) -> Mapping[str, Column]:
    """Each rule that is switched on as a condition that is true where a parsed line fails it, never NULL.

    With `as_of` None no line is too late.
    """
    day = F.col(s.INVOICE_DATE).cast("date")
    is_too_early = day < F.lit(settings.first_day) if settings.first_day else F.lit(False)
    is_too_late = day >= F.lit(as_of) if as_of else F.lit(False)
    conditions = {
        MALFORMED: _is_malformed(),
        CANCELLATION: F.col(s.INVOICE_KIND) == CANCELLATION,
        ADJUSTMENT: F.col(s.INVOICE_KIND) == ADJUSTMENT,
        NON_POSITIVE_QUANTITY: F.col(s.QUANTITY) <= 0,
        NON_POSITIVE_PRICE: F.col(s.UNIT_PRICE) <= 0,
        OUT_OF_PERIOD: is_too_early | is_too_late,
        DUPLICATE: F.col(s.IS_COPY),
    }
    return {rule: F.coalesce(conditions[rule], F.lit(False)) for rule in RULES if rule not in settings.switched_off}


def judged_lines(lines: DataFrame, settings: CleaningSettings, as_of: date | None) -> DataFrame:
    """The parsed lines with `reasons` (all rules failed, in order), `reason` (the first; `guest` for a guest's
    line; NULL for a clean one) and `outcome`: clean, guest or rejected. With `as_of` None no line is too late.
    """
    failed = rules(settings, as_of)
    named = [F.when(condition, F.lit(rule)) for rule, condition in failed.items()]
    is_guest = F.col(s.CUSTOMER_ID).isNull()
    # Three columns that stand alone: whoever needs only the outcome does not pay for the list of reasons.
    return lines.withColumns(
        {
            s.REASONS: F.array_compact(F.array(*named)),
            s.OUTCOME: F.when(_any(list(failed.values())), REJECTED).when(is_guest, GUEST).otherwise(CLEAN),
            s.REASON: F.coalesce(*named, F.when(is_guest, F.lit(GUEST))),
        }
    )


def kept_lines(judged: DataFrame) -> DataFrame:
    """The judged lines with the values that sales are aggregated by, and what else is told only of those not clean.

    Columns: the fields but unit_price; amount; reason; as_read struct, NULL for a clean line: all from which
    `others_among` tells the rest. Lines of one invoice lie in one partition.
    """
    values = [name for name in s.LINE_FIELDS if name != s.UNIT_PRICE]
    as_read = F.struct(*beside_values(judged), s.IS_COPY)
    return judged.select(*values, s.AMOUNT, s.REASON, F.when(F.col(s.OUTCOME) != CLEAN, as_read).alias(s.AS_READ))


def sales_among(kept: DataFrame) -> DataFrame:
    """The kept lines that are clean or a guest's."""
    return kept.where(F.col(s.REASON).isNull() | (F.col(s.REASON) == GUEST)).drop(s.AS_READ)


def others_among(kept: DataFrame, settings: CleaningSettings, as_of: date) -> DataFrame:
    """The kept lines that are not clean, judged with the day known, and with their fields as they were read."""
    others = kept.where(F.col(s.REASON).isNotNull()).select("*", f"{s.AS_READ}.*").drop(s.AS_READ)
    return judged_lines(_whole(others, settings), settings, as_of)


def sales_of(judged: DataFrame, day: date) -> DataFrame:
    """source_file and invoice_no of the judged lines of a day that fail no rule, sorted."""
    of_day = judged.where((F.col(s.OUTCOME) != REJECTED) & (F.col(s.INVOICE_DATE).cast("date") == F.lit(day)))
    return of_day.select(s.SOURCE_FILE, s.INVOICE_NO).sort(s.SOURCE_FILE, s.INVOICE_NO)


def cancelled_lines(kept: DataFrame, settings: CleaningSettings, as_of: date) -> DataFrame:
    """Of kept lines, those of customers' cancelled invoices in the period on which money went back, each once."""
    cancelled = others_among(kept.where(F.col(s.REASON) == CANCELLATION), settings, as_of)
    failed = rules(settings, as_of)
    beside_the_point = [failed[rule] for rule in (OUT_OF_PERIOD, DUPLICATE) if rule in failed]
    return cancelled.where(F.col(s.CUSTOMER_ID).isNotNull() & (F.col(s.AMOUNT) < 0) & ~_any(beside_the_point))


def rejected_transactions(judged: DataFrame) -> DataFrame:
    """`REJECTED_TRANSACTIONS`: one row per rejected or guest line, its fields as they were read."""
    texts = [as_text(F.col(s.raw(field)), judged.schema[s.raw(field)].dataType).alias(field) for field in s.LINE_FIELDS]
    return judged.where(F.col(s.OUTCOME) != CLEAN).select(*texts, s.SOURCE_FILE, s.REASON, s.REASONS)


def line_counts(kept: DataFrame) -> DataFrame:
    """One row per reason that occurs among the kept lines (`clean` for none): rule string, rows bigint, revenue
    decimal(20,4), which counts 0 for a line whose amount cannot be computed, last_sold_at timestamp_ntz, NULL for
    rejected lines, and unread struct: in how many of the malformed ones what is missing, each bigint.
    """
    return kept.groupBy(F.coalesce(F.col(s.REASON), F.lit(CLEAN)).alias(s.RULE)).agg(
        F.count(F.lit(1)).alias(s.ROWS),
        F.coalesce(F.sum(s.AMOUNT), F.lit(0)).cast(s.MONEY).alias(s.REVENUE),
        F.max(F.when(F.coalesce(F.col(s.REASON) == GUEST, F.lit(True)), F.col(s.INVOICE_DATE))).alias(s.LAST_SOLD_AT),
        F.struct(*[F.count_if(is_missing).alias(what) for what, is_missing in _missing().items()]).alias(s.UNREAD),
    )


def _missing() -> Mapping[str, Column]:
    """What makes a kept line malformed: unparsed_line where it is none of the fields, then each field, then amount.

    A customer may be missing: what counts of customer_id is that it is rounded.
    """
    is_malformed = F.col(s.REASON).eqNullSafe(MALFORMED)
    odd = F.col(s.AS_READ)[ODD]
    is_unparsed = odd[s.UNPARSED_LINE].isNotNull()
    known = {name: F.col(name) for name in (s.INVOICE_NO, s.STOCK_CODE, s.QUANTITY, s.INVOICE_DATE)}
    known[s.UNIT_PRICE] = F.coalesce(F.col(s.AS_READ)[SHORT_PRICE].cast(s.PRICE), odd[LONG_PRICE])
    missing = {name: value.isNull() for name, value in known.items()}
    missing[s.CUSTOMER_ID] = values.is_rounded(F.col(s.CUSTOMER_ID))
    missing[s.AMOUNT] = F.col(s.AMOUNT).isNull() & ~missing[s.QUANTITY] & ~missing[s.UNIT_PRICE]
    lacks = {name: is_malformed & ~is_unparsed & is_missing for name, is_missing in missing.items()}
    return {s.UNPARSED_LINE: is_malformed & is_unparsed, **lacks}


def _whole(thin: DataFrame, settings: CleaningSettings) -> DataFrame:
    return whole_lines(thin).withColumn(s.INVOICE_KIND, _invoice_kind(settings))


def _invoice_kind(settings: CleaningSettings) -> Column:
    prefixes = "|".join(literal_pattern(prefix.upper()) for prefix in settings.cancellation_prefixes)
    is_cancellation = F.upper(F.col(s.INVOICE_NO)).rlike(f"^({prefixes})")
    is_sale = F.col(s.INVOICE_NO).rlike(settings.sale_invoice_pattern)
    kind = F.when(is_cancellation, CANCELLATION).when(is_sale, SALE).otherwise(ADJUSTMENT)
    return F.when(F.col(s.INVOICE_NO).isNotNull(), kind)


def _is_malformed() -> Column:
    needed = (s.INVOICE_NO, s.STOCK_CODE, s.INVOICE_DATE, s.AMOUNT)  # which is of a quantity and a price
    is_unusable = F.col(s.UNPARSED_LINE).isNotNull() | values.is_rounded(F.col(s.CUSTOMER_ID))
    return is_unusable | _any([F.col(name).isNull() for name in needed])


def _any(conditions: Sequence[Column]) -> Column:
    result = F.lit(False)
    for condition in conditions:
        result = result | condition
    return result


def _time(text: str) -> Column:
    return F.lit(text).cast("timestamp_ntz")
