"""An output is whole or absent, for its owner alone, inert in a spreadsheet, and replaced only where that is asked."""

import csv
import stat
from datetime import date
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from segmentation import output
from segmentation.errors import ConfigError, PublishConflict
from segmentation.filesystem import temporary_name
from segmentation.filesystem.hadoop import HadoopFileSystem
from segmentation.filesystem.local import claim_folder
from segmentation.output import staged_output


@pytest.fixture(scope="module")
def rows(spark: SparkSession) -> DataFrame:
    values = [("b", '=HYPERLINK("x"), "y"', 0.5, True, date(2011, 12, 10)), ("-a", "plain", None, False, None)]
    schema = "customer_id string, reason string, margin double, is_anomaly boolean, as_of date"
    return spark.createDataFrame(values, schema).repartition(2)


def write(spark: SparkSession, rows: DataFrame, path: Path, replace: bool = False) -> None:
    with staged_output(spark, str(path), replace) as made:
        made.write(rows)


def test_a_csv_file_is_in_order_inert_and_for_its_owner(spark: SparkSession, rows: DataFrame, tmp_path: Path):
    path = tmp_path / "new" / "scored, all.CSV"
    write(spark, rows, path)
    assert list(path.parent.iterdir()) == [path]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with path.open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [
            ["customer_id", "reason", "margin", "is_anomaly", "as_of"],
            ["'-a", "plain", "", "false", ""],
            ["b", '\'=HYPERLINK("x"), "y"', "0.5", "true", "2011-12-10"],
        ]


@pytest.mark.parametrize("name", ["scored.csv", "scored"])
def test_an_output_is_replaced_only_by_a_whole_one(spark: SparkSession, rows: DataFrame, tmp_path: Path, name: str):
    path = tmp_path / name
    write(spark, rows.limit(1), path)
    with pytest.raises(ConfigError, match=r"exists: name another path, or --force to replace it"):
        write(spark, rows, path)
    before = path.read_bytes() if path.is_file() else sorted(path.iterdir())
    failing = rows.withColumn("reason", F.raise_error(F.lit("no such product")).cast("string"))
    with pytest.raises(Exception, match="no such product"):
        write(spark, failing, path, replace=True)
    assert (path.read_bytes() if path.is_file() else sorted(path.iterdir())) == before
    write(spark, rows, path, replace=True)
    assert spark.read.format("csv" if path.is_file() else "parquet").load(str(path), header=True).count() == 2
    assert list(tmp_path.iterdir()) == [path], "nothing is left next to it"


@pytest.mark.parametrize("name", ["scored.csv", "scored"])
def test_an_output_that_appeared_meanwhile_is_kept(spark: SparkSession, rows: DataFrame, tmp_path: Path, name: str):
    path = tmp_path / name
    with staged_output(spark, str(path), replace=False) as made:
        path.write_text("own")
        with pytest.raises(PublishConflict, match="was written by another process meanwhile"):
            made.write(rows)
    assert path.read_text() == "own"
    assert list(tmp_path.iterdir()) == [path]


def test_where_folders_cannot_be_renamed_a_mark_appears_last(
    spark: SparkSession, rows: DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    store = HadoopFileSystem(spark, f"file:{tmp_path}")
    store.renames_folders = False
    monkeypatch.setattr(output, "reachable_filesystem", lambda *_: store)
    with staged_output(spark, str(tmp_path / "several"), replace=False) as several:
        store.make_directory(several.folder)
        rows.write.parquet(f"{several.folder}/rows")
        several.publish(spark, several.folder)
    assert sorted(path.name for path in (tmp_path / "several").iterdir() if path.name[0] != ".") == ["_SUCCESS", "rows"]
    assert spark.read.parquet(str(tmp_path / "several" / "rows")).count() == 2


def test_what_a_killed_process_left_is_removed_and_a_living_one_is_left_alone(
    spark: SparkSession, rows: DataFrame, tmp_path: Path
):
    left, living, other = (tmp_path / f".{temporary_name(name)}" for name in ("a.csv", "a.csv", "b.csv"))
    for folder in (left, living, other):
        folder.mkdir()
    claim = claim_folder(living)
    write(spark, rows, tmp_path / "a.csv")
    claim.release()
    assert {path.name for path in tmp_path.iterdir()} == {"a.csv", living.name, other.name}


def test_what_is_no_earlier_output_is_never_replaced(spark: SparkSession, tmp_path: Path):
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "cat.jpg").touch()
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "file").touch()
    for path, message in {
        photos: r"photos: has 'cat\.jpg', which is no earlier output: name another path",
        tmp_path / "folder.csv": r"folder\.csv: is a folder: name another path",
        tmp_path / "file": r"file: is a file: name another path",
        tmp_path / "file" / "scored": r"file/scored: cannot be written: ",
        "s3a://bucket": r"s3a://bucket: name a file that ends in \.csv, or a folder",
    }.items():
        with pytest.raises(ConfigError, match=message), staged_output(spark, str(path), replace=True):
            pass
    assert (photos / "cat.jpg").exists()
