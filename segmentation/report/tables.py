"""Small drawings inside the report's lines: a segment's mark, its shares of a row, a step of the waterfall.

Each is an SVG whose colours are classes of the report's style sheet, `s1` to `s12` by the place in the palette.
"""
# TODO-DOC report.examples: Example lines of each rule, with nothing left in them that tells whose they were.
# Plain Python.
# TODO-DOC report.tables: Countries, products and the lines' outcomes in, the rows of the report's tables out.
# Plain Python.

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple

from markupsafe import Markup

from segmentation import schemas as s
from segmentation.cleaning import rules
from segmentation.report.charts.style import SEGMENT_MARKS, segment_mark
from segmentation.report.data import CLASSES, Sold, others
from segmentation.report.findings import name_of
from segmentation.report.text import MISSING, Row, Rows, counted, cut, finite, money, number, percent

GUESTS: Final = "guests"
SMALLER: Final = "smaller"
WIDE: Final = 1000
# Each shape of the charts' markers in a square of 16.
_SHAPES: Final = {
    "o": "M8 2a6 6 0 1 1 0 12a6 6 0 1 1 0-12z",
    "s": "M2.7 2.7h10.6v10.6H2.7z",
    "^": "M8 2L14.2 13.5H1.8z",
    "v": "M8 14L1.8 2.5h12.4z",
    "<": "M2 8L13.5 1.8v12.4z",
    ">": "M14 8L2.5 14.2V1.8z",
    "D": "M8 1.3L14.7 8L8 14.7L1.3 8z",
    "P": "M6 1.8h4V6h4.2v4H10v4.2H6V10H1.8V6H6z",
    "X": "M4.5 1.8L8 5.3l3.5-3.5l2.7 2.7L10.7 8l3.5 3.5l-2.7 2.7L8 10.7l-3.5 3.5l-2.7-2.7L5.3 8L1.8 4.5z",
    "p": "M8 1.6L14.5 6.3L12 14H4L1.5 6.3z",
    "h": "M8 1.4L13.9 4.7v6.6L8 14.6L2.1 11.3V4.7z",
    "*": "M8 1.2l1.7 4.6l4.9.2l-3.9 3l1.4 4.8L8 11.1l-4.1 2.7l1.4-4.8l-3.9-3l4.9-.2z",
}


def place_in_palette(segment_id: int) -> str:
    """The class that colours what is drawn of a segment."""
    return f"s{SEGMENT_MARKS.index(segment_mark(segment_id)) + 1}"


def mark(segment_id: int) -> Markup:
    """The segment's symbol, in its shape and colour; its name stands beside it."""
    shape = _SHAPES[segment_mark(segment_id).marker]
    return Markup(
        '<svg class="mark" viewBox="0 0 16 16" aria-hidden="true"><path class="{}" d="{}"></path></svg>'
    ).format(place_in_palette(segment_id), shape)


def mix_bar(parts: Iterable[tuple[str, float]], described: str) -> Markup:
    """Shares of one as pieces of a bar, in their order; `parts` are a class and a share each."""
    pieces, at = [], 0
    for name, share in parts:
        # The edges are rounded, not the widths: no gap and no overlap.
        upto = min(WIDE, at + math.ceil(WIDE * share)) if share > 0 else at
        if upto > at:
            piece = Markup('<rect class="{}" x="{}" width="{}" height="10"></rect>')
            pieces.append(piece.format(name, at, upto - at))
        at = upto
    drawn = Markup(
        '<svg class="mix" viewBox="0 0 {} 10" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>'
    )
    return drawn.format(WIDE, described, Markup("").join(pieces))


def step_bar(start: float, share: float, kind: str) -> Markup:
    """A step of the waterfall: from where to how wide, as shares of all lines read; at least a hair where not 0."""
    width = max(WIDE * share, 2.0) if share > 0 else 0.0
    left = min(WIDE * start, WIDE - width)
    drawn = '<svg class="step" viewBox="0 0 {} 10" preserveAspectRatio="none" aria-hidden="true">{}</svg>'
    piece = Markup('<rect class="{}" x="{}" width="{}" height="10"></rect>').format(kind, f"{left:.1f}", f"{width:.1f}")
    return Markup(drawn).format(WIDE, piece if width else "")


HIDDEN: Final = "•••"
NO_CUSTOMER: Final = "none"
INVOICE_SHOWN: Final = 3
LONGEST_SHOWN: Final = 60
# In a malformed line the columns may have shifted, and a number's or a day's field holds what belongs into another:
# what is like an id, a name or an address is masked, and the country's field, where a customer's id would land, is
# hidden.
_LIKE_AN_ID: Final = re.compile(r"\d{4,}|\S*@\S*")
_LETTERS: Final = re.compile(r"[^\W\d_]{2,}")
_DAY: Final = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}.{0,20}")
_NO_VALUES: Final = frozenset({"nan", "n/a", "na", "null", "none", "inf", "infinity", "-infinity", "-"})
_SHORT_ID: Final = 4


class Example(NamedTuple):
    """A line as it may be shown: the customer hidden, the invoice shortened, long texts cut."""

    invoice: str
    product: str
    description: str
    quantity: str
    day: str
    price: str
    customer: str
    country: str


def masked(line: Row, is_malformed: bool) -> Example | None:
    """The line without its customer; None where it could not be taken apart into fields at all."""
    texts = {field: str(line[field] or "").strip() for field in s.LINE_FIELDS}
    if is_malformed and not any(texts[field] for field in (s.DESCRIPTION, s.QUANTITY, s.INVOICE_DATE, s.UNIT_PRICE)):
        return None
    customer = texts[s.CUSTOMER_ID]

    def shown(field: str) -> str:
        text = _without(customer, texts[field])
        if is_malformed and field in (s.QUANTITY, s.INVOICE_DATE, s.UNIT_PRICE) and text.lower() not in _NO_VALUES:
            text = text if _DAY.fullmatch(text) else _LETTERS.sub(_masked, _LIKE_AN_ID.sub(_masked, text))
        elif is_malformed:
            text = _LIKE_AN_ID.sub(_masked, text) if field != s.STOCK_CODE else text
        return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 1]}…"

    invoice = shown(s.INVOICE_NO)
    return Example(
        invoice if len(invoice) <= INVOICE_SHOWN else f"{invoice[:INVOICE_SHOWN].rstrip('•')}{HIDDEN}",
        shown(s.STOCK_CODE),
        shown(s.DESCRIPTION),
        shown(s.QUANTITY),
        shown(s.INVOICE_DATE),
        shown(s.UNIT_PRICE),
        HIDDEN if customer else NO_CUSTOMER,
        HIDDEN if is_malformed and texts[s.COUNTRY] else shown(s.COUNTRY),
    )


def _without(customer: str, text: str) -> str:
    """The text without the customer's id, wherever it stands in it; a short id only where it stands alone."""
    for told in {customer, customer.removesuffix(".0")} - {""}:
        pattern = re.escape(told)
        if len(told) < _SHORT_ID:
            pattern = rf"(?<![\w.]){pattern}(?![\w.])" if not told.isdigit() else r"(?!)"
        text = re.sub(pattern, HIDDEN, text, flags=re.IGNORECASE)
    return text


def _masked(found: re.Match[str]) -> str:
    return found[0][:1] + HIDDEN


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
    **{name: (rule.label, rule.meaning) for name, rule in rules.RULES.items()},
    s.GUEST: ("Guests", rules.GUEST_MEANING),
    s.CLEAN: ("Used for the segments", rules.CLEAN_MEANING),
}


def told_countries(sold: Sold, profiles: Rows, currency: str) -> SoldTable:
    """The countries' table."""
    return _table(
        sold, profiles, currency, s.COUNTRY, s.COUNTRY, (s.AVERAGE_ORDER_VALUE, "Value of an\N{NO-BREAK SPACE}order")
    )


def told_products(sold: Sold, profiles: Rows, currency: str) -> SoldTable:
    """The products' table."""
    return _table(sold, profiles, currency, s.STOCK_CODE, s.DESCRIPTION, (s.AVERAGE_UNIT_PRICE, "Average price"))


def _table(sold: Sold, profiles: Rows, currency: str, key: str, label: str, average: tuple[str, str]) -> SoldTable:
    by_key: defaultdict[Any, dict[int, float]] = defaultdict(dict)
    for row in sold.of_segments:
        by_key[row[key]][int(row[s.SEGMENT_ID])] = float(row[s.REVENUE])
    names = {int(row[s.SEGMENT_ID]): name_of(row) for row in profiles}
    measure, measure_label = average

    def told(place: int, row: Row) -> SoldRow:
        cells = [
            Cell(money(row[s.REVENUE], currency), _plain(row[s.REVENUE])),
            Cell(percent(row[s.REVENUE_SHARE]), _plain(row[s.REVENUE_SHARE])),
            Cell(percent(row[s.CUMULATIVE_REVENUE_SHARE]), _plain(row[s.CUMULATIVE_REVENUE_SHARE])),
            *[Cell(number(row[name]), _plain(row[name])) for name in (s.CUSTOMERS, s.ORDERS, s.UNITS)],
            Cell(money(row[measure], currency), _plain(row[measure])),
        ]
        code = "" if label == key else cut(row[key])
        name = str(row[label] or "(no description)")
        if not row.get(s.IS_MERCHANDISE, True):
            code += " · not merchandise"
        shares = _shares(by_key[row[key]], row)
        return SoldRow(place, name, code, cells, str(row[s.ABC_CLASS]), _mix(shares, names), _mix_words(shares, names))

    columns = ["Revenue", "Share", "Added up", "Customers", "Orders", "Units", measure_label]
    rest = others(sold)
    total = sold.total
    return SoldTable(
        columns,
        [told(place, row) for place, row in enumerate(sold.largest, 1)],
        _summed(rest, total, currency) if rest[s.ROWS] else None,
        _summed(total, total, currency),
        len(sold.largest),
        int(total[s.ROWS]),
        [(one, int(total[one])) for one in CLASSES],
    )


def _summed(part: Row, total: Row, currency: str) -> list[str]:
    """The cells of what adds up: customers and orders would count twice who bought in two rows, and are left out."""
    whole = finite(total[s.REVENUE])
    share = percent(float(part[s.REVENUE]) / whole) if whole else MISSING
    return [money(part[s.REVENUE], currency), share, "", "", "", number(part[s.UNITS]), ""]


def _shares(of_segments: Mapping[int, float], row: Row) -> list[tuple[int | None, float]]:
    """Each segment's share of a row's revenue, ids ascending, and that of guests as None; none without revenue."""
    parts: list[tuple[int | None, float]] = [*sorted(of_segments.items())]
    parts.append((None, float(row[s.GUEST_REVENUE])))
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
    read = sum(int(row[s.ROWS]) for row in quality)
    revenue = sum((Decimal(row[s.REVENUE]) for row in quality), Decimal(0))
    bar = step_bar(0, 1.0 if read else 0.0, "read")
    steps = [Step("Read", "all lines of the input", "", read, percent(1), money(revenue, currency), bar, "read", [], 0)]
    left = 1.0
    for row in quality:
        rule, share = str(row[s.RULE]), float(row[s.SHARE])
        label, meaning = OUTCOMES.get(rule, (rule, ""))
        kind = "used" if rule == s.CLEAN else "guests" if rule == s.GUEST else "taken"
        left = max(left - share, 0.0)
        own = [masked(line, rule == s.MALFORMED) for line in examples if line[s.REASON] == rule]
        steps.append(
            Step(
                label,
                meaning,
                rule,
                int(row[s.ROWS]),
                percent(share),
                money(row[s.REVENUE], currency),
                step_bar(0.0 if kind == "used" else left, share, kind),
                kind if row[s.ROWS] else f"{kind} nothing",
                [example for example in own if example],
                own.count(None),
            )
        )
    return steps


def not_shown(table: SoldTable, one: str, many: str) -> str:
    """What the line of the others is called."""
    return f"The other {counted(table.of - table.shown, one, many)}"
