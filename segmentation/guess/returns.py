"""Find out how a file writes returns: by invoice prefix, by a negative quantity, or in a column of types."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from segmentation import schemas as s
from segmentation.config.settings import CleaningSettings
from segmentation.errors import counted
from segmentation.guess.no_sales import is_about_another, plain_word
from segmentation.guess.numbers import is_negative
from segmentation.guess.samples import FILES_WITH_VALUES, MOST_COLUMNS, Line, Sample
from segmentation.guess.synonyms import normal

# A column of types has few different words; one of names or dates has many.
MOST_TYPES = 12
# Of more lines, refunds are not the exception: the words mean something else.
LARGEST_REFUND_SHARE = 0.5
# Next to these, a word such as credit is a way to pay.
PAYMENTS = frozenset(
    {"cash", "card", "debit", "paypal", "visa", "mastercard", "cheque", "check", "voucher", "transfer", "prepaid"}
    | {"bank transfer", "wire transfer", "amex", "american express", "maestro", "discover", "klarna", "gift card"}
    | {"credit card", "debit card", "apple pay", "google pay", "cash on delivery", "girocard", "ideal", "stripe"}
)
# In a column of this name, credit is a way to pay under any circumstances.
PAYMENT_NAMES = ("payment", "card", "tender", "paid", "zahl", "paiement", "pago", "betaal")
CREDIT = "credit"
PREFIX = re.compile(r"[^\W\d_]+")
# How surely a column of this name holds the type of a line, the surest first.
TYPE_NAMES = ("type", "kind", "status", "state")


@dataclass(frozen=True)
class ReturnSigns:
    """What the sampled lines show: how many of them look like returns by each sign, and where types are.

    `prefixes` are beginnings of invoice numbers, beyond the configured ones, whose lines give money back. `type_column`
    is the column of types, `type_words` its words for a refund with their lines, `other_columns` more such columns.
    """

    lines: int
    with_prefix: int
    negative: int
    prefixes: Sequence[str]
    type_column: str | None
    type_words: Mapping[str, int]
    other_columns: Sequence[str]


def signs_of_returns(
    samples: Sequence[Sample], columns: Mapping[str, str], cleaning: CleaningSettings, may_have_types: bool = True
) -> ReturnSigns:
    """Look at sampled lines for every way to write a return; `may_have_types` is whether to look for types."""
    lines = list(_lines(samples, columns))
    configured = tuple(prefix.upper() for prefix in cleaning.cancellation_prefixes)
    negative_by_prefix = {
        prefix: [is_money_back(line, columns) for line in of_prefix]
        for prefix, of_prefix in lines_by_kind(lines, columns).items()
    }
    has_sales = any(not all(signs) for signs in negative_by_prefix.values())
    prefixes = [
        prefix
        for prefix, signs in sorted(negative_by_prefix.items())
        if prefix and not prefix.startswith(configured) and all(signs) and has_sales
    ]
    returning = (*configured, *prefixes)
    with_prefix = sum(
        sum(signs) for prefix, signs in negative_by_prefix.items() if prefix and prefix.startswith(returning)
    )
    negative = sum(sum(signs) for signs in negative_by_prefix.values()) - with_prefix
    names = samples[0].names if may_have_types else ()
    types = _type_columns(lines, names, columns, cleaning)
    column = next(iter(types), None)
    others = [name for name in types if name != column]
    return ReturnSigns(len(lines), with_prefix, negative, prefixes, column, types.get(column or "", {}), others)


def in_words(signs: ReturnSigns) -> str:
    """Return how many of the lines looked at are returns by each sign."""
    parts = []
    if signs.with_prefix:
        parts.append(f"{counted(signs.with_prefix, 'line')} of invoices with a prefix")
    if signs.negative:
        parts.append(f"{signs.negative:,} with a negative quantity or amount")
    for word, count in signs.type_words.items():
        parts.append(f"{count:,} with {word!r} in {signs.type_column!r}")
    seen = f"of {counted(signs.lines, 'line')} looked at: {', '.join(parts)}"
    if signs.other_columns:
        seen += f"; {', '.join(map(repr, signs.other_columns))} has such words too, and is not read"
    return seen


def lines_by_kind(lines: Iterable[Line], columns: Mapping[str, str]) -> dict[str, list[Line]]:
    """Return the lines by the letters that their invoice number begins with, in capitals; empty for a number."""
    kinds: defaultdict[str, list[Line]] = defaultdict(list)
    for line in lines:
        beginning = PREFIX.match(_value(line, columns.get(s.INVOICE_NO)).upper())
        kinds[beginning[0] if beginning else ""].append(line)
    return dict(kinds)


def is_money_back(line: Line, columns: Mapping[str, str]) -> bool:
    """Return whether a line has a negative quantity or amount."""
    return any(is_negative(_value(line, columns.get(field))) for field in (s.QUANTITY, s.AMOUNT))


def _type_columns(
    lines: Sequence[Line], names: Sequence[str], columns: Mapping[str, str], cleaning: CleaningSettings
) -> dict[str, dict[str, int]]:
    """Return the columns with few different words, some of which mean a refund, the surest first: each with those.

    A column of statuses is none: its words, such as cancelled, say how the order of a sale ended.
    """
    refunds = {plain_word(word) for word in cleaning.return_types}
    statuses = {plain_word(word) for word in cleaning.no_sale_statuses}
    found: dict[str, dict[str, int]] = {}
    of_lines = [name for name in names if name and name not in columns.values() and not is_about_another(name)]
    for name in of_lines[:MOST_COLUMNS]:
        counts = Counter(text for line in lines if (text := _value(line, name)))
        meant = refunds - {CREDIT} if any(word in normal(name) for word in PAYMENT_NAMES) else refunds
        meaning = {text: count for text, count in counts.items() if plain_word(text) in meant}
        is_payment = any(plain_word(text) in PAYMENTS for text in counts)
        is_type = any(word in normal(name) for word in TYPE_NAMES[:2])
        if not is_type and all(plain_word(text) in statuses for text in meaning):
            continue
        share = sum(meaning.values()) / max(1, len(lines))
        if meaning and len(counts) <= MOST_TYPES and share <= LARGEST_REFUND_SHARE and not is_payment:
            found[name] = dict(sorted(meaning.items()))

    def surety(name: str) -> tuple[int, int]:
        plain = normal(name)
        rank = next((rank for rank, word in enumerate(TYPE_NAMES) if word in plain), len(TYPE_NAMES))
        return rank, -sum(found[name].values())

    return {name: found[name] for name in sorted(found, key=surety)}


def _value(line: Line, column: str | None) -> str:
    return line.get(column, "").strip() if column is not None else ""


def _lines(samples: Sequence[Sample], columns: Mapping[str, str]) -> Iterator[Line]:
    for sample in samples[:FILES_WITH_VALUES]:
        wanted = dict.fromkeys([*columns.values(), *[name for name in sample.names if name][:MOST_COLUMNS]])
        yield from sample.lines(list(wanted))
