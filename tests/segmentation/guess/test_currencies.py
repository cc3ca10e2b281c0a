"""Currencies are known by their sign or code, wherever it stands."""

import doctest

import pytest

from segmentation.guess import currencies
from segmentation.guess.currencies import currencies_in


def test_the_examples_of_the_module_hold():
    assert doctest.testmod(currencies).failed == 0


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        (["$1", "US$ 1", "1 USD"], {"USD": 3}),
        (["S$1", "HK$1", "HK$2"], {"HKD": 2, "SGD": 1}),
        (["1 kr.", "1 zł", "￡1", "2.50", ""], {"KR": 1, "PLN": 1, "GBP": 1}),
    ],
)
def test_money_is_counted_by_currency(texts: list[str], found: dict[str, int]):
    assert currencies_in(texts) == found
