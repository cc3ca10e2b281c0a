"""scripts/benchmark: what it measures of a command, and how it shows it."""

import os
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from scripts.benchmarking.__main__ import main
from scripts.benchmarking.copies import lines_of, write_copies
from scripts.benchmarking.measure import Measurement, measure
from scripts.benchmarking.report import Benchmark, legend, markdown_table
from scripts.benchmarking.sweep import sweep_by_scikit_learn, sweep_by_spark, write_customers


def test_a_command_is_measured_with_all_processes_it_starts(tmp_path: Path):
    # The work is the grandchild's.
    work = (
        "import time; memory = bytearray(200_000_000); end = time.process_time() + 0.3\n"
        "while time.process_time() < end: pass"
    )
    starts = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {work!r}], check=True)"
    measured = measure([sys.executable, "-c", starts], tmp_path)
    assert measured.code == 0
    assert measured.wall >= measured.cpu / (os.cpu_count() or 1) > 0
    assert measured.cpu >= 0.3
    assert measured.peak_bytes >= 200_000_000


def test_a_command_that_fails_shows_its_output(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    assert measure(["sh", "-c", "echo no such thing; exit 3"], tmp_path).code == 3
    assert "no such thing" in capfd.readouterr().err


def test_the_table_has_medians_and_the_ratio_within_each_round():
    ours = [Measurement(0, wall, 2 * wall, 2**30) for wall in (10, 20, 90)]
    theirs = [Measurement(0, wall, wall, 2**29) for wall in (5, 40, 30)]
    lines = Benchmark("lines.csv", {"this job": ours, "pandas": theirs})
    table = markdown_table([lines, Benchmark("more.csv", {"this job": ours})])
    assert "Medians of 3 rounds" in table
    assert "| lines.csv | this job | 20.0 | 40.0 | 1.0 | 1.00 |" in table
    assert "|  | pandas | 30.0 | 30.0 | 0.5 | 2.00 |" in table
    assert "| more.csv | this job | 20.0 | 40.0 | 1.0 | 1.00 |" in table


def test_the_legend_describes_each_contestant_once():
    runs = {"this job": [Measurement(0, 10, 10, 2**30)]}
    described = legend([Benchmark("a", runs), Benchmark("b", runs)], {"this job": "everything", "pandas": "less"})
    assert described == "- this job: everything"


def test_a_contestant_that_failed_has_no_time():
    runs = {"this job": [Measurement(0, 10, 10, 2**30)], "pandas": [Measurement(-9, 3, 3, 2**30)]}
    result = Benchmark("lines.csv", runs)
    assert result.has_failures
    assert "|  | pandas | failed with -9 | | | |" in markdown_table([result])


def test_copies_have_their_own_customers_and_invoices(tmp_path: Path):
    lines = {"InvoiceNo": ["1", "C12", "3"], "CustomerID": [7, 8, None], "Country": ["Malta", "Malta", None]}
    pq.write_table(pa.table(lines), tmp_path / "lines.parquet")
    write_copies(tmp_path / "lines.parquet", 10, tmp_path / "copies.parquet")
    copies = pq.read_table(tmp_path / "copies.parquet")
    assert lines_of(tmp_path / "copies.parquet") == 30
    assert len(set(copies["InvoiceNo"].to_pylist())) == 30
    assert len(set(copies["CustomerID"].to_pylist())) == 21  # with the guests
    assert copies["InvoiceNo"].to_pylist()[3:5] == ["101", "C1201"]
    assert copies["Country"].to_pylist() == lines["Country"] * 10


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.csv"], "nowhere.csv: does not exist"),
        (["setup.py", "--copies", "2"], "setup.py: only a Parquet file can be copied (--copies)"),
        ([], "name an input, or --sweep"),
    ],
)
def test_bad_arguments_end_with_a_message(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2
    assert message in capsys.readouterr().err


def test_both_sweeps_reach_the_same_wssse(spark: SparkSession, tmp_path: Path):
    path = tmp_path / "customers.parquet"
    write_customers(1_000, path)
    seconds, ours = sweep_by_spark(path, largest_k=4)
    _, theirs = sweep_by_scikit_learn(path, largest_k=4)
    assert ours == pytest.approx(theirs, rel=0.005)
    assert seconds > 0
