"""Folders such as `country=France`, as Hive writes partitions: columns of files that do not have them."""

import json
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from segmentation.errors import InputError
from tests.hostile_files import GOOD, raw_texts, read

# As folders are named, and the value of each.
FOLDERS = {
    "Country=France": "France",
    "Country=United%20Kingdom": "United Kingdom",
    "Country=C%C3%B4te d'Ivoire": "Côte d'Ivoire",
    "Country=Ö+1 [x] 50% a=b": "Ö+1 [x] 50% a=b",
    "Country=__HIVE_DEFAULT_PARTITION__": None,
    "Country=Gone/Country=EIRE": "EIRE",
}


def write(path: Path, fields: Mapping[str, str]) -> None:
    """Write a file of one line, in the format of its name's ending."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist([dict(fields)]), path)
    elif path.suffix == ".csv":
        path.write_text(f"{','.join(fields)}\n{','.join(fields.values())}\n", encoding="utf-8")
    else:
        path.write_text(json.dumps(fields) + "\n", encoding="utf-8")


def without(*columns: str) -> dict[str, str]:
    return {name: value for name, value in GOOD.items() if name not in columns}


@pytest.mark.parametrize("ending", ["csv", "parquet", "jsonl"])
def test_a_column_that_a_file_lacks_is_the_value_of_its_folder(
    spark: SparkSession, tmp_path: Path, ending: str
) -> None:
    for number, folder in enumerate(FOLDERS):
        write(tmp_path / folder / f"Country=x.{ending}", {**without("Country"), "InvoiceNo": str(number)})
    write(tmp_path / f"Country=Nowhere/both.{ending}", {**GOOD, "InvoiceNo": "6", "Country": "Malta"})
    write(tmp_path / f"InvoiceDate=2010-12-31/Country=Malta/{ending}.{ending}", {**without("Country", "InvoiceDate")})
    lines = read(spark, tmp_path)
    assert raw_texts(lines.where("raw_invoice_no < 7"), "invoice_no", "country") == [
        *[(str(number), country) for number, country in enumerate(FOLDERS.values())],
        ("6", "Malta"),
    ]
    assert raw_texts(lines.where("raw_invoice_no > 7"), "invoice_date", "country") == [("2010-12-31", "Malta")]


def test_a_later_object_of_json_may_have_the_column_itself(spark: SparkSession, tmp_path: Path) -> None:
    path = tmp_path / "Country=EIRE/lines.jsonl"
    write(path, without("Country"))
    path.write_text(path.read_text() * 1_000 + json.dumps(GOOD))
    assert set(raw_texts(read(spark, path), "country")) == {("EIRE",), ("France",)}


def test_a_folder_named_like_a_missing_column_is_the_hint(spark: SparkSession, tmp_path: Path) -> None:
    write(tmp_path / "country=EIRE/lines.csv", without("Country"))
    with pytest.raises(InputError, match=r"column 'Country' \(for country\) is missing, the nearest is 'country'\. "):
        read(spark, tmp_path)
    (tmp_path / "country=EIRE/lines.csv").write_text(",".join(GOOD.values()) + "\n")
    with pytest.raises(InputError, match=r"Found: 8 fields, none of them named like a column\. Put a header"):
        read(spark, tmp_path)
