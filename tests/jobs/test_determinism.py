"""Three runs on the same lines in other ways publish the same; two of them race for the same lake."""

import logging
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from subprocess import Popen
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
    TIMEOUT_SECONDS,
    Done,
    PublishedRun,
    RunJob,
    finish,
    start,
    submit_command,
)
from tests.jobs.small_shop import HEADER, SmallShop, write_csv
from tests.jobs.stages import clean, cluster, configured

FILES = 50
# Lines lie in other files than those of the published run.
SOURCE = {"source_file"}
NO_CACHE = {"HOME": "/dev/null", "XDG_CACHE_HOME": "/dev/null"}
# So few lines would otherwise end up in one partition after every shuffle.
SPREAD = {**ADAPTIVE, "spark.sql.adaptive.coalescePartitions.enabled": "false"}
RACE_LOST = 5


@dataclass(frozen=True)
class Race:
    """A process that published a run, and a run in the tests' session that was staged meanwhile and came too late."""

    lake: Path
    winner: Done
    loser: Done
    staged: dict[str, str]
    staged_model: list[Any]


@pytest.fixture(scope="module")
def shuffled_files(small_shop: SmallShop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shuffled")
    rows = list(small_shop.texts)
    random.Random(5).shuffle(rows)
    for number in range(FILES):
        write_csv(rows[number::FILES], folder / f"part-{number:02}.csv")
    return folder


@pytest.fixture
def race(shuffled_files: Path, run_job: RunJob, spark: SparkSession, tmp_path: Path, published: PublishedRun) -> Race:
    lake = tmp_path / "lake"
    arguments = ("--config", CONFIG, "--input", shuffled_files, "--output", lake, "--quiet")
    winner = start(
        submit_command(
            *arguments,
            master="local[1]",
            conf={**SPREAD, "spark.sql.shuffle.partitions": "1", "spark.sql.session.timeZone": "Asia/Kathmandu"},
            java="-Duser.timezone=Pacific/Apia",
        ),
        {**NO_CACHE, "TZ": "America/New_York"},
        merged=False,
    )
    staged_content: dict[str, Any] = {}

    def come_too_late() -> None:
        wait_until_published(lake, winner)
        [staged] = [path for path in (lake / "_staging").iterdir() if path.is_dir()]
        staged_content.update(hashes=content_hashes(staged, SOURCE), model=model_content(staged))

    with settings(spark, {**SPREAD, "spark.sql.shuffle.partitions": "23"}), at_step(AUDITED, come_too_late):
        loser = run_job(*arguments)
    return Race(lake, finish(winner), loser, staged_content["hashes"], staged_content["model"])


def wait_until_published(lake: Path, process: Popen[str]) -> None:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not (lake / "latest.json").exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)


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


def test_cores_partitions_files_order_and_time_zones_change_nothing(race: Race, published: PublishedRun):
    assert race.winner.code == 0, race.winner.output
    run = latest_run(race.lake)
    assert content_hashes(run, SOURCE) == content_hashes(published.run, SOURCE) == race.staged
    assert model_content(run) == model_content(published.run) == race.staged_model
    for fact in ("reconciliation", "as_of"):
        assert manifest_of(run)[fact] == manifest_of(published.run)[fact]

    # The winner is quiet, although its home and cache are not writable.
    assert (race.winner.stdout, race.winner.errors) == ("", "")

    # Only one of the two publishes the run.
    message = f"error: another process published this very run, {manifest_of(run)['run_id']}, meanwhile"
    assert race.loser.code == RACE_LOST, race.loser.output
    assert message in race.loser.stderr
    assert runs_in(race.lake) == [manifest_of(run)["run_id"]]
    assert left_over(race.lake) == []


def test_partitions_change_no_bit_of_customers_in_several_buckets(
    shuffled_files: Path, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(customers, "LINES_OF_ONE_BUCKET", 0)
    monkeypatch.setattr(customers, "CUSTOMERS_OF_A_BUCKET", 30)
    config = configured(CONFIG, "clustering.seeding_sample=100", "clustering.k_max=3")
    found = []
    for partitions in ("1", "5"):
        with settings(spark, {**SPREAD, "spark.sql.shuffle.partitions": partitions}):
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
