"""What one would do with a segment: the text of the configuration, or else a default by the segment's name.

The defaults are common marketing practice for the names that `naming.scheme: levels` gives and for those of
`conf/online_retail_rfm.yaml`; A. M. Hughes, "Strategic Database Marketing", 1994, is where most of them come from.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from segmentation.config import ONE_SEGMENT

# None tells as a fact what a name does not hold: names compare customers with the others of the same shop.
BY_NAME: Final = {
    ONE_SEGMENT: "Treat everyone alike until the data tell customers apart; other features or more months may.",
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
# By the words for spend and for frequency, each low, medium or high.
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
