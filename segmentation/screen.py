"""Where a person sees what a job does: a terminal, or the lines of a log."""

import codecs
import logging
import os
import sys
from contextlib import suppress
from textwrap import wrap

from rich.console import Console, ConsoleDimensions
from rich.text import Text

from segmentation.plain_text import PlainFormatter, plain_log

# The mark of a record that stands on the terminal already.
ON_SCREEN = {"is_on_screen": True}
PLAIN_ERRORS = "plainer"
# What stands in place of a character that the terminal's encoding does not have.
PLAINER = {"£": "GBP ", "€": "EUR ", "₹": "INR ", "…": "...", "·": "-", "–": "-", "×": "x", "─": "-", "′": "'"}


class Terminal(Console):
    """A terminal of the size that it has at the moment, whichever of the process's files it is."""

    @property
    def size(self) -> ConsoleDimensions:
        with suppress(OSError, ValueError):
            columns, lines = os.get_terminal_size(self.file.fileno())
            if columns:  # a pseudo-terminal may not say
                return ConsoleDimensions(columns, lines)
        return super().size

    @size.setter
    def size(self, new_size: tuple[int, int]) -> None:
        self._width, self._height = new_size


class TerminalLog(logging.Handler):
    """Records as lines of a terminal, above a bar if one is there."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console
        self.setFormatter(PlainFormatter("%(message)s"))
        self.addFilter(lambda record: not hasattr(record, "is_on_screen"))

    def emit(self, record: logging.LogRecord) -> None:
        style = "yellow" if record.levelno >= logging.WARNING else ""
        with suppress(OSError, ValueError):  # whoever looked is gone
            tell(self._console, self.format(record), style)


def tell(console: Console, line: str, style: str = "") -> None:
    """A line on the terminal as it is, broken between words; what has no space, such as a path, stays whole."""
    console.print(Text(broken(line, console.width), style=style), soft_wrap=True)


def broken(line: str, width: int) -> str:
    """The line in as many as it takes, all but the first indented further than it is.

    >>> print(broken("  dates: iso, as they are written in the file", 30))
      dates: iso, as they are
          written in the file
    """
    indent = " " * (len(line) - len(line.lstrip()) + 4)
    return "\n".join(
        wrap(
            line, max(width, 2 * len(indent)), subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
        )
    )


def screen_log(console: Console | None) -> logging.Handler:
    """The log that a person sees: on the terminal, or as lines with their time on standard error."""
    return TerminalLog(console) if console else plain_log("%(asctime)s %(message)s")


def terminal() -> Console | None:
    """The terminal that standard error is, or None where it is a file, a pipe, or cannot move its cursor.

    spark-submit runs Python behind a pipe of its own; there the terminal is the standard error of the parent process.
    """
    console = None
    if sys.stderr.isatty():
        console = Terminal(stderr=True)
    else:
        with suppress(OSError):  # no /proc on this system, or no right to it
            # Opened as it is: what a shell's `2> job.log` points to must not be emptied.
            descriptor = os.open(f"/proc/{os.getppid()}/fd/2", os.O_WRONLY | os.O_NOCTTY)
            if os.isatty(descriptor):
                stream = os.fdopen(descriptor, "w", encoding=sys.stderr.encoding, errors=PLAIN_ERRORS)
                console = Terminal(file=stream, force_terminal=True)
            else:
                os.close(descriptor)
    return None if console is None or console.is_dumb_terminal else console


def _plainer(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    return "".join(PLAINER.get(one, "?") for one in error.object[error.start : error.end]), error.end


codecs.register_error(PLAIN_ERRORS, _plainer)
