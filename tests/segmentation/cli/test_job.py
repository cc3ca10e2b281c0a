"""The command lines of the jobs, and how a job ends: its exit code and its one message."""

import re
import shlex
import signal
from collections.abc import Iterator
from types import ModuleType

import pytest

from jobs import compare_runs, expire_runs, score_customers, segment_customers
from segmentation.cli import job as job_module
from segmentation.cli.job import command_line, run_job
from segmentation.errors import InputError
from segmentation.stopping import STOP_SIGNALS

JOBS = [segment_customers, score_customers, compare_runs, expire_runs]
JOB = "jobs/segment_customers.py"


def exit_of(job: ModuleType, *arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Return the exit code and the output of a command line that ends while it is parsed."""
    with pytest.raises(SystemExit) as ended:
        job.parse_arguments(arguments)
    captured = capsys.readouterr()
    return int(ended.value.code or 0), captured.out + captured.err


# --- options


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.__name__)
def test_the_help_of_a_job_fits_80_columns_and_has_examples_and_exit_codes(
    job: ModuleType, capsys: pytest.CaptureFixture[str]
):
    code, text = exit_of(job, "--help", capsys=capsys)
    assert code == 0
    assert max(map(len, text.splitlines())) <= 80
    assert re.search(r"^examples:\n  spark-submit ", text, re.MULTILINE)
    codes = text.partition("exit codes:\n")[2]
    assert re.findall(r"^  (\d+)", codes, re.MULTILINE)[:3] == ["0", "1", "2"]


def test_the_help_groups_the_options_and_explains_each(capsys: pytest.CaptureFixture[str]):
    _, text = exit_of(segment_customers, "--help", capsys=capsys)
    groups = ["options", "data", "configuration", "run", "model", "messages", "examples"]
    assert re.findall(r"^(\w+):$", text, re.MULTILINE) == groups
    for option in (
        *("input", "output", "config", "set", "write-config", "explain"),
        *("as-of", "run-id", "force", "model", "refit", "rename", "result", "quiet", "debug"),
    ):
        assert re.search(rf"^  --{option}( [A-Z_=\[\]. -]+?)?(\n {{24,}}| {{2,}})\S", text, re.MULTILINE), option


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--imput", "x"], r"--imput is not an option: did you mean '--input'\?"),
        (["--conf", "x"], r"--conf is not an option: did you mean '--config'\?"),
        (["--input"], r"argument --input: expected at least one argument"),
        (["--as-of", "1/2/2010"], r"argument --as-of: must be a day such as 2011-09-01, got '1/2/2010'"),
        (["--as-of", "0001-01-01"], r"argument --as-of: must be a day from 1900-01-01 to 2999-12-31, got 0001-01-01"),
        (["--as-of", "9999-12-31"], r"argument --as-of: must be a day from 1900-01-01 to 2999-12-31, got 9999-12-31"),
        (["--model", "a", "--refit"], r"argument --refit: not allowed with argument --model"),
        (["lines.csv"], r"unrecognized arguments: lines\.csv"),
    ],
)
def test_a_wrong_option_is_one_line_with_the_nearest_option(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
):
    code, text = exit_of(segment_customers, *arguments, capsys=capsys)
    assert code == 2
    assert len(text.splitlines()) == 1
    assert re.match(rf"segment_customers\.py: error: {message}.*\(see --help\)$", text)


def test_inputs_and_settings_may_be_given_several_times():
    options = segment_customers.parse_arguments(
        ["--input", "a", "--b file.csv", "--set", "x=1", "--input", "c", "--set", "y=2", "z=3"]
    )
    assert (options.input, options.set) == (["a", "--b file.csv", "c"], ["x=1", "y=2", "z=3"])


# --- the command in the report


def test_a_shell_reads_every_word_of_the_command_as_it_was_given():
    words = ["--input", "a b", "$HOME", "it's", "*.csv", ""]
    assert shlex.split(command_line(JOB, words)) == ["spark-submit", JOB, *words]


def test_the_command_holds_no_secret():
    arguments = ["--config", "my conf.yaml", "--input", "s3a://key:c4nary@b/x?sig=c4nary", "--set", "a.token=c4nary b"]
    assert command_line(JOB, arguments) == (
        "spark-submit jobs/segment_customers.py --config 'my conf.yaml' --input 's3a://***@b/x?sig=***' "
        "--set 'a.token=***'"
    )


# --- exit codes and messages


@pytest.fixture
def no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_module, "terminal", lambda: None)


@pytest.fixture
def signals() -> Iterator[None]:
    """Restore the signal handlers after the test."""
    handlers = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("no_terminal")
@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (InputError("a.csv: is empty\x1b[2J"), 3, r"error: a.csv: is empty\x1b[2J (log: a.log)"),
        (
            ConnectionRefusedError(111, "refused"),
            1,
            "error: Spark's Java process ended while the job ran: it was "
            "stopped, or had too little memory; run it again (log: a.log)",
        ),
        (ValueError("s3a://a:c4nary@b"), 1, "error: ValueError: s3a://***@b (--debug shows where) (log: a.log)"),
    ],
)
def test_an_error_is_one_plain_message_and_an_exit_code(
    error: Exception, code: int, message: str, capsys: pytest.CaptureFixture[str]
):
    error.add_note("log: a.log")

    def work(_: object) -> None:
        raise error

    assert run_job(work, quiet=True, debug=False) == code
    assert capsys.readouterr() == ("", f"{message}\n")


@pytest.mark.usefixtures("no_terminal", "signals")
@pytest.mark.parametrize(
    ("sent", "code", "name"),
    [(signal.SIGINT, 130, "Ctrl-C"), (signal.SIGHUP, 129, "SIGHUP")],
)
def test_a_stop_signal_ends_the_work_once_with_its_exit_code_and_message(
    sent: signal.Signals, code: int, name: str, capsys: pytest.CaptureFixture[str]
):
    cleaned_up = []

    def work(_: object) -> None:
        try:
            signal.raise_signal(sent)
        finally:
            signal.raise_signal(signal.SIGTERM)  # a second one does not interrupt the cleaning up
            cleaned_up.append(True)

    signal.signal(sent, signal.default_int_handler if sent == signal.SIGINT else signal.SIG_DFL)
    assert run_job(work, quiet=False, debug=False) == code
    assert cleaned_up == [True]
    assert capsys.readouterr() == ("", f"stopped by {name}: run the same command again to complete it\n")


@pytest.mark.usefixtures("no_terminal", "signals")
def test_a_signal_that_was_ignored_at_the_start_stays_ignored():
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)

    def work(_: object) -> None:
        for number in STOP_SIGNALS:
            signal.raise_signal(number)

    assert run_job(work, quiet=False, debug=False) == 0
