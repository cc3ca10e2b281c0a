"""Tables with a log of their own, and a lake that overlaps the input, are refused before a line is read."""

import re
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from segmentation.errors import ConfigError, InputError
from segmentation.filesystem.hadoop import HadoopFileSystem
from segmentation.guess.samples import samples_of
from segmentation.ingest.find import find_input
from segmentation.ingest.refused_folders import existence_in, refuse_log_or_warn, refuse_tables, require_apart
from tests.hostile_files import FIVE, INPUT

# The files of each table, and what it is called. Data files are CSV here: nobody looks into them.
TABLES = {
    "a Delta table": ("_delta_log/00000000000000000000.json", "day=1/part-0.csv"),
    "an Iceberg table": ("metadata/00001-ab.metadata.json", "data/day=1/part-0.csv"),
    "a Hudi table": (".hoodie/hoodie.properties", "day=1/part-0.csv"),
    "a part of a Hudi table": ("day=1/.hoodie_partition_metadata", "day=1/part-0.csv"),
    "the output of a Spark stream": ("_spark_metadata/0", "day=1/part-0.csv"),
    "a Paimon table": ("snapshot/LATEST", "bucket-0/part-0.csv"),
    "a transactional Hive table": ("base_0000005/part-0.csv", "delta_0000006_0000006/part-0.csv"),
    "a part of a DuckLake": ("x.csv", "main/sales/ducklake-01.parquet"),
}


def table(folder: Path, names: tuple[str, ...]) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(FIVE)
    return folder


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_refused_by_whatever_path_leads_into_it(spark: SparkSession, tmp_path: Path, name: str) -> None:
    lake = table(tmp_path / "shop" / "sales", TABLES[name])
    data = lake / TABLES[name][1]
    pattern = f"{data.parent.parent}/*/part-*" if "part-0" in data.name else f"{data.parent}/*.parquet"
    (tmp_path / "link").symlink_to(data.parent)
    for path in (lake, tmp_path, tmp_path / "*" / "sales", data.parent, data, pattern, tmp_path / "link"):
        with pytest.raises(InputError, match=rf"/(sales|link)\S*: is {name}: its own log decides .*NEW_F") as caught:
            find_input(spark, [str(path)], INPUT)
        assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match=f"is {name}"):
        samples_of([str(data)], INPUT.csv, "auto", None)
    hadoop = HadoopFileSystem(spark, str(tmp_path))

    def find_on_hadoop(path: Path) -> None:
        files = hadoop.find(str(path), refuse_log_or_warn)
        refuse_tables([file.path for file in files], existence_in(hadoop), hadoop.names_in, hadoop.read_text)

    for path in (tmp_path, data):
        with pytest.raises(InputError, match=f"is {name}"):
            find_on_hadoop(path)


def test_folders_that_only_look_like_a_table_are_read(spark: SparkSession, tmp_path: Path) -> None:
    table(tmp_path, ("metadata/sales.csv", "base_2010/sales.csv", "snapshot/sales.csv"))
    assert len(find_input(spark, [str(tmp_path)], INPUT)) == 3


def test_files_that_do_not_count_by_the_marks_of_databricks_are_refused(spark: SparkSession, tmp_path: Path) -> None:
    table(tmp_path, ("part-0-tid-71-a.csv", "part-0-tid-72-b.csv", "_started_71", "_started_72"))
    first, second = (tmp_path / f"_committed_{number}" for number in (71, 72))
    first.write_text('{"added": ["part-0-tid-71-a.csv"], "removed": []}')

    def refused(name: str, reason: str) -> None:
        with pytest.raises(InputError, match=rf"by the marks of Databricks .*, {name} {reason}"):
            find_input(spark, [str(tmp_path)], INPUT)

    refused("part-0-tid-72-b.csv", "may be of a transaction that was started and never committed")
    assert len(find_input(spark, [str(tmp_path / "part-0-tid-71-a.csv")], INPUT)) == 1
    second.write_text('{"added": ["part-0-tid-72-b.csv"], "removed": []}')
    assert len(find_input(spark, [str(tmp_path)], INPUT)) == 2
    second.write_text('{"added": ["part-0-tid-72-b.csv"], "removed": ["part-0-tid-71-a.csv"]}')
    refused("part-0-tid-71-a.csv", "was replaced later")


@pytest.mark.parametrize(
    ("path", "lake", "relation"),
    [
        ("data", "data/lake", "the lake is inside of the input"),
        ("data", "data", "are the same folder"),
        ("data/./x/..", "file:{}/data/", "are the same folder"),
        ("link", "data/lake", "the lake is inside of the input"),
        ("data/*", "data/lake", "are the same folder"),
        ("data/{old,l*}", "data/lake/new", "the lake is inside of the input"),
        ("data/lake/runs/run_id=1/x.parquet", "data/lake", "the input is inside of the lake"),
        ("data/lake/*", "data/lake", "the input is inside of the lake"),
        ("s3a://bucket/sales/", "s3a://bucket/sales/lake", "the lake is inside of the input"),
    ],
)
def test_an_input_and_a_lake_that_overlap_are_refused(tmp_path: Path, path: str, lake: str, relation: str) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "data")
    named = path if "://" in path else str(tmp_path / path)
    output = lake.format(tmp_path) if ":" in lake else str(tmp_path / lake)
    with pytest.raises(ConfigError, match=f"{re.escape(named)} and --output .*{relation}"):
        require_apart([named], output)


def test_an_input_beside_the_lake_is_no_overlap(tmp_path: Path) -> None:
    paths = ["data/*.csv", "data/{a,b}.csv", "data/lake.csv", "data/lake2", "other", "data/lake/own.csv"]
    require_apart([str(tmp_path / path) for path in paths], str(tmp_path / "data" / "lake"))
    require_apart(["s3a://bucket/sales"], "s3a://other/sales/lake")
    require_apart(["hdfs://one/sales"], "/sales/lake")
