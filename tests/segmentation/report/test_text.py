"""Numbers and texts read as people write them."""

import doctest
from decimal import Decimal

import pytest

from segmentation.report import text


def test_every_example_in_a_docstring_holds():
    result = doctest.testmod(text)
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize(
    ("value", "expected"),
    [("1743839.8500", "£1,743,840"), ("99.996", "£100"), ("99.99", "£99.99"), ("-0.5", "−£0.50"), ("0", "£0")],
)
def test_money_has_thousands_and_pence_only_below_a_hundred(value: str, expected: str):
    assert text.money(Decimal(value), "£") == expected
