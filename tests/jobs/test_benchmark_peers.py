"""The benchmark's peers make the same tables as the job."""

import math
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scripts.benchmarking.peers import by_duckdb, by_pandas
from tests.jobs.published_runs import table_of
from tests.jobs.running_jobs import PublishedRun
from tests.jobs.small_shop import SmallShop, customer_of, write_csv

PEERS = {"pandas": by_pandas, "duckdb": by_duckdb}
# Each table's key and the columns that are compared.
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
    """The shop's lines without malformed ones, which the peers do not reject."""
    readable = [line for line in small_shop.lines if line.outcome in ("clean", "guest", "duplicate", "cancellation")]
    rows = [(*line.fields[:6], customer_of(line), line.fields[7]) for line in readable]
    return write_csv(rows, tmp_path_factory.mktemp("readable") / "lines.csv")


def test_the_peers_make_the_same_tables_as_the_job(readable_csv: Path, published: PublishedRun, tmp_path: Path):
    for peer, module in PEERS.items():
        output = tmp_path / peer
        module.main(str(readable_csv), output)
        for table, (key, columns) in TABLES.items():
            theirs = by_key(pq.read_table(output / f"{table}.parquet"), key, columns)
            ours = by_key(table_of(published.run, table), key, columns)
            assert set(theirs) == set(ours), (peer, table)
            for name, row in ours.items():
                assert all(map(are_alike, theirs[name], row)), (peer, table, name, theirs[name], row)
        assert {path.name for path in output.glob("*.png")} == {"elbow.png", "segments.png"}
        sweep = pq.read_table(output / "k_sweep.parquet").to_pylist()
        assert [row["k"] for row in sweep] == list(range(1, 11))
        for row, our_row in zip(sweep, table_of(published.run, "k_sweep").to_pylist(), strict=True):
            assert row["wssse"] == pytest.approx(our_row["wssse"], rel=0.1)


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
