"""CSV files: encodings, delimiters, quotes, and lines of the wrong width."""

import gzip
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.config.settings import CsvSettings, InputSettings
from segmentation.errors import InputError
from segmentation.ingest.csv_files import SMALL_FILE
from segmentation.ingest.csv_records import NARROW
from tests.hostile_files import FIVE, GOOD, HEADER, INPUT, TOP, line, quoted_csv, raw_texts, read, text


def with_csv(**csv: object) -> InputSettings:
    return INPUT.model_copy(update={"csv": CsvSettings(**csv)})


def test_each_field_of_a_file_of_mixed_encodings_is_decoded_by_itself(spark: SparkSession, tmp_path: Path) -> None:
    descriptions = [
        ("€5 – “CAFÉ”", "windows-1252"),
        ("€5 – “CAFÉ” 日本", "utf-8"),
        ("£ Ñ", "iso-8859-1"),
        ("FIRST LINE\nSECOND LINE", "utf-8"),
    ]
    lines = [line(Description=f'"{description}"').encode(encoding) for description, encoding in descriptions]
    (tmp_path / "mixed.csv").write_bytes(b"\n".join([TOP.encode(), *lines]))
    expected = {(description,) for description, _ in descriptions}
    assert set(raw_texts(read(spark, tmp_path), "description")) == expected


def test_a_configured_encoding_and_delimiter_are_used(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "lines.csv").write_text(text(TOP, line(Description="CAFÉ Ñ")).replace(",", "~"), encoding="utf-8")
    as_latin = with_csv(encoding="iso-8859-1", delimiter="~")
    assert raw_texts(read(spark, tmp_path, settings=as_latin), "description") == [("CAFÃ\x89 Ã\x91",)]
    as_utf_8 = with_csv(encoding="utf-8", delimiter="~")
    assert raw_texts(read(spark, tmp_path, settings=as_utf_8), "description", "country") == [("CAFÉ Ñ", "France")]


@pytest.mark.parametrize(
    ("encoding", "configured"),
    [
        ("windows-1252", "auto"),
        ("iso-8859-1", "iso-8859-1"),
        ("utf-8", "utf-8"),
        ("utf-16", "auto"),
    ],
)
def test_a_column_name_beyond_ascii_is_located_in_every_encoding(
    spark: SparkSession, tmp_path: Path, encoding: str, configured: str
) -> None:
    names = dict(zip(HEADER, HEADER, strict=True)) | {"Quantity": "Stück", "Description": "Größe"}
    if encoding != "iso-8859-1":
        names["UnitPrice"] = "Preis €"
    (tmp_path / "lines.csv").write_bytes(text(",".join(names.values()), line()).encode(encoding))
    columns = dict(zip(s.LINE_FIELDS, names.values(), strict=True))
    lines = read(spark, tmp_path, settings=InputSettings(columns=columns, csv=CsvSettings(encoding=configured)))
    assert raw_texts(lines, "quantity", "unit_price") == [("2", "2.55")]


def test_undecodable_bytes_make_their_line_unparsed(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "lines.csv").write_bytes(FIVE.encode() + line(9, Description="CAFÉ").encode("windows-1252"))
    unparsed = [row.unparsed_line for row in read(spark, tmp_path, settings=with_csv(encoding="utf-8")).collect()]
    assert unparsed[:5] == [None] * 5
    assert "CAF\ufffd" in unparsed[5]


# No NUL, which no text file holds; a carriage return inside quotes is a line end like any other.
CSV_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), min_size=1, max_size=15)


@settings(
    max_examples=2,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],  # each step of shrinking would be a Spark job too
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(texts=st.lists(CSV_TEXT, min_size=50, max_size=100))
def test_any_quoted_text_is_read_unchanged(spark: SparkSession, tmp_path: Path, texts: list[str]) -> None:
    rows = [list({**GOOD, "Description": description}.values()) for description in texts]
    (tmp_path / "any.csv").write_bytes(quoted_csv(rows))
    lines = read(spark, tmp_path).collect()
    assert sorted(row.raw_description for row in lines) == sorted(texts)
    assert [row.unparsed_line for row in lines] == [None] * len(texts)


def test_a_field_may_be_nearly_as_long_as_its_file(spark: SparkSession, tmp_path: Path) -> None:
    lengths = [10_000, SMALL_FILE - 1_000, SMALL_FILE]
    for length in lengths:
        (tmp_path / f"{length}.csv").write_text(text(TOP, line(Description="x" * length)))
    (tmp_path / "packed.csv.gz").write_bytes(gzip.compress(text(TOP, line(Description="x" * SMALL_FILE)).encode()))
    found = read(spark, tmp_path).select(F.length("raw_description"), "unparsed_line").collect()
    assert sorted(map(tuple, found)) == [(length, None) for length in [*lengths, SMALL_FILE]]


def test_lines_of_the_wrong_width_keep_their_text(spark: SparkSession, tmp_path: Path) -> None:
    short, long = "536366,A,too few", "536367,A,TOO MANY,6,2010-12-01,2.55,17850,EIRE,and,more"
    (tmp_path / "wild.csv").write_text(text(TOP, line(), short, "", long, ",,,,,,,", end="\r\n"), newline="")
    lines = read(spark, tmp_path).select("raw_invoice_no", "raw_description", "unparsed_line").collect()
    assert sorted(map(tuple, lines), key=str) == [
        ("536365", "HEART", None),
        ("536366", "too few", short),
        ("536367", "TOO MANY", long),
        (None, None, None),
    ]


def test_without_multiline_an_open_quote_costs_one_line(spark: SparkSession, tmp_path: Path) -> None:
    rows = ['1,A,"NEVER CLOSED,6,2010-12-01,1,,', '2,A,7" RECORD,6,2010-12-01,1,,', "3,A,x,6,2010-12-01,1,,"]
    (tmp_path / "quote.csv").write_text(text(TOP, *rows))
    lines = read(spark, tmp_path, settings=with_csv(multiline=False)).select("raw_invoice_no", "unparsed_line")
    assert sorted(map(tuple, lines.collect())) == [("1", rows[0]), ("2", None), ("3", None)]


def test_lines_swallowed_by_an_open_quote_keep_their_fields(spark: SparkSession, tmp_path: Path) -> None:
    opening, closing = line(1, Description='"OPEN', Quantity="7"), line(3, Description='CLOSED"', Quantity="9")
    (tmp_path / "lines.csv").write_text(text(TOP, opening, line(2, Quantity="8"), closing))
    assert raw_texts(read(spark, tmp_path), "invoice_no", "description", "quantity", "country") == [
        ("536366", "OPEN", "7", "France"),
        ("536367", "HEART", "8", "France"),
        ("536368", "CLOSED", "9", "France"),
    ]


def test_fields_are_what_was_meant_whatever_the_rule_of_quotes(spark: SparkSession, tmp_path: Path) -> None:
    written = {
        "backslash": r'"7\" RECORD, \"HITS\""',
        "delimiter": r"7\" RECORD\, \\HITS",
        "space": ' "7"" RECORD, ""HITS"""',
        "null": r"\N",
    }
    for name, description in written.items():
        rows = [line(number, Description=description) for number in range(5)]
        (tmp_path / f"{name}.csv").write_text(text(TOP, *rows))
    rows = [f'"{number}",{line(number)}' for number in range(1, 6)]
    (tmp_path / "rows.csv").write_text(text("Sales, by line", TOP, *rows))
    found = read(spark, tmp_path).select(s.SOURCE_FILE, s.raw("description"), s.raw("country")).distinct().collect()
    assert {(Path(file).stem, description, country) for file, description, country in found} == {
        ("backslash", '7" RECORD, "HITS"', "France"),
        ("delimiter", '7\\" RECORD, \\HITS', "France"),
        ("space", '7" RECORD, "HITS"', "France"),
        ("null", None, "France"),
        ("rows", "HEART", "France"),
    }


def test_a_part_without_a_header_has_the_columns_of_another(
    spark: SparkSession, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "aa.csv").write_text(text(TOP, line(1)))
    (tmp_path / "ab.csv").write_text(text(line(2), line(3)))
    (tmp_path / "ac.csv").write_text(text(line(4)))
    assert raw_texts(read(spark, tmp_path), "invoice_no", "country") == [
        (str(536365 + number), "France") for number in range(1, 5)
    ]
    said = "and 1 more file: no header; the columns are taken by their position from"
    assert f"{tmp_path}/ab.csv {said} {tmp_path}/aa.csv" in caplog.text
    (tmp_path / "ad.csv").write_text(text(",".join(f"_c{number}" for number in range(8)), line(5)))
    with pytest.raises(InputError, match=r"ad\.csv: .*none of them named like a column"):
        read(spark, tmp_path)


def test_lines_above_the_header_are_said_and_left_out(
    spark: SparkSession, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for number, title in enumerate(("Café, shop 1", "Café, shop 2")):
        (tmp_path / f"{number}.csv").write_bytes(text(title, "  ", "Total,,,5,,,,", TOP, line()).encode("cp1252"))
    (tmp_path / "2.csv").write_text(text("sep=;", TOP, line()).replace(",", ";"))
    assert raw_texts(read(spark, tmp_path), "invoice_no", "quantity") == [("536365", "2")] * 3
    assert f"{tmp_path}/0.csv and 1 more file: the header is in line 4; what is above it is left out" in caplog.text
    assert "2.csv" not in caplog.text


def test_a_wide_file_is_read_as_a_narrow_one(spark: SparkSession, tmp_path: Path) -> None:
    more = ["x"] * (2 * NARROW)
    texts = ['"A\nB"', "C", '"OPEN', "D", 'CLOSED"']
    rows = [",".join([*more, line(number, Description=text_)]) for number, text_ in enumerate(texts)]
    header = ",".join([*[f"more {number}" for number in range(len(more))], TOP])
    (tmp_path / "wide.csv").write_text(text(header, *rows, "too,few"))
    assert raw_texts(read(spark, tmp_path).where("unparsed_line IS NULL"), "description") == [
        ("A\nB",),
        ("C",),
        ("CLOSED",),
        ("D",),
        ("OPEN",),
    ]
    assert [row.unparsed_line for row in read(spark, tmp_path).where("unparsed_line IS NOT NULL").collect()] == [
        "too,few"
    ]
