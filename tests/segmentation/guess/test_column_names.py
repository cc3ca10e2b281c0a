"""The words for the eight fields do not contradict each other."""

import doctest

import pytest

from segmentation import schemas as s
from segmentation.guess import columns
from segmentation.guess.columns import EXPORTS, LINE_TOTALS, SYNONYMS, guess_columns, normal


def test_no_synonym_is_two_fields_own():
    usual = [synonym for names, elsewhere, *_ in SYNONYMS.values() for synonym in f"{names} {elsewhere}".split()]
    assert len(usual) == len(set(usual))


def test_every_word_is_written_as_names_are_compared():
    words = [word for sets in SYNONYMS.values() for word in " ".join(sets).split()]
    words += [
        *LINE_TOTALS,
        *(one for export in EXPORTS for one in (*frozenset().union(*export.marks), *export.columns.values())),
    ]
    assert [word for word in words if normal(word) != word] == []


@pytest.mark.parametrize("total", sorted(LINE_TOTALS))
def test_the_money_of_a_line_is_never_taken_for_the_price_of_a_unit(total: str):
    header = [field for field in s.LINE_FIELDS if field != "unit_price"]
    assert "may be the money of a line" in guess_columns([*header, total]).missing["unit_price"]


def test_the_examples_in_its_words_are_true():
    done = doctest.testmod(columns)
    assert (done.failed, done.attempted > 0) == (0, True)
