"""A whole run over a customer, a date and money: guessed first, then by the configuration that the guess wrote."""

import json
from collections import defaultdict
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from scripts.run_contents import latest_run, manifest_of
from segmentation import open_run
from segmentation import schemas as s
from segmentation.config.files import load_config
from segmentation.errors import InputError
from tests.jobs.published_runs import rows_of, runs_in
from tests.jobs.running_jobs import QUICK, RunJob
from tests.jobs.small_shop import SmallShop, customer_of, moment_of, write_csv

ABSENT = {"country_sales": "country", "country_segments": "country"}
ABSENT |= {"product_sales": "stock_code", "product_segments": "stock_code"}


def test_three_columns_are_a_whole_run(
    small_shop: SmallShop, run_job: RunJob, spark: SparkSession, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    lines = [line for line in small_shop.lines if line.outcome in ("clean", "guest", "cancellation")]
    rows = [(line.fields[6], line.fields[4], str(line.amount)) for line in lines]
    path = write_csv(rows, tmp_path / "three.csv", ("Customer ID", "Date", "Amount (GBP)"))
    lake, written = tmp_path / "lake", tmp_path / "three.yaml"
    command = ("--input", path, "--output", lake, "--write-config", written, "--run-id", "mine")
    done = run_job(*command, "--set", "clustering.k=5", *QUICK)
    assert done.code == 0, done.stderr
    assert "k = 5 is set in the configuration" in done.stdout
    assert "  country       is not there: no tables country_sales and country_segments" in caplog.messages
    assert any("the input has no invoice number: an order is a customer's day" in line for line in caplog.messages)

    run = latest_run(lake)
    assert runs_in(lake) == ["mine"]
    assert len(rows_of(run, "segment_profiles")) == 5
    assert [row["k"] for row in rows_of(run, "k_sweep") if row["chosen"]] == [5]
    manifest = manifest_of(run)
    assert json.loads(load_config(written).canonical()) == manifest["configuration"]
    assert manifest["absent_tables"] == ABSENT
    assert manifest["missing_fields"].keys() == s.MISSING_FIELDS.keys()
    assert manifest["configuration"]["charts"]["currency"] == "£"
    assert set(manifest["tables"]) == set(s.TABLES) - set(ABSENT)
    assert not [table for table in ABSENT if (run / table).exists()]
    assert (run / "report" / "index.html").is_file()
    published = open_run(spark, str(lake))
    with pytest.raises(InputError, match=r"has no table country_sales: its input has no country, and its config"):
        published.table("country_sales")

    spend: defaultdict[str, Decimal] = defaultdict(Decimal)
    days: defaultdict[str, set[date]] = defaultdict(set)
    for line in small_shop.clean:
        spend[customer_of(line)] += line.amount
        days[customer_of(line)].add(moment_of(line).date())
    customers = rows_of(run, "customer_segments")
    assert {row["customer_id"]: row["total_spend"] for row in customers} == spend
    assert {row["customer_id"]: row["purchase_frequency"] for row in customers} == {
        customer: len(of_customer) for customer, of_customer in days.items()
    }
    assert {(row["country"], row["distinct_products"]) for row in customers} == {("Unspecified", None)}
    returned = sum(row["returned_matched"] for row in customers)
    assert returned > 0
    assert sum(row["net_spend"] for row in customers) + returned == sum(spend.values())

    again = run_job("--config", written, "--input", path, "--output", lake, "--run-id", "mine")
    assert (again.code, "published before" in again.output) == (0, True)
