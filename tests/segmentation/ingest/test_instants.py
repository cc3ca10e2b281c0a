"""Instants are moved to the shop's clock, or it is said that they are not; the shop's own clock stays as it is."""

import gzip
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from segmentation.cleaning.parse import parse_lines
from segmentation.ingest.find import find_input
from segmentation.ingest.instants import instants_in_words
from segmentation.ingest.read import read_lines
from tests.hostile_files import INPUT, TOP, line, parquet, text
from tests.segmentation.cleaning.lines import DEFAULTS

FORMATS = ("iso", "M/d/yyyy[ H:mm[:ss]]", "epoch_seconds", "epoch_milliseconds", "epoch_days")
NEW_YORK = "America/New_York"
# One in the morning in Greenwich is the evening before in New York, by four hours in summer and five in winter.
IN_GREENWICH = ["2010-12-02T01:05:00Z", "2010-12-02 01:05:00 UTC", "2010-12-02 01:05:00+00:00", "12/2/2010 1:05 GMT"]
NUMBERS = ["1291251900", "1291251900000", "1291251900.0"]
OWN_CLOCK = ["2010-12-01 20:05:00", "2010-12-01T20:05:00-05:00", "2010-12-01 20:05:00 EST", "12/1/2010 20:05"]


def dates_of(spark: SparkSession, folder: Path, time_zone: str | None) -> tuple[list[datetime], str | None]:
    """Return the dates of the lines in a folder by their description, and what is said of instants."""
    settings = INPUT.model_copy(update={"time_zone": time_zone})
    files = find_input(spark, [str(folder)], settings)
    raw = read_lines(spark, files, settings)
    cleaning = DEFAULTS.model_copy(update={"date_formats": FORMATS})
    rows = parse_lines(raw, cleaning, time_zone=time_zone).select("description", "invoice_date").collect()
    return [row[1] for row in sorted(rows, key=lambda row: int(row[0]))], instants_in_words(
        raw, files, settings, FORMATS
    )


def csv(folder: Path, dates: list[str]) -> Path:
    folder.mkdir()
    lines = [line(number, Description=str(number), InvoiceDate=date) for number, date in enumerate(dates)]
    (folder / "lines.csv").write_text(text(TOP, *lines))
    return folder


def test_texts_of_greenwich_are_moved_to_the_time_zone_and_others_are_not(spark: SparkSession, tmp_path: Path) -> None:
    folder = csv(tmp_path / "all", [*IN_GREENWICH, "2010-07-02T00:05:00Z", *NUMBERS, *OWN_CLOCK, "14944"])
    evening, said = dates_of(spark, folder, NEW_YORK)
    same = [datetime(2010, 12, 1, 20, 5)]
    summer = [datetime(2010, 7, 1, 20, 5)]
    assert evening == same * 4 + summer + same * 7 + [datetime(2010, 12, 1)]
    assert said is None
    as_written, _ = dates_of(spark, folder, None)
    assert (
        as_written[:8]
        == [datetime(2010, 12, 2, 1, 5)] * 4 + [datetime(2010, 7, 2, 0, 5)] + [datetime(2010, 12, 2, 1, 5)] * 3
    )
    assert as_written[8:] == evening[8:]


@pytest.mark.parametrize(
    ("dates", "said"),
    [
        (IN_GREENWICH, "lines.csv: the column 'InvoiceDate' holds instants, such as '2010-12-02T01:05:00Z'"),
        (NUMBERS, "lines.csv: the column 'InvoiceDate' holds instants, epoch in seconds"),
        (OWN_CLOCK, None),
        # London writes so by its own clock.
        (["2010-12-01T08:26:00+00:00", "2010-07-01T08:26:00+01:00"], None),
    ],
)
def test_texts_that_are_instants_are_noticed(
    dates: list[str], said: str | None, spark: SparkSession, tmp_path: Path
) -> None:
    found = dates_of(spark, csv(tmp_path / "lines", dates), None)[1]
    assert (found or "").endswith(said or "")
    assert (found is None) == (said is None)


def test_texts_that_are_instants_far_down_are_noticed(spark: SparkSession, tmp_path: Path) -> None:
    plain = csv(tmp_path / "lines", ["2010-12-01 20:05:00"] * 2_000 + ["2010-12-02T01:05:00Z"] * 500) / "lines.csv"
    packed = tmp_path / "lines.csv.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    found = []
    for path in (plain, packed):
        files = find_input(spark, [str(path)], INPUT)
        found.append(instants_in_words(read_lines(spark, files, INPUT), files, INPUT, FORMATS))
    assert (found[0] or "").endswith("holds instants, such as '2010-12-02T01:05:00Z'")
    assert found[1] is None  # of compressed text the beginning alone is looked at


@pytest.mark.parametrize("unit", ["us", "ns", "ms"])
def test_parquets_own_instants_are_moved_and_noticed(unit: str, spark: SparkSession, tmp_path: Path) -> None:
    at = datetime(2010, 12, 2, 1, 5)
    for name, zone in (("instants", "UTC"), ("clock", None)):
        columns = {"InvoiceDate": pa.array([at], pa.timestamp(unit, zone)), "Description": pa.array(["1"])}
        (tmp_path / name).mkdir()
        (tmp_path / name / "lines.parquet").write_bytes(parquet(1, columns))
    assert dates_of(spark, tmp_path / "instants", NEW_YORK) == ([datetime(2010, 12, 1, 20, 5)], None)
    read, said = dates_of(spark, tmp_path / "instants", None)
    assert read == [at]
    assert (said or "").endswith("lines.parquet: the column 'InvoiceDate' holds instants")
    assert dates_of(spark, tmp_path / "clock", NEW_YORK) == dates_of(spark, tmp_path / "clock", None) == ([at], None)
