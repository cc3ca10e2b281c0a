"""Which segment carries the revenue: one rule for the title of the customers' chart and the report's answer."""
# TODO-DOC report.words: What the figures say, in sentences that are true of every data set: the answer, the
# segments, the choice of k.

import math
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Final, NamedTuple

from segmentation import schemas as s
from segmentation.clustering.choose_k import Choice, leaves_nothing
from segmentation.report.text import (
    Row,
    Rows,
    counted,
    cut,
    day,
    finite,
    in_unit,
    in_words,
    listed,
    money,
    number,
    percent,
)

# A segment carries the revenue that brings at least a twentieth of it, and a fifth more than its share of customers.
LEAST_CARRIED: Final = 0.05
MORE_THAN_ITS_SHARE: Final = 1.2


def carrier(profiles: Rows) -> Row:
    """The segment with the most revenue for its size, among those that bring enough to matter."""
    heavy = [row for row in profiles if (finite(row["revenue_share"]) or 0.0) >= LEAST_CARRIED] or list(profiles)
    return max(heavy, key=lambda row: (finite(row["revenue_share"]) or 0.0) / max(float(row["customer_share"]), 1e-12))


def brings_more_than_its_share(profile: Row) -> bool:
    """Whether a segment brings notably more of the revenue than its size suggests."""
    brought = finite(profile["revenue_share"])
    return brought is not None and brought >= MORE_THAN_ITS_SHARE * float(profile["customer_share"])


# From a quarter more, or a fifth less, than the average on a difference is worth telling; three of them are.
NOTABLE: Final = 1.25
MOST_DIFFERENCES: Final = 3
# Beyond it one segment is nearly everybody, and the measures mostly tell that the others are few and far away.
NEARLY_EVERYBODY: Final = 0.8
# What a silhouette up to this says: L. Kaufman and P. J. Rousseeuw, "Finding Groups in Data", 1990, table 4.
SILHOUETTE_BANDS: Final = (
    (0.25, "no substantial structure has been found: the segments cut a cloud of customers without gaps"),
    (0.50, "the structure is weak and could be artificial: many customers lie between two segments"),
    (0.70, "a reasonable structure has been found"),
    (1.00, "a strong structure has been found"),
)


def answer(profiles: Rows, features: Sequence[str], first: date | None, last: date | None, currency: str) -> list[str]:
    """Three sentences: how many customers, how many segments, who carries the revenue.

    `profiles` are rows of `SEGMENT_PROFILES`, `features` what was clustered, `first` and `last` the days of the first
    and last sale.
    """
    customers = sum(int(row[s.CUSTOMERS]) for row in profiles)
    revenue = sum((Decimal(row[s.REVENUE]) for row in profiles), Decimal(0))
    on = f"on {day(first)}" if first == last else f"between {day(first)} and {day(last)}"
    period = f" {on}" if first and last else ""
    return [
        f"{counted(customers, 'customer')} spent {money(revenue, currency)}{period}.",
        _how_many(profiles, customers, features),
        _who_carries(profiles, customers, revenue, currency),
    ]


def _how_many(profiles: Rows, customers: int, features: Sequence[str]) -> str:
    by = f" by {listed([spoken(feature) for feature in features])}"
    if len(profiles) == 1:
        return "That customer is one segment." if customers == 1 else f"They are one segment{by}."
    return f"They form {in_words(len(profiles))} segments{by}; {_how_large(profiles)}."


def _how_large(profiles: Rows) -> str:
    most = max(int(row[s.CUSTOMERS]) for row in profiles)
    largest = [row for row in profiles if int(row[s.CUSTOMERS]) == most]
    of_them = f"{most:,} of them ({percent(largest[0][s.CUSTOMER_SHARE])})"
    if len(largest) == len(profiles):
        return f"each holds {of_them}"
    if len(largest) > 1:
        return f"the {in_words(len(largest))} largest hold {of_them} each"
    return f"the largest, {name_of(largest[0])}, holds {of_them}"


def _who_carries(profiles: Rows, customers: int, revenue: Decimal, currency: str) -> str:
    if revenue == 0:
        return "Their revenue adds up to nothing, so there are no shares of it."
    if revenue < 0:
        return f"Their revenue adds up to {money(revenue, currency)}, so shares of it would mean nothing."
    if len(profiles) == 1:
        each = f"On average each brings {money(revenue / customers, currency)}."
        return "No other customer brings revenue." if customers == 1 else each
    best = carrier(profiles)
    if not brings_more_than_its_share(best):
        return f"Revenue follows size: no segment brings much more than its share of customers{_who_brings(profiles)}."
    count = int(best[s.CUSTOMERS])
    brings = f"{'brings' if count == 1 else 'bring'} {percent(best[s.REVENUE_SHARE])} of revenue"
    who = f"{counted(count, 'customer')}, {percent(best[s.CUSTOMER_SHARE])}, {brings}"
    return f"{who}: {name_of(best)}."


def _who_brings(profiles: Rows) -> str:
    """Which segment brings the most; nothing where several do."""
    most = max(float(row[s.REVENUE_SHARE]) for row in profiles)
    first, *equal = [row for row in profiles if float(row[s.REVENUE_SHARE]) == most]
    if equal:
        return ""
    of_customers = percent(first[s.CUSTOMER_SHARE])
    return f"; the most, {percent(most)}, comes from {name_of(first)} with {of_customers} of customers"


def relative_names(scheme: str, count: int) -> str:
    """What the words of names by levels compare; empty where names are by rules, or one segment is all there is."""
    if scheme != "levels" or count == 1:
        return ""
    return (
        "High, Medium and Low in a name are relative to the other segments; of frequency, to those of the same spend "
        "level where there are several."
    )


def name_of(profile: Row) -> str:
    """The segment's name, as it stands in a sentence."""
    return cut(profile[s.SEGMENT_NAME] or "(without a name)")


def spoken(feature: str) -> str:
    """A feature's name inside a sentence."""
    return {s.PURCHASE_FREQUENCY: "number of orders"}.get(feature, s.FEATURES[feature].full_label.lower())


def typical_customer(profile: Row, as_of: date, currency: str) -> str:
    """One sentence on who these customers are, by their medians."""
    spend = money(profile[f"median_{s.TOTAL_SPEND}"], currency)
    orders = profile[f"median_{s.PURCHASE_FREQUENCY}"]
    often = _about(orders, "order")
    ago = f"{_about(profile[f'median_{s.RECENCY_DAYS}'], 'day')} before {day(as_of)}"
    if int(profile[s.CUSTOMERS]) == 1:
        return f"One customer, who spent {spend} in {often}{'' if orders == 1 else ', the last of them'} {ago}."
    return f"The customer in the middle spent {spend} in {often} and last ordered {ago}."


def _about(median: float, noun: str) -> str:
    """A median of whole numbers, which lies between two of them where an even number of customers have it."""
    whole = math.floor(median + 0.5)  # as people round: `round` would take the even one
    return f"{'' if whole == median else 'about '}{counted(whole, noun)}"


def differences(profile: Row, averages: Mapping[str, float | None], currency: str) -> list[str]:
    """What sets the segment apart from the average customer, the greatest difference first; none for what is alike.

    `averages` are the means over all customers, by feature.
    """
    found: list[tuple[float, str]] = []
    for feature, average in averages.items():
        mean = finite(profile.get(f"mean_{feature}"))
        if mean is None or average is None:
            continue
        unit = s.FEATURES[feature].unit
        figures = f"{in_unit(mean, unit, currency)} against {in_unit(average, unit, currency)}"
        if average <= 0 or mean < 0:  # no ratio would tell how far apart they are
            if mean != average:
                found.append((math.log(NOTABLE), f"{s.FEATURES[feature].full_label}: {figures} on average"))
            continue
        ratio = mean / average
        if 1 / NOTABLE < ratio < NOTABLE:
            continue
        text = f"{s.FEATURES[feature].full_label}: {times(ratio)} ({figures})"
        found.append((abs(math.log(ratio)) if ratio else math.inf, text))
    found.sort(key=lambda pair: -pair[0])  # stable: equals stay in the order of the features
    return [text for _, text in found[:MOST_DIFFERENCES]]


def times(ratio: float) -> str:
    """How far a mean is from the average.

    >>> times(83.2), times(2.4), times(1.31), times(0.6), times(0.004), times(0)
    ('83 times the average', '2.4 times the average', '31 % above the average', '40 % below the average',\
 '>99 % below the average', 'none')
    """
    if ratio == 0:
        return "none"
    if ratio >= 1.95:
        return f"{number(round(ratio) if ratio >= 9.95 else round(ratio, 1))} times the average"
    return f"{percent(abs(ratio - 1))} {'above' if ratio > 1 else 'below'} the average"


class Vote(NamedTuple):
    """The k that one way of looking at the sweep would choose; None where it has no opinion."""

    by: str
    looks_for: str
    k: int | None


def votes(sweep: Rows, choice: Choice) -> list[Vote]:
    """What the elbow and each index would choose among the k that were tried."""

    def best(index: str, most: bool) -> int | None:
        known = [(value, int(row[s.K])) for row in sweep if (value := finite(row[index])) is not None]
        return min(known, key=lambda pair: (-pair[0] if most else pair[0], pair[1]))[1] if known else None

    return [
        Vote("the elbow", "the k farthest below the chord of the WSSSE curve", choice.elbow),
        Vote("the silhouette", "the largest", best(s.SILHOUETTE, most=True)),
        Vote("Davies–Bouldin", "the smallest", best(s.DAVIES_BOULDIN, most=False)),
        Vote("Calinski–Harabasz", "the largest", best(s.CALINSKI_HARABASZ, most=True)),
    ]


def agreement(cast: Sequence[Vote], chosen: int) -> str:
    """Whether the four ways agree with the k that was taken, said frankly."""
    known = [vote for vote in cast if vote.k is not None]
    if not known:
        return "No measure can compare numbers of segments here."
    others = [vote for vote in known if vote.k != chosen]
    if not others:
        ways = {1: "The one way that has an opinion agrees", 2: "Both ways agree"}
        way = ways.get(len(known), f"All {in_words(len(known))} ways agree")
        return f"{way}: k = {chosen}."
    for_it = [vote.by for vote in known if vote.k == chosen]
    would = [f"{vote.by} would take k = {vote.k}" for vote in others[:1]]
    against = listed(would + [f"{vote.by} k = {vote.k}" for vote in others[1:]])
    held = f"{listed(for_it)} {'speaks' if len(for_it) == 1 else 'speak'} for k = {chosen}, but " if for_it else ""
    none = "" if for_it else f"none of them speaks for k = {chosen}: "
    return f"The ways do not agree: {held}{none}{against}. Treat the number of segments as a choice, not as a finding."


def structure(profiles: Rows, sweep: Rows, chosen: int) -> list[str]:
    """How far the segments are really apart: the band of Kaufman and Rousseeuw (1990), and what it may hide."""
    silhouette = next((finite(row[s.SILHOUETTE]) for row in sweep if int(row[s.K]) == chosen), None)
    if silhouette is None:
        return []
    if leaves_nothing({int(row[s.K]): float(row[s.WSSSE]) for row in sweep}, chosen):
        return [
            f"At k = {chosen} the customers of each segment are all alike in what was clustered, and no difference is "
            "left to explain: a silhouette says nothing then."
        ]
    band = next((words for limit, words in SILHOUETTE_BANDS if silhouette <= limit), SILHOUETTE_BANDS[-1][1])
    told = [f"At k = {chosen} the silhouette is {silhouette:.3f}: {band} (the bands of Kaufman and Rousseeuw, 1990)."]
    largest = max(profiles, key=lambda row: int(row[s.CUSTOMERS]))
    share = float(largest[s.CUSTOMER_SHARE])
    if len(profiles) > 1 and share >= NEARLY_EVERYBODY and silhouette > SILHOUETTE_BANDS[1][0]:
        told.append(
            f"That is not by itself good news: {name_of(largest)} holds {percent(share)} of the customers, and such a "
            "silhouette mostly says that a few customers are far away from all the others."
        )
    return told
