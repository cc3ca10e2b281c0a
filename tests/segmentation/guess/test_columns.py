"""Each field gets the column that a person would name, or a reason why the header leaves it open."""

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmentation import schemas as s
from segmentation.guess import columns
from segmentation.guess.columns import LOOSE, SIMILAR, guess_columns
from segmentation.guess.programs import EXPORTS
from segmentation.guess.synonyms import words_of

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
OF_OTHER_LANGUAGES = [
    *(
        "Rechnungsnummer Artikelnummer Bezeichnung Menge Rechnungsdatum Einzelpreis Kundennummer Land",
        "Bestellnr. Artikel-Nr. Artikelbezeichnung Anzahl Bestelldatum Stückpreis Kunden-Nr. Lieferland",
        "Beleg Artikel Produktname Stück Datum Preis Kunde Land",
    ),
    *(
        "N°_facture Code_article Désignation Quantité Date_de_facture Prix_unitaire N°_client Pays",
        "Numéro_de_commande Référence_produit Libellé Qté Date_d'achat Prix_unitaire_HT Code_client Pays_de_livraison",
        "Facture Article Nom_du_produit Unités Date Prix Client Pays",
    ),
    *(
        "Factuurnummer Artikelcode Omschrijving Aantal Factuurdatum Stuksprijs Klantnummer Land",
        "Bestelnr. Productnummer Productnaam Hoeveelheid Besteldatum Prijs_per_stuk Klant-ID Land",
        "Factuur Artikelnr Product Stuks Datum Prijs Klant Land",
    ),
    *(
        "Número_de_factura Código_de_producto Descripción Cantidad Fecha_de_factura Precio_unitario ID_de_cliente País",
        "Nº_pedido Código_artículo Nombre_del_producto Unidades Fecha_pedido Precio Código_cliente País_de_envío",
        "Factura Código Producto Cant. Fecha Precio Cliente País",
    ),
    *(
        "Numero_fattura Codice_articolo Descrizione Quantità Data_fattura Prezzo_unitario Codice_cliente Paese",
        "N._ordine Codice_prodotto Nome_prodotto Q.tà Data_dell'ordine Prezzo ID_cliente Paese_di_spedizione",
        "Ordine Codice Prodotto Pezzi Data Prezzo Cliente Nazione",
    ),
]
# Headers of programs' exports, without columns that no line needs, and the columns of the eight fields in order.
SHOPIFY = (
    "Name;Email;Financial Status;Paid at;Currency;Subtotal;Shipping;Taxes;Total;Discount Code;Created at;"
    "Lineitem quantity;Lineitem name;Lineitem price;Lineitem compare at price;Lineitem sku;Billing Name;"
    "Billing Country;Shipping Name;Shipping Country;Notes;Cancelled at;Payment Reference;Vendor;Id;Source;Lineitem "
    "discount;Phone;Receipt Number",
    "Name;Lineitem sku;Lineitem name;Lineitem quantity;Created at;Lineitem price;Email;Billing Country",
)
WOOCOMMERCE = (
    "Order ID;Order Number;Order Status;Order Date;Customer Note;First Name (Billing);Country Code (Billing);"
    "Email (Billing);Phone (Billing);First Name (Shipping);Country Code (Shipping);Payment Method Title;"
    "Order Total Amount;Item #;Item ID;SKU;Item Name;Quantity;Item Cost;Order Line Total;Customer User ID",
    "Order Number;SKU;Item Name;Quantity;Order Date;Item Cost;Customer User ID;Country Code (Billing)",
)
WOOCOMMERCE_OF_ITS_DEFAULTS = (
    "Order Number;Order Status;Order Date;Country Code (Billing);Email (Billing);Country Code (Shipping);SKU;Item #;"
    "Item Name;Quantity (- Refund);Item Cost;Discount Amount",
    "Order Number;SKU;Item Name;Quantity (- Refund);Order Date;Item Cost;Email (Billing);Country Code (Billing)",
)
AMAZON = (
    "amazon-order-id;merchant-order-id;purchase-date;last-updated-date;order-status;sales-channel;product-name;sku;asin;"
    "item-status;quantity;currency;item-price;item-tax;shipping-price;ship-city;ship-country;unit-price;buyer-email",
    "amazon-order-id;sku;product-name;quantity;purchase-date;unit-price;buyer-email;ship-country",
)
AMAZON_BY_ORDER = (
    "order-id;order-item-id;purchase-date;payments-date;buyer-email;buyer-name;sku;product-name;quantity-purchased;"
    "currency;unit-price;item-price;shipping-price;recipient-name;ship-country",
    "order-id;sku;product-name;quantity-purchased;purchase-date;unit-price;buyer-email;ship-country",
)


@pytest.mark.parametrize("header", OF_OTHER_LANGUAGES, ids=lambda header: header.split()[0])
def test_every_field_of_a_header_in_another_language_is_known(header: str):
    names = [name.replace("_", " ") for name in header.split()]
    for ordered in (names, names[::-1]):
        assert guess_columns(ordered).missing == {}
        assert list(guess_columns(ordered).columns.values()) == names


@pytest.mark.parametrize(
    "export",
    [SHOPIFY, WOOCOMMERCE, WOOCOMMERCE_OF_ITS_DEFAULTS, AMAZON, AMAZON_BY_ORDER],
    ids=["Shopify", "WooCommerce", "WooCommerce by default", "Amazon", "Amazon by order"],
)
def test_the_columns_of_a_programs_export_are_known(export: tuple[str, str]):
    header, columns = (names.split(";") for names in export)
    for ordered in (header, header[::-1]):
        guess = guess_columns(ordered)
        assert guess.missing == {}
        assert list(guess.columns.values()) == columns


@pytest.mark.parametrize("marks", [("amazon-order-id",), ("order-item-id", "quantity-purchased")])
def test_item_price_is_a_line_total_in_amazons_export_only(marks: tuple[str, ...]):
    header = ("order-id", "sku", "product-name", "quantity", "purchase-date", "item-price", "buyer-email", "country")
    assert guess_columns((*header, "asin")).columns["unit_price"] == "item-price"
    guess = guess_columns((*header, *marks))
    assert (guess.columns["amount"], "unit_price" in guess.columns) == ("item-price", False)
    assert guess.evidence["amount"] == "as Amazon exports it: the price of all units together"
    assert guess_columns((*header, *marks), {"unit_price": "item-price"}).columns["unit_price"] == "item-price"


def test_own_names_are_taken_whatever_else_an_export_has():
    marks = sorted({mark for export in EXPORTS for marks in export.marks for mark in marks})
    headers = [order for mark in marks for order in ((*s.LINE_FIELDS, mark), (mark, *s.LINE_FIELDS))]
    headers += [
        tuple(sorted({*s.LINE_FIELDS, *frozenset().union(*export.marks), *export.columns.values()}))
        for export in EXPORTS
    ]
    for header in headers:
        assert guess_columns(header).columns == {field: field for field in s.LINE_FIELDS}, header


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        (
            "order_id,created_at,name,email,customer_id,country,line_item_sku,line_item_name,line_item_quantity,"
            "line_item_price",
            "order_id,line_item_sku,line_item_name,line_item_quantity,created_at,line_item_price,customer_id,country",
        ),
        (
            "invoice_no,invoice_date,sku,asin,title,quantity,unit_price,customer_id,buyer_email,country,ship_country",
            "invoice_no,sku,title,quantity,invoice_date,unit_price,customer_id,country",
        ),
    ],
)
def test_a_few_names_of_an_export_do_not_make_one(header: str, columns: str):
    guess = guess_columns(header.split(","))
    assert guess.missing == {}
    assert list(guess.columns.values()) == columns.split(",")


@pytest.mark.parametrize(
    ("header", "field", "why"),
    [
        ("Billing Country;Shipping Country;Name", "country", "may be 'Billing Country' or 'Shipping Country'"),
        ("Rechnungsdatum;Bestelldatum;Datum", "invoice_date", "may be 'Rechnungsdatum' or 'Bestelldatum'"),
        ("Prix unitaire HT;Prix unitaire TTC", "unit_price", "may be 'Prix unitaire HT' or 'Prix unitaire TTC'"),
        ("Numero fattura;Numero ordine", "invoice_no", "may be 'Numero fattura' or 'Numero ordine'"),
        ("Artikelnummer;Código de artículo", "stock_code", "may be 'Artikelnummer' or 'Código de artículo'"),
        ("Name;Email;Id;Total", "invoice_date", "is not there"),
        ("Quantity;Net Sales;Total Price", "amount", "may be 'Net Sales' or 'Total Price'"),
    ],
)
def test_a_field_with_several_candidates_is_not_guessed(header: str, field: str, why: str):
    guess = guess_columns(header.split(";"))
    assert guess.missing[field].startswith(why)
    assert field not in guess.columns


@pytest.mark.parametrize(
    ("header", "field", "column"),
    [
        ("quantity_refund;qty", "quantity", "qty"),
        ("reference_produit;sku", "stock_code", "sku"),
        ("data;timestamp", "invoice_date", "timestamp"),
        ("email;client", "customer_id", "client"),
        ("country_code_billing;billing_country", "country", "billing_country"),
    ],
)
def test_english_names_come_before_those_of_other_languages_and_programs(header: str, field: str, column: str):
    guess = guess_columns(header.split(";"))
    assert guess.columns[field] == column


@pytest.mark.parametrize("header", HEADERS, ids=lambda header: header[0])
def test_a_usual_header_is_known_whole_and_in_any_order(header: tuple[str, ...]):
    guess = guess_columns(header)
    assert guess.missing == {}
    assert sorted(guess.columns.values()) == sorted(name.strip() for name in header)
    assert guess_columns(header[::-1]).columns == guess.columns


def test_own_names_come_before_usual_ones_and_those_before_similar_ones():
    guess = guess_columns((*ONLINE_RETAIL, "order_id", "sku", "Quantitiy", "price", "Region"))
    assert list(guess.columns.values()) == list(ONLINE_RETAIL)
    assert guess_columns(("Quantitiy", "qty")).columns["quantity"] == "qty"


def test_loose_and_similar_names_are_marked_as_such():
    guess = guess_columns(("Client", "CustomerIDs", "Contry", "Price"))
    assert guess.columns["customer_id"] == "Client"
    assert (guess.evidence["customer_id"], guess.evidence["country"]) == (LOOSE, SIMILAR)


@pytest.mark.parametrize(
    ("header", "field", "why"),
    [
        (("Order ID", "Transaction ID"), "invoice_no", "may be 'Order ID' or 'Transaction ID'"),
        (("Quantity", "Quantity"), "quantity", "is 'Quantity', which is there 2 times"),
        (("InvDt",), "invoice_date", "is not there, the nearest is 'InvDt'"),
        (("Quantity", "x"), "unit_price", "is not there"),
        (("Customer ID", "Date"), "quantity", "is not there"),
    ],
)
def test_a_missing_field_has_a_reason_in_words(header: tuple[str, ...], field: str, why: str):
    guess = guess_columns(header)
    assert guess.missing[field].startswith(why)
    assert field not in guess.columns


def test_columns_that_are_given_are_not_guessed_and_are_used_once():
    guess = guess_columns((*ONLINE_RETAIL, "Paid"), {"unit_price": "Paid", "country": "Nowhere"})
    assert guess.columns["unit_price"] == "Paid"
    assert guess.missing == {"country": "is 'Nowhere', which is not there"}


def test_a_given_column_that_is_not_there_is_reported_with_the_nearest():
    guess = guess_columns((*ONLINE_RETAIL, "Paid"), {"unit_price": "paied", "country": "COUNTRY "})
    assert guess.missing == {
        "unit_price": "is 'paied', which is not there: did you mean 'Paid'?",
        "country": "is 'COUNTRY ', which is not there: did you mean 'Country'?",
    }


@given(
    st.lists(st.one_of(st.text(max_size=12), st.sampled_from([*ONLINE_RETAIL, "sku", "qty", "Order Date", "price"])))
)
def test_each_field_gets_at_most_one_column_and_each_column_one_field(header: list[str]):
    guess = guess_columns(header)
    known = [*guess.columns, *guess.missing, *guess.absent]
    assert len(set(known)) == len(known)
    assert {*known, "amount", "unit_price"} == {*s.LINE_FIELDS, "amount"}
    assert guess.missing or {"amount", "unit_price"} & set(guess.columns)
    assert not guess.columns.keys() >= {"amount", "unit_price"}
    assert len(set(guess.columns.values())) == len(guess.columns)
    assert set(guess.columns.values()) <= {name.strip() for name in header}


@given(
    st.permutations(ONLINE_RETAIL), st.sampled_from(["_", " ", "-", ".", ""]), st.sampled_from([str.upper, str.lower])
)
def test_case_and_separators_of_words_do_not_matter(header: list[str], between: str, case):
    written = [case(between.join(words_of(name))) for name in header]
    assert guess_columns(written).missing == {}


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        ("customer_id,date,amount", "customer_id=customer_id,invoice_date=date,amount=amount"),
        ("Kundennummer,Datum,Betrag", "customer_id=Kundennummer,invoice_date=Datum,amount=Betrag"),
        ("user,price,timestamp", "customer_id=user,invoice_date=timestamp,amount=price"),
        ("client,day,qty,Total", "customer_id=client,invoice_date=day,quantity=qty,amount=Total"),
        ("client,day,qty,Price,Total", "customer_id=client,invoice_date=day,quantity=qty,unit_price=Price"),
        ("client,day,Price,Total", "customer_id=client,invoice_date=day,amount=Total"),
        ("client,day,qty,Net sales,Gross sales", "customer_id=client,invoice_date=day,quantity=qty,amount=Net sales"),
    ],
)
def test_a_customer_a_date_and_money_are_enough(header: str, columns: str):
    guess = guess_columns(header.split(","))
    assert guess.missing == {}
    assert guess.columns == dict(pair.split("=") for pair in columns.split(","))
    assert {"invoice_no", "stock_code", "description", "country"} <= guess.absent.keys()


def test_what_set_leaves_out_is_not_looked_for():
    guess = guess_columns((*ONLINE_RETAIL, "Net sales"), {"country": None, "amount": "Net sales"})
    assert guess.missing == {}
    assert not {"country", "unit_price"} & guess.columns.keys()
    assert guess.absent == {"country": "left out, as --set says"}
    assert guess_columns(ONLINE_RETAIL, {"customer_id": None}).missing == {"customer_id": "left out, as --set says"}


def test_a_very_wide_header_is_guessed():
    assert guess_columns([*(f"measure {n}" for n in range(5_000)), *ONLINE_RETAIL]).missing == {}


def test_the_examples_in_its_docstrings_are_true():
    done = doctest.testmod(columns)
    assert (done.failed, done.attempted > 0) == (0, True)
