"""What the generated shop sells and where its customers live. Plain Python, the same on every run.

The catalogue does not depend on the generator's seed: a stock code has one description and price in all data sets.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

# The real data set has 4,070 stock codes.
PRODUCTS: Final = 4_000

_COLOURS: Final = (
    "WHITE", "CREAM", "RED", "PINK", "BLUE", "GREEN", "IVORY", "BLACK", "SILVER", "GOLD", "ANTIQUE", "LILAC",
)  # fmt: skip
_STYLES: Final = (
    "HANGING", "RETROSPOT", "VINTAGE", "REGENCY", "JUMBO", "WOODEN", "METAL", "GLASS", "ENAMEL", "PAISLEY", "POLKADOT",
    "WOODLAND", "SPACEBOY", "STRAWBERRY", "DOLLY GIRL", "CHRISTMAS", "ROSE", "HEART", "BIRD", "GINGHAM", "FELTCRAFT",
    "ZINC", "CERAMIC", "TRADITIONAL", "PANTRY", "BAROQUE", "ALPHABET", "EMPIRE", "PARISIENNE", "SKULL",
)  # fmt: skip
_THINGS: Final = (
    "T-LIGHT HOLDER", "LUNCH BAG", "CAKESTAND 3 TIER", "BUNTING", "BIRD ORNAMENT", "STORAGE BAG", "MUG", "CAKE TIN",
    "DOORMAT", "ALARM CLOCK", "CANDLES, PACK OF 6", "NAPKINS, 20 PIECES", "NOTEBOOK", "FRAME", "MIRROR", "DRAWER KNOB",
    "WICKER BASKET", "TEA TOWEL", "JAM JAR SET, 3 SIZES", "WRAPPING PAPER", "GIFT TAGS", "CHILDRENS CUTLERY", "BOWL",
    "CUSHION COVER", "DOORSTOP", "WATER BOTTLE", "UMBRELLA", "KEY RING", "NECKLACE", "PLAYING CARDS", "SEWING KIT",
    "GARLAND", "TRINKET BOX", "PHOTO ALBUM", "SOAP DISH", "LETTER RACK", "TEAPOT", "EGG CUPS", "HOT WATER BOTTLE",
    "SIGN",
)  # fmt: skip

# List prices in pence, the commonest of the real shop, and their weights.
_PRICES: Final = {
    29: 4, 39: 4, 42: 7, 55: 4, 65: 5, 85: 11, 125: 13, 145: 5, 165: 11, 195: 9, 210: 8, 255: 7, 295: 10, 375: 7,
    425: 5, 495: 5, 595: 4, 650: 2, 795: 4, 850: 2, 995: 3, 1275: 2, 1495: 1, 1695: 1, 2495: 1,
}  # fmt: skip

# Lines that are not merchandise, by popularity rank.
_CHARGES: Final = {
    40: ("POST", "POSTAGE", 1800),
    150: ("DOT", "DOTCOM POSTAGE", 2450),
    220: ("M", "Manual", 125),
    900: ("C2", "CARRIAGE", 5000),
    2500: ("BANK CHARGES", "Bank Charges", 1500),
}

# A product at this price or less, in pence, fits any order's budget.
BARGAIN_PENCE: Final = 85


@dataclass(frozen=True)
class Product:
    stock_code: str
    description: str
    pence: int


def _catalogue() -> tuple[Product, ...]:
    draws = random.Random("online retail")
    names = draws.sample([f"{style} {thing}" for style in _STYLES for thing in _THINGS], 1_200)
    numbers = draws.sample(range(20_600, 24_000), 900) + draws.sample(range(84_000, 85_200), 300)
    merchandise: list[tuple[str, str]] = []
    for name, number in zip(names, numbers, strict=True):
        # A third of the products come in colours: one number with a letter for each colour.
        if draws.random() < 1 / 3:
            colours = draws.sample(_COLOURS, draws.randint(4, len(_COLOURS)))
            merchandise += [
                (f"{number}{letter}", f"{colour} {name}")
                for letter, colour in zip("ABCDEFGHJKLM", colours, strict=False)
            ]
        else:
            merchandise.append((str(number), name))
    draws.shuffle(merchandise)
    prices = iter(draws.choices(list(_PRICES), list(_PRICES.values()), k=PRODUCTS))
    ranked = iter(merchandise)
    return tuple(
        Product(*_CHARGES[rank]) if rank in _CHARGES else Product(*next(ranked), next(prices))
        for rank in range(PRODUCTS)
    )


# Most popular first.
CATALOGUE: Final = _catalogue()

# Popularity ranks of the bargains, most popular first.
BARGAINS: Final = tuple(rank for rank, product in enumerate(CATALOGUE) if product.pence <= BARGAIN_PENCE)

# Customers by country, as in the real data set (there, Hong Kong has guests only; here one customer has an id).
HOME_COUNTRY: Final = "United Kingdom"
CUSTOMERS_BY_COUNTRY: Final = {
    HOME_COUNTRY: 3950, "Germany": 95, "France": 87, "Spain": 31, "Belgium": 25, "Switzerland": 21, "Portugal": 19,
    "Italy": 15, "Finland": 12, "Austria": 11, "Norway": 10, "Netherlands": 9, "Australia": 9, "Denmark": 9,
    "Channel Islands": 9, "Cyprus": 8, "Sweden": 8, "Japan": 8, "Poland": 6, "USA": 4, "Greece": 4, "Canada": 4,
    "Unspecified": 4, "Israel": 4, "EIRE": 3, "United Arab Emirates": 2, "Bahrain": 2, "Malta": 2, "Lebanon": 1,
    "Singapore": 1, "RSA": 1, "Iceland": 1, "Lithuania": 1, "Brazil": 1, "Saudi Arabia": 1, "Czech Republic": 1,
    "European Community": 1, "Hong Kong": 1,
}  # fmt: skip

COUNTRIES: Final = tuple(CUSTOMERS_BY_COUNTRY)

# One entry per customer, an index into COUNTRIES: drawing an entry evenly draws a country by its share.
COUNTRY_WHEEL: Final = tuple(
    index for index, customers in enumerate(CUSTOMERS_BY_COUNTRY.values()) for _ in range(customers)
)
# The same without the home country, whose index is 0.
FOREIGN_WHEEL: Final = tuple(index for index in COUNTRY_WHEEL if index > 0)
