"""The same by Polars' streaming engine and scikit-learn; started by scripts/benchmark."""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

import polars as pl

from command_help import answer_help
from peer_clustering import CANCELLATION, CLASS_A_UP_TO, CLASS_B_UP_TO, MERCHANDISE, SALE, draw, sweep

MONEY = pl.Decimal(20, 4)


def main(source: str, output: str) -> None:
    place = Path(output)
    place.mkdir(parents=True)
    lines = standardised(read(source))
    is_cancelled = pl.col("invoice").str.contains(CANCELLATION)
    is_sale = pl.col("invoice").str.contains(SALE) & ~is_cancelled & (pl.col("quantity") > 0) & (pl.col("price") > 0)
    sales = lines.filter(is_sale).unique().collect(engine="streaming")
    went_back = is_cancelled & (pl.col("amount") < 0) & pl.col("customer").is_not_null()
    cancelled = lines.filter(went_back).unique().collect(engine="streaming")
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
        table.write_parquet(place / f"{name}.parquet")
    draw(place, wssse, features, segments)


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
    # Polars reads UTF-8 alone, and another encoding only where nothing is compressed.
    lines = pl.read_csv(content.decode("iso-8859-1").encode(), infer_schema=False).lazy()
    return lines.with_columns(
        pl.col("InvoiceDate").str.to_datetime("%m/%d/%Y %H:%M", strict=False),
        pl.col("UnitPrice").cast(pl.Float64, strict=False),
    )


def standardised(lines: pl.LazyFrame) -> pl.LazyFrame:
    """The readable lines, with one name and type for each value."""
    country = pl.col("Country").str.strip_chars().fill_null("").replace("", "Unspecified")
    price = pl.col("UnitPrice").cast(pl.Float64).fill_nan(None).cast(pl.Decimal(18, 4))
    named = lines.select(
        pl.col("InvoiceNo").str.strip_chars().alias("invoice"),
        pl.col("StockCode").str.strip_chars().alias("code"),
        pl.col("Description").str.strip_chars().fill_null("").alias("description"),
        pl.col("Quantity").cast(pl.Int64).alias("quantity"),
        pl.col("InvoiceDate").alias("moment"),
        price.alias("price"),
        pl.col("CustomerID").cast(pl.Int64).alias("customer"),
        country.alias("country"),
    )
    needed = [pl.col(name).is_not_null() for name in ("invoice", "code", "quantity", "moment", "price")]
    amount = (pl.col("quantity") * pl.col("price")).cast(MONEY).alias("amount")
    return named.filter(*needed, pl.col("code") != "").with_columns(amount)


def customer_features(sales: pl.LazyFrame, cancelled: pl.LazyFrame) -> pl.LazyFrame:
    of_customers = sales.filter(pl.col("customer").is_not_null())
    bought = of_customers.group_by("customer").agg(
        pl.col("amount").sum().alias("total_spend"),
        pl.col("invoice").n_unique().alias("purchase_frequency"),
        pl.col("quantity").sum().alias("units_bought"),
        pl.col("code").n_unique().alias("distinct_products"),
        pl.col("moment").min().alias("first_purchase_at"),
        pl.col("moment").max().alias("last_purchase_at"),
    )
    spent = of_customers.group_by("customer", "country").agg(pl.col("amount").sum())
    main_country = (
        spent.sort("customer", "amount", "country", descending=[False, True, False])
        .group_by("customer", maintain_order=True)
        .agg(pl.col("country").first())
    )
    returned = cancelled.group_by("customer").agg((-pl.col("amount")).sum().alias("returned_amount"))
    as_of = sales.select((pl.col("moment").max().dt.date() + pl.duration(days=1)).alias("as_of"))
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
            (returned_amount.cast(pl.Float64) / spend).alias("return_rate"),
        )
    )


def sold() -> list[pl.Expr]:
    return [
        pl.col("amount").sum().alias("revenue"),
        pl.col("quantity").sum().alias("units"),
        pl.col("invoice").n_unique().alias("orders"),
        pl.col("customer").drop_nulls().n_unique().alias("customers"),
        pl.col("amount").filter(pl.col("customer").is_null()).sum().alias("guest_revenue"),
    ]


def country_sales(sales: pl.LazyFrame) -> pl.LazyFrame:
    found = sales.group_by("country").agg(*sold())
    per_order = (pl.col("revenue").cast(pl.Float64) / pl.col("orders")).alias("average_order_value")
    return with_shares(found.with_columns(per_order), "country")


def product_sales(sales: pl.LazyFrame) -> pl.LazyFrame:
    found = sales.group_by("code").agg(
        *sold(), pl.col("moment").min().alias("first_sold_at"), pl.col("moment").max().alias("last_sold_at")
    )
    counted = sales.group_by("code", "description").len()
    is_blank = (pl.col("description") == "").alias("blank")
    commonest = (
        counted.with_columns(is_blank)
        .sort("code", "blank", "len", "description", descending=[False, False, True, False])
        .group_by("code", maintain_order=True)
        .agg(pl.col("description").first())
    )
    per_unit = (pl.col("revenue").cast(pl.Float64) / pl.col("units")).alias("average_unit_price")
    is_merchandise = pl.col("code").str.contains(MERCHANDISE).alias("is_merchandise")
    complete = found.join(commonest, on="code").with_columns(per_unit, is_merchandise)
    return with_shares(complete.rename({"code": "stock_code"}), "stock_code")


def with_shares(found: pl.LazyFrame, key: str) -> pl.LazyFrame:
    revenue = pl.col("revenue").cast(pl.Float64)
    share = pl.col("cumulative_revenue_share")
    is_a = (share <= CLASS_A_UP_TO) | (pl.int_range(pl.len()) == 0)
    abc = pl.when(is_a).then(pl.lit("A")).when(share <= CLASS_B_UP_TO).then(pl.lit("B")).otherwise(pl.lit("C"))
    return (
        found.sort("revenue", key, descending=[True, False])
        .with_columns(
            (revenue / revenue.sum()).alias("revenue_share"),
            (revenue.cum_sum() / revenue.sum()).alias("cumulative_revenue_share"),
        )
        .with_columns(abc.alias("abc_class"))
    )


def segment_tables(sales: pl.LazyFrame, customers: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """What each segment bought by country and by product, and the segments' sizes and means."""
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


if __name__ == "__main__":
    answer_help("python scripts/peer_polars.py INPUT OUTPUT", __doc__)
    main(*sys.argv[1:])
