"""What shops, tills and their programs call the eight fields of a line, in words to compare; plain Python."""

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from segmentation.schemas import (
    COUNTRY,
    CUSTOMER_ID,
    DESCRIPTION,
    INVOICE_DATE,
    INVOICE_NO,
    QUANTITY,
    STOCK_CODE,
    UNIT_PRICE,
)

# Without spaces, accents and letter case, by how surely a name is that of a field: English names of just this field;
# those of programs, and of German, French, Dutch, Spanish and Italian as far as these have words of their own; then
# names that may mean something else, likewise. Each set is looked at where those before it have none.
SYNONYMS: Mapping[str, tuple[str, str, str, str]] = {
    INVOICE_NO: (
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
    STOCK_CODE: (
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
    DESCRIPTION: (
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
    QUANTITY: (
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
    INVOICE_DATE: (
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
    UNIT_PRICE: (
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
    CUSTOMER_ID: (
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
    COUNTRY: (
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
        {INVOICE_NO: "name", INVOICE_DATE: "createdat", CUSTOMER_ID: "email", COUNTRY: "billingcountry"},
        {COUNTRY: "often only in an order's first line, its others count as Unspecified"},
    ),
    # Its item-price is that of all units together, says its description of the reports.
    Export(
        "Amazon",
        (
            frozenset({"amazonorderid", "orderitemid"}),
            frozenset({"amazonorderid", "quantitypurchased"}),
            frozenset({"amazonorderid", "buyeremail", "shipservicelevel"}),
        ),
        {STOCK_CODE: "sku", CUSTOMER_ID: "buyeremail", COUNTRY: "shipcountry"},
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
            INVOICE_NO: "ordernumber",
            STOCK_CODE: "sku",
            UNIT_PRICE: "itemcost",
            CUSTOMER_ID: "customeruserid",
            COUNTRY: "countrycodebilling",
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
