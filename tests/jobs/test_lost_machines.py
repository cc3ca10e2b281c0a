"""Machines fail in the middle of a job: what it publishes is what an undisturbed run publishes."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.jobs.clusters import SMALL_EXECUTORS, Cluster, running_cluster
from tests.jobs.conftest import CONFIG, PublishedRun, submit_command
from tests.jobs.published_runs import content_hashes, latest_run, left_over, model_content
from tests.jobs.running_jobs import watched

pytestmark = pytest.mark.cluster

# What hangs is given up after seconds, not minutes.
SOON = {
    "spark.network.timeout": "15s",
    "spark.network.timeoutInterval": "2s",
    "spark.executor.heartbeatInterval": "2s",
    "spark.shuffle.io.maxRetries": "1",
    "spark.shuffle.io.retryWait": "1s",
}
WORKERS = 3


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with running_cluster(tmp_path, WORKERS) as running:
        yield running


def test_an_executor_killed_one_stopped_and_a_worker_killed_change_nothing(
    cluster: Cluster, small_csv: Path, published: PublishedRun, tmp_path: Path
):
    done = []
    command_lines: set[str] = set()

    def kill_executor() -> None:
        [pid] = cluster.executors(worker=1)
        os.kill(pid, signal.SIGKILL)

    def kill_worker() -> None:
        os.kill(cluster.worker(2), signal.SIGKILL)

    def stop_executor() -> None:
        [pid] = cluster.executors(worker=3)
        os.kill(pid, signal.SIGSTOP)

    # Each in the middle: the lines are cached, the next stage begins to read them.
    disturbances = {"[2/": kill_executor, "[3/": stop_executor, "[5/": kill_worker}

    def disturb(_: int, line: str) -> None:
        for heading, disturbance in disturbances.items():
            if heading in line:
                command_lines.update(cluster.executors().values())
                disturbance()
                done.append(heading)

    said = watched(
        submit_command(
            "--config", CONFIG, "--input", small_csv, "--output", tmp_path / "lake",
            properties=cluster.properties, conf={**SMALL_EXECUTORS, **SOON},
        ),
        disturb,
    )  # fmt: skip
    assert said.code == 0, said.said
    assert done == list(disturbances)
    # One each for the workers, one each in place of the killed and of the stopped.
    assert len(list((cluster.folder / "work").glob("*/app-*/*"))) >= WORKERS + 2
    # Every user of a machine can read these.
    assert [command for command in command_lines if cluster.secret in command] == []
    run = latest_run(tmp_path / "lake")
    assert content_hashes(run) == content_hashes(published.run)
    assert model_content(run) == model_content(published.run)
    assert left_over(tmp_path / "lake") == []
