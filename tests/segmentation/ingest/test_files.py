"""Locate the columns of a file, and what to do where they are missing."""

import re

import pytest

from segmentation.errors import InputError
from segmentation.ingest.files import locate_columns

FIELDS = {"invoice_no": "InvoiceNo", "quantity": "Quantity", "customer_id": "CustomerID"}


def test_columns_are_located_by_name_in_any_order_and_with_stray_spaces() -> None:
    header = ["Extra", " CustomerID", "Quantity ", "", "InvoiceNo"]
    assert locate_columns(header, FIELDS, "a.csv") == {"invoice_no": 4, "quantity": 2, "customer_id": 1}


@pytest.mark.parametrize("name", ["Customer ID", "CUSTOMER_ID", "CostumerID"])
def test_a_renamed_column_is_an_error_that_names_the_nearest(name: str) -> None:
    message = f"a.csv: column 'CustomerID' (for customer_id) is missing, the nearest is '{name}'."
    with pytest.raises(InputError, match=re.escape(message)):
        locate_columns(["InvoiceNo", "Quantity", name], FIELDS, "a.csv")


def test_a_missing_column_without_a_near_name_lists_the_header_and_the_remedy() -> None:
    with pytest.raises(InputError) as caught:
        locate_columns(["InvoiceNo", "Quantity", "zzz"], FIELDS, "a.csv")
    assert str(caught.value) == (
        "a.csv: column 'CustomerID' (for customer_id) is missing. Found: InvoiceNo, Quantity, zzz. "
        "Correct the header, or name the columns under input.columns in the configuration"
    )


@pytest.mark.parametrize(
    "header",
    [
        ["536365", "WHITE COUNTRY HEART", "12/1/2010 8:26", "17850", "United Kingdom", "Customer Iris"],
        ["536365,WHITE COUNTRY HEART,17850"],
        ["customer@example.org" * 10_000],
        ["", ""],
    ],
)
def test_a_line_of_data_where_the_header_should_be_is_not_shown(header: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        locate_columns(header, {**FIELDS, "country": "Country"}, "a.csv")
    assert str(caught.value) == (
        "a.csv: column 'InvoiceNo' (for invoice_no) is missing; column 'Quantity' (for quantity) is missing; "
        "column 'CustomerID' (for customer_id) is missing; column 'Country' (for country) is missing. "
        f"Found: {len(header)} fields, none of them named like a column. "
        "Put a header above the lines, or name the columns under input.columns in the configuration"
    )


def test_a_long_header_is_shown_shortened_and_without_numbers() -> None:
    with pytest.raises(InputError) as caught:
        locate_columns(["Quantity", "17850", "2010-12-01", "x" * 1000, *["y"] * 1000], FIELDS, "a.csv")
    assert f". Found: Quantity, {'x' * 100}, {'y, ' * 17}y and 984 more. Correct the header" in str(caught.value)
