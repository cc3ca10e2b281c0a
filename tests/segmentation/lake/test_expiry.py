"""Old runs expire, but never the latest, a young one, or one that a process works on."""

import errno
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from jobs import expire_runs
from segmentation.errors import InputError
from segmentation.filesystem import HOST
from segmentation.lake.expiry import find_expired, remove_expired
from segmentation.lake.runs import Lake
from segmentation.lake.staging import remove_abandoned, stage

NOW = datetime(2012, 1, 31, 12, 0, tzinfo=UTC)
WEEK = timedelta(days=7)


def run(folder: Path, run_id: str, as_of: str, days_ago: float) -> None:
    """Publish a run of nothing but its manifest."""
    path = folder / "runs" / f"run_id={run_id}"
    path.mkdir(parents=True)
    published_at = (NOW - timedelta(days=days_ago)).isoformat()
    content = {"format": 2, "run_id": run_id, "identity": run_id, "as_of": as_of, "published_at": published_at}
    (path / "manifest.json").write_text(json.dumps(content))
    (folder / "latest.json").write_text(json.dumps(content))


def leave(path: Path, days_ago: float) -> None:
    """Make a folder and a file in it, last written so long ago."""
    path.mkdir(parents=True)
    (path / "part").write_text("x")
    at = (NOW - timedelta(days=days_ago)).timestamp()
    os.utime(path / "part", (at, at))
    os.utime(path, (at, at))


def paths(lake: Lake, keep: int, older_than: timedelta = WEEK) -> list[str]:
    return [item.path for item in find_expired(lake, keep, older_than, NOW)]


@pytest.fixture
def lake(lake: Lake, tmp_path: Path) -> Lake:
    for run_id, as_of, days_ago in [("a", "2012-01-01", 30), ("b", "2012-01-10", 21), ("c", "2012-01-20", 11)]:
        run(tmp_path, run_id, as_of, days_ago)
    run(tmp_path, "rebuilt", "2011-06-01", 3)
    run(tmp_path, "d", "2012-01-30", 1)
    return lake


def test_old_runs_expire_but_the_newest_and_young_ones_stay(lake: Lake):
    assert paths(lake, 2) == ["runs/run_id=b", "runs/run_id=a"]
    assert paths(lake, 2, timedelta(days=25)) == ["runs/run_id=a"]
    assert paths(lake, 4) == []
    assert paths(lake, 2, timedelta(0)) == ["runs/run_id=b", "runs/run_id=a", "runs/run_id=rebuilt"]


def test_the_latest_run_never_expires(lake: Lake, tmp_path: Path):
    assert "runs/run_id=d" not in paths(lake, 0, timedelta(0))
    older = (tmp_path / "runs" / "run_id=b" / "manifest.json").read_text()
    (tmp_path / "latest.json").write_text(older)
    assert paths(lake, 0, timedelta(0)) == ["runs/run_id=c", "runs/run_id=a", "runs/run_id=rebuilt"]
    (tmp_path / "latest.json").unlink()
    assert "runs/run_id=d" not in paths(lake, 0, timedelta(0))


def test_staging_folders_expire_by_their_newest_file_unless_in_use(lake: Lake, tmp_path: Path):
    leave(tmp_path / "_staging" / "old.other-host.1", 9)
    leave(tmp_path / "_staging" / f"old.{HOST}.2.refused", 9)
    leave(tmp_path / "_staging" / "young.other-host.3", 2)
    leave(tmp_path / "_staging" / "at work.other-host.4", 0.9)
    mine = stage(lake, "mine")
    at = (NOW - timedelta(days=9)).timestamp()
    os.utime(mine.path.removeprefix("file:"), (at, at))
    staged = [f"_staging/old.{HOST}.2.refused", "_staging/old.other-host.1"]
    assert sorted(paths(lake, 9)) == sorted(staged)
    whats = {item.path: item.what for item in find_expired(lake, 9, WEEK, NOW)}
    assert [whats[path] for path in staged] == ["refused", "abandoned"]
    assert sorted(paths(lake, 9, timedelta(0))) == sorted([*staged, "_staging/young.other-host.3"])


def test_a_broken_off_publication_expires_on_an_object_store(lake: Lake, tmp_path: Path):
    leave(tmp_path / "runs" / "run_id=half", 8)
    assert paths(lake, 9) == []  # where a run appears by one rename, it is not ours
    lake.filesystem.renames_folders = False
    assert paths(lake, 9) == ["runs/run_id=half"]


def test_removing_takes_exactly_what_had_expired(lake: Lake, tmp_path: Path):
    for item in find_expired(lake, 2, WEEK, NOW):
        remove_expired(lake, item)
    assert lake.run_ids() == ["c", "d", "rebuilt"]
    assert list((tmp_path / "_staging").iterdir()) == []


def test_what_is_gone_or_in_use_is_not_removed(lake: Lake, tmp_path: Path):
    leave(tmp_path / "_staging" / "old.other-host.1", 9)
    gone, *_, staged = find_expired(lake, 2, WEEK, NOW)
    remove_expired(lake, gone)
    worker = lake.filesystem.claim(f"{lake.path}/{staged.path}")
    assert remove_expired(lake, gone) == "gone meanwhile"
    assert remove_expired(lake, staged) == "another process works on it"
    assert (tmp_path / "_staging" / "old.other-host.1" / "part").exists()
    worker.release()
    assert remove_expired(lake, staged) is None
    assert list((tmp_path / "_staging").iterdir()) == []


def test_a_run_that_became_the_latest_is_not_removed(lake: Lake, tmp_path: Path):
    [oldest] = find_expired(lake, 3, WEEK, NOW)
    (tmp_path / "latest.json").write_text((tmp_path / oldest.path / "manifest.json").read_text())
    assert remove_expired(lake, oldest) == "it is the latest run by now"
    assert (tmp_path / oldest.path / "manifest.json").exists()


def test_files_being_removed_do_not_look_abandoned_to_other_jobs(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    [oldest] = find_expired(lake, 3, WEEK, NOW)
    delete, seen = lake.filesystem.delete, []

    def watched(path: str) -> None:
        with monkeypatch.context() as inner:
            inner.setattr(lake.filesystem, "delete", delete)
            remove_abandoned(lake)  # as another job would
        seen.append(Path(path.removeprefix("file:")).exists())
        delete(path)

    with monkeypatch.context() as patched:
        patched.setattr(lake.filesystem, "delete", watched)
        assert remove_expired(lake, oldest) is None
    assert seen == [True]
    assert list((tmp_path / "_staging").iterdir()) == []


def test_a_broken_off_removal_is_finished_by_the_next_run(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    [oldest] = find_expired(lake, 3, WEEK, NOW)[-1:]
    with monkeypatch.context() as patched:
        patched.setattr(lake.filesystem, "delete", lambda path: (_ for _ in ()).throw(OSError("broke off")))
        with pytest.raises(OSError, match="broke off"):
            remove_expired(lake, oldest)
    assert lake.run_ids() == ["b", "c", "d", "rebuilt"]
    remove_abandoned(lake)
    assert list((tmp_path / "_staging").iterdir()) == []


def test_a_missing_lake_is_an_error_and_is_not_made(lake: Lake, tmp_path: Path):
    with pytest.raises(InputError, match="there is no such lake"):
        paths(Lake(lake.spark, str(tmp_path / "nowhere")), 1)
    assert not (tmp_path / "nowhere").exists()


# --- a lake that several users share


@pytest.fixture
def another_user(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Ask as another user may, by the permissions of others (shift 0) or of the group (shift 3): tests run as root."""

    def become(shift: int) -> None:
        def access(path: str | Path, wanted: int) -> bool:
            return (Path(path).stat().st_mode >> shift) & wanted == wanted

        def listed(path: str | Path | int) -> Any:
            if not isinstance(path, int) and not access(path, os.R_OK):
                raise PermissionError(errno.EACCES, "Permission denied", str(path))
            return scandir(path)

        scandir = os.scandir
        monkeypatch.setattr(os, "access", access)
        monkeypatch.setattr(os, "scandir", listed)
        monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)

    return become


@pytest.fixture
def shared(lake: Lake, tmp_path: Path) -> Path:
    """The lake, which everyone may write to; its oldest run has rejected lines of its owner alone."""
    rejected = tmp_path / "runs/run_id=a/rejected_transactions"
    rejected.mkdir()
    (rejected / "part").touch()
    (tmp_path / "_staging").mkdir()
    for folder in (tmp_path, tmp_path / "_staging", tmp_path / "runs", tmp_path / "runs/run_id=a"):
        folder.chmod(0o777)
    rejected.chmod(0o700)
    return tmp_path


def restrict(folder: str, mode: int) -> Callable[[Path], None]:
    return lambda lake: (lake / folder).chmod(mode)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda lake: None, "runs/run_id=a/rejected_transactions"),
        (restrict("runs/run_id=a/rejected_transactions", 0o755), "runs/run_id=a/rejected_transactions"),
        (restrict("runs/run_id=a", 0o755), "runs/run_id=a"),
        (restrict("runs", 0o1777), "runs/run_id=a"),
        (restrict("runs", 0o755), "runs/run_id=a"),
        (restrict("_staging", 0o755), "_staging"),
    ],
    ids=["rejected lines", "lines that may be read", "a run", "only owners may remove", "the runs", "the staging"],
)
def test_what_another_user_may_not_remove_whole_stays_as_it_is(
    change: Callable[[Path], None], named: str, lake: Lake, shared: Path, another_user: Callable[[int], None]
):
    [oldest] = find_expired(lake, 3, WEEK, NOW)[-1:]
    if named == "_staging":
        (shared / "runs/run_id=a/rejected_transactions").chmod(0o777)
    change(shared)
    another_user(0)
    before = sorted(shared.rglob("*"))
    assert remove_expired(lake, oldest) == f"this user may not remove or write {shared}/{named}"
    assert sorted(shared.rglob("*")) == before


def test_what_another_user_keeps_in_staging_does_not_expire(
    lake: Lake, shared: Path, another_user: Callable[[int], None]
):
    leave(shared / "_staging" / "theirs.other-host.1", 9)
    leave(shared / "_staging" / "shared.other-host.2" / "deep", 9)
    at = (NOW - timedelta(days=9)).timestamp()
    os.utime(shared / "_staging" / "shared.other-host.2", (at, at))
    (shared / "_staging" / "theirs.other-host.1").chmod(0o700)
    (shared / "_staging" / "shared.other-host.2" / "deep").chmod(0o700)
    another_user(0)
    assert paths(lake, 9) == []


def test_a_lake_without_a_staging_that_may_not_be_made_stays_as_it_is(
    lake: Lake, shared: Path, another_user: Callable[[int], None]
):
    oldest = find_expired(lake, 3, WEEK, NOW)[-1]
    (shared / "_staging").rmdir()
    shared.chmod(0o755)
    another_user(0)
    assert remove_expired(lake, oldest) == f"this user may not remove or write {shared}"
    assert not (shared / "_staging").exists()


def test_a_user_of_the_group_removes_what_is_shared_with_the_group(
    lake: Lake, shared: Path, another_user: Callable[[int], None]
):
    lake.filesystem.restrict(f"{lake.path}/runs/run_id=a/rejected_transactions", to_group=True)
    (shared / "runs/run_id=a/elsewhere").symlink_to("/")
    shared.chmod(0o755)  # the staging is there already
    (shared / "runs/run_id=a/empty").mkdir(0o755)  # goes with the folder that it is in
    another_user(3)
    [oldest] = find_expired(lake, 3, WEEK, NOW)[-1:]
    assert remove_expired(lake, oldest) is None
    assert not (shared / "runs/run_id=a").exists()
    assert list((shared / "_staging").iterdir()) == []


def test_the_job_removes_what_it_may_and_ends_with_an_error_for_the_rest(
    lake: Lake,
    shared: Path,
    another_user: Callable[[int], None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.setattr(expire_runs, "job_session", lambda *_: None)
    for name in ("run_id=b", "run_id=rebuilt"):
        (shared / "runs" / name).chmod(0o777)
    another_user(0)
    arguments = [str(shared), "--keep", "2", "--older-than", "7d"]
    assert expire_runs.main(arguments) == 0
    assert expire_runs.main([*arguments, "--apply"]) == 1
    captured = capsys.readouterr()
    assert f"kept (this user may not remove or write {shared}/runs/run_id=a/rejected_transactions)" in captured.out
    assert "error: what another user published cannot be removed: 1 folder above: let its owner" in captured.err
    assert lake.run_ids() == ["a", "c", "d"]
