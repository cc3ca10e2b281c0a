"""The same job on a real standalone cluster: authenticated, encrypted, its executors without Python."""

import os
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from segmentation import schemas as s
from tests.jobs.clusters import SMALL_EXECUTORS, Cluster, running_cluster
from tests.jobs.conftest import CONFIG, ROOT, PublishedRun, Submit, submit_command
from tests.jobs.published_runs import content_hash, content_hashes, latest_run, left_over, model_content, table_of
from tests.jobs.running_jobs import watched
from tests.jobs.small_shop import SmallShop, write_xlsx

pytestmark = pytest.mark.cluster

REFUSED = "Authentication failed"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster of one master and two workers of one core."""
    with running_cluster(tmp_path_factory.mktemp("cluster"), workers=2) as running:
        yield running


def on_cluster(submit: Submit, cluster: Cluster, source: Path, lake: Path) -> Path:
    done = submit(
        "--config", CONFIG, "--input", source, "--output", lake,
        properties=cluster.properties, conf=SMALL_EXECUTORS,
    )  # fmt: skip
    assert done.code == 0, done.said
    assert left_over(lake) == []
    return latest_run(lake)


def test_csv_gives_the_same_tables_and_model_as_locally(
    cluster: Cluster, submit: Submit, small_csv: Path, published: PublishedRun, tmp_path: Path
):
    run = on_cluster(submit, cluster, small_csv, tmp_path / "lake")
    assert content_hashes(run) == content_hashes(published.run)
    assert model_content(run) == model_content(published.run)


def test_a_workbook_gives_the_same_tables_as_the_csv_locally(
    cluster: Cluster, submit: Submit, small_shop: SmallShop, published: PublishedRun, tmp_path: Path
):
    run = on_cluster(submit, cluster, write_xlsx(small_shop.texts, tmp_path / "lines.xlsx"), tmp_path / "lake")
    for table in set(s.TABLES) - {"rejected_transactions"}:
        assert content_hash(run, table) == content_hash(published.run, table), table
    # A workbook has dates and numbers of its own: only the text that was read differs.
    as_read = {"source_file", "invoice_date", "quantity", "unit_price", "customer_id"}
    kept = [name for name in s.TABLES["rejected_transactions"].names if name not in as_read]

    def rows(of: Path) -> list[str]:
        rejected = table_of(of, "rejected_transactions").select(kept).to_pylist()
        return sorted(repr([value or None for value in row.values()]) for row in rejected)

    assert rows(run) == rows(published.run)


def test_the_secret_is_the_owners_alone_and_the_profile_is_the_repositorys(cluster: Cluster):
    files = [path for path in cluster.folder.rglob("*") if path.is_file()]
    secret_files = [path for path in files if cluster.secret.encode() in path.read_bytes()]
    assert {path.name for path in secret_files} == {"job.properties", "cluster.properties"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in secret_files} == {0o600}
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
    assert REFUSED in done.said
    assert done.code == -signal.SIGKILL
    assert (cluster.folder / "master.log").read_text().count("Registering app") == before
    assert not (tmp_path / "lake").exists()


def test_executors_log_no_description(cluster: Cluster, small_shop: SmallShop):
    logs = [path.read_text() for path in (cluster.folder / "work").rglob("stderr")]
    assert logs != []
    descriptions = {fields[2] for fields in small_shop.texts if len(fields) > 2}
    assert [description for description in descriptions for log in logs if description in log] == []
