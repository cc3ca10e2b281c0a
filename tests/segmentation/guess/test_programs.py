"""The headers that programs and public data sets really have: each is mapped, or one column is asked for.

Most headers are as in files of these programs in public repositories, some without columns that no field could be
taken for. Those of Toast and Xero are in help pages too (doc.toasttab.com, docs.moment.team). SAP's, PrestaShop's and
Olist's are the columns of their tables, joined. Lightspeed's is written from memory.
"""

import pytest

from segmentation.guess.columns import guess_columns

# Program, header, and the columns of customer, date, money (an amount, or quantity × price), invoice and product.
MAPPED = [
    (
        "Square, items detail",
        "Date;Time;Time Zone;Category;Item;Qty;Price Point Name;SKU;Modifiers Applied;Gross Sales;Discounts;"
        "Net Sales;Tax;Transaction ID;Payment ID;Device Name;Notes;Details;Event Type;Location;Dining Option;"
        "Customer ID;Customer Name;Customer Reference ID;Unit;Count;Itemization Type;Commission;Employee",
        "Customer ID;Date;Net Sales;Transaction ID;Item",
    ),
    (
        "Loyverse, receipts by item",
        "Date;Receipt number;Receipt type;Category;SKU;Item;Variant;Modifiers applied;Quantity;Gross sales;"
        "Discounts;Net sales;Cost of goods;Gross profit;Taxes;Dining option;POS;Store;Cashier name;Customer name;"
        "Customer contacts;Comment;Status",
        "Customer name;Date;Net sales;Receipt number;SKU",
    ),
    (
        "Clover, payments",
        "Payment Date;Payment ID;External Payment ID;Invoice Number;Card Auth Code;Transaction #;Note;Tender;"
        "Card Brand;Card Number;Card Entry Type;Currency;Amount;Tax Amount;Tip Amount;Service Charge Amount;"
        "Customer Name;Payment Employee ID;Order ID;Order Date;Order Employee ID;Result;Device;# Refunds;"
        "Refund Amount",
        "Customer Name;Payment Date;Amount;Order ID;",
    ),
    (
        "Toast, checks",
        "Location Code;Opened Date;Opened Time;Item Description;Server;Tax;Tender;Check Id;Check #;Total;"
        "Customer Family;Table Size;Discount;Reason of Discount;Link;Customer Id;Customer;Customer Phone;"
        "Customer Email",
        "Customer Id;Opened Date;Total;Check Id;",
    ),
    (
        "eBay, orders report",
        "Sales Record Number;Order Number;Buyer Username;Buyer Name;Buyer Email;Buyer Note;Buyer Address 1;"
        "Buyer City;Buyer Country;Ship To Name;Ship To Country;Item Number;Item Title;Custom Label;Quantity;"
        "Sold For;Shipping And Handling;eBay Collected Tax;Total Price;Payment Method;Sale Date;Paid On Date;"
        "Transaction ID",
        "Buyer Username;Sale Date;Quantity × Sold For;Order Number;Item Number",
    ),
    (
        "Etsy, sold order items",
        "Sale Date;Item Name;Buyer;Quantity;Price;Coupon Code;Coupon Details;Discount Amount;Shipping Discount;"
        "Order Shipping;Order Sales Tax;Item Total;Currency;Transaction ID;Listing ID;Date Paid;Date Shipped;"
        "Ship Name;Ship Country;Order ID;Variations;Order Type;Listings Type;Payment Type;VAT Paid by Buyer;SKU",
        "Buyer;Sale Date;Quantity × Price;Order ID;Listing ID",
    ),
    (
        "Xero, sales invoices",
        "ContactName;EmailAddress;POCity;PORegion;POPostalCode;POCountry;SACity;SARegion;SACountry;InvoiceNumber;"
        "Reference;InvoiceDate;DueDate;PlannedDate;Total;TaxTotal;InvoiceAmountPaid;InvoiceAmountDue;"
        "InventoryItemCode;Description;Quantity;UnitAmount;Discount;LineAmount;AccountCode;TaxType;TaxAmount;"
        "Currency;Type;Sent;Status",
        "ContactName;InvoiceDate;LineAmount;InvoiceNumber;Description",
    ),
    (
        "QuickBooks, transaction detail",
        "Date;Transaction Type;Num;Customer;Product/Service;Memo/Description;Qty;Sales Price;Amount;Balance",
        "Customer;Date;Qty × Sales Price;Num;Product/Service",
    ),
    (
        "Magento 2, orders",
        "ID;Purchase Point;Purchase Date;Bill-to Name;Ship-to Name;Grand Total (Base);Grand Total (Purchased);"
        "Status;Billing Address;Shipping Address;Shipping Information;Customer Email;Customer Group;Subtotal;"
        "Shipping and Handling;Customer Name;Payment Method;Total Refunded",
        "Customer Email;Purchase Date;Subtotal;ID;",
    ),
    (
        "SAP, billing documents with items",
        "VBELN;FKART;FKDAT;WAERK;KUNAG;LAND1;POSNR;MATNR;ARKTX;FKIMG;VRKME;NETWR;WERKS",
        "KUNAG;FKDAT;NETWR;VBELN;MATNR",
    ),
    ("CDNOW, with a header put above", "customer_id;date;quantity;amount", "customer_id;date;amount;;"),
    (
        "dunnhumby, The Complete Journey",
        "household_key;BASKET_ID;DAY;PRODUCT_ID;QUANTITY;SALES_VALUE;STORE_ID;RETAIL_DISC;TRANS_TIME;WEEK_NO;"
        "COUPON_DISC;COUPON_MATCH_DISC",
        "household_key;DAY;SALES_VALUE;BASKET_ID;PRODUCT_ID",
    ),
    (
        "Olist, items joined with orders and customers",
        "order_id;customer_id;order_status;order_purchase_timestamp;order_approved_at;"
        "order_delivered_customer_date;order_item_id;product_id;seller_id;shipping_limit_date;price;freight_value;"
        "customer_unique_id;customer_city",
        "customer_unique_id;order_purchase_timestamp;price;order_id;product_id",
    ),
    (
        "Superstore",
        "Row ID;Order ID;Order Date;Ship Date;Ship Mode;Customer ID;Customer Name;Segment;Country;City;State;"
        "Postal Code;Region;Product ID;Category;Sub-Category;Product Name;Sales;Quantity;Discount;Profit",
        "Customer ID;Order Date;Sales;Order ID;Product ID",
    ),
    (
        "Shopify, orders",
        "Name;Email;Financial Status;Paid at;Fulfillment Status;Currency;Subtotal;Shipping;Taxes;Total;"
        "Discount Code;Created at;Lineitem quantity;Lineitem name;Lineitem price;Lineitem sku;Billing Name;"
        "Billing Country;Shipping Country;Cancelled at;Id;Source",
        "Email;Created at;Lineitem quantity × Lineitem price;Name;Lineitem sku",
    ),
    (
        "WooCommerce, order export",
        "Order ID;Order Number;Order Status;Order Date;Customer Note;Country Code (Billing);Email (Billing);"
        "Country Code (Shipping);Order Total Amount;Item #;SKU;Item Name;Quantity;Item Cost;Customer User ID",
        "Customer User ID;Order Date;Quantity × Item Cost;Order Number;SKU",
    ),
    (
        "Amazon, orders",
        "amazon-order-id;merchant-order-id;purchase-date;order-status;product-name;sku;asin;quantity;currency;"
        "item-price;item-tax;ship-city;ship-country;buyer-email;order-item-id",
        "buyer-email;purchase-date;item-price;amazon-order-id;sku",
    ),
    (
        "PrestaShop, order details by its SQL manager",
        "id_order;reference;date_add;id_customer;email;current_state;product_id;product_reference;product_name;"
        "product_quantity;unit_price_tax_incl;total_price_tax_incl",
        "id_customer;date_add;product_quantity × unit_price_tax_incl;id_order;product_id",
    ),
    (
        "BigCommerce, orders",
        "Order ID;Customer ID;Customer Name;Customer Email;Customer Phone;Order Date;Order Status;"
        "Subtotal (inc tax);Subtotal (ex tax);Tax Total;Shipping Cost (inc tax);Order Total (inc tax);"
        "Order Total (ex tax);Payment Method;Total Quantity;Total Shipped;Date Shipped;Order Currency Code",
        "Customer ID;Order Date;Order Total (inc tax);Order ID;",
    ),
    (
        "Stripe, payments",
        "id;Description;Seller Message;Created (UTC);Amount;Amount Refunded;Currency;Converted Amount;Fee;Tax;Mode;"
        "Status;Statement Descriptor;Customer ID;Customer Description;Customer Email;Captured;Card ID;"
        "Card Issue Country",
        "Customer ID;Created (UTC);Amount;id;",
    ),
    (
        "PayPal, activity",
        "Date;Time;TimeZone;Name;Type;Status;Currency;Gross;Fee;Net;From Email Address;To Email Address;"
        "Transaction ID;Item Title;Item ID;Reference Txn ID;Invoice Number;Custom Number;Quantity;Receipt ID;"
        "Balance;Subject;Note",
        "From Email Address;Date;Gross;Transaction ID;",
    ),
    ("H&M", "t_dat;customer_id;article_id;price;sales_channel_id", "customer_id;t_dat;price;;article_id"),
    (
        "UCI Online Retail",
        "InvoiceNo;StockCode;Description;Quantity;InvoiceDate;UnitPrice;CustomerID;Country",
        "CustomerID;InvoiceDate;Quantity × UnitPrice;InvoiceNo;StockCode",
    ),
]
# Program, header, and the fields that are asked for.
ASKED = [
    (  # a sale has lines of itself, of its items and of its payments
        "Lightspeed Retail, sales history",
        "Date;Receipt Number;Line Type;Customer Code;Customer Name;Note;Quantity;Subtotal;Sales Tax;Discount;"
        "Loyalty;Total;Paid;Details;Register;User;Status;Sku",
        "unit_price;amount",
    ),
    (  # no customer in it
        "Toast, item selection details",
        "Location;Order Id;Order #;Sent Date;Order Date;Check Id;Server;Table;Dining Option;Item Selection Id;"
        "Item Id;Master Id;SKU;PLU;Menu Item;Menu Group;Sales Category;Gross Price;Discount;Net Price;Qty;Tax;"
        "Void?;Tab Name",
        "customer_id",
    ),
    (  # no customer in it
        "Clover, orders",
        "Order Date;Order ID;Invoice Number;Order Number;Order Type;Order Employee ID;Order Employee Name;Note;"
        "Currency;Tax Amount;Tip;Service Charge;Discount;Order Total;Payments Total;Refunds Total;Tender;"
        "Order Payment State",
        "customer_id",
    ),
    (  # the customer is a line of its own, above its lines
        "QuickBooks, sales by customer detail",
        "Transaction date;Transaction type;Num;Product/Service full name;Description;Quantity;Sales price;Amount;"
        "Balance",
        "customer_id",
    ),
    (  # customer and date are in another file
        "Olist, items alone",
        "order_id;order_item_id;product_id;seller_id;shipping_limit_date;price;freight_value",
        "invoice_date;customer_id",
    ),
    (  # neither dates nor money
        "Instacart, orders",
        "order_id;user_id;eval_set;order_number;order_dow;order_hour_of_day;days_since_prior_order",
        "invoice_no;quantity;invoice_date;unit_price",
    ),
]


@pytest.mark.parametrize(("header", "expected"), [case[1:] for case in MAPPED], ids=[case[0] for case in MAPPED])
def test_the_export_of_a_program_is_mapped(header: str, expected: str):
    names = header.split(";")
    for ordered in (names, names[::-1]):
        guess = guess_columns(ordered)
        columns = guess.columns
        price = f"{columns.get('quantity')} × {columns.get('unit_price')}"
        found = [columns["customer_id"], columns["invoice_date"], columns.get("amount", price)]
        found += [columns.get("invoice_no", ""), columns.get("stock_code", "")]
        assert guess.missing == {}
        assert ";".join(found) == expected


@pytest.mark.parametrize(("header", "asked"), [case[1:] for case in ASKED], ids=[case[0] for case in ASKED])
def test_what_the_export_of_a_program_lacks_is_asked_for(header: str, asked: str):
    assert sorted(guess_columns(header.split(";")).missing) == sorted(asked.split(";"))
