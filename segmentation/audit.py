"""Do the lines, the money and the staged tables of a run agree? If not, nothing is published."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segmentation.cleaning import CLEAN, GUEST, RULES
from segmentation.errors import QualityGateError
from segmentation.schemas import CUSTOMERS, GUEST_REVENUE, REVENUE, ROWS, RULE


def require_whole(tables: Mapping[str, Any], reconciliation: Mapping[str, Any]) -> None:
    """QualityGateError where a staged table, read back, has not as many rows as the run counted."""
    lines = reconciliation["lines"]
    require_equal(
        "the rows of rejected_transactions and the lines that are not clean",
        table=tables["rejected_transactions"]["rows"],
        lines=lines["rejected"] + lines["guest"],
    )
    require_equal(
        "the rows of customer_segments and the customers of the segments",
        table=tables["customer_segments"]["rows"],
        customers=reconciliation["customers"],
    )


def reconcile(
    quality: Sequence[Mapping[str, Any]],
    segments: Sequence[Mapping[str, Any]],
    countries: DataFrame,
    products: DataFrame,
) -> dict[str, Any]:
    """Lines and money by outcome, and the same money seen from customers, countries and products.

    QualityGateError where they do not agree to the last decimal.
    """
    rows = {row[RULE]: row[ROWS] for row in quality}
    money = {row[RULE]: row[REVENUE] for row in quality}
    clean, guest = money[CLEAN], money[GUEST]
    by_segment = sum((row[REVENUE] for row in segments), Decimal(0))
    require_equal("the revenue of clean lines and of segments", lines=clean, segments=by_segment)
    for table, frame in {"country_sales": countries, "product_sales": products}.items():
        row = frame.agg(F.sum(REVENUE), F.sum(GUEST_REVENUE)).head()
        revenue, guest_revenue = (value or Decimal(0) for value in row or (None, None))
        require_equal(f"revenue in {table} and on the lines", table=revenue, lines=clean + guest)
        require_equal(f"guest revenue in {table} and on the lines", table=guest_revenue, lines=guest)

    def of_outcomes(figures: Mapping[str, Any], zero: Any) -> dict[str, Any]:
        rejected = sum((figures[rule] for rule in RULES), zero)
        return {
            "read": sum(figures.values(), zero),
            "clean": figures[CLEAN],
            "guest": figures[GUEST],
            "rejected": rejected,
        }

    return {
        "lines": of_outcomes(rows, 0),
        # As text: JSON numbers are floating-point for many readers, and these are exact.
        "revenue": {name: str(value) for name, value in of_outcomes(money, Decimal(0)).items()},
        "customers": sum(row[CUSTOMERS] for row in segments),
    }


def require_equal(what: str, **figures: object) -> None:
    """QualityGateError naming all figures where they are not all equal."""
    if len(set(figures.values())) > 1:
        listed = ", ".join(f"{name} = {value}" for name, value in figures.items())
        raise QualityGateError(f"{what} do not agree: {listed}; nothing was published")
