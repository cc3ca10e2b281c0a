"""Is there enough to work on? The day, the lines, the customers and the numbers of segments of a run, or InputError."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from pyspark.sql import DataFrame, Row

from segmentation import cleaning
from segmentation.config import ClusteringSettings
from segmentation.errors import InputError
from segmentation.input_files import InputFile
from segmentation.preparation import Preparation
from segmentation.schemas import LAST_SOLD_AT, ROWS, RULE


def day_after_last_sale(judged: DataFrame, counted: Sequence[Row]) -> date:
    """The default of as_of; InputError where it would lie in the future and make every recency nonsense."""
    last = max((row[LAST_SOLD_AT].date() for row in counted if row[LAST_SOLD_AT]), default=None)
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    # Without any sale the day does not matter: the run ends with the counts of what was wrong with the lines.
    if last is None:
        return tomorrow
    # A day's grace for shops east of Greenwich.
    if last > tomorrow:
        file, invoice = cleaning.sales_of(judged, last).head() or ("", "")
        raise InputError(
            f"{file}: the last sale, of invoice {invoice}, is on {last}, which is yet to come: correct its date, or "
            "give the run its day with --as-of: what is dated later is then out of period"
        )
    day: date = last
    return day + timedelta(days=1)


def require_usable(quality: Sequence[Mapping[str, Any]], files: Sequence[InputFile]) -> dict[str, int]:
    """Lines read by rule; InputError where there is no clean one."""
    counts = {row[RULE]: row[ROWS] for row in quality}
    place = files[0].path + (f" and {len(files) - 1} more" if len(files) > 1 else "")
    if not sum(counts.values()):
        raise InputError(f"{place}: a header, but no lines below it")
    if not counts[cleaning.CLEAN]:
        listed = ", ".join(f"{rule} {count:,}" for rule, count in counts.items() if count)
        raise InputError(
            f"{place}: no usable line is left of {sum(counts.values()):,} read ({listed}): check input.columns, "
            "cleaning.date_formats and --as-of"
        )
    return counts


def require_customers(preparation: Preparation, k: int | str) -> None:
    """InputError where the customers are too few, or too much alike, for any segments, or for so many as are set."""
    count = preparation.count
    if count < 2:
        raise InputError(f"there is {count} customer with a sale: segments need at least 2")
    if isinstance(k, int) and count < k:
        raise InputError(f"customers = {count} should be >= clustering.k = {k}: lower it, or give more data")
    if isinstance(k, int) and 1 < preparation.distinct < k:
        raise InputError(
            f"the {count} customers have only {preparation.distinct} different values of the clustered features: "
            f"clustering.k = {k} is more than can be told apart"
        )


def ks_to_fit(preparation: Preparation, wanted: ClusteringSettings) -> list[int]:
    """Every k to fit: the configured range, with a fixed k, as far as the customers differ.

    InputError where they differ too little for the range.
    """
    ks = range(wanted.smallest_k, min(wanted.largest_k, preparation.distinct) + 1)
    if not ks and preparation.distinct > 1:
        raise InputError(
            f"the {preparation.count} customers have only {preparation.distinct} different values of the clustered "
            f"features: clustering.k_min = {wanted.k_min} is more than can be told apart"
        )
    return list(ks)
