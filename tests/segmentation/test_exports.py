"""Lists of customers: complete, in order, quoted, inert in a spreadsheet, for the owner alone, with safe names."""

import csv
import doctest
import stat
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from segmentation import exports
from segmentation.exports import (
    CHANGES_COLUMNS,
    RESERVED,
    change_rows,
    export_rows,
    file_names,
    slug,
    write_changes,
    write_exports,
)
from segmentation.filesystem import filesystem_for

HEADER = ["customer_id", "segment_name", "last_order", "total_spend", "country"]


def test_every_example_in_a_docstring_holds():
    result = doctest.testmod(exports)
    assert result.attempted > 0
    assert result.failed == 0


def named(*names: str) -> dict[int, str]:
    return file_names([{"segment_id": number, "segment_name": name} for number, name in enumerate(names)])


@given(st.lists(st.text(max_size=300), max_size=12))
def test_names_of_lists_are_unique_and_safe(names: list[str]):
    files = named(*names)
    assert len(set(files.values())) == len(names)
    for file in files.values():
        assert file.isascii()
        assert set(file.removesuffix(".csv")) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
        assert 0 < len(file) < 80
        assert file.removesuffix(".csv") not in RESERVED


def test_equal_slugs_are_numbered_in_the_order_of_the_segments():
    assert named("A b", "a/B", "顧客", "NUL") == {0: "a-b.csv", 1: "a-b-2.csv", 2: "segment-2.csv", 3: "nul-2.csv"}
    assert len(slug("W" * 1000)) == 60


def test_lists_hold_every_customer_quoted_and_inert(spark: SparkSession, tmp_path: Path):
    formulas = ["=1+1", "+44 20", "-5", "@SUM(A1)", "\tx", "\rx", " =1", "\u00a0=1", "＝1"]
    texts = [*formulas, 'say "hi", all', "two\nlines", "plain-1"]
    rows = [(text, 1, "A/B", 10 + i, date(2011, 12, 10), i, "UK") for i, text in enumerate(texts)]
    rows.append(("other", 2, "", 1, date(2011, 12, 10), 3, "=UK"))
    schema = "customer_id string, segment_id int, segment_name string, total_spend int, as_of date, "
    customers = spark.createDataFrame(rows, schema + "recency_days int, country string").repartition(3)
    folder = tmp_path / "exports"
    folder.mkdir()
    listed = export_rows(customers, "total_spend", "recency_days")
    names = file_names([{"segment_id": 1, "segment_name": "A/B"}, {"segment_id": 2, "segment_name": ""}])
    write_exports(filesystem_for(spark, f"file:{folder}"), listed, names, f"file:{folder}")

    assert sorted(file.name for file in folder.iterdir()) == ["a-b.csv", "segment-2.csv"]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}
    with (folder / "a-b.csv").open(encoding="utf-8", newline="") as file:
        header, *lines = csv.reader(file)
    assert header == HEADER
    assert [line[0] for line in lines] == [f"'{text}" if text in formulas else text for text in reversed(texts)]
    assert [line[3] for line in lines] == [str(10 + i) for i in reversed(range(len(texts)))], "numbers stay numbers"
    assert lines[-1][2] == "2011-12-10"
    assert lines[-2][2] == "2011-12-09"
    other = (folder / "segment-2.csv").read_text(encoding="utf-8").splitlines()
    assert other[1] == "other,,2011-12-07,1,'=UK"


def test_the_list_of_changes_is_inert_and_there_where_nobody_moved(spark: SparkSession, tmp_path: Path):
    schema = (
        "customer_id string, kind string, cause string, previous_segment_id int, previous_segment_name string, "
        "segment_id int, segment_name string, net_spend_before decimal(20,4), net_spend_after decimal(20,4), "
        "rfm_segment string, reason string"
    )
    rows = [
        ("stayed", None, None, 1, "Low", 1, "Low", Decimal(1), Decimal(1), "New", "why"),
        ("left", "left", "ageing", 2, "High", None, None, Decimal(7), None, None, None),
        ("=in", "entered", "purchase", None, None, 1, "Low", None, Decimal("-5"), "New", "@why"),
        ("up", "moved", "purchase", 1, "Low", 2, "High", Decimal("1.5"), Decimal(9), "Loyal", 'says "so", twice'),
    ]
    compared = spark.createDataFrame(rows, schema)
    filesystem = filesystem_for(spark, f"file:{tmp_path}")
    for name, frame in (("some", compared), ("none", compared.where("kind is null"))):
        (tmp_path / name).mkdir()
        write_changes(filesystem, change_rows(frame), f"file:{tmp_path}/{name}")
        assert [file.name for file in (tmp_path / name).iterdir()] == ["changes.csv"]
    header = ",".join(CHANGES_COLUMNS)
    assert (tmp_path / "none/changes.csv").read_text(encoding="utf-8").splitlines() == [header]
    assert (tmp_path / "some/changes.csv").read_text(encoding="utf-8").splitlines() == [
        header,
        "'=in,entered,purchase,,Low,,-5.0000,New,'@why",
        'up,moved,purchase,Low,High,1.5000,9.0000,Loyal,"says ""so"", twice"',
        "left,left,ageing,High,,7.0000,,,",
    ]


@pytest.mark.parametrize("number", [0, -5])
def test_a_negative_number_is_no_formula(spark: SparkSession, number: int):
    row = ("7", 1, "A", number, date(2011, 12, 10), 1)
    schema = "customer_id string, segment_id int, segment_name string, total_spend int, as_of date, recency_days int"
    [listed] = export_rows(spark.createDataFrame([row], schema), "total_spend", "recency_days").collect()
    assert listed.total_spend == number
