"""What a run's figures say, in sentences that are true of every data set: the answer, the segments, the choice of k."""

import math
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Final, NamedTuple

from segmentation import schemas as s
from segmentation.clustering.choose_k import Choice, leaves_nothing
from segmentation.errors import counted
from segmentation.report.text import (
    Row,
    Rows,
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
# A difference from the average is notable from a quarter more, or a fifth less, on.
NOTABLE: Final = 1.25
MOST_DIFFERENCES: Final = 3
# From this share on one segment is nearly everybody, and a high silhouette mostly says that the others are far away.
NEARLY_EVERYBODY: Final = 0.8
# What a silhouette up to this says: L. Kaufman and P. J. Rousseeuw, "Finding Groups in Data", 1990, table 4.
SILHOUETTE_BANDS: Final = (
    (0.25, "no substantial structure has been found: the segments cut a cloud of customers without gaps"),
    (0.50, "the structure is weak and could be artificial: many customers lie between two segments"),
    (0.70, "a reasonable structure has been found"),
    (1.00, "a strong structure has been found"),
)


def name_of(profile: Row) -> str:
    """Return the segment's name, cut where it is long."""
    return cut(profile[s.SEGMENT_NAME] or "(without a name)")


# ---- the answer ----


def answer(profiles: Rows, features: Sequence[str], first: date | None, last: date | None, currency: str) -> list[str]:
    """Return three sentences: how many customers, how many segments, which of them carries the revenue.

    `features` are those that were clustered, `first` and `last` the days of the first and last sale.
    """
    customers = sum(int(row[s.CUSTOMERS]) for row in profiles)
    revenue = sum((Decimal(row[s.REVENUE]) for row in profiles), Decimal(0))
    period = ""
    if first and last:
        period = f" on {day(first)}" if first == last else f" between {day(first)} and {day(last)}"
    return [
        f"{counted(customers, 'customer')} spent {money(revenue, currency)}{period}.",
        _segments_sentence(profiles, customers, features),
        _revenue_sentence(profiles, customers, revenue, currency),
    ]


def _segments_sentence(profiles: Rows, customers: int, features: Sequence[str]) -> str:
    by = f" by {listed([_in_a_sentence(feature) for feature in features])}"
    if len(profiles) == 1:
        return "That customer is one segment." if customers == 1 else f"They are one segment{by}."
    return f"They form {in_words(len(profiles))} segments{by}; {_largest_clause(profiles)}."


def _in_a_sentence(feature: str) -> str:
    return "number of orders" if feature == s.PURCHASE_FREQUENCY else s.FEATURES[feature].full_label.lower()


def _largest_clause(profiles: Rows) -> str:
    most = max(int(row[s.CUSTOMERS]) for row in profiles)
    first, *equal = [row for row in profiles if int(row[s.CUSTOMERS]) == most]
    name = "" if equal else f", {name_of(first)},"
    return f"the largest{name} holds {most:,} of them ({percent(first[s.CUSTOMER_SHARE])})"


def _revenue_sentence(profiles: Rows, customers: int, revenue: Decimal, currency: str) -> str:
    if revenue == 0:
        return "Their revenue adds up to nothing, so there are no shares of it."
    if revenue < 0:
        return f"Their revenue adds up to {money(revenue, currency)}, so shares of it would mean nothing."
    if customers == 1:
        return "No other customer brings revenue."
    if len(profiles) == 1:
        return f"On average each brings {money(revenue / customers, currency)}."
    best = carrier(profiles)
    if not brings_more_than_its_share(best):
        return "Revenue follows size: no segment brings much more than its share of customers."
    brings = "brings" if best[s.CUSTOMERS] == 1 else "bring"
    carriers = f"{counted(int(best[s.CUSTOMERS]), 'customer')}, {percent(best[s.CUSTOMER_SHARE])}"
    return f"{carriers}, {brings} {percent(best[s.REVENUE_SHARE])} of revenue: {name_of(best)}."


def carrier(profiles: Rows) -> Row:
    """Return the segment with the most revenue for its size, of those that bring at least LEAST_CARRIED."""
    heavy = [row for row in profiles if (finite(row[s.REVENUE_SHARE]) or 0.0) >= LEAST_CARRIED] or list(profiles)
    return max(heavy, key=lambda row: (finite(row[s.REVENUE_SHARE]) or 0.0) / max(float(row[s.CUSTOMER_SHARE]), 1e-12))


def brings_more_than_its_share(profile: Row) -> bool:
    """Return whether a segment brings notably more of the revenue than its size suggests."""
    share = finite(profile[s.REVENUE_SHARE])
    return share is not None and share >= MORE_THAN_ITS_SHARE * float(profile[s.CUSTOMER_SHARE])


def relative_names(scheme: str, segments: int) -> str:
    """Explain the names by levels; empty where names are by rules, or there is one segment."""
    if scheme != "levels" or segments == 1:
        return ""
    return (
        "High, Medium and Low in a name are relative to the other segments; of frequency, to those of the same spend "
        "level where there are several."
    )


# ---- the segments ----


def typical_customer(profile: Row, as_of: date, currency: str) -> str:
    """Describe the segment's customer in the middle: spend, orders, last order."""
    orders = float(profile[f"median_{s.PURCHASE_FREQUENCY}"])
    spend = money(profile[f"median_{s.TOTAL_SPEND}"], currency)
    often = _about(orders, "order")
    ago = f"{_about(profile[f'median_{s.RECENCY_DAYS}'], 'day')} before {day(as_of)}"
    if int(profile[s.CUSTOMERS]) > 1:
        return f"The customer in the middle spent {spend} in {often} and last ordered {ago}."
    if orders == 1:
        return f"One customer, who spent {spend} in {often} {ago}."
    return f"One customer, who spent {spend} in {often}, the last of them {ago}."


def _about(median: float, noun: str) -> str:
    """Write a median of whole numbers, which is halfway between two of them where there is no middle one."""
    whole = math.floor(median + 0.5)  # as people round: `round` would take the even number
    return counted(whole, noun) if whole == median else f"about {counted(whole, noun)}"


def differences(profile: Row, averages: Mapping[str, float | None], currency: str) -> list[str]:
    """Return the notable differences of a segment from the average customer, the greatest first.

    `averages` are the means over all customers, by feature.
    """
    sized: list[tuple[float, str]] = []
    for name, average in averages.items():
        mean = finite(profile.get(f"mean_{name}"))
        if mean is None or average is None:
            continue
        feature = s.FEATURES[name]
        figures = f"{in_unit(mean, feature.unit, currency)} against {in_unit(average, feature.unit, currency)}"
        if average <= 0 or mean < 0:  # a ratio would mean nothing
            if mean != average:
                sized.append((math.log(NOTABLE), f"{feature.full_label}: {figures} on average"))
            continue
        ratio = mean / average
        if not 1 / NOTABLE < ratio < NOTABLE:
            size = abs(math.log(ratio)) if ratio else math.inf
            sized.append((size, f"{feature.full_label}: {times(ratio)} ({figures})"))
    sized.sort(key=lambda pair: -pair[0])  # stable: equals stay in the order of the features
    return [text for _, text in sized[:MOST_DIFFERENCES]]


def times(ratio: float) -> str:
    """Write how far a mean is from the average.

    >>> times(83.2), times(2.4), times(1.31), times(0.6), times(0.004), times(0)
    ('83 times the average', '2.4 times the average', '31 % above the average', '40 % below the average',\
 '>99 % below the average', 'none')
    """
    if ratio == 0:
        return "none"
    if ratio >= 1.95:
        return f"{number(round(ratio) if ratio >= 9.95 else round(ratio, 1))} times the average"
    return f"{percent(abs(ratio - 1))} {'above' if ratio > 1 else 'below'} the average"


# ---- the choice of k ----


class Vote(NamedTuple):
    """The k that one measure would choose; None where it has no opinion."""

    by: str
    looks_for: str
    k: int | None


def votes(sweep: Rows, choice: Choice) -> list[Vote]:
    """Return the k that the elbow and each index would choose of those in the sweep."""

    def best(index: str, sign: int) -> int | None:
        known = [(sign * value, -int(row[s.K])) for row in sweep if (value := finite(row[index])) is not None]
        return -max(known)[1] if known else None

    return [
        Vote("the elbow", "the k farthest below the chord of the WSSSE curve", choice.elbow),
        Vote("the silhouette", "the largest", best(s.SILHOUETTE, 1)),
        Vote("Davies–Bouldin", "the smallest", best(s.DAVIES_BOULDIN, -1)),
        Vote("Calinski–Harabasz", "the largest", best(s.CALINSKI_HARABASZ, 1)),
    ]


def agreement(cast: Sequence[Vote], chosen: int) -> str:
    """Say whether the measures agree with the k that was chosen."""
    known = [vote for vote in cast if vote.k is not None]
    if not known:
        return "No measure can compare numbers of segments here."
    if all(vote.k == chosen for vote in known):
        return f"All ways that have an opinion agree: k = {chosen}."
    would = listed([f"{vote.by} would take k = {vote.k}" for vote in known])
    return (
        f"The ways do not agree on k = {chosen}: {would}. Treat the number of segments as a choice, not as a finding."
    )


def structure(profiles: Rows, sweep: Rows, chosen: int) -> list[str]:
    """Say how far apart the segments are, by the bands of Kaufman and Rousseeuw, and what a high silhouette may hide.

    Empty for k = 1, which has no silhouette.
    """
    silhouette = next((finite(row[s.SILHOUETTE]) for row in sweep if int(row[s.K]) == chosen), None)
    if silhouette is None:
        return []
    if leaves_nothing({int(row[s.K]): float(row[s.WSSSE]) for row in sweep}, chosen):
        return [
            f"At k = {chosen} the customers of each segment are all alike in what was clustered, and no difference is "
            "left to explain: a silhouette says nothing then."
        ]
    band = next((words for limit, words in SILHOUETTE_BANDS if silhouette <= limit), SILHOUETTE_BANDS[-1][1])
    judged = f"At k = {chosen} the silhouette is {silhouette:.3f}: {band} (the bands of Kaufman and Rousseeuw, 1990)."
    largest = max(profiles, key=lambda row: int(row[s.CUSTOMERS]))
    share = float(largest[s.CUSTOMER_SHARE])
    if len(profiles) == 1 or share < NEARLY_EVERYBODY or silhouette <= SILHOUETTE_BANDS[1][0]:
        return [judged]
    return [
        judged,
        f"That is not by itself good news: {name_of(largest)} holds {percent(share)} of the customers, and such a "
        "silhouette mostly says that a few customers are far away from all the others.",
    ]
