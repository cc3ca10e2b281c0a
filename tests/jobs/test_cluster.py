"""The same command line on a real standalone cluster, whose executors have no Python."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from segmentation.schemas import TABLES
from tests.jobs.conftest import CONFIG, QUICK_COMPILER, ROOT, PublishedRun, Submit
from tests.jobs.published_runs import content_hash, content_hashes, latest_run, left_over, model_content, table_of
from tests.jobs.small_shop import SmallShop, write_xlsx

pytestmark = pytest.mark.cluster

NO_PYTHON = "/nonexistent/python"


def cluster(verb: str, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    # To files, not pipes: the cluster's processes would hold a pipe open.
    with (folder / f"{verb}.out").open("w+") as out, (folder / f"{verb}.err").open("w+") as err:
        command = [str(ROOT / "scripts" / "cluster"), verb, "--dir", str(folder / "cluster"), *options]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, check=False, timeout=300)
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(command, done.returncode, out.read(), err.read())


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a cluster of one master and two workers of one core."""
    folder = tmp_path_factory.mktemp("cluster")
    try:
        started = cluster("start", folder, "--workers", "2", "--cores", "1", "--memory", "1g")
        assert started.returncode == 0, started.stderr
        yield started.stdout.splitlines()[-1]
    finally:
        stopped = cluster("stop", folder)
        assert stopped.returncode == 0, stopped.stderr


def on_cluster(submit: Submit, master: str, source: Path, lake: Path) -> Path:
    done = submit(
        "--config", CONFIG, "--input", source, "--output", lake,
        master=master,
        conf={
            "spark.executorEnv.PYSPARK_PYTHON": NO_PYTHON,
            "spark.pyspark.python": NO_PYTHON,
            "spark.pyspark.driver.python": sys.executable,
            "spark.executor.memory": "512m",
            "spark.executor.extraJavaOptions": QUICK_COMPILER,
        },
    )  # fmt: skip
    assert done.code == 0, done.stderr
    assert left_over(lake) == []
    return latest_run(lake)


def test_csv_gives_the_same_tables_and_model_as_locally(
    master: str, submit: Submit, small_csv: Path, published: PublishedRun, tmp_path: Path
):
    run = on_cluster(submit, master, small_csv, tmp_path / "lake")
    assert content_hashes(run) == content_hashes(published.run)
    assert model_content(run) == model_content(published.run)


def test_a_workbook_gives_the_same_tables_as_the_csv_locally(
    master: str, submit: Submit, small_shop: SmallShop, published: PublishedRun, tmp_path: Path
):
    run = on_cluster(submit, master, write_xlsx(small_shop.texts, tmp_path / "lines.xlsx"), tmp_path / "lake")
    for table in set(TABLES) - {"rejected_transactions"}:
        assert content_hash(run, table) == content_hash(published.run, table), table
    # A workbook has dates and numbers of its own: only the text that was read differs.
    as_read = {"source_file", "invoice_date", "quantity", "unit_price", "customer_id"}
    kept = [name for name in TABLES["rejected_transactions"].names if name not in as_read]

    def rows(of: Path) -> list[str]:
        rejected = table_of(of, "rejected_transactions").select(kept).to_pylist()
        return sorted(repr([value or None for value in row.values()]) for row in rejected)

    assert rows(run) == rows(published.run)
