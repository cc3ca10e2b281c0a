"""Files without a configuration: what is guessed of them, shown, and refused."""

import gzip
import json
import logging
import shlex
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter

from segmentation import schemas as s
from segmentation.config.settings import RunConfig
from segmentation.errors import ConfigError, InputError
from segmentation.guess.config import GuessError, guess_config
from segmentation.guess.samples import HEAD_BYTES
from tests.segmentation.guess.guessed_files import FIRST, HEADER, csv, guessed, rows, text_of


def assert_guessed_from_header(config: RunConfig) -> None:
    assert tuple(config.input.columns.by_field.values()) == HEADER
    assert config.cleaning.date_formats == ("iso", "d/M/yyyy[ H:mm[:ss]]")


# --- kinds of files ---


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "~", "^", "\x01"])
def test_text_with_any_delimiter_is_taken_apart(delimiter: str, tmp_path: Path):
    config = guessed(csv(tmp_path, text=text_of(rows(), delimiter)))
    assert_guessed_from_header(config)
    assert config.input.csv.delimiter == (delimiter if delimiter in "~^\x01" else "auto")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_text_is_decoded_as_the_reader_does(encoding: str, tmp_path: Path):
    header = [*HEADER[:2], "Désignation", *HEADER[3:]]
    (tmp_path / "lines.csv").write_bytes(text_of(rows(), header=header).encode(encoding))
    assert guessed(str(tmp_path / "lines.csv")).input.columns.description == "Désignation"


def test_packed_text_is_unpacked(tmp_path: Path):
    (tmp_path / "lines.csv.gz").write_bytes(gzip.compress(text_of(rows()).encode()))
    assert_guessed_from_header(guessed(str(tmp_path / "lines.csv.gz")))


def test_objects_of_json_lines_and_of_an_array_tell_their_keys(tmp_path: Path):
    objects = [dict(zip(HEADER, line, strict=True)) for line in rows()]
    (tmp_path / "lines.jsonl").write_text("".join(json.dumps(one) + "\n" for one in objects))
    (tmp_path / "array.json").write_text(json.dumps(objects))
    for name in ("lines.jsonl", "array.json"):
        assert_guessed_from_header(guessed(str(tmp_path / name)))


def test_typed_columns_of_parquet_need_no_format(tmp_path: Path):
    lines = rows()
    columns = dict(zip(HEADER, map(list, zip(*lines, strict=True)), strict=True))
    typed = {**columns, "Order Date": [FIRST + timedelta(days=n) for n in range(len(lines))], "Qty": [1.0] * len(lines)}
    typed["Price"] = [Decimal("2.55")] * len(lines)
    pq.write_table(pa.table(typed), tmp_path / "lines.parquet", row_group_size=10)
    config = guessed(str(tmp_path / "lines.parquet"))
    assert tuple(config.input.columns.by_field.values()) == HEADER
    assert config.cleaning.date_formats == ("iso",)


def test_the_sheets_with_lines_are_found_beside_others(tmp_path: Path):
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


# --- several files ---


def test_files_that_agree_may_be_of_any_kind_and_have_more_columns(tmp_path: Path):
    csv(tmp_path, "a.csv")
    csv(tmp_path, "b.csv", text_of([(*line, "x") for line in rows()], ";", [*HEADER, "Unit Price"]))
    (tmp_path / "c.jsonl").write_text(
        "".join(json.dumps(dict(zip(HEADER, line, strict=True))) + "\n" for line in rows())
    )
    assert_guessed_from_header(guessed(str(tmp_path)))
    assert_guessed_from_header(guessed(str(tmp_path / "*.csv"), str(tmp_path / "{c,d}.jsonl")))


def test_files_that_differ_are_named_with_what_each_has(tmp_path: Path):
    csv(tmp_path, "a.csv")
    csv(tmp_path, "b.csv", text_of(rows(), header=["InvoiceNo", *HEADER[1:]]))
    with pytest.raises(
        GuessError, match=r"differ: invoice_no seems to be in \S*a\.csv 'Order ID', in \S*b\.csv 'InvoiceNo'"
    ):
        guess_config([str(tmp_path)], ())


# --- what the values tell ---


def test_a_file_sorted_by_date_is_looked_at_in_other_places_too(tmp_path: Path):
    first_day = rows(5_000, written="01/12/2010 08:26")
    text = text_of([*first_day, *rows(60)])
    assert len(text) > 3 * HEAD_BYTES
    config, told = guess_config([csv(tmp_path, text=text)], ())
    assert config.cleaning.date_formats == ("iso", "d/M/yyyy[ H:mm[:ss]]")
    assert any("the day first: " in line for line in told)


def test_dates_that_may_be_read_two_ways_are_told_with_what_to_type(tmp_path: Path):
    path = csv(tmp_path, text=text_of(rows(3)))
    config, told = guess_config([path], ())
    assert config.cleaning.date_formats == ("iso", "M/d/yyyy[ H:mm[:ss]]")
    [line] = [line for line in told if "wrong?" in line]
    [_, option, override] = shlex.split(line)  # as a shell reads what is pasted
    assert option == "--set"
    assert guessed(path, overrides=[override]).cleaning.date_formats == ("iso", "d/M/yyyy[ H:mm[:ss]]")


def test_all_formats_of_one_separator_are_exchanged_together(tmp_path: Path):
    lines = [*rows(3), *rows(3, written="%d/%m/%Y %I:%M %p"), *rows(3, written="%d/%b/%Y")]
    path = csv(tmp_path, text=text_of(lines))
    config, told = guess_config([path], ())
    assert [one[:4] for one in config.cleaning.date_formats] == ["iso", "M/d/", "M/d/", "d/MM"]
    [line] = [line for line in told if "wrong?" in line]
    changed = guessed(path, overrides=[shlex.split(line)[2]])
    assert [one[:4] for one in changed.cleaning.date_formats] == ["iso", "d/M/", "d/M/", "d/MM"]


def test_a_header_without_lines_is_guessed_by_its_names(tmp_path: Path):
    config = guessed(csv(tmp_path, text=text_of([])))
    assert tuple(config.input.columns.by_field.values()) == HEADER


# --- what a person is told ---


def test_the_guess_is_logged_field_by_field(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.INFO, "segmentation"):
        guess_config([csv(tmp_path, text=text_of(rows(), header=[*HEADER[:6], "Client", "Contry"]))], ())
    assert f"Guessed from {tmp_path}/lines.csv:" in caplog.messages
    for field, column in (("invoice_no", "Order ID"), ("customer_id", "Client  (a name it may have)")):
        assert any(line.split() == [field, "<-", *column.split()] for line in caplog.messages)
    assert any("country" in line and "(nearly a usual name)" in line for line in caplog.messages)
    assert any("--write-config FILE" in line for line in caplog.messages)


def test_a_field_that_is_not_found_is_one_message_below_the_part_that_is_known(tmp_path: Path):
    header = ["Order ID", "Transaction ID", "Product Name", "Qty", "Order Date", "Total", "Customer ID", "Country"]
    path = csv(tmp_path, text=text_of(rows(), header=header))
    with pytest.raises(GuessError) as refused:
        guess_config([path], ())
    message = str(refused.value)
    assert "invoice_no may be 'Order ID' or 'Transaction ID'" in message
    assert "unit_price is not there; 'Total' may be the money of a line" in message
    assert f"Found: {', '.join(header)}" in message
    assert "--set 'input.columns.invoice_no=COLUMN'" in message
    assert refused.value.exit_code == 3
    start = list(refused.value.before).index("input:")
    assert "    quantity: Qty" in refused.value.before[start:]
    assert "    unit_price: '?'" in refused.value.before[start:]


def test_what_is_set_completes_the_guess(tmp_path: Path):
    header = [*HEADER[:5], "Paid", *HEADER[6:]]
    config = guessed(
        csv(tmp_path, text=text_of(rows(), header=header)),
        overrides=["input.columns.unit_price=Paid", "clustering.k=3", "cleaning.date_formats=[d/M/yyyy H:mm]"],
    )
    assert (config.input.columns.unit_price, config.clustering.k) == ("Paid", 3)
    assert config.cleaning.date_formats == ("d/M/yyyy H:mm",)


def test_every_missing_field_is_named_with_what_to_type_and_a_column_that_is_not_there_with_the_nearest(tmp_path: Path):
    header = ["Order ID", "Code", "Product Name", "Qty", "Order Date", "Total", "Buyer ID", "x"]
    path = csv(tmp_path, text=text_of(rows(), header=header))
    with pytest.raises(GuessError) as refused:
        guess_config([path], ["input.columns.stock_code=Cod", "input.columns.customer_id=buyer_id"])
    message = str(refused.value)
    assert "stock_code is 'Cod', which is not there: did you mean 'Code'?; " in message
    assert "customer_id is 'buyer_id', which is not there: did you mean 'Buyer ID'?; " in message
    assert "unit_price is not there; 'Total' may be the money of a line" in message
    assert "country is not there. Found: " in message
    missing = ("stock_code", "unit_price", "customer_id", "country")
    settings = [f"'input.columns.{field}=COLUMN'" for field in missing]
    assert f"Set what is missing by --set {' '.join(settings)}, or give a configuration" in message
    with pytest.raises(GuessError, match=r"did you mean 'Country'\? Found: "):
        guess_config([csv(tmp_path)], ["input.columns.country=Contry"])


def test_an_export_of_shopify_is_taken_as_it_comes(tmp_path: Path):
    header = ["Name", "Lineitem sku", "Lineitem name", "Lineitem quantity", "Created at", "Lineitem price", "Email"]
    lines = [(*line, "paid") for line in rows(invoice="#{}", written="%Y-%m-%d %H:%M:%S +0200")]
    text = text_of(lines, header=[*header, "Billing Country", "Financial Status"])
    config, told = guess_config([csv(tmp_path, text=text)], ())
    assert tuple(config.input.columns.by_field.values()) == (*header, "Billing Country")
    assert (config.cleaning.date_formats, config.cleaning.sale_invoice_pattern) == (("iso",), "^.")
    assert any(
        line.startswith("  country       <- Billing Country  (as Shopify exports it: often only") for line in told
    )


@pytest.mark.parametrize(
    ("known", "is_told"),
    [
        (HEADER[:-1], True),
        ((*HEADER[:2], *HEADER[3:6]), True),
        (HEADER[1:], False),
        (HEADER[1:-1], False),
        ((*HEADER[:5], *HEADER[6:]), False),
    ],
)
def test_an_empty_column_is_proposed_only_where_lines_without_its_values_count(
    known: tuple[str, ...], is_told: bool, tmp_path: Path
):
    with pytest.raises(GuessError, match="All eight are needed") as refused:
        guess_config([csv(tmp_path, text=text_of([], header=known))], ())
    assert ("may be an empty column" in str(refused.value)) == is_told


def test_a_line_of_data_in_place_of_a_header_is_not_shown(tmp_path: Path):
    path = csv(tmp_path, text=text_of(rows(), header=["536365", "85123A", "MUG", "2", "x", "2.55", "Jane Doe", "EIRE"]))
    with pytest.raises(GuessError, match="8 fields, none of them named like a column: put a header above") as refused:
        guess_config([path], ())
    assert "Jane" not in f"{refused.value} {refused.value.before}"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"Price": "2,55"}, r"column 'Price' \(for unit_price\) holds no numbers as in 2\.55"),
        ({"Qty": "two"}, r"column 'Qty' \(for quantity\) holds no numbers"),
        ({"Order Date": "soon"}, r"column 'Order Date' holds no dates in a known way"),
    ],
)
def test_a_column_of_other_values_than_its_field_has_is_refused(fields: dict[str, str], message: str, tmp_path: Path):
    with pytest.raises(GuessError, match=message):
        guess_config([csv(tmp_path, text=text_of(rows(**fields), ";"))], ())


def test_prices_of_which_only_the_whole_ones_can_be_read_are_refused(tmp_path: Path):
    lines = text_of(rows(8, Price="2,5"), ";") + text_of(rows(2), ";").partition("\n")[2]
    with pytest.raises(GuessError, match=r"'Price' \(for unit_price\) holds numbers in only \d+% of its lines"):
        guess_config([csv(tmp_path, text=lines)], ())


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("lines.csv", b"", "empty, there are no lines to read"),
        ("lines.csv", b"\r\n \r\n", "empty, there are no lines to read"),
        ("lines.csv.gz", b"\x1f\x8b broken", "cannot be opened or unpacked"),
        ("lines.csv", gzip.compress(b"x"), "is compressed with gzip, but its name does not say so"),
        ("lines.parquet", b"PAR1 broken PAR1", "is not a whole Parquet file"),
        ("lines.xlsx", b"PK\x03\x04 xl/ broken", "."),
        ("lines.json", b"{broken", "is not JSON with one object a line"),
        ("lines.bin", b"\0\1\2" * 50, "unknown format"),
    ],
)
def test_what_cannot_be_looked_into_is_named(name: str, content: bytes, message: str, tmp_path: Path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=f"{name}.*{message}"):
        guess_config([str(tmp_path / name)], ())


def test_a_path_where_nothing_is_is_told_with_the_nearest(tmp_path: Path):
    csv(tmp_path, "sales.csv")
    with pytest.raises(InputError, match=r"salse\.csv: nothing is there to read: did you mean '.*/sales\.csv'\?"):
        guess_config([str(tmp_path / "salse.csv")], ())


def test_files_of_other_machines_need_a_configuration():
    with pytest.raises(
        ConfigError, match=r"--input s3a://\*\*\*@b/x: columns are guessed only of files on this machine"
    ):
        guess_config(["s3a://me:secret@b/x"], ())


def test_a_misspelt_key_is_told_before_any_file_is_opened():
    with pytest.raises(ConfigError, match=r"guessed with --set clustering\.kmax=4: .* did you mean 'k_max'\?"):
        guess_config(["/nowhere/at/all.csv"], ["clustering.kmax=4"])


def test_every_field_is_in_the_guess_of_any_header(tmp_path: Path):
    with pytest.raises(GuessError) as refused:
        guess_config([csv(tmp_path, text=text_of(rows(), header=["Qty", *"abcdefg"]))], ())
    for field in s.LINE_FIELDS:
        assert any(field in line for line in refused.value.before)
