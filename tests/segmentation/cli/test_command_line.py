"""The command lines of the jobs: a help to be read, and one message for what is wrong."""

import re
from types import ModuleType

import pytest

from jobs import expire_runs, segment_customers

JOBS = [segment_customers, expire_runs]


def said(job: ModuleType, *arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    with pytest.raises(SystemExit) as ended:
        job.parse_arguments(arguments)
    captured = capsys.readouterr()
    return int(ended.value.code or 0), captured.out + captured.err


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.__name__)
def test_the_help_of_a_job_fits_80_columns_and_has_examples_and_exit_codes(
    job: ModuleType, capsys: pytest.CaptureFixture[str]
):
    code, text = said(job, "--help", capsys=capsys)
    assert code == 0
    assert max(map(len, text.splitlines())) <= 80
    assert re.search(r"^examples:\n  spark-submit ", text, re.MULTILINE)
    codes = text.partition("exit codes:\n")[2]
    assert re.findall(r"^  (\d+)", codes, re.MULTILINE)[:3] == ["0", "1", "2"]


def test_the_help_groups_the_options_and_explains_each(capsys: pytest.CaptureFixture[str]):
    _, text = said(segment_customers, "--help", capsys=capsys)
    assert re.findall(r"^(\w+):$", text, re.MULTILINE) == [
        "options",
        "data",
        "configuration",
        "run",
        "messages",
        "examples",
    ]
    for option in (
        "input",
        "output",
        "config",
        "set",
        "write-config",
        "explain",
        "as-of",
        "run-id",
        "force",
        "quiet",
        "debug",
    ):
        assert re.search(rf"^  --{option}( [A-Z=\[\]. -]+?)?(\n {{24,}}| {{2,}})\S", text, re.MULTILINE), option


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--imput", "x"], r"--imput is not an option: did you mean '--input'\?"),
        (["--ouptut=x"], r"--ouptut is not an option: did you mean '--output'\?"),
        (["--conf", "x"], r"--conf is not an option: did you mean '--config'\?"),
        (["--quite"], r"--quite is not an option: did you mean '--quiet'\?"),
        (["--zzz"], r"--zzz is not an option: known are --help, --input, "),
        (["--input"], r"argument --input: expected at least one argument"),
        (["--as-of", "1/2/2010"], r"argument --as-of: must be a day such as 2011-09-01, got '1/2/2010'"),
        (["lines.csv"], r"unrecognized arguments: lines\.csv"),
    ],
)
def test_a_wrong_option_is_one_line_with_the_nearest(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
):
    code, text = said(segment_customers, *arguments, capsys=capsys)
    assert code == 2
    assert len(text.splitlines()) == 1
    assert re.match(rf"segment_customers\.py: error: {message}.*\(--help tells more\)$", text)


@pytest.mark.parametrize("abbreviation", ["--in", "--forc", "--out", "--debu"])
def test_options_are_not_abbreviated(abbreviation: str, capsys: pytest.CaptureFixture[str]):
    assert said(segment_customers, abbreviation, "x", capsys=capsys)[0] == 2


def test_values_that_look_like_options_with_spaces_are_values():
    assert segment_customers.parse_arguments(["--input", "--a file.csv"]).input == ["--a file.csv"]


def test_inputs_and_settings_may_be_given_again_and_again():
    options = segment_customers.parse_arguments(
        ["--input", "a", "b", "--set", "x=1", "--input", "c", "--set", "y=2", "z=3"]
    )
    assert (options.input, options.set) == (["a", "b", "c"], ["x=1", "y=2", "z=3"])
