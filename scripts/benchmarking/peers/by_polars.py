"""The job's tables by Polars' streaming engine and scikit-learn."""

from __future__ import annotations

import gzip
from pathlib import Path

import polars as pl

from scripts.benchmarking.peers.clustering import (
    CANCELLATION,
    CLASS_A_UP_TO,
    CLASS_B_UP_TO,
    MERCHANDISE,
    SALE,
    draw,
    sweep,
)

MONEY = pl.Decimal(20, 4)


def main(source: str, output: Path) -> None:
    output.mkdir(parents=True)
    lines = standardised(read(source))
    is_cancelled = pl.col("invoice").str.contains(CANCELLATION)
    is_sale = pl.col("invoice").str.contains(SALE) & ~is_cancelled & (pl.col("quantity") > 0) & (pl.col("price") > 0)
    sales = lines.filter(is_sale).unique().collect(engine="streaming")
    is_return = is_cancelled & (pl.col("amount") < 0) & pl.col("customer").is_not_null()
    cancelled = lines.filter(is_return).unique().collect(engine="streaming")
    customers = customer_features(sales.lazy(), cancelled.lazy()).collect(engine="streaming").sort("customer_id")
    features = customers.select(pl.col("total_spend", "purchase_frequency").cast(pl.Float64)).to_numpy()
    wssse, segments = sweep(features)
    customers = customers.with_columns(pl.Series("segment_id", segments))
    tables = {
        "customer_segments": customers,
        "k_sweep": pl.DataFrame({"k": list(wssse), "wssse": list(wssse.values())}),
        "country_sales": country_sales(sales.lazy()).collect(engine="streaming"),
        "product_sales": product_sales(sales.lazy()).collect(engine="streaming"),
        **segment_tables(sales.lazy(), customers),
    }
    for name, table in tables.items():
        table.write_parquet(output / f"{name}.parquet")
    draw(output, wssse, features, segments)


def read(source: str) -> pl.LazyFrame:
    if Path(source).is_dir():
        return pl.scan_parquet(f"{source}/*.parquet")
    if source.endswith(".parquet"):
        return pl.scan_parquet(source)
    if source.endswith(".xlsx"):
        return pl.read_excel(source, schema_overrides={"InvoiceNo": pl.String, "StockCode": pl.String}).lazy()
    content = Path(source).read_bytes()
    if source.endswith(".gz"):
        content = gzip.decompress(content)
    # Polars reads other encodings than UTF-8 only where nothing is compressed.
    lines = pl.read_csv(content.decode("iso-8859-1").encode(), infer_schema=False).lazy()
    return lines.with_columns(
        pl.col("InvoiceDate").str.to_datetime("%m/%d/%Y %H:%M", strict=False),
        pl.col("UnitPrice").cast(pl.Float64, strict=False),
    )


def standardised(lines: pl.LazyFrame) -> pl.LazyFrame:
    """Return the readable lines with one name and type for each value."""
    country = pl.col("Country").str.strip_chars().fill_null("").replace("", "Unspecified")
    price = pl.col("UnitPrice").cast(pl.Float64).fill_nan(None).cast(pl.Decimal(18, 4))
    values = lines.select(
        pl.col("InvoiceNo").str.strip_chars().alias("invoice"),
        pl.col("StockCode").str.strip_chars().alias("code"),
        pl.col("Description").str.strip_chars().fill_null("").alias("description"),
        pl.col("Quantity").cast(pl.Int64).alias("quantity"),
        pl.col("InvoiceDate").alias("sold_at"),
        price.alias("price"),
        pl.col("CustomerID").cast(pl.Int64).alias("customer"),
        country.alias("country"),
    )
    needed = [pl.col(name).is_not_null() for name in ("invoice", "code", "quantity", "sold_at", "price")]
    amount = (pl.col("quantity") * pl.col("price")).cast(MONEY).alias("amount")
    return values.filter(*needed, pl.col("code") != "").with_columns(amount)


def customer_features(sales: pl.LazyFrame, cancelled: pl.LazyFrame) -> pl.LazyFrame:
    of_customers = sales.filter(pl.col("customer").is_not_null())
    bought = of_customers.group_by("customer").agg(
        pl.col("amount").sum().alias("total_spend"),
        pl.col("invoice").n_unique().alias("purchase_frequency"),
        pl.col("quantity").sum().alias("units_bought"),
        pl.col("code").n_unique().alias("distinct_products"),
        pl.col("sold_at").min().alias("first_purchase_at"),
        pl.col("sold_at").max().alias("last_purchase_at"),
    )
    spent = of_customers.group_by("customer", "country").agg(pl.col("amount").sum())
    main_country = (
        spent.sort("customer", "amount", "country", descending=[False, True, False])
        .group_by("customer", maintain_order=True)
        .agg(pl.col("country").first())
    )
    returned = cancelled.group_by("customer").agg((-pl.col("amount")).sum().alias("returned_amount"))
    as_of = sales.select((pl.col("sold_at").max().dt.date() + pl.duration(days=1)).alias("as_of"))
    first, last = pl.col("first_purchase_at").dt.date(), pl.col("last_purchase_at").dt.date()
    orders, spend = pl.col("purchase_frequency"), pl.col("total_spend").cast(pl.Float64)
    between = (last - first).dt.total_days() / (orders - 1)
    returned_amount = pl.col("returned_amount").fill_null(0)
    return (
        bought.join(main_country, on="customer")
        .join(returned, on="customer", how="left")
        .join(as_of, how="cross")
        .select(
            pl.col("customer").cast(pl.String).alias("customer_id"),
            pl.exclude("customer", "as_of", "returned_amount"),
            (pl.col("as_of") - last).dt.total_days().alias("recency_days"),
            (pl.col("as_of") - first).dt.total_days().alias("tenure_days"),
            (spend / orders).alias("average_order_value"),
            (pl.col("units_bought") / orders).alias("average_basket_units"),
            pl.when(orders > 1).then(between).alias("average_days_between_orders"),
            returned_amount,
        )
    )


def sales_figures() -> list[pl.Expr]:
    return [
        pl.col("amount").sum().alias("revenue"),
        pl.col("quantity").sum().alias("units"),
        pl.col("invoice").n_unique().alias("orders"),
        pl.col("customer").drop_nulls().n_unique().alias("customers"),
        pl.col("amount").filter(pl.col("customer").is_null()).sum().alias("guest_revenue"),
    ]


def country_sales(sales: pl.LazyFrame) -> pl.LazyFrame:
    grouped = sales.group_by("country").agg(*sales_figures())
    per_order = (pl.col("revenue").cast(pl.Float64) / pl.col("orders")).alias("average_order_value")
    return with_shares(grouped.with_columns(per_order), "country")


def product_sales(sales: pl.LazyFrame) -> pl.LazyFrame:
    grouped = sales.group_by("code").agg(
        *sales_figures(), pl.col("sold_at").min().alias("first_sold_at"), pl.col("sold_at").max().alias("last_sold_at")
    )
    descriptions = sales.group_by("code", "description").len()
    is_blank = (pl.col("description") == "").alias("blank")
    commonest = (
        descriptions.with_columns(is_blank)
        .sort("code", "blank", "len", "description", descending=[False, False, True, False])
        .group_by("code", maintain_order=True)
        .agg(pl.col("description").first())
    )
    per_unit = (pl.col("revenue").cast(pl.Float64) / pl.col("units")).alias("average_unit_price")
    is_merchandise = pl.col("code").str.contains(MERCHANDISE).alias("is_merchandise")
    complete = grouped.join(commonest, on="code").with_columns(per_unit, is_merchandise)
    return with_shares(complete.rename({"code": "stock_code"}), "stock_code")


def with_shares(grouped: pl.LazyFrame, key: str) -> pl.LazyFrame:
    revenue = pl.col("revenue").cast(pl.Float64)
    share = pl.col("cumulative_revenue_share")
    is_a = (share <= CLASS_A_UP_TO) | (pl.int_range(pl.len()) == 0)
    abc = pl.when(is_a).then(pl.lit("A")).when(share <= CLASS_B_UP_TO).then(pl.lit("B")).otherwise(pl.lit("C"))
    return (
        grouped.sort("revenue", key, descending=[True, False])
        .with_columns(
            (revenue / revenue.sum()).alias("revenue_share"),
            (revenue.cum_sum() / revenue.sum()).alias("cumulative_revenue_share"),
        )
        .with_columns(abc.alias("abc_class"))
    )


def segment_tables(sales: pl.LazyFrame, customers: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Return what each segment bought by country and by product, and the segments' sizes and revenue."""
    segment_of = customers.lazy().select(pl.col("customer_id").cast(pl.Int64).alias("customer"), "segment_id")
    bought = sales.join(segment_of, on="customer")
    figures = [
        pl.col("customer").n_unique().alias("customers"),
        pl.col("amount").sum().alias("revenue"),
        pl.col("quantity").sum().alias("units"),
    ]
    profiles = customers.group_by("segment_id").agg(
        pl.len().alias("customers"),
        pl.col("total_spend").sum().alias("revenue"),
        pl.col("total_spend").median().alias("median_spend"),
    )
    by_country = bought.group_by("country", "segment_id").agg(*figures).collect(engine="streaming")
    by_product = bought.group_by("code", "segment_id").agg(*figures).collect(engine="streaming")
    return {
        "country_segments": by_country,
        "product_segments": by_product.rename({"code": "stock_code"}),
        "segment_profiles": profiles,
    }
