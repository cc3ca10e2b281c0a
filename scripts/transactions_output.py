"""The generated lines as the real data set has them, in Parquet or CSV, and where they may be written."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from transactions_plan import FIRST_DAY, PlanError

# Output columns, in order, named as in the real data set.
COLUMNS: Final = (
    "InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country",
)  # fmt: skip

# A Parquet file can hold neither; it has NULL and NaN instead.
IMPOSSIBLE_DATE: Final = "2/30/2011 25:61"
UNREADABLE_PRICE: Final = "n/a"


def online_retail_table(sales: DataFrame) -> DataFrame:
    """The output columns with their Parquet types, from lines in the shape of `sale_columns`.

    InvoiceNo, StockCode, Description string · Quantity int · InvoiceDate timestamp_ntz, NULL where it is impossible ·
    UnitPrice double (pounds), NaN where it is unreadable · CustomerID long, NULL for guests · Country string
    """
    start = F.lit(FIRST_DAY.isoformat()).cast("timestamp_ntz")
    invoice_date = start + F.make_dt_interval("day", F.lit(0), "minute")
    return sales.withColumn("InvoiceDate", invoice_date).select(*COLUMNS)


def online_retail_text(table: DataFrame) -> DataFrame:
    """The table as the real CSV file has it: dates as 12/1/2010 8:26, prices with two decimals; all columns string."""
    price = F.col("UnitPrice")
    written = {
        "InvoiceDate": F.coalesce(F.date_format("InvoiceDate", "M/d/yyyy H:mm"), F.lit(IMPOSSIBLE_DATE)),
        "UnitPrice": F.when(F.isnan(price), UNREADABLE_PRICE).otherwise(
            F.when(~F.isnan(price), price).cast("decimal(12,2)").cast("string")
        ),
    }
    return table.select(*(written.get(name, F.col(name).cast("string")).alias(name) for name in COLUMNS))


def write_transactions(table: DataFrame, file_format: str, path: str, mode: str) -> None:
    """Write Parquet, or CSV as the real file has it: with a header, missing and empty values as nothing."""
    if file_format == "parquet":
        table.write.mode(mode).parquet(path)
    else:
        text = table.transform(online_retail_text)
        # Spark would write an empty string as "" and a quote as \", and trim the stray spaces that real data has.
        text.write.mode(mode).csv(path, header=True, emptyValue="", escape='"', ignoreTrailingWhiteSpace=False)


def refuse_used_output(output: str) -> None:
    """Raises PlanError if a local output is a file or not empty; elsewhere Spark refuses when it writes."""
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]*):/", output)
    if scheme and scheme[1] != "file":
        return
    place = Path(re.sub("^file:(//)?", "", output))
    if place.exists() and not place.is_dir():
        raise PlanError(f"--output {output}: is a file; name a directory")
    if place.is_dir() and any(place.iterdir()):
        raise PlanError(f"--output {output}: is not empty; choose another place or add --overwrite")
