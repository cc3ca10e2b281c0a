"""The same job on a standalone cluster that loses machines: authenticated, encrypted, its executors without Python."""

import os
import signal
import stat
from dataclasses import dataclass
from pathlib import Path

import pytest

from scripts.run_contents import content_hash, latest_run, model_content
from segmentation import schemas as s
from tests.conftest import ROOT
from tests.jobs.clusters import SMALL_EXECUTORS, WORKERS, Cluster
from tests.jobs.published_runs import left_over, table_of
from tests.jobs.running_jobs import CONFIG, Done, PublishedRun, submit_command, watched
from tests.jobs.small_shop import SmallShop, write_csv, write_xlsx

REFUSED = "Authentication failed"
# What hangs is given up after seconds, not minutes.
SHORT_TIMEOUTS = {
    "spark.network.timeout": "15s",
    "spark.network.timeoutInterval": "2s",
    "spark.executor.heartbeatInterval": "2s",
    "spark.shuffle.io.maxRetries": "1",
    "spark.shuffle.io.retryWait": "1s",
}


@dataclass(frozen=True)
class DisturbedRun:
    """A run on the cluster, the disturbances in the order they came, and the executors' command lines."""

    done: Done
    lake: Path
    disturbances: list[str]
    command_lines: set[str]


@pytest.fixture(scope="module")
def disturbed(cluster: Cluster, small_shop: SmallShop, tmp_path_factory: pytest.TempPathFactory) -> DisturbedRun:
    """A run on half a CSV file and half a workbook: one executor is killed, one stopped, and a worker killed."""
    folder = tmp_path_factory.mktemp("disturbed")
    inputs = (
        write_csv(small_shop.texts[::2], folder / "lines.csv"),
        write_xlsx(small_shop.texts[1::2], folder / "lines.xlsx"),
    )
    disturbances: list[str] = []
    command_lines: set[str] = set()

    def kill_executor() -> None:
        [pid] = cluster.executors(worker=1)
        os.kill(pid, signal.SIGKILL)

    def stop_executor() -> None:
        [pid] = cluster.executors(worker=3)
        os.kill(pid, signal.SIGSTOP)

    def kill_worker() -> None:
        os.kill(cluster.worker(2), signal.SIGKILL)

    # Each in the middle: the lines are cached, the next stage begins to read them.
    steps = {"[2/": kill_executor, "[3/": stop_executor, "[5/": kill_worker}

    def disturb(_: int, line: str) -> None:
        for heading, disturbance in steps.items():
            if heading in line:
                command_lines.update(cluster.executors().values())
                disturbance()
                disturbances.append(heading)

    done = watched(
        submit_command(
            "--config", CONFIG, "--input", *inputs, "--output", folder / "lake",
            properties=cluster.properties, conf={**SMALL_EXECUTORS, **SHORT_TIMEOUTS},
        ),
        disturb,
    )  # fmt: skip
    return DisturbedRun(done, folder / "lake", disturbances, command_lines)


def test_lost_executors_and_a_lost_worker_change_no_table_and_no_model(
    cluster: Cluster, disturbed: DisturbedRun, published: PublishedRun
):
    assert disturbed.done.code == 0, disturbed.done.output
    assert disturbed.disturbances == ["[2/", "[3/", "[5/"]
    # One each for the workers, one each in place of the killed and of the stopped.
    assert len(list((cluster.folder / "work").glob("*/app-*/*"))) >= WORKERS + 2

    run = latest_run(disturbed.lake)
    for table in set(s.TABLES) - {"rejected_transactions"}:
        assert content_hash(run, table) == content_hash(published.run, table), table
    assert model_content(run) == model_content(published.run)
    assert left_over(disturbed.lake) == []

    # A workbook has numbers and dates where a CSV file has text: a malformed line shows them as they were read.
    as_read = {"source_file", "invoice_date", "quantity", "unit_price", "customer_id"}
    columns = [name for name in s.TABLES["rejected_transactions"].names if name not in as_read]

    def rejected(run: Path) -> list[str]:
        rows = table_of(run, "rejected_transactions").select(columns).to_pylist()
        return sorted(repr([value or None for value in row.values()]) for row in rows)

    assert rejected(run) == rejected(published.run)


def test_the_secret_is_the_owners_alone_and_on_no_command_line(cluster: Cluster, disturbed: DisturbedRun):
    files = [path for path in cluster.folder.rglob("*") if path.is_file()]
    secret_files = [path for path in files if cluster.secret.encode() in path.read_bytes()]
    assert {path.name for path in secret_files} == {"job.properties", "cluster.properties"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in secret_files} == {0o600}
    # Every user of a machine can read these.
    assert len(disturbed.command_lines) >= WORKERS
    assert [command for command in disturbed.command_lines if cluster.secret in command] == []


def test_the_cluster_runs_with_the_profile_of_the_repository(cluster: Cluster):
    profile = (ROOT / "conf" / "spark-cluster.conf").read_text()
    assert cluster.properties.read_text().startswith(profile)
    settings = dict(line.split(maxsplit=1) for line in profile.splitlines() if line.startswith("spark."))
    assert "spark.authenticate.secret" not in settings
    assert {
        "spark.authenticate": "true",
        "spark.network.crypto.enabled": "true",
        "spark.io.encryption.enabled": "true",
        "spark.ui.enabled": "false",
    }.items() <= settings.items()


def test_executors_log_no_description(cluster: Cluster, disturbed: DisturbedRun, small_shop: SmallShop):
    assert disturbed.done.code == 0
    logs = [path.read_text() for path in (cluster.folder / "work").rglob("stderr")]
    assert logs != []
    descriptions = {fields[2] for fields in small_shop.texts if len(fields) > 2}
    assert [description for description in descriptions for log in logs if description in log] == []


def test_a_job_with_another_secret_is_refused(cluster: Cluster, small_csv: Path, tmp_path: Path):
    wrong = tmp_path / "wrong.properties"
    wrong.write_text(cluster.properties.read_text().replace(cluster.secret, "0" * len(cluster.secret)))
    before = (cluster.folder / "master.log").read_text().count("Registering app")

    def end_once_refused(pid: int, line: str) -> None:
        if REFUSED in line:  # Spark would try for another minute
            os.kill(pid, signal.SIGKILL)

    done = watched(
        submit_command(
            "--config", CONFIG, "--input", small_csv, "--output", tmp_path / "lake",
            properties=wrong, conf=SMALL_EXECUTORS,
        ),
        end_once_refused,
    )  # fmt: skip
    assert REFUSED in done.output
    assert done.code == -signal.SIGKILL
    assert (cluster.folder / "master.log").read_text().count("Registering app") == before
    assert not (tmp_path / "lake").exists()
