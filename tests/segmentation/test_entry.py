"""The command that started a job, as its report tells it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from segmentation.entry import SPARK_SUBMIT, command_line

ROOT = Path(__file__).resolve().parents[2]
ARGUMENTS = ["jobs/segment_customers.py", "--config", "my conf.yaml", "--input", "s3a://key:c4nary@b/x?sig=c4nary"]


def test_the_command_can_be_typed_again_and_holds_no_secret(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "getppid", lambda: 0)  # whose command nobody can read
    assert command_line(ARGUMENTS) == (
        "spark-submit jobs/segment_customers.py --config 'my conf.yaml' --input 's3a://***@b/x?sig=***'"
    )


def test_a_secret_with_spaces_is_hidden_whole(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "getppid", lambda: 0)
    assert "c4nary" not in command_line(["job.py", "--set", "a.password=one c4nary two"])


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="only Linux tells the command of a process")
def test_the_options_of_spark_submit_are_those_of_the_java_that_started_the_job():
    """A process whose command is as Java's, and below it one that tells its own."""
    tell = f"from segmentation.entry import command_line; print(command_line({ARGUMENTS!r}))"
    start = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"
    spark = [SPARK_SUBMIT, "--conf", "spark.x.token=c4nary", "--properties-file", "a b.conf", *ARGUMENTS[:3]]
    done = subprocess.run(
        [sys.executable, "-c", start, tell, *spark], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.stdout.strip() == (
        "spark-submit --conf 'spark.x.token=***' --properties-file 'a b.conf' "
        "jobs/segment_customers.py --config 'my conf.yaml'"
    ), done.stderr
