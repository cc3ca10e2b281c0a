"""Find out in which currencies money is written. Plain Python."""

import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable

from segmentation.guess.numbers import CURRENCY, as_plain_text, with_marked_signs
from segmentation.ingest.values import CURRENCY_SIGNS

# What is written before money, by the currency's code (ISO 4217); other codes are written as they are.
WRITTEN = {"gbp": "£", "usd": "$", "eur": "€", "inr": "₹", "jpy": "¥", "brl": "R$", "cad": "C$", "aud": "A$"}
# Currencies by what is written for them. A dollar alone is that of the United States; letters before it say another.
# fmt: off
OF_SIGNS = {
    **CURRENCY_SIGNS,
    "us$": "USD", "r$": "BRL", "c$": "CAD", "ca$": "CAD", "a$": "AUD", "au$": "AUD", "nz$": "NZD", "hk$": "HKD",
    "nt$": "TWD", "s$": "SGD", "rmb": "CNY", "fr": "CHF", "sfr": "CHF", "rs": "INR", "zł": "PLN", "kč": "CZK",
    "ft": "HUF", "lei": "RON",
}
# fmt: on
LONGEST_CODE = 10


def currency_of(text: str) -> str | None:
    """Return the currency in a text of money or of a code; None where it names none, or nothing but a number.

    >>> [currency_of(text) for text in ("R$ 12,50", "€2.55", "2.55 eur", "$1", "US$1", "2.55")]
    ['BRL', 'EUR', 'EUR', 'USD', 'USD', None]
    """
    plain = unicodedata.normalize("NFKC", as_plain_text(text))
    if plain.replace(".", "").isdecimal():
        return None
    found = CURRENCY.search(with_marked_signs(plain))
    if found is None:
        return None
    written = plain[found.start() : found.end()].rstrip(".").lower()
    return OF_SIGNS.get(written, written.upper())


def currencies_in(texts: Iterable[str]) -> dict[str, int]:
    """Return the currencies that money is written in, the commonest first, each with its lines."""
    counts = Counter(texts)
    found: Counter[str] = Counter()
    for text, count in counts.items():
        if (currency := currency_of(text)) is not None:
            found[currency] += count
    return dict(found.most_common())


def joined_codes(codes: Collection[tuple[str, int]]) -> dict[str, int]:
    """Return the codes of a column of currencies; a sign counts as the code where the column has that code too.

    >>> joined_codes([("EUR", 5), ("€", 2), ("points", 1)])
    {'EUR': 7, 'POINTS': 1}
    """
    upper = {code.upper() for code, _ in codes}
    joined: Counter[str] = Counter()
    for code, count in codes:
        known = OF_SIGNS.get(code.lower())
        joined[known if known in upper and known is not None else code.upper()] += count
    return dict(joined.most_common())


def sign_before(code: str) -> str:
    """Return what is written before money: a sign, or the code.

    >>> sign_before("gbp"), sign_before("pln"), sign_before("€")
    ('£', 'PLN ', '€')
    """
    return WRITTEN.get(code.lower(), code if code in CURRENCY_SIGNS else f"{code.upper()[:LONGEST_CODE]} ")
