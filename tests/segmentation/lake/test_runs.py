"""Published runs are listed, opened and read back; what is not one is named."""

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from chispa import assert_df_equality
from pyspark.sql import DataFrame, SparkSession

from segmentation import schemas as s
from segmentation.errors import ConfigError, InputError, QualityGateError
from segmentation.lake import manifest
from segmentation.lake.runs import Lake, PublishedRun, open_run, read_table
from segmentation.lake.staging import require_writable, stage
from tests.segmentation.lake.bare_runs import folder_of, publish


def data_quality(spark: SparkSession) -> DataFrame:
    rows = spark.createDataFrame([("clean", 3, 1.0, None, 0)], s.DATA_QUALITY.simpleString())
    return rows.na.fill({"revenue": 0}).coalesce(1)


@dataclass(frozen=True)
class FullLake:
    """A lake with one published run of every table, under a name with everything that a path may need escaped."""

    folder: Path
    published: str
    contents: dict[str, Any]
    names_before: list[str]


@pytest.fixture(scope="module")
def full(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> FullLake:
    folder = tmp_path_factory.mktemp("lakes") / "a lake with 50%20 off & ünïcode"
    lake = Lake(spark, str(folder))
    require_writable(lake)
    staged = stage(lake, "run-1")
    for table, schema in s.TABLES.items():
        frame = data_quality(spark) if table == "data_quality" else spark.createDataFrame([], schema).coalesce(1)
        staged.write_table(table, frame)
    chart = folder.parent / "elbow.png"
    chart.write_bytes(b"\x89PNG and so on")
    staged.put_file(chart, "charts/elbow.png")
    staged.put_text("<p>größte", "report/index.html")
    names_before = sorted(path.name for path in folder.iterdir())
    staged.finish_writing()
    contents = manifest.contents({table: int(table == "data_quality") for table in s.TABLES}, staged.checksums())
    published = staged.publish({"identity": "abc", "as_of": "2011-12-10", "title": 'Kunden "£" – größte', **contents})
    return FullLake(folder, lake.run_path(published), contents, names_before)


def test_a_published_run_is_complete_and_leaves_nothing_staged(full: FullLake):
    assert full.names_before == ["_staging"]
    run = full.folder / "runs" / "run_id=run-1"
    assert full.published == f"file:{run}"
    assert {path.name for path in run.iterdir()} == {*s.TABLES, "charts", "report", "manifest.json"}
    assert (run / "report" / "index.html").read_text(encoding="utf-8") == "<p>größte"
    assert list((full.folder / "_staging").iterdir()) == []
    content = json.loads((full.folder / "latest.json").read_text())
    assert (content["run_id"], content["path"], content["as_of"]) == ("run-1", "runs/run_id=run-1", "2011-12-10")


def test_a_run_is_opened_and_its_tables_read_by_run_id_or_as_the_latest(spark: SparkSession, full: FullLake):
    run = open_run(spark, str(full.folder))
    assert (run.run_id, run.path, run.manifest["title"]) == ("run-1", full.published, 'Kunden "£" – größte')
    for read in (run.table("data_quality"), read_table(spark, str(full.folder), "data_quality", "run-1")):
        assert_df_equality(read, data_quality(spark), ignore_nullable=True)


def test_the_manifest_has_the_checksum_of_every_visible_file(full: FullLake):
    run = full.folder / "runs" / "run_id=run-1"
    visible = {
        str(path.relative_to(run)): {
            "bytes": path.stat().st_size,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
        for path in run.rglob("*")
        if path.is_file() and not path.name.startswith(("_", ".")) and path.name != "manifest.json"
    }
    content = json.loads((run / "manifest.json").read_text())
    listed = {**content["files"]}
    for table in content["tables"].values():
        listed |= table["files"]
    assert listed == visible
    assert {"charts/elbow.png", "report/index.html"} <= set(visible)
    assert len(visible) == len(s.TABLES) + 2


def test_the_manifest_has_rows_bytes_and_schema_of_every_table(full: FullLake):
    assert set(full.contents["tables"]) == set(s.TABLES)
    table = full.contents["tables"]["data_quality"]
    assert table["rows"] == 1
    assert table["bytes"] == sum(facts["bytes"] for facts in table["files"].values()) > 0
    assert [field["name"] for field in table["schema"]["fields"]] == s.DATA_QUALITY.names


def test_an_unknown_table_or_run_is_named_with_what_is_there(spark: SparkSession, full: FullLake):
    with pytest.raises(InputError, match=r"there is no table 'customers': known are customer_segments, .*data_quality"):
        read_table(spark, str(full.folder), "customers")
    with pytest.raises(InputError, match=re.escape(f"{full.folder}: there is no run 'run-9'")):
        read_table(spark, str(full.folder), "k_sweep", "run-9")


def test_a_run_without_its_files_or_model_is_an_input_error(spark: SparkSession, tmp_path: Path):
    tables = {"k_sweep": {"files": ["k_sweep/gone.parquet"]}, "data_quality": {}}
    run = PublishedRun(spark, "a", f"file:{tmp_path}/runs/run_id=a", {"format": 2, "tables": tables})
    with pytest.raises(InputError, match="run a, table k_sweep: cannot be read: "):
        run.table("k_sweep")
    with pytest.raises(InputError, match="run a: its model cannot be read: "):
        run.model()
    message = f"{tmp_path}/runs/run_id=a/manifest.json lists no files of the table data_quality: restore or remove"
    with pytest.raises(InputError, match=message):
        run.table("data_quality")


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        (
            {"absent_tables": {"country_sales": "country"}},
            "run a has no table country_sales: its input has no country, and its configuration does not set "
            "input.columns.country",
        ),
        (
            {"tables": {"k_sweep": {}}, "code_version": "0.0.9+abc"},
            r"run a has no table country_sales: version 0\.0\.9\+abc, which published it, does not write that table",
        ),
    ],
)
def test_a_table_that_a_run_does_not_have_is_an_error_that_says_why(
    manifest: dict[str, object], message: str, spark: SparkSession
):
    with pytest.raises(InputError, match=message):
        PublishedRun(spark, "a", "file:/nowhere", manifest).table("country_sales")


def test_a_table_of_another_schema_is_neither_written_nor_read(spark: SparkSession, spark_lake: Lake):
    lake = spark_lake
    staged = stage(lake, "run-1")
    wrong = data_quality(spark).withColumnRenamed("share", "part")
    differences = r"table data_quality .* missing share double; unexpected part double"
    with pytest.raises(QualityGateError, match=differences):
        staged.write_table("data_quality", wrong)
    wrong.write.parquet(f"{staged.path}/data_quality")
    contents = manifest.contents(dict.fromkeys(s.TABLES, 1), staged.checksums())
    staged.publish({"identity": "abc", "as_of": "2011-12-10", **contents})
    with pytest.raises(QualityGateError, match=differences):
        read_table(spark, lake.path, "data_quality")


def test_a_lake_without_runs_or_a_run_id_that_leads_out_of_it_is_an_error(lake: Lake):
    with pytest.raises(ConfigError, match="may have letters, digits"):
        lake.run_path("../../elsewhere")
    with pytest.raises(InputError, match=re.escape(f"{folder_of(lake)}: nothing has been published in this lake")):
        open_run(lake.spark, lake.path)


def test_the_seconds_of_the_latest_run_are_the_numbers_that_it_gives(lake: Lake):
    assert lake.seconds_of_latest() == {}
    publish(lake, "a")
    path = folder_of(lake) / "runs" / "run_id=a" / "manifest.json"
    facts = json.loads(path.read_text())
    known: list[tuple[object, dict[str, float]]] = [
        ({"reading": 2, "charts": 1.5, "odd": "x"}, {"reading": 2.0, "charts": 1.5})
    ]
    for seconds, expected in (*known, (None, {}), ([3], {})):
        path.write_text(json.dumps(facts | {"seconds": seconds}))
        assert lake.seconds_of_latest() == expected


def test_a_lake_whose_name_spark_would_expand_is_refused(spark: SparkSession, tmp_path: Path):
    with pytest.raises(ConfigError, match=r"may not have any of \* \? \[ \\ \] \{ \}, which Spark expands"):
        Lake(spark, f"{tmp_path}/lake[1]")


def test_an_unknown_file_system_is_refused_in_one_line(spark: SparkSession):
    with pytest.raises(ConfigError, match=r"lake nosuch://host/lake: cannot be reached: ") as refused:
        Lake(spark, "nosuch://host/lake")
    assert 'No FileSystem for scheme "nosuch"' in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1
