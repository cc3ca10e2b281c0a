"""The command lines of `jobs/`: one message for what is wrong, with the nearest option, and a help to be read."""
# TODO-DOC typed_command: The command that started a job, as a person types it again: from its folder, quoted
# for a shell, without secrets.
# TODO-DOC entry: How each job of `jobs/` begins and ends: its streams, its logging, its signals, one message
# and the exit code.

import argparse
import io
import logging
import os
import shlex
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import date, datetime
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

from rich.console import Console

from segmentation.cli.console import PLAIN_ERRORS, screen_log, tell, terminal
from segmentation.errors import SegmentationError, did_you_mean, java_message
from segmentation.redaction import MASK, shown, without_secrets

logger = logging.getLogger(__name__)

HELP_WIDTH = 80


class JobParser(argparse.ArgumentParser):
    """A parser without abbreviations, whose help fits 80 columns; `examples` and `exit_codes` end it."""

    def __init__(self, prog: str, description: str, usage: str, examples: str, exit_codes: str) -> None:
        super().__init__(
            prog=prog,
            usage=usage,
            description=description,
            epilog=f"examples:\n{examples}\n\nexit codes:\n{exit_codes}",
            formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(
                prog, max_help_position=26, width=HELP_WIDTH
            ),
            allow_abbrev=False,
        )

    def parse(self, arguments: Sequence[str]) -> argparse.Namespace:
        """The options in the arguments. Ends the process: with 2 and a message where they are wrong, with 0 after help.

        An option that is not known is told before anything that is missing, which it may stand for.
        """
        known = [option for option in self._option_string_actions if option.startswith("--")]
        for argument in arguments[: list(arguments).index("--")] if "--" in arguments else arguments:
            option = argument.partition("=")[0]
            if option.startswith("--") and " " not in option and option not in known:
                self.error(f"{option} is not an option{did_you_mean(option, known)}")
        return self.parse_args(arguments)

    def error(self, message: str) -> NoReturn:
        """One line, and where to read more: no usage, which would push the message out of sight."""
        self.exit(2, f"{self.prog}: error: {message} (--help tells more)\n")


def day(text: str) -> date:
    """A day such as 2011-09-01, as an option's value."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a day such as 2011-09-01, got {text!r}") from None


# The environment's variable in which scripts/submit leaves what was typed, up to the job's file, quoted for a shell.
STARTED_BY: Final = "SEGMENTATION_STARTED_BY"
SPARK_SUBMIT: Final = "org.apache.spark.deploy.SparkSubmit"


def typed_again(job: str, arguments: Sequence[str], started_by: str | None) -> str:
    """The command line that repeats this process wherever it is pasted.

    `job` is the job's file and `arguments` are its own options; `started_by` is the value of STARTED_BY, None where
    spark-submit was started without scripts/submit.
    """
    words = _by_spark_submit(job, arguments) if started_by is None else [*shlex.split(started_by), *arguments]
    return f"{_quoted(['cd', str(Path.cwd())])} && {_quoted(words)}"


def _by_spark_submit(job: str, arguments: Sequence[str]) -> list[str]:
    """spark-submit keeps its options to itself, but where Linux tells the command of the parent process, which is
    Java's, they are the ones behind the name of its main class.
    """
    with suppress(OSError, ValueError):
        parent = Path(f"/proc/{os.getppid()}/cmdline").read_bytes().decode(errors="replace").split("\0")
        return ["spark-submit", *parent[parent.index(SPARK_SUBMIT) + 1 : -1]]
    return ["spark-submit", job, *arguments]


def _quoted(words: Sequence[str]) -> str:
    return shlex.join(map(_without_secret, words))


def _without_secret(word: str) -> str:
    """A word of a command; what is named like a secret loses its value with all the spaces that are in it."""
    masked = without_secrets(word)
    return f"{masked.partition('=')[0]}={MASK}" if masked != word and " " in word and "=" in masked else masked


# Ctrl-C, a scheduler's or an administrator's end, and a terminal that is closed, which not every system tells of.
STOPPING = [one for one in signal.Signals if one.name in ("SIGINT", "SIGTERM", "SIGHUP")]


class Terminated(BaseException):
    """SIGTERM or SIGHUP, as an exception: what was begun is cleaned up on the way out."""


def run_job(work: Callable[[Console | None], None], quiet: bool, debug: bool) -> int:
    """Does the work and returns the exit code; an error is told in one message, with `debug` its stack trace too.

    The work is given the terminal to draw on: None where there is none, and where it is to be quiet.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=PLAIN_ERRORS)  # a terminal without "£" shows another sign, and the run goes on
    screen = terminal()
    log = screen_log(screen)
    log.setLevel(logging.ERROR if quiet else logging.NOTSET)
    if not debug:  # with a stack trace it would be told here what is told below in one line
        log.addFilter(_is_no_call_cut_short)
    logging.getLogger("DataFrameQueryContextLogger").disabled = not debug
    logging.basicConfig(level=logging.WARNING, handlers=[log])
    logging.getLogger("segmentation").setLevel(logging.INFO)
    try:
        with _signals_raise():
            work(None if quiet else screen)
        return 0
    except (KeyboardInterrupt, Terminated) as stopped:
        _tell(screen, f"stopped by {stopped}: the same command again does what is left to do{_notes(stopped)}")
        return 128 + (signal.Signals[str(stopped)] if isinstance(stopped, Terminated) else signal.SIGINT)
    except Exception as error:
        if debug:
            logger.exception("stack trace")
        known = error if isinstance(error, SegmentationError) else SegmentationError(_unexpected(error))
        for line in known.before:
            _tell(screen, shown(line))
        _tell(screen, f"error: {shown(known)}{_notes(error)}", "bold red")
        return known.exit_code


def _is_no_call_cut_short(record: logging.LogRecord) -> bool:
    return record.module not in ("java_gateway", "clientserver")  # Py4J's, some of which log as root


def _unexpected(error: Exception) -> str:
    return f"{type(error).__name__}: {java_message(error)} (--debug shows where)"


def _notes(error: BaseException) -> str:
    """What was noted on the way of an error, such as where its log is."""
    notes = getattr(error, "__notes__", ())
    return f" ({shown(', '.join(notes))})" if notes else ""


def _tell(screen: Console | None, message: str, style: str = "") -> None:
    with suppress(OSError, ValueError):  # whoever listened is gone
        if screen is not None:
            tell(screen, message, style)
        else:
            sys.stderr.write(f"{message}\n")
            sys.stderr.flush()


@contextmanager
def _signals_raise() -> Iterator[None]:
    """A signal to stop ends the work by an exception, once: the way out is not cut short.

    What was ignored from the start, as Ctrl-C is by a shell's background jobs and SIGHUP under nohup, stays ignored.
    """
    handled = [one for one in STOPPING if signal.getsignal(one) != signal.SIG_IGN]

    def stop(number: int, frame: FrameType | None) -> None:
        for one in handled:
            signal.signal(one, signal.SIG_IGN)
        raise KeyboardInterrupt("Ctrl-C") if number == signal.SIGINT else Terminated(signal.Signals(number).name)

    before = [signal.signal(one, stop) for one in handled]
    try:
        yield
    finally:
        for one, handler in zip(handled, before, strict=True):
            signal.signal(one, handler)
