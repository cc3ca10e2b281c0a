"""Log records as single lines without secrets, on standard error and in a file for each run."""

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from segmentation.filesystem import OWNER_ONLY_FILE, OWNER_ONLY_FOLDER
from segmentation.redaction import shown

LOGS_KEPT = 20
TRACE_INDENT = "    "
WITH_TIME = "%(asctime)s %(message)s"


class PlainFormatter(logging.Formatter):
    """Format a record as one line of `shown` text, with its stack trace indented below.

    So no part of a message or an exception can pass for a record of its own.
    """

    def format(self, record: logging.LogRecord) -> str:
        plain = logging.makeLogRecord({**record.__dict__, "msg": shown(record.getMessage()), "args": ()})
        first, *trace = super().format(plain).split("\n")
        return "\n".join([first, *[TRACE_INDENT + shown(line) for line in trace]])


class _RunLogHandler(logging.FileHandler):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name in `logging`
        """Ignore a full disk: a log that cannot be written must not stop the run or fill the screen."""


def log_folder(variables: Mapping[str, str]) -> Path | None:
    """Return the folder of run logs, given the environment variables; None where there is no home directory."""
    with suppress(RuntimeError):
        return Path(variables.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "customer-segmentation" / "logs"
    return None


@contextmanager
def run_log(folder: Path | None) -> Iterator[Path | None]:
    """Log to a new file in the folder while the block runs. Yield its path; None where no file can be created.

    Only the owner can read it. An exception that leaves the block is logged and gets the path as a note.
    """
    path = None if folder is None else _new_file(folder)
    if path is None:
        yield None
        return
    handler = _RunLogHandler(path, encoding="utf-8")
    handler.setFormatter(PlainFormatter(WITH_TIME))
    logging.getLogger().addHandler(handler)
    try:
        yield path
    except BaseException as error:
        message = f"ended by {type(error).__name__}: {error}"
        # To the file alone: `run_job` prints the error on the screen.
        handler.handle(logging.makeLogRecord({"levelno": logging.ERROR, "levelname": "ERROR", "msg": message}))
        error.add_note(f"log: {path}")
        raise
    finally:
        logging.getLogger().removeHandler(handler)
        with suppress(OSError):
            handler.close()


def _new_file(folder: Path) -> Path | None:
    """Create an empty log file and remove the oldest logs beyond LOGS_KEPT."""
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
    path = folder / f"{moment}-{os.getpid()}.log"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=OWNER_ONLY_FOLDER)
        path.touch(OWNER_ONLY_FILE, exist_ok=False)
        for old in sorted(folder.glob("*.log"), reverse=True)[LOGS_KEPT:]:
            old.unlink(missing_ok=True)
    except OSError:
        return path if path.exists() else None
    return path
