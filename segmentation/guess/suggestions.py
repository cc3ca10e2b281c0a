"""Suggest settings of a configuration from sampled values, apart from columns and dates, each with the reason."""

import re
import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from segmentation import schemas as s
from segmentation.config.files import flow
from segmentation.config.settings import CleaningSettings
from segmentation.guess.currencies import WRITTEN, currencies_in, sign_before
from segmentation.guess.no_sales import Marks, codes_in_words, marks_of_no_sale
from segmentation.guess.returns import in_words, is_money_back, lines_by_kind, signs_of_returns
from segmentation.guess.samples import Sample, Values, lines_of, unread_columns
from segmentation.guess.synonyms import normal, words_of

# The share of invoices or stock codes that must match a pattern for it to be assumed.
MOSTLY = 0.9
SALE, GOODS, ANY = "^[0-9]", "^[0-9]{5}", "^."
CANCELLATION_RULE = "cancellation"
# Codes that a name such as price_chf may have among its words; an unknown word of three letters may be anything.
CODES = frozenset({*WRITTEN, "chf", "nzd", "sek", "nok", "dkk", "pln", "czk", "huf", "mxn"})
# The value that means a guest in a column of that name: WooCommerce's.
GUESTS = {"customeruserid": "0"}
MOST_BEGINNINGS = 3


@dataclass(frozen=True)
class Suggestion:
    """A key of the configuration with the suggested value and the reason.

    `alternative` is the value to set if the suggestion is wrong, where a reader can see that. `words` are those in the
    suggested column that keep lines from being sales.
    """

    key: str
    value: Any
    reason: str
    alternative: Any = None
    words: Collection[str] = ()

    @property
    def lines(self) -> list[str]:
        """The suggestion in lines for a person."""
        lines = [f"  {self.key}: {flow(self.value)} ({self.reason})"]
        if self.alternative is not None:
            lines.append(f"    wrong? --set {shlex.quote(f'{self.key}={flow(self.alternative)}')}")
        return lines


def suggest_settings(
    samples: Sequence[Sample],
    columns: Mapping[str, str],
    values: Values,
    cleaning: CleaningSettings,
    may_have_types: bool = True,
) -> list[Suggestion]:
    """Return the settings that differ from the defaults, or are worth a look.

    `columns` maps fields to columns, `values` fields to sampled values. `cleaning` are the settings without a guess;
    `may_have_types` is whether to look for a column with the type of a line.
    """
    prefixes = tuple(prefix.upper() for prefix in cleaning.cancellation_prefixes)
    suggestions = [
        *_suggest_sales(values.get(s.INVOICE_NO, ()), prefixes),
        *_suggest_no_cancellations(samples, columns, prefixes),
        *_suggest_returns(samples, columns, cleaning, may_have_types),
    ]
    customer, missing = columns[s.CUSTOMER_ID], cleaning.missing_customer_ids
    guest = GUESTS.get(normal(customer))
    if guest in values.get(s.CUSTOMER_ID, ()) and guest not in missing:
        suggestions.append(
            Suggestion("cleaning.missing_customer_ids", [*missing, guest], f"{guest} in {customer!r} is a guest")
        )
    if share(GOODS, values.get(s.STOCK_CODE, ())) < MOSTLY:
        reason = "stock codes do not all begin with five digits: all are goods"
        suggestions.append(Suggestion("rollups.merchandise_pattern", ANY, reason))
    type_column = next((found.value for found in suggestions if found.key == f"input.columns.{s.LINE_TYPE}"), None)
    marks = marks_in(samples, [*columns.values(), type_column], cleaning)
    suggestions += _suggest_statuses(marks, cleaning)
    suggestions += _suggest_currency(marks, columns, values, cleaning)
    return suggestions


def marks_in(samples: Sequence[Sample], columns: Collection[str | None], cleaning: CleaningSettings) -> Marks:
    """Return which of the columns that all samples have, and that are not in `columns`, mark lines as no sale."""
    names = unread_columns(samples, columns)
    return marks_of_no_sale(list(lines_of(samples, names)), names, cleaning.no_sale_statuses)


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
    """Suggest that no invoice is a cancellation if some have a prefix of one, and most lines of a kind sell.

    Of invoices C17 and CH-17, the letters C and CH are two kinds. What is negative remains a return by its quantity.
    """
    if s.INVOICE_NO not in columns:
        return
    selling = [
        kind
        for kind, lines in lines_by_kind(lines_of(samples, [*columns.values()]), columns).items()
        if kind.startswith(prefixes) and 2 * sum(is_money_back(line, columns) for line in lines) <= len(lines)
    ]
    if selling:
        reason = f"invoices that begin with {' or '.join(selling)} sell like others: none is a cancellation"
        yield Suggestion("cleaning.switched_off", [CANCELLATION_RULE], reason)


def _suggest_returns(
    samples: Sequence[Sample], columns: Mapping[str, str], cleaning: CleaningSettings, may_have_types: bool
) -> Iterator[Suggestion]:
    """Suggest the ways in which the file writes returns, where it has any."""
    signs = signs_of_returns(samples, columns, cleaning, may_have_types)
    if signs.prefixes:
        prefixes = [*cleaning.cancellation_prefixes, *signs.prefixes]
        reason = f"all invoices that begin with {' or '.join(signs.prefixes)} give money back"
        yield Suggestion("cleaning.cancellation_prefixes", prefixes, reason)
    if signs.type_column is not None:
        reason = "it says which lines are refunds"
        words = [*signs.type_words]
        yield Suggestion(f"input.columns.{s.LINE_TYPE}", signs.type_column, reason, words=words)
    if signs.with_prefix or signs.negative or signs.type_column:
        returns = [*cleaning.returns, *(["type"] if signs.type_column is not None else [])]
        yield Suggestion("cleaning.returns", returns, in_words(signs))


def _suggest_statuses(marks: Marks, cleaning: CleaningSettings) -> Iterator[Suggestion]:
    """Suggest the column that says how an order stands, or that it is none, as a test; name other such columns."""
    key = f"input.columns.{s.LINE_STATUS}"
    columns = [*marks.statuses, *marks.tests]
    if not columns:
        return
    column = columns[0]
    words = {**marks.statuses, **marks.tests}[column]
    seen = ", ".join(f"{count:,} with {word!r}" for word, count in words.items())
    others = f"; {', '.join(map(repr, columns[1:]))} has such words too, and is not read" if columns[1:] else ""
    reason = f"lines that are neither sale nor return, of those looked at: {seen}{others}"
    yield Suggestion(key, column, reason, words=[*words])
    if column in marks.tests:
        yield Suggestion("cleaning.no_sale_statuses", list(words), f"what marks them in {column!r}")


def _suggest_currency(
    marks: Marks, columns: Mapping[str, str], values: Values, cleaning: CleaningSettings
) -> Iterator[Suggestion]:
    """Suggest the currency by a column of currencies with one code, the name of the money, or signs in its values."""
    key = "charts.currency"
    if cleaning.currency is not None:
        yield Suggestion(key, sign_before(cleaning.currency), "the one that counts")
        return
    for column, codes in list(marks.currencies.items())[:1]:
        if len(codes) == 1:
            code = next(iter(codes))
            yield Suggestion(key, sign_before(code), f"the only one in {column!r}")
            yield Suggestion(f"input.columns.{s.CURRENCY}", column, "a line of another currency is an adjustment")
            yield Suggestion("cleaning.currency", code, f"the only one in {column!r}")
            return
        if codes:
            reason = f"{column!r} has {codes_in_words(codes)}: their money is added up as it is"
            yield Suggestion(key, "", reason)
            return
    money = columns.get(s.AMOUNT) or columns[s.UNIT_PRICE]
    named = [word for word in words_of(money) if word in CODES] + [*currencies_in([money])]
    if named:
        yield Suggestion(key, sign_before(named[0]), f"from the name of {money!r}")
        return
    texts = values.get(s.AMOUNT) or values.get(s.UNIT_PRICE, ())
    written = [*currencies_in(texts)]
    if len(written) == 1:
        yield Suggestion(key, sign_before(written[0]), f"written in {money!r}")
