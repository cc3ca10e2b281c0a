"""What the values of a sample ask of a configuration beside the columns and dates, and why."""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from segmentation.config import CleaningSettings
from segmentation.config_text import flow
from segmentation.guess.column_names import normal, words_of
from segmentation.guess.samples import FILES_WITH_VALUES, Sample, Values
from segmentation.schemas import CUSTOMER_ID, INVOICE_NO, QUANTITY, STOCK_CODE, UNIT_PRICE
from segmentation.text_files import DELIMITERS

# The share of invoices or stock codes that must be written as the rule has it for the rule to be taken.
MOSTLY = 0.9
SALE, GOODS, ANY = "^[0-9]", "^[0-9]{5}", "^."
CANCELLATION_RULE = "cancellation"
CURRENCIES = {"gbp": "£", "usd": "$", "eur": "€", "chf": "CHF ", "inr": "₹"}
# What stands for no customer in a column of that name: WooCommerce's guests.
NO_CUSTOMER = {"customeruserid": "0"}
MOST_BEGINNINGS = 3
# A line without one of these is malformed. Up to that share of them is told after the run alone, as usable.py does.
NEEDED = (INVOICE_NO, STOCK_CODE)
BLANK_SHARE_TOLD = 0.10


@dataclass(frozen=True)
class Finding:
    """A key of the configuration, the value that is asked for and why; what to set where that is wrong, if a reader
    can tell.
    """

    key: str
    value: Any
    why: str
    instead: Any = None

    @property
    def told(self) -> list[str]:
        """In lines for a person."""
        lines = [f"  {self.key}: {flow(self.value)} ({self.why})"]
        if self.instead is not None:
            lines.append(f"    wrong? --set {shlex.quote(f'{self.key}={flow(self.instead)}')}")
        return lines


def findings_of(
    samples: Sequence[Sample], columns: Mapping[str, str], values: Values, asked: CleaningSettings
) -> list[Finding]:
    """What is not as usual, or worth a look; `asked` says what is set for the cleaning already."""
    found = [
        *_invoices(samples, columns, values[INVOICE_NO], tuple(map(str.upper, asked.cancellation_prefixes))),
        *_customers(columns[CUSTOMER_ID], values[CUSTOMER_ID], asked.missing_customer_ids),
    ]
    if share(GOODS, values[STOCK_CODE]) < MOSTLY:
        why = "stock codes do not all begin with five digits: all are goods"
        found.append(Finding("rollups.merchandise_pattern", ANY, why))
    currency = next((CURRENCIES[word] for word in words_of(columns[UNIT_PRICE]) if word in CURRENCIES), None)
    if currency:
        found.append(Finding("charts.currency", currency, f"from the name of {columns[UNIT_PRICE]!r}"))
    delimiter = _unusual_delimiter(samples, columns)
    if delimiter:
        found.append(Finding("input.csv.delimiter", delimiter, "of the header"))
    return found


def blanks_of(samples: Sequence[Sample], columns: Mapping[str, str]) -> list[str]:
    """In lines for a person, which of the columns that a line must have a value in are often blank."""
    lines = [line for sample in samples[:FILES_WITH_VALUES] for line in _lines(sample, columns)]
    blank = {field: sum(not line[field] for line in lines) for field in NEEDED}
    return [
        f"  caution: {count:,} of {len(lines):,} lines looked at have no {field} in {columns[field]!r}: such lines are "
        "malformed and count nowhere. Is it another column, or is it written in an order's first line alone?"
        for field, count in blank.items()
        if count > BLANK_SHARE_TOLD * len(lines)
    ]


def share(pattern: str, values: Sequence[str]) -> float:
    """How many of the values begin in such a way, as a share of one: of none, all."""
    return sum(bool(re.match(pattern, value)) for value in values) / len(values) if values else 1.0


def _lines(sample: Sample, columns: Mapping[str, str]) -> Iterator[Mapping[str, str]]:
    """The values of each line by field; lines of a workbook without any are none."""
    taken = sample.values(list(columns.values()))
    for values in zip(*(taken[column] for column in columns.values()), strict=True):
        line = {field: value.strip() for field, value in zip(columns, values, strict=True)}
        if any(line.values()):
            yield line


def _invoices(
    samples: Sequence[Sample], columns: Mapping[str, str], values: Sequence[str], prefixes: tuple[str, ...]
) -> Iterator[Finding]:
    """Which invoices are sales, and whether any is a cancellation, which begin with the prefixes."""
    invoices = [value for value in values if not value.upper().startswith(prefixes)]
    others = {value for value in invoices if not re.match(SALE, value)}
    key = "cleaning.sale_invoice_pattern"
    if share(SALE, invoices) < MOSTLY:
        yield Finding(key, ANY, "invoices begin with letters too: each is a sale")
    elif others:
        why = (
            f"{len(others):,} of {len(set(invoices)):,} invoices looked at begin otherwise, with "
            f"{_beginnings(others)}: they are adjustments, no sales"
        )
        yield Finding(key, SALE, why, instead=ANY)
    if _is_no_cancellation(samples, columns, prefixes):
        why = f"invoices that begin with {' or '.join(prefixes)} sell like others: none is a cancellation"
        yield Finding("cleaning.switched_off", [CANCELLATION_RULE], why)


def _beginnings(invoices: set[str]) -> str:
    """The first characters of the invoices, of which there may be many."""
    first = sorted({invoice[0] for invoice in invoices})
    more = " and others" if len(first) > MOST_BEGINNINGS else ""
    return ", ".join(first[:MOST_BEGINNINGS]) + more


def _is_no_cancellation(samples: Sequence[Sample], columns: Mapping[str, str], prefixes: tuple[str, ...]) -> bool:
    """Whether invoices begin with a prefix, and on none of them a quantity is below zero."""
    begin_so = False
    for sample in samples[:FILES_WITH_VALUES]:
        taken = sample.values([columns[INVOICE_NO], columns[QUANTITY]])
        for invoice, quantity in zip(taken[columns[INVOICE_NO]], taken[columns[QUANTITY]], strict=False):
            if invoice.strip().upper().startswith(prefixes):
                begin_so = True
                if quantity.strip().startswith("-"):
                    return False
    return begin_so


def _customers(column: str, values: Sequence[str], missing: Sequence[str]) -> Iterator[Finding]:
    """What means no customer in the column, beside what does anyway."""
    nobody = NO_CUSTOMER.get(normal(column))
    if nobody is not None and nobody in values and nobody not in missing:
        why = f"{nobody} in {column!r} is a guest"
        yield Finding("cleaning.missing_customer_ids", [*missing, nobody], why)


def _unusual_delimiter(samples: Sequence[Sample], columns: Mapping[str, str]) -> str | None:
    wanted = set(columns.values())
    for sample in samples:
        fitting = [delimiter for delimiter, names in sample.delimited.items() if wanted <= set(names)]
        if fitting and not set(fitting) & set(DELIMITERS):
            return fitting[0]
    return None
