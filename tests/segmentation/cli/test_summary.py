"""The closing summary: the figures of the report, warnings and paths, on a terminal of any width."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from segmentation.cli.summary import summary_of
from segmentation.config.files import load_config
from segmentation.config.settings import RunConfig
from segmentation.context import Published
from tests.segmentation.report.sample_report import page_of, report_data

ROOT = Path(__file__).resolve().parents[3]
RUN = "/lake/runs/run_id=a"


def config(*overrides: str) -> RunConfig:
    return load_config(str(ROOT / "conf/online_retail.yaml"), overrides)


def segment(name: str) -> dict[str, object]:
    return {
        "segment_id": 1,
        "segment_name": name,
        "customers": 1_200,
        "customer_share": 0.25,
        "revenue": Decimal("1234.5000"),
        "net_revenue": Decimal("1234.5000"),
        "median_total_spend": 12.5,
        "median_purchase_frequency": 3.0,
        "median_recency_days": 40.0,
    }


def published(name: str = "Loyal", path: str = "file:/lake/runs/run_id=a", before: bool = False) -> Published:
    return Published("a", path, before, "the elbow is at k = 2", segments=[segment(name)])


def test_a_segment_is_a_line_with_its_shares_and_medians():
    lines = summary_of(published(), config()).splitlines()
    [line] = [line for line in lines if "Loyal" in line]
    assert line.split() == [*("1", "Loyal", "1,200", "25", "%", "£1,234", "100", "%", "£12.50", "3", "40")]
    assert lines[4].split()[:5] == ["Segment", "Customers", "customers", "Revenue", "revenue"]
    assert "CHF 1,234" in summary_of(published(), config("charts.currency=CHF"))


def test_the_figures_are_those_of_the_report():
    [_, *rows] = page_of().table_with("What to do")
    run = Published("a", "file:/lake", False, "", segments=report_data().profiles)
    lines = summary_of(run, config("figures=net")).splitlines()
    for name, customers, amount, *_ in rows:
        [line] = [line for line in lines if name.strip() in line]
        figures = " ".join(line.partition(name.strip())[2].split())
        assert figures.startswith(f"{customers} {amount}")


def test_no_name_currency_or_path_is_markup_or_acts_on_a_terminal():
    assert "[red]At :star: Risk[/red]" in summary_of(published("[red]At :star: Risk[/red]"), config())
    text = summary_of(
        published("At\x1b[2J\nRisk", "s3a://user:c4nary@lake/\x1b]0;x\x07"), config(r'charts.currency="\e[31m£"')
    )
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "c4nary" not in text
    assert r"At\x1b[2J\nRisk" in text
    assert r"s3a://***@lake/\x1b]0;x\x07" in text


def test_a_run_that_was_published_before_is_named_with_its_path():
    text = summary_of(published(path="file:/lake\x1b[2J/runs", before=True), config())
    assert "published before, as a: /lake\\x1b[2J/runs\n" in text


@pytest.mark.parametrize("width", [40, 80, 200])
def test_the_table_fits_the_terminal_and_keeps_every_word_of_a_name(width: int):
    name = "High Spend, Low Frequency"
    lines = summary_of(published(name), config(), width).splitlines()
    table = [line for line in lines if not line.startswith(("Report", "Tables", "Charts"))]
    assert max(map(len, table)) <= width
    assert all(word in " ".join(table) for word in name.split())
    assert any("£1,234" in line for line in table)


def test_money_that_came_back_is_named_and_net_figures_stand_in_the_table():
    row = {
        **segment("Loyal"),
        "net_revenue": Decimal("1000.0000"),
        "median_net_spend": 11.5,
        "median_net_orders": 2.0,
        "median_net_recency_days": None,
    }
    run = Published("a", RUN, False, "two", segments=[row])
    lines = summary_of(run, config("figures=net")).splitlines()
    [line] = [line for line in lines if "Loyal" in line]
    assert line.split() == [*("1", "Loyal", "1,200", "25", "%", "£1,000", "100", "%", "£11.50", "2", "–")]
    assert "Of £1,234 that customers bought, £234 came back: £1,000 stayed." in lines
    assert "£1,234" in next(line for line in summary_of(run, config()).splitlines() if "Loyal" in line)


def test_the_largest_names_of_customers_are_counted():
    names = [{"rfm_segment": name, "customers": ord(name) * 100} for name in "ABCDEFG"]
    run = Published("a", RUN, False, "two", segments=[segment("Loyal")], rfm_profiles=names)
    line = "Customers by their own scores: 7,100 G, 7,000 F, 6,900 E, 6,800 D, 6,700 C, 2 more names."
    assert line in summary_of(run, config()).splitlines()


def test_the_model_and_who_moved_are_said():
    fitted = {"fitted_in": "a", "fitted_as_of": "2011-12-09", "is_fitted": True, "why": "the model is too old"}
    moved = {"purchase": 3, "ageing": 1_200, "refit": 0}
    changes = {"since": "2011-12-08", "entered": 14, "left": 0, "moved": moved}
    run = replace(published(), model=fitted, predecessor="z", changes=changes)
    lines = summary_of(run, config()).splitlines()
    assert "Model: fitted in this run, because the model is too old." in lines
    moves = "14 entered, 1,203 moved to another segment (3 by purchases or returns, 1,200 by ageing, 0"
    assert any(line.startswith(f"Since 2011-12-08 (run z): {moves}") for line in lines)
    scored = fitted | {"is_fitted": False, "fitted_in": "y", "why": "it is current"}
    nobody = {**changes, "entered": 0, "moved": dict.fromkeys(moved, 0)}
    text = summary_of(replace(run, model=scored, changes=nobody), config())
    assert "Model: scored by the model that run y fitted as of 2011-12-09, because it is current.\n" in text
    assert "Since 2011-12-08 (run z): nobody entered, left or moved to another segment.\n" in text


def test_warnings_stand_in_the_summary_and_many_are_counted():
    run = Published("a", RUN, False, segments=[segment("Loyal")], warnings=[f"{n} of \x1b[2J" for n in range(8)])
    lines = summary_of(run, config()).splitlines()
    assert [line for line in lines if "Warning" in line] == [rf"Warning: {n} of \x1b[2J" for n in range(5)]
    assert "... and 3 more warnings, in the report" in lines


def test_the_summary_ends_with_where_to_look_and_what_to_do_next():
    lines = summary_of(published(), config(), log=Path("/cache/a.log"), hint="your own file").splitlines()
    assert lines[-6:] == [
        f"Report  {RUN}/report/index.html",
        f"Tables  {RUN}",
        f"Charts  {RUN}/charts",
        f"Lists   {RUN}/exports",
        "Log     /cache/a.log",
        "Next    your own file",
    ]
    assert summary_of(published(), config()).splitlines() == lines[:-2]
    assert "Lists" not in summary_of(published(), config("exports.enabled=false"))


def test_a_path_below_this_folder_or_ones_own_is_short(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    lines = summary_of(published(path=f"file:{Path.cwd()}{RUN}"), config()).splitlines()
    assert f"Tables  {RUN.removeprefix('/')}" in lines
    lines = summary_of(published(path=f"file:{tmp_path}/home{RUN}"), config()).splitlines()
    assert f"Tables  ~{RUN}" in lines


def test_on_a_terminal_a_local_path_is_a_link_and_nothing_else_acts_on_it():
    text = summary_of(published(path="file:/lake\x1b[2J"), config(), links=True)
    assert r"Tables  <link file:///lake%1B%5B2J>/lake\x1b[2J<end>" in (
        text.replace("\x1b]8;;\x1b\\", "<end>").replace("\x1b]8;;", "<link ").replace("\x1b\\", ">")
    )
    assert "\x1b" not in summary_of(published(path="s3a://lake/run"), config(), links=True)


def test_a_run_that_was_published_before_shows_its_segments():
    lines = summary_of(published(before=True), config()).splitlines()
    assert lines[0].startswith("This very run was published before")
    assert lines[2:] == summary_of(published(), config()).splitlines()
