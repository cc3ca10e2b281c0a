"""The guess finds how a file writes returns, and the currency of its money."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from segmentation.guess.config import guess_config
from tests.segmentation.guess.guessed_files import HEADER, csv, guessed, rows, text_of

Line = tuple[str, ...]


def with_column(lines: Sequence[Line], name: str, values: Sequence[str]) -> str:
    """Return a file of lines with one more column, its values repeated."""
    longer = [(*line, values[number % len(values)]) for number, line in enumerate(lines)]
    return text_of(longer, header=[*HEADER, name])


def explained(path: str, key: str) -> str:
    [line] = [line for line in guess_config([path], ())[1] if line.startswith(f"  {key}: ")]
    return line


@pytest.mark.parametrize(
    ("returned", "prefixes", "seen"),
    [
        (rows(4, invoice="C{}", Qty="-1"), ("C",), "4 lines of invoices with a prefix"),
        (rows(4, invoice="R-{}", Qty="-1"), ("C", "R"), "4 lines of invoices with a prefix"),
        (rows(4, Qty="-1"), ("C",), "4 with a negative quantity or amount"),
        ([*rows(4, invoice="ADJ{}", Qty="1"), *rows(1, Qty="-1")], ("C",), "1 with a negative quantity or amount"),
    ],
)
def test_returns_are_found_by_prefix_and_by_quantity(
    returned: list[Line], prefixes: tuple[str, ...], seen: str, tmp_path: Path
):
    path = csv(tmp_path, text=text_of([*rows(80), *returned]))
    config = guessed(path)
    assert (config.cleaning.returns, config.cleaning.cancellation_prefixes) == (
        ("prefix", "negative_quantity"),
        prefixes,
    )
    assert explained(path, "cleaning.returns").endswith(f"lines looked at: {seen})")


def test_a_file_without_returns_needs_no_word_on_them(tmp_path: Path):
    config, explanation = guess_config([csv(tmp_path)], ())
    assert config.cleaning.returns == ("prefix", "negative_quantity")
    assert not any("cleaning.returns" in line for line in explanation)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("Receipt type", ("Sale", "Sale", "Sale", "Refund")),
        ("Status", ("completed", "completed", "Credit-Note")),
        ("Belegart", ("Verkauf", "Verkauf", "Gutschrift")),
    ],
)
def test_a_column_of_types_with_a_word_for_refunds_is_found(name: str, values: Sequence[str], tmp_path: Path):
    path = csv(tmp_path, text=with_column(rows(), name, values))
    config = guessed(path)
    assert config.input.columns.line_type == name
    assert config.cleaning.returns == ("prefix", "negative_quantity", "type")
    assert f"with {values[-1]!r} in {name!r}" in explained(path, "cleaning.returns")


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("Payment", ("Cash", "Credit")),
        ("Note", [f"note {number}" for number in range(30)] + ["refund"]),
        ("Status", ("Returned", "Returned", "Shipped")),  # most lines: it means something else
        ("Type", ("Sale", "Gift")),
    ],
)
def test_other_columns_are_not_taken_for_types(name: str, values: Sequence[str], tmp_path: Path):
    assert guessed(csv(tmp_path, text=with_column(rows(90), name, values))).input.columns.line_type is None


def test_of_two_columns_of_types_the_other_is_named(tmp_path: Path):
    lines = [(*line, "Cancelled" if number % 9 == 0 else "Closed") for number, line in enumerate(rows())]
    typed = [(*line, "Refund" if number % 8 == 0 else "Sale") for number, line in enumerate(lines)]
    path = csv(tmp_path, text=text_of(typed, header=[*HEADER, "Status", "Receipt type"]))
    assert guessed(path).input.columns.line_type == "Receipt type"
    assert "'Status' has such words too, and is not read" in explained(path, "cleaning.returns")


def test_what_set_says_of_returns_is_not_guessed(tmp_path: Path):
    path = csv(tmp_path, text=with_column(rows(), "Type", ("Sale", "Sale", "Refund")))
    for override in ("cleaning.returns=[prefix]", "input.columns.line_type=null"):
        config = guessed(path, overrides=[override])
        assert (config.input.columns.line_type, "type" in config.cleaning.returns) == (None, False)


# --- the currency ---


@pytest.mark.parametrize(
    ("price", "column", "codes", "currency"),
    [
        ("Price", "Currency", ("GBP",), "£"),
        ("Price", "currency_code", ("pln", "PLN"), "PLN "),
        ("Price", "Currency", ("GBP", "EUR"), ""),
        ("price_gbp", "x", ("",), "£"),
        ("Price (€)", "x", ("",), "€"),
        ("Price CHF", "x", ("",), "CHF "),
        ("Price", "x", ("EUR",), ""),
    ],
)
def test_the_currency_is_that_of_a_column_or_of_the_name_of_the_money(
    price: str, column: str, codes: Sequence[str], currency: str, tmp_path: Path
):
    header = [*HEADER[:5], price, *HEADER[6:], column]
    lines = [(*line, codes[number % len(codes)]) for number, line in enumerate(rows())]
    assert guessed(csv(tmp_path, text=text_of(lines, header=header))).charts.currency == currency


def test_several_currencies_are_named(tmp_path: Path):
    path = csv(tmp_path, text=with_column(rows(), "Currency", ("GBP", "EUR")))
    assert "'Currency' has 2 codes, such as EUR, GBP: their money is added up as it is" in explained(
        path, "charts.currency"
    )
