"""A person sees each stage once, numbered and timed; a terminal sees what runs as well."""

import errno
import io
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from segmentation.cli.console import TerminalProgress, terminal
from segmentation.progress import Progress

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.INFO, logger="segmentation"):
        yield caplog


def without_seconds(line: str) -> str:
    told, _, seconds = line.rpartition(" (")
    assert seconds.endswith(" s)")
    assert float(seconds.removesuffix(" s)")) >= 0
    return told


def test_each_stage_is_one_numbered_log_line_with_what_was_found(told: pytest.LogCaptureFixture):
    progress = Progress(3)
    with progress.stage("Reading"):
        progress.found("12 files")
    with progress.stage("Cleaning"):
        pass
    assert [without_seconds(line) for line in told.messages] == ["[1/3] Reading: 12 files", "[2/3] Cleaning"]


def test_the_last_word_of_a_stage_is_told(told: pytest.LogCaptureFixture):
    progress = Progress(1)
    with progress.stage("Reading"):
        progress.found("so far 1 file")
        progress.found("2 files")
    assert [without_seconds(line) for line in told.messages] == ["[1/1] Reading: 2 files"]


def test_a_percent_sign_is_told_as_it_is(told: pytest.LogCaptureFixture):
    progress = Progress(1)
    with progress.stage("Reading 100%s"):
        progress.found("50% of %d")
    assert [without_seconds(line) for line in told.messages] == ["[1/1] Reading 100%s: 50% of %d"]


def test_seconds_are_kept_by_stage_in_order():
    progress = Progress(2)
    for title in ("Reading", "Cleaning"):
        with progress.stage(title):
            pass
    assert list(progress.seconds) == ["Reading", "Cleaning"]
    assert all(seconds >= 0 for seconds in progress.seconds.values())


def test_nothing_is_told_of_a_stage_before_it_is_done(told: pytest.LogCaptureFixture):
    progress = Progress(1)
    with progress.stage("Reading"):
        assert told.messages == []
        assert progress.seconds == {}


def test_a_stage_that_fails_is_not_told_as_done_and_its_error_goes_on(told: pytest.LogCaptureFixture):
    progress = Progress(2)

    def fail() -> None:
        with progress.stage("Reading"):
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        fail()
    assert told.messages == []
    assert progress.seconds == {}


def test_a_terminal_gets_the_lines_literally_and_the_log_gets_them_marked_as_shown(told: pytest.LogCaptureFixture):
    shown = io.StringIO()
    progress = TerminalProgress(2, Console(file=shown, force_terminal=True, width=200, color_system=None))
    with progress.stage("Reading"):
        progress.found("[red]12[/red] files of /data/[x]")
    assert "[1/2] Reading: [red]12[/red] files of /data/[x] (" in shown.getvalue()
    assert [record.__dict__["is_on_screen"] for record in told.records] == [True]


def test_a_terminal_shows_the_stage_while_it_runs():
    seen = threading.Event()

    class Watched(io.StringIO):
        def write(self, text: str) -> int:
            if "[1/2] Reading [now] … " in text:
                seen.set()
            return super().write(text)

    progress = TerminalProgress(2, Console(file=Watched(), force_terminal=True, width=200, color_system=None))
    with progress.stage("Reading [now]"):
        assert seen.wait(10)


def test_no_thread_is_left_when_a_stage_fails_on_a_terminal():
    progress = TerminalProgress(1, Console(file=io.StringIO(), force_terminal=True))
    before = set(threading.enumerate())
    started: set[threading.Thread] = set()

    def fail() -> None:
        with progress.stage("Reading"):
            started.update(set(threading.enumerate()) - before)
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        fail()
    assert started != set()
    for thread in started:
        thread.join(10)
    assert [thread for thread in started if thread.is_alive()] == []


class Gone(io.StringIO):
    """A terminal whose window was closed."""

    def write(self, text: str) -> int:
        raise OSError(errno.EIO, "Input/output error")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_terminal_that_is_gone_does_not_stop_the_run(told: pytest.LogCaptureFixture):
    progress = TerminalProgress(1, Console(file=Gone(), force_terminal=True))
    with progress.stage("Reading"):
        progress.found("12 files")
    assert [without_seconds(line) for line in told.messages] == ["[1/1] Reading: 12 files"]


def test_a_pipe_is_not_a_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    assert terminal() is None


def test_a_log_file_that_the_parent_process_writes_is_no_terminal_and_keeps_what_it_holds(tmp_path: Path):
    look = "from segmentation.cli.console import terminal; print(terminal())"
    behind_a_pipe = (
        "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]], stderr=subprocess.PIPE)"
    )
    log = tmp_path / "job.log"
    log.write_text("yesterday's run\n")
    with log.open("a") as errors:
        command = [sys.executable, "-c", behind_a_pipe, look]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, text=True, check=True)
    assert done.stdout == "None\n"
    assert log.read_text() == "yesterday's run\n"


def test_control_characters_and_secrets_of_what_was_found_are_not_told(told: pytest.LogCaptureFixture):
    shown = io.StringIO()
    for console in (None, Console(file=shown, force_terminal=True, width=200, color_system=None)):
        progress = Progress(1, console)
        with progress.stage("Reading"):
            progress.found("s3a://user:c4nary@bucket/a\x1b[2J\nb")
    for text in (*told.messages, shown.getvalue()):
        assert r"[1/1] Reading: s3a://***@bucket/a\x1b[2J\nb (" in text
        assert "c4nary" not in text
