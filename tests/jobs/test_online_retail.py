"""The real data set, in its three forms: every figure that is known of it, and how good the clustering is."""

import csv
import gzip
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from sklearn.cluster import KMeans

from segmentation import schemas as s
from segmentation.clustering.choose_k import elbow
from segmentation.clustering.scaling import Preparation, prepare
from segmentation.clustering.sweep import sweep
from segmentation.config.files import load_config
from segmentation.config.settings import ClusteringSettings
from tests.jobs.conftest import CONFIG, RFM_CONFIG, ROOT, RunJob, job_in
from tests.jobs.published_runs import content_hash, latest_run, manifest_of, rows_of, runs_in, table_of

pytestmark = [pytest.mark.online_retail, pytest.mark.slow]

FORMS = {"parquet": "online_retail.parquet", "csv": "online_retail.csv.gz", "xlsx": "Online Retail.xlsx"}
# The contract's figures: rows and money by outcome.
QUALITY = {
    "malformed": 0,
    "cancellation": 9_288,
    "adjustment": 3,
    "non_positive_quantity": 1_336,
    "non_positive_price": 1_179,
    "out_of_period": 0,
    "duplicate": 5_226,
    "guest": 132_185,
    "clean": 392_692,
}
READ = 541_909
READ_REVENUE = Decimal("9747747.934")
GUEST_REVENUE = Decimal("1743839.850")
CLEAN_REVENUE = Decimal("8887208.894")
SEGMENTS = [
    ("Low Spend, Low Frequency", 4_087),
    ("Medium Spend, Medium Frequency", 237),
    ("High Spend, High Frequency", 8),
    ("High Spend, Low Frequency", 6),
]
KS = range(2, 11)
# The continuous suite tries a few; 1 to 20 were tried by hand.
OTHER_SEEDS = (2, 7, 19)


@pytest.fixture(scope="module")
def runs(
    spark: SparkSession, online_retail: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Path]]:
    """The run of each form, published by the classic recipe."""
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        for form, name in FORMS.items():
            lake = tmp_path_factory.mktemp(form) / "lake"
            done = job_in(spark)("--config", CONFIG, "--input", online_retail / name, "--output", lake)
            assert done.code == 0, done.stderr
            found[form] = latest_run(lake)
    return found


@pytest.fixture(scope="module")
def run(runs: dict[str, Path]) -> Path:
    return runs["parquet"]


def total(run: Path, table: str, column: str) -> Decimal:
    return sum(table_of(run, table).column(column).to_pylist(), Decimal(0))


@pytest.mark.parametrize("form", FORMS)
def test_every_line_is_counted_under_the_known_rule(runs: dict[str, Path], form: str):
    quality = {row["rule"]: row for row in rows_of(runs[form], "data_quality")}
    assert {rule: row["rows"] for rule, row in quality.items()} == QUALITY
    assert quality["guest"]["revenue"] == GUEST_REVENUE
    assert quality["clean"]["revenue"] == CLEAN_REVENUE
    assert sum(row["revenue"] for row in quality.values()) == READ_REVENUE
    reconciliation = manifest_of(runs[form])["reconciliation"]
    assert reconciliation["lines"]["read"] == sum(QUALITY.values()) == READ
    assert Decimal(reconciliation["revenue"]["read"]) == READ_REVENUE


@pytest.mark.parametrize("other", ["csv", "xlsx"])
@pytest.mark.parametrize("table", s.TABLES)
def test_the_forms_give_identical_tables(runs: dict[str, Path], table: str, other: str):
    # This table keeps the text that was read: the forms write dates differently, and a price as 18.0 or 18.
    as_read = {"source_file", "invoice_date", "unit_price"} if table == "rejected_transactions" else set()
    assert content_hash(runs[other], table, as_read) == content_hash(runs["parquet"], table, as_read)


@pytest.mark.parametrize("other", ["csv", "xlsx"])
def test_the_forms_reject_lines_of_the_same_prices(runs: dict[str, Path], other: str):
    def prices(run: Path) -> Counter[tuple[str, str, Decimal]]:
        rejected = table_of(run, "rejected_transactions").select(["invoice_no", "stock_code", "unit_price"])
        return Counter(
            (row["invoice_no"], row["stock_code"], Decimal(row["unit_price"])) for row in rejected.to_pylist()
        )

    assert prices(runs[other]) == prices(runs["parquet"])


def test_the_figures_of_the_raw_file_are_those_of_its_lines(online_retail: Path):
    with gzip.open(online_retail / FORMS["csv"], "rt", encoding="iso-8859-1", newline="") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == READ
    assert len({line["InvoiceNo"] for line in lines}) == 25_900
    assert len({line["CustomerID"] for line in lines} - {""}) == 4_372
    assert len({line["Country"] for line in lines}) == 38
    assert sum(int(line["Quantity"]) for line in lines) == 5_176_450
    assert sum(int(line["Quantity"]) * Decimal(line["UnitPrice"]) for line in lines) == READ_REVENUE


def test_clean_lines_are_of_the_known_customers_invoices_products_and_countries(run: Path):
    customers = table_of(run, "customer_segments")
    assert customers.num_rows == 4_338
    assert sum(customers.column("purchase_frequency").to_pylist()) == 18_532
    assert len(set(table_of(run, "product_segments").column("stock_code").to_pylist())) == 3_665
    assert len(set(table_of(run, "country_segments").column("country").to_pylist())) == 37
    # With guests there is Hong Kong as well, where nobody gave an id.
    assert table_of(run, "country_sales").num_rows == 38


@pytest.mark.parametrize("form", FORMS)
def test_money_is_the_same_to_the_last_decimal_seen_from_customers_countries_and_products(
    runs: dict[str, Path], form: str
):
    run = runs[form]
    assert total(run, "customer_segments", "total_spend") == CLEAN_REVENUE
    for table in ("country_sales", "product_sales"):
        assert total(run, table, "revenue") - total(run, table, "guest_revenue") == CLEAN_REVENUE
        assert total(run, table, "guest_revenue") == GUEST_REVENUE
    for table in ("country_segments", "product_segments", "segment_profiles"):
        assert total(run, table, "revenue") == CLEAN_REVENUE


def test_the_classic_recipe_finds_the_four_classic_segments(run: Path):
    profiles = rows_of(run, "segment_profiles")
    assert [(row["segment_name"], row["customers"]) for row in profiles] == SEGMENTS
    assert manifest_of(run)["choice"]["k"] == manifest_of(run)["choice"]["elbow"] == 4
    sizes = Counter(table_of(run, "customer_segments").column("segment_name").to_pylist())
    assert dict(sizes) == dict(SEGMENTS)


def test_the_sweep_starts_at_one_and_comes_as_near_to_the_best_known_fit_as_promised(run: Path):
    customers = table_of(run, "customer_segments")
    columns = [customers.column(name).to_pylist() for name in ("total_spend", "purchase_frequency")]
    features = np.array(columns, dtype=float).T
    scaled = (features - features.mean(axis=0)) / features.std(axis=0, ddof=1)
    wssse = {row["k"]: row["wssse"] for row in rows_of(run, "k_sweep")}
    assert list(wssse) == [1, *KS]
    assert wssse[1] == pytest.approx((scaled**2).sum())
    assert list(wssse.values()) == sorted(wssse.values(), reverse=True)
    for k in KS:
        best = KMeans(n_clusters=k, n_init=50, random_state=1).fit(scaled).inertia_
        assert wssse[k] <= best * (1.005 if k == 4 else 1.05), f"k = {k}: {wssse[k] / best:.4f} of the best"


# --- other seeds, other recipes ---


@pytest.fixture(scope="module")
def customers(spark: SparkSession, run: Path) -> Iterator[DataFrame]:
    """The features as the job clusters them: one partition, sorted by customer."""
    table = spark.read.parquet(str(run / "customer_segments"))
    frame = table.select("customer_id", "total_spend", "purchase_frequency", F.col("recency_days"))
    return frame.coalesce(1).sortWithinPartitions("customer_id")


@pytest.fixture(scope="module")
def clustering() -> ClusteringSettings:
    return load_config(str(ROOT / CONFIG)).clustering


@pytest.fixture(scope="module")
def preparation(customers: DataFrame, clustering: ClusteringSettings) -> Iterator[Preparation]:
    prepared = prepare(customers, clustering)
    yield prepared
    prepared.points.unpersist()


@pytest.mark.parametrize("seed", OTHER_SEEDS)
def test_another_seed_finds_the_same_four_segments(
    preparation: Preparation, clustering: ClusteringSettings, run: Path, seed: int
):
    fits = sweep(preparation, list(KS), clustering.model_copy(update={"seed": seed}))
    assert elbow({fit.k: fit.wssse for fit in fits}) == 4
    [published] = [row["wssse"] for row in rows_of(run, "k_sweep") if row["chosen"]]
    assert next(fit.wssse for fit in fits if fit.k == 4) == pytest.approx(published, rel=0.005)


def test_the_rfm_recipe_is_published_with_unique_names_and_balanced_segments(
    run_job: RunJob, online_retail: Path, tmp_path: Path
):
    source = online_retail / FORMS["parquet"]
    done = run_job("--config", RFM_CONFIG, "--input", source, "--output", tmp_path)
    assert done.code == 0, done.stderr
    [run_id] = runs_in(tmp_path)
    profiles = rows_of(tmp_path / "runs" / f"run_id={run_id}", "segment_profiles")
    names = [row["segment_name"] for row in profiles]
    assert len(set(names)) == len(names) >= 3
    assert sum(row["customers"] for row in profiles) == 4_338
    assert all(0.05 < row["customer_share"] < 0.7 for row in profiles)
