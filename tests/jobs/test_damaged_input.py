"""Whole runs on damaged files: published with the damage in the counts, or ended with 3 and nothing published."""

from pathlib import Path

import pytest

from tests.hostile_files import TOP, line, parquet, parquet_with_a_value_beyond_its_dictionary, text
from tests.jobs.conftest import CONFIG, QUICK, RunJob
from tests.jobs.published_runs import latest_run, rows_of
from tests.jobs.test_wrong_input import BAD_INPUT, assert_refused

# Twelve customers, each with a day and an amount of its own.
SOLD = [
    line(n, CustomerID=str(17850 + n), Quantity=str(n + 1), InvoiceDate=f"2010-12-{n + 1:02} 08:26") for n in range(12)
]


def test_damaged_lines_are_published_in_the_counts_and_every_line_of_the_file_is_in_them(
    run_job: RunJob, tmp_path: Path
):
    broken = [
        TOP,  # the header again, as in files that were joined
        line(20, Description='"OPEN'),
        line(21, CustomerID=""),
        line(22, Description='"RED, BLUE"'),
        line(23, UnitPrice="£2.55"),
        line(24, CustomerID="1.785E4"),
        line(25) + ",more",
        line(26, Description='"TWO\nLINES"', CustomerID="17850"),
    ]
    path, lake = tmp_path / "lines.csv", tmp_path / "lake"
    path.write_text(text(TOP, *SOLD[:6], *broken, *SOLD[6:]), encoding="utf-8")
    done = run_job("--config", CONFIG, "--input", path, "--output", lake, "--set", *QUICK)
    assert done.code == 0, done.stderr
    rows = {row["rule"]: row["rows"] for row in rows_of(latest_run(lake), "data_quality")}
    assert {rule: count for rule, count in rows.items() if count} == {"clean": 14, "guest": 1, "malformed": 5}
    assert sum(rows.values()) == len(SOLD) + len(broken)
    rejected = rows_of(latest_run(lake), "rejected_transactions")
    assert sorted(row["invoice_no"] for row in rejected) == ["536385", "536386", "536388", "536389", "536390", TOP[:9]]
    assert {row["source_file"] for row in rejected} == {str(path)}


def test_a_damaged_parquet_file_ends_the_run_with_its_name_whichever_values_it_hits(run_job: RunJob, tmp_path: Path):
    (tmp_path / "lines").mkdir()
    (tmp_path / "lines" / "a.parquet").write_bytes(parquet())
    (tmp_path / "lines" / "b.parquet").write_bytes(parquet_with_a_value_beyond_its_dictionary())
    done = run_job("--config", CONFIG, "--input", tmp_path / "lines", "--output", tmp_path / "lake")
    assert_refused(
        done, BAD_INPUT, r"error: \S*/b\.parquet: cannot be read to its end, it is damaged", tmp_path / "lake"
    )


@pytest.mark.parametrize("day", ["2999-12-31", "9999-12-31"])
def test_a_sale_that_is_yet_to_come_is_refused_unless_the_run_has_its_day(day: str, run_job: RunJob, tmp_path: Path):
    path, lake = tmp_path / "lines.csv", tmp_path / "lake"
    path.write_text(text(TOP, *SOLD, line(99, InvoiceDate=day)))
    arguments = ("--config", CONFIG, "--input", path, "--output", lake, "--set", *QUICK)
    message = rf"lines\.csv: the last sale, of invoice 536464, is on {day}, which is yet to come: correct its date, or"
    assert_refused(run_job(*arguments), BAD_INPUT, message, lake)
    if day == "2999-12-31":
        done = run_job(*arguments, "--as-of", "2011-01-01")
        assert done.code == 0, done.stderr
        rows = {row["rule"]: row["rows"] for row in rows_of(latest_run(lake), "data_quality")}
        assert (rows["out_of_period"], rows["clean"]) == (1, len(SOLD))
