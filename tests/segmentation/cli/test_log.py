"""A run's log holds plain lines for its owner alone, and never stops the run."""

import logging
import re
import stat
from pathlib import Path

import pytest

from segmentation.cli import log as log_module
from segmentation.cli.log import LOGS_KEPT, PlainFormatter, log_folder, run_log

LOG = logging.getLogger("segmentation.test")


def only_log(folder: Path) -> Path:
    [path] = folder.glob("*.log")
    return path


def lines_without_time(path: Path) -> list[str]:
    return [re.sub(r"^[\d:, -]+", "", line) for line in path.read_text(encoding="utf-8").splitlines()]


def formatted(message: str, *arguments: object, error: BaseException | None = None) -> str:
    info = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord("segmentation", logging.INFO, "file.py", 1, message, arguments, info)
    return PlainFormatter("%(levelname)s %(message)s").format(record)


def test_a_record_is_one_line_whatever_its_message():
    text = formatted("%s is empty and was skipped", "a\nERROR all is lost\x1b[2J.csv")
    assert text == r"INFO a\nERROR all is lost\x1b[2J.csv is empty and was skipped"


def test_a_stack_trace_is_indented_and_no_line_of_it_acts_on_a_terminal():
    text = formatted("stack trace", error=ValueError("s3a://a:c4nary@b\nERROR all is lost\x1b[2J"))
    assert text.splitlines() == [
        "INFO stack trace",
        "    ValueError: s3a://***@b",
        r"    ERROR all is lost\x1b[2J",
    ]


def test_the_file_holds_what_is_logged_during_the_run_for_its_owner_alone(tmp_path: Path):
    with run_log(tmp_path / "logs") as path:
        LOG.warning("skipped s3a://user:c4nary@bucket\x1b[2J")
    LOG.warning("after the run")
    assert path == only_log(tmp_path / "logs")
    assert lines_without_time(path) == [r"skipped s3a://***@bucket\x1b[2J"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_an_error_is_logged_and_carries_the_path_of_the_log(tmp_path: Path):
    def fail() -> None:
        with run_log(tmp_path):
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken") as raised:
        fail()
    assert raised.value.__notes__ == [f"log: {only_log(tmp_path)}"]
    assert lines_without_time(only_log(tmp_path)) == ["ended by ValueError: broken"]


def test_two_runs_at_once_have_a_log_each_and_the_oldest_logs_are_removed(tmp_path: Path):
    for number in range(LOGS_KEPT + 5):
        (tmp_path / f"2001{number:02}.log").touch()
    with run_log(tmp_path) as first, run_log(tmp_path) as second:
        assert first is not None
        assert second is not None
        assert first != second
    names = {path.name for path in tmp_path.iterdir()}
    assert len(names) == LOGS_KEPT
    assert {first.name, second.name} <= names


def test_a_run_goes_on_where_no_log_can_be_created(tmp_path: Path):
    (tmp_path / "file").write_text("mine")
    for folder in (None, tmp_path / "file" / "below"):
        with run_log(folder) as path:
            assert path is None
            LOG.warning("warned without a file")
    assert (tmp_path / "file").read_text() == "mine"


def test_a_full_disk_neither_stops_the_run_nor_is_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(log_module, "_new_file", lambda _: Path("/dev/full"))
    with run_log(Path("/dev")):
        LOG.warning("warned on a full disk")
    assert "No space left" not in capsys.readouterr().err


def test_the_folder_of_logs_is_in_the_users_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert log_folder({"XDG_CACHE_HOME": str(tmp_path)}) == tmp_path / "customer-segmentation" / "logs"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert log_folder({}) == tmp_path / ".cache" / "customer-segmentation" / "logs"
