"""What the tests of whole runs share: a small shop, its published run, and a cluster, each made once."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from scripts.run_contents import latest_run
from segmentation.cli.scratch import claims_folder, remove_left_scratch
from tests.jobs.clusters import WORKERS, Cluster, running_cluster
from tests.jobs.running_jobs import (
    CONFIG,
    SECRETS,
    SPARK_SECRETS,
    Done,
    PublishedRun,
    RunJob,
    Submit,
    environment,
    finish,
    job_in,
    run_to_its_end,
    start,
    submit_command,
)
from tests.jobs.small_shop import SmallShop, make_small_shop, write_csv
from tests.processes import PROC, Address, descendants, listening, repeatedly


@pytest.fixture(scope="session")
def submit() -> Submit:
    """Runs the job by spark-submit from the top of the checkout, without a terminal."""

    def run(*arguments: object, variables: Mapping[str, str] | None = None, **options: Any) -> Done:
        return run_to_its_end(submit_command(*arguments, **options), variables)

    return run


@pytest.fixture(scope="session")
def run_job(spark: SparkSession) -> RunJob:
    """Runs the job in the tests' session."""
    return job_in(spark)


@pytest.fixture(scope="session")
def small_shop() -> SmallShop:
    return make_small_shop()


@pytest.fixture(scope="session")
def small_csv(small_shop: SmallShop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_csv(small_shop.texts, tmp_path_factory.mktemp("shop") / "transactions.csv")


@pytest.fixture(scope="session")
def published(small_csv: Path, tmp_path_factory: pytest.TempPathFactory) -> PublishedRun:
    """The small shop's run by scripts/submit with the classic recipe, secrets around it; its lake is read-only."""
    lake = tmp_path_factory.mktemp("published") / "lake"
    secrets = [word for key, value in SPARK_SECRETS.items() for word in ("--conf", f"{key}={value}")]
    job = ["jobs/segment_customers.py", "--config", CONFIG, "--input", str(small_csv), "--output", str(lake)]
    remove_left_scratch(claims_folder(environment()))  # of jobs that tests killed: the next job says what it removes
    process = start([sys.executable, "scripts/launcher", *secrets, *job], SECRETS, merged=False)
    addresses: set[Address] = set()

    def look() -> None:
        if PROC.joinpath("net").exists():
            addresses.update(listening(descendants(process.pid)))

    with repeatedly(look):
        done = finish(process)
    assert done.code == 0, done.output
    return PublishedRun(lake, latest_run(lake), done, frozenset(addresses))


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster of one master and three workers of one core."""
    with running_cluster(tmp_path_factory.mktemp("cluster"), WORKERS) as running:
        yield running
