"""Suggested settings come with their reason, and with a --set for what a reader may see is wrong."""

import logging
import shlex
from collections.abc import Sequence
from pathlib import Path

import pytest

from segmentation import schemas as s
from segmentation.config.settings import CleaningSettings
from segmentation.guess.config import guess_config
from segmentation.guess.samples import Sample
from segmentation.guess.suggestions import Suggestion, suggest_settings
from tests.segmentation.guess.guessed_files import HEADER, csv, guessed, rows, text_of

USUAL = CleaningSettings(date_formats=("iso",))
COLUMNS = dict(zip(s.LINE_FIELDS, s.LINE_FIELDS, strict=True))


def suggestions(
    invoices: Sequence[str],
    customers: Sequence[str] = ("17850",),
    customer: str = "customer_id",
    cleaning: CleaningSettings = USUAL,
) -> dict[str, Suggestion]:
    """What is suggested where all else is as usual, by its key."""
    columns = {**COLUMNS, "customer_id": customer}
    values = {"invoice_no": list(invoices), "customer_id": list(customers), "stock_code": ["85123A"]}
    sample = Sample(
        "a.csv", "csv", list(columns.values()), lambda names: [dict.fromkeys(names, text) for text in invoices]
    )
    return {found.key: found for found in suggest_settings([sample], columns, values, cleaning)}


def numbers(count: int, beginning: str = "") -> list[str]:
    return [f"{beginning}{536_365 + number}" for number in range(count)]


def test_a_few_invoices_that_begin_with_letters_are_adjustments():
    found = suggestions([*numbers(95) * 2, *numbers(3, "A"), *numbers(2, "S")])
    assert found["cleaning.sale_invoice_pattern"].lines == [
        "  cleaning.sale_invoice_pattern: ^[0-9] (5 of 100 invoices looked at begin otherwise, for example with "
        "A, S: they are adjustments, no sales)",
        "    wrong? --set 'cleaning.sale_invoice_pattern=^.'",
    ]


@pytest.mark.parametrize("invoices", [numbers(20), [*numbers(9), "C536365"], []])
def test_invoices_that_are_numbers_or_cancellations_need_no_suggestion(invoices: list[str]):
    assert "cleaning.sale_invoice_pattern" not in suggestions(invoices)


def test_invoices_with_a_configured_cancellation_prefix_are_no_adjustments():
    cleaning = USUAL.model_copy(update={"cancellation_prefixes": ("r-",)})
    found = suggestions([*numbers(98), "R-1", "C1"], cleaning=cleaning)
    assert (
        "1 of 99 invoices looked at begin otherwise, for example with C:"
        in found["cleaning.sale_invoice_pattern"].reason
    )


def test_customer_0_is_a_guest_in_woocommerces_export_only():
    found = suggestions(numbers(9), ["7", "0"], "Customer User ID")["cleaning.missing_customer_ids"]
    assert found.value == [*USUAL.missing_customer_ids, "0"]
    assert found.lines[0].endswith("(0 in 'Customer User ID' is a guest)")
    assert "cleaning.missing_customer_ids" not in suggestions(numbers(9), ["7"], "Customer User ID")
    assert "cleaning.missing_customer_ids" not in suggestions(numbers(9), ["7", "0"], "Customer ID")


# --- in a configuration ---


@pytest.mark.parametrize(
    ("invoice", "quantity", "pattern", "switched_off"),
    [
        ("{}", "2", "^[0-9]", ()),
        ("C{}", "-2", "^[0-9]", ()),
        ("INV-{}", "2", "^.", ()),
        ("CO-{}", "2", "^[0-9]", ("cancellation",)),
    ],
)
def test_invoices_decide_which_rules_apply_to_them(
    invoice: str, quantity: str, pattern: str, switched_off: tuple[str, ...], tmp_path: Path
):
    config = guessed(csv(tmp_path, text=text_of(rows(invoice=invoice, Qty=quantity))))
    assert config.cleaning.switched_off == switched_off
    if "C" not in invoice:
        assert config.cleaning.sale_invoice_pattern == pattern


def test_a_pasted_alternative_replaces_the_suggestion(tmp_path: Path):
    lines = [*rows(39), *rows(1, invoice="A{}")]
    path = csv(tmp_path, text=text_of(lines))
    config, explanation = guess_config([path], ())
    assert config.cleaning.sale_invoice_pattern == "^[0-9]"
    [position] = [
        number for number, line in enumerate(explanation) if "1 of 40 invoices looked at begin otherwise" in line
    ]
    _, _, override = shlex.split(explanation[position + 1])
    config, explanation = guess_config([path], [override])
    assert config.cleaning.sale_invoice_pattern == "^."
    assert not any("sale_invoice_pattern" in line for line in explanation)


def test_stock_codes_and_the_name_of_the_price_set_goods_and_currency(tmp_path: Path):
    header = [*HEADER[:5], "Price EUR", *HEADER[6:]]
    config = guessed(csv(tmp_path, text=text_of(rows(SKU="MUG-BLUE"), header=header)))
    assert (config.rollups.merchandise_pattern, config.charts.currency) == ("^.", "€")
    assert guessed(csv(tmp_path)).rollups.merchandise_pattern == "^[0-9]{5}"


# --- kinds of invoices ---


@pytest.mark.parametrize(("prefix", "negative"), [("CH-", 4), ("CO", 0), ("C", 4)])
def test_letters_of_sales_are_no_cancellations_because_a_few_lines_are_negative(
    prefix: str, negative: int, tmp_path: Path
):
    lines = [*rows(60), *rows(36, invoice=f"{prefix}{{}}"), *rows(negative, invoice=f"{prefix}9{{}}", Qty="-1")]
    config = guessed(csv(tmp_path, text=text_of([*lines, *rows(5, invoice="C8{}", Qty="-1")])))
    assert config.cleaning.switched_off == ("cancellation",)


@pytest.mark.parametrize(
    ("invoice", "warned"),
    [
        ("CN-{}", "begin with CN count as sales, although they may be credit notes: 8 of 100 lines looked at (8.0%)"),
        (
            "W{}",
            "begin with W are taken for adjustments, which count nowhere: 8 of 100 lines looked at (8.0%) and 8.0%",
        ),
        ("RET-{}", "begin with RET are taken for adjustments"),
        ("CH{}", ""),
    ],
)
def test_kinds_of_invoices_that_may_be_misread_are_warned_of(
    invoice: str, warned: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    path = csv(tmp_path, text=text_of([*rows(92), *rows(8, invoice=invoice)]))
    guessed(path)
    # Another test may let the library say what it found, too.
    messages = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert [warned in message for message in messages] == ([True] if warned else [])
    for message in messages:  # what it says to set is heeded
        caplog.clear()
        _, _, remedy = message.partition("--set ")
        guessed(path, overrides=[shlex.split(remedy)[0]])
        assert message not in caplog.messages
