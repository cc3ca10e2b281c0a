"""The tables of countries and products add up, and draw each segment's share of a row."""

from decimal import Decimal

from segmentation.report.aggregates import LARGEST_SHOWN
from segmentation.report.data import Sold
from segmentation.report.tables import country_table, product_table
from segmentation.report.text import money
from tests.segmentation.report.sample_report import CLASSIC, profiles_of, sold_of

PROFILES = profiles_of(CLASSIC)


def test_the_sums_of_the_others_are_exact():
    largest = [{"revenue": Decimal("90.0001"), "guest_revenue": Decimal(1), "units": 9}]
    total = {"rows": 3, "revenue": Decimal("100.0003"), "guest_revenue": Decimal(1), "units": 12}
    others = {"rows": 2, "revenue": Decimal("10.0002"), "guest_revenue": Decimal(0), "units": 3}
    assert Sold(largest, total, []).others == others


def test_the_largest_rows_the_others_and_all_add_up():
    sold = sold_of("country", [f"Country {number}" for number in range(1_000)], 4)
    table = country_table(sold, PROFILES, "£")
    assert len(table.rows) == LARGEST_SHOWN
    assert (table.number_of_others, table.number_of_all) == (750, 1_000)
    shown = sum((row["revenue"] for row in sold.largest), Decimal(0))
    assert table.others is not None
    assert table.others[0] == money(sold.total["revenue"] - shown, "£")
    assert table.total[0] == money(sold.total["revenue"], "£")
    assert sum(count for _, count in table.class_counts) == 1_000


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


def test_a_product_has_its_code_and_is_marked_where_it_is_no_merchandise():
    rows = product_table(sold_of("stock_code", ["CAKESTAND", "POSTAGE"], 4), PROFILES, "£").rows
    assert [(row.name, row.code) for row in rows] == [
        ("CAKESTAND", "22000"),
        ("POSTAGE", "22001 · not merchandise"),
    ]


def test_a_country_without_revenue_has_no_shares_and_no_bar():
    [row] = country_table(sold_of("country", ["Nowhere"], 1, revenue=0), PROFILES[:1], "£").rows
    assert [text for text, _ in row.cells[:2]] == ["£0", "0 %"]
    assert (row.bar, row.largest_share) == ("", "")
