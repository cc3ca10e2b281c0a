"""What scripts/benchmark measures of a command and how it tells it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[2] / "scripts"))

from benchmark_measure import Measured, measure
from benchmark_report import Benchmark, write_chart, written

ROOT = Path(__file__).resolve().parents[2]


def test_a_command_is_measured_with_all_that_it_starts(tmp_path: Path):
    # The work is the grandchild's.
    work = (
        "import time; held = bytearray(200_000_000); end = time.process_time() + 0.5\n"
        "while time.process_time() < end: pass"
    )
    starts = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {work!r}], check=True)"
    one = measure([sys.executable, "-c", starts], tmp_path)
    assert one.code == 0
    assert one.wall >= one.cpu / (os.cpu_count() or 1) > 0
    assert one.cpu >= 0.5
    assert one.peak_bytes >= 200_000_000


def test_a_command_that_fails_is_told_of_with_what_it_said(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    assert measure([sys.executable, "-c", "raise SystemExit('no such thing')"], tmp_path).code == 1
    assert "no such thing" in capfd.readouterr().err


def test_the_table_has_medians_and_the_ratio_within_each_round():
    ours = [Measured(0, wall, 2 * wall, 2**30) for wall in (10, 20, 90)]
    theirs = [Measured(0, wall, wall, 2**29) for wall in (5, 40, 30)]
    table = written(Benchmark("lines.csv", {"this job": ours, "pandas": theirs}))
    assert "median of 3 rounds" in table
    assert "| this job | 20.0 | 40.0 | 1.0 | 1.00 |" in table
    assert "| pandas | 30.0 | 30.0 | 0.5 | 2.00 |" in table


def test_a_contestant_that_failed_has_no_time_and_no_bar(tmp_path: Path):
    runs = {"this job": [Measured(0, 10, 10, 2**30)], "polars": [Measured(137, 3, 3, 2**30)]}
    result = Benchmark("lines.csv", runs)
    assert "| polars | failed with 137 | | | |" in written(result)
    write_chart([result], tmp_path / "chart.png")
    assert (tmp_path / "chart.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["nowhere.csv"], "nowhere.csv: nothing is there"), (["setup.py", "--rounds", "0"], "a positive number, got 0")],
)
def test_a_misused_benchmark_says_how_to_use_it(arguments: list[str], message: str):
    done = subprocess.run(
        [ROOT / "scripts" / "benchmark", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert message in done.stderr


def test_both_sweeps_find_fits_as_good_as_each_other(tmp_path: Path):
    path = tmp_path / "customers.parquet"
    program = ROOT / "scripts" / "benchmark_sweep.py"
    assert measure([sys.executable, str(program), "customers", "3000", str(path)], ROOT).code == 0
    found = []
    for contestant in (
        [str(ROOT / "scripts" / "submit"), str(program), "spark"],
        [sys.executable, str(program), "scikit-learn"],
    ):
        said = measure([*contestant, str(path)], ROOT).said
        found.append(json.loads(next(line for line in said.splitlines() if line.startswith("{"))))
    ours, theirs = found
    assert ours["wssse"] == pytest.approx(theirs["wssse"], rel=0.005)
    assert ours["seconds"] > 0
