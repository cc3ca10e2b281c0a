"""Runs on the same lines in other ways publish the same; of two that race for a lake, one does."""

import logging
import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from chispa import assert_df_equality
from pyspark.sql import SparkSession

from scripts.run_contents import content_hash, content_hashes, latest_run, manifest_of, model_content
from segmentation import customers, intake
from segmentation import schemas as s
from segmentation.lake.staging import AUDITED
from tests.jobs.published_runs import left_over, runs_in
from tests.jobs.running_jobs import (
    ADAPTIVE,
    CONFIG,
    Done,
    PublishedRun,
    RunJob,
    run_to_its_end,
    submit_command,
)
from tests.jobs.small_shop import HEADER, SmallShop, write_csv
from tests.jobs.stages import clean, cluster, configured

FILES = 12
# Lines lie in other files than those of the published run.
SOURCE = {"source_file"}
NO_CACHE = {"HOME": "/dev/null", "XDG_CACHE_HOME": "/dev/null"}
# So few lines would otherwise end up in one partition after every shuffle.
SPREAD = {**ADAPTIVE, "spark.sql.adaptive.coalescePartitions.enabled": "false"}
RACE_LOST = 5


@dataclass(frozen=True)
class Elsewhere:
    """A run by a process in other circumstances than the published one, and the arguments that made it."""

    lake: Path
    done: Done
    arguments: tuple[object, ...]


@pytest.fixture(scope="module")
def shuffled_files(small_shop: SmallShop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shuffled")
    rows = list(small_shop.texts)
    random.Random(5).shuffle(rows)
    for number in range(FILES):
        write_csv(rows[number::FILES], folder / f"part-{number:02}.csv")
    return folder


@pytest.fixture(scope="module")
def elsewhere(shuffled_files: Path, tmp_path_factory: pytest.TempPathFactory) -> Elsewhere:
    lake = tmp_path_factory.mktemp("elsewhere") / "lake"
    arguments = ("--config", CONFIG, "--input", shuffled_files, "--quiet")
    command = submit_command(
        *(*arguments, "--output", lake),
        master="local[1]",
        conf={**SPREAD, "spark.sql.shuffle.partitions": "3", "spark.sql.session.timeZone": "Asia/Kathmandu"},
        java="-Duser.timezone=Pacific/Apia",
    )
    return Elsewhere(lake, run_to_its_end(command, {**NO_CACHE, "TZ": "America/New_York"}), arguments)


@contextmanager
def settings(spark: SparkSession, values: dict[str, str]) -> Iterator[None]:
    before = {key: spark.conf.get(key) for key in values}
    for key, value in values.items():
        spark.conf.set(key, value)
    try:
        yield
    finally:
        for key, text in before.items():
            spark.conf.set(key, text or "")


@contextmanager
def at_step(step: str, act: Any) -> Iterator[None]:
    """Call `act` when the run in this process has reached a step."""

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.getMessage() == step:
                act()

    logger, handler = logging.getLogger("segmentation.lake.steps"), Handler(logging.DEBUG)
    level = logger.level
    logger.setLevel(logging.DEBUG)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def test_cores_partitions_files_order_and_time_zones_change_nothing(elsewhere: Elsewhere, published: PublishedRun):
    assert elsewhere.done.code == 0, elsewhere.done.output
    run = latest_run(elsewhere.lake)
    assert content_hashes(run, SOURCE) == content_hashes(published.run, SOURCE)
    assert model_content(run) == model_content(published.run)
    for fact in ("reconciliation", "as_of"):
        assert manifest_of(run)[fact] == manifest_of(published.run)[fact]

    # The run is quiet, although its home and cache are not writable.
    assert (elsewhere.done.stdout, elsewhere.done.errors) == ("", "")


@pytest.mark.slow
def test_a_run_that_another_process_publishes_meanwhile_is_refused(
    elsewhere: Elsewhere, run_job: RunJob, spark: SparkSession, tmp_path: Path
):
    lake, staged_content = tmp_path / "lake", dict[str, Any]()
    run = latest_run(elsewhere.lake)

    def come_too_late() -> None:
        shutil.copytree(elsewhere.lake / "runs", lake / "runs", dirs_exist_ok=True)
        shutil.copy(elsewhere.lake / "latest.json", lake)
        [staged] = [path for path in (lake / "_staging").iterdir() if path.is_dir()]
        staged_content.update(hashes=content_hashes(staged, SOURCE), model=model_content(staged))

    with settings(spark, {**SPREAD, "spark.sql.shuffle.partitions": "5"}), at_step(AUDITED, come_too_late):
        done = run_job(*elsewhere.arguments, "--output", lake)
    run_id = manifest_of(run)["run_id"]
    assert done.code == RACE_LOST, done.output
    assert f"error: another process published this very run, {run_id}, meanwhile" in done.stderr
    assert staged_content == {"hashes": content_hashes(run, SOURCE), "model": model_content(run)}
    assert runs_in(lake) == [run_id]
    assert left_over(lake) == []


def test_partitions_change_no_bit_of_customers_in_several_buckets(
    shuffled_files: Path, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(customers, "LINES_OF_ONE_BUCKET", 0)
    monkeypatch.setattr(customers, "CUSTOMERS_OF_A_BUCKET", 30)
    config = configured(CONFIG, "clustering.seeding_sample=100", "clustering.k_max=3", "clustering.restarts=1")
    found = []
    for partitions in ("1", "3"):
        with settings(spark, {"spark.sql.shuffle.partitions": partitions}):
            found.append(cluster(spark, config, shuffled_files))
    first, second = found
    assert first.customers == second.customers != sorted(first.customers)
    assert (first.fits, first.choice) == (second.fits, second.choice)
    assert first.points.tobytes() == second.points.tobytes()


def test_the_content_hash_of_a_table_changes_with_its_values(published: PublishedRun):
    hashes = {content_hash(published.run, table) for table in s.TABLES}
    assert len(hashes) == len(s.TABLES)
    assert content_hash(published.run, "data_quality") != content_hash(published.run, "data_quality", {"share"})
    model = [(stage["class"].rpartition(".")[2], bool(data)) for stage, data in model_content(published.run)]
    assert model == [
        ("SQLTransformer", False),
        ("VectorAssembler", False),
        ("StandardScalerModel", True),
        ("KMeansModel", True),
        ("SQLTransformer", False),
    ]


def test_large_parquet_is_read_again_by_each_query_and_gives_the_same_lines(
    small_shop: SmallShop, spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    whole = [texts for texts in small_shop.texts if len(texts) == len(HEADER)]
    columns = dict(zip(HEADER, map(list, zip(*whole, strict=True)), strict=True))
    pq.write_table(pa.table(columns), tmp_path / "lines.parquet")
    cached = clean(spark, configured(), tmp_path)
    monkeypatch.setattr(intake, "MOST_CACHED", 0)
    read_again = clean(spark, configured(), tmp_path)
    assert read_again.ledger.data_quality == cached.ledger.data_quality
    for name in ("exceptional", "order_sums", "sales.lines", "sales.copies"):
        actual, expected = attrgetter(name)(read_again), attrgetter(name)(cached)
        assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)
    reads = [
        frame.sales.lines._jdf.queryExecution().toString().count("FileScan parquet") for frame in (cached, read_again)
    ]
    assert reads == [0, 1]
