"""Suggest settings of a configuration from sampled values, apart from columns and dates, each with the reason."""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from segmentation import schemas as s
from segmentation.config.files import flow
from segmentation.config.settings import CleaningSettings
from segmentation.guess.samples import FILES_WITH_VALUES, Sample, Values
from segmentation.guess.synonyms import normal, words_of
from segmentation.ingest.csv_files import DELIMITERS

# The share of invoices or stock codes that must match a pattern for it to be assumed.
MOSTLY = 0.9
SALE, GOODS, ANY = "^[0-9]", "^[0-9]{5}", "^."
CANCELLATION_RULE = "cancellation"
CURRENCIES = {"gbp": "£", "usd": "$", "eur": "€", "chf": "CHF ", "inr": "₹"}
# The value that means a guest in a column of that name: WooCommerce's.
GUESTS = {"customeruserid": "0"}
MOST_BEGINNINGS = 3
# A line without one of these is malformed. Up to this share of such lines is reported after the run only.
NEEDED = (s.INVOICE_NO, s.STOCK_CODE)
BLANK_SHARE = 0.10


@dataclass(frozen=True)
class Suggestion:
    """A key of the configuration with the suggested value and the reason.

    `alternative` is the value to set if the suggestion is wrong, where a reader can see that.
    """

    key: str
    value: Any
    reason: str
    alternative: Any = None

    @property
    def lines(self) -> list[str]:
        """The suggestion in lines for a person."""
        lines = [f"  {self.key}: {flow(self.value)} ({self.reason})"]
        if self.alternative is not None:
            lines.append(f"    wrong? --set {shlex.quote(f'{self.key}={flow(self.alternative)}')}")
        return lines


def suggest_settings(
    samples: Sequence[Sample], columns: Mapping[str, str], values: Values, cleaning: CleaningSettings
) -> list[Suggestion]:
    """Return the settings that differ from the defaults, or are worth a look.

    `columns` maps fields to columns, `values` fields to sampled values. `cleaning` are the settings without a guess.
    """
    prefixes = tuple(prefix.upper() for prefix in cleaning.cancellation_prefixes)
    suggestions = [
        *_suggest_sales(values[s.INVOICE_NO], prefixes),
        *_suggest_no_cancellations(samples, columns, prefixes),
        *_suggest_guests(columns[s.CUSTOMER_ID], values[s.CUSTOMER_ID], cleaning.missing_customer_ids),
    ]
    if share(GOODS, values[s.STOCK_CODE]) < MOSTLY:
        reason = "stock codes do not all begin with five digits: all are goods"
        suggestions.append(Suggestion("rollups.merchandise_pattern", ANY, reason))
    price = columns[s.UNIT_PRICE]
    currency = next((CURRENCIES[word] for word in words_of(price) if word in CURRENCIES), None)
    if currency:
        suggestions.append(Suggestion("charts.currency", currency, f"from the name of {price!r}"))
    delimiter = _unusual_delimiter(samples, columns)
    if delimiter:
        suggestions.append(Suggestion("input.csv.delimiter", delimiter, "of the header"))
    return suggestions


def blank_warnings(samples: Sequence[Sample], columns: Mapping[str, str]) -> list[str]:
    """Return lines for a person about needed columns that are often blank."""
    lines = [line for sample in samples[:FILES_WITH_VALUES] for line in _lines(sample, columns)]
    blanks = {field: sum(not line[field] for line in lines) for field in NEEDED}
    return [
        f"  caution: {count:,} of {len(lines):,} lines looked at have no {field} in {columns[field]!r}: such lines are "
        "malformed and count nowhere. Is it another column, or is it only in the first line of an order?"
        for field, count in blanks.items()
        if count > BLANK_SHARE * len(lines)
    ]


def share(pattern: str, values: Sequence[str]) -> float:
    """Return the share of values that match a pattern at their beginning; 1 if there are no values."""
    return sum(bool(re.match(pattern, value)) for value in values) / len(values) if values else 1.0


def _lines(sample: Sample, columns: Mapping[str, str]) -> Iterator[Mapping[str, str]]:
    """Yield the values of each line by field; wholly blank lines, as workbooks have, are skipped."""
    taken = sample.values(list(columns.values()))
    for values in zip(*(taken[column] for column in columns.values()), strict=True):
        line = {field: value.strip() for field, value in zip(columns, values, strict=True)}
        if any(line.values()):
            yield line


def _suggest_sales(values: Sequence[str], prefixes: tuple[str, ...]) -> Iterator[Suggestion]:
    """Suggest which invoices are sales; those with one of `prefixes` are cancellations."""
    invoices = [value for value in values if not value.upper().startswith(prefixes)]
    others = {value for value in invoices if not re.match(SALE, value)}
    key = "cleaning.sale_invoice_pattern"
    if share(SALE, invoices) < MOSTLY:
        yield Suggestion(key, ANY, "invoices begin with letters too: each is a sale")
    elif others:
        reason = (
            f"{len(others):,} of {len(set(invoices)):,} invoices looked at begin otherwise, with "
            f"{_beginnings(others)}: they are adjustments, no sales"
        )
        yield Suggestion(key, SALE, reason, alternative=ANY)


def _beginnings(invoices: set[str]) -> str:
    """Return the first characters of the invoices, a few if there are many."""
    first = sorted({invoice[0] for invoice in invoices})
    more = " and others" if len(first) > MOST_BEGINNINGS else ""
    return ", ".join(first[:MOST_BEGINNINGS]) + more


def _suggest_no_cancellations(
    samples: Sequence[Sample], columns: Mapping[str, str], prefixes: tuple[str, ...]
) -> Iterator[Suggestion]:
    """Suggest that no invoice is a cancellation if some have a prefix of one, and none of these a negative quantity."""
    quantities: list[str] = []
    for sample in samples[:FILES_WITH_VALUES]:
        taken = sample.values([columns[s.INVOICE_NO], columns[s.QUANTITY]])
        lines = zip(taken[columns[s.INVOICE_NO]], taken[columns[s.QUANTITY]], strict=False)
        quantities += [quantity for invoice, quantity in lines if invoice.strip().upper().startswith(prefixes)]
    if quantities and not any(quantity.strip().startswith("-") for quantity in quantities):
        reason = f"invoices that begin with {' or '.join(prefixes)} sell like others: none is a cancellation"
        yield Suggestion("cleaning.switched_off", [CANCELLATION_RULE], reason)


def _suggest_guests(column: str, values: Sequence[str], missing: Sequence[str]) -> Iterator[Suggestion]:
    """Suggest the value that means a guest in a program's export, if it is not among the configured ones."""
    guest = GUESTS.get(normal(column))
    if guest is not None and guest in values and guest not in missing:
        reason = f"{guest} in {column!r} is a guest"
        yield Suggestion("cleaning.missing_customer_ids", [*missing, guest], reason)


def _unusual_delimiter(samples: Sequence[Sample], columns: Mapping[str, str]) -> str | None:
    """Return the delimiter that splits a header into the columns, if no usual one does."""
    for sample in samples:
        fitting = [delimiter for delimiter, names in sample.delimited.items() if set(columns.values()) <= set(names)]
        if fitting and not set(fitting) & set(DELIMITERS):
            return fitting[0]
    return None
