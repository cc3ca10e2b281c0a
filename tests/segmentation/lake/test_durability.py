"""A published run outlives a power failure, is made under the lock, and keeps sensitive tables from others."""

import json
import re
import stat
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from segmentation import schemas as s
from segmentation.errors import ConfigError, InputError
from segmentation.filesystem import temporary_name
from segmentation.lake.expiry import Expired, remove_expired
from segmentation.lake.runs import Lake
from segmentation.lake.staging import StagedRun, remove_abandoned, require_writable, stage, update_latest
from tests.segmentation.lake.bare_runs import folder_of, latest, publish, publish_staged
from tests.segmentation.lake.disks import Disk, Power

FILES = ("customer_segments/part-0.parquet", "rejected_transactions/part-0.parquet", "exports/a.csv", "model/data/part")
OF_HADOOP = ("customer_segments/_SUCCESS", "customer_segments/.part-0.parquet.crc", "model/data/.part.crc")


@pytest.fixture
def power(monkeypatch: pytest.MonkeyPatch) -> Power:
    return Power(monkeypatch)


def staged_with_files(lake: Lake, run_id: str = "a") -> StagedRun:
    """Stage a run as Spark writes it, with Hadoop's own files."""
    staged = stage(lake, run_id)
    for name in (*FILES, *OF_HADOOP):
        path = Path(staged.path.removeprefix("file:")) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return staged


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# --- a power failure


def test_a_published_run_survives_a_power_failure(lake: Lake, power: Power):
    publish(lake, "yesterday", "2011-12-09")
    staged = staged_with_files(lake)
    staged.finish_writing()
    publish_staged(staged)
    power.fail(folder_of(lake))
    assert latest(lake) == "a"
    assert files_in(folder_of(lake) / "runs/run_id=a") == sorted([*FILES, "manifest.json"])
    assert lake.run_ids() == ["a", "yesterday"]


def test_all_of_a_run_is_durable_before_it_is_renamed(lake: Lake, power: Power, at_step: Callable[..., None]):
    staged = staged_with_files(lake)
    staged.finish_writing()
    unsynced: list[list[str]] = []
    at_step("before rename", lambda: unsynced.append(power.unsynced(Path(staged.path.removeprefix("file:")))))
    publish_staged(staged)
    assert unsynced == [[]]


# --- the lock


def test_what_others_see_changes_under_the_lock_alone(lake: Lake):
    require_writable(lake)
    for run_id, as_of in (("a", "2011-12-09"), ("b", "2011-12-10")):
        staged = stage(lake, run_id)
        publish_staged(staged, as_of)
        staged.discard()
    (folder_of(lake) / "latest.json").unlink()
    update_latest(lake)
    left = folder_of(lake) / "_staging" / temporary_name("left")
    left.mkdir()
    remove_abandoned(lake)
    assert not left.exists()
    assert remove_expired(lake, Expired("runs/run_id=a", "", timedelta(0))) is None
    assert isinstance(lake.filesystem, Disk)
    assert lake.filesystem.unlocked == []


def test_the_lock_is_held_until_the_block_ends(lake: Lake):
    assert isinstance(lake.filesystem, Disk)
    with lake.filesystem.exclusive():
        assert lake.filesystem.is_locked()
    assert not lake.filesystem.is_locked()
    assert not lake.filesystem.claim(f"{lake.path}/gone").is_held, "nor is a folder that cannot be opened"


# --- who may read what


@pytest.mark.parametrize(("to_group", "folder", "file"), [(False, 0o700, 0o600), (True, 0o770, 0o640)])
def test_sensitive_tables_are_for_the_owner_or_the_group(lake: Lake, to_group: bool, folder: int, file: int):
    runs = folder_of(lake) / "runs"
    runs.mkdir(parents=True)
    runs.chmod(0o2775)
    staged = staged_with_files(lake)
    assert mode(Path(staged.path.removeprefix("file:"))) == 0o700, "of the owner alone while it is written"
    staged.finish_writing(to_group)
    publish_staged(staged)
    run = runs / "run_id=a"
    for name in ("rejected_transactions", "exports"):
        assert mode(run / name) == folder
        assert {mode(inner) for inner in (run / name).iterdir()} == {file}
    assert mode(run) == 0o2775
    assert mode(run / "customer_segments") & 0o055 == 0o055


def test_what_is_made_in_a_folder_of_a_group_belongs_to_the_group(lake: Lake):
    staged = folder_of(lake) / "_staging"
    staged.mkdir(parents=True)
    staged.chmod(0o2770)
    path = Path(stage(lake, "a").path.removeprefix("file:"))
    assert mode(path) == 0o2700
    (path / "rejected_transactions").mkdir()
    lake.filesystem.restrict(f"file:{path}/rejected_transactions", to_group=True)
    assert mode(path / "rejected_transactions") == 0o2770


def test_a_small_table_is_read_back_without_hadoops_files(lake: Lake):
    staged, row = stage(lake, "a"), {s.RULE: "clean", s.ROWS: 3, s.SHARE: 1.0, s.REVENUE: Decimal("1.5000")}
    rows = [{name: row.get(name, 0) for name in s.DATA_QUALITY.names}]
    staged.write_small_table("data_quality", rows)
    (Path(staged.path.removeprefix("file:")) / "data_quality/.part.parquet.crc").touch()
    assert staged.small_table("data_quality") == rows


# --- limits


class Written:
    """A frame that notes how it is written, and whose lists have two files for the segment 7."""

    def __init__(self) -> None:
        self.schema = s.TABLES["customer_segments"]
        self.noted: dict[str, object] = {}
        self.write = self

    def option(self, key: str, value: object) -> "Written":
        return self.options(**{key: value})

    def options(self, **options: object) -> "Written":
        self.noted |= options
        return self

    def partitionBy(self, *_: str) -> "Written":  # noqa: N802 - Spark's name
        return self

    def parquet(self, path: str) -> None:
        Path(path.removeprefix("file:")).mkdir()

    def csv(self, path: str) -> None:
        folder = Path(path.removeprefix("file:")) / "segment_id=7"
        self.noted["mode"] = mode(folder.parents[1])
        folder.mkdir(parents=True)
        for name in ("part-0.csv", "part-1.csv", "_SUCCESS"):
            (folder / name).write_text(name)


def test_no_file_has_more_rows_than_checksums_take_and_a_long_list_goes_on_in_a_second_file(lake: Lake):
    table, lists = Written(), Written()
    staged = stage(lake, "a")
    staged.write_table("customer_segments", table)
    staged.write_exports(lists, {7: "high-spend.csv"})
    staged.writes.wait()
    for written in (table, lists):
        assert 0 < written.noted["maxRecordsPerFile"] <= 5_000_000, "of 400 bytes each: below 2 GiB"
    folder = Path(staged.path.removeprefix("file:")) / "exports"
    assert lists.noted["mode"] == 0o700, "while it is written"
    assert {path.name: path.read_text() for path in folder.iterdir()} == {
        "high-spend.csv": "part-0.csv",
        "high-spend-part-2.csv": "part-1.csv",
    }
    assert mode(folder) == 0o700


@pytest.mark.parametrize("number", [0, 3, "2", None])
def test_a_manifest_of_another_format_is_not_read(lake: Lake, number: object):
    publish(lake, "a")
    path = folder_of(lake) / "runs/run_id=a/manifest.json"
    text = path.read_text()
    for readable in (1, 2):
        path.write_text(text.replace('"format": 2', f'"format": {readable}'))
        assert lake.manifest("a")["format"] == readable
    path.write_text(text.replace('"format": 2', f'"format": {json.dumps(number)}'))
    with pytest.raises(InputError, match="was published by a newer version, or by another program"):
        lake.manifest("a")


def test_a_manifest_that_cannot_be_opened_is_named(lake: Lake):
    publish(lake, "a")
    path = folder_of(lake) / "runs/run_id=a/manifest.json"
    path.unlink()
    path.mkdir()
    with pytest.raises(InputError, match=re.escape(f"{path}: cannot be read: Is a directory")):
        lake.manifest("a")


def test_a_colon_is_part_of_a_folders_name_unless_it_may_end_a_scheme(lake: Lake):
    for path in ("./a:b", "shops/a:b/lake", "/a:b/lake"):
        assert Lake(lake.spark, path).path == f"file:{Path(path)}"
    for path in ("a:b", "a:b/lake"):
        with pytest.raises(ConfigError, match=re.escape(f"lake {path}: is no URI; a folder of this machine with a")):
            Lake(lake.spark, path)
