"""From judged lines to customers: match returns, aggregate orders and baskets, and these to one row per customer.

Runs and published models that score new transactions take this one way, so that equal lines give equal features.
"""

from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.buckets import in_buckets
from segmentation.config.settings import RunConfig
from segmentation.context import InputContext
from segmentation.features import ORDER, baskets_of, customer_features, orders_of
from segmentation.intake import CleanedLines
from segmentation.returns import lines_of_returned_products, money_taken_back

# One bucket holds more than the largest `clustering.seeding_sample`: up to that, Spark's KMeans fits all customers.
CUSTOMERS_OF_A_BUCKET = 150_000
LINES_OF_ONE_BUCKET = 1_000_000


# The features that are known once returns are matched to purchases.
AFTER_RETURNS = frozenset(
    (s.NET_SPEND, s.NET_ORDERS, s.NET_RECENCY_DAYS, s.RETURNED_MATCHED, s.RETURNED_UNMATCHED, s.RETURN_RATE)
)


@dataclass(frozen=True)
class Purchases:
    """What was bought and came back, by order and by customer and product, as of `features`. Not cached."""

    orders: DataFrame
    baskets: DataFrame


def purchases_of(context: InputContext, lines: CleanedLines) -> Purchases:
    """Match returns to purchases, and aggregate the sales. Runs no action but shuffles; caches what is matched."""
    sales, join = lines.sales, lines.join
    returned_products = context.cache(lines_of_returned_products(sales, lines.returned, join))
    taken_back = context.cache(money_taken_back(sales, returned_products, join))
    return Purchases(orders_of(lines.order_sums, taken_back), baskets_of(sales, taken_back))


def scoring_needs_returns(config: RunConfig) -> bool:
    """Return whether segments, scores or names of customers look at what stayed after returns."""
    features = {feature.feature for feature in config.clustering.features}
    conditions = {key for rule in config.rfm.rules for key in rule.when}
    return config.figures == "net" or not AFTER_RETURNS.isdisjoint(features | conditions)


def customers_before_returns(lines: CleanedLines, buckets: int) -> DataFrame:
    """Return as `customers_of` the features that need no match of returns to purchases, without `AFTER_RETURNS`."""
    of_no_line = {s.STOCK_CODE: F.lit(None).cast("string"), s.RETURNED: F.lit(None).cast(s.MONEY)}
    nothing = lines.order_sums.select(*ORDER, *[value.alias(name) for name, value in of_no_line.items()]).limit(0)
    purchases = Purchases(orders_of(lines.order_sums, nothing), baskets_of(lines.sales, nothing))
    return customers_of(lines, purchases, buckets).drop(*AFTER_RETURNS)


def customers_of(lines: CleanedLines, purchases: Purchases, buckets: int) -> DataFrame:
    """Return `CUSTOMER_FEATURES` in buckets: one row per customer with a sale."""
    features = customer_features(purchases.orders, purchases.baskets, lines.returned, lines.as_of)
    return in_buckets(features, buckets, s.CUSTOMER_ID)


def customer_buckets(lines: CleanedLines) -> int:
    """Return the number of buckets of the customers. Of many lines, runs the action that estimates their count."""
    if lines.ledger.counts[s.CLEAN] <= LINES_OF_ONE_BUCKET:
        return 1
    customers = int(lines.order_sums.agg(F.approx_count_distinct(s.CUSTOMER_ID)).collect()[0][0])  # one row
    return max(1, -(-customers // CUSTOMERS_OF_A_BUCKET))
