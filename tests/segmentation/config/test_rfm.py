"""Rules that name customers leave nobody without a name, and each can win; thresholds are four and ascend."""

import re
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmentation.config.files import load_config
from segmentation.config.rfm import RfmRule, default_rules, hidden_by, uncovered
from segmentation.errors import ConfigError

CONF = Path(__file__).resolve().parents[3] / "conf"
CLASSIC = str(CONF / "online_retail.yaml")
ranges = st.tuples(st.integers(1, 5), st.integers(1, 5)).map(lambda pair: tuple(sorted(pair)))
score_rules = st.lists(st.tuples(ranges, ranges, ranges), min_size=1, max_size=6)


def rule(name: str, recency: tuple[int, int], frequency: tuple[int, int], money: tuple[int, int]) -> RfmRule:
    return RfmRule(name=name, when={"recency_score": recency, "frequency_score": frequency, "monetary_score": money})


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (
            "rfm.rules=[{name: A, when: {recency_score: [3, 5]}}]",
            "rfm.rules: none is sure to name a customer with recency_score 2, frequency_score 5, monetary_score 5",
        ),
        # What depends on a feature is not sure.
        ("rfm.rules=[{name: A, when: {tenure_days: [0, null]}}]", "with recency_score 5, frequency_score 5"),
        ("rfm.rules=[{name: A}, {name: B}]", "rfm.rules: 'B', rule 2, never wins: 'A' before it holds first"),
        (
            "rfm.rules=[{name: Low, when: {recency_score: [1, 2]}}, {name: High, when: {recency_score: [3, 5]}}, "
            "{name: Top, when: {monetary_score: [5, 5]}}]",
            "'Top', rule 3, never wins: 'Low' and 'High' before it holds first",
        ),
        (
            "rfm.rules=[{name: Three, when: {orders: [3, null]}}, {name: Five, when: {orders: [5, 9]}}, {name: C}]",
            "'Five', rule 2, never wins: 'Three' before it holds first",
        ),
        ("rfm.rules=[{name: A, when: {tenure_days: [9, 2]}}, {name: B}]", "must be [lowest, highest], got [9, 2]"),
        ("rfm.rules=[{name: A, when: {recency_score: [0, 2]}}, {name: B}]", "must have scores from 1 to 5, got 0"),
        ("rfm.rules=[{name: A, when: {orders: [null, null]}}, {name: B}]", "when.orders must have a limit"),
        ("rfm.rules=[{name: A, when: {recenty: [1, 2]}}, {name: B}]", "did you mean 'recency'?"),
        ("rfm.rules=[{name: 'A, B'}]", "rfm.rules.0.name: should be some text without a comma, got 'A, B'"),
        ("rfm.rules=[{name: Returned Everything}]", "is the name of those of whose orders nothing stayed"),
        ("rfm.rules=[]", "rfm.rules needs at least one entry"),
        (
            "rfm.recency_days=[30, 60, 60, 240]",
            "rfm.recency_days: must be four ascending numbers, got [30, 60, 60, 240]",
        ),
        ("rfm.money=[1, 2, 3]", "rfm.money: must be four ascending numbers, got [1, 2, 3]"),
        ("rfm.orders=[0, 1, 2, 3]", "rfm.orders.0: should be greater than 0, got 0"),
        ("rfm={recency: fifths, recency_days: [1, 2, 3, 4]}", "rfm.recency is 'fifths': leave out one of the two"),
        ("rfm.frequency=orders", "rfm.orders: is required where rfm.frequency is orders"),
    ],
)
def test_what_cannot_work_is_refused_with_an_example(override: str, message: str):
    with pytest.raises(ConfigError, match=re.escape(message)) as caught:
        load_config(CLASSIC, [override])
    assert "default factory" not in str(caught.value)


def test_thresholds_are_used_where_they_are_given():
    config = load_config(CLASSIC, ["rfm.recency_days=[30, 60, 120, 240]", "rfm.money=[-5, 0, 10, 20]"])
    assert (config.rfm.recency, config.rfm.frequency, config.rfm.monetary) == ("days", "repeat_quartiles", "money")
    assert config.rfm.recency_days == (30, 60, 120, 240)


def test_the_rfm_configuration_spells_out_the_default_rules():
    assert load_config(str(CONF / "online_retail_rfm.yaml")).rfm.rules == default_rules()
    assert load_config(CLASSIC).rfm.rules == default_rules()
    assert len({one.name for one in default_rules()}) == 12


@given(score_rules)
def test_coverage_and_hiding_are_those_of_trying_every_combination(drawn: list[tuple[tuple[int, int], ...]]):
    rules = [rule(f"rule {number}", *limits) for number, limits in enumerate(drawn)]
    winners = {
        cell: next((number for number, one in enumerate(rules) if cell in set(one.cells)), None)
        for cell in product(range(1, 6), repeat=3)
    }
    cell = uncovered(rules)
    assert (cell is None) == (None not in winners.values())
    assert cell is None or winners[cell] is None
    for number, one in enumerate(rules):
        assert bool(hidden_by(one, rules[:number])) == (number not in winners.values())
