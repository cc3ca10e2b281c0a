"""Samples of every kind of file give the columns' names and values, wherever in the file these are."""

import gzip
import json
import sys
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter

from segmentation.config.settings import RunConfig
from segmentation.errors import ConfigError, InputError
from segmentation.guess import samples
from segmentation.guess.config import guess_config
from segmentation.guess.samples import HEAD_BYTES
from tests.segmentation.guess.guessed_files import FIRST, HEADER, csv, guessed, rows, text_of


def assert_guessed_from_header(config: RunConfig) -> None:
    assert tuple(config.input.columns.by_field.values()) == HEADER
    assert config.cleaning.date_formats == ("iso", "d/M/yyyy[ H:mm[:ss]]")


@pytest.mark.parametrize("delimiter", [",", "\t", "|"])
def test_text_with_a_usual_delimiter_is_split(delimiter: str, tmp_path: Path):
    assert_guessed_from_header(guessed(csv(tmp_path, text=text_of(rows(), delimiter))))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_text_is_decoded_as_the_reader_does(encoding: str, tmp_path: Path):
    header = [*HEADER[:2], "Désignation", *HEADER[3:]]
    (tmp_path / "lines.csv").write_bytes(text_of(rows(), header=header).encode(encoding))
    assert guessed(str(tmp_path / "lines.csv")).input.columns.description == "Désignation"


def test_compressed_text_is_decompressed(tmp_path: Path):
    (tmp_path / "lines.csv.gz").write_bytes(gzip.compress(text_of(rows()).encode()))
    assert_guessed_from_header(guessed(str(tmp_path / "lines.csv.gz")))


def test_json_lines_and_an_array_of_objects_are_read(tmp_path: Path):
    objects = [dict(zip(HEADER, line, strict=True)) for line in rows()]
    (tmp_path / "lines.jsonl").write_text("".join(json.dumps(line) + "\n" for line in objects))
    (tmp_path / "array.json").write_text(json.dumps(objects))
    for name in ("lines.jsonl", "array.json"):
        assert_guessed_from_header(guessed(str(tmp_path / name)))


SEMICOLONS = text_of(rows(), ";")
BODY = SEMICOLONS.partition("\r\n")[2]
OBJECTS = [dict(zip(HEADER, line, strict=True)) for line in rows()]
SHAPES = {
    "sep.csv": f"sep=;\r\n{SEMICOLONS}",
    "titled.csv": f"Orders of the shop\r\n\r\n{SEMICOLONS}Total;40\r\n",
    "trailing.csv": SEMICOLONS.replace("\r\n", ";\r\n"),
    "rows.csv": text_of([(str(number), *line) for number, line in enumerate(rows(), 1)], ";", HEADER),
    "escaped.csv": SEMICOLONS.replace('""', r"\""),
    "pretty.json": "\n".join(json.dumps(one, indent=2) for one in OBJECTS),
    "typed.json": "\n".join(json.dumps({**one, "Price": {"$numberDecimal": "2.55"}}) for one in OBJECTS),
}


@pytest.mark.parametrize("name", SHAPES)
def test_the_shapes_that_the_reader_knows_are_sampled(name: str, tmp_path: Path):
    content = SHAPES[name].replace("\r\n1;", '\r\n"1";') if name == "rows.csv" else SHAPES[name]
    assert_guessed_from_header(guessed(csv(tmp_path, name, content)))


def test_parts_without_a_header_have_the_columns_of_another(tmp_path: Path):
    csv(tmp_path, "0.csv", BODY)
    csv(tmp_path, "1.csv", SEMICOLONS)
    assert_guessed_from_header(guessed(str(tmp_path)))


def test_a_header_below_a_title_of_a_sheet_is_found(tmp_path: Path):
    with xlsxwriter.Workbook(str(tmp_path / "book.xlsx")) as book:
        sheet = book.add_worksheet()
        for number, line in enumerate([["Sales, by day"], [], HEADER, *rows()]):
            sheet.write_row(number, 0, line)
    assert_guessed_from_header(guessed(str(tmp_path / "book.xlsx")))


def test_orders_with_their_lines_inside_are_to_be_rewritten(tmp_path: Path):
    order = {"Order ID": "1", "Order Date": "2010-12-01", "Customer ID": "7", "items": [{"Qty": 2, "Price": 2.55}]}
    (tmp_path / "orders.json").write_text(json.dumps(order) * 3)
    with pytest.raises(InputError, match=r"columns are inside of 'items', a list: write one object for each"):
        guess_config([str(tmp_path)], ())


def test_a_customer_that_is_an_object_is_to_be_rewritten(tmp_path: Path):
    order = {"id": 1, "created_at": "2024-01-04", "total_price": "60.93", "customer": {"id": 17017, "orders_count": 1}}
    (tmp_path / "orders.jsonl").write_text((json.dumps(order) + "\n") * 3)
    with pytest.raises(InputError, match=r"such as customer\.id, as jq .* and name the column 'customer_id'"):
        guess_config([str(tmp_path)], ())


def test_typed_columns_of_parquet_need_no_format(tmp_path: Path):
    lines = rows()
    columns = dict(zip(HEADER, map(list, zip(*lines, strict=True)), strict=True))
    typed = {**columns, "Order Date": [FIRST + timedelta(days=n) for n in range(len(lines))], "Qty": [1.0] * len(lines)}
    typed["Price"] = [Decimal("2.55")] * len(lines)
    pq.write_table(pa.table(typed), tmp_path / "lines.parquet", row_group_size=10)
    config = guessed(str(tmp_path / "lines.parquet"))
    assert tuple(config.input.columns.by_field.values()) == HEADER
    assert config.cleaning.date_formats == ("iso",)


@pytest.mark.parametrize("kind", ["jsonl", "parquet", "xlsx"])
@pytest.mark.parametrize("price", ["2,55", "3"])
def test_numbers_that_are_typed_have_no_say_in_the_decimal_mark(price: str, kind: str, tmp_path: Path):
    path = tmp_path / f"lines.{kind}"
    lines = [{**dict(zip(HEADER, line, strict=True)), "Qty": 0.25, "Price": price} for line in rows()]
    if kind == "jsonl":
        path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    elif kind == "parquet":
        pq.write_table(pa.Table.from_pylist(lines), path)
    else:
        with xlsxwriter.Workbook(str(path)) as book:
            sheet = book.add_worksheet()
            for number, line in enumerate([[], HEADER, *[line.values() for line in lines]]):
                sheet.write_row(number, 0, line)
    # 0.25 would be no number by the rule of the comma.
    assert guessed(str(path)).input.decimal == ("comma" if price == "2,55" else "auto")
    assert guessed(str(path), overrides=["input.decimal=comma"]).input.decimal == "comma"


def test_sheets_without_lines_and_hidden_ones_are_left_out(tmp_path: Path):
    with xlsxwriter.Workbook(str(tmp_path / "book.xlsx")) as book:
        book.add_worksheet("Cover").write_row(0, 0, ["Sales of 2010", "Date: today"])
        for year in ("2010", "2011"):
            sheet = book.add_worksheet(year)
            for number, line in enumerate([HEADER, *rows()]):
                sheet.write_row(number, 0, line)
        hidden = book.add_worksheet("Old")
        hidden.write_row(0, 0, ["invoice", "x"])
        hidden.hide()
    assert_guessed_from_header(guessed(str(tmp_path / "book.xlsx")))


def test_a_file_sorted_by_date_is_sampled_further_down_too(tmp_path: Path):
    first_day = rows(5_000, written="01/12/2010 08:26")
    text = text_of([*first_day, *rows(60)])
    assert len(text) > 3 * HEAD_BYTES
    config, explanation = guess_config([csv(tmp_path, text=text)], ())
    assert config.cleaning.date_formats == ("iso", "d/M/yyyy[ H:mm[:ss]]")
    assert any("the day first: " in line for line in explanation)


def test_of_many_files_some_are_sampled_with_values_from_all_over_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(samples, "FILES_SAMPLED", 50)
    for number in range(100):  # hours: the first sixteen are of one day
        csv(tmp_path, f"{number:02}.csv", text_of(rows(2, f"{number // 4 + 1:02}/12/2010 08:26")))
    (tmp_path / "01.csv").write_bytes(b"\0")  # would be refused, but is not looked at
    config, explanation = guess_config([str(tmp_path)], ())
    assert_guessed_from_header(config)
    assert explanation[0] == f"Guessed from {tmp_path}/00.csv and 49 more:"
    assert any("the day first: " in line for line in explanation)


def test_a_header_without_lines_is_guessed_by_its_names(tmp_path: Path):
    config = guessed(csv(tmp_path, text=text_of([])))
    assert tuple(config.input.columns.by_field.values()) == HEADER


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("lines.csv", b"\r\n \r\n", "empty, there are no lines to read"),
        ("lines.csv.gz", b"\x1f\x8b broken", "cannot be opened or unpacked"),
        ("lines.csv", gzip.compress(b"x", mtime=0), "is compressed with gzip, but its name does not say so"),
        ("lines.parquet", b"PAR1 broken PAR1", "is not a whole Parquet file"),
        ("lines.xlsx", b"PK\x03\x04 xl/ broken", "."),
        ("lines.json", b"{broken", "is not JSON with one object a line"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(name: str, content: bytes, message: str, tmp_path: Path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=f"{name}.*{message}"):
        guess_config([str(tmp_path / name)], ())


@pytest.mark.skipif(sys.platform == "darwin", reason="its disks take no such name")
def test_a_name_that_java_cannot_represent_is_refused(tmp_path: Path):
    Path(f"{tmp_path}/caf\udce9.csv").write_text(text_of(rows()))
    with pytest.raises(InputError, match=r"cannot be listed: the name '.*/caf\\udce9\.csv' is not UTF-8: rename the"):
        guess_config([str(tmp_path)], ())


def test_a_missing_path_is_reported_with_the_nearest(tmp_path: Path):
    csv(tmp_path, "sales.csv")
    with pytest.raises(InputError, match=r"salse\.csv: nothing is there to read: did you mean '.*/sales\.csv'\?"):
        guess_config([str(tmp_path / "salse.csv")], ())


def test_files_of_other_machines_need_a_configuration():
    with pytest.raises(
        ConfigError, match=r"--input s3a://\*\*\*@b/x: columns are guessed only of files on this machine"
    ):
        guess_config(["s3a://me:secret@b/x"], ())
