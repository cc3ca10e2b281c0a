"""Find columns that say a line is no plain sale: how its order stands, a test, another currency. Plain Python."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from segmentation.errors import counted, shortened
from segmentation.guess.currencies import joined_codes
from segmentation.guess.samples import Line
from segmentation.guess.synonyms import normal, words_of
from segmentation.ingest.values import WORD_GAP

# A column of statuses has few different words.
MOST_WORDS = 20
# Of more lines, the words mean something else, as pending before a parcel is sent.
LARGEST_SHARE = 0.5
# How surely a column of this name says how an order stands, the surest first; and of a parcel, it does not.
STATUS_NAMES = (
    "financialstatus",
    "paymentstatus",
    "orderstatus",
    "status",
    "state",
    "zustand",
    "statut",
    "estado",
    "stato",
)
PARCELS = ("fulfil", "ship", "deliver", "versand", "liefer", "livraison", "envio", "spedizione")
# These say it under any name.
SURE = re.compile("(wc )?(cancel|void|storn|annul|anul|geannul)")
# Words for what a column is about, where it is not about a line or its order; by how they begin.
OTHERS = (
    *("subscri", "member", "customer", "client", "shopper", "user", "mail", "email", "marketing", "newsletter"),
    *("review", "account", "product", "article", "stock", "inventory", "loyalty", "contact", "kunde", "konto", "abo"),
    *("artikel", "produkt", "cliente", "klant", "produit", "producto", "prodotto"),
)
OF_ORDERS = frozenset({"order", "orders", "invoice", "sale", "sales", "transaction", "receipt", "line", "accounting"})
# Flags such as Is Cancelled and Returned: one of these words, and at most words that say no more.
FLAG_WORDS = frozenset(
    {"cancelled", "canceled", "cancel", "cancellation", "void", "voided", "refunded", "refund", "returned", "return"}
    | {"reversed", "failed", "deleted", "storniert", "storno", "annule", "annulee", "annullato", "anulado", "cancelado"}
    | {"geannuleerd", "retourniert", "retour", "rembourse", "reembolsado", "rimborsato"}
)
FILLERS = frozenset({"is", "was", "has", "been", "order", "item", "line", "transaction", "sale", "receipt", "invoice"})
FILLERS |= {"flag", "yn", "indicator", "ind"}
MOMENTS = frozenset({"at", "on", "date", "time", "timestamp", "datetime", "utc", "am", "datum", "le"})
TESTS = frozenset(
    {"test", "istest", "testorder", "istestorder", "testmode", "sandbox", "istestmode", "testtransaction"}
)
TRUE = frozenset({"true", "1", "yes", "y", "t", "x", "ja", "oui", "si", "s\u00ed", "vrai", "wahr"})
FALSE = frozenset({"false", "0", "no", "n", "f", "nein", "nee", "non", "faux", "falsch"})
CURRENCY_COLUMNS = frozenset(
    {"currency", "currencycode", "curr", "ccy", "waehrung", "wahrung", "devise", "monnaie", "valuta", "moneda"}
    | {"divisa", "waerk", "ordercurrencycode"}
    | {"ordercurrency", "transactioncurrency", "paymentcurrency", "invoicecurrency", "pricecurrency", "salecurrency"}
    | {"originalcurrency", "presentmentcurrency", "currencyiso", "currencyisocode", "waers"}
)


@dataclass(frozen=True)
class Marks:
    """Columns that say of a line that it is no plain sale, the surest first, each with its words and their lines.

    `statuses` have words for orders without a sale; `tests`, and other flags such as Is Cancelled, for true.
    `currencies` has all codes.
    """

    statuses: Mapping[str, Mapping[str, int]]
    tests: Mapping[str, Mapping[str, int]]
    currencies: Mapping[str, Mapping[str, int]]


def marks_of_no_sale(lines: Sequence[Line], names: Sequence[str], words: Iterable[str]) -> Marks:
    """Return the columns among `names` that mark lines as no plain sale; `words` are those of a status."""
    meanings = {plain_word(word) for word in words}
    currencies = codes_by_column(lines, names)
    statuses, tests = {}, {}
    for name in [name for name in names if name not in currencies]:
        counts = _counts(lines, name)
        if is_flag(name) and {text.lower() for text in counts} <= TRUE | FALSE:
            true = {text: count for text, count in counts.items() if text.lower() in TRUE}
            if true and (normal(name) in TESTS or sum(true.values()) <= LARGEST_SHARE * len(lines)):
                tests[name] = true
        elif len(counts) <= MOST_WORDS:
            found = {text: count for text, count in sorted(counts.items()) if plain_word(text) in meanings}
            if _is_status(name, found) and sum(found.values()) <= LARGEST_SHARE * len(lines):
                statuses[name] = found
    return Marks({name: statuses[name] for name in sorted(statuses, key=_surety)}, tests, currencies)


def codes_by_column(lines: Sequence[Line], names: Iterable[str]) -> dict[str, dict[str, int]]:
    """Return the columns of currencies among `names`, each with its codes and their lines."""
    return {name: joined_codes(_counts(lines, name).items()) for name in names if is_currency(name)}


def is_currency(name: str) -> bool:
    """Return whether a column has the currencies of lines, by its name."""
    return normal(name) in CURRENCY_COLUMNS


def codes_in_words(codes: Mapping[str, int]) -> str:
    """Return the commonest codes with their lines.

    >>> codes_in_words({"GBP": 1200, "EUR": 3})
    'GBP (1,200 lines), EUR (3 lines)'
    """
    return shortened([f"{code[:10]} ({counted(count, 'line')})" for code, count in codes.items()])


def is_about_another(name: str) -> bool:
    """Return whether a column is about a person or a product, and not about a line or its order.

    >>> is_about_another("Subscription Status"), is_about_another("Order Status"), is_about_another("account_status")
    (True, False, True)
    """
    words = words_of(name)
    return not OF_ORDERS.intersection(words) and any(word.startswith(OTHERS) for word in words)


def is_flag(name: str) -> bool:
    """Return whether a column says by true or false that a line is no sale.

    >>> [is_flag(name) for name in ("Is Cancelled", "Returned", "Test order", "Return reason", "Cancelled at")]
    [True, True, True, False, False]
    """
    words = {*words_of(name)} - FILLERS
    return normal(name) in TESTS or (bool(words) and words <= FLAG_WORDS)


def is_moment(name: str) -> bool:
    """Return whether a column says when a line ceased to be a sale: `Cancelled at`, `Refund date`."""
    words = {*words_of(name)} - FILLERS
    return bool(words & FLAG_WORDS) and bool(words & MOMENTS) and words <= FLAG_WORDS | MOMENTS


def plain_word(text: str) -> str:
    return re.sub(WORD_GAP, " ", text).strip().lower()


def _counts(lines: Iterable[Line], name: str) -> Counter[str]:
    """Return the values in a column, each with its lines."""
    return Counter(text for line in lines if (text := line.get(name, "").strip()))


def _is_status(name: str, found: Mapping[str, int]) -> bool:
    if is_about_another(name):
        return False
    if any(SURE.match(plain_word(word)) for word in found):
        return True
    plain = normal(name)
    return bool(found) and any(word in plain for word in STATUS_NAMES) and not any(word in plain for word in PARCELS)


def _surety(name: str) -> int:
    plain = normal(name)
    rank = next((rank for rank, word in enumerate(STATUS_NAMES) if word in plain), len(STATUS_NAMES))
    return rank + len(STATUS_NAMES) * any(word in plain for word in PARCELS)
