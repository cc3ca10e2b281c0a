"""The benchmark's peers make the same tables as the job."""

import math
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from scripts.benchmarking.peers import bare, bare_score, by_duckdb, by_pandas, by_polars
from segmentation import schemas as s
from tests.jobs.published_runs import table_of
from tests.jobs.running_jobs import PublishedRun
from tests.jobs.small_shop import SmallShop, customer_of, write_csv

pytestmark = pytest.mark.slow

PEERS = {"pandas": by_pandas, "polars": by_polars, "duckdb": by_duckdb}
Columns = dict[str, tuple[str, list[str]]]
# Each table's key and the columns that are compared.
TABLES: Columns = {
    "customer_segments": (
        "customer_id",
        [
            *("total_spend", "purchase_frequency", "recency_days", "tenure_days", "average_order_value"),
            *("average_basket_units", "units_bought", "distinct_products", "average_days_between_orders"),
            *("country", "returned_amount", "first_purchase_at", "last_purchase_at"),
        ],
    ),
    "country_sales": (
        "country",
        ["revenue", "guest_revenue", "orders", "customers", "units", "cumulative_revenue_share", "abc_class"],
    ),
    "product_sales": (
        "stock_code",
        ["description", "revenue", "guest_revenue", "units", "orders", "customers", "abc_class", "is_merchandise"],
    ),
}
RETURNED = ["returned", "guest_returned", "net_revenue"]
OF_DUCKDB: Columns = {
    "customer_segments": (
        "customer_id",
        [
            *("net_spend", "net_orders", "net_recency_days", "returned_matched", "returned_unmatched", "return_rate"),
            *("recency_score", "frequency_score", "monetary_score", "rfm_segment"),
        ],
    ),
    "country_sales": ("country", RETURNED),
    "product_sales": ("stock_code", RETURNED),
    "rfm_profiles": ("rfm_segment", ["customers", "revenue", "net_revenue", "median_net_spend"]),
}


@pytest.fixture(scope="module")
def readable_csv(small_shop: SmallShop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shop's lines without malformed ones, which the peers do not reject."""
    readable = [line for line in small_shop.lines if line.outcome != "malformed"]
    rows = [(*line.fields[:6], customer_of(line), line.fields[7]) for line in readable]
    return write_csv(rows, tmp_path_factory.mktemp("readable") / "lines.csv")


def test_the_peers_make_the_same_tables_as_the_job(readable_csv: Path, published: PublishedRun, tmp_path: Path):
    for peer, module in PEERS.items():
        output = tmp_path / peer
        module.main(str(readable_csv), output)
        require_alike(output, published.run, TABLES)
        assert {path.name for path in output.glob("*.png")} == {"elbow.png", "segments.png"}
        sweep = pq.read_table(output / "k_sweep.parquet").to_pylist()
        assert [row["k"] for row in sweep] == list(range(1, 11))
        for row, our_row in zip(sweep, table_of(published.run, "k_sweep").to_pylist(), strict=True):
            assert row["wssse"] == pytest.approx(our_row["wssse"], rel=0.1)
    require_alike(tmp_path / "duckdb", published.run, OF_DUCKDB)
    ours = by_key(table_of(published.run, "data_quality"), "rule", ["rows", "revenue"])
    expected = {rule: figures for rule, figures in ours.items() if figures[0] and rule != "malformed"}
    theirs = by_key(pq.read_table(tmp_path / "duckdb" / "data_quality.parquet"), "rule", ["rows", "revenue"])
    assert theirs == expected


def test_the_bare_scripts_find_the_same_customers(
    spark: SparkSession, readable_csv: Path, published: PublishedRun, tmp_path: Path
):
    lines = spark.read.csv(str(readable_csv), header=True, encoding="ISO-8859-1", escape='"', inferSchema=True)
    lines = lines.where(~F.col("InvoiceNo").startswith("A"))  # it knows no adjustments
    lines.write.parquet(str(tmp_path / "lines"))
    bare.main(str(tmp_path / "lines"), str(tmp_path / "bare"))
    theirs = pq.read_table(tmp_path / "bare" / "customer_segments").to_pylist()
    ours = table_of(published.run, "customer_segments").to_pylist()
    assert {str(row["CustomerID"]): row["total_spend"] for row in theirs} == {
        row["customer_id"]: pytest.approx(float(row["total_spend"])) for row in ours
    }
    assert {row["segment"] for row in theirs} == {0, 1, 2, 3}

    dated = lines.withColumn("InvoiceDate", F.to_timestamp(F.col("InvoiceDate").cast("string"), "M/d/yyyy H:mm"))
    dated.write.parquet(str(tmp_path / "dated"))
    bare_score.main(str(tmp_path / "dated"), str(published.lake), str(tmp_path / "scored"))
    scored = pq.read_table(tmp_path / "scored")
    assert scored.column_names == s.SCORED_CUSTOMERS.names
    compared = ["segment_id", "distance_to_centre", "margin", "recency_score", "frequency_score", "monetary_score"]
    expected = by_key(table_of(published.run, "customer_segments"), "customer_id", compared)
    assert by_key(scored, "customer_id", compared) == {key: pytest.approx(row) for key, row in expected.items()}


def require_alike(output: Path, run: Path, tables: Columns) -> None:
    for table, (key, columns) in tables.items():
        theirs = by_key(pq.read_table(output / f"{table}.parquet"), key, columns)
        ours = by_key(table_of(run, table), key, columns)
        assert set(theirs) == set(ours), (output.name, table)
        for name, row in ours.items():
            assert all(map(are_alike, theirs[name], row)), (output.name, table, name, theirs[name], row)


def by_key(table: pa.Table, key: str, columns: list[str]) -> dict[str, list[Any]]:
    """Return each row's values by its key, money and counts as floats."""
    return {row[key]: [plain(row[name]) for name in columns] for row in table.to_pylist()}


def are_alike(theirs: Any, ours: Any) -> bool:
    return theirs == (pytest.approx(ours, rel=1e-6, abs=1e-4) if isinstance(ours, float) else ours)


def plain(value: Any) -> Any:
    if isinstance(value, float) and math.isnan(value):  # as pandas writes none
        return None
    if isinstance(value, datetime):
        return value.isoformat()
    return float(value) if isinstance(value, (int, Decimal)) and not isinstance(value, bool) else value
