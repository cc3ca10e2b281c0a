"""The job's tables by DuckDB's SQL and scikit-learn."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

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
CREATE TABLE sales AS
SELECT DISTINCT * FROM lines
WHERE NOT regexp_matches(invoice, '{CANCELLATION}') AND regexp_matches(invoice, '{SALE}')
    AND quantity > 0 AND price > 0;
CREATE TABLE cancelled AS
SELECT customer, -sum(amount) AS returned_amount FROM (
    SELECT DISTINCT * FROM lines
    WHERE regexp_matches(invoice, '{CANCELLATION}') AND amount < 0 AND customer IS NOT NULL
) GROUP BY customer
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
WITH bought AS (
    SELECT customer, sum(amount) AS total_spend, count(DISTINCT invoice) AS purchase_frequency,
        sum(quantity) AS units_bought, count(DISTINCT code) AS distinct_products,
        min(sold_at) AS first_purchase_at, max(sold_at) AS last_purchase_at
    FROM sales WHERE customer IS NOT NULL GROUP BY customer
), countries AS (
    SELECT customer, country FROM (
        SELECT customer, country, sum(amount) AS spent FROM sales WHERE customer IS NOT NULL GROUP BY ALL
    ) QUALIFY row_number() OVER (PARTITION BY customer ORDER BY spent DESC, country) = 1
), last AS (SELECT max(sold_at)::DATE + 1 AS as_of FROM sales)
SELECT CAST(customer AS VARCHAR) AS customer_id, bought.* EXCLUDE (customer), country,
    as_of - last_purchase_at::DATE AS recency_days, as_of - first_purchase_at::DATE AS tenure_days,
    total_spend::DOUBLE / purchase_frequency AS average_order_value,
    units_bought::DOUBLE / purchase_frequency AS average_basket_units,
    CASE WHEN purchase_frequency > 1
        THEN (last_purchase_at::DATE - first_purchase_at::DATE)::DOUBLE / (purchase_frequency - 1)
    END AS average_days_between_orders,
    coalesce(returned_amount, 0) AS returned_amount,
    coalesce(returned_amount, 0)::DOUBLE / total_spend::DOUBLE AS return_rate
FROM bought JOIN countries USING (customer) LEFT JOIN cancelled USING (customer), last
ORDER BY customer_id
"""

SHARES = f"""
SELECT *, revenue::DOUBLE / sum(revenue) OVER () AS revenue_share,
    sum(revenue) OVER largest::DOUBLE / sum(revenue) OVER () AS cumulative_revenue_share,
    CASE WHEN row_number() OVER largest = 1 OR cumulative_revenue_share <= {CLASS_A_UP_TO} THEN 'A'
        WHEN cumulative_revenue_share <= {CLASS_B_UP_TO} THEN 'B' ELSE 'C' END AS abc_class
FROM sold WINDOW largest AS (ORDER BY revenue DESC, {{key}}) ORDER BY revenue DESC, {{key}}
"""

SOLD = """
    sum(amount) AS revenue, sum(quantity) AS units, count(DISTINCT invoice) AS orders,
    count(DISTINCT customer) AS customers,
    coalesce(sum(amount) FILTER (customer IS NULL), 0) AS guest_revenue
"""

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
    "country_segments": """
SELECT sales.country, segment_id, count(DISTINCT customer) AS customers, sum(amount) AS revenue, sum(quantity) AS units
FROM sales JOIN customer_segments ON customer::VARCHAR = customer_id GROUP BY ALL
""",
    "product_segments": """
SELECT code AS stock_code, segment_id, count(DISTINCT customer) AS customers, sum(amount) AS revenue,
    sum(quantity) AS units
FROM sales JOIN customer_segments ON customer::VARCHAR = customer_id GROUP BY ALL
""",
    "segment_profiles": """
SELECT segment_id, count(*) AS customers, sum(total_spend) AS revenue, median(total_spend) AS median_spend
FROM customer_segments GROUP BY segment_id
""",
    "customer_segments": "SELECT * FROM customer_segments",
    "k_sweep": "SELECT * FROM k_sweep",
}


def main(source: str, output: Path) -> None:
    output.mkdir(parents=True)
    db = duckdb.connect()
    db.execute(lines_view(source))
    db.execute(LINES)
    db.execute(CUSTOMERS)
    features_query = db.sql("SELECT total_spend::DOUBLE AS spend, purchase_frequency::DOUBLE AS orders FROM customers")
    features = np.column_stack(list(features_query.fetchnumpy().values()))
    wssse, segments = sweep(features)
    db.register("segments", pa.table({"segment_id": segments}))
    db.register("k_sweep", pa.table({"k": list(wssse), "wssse": list(wssse.values())}))
    db.execute("CREATE TABLE customer_segments AS SELECT * FROM customers POSITIONAL JOIN segments")
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
