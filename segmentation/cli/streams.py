"""Standard error under spark-submit, which merges that of a Python driver into standard output."""

import atexit
import codecs
import io
import os
import queue
import sys
import threading
from contextlib import suppress
from typing import Any, Final

from pyspark.java_gateway import launch_gateway

# The error handler of streams whose encoding may lack a character, and what it writes instead.
SUBSTITUTE_CHARACTERS = "segmentation.substitute"
SUBSTITUTES = {"£": "GBP ", "€": "EUR ", "₹": "INR ", "…": "...", "·": "-", "–": "-", "×": "x", "─": "-", "′": "'"}
# Set by spark-submit (`org.apache.spark.deploy.PythonRunner`) for the driver that it starts.
GATEWAY_PORT: Final = "PYSPARK_GATEWAY_PORT"
# Java answers within milliseconds, or hangs.
SECONDS_TO_WAIT: Final = 5


def use_standard_error_of_spark_submit() -> None:
    """Let `sys.stderr` write to the standard error of spark-submit; elsewhere change nothing.

    PythonRunner starts the driver with `redirectErrorStream(true)`, so that the driver's own standard error ends in
    spark-submit's standard output. Java writes to the right one, be it a file, a pipe or the log of a container.
    """
    if GATEWAY_PORT not in os.environ or sys.stderr.isatty():
        return
    raw = io.BufferedWriter(_StandardErrorOfJava(sys.stderr))
    stream = io.TextIOWrapper(raw, encoding=sys.stderr.encoding, errors=SUBSTITUTE_CHARACTERS, line_buffering=True)
    atexit.register(stream.flush)
    sys.stderr = stream


def is_output_a_terminal() -> bool:
    """Return whether standard output, or that of spark-submit behind it, is a terminal that knows escape codes."""
    if os.environ.get("TERM", "dumb") == "dumb":
        return False
    if sys.stdout.isatty() or GATEWAY_PORT not in os.environ:
        return sys.stdout.isatty()
    descriptor = terminal_of_parent(1)
    if descriptor is not None:
        os.close(descriptor)
    return descriptor is not None


def terminal_of_parent(number: int) -> int | None:
    """Open the terminal that is stream `number` of the parent process; None where it is none, or there is no /proc."""
    with suppress(OSError):  # no /proc on this system, or no right to it
        # Without O_TRUNC: the file of a shell's `2> job.log` must not be emptied.
        descriptor = os.open(f"/proc/{os.getppid()}/fd/{number}", os.O_WRONLY | os.O_NOCTTY)
        if os.isatty(descriptor):
            return descriptor
        os.close(descriptor)
    return None


class _StandardErrorOfJava(io.RawIOBase):
    """Write bytes to Java's `System.err`; to the driver's own stream where Java does not answer.

    A thread of its own talks to Java: a signal may have interrupted another call to Java in the caller's thread.
    """

    def __init__(self, own: Any) -> None:
        super().__init__()
        self._own = own
        self._pieces: queue.SimpleQueue[tuple[bytes, threading.Event]] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._write_to_java, daemon=True)
        self._writer.start()

    def writable(self) -> bool:
        return True

    def write(self, piece: Any, /) -> int:
        """Write a piece, and wait until Java has it."""
        data = bytes(piece)
        written = threading.Event()
        self._pieces.put((data, written))
        if threading.current_thread() is not self._writer:  # Py4J logs its errors in there
            written.wait(SECONDS_TO_WAIT)
        return len(data)

    def _write_to_java(self) -> None:
        stream: Any = None
        while True:
            data, written = self._pieces.get()
            try:
                # Connected here: a connection of Py4J belongs to its thread.
                stream = stream or _standard_error_of_java()
                stream.write(data, 0, len(data))
                stream.flush()
            except Exception:  # noqa: BLE001 - Java has ended
                with suppress(OSError, ValueError):
                    self._own.buffer.write(data)
                    self._own.flush()
            finally:
                written.set()


def _standard_error_of_java() -> Any:
    gateway: Any = launch_gateway()  # type: ignore[no-untyped-call]  # connects to the Java that runs
    return gateway.jvm.java.lang.System.err


def _substitute(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    missing = error.object[error.start : error.end]
    return "".join(SUBSTITUTES.get(character, "?") for character in missing), error.end


codecs.register_error(SUBSTITUTE_CHARACTERS, _substitute)
