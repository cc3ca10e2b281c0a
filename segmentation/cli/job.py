"""How each job in `jobs/` starts and ends: its options, log, signals, error message and exit code."""

import argparse
import io
import logging
import shlex
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import date, datetime
from textwrap import fill
from typing import Final, NoReturn

from py4j.protocol import Py4JNetworkError
from rich.console import Console

from segmentation.cli.console import print_line, screen_handler, terminal
from segmentation.cli.streams import SUBSTITUTE_CHARACTERS
from segmentation.config.engine import possible_day
from segmentation.errors import SegmentationError, did_you_mean, java_message
from segmentation.redaction import MASK, shown, without_secrets
from segmentation.stopping import StopHandler, Terminated

logger = logging.getLogger(__name__)

HELP_WIDTH: Final = 80


class JobParser(argparse.ArgumentParser):
    """An argument parser without abbreviations. Its help fits 80 columns and ends with examples and exit codes."""

    def __init__(self, prog: str, description: str, usage: str, examples: str, exit_codes: str) -> None:
        super().__init__(
            prog=prog,
            usage=usage,
            description=fill(" ".join(description.split()), HELP_WIDTH),
            epilog=f"examples:\n{examples}\n\nexit codes:\n{exit_codes}",
            formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(
                prog, max_help_position=26, width=HELP_WIDTH
            ),
            allow_abbrev=False,
        )

    def parse(self, arguments: Sequence[str]) -> argparse.Namespace:
        """Parse the arguments. Exit with 2 and a message where they are wrong, with 0 after --help.

        An unknown option is reported before a missing one, which it may be a misspelling of.
        """
        known = [option for option in self._option_string_actions if option.startswith("--")]
        for argument in arguments[: list(arguments).index("--")] if "--" in arguments else arguments:
            option = argument.partition("=")[0]
            if option.startswith("--") and " " not in option and option not in known:
                self.error(f"{option} is not an option{did_you_mean(option, known)}")
        return self.parse_args(arguments)

    def error(self, message: str) -> NoReturn:
        """Exit with one line, which is also a note of the exception; the usage would push it out of sight."""
        self._print_message(f"{self.prog}: error: {message} (see --help)\n", sys.stderr)
        ended = SystemExit(2)
        ended.add_note(message)
        raise ended


def day(text: str) -> date:
    """Parse the value of an option as a day such as 2011-09-01."""
    try:
        parsed = datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a day such as 2011-09-01, got {text!r}") from None
    try:
        return possible_day(parsed)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def command_line(job: str, arguments: Sequence[str]) -> str:
    """Return the command that runs the job again, quoted for a shell, with secrets masked.

    Options of spark-submit itself are not in it: the job does not see them.
    """
    return shlex.join(["spark-submit", job, *map(_masked, arguments)])


def run_job(
    work: Callable[[Console | None], None],
    quiet: bool,
    debug: bool,
    ended: Callable[[int, str | None], None] | None = None,
) -> int:
    """Do the work and return the exit code; an error becomes one message, after its stack trace with `debug`.

    The work gets the terminal to draw on. It is None where there is none, with `quiet`, and with `debug`, whose
    lines of Spark would break a progress bar. `ended` gets the exit code and the message; where it raises OSError, a
    run that went well exits with 1.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=SUBSTITUTE_CHARACTERS)  # an encoding without "£" must not end the run
    screen = terminal()
    _configure_logging(screen, quiet, debug)
    stop = StopHandler()
    stop.install()
    try:
        code, message = _outcome(work, stop, screen, None if quiet or debug else screen, debug)
        if ended is not None:
            ended(code, message)
    except OSError as error:
        _print(screen, f"error: the result cannot be written: {shown(error.strerror or error)}", "bold red")
        return code or 1
    finally:
        stop.restore()
    return code


def _outcome(
    work: Callable[[Console | None], None],
    stop: StopHandler,
    screen: Console | None,
    drawn_on: Console | None,
    debug: bool,
) -> tuple[int, str | None]:
    """Do the work, print its error, and ignore stop signals from then on. Return the exit code and the message."""
    try:
        work(drawn_on)
        stop.ignore()
        return 0, None
    except (KeyboardInterrupt, Terminated) as stopped:
        message = f"stopped by {stopped}: run the same command again to complete it"
        _print(screen, f"{message}{_notes(stopped)}")
        return 128 + (signal.Signals[str(stopped)] if isinstance(stopped, Terminated) else signal.SIGINT), message
    except Exception as error:
        stop.ignore()
        if debug:
            logger.exception("stack trace")
        known = error if isinstance(error, SegmentationError) else SegmentationError(_unexpected(error))
        for line in known.before:
            _print(screen, shown(line))
        _print(screen, f"error: {shown(known)}{_notes(error)}", "bold red")
        return known.exit_code, str(known)


def _masked(word: str) -> str:
    """Mask the secrets of a word. A secret that contains spaces is masked whole."""
    masked = without_secrets(word)
    if masked != word and " " in word and "=" in masked:
        return f"{masked.partition('=')[0]}={MASK}"
    return masked


def _configure_logging(screen: Console | None, quiet: bool, debug: bool) -> None:
    handler = screen_handler(screen)
    handler.setLevel(logging.ERROR if quiet else logging.NOTSET)
    if not debug:
        handler.addFilter(_is_not_of_py4j)
    # PySpark's own logger of query errors, which prints each as JSON.
    logging.getLogger("DataFrameQueryContextLogger").disabled = not debug
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("segmentation").setLevel(logging.INFO)


def _is_not_of_py4j(record: logging.LogRecord) -> bool:
    """Reject the stack traces that Py4J logs, partly as root, when a call to Java is cut short."""
    return record.module not in ("java_gateway", "clientserver")


def _unexpected(error: Exception) -> str:
    if isinstance(error, (Py4JNetworkError, ConnectionError)):
        return "Spark's Java process ended while the job ran: it was stopped, or had too little memory; run it again"
    return f"{type(error).__name__}: {java_message(error)} (--debug shows where)"


def _notes(error: BaseException) -> str:
    """Return the notes of an error, such as the path of its log, in brackets."""
    notes = getattr(error, "__notes__", ())
    return f" ({shown(', '.join(notes))})" if notes else ""


def _print(screen: Console | None, message: str, style: str = "") -> None:
    with suppress(OSError, ValueError):  # the reader of the stream is gone
        if screen is not None:
            print_line(screen, message, style)
        else:
            sys.stderr.write(f"{message}\n")
            sys.stderr.flush()
