"""The command that started a job, as its report tells it: to be pasted into a shell."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from segmentation.cli.job import SPARK_SUBMIT, typed_again

ROOT = Path(__file__).resolve().parents[3]
JOB = "jobs/segment_customers.py"
ARGUMENTS = ["--config", "my conf.yaml", "--input", "s3a://key:c4nary@b/x?sig=c4nary"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the process is in; the command of its parent nobody can read."""
    folder = tmp_path / "it's my shop"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setattr(os, "getppid", lambda: 0)
    return folder


def test_the_command_can_be_pasted_and_holds_no_secret(folder: Path):
    assert typed_again(JOB, ARGUMENTS, None) == (
        f"cd {shlex.quote(str(folder))} && "
        "spark-submit jobs/segment_customers.py --config 'my conf.yaml' --input 's3a://***@b/x?sig=***'"
    )


def test_a_shell_reads_the_folder_and_every_word_as_they_were(folder: Path):
    words = ["a b", "$HOME", "it's", "*.csv", ""]
    told = typed_again("job", words, "scripts/submit")
    tell = "import os, sys; print([os.getcwd(), *sys.argv[1:]])"
    script = told.replace("scripts/submit", shlex.join([sys.executable, "-c", tell]))
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True, cwd="/")
    assert done.stdout.strip() == str([str(folder), *words])


def test_what_was_started_by_the_script_is_told_as_it_was_typed(folder: Path):
    started_by = shlex.join(["scripts/submit", "--conf", "spark.x.token=c4nary d", JOB])
    assert typed_again(JOB, ["--output", "my lake"], started_by) == (
        f"cd {shlex.quote(str(folder))} && "
        "scripts/submit --conf 'spark.x.token=***' jobs/segment_customers.py --output 'my lake'"
    )


def test_a_secret_with_spaces_is_hidden_whole(folder: Path):
    assert "c4nary" not in typed_again(JOB, ["--set", "a.password=one c4nary two"], None)


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="only Linux tells the command of a process")
def test_the_options_of_spark_submit_are_those_of_the_java_that_started_the_job():
    """A process whose command is as Java's, and below it one that tells its own."""
    tell = f"from segmentation.cli.job import typed_again; print(typed_again({JOB!r}, {ARGUMENTS!r}, None))"
    start = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"
    spark = [SPARK_SUBMIT, "--conf", "spark.x.token=c4nary", "--properties-file", "a b.conf", JOB, *ARGUMENTS[:2]]
    done = subprocess.run(
        [sys.executable, "-c", start, tell, *spark], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.stdout.strip() == (
        f"cd {shlex.quote(str(ROOT))} && spark-submit --conf 'spark.x.token=***' --properties-file 'a b.conf' "
        "jobs/segment_customers.py --config 'my conf.yaml'"
    ), done.stderr
