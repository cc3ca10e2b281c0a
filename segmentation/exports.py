"""Lists of customers for campaign tools: one CSV file per segment, `exports/<slug of the segment>.csv`, and one of
those who moved since the run before, `exports/changes.csv`.

The lists name customers, so only their owner may read them. A spreadsheet that opens one runs nothing: a text that
could be a formula begins with an apostrophe (OWASP, "CSV Injection").
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any, Final

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import StringType

from segmentation import schemas as s
from segmentation.filesystem import FileSystem

EXPORTS: Final = "exports"
LAST_ORDER: Final = "last_order"
# What a campaign tool can filter and fill in; a column that the run does not have is left out.
COLUMNS: Final = (
    *(s.CUSTOMER_ID, s.SEGMENT_NAME, s.RFM_SEGMENT, s.RECENCY_SCORE, s.FREQUENCY_SCORE, s.MONETARY_SCORE),
    *(s.NET_SPEND, s.NET_ORDERS, LAST_ORDER, s.TOTAL_SPEND, s.PURCHASE_FREQUENCY, s.RETURNED_MATCHED),
    *(s.COUNTRY, s.REASON),
)
CHANGES: Final = "changes.csv"
CHANGES_COLUMNS: Final = (
    *(s.CUSTOMER_ID, s.KIND, s.CAUSE, s.PREVIOUS_SEGMENT_NAME, s.SEGMENT_NAME),
    *(s.NET_SPEND_BEFORE, s.NET_SPEND_AFTER, s.RFM_SEGMENT, s.REASON),
)
# The characters with which a formula begins, their full-width forms, and white space that a spreadsheet skips.
FORMULA: Final = r"^([\s\u00A0\uFEFF]*[=+\-@\uFF1D\uFF0B\uFF0D\uFF20]|[\t\r\n])"
LONGEST_SLUG: Final = 60
# `changes` is the list of those who moved between two runs; the others are devices to Windows, with any ending.
RESERVED: Final = frozenset(
    {CHANGES.removesuffix(".csv"), "con", "prn", "aux", "nul"} | {f"{p}{n}" for p in ("com", "lpt") for n in range(10)}
)
MAX_ROWS_PER_FILE: Final = 5_000_000
PARTS: Final = "_parts"
# RFC 4180: a quote inside a quoted field is doubled. White space at the ends of a text is part of it.
CSV: Final[Mapping[str, Any]] = {
    "header": True,
    "escape": '"',
    "emptyValue": "",
    "ignoreLeadingWhiteSpace": False,
    "ignoreTrailingWhiteSpace": False,
    "maxRecordsPerFile": MAX_ROWS_PER_FILE,
}


def file_names(segments: Iterable[Mapping[str, Any]]) -> dict[int, str]:
    """Return the name of each segment's list by segment_id: unique, and safe on any file system.

    `segments` are rows with segment_id and segment_name.
    """
    names: dict[int, str] = {}
    taken = set(RESERVED)
    for row in sorted(segments, key=lambda row: int(row[s.SEGMENT_ID])):
        plain = slug(str(row[s.SEGMENT_NAME] or "")) or f"segment-{row[s.SEGMENT_ID]}"
        name, number = plain, 2
        while name in taken:
            name, number = f"{plain}-{number}", number + 1
        taken.add(name)
        names[int(row[s.SEGMENT_ID])] = f"{name}.csv"
    return names


def slug(name: str) -> str:
    """Return a name in small letters, digits and single hyphens; empty where it has no Latin letter or digit.

    >>> slug("High Spend, Low Frequency"), slug("Café / ../Großkunden"), slug("顧客")
    ('high-spend-low-frequency', 'cafe-grosskunden', '')
    """
    plain = unicodedata.normalize("NFKD", name.casefold())
    letters = "".join(c for c in plain if not unicodedata.combining(c))
    return re.sub("[^a-z0-9]+", "-", letters).strip("-")[:LONGEST_SLUG].rstrip("-")


def export_rows(customers: DataFrame, spend: str, recency: str) -> DataFrame:
    """Return one row per customer, in one partition: by segment, the highest `spend` first.

    Columns: segment_id int, and those of COLUMNS that `customers` has; last_order date is `recency` days before as_of.
    """
    dated = customers.withColumn(LAST_ORDER, F.date_sub(F.col(s.AS_OF), F.col(recency)))
    ordered = dated.coalesce(1).sortWithinPartitions(s.SEGMENT_ID, F.col(spend).desc(), s.CUSTOMER_ID)
    columns = [name for name in COLUMNS if name in dated.columns]
    return with_inert_texts(ordered.select(s.SEGMENT_ID, *columns))


def change_rows(compared: DataFrame) -> DataFrame:
    """Return one row per customer who moved, entered or left, in one partition: by both segments and customer.

    `compared` comes from `changes.compared`, with the scores of today. Columns: CHANGES_COLUMNS.
    """
    changed = compared.where(F.col(s.KIND).isNotNull()).coalesce(1)
    ordered = changed.sortWithinPartitions(s.PREVIOUS_SEGMENT_ID, s.SEGMENT_ID, s.CUSTOMER_ID)
    return with_inert_texts(ordered.select(*[name for name in CHANGES_COLUMNS if name in changed.columns]))


def with_inert_texts(rows: DataFrame) -> DataFrame:
    """Return the rows with an apostrophe before each text that a spreadsheet could take for a formula."""
    texts = {field.name for field in rows.schema if isinstance(field.dataType, StringType)}
    return rows.select(*[_inert(name) if name in texts else F.col(name) for name in rows.columns])


def _inert(name: str) -> Column:
    text = F.col(name)
    return F.when(text.rlike(FORMULA), F.concat(F.lit("'"), text)).otherwise(text).alias(name)


def write_exports(
    filesystem: FileSystem, rows: DataFrame, names: Mapping[int, str], folder: str, changes: DataFrame | None = None
) -> None:
    """Write `export_rows` as one CSV file per segment, for the owner alone. Nothing passes through the driver.

    `changes` are `change_rows`, where there was a run before. A list of more than MAX_ROWS_PER_FILE customers goes on
    in `<slug>-part-2.csv`.
    """
    parts = f"{folder}/{PARTS}"
    rows.write.partitionBy(s.SEGMENT_ID).options(**CSV).csv(parts)
    for segment_id, name in names.items():
        _move_files(filesystem, f"{parts}/{s.SEGMENT_ID}={segment_id}", folder, name)
    filesystem.delete(parts)
    if changes is not None:
        write_changes(filesystem, changes, folder)
    filesystem.restrict(folder)


def write_changes(filesystem: FileSystem, rows: DataFrame, folder: str) -> None:
    """Write `change_rows` to changes.csv, the header alone where nobody moved."""
    parts = f"{folder}/{PARTS}"
    rows.write.options(**CSV).csv(parts)
    _move_files(filesystem, parts, folder, CHANGES)
    filesystem.delete(parts)


def _move_files(filesystem: FileSystem, written: str, folder: str, name: str) -> None:
    """Move the CSV files of a folder to another: the first gets the name, others the name with their number."""
    files = [file for file in filesystem.names_in(written) if file.endswith(".csv")]
    for number, file in enumerate(files, 1):
        target = name if number == 1 else f"{name.removesuffix('.csv')}-part-{number}.csv"
        filesystem.rename(f"{written}/{file}", f"{folder}/{target}")
