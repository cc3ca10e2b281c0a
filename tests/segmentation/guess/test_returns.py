"""The guess finds how a file writes returns, and the currency of its money."""

import logging
import re
import shlex
from collections.abc import Sequence
from pathlib import Path

import pytest

from segmentation.filesystem import StoredFile
from segmentation.guess.config import GuessError, guess_config
from segmentation.guess.unread import may_have_unread_columns, unread_marks
from segmentation.ingest.files import Header, InputFile
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
        ("Payment Type", ("Bank transfer", "Bank transfer", "Credit")),
        ("Card Type", ("Other", "Other", "Credit")),
        ("Customer Type", ("new", "new", "return")),
    ],
)
def test_other_columns_are_not_taken_for_types(name: str, values: Sequence[str], tmp_path: Path):
    assert guessed(csv(tmp_path, text=with_column(rows(90), name, values))).input.columns.line_type is None


def test_of_two_columns_of_types_the_other_is_named(tmp_path: Path):
    lines = [(*line, "Credit note" if number % 9 == 0 else "Closed") for number, line in enumerate(rows())]
    typed = [(*line, "Refund" if number % 8 == 0 else "Sale") for number, line in enumerate(lines)]
    path = csv(tmp_path, text=text_of(typed, header=[*HEADER, "Status", "Receipt type"]))
    assert guessed(path).input.columns.line_type == "Receipt type"
    assert "'Status' has such words too, and is not read" in explained(path, "cleaning.returns")


def test_what_set_says_of_returns_is_not_guessed(tmp_path: Path):
    path = csv(tmp_path, text=with_column(rows(), "Type", ("Sale", "Sale", "Refund")))
    for override in ("cleaning.returns=[prefix]", "input.columns.line_type=null"):
        config = guessed(path, overrides=[override])
        assert (config.input.columns.line_type, "type" in config.cleaning.returns) == (None, False)


# --- how an order stands ---


@pytest.mark.parametrize(
    ("name", "values", "seen"),
    [
        ("Status", ("Closed", "Closed", "Cancelled"), "13 with 'Cancelled'"),
        ("Order Status", ("wc-completed", "wc-failed", "wc-refunded", *["wc-completed"] * 2), "8 with 'wc-failed', 8"),
        ("Financial Status", ("paid", "pending", "paid"), "13 with 'pending'"),
        ("Bestellstatus", ("bezahlt", "storniert", "bezahlt"), "13 with 'storniert'"),
        ("Result", ("ok", "voided", "ok"), "13 with 'voided'"),
        ("Test", ("false", "true", "false"), "13 with 'true'"),
        ("Is Cancelled", ("false", "true", "false"), "13 with 'true'"),
        ("Returned", ("", "Yes", ""), "13 with 'Yes'"),
    ],
)
def test_a_column_of_statuses_with_words_for_no_sale_is_found(
    name: str, values: Sequence[str], seen: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    path = csv(tmp_path, text=with_column(rows(), name, values))
    with caplog.at_level(logging.WARNING, "segmentation"):
        config = guessed(path)
    [warning] = [message for message in caplog.messages if repr(name) in message]
    assert re.search(r" of 40 lines looked at \((32|40)%\) and (32|40)% of their money. Wrong\? --set input", warning)
    assert (config.input.columns.line_status, config.input.columns.line_type) == (name, None)
    assert seen in explained(path, "input.columns.line_status")
    is_flag = values[1] in ("true", "Yes")
    assert bool({"true", "Yes"}.intersection(config.cleaning.no_sale_statuses)) == is_flag
    assert guessed(path, overrides=["input.columns.line_status=null"]).input.columns.line_status is None


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("Fulfillment Status", ("fulfilled", "pending", "fulfilled")),
        ("Status", ("pending", "pending", "shipped")),  # most lines: it means something else
        ("Category", ("Toys", "Test", "Draft")),
        ("Test", ("false",)),
        ("Subscription Status", ("active", "cancelled", "active")),
        ("account_status", ("active", "deleted", "active")),
        ("Product Status", ("active", "draft", "active")),
        ("Email Status", ("subscribed", "pending", "subscribed")),
        ("Return Reason", ("", "yes", "")),
        ("Test", ("A/B", "true")),
    ],
)
def test_other_columns_are_not_taken_for_statuses(name: str, values: Sequence[str], tmp_path: Path):
    config = guessed(csv(tmp_path, text=with_column(rows(90), name, values)))
    assert (config.input.columns.line_status, config.input.columns.line_type) == (None, None)


def test_of_several_columns_the_surest_is_read_and_the_others_are_named(tmp_path: Path):
    marks = (("Shipping status", "cancelled"), ("Status", "Cancelled"), ("Payment status", "failed"), ("Test", "1"))
    header = [*HEADER, *[name for name, _ in marks]]
    lines = [(*line, *[word if number % 9 == 0 else "0" for _, word in marks]) for number, line in enumerate(rows())]
    path = csv(tmp_path, text=text_of(lines, header=header))
    assert guessed(path).input.columns.line_status == "Payment status"
    assert "'Status', 'Shipping status', 'Test' has such words too" in explained(path, "input.columns.line_status")


# --- the currency ---


@pytest.mark.parametrize(
    ("price", "column", "codes", "currency"),
    [
        ("Price", "Currency", ("GBP",), "£"),
        ("Price", "currency_code", ("pln", "PLN"), "PLN "),
        ("price_gbp", "Currency", ("GBP", "EUR"), ""),
        ("price_gbp", "x", ("",), "£"),
        ("Price (€)", "x", ("",), "€"),
        ("Price CHF", "x", ("",), "CHF "),
        ("Price", "x", ("EUR",), ""),
        ("Price", "Currency", ("EUR", "€"), "€"),
    ],
)
def test_the_currency_is_that_of_a_column_or_of_the_name_of_the_money(
    price: str, column: str, codes: Sequence[str], currency: str, tmp_path: Path
):
    header = [*HEADER[:5], price, *HEADER[6:], column]
    lines = [(*line, codes[number % len(codes)]) for number, line in enumerate(rows())]
    assert guessed(csv(tmp_path, text=text_of(lines, header=header))).charts.currency == currency


@pytest.mark.parametrize(
    ("price", "currency"), [("R$ 12,50", "R$"), ("C$12.50", "C$"), ("NT$125", "TWD "), ("€1", "€")]
)
def test_the_currency_is_that_written_before_or_behind_the_money(price: str, currency: str, tmp_path: Path):
    assert guessed(csv(tmp_path, text=text_of(rows(Price=price), ";"))).charts.currency == currency


def test_one_currency_is_read_so_that_another_does_not_count(tmp_path: Path):
    config = guessed(csv(tmp_path, text=with_column(rows(), "Currency", ("GBP", "", "gbp"))))
    assert (config.input.columns.currency, config.cleaning.currency) == ("Currency", "GBP")


def test_several_currencies_are_refused_until_one_is_chosen(tmp_path: Path):
    path = csv(tmp_path, text=with_column(rows(), "Order currency", ("GBP", "GBP", "EUR")))
    with pytest.raises(GuessError) as refused:
        guessed(path)
    assert "'Order currency' has several currencies: GBP (27 lines), EUR (13 lines)" in str(refused.value)
    settings = shlex.split(str(refused.value).partition("--set ")[2].partition(". If")[0])
    config = guessed(path, overrides=settings)
    assert (config.input.columns.currency, config.cleaning.currency) == ("Order currency", "GBP")
    assert config.charts.currency == "£"
    config = guessed(path, overrides=["input.columns.currency=null"])
    assert (config.input.columns.currency, config.cleaning.currency) == (None, None)


# --- what a configuration does not read ---


def test_a_configuration_that_does_not_read_such_columns_gets_a_caution(tmp_path: Path):
    marks = {"Type": ("Sale", "Refund"), "Status": ("ok", "failed"), "Test": ("0", "1"), "Currency": ("GBP", "EUR")}
    lines = [(*line, *[words[number % 7 == 3] for words in marks.values()]) for number, line in enumerate(rows())]
    path = csv(tmp_path, text=text_of(lines, header=[*HEADER, *marks]))
    config = guessed(csv(tmp_path, "plain.csv"))
    cautions = unread_marks([path], config)
    assert [re.findall(r"'(\w+)' has", caution)[0] for caution in cautions] == list(marks)
    reading = guessed(path, overrides=["input.columns.currency=Currency", "cleaning.currency=GBP"])
    assert [re.findall(r"'(\w+)' has", caution)[0] for caution in unread_marks([path], reading)] == ["Test"]
    assert unread_marks([str(tmp_path / "plain.csv"), "hdfs://far/away.csv"], config) == []
    assert unread_marks([str(tmp_path / "plain.csv")], config) == []


@pytest.mark.parametrize(
    ("kind", "names", "size", "is_looked_at"),
    [
        ("csv", HEADER, 9, True),
        ("json", HEADER, 9, True),
        ("parquet", HEADER, 9, False),
        ("parquet", (*HEADER, "Status"), 9, True),
        ("xlsx", (), 9, True),
        ("xlsx", (), 10**8, False),
    ],
)
def test_values_are_looked_at_only_where_columns_may_be_unread(
    kind: str, names: Sequence[str], size: int, is_looked_at: bool, tmp_path: Path
):
    file = InputFile("a", StoredFile("a", size, 0), kind, Header(tuple(names)))
    assert may_have_unread_columns([file], guessed(csv(tmp_path))) == is_looked_at


def test_two_signs_in_one_column_of_money_are_warned_of_where_a_configuration_reads_all_columns(tmp_path: Path):
    config = guessed(csv(tmp_path, "plain.csv"))
    signs = [(*line[:5], f"{'£€'[number % 2]}2.55", *line[6:]) for number, line in enumerate(rows())]
    [caution] = unread_marks([csv(tmp_path, text=text_of(signs))], config)
    assert "'Price' is written in several currencies, GBP (20 lines), EUR (20 lines), and is added up" in caution
