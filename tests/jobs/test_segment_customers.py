"""What a good run publishes and prints, from the command line to the lake."""

import csv
import hashlib
import json
import re
import shlex
import struct
from collections import Counter
from datetime import date, datetime, timedelta
from decimal import Decimal
from html import unescape
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pyspark.ml import PipelineModel
from pyspark.sql import SparkSession

from scripts.run_contents import manifest_of, model_content
from segmentation import schemas as s
from segmentation.progress import TYPICAL_SHARES
from tests.jobs.published_runs import left_over, rows_of, runs_in, table_of
from tests.jobs.running_jobs import CONFIG, PublishedRun, RunJob
from tests.jobs.small_shop import SmallShop, customer_of, moment_of

STAGES = (
    "Looking at the input",
    "Cleaning the lines",
    "Aggregating customers, countries and products",
    "Trying each number of segments",
    "Naming the segments",
    "Drawing the charts",
    "Writing the report",
    "Auditing",
    "Publishing",
)
CHARTS = (
    *("countries", "elbow", "products", "profiles", "segments"),
    *("concentration", "months", "recency"),
)
PNG = b"\x89PNG\r\n\x1a\n"
FIELDS = s.REJECTED_TRANSACTIONS.names[:8]
RULES = (
    "malformed",
    "cancellation",
    "adjustment",
    "non_positive_quantity",
    "non_positive_price",
    "out_of_period",
    "duplicate",
    "guest",
    "clean",
)


def columns_of(run: Path, table: str, *names: str) -> list[tuple[Any, ...]]:
    columns = table_of(run, table)
    return list(zip(*[columns.column(name).to_pylist() for name in names], strict=True))


def total(run: Path, table: str, column: str) -> Decimal:
    return sum((row[column] for row in rows_of(run, table)), Decimal(0))


# --- output ---


def test_the_summary_names_every_segment_and_where_tables_and_charts_are(published: PublishedRun):
    summary = published.done.stdout
    for profile in rows_of(published.run, "segment_profiles"):
        [line] = [line for line in summary.splitlines() if f" {profile['segment_name']} " in line]
        assert re.search(rf" {profile['customers']:,} ", line)
        assert f"£{profile['revenue']:,.0f}" in line
    for name, suffix in (("Report", "/report/index.html"), ("Tables", ""), ("Charts", "/charts")):
        assert f"{name}  {published.run}{suffix}\n" in summary
        assert Path(f"{published.run}{suffix}").exists()
    assert manifest_of(published.run)["choice"]["reason"] in " ".join(summary.split())


def test_away_from_a_terminal_each_stage_is_one_line_with_its_seconds(published: PublishedRun):
    lines = re.findall(r"^\S+ \S+ \[(\d+)/9\] ([^:(]+?)(?:: .+)? \((\d+\.\d) s\)$", published.done.output, re.MULTILINE)
    assert [(number, title) for number, title, _ in lines] == [(str(n), t) for n, t in enumerate(STAGES, start=1)]


def test_progress_and_a_warning_for_each_field_that_cannot_be_read_are_on_standard_error(published: PublishedRun):
    lines = published.done.errors.splitlines()
    warnings = [line for line in lines if not re.search(r" \[\d/9\] ", line)]
    faults = ["quantity is no number", "invoice_date is no date", "unit_price is no number"]
    assert len(warnings) == len(faults)
    assert all(fault in warning for fault, warning in zip(faults, warnings, strict=True))


def test_help_names_every_option_and_exit_code(run_job: RunJob):
    done = run_job("--help")
    assert done.code == 0
    options = ["--config", "--input", "--output", "--as-of", "--run-id", "--set", "--force", "--quiet", "--debug"]
    options += ["--write-config", "--explain"]
    for option in options:
        assert option in done.stdout
    for code in (0, 1, 2, 3, 4, 5):
        assert re.search(rf"^  {code}  \w", done.stdout, re.MULTILINE)
    assert max(map(len, done.stdout.splitlines())) <= 80


# --- the tables ---


def test_every_table_has_its_declared_schema(published: PublishedRun, spark: SparkSession):
    for table, schema in s.TABLES.items():
        assert s.schema_differences(spark.read.parquet(str(published.run / table)).schema, schema) == [], table


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ("customer_segments", ["customer_id"]),
        ("segment_profiles", ["segment_id"]),
        ("segment_profiles", ["segment_name"]),
        ("k_sweep", ["k"]),
        ("country_sales", ["country"]),
        ("country_segments", ["country", "segment_id"]),
        ("product_sales", ["stock_code"]),
        ("product_segments", ["stock_code", "segment_id"]),
        ("data_quality", ["rule"]),
    ],
)
def test_a_table_has_one_row_per_key(published: PublishedRun, table: str, key: list[str]):
    keys = columns_of(published.run, table, *key)
    assert keys
    assert max(Counter(keys).values()) == 1


def test_other_readers_see_money_as_exact_decimals_and_times_without_a_zone(published: PublishedRun):
    pattern = published.run / "customer_segments" / "*.parquet"
    types = dict(duckdb.sql(f"SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM '{pattern}')").fetchall())
    assert types["total_spend"] == types["returned_amount"] == types["average_order_value"] == "DECIMAL(20,4)"
    assert types["first_purchase_at"] == types["last_purchase_at"] == "TIMESTAMP"
    assert types["as_of"] == "DATE"


def test_every_line_ends_in_the_outcome_it_was_made_for(published: PublishedRun, small_shop: SmallShop):
    quality = {row["rule"]: row for row in rows_of(published.run, "data_quality")}
    assert tuple(quality) == RULES
    assert {rule: row["rows"] for rule, row in quality.items() if row["rows"]} == small_shop.rows
    assert {rule: row["revenue"] for rule, row in quality.items() if row["rows"]} == small_shop.revenue
    assert {rule: row["share"] for rule, row in quality.items()} == pytest.approx(
        {rule: row["rows"] / len(small_shop.lines) for rule, row in quality.items()}
    )


def test_rejected_lines_are_quarantined_with_their_reasons(
    published: PublishedRun, small_shop: SmallShop, small_csv: Path
):
    rejected = rows_of(published.run, "rejected_transactions")
    assert {row["source_file"] for row in rejected} == {str(small_csv)}
    # The text as read where a line is malformed, else the parsed value: customer 12346.0 is 12346.
    as_read = Counter(tuple(row[name] or "" for name in FIELDS) for row in rejected if row["reason"] == "malformed")
    lines = [line for line in small_shop.lines if line.outcome not in ("clean", "guest")]
    assert as_read == Counter((*line.fields, "", "", "", "")[:8] for line in lines if line.outcome == "malformed")
    parsed = Counter(
        (row["invoice_no"], row["stock_code"], int(row["quantity"]), Decimal(row["unit_price"]),
         datetime.fromisoformat(row["invoice_date"]), row["customer_id"] or "", row["reason"])
        for row in rejected if row["reason"] != "malformed"
    )  # fmt: skip
    assert parsed == Counter(
        (*line.fields[:2], int(line.fields[3]), Decimal(line.fields[5]), moment_of(line), customer_of(line),
         line.outcome)
        for line in lines if line.outcome != "malformed"
    )  # fmt: skip
    assert all(row["reasons"][0] == row["reason"] for row in rejected)
    reasons = {row["reason"]: row["reasons"] for row in rejected}
    assert reasons["cancellation"] == ["cancellation", "non_positive_quantity"]


def test_customers_have_the_features_that_plain_python_finds(published: PublishedRun, small_shop: SmallShop):
    rows = rows_of(published.run, "customer_segments")
    assert {row["customer_id"]: row["total_spend"] for row in rows} == small_shop.spend
    assert {row["customer_id"]: row["purchase_frequency"] for row in rows} == small_shop.invoices
    assert {row["customer_id"]: row["last_purchase_at"] for row in rows} == small_shop.last_day
    as_of = date(2011, 12, 10)
    assert {row["as_of"] for row in rows} == {as_of}
    assert all(row["recency_days"] == (as_of - row["last_purchase_at"].date()).days for row in rows)


def test_segments_are_numbered_by_spend_and_every_customer_is_in_the_nearest(published: PublishedRun):
    profiles = rows_of(published.run, "segment_profiles")
    assert [row["segment_id"] for row in profiles] == list(range(1, len(profiles) + 1))
    centres = [dict(row["centre"]) for row in profiles]
    assert [centre["total_spend"] for centre in centres] == sorted(centre["total_spend"] for centre in centres)
    assert all(set(centre) == {"total_spend", "purchase_frequency"} for centre in centres)
    customers = rows_of(published.run, "customer_segments")
    assert all(row["margin"] >= 0 <= row["distance_to_centre"] for row in customers)
    assert all(row["nearest_other_segment_id"] != row["segment_id"] for row in customers)
    names = {row["segment_id"]: row["segment_name"] for row in profiles}
    assert {(row["segment_id"], row["segment_name"]) for row in customers} == set(names.items())


def test_the_sweep_has_every_k_and_says_which_was_chosen(published: PublishedRun):
    sweep = rows_of(published.run, "k_sweep")
    assert [row["k"] for row in sweep] == list(range(1, 11))
    assert [row["k"] for row in sweep if row["chosen"]] == [manifest_of(published.run)["choice"]["k"]]
    wssse = [row["wssse"] for row in sweep]
    assert wssse == sorted(wssse, reverse=True)
    # Standard-scaled with n - 1: in each of two dimensions the squares add up to n - 1.
    assert wssse[0] == pytest.approx(2 * (120 - 1))
    undefined_at_1 = ("silhouette", "davies_bouldin", "calinski_harabasz")
    assert all((row[index] is None) == (row["k"] == 1) for row in sweep for index in undefined_at_1)


def test_tables_and_manifest_agree_on_lines_customers_and_money(published: PublishedRun, small_shop: SmallShop):
    run, reconciliation = published.run, manifest_of(published.run)["reconciliation"]
    lines, revenue = reconciliation["lines"], reconciliation["revenue"]
    assert lines["read"] == len(small_shop.lines) == lines["clean"] + lines["guest"] + lines["rejected"]
    money = {name: Decimal(amount) for name, amount in revenue.items()}
    assert money["read"] == money["clean"] + money["guest"] + money["rejected"]
    assert money["read"] == sum(small_shop.revenue.values())
    assert (lines["clean"], money["clean"]) == (small_shop.rows["clean"], small_shop.revenue["clean"])
    assert total(run, "data_quality", "rows") == lines["read"]
    assert total(run, "data_quality", "revenue") == money["read"]
    assert len(rows_of(run, "rejected_transactions")) == lines["rejected"]

    assert total(run, "customer_segments", "total_spend") == money["clean"]
    for table in ("segment_profiles", "country_segments", "product_segments"):
        assert total(run, table, "revenue") == money["clean"]
    for table in ("country_sales", "product_sales"):
        assert total(run, table, "revenue") == money["clean"] + money["guest"]
        assert total(run, table, "guest_revenue") == money["guest"]
        assert rows_of(run, table)[-1]["cumulative_revenue_share"] == pytest.approx(1)

    customers = len(rows_of(run, "customer_segments"))
    assert customers == reconciliation["customers"] == total(run, "segment_profiles", "customers") == 120
    for share in ("customer_share", "revenue_share"):
        assert sum(row[share] for row in rows_of(run, "segment_profiles")) == pytest.approx(1)


def test_profiles_give_the_mean_of_each_segments_customers(published: PublishedRun):
    customers = rows_of(published.run, "customer_segments")
    for profile in rows_of(published.run, "segment_profiles"):
        of_segment = [row for row in customers if row["segment_id"] == profile["segment_id"]]
        for feature in s.NUMERIC_FEATURES:
            values = [float(row[feature]) for row in of_segment if row[feature] is not None]
            expected = pytest.approx(sum(values) / len(values)) if values else None
            assert profile[f"mean_{feature}"] == expected


# --- manifest, checksums, charts, lake ---


def test_the_manifest_records_what_was_read_and_decided(published: PublishedRun, small_csv: Path):
    manifest = manifest_of(published.run)
    assert {
        "run_id", "identity", "title", "as_of", "input", "configuration", "code_version", "spark_version", "choice",
        "reconciliation", "seconds", "tables", "files",
    } <= set(manifest)  # fmt: skip
    assert published.run.name == f"run_id={manifest['run_id']}"
    assert manifest["as_of"] == "2011-12-10"
    [file] = manifest["input"]["files"]
    assert (file["path"], file["bytes"], file["format"]) == (str(small_csv), small_csv.stat().st_size, "csv")
    assert re.fullmatch("[0-9a-f]{64}", manifest["input"]["fingerprint"])
    assert manifest["configuration"]["clustering"]["k_max"] == 10
    assert set(manifest["seconds"]) == set(STAGES) - {"Publishing"}
    assert set(TYPICAL_SHARES) == set(STAGES)
    assert set(manifest["tables"]) == set(s.TABLES)
    for table, facts in manifest["tables"].items():
        assert facts["rows"] == table_of(published.run, table).num_rows
        assert facts["schema"] == json.loads(s.TABLES[table].json())


def test_every_file_has_the_size_and_checksum_that_the_manifest_gives(published: PublishedRun):
    manifest = manifest_of(published.run)
    listed = dict(manifest["files"])
    for table, facts in manifest["tables"].items():
        assert facts["bytes"] == sum(file["bytes"] for file in facts["files"].values())
        assert all(path.startswith(f"{table}/") for path in facts["files"])
        listed |= facts["files"]
    there = {
        str(path.relative_to(published.run)): path
        for path in published.run.rglob("*")
        if path.is_file() and not path.name.startswith(("_", ".")) and path.name != "manifest.json"
    }
    assert set(listed) == set(there)
    for name, path in there.items():
        content = path.read_bytes()
        assert listed[name] == {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def test_every_customer_is_in_the_list_of_their_segment(published: PublishedRun):
    listed: dict[str, str] = {}
    for path in (published.run / "exports").iterdir():
        with path.open(encoding="utf-8", newline="") as file:
            listed |= {row["customer_id"]: row["segment_name"] for row in csv.DictReader(file)}
        assert path.stat().st_mode & 0o777 == 0o600
    assert listed == dict(columns_of(published.run, "customer_segments", "customer_id", "segment_name"))


def test_each_chart_is_a_picture_large_enough_to_read(published: PublishedRun):
    assert {path.stem for path in (published.run / "charts").glob("*.png")} == set(CHARTS)
    for chart in CHARTS:
        content = (published.run / "charts" / f"{chart}.png").read_bytes()
        assert content.startswith(PNG)
        width, height = struct.unpack(">II", content[16:24])
        assert width >= 800, chart
        assert height >= 500, chart
        assert b"IEND" in content[-12:]


def test_the_report_shows_the_figures_of_the_tables(published: PublishedRun, small_shop: SmallShop):
    page = unescape((published.run / "report" / "index.html").read_text(encoding="utf-8"))
    profiles = rows_of(published.run, "segment_profiles")
    spent = sum(row["revenue"] for row in profiles)
    assert (
        f"{sum(row['customers'] for row in profiles)} customers bought for £{spent:,.0f} between 2 December 2010 and"
        in page
    )
    for row in profiles:
        assert f"<bdi>{row['segment_name']}</bdi>" in page
        assert f"£{row['revenue']:,.0f}" in page
    for table in ("country_sales", "product_sales"):
        assert f"£{max(row['revenue'] for row in rows_of(published.run, table)):,.0f}" in page
    for rows in small_shop.rows.values():
        assert re.search(rf">−?{rows:,}<", page)
    assert page.count('<svg xmlns="http://www.w3.org/2000/svg"') == 6, "three charts, for wide and for narrow windows"
    for name in {path.name for path in (published.run / "exports").iterdir()}:
        assert f'href="../exports/{name}"' in page


def test_the_report_gives_the_command_that_repeats_the_run(published: PublishedRun, small_csv: Path):
    page = (published.run / "report" / "index.html").read_text(encoding="utf-8")
    [command] = re.findall(r'aria-label="The command">(.*?)</pre>', page)
    words = shlex.split(unescape(re.sub("<.*?>", "", command)))
    assert words == [
        *("spark-submit", "jobs/segment_customers.py"),
        *("--config", CONFIG, "--input", str(small_csv), "--output", str(published.lake)),
    ]


def test_the_report_names_no_customer(published: PublishedRun):
    page = (published.run / "report" / "index.html").read_text(encoding="utf-8")
    words = set(re.findall(r"\w+", re.sub(r"<svg.*?</svg>|<style>.*?</style>", "", page, flags=re.DOTALL)))
    assert {row["customer_id"] for row in rows_of(published.run, "customer_segments")} & words == set()


def test_latest_names_the_run_and_nothing_else_is_left(published: PublishedRun):
    manifest = manifest_of(published.run)
    latest = json.loads((published.lake / "latest.json").read_text())
    assert latest["run_id"] == manifest["run_id"]
    assert latest["path"] == f"runs/run_id={manifest['run_id']}"
    assert latest["as_of"] == manifest["as_of"]
    assert datetime.fromisoformat(latest["published_at"]).utcoffset() == timedelta(0)
    assert runs_in(published.lake) == [manifest["run_id"]]
    assert left_over(published.lake) == []


def test_the_saved_model_puts_every_customer_into_the_published_segment(published: PublishedRun, spark: SparkSession):
    table = spark.read.parquet(str(published.run / "customer_segments"))
    given = ("segment_id", "segment_name", "distance_to_centre", "nearest_other_segment_id", "margin", "as_of")
    model = PipelineModel.load(str(published.run / "model"))
    assigned = model.transform(table.drop(*given)).select("customer_id", "segment_id", "segment_name").collect()
    assert len(assigned) == 120
    assert sorted(map(tuple, assigned)) == sorted(
        columns_of(published.run, "customer_segments", "customer_id", "segment_id", "segment_name")
    )
    assert any("centroid" in row or "clusterCenter" in row for _, data in model_content(published.run) for row in data)
