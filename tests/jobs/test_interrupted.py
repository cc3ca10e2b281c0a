"""A run that is stopped, or whose disk is full, ends with a message and its exit code, and leaves nothing behind."""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.jobs.published_runs import left_over, runs_in
from tests.jobs.running_jobs import CONFIG, QUICK, Done, environment, run_to_its_end, submit_command
from tests.jobs.test_wrong_input import STACK_TRACE

pytestmark = pytest.mark.process

# A process that has not ended by then hangs.
SECONDS_TO_END = 60
CAN_MOUNT = shutil.which("unshare") and subprocess.run(["unshare", "--mount", "true"], check=False).returncode == 0
mounts = pytest.mark.skipif(not CAN_MOUNT, reason="no right to make a mount namespace")


def start_in_group(*arguments: object) -> subprocess.Popen[str]:
    """The job in a process group of its own, as a scheduler or a terminal starts it."""
    return subprocess.Popen(
        submit_command(*arguments),
        cwd=ROOT,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        preexec_fn=default_signals,  # noqa: PLW1509
    )


def default_signals() -> None:
    """Undo what a shell's background jobs and nohup do: ignore signals."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def to_python(spark_submit: int, sent: int) -> None:
    """Send a signal to the job's Python, which spark-submit's Java runs."""
    tasks = Path(f"/proc/{spark_submit}/task").iterdir()
    children = [pid for task in tasks for pid in (task / "children").read_text().split()]
    [python] = [pid for pid in children if b"segment_customers.py" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    os.kill(int(python), sent)


def wait_for_line(job: subprocess.Popen[str], text: str) -> str:
    output = ""
    assert job.stdout is not None
    for line in job.stdout:
        output += line
        if text in line:
            return output
    raise AssertionError(f"the job ended before {text!r}: {output}")


def wait_for_the_group_to_end(group: int) -> None:
    deadline = time.monotonic() + SECONDS_TO_END
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    os.killpg(group, signal.SIGKILL)
    raise AssertionError("a process of the job did not end")


@pytest.mark.parametrize(
    ("sent", "to", "code"),
    [
        pytest.param(signal.SIGTERM, os.kill, 143, id="a scheduler terminates spark-submit"),
        pytest.param(signal.SIGINT, os.killpg, 130, id="Ctrl-C at a terminal reaches every process"),
        pytest.param(
            signal.SIGTERM, to_python, 143, id="the driver's Python alone is terminated", marks=pytest.mark.slow
        ),
        pytest.param(
            signal.SIGHUP, os.killpg, 129, id="a closed terminal hangs up every process", marks=pytest.mark.slow
        ),
    ],
)
def test_a_stopped_run_ends_with_its_code_and_leaves_nothing(
    sent: signal.Signals, to: Callable[[int, int], None], code: int, small_csv: Path, tmp_path: Path
):
    lake = tmp_path / "lake"
    job = start_in_group("--config", CONFIG, "--input", small_csv, "--output", lake)
    output = wait_for_line(job, "Looking at the input")
    while not list((lake / "_staging").iterdir()):
        time.sleep(0.01)
    to(job.pid, sent)
    output += job.communicate(timeout=SECONDS_TO_END)[0]
    wait_for_the_group_to_end(job.pid)
    assert job.returncode == code
    assert not STACK_TRACE.search(output), output
    # Java that is ended as well may take what Python says with it.
    assert to is not to_python or "stopped by SIGTERM: run the same command again to complete it" in output
    assert runs_in(lake) == left_over(lake) == []


def run_under(mount: str, *arguments: object, conf: dict[str, str] | None = None) -> Done:
    """Run the job, which `mount` starts as "$@", in a mount namespace of its own."""
    return run_to_its_end(["unshare", "--mount", "sh", "-c", mount, "sh", *submit_command(*arguments, conf=conf)])


def run_on_a_small_disk(disk: Path, kilobytes: int, *arguments: object, conf: dict[str, str] | None = None) -> Done:
    """Run the job with `disk` as a disk of that size, and list the files on it afterwards."""
    disk.mkdir()
    mount = f'mount -t tmpfs -o size={kilobytes}k tmpfs "{disk}" && "$@"; code=$?; find "{disk}" -type f; exit $code'
    return run_under(mount, *arguments, conf=conf)


@mounts
@pytest.mark.slow
def test_a_full_disk_under_the_lake_is_one_message_and_leaves_no_file_but_the_log(small_csv: Path, tmp_path: Path):
    disk = tmp_path / "disk"
    command = ("--config", CONFIG, "--input", small_csv, "--output", disk / "lake", "--set", *QUICK)
    done = run_on_a_small_disk(disk, 100, *command)
    assert done.code == 1
    assert f"error: No space left on device: the lake {disk}/lake has 0 MB free, Spark's local directory" in done.output
    assert not STACK_TRACE.search(done.output), done.output
    # Which tasks are interrupted is a matter of timing: a line of Spark may say so, and no second message of the job.
    assert len([line for line in done.output.splitlines() if line.startswith("error: ")]) == 1
    [log] = re.findall(r"\(log: (.+\.log)\)$", done.output, re.MULTILINE)
    assert " ended by SegmentationError: No space left on device: " in Path(log).read_text(encoding="utf-8")
    assert [line for line in done.stdout.splitlines() if line.startswith(f"{disk}/")] == []


@mounts
@pytest.mark.slow
def test_a_full_disk_under_sparks_local_directory_is_one_message_and_leaves_nothing(small_csv: Path, tmp_path: Path):
    disk, lake = tmp_path / "disk", tmp_path / "lake"
    command = ("--config", CONFIG, "--input", small_csv, "--output", lake, "--set", *QUICK)
    done = run_on_a_small_disk(disk, 200, *command, conf={"spark.local.dir": str(disk)})
    assert done.code == 1
    assert f"error: No space left on device: the lake {lake} has " in done.output
    assert f"Spark's local directory {disk}/" in done.output
    assert "make room, or set spark.local.dir to a larger disk; nothing was published" in done.output
    assert not STACK_TRACE.search(done.output), done.output
    assert runs_in(lake) == left_over(lake) == []


@mounts
def test_a_lake_that_can_only_be_read_is_refused_before_any_work(small_csv: Path, tmp_path: Path):
    lake = tmp_path / "lake"
    lake.mkdir()
    mount = f'mount --bind "{lake}" "{lake}" && mount -o remount,ro,bind "{lake}" && "$@"'
    done = run_under(mount, "--config", CONFIG, "--input", small_csv, "--output", lake)
    assert done.code == 2
    assert f"error: --output {lake}: cannot be written: Read-only file system" in done.output
    assert list(lake.iterdir()) == []
