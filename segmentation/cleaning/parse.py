"""Raw lines → parsed lines: every field as its typed value."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.config.settings import CleaningSettings
from segmentation.ingest import values
from segmentation.ingest.values import Field, as_text

UNSPECIFIED_COUNTRY = "Unspecified"
# A larger amount is a typing error; a hundred thousand lines of this size still fit into a MONEY column.
LARGEST_AMOUNT = 10**11
# The years that Python and most readers of the lake can represent.
EARLIEST_TIME, LATEST_TIME = "0001-01-01", "9999-12-31 23:59:59.999999"


def parse_lines(raw_lines: DataFrame, settings: CleaningSettings) -> DataFrame:
    """Return one row per raw line, with all lines of an invoice in one partition.

    Columns: invoice_no, stock_code, description, customer_id, country string; quantity int; invoice_date
    timestamp_ntz; unit_price decimal(22,8); amount decimal(18,4) = quantity × unit_price, rounded half up once;
    source_file, unparsed_line string; as_read struct of the eight texts, NULL unless the line is malformed.

    A value that cannot be parsed is NULL, and its line is malformed. Times are the shop's own clock: a zone or offset
    behind them is ignored. Ids and codes are text; one in exponent form, such as 5.4E+05, has lost digits and makes
    its line malformed. A missing customer id is NULL and no fault.
    """
    read = {field: Field(F.col(s.raw(field)), raw_lines.schema[s.raw(field)].dataType) for field in s.LINE_FIELDS}
    # Shuffle before the other fields are parsed: a file that one core must read is then parsed by all. Duplicates
    # share an invoice, and so do later aggregations by invoice: neither needs another shuffle.
    by_invoice = raw_lines.withColumn(s.INVOICE_NO, values.code(read[s.INVOICE_NO])).repartition(s.INVOICE_NO)
    parsed = by_invoice.withColumns(
        {
            s.STOCK_CODE: values.code(read[s.STOCK_CODE]),
            s.DESCRIPTION: F.coalesce(read[s.DESCRIPTION].stripped, F.lit("")),
            s.QUANTITY: values.whole_number(read[s.QUANTITY]),
            s.INVOICE_DATE: _representable(values.date_and_time(read[s.INVOICE_DATE], settings.date_formats)),
            s.UNIT_PRICE: values.price(read[s.UNIT_PRICE]),
            s.CUSTOMER_ID: values.customer_id(read[s.CUSTOMER_ID], settings.missing_customer_ids),
            s.COUNTRY: F.coalesce(F.nullif(read[s.COUNTRY].stripped, F.lit("")), F.lit(UNSPECIFIED_COUNTRY)),
        }
    )
    texts = F.struct(*[as_text(field.column, field.kind).alias(name) for name, field in read.items()])
    return (
        parsed.withColumn(s.AMOUNT, _amount())
        .withColumn(s.AS_READ, F.when(_is_malformed(), texts))
        .select(*s.LINE_FIELDS, s.AMOUNT, s.SOURCE_FILE, s.UNPARSED_LINE, s.AS_READ)
    )


def _representable(time: Column) -> Column:
    earliest, latest = (F.lit(text).cast("timestamp_ntz") for text in (EARLIEST_TIME, LATEST_TIME))
    return F.when(time.between(earliest, latest), time)


def _amount() -> Column:
    product = F.round(F.col(s.QUANTITY) * F.col(s.UNIT_PRICE), s.AMOUNT_OF_LINE.scale).try_cast(s.AMOUNT_OF_LINE)
    return F.when(F.abs(product) <= F.lit(LARGEST_AMOUNT).cast(s.AMOUNT_OF_LINE), product)


def _is_malformed() -> Column:
    # The amount is NULL where the quantity or the price is.
    needed = (s.INVOICE_NO, s.STOCK_CODE, s.INVOICE_DATE, s.AMOUNT)
    malformed = F.col(s.UNPARSED_LINE).isNotNull() | values.is_rounded(F.col(s.CUSTOMER_ID))
    for name in needed:
        malformed = malformed | F.col(name).isNull()
    return malformed
