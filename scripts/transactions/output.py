"""Write the generated lines in the form of the real data set, as Parquet or CSV."""

from __future__ import annotations

from typing import Final

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from scripts.transactions.season import FIRST_DAY

# Output columns, in order, named as in the real data set.
COLUMNS: Final = (
    "InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country",
)  # fmt: skip

# CSV only: Parquet has NULL and NaN instead.
IMPOSSIBLE_DATE: Final = "2/30/2011 25:61"
UNREADABLE_PRICE: Final = "n/a"


def online_retail_table(sales: DataFrame) -> DataFrame:
    """Return one row per line with its output columns, from the columns of `sale_columns`.

    Columns: InvoiceNo, StockCode, Description string, Quantity int, InvoiceDate timestamp_ntz (NULL where impossible),
    UnitPrice double (pounds, NaN where unreadable), CustomerID long (NULL for guests), Country string.
    """
    start = F.lit(FIRST_DAY.isoformat()).cast("timestamp_ntz")
    invoice_date = start + F.make_dt_interval("day", F.lit(0), "minute")
    return sales.withColumn("InvoiceDate", invoice_date).select(*COLUMNS)


def online_retail_text(table: DataFrame) -> DataFrame:
    """Return the table as text: dates as 12/1/2010 8:26, prices with two decimals, all columns string."""
    price = F.col("UnitPrice")
    written = {
        "InvoiceDate": F.coalesce(F.date_format("InvoiceDate", "M/d/yyyy H:mm"), F.lit(IMPOSSIBLE_DATE)),
        "UnitPrice": F.when(F.isnan(price), UNREADABLE_PRICE).otherwise(
            F.when(~F.isnan(price), price).cast("decimal(12,2)").cast("string")
        ),
    }
    return table.select(*(written.get(name, F.col(name).cast("string")).alias(name) for name in COLUMNS))


def write_transactions(table: DataFrame, file_format: str, path: str) -> None:
    """Write Parquet, or CSV like the real file: with a header, and nothing for missing and empty values."""
    if file_format == "parquet":
        table.write.parquet(path)
    else:
        text = table.transform(online_retail_text)
        # Without these options Spark writes an empty string as "", a quote as \", and trims stray spaces.
        text.write.csv(path, header=True, emptyValue="", escape='"', ignoreTrailingWhiteSpace=False)
