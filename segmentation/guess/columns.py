"""What shops, tills and their programs call the eight fields of a line, in words to compare; plain Python."""
# TODO-DOC guess.columns: Which column of a header holds which field of a line, guessed from the columns'
# names; plain Python.

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from segmentation import schemas as s
from segmentation.ingest.files import LONGEST_NAME_SHOWN, nearest_name

# Without spaces, accents and letter case, by how surely a name is that of a field: English names of just this field;
# those of programs, and of German, French, Dutch, Spanish and Italian as far as these have words of their own; then
# names that may mean something else, likewise. Each set is looked at where those before it have none.
SYNONYMS: Mapping[str, tuple[str, str, str, str]] = {
    s.INVOICE_NO: (
        "invoice invoiceid invoicenumber invoicenum invoicenr invoicecode orderid orderno ordernumber ordernum ordernr "
        "orderref orderreference transactionid transactionno transactionnumber transactionnum txnid txnno receiptid "
        "receiptno receiptnumber basketid billno billid billnumber saleid salesid salesorderid salesordernumber "
        "documentno documentnumber ticketid ticketno ticketnumber",
        "amazonorderid "
        "rechnungsnummer rechnungsnr rechnungnr bestellnummer bestellnr bestellid auftragsnummer auftragsnr "
        "belegnummer belegnr bonnr "
        "numerofacture nfacture nofacture numfacture idfacture numerocommande ncommande nocommande numcommande "
        "idcommande referencecommande "
        "factuurnummer factuurnr bestelnummer bestelnr ordernummer bonnummer "
        "numerofactura nfactura nofactura numfactura idfactura numeropedido npedido nopedido numpedido idpedido "
        "numerofattura nfattura nofattura idfattura numeroordine nordine noordine idordine",
        "order transaction receipt basket bill ticket document sale",
        "rechnung bestellung auftrag beleg facture commande factuur bestelling factura pedido fattura ordine",
    ),
    s.STOCK_CODE: (
        "sku skuid skucode skuno productid productcode productno productnumber productnum productsku productkey itemid "
        "itemcode itemno itemnumber itemnum itemsku articleid articleno articlecode articlenumber ean upc gtin "
        "barcode materialnumber",
        "asin variantsku lineitemsku productreference "
        "artikelnummer artikelnr artnr artikelno artikelid artikelcode produktnummer produktnr produktid produktcode "
        "codearticle codeproduit referencearticle referenceproduit refarticle refproduit ref idarticle "
        "idproduit numeroarticle "
        "productnummer productnr "
        "codigoproducto codigoarticulo referenciaproducto referenciaarticulo idproducto idarticulo "
        "codiceprodotto codicearticolo idprodotto idarticolo",
        "product item article material code stock",
        "produkt artikel produit producto articulo prodotto articolo codigo codice",
    ),
    s.DESCRIPTION: (
        "desc productname productdescription producttitle productdesc itemname itemdescription itemdesc itemtitle "
        "articlename articledescription stockdescription skudescription skuname",
        "lineitemname "
        "bezeichnung artikelbezeichnung produktbezeichnung artikelname produktname beschreibung artikelbeschreibung "
        "produktbeschreibung "
        "designation libelle designationarticle libellearticle libelleproduit nomproduit nomarticle "
        "omschrijving beschrijving artikelomschrijving productomschrijving productnaam artikelnaam "
        "descripcion descripcionproducto descripcionarticulo nombreproducto nombrearticulo "
        "descrizione descrizioneprodotto descrizionearticolo nomeprodotto nomearticolo",
        "title name product item article details",
        "produkt artikel produit producto articulo prodotto articolo",
    ),
    s.QUANTITY: (
        "qty quantitysold quantityordered orderedquantity orderquantity soldquantity qtysold qtyordered orderqty "
        "soldqty unitssold unitsold unitsordered numberofunits numunits unitquantity itemquantity itemqty "
        "productquantity",
        "lineitemquantity quantitypurchased quantityrefund "
        "menge anzahl stuckzahl stueckzahl "
        "quantite qte quantitevendue quantitecommandee "
        "aantal hoeveelheid "
        "cantidad cant cantidadvendida cantidadpedida "
        "quantita qta quantitavenduta quantitaordinata",
        "units unit pieces pcs count",
        "stuck stueck unites stuks unidades piezas pezzi",
    ),
    s.INVOICE_DATE: (
        "invoicedatetime invoicetimestamp invoicetime orderdate orderdatetime ordertime ordertimestamp orderedat "
        "ordereddate orderpurchasetimestamp transactiondate transactiondatetime transactiontime transactiontimestamp "
        "txndate purchasedate purchasedatetime purchasedat saledate salesdate saledatetime soldat datesold receiptdate "
        "billdate billingdate dateofsale dateofpurchase dateoforder",
        "rechnungsdatum bestelldatum auftragsdatum kaufdatum verkaufsdatum belegdatum "
        "datefacture datefacturation datecommande dateachat datevente "
        "factuurdatum besteldatum orderdatum aankoopdatum verkoopdatum "
        "fechafactura fechapedido fechacompra fechaventa "
        "datafattura dataordine dataacquisto datavendita",
        "date datetime timestamp time day createdat created",
        "datum fecha data",
    ),
    s.UNIT_PRICE: (
        "price priceperunit priceperitem itemprice productprice sellingprice saleprice salesprice retailprice "
        "priceeach unitsellingprice unitretailprice pricepaid",
        "lineitemprice "
        "preis einzelpreis stuckpreis stueckpreis verkaufspreis vkpreis preisprostuck preisprostueck "
        "prix prixunitaire prixvente "
        "prijs stuksprijs eenheidsprijs prijsperstuk verkoopprijs "
        "precio preciounitario precioporunidad precioventa "
        "prezzo prezzounitario prezzovendita",
        "listprice rate unitcost unitvalue",
        "itemcost",
    ),
    s.CUSTOMER_ID: (
        "customerno customernumber customernum customercode customerkey customerref custid custno clientid "
        "clientno clientnumber clientcode userid userno usernumber buyerid memberid membershipid membershipno "
        "membernumber accountid accountno accountnumber shopperid consumerid loyaltyid",
        "customeruserid "
        "kundennummer kundennr kdnr kundenid kundeid "
        "numeroclient nclient noclient numclient idclient codeclient "
        "klantnummer klantnr klantid klantcode "
        "clienteid idcliente numerocliente ncliente nocliente codigocliente "
        "codicecliente",
        "customer client user buyer member account shopper consumer cust",
        "email customeremail emailbilling buyeremail kunde klant cliente",
    ),
    s.COUNTRY: (
        "countryname countrycode countryregion customercountry shippingcountry shipcountry shiptocountry "
        "billingcountry billtocountry deliverycountry countryofresidence",
        "countrycodebilling countrycodeshipping "
        "land rechnungsland lieferland "
        "pays paysfacturation payslivraison paysclient "
        "factuurland leveringsland "
        "pais paisfacturacion paisenvio "
        "paese paesefatturazione paesespedizione nazione",
        "nation market region territory",
        "",
    ),
}
# What is often added to a name and says nothing of which field it is.
DECORATIONS = frozenset(
    {"gbp", "usd", "eur", "chf", "cad", "aud", "inr", "utc", "local", "raw", "the", "of", "in", "a", "x", "y", "vat"}
    | {"ht", "ttc", "netto", "brutto"}
)
# What stands between the words of a name: a synonym is without them.
LINKS = frozenset({"de", "d", "du", "des", "del", "dell", "della", "di", "van", "der"})
# What columns are called that hold the money of a whole line, where the job needs the price of one unit.
LINE_TOTALS = frozenset(
    {"total", "totalprice", "amount", "lineamount", "linetotal", "sales", "revenue", "totalamount", "ordertotal"}
    | {"gesamt", "gesamtpreis", "gesamtbetrag", "betrag", "summe", "umsatz", "montant", "montanttotal", "prixtotal"}
    | {"totaal", "totaalprijs", "totaalbedrag", "bedrag", "importe", "importetotal", "preciototal"}
    | {"totale", "importo", "importototale", "prezzototale"}
)


@dataclass(frozen=True)
class Export:
    """The export of a program, known by its `marks`, of each set of which one name must be there: which columns hold
    the fields that have not their own name, where names alone would not tell, what is to be known of them, and which
    hold the money of a whole line under the name of a price.
    """

    program: str = ""
    marks: tuple[frozenset[str], ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    cautions: Mapping[str, str] = field(default_factory=dict)
    line_totals: frozenset[str] = frozenset()

    def told(self, one: str) -> str:
        """How the column of a field is known, with what is to be known of it."""
        return f"as {self.program} exports it" + (f": {self.cautions[one]}" if one in self.cautions else "")


# Any shop may have one name of a program's, and then means by it, and by others, what it likes.
EXPORTS = (
    Export(
        "Shopify",
        tuple(frozenset({one}) for one in ("lineitemname", "lineitemquantity", "lineitemprice", "financialstatus")),
        {s.INVOICE_NO: "name", s.INVOICE_DATE: "createdat", s.CUSTOMER_ID: "email", s.COUNTRY: "billingcountry"},
        {s.COUNTRY: "often only in an order's first line, its others count as Unspecified"},
    ),
    # Its item-price is that of all units together, says its description of the reports.
    Export(
        "Amazon",
        (
            frozenset({"amazonorderid", "orderitemid"}),
            frozenset({"amazonorderid", "quantitypurchased"}),
            frozenset({"amazonorderid", "buyeremail", "shipservicelevel"}),
        ),
        {s.STOCK_CODE: "sku", s.CUSTOMER_ID: "buyeremail", s.COUNTRY: "shipcountry"},
        line_totals=frozenset({"itemprice"}),
    ),
    # Its Item Cost is what a customer pays for one unit, its Item ID a line of an order. Which columns it writes is
    # chosen by the shop: the first, and two of the others.
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
)


def export_of(names: Collection[str]) -> Export:
    """The export whose header has these names, each `normal`; one that tells nothing where it is none that is known.

    >>> export_of({"amazonorderid", "sku", "itemprice"}).program, export_of({"orderid", "asin", "itemprice"}).program
    ('Amazon', '')
    """
    found = (export for export in EXPORTS if all(not marks.isdisjoint(names) for marks in export.marks))
    return next(found, Export())


def words_of(name: str) -> list[str]:
    r"""The words of a column's name in small letters, without accents and what is no letter or digit.

    >>> words_of("\ufeffInvoice_No."), words_of("unitPrice"), words_of("SKUCode"), words_of("sales.order-id")
    (['invoice', 'no'], ['unit', 'price'], ['sku', 'code'], ['sales', 'order', 'id'])
    """
    plain = "".join(one for one in unicodedata.normalize("NFKD", name) if not unicodedata.combining(one))
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", plain)
    return re.findall(r"[^\W_]+", apart.casefold())


def normal(name: str) -> str:
    """The words of a name in one, without those that only link others.

    >>> normal("Customer ID") == normal("customer_id") == normal("CustomerId") == "customerid"
    True
    >>> normal("Numéro de facture"), normal("Date d'achat")
    ('numerofacture', 'dateachat')
    """
    words = words_of(name)
    linked = range(1, len(words) - 1)
    return "".join(word for place, word in enumerate(words) if place not in linked or word not in LINKS)


# A name that differs by a letter or two of ten; "client ip" is farther than that from "client id".
NEAR = 0.88
MOST_TOLD = 5
# A header of more columns than that is compared by names that are known alone.
MOST_COMPARED = 500

GIVEN, NAMED, EXPORTED, USUAL = "as --set says", "its own name", "as exported", "a usual name"
LOOSE, NEARLY = "a name it may have", "nearly a usual name"
# Of other languages than English, and of programs.
USUAL_ELSEWHERE, LOOSE_ELSEWHERE = "a usual name elsewhere", "a name it may have elsewhere"
# As a header is looked through; the sets of SYNONYMS among them.
SETS = (USUAL, USUAL_ELSEWHERE, LOOSE, LOOSE_ELSEWHERE)
WAYS = (NAMED, EXPORTED, *SETS, NEARLY)
# Ways of which nobody need be told more than the column.
CERTAIN = (GIVEN, NAMED, USUAL, USUAL_ELSEWHERE)


@dataclass(frozen=True)
class ColumnGuess:
    """For each field found its column and how that was known; for each other one why not, in a person's words."""

    columns: Mapping[str, str]
    known_by: Mapping[str, str]
    missing: Mapping[str, str]


def guess_columns(names: Sequence[str], fixed: Mapping[str, str] | None = None) -> ColumnGuess:
    """The best column for each field, each column used once: those named so first, then those of a known export, then
    usual names, then near ones. `fixed` are the columns of fields that need no guess.

    >>> header = ["Order ID", "SKU", "Product Name", "Qty", "Order Date", "Unit Price", "Client", "Market", "Notes"]
    >>> guess_columns(header).columns["customer_id"], guess_columns(header).missing
    ('Client', {})
    >>> guess_columns(["OrderID", "TransactionID"]).missing["invoice_no"]
    "may be 'OrderID' or 'TransactionID'"
    """
    stripped = [name.strip() for name in names]
    plain = {name: normal(name) for name in dict.fromkeys(stripped) if name}
    export = export_of(plain.values())
    columns = dict(fixed or {})
    known_by = dict.fromkeys(columns, GIVEN)
    missing: dict[str, str] = {}
    for how in WAYS:
        while True:
            free = {name: words for name, words in plain.items() if words and name not in columns.values()}
            wanted = [one for one in s.LINE_FIELDS if one not in columns and one not in missing]
            candidates = {one: _candidates(one, how, free, export) for one in wanted}
            certain = next((one for one in wanted if len(candidates[one]) == 1), None)
            if certain is None:
                break
            columns[certain] = candidates[certain][0]
            known_by[certain] = export.told(certain) if how == EXPORTED else how
        missing |= {one: f"may be {_or(several)}" for one, several in candidates.items() if several}
    free = {name: words for name, words in plain.items() if name not in columns.values()}
    missing |= {
        one: _why_missing(one, free, export) for one in s.LINE_FIELDS if one not in columns and one not in missing
    }
    for one, column in list(columns.items()):
        if stripped.count(column) != 1:
            missing[one] = f"is {_told(column)}, which is {_how_often(column, stripped)}"
            del columns[one]
    return ColumnGuess(
        {one: columns[one] for one in s.LINE_FIELDS if one in columns},
        known_by,
        {one: missing[one] for one in s.LINE_FIELDS if one in missing},
    )


def _candidates(one: str, how: str, free: Mapping[str, str], export: Export) -> list[str]:
    """The columns that may be a field in one of the ways; several for a field are as good as each other.

    `free` are the columns that are not used yet, each with its words in one.
    """
    sets = {name: set(synonyms.split()) for name, synonyms in zip(SETS, SYNONYMS[one], strict=True)}
    known = {NAMED: {normal(one)}, EXPORTED: {export.columns.get(one, "")}, **sets}
    totals = LINE_TOTALS | export.line_totals if one == s.UNIT_PRICE else frozenset()
    if how in known:
        return [name for name, words in free.items() if words in known[how] - totals]
    compared = [name for name, words in free.items() if words not in totals][:MOST_COMPARED]
    usual = sets[USUAL] | sets[USUAL_ELSEWHERE] | {normal(one)}
    nearness = {name: _nearness(name, usual) for name in compared}
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


def _how_often(column: str, names: Sequence[str]) -> str:
    if column in names:
        return f"there {names.count(column)} times"
    near = nearest_name(column, names)
    return "not there" + (f": did you mean {_told(near)}?" if near is not None else "")


def _why_missing(one: str, free: Mapping[str, str], export: Export) -> str:
    total = next((name for name, words in free.items() if words in LINE_TOTALS | export.line_totals), None)
    if one == s.UNIT_PRICE and total is not None:
        held = f"is, as {export.program} exports it," if free[total] in export.line_totals else "may be"
        return (
            f"is not there; {_told(total)} {held} the money of a line, where the price of one unit is needed: add a "
            "column of it, divided by the quantity"
        )
    near = nearest_name(one, list(free))
    return "is not there" + (f", the nearest is {_told(near)}" if near is not None else "")


def _or(names: Sequence[str]) -> str:
    more = f" or {len(names) - MOST_TOLD} others" if len(names) > MOST_TOLD else ""
    return " or ".join(_told(name) for name in names[:MOST_TOLD]) + more


def _told(name: str) -> str:
    return repr(name[:LONGEST_NAME_SHOWN])
