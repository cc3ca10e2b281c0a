"""The job's tables by DuckDB's SQL and scikit-learn, with rejected lines, matched returns and scores."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from scripts.benchmarking.peers import duckdb_returns
from scripts.benchmarking.peers.clustering import (
    CANCELLATION,
    CLASS_A_UP_TO,
    CLASS_B_UP_TO,
    MERCHANDISE,
    SALE,
    draw,
    sweep,
)

LINES = f"""
CREATE TABLE judged AS
SELECT *, count(*) AS copies, list_filter([
    CASE WHEN regexp_matches(invoice, '{CANCELLATION}') THEN 'cancellation' END,
    CASE WHEN NOT regexp_matches(invoice, '{SALE}|{CANCELLATION}') THEN 'adjustment' END,
    CASE WHEN quantity <= 0 THEN 'non_positive_quantity' END,
    CASE WHEN price <= 0 THEN 'non_positive_price' END
], lambda reason: reason IS NOT NULL) AS reasons
FROM lines GROUP BY ALL;
CREATE VIEW sales AS SELECT * FROM judged WHERE reasons = [];
CREATE VIEW returned AS
SELECT * FROM judged WHERE reasons[1] IN ('cancellation', 'non_positive_quantity') AND amount < 0;
CREATE VIEW rejected AS
SELECT * EXCLUDE (copies, reasons, copy),
    CASE WHEN copy > 0 THEN list_append(reasons, 'duplicate') ELSE reasons END AS reasons,
    coalesce(reasons[1], 'duplicate') AS reason
FROM (SELECT *, unnest(range(copies)) AS copy FROM judged WHERE reasons <> [] OR copies > 1)
WHERE reasons <> [] OR copy > 0
"""

FIELDS = """
CREATE VIEW lines AS
SELECT *, CAST(quantity * price AS DECIMAL(20, 4)) AS amount FROM (
    SELECT trim(InvoiceNo) AS invoice, trim(StockCode) AS code, coalesce(trim(Description), '') AS description,
        CAST(Quantity AS BIGINT) AS quantity, {sold_at} AS sold_at, CAST({price} AS DECIMAL(18, 4)) AS price,
        CAST(CustomerID AS BIGINT) AS customer, coalesce(nullif(trim(Country), ''), 'Unspecified') AS country
    FROM {source}
) WHERE invoice IS NOT NULL AND code <> '' AND quantity IS NOT NULL AND sold_at IS NOT NULL AND price IS NOT NULL
"""

CUSTOMERS = """
CREATE TABLE customers AS
WITH invoices AS (
    SELECT customer, invoice, sum(amount) AS revenue, sum(quantity) AS units, min(sold_at) AS first_at,
        max(sold_at) AS last_at
    FROM sales WHERE customer IS NOT NULL GROUP BY ALL
), bought AS (
    SELECT customer, sum(revenue) AS total_spend, count(*) AS purchase_frequency, sum(units) AS units_bought,
        min(first_at) AS first_purchase_at, max(last_at) AS last_purchase_at,
        coalesce(sum(taken_back), 0) AS returned_matched,
        count(*) FILTER (taken_back IS NULL OR taken_back < revenue) AS net_orders,
        max(last_at) FILTER (taken_back IS NULL OR taken_back < revenue) AS last_net_purchase_at
    FROM invoices LEFT JOIN (SELECT customer, invoice, sum(returned) AS taken_back FROM taken GROUP BY ALL)
        USING (customer, invoice)
    GROUP BY customer
), products AS (
    SELECT customer, count(DISTINCT code) AS distinct_products FROM sales WHERE customer IS NOT NULL GROUP BY customer
), countries AS (
    SELECT customer, country FROM (
        SELECT customer, country, sum(amount) AS spent FROM sales WHERE customer IS NOT NULL GROUP BY ALL
    ) QUALIFY row_number() OVER (PARTITION BY customer ORDER BY spent DESC, country) = 1
), given_back AS (
    SELECT customer, -sum(amount) AS given_back FROM returned GROUP BY customer
), last AS (SELECT max(sold_at)::DATE + 1 AS as_of FROM sales)
SELECT CAST(customer AS VARCHAR) AS customer_id, bought.* EXCLUDE (last_net_purchase_at), distinct_products, country,
    as_of - last_purchase_at::DATE AS recency_days, as_of - first_purchase_at::DATE AS tenure_days,
    as_of - last_net_purchase_at::DATE AS net_recency_days,
    total_spend::DOUBLE / purchase_frequency AS average_order_value,
    units_bought::DOUBLE / purchase_frequency AS average_basket_units,
    CASE WHEN purchase_frequency > 1
        THEN (last_purchase_at::DATE - first_purchase_at::DATE)::DOUBLE / (purchase_frequency - 1)
    END AS average_days_between_orders,
    total_spend - returned_matched AS net_spend, coalesce(given_back, 0) AS returned_amount,
    coalesce(given_back, 0) - returned_matched AS returned_unmatched,
    returned_matched::DOUBLE / total_spend::DOUBLE AS return_rate
FROM bought JOIN products USING (customer) JOIN countries USING (customer) LEFT JOIN given_back USING (customer), last
ORDER BY customer_id
"""

# The job's default rules for the names of the scores, of what was bought before returns.
CUSTOMER_SEGMENTS = """
CREATE TABLE customer_segments AS
WITH cuts AS (
    SELECT median(average_days_between_orders) FILTER (average_days_between_orders > 0) AS gap,
        [greatest(1, multiple * gap) FOR multiple IN [0.5, 1, 2, 4]] AS days,
        [1.0] || quantile_cont(purchase_frequency, [0.25, 0.5, 0.75]) FILTER (purchase_frequency > 1) AS orders,
        quantile_cont(total_spend::DOUBLE, [0.2, 0.4, 0.6, 0.8]) AS money
    FROM customers
), scored AS (
    SELECT customers.*, segment_id, 5 - len([cut FOR cut IN days IF recency_days > cut]) AS recency_score,
        1 + len([cut FOR cut IN orders IF purchase_frequency > cut]) AS frequency_score,
        1 + len([cut FOR cut IN money IF total_spend::DOUBLE > cut]) AS monetary_score,
        5 - len([cut FOR cut IN days IF tenure_days > cut]) AS tenure_score,
        purchase_frequency >= 5 AND recency_days >= 120 AND average_days_between_orders <= 60 AS has_stopped
    FROM customers POSITIONAL JOIN segments, cuts
)
SELECT * EXCLUDE (tenure_score, has_stopped), CASE
    WHEN tenure_score >= 4 AND purchase_frequency <= 2 THEN 'New'
    WHEN has_stopped AND frequency_score = 5 AND monetary_score = 5 THEN 'Cannot Lose Them'
    WHEN has_stopped AND monetary_score >= 4 THEN 'At Risk Big Spenders'
    WHEN has_stopped THEN 'At Risk'
    WHEN recency_score >= 4 AND frequency_score = 5 AND monetary_score = 5 THEN 'Champions'
    WHEN recency_score >= 3 AND frequency_score >= 4 THEN 'Loyal'
    WHEN recency_score >= 3 AND monetary_score = 5 THEN 'Big Spenders'
    WHEN recency_score <= 2 AND frequency_score = 5 AND monetary_score = 5 THEN 'Cannot Lose Them'
    WHEN recency_score <= 2 AND frequency_score >= 2 AND monetary_score = 5 THEN 'At Risk Big Spenders'
    WHEN recency_score <= 2 AND (frequency_score >= 3 OR purchase_frequency >= 5) THEN 'At Risk'
    WHEN recency_score >= 4 THEN 'Promising'
    WHEN recency_score = 3 AND frequency_score >= 2 THEN 'Need Attention'
    WHEN recency_score = 3 THEN 'About to Sleep'
    WHEN recency_score = 2 THEN 'Hibernating'
    ELSE 'Lost'
END AS rfm_segment
FROM scored
"""

SOLD = """
    sum(amount) AS revenue, sum(quantity) AS units, count(DISTINCT invoice) AS orders,
    count(DISTINCT customer) AS customers,
    coalesce(sum(amount) FILTER (customer IS NULL), 0) AS guest_revenue
"""

# `returned` is what customers took back of the sales, and all that guests returned.
SHARES = f"""
, given_back AS (
    SELECT {{key}}, sum(money) AS returned, coalesce(sum(money) FILTER (is_guest), 0) AS guest_returned FROM (
        SELECT country, code AS stock_code, returned AS money, false AS is_guest FROM taken UNION ALL
        SELECT country, code, -amount, true FROM returned WHERE customer IS NULL
    ) GROUP BY {{key}}
)
SELECT sold.*, coalesce(returned, 0) AS returned, coalesce(guest_returned, 0) AS guest_returned,
    revenue - coalesce(returned, 0) AS net_revenue, revenue::DOUBLE / sum(revenue) OVER () AS revenue_share,
    sum(revenue) OVER largest::DOUBLE / sum(revenue) OVER () AS cumulative_revenue_share,
    CASE WHEN row_number() OVER largest = 1 OR cumulative_revenue_share <= {CLASS_A_UP_TO} THEN 'A'
        WHEN cumulative_revenue_share <= {CLASS_B_UP_TO} THEN 'B' ELSE 'C' END AS abc_class
FROM sold LEFT JOIN given_back USING ({{key}})
WINDOW largest AS (ORDER BY revenue DESC, {{key}}) ORDER BY revenue DESC, {{key}}
"""

SEGMENT_SALES = """
SELECT {key}, segment_id, count(DISTINCT customer) AS customers, sum(amount) AS revenue, sum(quantity) AS units
FROM sales JOIN customer_segments USING (customer) GROUP BY ALL
"""

FEATURES = """COLUMNS([
    'total_spend', 'net_spend', 'purchase_frequency', 'net_orders', 'recency_days', 'net_recency_days', 'tenure_days',
    'average_order_value', 'average_basket_units', 'units_bought', 'distinct_products', 'average_days_between_orders',
    'returned_amount', 'returned_matched', 'returned_unmatched', 'return_rate'
])"""

TABLES = {
    "country_sales": f"""
WITH sold AS (SELECT country, {SOLD}, revenue::DOUBLE / orders AS average_order_value FROM sales GROUP BY country)
{SHARES.format(key="country")}
""",
    "product_sales": f"""
WITH described AS (
    SELECT code, description FROM (SELECT code, description, count(*) AS lines FROM sales GROUP BY ALL)
    QUALIFY row_number() OVER (PARTITION BY code ORDER BY description = '', lines DESC, description) = 1
), sold AS (
    SELECT code AS stock_code, any_value(described.description) AS description, {SOLD},
        min(sold_at) AS first_sold_at, max(sold_at) AS last_sold_at, revenue::DOUBLE / units AS average_unit_price,
        regexp_matches(code, '{MERCHANDISE}') AS is_merchandise
    FROM sales JOIN described USING (code) GROUP BY code
)
{SHARES.format(key="stock_code")}
""",
    "country_segments": SEGMENT_SALES.format(key="sales.country"),
    "product_segments": SEGMENT_SALES.format(key="code AS stock_code"),
    "segment_profiles": f"""
SELECT segment_id, count(*) AS customers, sum(total_spend) AS revenue, sum(net_spend) AS net_revenue,
    avg({FEATURES}) AS 'mean_\\0', median({FEATURES}) AS 'median_\\0'
FROM customer_segments GROUP BY segment_id
""",
    "rfm_profiles": f"""
SELECT rfm_segment, count(*) AS customers, sum(total_spend) AS revenue, sum(net_spend) AS net_revenue,
    median({FEATURES}) AS 'median_\\0'
FROM customer_segments GROUP BY rfm_segment
""",
    "rfm_by_segment": """
SELECT rfm_segment, segment_id, count(*) AS customers, sum(net_spend) AS net_revenue FROM customer_segments GROUP BY ALL
""",
    "rejected_transactions": "SELECT * FROM rejected",
    "data_quality": """
SELECT reason AS rule, count(*) AS rows, sum(amount) AS revenue FROM rejected GROUP BY ALL
UNION ALL
SELECT CASE WHEN customer IS NULL THEN 'guest' ELSE 'clean' END AS rule, count(*), sum(amount) FROM sales GROUP BY rule
""",
    "customer_segments": "SELECT * EXCLUDE (customer) FROM customer_segments",
    "k_sweep": "SELECT * FROM k_sweep",
}


def main(source: str, output: Path) -> None:
    output.mkdir(parents=True)
    db = duckdb.connect(config={"temp_directory": str(output / "spilled")})
    db.execute(lines_view(source))
    db.execute(LINES)
    db.execute(duckdb_returns.STATEMENTS)
    db.execute(CUSTOMERS)
    features_query = db.sql("SELECT total_spend::DOUBLE AS spend, purchase_frequency::DOUBLE AS orders FROM customers")
    features = np.column_stack(list(features_query.fetchnumpy().values()))
    wssse, segments = sweep(features)
    db.register("segments", pa.table({"segment_id": segments}))
    db.register("k_sweep", pa.table({"k": list(wssse), "wssse": list(wssse.values())}))
    db.execute(CUSTOMER_SEGMENTS)
    for name, query in TABLES.items():
        db.execute(f"COPY ({query}) TO '{output / f'{name}.parquet'}' (FORMAT parquet)")
    draw(output, wssse, features, segments)


def lines_view(source: str) -> str:
    """Return the statement that reads the readable lines, with one name and type for each value."""
    if Path(source).is_dir() or source.endswith(".parquet"):
        pattern = f"{source}/*.parquet" if Path(source).is_dir() else source
        return FIELDS.format(source=f"'{pattern}'", sold_at="InvoiceDate", price="nullif(UnitPrice, 'nan')")
    read = f"read_csv('{source}', header = true, all_varchar = true, encoding = 'latin-1')"
    return FIELDS.format(
        source=read,
        sold_at="try_strptime(InvoiceDate, '%m/%d/%Y %H:%M')",
        price="TRY_CAST(UnitPrice AS DECIMAL(18, 4))",
    )
