"""What latest.json names in spite of damage, clocks and races, and how a run is published on an object store."""

import json

import pytest

from segmentation.errors import PublishConflict
from segmentation.filesystem.hadoop import HadoopFileSystem
from segmentation.lake.runs import Lake
from segmentation.lake.staging import stage, update_latest
from tests.segmentation.lake.bare_runs import folder_of, latest, publish, publish_staged

# A time that no other can be compared with.
NO_ZONE = '{"format": 2, "as_of": "2011-12-10", "published_at": "2011-12-11T00:00:00"}'


@pytest.mark.parametrize("content", ["{", "[]", '{"run_id": "../../x"}', '{"run_id": "a", "path": "elsewhere"}'])
def test_a_damaged_latest_json_is_replaced(content: str, lake: Lake):
    publish(lake, "a")
    (folder_of(lake) / "latest.json").write_text(content)
    update_latest(lake)
    assert latest(lake) == "a"


def test_damaged_manifests_of_other_runs_do_not_stop_a_publication(lake: Lake, caplog: pytest.LogCaptureFixture):
    for name, content in (("broken", "{"), ("foreign", '{"made": "by hand"}'), ("without", NO_ZONE)):
        path = folder_of(lake) / "runs" / f"run_id={name}" / "manifest.json"
        path.parent.mkdir(parents=True)
        path.write_text(content)
    publish(lake, "a")
    assert latest(lake) == "a"
    for name in ("broken", "foreign", "without"):
        assert f"run_id={name}/manifest.json: was not written by this job: restore or remove it" in caplog.text


def test_a_clock_that_was_set_back_makes_no_run_older_than_the_one_before(lake: Lake):
    publish(lake, "before")
    for path in (folder_of(lake) / "latest.json", folder_of(lake) / "runs" / "run_id=before" / "manifest.json"):
        path.write_text(json.dumps(json.loads(path.read_text()) | {"published_at": "2099-01-01T00:00:00+00:00"}))
    publish(lake, "after")
    assert latest(lake) == "after"


def test_latest_stays_on_a_run_whose_manifest_cannot_be_read(lake: Lake):
    publish(lake, "older", "2012-01-01")
    publish(lake, "newest", "2012-01-01")
    (folder_of(lake) / "runs" / "run_id=newest" / "manifest.json").write_text("{")
    update_latest(lake)
    assert latest(lake) == "newest"


def test_a_newer_run_that_appears_while_latest_is_written_is_named(lake: Lake, monkeypatch: pytest.MonkeyPatch):
    write, elsewhere = lake.filesystem.write_text, folder_of(lake) / "runs" / "run_id=elsewhere"

    def another_machine_is_quicker(path: str, text: str, folder: str) -> None:
        if path.endswith("latest.json") and not elsewhere.exists():
            elsewhere.mkdir()
            content = {"format": 2, "as_of": "2012-01-01", "published_at": "2012-01-02T00:00:00+00:00"}
            (elsewhere / "manifest.json").write_text(json.dumps(content))
        write(path, text, folder)

    monkeypatch.setattr(lake.filesystem, "write_text", another_machine_is_quicker)
    publish(lake, "here")
    assert latest(lake) == "elsewhere"


# --- on an object store: folders are renamed file by file, and nobody can lock ---


@pytest.fixture
def object_store(spark_lake: Lake) -> Lake:
    spark_lake.filesystem = HadoopFileSystem(spark_lake.spark, spark_lake.path)
    return spark_lake


def test_on_an_object_store_a_run_is_published_with_its_manifest(object_store: Lake):
    staged = stage(object_store, "a")
    object_store.filesystem.make_directory(f"{staged.path}/k_sweep")
    publish_staged(staged)
    assert object_store.run_ids() == ["a"]
    assert latest(object_store) == "a"
    names = {path.name for path in (folder_of(object_store) / "runs" / "run_id=a").iterdir()}
    assert {name for name in names if not name.startswith(".")} == {"k_sweep", "manifest.json"}


def test_on_an_object_store_a_broken_off_run_is_unseen_and_blocks_its_id(object_store: Lake):
    (folder_of(object_store) / "runs" / "run_id=a" / "k_sweep").mkdir(parents=True)
    assert object_store.run_ids() == []
    assert object_store.unfinished_run_ids() == ["a"]
    with pytest.raises(PublishConflict, match="or ended before it was done: then expire_runs removes it"):
        publish(object_store, "a")
