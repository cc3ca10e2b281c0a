"""Lines that are not spread as usual: one customer has nearly all of them, each has a country of its own, or none."""

import struct
from collections import Counter, defaultdict
from decimal import Decimal
from itertools import chain
from pathlib import Path

from tests.jobs.conftest import CONFIG, QUICK, RunJob
from tests.jobs.published_runs import latest_run, rows_of
from tests.jobs.small_shop import Fields, write_csv

COUNTRIES = 5000
LARGE_CUSTOMER = "17850"
OPTIONS = tuple(chain.from_iterable(("--set", setting) for setting in QUICK))


def skewed_lines(count: int) -> list[Fields]:
    """Nine of ten lines are the large customer's, five lines an invoice; forty others share the rest."""
    lines: list[Fields] = []
    for number in range(count):
        customer = LARGE_CUSTOMER if number % 10 else str(12000 + number // 10 % 40)
        invoice = str(536365 + number // 5) if customer == LARGE_CUSTOMER else str(600000 + number)
        moment, price = f"12/{number % 9 + 1}/2010 8:{number % 60:02}", f"{number % 7 + 1}.25"
        country = f"Country {number % COUNTRIES:04}"
        lines.append((invoice, f"2{number % 90:04}", "HEART", str(number % 11 + 1), moment, price, customer, country))
    return lines


def test_one_customer_with_nearly_all_lines_and_thousands_of_countries(run_job: RunJob, tmp_path: Path):
    lines = skewed_lines(2 * COUNTRIES)
    path, lake = write_csv(lines, tmp_path / "lines.csv"), tmp_path / "lake"
    assert run_job("--config", CONFIG, "--input", path, "--output", lake, *OPTIONS).code == 0
    run = latest_run(lake)

    invoices: defaultdict[str, set[str]] = defaultdict(set)
    spent: Counter[str] = Counter()
    sold: Counter[str] = Counter()
    for invoice, _, _, quantity, _, price, customer, country in lines:
        invoices[customer].add(invoice)
        spent[customer] += int(quantity) * Decimal(price)
        sold[country] += int(quantity) * Decimal(price)
    found = {row["customer_id"]: row for row in rows_of(run, "customer_segments")}
    assert {customer: row["total_spend"] for customer, row in found.items()} == spent
    assert {customer: row["purchase_frequency"] for customer, row in found.items()} == {
        customer: len(numbers) for customer, numbers in invoices.items()
    }
    assert {row["country"]: row["revenue"] for row in rows_of(run, "country_sales")} == sold

    # The chart shows the largest, however many there are.
    width, height = struct.unpack(">II", (run / "charts" / "countries.png").read_bytes()[16:24])
    assert width < 2500
    assert height < 2500
    # So does the report, which stays small and says where the others are.
    page = (run / "report" / "index.html").read_text(encoding="utf-8")
    assert len(page.encode()) < 5_000_000
    assert f"all {len(sold):,} rows are in the table" in page


def test_a_column_without_a_single_value_is_one_group(run_job: RunJob, tmp_path: Path):
    lines = [(*line[:2], "", *line[3:7], "") for line in skewed_lines(500)]
    path, lake = write_csv(lines, tmp_path / "lines.csv"), tmp_path / "lake"
    assert run_job("--config", CONFIG, "--input", path, "--output", lake, *OPTIONS).code == 0
    run = latest_run(lake)
    [country] = rows_of(run, "country_sales")
    assert (country["country"], country["customers"], country["revenue_share"]) == ("Unspecified", 41, 1.0)
    assert {row["description"] for row in rows_of(run, "product_sales")} == {""}
