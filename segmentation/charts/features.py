"""A feature's column name in, the words for it in charts and its average over all customers out."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from segmentation.charts.numbers import Rows, compact, finite, percent, sentence
from segmentation.charts.style import plain


class Feature(NamedTuple):
    """What a feature is called, in what it is counted (money, share or anything else), how a title says it, and its
    full name, where there is more room than in a chart.
    """

    label: str
    unit: str
    verb: str
    name: str = ""

    @property
    def full(self) -> str:
        return self.name or self.label


FEATURES: Final[Mapping[str, Feature]] = {
    "total_spend": Feature("Total spend", "money", "spending"),
    "purchase_frequency": Feature("Orders", "", "orders"),
    "recency_days": Feature("Days since last order", "", "days since the last order", "Days since the last order"),
    "tenure_days": Feature("Days since first order", "", "days since the first order", "Days since the first order"),
    "average_order_value": Feature("Value of an order", "money", "order value"),
    "average_basket_units": Feature("Units in an order", "", "units in an order"),
    "units_bought": Feature("Units bought", "", "units bought"),
    "distinct_products": Feature("Different products", "", "different products"),
    "average_days_between_orders": Feature("Days between orders", "", "days between orders"),
    "returned_amount": Feature("Returned amount", "money", "returned amount", "Money returned"),
    "return_rate": Feature("Returned share of spend", "share", "return rate", "Share of spend returned"),
}


def feature_words(name: str) -> Feature:
    """The words for a feature; for one that is not known, its name's own."""
    spoken = plain(name).replace("_", " ")
    return FEATURES.get(name, Feature(sentence(spoken), "", spoken))


def feature_value(name: str, value: Any, currency: str = "") -> str:
    """A feature's value for people: money with its currency, a share as a percentage."""
    unit = feature_words(name).unit
    return percent(value) if unit == "share" else compact(value, currency if unit == "money" else "")


def average_of(profiles: Rows, feature: str) -> float | None:
    """The mean over all customers: the segments' means weighted by their customers, those without a value left out."""
    known = [
        (int(row["customers"]), mean) for row in profiles if (mean := finite(row.get(f"mean_{feature}"))) is not None
    ]
    customers = sum(number for number, _ in known)
    return sum(number * mean for number, mean in known) / customers if customers else None
