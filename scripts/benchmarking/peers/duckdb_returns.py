"""The job's matching of returns with purchases, as statements of DuckDB; `segmentation/returns.py` describes it."""

from __future__ import annotations

from typing import Final

IN_TIME: Final = """
PARTITION BY customer ORDER BY sold_at, invoice, code, price, CASE WHEN is_purchase THEN units ELSE -units END, country,
    amount"""

LINES: Final = """
CREATE VIEW purchases AS
SELECT customer, invoice, code, country, sold_at, true AS is_purchase, quantity AS units, amount, price
FROM sales WHERE customer IS NOT NULL;
CREATE TABLE returns AS
SELECT customer, invoice, code, country, sold_at, false AS is_purchase, abs(quantity) AS units, -amount AS amount, price
FROM returned WHERE customer IS NOT NULL
"""

SAME_PRODUCT: Final = f"""
SELECT *, row_number() OVER ({IN_TIME}) AS position
FROM (SELECT * FROM purchases SEMI JOIN returns USING (customer, code) UNION ALL BY NAME FROM returns)
"""

LEFT_MONEY: Final = """
SELECT * EXCLUDE (position), CASE
    WHEN same_price = 0 THEN amount
    WHEN NOT is_purchase AND same_price < units THEN CAST(round((units - same_price) * price, 4) AS DECIMAL(20, 4))
END AS left_money
FROM same_price
"""

# The purchases of other products that cost what is left of a return join in.
SAME_AMOUNT: Final = f"""
SELECT *, row_number() OVER ({IN_TIME}, same_price) AS position,
    sum(amount) FILTER (NOT is_purchase) OVER (PARTITION BY customer) AS given_back
FROM (
    FROM left_money UNION ALL BY NAME
    SELECT purchases.*, 0 AS same_price, amount AS left_money FROM purchases
    SEMI JOIN (SELECT customer, left_money AS amount FROM left_money WHERE NOT is_purchase) USING (customer, amount)
    ANTI JOIN returns USING (customer, code)
)
"""

# Each unit taken at another price is priced by the return that took it: ranges of the stack's height are cut at all
# borders, and in such a slice the line after a purchase is the return.
TAKEN: Final = """
CREATE TABLE taken AS
WITH moved AS (
    SELECT *, sum(CASE WHEN is_purchase THEN other_price ELSE -other_price END) OVER of_product AS height
    FROM other_price WHERE other_price > 0 OR is_purchase AND (same_price > 0 OR whole > 0)
    WINDOW of_product AS (PARTITION BY customer, code ORDER BY position)
), ranges AS (
    SELECT *, CASE WHEN is_purchase THEN height ELSE height + other_price END AS high, high - other_price AS low,
        count(*) FILTER (height = 0) OVER (
            PARTITION BY customer, code ORDER BY position ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS episode
    FROM moved
), borders AS (
    SELECT DISTINCT customer, code, episode, unnest([low, high]) AS top FROM ranges
), slices AS (
    SELECT ranges.*, top,
        top - coalesce(lag(top) OVER (PARTITION BY ranges.customer, position ORDER BY top), low) AS width
    FROM ranges LEFT JOIN borders ON ranges.customer = borders.customer AND ranges.code = borders.code
        AND ranges.episode = borders.episode AND top > low AND top <= high
), priced AS (
    SELECT *, lead(price) OVER (PARTITION BY customer, code, episode, top ORDER BY position) AS return_price
    FROM slices
), lines AS (
    SELECT customer, invoice, code, country, position, given_back, units, price, amount, whole,
        same_price + coalesce(sum(width) FILTER (return_price >= price), 0) AS at_own_price,
        coalesce(sum(width * return_price) FILTER (return_price < price), 0) AS at_lower_prices
    FROM priced WHERE is_purchase
    GROUP BY customer, invoice, code, country, position, given_back, units, price, amount, whole, same_price
), money AS (
    SELECT *, CASE WHEN whole > 0 OR at_own_price = units THEN amount
        ELSE least(amount, round(at_own_price * price + at_lower_prices, 4)) END AS taken
    FROM lines
), capped AS (
    SELECT *, least(taken, given_back - coalesce(sum(taken) OVER (
        PARTITION BY customer ORDER BY position ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ), 0)) AS returned
    FROM money
)
SELECT customer, invoice, code, country, CAST(returned AS DECIMAL(20, 4)) AS returned FROM capped WHERE returned > 0
"""


def _matched(source: str, name: str, group: str, sought: str) -> str:
    """Return the statement of a table with one more column: what is matched of each line, last in first out.

    `sought` is what can be taken of a purchase, or what a return seeks, within the customer and the `group`.
    """
    window = f"PARTITION BY customer, {group} ORDER BY position"
    return f"""
CREATE TABLE {name} AS
WITH weighed AS (
    SELECT *, {sought} AS sought, CASE WHEN is_purchase THEN sought ELSE -sought END AS weight FROM ({source})
), summed AS (
    SELECT *, sum(weight) OVER ({window}) AS total FROM weighed
), floored AS (
    SELECT *, min(total) OVER ({window} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS lowest_before FROM summed
), stacked AS (
    SELECT *, total - least(0, lowest_before, total) AS height FROM floored
), followed AS (
    SELECT *, min(height) OVER ({window} ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS lowest_after FROM stacked
)
SELECT * EXCLUDE (sought, weight, total, lowest_before, height, lowest_after), CAST(CASE
    WHEN weight > 0 THEN weight - greatest(0, least(lowest_after, height) - (height - weight))
    ELSE total - weight - least(0, lowest_before) - height
END AS BIGINT) AS {name}
FROM followed
"""


STATEMENTS: Final = ";".join(
    [
        LINES,
        _matched(SAME_PRODUCT, "same_price", "code, price", "units"),
        f"CREATE TABLE left_money AS {LEFT_MONEY}",
        _matched(SAME_AMOUNT, "whole", "left_money", "CAST(left_money IS NOT NULL AS BIGINT)"),
        _matched("FROM whole", "other_price", "code", "CASE WHEN whole = 1 THEN 0 ELSE units - same_price END"),
        TAKEN,
    ]
)
