"""A run appears whole or not at all, is never changed afterwards, and is found again by its name."""

import hashlib
import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pytest
from chispa import assert_df_equality
from pyspark.sql import DataFrame, SparkSession

from segmentation import schemas as s
from segmentation.config.files import load_config
from segmentation.config.settings import RunConfig
from segmentation.errors import ConfigError, InputError, PublishConflict, QualityGateError
from segmentation.filesystem import StoredFile, filesystem_for
from segmentation.lake import manifest
from segmentation.lake.manifest import Identity, identify, require_run_id
from segmentation.lake.runs import Lake, PublishedRun, read_table
from segmentation.lake.staging import free_run_id, require_writable, stage

CONFIG = Path(__file__).resolve().parents[3] / "conf" / "online_retail.yaml"
FILE = StoredFile("file:/data/a.csv", 100, 1_300_000_000_000)


def quality(spark: SparkSession) -> DataFrame:
    return (
        spark.createDataFrame([("clean", 3, 1.0, None)], s.DATA_QUALITY.simpleString())
        .na.fill({"revenue": 0})
        .coalesce(1)
    )


def publish(lake: Lake, run_id: str, as_of: str = "2011-12-10", identity: str = "abc") -> str:
    """A run of nothing but its manifest."""
    return lake.run_path(stage(lake, run_id).publish({"identity": identity, "as_of": as_of}))


def latest(folder: Path) -> str:
    return str(json.loads((folder / "latest.json").read_text())["run_id"])


@dataclass(frozen=True)
class Whole:
    """A lake with one published run of every table."""

    folder: Path
    published: str
    contents: dict
    names_before: list[str]


@pytest.fixture(scope="module")
def whole(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    folder = tmp_path_factory.mktemp("lakes") / "a lake with 50%20 off & ünïcode"
    lake = Lake(spark, str(folder))
    require_writable(lake)
    staged = stage(lake, "run-1")
    for table, schema in s.TABLES.items():
        frame = quality(spark) if table == "data_quality" else spark.createDataFrame([], schema).coalesce(1)
        staged.write_table(table, frame)
    chart = folder.parent / "elbow.png"
    chart.write_bytes(b"\x89PNG and so on")
    staged.put_file(chart, "charts/elbow.png")
    names_before = sorted(path.name for path in folder.iterdir())
    staged.finish_writing()
    contents = manifest.contents({table: staged.table(table).count() for table in s.TABLES}, staged.checksums())
    published = staged.publish({"identity": "abc", "as_of": "2011-12-10", **contents})
    return Whole(folder, lake.run_path(published), contents, names_before)


def test_nothing_is_under_runs_before_a_run_is_published(whole: Whole):
    assert whole.names_before == ["_staging"]


def test_a_published_run_holds_its_tables_charts_and_manifest_and_leaves_nothing_staged(whole: Whole):
    run = whole.folder / "runs" / "run_id=run-1"
    assert whole.published == f"file:{run}"
    assert {path.name for path in run.iterdir()} == {*s.TABLES, "charts", "manifest.json"}
    assert list((whole.folder / "_staging").iterdir()) == []


def test_the_latest_run_is_named_with_its_path_and_day(whole: Whole):
    content = json.loads((whole.folder / "latest.json").read_text())
    assert (content["run_id"], content["path"], content["as_of"]) == ("run-1", "runs/run_id=run-1", "2011-12-10")
    assert (whole.folder / content["path"] / "manifest.json").is_file()


def test_a_table_is_read_back_from_the_latest_run_and_by_name(spark: SparkSession, whole: Whole):
    for run_id in (None, "run-1"):
        read = read_table(spark, str(whole.folder), "data_quality", run_id)
        assert_df_equality(read, quality(spark), ignore_nullable=True)


def test_checksums_are_those_of_every_file_that_readers_see(whole: Whole):
    run = whole.folder / "runs" / "run_id=run-1"
    seen = {
        str(path.relative_to(run)): {
            "bytes": path.stat().st_size,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
        for path in run.rglob("*")
        if path.is_file() and not path.name.startswith(("_", ".")) and path.name != "manifest.json"
    }
    content = json.loads((run / "manifest.json").read_text())
    told = {**content["files"]}
    for table in content["tables"].values():
        told |= table["files"]
    assert told == seen
    assert "charts/elbow.png" in seen
    assert len(seen) == len(s.TABLES) + 1


def test_the_manifest_tells_rows_bytes_and_schema_of_every_table(whole: Whole):
    assert set(whole.contents["tables"]) == set(s.TABLES)
    told = whole.contents["tables"]["data_quality"]
    assert told["rows"] == 1
    assert told["bytes"] == sum(facts["bytes"] for facts in told["files"].values()) > 0
    assert [field["name"] for field in told["schema"]["fields"]] == ["rule", "rows", "share", "revenue"]
    assert whole.contents["tables"]["k_sweep"]["rows"] == 0


def test_an_unknown_table_is_answered_with_the_known_ones(spark: SparkSession, whole: Whole):
    with pytest.raises(InputError, match=r"there is no table 'customers': known are customer_segments, .*data_quality"):
        read_table(spark, str(whole.folder), "customers")


def test_a_manifest_that_names_no_files_is_told_of_with_its_place(spark: SparkSession, tmp_path: Path):
    run = PublishedRun(spark, "a", f"file:{tmp_path}/runs/run_id=a", {"format": 2, "tables": {"k_sweep": {}}})
    message = rf"run a: {tmp_path}/runs/run_id=a/manifest.json names no files of the table k_sweep: restore or remove"
    with pytest.raises(InputError, match=message):
        run.table("k_sweep")


def test_an_unknown_run_is_named_with_its_lake(spark: SparkSession, whole: Whole):
    with pytest.raises(InputError, match=re.escape(f"{whole.folder}: there is no run 'run-9'")):
        read_table(spark, str(whole.folder), "k_sweep", "run-9")


@pytest.mark.parametrize("run_id", ["../../elsewhere", "run-1/../run-1", "", "/etc"])
def test_a_run_id_cannot_lead_out_of_the_lake(run_id: str, spark: SparkSession, whole: Whole):
    with pytest.raises(ConfigError, match="may have letters, digits"):
        Lake(spark, str(whole.folder)).run_path(run_id)


def test_a_lake_without_runs_says_so(spark: SparkSession, tmp_path: Path):
    with pytest.raises(InputError, match=re.escape(f"{tmp_path}: nothing has been published in this lake")):
        read_table(spark, str(tmp_path), "k_sweep")


def test_a_table_of_another_schema_is_neither_written_nor_read(spark: SparkSession, tmp_path: Path):
    lake = Lake(spark, str(tmp_path))
    staged = stage(lake, "run-1")
    wrong = quality(spark).withColumnRenamed("share", "part")
    with pytest.raises(QualityGateError, match=r"table data_quality .* missing share double; unexpected part double"):
        staged.write_table("data_quality", wrong)
    wrong.write.parquet(f"{staged.path}/data_quality")
    staged.publish(
        {"identity": "abc", "as_of": "2011-12-10", **manifest.contents(dict.fromkeys(s.TABLES, 1), staged.checksums())}
    )
    with pytest.raises(QualityGateError, match=r"table data_quality .* missing share double; unexpected part double"):
        read_table(spark, str(tmp_path), "data_quality")


@pytest.mark.parametrize("name", ["plain", "two words", "50%", "a%20b", "q=1&x=2", "año", "it's", "semi;colon,comma"])
def test_a_lake_may_have_any_ordinary_name(spark: SparkSession, tmp_path: Path, name: str):
    folder = tmp_path / name
    lake = Lake(spark, str(folder))
    require_writable(lake)
    publish(lake, "run-1")
    assert sorted(path.name for path in tmp_path.iterdir()) == [name]
    assert (folder / "runs" / "run_id=run-1" / "manifest.json").is_file()
    assert lake.latest_run_id() == "run-1"
    assert lake.manifest("run-1")["identity"] == "abc"


def test_latest_moves_forward_in_as_of_and_never_back(spark: SparkSession, tmp_path: Path):
    lake = Lake(spark, str(tmp_path))
    named = []
    for run_id, as_of in [("a", "2011-12-10"), ("b", "2011-12-09"), ("c", "2011-12-10"), ("d", "2012-01-01")]:
        publish(lake, run_id, as_of)
        named.append(latest(tmp_path))
    assert named == ["a", "a", "c", "d"]
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == [f"run_id={run_id}" for run_id in "abcd"]


def test_a_run_whose_id_was_taken_meanwhile_conflicts_and_changes_nothing(spark: SparkSession, tmp_path: Path):
    lake = Lake(spark, str(tmp_path))
    first, second = stage(lake, "run-1"), stage(lake, "run-1")
    assert first.path != second.path
    first.publish({"identity": "first", "as_of": "2011-12-10"})
    with pytest.raises(PublishConflict, match="from other input, configuration or code: choose another --run-id"):
        second.publish({"identity": "second", "as_of": "2012-12-10"})
    assert lake.manifest("run-1")["identity"] == "first"
    assert json.loads((tmp_path / "latest.json").read_text())["as_of"] == "2011-12-10"


def test_discarding_removes_a_run_in_the_making_and_leaves_a_published_one(spark: SparkSession, tmp_path: Path):
    lake = Lake(spark, str(tmp_path))
    abandoned, published = stage(lake, "a"), stage(lake, "b")
    published.publish({"identity": "abc", "as_of": "2011-12-10"})
    abandoned.discard()
    published.discard()
    assert list((tmp_path / "_staging").iterdir()) == []
    assert lake.manifest("b")["identity"] == "abc"


def test_the_manifest_keeps_what_it_was_given_and_the_run_id(spark: SparkSession, tmp_path: Path):
    lake = Lake(spark, str(tmp_path))
    stage(lake, "run-1").publish({"identity": "abc", "as_of": "2011-12-10", "title": 'Kunden "£" – größte'})
    told = lake.manifest("run-1")
    assert {name: told[name] for name in ("run_id", "identity", "as_of", "title")} == {
        "run_id": "run-1",
        "identity": "abc",
        "as_of": "2011-12-10",
        "title": 'Kunden "£" – größte',
    }


def test_a_taken_run_id_gets_the_first_free_number(spark: SparkSession, tmp_path: Path):
    lake = Lake(spark, str(tmp_path))
    free = [free_run_id(lake, "daily")]
    for taken in ("daily", "daily-2", "daily-4"):
        publish(lake, taken)
        free.append(free_run_id(lake, "daily"))
    assert free == ["daily", "daily-2", "daily-3", "daily-3"]


def test_a_staged_run_is_not_published(spark: SparkSession, tmp_path: Path):
    lake = Lake(spark, str(tmp_path))
    stage(lake, "run-1")
    assert not lake.is_published("run-1")
    assert lake.run_ids() == []


def make_file(folder: Path) -> Path:
    (folder / "taken").write_text("here first")
    return folder / "taken"


def make_path_below_a_file(folder: Path) -> Path:
    return make_file(folder) / "lake"


@pytest.mark.parametrize(
    ("make", "message"),
    [(make_file, "is a file; name a folder"), (make_path_below_a_file, "cannot be written: Not a directory")],
)
def test_an_output_that_cannot_be_a_lake_is_refused_and_left_as_it_was(
    spark: SparkSession, tmp_path: Path, make: Callable[[Path], Path], message: str
):
    output = make(tmp_path)
    with pytest.raises(ConfigError, match=re.escape(f"--output {output}: {message}")):
        require_writable(Lake(spark, str(output)))
    assert (tmp_path / "taken").read_text() == "here first"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_an_output_without_permission_is_refused(spark: SparkSession, tmp_path: Path):
    tmp_path.chmod(0o500)
    with pytest.raises(ConfigError, match="cannot be written: Permission denied"):
        require_writable(Lake(spark, str(tmp_path / "lake")))


def test_an_unknown_file_system_is_refused_in_one_line_without_a_stack_trace(spark: SparkSession):
    with pytest.raises(ConfigError, match=r"lake nosuch://host/lake: cannot be reached: ") as refused:
        Lake(spark, "nosuch://host/lake")
    assert 'No FileSystem for scheme "nosuch"' in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


def test_looking_whether_a_lake_is_writable_leaves_nothing_in_it(spark: SparkSession, tmp_path: Path):
    require_writable(Lake(spark, str(tmp_path / "new" / "lake")))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_text_file_is_replaced_whole(spark: SparkSession, tmp_path: Path):
    storage = filesystem_for(spark, str(tmp_path))
    for text in ("a longer text – with £", "short"):
        storage.write_text(f"{storage.root}/note.txt", text, staging=storage.root)
        assert storage.read_text(f"{storage.root}/note.txt") == text
    assert [path.name for path in tmp_path.iterdir()] == ["note.txt"]


def test_files_are_found_sorted_by_path_below_folders_without_hidden_ones_and_by_pattern(
    spark: SparkSession, tmp_path: Path
):
    for name in ("b.csv", "a.csv", "_SUCCESS", ".a.csv.crc", "deep/c.csv", "_staging/d.csv", "e.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("12345")
    os.utime(tmp_path / "a.csv", (1_300_000_000, 1_300_000_000))
    storage = filesystem_for(spark, str(tmp_path))

    def found(pattern: str) -> list[str]:
        return [file.path.removeprefix(f"{storage.root}/") for file in storage.find(pattern)]

    assert found(str(tmp_path)) == ["a.csv", "b.csv", "deep/c.csv", "e.txt"]
    assert found(f"{tmp_path}/*.csv") == ["a.csv", "b.csv"]
    assert found(f"{tmp_path}/nothing") == []
    assert storage.find(f"{tmp_path}/a.csv") == [StoredFile(f"{storage.root}/a.csv", 5, 1_300_000_000_000)]


def test_a_file_that_is_not_there_cannot_be_read(spark: SparkSession, tmp_path: Path):
    with pytest.raises(OSError, match=r"missing\.csv"):
        filesystem_for(spark, str(tmp_path)).head(f"{tmp_path}/missing.csv", 10)


def config(*overrides: str) -> RunConfig:
    return load_config(str(CONFIG), overrides)


def test_equal_input_configuration_and_day_give_the_same_run(tmp_path: Path):
    rewritten = tmp_path / "same.yaml"
    # The same settings in another order, with another comment.
    sections = re.split(r"\n(?=[a-z]+:)", CONFIG.read_text())
    rewritten.write_text("# other words\n" + "\n".join(reversed(sections)))
    day = date(2011, 12, 10)
    once, again = identify([FILE], config(), day), identify([FILE], load_config(str(rewritten)), day)
    assert once == again
    assert re.fullmatch("[0-9a-f]{12}", once.default_run_id)
    assert require_run_id(once.default_run_id) == once.default_run_id


def test_writing_out_a_default_gives_the_same_run():
    assert identify([FILE], config("clustering.seed=1"), None) == identify([FILE], config(), None)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(lambda: identify([replace(FILE, modified_ms=FILE.modified_ms + 1)], config(), None), id="mtime"),
        pytest.param(lambda: identify([replace(FILE, size=101)], config(), None), id="size"),
        pytest.param(lambda: identify([replace(FILE, path="file:/data/b.csv")], config(), None), id="path"),
        pytest.param(lambda: identify([FILE, FILE], config(), None), id="one file more"),
        pytest.param(lambda: identify([FILE], config("clustering.seed=2"), None), id="configuration"),
        pytest.param(lambda: identify([FILE], config(), date(2011, 12, 10)), id="as_of"),
    ],
)
def test_other_input_configuration_or_day_gives_another_run(other: Callable[[], Identity]):
    assert other().run != identify([FILE], config(), None).run


def test_the_input_fingerprint_knows_the_input_alone():
    ours = identify([FILE], config(), None).input_fingerprint
    assert identify([FILE], config("clustering.seed=2"), date(2011, 12, 10)).input_fingerprint == ours
    assert identify([replace(FILE, size=101)], config(), None).input_fingerprint != ours


@pytest.mark.parametrize(
    "run_id", ["a/b", "..", ".", "", ".x", "-x", "_x", "a b", " a", "a\n", "a\\b", "ü", "a%b", "a" * 101]
)
def test_a_run_id_that_could_not_be_one_folder_everywhere_is_refused(run_id: str):
    with pytest.raises(
        ConfigError, match=re.escape(f"--run-id {run_id!r}: may have letters, digits, '.', '_' and '-'")
    ):
        require_run_id(run_id)


@pytest.mark.parametrize("run_id", ["a", "7", "2011-12-10", "daily_2011.12.10", "a..b", "a" * 100])
def test_an_ordinary_run_id_is_taken_as_it_is(run_id: str):
    assert require_run_id(run_id) == run_id


def test_two_stagings_of_one_run_never_share_a_place(spark: SparkSession, tmp_path: Path):
    lake = Lake(spark, str(tmp_path))
    places = [stage(lake, "run-1") for _ in range(5)]
    assert len({place.path for place in places}) == 5
