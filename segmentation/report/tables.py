"""The report's tables of countries and products: the largest rows, and the sums of the others and of all."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from markupsafe import Markup

from segmentation import rollups
from segmentation import schemas as s
from segmentation.report.aggregates import ABC_CLASSES
from segmentation.report.data import Sold
from segmentation.report.findings import name_of
from segmentation.report.marks import mix_bar, palette_class
from segmentation.report.text import MISSING, Row, Rows, cut, finite, money, number, percent

# A row's bar shows its largest segments.
SEGMENTS_IN_A_BAR: Final = 6
GUESTS: Final = "guests"
ABC_RULE: Final = (
    f"class A goes up to {percent(rollups.CLASS_A_UP_TO)} of revenue and always has the largest, "
    f"B goes up to {percent(rollups.CLASS_B_UP_TO)}, C is the rest"
)


class SoldRow(NamedTuple):
    """A country or a product, with each segment's share of its revenue as a bar and the largest share in words.

    `cells` are texts, each with the value to sort it by.
    """

    rank: int
    name: str
    code: str
    cells: list[tuple[str, str]]
    abc_class: str
    bar: Markup
    largest_share: str


class SoldTable(NamedTuple):
    """The largest countries or products, the sums of the others (None: there are none) and those of all."""

    columns: list[str]
    rows: list[SoldRow]
    others: list[str] | None
    total: list[str]
    number_of_others: int
    number_of_all: int
    class_counts: list[tuple[str, int]]


def country_table(sold: Sold, profiles: Rows, currency: str) -> SoldTable:
    """Return the table of countries."""
    columns = (s.COUNTRY, s.COUNTRY, s.AVERAGE_ORDER_VALUE)
    return _table(sold, profiles, currency, *columns, "Value of an\N{NO-BREAK SPACE}order")


def product_table(sold: Sold, profiles: Rows, currency: str) -> SoldTable:
    """Return the table of products."""
    columns = (s.STOCK_CODE, s.DESCRIPTION, s.AVERAGE_UNIT_PRICE)
    return _table(sold, profiles, currency, *columns, "Average price")


def _table(
    sold: Sold, profiles: Rows, currency: str, key: str, label: str, average: str, average_label: str
) -> SoldTable:
    revenue_of: defaultdict[Any, dict[int, float]] = defaultdict(dict)
    for row in sold.of_segments:
        revenue_of[row[key]][int(row[s.SEGMENT_ID])] = float(row[s.REVENUE])
    names = {int(row[s.SEGMENT_ID]): name_of(row) for row in profiles}

    def table_row(rank: int, row: Row) -> SoldRow:
        cells = [
            _cell(row[s.REVENUE], money(row[s.REVENUE], currency)),
            _cell(row[s.REVENUE_SHARE], percent(row[s.REVENUE_SHARE])),
            _cell(row[s.CUMULATIVE_REVENUE_SHARE], percent(row[s.CUMULATIVE_REVENUE_SHARE])),
            *[_cell(row[name], number(row[name])) for name in (s.CUSTOMERS, s.ORDERS, s.UNITS)],
            _cell(row[average], money(row[average], currency)),
        ]
        name = str(row[label] or "(no description)")
        code = "" if label == key else cut(row[key])
        if not row.get(s.IS_MERCHANDISE, True):
            code += " · not merchandise"
        return SoldRow(rank, name, code, cells, str(row[s.ABC_CLASS]), *_bar(revenue_of[row[key]], row, names))

    others, total = sold.others, sold.total
    return SoldTable(
        ["Revenue", "Share", "Added up", "Customers", "Orders", "Units", average_label],
        [table_row(rank, row) for rank, row in enumerate(sold.largest, 1)],
        _sums(others, total, currency) if others[s.ROWS] else None,
        _sums(total, total, currency),
        int(others[s.ROWS]),
        int(total[s.ROWS]),
        [(letter, int(total[letter])) for letter in ABC_CLASSES],
    )


def _cell(value: Any, text: str) -> tuple[str, str]:
    known = finite(value)
    return text, "" if known is None else f"{known:.10g}"


def _sums(part: Row, total: Row, currency: str) -> list[str]:
    """Return the cells of a sum. Customers and orders are left out: those of two rows would count twice."""
    whole = finite(total[s.REVENUE])
    share = percent(float(part[s.REVENUE]) / whole) if whole else MISSING
    return [money(part[s.REVENUE], currency), share, "", "", "", number(part[s.UNITS]), ""]


def _bar(revenue_of_segments: Mapping[int, float], row: Row, names: Mapping[int, str]) -> tuple[Markup, str]:
    """Return a row's bar of the segments' and the guests' shares of its revenue, and the largest share in words."""
    revenue = [
        *((palette_class(segment_id), names[segment_id], value) for segment_id, value in revenue_of_segments.items()),
        (GUESTS, GUESTS, float(row[s.GUEST_REVENUE])),
    ]
    whole = sum(value for _, _, value in revenue if value > 0)
    shares = [(colour, name, value / whole) for colour, name, value in revenue if value > 0]
    if not shares:
        return Markup(""), ""
    largest = sorted(shares, key=lambda part: -part[2])[:SEGMENTS_IN_A_BAR]
    description = ", ".join(f"{name} {percent(share)}" for _, name, share in largest)
    drawn = [(colour, share) for colour, name, share in shares if (colour, name, share) in largest]
    return mix_bar(drawn, description), f"{percent(largest[0][2])} {largest[0][1]}"
