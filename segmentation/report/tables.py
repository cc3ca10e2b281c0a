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

# A row's bar shows its largest segments, and the others together.
SEGMENTS_IN_A_BAR: Final = 6
GUESTS: Final = "guests"
SMALLER: Final = "smaller"
ABC_RULE: Final = (
    f"class A goes up to {percent(rollups.CLASS_A_UP_TO)} of revenue and always has the largest, "
    f"B goes up to {percent(rollups.CLASS_B_UP_TO)}, C is the rest"
)


class Cell(NamedTuple):
    """The text of a cell, and the value to sort it by."""

    text: str
    value: str


class SoldRow(NamedTuple):
    """A country or a product, with each segment's share of its revenue as a bar and the largest share in words."""

    rank: int
    name: str
    code: str
    cells: list[Cell]
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
        shares = _shares(revenue_of[row[key]], row)
        return SoldRow(rank, name, code, cells, str(row[s.ABC_CLASS]), _bar(shares, names), _largest(shares, names))

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


def _cell(value: Any, text: str) -> Cell:
    known = finite(value)
    return Cell(text, "" if known is None else f"{known:.10g}")


def _sums(part: Row, total: Row, currency: str) -> list[str]:
    """Return the cells of a sum. Customers and orders are left out: those of two rows would count twice."""
    whole = finite(total[s.REVENUE])
    share = percent(float(part[s.REVENUE]) / whole) if whole else MISSING
    return [money(part[s.REVENUE], currency), share, "", "", "", number(part[s.UNITS]), ""]


def _shares(revenue_of_segments: Mapping[int, float], row: Row) -> list[tuple[int | None, float]]:
    """Return each segment's share of a row's revenue, ids ascending, then that of guests as None."""
    revenue = [*sorted(revenue_of_segments.items()), (None, float(row[s.GUEST_REVENUE]))]
    positive = [(segment_id, value) for segment_id, value in revenue if value > 0]
    whole = sum(value for _, value in positive)
    return [(segment_id, value / whole) for segment_id, value in positive]


def _bar(shares: list[tuple[int | None, float]], names: Mapping[int, str]) -> Markup:
    if not shares:
        return Markup("")
    largest = _by_size(shares)[:SEGMENTS_IN_A_BAR]
    drawn = [pair for pair in shares if pair in largest]
    pieces = [(GUESTS if segment_id is None else palette_class(segment_id), share) for segment_id, share in drawn]
    description = [f"{_name(segment_id, names)} {percent(share)}" for segment_id, share in largest]
    if len(shares) > len(drawn):
        rest = 1.0 - sum(share for _, share in drawn)
        pieces.append((SMALLER, rest))
        description.append(f"others {percent(rest)}")
    return mix_bar(pieces, ", ".join(description))


def _largest(shares: list[tuple[int | None, float]], names: Mapping[int, str]) -> str:
    return "".join(f"{percent(share)} {_name(segment_id, names)}" for segment_id, share in _by_size(shares)[:1])


def _by_size(shares: list[tuple[int | None, float]]) -> list[tuple[int | None, float]]:
    return sorted(shares, key=lambda pair: -pair[1])


def _name(segment_id: int | None, names: Mapping[int, str]) -> str:
    return GUESTS if segment_id is None else names.get(segment_id, f"segment {segment_id}")
