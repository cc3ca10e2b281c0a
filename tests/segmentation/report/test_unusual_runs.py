"""No sentence of the page is false of an unusual run: one customer, ties, one segment, only returns, few columns."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segmentation import schemas as s
from segmentation.clustering.choose_k import Choice
from tests.segmentation.report.sample_report import config, page_of, profiles_of

NOTHING = ("Returned Everything", 3, "120")


def text_of(**changed: Any) -> str:
    return page_of(**changed).text


def test_one_customer_with_all_revenue():
    text = text_of(segments=[("Low", 9, "0"), ("High", 1, "500")])
    assert "1 customer, 10 %, brings 100 % of revenue: High." in text
    assert "This customer spent £250 over 2 orders" in text
    alone = text_of(segments=[("All Customers", 1, "12.50")], countries=["EIRE"], products=["MUG"])
    assert "That customer is one segment. No other customer brings revenue." in alone
    for claim in ("They form", "What sets it apart", "times as often", "range from", "compare"):
        assert claim not in alone.replace("no other segment to compare", ""), claim


def test_ties_name_no_winner():
    text = text_of(segments=[("A", 5, "100"), ("B", 5, "100")])
    assert "the largest two hold 5 each (50 %)" in text
    assert "no segment brings much more than its share of customers" in text
    assert "the largest, A" not in text


def test_one_segment_is_compared_with_nothing():
    text = text_of(segments=[("All Customers", 20, "3000")], choice=Choice(1, "auto", None, "no division is stable"))
    assert "They are one segment" in text
    assert "There is no other segment to compare with." in text
    assert "What sets it apart" not in text
    assert "Average of all customers" not in text, "no heatmap of one segment"


def test_no_returns_are_said_to_be_none():
    text = text_of()
    assert "no return was matched to a purchase" in text
    assert "came back, " not in text.replace("0 % of it came back, ", "")
    assert "Before you act" not in text


def test_only_returns():
    profiles = profiles_of([NOTHING], ["120"], first=0)
    text = text_of(profiles=profiles, choice=Choice(1, "auto", None, "no customer is left to divide"))
    assert "All returned everything that they bought (£120): Returned Everything." in text
    assert "Their revenue adds up to nothing" in text
    assert "A typical customer bought for £20.00, and all of it came back." in text
    for claim in ("form", "bring ", "brings", "Before you act", "days ago."):
        assert claim not in text.partition("The segments Each customer")[0].partition("The answer")[2], claim


def test_those_who_returned_everything_are_a_group_of_their_own():
    profiles = profiles_of([NOTHING, ("A", 90, "900"), ("B", 7, "900")], ["120", "0", "0"], first=0)
    page = page_of(profiles=profiles)
    assert "The others form two segments" in page.text
    row = page.table_with("What to do")[3]
    assert row[0].strip() == "Returned Everything", "in the order of the money that stayed"
    assert row[1:4] == ["3 3 %", "£0 0 %", "everything came back"]
    assert "Bought for £120; 100 % of it came back, £0 stayed." in page.text
    assert "Returns weigh on" not in page.text, "the name says it"
    compared = page.table_with("Average of all customers")
    assert [heading.strip() for heading in compared[0]] == ["Average of all customers", "A", "B"]
    assert page.text.count("What sets it apart") == 2


def test_one_country_and_no_country():
    assert "All revenue comes from one country." in text_of(countries=["EIRE"])
    text = text_of(without=("countries",))
    assert "The input has no countries: there is no table of them." in text
    assert "Where they buy" not in text
    assert "What they buy" in text


def test_three_columns():
    page = page_of(without=("countries", "products"))
    assert "The input has no products: there is no table of them." in page.text
    for heading in ("Where they buy", "What they buy", "Search"):
        assert heading not in page.text
    assert "#countries" not in [link["href"] for link in page.attributes("a")]


def test_a_missing_feature_is_a_dash():
    missing = {"median_distinct_products": None, "mean_distinct_products": None}
    profiles = [row | missing for row in profiles_of([("A", 5, "9"), ("B", 5, "9")])]
    statistics = [{"segment_id": 1}, {"segment_id": 2}]
    tables = page_of(profiles=profiles, statistics=statistics).tables
    typical = next(table for table in tables if table[0][0] == "Typical customer")
    assert ["Different products", "–", "–", "–"] in typical


@settings(deadline=None, max_examples=25, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.tuples(st.integers(1, 5000), st.integers(0, 10**7), st.integers(0, 100)), min_size=1, max_size=7),
    st.booleans(),
    st.sampled_from(["net", "gross"]),
)
def test_every_page_of_any_sizes_adds_up(parts: list[tuple[int, int, int]], nothing: bool, figures: str):
    segments = [(f"S{number}", customers, str(bought)) for number, (customers, bought, _) in enumerate(parts, 1)]
    returned = [str(Decimal(bought) * share / 100) for _, bought, share in parts]
    if nothing:
        segments, returned = [NOTHING, *segments], [NOTHING[2], *returned]
    profiles = profiles_of(segments, returned, first=0 if nothing else 1)
    page = page_of(profiles=profiles, config=config(f"figures={figures}"))
    customers = sum(number for _, number, _ in segments)
    noun = "customer" if customers == 1 else "customers"
    assert f"The answer {customers:,} {noun} " in page.text
    rows = page.table_with("What to do")[1:]
    assert sum(int(row[1].split()[0].replace(",", "")) for row in rows) == customers
    shares = [float(row[s.CUSTOMER_SHARE]) for row in profiles]
    assert sum(shares) == pytest.approx(1)
    words = page.text.partition("How to run it again")[0].replace("None.", "").split()
    assert {"nan", "None", "NaN", "inf"} & set(words) == set()
    if len(segments) - nothing == 1:
        assert "segments by" not in page.text
