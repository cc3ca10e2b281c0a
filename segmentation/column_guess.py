"""Which column of a header holds which field of a line, guessed from the columns' names; plain Python."""

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from segmentation.headers import LONGEST_NAME_SHOWN, nearest
from segmentation.schemas import (
    COUNTRY,
    CUSTOMER_ID,
    DESCRIPTION,
    INVOICE_DATE,
    INVOICE_NO,
    LINE_FIELDS,
    QUANTITY,
    STOCK_CODE,
    UNIT_PRICE,
)

# What shops, tills and their programs call the eight fields, without spaces and letter case. The first set names just
# this field; a name of the second may mean something else, and is taken where the first has none.
SYNONYMS: Mapping[str, tuple[str, str]] = {
    INVOICE_NO: (
        "invoice invoiceid invoicenumber invoicenum invoicenr invoicecode orderid orderno ordernumber ordernum ordernr "
        "orderref orderreference transactionid transactionno transactionnumber transactionnum txnid txnno receiptid "
        "receiptno receiptnumber basketid billno billid billnumber saleid salesid salesorderid salesordernumber "
        "documentno documentnumber ticketid ticketno ticketnumber rechnungsnummer bestellnummer numerofacture",
        "order transaction receipt basket bill ticket document sale",
    ),
    STOCK_CODE: (
        "sku skuid skucode skuno productid productcode productno productnumber productnum productsku productkey itemid "
        "itemcode itemno itemnumber itemnum itemsku articleid articleno articlecode articlenumber article ean upc gtin "
        "barcode asin materialnumber variantsku lineitemsku artikelnummer",
        "product item material code stock",
    ),
    DESCRIPTION: (
        "desc productname productdescription producttitle productdesc itemname itemdescription itemdesc itemtitle "
        "articlename articledescription stockdescription lineitemname skudescription skuname bezeichnung designation",
        "title name product item details",
    ),
    QUANTITY: (
        "qty quantitysold quantityordered orderedquantity orderquantity soldquantity qtysold qtyordered orderqty "
        "soldqty unitssold unitsold unitsordered numberofunits numunits unitquantity itemquantity itemqty "
        "lineitemquantity productquantity menge quantite cantidad",
        "units unit pieces pcs count",
    ),
    INVOICE_DATE: (
        "invoicedatetime invoicetimestamp invoicetime orderdate orderdatetime ordertime ordertimestamp orderedat "
        "ordereddate orderpurchasetimestamp transactiondate transactiondatetime transactiontime transactiontimestamp "
        "txndate purchasedate purchasedatetime purchasedat saledate salesdate saledatetime soldat datesold receiptdate "
        "billdate billingdate dateofsale dateofpurchase dateoforder datum bestelldatum rechnungsdatum fecha",
        "date datetime timestamp time day createdat created",
    ),
    UNIT_PRICE: (
        "price priceperunit priceperitem itemprice productprice sellingprice saleprice salesprice retailprice "
        "priceeach unitsellingprice unitretailprice lineitemprice pricepaid preis einzelpreis stueckpreis stuckpreis "
        "prixunitaire preciounitario",
        "listprice rate unitcost unitvalue",
    ),
    CUSTOMER_ID: (
        "customerno customernumber customernum customercode customerkey customerref custid custno clientid "
        "clientno clientnumber clientcode userid userno usernumber buyerid memberid membershipid membershipno "
        "membernumber accountid accountno accountnumber shopperid consumerid loyaltyid kundennummer kundeid clienteid",
        "customer client user buyer member account shopper consumer cust email customeremail",
    ),
    COUNTRY: (
        "countryname countrycode countryregion customercountry shippingcountry shipcountry shiptocountry "
        "billingcountry billtocountry deliverycountry countryofresidence land pays pais",
        "nation market region territory",
    ),
}
# What is often added to a name and says nothing of which field it is.
DECORATIONS = frozenset(
    {"gbp", "usd", "eur", "chf", "cad", "aud", "inr", "utc", "local", "raw", "the", "of", "in", "a", "x", "y", "vat"}
)
# A name that differs by a letter or two of ten; "client ip" is farther than that from "client id".
NEAR = 0.88
# What columns are called that hold the money of a whole line, where the job needs the price of one unit.
LINE_TOTALS = frozenset(
    {"total", "totalprice", "amount", "lineamount", "linetotal", "sales", "revenue", "totalamount", "ordertotal"}
)
MOST_TOLD = 5
# A header of more columns than that is compared by names that are known alone.
MOST_COMPARED = 500

GIVEN, NAMED, USUAL = "as --set says", "its own name", "a usual name"
LOOSE, NEARLY = "a name it may have", "nearly a usual name"


@dataclass(frozen=True)
class ColumnGuess:
    """For each field found its column and how that was known; for each other one why not, in a person's words."""

    columns: Mapping[str, str]
    known_by: Mapping[str, str]
    missing: Mapping[str, str]


def words_of(name: str) -> list[str]:
    r"""The words of a column's name in small letters, without accents and what is no letter or digit.

    >>> words_of("\ufeffInvoice_No."), words_of("unitPrice"), words_of("SKUCode"), words_of("sales.order-id")
    (['invoice', 'no'], ['unit', 'price'], ['sku', 'code'], ['sales', 'order', 'id'])
    """
    plain = "".join(one for one in unicodedata.normalize("NFKD", name) if not unicodedata.combining(one))
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", plain)
    return re.findall(r"[^\W_]+", apart.casefold())


def normal(name: str) -> str:
    """The words of a name in one.

    >>> normal("Customer ID") == normal("customer_id") == normal("CustomerId") == "customerid"
    True
    """
    return "".join(words_of(name))


def guess_columns(names: Sequence[str], fixed: Mapping[str, str] | None = None) -> ColumnGuess:
    """The best column for each field, each column used once: those named so first, then usual names, then near ones.
    `fixed` are the columns of fields that need no guess.

    >>> header = ["Order ID", "SKU", "Product Name", "Qty", "Order Date", "Unit Price", "Client", "Market", "Notes"]
    >>> guess_columns(header).columns["customer_id"], guess_columns(header).missing
    ('Client', {})
    >>> guess_columns(["OrderID", "TransactionID"]).missing["invoice_no"]
    "may be 'OrderID' or 'TransactionID'"
    """
    stripped = [name.strip() for name in names]
    columns = dict(fixed or {})
    known_by = dict.fromkeys(columns, GIVEN)
    missing: dict[str, str] = {}
    for how in (NAMED, USUAL, LOOSE, NEARLY):
        while True:
            free = [name for name in dict.fromkeys(stripped) if normal(name) and name not in columns.values()]
            wanted = [one for one in LINE_FIELDS if one not in columns and one not in missing]
            candidates = {one: _candidates(one, how, free) for one in wanted}
            certain = next((one for one in wanted if len(candidates[one]) == 1), None)
            if certain is None:
                break
            columns[certain], known_by[certain] = candidates[certain][0], how
        missing |= {one: f"may be {_or(several)}" for one, several in candidates.items() if several}
    free = [name for name in dict.fromkeys(stripped) if name and name not in columns.values()]
    missing |= {one: _why_missing(one, free) for one in LINE_FIELDS if one not in columns and one not in missing}
    for one, column in list(columns.items()):
        if stripped.count(column) != 1:
            there = f"there {stripped.count(column)} times" if column in stripped else "not there"
            missing[one] = f"is {column!r}, which is {there}"
            del columns[one]
    return ColumnGuess(
        {one: columns[one] for one in LINE_FIELDS if one in columns},
        known_by,
        {one: missing[one] for one in LINE_FIELDS if one in missing},
    )


def _candidates(one: str, how: str, names: Sequence[str]) -> list[str]:
    """The columns that may be a field in one of the four ways; several for a field are as good as each other."""
    usual, loose = (set(synonyms.split()) for synonyms in SYNONYMS[one])
    known = {NAMED: {normal(one)}, USUAL: usual, LOOSE: loose}
    if how in known:
        return [name for name in names if normal(name) in known[how]]
    nearness = {name: _nearness(name, usual | {normal(one)}) for name in names[:MOST_COMPARED]}
    best = max(nearness.values(), default=0.0)
    return [name for name, near in nearness.items() if near == best] if best >= NEAR else []


def _nearness(name: str, known: Collection[str]) -> float:
    """From 0 to 1 for the known name that is nearest to this one, with and without what is often added to a name."""
    bare = "".join(word for word in words_of(name) if word not in DECORATIONS)
    if bare in known:
        return 1.0
    return max(
        SequenceMatcher(None, normal(name)[:LONGEST_NAME_SHOWN], other, autojunk=False).ratio() for other in known
    )


def _why_missing(one: str, free: Sequence[str]) -> str:
    total = next((name for name in free if normal(name) in LINE_TOTALS), None)
    if one == UNIT_PRICE and total is not None:
        return f"is not there; {_told(total)} may be the money of a line, where the price of one unit is needed"
    near = nearest(one, free)
    return "is not there" + (f", the nearest is {_told(near)}" if near is not None else "")


def _or(names: Sequence[str]) -> str:
    more = f" or {len(names) - MOST_TOLD} others" if len(names) > MOST_TOLD else ""
    return " or ".join(_told(name) for name in names[:MOST_TOLD]) + more


def _told(name: str) -> str:
    return repr(name[:LONGEST_NAME_SHOWN])
