"""Find the files of an input, recognise their format, and locate their columns."""

import re
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from segmentation.errors import InputError
from segmentation.ingest.files import find_input, locate_columns
from tests.hostile_files import FIVE, INPUT, TOP, line, read, text

SKIPPED = "Spark reads no file whose name begins with _ or . or ends with ._COPYING_: rename it if it is data"
NAMES = ["a b.csv", "[2010] {x}.csv", "1+1.csv", "50%20.csv", "100%.csv", "ü,é.csv", "q'uo\"te.csv", "star*.csv"]
NAMES += ["hash#1.csv", "what?.csv"]


def test_files_of_any_name_are_read_once_under_their_readable_names(spark: SparkSession, tmp_path: Path) -> None:
    for name in NAMES:
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
    (tmp_path / "june.csv").write_text(FIVE.replace("HEART", "HEARTS"))
    assert len(find_input(spark, [str(tmp_path)], INPUT)) == 3
    assert [record.message for record in caplog.records] == [
        f"{may} seems to be a copy of {copy}: the same size and beginning"
    ]


def test_a_path_without_files_or_of_no_known_file_system_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "empty folder").mkdir()
    for path in (tmp_path / "nowhere.csv", tmp_path / "empty folder"):
        with pytest.raises(InputError, match=re.escape(f"{path}: nothing is there to read")):
            find_input(spark, [str(path)], INPUT)
    with pytest.raises(InputError, match=r"nosuch://bucket/x\.csv: cannot be listed: .*nosuch"):
        find_input(spark, ["nosuch://bucket/x.csv"], INPUT)


# --- headers ----------------------------------------------------------------------------------------------------
FIELDS = {"invoice_no": "InvoiceNo", "quantity": "Quantity", "customer_id": "CustomerID"}


def test_columns_are_located_by_name_in_any_order_and_with_stray_spaces() -> None:
    header = ["Extra", " CustomerID", "Quantity ", "", "InvoiceNo"]
    assert locate_columns(header, FIELDS, "a.csv") == {"invoice_no": 4, "quantity": 2, "customer_id": 1}


@pytest.mark.parametrize("name", ["Customer ID", "CUSTOMER_ID", "CostumerID"])
def test_a_renamed_column_is_an_error_that_names_the_nearest(name: str) -> None:
    message = f"a.csv: column 'CustomerID' (for customer_id) is missing, the nearest is '{name}'."
    with pytest.raises(InputError, match=re.escape(message)):
        locate_columns(["InvoiceNo", "Quantity", name], FIELDS, "a.csv")


def test_a_missing_column_without_a_near_name_lists_the_header_and_the_remedy() -> None:
    with pytest.raises(InputError) as caught:
        locate_columns(["InvoiceNo", "Quantity", "zzz"], FIELDS, "a.csv")
    assert str(caught.value) == (
        "a.csv: column 'CustomerID' (for customer_id) is missing. Found: InvoiceNo, Quantity, zzz. "
        "Correct the header, or name the columns under input.columns in the configuration"
    )


@pytest.mark.parametrize(
    "header",
    [
        ["536365", "WHITE COUNTRY HEART", "12/1/2010 8:26", "17850", "United Kingdom", "Customer Iris"],
        ["536365,WHITE COUNTRY HEART,17850"],
        ["customer@example.org" * 10_000],
        ["", ""],
    ],
)
def test_a_line_of_data_where_the_header_should_be_is_not_shown(header: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        locate_columns(header, {**FIELDS, "country": "Country"}, "a.csv")
    assert str(caught.value) == (
        "a.csv: column 'InvoiceNo' (for invoice_no) is missing; column 'Quantity' (for quantity) is missing; "
        "column 'CustomerID' (for customer_id) is missing; column 'Country' (for country) is missing. "
        f"Found: {len(header)} fields, none of them named like a column. "
        "Put a header above the lines, or name the columns under input.columns in the configuration"
    )


def test_a_long_header_is_shown_shortened_and_without_numbers() -> None:
    with pytest.raises(InputError) as caught:
        locate_columns(["Quantity", "17850", "2010-12-01", "x" * 1000, *["y"] * 1000], FIELDS, "a.csv")
    assert f". Found: Quantity, {'x' * 100}, {'y, ' * 17}y and 984 more. Correct the header" in str(caught.value)
