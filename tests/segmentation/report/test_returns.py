"""Returns that decide a segment are named with their figures, and others are not."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmentation.report.returns import returns_warnings
from tests.segmentation.report.sample_report import profiles_of

SEGMENTS = [("Low", 4000, "8000000"), ("High", 6, "1144851.22")]


def order_of(segment_id: int, returned: str) -> dict[str, object]:
    return {"segment_id": segment_id, "returned": Decimal(returned), "revenue": Decimal("168472.50")}


def warnings_of(returned: list[str], orders: list[dict[str, object]], is_net: bool = False) -> list[str]:
    return returns_warnings(profiles_of(SEGMENTS, returned), orders, "£", is_net)


def test_one_returned_order_of_more_than_a_twentieth_is_named():
    [warning] = warnings_of(["700000", "168469.60"], [order_of(2, "168469.60")])
    assert warning == (
        "Returns decide High (6 customers): £168,470 of one order came back, 15 % of the segment's £1,144,851. The "
        "figures here are before returns: only £976,382 stayed."
    )
    assert warnings_of(["700000", "168469.60"], [order_of(2, "57242.56")]) == [], "5 % is not above 5 %"


def test_a_share_above_twice_that_of_all_customers_is_named():
    [warning] = warnings_of(["0", "168469.60"], [], is_net=True)
    assert warning.startswith("Returns weigh on High (6 customers): ")
    assert "£168,470 of £1,144,851 came back, 15 %, against 1.8 % of all customers." in warning
    assert warning.endswith("The figures here are after returns: £976,382 stayed.")


def test_both_reasons_are_one_warning_and_the_most_money_comes_first():
    orders = [order_of(2, "168469.60"), order_of(1, "600000")]
    first, second = warnings_of(["600000", "468469.60"], orders)
    assert first.startswith("Returns decide Low")
    assert "came back, 41 %" in second
    assert "of one order came back, 15 %" in second


def test_those_who_returned_everything_need_no_warning():
    profiles = profiles_of([("Returned Everything", 1, "10"), ("A", 9, "1000")], ["10", "0"], first=0)
    assert returns_warnings(profiles, [order_of(0, "10")], "£", True) == []


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 100)), min_size=1, max_size=6), st.booleans())
def test_no_warning_without_returns_and_never_more_than_segments(parts: list[tuple[int, int]], is_net: bool):
    segments = [(f"S{number}", 5, str(money)) for number, (money, _) in enumerate(parts)]
    returned = [str(Decimal(money) * share / 100) for money, share in parts]
    warnings = returns_warnings(profiles_of(segments, returned), [], "£", is_net)
    assert len(warnings) <= len(segments)
    assert returns_warnings(profiles_of(segments), [], "£", is_net) == []
    if len(segments) == 1:
        assert warnings == [], "one segment has the share of all customers"


@pytest.mark.parametrize("is_net", [True, False])
def test_no_revenue_is_no_error(is_net: bool):
    assert returns_warnings(profiles_of([("A", 5, "0")]), [], "£", is_net) == []
