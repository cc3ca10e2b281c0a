"""Both file systems give the same answers; the local one also locks, claims and cleans up."""

import bz2
import gzip
import os
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from segmentation.errors import PublishConflict
from segmentation.filesystem import HOST, FileSystems, StoredFile, filesystem_for, temporary_name
from segmentation.filesystem.hadoop import HadoopFileSystem
from segmentation.filesystem.local import LocalFileSystem

ROOT = Path(__file__).resolve().parents[3]
# Claims a folder until it is killed, as a job claims its staging.
CLAIMER = """
import sys, time
from pathlib import Path
from segmentation.filesystem.local import claim_folder
claim = claim_folder(Path(sys.argv[1]))
print(claim.is_held, flush=True)
time.sleep(60)
"""


@pytest.fixture(params=[LocalFileSystem, HadoopFileSystem])
def filesystem(request: pytest.FixtureRequest, spark: SparkSession, tmp_path: Path) -> HadoopFileSystem:
    """Each of the two, over a folder of the local disk."""
    make: type[HadoopFileSystem] = request.param
    return make(spark, str(tmp_path))


def test_a_path_without_a_scheme_is_on_the_local_disk(spark: SparkSession, tmp_path: Path):
    filesystem = filesystem_for(spark, str(tmp_path))
    assert isinstance(filesystem, LocalFileSystem)
    assert filesystem.root == f"file:{tmp_path}"


def test_a_text_file_is_replaced_and_leaves_no_temporary_file(filesystem: HadoopFileSystem, tmp_path: Path):
    path = f"{filesystem.root}/note.txt"
    for text in ("a longer text – with £", "short"):
        filesystem.write_text(path, text, filesystem.root)
        assert filesystem.read_text(path) == text
    assert [file.name for file in tmp_path.iterdir() if not file.name.endswith(".crc")] == ["note.txt"]


def test_files_are_listed_below_folders_and_by_glob_without_hidden_ones(
    filesystem: HadoopFileSystem, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    for name in ("b.csv", "a.csv", "_SUCCESS", ".a.csv.crc", "deep/c.csv", "_staging/d.csv", "e.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("12345")
    os.utime(tmp_path / "a.csv", (1_300_000_000, 1_300_000_000))
    (tmp_path / "linked").symlink_to(tmp_path / "deep")
    (tmp_path / "nowhere.csv").symlink_to(tmp_path / "gone.csv")

    def find(pattern: str) -> list[str]:
        return [file.path.removeprefix(f"{filesystem.root}/") for file in filesystem.find(pattern)]

    # Each folder once, whatever links lead to it; other file systems have no links.
    linked = [] if isinstance(filesystem, LocalFileSystem) else ["linked/c.csv"]
    assert find(str(tmp_path)) == ["a.csv", "b.csv", "deep/c.csv", "e.txt", *linked]
    assert find(f"file://{tmp_path}//deep/../deep/") == ["deep/c.csv"]
    assert f"{tmp_path}/_staging is left out" in caplog.text
    assert ".a.csv.crc" not in caplog.text
    assert find(f"{tmp_path}/*.csv") == ["a.csv", "b.csv"]
    assert find(f"{tmp_path}/nothing") == []
    assert filesystem.find(f"{tmp_path}/a.csv") == [StoredFile(f"{filesystem.root}/a.csv", 5, 1_300_000_000_000)]


def test_the_head_is_unpacked_by_the_ending_of_the_name_and_a_part_is_not(filesystem: HadoopFileSystem, tmp_path: Path):
    packed = {"a.csv": b"12345", "a.csv.gz": gzip.compress(b"12345"), "a.bz2": bz2.compress(b"12345")}
    packed["a.deflate"] = zlib.compress(b"12345")
    for name, content in packed.items():
        (tmp_path / name).write_bytes(content)
        assert filesystem.head(f"{filesystem.root}/{name}", 3) == b"123"
        assert filesystem.part(f"{filesystem.root}/{name}", 1, 3) == content[1:4]
    (tmp_path / "cut.gz").write_bytes(gzip.compress(b"12345")[:-9])
    with pytest.raises(OSError, match=r".+"):
        filesystem.head(f"{filesystem.root}/cut.gz", 100)


def test_the_file_system_of_many_paths_is_opened_once(spark: SparkSession, tmp_path: Path):
    filesystems = FileSystems(spark)
    assert filesystems.of("/a/b.csv") is filesystems.of("c:d.csv") is filesystems.of("e=1/f.csv")
    assert filesystems.of("file:/a/b.csv") is filesystems.of("file:/c.csv")
    assert isinstance(filesystems.of(f"file://{tmp_path}"), LocalFileSystem)


def test_name_nodes_that_do_not_answer_are_named_within_seconds(spark: SparkSession):
    conf = spark._jsc.hadoopConfiguration()
    settings = {"dfs.nameservices": "shop", "dfs.ha.namenodes.shop": "a,b"}
    settings |= {f"dfs.namenode.rpc-address.shop.{node}": f"127.0.0.1:{port}" for node, port in (("a", 1), ("b", 2))}
    settings["dfs.client.failover.proxy.provider.shop"] = (
        "org.apache.hadoop.hdfs.server.namenode.ha.ConfiguredFailoverProxyProvider"
    )
    try:
        for key, value in settings.items():
            conf.set(key, value)
        with pytest.raises(
            OSError, match=r"127\.0\.0\.1:1 does not answer .*, 127\.0\.0\.1:2 does not answer .*: check"
        ):
            filesystem_for(spark, "hdfs://shop/sales")
    finally:
        for key in settings:
            conf.unset(key)


def test_a_folder_whose_name_java_would_lose_is_refused(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("segmentation.filesystem.local.java_knows_all_names", lambda _: False)
    with pytest.raises(OSError, match=r"letters that would be lost\. Java reads names by its locale: set LC_ALL"):
        filesystem_for(spark, f"{tmp_path}/größe")
    assert filesystem_for(spark, str(tmp_path)).root == f"file:{tmp_path}"


def test_a_missing_file_raises_an_os_error_that_names_it(filesystem: HadoopFileSystem, tmp_path: Path):
    with pytest.raises(OSError, match=r"missing\.csv"):
        filesystem.head(f"{tmp_path}/missing.csv", 10)
    with pytest.raises(OSError, match=r"missing\.csv"):
        filesystem.read_text(f"{tmp_path}/missing.csv")


def test_a_file_is_copied_in_and_read_through_a_local_copy(filesystem: HadoopFileSystem, tmp_path: Path):
    source = tmp_path / "two words %20.bin"
    source.write_bytes(b"\x00\xff")
    filesystem.put(source, f"{filesystem.root}/folder/copy %20.bin")
    with filesystem.local_copy(f"{filesystem.root}/folder/copy %20.bin") as local:
        assert local.read_bytes() == b"\x00\xff"
        assert local.suffix == ".bin"


@pytest.mark.parametrize("renames_folders", [True, False], ids=["as on HDFS", "as on an object store"])
def test_a_folder_is_published_whole_and_never_over_another(
    filesystem: HadoopFileSystem, tmp_path: Path, renames_folders: bool
):
    filesystem.renames_folders = renames_folders
    for name in ("first", "second"):
        (tmp_path / name / "table").mkdir(parents=True)
        (tmp_path / name / "last.json").write_text(name)
    filesystem.make_directory(f"{filesystem.root}/runs")
    filesystem.publish(f"{filesystem.root}/first", f"{filesystem.root}/runs/a", last="last.json")
    assert {path.name for path in (tmp_path / "runs" / "a").iterdir()} == {"table", "last.json"}
    with pytest.raises(PublishConflict, match="runs/a exists already"):
        filesystem.publish(f"{filesystem.root}/second", f"{filesystem.root}/runs/a", last="last.json")
    assert (tmp_path / "runs" / "a" / "last.json").read_text() == "first"


def test_a_restricted_folder_is_for_its_owner_until_it_is_opened(filesystem: HadoopFileSystem, tmp_path: Path):
    (tmp_path / "open").mkdir(mode=0o755)
    (tmp_path / "run" / "table").mkdir(parents=True)
    (tmp_path / "run" / "table" / "part").touch()
    filesystem.restrict(f"{tmp_path}/run")
    paths = [tmp_path / "run", tmp_path / "run/table", tmp_path / "run/table/part"]
    assert [path.stat().st_mode & 0o777 for path in paths] == [0o700, 0o700, 0o600]
    filesystem.restrict(f"{tmp_path}/run", to_group=True)
    assert [path.stat().st_mode & 0o777 for path in paths] == [0o770, 0o770, 0o640]
    filesystem.copy_permissions(f"{tmp_path}/open", f"{tmp_path}/run")
    assert (tmp_path / "run").stat().st_mode & 0o777 == 0o755
    filesystem.make_directory(f"{tmp_path}/secret", owner_only=True)
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o700


def test_a_folder_is_as_new_as_the_newest_file_below_it(filesystem: HadoopFileSystem, tmp_path: Path):
    (tmp_path / "old" / "deep").mkdir(parents=True)
    (tmp_path / "old" / "deep" / "new").touch()
    os.utime(tmp_path / "old" / "deep" / "new", (4_000_000_000, 4_000_000_000))
    assert filesystem.modified_ms(f"{tmp_path}/old") == 4_000_000_000_000


def test_files_and_folders_are_deleted_and_missing_ones_ignored(filesystem: HadoopFileSystem, tmp_path: Path):
    (tmp_path / "folder" / "deep").mkdir(parents=True)
    (tmp_path / "file").touch()
    for name in ("folder", "file", "missing"):
        filesystem.delete(f"{filesystem.root}/{name}")
    assert list(tmp_path.iterdir()) == []


def test_an_object_store_sees_no_other_process_and_leaves_everything(spark: SparkSession, tmp_path: Path):
    filesystem = HadoopFileSystem(spark, str(tmp_path))
    (tmp_path / temporary_name("a")).mkdir()
    with filesystem.exclusive(), filesystem.exclusive():
        filesystem.remove_abandoned(filesystem.root)
    assert filesystem.claim(filesystem.root).is_held
    assert filesystem.may_write(filesystem.root)
    assert len(list(tmp_path.iterdir())) == 1


def test_leftovers_of_a_dead_process_are_removed_and_those_of_a_living_one_stay(spark: SparkSession, tmp_path: Path):
    names = [f"dead.{HOST}.1", f"alive.{HOST}.2", "elsewhere.other-host.3", f"refused.{HOST}.4.refused"]
    for name in names:
        (tmp_path / name / "deep").mkdir(parents=True)
    (tmp_path / f".latest.json.{HOST}.half").write_text("{")
    (tmp_path / ".latest.json.other-host.half").write_text("{")
    claimers = [
        subprocess.Popen(
            [sys.executable, "-c", CLAIMER, str(tmp_path / name)], stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        for name in names[:2]
    ]
    try:
        for claimer in claimers:
            assert claimer.stdout is not None
            assert claimer.stdout.readline() == "True\n"
        filesystem = filesystem_for(spark, str(tmp_path))
        assert not filesystem.claim(f"{tmp_path}/{names[1]}").is_held
        claimers[0].kill()
        claimers[0].wait()
        filesystem.remove_abandoned(filesystem.root)
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted([".latest.json.other-host.half", *names[1:]])
    finally:
        for claimer in claimers:
            claimer.kill()
            claimer.communicate()
