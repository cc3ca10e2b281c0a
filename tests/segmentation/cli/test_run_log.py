"""A run's log keeps what was told and what Spark warned of, for its owner alone, and never breaks the run."""

import re
import stat
import sys
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from segmentation.cli.log import LOGS_KEPT, log_folder, run_log
from tests.jobs.conftest import Done, run_to_its_end

STACK_TRACE = re.compile(r"Traceback|^\s+at [\w.$]+\(", re.MULTILINE)


@pytest.fixture(scope="module")
def by_spark(tmp_path_factory: pytest.TempPathFactory) -> tuple[Done, Path]:
    """What tests/segmentation/cli/log_by_spark.py says, and the folder with the logs that it leaves."""
    folder = tmp_path_factory.mktemp("logs")
    spark_submit = str(Path(sys.executable).parent / "spark-submit")
    command = [
        spark_submit,
        "--properties-file",
        "conf/spark-local.conf",
        "tests/segmentation/cli/log_by_spark.py",
        str(folder),
    ]
    done = run_to_its_end(command)
    assert done.code == 0, done.said
    return done, folder


def only_log(folder: Path) -> Path:
    [path] = folder.glob("*.log")
    return path


@pytest.mark.parametrize("level", ["WARN", "ERROR", "OFF"])
def test_sparks_warnings_and_the_jobs_own_are_kept_in_the_file_whatever_the_screen_shows(
    level: str, by_spark: tuple[Done, Path]
):
    lines = only_log(by_spark[1] / level).read_text(encoding="utf-8").splitlines()
    told = [re.sub(r"^[\d:, -]+", "", line).strip() for line in lines]
    assert told == [
        f"Spark WARN Till: warned while {level} s3a://***@bucket [2J",
        f"Spark ERROR Till: failed while {level}",
        f"told by the job while {level}",
    ]


def test_the_screen_shows_sparks_lines_from_the_level_that_is_asked_for_and_all_again_afterwards(
    by_spark: tuple[Done, Path],
):
    shown = [text.strip() for text in re.findall(r"Till: (.*)", by_spark[0].stderr)]
    assert shown == [
        "warned while WARN s3a://***@bucket [2J",
        "failed while WARN",
        "failed while ERROR",
        "warned after all",
        "warned without a file",
    ]


def test_a_log_has_an_end_and_is_for_its_owner_alone(by_spark: tuple[Done, Path]):
    files = [path for path in by_spark[1].rglob("*") if ".log" in path.suffixes]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert {stat.S_IMODE(path.parent.stat().st_mode) for path in files} == {0o700}
    sizes = [path.stat().st_size for path in (by_spark[1] / "many").iterdir()]
    assert len(sizes) == 2
    assert sum(sizes) < 11_000_000


def test_a_full_disk_and_a_folder_that_cannot_be_made_are_not_told(by_spark: tuple[Done, Path]):
    assert not STACK_TRACE.search(by_spark[0].said)
    assert "full disk" not in by_spark[0].said
    assert (by_spark[1] / "a file").read_text() == "mine"


def test_an_error_carries_the_place_of_the_log(spark: SparkSession, tmp_path: Path):
    def fail() -> None:
        with run_log(spark, tmp_path, "OFF"):
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken") as raised:
        fail()
    assert raised.value.__notes__ == [f"log: {only_log(tmp_path)}"]
    assert only_log(tmp_path).read_text(encoding="utf-8").endswith("ended by ValueError: broken\n")


def test_two_runs_at_once_have_a_log_each_and_only_so_many_are_kept(spark: SparkSession, tmp_path: Path):
    for number in range(LOGS_KEPT + 5):
        (tmp_path / f"2001{number:02}.log").touch()
    (tmp_path / "200100.log.1").touch()
    with run_log(spark, tmp_path, "OFF") as one, run_log(spark, tmp_path, "OFF") as other:
        assert one is not None
        assert other is not None
        assert one.path != other.path
        assert one.path.exists()
    kept = sorted(path.name for path in tmp_path.iterdir())
    assert len(kept) == LOGS_KEPT
    assert {one.path.name, other.path.name} <= set(kept)
    assert "200100.log.1" not in kept


def test_the_folder_is_beside_what_else_is_cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert log_folder({"XDG_CACHE_HOME": str(tmp_path)}) == tmp_path / "customer-segmentation" / "logs"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert log_folder({}) == tmp_path / ".cache" / "customer-segmentation" / "logs"


def test_without_a_folder_there_is_no_log(spark: SparkSession):
    with run_log(spark, None, "OFF") as log:
        assert log is None
