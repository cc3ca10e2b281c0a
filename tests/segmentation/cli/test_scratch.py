"""What a killed job left in Spark's scratch folders goes with the next one, and nothing else."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from segmentation.cli import scratch
from segmentation.cli.scratch import (
    claims_folder,
    job_session,
    open_claim,
    remove_left_scratch,
    use_own_folders,
    write_claim,
)


def make(folder: Path) -> str:
    (folder / "deep").mkdir(parents=True)
    return str(folder)


def claimed(claims: Path, *folders: str) -> int:
    """Claim folders as a job does, and return what to close at its end."""
    claim = open_claim(claims)
    assert claim is not None
    write_claim(claim, ["replaced"])
    write_claim(claim, list(folders))
    return claim


def test_folders_of_a_job_that_ended_are_removed_and_those_of_a_living_one_stay(tmp_path: Path):
    claims = tmp_path / "claims"
    dead = claimed(claims, make(tmp_path / "spark-1"), make(tmp_path / "segmentation-1"), f"{tmp_path}/spark-gone")
    alive = claimed(claims, make(tmp_path / "spark-2"))
    make(tmp_path / "spark-nobody-claimed")
    os.close(dead)
    remove_left_scratch(claims)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["claims", "spark-2", "spark-nobody-claimed"]
    assert len(list(claims.iterdir())) == 1
    os.close(alive)


def test_a_claim_of_what_is_not_sparks_or_not_of_this_user_or_machine_removes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    claims, home, spark = tmp_path / "claims", make(tmp_path / "home"), make(tmp_path / "spark-1")
    claims.mkdir()
    (tmp_path / "spark-link").symlink_to(home)
    (claims / f"a{scratch.ENDING}").write_text(json.dumps([home, f"{tmp_path}/spark-link"]))
    (claims / "b.other-host.claim").write_text(json.dumps([spark]))
    for number, damaged in enumerate(("{", "3", "[3]", "")):
        (claims / f"{number}{scratch.ENDING}").write_text(damaged)
    remove_left_scratch(claims)
    remove_left_scratch(None)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    (claims / f"c{scratch.ENDING}").write_text(json.dumps([spark]))
    remove_left_scratch(claims)
    assert (Path(home) / "deep").exists()
    assert (Path(spark) / "deep").exists()
    assert (claims / "b.other-host.claim").exists()


@pytest.fixture
def temporary(spark: SparkSession, tmp_path: Path) -> Iterator[Path]:
    """A temporary folder of Java, in place of the one that Spark uses already."""
    java = spark._jvm.java.lang.System
    before = java.getProperty("java.io.tmpdir")
    java.setProperty("java.io.tmpdir", str(tmp_path))
    yield tmp_path
    java.setProperty("java.io.tmpdir", before)


@pytest.mark.parametrize(
    ("conf", "variables", "spill"),
    [
        ({"spark.master": "local[2]"}, {}, []),
        ({"spark.master": "local[2]", "spark.local.dir": "/a,/b"}, {}, ["/a/segmentation-", "/b/segmentation-"]),
        ({"spark.master": "local[2]", "spark.local.dir": "/a,/b"}, {"SPARK_LOCAL_DIRS": "/c"}, []),
        ({"spark.master": "spark://host:7077", "spark.local.dir": "/a"}, {}, []),
    ],
)
def test_a_job_claims_what_java_and_spark_will_write_and_remove(
    conf: dict[str, str], variables: dict[str, str], spill: list[str], spark: SparkSession, temporary: Path
):
    jvm = spark._jvm
    made = jvm.org.apache.spark.util.Utils.createTempDir().getPath()  # as spark-submit does
    make(temporary / "spark-of-another-job")
    claims = temporary / "claims"
    claim = open_claim(claims)
    settings = use_own_folders(jvm, conf, claim, variables)
    own, *others = json.loads(next(claims.iterdir()).read_text())
    assert own == jvm.java.lang.System.getProperty("java.io.tmpdir")
    assert Path(own).parent == temporary
    assert (claims.stat().st_mode & 0o077, Path(own).stat().st_mode & 0o077) == (0, 0)
    assert [folder[: -len("0123456789ab")] for folder in others[:-1]] == spill
    assert others[-1] == made
    assert settings == ({"spark.local.dir": ",".join(others[:-1])} if spill else {})
    removed = jvm.org.apache.spark.util.ShutdownHookManager
    assert all(removed.hasShutdownDeleteDir(jvm.java.io.File(path)) for path in (own, *others))
    os.close(claim)


def test_a_session_that_is_there_already_keeps_its_folders(spark: SparkSession, tmp_path: Path):
    assert job_session("tests", {"XDG_CACHE_HOME": str(tmp_path)}).sparkContext is spark.sparkContext
    [claim] = claims_folder({"XDG_CACHE_HOME": str(tmp_path)}).iterdir()
    assert json.loads(claim.read_text()) == []
