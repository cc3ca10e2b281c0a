"""The segments' cards, each with a suggestion of what to do with its customers."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from markupsafe import Markup

from segmentation import schemas as s
from segmentation.clustering.segments import quartiles_of
from segmentation.config.settings import ONE_SEGMENT
from segmentation.errors import counted
from segmentation.report.aggregates import LARGEST_OF_A_SEGMENT, RANK
from segmentation.report.data import ReportData
from segmentation.report.findings import differences, name_of, typical_customer
from segmentation.report.marks import mark_svg
from segmentation.report.text import (
    MISSING,
    Row,
    Rows,
    average_of,
    finite,
    in_unit,
    money,
    number,
    percent,
    span,
)

ALWAYS_SHOWN: Final = (s.TOTAL_SPEND, s.PURCHASE_FREQUENCY, s.AVERAGE_ORDER_VALUE, s.RECENCY_DAYS, s.DISTINCT_PRODUCTS)


class SegmentCard(NamedTuple):
    """A segment in the report, every value as its text.

    `typical` are a feature's label, the segment's median and middle half, and the average of all customers. `countries`
    and `products` are names, codes, and shares of the segment's revenue.
    """

    id: int
    mark: Markup
    name: str
    sentence: str
    customers: str
    customer_share: str
    revenue: str
    revenue_share: str
    spend: str
    orders: str
    last_order: str
    typical: list[tuple[str, str, str, str]]
    differences: list[str]
    countries: list[tuple[str, str, str]]
    products: list[tuple[str, str, str]]
    suggestion: str | None
    rule: str


def segment_cards(data: ReportData) -> list[SegmentCard]:
    """Return the segments' cards in the order of their ids."""
    profiles, currency = data.profiles, data.config.charts.currency
    clustered = [setting.feature for setting in data.config.clustering.features]
    features = list(dict.fromkeys([*ALWAYS_SHOWN, *clustered]))
    averages = {feature: average_of(profiles, feature) for feature in features}
    statistics = {int(row[s.SEGMENT_ID]): row for row in data.statistics}

    def card(profile: Row) -> SegmentCard:
        segment_id = int(profile[s.SEGMENT_ID])
        own = statistics.get(segment_id, {})
        return SegmentCard(
            segment_id,
            mark_svg(segment_id),
            name_of(profile),
            typical_customer(profile, data.as_of, currency),
            counted(int(profile[s.CUSTOMERS]), "customer"),
            percent(profile[s.CUSTOMER_SHARE]),
            money(profile[s.REVENUE], currency),
            percent(profile[s.REVENUE_SHARE]),
            money(profile[f"median_{s.TOTAL_SPEND}"], currency),
            number(profile[f"median_{s.PURCHASE_FREQUENCY}"]),
            number(profile[f"median_{s.RECENCY_DAYS}"]),
            [_typical_value(feature, profile, own, averages[feature], currency) for feature in features],
            differences(profile, averages, currency) if len(profiles) > 1 else [],
            _bought(data.countries.of_segments if data.countries else (), profile, s.COUNTRY, s.COUNTRY),
            _bought(data.products.of_segments if data.products else (), profile, s.STOCK_CODE, s.DESCRIPTION),
            suggestion(str(profile[s.SEGMENT_NAME] or ""), data.config.report.suggestions),
            str(profile[s.RULE]),
        )

    return [card(profile) for profile in sorted(profiles, key=lambda row: int(row[s.SEGMENT_ID]))]


def _typical_value(
    name: str, profile: Row, statistics: Row, average: float | None, currency: str
) -> tuple[str, str, str, str]:
    feature = s.FEATURES[name]
    low, _, high = statistics.get(quartiles_of(name)) or (None, None, None)
    return (
        feature.full_label,
        in_unit(profile[f"median_{name}"], feature.unit, currency),
        span(low, high, feature.unit, currency),
        in_unit(average, feature.unit, currency),
    )


def _bought(of_segments: Rows, profile: Row, key: str, label: str) -> list[tuple[str, str, str]]:
    """Return the largest rows of a segment, in the order of `of_segments`, which is that of their ranks."""
    whole = finite(profile[s.REVENUE]) or 0.0
    return [
        (
            str(row[label] or "(without a name)"),
            str(row[key]),
            percent(float(row[s.REVENUE]) / whole) if whole > 0 else MISSING,
        )
        for row in of_segments
        if row[s.SEGMENT_ID] == profile[s.SEGMENT_ID] and row[RANK] <= LARGEST_OF_A_SEGMENT
    ]


# ---- suggestions ----

# Defaults for the names of `naming.scheme: levels` and of `conf/online_retail_rfm.yaml`: common marketing
# practice, mostly from A. M. Hughes, "Strategic Database Marketing", 1994. A name compares customers with others of the
# same shop, so none of the texts states more than that as a fact.
BY_NAME: Final = {
    ONE_SEGMENT: "Treat everyone alike until the data separate customers; other features or more months may.",
    "Champions": "Thank them, show them what is new first, ask them to recommend the shop; they may need no discounts.",
    "Loyal": "Keep the rhythm: a loyalty programme, and offers of what goes with what they buy already.",
    "Big Spenders": "Make a personal contact, and give a reason to order again sooner.",
    "Cannot Lose Them": "Call rather than write, ask what went wrong, and make it easy to come back.",
    "At Risk": "Win them back now, by a personal message about what they used to buy.",
    "At Risk Big Spenders": "Call in person: at their spend, one more order may well pay for it.",
    "New": "Make the next order easy: a welcome, help with the last purchase, a reason to return within weeks.",
    "Promising": "Show them more of the range while they remember the shop.",
    "Need Attention": "Try an offer limited in time, built on what they bought before.",
    "About to Sleep": "Remind them of the shop with its best-selling products; one message, not a series.",
    "Hibernating": "Send a seasonal reminder at low cost; do not spend more on them than they brought.",
    "Lost": "Make one last offer, then leave them out of costly campaigns.",
}
FEW_ORDERS: Final = "Fewer orders than in comparable segments"
MANY_ORDERS: Final = "More orders than in comparable segments"
# By the levels of spend and of frequency.
BY_LEVELS: Final = {
    ("high", "high"): "Keep them: a personal contact, early access to what is new, and no reason to leave.",
    ("high", "medium"): "Keep them close with a personal contact, and give them reasons to order a little more often.",
    ("high", "low"): f"{FEW_ORDERS}: know each by name, ask for the next order early, and watch for silence.",
    ("medium", "high"): f"{MANY_ORDERS}: aim at larger ones, by bundles, quantity prices and what goes together.",
    ("medium", "medium"): "Try a loyalty programme, and offers that lift the number of orders.",
    ("medium", "low"): f"{FEW_ORDERS}: send a reminder when the next one is due.",
    ("low", "high"): f"{MANY_ORDERS}: show them a wider range, and offer free delivery from an amount on.",
    ("low", "medium"): "Show them a wider range; the next order counts more than its size.",
    ("low", "low"): "Keep contact automatic and at low cost, and give a reason for one more order.",
}


def suggestion(name: str, configured: Mapping[str, str]) -> str | None:
    """Return the configuration's suggestion for a segment's name, else the default; None for an unknown name.

    A name with a comma, such as "Champions, Higher Spend", has the suggestion of the part before the comma unless the
    configuration has the whole name.
    """
    parts = name.split(", ")
    names = [", ".join(parts[:number]) for number in range(len(parts), 0, -1)]
    for suggestions in (configured, BY_NAME):
        for known in names:
            if known in suggestions:
                return suggestions[known]
    spend, frequency, *_ = [*parts, ""]
    if not spend.endswith(" Spend") or not frequency.endswith(" Frequency"):
        return None
    return BY_LEVELS[_third(spend), _third(frequency)]


def _third(level: str) -> str:
    """Return low, medium or high for one of five levels; medium for a number, which is in between."""
    word = level.removeprefix("Very ").split(" ")[0].lower()
    return word if word in ("low", "high") else "medium"
