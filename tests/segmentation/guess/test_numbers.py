"""The decimal mark guessed for columns of numbers is that by which Spark reads them."""

import doctest

import pytest
from pyspark.sql import SparkSession

from segmentation.config.settings import DecimalMark
from segmentation.guess import numbers
from segmentation.guess.numbers import guess_decimal, is_negative, read_number
from tests.segmentation.cleaning.lines import values_of

TEXTS = [
    *("6", "2.55", "-2.55", "+2", ".5", "5.", "1e3", "1E-2", "12.34.56", "1.2.345", "", "-", "five", "5 kg", "2%"),
    *("1,234.50", "1.234,50", "1,234", "1.234", "0,450", "0.450", "2,55", "12,5", ",5", "5,", "1,234,567", "1.234.567"),
    *(
        "1 234,50",
        "1 234.50",
        "1\u00a0234,5",
        "1\u202f234",
        "1'234.50",
        "1\u2019234",
        "12,34,567.8",
        "1,23,45",
        "1.234 567",
    ),
    *(
        "£2.55",
        "2,55 €",
        "EUR 2.55",
        "USD1,234.50",
        "R$ 1.234,56",
        "kr. 1.234,50",
        "Fr. 5.50",
        "CHF 1'000",
        "\u20b92",
        "￡3",
    ),
    *(
        "(5)",
        "(2,55 €)",
        "-(5)",
        "(5",
        "5-",
        "5 -",
        "5.-",
        "\u22125",
        "- 5",
        "--5",
        "\uff11\uff0c\uff12\uff13\uff14",
        "\uff12.\uff15",
    ),
]


def test_the_examples_of_the_module_hold():
    assert doctest.testmod(numbers).failed == 0


@pytest.mark.parametrize("decimal", ["auto", "point", "comma"])
def test_spark_reads_the_numbers_that_the_guess_reads(decimal: DecimalMark, spark: SparkSession):
    found = dict(zip(TEXTS, values_of(spark, "unit_price", TEXTS, decimal), strict=True))
    assert found == {text: read_number(text, decimal) for text in TEXTS}


@pytest.mark.parametrize(
    ("values", "decimal"),
    [
        (["6", "2.55", "1.234"], "auto"),
        (["6", "1,028.00"], "point"),
        (["1,234", "2.55"], "point"),
        (["6", "1.028,00"], "comma"),
        (["1.234", "2,55"], "comma"),
        (["0,450", "12"], "comma"),
        (["1.234.567"], "comma"),
        (["2,55", "3,1", "2.55"], "comma"),
        (["2.55", "3.1", "2,55", "3,10"], "point"),
    ],
)
def test_the_mark_of_most_values_is_guessed(values: list[str], decimal: DecimalMark):
    guess = guess_decimal(values)
    assert (guess.decimal, guess.is_open) == (decimal, False)


def test_values_that_no_other_explains_leave_the_mark_open():
    assert guess_decimal(["1,234", "12"]).is_open
    points = guess_decimal(["1.234", "12"])  # as ever a point, with a word of warning
    assert (points.decimal, points.is_open, points.other) == ("auto", False, "comma")


def test_a_sign_may_stand_behind_or_be_brackets():
    assert [is_negative(text) for text in ("-5", "5-", "(5 €)", "\u22125", "£-5", "5", "5.-", "")] == [True] * 5 + [
        False
    ] * 3
