"""A run is refused by the gates that its configuration names, and by no others."""

import json
import re
import shutil
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from segmentation import schemas as s
from segmentation.config.files import load_config
from segmentation.config.settings import QualityGates
from segmentation.errors import QualityGateError
from segmentation.lake.gates import RunFigures, SegmentShare, check_gates, previous_figures, run_figures
from segmentation.lake.manifest import lineage_of
from segmentation.lake.runs import Lake
from segmentation.lake.staging import write_rows
from tests.segmentation.lake.bare_runs import folder_of

CONFIG = Path(__file__).resolve().parents[3] / "conf" / "online_retail.yaml"
SEGMENT: dict[str, Any] = {"segment_id": 1, "segment_name": "All", "customer_share": 1.0}
LOW, HIGH = SegmentShare("Low", 0.8), SegmentShare("High", 0.2)
BEFORE = RunFigures("monday", 1_000, 100, 0, Decimal("5000.00"), 50, {1: LOW, 2: HIGH})
TODAY = replace(BEFORE, run_id="tuesday")


def refused(gates: QualityGates, run: RunFigures, previous: RunFigures | None = BEFORE) -> str:
    with pytest.raises(QualityGateError) as caught:
        check_gates(gates, run, previous)
    return str(caught.value)


def test_without_gates_any_run_passes_and_the_first_run_every_gate_on_changes():
    check_gates(QualityGates(max_rows_change=0, max_revenue_change=0, max_segment_share_change=0), TODAY, None)
    check_gates(QualityGates(), replace(TODAY, lines=1, rejected=1, revenue=Decimal(0), customers=1), BEFORE)


@pytest.mark.parametrize(
    ("gates", "run", "message"),
    [
        (
            QualityGates(max_rejected_share=0.1),
            replace(TODAY, rejected=101),
            "quality_gates.max_rejected_share = 0.1 does not hold: 10.10% of 1,000 lines are rejected",
        ),
        (
            QualityGates(max_rejected_share=0.1),
            replace(TODAY, lines=5_000, rejected=4_101, before_window=4_000),
            "quality_gates.max_rejected_share = 0.1 does not hold: 10.10% of 1,000 lines of the window are rejected",
        ),
        (
            QualityGates(min_customers=51),
            TODAY,
            "quality_gates.min_customers = 51 does not hold: there are 50 customers",
        ),
        (
            QualityGates(max_segment_share=0.79),
            replace(TODAY, segments={1: LOW._replace(share=0.2), 2: HIGH._replace(share=0.8)}),
            "quality_gates.max_segment_share = 0.79 does not hold: 'High' holds 80.00% of the customers",
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
            replace(TODAY, segments={1: SegmentShare("Loyal", 0.65), 2: HIGH, 3: SegmentShare("New", 0.15)}),
            "quality_gates.max_segment_share_change = 0.1 does not hold: 'Loyal' ('Low' before) went from 80.00% of "
            "the customers in run monday to 65.00%; quality_gates.max_segment_share_change = 0.1 does not hold: 'New' "
            "went from 0.00% of the customers in run monday to 15.00%: nothing was published",
        ),
    ],
)
def test_a_gate_that_does_not_hold_is_named_with_its_figure_and_limit(
    gates: QualityGates, run: RunFigures, message: str
):
    assert message in refused(gates, run)


def test_a_figure_on_its_limit_passes_whatever_its_rounding():
    # 0.80 - 0.75 is a little more than 0.05 to a computer.
    segments = {1: LOW._replace(share=0.75), 2: HIGH._replace(share=0.25)}
    gates = QualityGates(
        max_rejected_share=0.1,
        min_customers=50,
        max_segment_share=0.75,
        max_rows_change=0.1,
        max_revenue_change=0.5,
        max_segment_share_change=0.05,
    )
    run = replace(TODAY, revenue=Decimal("7500.00"), segments=segments)
    for lines, rejected, before_window in ((900, 90, 0), (1_100, 110, 0), (1_100, 200, 100)):
        check_gates(gates, replace(run, lines=lines, rejected=rejected, before_window=before_window), BEFORE)


def test_all_broken_gates_are_listed_with_what_to_do():
    today = replace(TODAY, segments={number: SegmentShare(f"No. {number}", 0.2) for number in (2, 3, 4, 5, 6)})
    message = refused(QualityGates(min_customers=60, max_segment_share_change=0.15), today)
    # The first fell to nothing, the second stayed under another name.
    assert re.findall("'(.*?)' went from", message) == ["Low", "No. 3", "No. 4", "No. 5", "No. 6"]
    assert "min_customers" in message
    assert message.endswith("nothing was published. Correct the input, or raise the limit if this is right")


def test_revenue_where_there_was_none_is_a_change_beyond_any_limit():
    nothing = replace(BEFORE, revenue=Decimal(0))
    assert "max_revenue_change = 9 does not hold" in refused(QualityGates(max_revenue_change=9), TODAY, nothing)


def test_figures_are_taken_from_a_manifest_and_the_profiles():
    reconciliation = {
        "lines": {"read": 10, "clean": 6, "guest": 1, "rejected": 3},
        "revenue": {"read": "12.0000", "clean": "8.0000", "guest": "0.5000", "rejected": "3.5000"},
        "customers": 4,
    }
    expected = RunFigures("r", 10, 3, 2, Decimal("8.5"), 4, {1: SegmentShare("All", 1.0)})
    assert run_figures("r", reconciliation, [SEGMENT], before_window=2) == expected


# --- which run a new one is compared with ---


@pytest.fixture
def lake(spark_lake: Lake) -> Lake:
    return spark_lake


AS_OF = date(2011, 12, 10)
CHANGES = load_config(str(CONFIG), ["title=shop", "quality_gates.max_rows_change=0.1"])
OTHER_RULES = load_config(str(CONFIG), ["title=shop", "quality_gates.max_rows_change=0.1", "clustering.k=4"])


@pytest.fixture(scope="module")
def profiles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The table segment_profiles of one segment."""
    folder = tmp_path_factory.mktemp("profiles") / "segment_profiles"
    zeros = {"int": 0, "bigint": 0, "double": 0.0, "string": "", "decimal(20,4)": Decimal(0)}
    row = {field.name: zeros.get(field.dataType.simpleString(), {"x": 0.0}) for field in s.SEGMENT_PROFILES}
    folder.mkdir()
    write_rows([row | SEGMENT], s.SEGMENT_PROFILES, folder / "part-0.parquet")
    return folder


def publish(lake: Lake, profiles: Path, run_id: str, as_of: str, lines: int, **other: object) -> None:
    """Publish a run of nothing but what is compared: its manifest and one segment."""
    run = folder_of(lake) / "runs" / f"run_id={run_id}"
    shutil.copytree(profiles, run / "segment_profiles")
    files = [f"segment_profiles/{path.name}" for path in profiles.glob("part-*")]
    content = {
        "format": 2,
        "lineage": lineage_of(CHANGES),
        "as_of": as_of,
        "published_at": f"{as_of}T12:00:00+00:00",
        "reconciliation": {
            "lines": {"read": lines, "rejected": 0},
            "revenue": {"clean": "100.0000", "guest": "0.0000"},
            "customers": 5,
        },
        "tables": {"segment_profiles": {"files": files}},
    }
    (run / "manifest.json").write_text(json.dumps(content | other))


def test_a_run_is_compared_with_the_newest_of_its_lineage_until_its_day(lake: Lake, profiles: Path):
    publish(lake, profiles, "older", "2011-12-01", 500)
    publish(lake, profiles, "same-day", "2011-12-10", 1000)
    publish(lake, profiles, "another-recipe", "2011-12-10", 10, lineage=lineage_of(OTHER_RULES))
    publish(lake, profiles, "of-version-0.1", "2011-12-10", 10, lineage=None)
    publish(lake, profiles, "tomorrow", "2011-12-11", 10)
    previous = previous_figures(lake, CHANGES, AS_OF)
    assert previous == RunFigures("same-day", 1000, 0, 0, Decimal(100), 5, {1: SegmentShare("All", 1.0)})


def test_a_run_of_a_newer_version_is_skipped_with_a_warning(
    lake: Lake, profiles: Path, caplog: pytest.LogCaptureFixture
):
    publish(lake, profiles, "older", "2011-12-01", 1000)
    publish(lake, profiles, "newer", "2011-12-09", 10, format=99)
    previous = previous_figures(lake, CHANGES, AS_OF)
    assert previous is not None
    assert previous.run_id == "older"
    assert "run 'newer' was published by a newer version" in caplog.text


def test_a_previous_run_without_figures_refuses_the_new_one(lake: Lake, profiles: Path):
    publish(lake, profiles, "yesterday", "2011-12-09", 1000, tables={})
    with pytest.raises(QualityGateError, match=r"run yesterday, to compare with, cannot be read: .* lists no files of"):
        previous_figures(lake, CHANGES, AS_OF)


def test_without_a_gate_on_changes_or_a_run_before_there_is_nothing_to_compare(lake: Lake, profiles: Path):
    assert previous_figures(lake, CHANGES, AS_OF) is None
    publish(lake, profiles, "yesterday", "2011-12-09", 1000)
    assert previous_figures(lake, load_config(str(CONFIG), ["title=shop"]), AS_OF) is None
