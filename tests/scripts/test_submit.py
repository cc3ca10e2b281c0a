"""scripts/submit: what it tells Java and Spark, and when it leaves that to the user."""

import os
import shlex
from pathlib import Path

import pytest

from scripts.submit_options import (
    ABOUT_THE_ARCHIVE,
    JAVA_OPTIONS,
    ROOT,
    SMALL_INPUT,
    bytes_of_input,
    class_archive,
    local_options,
    main,
)
from segmentation.cli.job import STARTED_BY

JOB = "jobs/segment_customers.py"


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.csv"
    path.write_bytes(b"x" * 1000)
    return path


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "large.csv"
    with path.open("wb") as file:
        file.truncate(SMALL_INPUT)
    return path


def java_of(options: list[str]) -> str:
    [java] = [option for option in options if option.startswith(JAVA_OPTIONS)]
    return java


def test_a_small_input_gets_the_quick_compiler_and_two_partitions(small: Path):
    options = local_options([JOB, "--input", str(small)], None)
    assert "spark.sql.shuffle.partitions=2" in options
    assert "-XX:TieredStopAtLevel=1" in java_of(options)
    # What the properties file gives Java is not lost.
    logging = f'-Dlog4j2.configurationFile="{ROOT}/conf/log4j2.properties"'
    assert logging in java_of(options)  # whichever folder it is started in


def test_a_large_input_gets_the_good_compiler_and_a_collector_for_throughput(large: Path):
    options = local_options([JOB, "--input", str(large)], None)
    assert not [option for option in options if option.startswith("spark.sql.")]
    assert "-XX:TieredStopAtLevel" not in java_of(options)
    assert "-XX:+UseSerialGC" not in java_of(options)
    assert "-XX:+UseParallelGC" in java_of(options)


def test_an_archive_is_named_once_it_is_there(small: Path, tmp_path: Path):
    archive = tmp_path / "a folder" / "classes.jsa"
    assert "SharedArchiveFile" not in java_of(local_options([JOB, "--input", str(small)], archive))
    archive.parent.mkdir()
    archive.touch()
    java = java_of(local_options([JOB, "--input", str(small)], archive))
    assert f'-XX:SharedArchiveFile="{archive}"' in java
    assert set(ABOUT_THE_ARCHIVE) <= set(java.split())


def test_another_spark_gets_another_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "jars").mkdir()
    (tmp_path / "jars" / "spark.jar").write_bytes(b"1")
    monkeypatch.setenv("SPARK_HOME", str(tmp_path))
    one = class_archive()
    assert one is not None
    assert one == class_archive()
    assert one.parent == tmp_path / "cache" / "customer-segmentation"
    (tmp_path / "jars" / "spark.jar").write_bytes(b"12")
    assert class_archive() != one


def test_a_cache_that_cannot_be_made_is_gone_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert class_archive() is None


def test_the_input_is_all_files_of_paths_folders_and_patterns(tmp_path: Path):
    (tmp_path / "days").mkdir()
    for day in range(3):
        (tmp_path / "days" / f"{day}.csv").write_bytes(b"x" * 100)
    one = tmp_path / "days" / "0.csv"
    assert bytes_of_input([JOB, "--input", str(one), "--output", str(tmp_path)]) == 100
    assert bytes_of_input([JOB, f"--input={one}"]) == 100
    assert bytes_of_input([JOB, "--input", f"file:{one}"]) == 100
    assert bytes_of_input([JOB, "--input", str(one), str(tmp_path / "days"), "--quiet"]) == 400
    assert bytes_of_input([JOB, "--input", str(tmp_path / "days" / "*.csv")]) == 300
    assert bytes_of_input([JOB, "--input", str(tmp_path / "nowhere.csv")]) == 0


def test_parquet_and_packed_files_count_as_what_they_hold(tmp_path: Path):
    for name in ("a.csv", "a.parquet", "a.csv.gz"):
        (tmp_path / name).write_bytes(b"x" * 100)
    as_csv, parquet, packed = (
        bytes_of_input([JOB, "--input", str(tmp_path / name)]) for name in ("a.csv", "a.parquet", "a.csv.gz")
    )
    assert as_csv < packed < parquet


@pytest.mark.parametrize("path", ["s3a://bucket/lines.parquet", "hdfs://host/lines"])
def test_what_is_on_another_machine_counts_as_large(path: str):
    assert bytes_of_input([JOB, "--input", path]) >= SMALL_INPUT


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that take this process's place, which stays instead: `main` ends by SystemExit."""
    commands: list[list[str]] = []

    def instead(_: str, command: list[str]) -> None:
        commands.append(command)
        raise SystemExit

    monkeypatch.setattr("os.execv", instead)
    monkeypatch.setattr("scripts.submit_options.class_archive", lambda: None)
    monkeypatch.setenv(STARTED_BY, "what is to be replaced")
    return commands


@pytest.mark.parametrize(
    "own",
    [
        ["--properties-file", "conf/spark-cluster.conf"],
        ["--driver-java-options", "-Xss4m"],
        ["--conf", f"{JAVA_OPTIONS}=-Xss4m"],
    ],
)
def test_options_that_say_it_themselves_are_handed_on_unchanged(own: list[str], started: list[list[str]]):
    with pytest.raises(SystemExit):
        main([*own, JOB, "--output", "lake"])
    [command] = started
    assert command[1:] == [*own, JOB, "--output", "lake"]


def test_an_option_of_the_job_that_reads_like_sparks_is_the_jobs(small: Path, started: list[list[str]]):
    with pytest.raises(SystemExit):
        main([JOB, "--input", str(small), "--set", "title=--properties-file"])
    assert "spark.sql.shuffle.partitions=2" in started[0]


@pytest.mark.usefixtures("started")
@pytest.mark.parametrize(("folder", "script"), [(ROOT, "scripts/submit"), (ROOT / "scripts", f"{ROOT}/scripts/submit")])
def test_the_job_is_told_what_was_typed_before_its_own_options(
    folder: Path, script: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(folder)
    with pytest.raises(SystemExit):
        main(["--conf", "spark.x=a b", JOB, "--output", "lake"])
    assert shlex.split(os.environ[STARTED_BY]) == [script, "--conf", "spark.x=a b", JOB]
