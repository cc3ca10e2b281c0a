"""Programs whose exports are recognised by their header, and what to know of their columns. Plain Python."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from segmentation import schemas as s


@dataclass(frozen=True)
class Export:
    """A program's export, recognised by its `marks`: of each set one name must be in the header.

    `columns` maps fields to columns where their names alone would mislead, `left_out` fields to why they are not read.
    `notes` says what to know of a column. `line_totals` are columns that hold the money of a whole line under the name
    of a price, `misleading` those that are not what their name says.
    """

    program: str = ""
    marks: tuple[frozenset[str], ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)
    line_totals: frozenset[str] = frozenset()
    misleading: frozenset[str] = frozenset()
    left_out: Mapping[str, str] = field(default_factory=dict)

    def evidence(self, of_field: str) -> str:
        """Return how the column of a field is known, with the note on it."""
        note = f": {self.notes[of_field]}" if of_field in self.notes else ""
        return f"as {self.program} exports it{note}"


def _all_of(names: str) -> tuple[frozenset[str], ...]:
    return tuple(frozenset({name}) for name in names.split())


A_NAME = {s.CUSTOMER_ID: "a name: people of the same name are one customer"}
OF_ORDERS = {
    s.STOCK_CODE: "of an order, not of its items",
    s.DESCRIPTION: "of an order, not of its items",
    s.QUANTITY: "of an order, not of its items",
}

# Several marks each: any shop may use one of a program's names, and mean something else by the others.
EXPORTS = (
    Export(
        "Shopify",
        tuple(frozenset({mark}) for mark in ("lineitemname", "lineitemquantity", "lineitemprice", "financialstatus")),
        {s.INVOICE_NO: "name", s.INVOICE_DATE: "createdat", s.CUSTOMER_ID: "email", s.COUNTRY: "billingcountry"},
        {s.COUNTRY: "often only in the first line of an order, its other lines count as Unspecified"},
    ),
    # Amazon documents item-price as the price of all units together.
    Export(
        "Amazon",
        (
            frozenset({"amazonorderid", "orderitemid"}),
            frozenset({"amazonorderid", "quantitypurchased"}),
            frozenset({"amazonorderid", "buyeremail", "shipservicelevel"}),
        ),
        {s.STOCK_CODE: "sku", s.CUSTOMER_ID: "buyeremail", s.COUNTRY: "shipcountry", s.AMOUNT: "itemprice"},
        {s.AMOUNT: "the price of all units together"},
        line_totals=frozenset({"itemprice"}),
    ),
    # Its Item Cost is the price of one unit, its Item ID identifies a line of an order. The shop chooses the columns:
    # the first mark, and two of the others.
    Export(
        "WooCommerce",
        (
            frozenset({"itemcost"}),
            frozenset({"countrycodebilling", "emailbilling"}),
            frozenset({"countrycodebilling", "customeruserid"}),
            frozenset({"emailbilling", "customeruserid"}),
        ),
        {
            s.INVOICE_NO: "ordernumber",
            s.STOCK_CODE: "sku",
            s.UNIT_PRICE: "itemcost",
            s.CUSTOMER_ID: "customeruserid",
            s.COUNTRY: "countrycodebilling",
        },
    ),
    # Its SKU is blank where the seller keeps none; its Time is apart from its Date.
    Export(
        "Square",
        _all_of("pricepointname transactionid netsales"),
        {s.STOCK_CODE: "item", s.INVOICE_DATE: "date", s.AMOUNT: "netsales"},
        left_out={s.DESCRIPTION: "the item is the stock code"},
    ),
    Export(
        "Loyverse",
        _all_of("receiptnumber receipttype netsales customername"),
        {s.CUSTOMER_ID: "customername", s.INVOICE_DATE: "date", s.AMOUNT: "netsales"},
        A_NAME,
    ),
    Export(
        "Clover",
        _all_of("paymentid paymentdate orderid cardentrytype customername"),
        {
            s.INVOICE_NO: "orderid",
            s.INVOICE_DATE: "paymentdate",
            s.CUSTOMER_ID: "customername",
            s.AMOUNT: "amount",
        },
        A_NAME,
        left_out=OF_ORDERS,
    ),
    Export(
        "Clover",
        _all_of("orderemployeeid orderpaymentstate ordertotal"),
        {s.INVOICE_NO: "orderid", s.INVOICE_DATE: "orderdate", s.AMOUNT: "ordertotal"},
        left_out=OF_ORDERS,
    ),
    Export(
        "Toast",
        _all_of("itemselectionid menuitem netprice"),
        {
            s.INVOICE_NO: "orderid",
            s.STOCK_CODE: "masterid",
            s.DESCRIPTION: "menuitem",
            s.INVOICE_DATE: "orderdate",
            s.AMOUNT: "netprice",
        },
        line_totals=frozenset({"netprice", "grossprice"}),
    ),
    Export(
        "Toast",
        _all_of("checkid openeddate openedtime tablesize"),
        {s.INVOICE_NO: "checkid", s.INVOICE_DATE: "openeddate", s.AMOUNT: "total"},
        left_out=OF_ORDERS,
    ),
    # Its Total Price has postage and tax in it.
    Export(
        "eBay",
        _all_of("salesrecordnumber buyerusername soldfor"),
        {
            s.INVOICE_NO: "ordernumber",
            s.STOCK_CODE: "itemnumber",
            s.UNIT_PRICE: "soldfor",
            s.CUSTOMER_ID: "buyerusername",
            s.COUNTRY: "buyercountry",
        },
        {s.UNIT_PRICE: "taken for the price of one, without postage and tax: check an order of several"},
    ),
    # Its Transaction ID is of a line, its SKU blank where the seller keeps none.
    Export(
        "Etsy",
        _all_of("listingid orderid buyer itemname"),
        {s.INVOICE_NO: "orderid", s.STOCK_CODE: "listingid", s.CUSTOMER_ID: "buyer"},
    ),
    # Its InventoryItemCode is blank for all that is not kept in stock.
    Export(
        "Xero",
        _all_of("contactname inventoryitemcode lineamount"),
        {s.STOCK_CODE: "description", s.CUSTOMER_ID: "contactname", s.COUNTRY: "pocountry", s.AMOUNT: "lineamount"},
        A_NAME,
        left_out={s.DESCRIPTION: "it is the stock code"},
    ),
    Export(
        "QuickBooks",
        _all_of("transactiontype num productservice salesprice"),
        {s.INVOICE_NO: "num", s.STOCK_CODE: "productservice", s.DESCRIPTION: "memodescription"},
    ),
    Export(
        "Magento",
        _all_of("purchasepoint purchasedate billtoname"),
        {s.INVOICE_NO: "id", s.CUSTOMER_ID: "customeremail", s.AMOUNT: "subtotal"},
        left_out=OF_ORDERS,
    ),
    # Its order-item-id counts the lines of an order; its customer_id is made anew for each order.
    Export(
        "Olist",
        _all_of("customeruniqueid orderpurchasetimestamp"),
        {s.CUSTOMER_ID: "customeruniqueid"},
        {s.CUSTOMER_ID: "customer_id is another one for each order"},
        misleading=frozenset({"customerid"}),
    ),
    Export(
        "dunnhumby",
        _all_of("householdkey basketid salesvalue"),
        {s.CUSTOMER_ID: "householdkey"},
        {s.CUSTOMER_ID: "a household"},
    ),
    Export(
        "Stripe",
        (
            frozenset({"sellermessage", "statementdescriptor"}),
            frozenset({"createdutc", "createddateutc"}),
            frozenset({"amountrefunded"}),
        ),
        {s.INVOICE_NO: "id", s.INVOICE_DATE: "createdutc createddateutc", s.AMOUNT: "amount"},
        left_out=OF_ORDERS,
    ),
    # Item and quantity are blank in most of its lines.
    Export(
        "PayPal",
        _all_of("timezone gross fee net fromemailaddress transactionid"),
        {
            s.INVOICE_NO: "transactionid",
            s.INVOICE_DATE: "date",
            s.CUSTOMER_ID: "fromemailaddress",
            s.AMOUNT: "gross",
        },
        left_out=OF_ORDERS,
    ),
    Export(
        "BigCommerce",
        _all_of("orderid ordertotalinctax ordercurrencycode"),
        {s.AMOUNT: "ordertotalinctax"},
        left_out=OF_ORDERS,
    ),
    Export(
        "PrestaShop",
        _all_of("idorder idcustomer productid"),
        {s.CUSTOMER_ID: "idcustomer", s.UNIT_PRICE: "unitpricetaxincl"},
    ),
)


def export_of(names: Collection[str]) -> Export:
    """Return the export whose header has these names, each as `normal` writes it; an empty one if none is known.

    >>> export_of({"amazonorderid", "sku", "itemprice", "orderitemid"}).program, export_of({"orderid", "asin"}).program
    ('Amazon', '')
    """
    known = (export for export in EXPORTS if all(not marks.isdisjoint(names) for marks in export.marks))
    return next(known, Export())
