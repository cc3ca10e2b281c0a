"""Find the files of an input and look at each once: any name, any number, any damage."""

import bz2
import gzip
import os
import re
from pathlib import Path

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from segmentation.errors import InputError
from segmentation.ingest.aliases import Aliases
from segmentation.ingest.find import find_input
from segmentation.ingest.read import read_errors_named, read_lines
from tests.hostile_files import (
    FIVE,
    INPUT,
    TOP,
    json_object,
    line,
    lines,
    parquet,
    parquet_with_a_value_beyond_its_dictionary,
    read,
    text,
)

SKIPPED = "Spark reads no file whose name begins with _ or . or ends with ._COPYING_: rename it if it is data"
NAMES = ["a b.csv", "[2010] {x}.csv", "1+1.csv", "50%20.csv", "100%.csv", "ü,é.csv", "q'uo\"te.csv", "star*.csv"]
NAMES += ["hash#1.csv", "what?.csv", "2010-12-01T08:00:00.csv", "at 8:00/50%3A,+ü.csv", "day=8:00/_a=1.csv"]
EMPTY = [f"empty-{number}" for number in range(6)]
# How a command begins by which Python lets Java forget an object.
MEMORY_COMMAND = "m\n"


def test_files_of_any_name_are_read_once_under_their_readable_names(spark: SparkSession, tmp_path: Path) -> None:
    for name in NAMES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text(TOP, line()), encoding="utf-8")
    sources = read(spark, tmp_path, tmp_path / "a b.csv", tmp_path / "1+1.csv").select("source_file").collect()
    assert sorted(row.source_file for row in sources) == sorted(str(tmp_path / name) for name in NAMES)


def test_a_glob_finds_its_matches_and_a_directory_no_hidden_files(spark: SparkSession, tmp_path: Path) -> None:
    for name in ("2010-11.csv", "2010-12.csv", "2011-01.csv", "deep/2010-10.csv", "deep/_SUCCESS", "deep/.x.crc"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text(TOP))

    def matches(*paths: str) -> list[str]:
        files = find_input(spark, [str(tmp_path / path) for path in paths], INPUT)
        return [str(Path(file.path).relative_to(tmp_path)) for file in files]

    assert matches("2010-*.csv") == ["2010-11.csv", "2010-12.csv"]
    assert matches("{2010-12,2011-01}.csv", "2010-1[12].csv") == ["2010-11.csv", "2010-12.csv", "2011-01.csv"]
    assert matches("deep") == ["deep/2010-10.csv"]
    with pytest.raises(InputError, match=r"2012-\*\.csv: nothing is there to read"):
        matches("2011-01.csv", "2012-*.csv")


@pytest.mark.parametrize("name", ["_lines.csv", "lines.csv._COPYING_"])
def test_a_named_file_that_spark_skips_is_refused(spark: SparkSession, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(FIVE)
    with pytest.raises(InputError, match=f"^{re.escape(f'{tmp_path / name}: cannot be read: {SKIPPED}')}$"):
        find_input(spark, [str(tmp_path / name)], INPUT)


def test_skipped_files_of_a_directory_or_glob_are_warned_of(
    spark: SparkSession, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("good.csv", "_held.csv", ".hidden.csv", ".good.csv.crc", "_old/x.csv", "_a=1.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(FIVE + name)
    (tmp_path / "_SUCCESS").write_bytes(b"")
    for path in (tmp_path, tmp_path / "*.csv"):
        caplog.clear()
        files = find_input(spark, [str(path)], INPUT)
        assert [Path(file.path).name for file in files] == ["_a=1.csv", "good.csv"]
        skipped = [".hidden.csv", "_held.csv"] + (["_old"] if path == tmp_path else [])
        assert sorted(record.message for record in caplog.records) == [
            f"{tmp_path / name} is left out: {SKIPPED}" for name in skipped
        ]
    assert read(spark, tmp_path).count() == 2 * 6


def test_an_empty_file_is_left_out_with_a_warning(
    spark: SparkSession, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "lines.csv").write_text(FIVE)
    (tmp_path / "empty.csv").write_text("")
    with caplog.at_level("WARNING"):
        files = find_input(spark, [str(tmp_path)], INPUT)
    assert [Path(file.path).name for file in files] == ["lines.csv"]
    assert f"{tmp_path / 'empty.csv'} is empty and was skipped" in caplog.text


def test_a_file_named_by_several_paths_is_found_once(
    spark: SparkSession, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    may = tmp_path / "may.csv"
    may.write_text(FIVE)
    assert len(find_input(spark, [str(may), f"file:{may}", f"{tmp_path}/./may.csv", f"{tmp_path}/ma?.csv"], INPUT)) == 1
    assert caplog.text == ""


def test_a_copy_of_a_file_is_read_with_a_warning(
    spark: SparkSession, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    may, copy = tmp_path / "may.csv", tmp_path / "may (1).csv"
    may.write_text(FIVE)
    copy.write_text(FIVE)
    june, packed = tmp_path / "june.csv", tmp_path / "june.csv.gz"
    june.write_text(FIVE.replace("HEART", "HEARTS"))
    packed.write_bytes(gzip.compress(june.read_bytes()))
    (tmp_path / "june.2010.csv").write_text(FIVE.replace("HEART", "SPADES"))
    assert len(find_input(spark, [str(tmp_path)], INPUT)) == 5
    assert [record.message for record in caplog.records] == [
        f"{may} seems to be a copy of {copy}: the same size and beginning",
        f"{packed} seems to be the same data as {june} in another format: their lines are read from each. Name one of "
        "them",
    ]


def test_of_many_empty_files_and_copies_a_few_are_named(
    spark: SparkSession, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(6):
        (tmp_path / f"{number}.csv").write_text(FIVE)
        (tmp_path / f"empty-{number}.csv").write_text("")
    assert len(find_input(spark, [str(tmp_path)], INPUT)) == 6
    named, empty = (", ".join(str(tmp_path / f"{name}.csv") for name in names) for names in ("123", EMPTY[:3]))
    assert [record.message for record in caplog.records] == [
        f"{named} and 2 more files seem to be copies of {tmp_path}/0.csv: the same size and beginning",
        f"{empty} and 3 more files are empty and were skipped",
    ]


def test_the_first_damaged_file_by_its_path_is_named(spark: SparkSession, tmp_path: Path) -> None:
    for number in range(100):
        (tmp_path / f"{number:02}.jsonl").write_text(json_object(number))
    for number in (96, 48, 71):
        (tmp_path / f"{number}.jsonl").write_text("{")
    for _ in range(3):
        with pytest.raises(InputError, match=r"/48\.jsonl: is not JSON with one object a line"):
            find_input(spark, [str(tmp_path)], INPUT)


def test_no_call_to_java_is_made_for_each_local_file(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = spark.sparkContext._gateway._gateway_client
    send, calls = client.send_command, []
    monkeypatch.setattr(
        client, "send_command", lambda *command, **kept: calls.append(command) or send(*command, **kept)
    )
    made = []
    for count in (1, 40):
        folder = tmp_path / str(count)
        folder.mkdir()
        for number in range(count):
            (folder / f"{number}.csv").write_text(text(TOP, line(number)))
            (folder / f"{number}.csv.gz").write_bytes(gzip.compress(text(TOP, line(number)).encode()))
            (folder / f"{number}.jsonl").write_text(json_object(number))
            (folder / f"{number}.parquet").write_bytes(parquet(1 + number))
        calls.clear()
        assert len(find_input(spark, [str(folder)], INPUT)) == 4 * count
        made.append(len([command for command in calls if not command[0].startswith(MEMORY_COMMAND)]))
    assert made[0] == made[1] > 0


def test_a_path_without_files_or_of_no_known_file_system_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "empty folder").mkdir()
    for path, why in (("nowhere.csv", "check the path"), ("empty folder", "the folder has no files, or only hidden")):
        with pytest.raises(InputError, match=re.escape(f"{tmp_path / path}: nothing is there to read: {why}")):
            find_input(spark, [str(tmp_path / path)], INPUT)
    with pytest.raises(InputError, match=r"nosuch://bucket/x\.csv: cannot be listed: .*nosuch"):
        find_input(spark, ["nosuch://bucket/x.csv"], INPUT)


def test_a_file_that_java_cannot_open_by_its_name_is_read_and_blamed_under_it(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As Java without a locale, which takes each byte of a name for a character.
    monkeypatch.setattr(Aliases, "needed", lambda _, path: ":" in path[5:] or not path.isascii())
    for name in ("größe/8:00.parquet", "größe/damaged.parquet"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(parquet_with_a_value_beyond_its_dictionary() if "d" in name else parquet(1))
    whole, damaged = tmp_path / "größe/8:00.parquet", tmp_path / "größe/damaged.parquet"
    files = find_input(spark, [str(whole)], INPUT)
    assert [(file.path, file.as_listed.path) for file in files] == [(str(whole), f"file:{whole}")]
    assert read(spark, whole).select("source_file").collect() == [(str(whole),)]
    files = find_input(spark, [str(damaged.parent)], INPUT)
    with pytest.raises(InputError, match=f"^{damaged}: cannot be read to its end"), read_errors_named(spark, files):
        read_lines(spark, files, INPUT).collect()
    monkeypatch.setattr("segmentation.ingest.aliases.is_one_process", lambda _: False)
    with pytest.raises(InputError, match=r"8:00\.parquet: cannot be .*executors of a cluster .* rename it$"):
        find_input(spark, [str(whole)], INPUT)
    with pytest.raises(InputError, match=r"damaged\.parquet: cannot be .*executors of a cluster .* LC_ALL=C\.UTF-8"):
        find_input(spark, [str(damaged)], INPUT)


def test_gzip_is_read_as_gunzip_reads_it(spark: SparkSession, tmp_path: Path) -> None:
    parts = [gzip.compress(part.encode()) for part in (FIVE, "", line(7) + "\n")]
    (tmp_path / "members.csv.gz").write_bytes(b"".join(parts))
    (tmp_path / "zeros.csv.gz").write_bytes(b"".join(parts) + b"\0" * 500)
    (tmp_path / "packed.csv.bz2").write_bytes(bz2.compress(text(TOP, *lines(6)).encode()))
    names = ["members.csv.gz", "zeros.csv.gz", "packed.csv.bz2"]
    if not spark.version.startswith("4.0."):
        names.append("packed.csv.zst")
        (tmp_path / names[-1]).write_bytes(pa.Codec("zstd").compress(text(TOP, *lines(6)).encode()).to_pybytes())
    sources = [Path(row.source_file).name for row in read(spark, tmp_path).collect()]
    assert sorted(sources) == sorted(names * 6)


def test_a_name_that_only_looks_like_the_one_given_is_explained(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "u\u0308ber.csv").write_text(FIVE)
    with pytest.raises(InputError, match=r"nothing is there to read: a name that looks the same is there"):
        find_input(spark, [f"{tmp_path}/\u00fcber.csv"], INPUT)


def test_links_of_any_kind_lead_to_each_file_once(
    spark: SparkSession, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "sales/deep").mkdir(parents=True)
    for name in ("sales/may.csv", "sales/deep/june.csv", "elsewhere.csv"):
        (tmp_path / name).write_text(FIVE + name)
    links = {"a.csv": "sales/may.csv", "sales/a": "sales", "sales/deep/up": "", "sales/out.csv": "elsewhere.csv"}
    for name, target in links.items():
        (tmp_path / name).symlink_to(tmp_path / target)
    (tmp_path / "sales/deep/hard.csv").hardlink_to(tmp_path / "sales/deep/june.csv")
    (tmp_path / "sales/gone.csv").symlink_to(tmp_path / "gone.csv")
    names = [
        [str(Path(file.path).relative_to(tmp_path)) for file in find_input(spark, [str(path)], INPUT)]
        for path in (tmp_path, tmp_path / "sales/a", tmp_path / "*")
    ]
    assert names[0] == names[2] == ["elsewhere.csv", "sales/deep/hard.csv", "sales/may.csv"]
    assert len(names[1]) == 3, "the folder above by a link"
    leads, gone = f"{tmp_path}/a.csv leads to the same file as {tmp_path}/sales/may.csv", tmp_path / "gone.csv"
    messages = {record.message for record in caplog.records}
    assert f"{leads}, as do 2 more links: each file is read once" in messages
    missing = f"it is a link to {gone}, where nothing is: mount or restore that, or remove the link"
    assert f"{tmp_path}/sales/gone.csv is left out: {missing}" in messages
    with pytest.raises(InputError, match=f"gone.csv: cannot be listed: {missing}"):
        find_input(spark, [f"{tmp_path}/sales/gone.csv"], INPUT)


def test_what_is_no_file_is_refused_at_once(spark: SparkSession, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    for path in (tmp_path / "pipe.csv", tmp_path, "/dev/null"):
        with pytest.raises(InputError, match=r"is a pipe, socket or device, which cannot be read twice: save"):
            find_input(spark, [str(path)], INPUT)
    for path in ("/proc/self", "/proc/self/stat", "/sys"):
        with pytest.raises(InputError, match=r"is a view of the system's kernel and holds no data"):
            find_input(spark, [path], INPUT)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("C:\\data\\x.csv", r"is a path of Windows: give the path under which this machine sees the file"),
        ("c:/data/x.csv", r"is a path of Windows"),
        ("jdbc:postgresql://db/shop", r"is a database: export the table of sales"),
        ("https://shop.example/sales.csv", r"is an address on the network: download the file"),
        ("gs://bucket/x.csv", r"cannot be listed: .*gs.*: start spark-submit with Google's connector"),
        ("s3://bucket/x.csv", r"cannot be listed: .*s3.*: name it s3a://, and start spark-submit .*hadoop-aws"),
        (
            "hdfs://127.0.0.1:1/x.csv",
            r"HDFS at 127\.0\.0\.1:1 does not answer \(Connection refused\): check",
        ),
        ("hdfs://no-such-host.invalid/x.csv", r"cannot be listed: .*no-such-host\.invalid"),
        ("gr????e/x.csv", r"nothing is there to read: letters of the path seem to be lost\. .*LC_ALL=C\.UTF-8"),
    ],
)
def test_a_path_that_cannot_be_reached_says_what_is_needed(spark: SparkSession, path: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        find_input(spark, [path], INPUT)
    assert "\n" not in str(caught.value)
