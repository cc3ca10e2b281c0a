"""What one would do with a segment: the text of the configuration, or else a default by the segment's name.

The defaults are common marketing practice for the names that `naming.scheme: levels` gives and for those of
`conf/online_retail_rfm.yaml`; A. M. Hughes, "Strategic Database Marketing", 1994, is where most of them come from.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from segmentation.config import ONE_SEGMENT

BY_NAME: Final = {
    ONE_SEGMENT: "Treat everyone alike until the data tell customers apart; other features or more months may.",
    "Champions": "Thank them, show them what is new first, ask them to recommend the shop. Discounts are wasted here.",
    "Loyal": "Keep the rhythm: a loyalty programme, and offers of what goes with what they buy already.",
    "Big Spenders": "Few orders, large ones: a personal contact, and a reason to order again sooner.",
    "Cannot Lose Them": "They were among the best and went quiet: call rather than write, and ask what went wrong.",
    "At Risk": "Win them back now, by a personal message about what they used to buy, before they are gone.",
    "At Risk Big Spenders": "Large orders that have stopped: a personal call costs less than their next order brings.",
    "New": "Make the second order easy: a welcome, help with the first purchase, a reason to return within weeks.",
    "Promising": "They bought lately: show them more of the range while they remember the shop.",
    "Need Attention": "Once regular, now slower: an offer limited in time, built on what they bought before.",
    "About to Sleep": "Remind them of the shop with its best-selling products; one message, not a series.",
    "Hibernating": "A seasonal reminder at low cost; do not spend more on them than they brought.",
    "Lost": "One last offer, then leave them out of costly campaigns.",
}
# By the words for spend and for frequency, each low, medium or high.
BY_LEVELS: Final = {
    ("high", "high"): "The best customers: a personal contact, early access to what is new, and no reason to leave.",
    ("high", "medium"): "Keep them close with a personal contact, and give them reasons to order a little more often.",
    ("high", "low"): "Few orders, large ones: know each by name, ask for the next order early, and watch for silence.",
    ("medium", "high"): "Regulars: larger orders are the aim, by bundles, quantity prices and what goes together.",
    ("medium", "medium"): "The solid middle: a loyalty programme, and offers that lift the number of orders.",
    ("medium", "low"): "They spend well but seldom: a reminder when the next order is due.",
    ("low", "high"): "They come often and buy little: show them a wider range, and free delivery from an amount on.",
    ("low", "medium"): "Show them a wider range; the next order counts more than its size.",
    ("low", "low"): "Many and small: low-cost, automatic contact, and a reason for a second order.",
}


def suggestion(name: str, configured: Mapping[str, str]) -> str | None:
    """The text for a segment; None where neither the configuration nor a default knows its name.

    A name told apart by what follows a comma, as in "Champions, Higher Spend", has the text of the part before the
    comma unless the configuration names it whole.
    """
    parts = name.split(", ")
    keys = [", ".join(parts[:number]) for number in range(len(parts), 0, -1)]
    for known in (configured, BY_NAME):
        for key in keys:
            if key in known:
                return known[key]
    return _by_levels(parts)


def _by_levels(parts: Sequence[str]) -> str | None:
    spend, frequency, *_ = [*parts, ""]
    if not spend.endswith(" Spend") or not frequency.endswith(" Frequency"):
        return None
    return BY_LEVELS.get((_third(spend.removesuffix(" Spend")), _third(frequency.removesuffix(" Frequency"))))


def _third(level: str) -> str:
    """Low, medium or high, of five levels; a number, where words ran out, is in between."""
    return level.removeprefix("Very ").lower() if level.removeprefix("Very ") in ("Low", "High") else "medium"
