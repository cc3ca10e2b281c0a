"""Raw lines → parsed lines: every field as its typed value."""

import operator
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import DoubleType, LongType

from segmentation import schemas as s
from segmentation.config.settings import CleaningSettings, DecimalMark
from segmentation.ingest import dates, numbers, values
from segmentation.ingest.values import Around, Field, as_text
from segmentation.money import amount_of, in_ten_thousandths, rounded_to_ten_thousandths, units_of, whole_units_of

UNSPECIFIED_COUNTRY = "Unspecified"
ONE_UNIT_E4 = 10_000
NUMBERS_AND_DATES = (*s.NUMBER_FIELDS, s.INVOICE_DATE)
# A larger amount is a typing error; a hundred thousand lines of this size still fit into a MONEY column.
LARGEST_AMOUNT = 10**11
# Of more units than this, times the largest exact price in 10⁻⁸, a bigint may overflow.
LARGEST_EXACT_QUANTITY = 2**19
# The years that Python and most readers of the lake can represent.
EARLIEST_TIME, LATEST_TIME = "0001-01-01", "9999-12-31 23:59:59.999999"


@dataclass(frozen=True)
class Traits:
    """What all lines of an input have in common; without a look at them, nothing.

    `around`: what surrounds the texts, by raw column; `unrounded`: the raw columns of ids none of which a spreadsheet
    may have rounded or marked; `are_whole`: no line is unparsed; `are_exact`: no price or quantity needs decimals.
    """

    around: Mapping[str, Around] = field(default_factory=dict)
    unrounded: Collection[str] = ()
    are_whole: bool = False
    are_exact: bool = False


def look_at_lines(raw_lines: DataFrame) -> Traits:
    """Look at all lines once, so that each query can parse them at the least cost. Runs an action over all of them."""
    fields = {name: Field(F.col(name), raw_lines.schema[name].dataType) for name in raw_lines.columns}
    texts = [name for name in fields if fields[name].is_text and name not in (s.SOURCE_FILE, s.UNPARSED_LINE)]
    ids = [name for name in map(s.raw, (s.INVOICE_NO, s.STOCK_CODE, s.CUSTOMER_ID)) if name in texts]
    found = raw_lines.agg(
        (F.count(s.UNPARSED_LINE) == 0).alias("are_whole"),
        F.coalesce(F.bool_and(_is_exact(fields)), F.lit(True)).alias("are_exact"),
        F.struct(*[values.around(F.col(name)).alias(name) for name in texts]).alias("around"),
        F.struct(F.lit(0), *[F.count_if(values.may_be_respelled(F.col(name))).alias(name) for name in ids]).alias(
            "ids"
        ),
    ).first()
    assert found is not None, "an aggregate without groups has one row"
    around = {name: Around(found["around"][name]) for name in texts}
    unrounded = [name for name in ids if not found["ids"][name]]
    return Traits(around, unrounded, found["are_whole"], found["are_exact"])


UNKNOWN = Traits()


def parse_lines(
    raw_lines: DataFrame,
    settings: CleaningSettings,
    spread: bool = False,
    traits: Traits = UNKNOWN,
    decimal: DecimalMark = "auto",
    time_zone: str | None = None,
) -> DataFrame:
    """Return one row per raw line; with `spread` in the partitions of a shuffle, those of an invoice in one partition.

    `traits` come from `look_at_lines`: with them, lines are parsed at the least cost that this input allows. `decimal`
    is the decimal mark of numbers in text, `time_zone` the shop's, to which instants in text are moved.

    Columns: invoice_no, stock_code, description, customer_id, country string; quantity_e4 bigint,
    the quantity in ten-thousandths, rounded half up; invoice_date timestamp_ntz; unit_price decimal(22,8); amount
    decimal(18,4) = quantity × unit_price, rounded half up once; amount_e4 bigint, the amount in ten-thousandths;
    has_price boolean, whether the unit price is above 0; source_file, unparsed_line string; as_read struct of the eight
    texts, NULL unless the line is malformed; is_refund boolean, whether the line's type says so, NULL where that
    is blank: of a refund, quantity and amount are negative; is_no_sale boolean, by the line's status and currency, NULL
    where they are blank.

    A value that cannot be parsed is NULL, and its line is malformed. Times are the shop's own clock: a zone or offset
    behind them is ignored, but that of Greenwich where `time_zone` is given. Ids and codes are text; one in exponent
    form, such as 5.4E+05, has lost digits and makes its line malformed. A missing customer id is NULL and no fault.

    Of a field that the input does not have, invoice_no and stock_code are NULL, description is blank, country
    Unspecified, and quantity 1. An amount in place of the unit price is described at `_money_from_amounts`.
    """
    read = _fields(raw_lines, traits)
    parsed = raw_lines.withColumns(
        {
            s.CUSTOMER_ID: values.customer_id(
                read[s.CUSTOMER_ID], settings.missing_customer_ids, settings.normalise_ids
            ),
            s.INVOICE_NO: _code(read.get(s.INVOICE_NO), settings),
        }
    )
    if spread:
        # Before the other fields are parsed: a file that one core must read is then parsed by all.
        parsed = parsed.repartition(s.INVOICE_NO if s.INVOICE_NO in read else s.CUSTOMER_ID)
    parsed, short = _with_short_texts(parsed, read)
    parsed = parsed.withColumns(
        {
            s.STOCK_CODE: _code(read.get(s.STOCK_CODE), settings),
            s.DESCRIPTION: _text_or(read.get(s.DESCRIPTION), ""),
            s.QUANTITY_E4: numbers.quantity_e4(short[s.QUANTITY], decimal)
            if s.QUANTITY in read
            else F.lit(ONE_UNIT_E4).cast("bigint"),
            s.INVOICE_DATE: _time(short[s.INVOICE_DATE], settings, time_zone),
            s.UNIT_PRICE: numbers.price(short[s.AMOUNT if s.AMOUNT in read else s.UNIT_PRICE], decimal),
            s.COUNTRY: _text_or(read.get(s.COUNTRY), UNSPECIFIED_COUNTRY),
        }
    )
    if time_zone and read[s.INVOICE_DATE].is_text:
        parsed = _with_instants_moved(parsed, read[s.INVOICE_DATE].column, time_zone)
    if s.AMOUNT in read:
        money = _money_from_amounts(parsed)
    else:
        money = _money_from_prices(parsed, read, traits.are_exact)
    signed = _with_refunds(money, read.get(s.LINE_TYPE), settings)
    signed = signed.withColumn(s.IS_NO_SALE, _is_no_sale(read, settings))
    return signed.withColumn(s.AS_READ, F.when(_is_malformed(read), _texts(read))).select(
        *s.PARSED_FIELDS,
        *(amount_of(F.col(s.AMOUNT_E4)).alias(s.AMOUNT), s.AMOUNT_E4, s.HAS_PRICE),
        *(s.SOURCE_FILE, s.UNPARSED_LINE, s.AS_READ, s.IS_REFUND, s.IS_NO_SALE),
    )


def _fields(raw_lines: DataFrame, traits: Traits) -> dict[str, Field]:
    """Return the fields that the raw lines have, each with what is known of its texts."""
    return {
        name: Field(
            F.col(s.raw(name)),
            raw_lines.schema[s.raw(name)].dataType,
            traits.around.get(s.raw(name), Around.ANYTHING),
            s.raw(name) in traits.unrounded,
        )
        for name in (*s.INPUT_FIELDS, *s.MARK_FIELDS)
        if s.raw(name) in raw_lines.columns
    }


def _with_short_texts(lines: DataFrame, read: Mapping[str, Field]) -> tuple[DataFrame, dict[str, Field]]:
    """Add the texts of numbers and dates without what surrounds them, and return the fields that read these.

    They are columns of their own: to parse a number or a date is to look at its text more than once.
    """
    texts = {name: read[name] for name in NUMBERS_AND_DATES if name in read and read[name].is_text}
    lines = lines.withColumns({_short(name): field.short for name, field in texts.items()})
    short = {name: replace(field, column=F.col(_short(name)), is_short=True) for name, field in texts.items()}
    if s.INVOICE_DATE in texts:
        lines = lines.withColumn(_short(s.INVOICE_DATE), dates.plain_date(short[s.INVOICE_DATE]))
    return lines, {**read, **short}


def _short(field: str) -> str:
    return f"short_{field}"


def _text_or(field: Field | None, default: str) -> Column:
    return F.lit(default) if field is None else F.coalesce(F.nullif(field.stripped, F.lit("")), F.lit(default))


def _code(field: Field | None, settings: CleaningSettings) -> Column:
    return _no_text() if field is None else values.code(field, settings.normalise_ids)


def _no_text() -> Column:
    return F.lit(None).cast("string")


def _texts(read: Mapping[str, Field]) -> Column:
    """Return the eight texts as read, NULL for a field that the input does not have.

    An amount in place of the unit price is in its place here too.
    """
    by_field = {s.UNIT_PRICE: read[s.AMOUNT], **read} if s.AMOUNT in read else read
    texts = {name: as_text(field.column, field.kind) for name, field in by_field.items()}
    return F.struct(*[texts.get(name, _no_text()).alias(name) for name in s.LINE_FIELDS])


def _time(plain: Field, settings: CleaningSettings, time_zone: str | None) -> Column:
    """Return the time of a field that is typed, or text of `dates.plain_date`."""
    if plain.is_text:
        return _representable(dates.parsed_date(plain.column, settings.date_formats, time_zone))
    return _representable(plain.column)


def _with_instants_moved(parsed: DataFrame, raw_date: Column, time_zone: str) -> DataFrame:
    """Move the times whose text says that they are of Greenwich to the time zone of the shop."""
    moved = _representable(dates.in_time_zone(F.col(s.INVOICE_DATE), time_zone))
    time = F.when(dates.is_instant(raw_date), moved).otherwise(F.col(s.INVOICE_DATE))
    return parsed.withColumn(s.INVOICE_DATE, time)


def _representable(time: Column) -> Column:
    earliest, latest = (F.lit(text).cast("timestamp_ntz") for text in (EARLIEST_TIME, LATEST_TIME))
    return F.when(time.between(earliest, latest), time)


def _bounded(money: Column) -> Column:
    amount = F.round(money, s.AMOUNT_OF_LINE.scale).try_cast(s.AMOUNT_OF_LINE)
    return F.when(F.abs(amount) <= F.lit(LARGEST_AMOUNT).cast(s.AMOUNT_OF_LINE), amount)


def _is_exact(raw_fields: Mapping[str, Field]) -> Column:
    """Return whether the amount of a raw line with a typed quantity and price can be had without decimals."""
    quantity, price = (raw_fields.get(s.raw(name)) for name in (s.QUANTITY, s.UNIT_PRICE))
    if price is None or price.is_text or (quantity is not None and quantity.is_text):
        return F.lit(False)
    units = quantity.column if quantity else F.lit(1)
    is_exact = units.between(-LARGEST_EXACT_QUANTITY, LARGEST_EXACT_QUANTITY)
    if quantity and isinstance(quantity.kind, DoubleType):
        is_exact = is_exact & (units == F.rint(units))
    has_no_price = price.column.isNull() | F.isnan(price.column)
    return F.coalesce(is_exact, F.lit(True)) & (has_no_price | numbers.price_e8(price).isNotNull())


def _money_from_prices(parsed: DataFrame, read: Mapping[str, Field], are_exact: bool) -> DataFrame:
    """Add amount_e4 and has_price."""
    quantity, price_e8 = F.col(s.QUANTITY_E4), numbers.price_e8(read[s.UNIT_PRICE])
    is_integer = isinstance(read[s.QUANTITY].kind, LongType)
    units = read[s.QUANTITY].column if is_integer else whole_units_of(quantity)
    exact = rounded_to_ten_thousandths(units * price_e8)
    if are_exact:
        return parsed.withColumns({s.AMOUNT_E4: exact, s.HAS_PRICE: price_e8 > 0})
    is_small_and_whole = (F.abs(quantity) <= LARGEST_EXACT_QUANTITY * ONE_UNIT_E4) & (quantity % ONE_UNIT_E4 == 0)
    exact = F.when(is_small_and_whole, exact)
    by_decimals = in_ten_thousandths(_bounded(units_of(quantity) * F.col(s.UNIT_PRICE)))
    return parsed.withColumns(
        {
            s.AMOUNT_E4: F.coalesce(exact, by_decimals),
            s.HAS_PRICE: F.coalesce(price_e8 > 0, F.col(s.UNIT_PRICE) > 0),
        }
    )


def _money_from_amounts(parsed: DataFrame) -> DataFrame:
    """Turn amounts, read as unit_price, into amount_e4, unit_price = amount ÷ quantity, and a quantity of their sign.

    Adds has_price too.

    Exports write what came back as negative units, as negative money, or as both: each is a return, so that amount
    and quantity are negative and the price is not. The price of no units is unknown: NULL.
    """
    money, units = F.col(s.UNIT_PRICE), units_of(F.col(s.QUANTITY_E4))
    sign = F.when((money < 0) | (units < 0), F.lit(-1)).otherwise(F.lit(1))
    known = parsed.withColumn("sign", F.when(money.isNotNull() & units.isNotNull(), sign))
    return known.withColumns(
        {
            s.AMOUNT_E4: in_ten_thousandths(_bounded(F.col("sign") * F.abs(money))),
            s.UNIT_PRICE: F.try_divide(F.abs(money), F.abs(units)).cast(s.PRICE),
            s.QUANTITY_E4: F.col("sign") * F.abs(F.col(s.QUANTITY_E4)),
        }
    ).withColumn(s.HAS_PRICE, F.col(s.UNIT_PRICE) > 0)


def _with_refunds(money: DataFrame, line_type: Field | None, settings: CleaningSettings) -> DataFrame:
    """Add is_refund, by the line's type: NULL where that is blank."""
    if line_type is None:
        return money.withColumn(s.IS_REFUND, F.lit(False))
    is_refund = F.when(line_type.stripped != "", values.is_one_of(line_type, settings.return_types))
    return with_refund_signs(money.withColumn(s.IS_REFUND, is_refund))


def with_refund_signs(lines: DataFrame) -> DataFrame:
    """Return lines of which a refund with positive money has the signs of other returns, in ten-thousandths."""
    is_unsigned = F.col(s.IS_REFUND) & (F.col(s.AMOUNT_E4) > 0)
    return lines.withColumns(
        {name: F.when(is_unsigned, -F.col(name)).otherwise(F.col(name)) for name in (s.QUANTITY_E4, s.AMOUNT_E4)}
    )


def _is_no_sale(read: Mapping[str, Field], settings: CleaningSettings) -> Column:
    """Return whether the status of a line says that nothing was sold, or its money is of another currency.

    NULL where the line does not say: the status is blank, or, without a column of statuses, the currency.
    """
    marks = []
    if s.LINE_STATUS in read:
        marks.append(values.is_one_of(read[s.LINE_STATUS], settings.no_sale_statuses))
    if s.CURRENCY in read and settings.currency is not None:
        same = ("", *values.ways_to_write_currency(settings.currency))
        marks.append(~values.is_one_of(read[s.CURRENCY], same) & read[s.CURRENCY].column.isNotNull())
    if not marks:
        return F.lit(False)
    written = read[s.LINE_STATUS if s.LINE_STATUS in read else s.CURRENCY].stripped
    return F.when(reduce(operator.or_, marks), True).when(written != "", False)


def _is_malformed(fields: Mapping[str, Field]) -> Column:
    # The amount is NULL where the quantity or the price is.
    needed = (*(name for name in (s.INVOICE_NO, s.STOCK_CODE) if name in fields), s.INVOICE_DATE, s.AMOUNT_E4)
    malformed = F.col(s.UNPARSED_LINE).isNotNull() | fields[s.CUSTOMER_ID].is_rounded(F.col(s.CUSTOMER_ID))
    for name in needed:
        malformed = malformed | F.col(name).isNull()
    return malformed
