"""How each job of `jobs/` begins and ends: its streams, its logging, its signals, one message and the exit code."""

import io
import logging
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from rich.console import Console

from segmentation.errors import SegmentationError, java_message
from segmentation.plain_text import shown
from segmentation.screen import PLAIN_ERRORS, screen_log, tell, terminal

logger = logging.getLogger(__name__)

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
