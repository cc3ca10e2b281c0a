"""Every column name, feature and table schema, declared once.

Columns are used by their constants: a misspelt column is an import error, not an empty result.
Money is `decimal(20,4)` and exact; dates and times are the shop's own wall clock, `timestamp_ntz`, so that no
time zone setting can move a sale to another day.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal

from pyspark.sql import DataFrame
from pyspark.sql.types import (
    ArrayType,
    BooleanType,
    DataType,
    DateType,
    DecimalType,
    DoubleType,
    IntegerType,
    LongType,
    MapType,
    StringType,
    StructField,
    StructType,
    TimestampNTZType,
)

from segmentation.errors import QualityGateError

# --- the eight fields of a transaction line ---------------------------------------------------------------------
INVOICE_NO = "invoice_no"
STOCK_CODE = "stock_code"
DESCRIPTION = "description"
QUANTITY = "quantity"
INVOICE_DATE = "invoice_date"
UNIT_PRICE = "unit_price"
CUSTOMER_ID = "customer_id"
COUNTRY = "country"
LINE_FIELDS = (INVOICE_NO, STOCK_CODE, DESCRIPTION, QUANTITY, INVOICE_DATE, UNIT_PRICE, CUSTOMER_ID, COUNTRY)
MISSING_FIELDS = {
    INVOICE_NO: "an order is a customer's day",
    STOCK_CODE: "no tables product_sales and product_segments",
    DESCRIPTION: "products have no names",
    QUANTITY: "a line counts as one unit",
    COUNTRY: "no tables country_sales and country_segments",
}
"""The fields that an input may lack, and what a run does without each."""
# The money of the whole line, which an input may have in place of unit_price.
AMOUNT = "amount"
INPUT_FIELDS = (*LINE_FIELDS, AMOUNT)
NUMBER_FIELDS = (QUANTITY, UNIT_PRICE, AMOUNT)
# What kind of line it is, which some exports say: a sale, a refund.
LINE_TYPE = "line_type"
# How an order stands, such as completed or cancelled, and the currency of its money.
LINE_STATUS = "line_status"
CURRENCY = "currency"
MARK_FIELDS = (LINE_TYPE, LINE_STATUS, CURRENCY)


def raw(field: str) -> str:
    """Return the name of the column with a field's text as read."""
    return f"raw_{field}"


SOURCE_FILE = "source_file"
UNPARSED_LINE = "unparsed_line"
# The amount of a line in ten-thousandths, a whole number: exact as a decimal, at a fraction of its cost.
AMOUNT_E4 = "amount_e4"
# The quantity of a line in ten-thousandths likewise: goods by weight have quantities such as 0.450.
QUANTITY_E4 = "quantity_e4"
PARSED_FIELDS = tuple(QUANTITY_E4 if field == QUANTITY else field for field in LINE_FIELDS)
"""The columns of a parsed line."""
HAS_PRICE = "has_price"
IS_DUPLICATE = "is_duplicate"
IS_REFUND = "is_refund"
IS_NO_SALE = "is_no_sale"
IS_RETURN = "is_return"
REASON = "reason"
REASONS = "reasons"
REJECTION = "rejection"
AS_READ = "as_read"
UNPARSED = "unparsed"

# --- outcomes of a line: the cleaning rules in their order, then the two of a line that breaks none -------------
MALFORMED = "malformed"
CANCELLATION = "cancellation"
ADJUSTMENT = "adjustment"
NON_POSITIVE_QUANTITY = "non_positive_quantity"
NON_POSITIVE_PRICE = "non_positive_price"
OUT_OF_PERIOD = "out_of_period"
DUPLICATE = "duplicate"
RULE_NAMES = (MALFORMED, CANCELLATION, ADJUSTMENT, NON_POSITIVE_QUANTITY, NON_POSITIVE_PRICE, OUT_OF_PERIOD, DUPLICATE)
GUEST = "guest"
CLEAN = "clean"

# --- customer features ------------------------------------------------------------------------------------------
TOTAL_SPEND = "total_spend"
PURCHASE_FREQUENCY = "purchase_frequency"
RECENCY_DAYS = "recency_days"
TENURE_DAYS = "tenure_days"
AVERAGE_ORDER_VALUE = "average_order_value"
AVERAGE_BASKET_UNITS = "average_basket_units"
UNITS_BOUGHT = "units_bought"
DISTINCT_PRODUCTS = "distinct_products"
AVERAGE_DAYS_BETWEEN_ORDERS = "average_days_between_orders"
FIRST_PURCHASE_AT = "first_purchase_at"
LAST_PURCHASE_AT = "last_purchase_at"
NET_SPEND = "net_spend"
NET_ORDERS = "net_orders"
NET_RECENCY_DAYS = "net_recency_days"
RETURNED_MATCHED = "returned_matched"
RETURNED_UNMATCHED = "returned_unmatched"
RETURNED_AMOUNT = "returned_amount"
RETURN_RATE = "return_rate"

# --- scores -----------------------------------------------------------------------------------------------------
RECENCY_SCORE = "recency_score"
FREQUENCY_SCORE = "frequency_score"
MONETARY_SCORE = "monetary_score"
RFM_SEGMENT = "rfm_segment"


@dataclass(frozen=True)
class Figures:
    """The features that count as a customer's spend, number of orders and days since the last order."""

    spend: str
    orders: str
    recency: str


NET = Figures(NET_SPEND, NET_ORDERS, NET_RECENCY_DAYS)
GROSS = Figures(TOTAL_SPEND, PURCHASE_FREQUENCY, RECENCY_DAYS)

# With net figures, customers of whom nothing stayed are a group of their own, outside the clustering.
RETURNED_EVERYTHING = "Returned Everything"
RETURNED_EVERYTHING_ID = 0

# --- segments, sweep, rollups -----------------------------------------------------------------------------------
SEGMENT_ID = "segment_id"
SEGMENT_NAME = "segment_name"
DISTANCE_TO_CENTRE = "distance_to_centre"
NEAREST_OTHER_SEGMENT_ID = "nearest_other_segment_id"
MARGIN = "margin"
AS_OF = "as_of"
PREVIOUS_SEGMENT_ID = "previous_segment_id"
PREVIOUS_SEGMENT_NAME = "previous_segment_name"
PREVIOUS_RFM_SEGMENT = "previous_rfm_segment"
SEGMENT_SINCE = "segment_since"
CHANGED = "changed"
SUGGESTED_NAME = "suggested_name"
SPEND_RANK = "spend_rank"
FITTED_IN = "fitted_in"
IS_ANOMALY = "is_anomaly"
KIND = "kind"
CAUSE = "cause"
NET_SPEND_BEFORE = "net_spend_before"
NET_SPEND_AFTER = "net_spend_after"
RULE = "rule"
CUSTOMERS = "customers"
CUSTOMER_SHARE = "customer_share"
SHARE_OF_RFM_SEGMENT = "share_of_rfm_segment"
SHARE_OF_SEGMENT = "share_of_segment"
REVENUE = "revenue"
REVENUE_SHARE = "revenue_share"
CUMULATIVE_REVENUE_SHARE = "cumulative_revenue_share"
ABC_CLASS = "abc_class"
GUEST_REVENUE = "guest_revenue"
RETURNED = "returned"
GUEST_RETURNED = "guest_returned"
NET_REVENUE = "net_revenue"
NET_REVENUE_SHARE = "net_revenue_share"
ORDERS = "orders"
UNITS = "units"
UNITS_E4 = "units_e4"  # in ten-thousandths, before they are written
LINES = "lines"
AVERAGE_UNIT_PRICE = "average_unit_price"
FIRST_SOLD_AT = "first_sold_at"
LAST_SOLD_AT = "last_sold_at"
IS_MERCHANDISE = "is_merchandise"
CENTRE = "centre"
K = "k"
WSSSE = "wssse"
SILHOUETTE = "silhouette"
DAVIES_BOULDIN = "davies_bouldin"
CALINSKI_HARABASZ = "calinski_harabasz"
ITERATIONS = "iterations"
SECONDS = "seconds"
CHOSEN = "chosen"
JACCARD = "jaccard"
LEAST_JACCARD = "least_jaccard"
MEAN_JACCARD = "mean_jaccard"
LEAST_SHARE = "least_share"
ROWS = "rows"
ROWS_WITHOUT_REVENUE = "rows_without_revenue"
SHARE = "share"

TEXT, INTEGER, LONG, DOUBLE, TIME = StringType(), IntegerType(), LongType(), DoubleType(), TimestampNTZType()
MONEY = DecimalType(20, 4)
# Of all goods, though most are sold by the piece: a schema does not depend on what a file holds.
QUANTITIES = DecimalType(20, 4)
# Eight decimals hold a price from Parquet or Excel; the line's amount is rounded once, to four.
PRICE = DecimalType(22, 8)
AMOUNT_OF_LINE = DecimalType(18, 4)
UNITS_OF_LINE = DecimalType(14, 4)


def raw_schema(fields: Iterable[str]) -> StructType:
    """Return the schema of raw lines with these fields: one row per line of input.

    Every field is the text as read; `unparsed_line` is the whole line if the reader could not split it into the
    header's fields, else NULL. A field that all files hold in one of its types of `READ_TYPED` has that type instead
    of text. A field without a column in the input has none here.
    """
    return StructType([StructField(name, TEXT) for name in (*map(raw, fields), SOURCE_FILE, UNPARSED_LINE)])


RAW_LINES = raw_schema(LINE_FIELDS)
"""The raw lines of an input with all eight fields."""

READ_TYPED: dict[str, tuple[DataType, ...]] = {
    QUANTITY: (LONG, DOUBLE),
    INVOICE_DATE: (TIME,),
    UNIT_PRICE: (DOUBLE,),
    AMOUNT: (DOUBLE,),
    CUSTOMER_ID: (LONG,),
}
"""The types that a field may keep instead of text."""


@dataclass(frozen=True)
class Feature:
    """The facts of one numeric customer feature. `features.py` has its expression."""

    name: str
    type: DataType
    unit: Literal["money", "orders", "days", "units", "products", "share"]
    label: str  # a chart's axis or a table's heading
    noun: str  # inside a sentence: "differ most in order value"
    name_noun: str = ""  # inside a segment's name: "Higher Order Value"; the column's words if empty
    long_label: str = ""  # where there is room; the label if empty
    lower_is_better: bool = False
    nullable: bool = False  # some customers, or all customers of some inputs, lack it
    clusterable: bool = True

    @property
    def full_label(self) -> str:
        return self.long_label or self.label


# fmt: off
FEATURES = {feature.name: feature for feature in (
    Feature(TOTAL_SPEND, MONEY, "money", "Total spend", "spending", "Spend"),
    Feature(NET_SPEND, MONEY, "money", "Net spend", "net spending", "Net Spend", "Spend after returns"),
    Feature(PURCHASE_FREQUENCY, LONG, "orders", "Orders", "orders", "Frequency"),
    Feature(NET_ORDERS, LONG, "orders", "Net orders", "net orders", "Net Frequency",
            "Orders that stayed"),
    Feature(RECENCY_DAYS, INTEGER, "days", "Days since last order", "days since the last order", "",
            "Days since the last order", lower_is_better=True),
    Feature(NET_RECENCY_DAYS, INTEGER, "days", "Days since last net order", "days since the last net order",
            "Net Recency", "Days since the last order that stayed", lower_is_better=True,
            nullable=True),  # undefined where nothing stayed
    Feature(TENURE_DAYS, INTEGER, "days", "Days since first order", "days since the first order", "Tenure",
            "Days since the first order"),
    Feature(AVERAGE_ORDER_VALUE, MONEY, "money", "Value of an order", "order value", "Order Value"),
    Feature(AVERAGE_BASKET_UNITS, DOUBLE, "units", "Units in an order", "units in an order", "Basket Size"),
    Feature(UNITS_BOUGHT, QUANTITIES, "units", "Units bought", "units bought", "Units"),
    Feature(DISTINCT_PRODUCTS, LONG, "products", "Different products", "different products", "Variety",
            nullable=True),  # unknown without stock codes
    Feature(AVERAGE_DAYS_BETWEEN_ORDERS, DOUBLE, "days", "Days between orders", "days between orders",
            lower_is_better=True, nullable=True, clusterable=False),  # undefined for a customer of one order
    Feature(RETURNED_AMOUNT, MONEY, "money", "Returned amount", "returned amount", "Returns", "Money returned",
            lower_is_better=True),
    Feature(RETURNED_MATCHED, MONEY, "money", "Returned of purchases", "returned amount of purchases",
            "Returned Purchases", "Money returned of purchases in the data", lower_is_better=True),
    Feature(RETURNED_UNMATCHED, MONEY, "money", "Returned otherwise", "returned amount without a purchase",
            "Other Returns", "Money returned without a purchase in the data", lower_is_better=True),
    Feature(RETURN_RATE, DOUBLE, "share", "Returned share of spend", "return rate", "Return Rate",
            "Share of spend returned", lower_is_better=True),
)}
# fmt: on
"""Every numeric feature by its column, in the order in which tables list them."""

FEATURE_NEEDS = {DISTINCT_PRODUCTS: STOCK_CODE, UNITS_BOUGHT: QUANTITY, AVERAGE_BASKET_UNITS: QUANTITY}
"""The optional field that a feature rests on. Without quantities a line counts as one unit, which says little."""

NUMERIC_FEATURES = tuple(FEATURES)
CLUSTERABLE_FEATURES = tuple(feature.name for feature in FEATURES.values() if feature.clusterable)
FEATURE_STATISTICS = tuple(f"{statistic}_{name}" for name in NUMERIC_FEATURES for statistic in ("mean", "median"))

# What rfm_profiles says of the customers of a name.
RFM_FEATURES = (
    *(NET_SPEND, NET_ORDERS, NET_RECENCY_DAYS, TOTAL_SPEND, PURCHASE_FREQUENCY, RECENCY_DAYS),
    *(TENURE_DAYS, AVERAGE_ORDER_VALUE, AVERAGE_DAYS_BETWEEN_ORDERS),
)

COLUMN_TYPES: dict[str, DataType] = {
    **dict.fromkeys((CUSTOMER_ID, STOCK_CODE, DESCRIPTION, COUNTRY, SEGMENT_NAME, RULE, ABC_CLASS), TEXT),
    **dict.fromkeys((RFM_SEGMENT, REASON, PREVIOUS_SEGMENT_NAME, PREVIOUS_RFM_SEGMENT, SUGGESTED_NAME), TEXT),
    **dict.fromkeys((FITTED_IN, KIND, CAUSE), TEXT),
    **dict.fromkeys((PREVIOUS_SEGMENT_ID, SPEND_RANK), INTEGER),
    **dict.fromkeys((NET_SPEND_BEFORE, NET_SPEND_AFTER), MONEY),
    **dict.fromkeys((SEGMENT_ID, NEAREST_OTHER_SEGMENT_ID, K, ITERATIONS), INTEGER),
    **dict.fromkeys((RECENCY_SCORE, FREQUENCY_SCORE, MONETARY_SCORE), INTEGER),
    **dict.fromkeys((CUSTOMERS, ORDERS, ROWS, ROWS_WITHOUT_REVENUE), LONG),
    UNITS: QUANTITIES,
    **dict.fromkeys((REVENUE, GUEST_REVENUE, RETURNED, GUEST_RETURNED, NET_REVENUE, AVERAGE_UNIT_PRICE), MONEY),
    **dict.fromkeys((NET_REVENUE_SHARE, SHARE_OF_RFM_SEGMENT, SHARE_OF_SEGMENT), DOUBLE),
    **dict.fromkeys(
        (DISTANCE_TO_CENTRE, MARGIN, WSSSE, SILHOUETTE, DAVIES_BOULDIN, CALINSKI_HARABASZ, SECONDS), DOUBLE
    ),
    **dict.fromkeys((CUSTOMER_SHARE, REVENUE_SHARE, CUMULATIVE_REVENUE_SHARE, SHARE, *FEATURE_STATISTICS), DOUBLE),
    **dict.fromkeys((FIRST_PURCHASE_AT, LAST_PURCHASE_AT, FIRST_SOLD_AT, LAST_SOLD_AT), TIME),
    **dict.fromkeys((JACCARD, LEAST_JACCARD, MEAN_JACCARD, LEAST_SHARE), DOUBLE),
    **dict.fromkeys((CHOSEN, IS_MERCHANDISE, CHANGED, IS_ANOMALY), BooleanType()),
    **dict.fromkeys((AS_OF, SEGMENT_SINCE), DateType()),
    CENTRE: MapType(TEXT, DOUBLE, valueContainsNull=False),
    **{feature.name: feature.type for feature in FEATURES.values()},
}
"""The type of each column, the same in every table but `rejected_transactions`, whose fields are text."""

NULLABLE = {
    *(NEAREST_OTHER_SEGMENT_ID, MARGIN),  # there is no other segment when there is only one
    *(SILHOUETTE, DAVIES_BOULDIN, CALINSKI_HARABASZ, LEAST_JACCARD, MEAN_JACCARD),  # undefined for k = 1
    JACCARD,  # unknown for one segment, and where the sample has no customer of the segment
    *(PREVIOUS_SEGMENT_ID, PREVIOUS_SEGMENT_NAME, PREVIOUS_RFM_SEGMENT),  # who was not there before
    DISTANCE_TO_CENTRE,  # who returned everything is in no segment of the clustering
    AVERAGE_UNIT_PRICE,  # undefined where, with rules switched off, the units add up to 0
    *[feature.name for feature in FEATURES.values() if feature.nullable],
    *FEATURE_STATISTICS,  # NULL only where no customer of the segment has the feature
}


def _table(*columns: str) -> StructType:
    return StructType([StructField(name, COLUMN_TYPES[name], name in NULLABLE) for name in columns])


_RETURNS_START = NUMERIC_FEATURES.index(RETURNED_AMOUNT)
CUSTOMER_FEATURES = _table(
    CUSTOMER_ID,
    *NUMERIC_FEATURES[:_RETURNS_START],
    *(FIRST_PURCHASE_AT, LAST_PURCHASE_AT, COUNTRY),
    *NUMERIC_FEATURES[_RETURNS_START:],
)
"""One row per customer with at least one sale."""

CUSTOMER_SEGMENTS = _table(
    *(CUSTOMER_ID, SEGMENT_ID, SEGMENT_NAME),
    *CUSTOMER_FEATURES.names[1:],
    *(RECENCY_SCORE, FREQUENCY_SCORE, MONETARY_SCORE, RFM_SEGMENT, REASON),
    *(DISTANCE_TO_CENTRE, NEAREST_OTHER_SEGMENT_ID, MARGIN),
    *(PREVIOUS_SEGMENT_ID, PREVIOUS_SEGMENT_NAME, SEGMENT_SINCE, PREVIOUS_RFM_SEGMENT, CHANGED, AS_OF),
)
"""One row per customer. Distances are in the model's scaled space. `margin` is the distance to the nearest other
centre minus the distance to the own: near 0 is on the border. Scores are 1 to 5, 5 the best; `rfm_segment` is the
first of the configuration's rules that holds, `reason` a sentence from the customer's own figures. Who
returned everything has segment_id 0 and no distances. `previous_` is what the run before says of the customer, NULL
without one; `segment_since` is the as_of of the first run of the unbroken stay in the segment; `changed` says that the
previous segment is another."""

SCORED_CUSTOMERS = _table(
    *(CUSTOMER_ID, SEGMENT_ID, SEGMENT_NAME, RFM_SEGMENT, RECENCY_SCORE, FREQUENCY_SCORE, MONETARY_SCORE),
    *(DISTANCE_TO_CENTRE, NEAREST_OTHER_SEGMENT_ID, MARGIN, IS_ANOMALY, REASON, AS_OF),
)
"""One row per customer of new transactions, scored by the model of a published run: the output of score_customers, no
table of a run. Columns as in customer_segments; `is_anomaly` says that the customer is farther from its centre than
99 % of those that the model was fitted on."""

SEGMENT_PROFILES = _table(
    *(SEGMENT_ID, SEGMENT_NAME, SUGGESTED_NAME, RULE, CUSTOMERS, CUSTOMER_SHARE),
    *(REVENUE, REVENUE_SHARE, NET_REVENUE),
    *FEATURE_STATISTICS,
    *(CENTRE, JACCARD, SPEND_RANK),
)
"""One row per segment with customers. `spend_rank` is 1 for the segment whose centre spends least, and ascends; 0 for
customers who returned everything. `suggested_name` is what the segment would be named today: a name stays while it is
true. `net_revenue` is the money that stayed after returns. `centre` maps each clustered feature to its value at the
segment's centre, in original units; it is empty for customers who returned everything. `jaccard` says how well the
segment came back in bootstrap resamples."""

K_SWEEP = _table(
    *(K, WSSSE, SILHOUETTE, DAVIES_BOULDIN, CALINSKI_HARABASZ, LEAST_JACCARD, MEAN_JACCARD, LEAST_SHARE),
    *(ITERATIONS, SECONDS, CHOSEN, FITTED_IN),
)
"""One row per k tried, and k = 1 in closed form (the total sum of squares). The silhouette (Euclidean), the Jaccard
similarities of the segments under the bootstrap, their least and their mean, and the smallest segment's share are of a
sample of customers. `fitted_in` is the run that fitted them: another one where its model scores the customers."""

RFM_PROFILES = _table(
    *(RFM_SEGMENT, RULE, CUSTOMERS, CUSTOMER_SHARE, REVENUE, REVENUE_SHARE, NET_REVENUE, NET_REVENUE_SHARE),
    *[f"median_{name}" for name in RFM_FEATURES],
)
"""One row per rfm_segment that occurs: its rule in words, its customers, their money, and medians of their figures."""

RFM_BY_SEGMENT = _table(
    *(RFM_SEGMENT, SEGMENT_ID, SEGMENT_NAME, CUSTOMERS, CUSTOMER_SHARE, NET_REVENUE, NET_REVENUE_SHARE),
    *(SHARE_OF_RFM_SEGMENT, SHARE_OF_SEGMENT),
)
"""One row per rfm_segment and segment with customers in both. The last two shares are of customers: of those of the
rfm_segment, and of those of the segment."""

_MOVE = (PREVIOUS_SEGMENT_ID, PREVIOUS_SEGMENT_NAME, SEGMENT_ID, SEGMENT_NAME)


def _compared(*columns: str) -> StructType:
    """Return the schema of a comparison of two runs, of which each may lack the customer."""
    always = {CUSTOMER_ID, KIND, CUSTOMERS}
    return StructType([StructField(name, COLUMN_TYPES[name], name not in always) for name in columns])


SEGMENT_CHANGES = _compared(CUSTOMER_ID, KIND, CAUSE, *_MOVE, NET_SPEND_BEFORE, NET_SPEND_AFTER)
"""One row per customer who moved, entered or left since the run before; empty without one. `kind`: moved, entered,
left. `cause`: purchase (there are new lines), ageing (there are none, and the model of the run before puts today's
figures there, or all purchases are older than the window), refit (there are none, and that model puts today's figures
into another segment); NULL for who left otherwise."""

SEGMENT_FLOW = _compared(*_MOVE, CUSTOMERS, NET_SPEND_BEFORE, NET_SPEND_AFTER)
"""One row per segment of the run before and segment of this one that customers went from and to, or stayed in; NULL on
one side for those who entered or left. Customers, and their net spend as of both runs; empty without a run before."""

COUNTRY_SALES = _table(
    *(COUNTRY, REVENUE, GUEST_REVENUE, RETURNED, GUEST_RETURNED, NET_REVENUE),
    *(ORDERS, CUSTOMERS, UNITS, AVERAGE_ORDER_VALUE, REVENUE_SHARE, CUMULATIVE_REVENUE_SHARE, ABC_CLASS),
)
"""One row per country with a sale. Revenue, orders and units cover clean and guest lines; customers are those with an
id. `returned` is what customers gave back of these sales, and all that guests returned there; `net_revenue` is the
revenue without it."""

COUNTRY_SEGMENTS = _table(COUNTRY, SEGMENT_ID, SEGMENT_NAME, CUSTOMERS, REVENUE)
"""One row per country and segment that bought there; clean lines only."""

PRODUCT_SALES = _table(
    *(STOCK_CODE, DESCRIPTION, REVENUE, GUEST_REVENUE, RETURNED, GUEST_RETURNED, NET_REVENUE),
    *(UNITS, ORDERS, CUSTOMERS, AVERAGE_UNIT_PRICE),
    *(FIRST_SOLD_AT, LAST_SOLD_AT, REVENUE_SHARE, CUMULATIVE_REVENUE_SHARE, ABC_CLASS, IS_MERCHANDISE),
)
"""One row per stock code that was sold, with its commonest description. Covers clean and guest lines. `returned` and
`net_revenue` as for countries."""

PRODUCT_SEGMENTS = _table(STOCK_CODE, SEGMENT_ID, SEGMENT_NAME, CUSTOMERS, UNITS, REVENUE)
"""One row per stock code and segment that bought it; clean lines only."""

REJECTED_TRANSACTIONS = StructType(
    [StructField(field, TEXT) for field in LINE_FIELDS]
    + [StructField(name, TEXT, nullable=False) for name in (SOURCE_FILE, REASON)]
    + [StructField(REASONS, ArrayType(TEXT, containsNull=False), nullable=False)]
)
"""One row per rejected line. The fields of a malformed line are the text as read, those of others their values."""

DATA_QUALITY = StructType([*_table(RULE, ROWS, SHARE), StructField(REVENUE, MONEY), *_table(ROWS_WITHOUT_REVENUE)])
"""One row per rule, by the first rule that a line breaks, and one each for `guest` and `clean`: rows and revenue add
up to everything read. `share` is of the lines read. `rows_without_revenue` are malformed lines whose money cannot be
computed: `revenue` is that of the other rows, NULL where there is none."""

TABLES: dict[str, StructType] = {
    "customer_segments": CUSTOMER_SEGMENTS,
    "segment_profiles": SEGMENT_PROFILES,
    "k_sweep": K_SWEEP,
    "rfm_profiles": RFM_PROFILES,
    "rfm_by_segment": RFM_BY_SEGMENT,
    "segment_changes": SEGMENT_CHANGES,
    "segment_flow": SEGMENT_FLOW,
    "country_sales": COUNTRY_SALES,
    "country_segments": COUNTRY_SEGMENTS,
    "product_sales": PRODUCT_SALES,
    "product_segments": PRODUCT_SEGMENTS,
    "rejected_transactions": REJECTED_TRANSACTIONS,
    "data_quality": DATA_QUALITY,
}
"""Every table that a run may have, by the name of its folder."""

SMALL_TABLES = ("segment_profiles", "k_sweep", "rfm_profiles", "rfm_by_segment", "segment_flow", "data_quality")
"""The tables whose rows are bounded by the numbers of segments, of k and of rules: the driver holds them."""

TABLE_NEEDS = {
    "country_sales": COUNTRY,
    "country_segments": COUNTRY,
    "product_sales": STOCK_CODE,
    "product_segments": STOCK_CODE,
}
"""The field that a table rests on: a run whose input lacks it does not have the table."""


def tables_of(fields: Collection[str]) -> dict[str, StructType]:
    """Return the tables of a run whose input has these fields."""
    return {table: schema for table, schema in TABLES.items() if table not in absent_tables(fields)}


def absent_tables(fields: Collection[str]) -> dict[str, str]:
    """Return the tables that a run lacks whose input has these fields, each with the field that it rests on."""
    return {table: field for table, field in TABLE_NEEDS.items() if field not in fields}


TABLE_KEYS: dict[str, tuple[str, ...]] = {
    "customer_segments": (CUSTOMER_ID,),
    "segment_profiles": (SEGMENT_ID,),
    "k_sweep": (K,),
    "rfm_profiles": (RFM_SEGMENT,),
    "rfm_by_segment": (RFM_SEGMENT, SEGMENT_ID),
    "segment_changes": (CUSTOMER_ID,),
    "segment_flow": (PREVIOUS_SEGMENT_ID, SEGMENT_ID),
    "country_sales": (COUNTRY,),
    "country_segments": (COUNTRY, SEGMENT_ID),
    "product_sales": (STOCK_CODE,),
    "product_segments": (STOCK_CODE, SEGMENT_ID),
    "data_quality": (RULE,),
}
"""The key of each table. Rejected lines have none: equal lines may be there many times."""


def schema_differences(actual: StructType, expected: StructType) -> list[str]:
    """Return every difference in names, order or types. Nullability is not compared: readers lose it."""
    found = {field.name: field.dataType.simpleString() for field in actual}
    declared = {field.name: field.dataType.simpleString() for field in expected}
    differences = [f"missing {name} {kind}" for name, kind in declared.items() if name not in found]
    differences += [f"unexpected {name} {kind}" for name, kind in found.items() if name not in declared]
    differences += [
        f"{name} is {found[name]}, not {kind}" for name, kind in declared.items() if found.get(name, kind) != kind
    ]
    if not differences and actual.names != expected.names:
        differences.append(f"columns in the order {actual.names}, not {expected.names}")
    return differences


def require_schema(frame: DataFrame, expected: StructType, table: str) -> DataFrame:
    """Return the frame unchanged. Raises: QualityGateError with all differences from the expected schema."""
    require_equal_schema(frame.schema, expected, table)
    return frame


def require_equal_schema(actual: StructType, expected: StructType, table: str) -> None:
    """Raise QualityGateError with all differences between a table's schema and the expected one."""
    differences = schema_differences(actual, expected)
    if differences:
        raise QualityGateError(f"table {table} does not have its declared schema: {'; '.join(differences)}")


def column_names(schema: StructType) -> Iterable[str]:
    """Return a schema's column names in order, for a `select` that states the contract."""
    return [field.name for field in schema]
