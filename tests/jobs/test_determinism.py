"""The same input and configuration give the same run, however many cores, partitions and files there are."""

import random
from pathlib import Path

import pytest

from segmentation import schemas as s
from tests.jobs.conftest import ADAPTIVE, CONFIG, PublishedRun, Submit
from tests.jobs.published_runs import content_hash, content_hashes, latest_run, left_over, manifest_of, model_content
from tests.jobs.small_shop import SmallShop, write_csv

FILES = 50
NOTHING_CAN_BE_KEPT = {"HOME": "/dev/null", "XDG_CACHE_HOME": "/dev/null"}


def as_it_is(shop: SmallShop, folder: Path) -> None:
    write_csv(shop.texts, folder / "transactions.csv")


def shuffled_and_split(shop: SmallShop, folder: Path) -> None:
    rows = list(shop.texts)
    random.Random(5).shuffle(rows)
    for number in range(FILES):
        write_csv(rows[number::FILES], folder / f"part-{number:02}.csv")


WAYS = {
    "one core, one partition": ("local[1]", 1, as_it_is),
    "four cores, 23 partitions, shuffled lines in 50 files": ("local[4]", 23, shuffled_and_split),
}


@pytest.fixture(scope="module", params=WAYS)
def another_way(
    request: pytest.FixtureRequest, submit: Submit, small_shop: SmallShop, tmp_path_factory: pytest.TempPathFactory
) -> PublishedRun:
    master, partitions, lay_out = WAYS[request.param]
    folder = tmp_path_factory.mktemp("another_way")
    lay_out(small_shop, folder / "data")
    said = submit(
        "--config", CONFIG, "--input", folder / "data", "--output", folder / "lake", "--quiet",
        master=master,
        conf={
            **ADAPTIVE,
            "spark.sql.shuffle.partitions": str(partitions),
            # So few lines would otherwise end up in one partition after every shuffle.
            "spark.sql.adaptive.coalescePartitions.enabled": "false",
        },
        variables=NOTHING_CAN_BE_KEPT,
    )  # fmt: skip
    assert said.code == 0, said.stderr
    return PublishedRun(folder / "lake", latest_run(folder / "lake"), said)


def test_tables_and_model_are_the_same_and_a_quiet_run_says_nothing_even_where_it_can_keep_no_log_and_no_cache(
    another_way: PublishedRun, published: PublishedRun
):
    # Where a line came from differs with the files; all else may not.
    source = {"source_file"}
    assert content_hashes(another_way.run, without=source) == content_hashes(published.run, without=source)
    assert model_content(another_way.run) == model_content(published.run)
    assert manifest_of(another_way.run)["reconciliation"] == manifest_of(published.run)["reconciliation"]
    assert left_over(another_way.lake) == []

    assert (another_way.said.stdout, another_way.said.complaints) == ("", "")


def test_the_hash_of_a_table_tells_one_changed_value(published: PublishedRun):
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
