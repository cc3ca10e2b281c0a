"""The report's tables of countries and products: the largest rows, and the sums of the others and of all."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from markupsafe import Markup

from segmentation import rollups
from segmentation import schemas as s
from segmentation.report.aggregates import ABC_CLASSES
from segmentation.report.data import Sold
from segmentation.report.findings import few_of_many, name_of
from segmentation.report.marks import mix_bar, palette_class
from segmentation.report.text import MISSING, Row, Rows, cut, finite, money, number, percent, whole

# A row's bar shows its largest segments.
SEGMENTS_IN_A_BAR: Final = 6
# Shares of the segments in a row of fewer customers say nothing.
FEWEST: Final = 20
# The rows that are printed: nobody reads eight pages of products on paper.
PRINTED: Final = 15
GUESTS: Final = "guests"


class SoldRow(NamedTuple):
    """A country or a product, with each segment's share of its purchases as a bar and the largest share in words.

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
    """The largest countries or goods, the sums of the others and of what is no merchandise (None: there are none).

    `finding` says how few bring how much; `classes` what the classes are and how many are in each.
    """

    finding: str
    classes: str
    columns: list[str]
    rows: list[SoldRow]
    others: list[str] | None
    rest: list[str] | None
    total: list[str]
    number_of_others: int
    number_of_rest: int
    number_of_all: int


def country_table(sold: Sold, profiles: Rows, currency: str) -> SoldTable:
    """Return the table of countries."""
    average = "Value of an\N{NO-BREAK SPACE}order"
    return _table(sold, profiles, currency, (s.COUNTRY, s.COUNTRY, s.AVERAGE_ORDER_VALUE), average, NOUNS[s.COUNTRY])


def product_table(sold: Sold, profiles: Rows, currency: str) -> SoldTable:
    """Return the table of products."""
    names = (s.STOCK_CODE, s.DESCRIPTION, s.AVERAGE_UNIT_PRICE)
    return _table(sold, profiles, currency, names, "Average price", NOUNS[s.STOCK_CODE])


NOUNS: Final = {s.COUNTRY: ("country", "countries"), s.STOCK_CODE: ("product", "products")}


def _table(
    sold: Sold,
    profiles: Rows,
    currency: str,
    names: tuple[str, str, str],
    average_label: str,
    noun: tuple[str, str],
) -> SoldTable:
    key, label, average = names
    revenue_of: defaultdict[Any, dict[int, float]] = defaultdict(dict)
    for row in sold.of_segments:
        revenue_of[row[key]][int(row[s.SEGMENT_ID])] = float(row[s.REVENUE])
    segments = {int(row[s.SEGMENT_ID]): name_of(row) for row in profiles}

    def table_row(rank: int, row: Row) -> SoldRow:
        cells = [
            _cell(row[sold.money], money(row[sold.money], currency)),
            _cell(row[s.REVENUE_SHARE], percent(row[s.REVENUE_SHARE])),
            _cell(row[s.CUMULATIVE_REVENUE_SHARE], percent(row[s.CUMULATIVE_REVENUE_SHARE])),
            *[_cell(row[name], number(row[name])) for name in (s.CUSTOMERS, s.ORDERS, s.UNITS)],
            _cell(row[average], money(row[average], currency)),
        ]
        name = str(row[label] or "(no description)")
        code = "" if label == key else cut(row[key])
        mix = _bar(revenue_of[row[key]], row, segments)
        return SoldRow(rank, name, code, cells, str(row[s.ABC_CLASS]), *mix)

    others, total, rest = sold.others, sold.total, sold.rest
    whole_row = total if rest is None else {name: total[name] + rest[name] for name in (s.UNITS, sold.money, s.ROWS)}
    revenue = "Revenue" if sold.money == s.REVENUE else "Net revenue"
    return SoldTable(
        finding_of(sold, noun),
        classes_of(sold, noun),
        [revenue, "Share", "Added up", "Customers", "Orders", "Units", average_label],
        [table_row(rank, row) for rank, row in enumerate(sold.largest, 1)],
        _sums(others, total, sold.money, currency) if others[s.ROWS] else None,
        None if rest is None else _sums(rest, None, sold.money, currency),
        _sums(whole_row, total if rest is None else None, sold.money, currency),
        int(others[s.ROWS]),
        0 if rest is None else int(rest[s.ROWS]),
        int(total[s.ROWS]),
    )


def finding_of(sold: Sold, noun: tuple[str, str]) -> str:
    """Say how few countries or products bring how much."""
    number_of, total = int(sold.total[s.ROWS]), finite(sold.total[sold.money]) or 0.0
    if total <= 0:
        return f"No revenue in total from {number_of:,} {noun[number_of != 1]}"
    class_a = next((row for row in sold.classes if row[s.ABC_CLASS] == ABC_CLASSES[0]), None)
    if number_of == 1 or class_a is None:
        return f"All revenue comes from one {noun[0]}"
    return few_of_many(int(class_a[s.ROWS]), number_of, noun, float(class_a[sold.money]) / total)


def classes_of(sold: Sold, noun: tuple[str, str]) -> str:
    """Say what the ABC classes are, and how many are in each."""
    counts = {str(row[s.ABC_CLASS]): int(row[s.ROWS]) for row in sold.classes}
    a, b, c = (f"{counts.get(letter, 0):,}" for letter in ABC_CLASSES)
    up_to_a, up_to_b = percent(rollups.CLASS_A_UP_TO), percent(rollups.CLASS_B_UP_TO)
    return (
        f"A: the {noun[1]} that together make the first {up_to_a} of revenue, at least one ({a}); B: to {up_to_b} "
        f"({b}); C: the rest ({c})."
    )


def _cell(value: Any, text: str) -> tuple[str, str]:
    known = finite(value)
    return text, "" if known is None else f"{known:.10g}"


def _sums(part: Row, total: Row | None, revenue: str, currency: str) -> list[str]:
    """Return the cells of a sum. Customers and orders are left out: those of two rows would count twice."""
    all_revenue = finite(total[revenue]) if total else None
    share = percent(float(part[revenue]) / all_revenue) if all_revenue else ("" if total is None else MISSING)
    return [money(part[revenue], currency), share, "", "", "", whole(part[s.UNITS]), ""]


def _bar(revenue_of_segments: Mapping[int, float], row: Row, names: Mapping[int, str]) -> tuple[Markup, str]:
    """Return a row's bar of the segments' and the guests' shares of its purchases, and the largest share in words.

    Where fewer than FEWEST customers bought, shares say nothing: there is no bar then.
    """
    if row[s.CUSTOMERS] < FEWEST:
        return Markup(""), f"fewer than {FEWEST} customers"
    revenue = [
        *(
            (palette_class(segment_id), name, revenue_of_segments[segment_id])
            for segment_id, name in names.items()
            if segment_id in revenue_of_segments
        ),
        (GUESTS, GUESTS, float(row[s.GUEST_REVENUE])),
    ]
    all_revenue = sum(value for _, _, value in revenue if value > 0)
    shares = [(colour, name, value / all_revenue) for colour, name, value in revenue if value > 0]
    if not shares:
        return Markup(""), ""
    largest = sorted(shares, key=lambda part: -part[2])[:SEGMENTS_IN_A_BAR]
    description = ", ".join(f"{name} {percent(share)}" for _, name, share in largest)
    drawn = [(colour, share) for colour, name, share in shares if (colour, name, share) in largest]
    return mix_bar(drawn, description), f"{percent(largest[0][2])} {largest[0][1]}"
