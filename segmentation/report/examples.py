"""Example lines of each rule, with nothing left in them that tells whose they were. Plain Python."""

import re
from typing import Final, NamedTuple

from segmentation.charts.numbers import Row
from segmentation.schemas import (
    COUNTRY,
    CUSTOMER_ID,
    DESCRIPTION,
    INVOICE_DATE,
    INVOICE_NO,
    LINE_FIELDS,
    QUANTITY,
    STOCK_CODE,
    UNIT_PRICE,
)

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
    texts = {field: str(line[field] or "").strip() for field in LINE_FIELDS}
    if is_malformed and not any(texts[field] for field in (DESCRIPTION, QUANTITY, INVOICE_DATE, UNIT_PRICE)):
        return None
    customer = texts[CUSTOMER_ID]

    def shown(field: str) -> str:
        text = _without(customer, texts[field])
        if is_malformed and field in (QUANTITY, INVOICE_DATE, UNIT_PRICE) and text.lower() not in _NO_VALUES:
            text = text if _DAY.fullmatch(text) else _LETTERS.sub(_masked, _LIKE_AN_ID.sub(_masked, text))
        elif is_malformed:
            text = _LIKE_AN_ID.sub(_masked, text) if field != STOCK_CODE else text
        return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 1]}…"

    invoice = shown(INVOICE_NO)
    return Example(
        invoice if len(invoice) <= INVOICE_SHOWN else f"{invoice[:INVOICE_SHOWN].rstrip('•')}{HIDDEN}",
        shown(STOCK_CODE),
        shown(DESCRIPTION),
        shown(QUANTITY),
        shown(INVOICE_DATE),
        shown(UNIT_PRICE),
        HIDDEN if customer else NO_CUSTOMER,
        HIDDEN if is_malformed and texts[COUNTRY] else shown(COUNTRY),
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
