"""Countries, products and the lines' outcomes in, the rows of the report's tables out. Plain Python."""

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple

from markupsafe import Markup

from segmentation import cleaning
from segmentation.charts.numbers import Row, Rows, finite, percent
from segmentation.largest_rows import CLASSES, Sold, others
from segmentation.report.examples import Example, masked
from segmentation.report.formatting import MISSING, counted, cut, money, number
from segmentation.report.marks import GUESTS, SMALLER, mix_bar, place_in_palette, step_bar
from segmentation.report.words import name_of
from segmentation.schemas import (
    ABC_CLASS,
    AVERAGE_ORDER_VALUE,
    AVERAGE_UNIT_PRICE,
    COUNTRY,
    CUMULATIVE_REVENUE_SHARE,
    CUSTOMERS,
    DESCRIPTION,
    GUEST_REVENUE,
    IS_MERCHANDISE,
    ORDERS,
    REASON,
    REVENUE,
    REVENUE_SHARE,
    ROWS,
    RULE,
    SEGMENT_ID,
    SHARE,
    STOCK_CODE,
    UNITS,
)

# Of many segments the largest are told apart in a row's mix, and the others together.
SEGMENTS_IN_A_MIX: Final = 6
NAMED_IN_A_MIX: Final = 1


class Cell(NamedTuple):
    """What stands in a cell, and the value to sort by."""

    text: str
    value: str


class SoldRow(NamedTuple):
    """A country or a product."""

    place: int
    name: str
    code: str
    cells: list[Cell]
    abc_class: str
    mix: Markup
    mix_words: str


class SoldTable(NamedTuple):
    """The largest countries or products, and in the last lines the others and all of them."""

    columns: list[str]
    rows: list[SoldRow]
    others: list[str] | None
    everything: list[str]
    shown: int
    of: int
    class_counts: list[tuple[str, int]]


class Step(NamedTuple):
    """A step of the waterfall: a rule's lines, with its meaning and a few of them."""

    label: str
    meaning: str
    rule: str
    lines: int
    share: str
    revenue: str
    bar: Markup
    kind: str
    examples: list[Example]
    unreadable: int


# For each outcome of a line what it is called, and what it means.
OUTCOMES: Final = {
    cleaning.MALFORMED: ("Cannot be read", "too few or too many fields, or a number, date or price that is none"),
    cleaning.CANCELLATION: ("Cancelled", "the invoice is a cancellation; it counts as money returned by its customer"),
    cleaning.ADJUSTMENT: ("Adjustments", "the invoice is not a sale, such as a correction of bad debt"),
    cleaning.NON_POSITIVE_QUANTITY: ("No quantity", "a quantity of 0 or less outside a cancellation"),
    cleaning.NON_POSITIVE_PRICE: ("No price", "a price of 0 or less, such as gifts and losses of stock"),
    cleaning.OUT_OF_PERIOD: ("Out of period", "before the first day, or on or after the day of this report"),
    cleaning.DUPLICATE: ("Copies", "an exact copy of another line, which counts once"),
    cleaning.GUEST: ("Guests", "good sales without a customer id: they count for countries and products only"),
    cleaning.CLEAN: ("Used for the segments", "good sales of known customers"),
}


def told_countries(sold: Sold, profiles: Rows, currency: str) -> SoldTable:
    """The countries' table."""
    return _table(
        sold, profiles, currency, COUNTRY, COUNTRY, (AVERAGE_ORDER_VALUE, "Value of an\N{NO-BREAK SPACE}order")
    )


def told_products(sold: Sold, profiles: Rows, currency: str) -> SoldTable:
    """The products' table."""
    return _table(sold, profiles, currency, STOCK_CODE, DESCRIPTION, (AVERAGE_UNIT_PRICE, "Average price"))


def _table(sold: Sold, profiles: Rows, currency: str, key: str, label: str, average: tuple[str, str]) -> SoldTable:
    by_key: defaultdict[Any, dict[int, float]] = defaultdict(dict)
    for row in sold.of_segments:
        by_key[row[key]][int(row[SEGMENT_ID])] = float(row[REVENUE])
    names = {int(row[SEGMENT_ID]): name_of(row) for row in profiles}
    measure, measure_label = average

    def told(place: int, row: Row) -> SoldRow:
        cells = [
            Cell(money(row[REVENUE], currency), _plain(row[REVENUE])),
            Cell(percent(row[REVENUE_SHARE]), _plain(row[REVENUE_SHARE])),
            Cell(percent(row[CUMULATIVE_REVENUE_SHARE]), _plain(row[CUMULATIVE_REVENUE_SHARE])),
            *[Cell(number(row[name]), _plain(row[name])) for name in (CUSTOMERS, ORDERS, UNITS)],
            Cell(money(row[measure], currency), _plain(row[measure])),
        ]
        code = "" if label == key else cut(row[key])
        name = str(row[label] or "(no description)")
        if not row.get(IS_MERCHANDISE, True):
            code += " · not merchandise"
        shares = _shares(by_key[row[key]], row)
        return SoldRow(place, name, code, cells, str(row[ABC_CLASS]), _mix(shares, names), _mix_words(shares, names))

    columns = ["Revenue", "Share", "Added up", "Customers", "Orders", "Units", measure_label]
    rest = others(sold)
    total = sold.total
    return SoldTable(
        columns,
        [told(place, row) for place, row in enumerate(sold.largest, 1)],
        _summed(rest, total, currency) if rest[ROWS] else None,
        _summed(total, total, currency),
        len(sold.largest),
        int(total[ROWS]),
        [(one, int(total[one])) for one in CLASSES],
    )


def _summed(part: Row, total: Row, currency: str) -> list[str]:
    """The cells of what adds up: customers and orders would count twice who bought in two rows, and are left out."""
    whole = finite(total[REVENUE])
    share = percent(float(part[REVENUE]) / whole) if whole else MISSING
    return [money(part[REVENUE], currency), share, "", "", "", number(part[UNITS]), ""]


def _shares(of_segments: Mapping[int, float], row: Row) -> list[tuple[int | None, float]]:
    """Each segment's share of a row's revenue, ids ascending, and that of guests as None; none without revenue."""
    parts: list[tuple[int | None, float]] = [*sorted(of_segments.items())]
    parts.append((None, float(row[GUEST_REVENUE])))
    known = [(one, max(value, 0.0)) for one, value in parts]
    whole = sum(value for _, value in known)
    return [(one, value / whole) for one, value in known if value > 0] if whole > 0 else []


def _mix(shares: list[tuple[int | None, float]], names: Mapping[int, str]) -> Markup:
    largest = sorted(shares, key=lambda pair: -pair[1])[:SEGMENTS_IN_A_MIX]
    kept = [pair for pair in shares if pair in largest]
    pieces = [(GUESTS if one is None else place_in_palette(one), share) for one, share in kept]
    rest = 1.0 - sum(share for _, share in kept)
    spoken = [f"{_called(one, names)} {percent(share)}" for one, share in largest]
    if len(shares) > len(kept):
        pieces.append((SMALLER, rest))
        spoken.append(f"others {percent(rest)}")
    return mix_bar(pieces, ", ".join(spoken)) if shares else Markup("")


def _mix_words(shares: list[tuple[int | None, float]], names: Mapping[int, str]) -> str:
    largest = sorted(shares, key=lambda pair: -pair[1])[:NAMED_IN_A_MIX]
    return ", ".join(f"{percent(share)} {_called(one, names)}" for one, share in largest)


def _called(segment_id: int | None, names: Mapping[int, str]) -> str:
    return "guests" if segment_id is None else names.get(segment_id, f"segment {segment_id}")


def _plain(value: Any) -> str:
    """A number to sort by, in as few characters as tell it apart."""
    known = finite(value)
    return "" if known is None else f"{known:.10g}"


def told_quality(quality: Rows, examples: Rows, currency: str) -> list[Step]:
    """The waterfall from the lines read to the lines used: the first step is all of them, each rule takes its part."""
    read = sum(int(row[ROWS]) for row in quality)
    revenue = sum((Decimal(row[REVENUE]) for row in quality), Decimal(0))
    bar = step_bar(0, 1.0 if read else 0.0, "read")
    steps = [Step("Read", "all lines of the input", "", read, percent(1), money(revenue, currency), bar, "read", [], 0)]
    left = 1.0
    for row in quality:
        rule, share = str(row[RULE]), float(row[SHARE])
        label, meaning = OUTCOMES.get(rule, (rule, ""))
        kind = "used" if rule == cleaning.CLEAN else "guests" if rule == cleaning.GUEST else "taken"
        left = max(left - share, 0.0)
        own = [masked(line, rule == cleaning.MALFORMED) for line in examples if line[REASON] == rule]
        steps.append(
            Step(
                label,
                meaning,
                rule,
                int(row[ROWS]),
                percent(share),
                money(row[REVENUE], currency),
                step_bar(0.0 if kind == "used" else left, share, kind),
                kind if row[ROWS] else f"{kind} nothing",
                [example for example in own if example],
                own.count(None),
            )
        )
    return steps


def not_shown(table: SoldTable, one: str, many: str) -> str:
    """What the line of the others is called."""
    return f"The other {counted(table.of - table.shown, one, many)}"
