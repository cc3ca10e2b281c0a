"""A time of day is the shop's own clock, whatever zone the machine and Java are in."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from segmentation.cleaning.parse import parse_lines
from segmentation.ingest.read import read_lines
from tests.jobs.small_shop import HEADER, Fields, write_csv, write_xlsx
from tests.jobs.stages import configured, context_for

# Where clocks went forward there is no such time, where they went back there are two, somewhere on Earth.
MOMENTS = [
    datetime(2011, 3, 27, 1, 30),  # skipped in London
    datetime(2011, 10, 30, 1, 30),  # twice in London
    datetime(2011, 10, 30, 0, 59),
    datetime(2011, 3, 13, 2, 30),  # skipped in New York
    datetime(2011, 11, 6, 1, 30),  # twice in New York
    datetime(2011, 12, 30, 12, 0),  # a day that Samoa never had
    datetime(2010, 12, 31, 23, 59),
]
ZONES = ["Europe/London", "America/New_York", "Pacific/Apia"]


def line(number: int, written: str) -> Fields:
    return (str(number), "85123A", "HEART", "1", written, "2.55", "17850", "France")


def us(moment: datetime) -> str:
    return f"{moment.month}/{moment.day}/{moment.year} {moment.hour}:{moment:%M}"


def write_parquet(path: Path, kind: pa.DataType) -> Path:
    columns = dict(zip(HEADER, zip(*[line(number, "") for number in range(len(MOMENTS))], strict=True), strict=True))
    table = pa.table({name: pa.array(values) for name, values in columns.items()})
    moments = pa.array(MOMENTS, pa.timestamp("us")).cast(pa.timestamp(kind.unit)).view(kind)
    pq.write_table(table.set_column(HEADER.index("InvoiceDate"), "InvoiceDate", moments), path)
    return path


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The moments in every form in which a file holds a time, as the line of the moment's number."""
    folder = tmp_path_factory.mktemp("moments")
    as_us = [line(number, us(moment)) for number, moment in enumerate(MOMENTS)]
    return [
        write_csv(as_us, folder / "us.csv"),
        write_csv([line(number, str(moment)) for number, moment in enumerate(MOMENTS)], folder / "iso.csv"),
        write_xlsx(as_us, folder / "dates.xlsx"),
        write_parquet(folder / "local.parquet", pa.timestamp("us")),
        write_parquet(folder / "utc.parquet", pa.timestamp("us", "UTC")),
        write_parquet(folder / "pandas.parquet", pa.timestamp("ns")),
        write_parquet(folder / "pandas_utc.parquet", pa.timestamp("ns", "UTC")),
        write_parquet(folder / "milliseconds_utc.parquet", pa.timestamp("ms", "UTC")),
    ]


@contextmanager
def machine_in(zone: str, spark: SparkSession) -> Iterator[None]:
    """Python and Java as on a machine in that zone."""
    java = spark._jvm.java.util.TimeZone
    before = java.getDefault()
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TZ", zone)
            time.tzset()
            java.setDefault(java.getTimeZone(zone))
            yield
    finally:
        java.setDefault(before)
        time.tzset()


@pytest.mark.parametrize("zone", ZONES)
def test_skipped_and_doubled_hours_are_read_as_they_are_written(zone: str, files: list[Path], spark: SparkSession):
    with machine_in(zone, spark):
        assert time.tzname[0] not in ("UTC", "GMT") or zone == "Europe/London"
        context = context_for(spark, configured(), *files)
        lines = parse_lines(read_lines(spark, context.files, context.config.input), context.config.cleaning)
        name = F.regexp_extract("source_file", r"([^/#]+)(#.*)?$", 1)
        rows = lines.select(name, "invoice_no", F.col("invoice_date").cast("string")).collect()
    expected = {(path.name, str(number), str(moment)) for path in files for number, moment in enumerate(MOMENTS)}
    assert {tuple(row) for row in rows} == expected
