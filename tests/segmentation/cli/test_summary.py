"""The closing summary tells what was published, each text as it is and without effect on the terminal."""

from decimal import Decimal
from pathlib import Path

import pytest

from segmentation.cli.console import summary_of
from segmentation.cli.log import RunLog
from segmentation.pipeline import Published
from segmentation.report.page import report_page
from tests.segmentation.report.findings import findings
from tests.segmentation.report.test_page import Page


def segment(name: str) -> dict[str, object]:
    return {
        "segment_id": 1,
        "segment_name": name,
        "customers": 1_200,
        "customer_share": 0.25,
        "revenue": Decimal("1234.5000"),
        "revenue_share": 0.5,
        "median_total_spend": 12.5,
        "median_purchase_frequency": 3.0,
        "median_recency_days": 40.0,
    }


def published(name: str = "Loyal", path: str = "file:/lake/runs/run_id=a", before: bool = False) -> Published:
    return Published("a", path, before, "the elbow is at k = 2", segments=[segment(name)])


def test_a_segment_is_a_line_with_its_share_and_medians():
    [line] = [line for line in summary_of(published(), "£").splitlines() if "Loyal" in line]
    assert line.split() == [*("1", "Loyal", "1,200", "25", "%", "£1,234", "50", "%", "£12.50", "3", "40")]


def test_the_figures_are_those_of_the_report():
    found = findings()
    [_, *told] = Page(report_page(found)).table_with("Median spend")
    run = Published("a", "file:/lake", False, "", segments=found.profiles)
    lines = summary_of(run, "£").splitlines()
    for name, *figures in told:
        [line] = [line for line in lines if name.strip() in line]
        assert line.partition(name.strip())[2].split() == " ".join(figures).split()


@pytest.mark.parametrize("width", [80, 118])
def test_no_two_columns_have_the_same_title(width: int):
    first, second = summary_of(published(), "£", width).splitlines()[3:5]
    assert first.split()[:4] == ["Share", "of", "Share", "of"]
    assert second.split()[:5] == ["Segment", "Customers", "customers", "Revenue", "revenue"]


def test_a_currency_of_letters_stands_apart_from_its_number():
    assert "CHF 1,234" in summary_of(published(), "CHF")


def test_names_are_neither_markup_nor_emoji():
    assert "[red]At :star: Risk[/red]" in summary_of(published("[red]At :star: Risk[/red]"), "£")


def test_nothing_in_names_currency_or_path_acts_on_a_terminal():
    text = summary_of(published("At\x1b[2J\nRisk", "s3a://user:c4nary@lake/\x1b]0;x\x07"), "\x1b[31m£")
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "c4nary" not in text
    assert r"At\x1b[2J\nRisk" in text
    assert r"s3a://***@lake/\x1b]0;x\x07" in text


def test_a_run_that_was_published_before_is_told_with_its_place():
    text = summary_of(published(path="file:/lake\x1b[2J/runs", before=True), "£")
    assert "published before, as a: /lake\\x1b[2J/runs\n" in text


@pytest.mark.parametrize("width", [40, 60, 80, 118, 200])
def test_the_table_is_no_wider_than_the_terminal_and_names_stay_whole_or_broken(width: int):
    name = "High Spend, Low Frequency"
    lines = summary_of(published(name), "£", width).splitlines()
    table = [line for line in lines if not line.startswith(("Report", "Tables", "Charts"))]
    assert max(map(len, table)) <= width
    assert all(word in " ".join(table) for word in name.split())
    assert any("£1,234" in line for line in table)


def test_a_terminal_of_plain_letters_gets_no_other_lines_than_it_can_show():
    assert summary_of(published(), "GBP ", 80, "ascii").isascii()


def test_the_three_places_are_told_and_the_log_where_there_is_one(tmp_path: Path):
    lines = summary_of(published(), "£").splitlines()
    run = "/lake/runs/run_id=a"
    assert lines[-3:] == [f"Report  {run}/report/index.html", f"Tables  {run}", f"Charts  {run}/charts"]
    log = tmp_path / "a.log"
    log.write_text("10:00:00 Spark WARN Some: thing\n", encoding="utf-8")
    told = summary_of(published(), "£", log=RunLog(log)).splitlines()[-1]
    assert told == f"Log     {log} (1 warning of Spark)"
