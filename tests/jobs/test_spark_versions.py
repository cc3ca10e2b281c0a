"""The whole job on the oldest Spark that setup.py allows publishes what it publishes on the newest."""

import os
from pathlib import Path

import pytest

from scripts.compare_sparks import minor_versions, oldest_version, spark_home
from scripts.run_contents import differences, latest_run, manifest_of
from tests.jobs.running_jobs import CONFIG, PublishedRun, Submit


@pytest.fixture
def oldest_spark() -> Path:
    """The SPARK_HOME of the oldest Spark, which scripts/test --all installs; else skipped, where CI=true failed."""
    home = spark_home(minor_versions()[0])
    if not home.is_dir():
        reason = f"{home} does not exist: scripts/spark_versions --install-oldest"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return home


def test_the_oldest_spark_publishes_what_the_newest_does(
    oldest_spark: Path, submit: Submit, small_csv: Path, published: PublishedRun, tmp_path: Path
):
    done = submit(
        *("--config", CONFIG, "--input", small_csv, "--output", tmp_path / "lake", "--quiet"),
        variables={"SPARK_HOME": str(oldest_spark)},
    )
    assert (done.code, done.stdout, done.errors) == (0, "", "")
    run = latest_run(tmp_path / "lake")
    assert manifest_of(run)["spark_version"] == oldest_version()
    assert manifest_of(published.run)["spark_version"].startswith(f"{minor_versions()[-1]}.")
    assert differences(run, published.run) == []
