"""The job's tables as a notebook makes them, by pandas, scikit-learn and matplotlib."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from scripts.benchmarking.peers.clustering import (
    CANCELLATION,
    CLASS_A_UP_TO,
    CLASS_B_UP_TO,
    MERCHANDISE,
    SALE,
    draw,
    sweep,
)

TEXTS = {"InvoiceNo": "str", "StockCode": "str", "Description": "str", "Country": "str"}
FIELDS = ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"]
CUSTOMER = "customer_id"
BOUGHT = {"customers": ("CustomerID", "nunique"), "revenue": ("amount", "sum"), "units": ("Quantity", "sum")}
ORDERS = {"orders": ("InvoiceNo", "nunique")}


def main(source: str, output: Path) -> None:
    output.mkdir(parents=True)
    sales, cancelled = cleaned(read(source))
    as_of = sales["InvoiceDate"].max().normalize() + pd.Timedelta(days=1)
    customers = customer_features(sales[sales["CustomerID"].notna()], cancelled, as_of)
    features = customers[["total_spend", "purchase_frequency"]].to_numpy(float)
    wssse, segments = sweep(features)
    customers["segment_id"] = segments
    tables = {
        "customer_segments": customers,
        "k_sweep": pd.DataFrame({"k": list(wssse), "wssse": list(wssse.values())}),
        "country_sales": country_sales(sales),
        "product_sales": product_sales(sales),
        **segment_tables(sales, customers),
    }
    for name, table in tables.items():
        table.to_parquet(output / f"{name}.parquet", index=False)
    draw(output, wssse, features, segments)


def read(source: str) -> pd.DataFrame:
    if source.endswith(".xlsx"):
        return pd.read_excel(source, dtype=TEXTS, engine="openpyxl")
    if Path(source).is_dir() or source.endswith(".parquet"):
        return pd.read_parquet(source)
    lines = pd.read_csv(source, dtype=TEXTS, encoding="iso-8859-1")
    lines["InvoiceDate"] = pd.to_datetime(lines["InvoiceDate"], format="%m/%d/%Y %H:%M", errors="coerce")
    lines["UnitPrice"] = pd.to_numeric(lines["UnitPrice"], errors="coerce")
    return lines


def cleaned(lines: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the sales of customers and guests, and the cancelled lines of customers, without duplicates."""
    for name in TEXTS:
        lines[name] = lines[name].str.strip()
    lines["Description"] = lines["Description"].fillna("")
    lines["Country"] = lines["Country"].fillna("").replace("", "Unspecified")
    lines["amount"] = lines["Quantity"] * lines["UnitPrice"]
    is_whole = lines[["InvoiceNo", "StockCode", "Quantity", "InvoiceDate", "UnitPrice"]].notna().all(axis=1)
    lines = lines[is_whole & (lines["StockCode"] != "")]
    is_cancelled = lines["InvoiceNo"].str.match(CANCELLATION)
    is_sale = lines["InvoiceNo"].str.match(SALE) & ~is_cancelled & (lines["Quantity"] > 0) & (lines["UnitPrice"] > 0)
    is_return = is_cancelled & (lines["amount"] < 0) & lines["CustomerID"].notna()
    return lines[is_sale].drop_duplicates(FIELDS), lines[is_return].drop_duplicates(FIELDS)


def customer_features(sales: pd.DataFrame, cancelled: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    by_customer = sales.groupby("CustomerID")
    features = by_customer.agg(
        total_spend=("amount", "sum"),
        purchase_frequency=("InvoiceNo", "nunique"),
        units_bought=("Quantity", "sum"),
        distinct_products=("StockCode", "nunique"),
        first_purchase_at=("InvoiceDate", "min"),
        last_purchase_at=("InvoiceDate", "max"),
    )
    spent = sales.groupby(["CustomerID", "Country"])["amount"].sum().reset_index()
    spent = spent.sort_values(["CustomerID", "amount", "Country"], ascending=[True, False, True])
    features["country"] = spent.drop_duplicates("CustomerID").set_index("CustomerID")["Country"]
    first, last = features["first_purchase_at"].dt.normalize(), features["last_purchase_at"].dt.normalize()
    orders = features["purchase_frequency"]
    features["recency_days"] = (as_of - last).dt.days
    features["tenure_days"] = (as_of - first).dt.days
    features["average_order_value"] = features["total_spend"] / orders
    features["average_basket_units"] = features["units_bought"] / orders
    features["average_days_between_orders"] = ((last - first).dt.days / (orders - 1)).where(orders > 1)
    features["returned_amount"] = (-cancelled.groupby("CustomerID")["amount"].sum()).reindex(features.index).fillna(0)
    features = features.reset_index().rename(columns={"CustomerID": CUSTOMER})
    features[CUSTOMER] = features[CUSTOMER].astype("int64").astype(str)
    return features


def country_sales(sales: pd.DataFrame) -> pd.DataFrame:
    sold = sales.groupby("Country").agg(**BOUGHT, **ORDERS)
    sold["guest_revenue"] = guest_revenue(sales, "Country").reindex(sold.index).fillna(0)
    sold["average_order_value"] = sold["revenue"] / sold["orders"]
    return with_shares(sold.reset_index().rename(columns={"Country": "country"}), "country")


def product_sales(sales: pd.DataFrame) -> pd.DataFrame:
    sold = sales.groupby("StockCode").agg(
        **BOUGHT, **ORDERS, first_sold_at=("InvoiceDate", "min"), last_sold_at=("InvoiceDate", "max")
    )
    descriptions = sales.groupby(["StockCode", "Description"]).size().rename("lines").reset_index()
    descriptions["blank"] = descriptions["Description"] == ""
    descriptions = descriptions.sort_values(
        ["StockCode", "blank", "lines", "Description"], ascending=[True, True, False, True]
    )
    sold["description"] = descriptions.drop_duplicates("StockCode").set_index("StockCode")["Description"]
    sold["guest_revenue"] = guest_revenue(sales, "StockCode").reindex(sold.index).fillna(0)
    sold["average_unit_price"] = sold["revenue"] / sold["units"]
    sold = with_shares(sold.reset_index().rename(columns={"StockCode": "stock_code"}), "stock_code")
    sold["is_merchandise"] = sold["stock_code"].str.match(MERCHANDISE)
    return sold


def guest_revenue(sales: pd.DataFrame, key: str) -> pd.Series:
    return sales[sales["CustomerID"].isna()].groupby(key)["amount"].sum()


def with_shares(sold: pd.DataFrame, key: str) -> pd.DataFrame:
    sold = sold.sort_values(["revenue", key], ascending=[False, True], ignore_index=True)
    sold["revenue_share"] = sold["revenue"] / sold["revenue"].sum()
    sold["cumulative_revenue_share"] = sold["revenue_share"].cumsum()
    share = sold["cumulative_revenue_share"]
    is_a = (share <= CLASS_A_UP_TO) | (sold.index == 0)
    sold["abc_class"] = np.where(is_a, "A", np.where(share <= CLASS_B_UP_TO, "B", "C"))
    return sold


def segment_tables(sales: pd.DataFrame, customers: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return what each segment bought by country and by product, and the segments' sizes and revenue."""
    bought = sales[sales["CustomerID"].notna()]
    segment_of = dict(zip(customers[CUSTOMER].astype("int64"), customers["segment_id"], strict=True))
    bought = bought.rename(columns={"Country": "country", "StockCode": "stock_code"}).assign(
        segment_id=bought["CustomerID"].astype("int64").map(segment_of)
    )
    profiles = customers.groupby("segment_id").agg(
        customers=(CUSTOMER, "size"), revenue=("total_spend", "sum"), median_spend=("total_spend", "median")
    )
    return {
        "country_segments": bought.groupby(["country", "segment_id"]).agg(**BOUGHT).reset_index(),
        "product_segments": bought.groupby(["stock_code", "segment_id"]).agg(**BOUGHT).reset_index(),
        "segment_profiles": profiles.reset_index(),
    }
