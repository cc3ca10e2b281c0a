"""What is shown on a terminal of any width and encoding stays readable."""

import io
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from segmentation.cli.console import PLAIN_ERRORS, broken, screen_log
from tests.terminals import on_a_terminal, without_codes

ROOT = Path(__file__).resolve().parents[3]
DRAW = """
import logging, time
from segmentation.cli.console import TerminalProgress, screen_log, terminal
console = terminal()
logging.basicConfig(level=logging.INFO, handlers=[screen_log(console)])
progress = TerminalProgress(3, console)
for title in ("Reading", "Cleaning with \\N{POUND SIGN}"):
    with progress.stage(title):
        progress.found("392,692 of 541,909 lines usable, and more than fits on a narrow terminal: " + "x" * 90)
        time.sleep(0.7)
        logging.getLogger("segmentation.test").warning("a file was skipped")
"""


def drawn(columns: int, **variables: str) -> str:
    """All that the code above writes to a terminal of so many columns."""
    without_width = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "TERM")}
    command = [sys.executable, "-c", f"import time; time.sleep(0.3)\n{DRAW}"]
    code, written = on_a_terminal(command, {**without_width, **variables}, columns)
    assert code == 0, written
    return written


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_the_bar_is_one_line_as_wide_as_the_terminal_and_messages_stand_above_it(columns: int):
    lines = without_codes(drawn(columns)).replace("\r", "\n").splitlines()
    bars = [line for line in lines if "━" in line]
    assert bars != []
    assert {len(line) for line in bars} == {columns}
    assert all("…" in line for line in bars)
    assert [line for line in lines if "skipped" in line] == ["a file was skipped"] * 2
    done = [line for line in lines if line.startswith("[1/3] Reading: ")]
    assert len(done) == 1
    assert len(done[0]) <= columns


def test_the_cursor_is_shown_again_at_the_end():
    text = drawn(80)
    assert "\x1b[?25l" in text
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")


def test_a_terminal_of_ascii_alone_gets_ascii_alone():
    text = drawn(80, PYTHONIOENCODING="ascii", PYTHONUTF8="0", LC_ALL="C", PYTHONCOERCECLOCALE="0")
    assert text.isascii(), [character for character in text if not character.isascii()]
    assert "Cleaning with" in text


def test_a_terminal_that_cannot_move_its_cursor_gets_lines_alone():
    text = drawn(80, TERM="dumb")
    assert "\x1b" not in text
    assert "━" not in text
    assert text.count("[1/3] Reading") == 1


def test_characters_that_an_encoding_lacks_are_written_in_others():
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors=PLAIN_ERRORS)
    stream.write("£5 … 1 · 2 × 3 – €7 日")
    stream.flush()
    assert stream.buffer.getvalue() == b"GBP 5 ... 1 - 2 x 3 - EUR 7 ?"  # type: ignore[attr-defined]


def test_a_long_line_is_broken_between_words_and_a_path_is_not():
    path = "/a/very/long/path/" + "x" * 100
    lines = broken(f"  lines of {path} are read, and then some more of them", 40).split("\n")
    assert any(path in line for line in lines)
    assert max(len(line) for line in lines if path not in line) <= 40
    assert lines[1].startswith("      ")


def test_what_stands_on_the_terminal_already_is_not_told_there_again():
    screen = io.StringIO()
    handler = screen_log(Console(file=screen, width=80, force_terminal=True, color_system=None))
    for extra in ({"is_on_screen": True}, {}):
        handler.handle(logging.makeLogRecord({"msg": "told\x1b[2J", "levelno": logging.INFO, **extra}))
    assert screen.getvalue() == "told\\x1b[2J\n"


def test_without_a_terminal_a_line_has_its_time(capfd: pytest.CaptureFixture[str]):
    code = DRAW.replace("console = terminal()", "console = None")
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert [line.partition(" [")[2][:13] for line in done.stderr.splitlines() if "/3]" in line] == [
        "1/3] Reading:",
        "2/3] Cleaning",
    ]
    assert "\x1b" not in done.stderr
