"""The tables of countries and products add up, and draw each segment's share of a row."""

from decimal import Decimal

import pytest

from segmentation.report.aggregates import LARGEST_SHOWN
from segmentation.report.data import Sold
from segmentation.report.tables import country_table, product_table
from segmentation.report.text import money
from tests.segmentation.report.sample_report import CLASSIC, profiles_of, sold_of

PROFILES = profiles_of(CLASSIC)


def test_the_sums_of_the_others_are_exact():
    largest = [{"revenue": Decimal("90.0001"), "guest_revenue": Decimal(1), "units": 9, "net_revenue": Decimal(90)}]
    total = {
        "rows": 3,
        "revenue": Decimal("100.0003"),
        "guest_revenue": Decimal(1),
        "units": 12,
        "net_revenue": Decimal(95),
    }
    others = {
        "rows": 2,
        "revenue": Decimal("10.0002"),
        "guest_revenue": Decimal(0),
        "units": 3,
        "net_revenue": Decimal(5),
    }
    assert Sold("net_revenue", largest, total, None, [], []).others == others


def test_the_largest_rows_the_others_and_all_add_up():
    sold = sold_of("country", [f"Country {number}" for number in range(1_000)], 4)
    table = country_table(sold, PROFILES, "£")
    assert len(table.rows) == LARGEST_SHOWN
    assert (table.number_of_others, table.number_of_all) == (750, 1_000)
    shown = sum((row["net_revenue"] for row in sold.largest), Decimal(0))
    assert table.others is not None
    assert table.others[0] == money(sold.total["net_revenue"] - shown, "£")
    assert table.total[0] == money(sold.total["net_revenue"], "£")


@pytest.mark.parametrize(
    ("names", "finding"),
    [
        (["EIRE"], "All revenue comes from one country"),
        (["EIRE", "France"], "One country of 2 brings 67 % of revenue"),
        ([str(number) for number in range(100)], "One country in three (35 of 100) brings 80 % of revenue"),
    ],
)
def test_the_finding_says_how_few_bring_how_much(names: list[str], finding: str):
    assert country_table(sold_of("country", names, 4), PROFILES, "£").finding == finding


def test_a_row_draws_all_shares_and_names_the_largest():
    table = country_table(sold_of("country", ["EIRE"], 4), PROFILES, "£")
    assert table.others is None
    row = table.rows[0]
    assert (
        'aria-label="Low Spend, Low Frequency 22 %, Medium Spend, Medium Frequency 22 %, High Spend, High Frequency '
        '22 %, High Spend, Low Frequency 22 %, guests 10 %"'
    ) in row.bar
    assert row.largest_share == "22 % Low Spend, Low Frequency"


def test_a_bar_draws_the_largest_segments():
    profiles = profiles_of([(f"Segment {number}", 5, "10") for number in range(9)])
    bar = country_table(sold_of("country", ["EIRE"], 9), profiles, "£").rows[0].bar
    assert bar.count("<rect") == 6


def test_a_product_has_its_code_and_what_is_no_merchandise_is_summed_up_apart():
    table = product_table(sold_of("stock_code", ["CAKESTAND", "POSTAGE"], 4), PROFILES, "£")
    assert [(row.name, row.code) for row in table.rows] == [("CAKESTAND", "22000")]
    assert table.rest is not None
    assert (table.number_of_rest, table.rest[0], table.total[0]) == (1, "£500", "£1,500")


def test_a_row_of_a_few_customers_has_no_shares():
    rows = country_table(sold_of("country", ["A", "B", "Malta"], 4), PROFILES, "£").rows
    assert (rows[2].bar, rows[2].largest_share) == ("", "fewer than 20 customers")


def test_a_country_without_revenue_has_no_shares_and_no_bar():
    [row] = country_table(sold_of("country", ["Nowhere"], 1, revenue=0), PROFILES[:1], "£").rows
    assert [text for text, _ in row.cells[:2]] == ["£0", "0 %"]
    assert (row.bar, row.largest_share) == ("", "")
