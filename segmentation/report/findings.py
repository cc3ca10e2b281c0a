"""What a run's figures say, in sentences that are true of every data set: the answer, the segments, the choice of k."""

import math
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Final, NamedTuple

from segmentation import schemas as s
from segmentation.clustering.choose_k import Choice
from segmentation.config.settings import RunConfig
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
    whole,
)

# The money of a profile that counts, and its share: see `data.with_money`.
MONEY: Final = "money"
MONEY_SHARE: Final = "money_share"
# A segment carries the revenue that brings at least a twentieth of it, and a fifth more than its share of customers.
LEAST_CARRIED: Final = 0.05
MORE_THAN_ITS_SHARE: Final = 1.2
# A difference from all customers is notable from a quarter more, or a fifth less, on.
NOTABLE: Final = 1.25
MOST_DIFFERENCES: Final = 3
# Bands of the mean bootstrap Jaccard similarity: C. Hennig, "Cluster-wise assessment of cluster stability", 2007, and
# the documentation of `clusterboot` in his package fpc.
STABILITY: Final = (
    (0.60, "not stable: with a few other customers it would be another group"),
    (0.75, "a pattern, but which customers belong to it is uncertain"),
    (0.85, "stable: it comes back when customers are left out"),
    (math.inf, "very stable: it comes back nearly unchanged when customers are left out"),
)


def name_of(profile: Row) -> str:
    """Return the segment's name, cut where it is long."""
    return cut(profile[s.SEGMENT_NAME] or "(without a name)")


# ---- the answer ----


def answer(profiles: Rows, config: RunConfig, first: date | None, last: date | None) -> list[str]:
    """Return sentences: what customers spent, how many segments they are, which of them carries the revenue.

    `first` and `last` are the days of the first and last sale.
    """
    customers = sum(int(row[s.CUSTOMERS]) for row in profiles)
    total = sum((Decimal(row[MONEY]) for row in profiles), Decimal(0))
    segments = [row for row in profiles if int(row[s.SEGMENT_ID]) != s.RETURNED_EVERYTHING_ID]
    sentences = [_spent_sentence(profiles, config, first, last), _nothing_stayed_sentence(profiles, config)]
    if segments:
        features = [clustered.feature for clustered in config.clustering.features]
        sentences += [_segments_sentence(segments, len(segments) < len(profiles), features)]
    sentences += [_revenue_sentence(segments or profiles, customers, total, config.charts.currency)]
    return [sentence for sentence in sentences if sentence]


def _spent_sentence(profiles: Rows, config: RunConfig, first: date | None, last: date | None) -> str:
    currency = config.charts.currency
    customers = sum(int(row[s.CUSTOMERS]) for row in profiles)
    gross = sum((Decimal(row[s.REVENUE]) for row in profiles), Decimal(0))
    net = sum((Decimal(row[s.NET_REVENUE]) for row in profiles), Decimal(0))
    period = ""
    if first and last:
        period = f" on {day(first)}" if first == last else f" between {day(first)} and {day(last)}"
    who = counted(customers, "customer")
    if gross == net:
        return f"{who} spent {money(gross, currency)}{period}; no return was matched to a purchase."
    returned = money(gross - net, currency)
    if config.figures == "gross":
        after = f"after returns {money(net, currency)} stayed"
        return f"{who} bought for {money(gross, currency)}{period}. {returned} of it came back; {after}."
    bought = f"they bought for {money(gross, currency)}, and {returned} of it came back"
    return f"{who} spent {money(net, currency)}{period}: {bought}."


def _nothing_stayed_sentence(profiles: Rows, config: RunConfig) -> str:
    row = next((row for row in profiles if int(row[s.SEGMENT_ID]) == s.RETURNED_EVERYTHING_ID), None)
    if row is None:
        return ""
    number_of, bought = int(row[s.CUSTOMERS]), money(row[s.REVENUE], config.charts.currency)
    everyone = sum(int(profile[s.CUSTOMERS]) for profile in profiles)
    who = "All" if number_of == everyone and everyone > 1 else f"{number_of:,}" if everyone > 1 else "That customer"
    of_them = " of them" if 0 < number_of < everyone else ""
    return f"{who}{of_them} returned everything that they bought ({bought}): {name_of(row)}."


def _segments_sentence(segments: Rows, are_others: bool, features: Sequence[str]) -> str:
    by = f" by {listed([_in_a_sentence(feature) for feature in features])}"
    customers = sum(int(row[s.CUSTOMERS]) for row in segments)
    who = "The others" if are_others else "They"
    if len(segments) == 1:
        if customers == 1:
            return f"{'The other' if are_others else 'That'} customer is one segment."
        return f"{who} are one segment{by}."
    return f"{who} form {in_words(len(segments))} segments{by}; {_largest_clause(segments)}."


def _in_a_sentence(feature: str) -> str:
    known = {s.PURCHASE_FREQUENCY: "number of orders", s.NET_ORDERS: "orders that stayed", s.NET_SPEND: "net spend"}
    return known.get(feature) or s.FEATURES[feature].full_label.lower()


def _largest_clause(segments: Rows) -> str:
    most = max(int(row[s.CUSTOMERS]) for row in segments)
    first, *equal = [row for row in segments if int(row[s.CUSTOMERS]) == most]
    if equal:
        return f"the largest {in_words(len(equal) + 1)} hold {most:,} each ({percent(first[s.CUSTOMER_SHARE])})"
    return f"the largest, {name_of(first)}, holds {most:,} customers ({percent(first[s.CUSTOMER_SHARE])})"


def _revenue_sentence(segments: Rows, customers: int, total: Decimal, currency: str) -> str:
    if total == 0:
        return "Their revenue adds up to nothing, so there are no shares of it."
    if total < 0:
        return f"Their revenue adds up to {money(total, currency)}, so shares of it would mean nothing."
    if customers == 1:
        return "No other customer brings revenue."
    if len(segments) == 1:
        in_segment = int(segments[0][s.CUSTOMERS])
        if in_segment == 1:
            return "That customer brings all of the revenue."
        return f"On average each brings {money(total / in_segment, currency)}."
    best = carrier(segments)
    if not brings_more_than_its_share(best):
        return "Revenue follows size: no segment brings much more than its share of customers."
    brings = "brings" if best[s.CUSTOMERS] == 1 else "bring"
    carriers = f"{counted(int(best[s.CUSTOMERS]), 'customer')}, {percent(best[s.CUSTOMER_SHARE])}"
    return f"{carriers}, {brings} {percent(best[MONEY_SHARE])} of revenue: {name_of(best)}."


def carrier(profiles: Rows) -> Row:
    """Return the segment with the most revenue for its size, of those that bring at least LEAST_CARRIED."""
    heavy = [row for row in profiles if (finite(row[MONEY_SHARE]) or 0.0) >= LEAST_CARRIED] or list(profiles)
    return max(heavy, key=lambda row: (finite(row[MONEY_SHARE]) or 0.0) / max(float(row[s.CUSTOMER_SHARE]), 1e-12))


def brings_more_than_its_share(profile: Row) -> bool:
    """Return whether a segment brings notably more of the revenue than its size suggests."""
    share = finite(profile[MONEY_SHARE])
    return share is not None and share > 0 and share >= MORE_THAN_ITS_SHARE * float(profile[s.CUSTOMER_SHARE])


def few_of_many(few: int, total: int, noun: tuple[str, str], share: float) -> str:
    """Say how few bring how much of the revenue.

    >>> few_of_many(802, 3921, ("product", "products"), 0.8)
    'One product in five (802 of 3,921) brings 80 % of revenue'
    >>> few_of_many(3, 4, ("country", "countries"), 0.8), few_of_many(1, 37, ("country", "countries"), 0.82)
    ('3 of 4 countries bring 80 % of revenue', 'One country of 37 brings 82 % of revenue')
    """
    one, many = noun
    if few == total:
        return f"{sentence_count(few, noun)} bring all of the revenue" if few > 1 else f"One {one} brings all revenue"
    if few == 1:
        return f"One {one} of {total:,} brings {percent(share)} of revenue"
    ratio = total / few
    if ratio < 1.9 or abs(ratio - round(ratio)) > 0.15 * ratio:
        return f"{few:,} of {total:,} {many} bring {percent(share)} of revenue"
    return f"One {one} in {in_words(round(ratio))} ({few:,} of {total:,}) brings {percent(share)} of revenue"


def sentence_count(number_of: int, noun: tuple[str, str]) -> str:
    """Return a number of things as a sentence begins.

    >>> sentence_count(2, ("country", "countries")), sentence_count(40, ("country", "countries"))
    ('Both countries', 'All 40 countries')
    """
    return f"Both {noun[1]}" if number_of == 2 else f"All {number_of:,} {noun[1]}"


def relative_names(scheme: str, segments: int) -> str:
    """Explain the names by levels; empty where names are by rules, or there is one segment."""
    if scheme != "levels" or segments == 1:
        return ""
    return (
        "High, Medium and Low in a name are relative to the other segments; of frequency, to those of the same spend "
        "level where there are several."
    )


# ---- the segments ----


def typical_customer(profile: Row, config: RunConfig) -> str:
    """Describe the segment's typical customer by medians: spend, orders, last order."""
    who = "This customer" if int(profile[s.CUSTOMERS]) == 1 else "A typical customer"
    typical = _typical(profile, config)
    if typical is None:
        bought = money(profile[f"median_{s.TOTAL_SPEND}"], config.charts.currency)
        return f"{who} bought for {bought}, and all of it came back."
    spent, orders, ago = typical
    if orders == "1":
        return f"{who} spent {spent} in one order, {ago}."
    return f"{who} spent {spent} over {orders} orders, the last {ago}."


def typical_figures(profile: Row, config: RunConfig) -> str:
    """Return the figures of `typical_customer` for a table."""
    typical = _typical(profile, config)
    if typical is None:
        return "everything came back"
    spent, orders, ago = typical
    return f"{spent}, {orders} {'order' if orders == '1' else 'orders'}, last {ago}"


def _typical(profile: Row, config: RunConfig) -> tuple[str, str, str] | None:
    """Return the medians of spend, orders and days since the last order; None where nothing stayed."""
    orders = finite(profile[f"median_{config.orders}"])
    recency = finite(profile[f"median_{config.recency}"])
    if not orders or recency is None:
        return None
    days = whole(recency)
    spent = money(profile[f"median_{config.spend}"], config.charts.currency)
    return spent, between(orders), f"{days} {'day' if days == '1' else 'days'} ago"


def between(median: float) -> str:
    """Write a median of whole numbers; halfway between two of them it names both.

    >>> between(2.0), between(1.5), between(50.5)
    ('2', '1 to 2', '50 to 51')
    """
    low, high = math.floor(median), math.ceil(median)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def differences(profile: Row, overall: Row, features: Sequence[str], currency: str) -> list[str]:
    """Return the notable differences of a segment's medians from those of all customers, the greatest first."""
    sized: list[tuple[float, str]] = []
    for name in features:
        median, of_all = finite(profile.get(f"median_{name}")), finite(overall.get(f"median_{name}"))
        if median is None or of_all is None:
            continue
        feature = s.FEATURES[name]
        own = f"{feature.full_label}: {in_unit(median, feature.unit, currency)}"
        all_of_them = in_unit(of_all, feature.unit, currency)
        if of_all <= 0 or median < 0:  # a ratio would mean nothing
            if median != of_all:
                sized.append((math.log(NOTABLE), f"{own}, against {all_of_them} of all customers"))
            continue
        ratio = median / of_all
        if not 1 / NOTABLE < ratio < NOTABLE:
            size = abs(math.log(ratio)) if ratio else math.inf
            sized.append((size, f"{own}, {times(ratio)} that of all customers ({all_of_them})"))
    sized.sort(key=lambda pair: -pair[0])  # stable: equals stay in the order of the features
    return [text for _, text in sized[:MOST_DIFFERENCES]]


def times(ratio: float) -> str:
    """Write how far a value is from another, before "that of all customers".

    >>> times(83.2), times(2.4), times(1.31), times(0.6), times(0.004), times(0)
    ('83 times', '2.4 times', '31 % above', '40 % below', '>99 % below', 'below')
    """
    if ratio == 0:
        return "below"
    if ratio >= 1.95:
        return f"{number(round(ratio) if ratio >= 9.95 else round(ratio, 1))} times"
    return f"{percent(abs(ratio - 1))} {'above' if ratio > 1 else 'below'}"


def stability(jaccard: float | None) -> str:
    """Say how stable a segment is under resampling; empty where that is not known."""
    known = finite(jaccard)
    if known is None:
        return ""
    # Rounded down: 0.749 is not shown as the 0.75 that it misses.
    shown = f"{math.floor(100 * known) / 100:.2f}"
    return f"{next(words for limit, words in STABILITY if known < limit)} (mean Jaccard similarity {shown} of 1)"


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
        Vote("the elbow", "the k beyond which each further segment explains little more", choice.elbow),
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
        return (
            f"{'All measures choose' if len(known) > 1 else 'The only measure with an opinion chooses'} k = {chosen}."
        )
    would = listed([f"{vote.by} would choose k = {vote.k}" for vote in known])
    return f"The methods disagree: {would}; k = {chosen} was chosen."
