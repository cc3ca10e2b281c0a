"""Texts that look the same are spelled the same, and letters of another alphabet stay what they are."""

import doctest
import unicodedata

import pytest
from pyspark.sql import Column, SparkSession
from pyspark.sql import functions as F

from segmentation.cleaning import spelling
from segmentation.cleaning.spelling import (
    COMPOSED,
    INVISIBLE,
    SPACES,
    has_mixed_alphabets,
    joined_spellings,
    may_be_decomposed,
    mixes_alphabets,
    needs_spelling,
    one_spelling,
)


def of(spark: SparkSession, texts: list[str | None], *columns: Column) -> list[tuple[object, ...]]:
    """Return what some expressions over the column `text` make of texts, in their order, from one Spark job."""
    rows = spark.createDataFrame(list(enumerate(texts)), "number int, text string").select("number", *columns).collect()
    return [tuple(row)[1:] for row in sorted(rows)]


def test_letters_are_composed_with_their_marks_as_unicode_does(spark: SparkSession) -> None:
    letters = [chr(number) for block in COMPOSED for number in range(*block)]
    words = [unicodedata.normalize("NFD", f"a{letter}z{letter}") for letter in letters]
    words += [unicodedata.normalize("NFD", word) for word in ("Đặng Thị Huệ", "Zoë Ångström", "Йорданка", "Ξένη")]
    words += ["e\u0301\u0302x", "\u0301a", "x\u0301", "K\u212b", ""]
    found = of(spark, words, one_spelling(F.col("text")))
    # Letters that Unicode never composes, and those with several marks of no fixed order, keep them.
    different = [word for word, (text,) in zip(words, found, strict=True) if text != unicodedata.normalize("NFC", word)]
    assert different == []


def test_spaces_are_plain_and_what_does_not_show_is_gone(spark: SparkSession) -> None:
    texts: list[str | None] = [f"Anna{space}Meier" for space in SPACES]
    texts += [f"Anna {char}Mei{char}er" for char in INVISIBLE]
    texts += ["Anna Meier", "Zoë", "Анна", None]
    found = of(spark, texts, one_spelling(F.col("text")), needs_spelling(F.col("text")))
    assert {text for text, _ in found[:-3]} == {"Anna Meier"}
    assert found[-4:] == [("Anna Meier", False), ("Zoë", False), ("Анна", False), (None, False)]


def test_look_alikes_and_letters_that_stay_apart_are_known(spark: SparkSession) -> None:
    texts: list[str | None] = ["\u0410nna", "Mei\u0435r", "\u039fslo", "Anna", "Анна Meier", "Zoë", None]
    texts += ["\u0928\u093c", "\u1100\u1161", "\u0928", "\uac00"]
    found = of(spark, texts, mixes_alphabets(F.col("text")), may_be_decomposed(F.col("text")))
    assert [mixed for mixed, _ in found] == [True] * 3 + [False] * 8
    assert [apart for _, apart in found] == [False] * 7 + [True, True, False, False]
    assert [has_mixed_alphabets(text) for text in texts[:6] if text] == [True] * 3 + [False] * 3


@pytest.mark.parametrize(
    ("countries", "joined"),
    [
        ({"EIRE": 3, "Eire": 5, "eire ": 1}, {"EIRE": "Eire", "eire ": "Eire"}),
        ({"Re\u0301union": 2, "R\u00e9union": 1}, {"Re\u0301union": "R\u00e9union"}),
        ({"South\u00a0Africa": 2}, {"South\u00a0Africa": "South Africa"}),
        ({"France": 2, "Fr\u0430nce": 1, "USA": 1}, {}),
    ],
)
def test_a_country_has_the_spelling_of_most_lines(countries: dict[str, int], joined: dict[str, str]) -> None:
    assert joined_spellings(countries) == joined


def test_the_examples_in_its_docstrings_are_true() -> None:
    done = doctest.testmod(spelling)
    assert (done.failed, done.attempted > 0) == (0, True)
