"""The section `naming`: how segments get their names, and the words of those that state what their customers share."""

from typing import Annotated, Final, Literal

from pydantic import Field

from segmentation import schemas as s
from segmentation.config.base import Settings

# For each score, words for ranges of it, [lowest, highest]. A word may stand for a part of what it would hold for.
PROPERTY_WORDS: Final[dict[str, tuple[tuple[str, tuple[int, int]], ...]]] = {
    s.MONETARY_SCORE: (
        ("Very Low Spend", (1, 1)),
        ("Low Spend", (2, 2)),
        ("Low Spend", (1, 2)),
        ("Medium Spend", (3, 3)),
        ("High Spend", (4, 4)),
        ("High Spend", (4, 5)),
        ("Very High Spend", (5, 5)),
        ("Low to Medium Spend", (2, 3)),
        ("Low to Medium Spend", (1, 3)),
        ("Medium to High Spend", (3, 4)),
        ("Medium to High Spend", (3, 5)),
        ("Mid-Range Spend", (2, 4)),
    ),
    s.FREQUENCY_SCORE: (
        ("One Order", (1, 1)),  # "Few Orders" where that score holds more
        ("Few Orders", (2, 2)),
        ("Few Orders", (1, 2)),
        ("Occasional", (2, 3)),
        ("Occasional", (1, 3)),
        ("Fairly Frequent", (3, 3)),
        ("Fairly Frequent", (3, 4)),
        ("Fairly Frequent", (3, 5)),
        ("Frequent", (4, 4)),
        ("Frequent", (4, 5)),
        ("Very Frequent", (5, 5)),
        ("Repeat Buyers", (2, 4)),
        ("Repeat Buyers", (2, 5)),
    ),
    s.RECENCY_SCORE: (
        ("Very Recent", (5, 5)),
        ("Recent", (4, 4)),
        ("Recent", (4, 5)),
        ("Fairly Recent", (3, 4)),
        ("Fairly Recent", (3, 5)),
        ("Quiet", (3, 3)),
        ("Quiet", (2, 3)),
        ("Silent", (2, 2)),
        ("Silent", (1, 2)),
        ("Long Silent", (1, 1)),
        ("Not Recent", (1, 3)),
    ),
}
ONE_ORDER: Final = "One Order"
FEW_ORDERS: Final = "Few Orders"
# The name of a segment whose customers share nothing that the words above could say.
MIXED: Final = "Mixed Customers"
ALL_WORDS: Final = frozenset(word for words in PROPERTY_WORDS.values() for word, _ in words) | {MIXED}


class NamingSettings(Settings):
    """How segments get their names: by what their customers share, or by levels of the centres."""

    scheme: Literal["rules", "levels"] = Field(
        "rules", description="rules (what most of a segment's customers share), or levels (of the centres)"
    )
    min_share: Annotated[float, Field(ge=0.5, le=1)] = Field(
        0.6, description="the customers of a segment of whom its name must be true, for rules"
    )
    keep_share: Annotated[float, Field(ge=0, le=1)] = Field(
        0.5, description="a segment keeps its name in later runs while it is true of this share of its customers"
    )
