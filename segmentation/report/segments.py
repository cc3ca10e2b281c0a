"""The segments' cards, each with a suggestion of what to do with its customers."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from markupsafe import Markup

from segmentation import schemas as s
from segmentation.config.naming import ALL_WORDS, MIXED
from segmentation.config.settings import ONE_SEGMENT
from segmentation.errors import counted
from segmentation.report.aggregates import LARGEST_OF_A_SEGMENT, LEAST_BUYERS, LIFT, RANK
from segmentation.report.data import ReportData, shown_on_cards
from segmentation.report.findings import (
    MONEY,
    MONEY_SHARE,
    differences,
    name_of,
    stability,
    typical_customer,
    typical_figures,
)
from segmentation.report.marks import mark_svg
from segmentation.report.text import (
    MISSING,
    Row,
    Rows,
    cut,
    finite,
    in_unit,
    money,
    number,
    percent,
    sentence,
    span,
)
from segmentation.scoring.statistics import quartiles_of

# Shares that rest on fewer customers than these are given in customers.
FEWEST: Final = 20


class SegmentCard(NamedTuple):
    """A segment in the report, every value as its text.

    `typical` are a feature's label, the segment's median and middle half, and the median of all customers. `countries`
    are names, each with how much of the segment buys there, `products` names, codes and how much more often they are
    bought. `bought`, `stayed` and `returned` are its money before returns, after returns, and the share that came back.
    `fresh_name` is what the segment would be called today, empty where that is its name.
    """

    id: int
    mark: Markup
    name: str
    sentence: str
    short: str
    customers: str
    customer_share: str
    revenue: str
    revenue_share: str
    bought: str
    stayed: str
    returned: str
    typical: list[tuple[str, str, str, str]]
    differences: list[str]
    countries: list[tuple[str, str]] | None
    products: list[tuple[str, str, str]] | None
    no_products: str
    suggestion: str | None
    rule: str
    fresh_name: str
    stability: str
    list: str


def segment_cards(data: ReportData) -> list[SegmentCard]:
    """Return the segments' cards in the order of the profiles."""
    profiles, config, currency = data.profiles, data.config, data.config.charts.currency
    features = shown_on_cards(config)
    statistics = {int(row[s.SEGMENT_ID]): row for row in data.statistics}

    def card(profile: Row) -> SegmentCard:
        segment_id = int(profile[s.SEGMENT_ID])
        own = statistics.get(segment_id, {})
        revenue, net = profile[s.REVENUE], profile[s.NET_REVENUE]
        return SegmentCard(
            id=segment_id,
            mark=mark_svg(segment_id),
            name=name_of(profile),
            sentence=typical_customer(profile, config),
            short=typical_figures(profile, config),
            customers=counted(int(profile[s.CUSTOMERS]), "customer"),
            customer_share=percent(profile[s.CUSTOMER_SHARE]),
            revenue=money(profile[MONEY], currency),
            revenue_share=percent(profile[MONEY_SHARE]),
            bought=money(revenue, currency),
            stayed=money(net, currency),
            returned=percent(float((revenue - net) / revenue)) if revenue > 0 else MISSING,
            typical=[_typical_value(name, profile, own, data.overall, currency) for name in features],
            differences=differences(profile, data.overall, features, currency)
            if len(profiles) > 1 and segment_id > 0
            else [],
            countries=None if data.countries is None else _where(data.countries.of_segments, profile),
            products=None if data.products is None else _more_often(data.products.often, profile),
            no_products=_why_no_products(profile, len(profiles)),
            suggestion=suggestion(str(profile[s.SEGMENT_NAME] or ""), config.report.suggestions),
            rule=sentence(str(profile[s.RULE])).rstrip("."),
            fresh_name="" if profile[s.SUGGESTED_NAME] == profile[s.SEGMENT_NAME] else cut(profile[s.SUGGESTED_NAME]),
            stability=stability(profile.get(s.JACCARD)),
            list=data.lists.get(segment_id, ""),
        )

    return [card(profile) for profile in profiles]


def _typical_value(name: str, profile: Row, statistics: Row, overall: Row, currency: str) -> tuple[str, str, str, str]:
    feature = s.FEATURES[name]
    low, _, high = statistics.get(quartiles_of(name)) or (None, None, None)
    return (
        feature.full_label,
        in_unit(profile[f"median_{name}"], feature.unit, currency),
        span(low, high, feature.unit, currency),
        in_unit(overall.get(f"median_{name}"), feature.unit, currency),
    )


def _where(of_segments: Rows, profile: Row) -> list[tuple[str, str]]:
    """Return the countries in which a segment buys most, in the order of their ranks."""
    whole_revenue = finite(profile[s.REVENUE]) or 0.0

    def how_much(row: Row) -> str:
        if int(profile[s.CUSTOMERS]) < FEWEST or whole_revenue <= 0:
            return counted(int(row[s.CUSTOMERS]), "customer")
        return f"{percent(float(row[s.REVENUE]) / whole_revenue)} of its purchases"

    return [
        (str(row[s.COUNTRY] or "(without a name)"), how_much(row))
        for row in of_segments
        if row[s.SEGMENT_ID] == profile[s.SEGMENT_ID] and row[RANK] <= LARGEST_OF_A_SEGMENT
    ]


def _more_often(often: Rows, profile: Row) -> list[tuple[str, str, str]]:
    """Return what a segment's customers buy notably more often than others, the most so first."""
    return [
        (
            str(row[s.DESCRIPTION] or "(without a name)"),
            str(row[s.STOCK_CODE]),
            f"by {percent(row[s.CUSTOMERS] / profile[s.CUSTOMERS])} of them, "
            + ("by nobody else" if row[LIFT] is None else f"{number(round(row[LIFT], 1))} times as often as by others"),
        )
        for row in often
        if row[s.SEGMENT_ID] == profile[s.SEGMENT_ID]
    ]


def _why_no_products(profile: Row, segments: int) -> str:
    if segments == 1:
        return "There is no other segment to compare with."
    if int(profile[s.CUSTOMERS]) < LEAST_BUYERS:
        return f"Too few customers to say: a product needs {LEAST_BUYERS} buyers here to count."
    return "Nothing notably more often than other customers."


class Habit(NamedTuple):
    """A name that rules give to customers by their own scores, every value as its text."""

    name: str
    customers: str
    customer_share: str
    revenue: str
    revenue_share: str
    typical: str
    rule: str
    suggestion: str | None


def habits(data: ReportData) -> list[Habit]:
    """Return the names by scores of which there is a customer, those with most money that stayed first."""
    config = data.config

    def habit(row: Row) -> Habit:
        return Habit(
            str(row[s.RFM_SEGMENT]),
            f"{row[s.CUSTOMERS]:,}",
            percent(row[s.CUSTOMER_SHARE]),
            money(row[s.NET_REVENUE], config.charts.currency),
            percent(row[s.NET_REVENUE_SHARE]),
            typical_figures(row, config),
            str(row[s.RULE] or ""),
            suggestion(str(row[s.RFM_SEGMENT]), config.report.suggestions),
        )

    return [habit(row) for row in data.rfm_profiles]


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
    "Returned Everything": "Ask what was wrong with what they sent back before you offer them anything else.",
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
# The thirds in which words of a name lie that state what a segment's customers share (`config.naming`).
SPEND_THIRDS: Final = {
    **dict.fromkeys(("Very Low Spend", "Low Spend", "Low to Medium Spend"), "low"),
    **dict.fromkeys(("Medium Spend", "Mid-Range Spend", "Medium to High Spend"), "medium"),
    **dict.fromkeys(("High Spend", "Very High Spend"), "high"),
}
ORDER_THIRDS: Final = {
    **dict.fromkeys(("One Order", "Few Orders", "Occasional"), "low"),
    **dict.fromkeys(("Fairly Frequent", "Repeat Buyers"), "medium"),
    **dict.fromkeys(("Frequent", "Very Frequent"), "high"),
}
LONG_AWAY: Final = frozenset(("Silent", "Long Silent", "Not Recent"))
# By the thirds of spend and of orders.
BY_THIRDS: Final = {
    **BY_LEVELS,
    ("high", "low"): "Much money in few orders: know each by name, ask for the next order early, watch for silence.",
    ("medium", "high"): "They come often: aim at larger orders, by bundles, quantity prices and what goes together.",
    ("medium", "low"): "Send a reminder when the next order is due.",
    ("low", "high"): "They come often for little: show them a wider range, and offer free delivery from an amount on.",
}
# By the third of spend, for those who have not ordered for long.
WIN_BACK: Final = {
    "high": "Win them back in person: ask what went wrong, and make it easy to come back.",
    "medium": "Win them back with a message about what they used to buy, and an offer limited in time.",
    "low": "Send a seasonal reminder at low cost; do not spend more on them than they brought.",
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
    if spend.endswith(" Spend") and frequency.endswith(" Frequency"):
        return BY_LEVELS[_third(spend), _third(frequency)]
    return _by_what_they_share(parts) if spend in ALL_WORDS - {MIXED} else None


def _by_what_they_share(words: Sequence[str]) -> str:
    spend = next((SPEND_THIRDS[word] for word in words if word in SPEND_THIRDS), "medium")
    orders = next((ORDER_THIRDS[word] for word in words if word in ORDER_THIRDS), "medium")
    return WIN_BACK[spend] if LONG_AWAY & {*words} else BY_THIRDS[spend, orders]


def _third(level: str) -> str:
    """Return low, medium or high for one of five levels; medium for a number, which is in between."""
    word = level.removeprefix("Very ").split(" ")[0].lower()
    return word if word in ("low", "high") else "medium"
