"""What shops, tills and their programs call the fields of a line, in words to compare. Plain Python."""

import re
import unicodedata
from collections.abc import Mapping

from segmentation import schemas as s

# Names without spaces, accents and letter case. Four sets for each field, by how sure they are: English names of just
# this field; the same of programs and of German, French, Dutch, Spanish and Italian; then names that may mean
# something else, in English and elsewhere. A set counts only if no name of those before it is in the header.
SYNONYMS: Mapping[str, tuple[str, str, str, str]] = {
    s.INVOICE_NO: (
        "invoice invoiceid invoicenumber invoicenum invoicenr invoicecode orderid orderno ordernumber ordernum ordernr "
        "orderref orderreference transactionid transactionno transactionnumber transactionnum txnid txnno receiptid "
        "receiptno receiptnumber basketid billno billid billnumber saleid salesid salesorderid salesordernumber "
        "documentno documentnumber ticketid ticketno ticketnumber",
        "amazonorderid idorder vbeln "
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
        "asin variantsku lineitemsku productreference matnr "
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
        "lineitemname arktx maktx "
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
        "lineitemquantity quantitypurchased quantityrefund fkimg kwmeng "
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
        "dateadd fkdat tdat "
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
        "lineitemprice unitpricetaxincl "
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
        "customeruserid idcustomer kunag kunnr "
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
        "countrycodebilling countrycodeshipping land1 "
        "land rechnungsland lieferland "
        "pays paysfacturation payslivraison paysclient "
        "factuurland leveringsland "
        "pais paisfacturacion paisenvio "
        "paese paesefatturazione paesespedizione nazione",
        "nation market region territory",
        "",
    ),
    # The money of a whole line. What is left after discounts comes before what was asked.
    s.AMOUNT: (
        "lineamount linetotal lineprice linerevenue linevalue extendedprice extendedamount totalprice totalamount "
        "netsales netamount netrevenue nettotal netvalue transactionamount transactionvalue txnamount purchaseamount "
        "purchasevalue paymentamount paidamount amountpaid amountspent spend spent revenue salesamount saleamount "
        "salesvalue salevalue monetaryvalue",
        "netwr "
        "gesamtpreis gesamtbetrag betrag zeilenbetrag positionsbetrag umsatz montant montanttotal prixtotal "
        "totaalprijs totaalbedrag bedrag omzet importe importetotal preciototal monto importo importototale "
        "prezzototale fatturato",
        "total sales value subtotal turnover totalsales totalspend totalspent ordertotal ordervalue orderamount "
        "invoicetotal invoiceamount invoicevalue basketvalue baskettotal grosssales grossamount grossrevenue "
        "grandtotal sum paid monetary",
        "gesamt summe totaal totale",
    ),
}
# Columns that hold the money of a whole line, never the price of one unit.
LINE_TOTALS = frozenset(" ".join(SYNONYMS[s.AMOUNT]).split()) | {s.AMOUNT}
# Words that are often added to a name and do not distinguish fields.
DECORATIONS = frozenset(
    {"gbp", "usd", "eur", "chf", "cad", "aud", "inr", "utc", "local", "raw", "the", "of", "in", "a", "x", "y", "vat"}
    | {"ht", "ttc", "netto", "brutto"}
)
# Words between the words of a name, which synonyms leave out.
LINKS = frozenset({"de", "d", "du", "des", "del", "dell", "della", "di", "van", "der"})


def words_of(name: str) -> list[str]:
    r"""Return the words of a column's name in small letters, without accents and punctuation.

    >>> words_of("\ufeffInvoice_No."), words_of("unitPrice"), words_of("SKUCode"), words_of("sales.order-id")
    (['invoice', 'no'], ['unit', 'price'], ['sku', 'code'], ['sales', 'order', 'id'])
    """
    plain = "".join(char for char in unicodedata.normalize("NFKD", name) if not unicodedata.combining(char))
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", plain)
    return re.findall(r"[^\W_]+", spaced.casefold())


def normal(name: str) -> str:
    """Return the words of a name joined, without linking words between them.

    >>> normal("Customer ID") == normal("customer_id") == normal("CustomerId") == "customerid"
    True
    >>> normal("Numéro de facture"), normal("Date d'achat")
    ('numerofacture', 'dateachat')
    """
    first, *rest = words_of(name) or [""]
    return "".join([first, *(word for word in rest[:-1] if word not in LINKS), *rest[-1:]])
