"""Scores, cuts and rules in plain words, for people who know neither scores nor columns."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from segmentation import schemas as s
from segmentation.config.rfm import ORDERS, RECENCY, SPEND, TENURE_SCORE, WHOLE_RANGE, RfmRule
from segmentation.errors import counted
from segmentation.scoring.cuts import Cuts

# By score, from 1 to 5, what a customer with it is called.
ADJECTIVES: dict[str, tuple[str, str, str, str, str]] = {
    s.RECENCY_SCORE: ("long silent", "silent", "quiet", "recent", "very recent"),
    s.FREQUENCY_SCORE: ("rare", "occasional", "fairly frequent", "frequent", "very frequent"),
    s.MONETARY_SCORE: ("very small", "small", "medium", "big", "very big"),
}
NOBODY = "no customer"


class Words(NamedTuple):
    """What the words of a run depend on: its cuts, the figures that count, and the currency."""

    cuts: Cuts
    figures: s.Figures
    currency: str

    @property
    def is_net(self) -> bool:
        """Whether money is what stayed after returns."""
        return self.figures == s.NET

    @property
    def spend(self) -> str:
        """What money is called."""
        return "net spend" if self.is_net else "spend"


def rules_in_words(rules: Sequence[RfmRule], words: Words) -> dict[str, str]:
    """Return for each name what a customer must have for it. Several rules of one name are joined by "or"."""
    sentences: dict[str, list[str]] = {}
    for rule in rules:
        conditions = conditions_in_words(rule.when, words) or "everyone else"
        sentences.setdefault(rule.name, []).append(conditions)
    joined = {name: capitalised("; or ".join(dict.fromkeys(texts))) for name, texts in sentences.items()}
    return {**joined, s.RETURNED_EVERYTHING: "All that was bought came back"}


def conditions_in_words(when: Mapping[Any, tuple[Any, Any]], words: Words) -> str:
    """Return the conditions on scores and features, joined by commas.

    >>> cuts = Cuts(Cut((30, 60, 120, 240), ""), Cut((1, 2, 4, 9), ""), Cut((50, 100, 300, 1000), ""), 60)
    >>> words = Words(cuts, s.GROSS, "£")
    >>> conditions_in_words({"recency_score": (4, 5), "frequency_score": (5, 5), "monetary_score": (2, 4)}, words)
    'last order up to 60 days ago, 10 orders or more, spend £50 to £1,000'
    """
    return ", ".join(_condition(key, low, high, words) for key, (low, high) in when.items())


def cuts_in_words(words: Words) -> list[str]:
    """Return a sentence for each score: what each of its five values means, and where the cuts are from."""
    cuts = words.cuts
    parts = (
        (s.RECENCY_SCORE, "Recency", cuts.recency),
        (s.FREQUENCY_SCORE, "Frequency", cuts.frequency),
        (s.MONETARY_SCORE, "Money", cuts.monetary),
    )
    return [
        f"{title}: "
        + "; ".join(f"{score} is {_condition(key, score, score, words)}" for score in range(5, 0, -1))
        + f" ({cut.source})"
        for key, title, cut in parts
    ]


def score_range(scores: Iterable[int]) -> str:
    """Return the range of some scores: "5" or "4 to 5"."""
    lowest, highest = min(scores), max(scores)
    return f"{lowest}" if lowest == highest else f"{lowest} to {highest}"


def amount(value: float, currency: str) -> str:
    """Write an amount of money, whole from 100 on."""
    size = abs(value)
    digits = f"{size:,.0f}" if size >= 99.995 or size == round(size) else f"{size:,.2f}"
    return f"{'-' if value < 0 else ''}{symbol_of(currency)}{digits}"


def symbol_of(currency: str) -> str:
    """Return what precedes an amount: a currency of letters is apart from its number.

    >>> symbol_of("£"), symbol_of("CHF"), symbol_of("")
    ('£', 'CHF ', '')
    """
    return f"{currency} " if currency[-1:].isalpha() else currency


def capitalised(text: str) -> str:
    """Return the text with its first letter as a capital."""
    return text[:1].upper() + text[1:]


def _condition(key: str, low: Any, high: Any, words: Words) -> str:
    """Return one condition. Score 5 of recency is the smallest number of days."""
    if key in (s.RECENCY_SCORE, TENURE_SCORE):
        low, high = low or WHOLE_RANGE[0], high or WHOLE_RANGE[1]
        cuts = words.cuts.recency.values
        above = cuts[4 - high] if high < 5 else None
        upto = cuts[5 - low] if low > 1 else None
        event = "last order" if key == s.RECENCY_SCORE else "first order"
        return _days_ago(event, *_whole(above, upto))
    if key == s.FREQUENCY_SCORE:
        return _orders(*_whole(*_above_and_upto(words.cuts.frequency.values, low, high)))
    if key == s.MONETARY_SCORE:
        return _money(*_above_and_upto(words.cuts.monetary.values, low, high), words)
    return _feature_condition(key, low, high, words)


def _above_and_upto(cuts: Sequence[float], low: int | None, high: int | None) -> tuple[float | None, float | None]:
    low, high = low or WHOLE_RANGE[0], high or WHOLE_RANGE[1]
    return (cuts[low - 2] if low > 1 else None), (cuts[high - 1] if high < 5 else None)


def _whole(above: float | None, upto: float | None) -> tuple[int | None, int | None]:
    """Return the least and the greatest whole number above one value and up to another."""
    return (None if above is None else math.floor(above) + 1), (None if upto is None else math.floor(upto))


def _days_ago(event: str, least: int | None, most: int | None) -> str:
    if least is None and most is None:
        return f"{event} at any time"
    if least is None:
        return f"{event} up to {counted(most or 0, 'day')} ago"
    if most is None:
        return f"{event} {counted(least, 'day')} ago or longer"
    if least > most:
        return NOBODY
    return f"{event} {least:,} to {counted(most, 'day')} ago" if least < most else f"{event} {counted(most, 'day')} ago"


def _orders(least: int | None, most: int | None) -> str:
    if least is None and most is None:
        return "any number of orders"
    if most is None:
        return f"{least:,} orders or more"
    if most < max(1, least or 1):
        return NOBODY
    if most in (1, least):
        return "one order" if most == 1 else f"{most:,} orders"
    return f"{least:,} to {most:,} orders" if (least or 1) > 1 else f"up to {most:,} orders"


def _money(above: float | None, upto: float | None, words: Words) -> str:
    if above is None and upto is None:
        return f"any {words.spend}"
    if upto is None:
        return f"{words.spend} above {amount(above or 0, words.currency)}"
    if above is None:
        return f"{words.spend} up to {amount(upto, words.currency)}"
    if above >= upto:
        return NOBODY
    return f"{words.spend} {amount(above, words.currency)} to {amount(upto, words.currency)}"


def _feature_condition(key: str, low: float | None, high: float | None, words: Words) -> str:
    if key in (ORDERS, s.PURCHASE_FREQUENCY, s.NET_ORDERS):
        return _orders(None if low is None else math.ceil(low), None if high is None else math.floor(high))
    if key in (RECENCY, s.RECENCY_DAYS, s.NET_RECENCY_DAYS, s.TENURE_DAYS):
        event = "first order" if key == s.TENURE_DAYS else "last order"
        return _days_ago(event, None if low is None else math.ceil(low), None if high is None else math.floor(high))
    if key == s.AVERAGE_DAYS_BETWEEN_ORDERS and low is None:
        return f"an order every {high:,g} days or oftener"
    facts = s.FEATURES[words.figures.spend if key == SPEND else key]

    def shown(value: float) -> str:
        if facts.unit == "money":
            return amount(value, words.currency)
        return f"{100 * value:g} %" if facts.unit == "share" else f"{value:,g}"

    label = facts.label[0].lower() + facts.label[1:]
    if low is None:
        return f"{label} at most {shown(high or 0)}"
    return f"{label} at least {shown(low)}" if high is None else f"{label} {shown(low)} to {shown(high)}"
