"""scripts/submit: what it chooses for Java and Spark, and when it leaves the choice to the user."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.launcher.__main__ import main
from scripts.launcher.class_archive import ARCHIVES_KEPT, class_archive, remove_old_archives
from scripts.launcher.options import (
    CLASS_SHARING,
    JAVA_OPTIONS,
    ROOT,
    SMALL_INPUT,
    SPARK_FOR_SMALL_INPUT,
    input_bytes,
    launch_options,
)

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


def test_small_input_gets_the_quick_compiler_and_two_partitions(small: Path):
    options = launch_options([JOB, "--input", str(small)])
    assert "spark.sql.shuffle.partitions=2" in options
    assert "-XX:TieredStopAtLevel=1" in java_of(options)
    # The profile's own options stay, and the logging file is found from any folder.
    assert f'-Dlog4j2.configurationFile="{ROOT}/conf/log4j2.properties"' in java_of(options)


def test_large_input_gets_the_good_compiler_and_the_parallel_collector(large: Path):
    options = launch_options([JOB, "--input", str(large)])
    assert not [option for option in options if option.startswith("spark.sql.")]
    assert "-XX:TieredStopAtLevel" not in java_of(options)
    assert "-XX:+UseSerialGC" not in java_of(options)
    assert "-XX:+UseParallelGC" in java_of(options)


def test_input_size_counts_files_folders_and_globs(tmp_path: Path):
    (tmp_path / "days").mkdir()
    for day in range(3):
        (tmp_path / "days" / f"{day}.csv").write_bytes(b"x" * 100)
    first = tmp_path / "days" / "0.csv"
    assert input_bytes([JOB, "--input", str(first), "--output", str(tmp_path)]) == 100
    assert input_bytes([JOB, f"--input={first}"]) == 100
    assert input_bytes([JOB, "--input", f"file:{first}"]) == 100
    assert input_bytes([JOB, "--input", str(first), str(tmp_path / "days"), "--quiet"]) == 400
    assert input_bytes([JOB, "--input", str(tmp_path / "days" / "*.csv")]) == 300
    assert input_bytes([JOB, "--input", str(tmp_path / "nowhere.csv")]) == 0
    assert input_bytes([JOB, "--input", "s3a://bucket/lines.parquet"]) >= SMALL_INPUT


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that replace this process; the process stays instead, and `main` ends by SystemExit."""
    commands: list[list[str]] = []

    def record(_: str, command: list[str]) -> None:
        commands.append(command)
        raise SystemExit

    monkeypatch.setattr("os.execv", record)
    monkeypatch.setattr("scripts.launcher.__main__.class_archive", lambda: None)
    return commands


@pytest.mark.parametrize(
    "own",
    [
        ["--properties-file", "conf/spark-cluster.conf"],
        ["--driver-java-options", "-Xss4m"],
        ["--conf", f"{JAVA_OPTIONS}=-Xss4m"],
    ],
)
def test_users_own_java_options_are_passed_on_unchanged(own: list[str], started: list[list[str]]):
    with pytest.raises(SystemExit):
        main([*own, JOB, "--output", "lake"])
    [command] = started
    assert command[1:] == [*own, JOB, "--output", "lake"]


def test_an_option_of_the_job_that_looks_like_sparks_is_the_jobs(small: Path, started: list[list[str]]):
    with pytest.raises(SystemExit):
        main([JOB, "--input", str(small), "--set", "title=--properties-file"])
    assert SPARK_FOR_SMALL_INPUT[0] in started[0]


@pytest.mark.parametrize("question", ["--help", "--explain", "--write-config=shop.yaml"])
def test_what_needs_no_spark_runs_the_job_in_plain_python(question: str, started: list[list[str]]):
    with pytest.raises(SystemExit):
        main(["--conf", "spark.x=y", JOB, "--input", "a.csv", question])
    assert started == [[sys.executable, JOB, "--input", "a.csv", question]]


def test_an_archive_is_shared_once_it_exists(
    small: Path, tmp_path: Path, started: list[list[str]], monkeypatch: pytest.MonkeyPatch
):
    archive = tmp_path / "a folder" / "classes.jsa"
    archive.parent.mkdir()
    archive.touch()
    monkeypatch.setattr("scripts.launcher.__main__.class_archive", lambda: archive)
    with pytest.raises(SystemExit):
        main([JOB, "--input", str(small)])
    java = java_of(started[0])
    assert f'-XX:SharedArchiveFile="{archive}"' in java
    assert set(CLASS_SHARING) <= set(java.split())
    assert "SharedArchiveFile" not in java_of(launch_options([JOB, "--input", str(small)]))


def test_each_spark_has_its_own_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "jars").mkdir()
    (tmp_path / "jars" / "spark.jar").write_bytes(b"1")
    monkeypatch.setenv("SPARK_HOME", str(tmp_path))
    archive = class_archive()
    assert archive is not None
    assert archive == class_archive()
    assert archive.parent == tmp_path / "cache" / "customer-segmentation"
    (tmp_path / "jars" / "spark.jar").write_bytes(b"12")
    assert class_archive() != archive


def test_old_archives_are_removed(tmp_path: Path):
    archives = [tmp_path / f"classes-{number}.jsa" for number in range(ARCHIVES_KEPT + 2)]
    for age, archive in enumerate(archives):
        archive.touch()
        os.utime(archive, (1_000_000 - age, 1_000_000 - age))
    remove_old_archives(archives[0])
    assert sorted(tmp_path.iterdir()) == archives[:ARCHIVES_KEPT]


def test_a_cache_folder_that_cannot_be_made_is_done_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert class_archive() is None


def test_starting_imports_no_heavy_library(small: Path):
    code = (
        "import sys; from scripts.launcher.__main__ import launch_options; launch_options(sys.argv[1:]); "
        "sys.exit(' '.join({'pyspark', 'pyarrow', 'pydantic', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, JOB, "--input", str(small)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stderr.strip() == "", "imported at the start"


def test_a_user_id_without_a_name_is_explained_before_java_starts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("scripts.launcher.__main__.os.getuid", lambda: 2**31 - 9)
    assert main(["jobs/segment_customers.py"]) == 1
    assert "the user id 2147483639 has no name here" in capsys.readouterr().err
