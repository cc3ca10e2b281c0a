"""The notebook way, by pandas, scikit-learn and matplotlib; started by scripts/benchmark."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from command_help import answer_help
from peer_clustering import CANCELLATION, CLASS_A_UP_TO, CLASS_B_UP_TO, MERCHANDISE, SALE, draw, sweep

TEXTS = {"InvoiceNo": "str", "StockCode": "str", "Description": "str", "Country": "str"}
FIELDS = ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"]
CUSTOMER = "customer_id"
BOUGHT = {"customers": ("CustomerID", "nunique"), "revenue": ("amount", "sum"), "units": ("Quantity", "sum")}
ORDERS = {"orders": ("InvoiceNo", "nunique")}


def main(source: str, output: str) -> None:
    place = Path(output)
    place.mkdir(parents=True)
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
        table.to_parquet(place / f"{name}.parquet", index=False)
    draw(place, wssse, features, segments)


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
    """The sales, of customers and guests, and the cancelled lines of customers, each line once."""
    for name in TEXTS:
        lines[name] = lines[name].str.strip()
    lines["Description"] = lines["Description"].fillna("")
    lines["Country"] = lines["Country"].fillna("").replace("", "Unspecified")
    lines["amount"] = lines["Quantity"] * lines["UnitPrice"]
    is_whole = lines[["InvoiceNo", "StockCode", "Quantity", "InvoiceDate", "UnitPrice"]].notna().all(axis=1)
    lines = lines[is_whole & (lines["StockCode"] != "")]
    is_cancelled = lines["InvoiceNo"].str.match(CANCELLATION)
    is_sale = lines["InvoiceNo"].str.match(SALE) & ~is_cancelled & (lines["Quantity"] > 0) & (lines["UnitPrice"] > 0)
    went_back = is_cancelled & (lines["amount"] < 0) & lines["CustomerID"].notna()
    return lines[is_sale].drop_duplicates(FIELDS), lines[went_back].drop_duplicates(FIELDS)


def customer_features(sales: pd.DataFrame, cancelled: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    by_customer = sales.groupby("CustomerID")
    found = by_customer.agg(
        total_spend=("amount", "sum"),
        purchase_frequency=("InvoiceNo", "nunique"),
        units_bought=("Quantity", "sum"),
        distinct_products=("StockCode", "nunique"),
        first_purchase_at=("InvoiceDate", "min"),
        last_purchase_at=("InvoiceDate", "max"),
    )
    spent = sales.groupby(["CustomerID", "Country"])["amount"].sum().reset_index()
    spent = spent.sort_values(["CustomerID", "amount", "Country"], ascending=[True, False, True])
    found["country"] = spent.drop_duplicates("CustomerID").set_index("CustomerID")["Country"]
    first, last = found["first_purchase_at"].dt.normalize(), found["last_purchase_at"].dt.normalize()
    orders = found["purchase_frequency"]
    found["recency_days"] = (as_of - last).dt.days
    found["tenure_days"] = (as_of - first).dt.days
    found["average_order_value"] = found["total_spend"] / orders
    found["average_basket_units"] = found["units_bought"] / orders
    found["average_days_between_orders"] = ((last - first).dt.days / (orders - 1)).where(orders > 1)
    found["returned_amount"] = (-cancelled.groupby("CustomerID")["amount"].sum()).reindex(found.index).fillna(0)
    found["return_rate"] = found["returned_amount"] / found["total_spend"]
    found = found.reset_index().rename(columns={"CustomerID": CUSTOMER})
    found[CUSTOMER] = found[CUSTOMER].astype("int64").astype(str)
    return found


def country_sales(sales: pd.DataFrame) -> pd.DataFrame:
    found = sales.groupby("Country").agg(**BOUGHT, **ORDERS)
    found["guest_revenue"] = guest_revenue(sales, "Country").reindex(found.index).fillna(0)
    found["average_order_value"] = found["revenue"] / found["orders"]
    return with_shares(found.reset_index().rename(columns={"Country": "country"}), "country")


def product_sales(sales: pd.DataFrame) -> pd.DataFrame:
    found = sales.groupby("StockCode").agg(
        **BOUGHT, **ORDERS, first_sold_at=("InvoiceDate", "min"), last_sold_at=("InvoiceDate", "max")
    )
    counted = sales.groupby(["StockCode", "Description"]).size().rename("lines").reset_index()
    counted["blank"] = counted["Description"] == ""
    counted = counted.sort_values(["StockCode", "blank", "lines", "Description"], ascending=[True, True, False, True])
    found["description"] = counted.drop_duplicates("StockCode").set_index("StockCode")["Description"]
    found["guest_revenue"] = guest_revenue(sales, "StockCode").reindex(found.index).fillna(0)
    found["average_unit_price"] = found["revenue"] / found["units"]
    found = with_shares(found.reset_index().rename(columns={"StockCode": "stock_code"}), "stock_code")
    found["is_merchandise"] = found["stock_code"].str.match(MERCHANDISE)
    return found


def guest_revenue(sales: pd.DataFrame, key: str) -> pd.Series:
    return sales[sales["CustomerID"].isna()].groupby(key)["amount"].sum()


def with_shares(found: pd.DataFrame, key: str) -> pd.DataFrame:
    found = found.sort_values(["revenue", key], ascending=[False, True], ignore_index=True)
    found["revenue_share"] = found["revenue"] / found["revenue"].sum()
    found["cumulative_revenue_share"] = found["revenue_share"].cumsum()
    share = found["cumulative_revenue_share"]
    is_a = (share <= CLASS_A_UP_TO) | (found.index == 0)
    found["abc_class"] = np.where(is_a, "A", np.where(share <= CLASS_B_UP_TO, "B", "C"))
    return found


def segment_tables(sales: pd.DataFrame, customers: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """What each segment bought by country and by product, and the segments' sizes and means."""
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


if __name__ == "__main__":
    answer_help("python scripts/peer_pandas.py INPUT OUTPUT", __doc__)
    main(*sys.argv[1:])
