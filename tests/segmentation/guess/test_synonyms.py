"""The words for the fields do not contradict each other."""

import doctest

from segmentation import schemas as s
from segmentation.guess import synonyms
from segmentation.guess.columns import guess_columns
from segmentation.guess.programs import EXPORTS
from segmentation.guess.synonyms import LINE_TOTALS, SYNONYMS, normal


def test_no_synonym_is_sure_for_two_fields():
    usual = [name for english, elsewhere, *_ in SYNONYMS.values() for name in f"{english} {elsewhere}".split()]
    assert len(usual) == len(set(usual))


def test_every_word_is_written_as_names_are_compared():
    words = [word for sets in SYNONYMS.values() for word in " ".join(sets).split()]
    words += LINE_TOTALS
    for export in EXPORTS:
        words += [*frozenset().union(*export.marks), *" ".join(export.columns.values()).split()]
    assert [word for word in words if normal(word) != word] == []


def test_the_money_of_a_line_is_never_the_price_of_a_unit():
    header = [field for field in s.LINE_FIELDS if field != "unit_price"]
    taken = {total for total in LINE_TOTALS if "unit_price" in guess_columns([*header, total]).columns}
    assert taken == set()
    assert {guess_columns([*header, total]).columns["amount"] for total in LINE_TOTALS} == LINE_TOTALS


def test_the_examples_in_its_docstrings_are_true():
    done = doctest.testmod(synonyms)
    assert (done.failed, done.attempted > 0) == (0, True)
