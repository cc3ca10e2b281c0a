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

# The share of invoices or stock codes that must match a pattern for it to be assumed.
MOSTLY = 0.9
SALE, GOODS, ANY = "^[0-9]", "^[0-9]{5}", "^."
CANCELLATION_RULE = "cancellation"
CURRENCIES = {"gbp": "£", "usd": "$", "eur": "€", "chf": "CHF ", "inr": "₹"}
# The value that means a guest in a column of that name: WooCommerce's.
GUESTS = {"customeruserid": "0"}
MOST_BEGINNINGS = 3


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
    ]
    customer, missing = columns[s.CUSTOMER_ID], cleaning.missing_customer_ids
    guest = GUESTS.get(normal(customer))
    if guest in values[s.CUSTOMER_ID] and guest not in missing:
        suggestions.append(
            Suggestion("cleaning.missing_customer_ids", [*missing, guest], f"{guest} in {customer!r} is a guest")
        )
    if share(GOODS, values[s.STOCK_CODE]) < MOSTLY:
        reason = "stock codes do not all begin with five digits: all are goods"
        suggestions.append(Suggestion("rollups.merchandise_pattern", ANY, reason))
    price = columns[s.UNIT_PRICE]
    currency = next((CURRENCIES[word] for word in words_of(price) if word in CURRENCIES), None)
    if currency:
        suggestions.append(Suggestion("charts.currency", currency, f"from the name of {price!r}"))
    return suggestions


def share(pattern: str, values: Sequence[str]) -> float:
    """Return the share of values that match a pattern at their beginning; 1 if there are no values."""
    return sum(bool(re.match(pattern, value)) for value in values) / len(values) if values else 1.0


def _suggest_sales(values: Sequence[str], prefixes: tuple[str, ...]) -> Iterator[Suggestion]:
    """Suggest which invoices are sales; those with one of `prefixes` are cancellations."""
    invoices = [value for value in values if not value.upper().startswith(prefixes)]
    others = {value for value in invoices if not re.match(SALE, value)}
    key = "cleaning.sale_invoice_pattern"
    if share(SALE, invoices) < MOSTLY:
        yield Suggestion(key, ANY, "invoices begin with letters too: each is a sale")
    elif others:
        beginnings = ", ".join(sorted({invoice[0] for invoice in others})[:MOST_BEGINNINGS])
        reason = (
            f"{len(others):,} of {len(set(invoices)):,} invoices looked at begin otherwise, for example with "
            f"{beginnings}: they are adjustments, no sales"
        )
        yield Suggestion(key, SALE, reason, alternative=ANY)


def _suggest_no_cancellations(
    samples: Sequence[Sample], columns: Mapping[str, str], prefixes: tuple[str, ...]
) -> Iterator[Suggestion]:
    """Suggest that no invoice is a cancellation if some have a prefix of one, and none of these a negative quantity."""
    invoice, quantity = columns[s.INVOICE_NO], columns[s.QUANTITY]
    quantities = [
        line.get(quantity, "").strip()
        for sample in samples[:FILES_WITH_VALUES]
        for line in sample.lines([invoice, quantity])
        if line.get(invoice, "").strip().upper().startswith(prefixes)
    ]
    if quantities and not any(text.startswith("-") for text in quantities):
        reason = f"invoices that begin with {' or '.join(prefixes)} sell like others: none is a cancellation"
        yield Suggestion("cleaning.switched_off", [CANCELLATION_RULE], reason)
