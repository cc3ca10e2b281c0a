"""The benchmark's peers make the same tables as the job, or it compares apples with pears."""

import math
import sys
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.conftest import ROOT
from tests.jobs.published_runs import table_of
from tests.jobs.running_jobs import PublishedRun
from tests.jobs.small_shop import SmallShop, customer_of, write_csv

sys.path.append(str(ROOT / "scripts"))

from benchmark_measure import measure

PEERS = ("pandas", "polars", "duckdb")
# The column by which a peer's rows are found again, and those compared.
TABLES = {
    "customer_segments": (
        "customer_id",
        [
            *("total_spend", "purchase_frequency", "recency_days", "tenure_days", "average_order_value"),
            *("average_basket_units", "units_bought", "distinct_products", "average_days_between_orders"),
            *("country", "returned_amount", "return_rate", "first_purchase_at", "last_purchase_at"),
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


@pytest.fixture(scope="module")
def readable_csv(small_shop: SmallShop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shop's lines without those that are broken, which the peers do not set aside."""
    kept = [line for line in small_shop.lines if line.outcome in ("clean", "guest", "duplicate", "cancellation")]
    rows = [(*line.fields[:6], customer_of(line), line.fields[7]) for line in kept]
    return write_csv(rows, tmp_path_factory.mktemp("readable") / "lines.csv")


@pytest.mark.parametrize("peer", PEERS)
def test_a_peer_finds_the_same_customers_countries_and_products_as_the_job(
    peer: str, readable_csv: Path, published: PublishedRun, tmp_path: Path
):
    one = measure([sys.executable, f"scripts/peer_{peer}.py", str(readable_csv), str(tmp_path / "out")], ROOT)
    assert one.code == 0
    for table, (key, columns) in TABLES.items():
        theirs = by_key(pq.read_table(tmp_path / "out" / f"{table}.parquet"), key, columns)
        ours = by_key(table_of(published.run, table), key, columns)
        assert set(theirs) == set(ours)
        for name, row in ours.items():
            assert all(map(are_alike, theirs[name], row)), (table, name, theirs[name], row)
    assert {path.name for path in (tmp_path / "out").glob("*.png")} == {"elbow.png", "segments.png"}
    sweep = pq.read_table(tmp_path / "out" / "k_sweep.parquet").to_pylist()
    assert [row["k"] for row in sweep] == list(range(1, 11))
    for row, ours in zip(sweep, table_of(published.run, "k_sweep").to_pylist(), strict=True):
        assert row["wssse"] == pytest.approx(ours["wssse"], rel=0.1)


def by_key(table: pa.Table, key: str, columns: list[str]) -> dict[str, list[Any]]:
    """Each row's values by its key, money and counts as floats."""
    return {row[key]: [plain(row[name]) for name in columns] for row in table.to_pylist()}


def are_alike(one: Any, other: Any) -> bool:
    return one == (pytest.approx(other, rel=1e-6, abs=1e-4) if isinstance(other, float) else other)


def plain(value: Any) -> Any:
    if isinstance(value, float) and math.isnan(value):  # as pandas writes none
        return None
    if isinstance(value, datetime):
        return value.isoformat()
    return float(value) if isinstance(value, (int, Decimal)) and not isinstance(value, bool) else value
