"""One run on extreme lines: a customer with nearly all of them, thousands of countries, and texts that are hostile."""

import re
import struct
from collections import Counter, defaultdict
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from scripts.run_contents import latest_run
from segmentation.features import baskets_of, order_sums, orders_of
from segmentation.returns import lines_of_returned_products, money_taken_back
from segmentation.rollups import country_sales, product_sales
from tests.jobs.published_runs import rows_of
from tests.jobs.running_jobs import CANARY, CONFIG, QUICK, Done, RunJob
from tests.jobs.small_shop import Fields, write_csv
from tests.jobs.stages import clean, configured
from tests.jobs.test_inert_output import ACTS_ON_TERMINAL, assert_inert

pytestmark = pytest.mark.slow

COUNTRIES = 5000
LARGE_CUSTOMER = "17850"
HOSTILE_SETTINGS = (r'charts.currency="\e[31m£"', r'title="Shop \e]0;x\a"')


def skewed_lines(count: int) -> list[Fields]:
    """Return lines of which nine in ten are the large customer's; forty others share the rest."""
    lines: list[Fields] = []
    for number in range(count):
        customer = LARGE_CUSTOMER if number % 10 else str(12000 + number // 10 % 40)
        invoice = str(536365 + number // 5) if customer == LARGE_CUSTOMER else str(600000 + number)
        moment, price = f"12/{number % 9 + 1}/2010 8:{number % 60:02}", f"{number % 7 + 1}.25"
        country = f"Country {number % COUNTRIES:04}"
        lines.append((invoice, f"2{number % 90:04}", "HEART", str(number % 11 + 1), moment, price, customer, country))
    return lines


def hostile(fields: Fields) -> Fields:
    """Return the line with a recognisable customer and description, and with a country that acts on a terminal."""
    invoice, code, description, quantity, day, price, customer, country = fields
    description, customer, country = f"{CANARY} {description}", f"{CANARY}{customer}", f"{country}\x1b[31m {CANARY}"
    return invoice, code, description, quantity, day, price, customer, country


@dataclass(frozen=True)
class ExtremeRun:
    lines: list[Fields]
    done: Done
    run: Path

    @property
    def page(self) -> str:
        return (self.run / "report" / "index.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def extreme(run_job: RunJob, tmp_path_factory: pytest.TempPathFactory) -> ExtremeRun:
    folder = tmp_path_factory.mktemp("extreme")
    lines = [hostile(fields) for fields in skewed_lines(2 * COUNTRIES)]
    write_csv(lines, folder / "data" / "lines\x1b[2J\n.csv")
    arguments = ("--config", CONFIG, "--input", folder / "data", "--output", folder / "lake")
    done = run_job(*arguments, "--set", *QUICK, *HOSTILE_SETTINGS)
    assert done.code == 0, done.output
    return ExtremeRun(lines, done, latest_run(folder / "lake"))


def test_customers_and_countries_are_those_of_plain_python(extreme: ExtremeRun):
    invoices: defaultdict[str, set[str]] = defaultdict(set)
    spent: Counter[str] = Counter()
    sold: Counter[str] = Counter()
    for invoice, _, _, quantity, _, price, customer, country in extreme.lines:
        invoices[customer].add(invoice)
        spent[customer] += int(quantity) * Decimal(price)
        sold[country] += int(quantity) * Decimal(price)
    customers = {row["customer_id"]: row for row in rows_of(extreme.run, "customer_segments")}
    assert {customer: row["total_spend"] for customer, row in customers.items()} == spent
    assert {customer: row["purchase_frequency"] for customer, row in customers.items()} == {
        customer: len(numbers) for customer, numbers in invoices.items()
    }
    assert {row["country"]: row["revenue"] for row in rows_of(extreme.run, "country_sales")} == sold


def test_chart_and_report_show_the_largest_countries_and_stay_small(extreme: ExtremeRun):
    width, height = struct.unpack(">II", (extreme.run / "charts" / "countries.png").read_bytes()[16:24])
    assert width < 2500
    assert height < 2500
    assert len(extreme.page.encode()) < 5_000_000
    assert f"Showing the 250 largest of {COUNTRIES:,}; all are in the table" in extreme.page


def test_the_output_names_no_customer_and_does_not_act_on_a_terminal(extreme: ExtremeRun):
    assert r"\x1b[31m£" in extreme.done.output
    assert_inert(extreme.done.output)


def test_the_report_names_no_customer_and_has_no_control_characters(extreme: ExtremeRun):
    assert f"{CANARY} HEART" in extreme.page  # product names are public
    assert re.search(rf"{CANARY}\d", extreme.page) is None
    assert ACTS_ON_TERMINAL.search(extreme.page) is None
    assert r"Shop \x1b]0;x\x07" in extreme.page


def test_columns_without_any_value_form_one_group(spark: SparkSession, tmp_path: Path):
    lines = [(*line[:2], "", *line[3:7], "") for line in skewed_lines(500)]
    cleaned = clean(spark, configured(), write_csv(lines, tmp_path / "lines.csv"))
    sales, returned = cleaned.sales, cleaned.returned
    taken_back = money_taken_back(sales, lines_of_returned_products(sales, returned))
    [country] = country_sales(orders_of(order_sums(sales), taken_back), returned).collect()
    assert (country["country"], country["customers"], country["revenue_share"]) == ("Unspecified", 41, 1.0)
    pattern = configured().rollups.merchandise_pattern
    products = product_sales(sales, sales.lines, baskets_of(sales, taken_back), returned, pattern).collect()
    assert {row["description"] for row in products} == {""}
