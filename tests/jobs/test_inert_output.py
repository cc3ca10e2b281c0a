"""What the job says is inert: no secret, no customer, nothing that acts on a terminal; and its ports are its own."""

import gzip
import ipaddress
import os
import re
import socket
from dataclasses import dataclass
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from tests.jobs.conftest import CONFIG, QUICK, ROOT, Done, RunJob, Submit, submit_command
from tests.jobs.published_runs import latest_run, rows_of
from tests.jobs.running_jobs import PROC, Address, descendants, listening, look_again_and_again, watched
from tests.jobs.small_shop import HEADER, Fields, SmallShop, write_csv

# In every customer id, description and country of the data, in the environment and in the settings of Spark.
CANARY = "c4nary"
SECRETS = {"AWS_SECRET_ACCESS_KEY": CANARY, "LAKE_PASSWORD": CANARY}
SPARK_SECRETS = {"spark.hadoop.fs.s3a.secret.key": CANARY, "spark.lake.token": CANARY}
# All that acts on a terminal but the end of a line, which is there between the lines that are told.
ACTS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def marked(fields: Fields) -> Fields:
    """A line of the small shop whose texts are known again wherever they are told."""
    if len(fields) < len(HEADER):
        return fields
    invoice, code, description, quantity, day, price, customer, country = fields
    customer = f"{CANARY}{customer.strip()}" if customer else ""
    return invoice, code, f"{CANARY} {description}", quantity, day, price, customer, f"{country}\x1b[31m {CANARY}"


def assert_inert(said: str) -> None:
    assert CANARY not in said.lower()
    assert not ACTS.search(said), repr(ACTS.search(said))


@dataclass(frozen=True)
class Watched:
    said: Done
    lake: Path
    addresses: set[Address]


@pytest.fixture(scope="module")
def watched_run(small_shop: SmallShop, tmp_path_factory: pytest.TempPathFactory) -> Watched:
    """A run by spark-submit over texts, names of files and settings that are not inert, and the ports it opened."""
    folder = tmp_path_factory.mktemp("watched")
    write_csv([marked(fields) for fields in small_shop.texts], folder / "data" / "lines\x1b[2J\n.csv")
    (folder / "data" / "empty\x1b[2J\nERROR all is lost.csv").touch()
    addresses: set[Address] = set()
    pids: set[int] = set()

    def look() -> None:
        if pids and PROC.joinpath("net").exists():
            addresses.update(listening(descendants(min(pids))))

    with look_again_and_again(look):
        said = watched(
            submit_command(
                "--config", CONFIG, "--input", folder / "data", "--output", folder / "lake",
                "--set", *QUICK, r'charts.currency="\e[31m£"', r'title="Shop \e]0;x\a"',
                conf=SPARK_SECRETS,
            ),
            lambda pid, _: pids.add(pid),
            SECRETS,
        )  # fmt: skip
    return Watched(said, folder / "lake", addresses)


def test_nothing_that_a_run_says_names_a_customer_or_a_secret_or_acts_on_a_terminal(watched_run: Watched):
    said = watched_run.said.said
    assert watched_run.said.code == 0, said
    assert r"empty\x1b[2J\nERROR all is lost.csv is empty and was skipped" in said
    assert r"\x1b[31m£" in said
    assert_inert(said)
    # The run did read them: they are where they belong.
    customers = [row["customer_id"] for row in rows_of(latest_run(watched_run.lake), "customer_segments")]
    assert {customer[: len(CANARY)] for customer in customers} == {CANARY}


def test_the_report_names_no_customer_and_acts_on_nothing(watched_run: Watched):
    page = (latest_run(watched_run.lake) / "report" / "index.html").read_text(encoding="utf-8")
    assert f"{CANARY} WHITE LANTERN" in page  # what the products are called is no secret
    assert re.search(rf"{CANARY}\d", page) is None
    assert [secret for secret in (*SECRETS, *SPARK_SECRETS) if f"{secret}={CANARY}" in page] == []
    assert ACTS.search(page) is None
    assert r"Shop \x1b]0;x\x07" in page


@pytest.mark.skipif(not PROC.joinpath("net").exists(), reason="only Linux tells its sockets in files")
def test_every_port_of_a_local_run_is_on_loopback(watched_run: Watched):
    assert watched_run.addresses != set()
    assert [str(address) for address in watched_run.addresses if not address.is_loopback] == []


@pytest.mark.skipif(not PROC.joinpath("net").exists(), reason="only Linux tells its sockets in files")
@pytest.mark.parametrize("address", ["0.0.0.0", "127.0.0.1", "127.0.0.2"])
def test_an_open_port_is_seen_with_its_address(address: str):
    with socket.create_server((address, 0)):
        assert ipaddress.ip_address(address) in listening({os.getpid()})


def test_a_stack_trace_names_no_customer_and_no_secret(small_shop: SmallShop, submit: Submit, tmp_path: Path):
    whole = write_csv([marked(fields) for fields in small_shop.texts], tmp_path / "lines.csv").read_bytes()
    packed = gzip.compress(whole)
    broken = tmp_path / "broken\x1b[2J.csv.gz"
    broken.write_bytes(packed[: len(packed) // 2])
    done = submit(
        "--config", CONFIG, "--input", broken, "--output", tmp_path / "lake", "--debug",
        conf=SPARK_SECRETS, variables=SECRETS,
    )  # fmt: skip
    assert done.code == 3, done.said
    assert "    Traceback (most recent call last):" in done.said
    assert r"error: " in done.said
    assert_inert(done.said.replace("\t", " "))  # as Java indents the lines of a stack trace


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("file://user:c4nary@host/lines.csv", r"error: file://\*\*\*@host/lines.csv: cannot be listed: Wrong FS"),
        ("s3a://KEY:c4n/c4nary@bucket/lines.csv", r"error: s3a://\*\*\*@bucket/lines.csv: cannot be"),
        ("http://127.0.0.1:1/a.csv?sig=c4nary", r"error: http://127\.0\.0\.1:1/a\.csv\?sig=\*\*\*: cannot be"),
        ("/nowhere/a\x1bc\n\u202ecsv", r"error: /nowhere/a\\x1bc\\n\\u202ecsv: nothing is there to read"),
    ],
)
def test_an_input_is_named_without_its_secret_and_in_plain_characters(
    source: str, told: str, run_job: RunJob, tmp_path: Path
):
    done = run_job("--config", CONFIG, "--input", source, "--output", tmp_path / "lake")
    assert done.code == 3
    assert re.search(told, done.said), done.said
    assert_inert(done.said)


def test_a_header_is_told_in_plain_characters(run_job: RunJob, tmp_path: Path):
    header = [*HEADER[:-1], "Coun\x1b[2J\u202etry\nERROR"]
    (tmp_path / "lines.json").write_text("{" + ", ".join(f'"{name}": "1"' for name in map(escaped, header)) + "}\n")
    done = run_job("--config", CONFIG, "--input", tmp_path / "lines.json", "--output", tmp_path / "lake")
    assert done.code == 3
    assert r"Coun\x1b[2J\u202etry\nERROR" in done.said
    assert_inert(done.said)


def escaped(name: str) -> str:
    """As JSON writes it inside quotes."""
    return name.encode("unicode_escape").decode().replace(r"\x1b", r"\u001b")


def test_a_setting_that_does_not_exist_is_told_without_its_secret(run_job: RunJob, tmp_path: Path):
    setting = "spark.hadoop.fs.s3a.secret.key=c4nary"
    done = run_job("--config", CONFIG, "--input", "x.csv", "--output", tmp_path / "lake", "--set", setting)
    assert done.code == 2
    assert "--set spark.hadoop.fs.s3a.secret.key=***: spark is not a known key" in done.said
    assert_inert(done.said)


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
    told = layout.toSerializable(event)
    assert "Spark WARN Reader: s3a://***@bucket/a?sig=*** fs.secret.key=*** ERROR all [2J is lost" in told
    assert "http://***@host/ ERROR again" in told
    assert_inert(told.removesuffix("\n"))
    assert told.count("\n") == 1
