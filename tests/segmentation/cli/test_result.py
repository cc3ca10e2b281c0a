"""`--result` says how a run ended, whatever the exit code, and overwrites nothing but results."""

import json
import stat
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from jobs import segment_customers
from segmentation.cli.result import RunResult, figures_of, result_for
from segmentation.context import Published
from segmentation.errors import ConfigError

QUALITY = [
    {"rule": "malformed", "rows": 3, "revenue": Decimal(0)},
    {"rule": "cancellation", "rows": 2, "revenue": Decimal("-7.5000")},
    {"rule": "guest", "rows": 10, "revenue": Decimal("0.0500")},
    {"rule": "clean", "rows": 85, "revenue": Decimal("1234.5000")},
]
SEGMENTS = [
    {
        "segment_id": number,
        "segment_name": name,
        "customers": 5,
        "customer_share": 0.5,
        "revenue": Decimal(revenue),
        "net_revenue": Decimal("100.1000"),
        "jaccard": None,
    }
    for number, name, revenue in ((1, "Low", "234.5000"), (2, "High", "1000.0000"))
]


def written(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def published(before: bool = False) -> Published:
    return Published("a", "file:/lake/runs/run_id=a", before, "two", QUALITY, SEGMENTS, ["one warning"])


def test_the_figures_add_up_and_money_is_exact_text(tmp_path: Path):
    path = tmp_path / "result.json"
    RunResult(path, published=published()).write(0, None)
    figures = written(path)["figures"]
    assert figures["lines"] == {"read": 100, "clean": 85, "guest": 10, "rejected": 5}
    assert (figures["customers"], figures["revenue"], figures["net_revenue"]) == (10, "1234.5000", "200.2000")
    assert figures["guest_revenue"] == "0.0500"
    assert [(row["segment_name"], row["customers"], row["revenue"]) for row in figures["segments"]] == [
        ("Low", 5, "234.5000"),
        ("High", 5, "1000.0000"),
    ]


def test_the_model_and_who_moved_are_in_the_result(tmp_path: Path):
    path = tmp_path / "result.json"
    model = {"fitted_in": "z", "fitted_as_of": "2011-11-30", "is_fitted": False, "why": "it is current"}
    changes = {"since": "2011-12-08", "entered": 1, "left": 0, "moved": {"purchase": 1, "ageing": 0, "refit": 0}}
    run = replace(published(), model={**model, "segments": [], "training": {}}, predecessor="y", changes=changes)
    RunResult(path, published=run).write(0, None)
    assert {name: written(path)[name] for name in ("model", "predecessor", "changes")} == {
        "model": model,
        "predecessor": "y",
        "changes": changes,
    }


def test_a_run_whose_tables_are_not_known_has_no_made_up_lines():
    assert figures_of(Published("a", "/lake", True))["lines"] is None


@pytest.mark.parametrize(
    ("run", "code", "status"),
    [
        (published(), 0, "published"),
        (published(before=True), 0, "already_published"),
        (None, 0, "not_run"),
        (None, 3, "failed"),
        (published(), 143, "failed"),
    ],
)
def test_the_status_follows_from_run_and_exit_code(run: Published | None, code: int, status: str, tmp_path: Path):
    path = tmp_path / "result.json"
    RunResult(path, published=run).write(code, "s3a://user:c4nary@lake" if code else None)
    result = written(path)
    assert (result["status"], result["exit_code"]) == (status, code)
    assert result["error"] == ("s3a://***@lake" if code else None)
    assert (result["run_id"], result["path"]) == (("a", "/lake/runs/run_id=a") if run else (None, None))
    assert result["warnings"] == (["one warning"] if run else [])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["result.json"]


def test_the_result_of_an_earlier_run_is_gone_while_this_one_runs(tmp_path: Path):
    path = tmp_path / "result.json"
    RunResult(path).write(0, None)
    RunResult(path).prepare()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ["InvoiceNo,Quantity\n", "[]", '{"status": "fine"}'])
def test_a_file_that_is_no_result_is_never_overwritten(content: str, tmp_path: Path):
    path = tmp_path / "sales.csv"
    path.write_text(content)
    result = RunResult(path)
    with pytest.raises(ConfigError, match=r"sales\.csv: exists and is no result of this job"):
        result.prepare()
    result.write(2, "bad arguments")
    RunResult(path).write(2, "bad arguments")
    assert path.read_text() == content


@pytest.mark.parametrize("name", ["missing/result.json", "s3a://bucket/result.json"])
def test_a_place_that_cannot_be_written_is_a_wrong_argument(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"--result .*(must be a file of this machine|cannot be written)"):
        RunResult(Path(name)).prepare()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--result", "a.json", "--result=b.json", "--imput", "x"], Path("b.json")),
        (["--input", "x", "--result"], None),
        (["--quiet"], None),
    ],
)
def test_the_file_is_found_on_any_command_line(arguments: list[str], expected: Path | None):
    assert result_for(arguments, "").path == expected


def test_bad_arguments_are_written_with_their_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "result.json"
    with pytest.raises(SystemExit) as ended:
        segment_customers.main(["--imput", "x", "--result", str(path)])
    assert ended.value.code == 2
    assert written(path)["exit_code"] == 2
    assert written(path)["error"] == "--imput is not an option: did you mean '--input'?"
    assert "--imput is not an option" in capsys.readouterr().err
