"""The library's public functions: their examples run, and `run` is a guest in the caller's session."""

import doctest
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

import segmentation
from segmentation.errors import InputError
from segmentation.session import PARTITIONS, SETTINGS, SparkThreadPool, cancel_tagged_jobs, guest_of
from tests.jobs.small_shop import make_small_shop, write_csv

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def sales_file(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_csv(make_small_shop().texts, tmp_path_factory.mktemp("shop") / "sales.csv"))


def test_importing_the_package_starts_nothing() -> None:
    program = "import sys, segmentation; sys.exit(bool({'matplotlib', 'pyarrow', 'pyspark'} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


@pytest.mark.slow
def test_a_run_is_a_guest_in_the_session_and_every_example_is_true(
    spark: SparkSession, sales_file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    changed = {"spark.sql.session.timeZone": "Asia/Kathmandu", "spark.sql.ansi.enabled": "false"}
    before = {key: spark.conf.get(key, None) for key in (*SETTINGS, PARTITIONS)}
    own_table = spark.range(10).withColumn("own", F.lit(1)).cache()
    own_table.count()
    try:
        for key, value in changed.items():
            spark.conf.set(key, value)
        with pytest.raises(InputError):  # a failing run cancels its own jobs only
            segmentation.run(spark, segmentation.load_config("conf/online_retail.yaml"), ["missing.csv"], str(tmp_path))
        names = {"spark": spark, "sales_file": sales_file, "lake": str(tmp_path / "lake")}
        finder, runner = doctest.DocTestFinder(recurse=False), doctest.DocTestRunner()
        for function in ("load_config", "run", "open_run", "read_table", "score"):
            for example in finder.find(getattr(segmentation, function), globs={**vars(segmentation), **names}):
                assert runner.run(example).attempted > 0
        assert runner.summarize(verbose=False).failed == 0
        assert {key: spark.conf.get(key, None) for key in before} == {**before, **changed}
        assert own_table.storageLevel.useMemory
    finally:
        for key in changed:
            spark.conf.set(key, before[key])
        own_table.unpersist()


def test_cancelling_a_run_leaves_the_callers_jobs_alone(spark: SparkSession) -> None:
    def count_slowly(salt: int) -> int:
        hashed = spark.range(0, 2_000_000_000, 1, 1).select(F.xxhash64("id", F.lit(salt)).alias("hash"))
        return hashed.where("hash % 7 = 0").count()

    tracker = spark.sparkContext.statusTracker()
    before = set(tracker.getActiveJobsIds())
    with guest_of(spark) as tag:
        of_the_run = SparkThreadPool(1).submit(count_slowly, 1)
        while not set(tracker.getActiveJobsIds()) - before:
            time.sleep(0.05)
    [tagged] = set(tracker.getActiveJobsIds()) - before
    of_the_caller = ThreadPoolExecutor(1).submit(count_slowly, 2)
    while not set(tracker.getActiveJobsIds()) - {*before, tagged}:
        time.sleep(0.05)
    [untagged] = set(tracker.getActiveJobsIds()) - {*before, tagged}
    cancel_tagged_jobs(spark, tag)
    with pytest.raises(Exception, match=r"(?i)cancelled"):
        of_the_run.result(timeout=60)
    assert untagged in tracker.getActiveJobsIds()
    spark.sparkContext.cancelAllJobs()
    with pytest.raises(Exception, match=r"(?i)cancelled"):
        of_the_caller.result(timeout=60)
