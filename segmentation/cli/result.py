"""The result of a run as JSON, for schedulers and monitoring (`--result FILE.json`)."""

from __future__ import annotations

import argparse
import json
import os
import re
import stat
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from segmentation import schemas as s
from segmentation.errors import ConfigError
from segmentation.filesystem import readable_path
from segmentation.lake.manifest import code_version
from segmentation.redaction import shown

if TYPE_CHECKING:
    from segmentation.context import Published

OPTION: Final = "--result"
FORMAT: Final = 1
PUBLISHED, ALREADY_PUBLISHED, FAILED, NOT_RUN = "published", "already_published", "failed", "not_run"
STATUSES: Final = (PUBLISHED, ALREADY_PUBLISHED, FAILED, NOT_RUN)
URI: Final = re.compile(r"[a-z][a-z0-9+.-]+:/")
MONEY: Final = (s.REVENUE, s.NET_REVENUE)
SIZE: Final = (s.CUSTOMERS, s.CUSTOMER_SHARE, *MONEY)
# A larger file is no result of this job.
LARGEST_BYTES: Final = 1_000_000


@dataclass
class RunResult:
    """What becomes known of a run, and the local file to write it to; None writes nothing.

    `seconds` maps a finished stage to its duration; `warnings` and `seconds` may grow while the run goes on.
    """

    path: Path | None
    command: str = ""
    published: Published | None = None
    warnings: Sequence[str] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    log: Path | None = None
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    _began: float = field(default_factory=time.perf_counter)

    def prepare(self) -> None:
        """Remove the result of an earlier run, so that it never passes for this one's.

        Raises: ConfigError where the file cannot be written, or something else would be overwritten.
        """
        path, self.path = self.path, None
        if path is None:
            return
        if URI.match(str(path)):
            raise ConfigError(f"{OPTION} {path}: must be a file of this machine")
        if not _may_be_replaced(path):
            raise ConfigError(f"{OPTION} {path}: exists and is no result of this job: name another file")
        try:
            with tempfile.TemporaryFile(dir=path.resolve().parent):
                path.unlink(missing_ok=True)
        except OSError as error:
            raise ConfigError(f"{OPTION} {path}: cannot be written: {error.strerror or error}") from None
        self.path = path

    def write(self, exit_code: int, error: str | None) -> None:
        """Write the result, complete or not at all. Raises: OSError where the file cannot be written."""
        if self.path is None or not _may_be_replaced(self.path):
            return
        text = json.dumps(self._content(exit_code, error), indent=2, ensure_ascii=False, default=_plain) + "\n"
        target = self.path.resolve()  # a link stays one
        descriptor, unfinished = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)  # for the owner alone
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(descriptor)
            Path(unfinished).replace(target)
        except BaseException:
            with suppress(OSError):
                Path(unfinished).unlink()
            raise

    @contextmanager
    def of_ended_parsing(self) -> Iterator[None]:
        """Write the result where the block, which parses the arguments, ends the job."""
        try:
            yield
        except SystemExit as ended:
            with suppress(OSError):
                self.write(int(ended.code or 0), "; ".join(getattr(ended, "__notes__", ())) or None)
            raise

    def _content(self, exit_code: int, error: str | None) -> dict[str, Any]:
        run = self.published
        return {
            "format": FORMAT,
            "status": _status(exit_code, run),
            "exit_code": exit_code,
            "error": None if error is None else shown(error),
            "run_id": None if run is None else run.run_id,
            "path": None if run is None else shown(readable_path(run.path)),
            "figures": None if run is None else figures_of(run),
            "model": None if run is None else model_of(run),
            "predecessor": None if run is None else run.predecessor,
            "changes": None if run is None else run.changes,
            "warnings": [shown(warning) for warning in self.warnings or (run.warnings if run else ())],
            "began_at": self.began.isoformat(timespec="seconds"),
            "seconds": round(time.perf_counter() - self._began, 3),
            "seconds_by_stage": dict(self.seconds),
            "command": self.command,
            "code_version": code_version(),
            "log": None if self.log is None else str(self.log),
        }


def result_for(arguments: Sequence[str], command: str) -> RunResult:
    """Return the result of a command line, which need not be valid otherwise."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument(OPTION, type=Path)
    path = None
    with suppress(argparse.ArgumentError, SystemExit):
        path = parser.parse_known_args(arguments)[0].result
    return RunResult(path, command)


def figures_of(run: Published) -> dict[str, Any]:
    """Return the figures of a published run: lines by outcome, customers, money, segments. Money is exact, as text."""
    rows = {row["rule"]: row for row in run.quality}
    counts = {outcome: rows[outcome]["rows"] for outcome in (s.CLEAN, s.GUEST) if outcome in rows}
    read = sum(row["rows"] for row in run.quality)
    return {
        "lines": {"read": read, **counts, "rejected": read - sum(counts.values())} if rows else None,
        s.CUSTOMERS: sum(segment[s.CUSTOMERS] for segment in run.segments),
        **{key: sum((segment[key] for segment in run.segments), Decimal(0)) for key in MONEY},
        s.GUEST_REVENUE: rows[s.GUEST]["revenue"] if s.GUEST in rows else None,
        "choice": run.choice,
        "verdict": run.verdict,
        "segments": [_chosen(segment, s.SEGMENT_ID, s.SEGMENT_NAME, *SIZE, s.JACCARD) for segment in run.segments],
        "rfm_segments": [_chosen(name, s.RFM_SEGMENT, *SIZE) for name in run.rfm_profiles],
    }


def model_of(run: Published) -> dict[str, Any] | None:
    """Return which run fitted the model of a published run, as of which day, and why it was fitted or taken."""
    return None if run.model is None else _chosen(run.model, "fitted_in", "fitted_as_of", "is_fitted", "why")


def _chosen(row: Mapping[str, Any], *columns: str) -> dict[str, Any]:
    return {column: row[column] for column in columns}


def _status(exit_code: int, run: Published | None) -> str:
    if exit_code != 0:
        return FAILED
    if run is None:
        return NOT_RUN
    return ALREADY_PUBLISHED if run.already_published else PUBLISHED


def _may_be_replaced(path: Path) -> bool:
    """Return whether nothing is lost: there is no such file, or it is a result of this job."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST_BYTES:
            return False
        if status.st_size == 0:
            return True
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return True
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and content.get("status") in STATUSES and "exit_code" in content


def _plain(value: object) -> str:
    """Return a value that JSON has no type for as text; money with all its digits."""
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
