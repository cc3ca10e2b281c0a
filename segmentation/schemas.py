"""Every column name, feature and table schema, declared once.

Columns are used by their constants: a misspelt column is an import error, not an empty result.
Money is `decimal(20,4)` and exact; dates and times are the shop's own wall clock, `timestamp_ntz`, so that no
time zone setting can move a sale to another day.
"""

from collections.abc import Iterable
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


def raw(field: str) -> str:
    """Return the name of the column with a field's text as read."""
    return f"raw_{field}"


SOURCE_FILE = "source_file"
UNPARSED_LINE = "unparsed_line"
AMOUNT = "amount"
IS_DUPLICATE = "is_duplicate"
REASON = "reason"
REASONS = "reasons"
REJECTION = "rejection"
AS_READ = "as_read"
UNPARSED = "unparsed"
UNREADABLE = "unreadable"

# --- outcomes of a line: the cleaning rules in their order, then the two of a line that breaks none -------------
MALFORMED = "malformed"
CANCELLATION = "cancellation"
ADJUSTMENT = "adjustment"
NON_POSITIVE_QUANTITY = "non_positive_quantity"
NON_POSITIVE_PRICE = "non_positive_price"
OUT_OF_PERIOD = "out_of_period"
DUPLICATE = "duplicate"
RULE_NAMES = (
    MALFORMED,
    CANCELLATION,
    ADJUSTMENT,
    NON_POSITIVE_QUANTITY,
    NON_POSITIVE_PRICE,
    OUT_OF_PERIOD,
    DUPLICATE,
)
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
RETURNED_AMOUNT = "returned_amount"
RETURN_RATE = "return_rate"

# --- segments, sweep, rollups -----------------------------------------------------------------------------------
SEGMENT_ID = "segment_id"
SEGMENT_NAME = "segment_name"
DISTANCE_TO_CENTRE = "distance_to_centre"
NEAREST_OTHER_SEGMENT_ID = "nearest_other_segment_id"
MARGIN = "margin"
AS_OF = "as_of"
RULE = "rule"
CUSTOMERS = "customers"
CUSTOMER_SHARE = "customer_share"
REVENUE = "revenue"
REVENUE_SHARE = "revenue_share"
CUMULATIVE_REVENUE_SHARE = "cumulative_revenue_share"
ABC_CLASS = "abc_class"
GUEST_REVENUE = "guest_revenue"
ORDERS = "orders"
UNITS = "units"
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
ROWS = "rows"
SHARE = "share"

MONEY = DecimalType(20, 4)
# Eight decimals hold a price from Parquet or Excel; the line's amount is rounded once, to four.
PRICE = DecimalType(22, 8)
AMOUNT_OF_LINE = DecimalType(18, 4)


def _struct(*fields: tuple[str, DataType] | tuple[str, DataType, str]) -> StructType:
    """Return a StructType of required columns; a third element, "null", marks a nullable one."""
    return StructType([StructField(name, kind, nullable=bool(null)) for name, kind, *null in fields])


RAW_LINES = StructType(
    [StructField(raw(field), StringType()) for field in LINE_FIELDS]
    + [StructField(SOURCE_FILE, StringType()), StructField(UNPARSED_LINE, StringType())]
)
"""One row per line of input. Every field is the text as read; `unparsed_line` is the whole line if the reader could
not split it into the header's fields, else NULL. A field that all files hold in one of its types of `READ_TYPED` has
that type instead of text."""

READ_TYPED: dict[str, tuple[DataType, ...]] = {
    QUANTITY: (LongType(), DoubleType()),
    INVOICE_DATE: (TimestampNTZType(),),
    UNIT_PRICE: (DoubleType(),),
    CUSTOMER_ID: (LongType(),),
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
    long_label: str = ""  # where there is room; the label if empty
    name_noun: str = ""  # inside a segment's name: "Higher Order Value"; the column's words if empty
    lower_is_better: bool = False
    nullable: bool = False  # a feature that some customers lack cannot be clustered

    @property
    def full_label(self) -> str:
        return self.long_label or self.label


FEATURES = {
    feature.name: feature
    for feature in (
        Feature(TOTAL_SPEND, MONEY, "money", "Total spend", "spending", name_noun="Spend"),
        Feature(PURCHASE_FREQUENCY, LongType(), "orders", "Orders", "orders", name_noun="Frequency"),
        Feature(
            RECENCY_DAYS,
            IntegerType(),
            "days",
            "Days since last order",
            "days since the last order",
            "Days since the last order",
            lower_is_better=True,
        ),
        Feature(
            TENURE_DAYS,
            IntegerType(),
            "days",
            "Days since first order",
            "days since the first order",
            "Days since the first order",
            name_noun="Tenure",
        ),
        Feature(AVERAGE_ORDER_VALUE, MONEY, "money", "Value of an order", "order value", name_noun="Order Value"),
        Feature(
            AVERAGE_BASKET_UNITS,
            DoubleType(),
            "units",
            "Units in an order",
            "units in an order",
            name_noun="Basket Size",
        ),
        Feature(UNITS_BOUGHT, LongType(), "units", "Units bought", "units bought", name_noun="Units"),
        Feature(
            DISTINCT_PRODUCTS, LongType(), "products", "Different products", "different products", name_noun="Variety"
        ),
        Feature(
            AVERAGE_DAYS_BETWEEN_ORDERS,
            DoubleType(),
            "days",
            "Days between orders",
            "days between orders",
            lower_is_better=True,
            nullable=True,  # undefined for a customer of one order
        ),
        Feature(
            RETURNED_AMOUNT,
            MONEY,
            "money",
            "Returned amount",
            "returned amount",
            "Money returned",
            name_noun="Returns",
            lower_is_better=True,
        ),
        Feature(
            RETURN_RATE,
            DoubleType(),
            "share",
            "Returned share of spend",
            "return rate",
            "Share of spend returned",
            name_noun="Return Rate",
            lower_is_better=True,
        ),
    )
}
"""Every numeric feature by its column, in the order in which tables list them."""

NUMERIC_FEATURES = tuple(FEATURES)
CLUSTERABLE_FEATURES = tuple(feature.name for feature in FEATURES.values() if not feature.nullable)


def _feature_fields(names: Iterable[str]) -> list[StructField]:
    return [StructField(name, FEATURES[name].type, FEATURES[name].nullable) for name in names]


_RETURNS_START = NUMERIC_FEATURES.index(RETURNED_AMOUNT)
CUSTOMER_FEATURES = StructType(
    [
        StructField(CUSTOMER_ID, StringType(), nullable=False),
        *_feature_fields(NUMERIC_FEATURES[:_RETURNS_START]),
        StructField(FIRST_PURCHASE_AT, TimestampNTZType(), nullable=False),
        StructField(LAST_PURCHASE_AT, TimestampNTZType(), nullable=False),
        StructField(COUNTRY, StringType(), nullable=False),
        *_feature_fields(NUMERIC_FEATURES[_RETURNS_START:]),
    ]
)
"""One row per customer with at least one sale."""

CUSTOMER_SEGMENTS = StructType(
    [
        *_struct((CUSTOMER_ID, StringType()), (SEGMENT_ID, IntegerType()), (SEGMENT_NAME, StringType())).fields,
        *CUSTOMER_FEATURES.fields[1:],
        *_struct(
            (DISTANCE_TO_CENTRE, DoubleType()),
            (NEAREST_OTHER_SEGMENT_ID, IntegerType(), "null"),  # there is no other segment when there is only one
            (MARGIN, DoubleType(), "null"),
            (AS_OF, DateType()),
        ).fields,
    ]
)
"""One row per customer. Distances are in the model's scaled space. `margin` is the distance to the nearest other
centre minus the distance to the own: near 0 is on the border."""

SEGMENT_PROFILES = _struct(
    (SEGMENT_ID, IntegerType()),
    (SEGMENT_NAME, StringType()),
    (RULE, StringType()),
    (CUSTOMERS, LongType()),
    (CUSTOMER_SHARE, DoubleType()),
    (REVENUE, MONEY),
    (REVENUE_SHARE, DoubleType()),
    *[
        field
        for feature in NUMERIC_FEATURES
        for field in (
            (f"mean_{feature}", DoubleType(), "null"),  # NULL only where no customer of the segment has the feature
            (f"median_{feature}", DoubleType(), "null"),
        )
    ],
    (CENTRE, MapType(StringType(), DoubleType(), valueContainsNull=False)),
)
"""One row per segment, ids ascending with the centre's spend. `centre` maps each clustered feature to its value at
the segment's centre, in original units."""

K_SWEEP = _struct(
    (K, IntegerType()),
    (WSSSE, DoubleType()),
    (SILHOUETTE, DoubleType(), "null"),  # the three indices are undefined for k = 1
    (DAVIES_BOULDIN, DoubleType(), "null"),
    (CALINSKI_HARABASZ, DoubleType(), "null"),
    (ITERATIONS, IntegerType()),
    (SECONDS, DoubleType()),
    (CHOSEN, BooleanType()),
)
"""One row per k tried, and k = 1 in closed form (the total sum of squares)."""

COUNTRY_SALES = _struct(
    (COUNTRY, StringType()),
    (REVENUE, MONEY),
    (GUEST_REVENUE, MONEY),
    (ORDERS, LongType()),
    (CUSTOMERS, LongType()),
    (UNITS, LongType()),
    (AVERAGE_ORDER_VALUE, MONEY),
    (REVENUE_SHARE, DoubleType()),
    (CUMULATIVE_REVENUE_SHARE, DoubleType()),
    (ABC_CLASS, StringType()),
)
"""One row per country. Revenue, orders and units cover clean and guest lines; customers are those with an id."""

COUNTRY_SEGMENTS = _struct(
    (COUNTRY, StringType()),
    (SEGMENT_ID, IntegerType()),
    (SEGMENT_NAME, StringType()),
    (CUSTOMERS, LongType()),
    (REVENUE, MONEY),
)
"""One row per country and segment that bought there; clean lines only."""

PRODUCT_SALES = _struct(
    (STOCK_CODE, StringType()),
    (DESCRIPTION, StringType()),
    (REVENUE, MONEY),
    (GUEST_REVENUE, MONEY),
    (UNITS, LongType()),
    (ORDERS, LongType()),
    (CUSTOMERS, LongType()),
    (AVERAGE_UNIT_PRICE, MONEY, "null"),  # undefined where, with rules switched off, the units add up to 0
    (FIRST_SOLD_AT, TimestampNTZType()),
    (LAST_SOLD_AT, TimestampNTZType()),
    (REVENUE_SHARE, DoubleType()),
    (CUMULATIVE_REVENUE_SHARE, DoubleType()),
    (ABC_CLASS, StringType()),
    (IS_MERCHANDISE, BooleanType()),
)
"""One row per stock code, with its commonest description. Covers clean and guest lines."""

PRODUCT_SEGMENTS = _struct(
    (STOCK_CODE, StringType()),
    (SEGMENT_ID, IntegerType()),
    (SEGMENT_NAME, StringType()),
    (CUSTOMERS, LongType()),
    (UNITS, LongType()),
    (REVENUE, MONEY),
)
"""One row per stock code and segment that bought it; clean lines only."""

REJECTED_TRANSACTIONS = StructType(
    [StructField(field, StringType()) for field in LINE_FIELDS]
    + [
        StructField(SOURCE_FILE, StringType(), nullable=False),
        StructField(REASON, StringType(), nullable=False),
        StructField(REASONS, ArrayType(StringType(), containsNull=False), nullable=False),
    ]
)
"""One row per rejected line. The fields of a malformed line are the text as read, those of others their values."""

DATA_QUALITY = _struct(
    (RULE, StringType()),
    (ROWS, LongType()),
    (SHARE, DoubleType()),
    (REVENUE, MONEY),
)
"""One row per rule, by the first rule that a line breaks, and one each for `guest` and `clean`: rows and revenue add
up to everything read. `share` is of the lines read; revenue counts 0 where it cannot be computed."""

TABLES: dict[str, StructType] = {
    "customer_segments": CUSTOMER_SEGMENTS,
    "segment_profiles": SEGMENT_PROFILES,
    "k_sweep": K_SWEEP,
    "country_sales": COUNTRY_SALES,
    "country_segments": COUNTRY_SEGMENTS,
    "product_sales": PRODUCT_SALES,
    "product_segments": PRODUCT_SEGMENTS,
    "rejected_transactions": REJECTED_TRANSACTIONS,
    "data_quality": DATA_QUALITY,
}
"""Every table of a run, by the name of its folder."""


TABLE_KEYS: dict[str, tuple[str, ...]] = {
    "customer_segments": (CUSTOMER_ID,),
    "segment_profiles": (SEGMENT_ID,),
    "k_sweep": (K,),
    "country_sales": (COUNTRY,),
    "country_segments": (COUNTRY, SEGMENT_ID),
    "product_sales": (STOCK_CODE,),
    "product_segments": (STOCK_CODE, SEGMENT_ID),
    "data_quality": (RULE,),
}
"""The key of each table. Rejected lines have none: equal lines may be there many times."""


def schema_differences(actual: StructType, expected: StructType) -> list[str]:
    """Return every difference in names, order or types. Nullability is not compared: readers lose it."""
    found = {field.name: field.dataType for field in actual}
    declared = {field.name: field.dataType for field in expected}
    differences = [f"missing {name} {kind.simpleString()}" for name, kind in declared.items() if name not in found]
    differences += [f"unexpected {name} {kind.simpleString()}" for name, kind in found.items() if name not in declared]
    differences += [
        f"{name} is {found[name].simpleString()}, not {kind.simpleString()}"
        for name, kind in declared.items()
        if name in found and found[name].simpleString() != kind.simpleString()
    ]
    if not differences and actual.names != expected.names:
        differences.append(f"columns in the order {actual.names}, not {expected.names}")
    return differences


def require_schema(frame: DataFrame, expected: StructType, table: str) -> DataFrame:
    """Return the frame unchanged. Raises: QualityGateError with all differences from the expected schema."""
    differences = schema_differences(frame.schema, expected)
    if differences:
        raise QualityGateError(f"table {table} does not have its declared schema: {'; '.join(differences)}")
    return frame


def column_names(schema: StructType) -> Iterable[str]:
    """Return a schema's column names in order, for a `select` that states the contract."""
    return [field.name for field in schema]
