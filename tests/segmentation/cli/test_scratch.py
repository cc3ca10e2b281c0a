"""What a killed job left in Spark's scratch folders goes with the next one, and nothing else."""

import json
import os
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from segmentation.cli import scratch
from segmentation.cli.scratch import claims_folder, job_session, open_claim, remove_left_scratch, write_claim


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


def test_a_job_claims_what_its_spark_will_remove(spark: SparkSession, tmp_path: Path):
    made = Path(spark._jvm.org.apache.spark.util.Utils.createTempDir().getPath())
    job_session("tests", {"XDG_CACHE_HOME": str(tmp_path)})
    [claim] = claims_folder({"XDG_CACHE_HOME": str(tmp_path)}).iterdir()
    folders = [Path(path) for path in json.loads(claim.read_text())]
    assert made in folders
    assert all(path.is_dir() and path.name.startswith(scratch.PREFIXES) for path in folders)
    assert claim.parent.stat().st_mode & 0o077 == 0


def test_a_job_on_one_machine_spills_into_folders_of_its_own(monkeypatch: pytest.MonkeyPatch):
    settings = {"spark.master": "local[2]", "spark.local.dir": "/a,/b"}
    monkeypatch.setattr(scratch, "SparkConf", lambda: settings)
    monkeypatch.setattr(scratch.SparkContext, "_active_spark_context", None)
    first, second = scratch._own_folders({})
    assert (first[:16], second[:16]) == ("/a/segmentation-", "/b/segmentation-")
    assert scratch._own_folders({"SPARK_LOCAL_DIRS": "/c"}) == []
    settings["spark.master"] = "spark://host:7077"
    assert scratch._own_folders({}) == []
