"""The output of a job is inert: no secret, no customer, nothing that acts on a terminal; its ports are its own."""

import gzip
import ipaddress
import os
import re
import socket
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from tests.conftest import ROOT
from tests.jobs.published_runs import rows_of
from tests.jobs.running_jobs import CANARY, CONFIG, SECRETS, SPARK_SECRETS, PublishedRun, RunJob, Submit
from tests.jobs.small_shop import HEADER, SmallShop, write_csv
from tests.processes import PROC, listening

# Every character that acts on a terminal but the line feed between the lines.
ACTS_ON_TERMINAL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
needs_proc = pytest.mark.skipif(not PROC.joinpath("net").exists(), reason="only Linux lists its sockets in files")


def assert_inert(output: str) -> None:
    assert CANARY not in output.lower()
    assert not ACTS_ON_TERMINAL.search(output), repr(ACTS_ON_TERMINAL.search(output))


def test_a_run_prints_no_customer_no_description_and_no_secret(published: PublishedRun, small_shop: SmallShop):
    output = published.done.output
    assert_inert(output)
    customers = {row["customer_id"] for row in rows_of(published.run, "customer_segments")}
    assert len(customers) == 120
    assert customers & set(re.findall(r"\w+", output)) == set()
    descriptions = {fields[2] for fields in small_shop.texts if len(fields) > 2}
    assert [description for description in descriptions if description in output] == []


def test_the_report_holds_no_secret(published: PublishedRun):
    page = (published.run / "report" / "index.html").read_text(encoding="utf-8")
    assert CANARY not in page
    assert ACTS_ON_TERMINAL.search(page) is None


@needs_proc
def test_every_port_of_a_local_run_is_on_loopback(published: PublishedRun):
    assert published.addresses != set()
    assert [str(address) for address in published.addresses if not address.is_loopback] == []


@needs_proc
@pytest.mark.parametrize("address", ["0.0.0.0", "127.0.0.1", "127.0.0.2"])
def test_an_open_port_is_listed_with_its_address(address: str):
    with socket.create_server((address, 0)):
        assert ipaddress.ip_address(address) in listening({os.getpid()})


def test_a_stack_trace_holds_no_customer_and_no_secret(small_shop: SmallShop, submit: Submit, tmp_path: Path):
    # Customers, descriptions and countries are recognisable, and the countries act on a terminal.
    rows = [(*row[:2], f"{CANARY} {row[2]}", *row[3:6], f"{CANARY}{row[6]}", f"{row[7]}\x1b[31m {CANARY}")
            for row in small_shop.texts if len(row) == len(HEADER)]  # fmt: skip
    packed = gzip.compress(write_csv(rows, tmp_path / "lines.csv").read_bytes())
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "broken\x1b[2J.csv.gz").write_bytes(packed[: len(packed) // 2])
    (folder / "empty\x1b[2J\nERROR all is lost.csv").touch()
    done = submit(
        "--config", CONFIG, "--input", folder, "--output", tmp_path / "lake", "--debug",
        conf=SPARK_SECRETS, variables=SECRETS,
    )  # fmt: skip
    assert done.code == 3, done.output
    assert "    Traceback (most recent call last):" in done.output
    assert "error: " in done.output
    assert r"empty\x1b[2J\nERROR all is lost.csv is empty and was skipped" in done.output
    assert_inert(done.output.replace("\t", " "))  # Java indents the lines of a stack trace


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("file://user:c4nary@host/lines.csv", r"error: file://\*\*\*@host/lines.csv: cannot be listed: Wrong FS"),
        ("s3a://KEY:c4n/c4nary@bucket/lines.csv", r"error: s3a://\*\*\*@bucket/lines.csv: cannot be"),
        (
            "http://127.0.0.1:1/a.csv?sig=c4nary",
            r"error: http://127\.0\.0\.1:1/a\.csv\?sig=\*\*\*: is an address on the network",
        ),
        ("/nowhere/a\x1bc\n\u202ecsv", r"error: /nowhere/a\\x1bc\\n\\u202ecsv: nothing is there to read"),
    ],
)
def test_an_input_is_named_without_its_secret_and_in_plain_characters(
    source: str, message: str, run_job: RunJob, tmp_path: Path
):
    done = run_job("--config", CONFIG, "--input", source, "--output", tmp_path / "lake")
    assert done.code == 3
    assert re.search(message, done.output), done.output
    assert_inert(done.output)


def test_a_header_is_printed_in_plain_characters(run_job: RunJob, tmp_path: Path):
    header = [*HEADER[:-1], "Coun\x1b[2J\u202etry\nERROR"]
    (tmp_path / "lines.json").write_text("{" + ", ".join(f'"{name}": "1"' for name in map(escaped, header)) + "}\n")
    done = run_job("--config", CONFIG, "--input", tmp_path / "lines.json", "--output", tmp_path / "lake")
    assert done.code == 3
    assert r"Coun\x1b[2J\u202etry\nERROR" in done.output
    assert_inert(done.output)


def escaped(name: str) -> str:
    """Return the name as JSON writes it inside quotes."""
    return name.encode("unicode_escape").decode().replace(r"\x1b", r"\u001b")


def test_an_unknown_setting_is_printed_without_its_secret(run_job: RunJob, tmp_path: Path):
    setting = "spark.hadoop.fs.s3a.secret.key=c4nary"
    done = run_job("--config", CONFIG, "--input", "x.csv", "--output", tmp_path / "lake", "--set", setting)
    assert done.code == 2
    assert "--set spark.hadoop.fs.s3a.secret.key=***: spark is not a known key" in done.output
    assert_inert(done.output)


def test_a_line_of_sparks_log_is_one_line_without_passwords(spark: SparkSession):
    jvm = spark._jvm
    properties = jvm.java.util.Properties()
    properties.load(jvm.java.io.FileReader(str(ROOT / "conf" / "log4j2.properties")))
    log4j = jvm.org.apache.logging.log4j
    layout = (
        log4j.core.layout.PatternLayout.newBuilder()
        .withPattern(properties.getProperty("appender.stderr.layout.pattern"))
        .withAlwaysWriteExceptions(properties.getProperty("appender.stderr.layout.alwaysWriteExceptions") != "false")
        .build()
    )
    event = (
        log4j.core.impl.Log4jLogEvent.newBuilder()
        .setLoggerName("org.apache.spark.Reader")
        .setLevel(log4j.Level.WARN)
        .setMessage(
            log4j.message.SimpleMessage(
                "s3a://key:c4nary@bucket/a?sig=c4nary fs.secret.key=c4,nary\r\nERROR all\x1b[2J is\u202elost"
            )
        )
        .setThrown(jvm.java.lang.RuntimeException("http://user:c4nary@host/\nERROR again"))
        .build()
    )
    line = layout.toSerializable(event)
    assert "Spark WARN Reader: s3a://***@bucket/a?sig=*** fs.secret.key=*** ERROR all [2J is lost" in line
    assert "http://***@host/ ERROR again" in line
    assert_inert(line.removesuffix("\n"))
    assert line.count("\n") == 1
