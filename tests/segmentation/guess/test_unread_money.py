"""Columns that are not read, and that change what a line is worth, are warned of."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from segmentation.guess.unread import unread_marks
from tests.segmentation.guess.guessed_files import HEADER, csv, guessed, rows, text_of


def cautions(name: str, values: Sequence[str], folder: Path, **fields: str) -> list[str]:
    """The cautions for a file with one more column, its values repeated."""
    lines = [(*line, values[number % len(values)]) for number, line in enumerate(rows(**fields))]
    path = csv(folder, text=text_of(lines, ";", [*HEADER, name]))
    return unread_marks([path], guessed(path))


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("Amount Refunded", ("0.00", "1.25"), "has money in 20 lines of 40 looked at, 25.00 together, and is not read"),
        ("Refund Total", ("", "1.25"), "has money in 20 lines"),
        ("Cancelled at", ("", "", "2024-01-05 10:00"), "has a date in 13 lines of 40 looked at, and is not read"),
        ("Refund date", ("", "", "5.1.2024"), "has a date in 13 lines"),
        ("Transaction Type", ("S", "S", "R"), r"has 'R' \(13 of the lines looked at\).*return_types to \[R\]"),
        ("Discount", ("0", "0.2"), "has discounts in 20 lines of 40 looked at, and is not read: if 'Price'"),
        ("Discount %", ("0 %", "20 %"), "has discounts in 20 lines"),
        ("Line Total", ("5.10", "4.08"), "adds up to 10.0% less than 'Qty' times 'Price' .*amount to 'Line Total'"),
    ],
)
def test_a_column_that_changes_what_a_line_is_worth_is_named(
    name: str, values: Sequence[str], message: str, tmp_path: Path
):
    [caution] = cautions(name, values, tmp_path)
    assert re.match(f"the column '{name}' {message}", caution)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("Amount Refunded", ("0.00", "")),
        ("Refund reason", ("", "5")),
        ("Refund tax", ("", "5")),
        ("Cancelled at", ("",)),
        ("Return date", ("2024-01-05",)),
        ("Transaction Type", ("S", "B")),
        ("Customer Type", ("N", "R", "N")),
        ("Discount code", ("", "SUMMER20")),
        ("Discount", ("0.00",)),
        ("Line Total", ("5.10",)),
    ],
)
def test_other_columns_are_not_named(name: str, values: Sequence[str], tmp_path: Path):
    assert cautions(name, values, tmp_path) == []


def test_several_currencies_in_the_values_are_named(tmp_path: Path):
    config = guessed(csv(tmp_path, "plain.csv"))
    lines = [(*line[:5], sign + line[5], *line[6:], "") for sign in "€$" for line in rows(20)]
    [caution] = unread_marks([csv(tmp_path, text=text_of(lines, header=[*HEADER, "Note"]))], config)
    assert "'Price' is written in several currencies, EUR (20 lines), USD (20 lines)" in caution
