"""A run that is whole but not plausible is refused, by the gates that its configuration names and by no others."""

import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from segmentation.config.files import load_config
from segmentation.config.settings import QualityGates
from segmentation.errors import ConfigError, QualityGateError
from segmentation.lake.audit import RunFigures, figures_of, require_plausible

CONFIG = Path(__file__).resolve().parents[3] / "conf" / "online_retail.yaml"
BEFORE = RunFigures("monday", 1_000, 100, Decimal("5000.00"), 50, {"Low": 0.8, "High": 0.2})
TODAY = replace(BEFORE, run_id="tuesday")


def refused(gates: QualityGates, run: RunFigures, previous: RunFigures | None = BEFORE) -> str:
    with pytest.raises(QualityGateError) as caught:
        require_plausible(gates, run, previous)
    return str(caught.value)


def test_without_gates_any_run_is_plausible():
    require_plausible(QualityGates(), replace(TODAY, lines=1, rejected=1, revenue=Decimal(0), customers=1), BEFORE)


@pytest.mark.parametrize(
    ("gates", "run", "message"),
    [
        (
            QualityGates(max_rejected_share=0.1),
            replace(TODAY, rejected=101),
            "quality_gates.max_rejected_share = 0.1 does not hold: 10.10% of 1,000 lines are rejected",
        ),
        (
            QualityGates(min_customers=51),
            TODAY,
            "quality_gates.min_customers = 51 does not hold: there are 50 customers",
        ),
        (
            QualityGates(max_segment_share=0.79),
            TODAY,
            "quality_gates.max_segment_share = 0.79 does not hold: 'Low' holds 80.00% of the customers",
        ),
        (
            QualityGates(max_rows_change=0.2),
            replace(TODAY, lines=799),
            "quality_gates.max_rows_change = 0.2 does not hold: lines changed by -20.10%, from 1,000 in run monday to "
            "799",
        ),
        (
            QualityGates(max_revenue_change=0.5),
            replace(TODAY, revenue=Decimal("7500.01")),
            "quality_gates.max_revenue_change = 0.5 does not hold: revenue changed by +50.00%, from 5,000.00 in run "
            "monday to 7,500.01",
        ),
        (
            QualityGates(max_segment_share_change=0.1),
            replace(TODAY, segment_shares={"Low": 0.85, "Champions": 0.15}),
            "quality_gates.max_segment_share_change = 0.1 does not hold: 'Champions' went from 0.00% of the customers "
            "in run monday to 15.00%",
        ),
    ],
)
def test_a_gate_that_does_not_hold_is_named_with_its_figure_and_limit(
    gates: QualityGates, run: RunFigures, message: str
):
    assert message in refused(gates, run)


@pytest.mark.parametrize(
    ("gates", "run"),
    [
        (QualityGates(max_rejected_share=0.1), TODAY),
        (QualityGates(min_customers=50), TODAY),
        (QualityGates(max_segment_share=0.8), TODAY),
        (QualityGates(max_rows_change=0.2), replace(TODAY, lines=800)),
        (QualityGates(max_rows_change=0.2), replace(TODAY, lines=1_200)),
        (QualityGates(max_revenue_change=0.5), replace(TODAY, revenue=Decimal("7500.00"))),
        (QualityGates(max_segment_share_change=0.25), replace(TODAY, segment_shares={"Low": 0.6, "High": 0.4})),
    ],
)
def test_a_figure_on_its_limit_passes(gates: QualityGates, run: RunFigures):
    require_plausible(gates, run, BEFORE)


def test_every_broken_gate_is_told_at_once_with_what_to_do():
    message = refused(QualityGates(min_customers=60, max_segment_share=0.5), TODAY)
    assert "min_customers" in message
    assert "max_segment_share" in message
    assert message.endswith("nothing was published. Mend the input, or raise the limit if this is right")


def test_a_first_run_is_compared_with_nothing():
    gates = QualityGates(max_rows_change=0, max_revenue_change=0, max_segment_share_change=0)
    require_plausible(gates, TODAY, None)


def test_revenue_where_there_was_none_is_a_change_beyond_any_limit():
    nothing = replace(BEFORE, revenue=Decimal(0))
    assert "max_revenue_change = 9 does not hold" in refused(QualityGates(max_revenue_change=9), TODAY, nothing)


def test_the_figures_are_those_of_a_manifest():
    reconciliation = {
        "lines": {"read": 10, "clean": 6, "guest": 1, "rejected": 3},
        "revenue": {"read": "12.0000", "clean": "8.0000", "guest": "0.5000", "rejected": "3.5000"},
        "customers": 4,
    }
    assert figures_of("r", reconciliation, {"Low": 1.0}) == RunFigures("r", 10, 3, Decimal("8.5"), 4, {"Low": 1.0})


@pytest.mark.parametrize("override", ["max_rejected_share=1.5", "min_customers=-1", "max_rows_change=x", "max_rows=1"])
def test_a_limit_that_makes_no_sense_is_refused_with_its_key(override: str):
    with pytest.raises(ConfigError, match=re.escape(f"quality_gates.{override.partition('=')[0]}")):
        load_config(str(CONFIG), [f"quality_gates.{override}"])


def test_a_share_or_a_change_that_is_just_the_limit_holds():
    shares = {"Low": 0.75, "High": 0.25}  # 0.80 - 0.75 is a little more than 0.05 to a computer
    require_plausible(QualityGates(max_segment_share_change=0.05), replace(TODAY, segment_shares=shares), BEFORE)
    require_plausible(QualityGates(max_rows_change=0.1), replace(TODAY, lines=900), BEFORE)
    require_plausible(QualityGates(max_rejected_share=0.1, max_segment_share=0.8), TODAY, BEFORE)
    told = refused(QualityGates(max_segment_share_change=0.05), replace(TODAY, segment_shares={"Low": 0.7499}))
    assert "max_segment_share_change" in told
