"""A file's header against the mapping of the configuration."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmentation.errors import InputError
from segmentation.ingest.files import locate_columns

COLUMNS = {"invoice_no": "InvoiceNo", "quantity": "Quantity", "customer_id": "CustomerID"}


def test_columns_are_found_by_name_in_any_order_among_others_and_with_stray_spaces() -> None:
    found = ["Extra", " CustomerID", "Quantity ", "", "InvoiceNo"]
    assert locate_columns(found, COLUMNS, "a.csv") == {"invoice_no": 4, "quantity": 2, "customer_id": 1}


@pytest.mark.parametrize(
    ("written", "nearest"),
    [
        ("Customer ID", "Customer ID"),
        ("customerid", "customerid"),
        ("CUSTOMER_ID", "CUSTOMER_ID"),
        ("CustomerId", "CustomerId"),
        ("Customer", "Customer"),
        ("CostumerID", "CostumerID"),
    ],
)
def test_a_renamed_column_is_an_error_that_names_the_nearest(written: str, nearest: str) -> None:
    message = f"a.csv: column 'CustomerID' (for customer_id) is missing, the nearest is '{nearest}'."
    with pytest.raises(InputError, match=re.escape(message)):
        locate_columns(["InvoiceNo", "Quantity", written], COLUMNS, "a.csv")


def test_a_missing_column_that_nothing_resembles_lists_what_was_found_and_what_to_do() -> None:
    with pytest.raises(InputError) as caught:
        locate_columns(["InvoiceNo", "Quantity", "zzz"], COLUMNS, "a.csv")
    assert str(caught.value) == (
        "a.csv: column 'CustomerID' (for customer_id) is missing. Found: InvoiceNo, Quantity, zzz. "
        "Correct the header, or name the columns under input.columns in the configuration"
    )


@pytest.mark.parametrize(
    "line",
    [
        ["536365", "WHITE COUNTRY HEART", "12/1/2010 8:26", "17850", "United Kingdom", "Customer Iris"],
        ["536365,WHITE COUNTRY HEART,17850"],
        ["customer@example.org" * 10_000],
        ["", ""],
    ],
)
def test_a_line_of_data_in_place_of_the_header_is_not_shown(line: list[str]) -> None:
    columns = {**COLUMNS, "country": "Country"}
    with pytest.raises(InputError) as caught:
        locate_columns(line, columns, "a.csv")
    assert str(caught.value) == (
        "a.csv: column 'InvoiceNo' (for invoice_no) is missing; column 'Quantity' (for quantity) is missing; "
        "column 'CustomerID' (for customer_id) is missing; column 'Country' (for country) is missing. "
        f"Found: {len(line)} fields, none of them named like a column. "
        "Put a header above the lines, or name the columns under input.columns in the configuration"
    )


def test_of_a_header_so_many_names_are_shown_cut_to_a_length_and_no_numbers() -> None:
    with pytest.raises(InputError) as caught:
        locate_columns(["Quantity", "17850", "2010-12-01", "x" * 1000, *["y"] * 1000], COLUMNS, "a.csv")
    assert f". Found: Quantity, {'x' * 100}, {'y, ' * 17}y and 984 more. Correct the header" in str(caught.value)


def test_every_missing_and_every_doubled_column_is_in_the_one_message() -> None:
    with pytest.raises(InputError) as caught:
        locate_columns(["Quantity", "Invoice No", "Quantity "], COLUMNS, "a.csv")
    assert "column 'InvoiceNo' (for invoice_no) is missing, the nearest is 'Invoice No'" in str(caught.value)
    assert "column 'Quantity' (for quantity) is there 2 times" in str(caught.value)
    assert "column 'CustomerID' (for customer_id) is missing" in str(caught.value)


def test_a_column_that_is_there_twice_but_not_needed_is_no_error() -> None:
    assert locate_columns(["x", *COLUMNS.values(), "x"], COLUMNS, "a.csv")["invoice_no"] == 1


@given(st.permutations([*COLUMNS.values(), "a", "b"]), st.sampled_from(["", " ", "\t", "  "]))
def test_each_position_found_holds_the_name_that_was_asked_for(names: list[str], stray: str) -> None:
    located = locate_columns([f"{stray}{name}{stray}" for name in names], COLUMNS, "a.csv")
    assert {field: names[position] for field, position in located.items()} == COLUMNS


@given(st.lists(st.text(max_size=8), max_size=6))
def test_any_header_without_the_columns_is_an_input_error_and_never_a_crash(names: list[str]) -> None:
    with pytest.raises(InputError, match="is missing"):
        locate_columns([name for name in names if name.strip() != "Quantity"], COLUMNS, "a.csv")
