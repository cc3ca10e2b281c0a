"""A segment's name states what enough of its customers share, and as much as is true of them."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmentation import schemas as s
from segmentation.clustering.statements import NAME_ORDER, Cell, Statement, best_statement
from segmentation.config.naming import ALL_WORDS, MIXED

SPEND_AND_ORDERS = (s.MONETARY_SCORE, s.FREQUENCY_SCORE)
# All 125 combinations of recency, frequency and money, equally many.
EVERYONE = Counter({(r, f, m): 10 for r in range(1, 6) for f in range(1, 6) for m in range(1, 6)})
cells = st.dictionaries(st.tuples(*[st.integers(1, 5)] * 3), st.integers(1, 50), min_size=1, max_size=40)


def named(own: dict[Cell, int], *, is_one_order: bool = True, min_share: float = 0.6) -> Statement:
    return best_statement(own, EVERYONE, SPEND_AND_ORDERS, min_share, is_one_order)


@pytest.mark.parametrize(
    ("own", "name"),
    [
        ({(5, 5, 5): 9, (1, 1, 1): 1}, "Very High Spend, Very Frequent"),
        ({(5, 4, 4): 5, (5, 5, 5): 5}, "High Spend, Frequent"),
        ({(2, 1, 1): 5, (2, 1, 2): 5}, "Low Spend, One Order"),
        ({(1, 2, 3): 6, (1, 3, 3): 4}, "Medium Spend, Occasional"),
        ({(1, frequency, 5): 1 for frequency in range(1, 6)}, "Very High Spend, Repeat Buyers"),
        # Each alone is true of eight in ten, both of six.
        ({(1, 5, 5): 6, (1, 5, 1): 2, (1, 1, 5): 2}, "Very High Spend, Very Frequent"),
        # Each alone is true of seven in ten, both of four: the name must not state both.
        ({(1, 5, 5): 4, (1, 5, 1): 3, (1, 1, 5): 3}, "Very High Spend"),
    ],
)
def test_a_name_states_the_narrowest_ranges_that_enough_share_at_once(own: dict[Cell, int], name: str):
    assert named(own).name == name


@given(cells, st.sampled_from([0.5, 0.6, 0.9]))
def test_whatever_a_name_states_is_true_of_enough_customers(own: dict[Cell, int], min_share: float):
    statement = best_statement(own, EVERYONE + Counter(own), NAME_ORDER, min_share, score_1_is_one_order=True)
    holding = sum(number for cell, number in own.items() if statement.holds(cell))
    assert statement.share == pytest.approx(holding / sum(own.values()))
    assert statement.share >= min_share
    assert set(statement.name.split(", ")) <= ALL_WORDS


def test_customers_without_anything_in_common_are_mixed():
    scattered = {(1, 1, 1): 1, (1, 5, 5): 1, (1, 5, 1): 1, (1, 1, 5): 1}
    assert named(scattered, min_share=0.9) == Statement(MIXED, {}, 1.0)


def test_score_1_is_called_few_orders_where_it_holds_more_than_one():
    assert named({(1, 1, 5): 1}).name == "Very High Spend, One Order"
    assert named({(1, 1, 5): 1}, is_one_order=False).name == "Very High Spend, Few Orders"
