"""The log file of one run: the job's messages and Spark's warnings, readable by its owner alone.

Where it cannot be created or written, the job runs without one.
"""

import logging
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from logging.handlers import WatchedFileHandler
from pathlib import Path
from typing import Any

from py4j.protocol import Py4JError
from pyspark.sql import SparkSession

from segmentation.redaction import PlainFormatter

OWNER_ONLY_FOLDER, OWNER_ONLY_FILE = 0o700, 0o600
# Logs of that many runs are kept, each of twice that size at most.
LOGS_KEPT, LARGEST = 20, "5 MB"
# The appender of conf/log4j2.properties. Where there is none of this name, the cluster logs in its own way.
CONSOLE_APPENDER, FILE_APPENDER = "stderr", "run log"
SPARK_LINE = re.compile(r"^\S+ Spark (WARN|ERROR|FATAL) ", re.MULTILINE)


class FileLog(WatchedFileHandler):
    """Records as lines with their time; a full disk is none of the job's business."""

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(OSError):  # of what an earlier record left to be written
            super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name in `logging`
        """Nothing: it is told neither on the screen nor in the file that cannot be written."""


class RunLog:
    """The log of one run: where it is, and how much Spark warned of."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def shown(self) -> str:
        """The path as a person writes it."""
        home = Path.home()
        return f"~/{self.path.relative_to(home)}" if self.path.is_relative_to(home) else str(self.path)

    @property
    def told(self) -> str:
        """The path, and how often Spark warned."""
        count = self.warnings
        return self.shown + (f" ({count:,} warning{'s' * (count != 1)} of Spark)" if count else "")

    @property
    def warnings(self) -> int:
        with suppress(OSError):
            return len(SPARK_LINE.findall(self.path.read_text(encoding="utf-8", errors="replace")))
        return 0


def log_folder(variables: Mapping[str, str]) -> Path | None:
    """Where logs are kept, by the environment's variables: beside what scripts/submit keeps; None without a home."""
    with suppress(RuntimeError):
        return Path(variables.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "customer-segmentation" / "logs"
    return None


@contextmanager
def run_log(spark: SparkSession, folder: Path | None, on_screen: str) -> Iterator[RunLog | None]:
    """Keeps a log in the folder while the block runs; None where none can be kept.

    `on_screen` is the least level of what Spark says on standard error meanwhile, as log4j names it: OFF on a terminal,
    where its lines would fall into the bar. An error that ends the block carries the log's path as a note.
    """
    path = None if folder is None else _new_file(folder)
    if path is None:
        yield None
        return
    log = RunLog(path)
    handler = FileLog(path, encoding="utf-8", delay=True)
    handler.setFormatter(PlainFormatter("%(asctime)s %(message)s"))
    logging.getLogger().addHandler(handler)
    try:
        with _spark_lines_kept(spark, path, on_screen):
            yield log
    except BaseException as error:
        # The screen is told by whoever ends the process; a terminal that was closed tells nobody.
        ended = {"levelno": logging.ERROR, "levelname": "ERROR", "msg": f"ended by {type(error).__name__}: {error}"}
        handler.handle(logging.makeLogRecord(ended))
        error.add_note(f"log: {log.shown}")
        raise
    finally:
        logging.getLogger().removeHandler(handler)
        with suppress(OSError):
            handler.close()


def _new_file(folder: Path) -> Path | None:
    """A new, empty file that only its owner can read; of older ones the newest are kept."""
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
    path = folder / f"{moment}-{os.getpid()}.log"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=OWNER_ONLY_FOLDER)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY_FILE))
        for old in sorted(folder.glob("*.log"), reverse=True)[LOGS_KEPT:]:
            old.unlink(missing_ok=True)
            _rolled(old).unlink(missing_ok=True)
    except OSError:
        return path if path.exists() else None
    return path


def _rolled(path: Path) -> Path:
    return path.with_suffix(".log.1")


@contextmanager
def _spark_lines_kept(spark: SparkSession, path: Path, on_screen: str) -> Iterator[None]:
    """What Spark says goes to the file too, in the layout of the screen: on one line, without secrets."""
    try:
        restore = _attach(spark, path, on_screen)
    except (Py4JError, TypeError):  # another log4j than Spark's own
        restore = None
    try:
        yield
    finally:
        if restore is not None:
            with suppress(Exception):  # Java may have ended
                restore()


def _attach(spark: SparkSession, path: Path, on_screen: str) -> Callable[[], None] | None:
    """Adds the file to log4j's root logger and sets the screen's level; returns what undoes it, or None."""
    jvm: Any = spark._jvm
    log4j = jvm.org.apache.logging.log4j
    context = log4j.LogManager.getContext(False)
    configuration = context.getConfiguration()
    console = configuration.getAppender(CONSOLE_APPENDER)
    if console is None:
        return None
    rolling = log4j.core.appender.rolling
    to_file = (
        log4j.core.appender.RollingFileAppender.newBuilder()
        .setName(FILE_APPENDER)
        .setLayout(console.getLayout())
        .withFileName(str(path))
        .withFilePattern(str(_rolled(path)).replace("%", "%%"))
        .withPolicy(rolling.SizeBasedTriggeringPolicy.createPolicy(LARGEST))
        .withStrategy(rolling.DefaultRolloverStrategy.newBuilder().withConfig(configuration).withMax("1").build())
        .withFilePermissions("rw-------")
        .setConfiguration(configuration)
        .build()
    )
    if to_file is None:
        return None
    # On a full disk log4j would tell so on the screen, with a stack trace.
    log4j.status.StatusLogger.getLogger().setLevel(log4j.Level.OFF)
    to_file.start()
    root = configuration.getRootLogger()
    root.addAppender(to_file, None, None)
    root.removeAppender(CONSOLE_APPENDER)
    if on_screen != "OFF":
        root.addAppender(console, log4j.Level.toLevel(on_screen), None)
    context.updateLoggers()

    def restore() -> None:
        root.removeAppender(FILE_APPENDER)
        root.removeAppender(CONSOLE_APPENDER)
        root.addAppender(console, None, None)
        context.updateLoggers()
        to_file.stop()
        log4j.status.StatusLogger.getLogger().setLevel(log4j.Level.ERROR)

    return restore
