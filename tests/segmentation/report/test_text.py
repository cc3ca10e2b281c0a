"""Numbers and texts read as people write them."""

import doctest
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from segmentation.report import text
from segmentation.report.text import compact, money, percent


def test_every_example_in_a_docstring_holds():
    result = doctest.testmod(text)
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize(
    ("function", "value", "expected"),
    [
        (compact, 0, "0"),
        (compact, 1e-15, "0"),
        (compact, 0.052, "0.052"),
        (compact, 3.0, "3"),
        (compact, 3.04, "3"),
        (compact, 999.7, "1k"),
        (compact, Decimal("1234.5600"), "1.2k"),
        (compact, -7e9, "−7bn"),
        (compact, -0.0, "0"),
        (compact, float("nan"), "–"),
        (percent, 0, "0 %"),
        (percent, 0.00001, "<0.1 %"),
        (percent, 0.0497, "5.0 %"),
        (percent, 0.998, ">99 %"),
        (percent, 1, "100 %"),
        (percent, 1.43, "143 %"),
        (percent, -0.02, "−2 %"),
        (percent, None, "–"),
        (money, Decimal("99.996"), "100"),
        (money, Decimal("99.99"), "99.99"),
    ],
)
def test_numbers_in_charts_have_few_figures_and_hide_nothing(function: Callable[[Any], str], value: Any, expected: str):
    assert function(value) == expected


def test_round_numbers_on_axes_keep_their_figures():
    assert [compact(value, figures=4) for value in (1250, 12.5, 0.1 + 0.2, 100_000)] == ["1.25k", "12.5", "0.3", "100k"]
