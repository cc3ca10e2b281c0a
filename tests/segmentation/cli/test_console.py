"""What a terminal of any width and encoding shows stays readable."""

import errno
import io
import logging
import os
import re
import sys
import threading

import pytest
from rich.console import Console

from segmentation.cli.console import (
    TerminalProgress,
    screen_handler,
    terminal,
    wrapped,
)
from segmentation.cli.streams import SUBSTITUTE_CHARACTERS
from tests.terminals import on_a_terminal, without_codes

# Waits first, so that the terminal has its size.
DRAW = """
import logging, time
time.sleep(0.3)
from segmentation.cli.console import TerminalProgress, screen_handler, terminal
console = terminal()
logging.basicConfig(level=logging.INFO, handlers=[screen_handler(console)])
progress = TerminalProgress(3, console)
for title in ("Reading", "Cleaning with \\N{POUND SIGN}"):
    with progress.stage(title):
        progress.note("392,692 of 541,909 lines usable, and more than fits on a narrow terminal: " + "x" * 90)
        time.sleep(0.5)
        logging.getLogger("segmentation.test").warning("a file was skipped")
"""
# As spark-submit does it, which runs Python with both streams in one pipe.
BEHIND_A_PIPE = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]], stderr=subprocess.PIPE)"


def drawn(*command: str, columns: int = 0, **variables: str) -> str:
    """Return all that a Python command writes to a terminal."""
    without_width = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "TERM")}
    code, written = on_a_terminal([sys.executable, *command], {**without_width, **variables}, columns)
    assert code == 0, written
    return written


# --- the terminal and its progress bar


def test_behind_a_pipe_the_bar_is_drawn_on_the_parents_terminal():
    screen = drawn("-c", BEHIND_A_PIPE, DRAW, columns=60)
    lines = without_codes(screen).replace("\r", "\n").splitlines()
    bars = [line for line in lines if "━" in line]
    assert bars != []
    assert {len(line) for line in bars} == {60}
    assert all("…" in line for line in bars)
    assert [line for line in lines if "skipped" in line] == ["a file was skipped"] * 2
    [done] = [line for line in lines if line.startswith("[1/3] Reading: ")]
    assert len(done) <= 60
    assert "\x1b[?25l" in screen  # the cursor is hidden, and shown again at the end
    assert screen.rindex("\x1b[?25h") > screen.rindex("\x1b[?25l")


def test_a_terminal_of_ascii_alone_gets_ascii_alone():
    ascii_alone = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"}
    text = drawn("-c", BEHIND_A_PIPE, DRAW, columns=80, **ascii_alone)
    assert text.isascii(), [character for character in text if not character.isascii()]
    assert "[2/3] Cleaning with GBP" in text


@pytest.mark.parametrize(("kind", "is_drawn_on"), [("xterm", True), ("dumb", False)])
def test_a_terminal_that_cannot_move_its_cursor_is_not_drawn_on(
    kind: str, is_drawn_on: bool, monkeypatch: pytest.MonkeyPatch
):
    class Screen(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stderr", Screen())
    monkeypatch.setenv("TERM", kind)
    assert (terminal() is not None) == is_drawn_on


def test_a_log_file_of_the_parent_process_is_no_terminal_and_is_not_emptied(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(os, "getppid", os.getpid)  # whose standard error is a file of pytest
    os.write(2, b"yesterday's run\n")
    assert terminal() is None
    assert capfd.readouterr().err == "yesterday's run\n"


def test_a_stage_is_shown_while_it_runs():
    seen = threading.Event()

    class Watched(io.StringIO):
        def write(self, text: str) -> int:
            if "[1/2] Reading [now] … " in text:
                seen.set()
            return super().write(text)

    progress = TerminalProgress(2, Console(file=Watched(), force_terminal=True, width=200, color_system=None))
    with progress.stage("Reading [now]"):
        assert seen.wait(10)


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_a_stage_fits_the_terminal_and_its_time_is_never_cut(width: int):
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=width, color_system=None)
    progress = TerminalProgress(9, console)
    progress.expect({"Aggregating customers, countries and products": 30.0, "Auditing": 30.0})
    with progress.stage("Aggregating customers, countries and products"):
        progress.note("12 customers")
    lines = [line for line in without_codes(screen.getvalue()).replace("\r", "\n").splitlines() if line.strip()]
    assert lines != []
    assert {len(line) for line in lines} == {width}
    assert all(re.fullmatch(r".* \[1/9\] .*…? .*0 s, ~60 s left", line) for line in lines)
    assert all((" · 12 customers " in line) == (width == 120) or "customers" not in line for line in lines[-1:])


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_terminal_that_was_closed_does_not_stop_the_run(caplog: pytest.LogCaptureFixture):
    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(errno.EIO, "Input/output error")

    console = Console(file=Closed(), force_terminal=True)
    with caplog.at_level(logging.INFO, logger="segmentation"), TerminalProgress(1, console).stage("Reading"):
        screen_handler(console).handle(logging.makeLogRecord({"msg": "a file was skipped", "levelno": logging.WARNING}))
    assert [message.partition(" (")[0] for message in caplog.messages] == ["[1/1] Reading"]


# --- lines


def test_a_terminal_gets_records_literally_and_without_control_characters():
    screen = io.StringIO()
    handler = screen_handler(Console(file=screen, width=80, force_terminal=True, color_system=None))
    handler.handle(logging.makeLogRecord({"msg": "[red]12[/red] files\x1b[2J", "levelno": logging.INFO}))
    assert screen.getvalue() == "[red]12[/red] files\\x1b[2J\n"


def test_without_a_terminal_a_line_has_its_time(capsys: pytest.CaptureFixture[str]):
    screen_handler(None).handle(logging.makeLogRecord({"msg": "[1/3] Reading\x1b[2J", "levelno": logging.INFO}))
    time, _, message = capsys.readouterr().err.partition(" [")
    assert len(time) == len("2026-01-31 08:00:00,000")
    assert message == "1/3] Reading\\x1b[2J\n"


def test_characters_that_an_encoding_lacks_are_substituted():
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors=SUBSTITUTE_CHARACTERS)
    stream.write("£5 … 1 · 2 × 3 – €7 日")
    stream.flush()
    assert stream.buffer.getvalue() == b"GBP 5 ... 1 - 2 x 3 - EUR 7 ?"  # type: ignore[attr-defined]


def test_a_long_line_is_wrapped_between_words_and_a_path_is_not():
    path = "/a/very/long/path/" + "x" * 100
    lines = wrapped(f"  lines of {path} are read, and then some more of them", 40).split("\n")
    assert any(path in line for line in lines)
    assert max(len(line) for line in lines if path not in line) <= 40
    assert lines[1].startswith("      ")
