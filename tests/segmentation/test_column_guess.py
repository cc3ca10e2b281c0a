"""A header as shops write it tells which column is which field, or a person is told what it does not tell."""

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmentation import column_guess
from segmentation.column_guess import LOOSE, NEARLY, SYNONYMS, guess_columns, normal
from segmentation.schemas import LINE_FIELDS

ONLINE_RETAIL = (
    "InvoiceNo",
    "StockCode",
    "Description",
    "Quantity",
    "InvoiceDate",
    "UnitPrice",
    "CustomerID",
    "Country",
)
HEADERS = [
    ONLINE_RETAIL,
    ("Invoice", "StockCode", "Description", "Quantity", "InvoiceDate", "Price", "Customer ID", "Country"),
    ("order_id", "sku", "product_name", "qty", "order_date", "unit_price", "user_id", "region"),
    ("Order Number", "Item Code", "Item Name", "Units", "Timestamp", "Unit Price", "Client", "Country Name"),
    ("transaction.id", "article", "item-name", "Units Sold", "transaction-date", "price", "customer number", "market"),
    ("\ufeffINVOICE NO.", "Product ID", "Product Name", "QTY", "Date", "Unit Price (GBP)", "Customer No", "Nation"),
    ("orderId", "productCode", "productName", "quantityOrdered", "orderDate", "priceEach", "customerNumber", "country"),
    ("Descripton", "Quantitiy", "Invoice_Dte", "UnitPrise", "CustomerlD", "Contry", "InvoicNo", "StokCode"),
]


@pytest.mark.parametrize("header", HEADERS, ids=lambda header: header[0])
def test_a_usual_header_is_known_whole_and_in_any_order(header: tuple[str, ...]):
    guess = guess_columns(header)
    assert guess.missing == {}
    assert sorted(guess.columns.values()) == sorted(name.strip() for name in header)
    assert guess_columns(header[::-1]).columns == guess.columns


def test_each_field_of_a_usual_header_is_the_column_that_a_person_would_say():
    header = (
        "Customer Name",
        "Client",
        "Order Date",
        "Ship Date",
        "Qty",
        "SKU",
        "Product",
        "Order ID",
        "Price",
        "Region",
    )
    assert guess_columns(header).columns == {
        "invoice_no": "Order ID",
        "stock_code": "SKU",
        "description": "Product",
        "quantity": "Qty",
        "invoice_date": "Order Date",
        "unit_price": "Price",
        "customer_id": "Client",
        "country": "Region",
    }


def test_its_own_name_comes_before_a_usual_one_and_that_before_a_near_one():
    guess = guess_columns((*ONLINE_RETAIL, "order_id", "sku", "Quantitiy", "price", "Region"))
    assert list(guess.columns.values()) == list(ONLINE_RETAIL)
    near = guess_columns(("Quantitiy", "qty"))
    assert near.columns["quantity"] == "qty"


def test_names_that_may_mean_another_thing_or_are_only_near_are_marked_as_such():
    guess = guess_columns(("Client", "CustomerIDs", "Contry", "Price"))
    assert guess.columns["customer_id"] == "Client"
    assert (guess.known_by["customer_id"], guess.known_by["country"]) == (LOOSE, NEARLY)


@pytest.mark.parametrize(
    ("header", "field", "why"),
    [
        (("Order ID", "Transaction ID"), "invoice_no", "may be 'Order ID' or 'Transaction ID'"),
        (("Quantity", "Quantity"), "quantity", "is 'Quantity', which is there 2 times"),
        (("Notes",), "country", "is not there"),
        (("InvDt",), "invoice_date", "is not there, the nearest is 'InvDt'"),
        (("Total Price", "x"), "unit_price", "is not there; 'Total Price' may be the money of a line"),
    ],
)
def test_what_a_header_does_not_tell_is_said_in_words(header: tuple[str, ...], field: str, why: str):
    guess = guess_columns(header)
    assert guess.missing[field].startswith(why)
    assert field not in guess.columns


def test_columns_that_are_given_are_not_guessed_and_are_used_once():
    guess = guess_columns((*ONLINE_RETAIL, "Paid"), {"unit_price": "Paid", "country": "Nowhere"})
    assert guess.columns["unit_price"] == "Paid"
    assert guess.missing == {"country": "is 'Nowhere', which is not there"}


def test_no_synonym_is_two_fields_own():
    usual = [synonym for names, _ in SYNONYMS.values() for synonym in names.split()]
    assert len(usual) == len(set(usual))
    assert [name for pair in SYNONYMS.values() for name in " ".join(pair).split() if normal(name) != name] == []


@given(
    st.lists(st.one_of(st.text(max_size=12), st.sampled_from([*ONLINE_RETAIL, "sku", "qty", "Order Date", "price"])))
)
def test_any_header_gives_each_field_at_most_one_column_and_each_column_at_most_one_field(header: list[str]):
    guess = guess_columns(header)
    assert set(guess.columns) | set(guess.missing) == set(LINE_FIELDS)
    assert set(guess.columns) & set(guess.missing) == set()
    assert len(set(guess.columns.values())) == len(guess.columns)
    assert set(guess.columns.values()) <= {name.strip() for name in header}


@given(
    st.permutations(ONLINE_RETAIL), st.sampled_from(["_", " ", "-", ".", ""]), st.sampled_from([str.upper, str.lower])
)
def test_case_and_what_stands_between_words_do_not_matter(header: list[str], between: str, case):
    written = [case(between.join(column_guess.words_of(name))) for name in header]
    assert guess_columns(written).missing == {}


def test_a_very_wide_header_is_looked_through_in_no_time():
    assert guess_columns([*(f"measure {n}" for n in range(20_000)), *ONLINE_RETAIL]).missing == {}


def test_the_examples_in_its_words_are_true():
    done = doctest.testmod(column_guess)
    assert (done.failed, done.attempted > 0) == (0, True)
