"""Mistakes of a user: one message that says what and where, the right exit code, and nothing published."""

import re
import sys
from collections.abc import Callable, Sequence
from html import unescape
from pathlib import Path

import pytest

from scripts.run_contents import latest_run
from tests.jobs.published_runs import left_over, rows_of, runs_in
from tests.jobs.running_jobs import CONFIG, QUICK, Done, RunJob, Submit, environment, submit_command
from tests.jobs.small_shop import HEADER, Fields, write_csv
from tests.terminals import on_a_terminal, without_codes

BAD_ARGUMENTS, BAD_INPUT = 2, 3
# What a Java or Python program prints when it ends by an unexpected exception.
STACK_TRACE = re.compile(r"Traceback|^\s+at [\w.$]+\(|\.java:\d+|Exception in thread", re.MULTILINE)


def line(
    customer: str, invoice: int = 536365, quantity: str = "2", price: str = "2.55", code: str = "85123A"
) -> Fields:
    return (str(invoice), code, "HEART", quantity, f"12/{invoice % 9 + 1}/2010 8:26", price, customer, "France")


def shop(*customers: str) -> list[Fields]:
    """Return a line for each customer, each of another amount and day."""
    return [line(customer, 536365 + n, str(n + 1)) for n, customer in enumerate(customers)]


def without(header: Sequence[str], name: str) -> list[str]:
    return [column for column in header if column != name]


def renamed(name: str, new: str) -> list[str]:
    return [new if column == name else column for column in HEADER]


def assert_refused(done: Done, code: int, message: str, lake: Path) -> None:
    assert done.code == code, done.output
    assert re.search(message, done.output), done.output
    assert not STACK_TRACE.search(done.output)
    lines = [line for line in (done.stdout + done.errors).splitlines() if line.strip()]
    assert len([line for line in lines if "error: " in line]) == 1
    assert lines[-1].partition("error: ")[0] in ("", "segment_customers.py: "), "the message is the last line"
    if lake.is_dir():
        assert runs_in(lake) == []
        assert left_over(lake) == []
        assert not (lake / "latest.json").exists()


Make = Callable[[Path], Path]


def text(content: str, name: str = "lines.csv") -> Make:
    def make(folder: Path) -> Path:
        (folder / name).write_text(content)
        return folder / name

    return make


def lines(rows: Sequence[Fields], header: Sequence[str] = HEADER) -> Make:
    return lambda folder: write_csv(rows, folder / "lines.csv", header)


GOOD = shop("1", "2", "3", "4", "5")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(
            lambda folder: folder / "no.csv", r"no\.csv: nothing is there to read: check the path", id="missing file"
        ),
        pytest.param(text(""), r"lines\.csv: empty, there are no lines to read", id="empty file"),
        pytest.param(text(",".join(HEADER) + "\n"), r"lines\.csv: a header, but no lines below it", id="header only"),
        pytest.param(
            text("\0\1\2\3" * 40, "lines.bin"),
            r"lines\.bin: unknown format: known are CSV, Parquet, JSON lines, XLSX",
            id="unknown format",
        ),
        pytest.param(
            text("just text\n", "lines.parquet"), r"unknown format, though its name says parquet", id="false ending"
        ),
        pytest.param(
            lines([(*row[:5], *row[6:]) for row in GOOD], without(HEADER, "UnitPrice")),
            r"lines\.csv: column 'UnitPrice' \(for unit_price\) is missing.*Found: InvoiceNo, .*input\.columns",
            id="missing column",
        ),
        pytest.param(
            lines(GOOD, renamed("CustomerID", "Customer ID")),
            r"column 'CustomerID' \(for customer_id\) is missing, the nearest is 'Customer ID'\. Found: ",
            id="renamed column",
        ),
        pytest.param(
            lines([(*row, "9") for row in GOOD], [*HEADER, "Quantity"]),
            r"column 'Quantity' \(for quantity\) is there 2 times",
            id="doubled column",
        ),
        pytest.param(
            lines([line("1", quantity="-1"), line("2", price="0"), line("3", quantity="many")]),
            r"no usable line is left of 3 read \(malformed 1, non_positive_quantity 1, non_positive_price 1\): in 1 of "
            r"them quantity is no number or too large: look at input\.columns\.quantity",
            id="no usable line",
        ),
        pytest.param(lines(shop("", "", "")), r"no usable line is left of 3 read \(guest 3\)", id="only guests"),
        pytest.param(
            lines([*shop("1", "1", "1", ""), line("2", quantity="-1")]),
            r"there is 1 customer with a sale: segments need at least 2 "
            r"\(of 5 lines read: non_positive_quantity 1, guest 1, clean 3\)",
            id="one customer",
        ),
    ],
)
def test_input_that_cannot_be_segmented_is_one_message(make: Make, message: str, run_job: RunJob, tmp_path: Path):
    lake = tmp_path / "lake"
    done = run_job("--config", CONFIG, "--input", make(tmp_path), "--output", lake)
    assert_refused(done, BAD_INPUT, message, lake)


def test_an_as_of_before_every_line_is_one_message(run_job: RunJob, tmp_path: Path):
    path, lake = write_csv(GOOD, tmp_path / "lines.csv"), tmp_path / "lake"
    done = run_job("--config", CONFIG, "--input", path, "--output", lake, "--as-of", "2009-01-01")
    assert_refused(done, BAD_INPUT, r"no usable line is left of 5 read \(out_of_period 5\): check .*--as-of", lake)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--set", "clustering.k_maximum=5"],
            r"clustering\.k_maximum is not a known key: did you mean 'k_max'\?",
        ),
        (["--set", "clustring.k=5"], r"clustring is not a known key: did you mean 'clustering'\?"),
        (["--set", "clustering.k=many"], r"clustering\.k: should be .*'auto', 'elbow' or 'silhouette', got 'many'"),
        (["--set", "clustering.k_max='ten'"], r"clustering\.k_max: should be a valid integer, got 'ten'"),
        (["--set", "clustering.k=1"], r"clustering\.k: should be greater than or equal to 2.*, got 1"),
        (["--set", "clustering.k_max=51"], r"clustering\.k_max: should be less than or equal to 50, got 51"),
        (["--set", "clustering.k_min=6", "clustering.k_max=5"], r"clustering\.k_min must be at most k_max = 5, got 6"),
        (["--set", "clustering.k"], r"--set clustering\.k: must read key\.path=value, for example clustering\.k=5"),
        (["--run-id", "../elsewhere"], r"--run-id '\.\./elsewhere': may have letters, digits, '\.', '_' and '-'"),
        (["--run-id", "a/b"], r"--run-id 'a/b': may have letters"),
        (["--run-id", ".hidden"], r"--run-id '\.hidden': may have letters.* beginning with a letter or digit"),
        (["--config", "conf/nothing.yaml"], r"configuration conf/nothing\.yaml: No such file or directory: name a"),
    ],
)
def test_a_wrong_argument_is_one_message_with_what_is_allowed(
    arguments: list[str], message: str, run_job: RunJob, tmp_path: Path
):
    path, lake = write_csv(GOOD, tmp_path / "lines.csv"), tmp_path / "lake"
    done = run_job("--config", CONFIG, "--input", path, "--output", lake, *arguments)
    assert_refused(done, BAD_ARGUMENTS, message, lake)
    assert not lake.exists()


@pytest.mark.parametrize("configuration", [["--config", CONFIG], []], ids=["configured", "guessed"])
def test_a_wrong_run_id_is_refused_by_explain_as_by_a_run(configuration: list[str], run_job: RunJob, tmp_path: Path):
    path, written = write_csv(GOOD, tmp_path / "lines.csv"), tmp_path / "written.yaml"
    run = run_job(*configuration, "--input", path, "--output", tmp_path / "lake", "--run-id", "a/b")
    assert_refused(run, BAD_ARGUMENTS, r"--run-id 'a/b': may have letters", tmp_path / "lake")
    explained = run_job(*configuration, "--input", path, "--explain", "--write-config", written, "--run-id", "a/b")
    assert (explained.code, explained.output) == (run.code, run.output)
    assert not written.exists()


@pytest.mark.parametrize("day", ["2011-13-01", "yesterday", "1/12/2011"])
def test_an_as_of_that_is_no_day_is_refused(day: str, run_job: RunJob, tmp_path: Path):
    lake = tmp_path / "lake"
    done = run_job("--config", CONFIG, "--input", "x.csv", "--output", lake, "--as-of", day)
    assert_refused(done, BAD_ARGUMENTS, rf"argument --as-of: .*'{day}'", lake)
    assert not lake.exists()


def test_missing_required_keys_of_a_configuration_are_named(run_job: RunJob, tmp_path: Path):
    (tmp_path / "own.yaml").write_text("title: Mine\n")
    done = run_job("--config", tmp_path / "own.yaml", "--input", "x.csv", "--output", tmp_path / "lake")
    assert_refused(done, BAD_ARGUMENTS, r"own\.yaml: input: is required and not set; cleaning: is", tmp_path / "lake")


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("a file", r"--output \S*a file: is a file; name a folder"),
        ("a file/below", r"--output \S*a file/below: cannot be written: "),
        ("/proc/lake", r"--output /proc/lake: cannot be written: "),
        ("nosuchscheme://host/lake", r"lake nosuchscheme://host/lake: cannot be reached: "),
    ],
)
def test_an_output_that_cannot_be_written_is_one_message(output: str, message: str, run_job: RunJob, tmp_path: Path):
    (tmp_path / "a file").write_text("mine")
    path = write_csv(GOOD, tmp_path / "lines.csv")
    lake = tmp_path / output if output.startswith("a file") else output
    done = run_job("--config", CONFIG, "--input", path, "--output", lake)
    assert_refused(done, BAD_ARGUMENTS, message.replace(r"\S*", ".*"), Path(str(lake)))
    assert (tmp_path / "a file").read_text() == "mine"


# --- unusual, but published ---


@pytest.mark.slow
def test_identical_customers_are_published_as_one_segment(run_job: RunJob, tmp_path: Path):
    rows = [(*line(str(n))[:4], "12/1/2010 8:26", *line(str(n))[5:]) for n in range(1, 7)]
    path = write_csv([(str(536_000 + n), *row[1:]) for n, row in enumerate(rows)], tmp_path / "lines.csv")
    done = run_job("--config", CONFIG, "--input", path, "--output", tmp_path / "lake")
    assert done.code == 0, done.stderr
    assert "all 6 customers are identical in the clustered features: they are one segment" in done.stdout
    [run_id] = runs_in(tmp_path / "lake")
    run = tmp_path / "lake" / "runs" / f"run_id={run_id}"
    [profile] = rows_of(run, "segment_profiles")
    assert (profile["segment_id"], profile["segment_name"], profile["customers"]) == (1, "All Customers", 6)
    customers = rows_of(run, "customer_segments")
    assert {(row["segment_id"], row["distance_to_centre"], row["margin"]) for row in customers} == {(1, 0.0, None)}
    assert [(row["k"], row["wssse"], row["chosen"]) for row in rows_of(run, "k_sweep")] == [(1, 0.0, True)]


def test_two_customers_are_two_segments_and_malformed_lines_are_warned_of(run_job: RunJob, tmp_path: Path):
    rows = shop("1", "1", "2", "2")
    rows += [(*row[:4], "1.12.2010", *row[5:]) for row in rows[:2]]
    path, lake = write_csv(rows, tmp_path / "lines.csv"), tmp_path / "lake"
    done = run_job("--config", CONFIG, "--input", path, "--output", lake, "--set", "clustering.restarts=1")
    assert done.code == 0, done.stderr
    run = latest_run(lake)
    assert [row["k"] for row in rows_of(run, "k_sweep")] == [1, 2]
    assert [row["customers"] for row in rows_of(run, "segment_profiles")] == [1, 1]
    warning = (
        f"{path}: invoice_date is no date in a known format in 2 of 6 lines (33.3%), such as '1.12.2010': they are"
    )
    assert warning in unescape((run / "report" / "index.html").read_text())
    log = Path(re.findall(r"^Log +(\S+)", done.stdout, re.MULTILINE)[0].replace("~", str(Path.home())))
    assert warning in log.read_text()


# --- by spark-submit ---


def test_a_misspelt_key_ends_spark_submit_with_2_and_no_stack_trace(submit: Submit, tmp_path: Path):
    path, lake = write_csv(GOOD, tmp_path / "lines.csv"), tmp_path / "lake"
    done = submit("--config", CONFIG, "--input", path, "--output", lake, "--set", "clustering.kmax=5")
    assert_refused(done, BAD_ARGUMENTS, r"clustering\.kmax is not a known key: did you mean 'k_max'\?", lake)


@pytest.mark.process
@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_on_a_terminal_stages_are_shown_until_bad_input_ends_the_job(tmp_path: Path):
    path, lake = write_csv(shop("", "", ""), tmp_path / "lines.csv"), tmp_path / "lake"
    command = submit_command("--config", CONFIG, "--input", path, "--output", lake, "--set", *QUICK)
    code, written = on_a_terminal(command, {**environment(), "TERM": "xterm", "COLUMNS": "160"})
    screen = without_codes(written).replace("\r", "\n")
    assert code == BAD_INPUT, screen
    assert re.search(r"\[1/9\] Looking at the input: 1 file \(\d+\.\d s\)", screen)
    assert re.search(r"\[2/9\] Cleaning the lines … .*\d+ s", screen)
    assert "[3/9]" not in screen
    assert re.search(r"error: \S*lines\.csv: no usable line is left of 3 read \(guest 3\)", screen)
    assert not STACK_TRACE.search(screen)
    assert not (lake / "runs").exists()
    assert left_over(lake) == []
