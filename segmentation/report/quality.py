"""The data-quality section: the waterfall from lines read to lines used, with example lines of each rule.

An example names no customer: its customer id is hidden wherever it appears, and its invoice number is shortened.
"""

import re
from decimal import Decimal
from typing import Final, NamedTuple

from markupsafe import Markup

from segmentation import schemas as s
from segmentation.cleaning import rules
from segmentation.report.marks import step_bar
from segmentation.report.text import Row, Rows, cut, money, percent

# The label and the meaning of each outcome of a line.
OUTCOMES: Final = {
    **{name: (rule.label, rule.meaning) for name, rule in rules.RULES.items()},
    s.GUEST: ("Guests", rules.GUEST_MEANING),
    s.CLEAN: ("Used for the segments", rules.CLEAN_MEANING),
}

HIDDEN: Final = "•••"
NO_CUSTOMER: Final = "none"
INVOICE_SHOWN: Final = 3
LONGEST_SHOWN: Final = 60
SHORT_ID: Final = 4
# The columns of a malformed line may have shifted, so that a number's or a date's field holds something else.
SHIFTED: Final = (s.QUANTITY, s.INVOICE_DATE, s.UNIT_PRICE)
_ID_OR_ADDRESS: Final = re.compile(r"\d{4,}|\S*@\S*")
_LETTERS: Final = re.compile(r"[^\W\d_]{2,}")
_DATE: Final = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}.{0,20}")
_NO_VALUES: Final = frozenset({"nan", "n/a", "na", "null", "none", "inf", "infinity", "-infinity", "-"})


class Step(NamedTuple):
    """A step of the waterfall: a rule's lines, its meaning, and the fields of a few examples."""

    label: str
    meaning: str
    lines: int
    share: str
    revenue: str
    bar: Markup
    kind: str
    examples: list[list[str]]


def waterfall(quality: Rows, examples: Rows, currency: str) -> list[Step]:
    """Return the steps from the lines read to the lines used: first all lines, then what each rule takes out."""
    read = sum(int(row[s.ROWS]) for row in quality)
    revenue = sum((Decimal(row[s.REVENUE] or 0) for row in quality), Decimal(0))
    bar = step_bar(0, 1.0 if read else 0.0, "read")
    steps = [Step("Read", "all lines of the input", read, percent(1), money(revenue, currency), bar, "read", [])]
    left = 1.0
    for row in quality:
        rule, share = str(row[s.RULE]), float(row[s.SHARE])
        label, meaning = OUTCOMES[rule]
        kind = {s.CLEAN: "used", s.GUEST: "guests"}.get(rule, "taken")
        left = max(left - share, 0.0)
        masked = [masked_example(line, rule == s.MALFORMED) for line in examples if line[s.REASON] == rule]
        steps.append(
            Step(
                label,
                meaning,
                int(row[s.ROWS]),
                percent(share),
                _known_money(row, currency),
                step_bar(0.0 if kind == "used" else left, share, kind),
                kind if row[s.ROWS] else f"{kind} nothing",
                [example for example in masked if example],
            )
        )
    return steps


def _known_money(row: Row, currency: str) -> str:
    """Return the money of a rule's lines, and of how many it is not known."""
    known, unknown = money(row[s.REVENUE], currency), int(row.get(s.ROWS_WITHOUT_REVENUE, 0))
    if not unknown:
        return known
    return f"unknown of {unknown:,}" if row[s.REVENUE] is None else f"{known}, unknown of {unknown:,}"


def masked_example(line: Row, is_malformed: bool) -> list[str] | None:
    """Return the eight fields of a line without its customer; None where it could not be split into fields.

    The invoice is shortened, and long texts are cut.
    """
    texts = {field: str(line[field] or "").strip() for field in s.LINE_FIELDS}
    if is_malformed and not any(texts[field] for field in (s.DESCRIPTION, *SHIFTED)):
        return None
    customer = texts[s.CUSTOMER_ID]

    def shown(field: str) -> str:
        text = _without_customer(texts[field], customer)
        if is_malformed:
            text = _masked_field(text, field)
        return cut(text, LONGEST_SHOWN)

    fields = {field: shown(field) for field in s.LINE_FIELDS}
    invoice = fields[s.INVOICE_NO]
    if len(invoice) > INVOICE_SHOWN:
        fields[s.INVOICE_NO] = f"{invoice[:INVOICE_SHOWN].rstrip('•')}{HIDDEN}"
    fields[s.CUSTOMER_ID] = HIDDEN if customer else NO_CUSTOMER
    if is_malformed and texts[s.COUNTRY]:  # a shifted customer id would be here
        fields[s.COUNTRY] = HIDDEN
    return list(fields.values())


def _without_customer(text: str, customer: str) -> str:
    """Hide the customer's id in a text; a short id only where it is a word of its own."""
    for customer_id in (customer, customer.removesuffix(".0")):
        is_short = len(customer_id) < SHORT_ID
        if not customer_id or (is_short and customer_id.isdigit()):  # a short number may be a quantity
            continue
        pattern = re.escape(customer_id)
        if is_short:
            pattern = rf"(?<![\w.]){pattern}(?![\w.])"
        text = re.sub(pattern, HIDDEN, text, flags=re.IGNORECASE)
    return text


def _masked_field(text: str, field: str) -> str:
    """Mask whatever in a field of a malformed line looks like an id, an address or a name."""
    if field == s.STOCK_CODE or text.lower() in _NO_VALUES:
        return text
    if field not in SHIFTED:
        return _ID_OR_ADDRESS.sub(_masked, text)
    return text if _DATE.fullmatch(text) else _LETTERS.sub(_masked, _ID_OR_ADDRESS.sub(_masked, text))


def _masked(match: re.Match[str]) -> str:
    return match[0][:1] + HIDDEN
