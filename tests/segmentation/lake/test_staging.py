"""A run appears complete or not at all, never harms another, and what a dead process left goes with the next run."""

import logging
import os
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from segmentation.errors import ConfigError, PublishConflict, SegmentationError
from segmentation.lake import staging
from segmentation.lake.manifest import Identity
from segmentation.lake.runs import REFUSED, Lake
from segmentation.lake.staging import (
    StagedRun,
    find_run_id,
    free_run_id,
    remove_abandoned,
    require_writable,
    stage,
    update_latest,
)
from tests.segmentation.lake.bare_runs import folder_of, latest, publish, publish_staged, staged_names

STEPS = ["before rename", "after rename", "before latest.json", "after latest.json"]


class Died(BaseException):
    """The process ends here."""


@pytest.fixture
def dies_at(at_step: Callable[[str, Callable[[], object]], None]) -> Callable[[str], None]:
    def die() -> None:
        raise Died

    return lambda step: at_step(step, die)


# --- where a run may be published ---


def make_file(folder: Path) -> Path:
    (folder / "taken").write_text("here first")
    return folder / "taken"


def make_path_below_a_file(folder: Path) -> Path:
    return make_file(folder) / "lake"


@pytest.mark.parametrize(
    ("make", "message"),
    [(make_file, "is a file; name a folder"), (make_path_below_a_file, "cannot be written: Not a directory")],
)
def test_an_output_that_cannot_be_a_lake_is_refused_and_left_alone(
    lake: Lake, tmp_path: Path, make: Callable[[Path], Path], message: str
):
    output = make(tmp_path)
    with pytest.raises(ConfigError, match=re.escape(f"--output {output}: {message}")):
        require_writable(Lake(lake.spark, str(output)))
    assert (tmp_path / "taken").read_text() == "here first"
    require_writable(Lake(lake.spark, str(tmp_path / "new" / "lake")))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / "taken"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_an_output_without_permission_is_refused(lake: Lake, tmp_path: Path):
    tmp_path.chmod(0o500)
    with pytest.raises(ConfigError, match="cannot be written: Permission denied"):
        require_writable(Lake(lake.spark, str(tmp_path / "lake")))


@pytest.mark.parametrize("folder", ["", "/runs"])
def test_an_output_of_which_a_folder_is_read_only_is_refused(lake: Lake, monkeypatch: pytest.MonkeyPatch, folder: str):
    refused = f"{lake.path}{folder}"
    monkeypatch.setattr(lake.filesystem, "may_write", lambda path: path != refused)
    message = f"--output {folder_of(lake)}{folder}: cannot be written: Permission denied"
    with pytest.raises(ConfigError, match=re.escape(message)):
        require_writable(lake)


def test_a_run_id_is_free_published_taken_or_numbered(lake: Lake):
    identity = Identity("input", "asked", "abcdef0123456789")
    assert find_run_id(lake, identity, None, None, force=False) == ("abcdef012345", False)
    publish(lake, "daily", identity=identity.run)
    [daily] = lake.runs()
    assert find_run_id(lake, identity, daily, "daily", force=False) == ("daily", True)
    assert find_run_id(lake, identity, daily, "daily", force=True) == ("daily-2", False)
    # Without an id it is found under the one that it has.
    assert find_run_id(lake, identity, daily, None, force=False) == ("daily", True)
    # The same request as that of a run which is published, but upon other runs: its id is not known yet.
    publish(lake, "abcdef012345", identity=identity.run)
    assert find_run_id(lake, identity, None, None, force=False) == ("abcdef012345", False)
    assert find_run_id(lake, identity, daily, "abcdef012345", force=False) == ("abcdef012345", True)
    publish(lake, "daily-2")
    publish(lake, "daily-4")
    assert free_run_id(lake, "daily") == "daily-3"
    with pytest.raises(ConfigError, match="--run-id daily: is already published from other input"):
        find_run_id(lake, identity, None, "daily", force=False)
    (folder_of(lake) / "runs" / "run_id=half").mkdir()
    with pytest.raises(ConfigError, match=r"--run-id half: .*/runs/run_id=half exists without its manifest"):
        find_run_id(lake, identity, None, "half", force=False)


# --- in staging ---


def test_a_staging_that_could_not_be_claimed_leaves_nothing(lake: Lake, monkeypatch: pytest.MonkeyPatch):
    def interrupted(path: str) -> None:
        raise Died

    monkeypatch.setattr(lake.filesystem, "claim", interrupted)
    with pytest.raises(Died):
        stage(lake, "a")
    assert staged_names(lake) == []


def test_collected_rows_and_texts_are_a_file_each(lake: Lake):
    staged = stage(lake, "a")
    rows = [
        {"country": "EIRE", "segment_id": 1, "segment_name": "Größte", "customers": 3, "revenue": Decimal("9.5000")},
        {"country": "Spain", "segment_id": 2, "segment_name": "Low", "customers": 1, "revenue": Decimal("0.0001")},
    ]
    staged.write_small_table("country_segments", [row | {"not_declared": 1} for row in rows])
    staged.put_text("Größte\n", "report/index.html")
    folder = Path(staged.path.removeprefix("file:"))
    [table] = (folder / "country_segments").iterdir()
    assert re.fullmatch(r"part-00000-[0-9a-f-]{36}\.snappy\.parquet", table.name)
    assert pq.read_table(table).to_pylist() == rows
    assert (folder / "report" / "index.html").read_bytes() == "Größte\n".encode()


def test_discarding_deletes_a_staged_run_and_leaves_a_published_or_refused_one(lake: Lake):
    abandoned, published, refused = stage(lake, "a"), stage(lake, "b"), stage(lake, "c")
    publish_staged(published)
    left = Path(refused.refuse().removeprefix("file:"))
    for staged in (abandoned, published, refused):
        staged.discard()
    assert left.name.endswith(REFUSED)
    assert staged_names(lake) == [left.name]
    assert lake.manifest("b")["identity"] == "abc"


def test_a_task_that_still_writes_while_it_is_cancelled_leaves_nothing(lake: Lake, monkeypatch: pytest.MonkeyPatch):
    staged, delete, deleted = stage(lake, "a"), lake.filesystem.delete, []

    def delete_and_write_again(path: str) -> None:
        delete(path)
        deleted.append(path)
        if len(deleted) < 3:
            lake.filesystem.make_directory(f"{path}/customer_segments")

    monkeypatch.setattr(staging, "SECONDS_BETWEEN_ATTEMPTS", 0)
    monkeypatch.setattr(lake.filesystem, "delete", delete_and_write_again)
    staged.writes.start(lambda _: (_ for _ in ()).throw(OSError("failed")), "table")
    staged.cancel_and_discard(lambda: None)
    assert staged_names(lake) == []


def test_a_living_run_is_not_removed_as_abandoned(lake: Lake):
    staged = stage(lake, "a")
    remove_abandoned(lake)
    assert staged_names(lake) == [Path(staged.path).name]


# --- publishing ---


def test_the_steps_are_logged_in_their_order(lake: Lake, caplog: pytest.LogCaptureFixture):
    staged = stage(lake, "a")
    (Path(staged.path.removeprefix("file:")) / "rejected_transactions").mkdir()
    with caplog.at_level(logging.DEBUG, logger=staging.steps.name):
        staged.finish_writing()
        staging.reached("audited")
        publish_staged(staged)
    assert [record.getMessage() for record in caplog.records] == ["staging written", "audited", *STEPS]


# Before, at and after the commit point; scripts/crash_test kills the whole job at every step.
@pytest.mark.parametrize("step", ["before rename", "after rename", "after latest.json"])
def test_a_process_that_ends_at_any_step_leaves_a_whole_run_or_none(
    step: str, lake: Lake, dies_at: Callable[[str], None]
):
    publish(lake, "yesterday", "2011-12-09")
    dies_at(step)
    staged = stage(lake, "today")
    with pytest.raises(Died):
        publish_staged(staged)
    assert staged.claim.is_held
    staged.claim.release()  # as the end of a process does
    is_published = step != "before rename"
    assert lake.is_published("today") == is_published
    assert latest(lake) == ("today" if step == "after latest.json" else "yesterday")
    # The next run:
    remove_abandoned(lake)
    update_latest(lake)
    assert latest(lake) == ("today" if is_published else "yesterday")
    assert staged_names(lake) == []


def test_latest_moves_forward_in_as_of_and_never_back(lake: Lake):
    named = []
    for run_id, as_of in [("a", "2011-12-10"), ("b", "2011-12-09"), ("c", "2011-12-10"), ("d", "2012-01-01")]:
        publish(lake, run_id, as_of)
        named.append(latest(lake))
    assert named == ["a", "a", "c", "d"]
    assert lake.run_ids() == ["a", "b", "c", "d"]


def test_a_run_whose_id_was_taken_conflicts_and_changes_nothing(lake: Lake):
    first, second = stage(lake, "run-1"), stage(lake, "run-1")
    publish_staged(first, identity="first")
    with pytest.raises(PublishConflict, match="earlier runs or code: choose another --run-id"):
        publish_staged(second, "2012-12-10", identity="second")
    assert lake.manifest("run-1")["identity"] == "first"
    assert str(lake.latest().as_of) == "2011-12-10"


def test_of_eight_that_publish_the_same_run_one_wins_and_the_others_conflict(lake: Lake):
    staged = [stage(lake, "nightly") for _ in range(8)]

    def outcome(run: StagedRun) -> str:
        try:
            publish_staged(run)
            return "published"
        except PublishConflict as conflict:
            run.discard()
            return str(conflict)

    with ThreadPoolExecutor(8) as pool:
        outcomes = sorted(pool.map(outcome, staged))
    message = "another process published this very run, nightly, meanwhile: nothing is left to do"
    assert outcomes == [message] * 7 + ["published"]
    assert lake.run_ids() == ["nightly"]
    assert staged_names(lake) == []


def test_eight_different_runs_at_once_are_all_published(lake: Lake):
    days = [f"2011-12-{day:02}" for day in (14, 11, 18, 15, 12, 17, 13, 16)]
    staged = [stage(lake, day) for day in days]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(publish_staged, staged, days))
    assert lake.run_ids() == sorted(days)
    assert latest(lake) == "2011-12-18"


def test_forced_runs_at_once_get_a_number_each(lake: Lake):
    staged = [stage(lake, run_id) for run_id in ("daily", "daily", "daily-2", "daily-2")]
    with ThreadPoolExecutor(4) as pool:
        published = list(pool.map(lambda run: publish_staged(run, number_from="daily"), staged))
    assert sorted(published) == ["daily", "daily-2", "daily-3", "daily-4"]
    assert all(lake.manifest(run_id)["run_id"] == run_id for run_id in published)


def test_a_forced_run_whose_number_another_machine_took_gets_the_next(lake: Lake, monkeypatch: pytest.MonkeyPatch):
    staged, publish_it = stage(lake, "daily"), lake.filesystem.publish

    def another_machine_is_quicker(source: str, target: str, last: str) -> None:
        if target.endswith("run_id=daily"):
            Path(target.removeprefix("file:")).mkdir()
            raise PublishConflict("taken")
        publish_it(source, target, last)

    monkeypatch.setattr(lake.filesystem, "publish", another_machine_is_quicker)
    assert publish_staged(staged, number_from="daily") == "daily-2"
    assert lake.run_ids() == ["daily-2"]


def test_a_run_that_could_not_be_named_the_latest_is_said_to_be_published(lake: Lake, monkeypatch: pytest.MonkeyPatch):
    staged = stage(lake, "a")
    write = lake.filesystem.write_text

    def write_no_latest(path: str, text: str, folder: str) -> None:
        if path.endswith("latest.json"):
            raise OSError("No space left on device")
        write(path, text, folder)

    monkeypatch.setattr(lake.filesystem, "write_text", write_no_latest)
    message = "run a is published, but latest.json could not be written: No space left on device: solve that and start"
    with pytest.raises(SegmentationError, match=message):
        publish_staged(staged)
    assert lake.run_ids() == ["a"]
