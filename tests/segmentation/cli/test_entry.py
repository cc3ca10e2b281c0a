"""A job that is stopped says by what, and returns the exit code of it; what was ignored at its start stays ignored."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
# A job that gets the signal named by its argument, once it has begun.
JOB = """
import os, signal, sys
from segmentation.cli.job import run_job

def work(_):
    os.kill(os.getpid(), signal.Signals[sys.argv[1]])
    print("worked on")

sys.exit(run_job(work, quiet=False, debug=False))
"""


def stopped_by(sent: signal.Signals, at_the_start: signal.Handlers) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", JOB, sent.name],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: signal.signal(sent, at_the_start),
    )


@pytest.mark.parametrize(
    ("sent", "code", "told"),
    [(signal.SIGINT, 130, "Ctrl-C"), (signal.SIGTERM, 143, "SIGTERM"), (signal.SIGHUP, 129, "SIGHUP")],
)
def test_a_signal_to_stop_ends_the_work_with_its_code_and_one_message(sent: signal.Signals, code: int, told: str):
    done = stopped_by(sent, signal.SIG_DFL)
    message = f"stopped by {told}: the same command again does what is left to do\n"
    assert (done.returncode, done.stdout, done.stderr) == (code, "", message)


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_was_ignored_at_the_start_as_nohup_does_stays_ignored(sent: signal.Signals):
    done = stopped_by(sent, signal.SIG_IGN)
    assert (done.returncode, done.stdout, done.stderr) == (0, "worked on\n", "")
