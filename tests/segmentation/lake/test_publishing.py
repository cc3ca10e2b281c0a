"""Runs in the making never harm each other or a published one, and what a dead process left goes with the next run."""

import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from segmentation.errors import PublishConflict, SegmentationError
from segmentation.filesystem import HOST
from segmentation.filesystem.hadoop import HadoopFileSystem
from segmentation.lake import staging
from segmentation.lake.runs import Lake
from segmentation.lake.staging import StagedRun, name_latest, remove_abandoned, stage

ROOT = Path(__file__).resolve().parents[3]
# A time that no other can be compared with.
NO_ZONE = '{"format": 2, "as_of": "2011-12-10", "published_at": "2011-12-11T00:00:00"}'
STEPS = ["before rename", "after rename", "before latest.json", "after latest.json"]
# Holds a lock on the folder until it is killed, as a job does on its staging.
OWNER = """
import sys, time
from pathlib import Path
from segmentation.filesystem.local import claim_folder
claim = claim_folder(Path(sys.argv[1]))
print(flush=True)
time.sleep(60)
"""


class Died(BaseException):
    """The process ends here."""


class DiesAt(logging.Handler):
    """Ends what is going on when a step is reached."""

    def __init__(self, step: str) -> None:
        super().__init__()
        self._step = step

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage() == self._step:
            raise Died


@pytest.fixture
def dies_at() -> Iterator[Callable[[str], None]]:
    before = staging.steps.level, list(staging.steps.handlers)

    def arrange(step: str) -> None:
        staging.steps.setLevel(logging.DEBUG)
        staging.steps.addHandler(DiesAt(step))

    yield arrange
    staging.steps.setLevel(before[0])
    staging.steps.handlers = before[1]


def publish(staged: StagedRun, as_of: str = "2011-12-10", number_from: str | None = None) -> str:
    return staged.publish({"identity": "abc", "as_of": as_of}, number_from)


def latest(folder: Path) -> str:
    return str(json.loads((folder / "latest.json").read_text())["run_id"])


def staged_names(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "_staging").iterdir())


def test_the_steps_are_told_in_their_order(spark: SparkSession, tmp_path: Path, caplog: pytest.LogCaptureFixture):
    staged = stage(Lake(spark, str(tmp_path)), "a")
    (Path(staged.path.removeprefix("file:")) / "rejected_transactions").mkdir()
    with caplog.at_level(logging.DEBUG, logger=staging.steps.name):
        staged.finish_writing()
        staging.reached("audited")
        publish(staged)
    assert [record.getMessage() for record in caplog.records] == ["staging written", "audited", *STEPS]


@pytest.mark.parametrize("step", STEPS)
def test_a_process_that_ends_at_any_step_leaves_a_whole_run_or_none_and_the_next_run_mends_the_rest(
    step: str, spark: SparkSession, tmp_path: Path, dies_at: Callable[[str], None]
):
    lake = Lake(spark, str(tmp_path))
    publish(stage(lake, "yesterday"), "2011-12-09")
    dies_at(step)
    staged = stage(lake, "today")
    with pytest.raises(Died):
        publish(staged)
    assert staged.claim.is_held
    staged.claim.release()  # as the end of a process does
    published = step != "before rename"
    assert lake.is_published("today") == published
    assert latest(tmp_path) == ("today" if step == "after latest.json" else "yesterday")
    remove_abandoned(lake)
    name_latest(lake)
    assert latest(tmp_path) == ("today" if published else "yesterday")
    assert staged_names(tmp_path) == []


def test_what_a_killed_process_left_is_removed_and_what_a_living_one_works_on_is_not(
    spark: SparkSession, tmp_path: Path
):
    lake = Lake(spark, str(tmp_path))
    mine = stage(lake, "mine")
    for name in (f"dead.{HOST}.1", f"alive.{HOST}.2", "elsewhere.other-host.3", f"refused.{HOST}.4.refused"):
        (tmp_path / "_staging" / name / "deep").mkdir(parents=True)
    (tmp_path / "_staging" / f".latest.json.{HOST}.half").write_text("{")
    (tmp_path / "_staging" / ".latest.json.other-host.half").write_text("{")
    owners = [
        subprocess.Popen(
            [sys.executable, "-c", OWNER, str(tmp_path / "_staging" / name)], stdout=subprocess.PIPE, cwd=ROOT
        )
        for name in (f"dead.{HOST}.1", f"alive.{HOST}.2")
    ]
    try:
        for owner in owners:
            assert owner.stdout is not None
            owner.stdout.readline()
        owners[0].kill()
        owners[0].wait()
        remove_abandoned(lake)
        kept = [
            ".latest.json.other-host.half",
            f"alive.{HOST}.2",
            "elsewhere.other-host.3",
            Path(mine.path).name,
            f"refused.{HOST}.4.refused",
        ]
        assert staged_names(tmp_path) == sorted(kept)
    finally:
        for owner in owners:
            owner.kill()
            owner.communicate()


def test_of_eight_that_publish_the_same_run_at_once_one_wins_and_the_others_are_told(
    spark: SparkSession, tmp_path: Path
):
    lake = Lake(spark, str(tmp_path))
    staged = [stage(lake, "nightly") for _ in range(8)]

    def outcome(one: StagedRun) -> str:
        try:
            publish(one)
            return "published"
        except PublishConflict as conflict:
            one.discard()
            return str(conflict)

    with ThreadPoolExecutor(8) as pool:
        outcomes = sorted(pool.map(outcome, staged))
    told = "another process published this very run, nightly, meanwhile: nothing is left to do"
    assert outcomes == [told] * 7 + ["published"]
    assert lake.run_ids() == ["nightly"]
    assert staged_names(tmp_path) == []


def test_eight_different_runs_at_once_are_all_published_and_the_latest_day_is_named(
    spark: SparkSession, tmp_path: Path
):
    lake = Lake(spark, str(tmp_path))
    days = [f"2011-12-{day:02}" for day in (14, 11, 18, 15, 12, 17, 13, 16)]
    staged = [stage(lake, day) for day in days]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(publish, staged, days))
    assert lake.run_ids() == sorted(days)
    assert latest(tmp_path) == "2011-12-18"


def test_of_runs_of_one_day_the_one_published_last_is_the_latest(spark: SparkSession, tmp_path: Path):
    lake = Lake(spark, str(tmp_path))
    first_staged, second_staged = stage(lake, "b"), stage(lake, "a")
    for staged in (second_staged, first_staged):
        publish(staged)
        assert latest(tmp_path) == staged.run_id


def test_forced_runs_at_once_are_published_side_by_side(spark: SparkSession, tmp_path: Path):
    lake = Lake(spark, str(tmp_path))
    staged = [stage(lake, run_id) for run_id in ("daily", "daily", "daily-2", "daily-2")]
    with ThreadPoolExecutor(4) as pool:
        published = list(pool.map(lambda one: publish(one, number_from="daily"), staged))
    assert sorted(published) == ["daily", "daily-2", "daily-3", "daily-4"]
    assert all(lake.manifest(run_id)["run_id"] == run_id for run_id in published)


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", '{"run_id": "../../x"}', '{"run_id": "a", "path": "elsewhere"}']
)
def test_a_latest_that_was_damaged_is_written_anew(content: str, spark: SparkSession, tmp_path: Path):
    lake = Lake(spark, str(tmp_path))
    publish(stage(lake, "a"))
    (tmp_path / "latest.json").write_text(content)
    name_latest(lake)
    assert latest(tmp_path) == "a"


def test_a_damaged_manifest_of_another_run_does_not_stop_a_publication(
    spark: SparkSession, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    lake = Lake(spark, str(tmp_path))
    for name, content in (("broken", "{"), ("foreign", '{"made": "by hand"}'), ("without", NO_ZONE)):
        (tmp_path / "runs" / f"run_id={name}").mkdir(parents=True)
        (tmp_path / "runs" / f"run_id={name}" / "manifest.json").write_text(content)
    publish(stage(lake, "a"))
    assert latest(tmp_path) == "a"
    assert "run_id=broken/manifest.json: is not what this job writes there" in caplog.text
    assert "run_id=foreign/manifest.json: is not what this job writes there" in caplog.text
    assert "run_id=without/manifest.json: is not what this job writes there" in caplog.text


def test_a_clock_that_was_set_back_makes_no_run_older_than_the_one_before_it(spark: SparkSession, tmp_path: Path):
    lake = Lake(spark, str(tmp_path))
    publish(stage(lake, "before"))
    for place in (tmp_path / "latest.json", tmp_path / "runs" / "run_id=before" / "manifest.json"):
        place.write_text(json.dumps(json.loads(place.read_text()) | {"published_at": "2099-01-01T00:00:00+00:00"}))
    publish(stage(lake, "after"))
    assert latest(tmp_path) == "after"


@pytest.mark.parametrize("older", ["2011-01-01", "2012-01-01"])
def test_latest_stays_on_a_run_whose_manifest_cannot_be_read_just_now(older: str, spark: SparkSession, tmp_path: Path):
    lake = Lake(spark, str(tmp_path))
    publish(stage(lake, "older"), older)
    publish(stage(lake, "newest"), "2012-01-01")
    (tmp_path / "runs" / "run_id=newest" / "manifest.json").write_text("{")
    name_latest(lake)
    assert latest(tmp_path) == "newest"


def test_where_nobody_waits_a_newer_run_that_appears_meanwhile_is_named(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    lake = Lake(spark, str(tmp_path))
    write, elsewhere = lake.filesystem.write_text, tmp_path / "runs" / "run_id=elsewhere"

    def another_machine_is_quicker(path: str, text: str, staging: str) -> None:
        if path.endswith("latest.json") and not elsewhere.exists():
            elsewhere.mkdir()
            content = {"format": 2, "as_of": "2012-01-01", "published_at": "2012-01-02T00:00:00+00:00"}
            (elsewhere / "manifest.json").write_text(json.dumps(content))
        write(path, text, staging)

    monkeypatch.setattr(lake.filesystem, "write_text", another_machine_is_quicker)
    publish(stage(lake, "here"), "2011-12-10")
    assert latest(tmp_path) == "elsewhere"


def test_a_staging_that_could_not_be_made_whole_leaves_nothing(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    lake = Lake(spark, str(tmp_path))

    def interrupted(path: str) -> None:
        raise Died

    monkeypatch.setattr(lake.filesystem, "claim", interrupted)
    with pytest.raises(Died):
        stage(lake, "a")
    assert staged_names(tmp_path) == []


def test_a_run_that_could_not_be_named_the_latest_is_told_to_be_published(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    lake = Lake(spark, str(tmp_path))
    staged = stage(lake, "a")
    write = lake.filesystem.write_text

    def write_no_latest(path: str, text: str, staging: str) -> None:
        if path.endswith("latest.json"):
            raise OSError("No space left on device")
        write(path, text, staging)

    monkeypatch.setattr(lake.filesystem, "write_text", write_no_latest)
    told = "run a is published, but latest.json could not be written: No space left on device: mend that and start"
    with pytest.raises(SegmentationError, match=told):
        publish(staged)
    assert lake.run_ids() == ["a"]


def on_an_object_store(spark: SparkSession, folder: Path) -> Lake:
    """A lake whose folders are renamed file by file, by Hadoop, and where nobody can lock."""
    lake = Lake(spark, str(folder))
    lake.filesystem = HadoopFileSystem(spark, str(folder))
    return lake


def test_on_an_object_store_a_run_is_there_when_its_manifest_is(spark: SparkSession, tmp_path: Path):
    lake = on_an_object_store(spark, tmp_path)
    staged = stage(lake, "a")
    lake.filesystem.make_directory(f"{staged.path}/k_sweep")
    publish(staged)
    assert lake.run_ids() == ["a"]
    assert (latest(tmp_path), lake.latest_run_id()) == ("a", "a")
    names = {path.name for path in (tmp_path / "runs" / "run_id=a").iterdir()}
    assert {name for name in names if not name.startswith(".")} == {"k_sweep", "manifest.json"}


def test_on_an_object_store_a_run_that_broke_off_is_not_seen_and_blocks_its_id_with_a_plain_message(
    spark: SparkSession, tmp_path: Path
):
    lake = on_an_object_store(spark, tmp_path)
    (tmp_path / "runs" / "run_id=a" / "k_sweep").mkdir(parents=True)
    assert lake.run_ids() == []
    assert lake.unfinished_run_ids() == ["a"]
    with pytest.raises(PublishConflict, match="or ended before it was done: then expire_runs removes it"):
        publish(stage(lake, "a"))
