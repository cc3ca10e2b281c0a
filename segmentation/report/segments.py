"""The segments' rows in, what the report tells of each segment out. Plain Python."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final, NamedTuple

from markupsafe import Markup

from segmentation.charts.features import average_of, feature_words
from segmentation.charts.numbers import Row, Rows, finite, percent
from segmentation.largest_rows import LARGEST_OF_A_SEGMENT, PLACE, ReportRows
from segmentation.profiles import quartiles_of
from segmentation.report.formatting import counted, in_unit, money, number, span
from segmentation.report.marks import mark
from segmentation.report.suggestions import suggestion
from segmentation.report.words import differences, in_plain_words, name_of
from segmentation.schemas import (
    AVERAGE_ORDER_VALUE,
    COUNTRY,
    CUSTOMER_SHARE,
    CUSTOMERS,
    DESCRIPTION,
    DISTINCT_PRODUCTS,
    PURCHASE_FREQUENCY,
    RECENCY_DAYS,
    REVENUE,
    REVENUE_SHARE,
    RULE,
    SEGMENT_ID,
    SEGMENT_NAME,
    STOCK_CODE,
    TOTAL_SPEND,
)

ALWAYS_SHOWN: Final = (TOTAL_SPEND, PURCHASE_FREQUENCY, AVERAGE_ORDER_VALUE, RECENCY_DAYS, DISTINCT_PRODUCTS)


class Typical(NamedTuple):
    """One feature of a segment's customers: the median, between which values the middle half lies, and the mean of all
    customers to compare with.
    """

    label: str
    median: str
    middle_half: str
    average: str


class Bought(NamedTuple):
    """What a segment buys, or where: the name, the code of a product, and its share of the segment's revenue."""

    name: str
    code: str
    share: str


class Segment(NamedTuple):
    """A segment as the report tells it, every value as its text."""

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
    typical: list[Typical]
    differences: list[str]
    countries: list[Bought]
    products: list[Bought]
    suggestion: str | None
    rule: str


def told_segments(
    profiles: Rows,
    statistics: Rows,
    clustered: Sequence[str],
    rows: ReportRows,
    suggestions: Mapping[str, str],
    as_of: date,
    currency: str,
) -> list[Segment]:
    """The segments in the order of their ids. `statistics` are the rows of `segment_statistics`, for the quartiles."""
    features = list(dict.fromkeys([*ALWAYS_SHOWN, *clustered]))
    averages = {feature: average_of(profiles, feature) for feature in features}
    quartiles = {int(row[SEGMENT_ID]): row for row in statistics}

    def told(profile: Row) -> Segment:
        segment_id = int(profile[SEGMENT_ID])
        return Segment(
            segment_id,
            mark(segment_id),
            name_of(profile),
            in_plain_words(profile, as_of, currency),
            counted(int(profile[CUSTOMERS]), "customer"),
            percent(profile[CUSTOMER_SHARE]),
            money(profile[REVENUE], currency),
            percent(profile[REVENUE_SHARE]),
            money(profile[f"median_{TOTAL_SPEND}"], currency),
            number(profile[f"median_{PURCHASE_FREQUENCY}"]),
            number(profile[f"median_{RECENCY_DAYS}"]),
            [_typical(feature, profile, quartiles.get(segment_id, {}), averages, currency) for feature in features],
            differences(profile, averages, currency) if len(profiles) > 1 else [],
            _bought(rows.countries.of_segments, profile, COUNTRY, COUNTRY),
            _bought(rows.products.of_segments, profile, STOCK_CODE, DESCRIPTION),
            suggestion(str(profile[SEGMENT_NAME] or ""), suggestions),
            str(profile[RULE]),
        )

    return [told(profile) for profile in sorted(profiles, key=lambda row: int(row[SEGMENT_ID]))]


def _typical(
    feature: str, profile: Row, statistics: Row, averages: Mapping[str, float | None], currency: str
) -> Typical:
    about = feature_words(feature)
    low, _, high = statistics.get(quartiles_of(feature)) or (None, None, None)
    return Typical(
        about.full,
        in_unit(profile[f"median_{feature}"], about.unit, currency),
        span(low, high, about.unit, currency),
        in_unit(averages[feature], about.unit, currency),
    )


def _bought(of_segments: Rows, profile: Row, key: str, label: str) -> list[Bought]:
    own = [row for row in of_segments if int(row[SEGMENT_ID]) == int(profile[SEGMENT_ID])]
    largest = sorted((row for row in own if row[PLACE] <= LARGEST_OF_A_SEGMENT), key=lambda row: int(row[PLACE]))
    return [
        Bought(str(row[label] or "(without a name)"), "" if label == key else str(row[key]), _share(row, profile))
        for row in largest
    ]


def _share(row: Row, profile: Row) -> str:
    whole: Any = finite(profile[REVENUE])
    return percent(float(row[REVENUE]) / whole) if whole and whole > 0 else percent(None)
