"""How each job of `jobs/` begins and ends: its streams, its logging, its signals, one message and the exit code."""

import io
import logging
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from segmentation.errors import SegmentationError, java_message
from segmentation.plain_text import plain_log, shown

logger = logging.getLogger(__name__)

INTERRUPTED = 128 + signal.SIGINT
TERMINATED = 128 + signal.SIGTERM


class Terminated(BaseException):
    """SIGTERM, as an exception: what was begun is cleaned up on the way out."""


def run_job(work: Callable[[], None], quiet: bool, debug: bool) -> int:
    """Does the work and returns the exit code; an error is told in one message, with `debug` its stack trace too."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without "£" shows another sign, and the run goes on
    log = plain_log("%(asctime)s %(message)s")
    if not debug:  # with a stack trace it would be told here what is told below in one line
        log.addFilter(_is_no_call_cut_short)
    logging.getLogger("DataFrameQueryContextLogger").disabled = not debug
    logging.basicConfig(level=logging.ERROR if quiet else logging.WARNING, handlers=[log])
    logging.getLogger("segmentation").setLevel(logging.ERROR if quiet else logging.INFO)
    try:
        with _signals_raise():
            work()
        return 0
    except (KeyboardInterrupt, Terminated) as stopped:
        _tell(f"stopped by {stopped}: the same command again does what is left to do")
        return TERMINATED if isinstance(stopped, Terminated) else INTERRUPTED
    except Exception as error:
        if debug:
            logger.exception("stack trace")
        known = error if isinstance(error, SegmentationError) else SegmentationError(_unexpected(error))
        _tell(f"error: {shown(known)}")
        return known.exit_code


def _is_no_call_cut_short(record: logging.LogRecord) -> bool:
    return record.module not in ("java_gateway", "clientserver")  # Py4J's, some of which log as root


def _unexpected(error: Exception) -> str:
    return f"{type(error).__name__}: {java_message(error)} (--debug shows where)"


def _tell(message: str) -> None:
    with suppress(OSError):  # whoever listened is gone
        sys.stderr.write(f"{message}\n")
        sys.stderr.flush()


@contextmanager
def _signals_raise() -> Iterator[None]:
    """Ctrl-C and SIGTERM end the work by an exception, once: the way out is not cut short.

    What was ignored from the start, as Ctrl-C is by a shell's background jobs, stays ignored.
    """
    handled = [one for one in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(one) != signal.SIG_IGN]

    def stop(number: int, frame: FrameType | None) -> None:
        for one in handled:
            signal.signal(one, signal.SIG_IGN)
        raise KeyboardInterrupt("Ctrl-C") if number == signal.SIGINT else Terminated("SIGTERM")

    before = [signal.signal(one, stop) for one in handled]
    try:
        yield
    finally:
        for one, handler in zip(handled, before, strict=True):
            signal.signal(one, handler)
