"""Files as they go wrong in the wild: read with the damage counted, or refused by name; no line is lost."""

import gzip
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.cleaning.parse import parse_lines
from segmentation.errors import InputError
from segmentation.ingest.find import find_input
from segmentation.ingest.read import read_errors_named, read_lines
from tests.hostile_files import (
    CLEANING,
    FIVE,
    GOOD,
    HEADER,
    INPUT,
    TOP,
    flipped,
    json_object,
    line,
    lines,
    parquet,
    parquet_with_a_value_beyond_its_dictionary,
    read,
    text,
)
from tests.workbooks import LINE, parts_of, row_of, sheet_of, text_cell, zipped

PACKED = gzip.compress(
    text(TOP, *[line(number, Description=f"{number * 7919 % 1000}") for number in range(5_000)]).encode()
)
SEMICOLONS = text(*[row.replace(",", ";") for row in (TOP, line(1), line(2, UnitPrice="1.234!50"), line(3))])
WORKBOOK = sheet_of(
    row_of(1, HEADER),
    *[row_of(number, LINE) for number in (2, 4)],
    row_of(3, LINE).replace(text_cell("C3", "HEART"), '<c r="C3" t="e"><v>#N/A</v></c>'),
    *[row_of(number, [*LINE[:6], "", LINE[7]]) for number in (5, 6)],
    after='<mergeCells><mergeCell ref="G4:G5"/></mergeCells>',
)
# The file's ending, its content, and the outcomes of its lines.
COUNTED: dict[str, tuple[str, str | bytes, dict[str, int]]] = {
    "a quote opened in one line and closed in the next": (
        "csv",
        text(TOP, line(1, Description='"OPEN'), line(2, Description='CLOSED"'), line(3)),
        {"clean": 3},
    ),
    "a quote closed 5,000 lines later": (
        "csv",
        text(TOP, line(1, Description='"OPEN'), *lines(5_000), line(2, Description='CLOSED"'), line(3)),
        {"clean": 5_003},
    ),
    "a quote that is never closed": (
        "csv",
        text(TOP, line(1), line(2, Description='"OPEN'), *lines(50)),
        {"clean": 51, "malformed": 1},
    ),
    "a quote left open before a quoted field": (
        "csv",
        text(TOP, line(1, Description='"OPEN'), *lines(3), line(2, Description='"A, B"'), line(3)),
        {"clean": 5, "malformed": 1},
    ),
    "line ends, quotes and commas that belong to the text": (
        "csv",
        text(TOP, line(1, Description='"SET OF: A, B, 3 C, D, E,\nF, G, H, I, J\r\n, K, ""L"", M, N, O, P"'), line(2)),
        {"clean": 2},
    ),
    "quotes in the middle of a field": (
        "csv",
        text(TOP, line(1, Description='7" RECORD'), line(2, Description='"7" RECORD"'), line(3)),
        {"clean": 3},
    ),
    "too few and too many fields": (
        "csv",
        text(TOP, line(1), "536366,85123A", line(2) + ",", line(3) + ",more", '4,A,"two\nlines",1'),
        {"clean": 1, "malformed": 5},
    ),
    "nothing but delimiters, blank lines, remarks": (
        "csv",
        text(TOP, line(1), ",,,,,,,", "", "", "# a remark", line(2)),
        {"clean": 2, "malformed": 2},
    ),
    "the header again in the middle": ("csv", FIVE + FIVE, {"clean": 10, "malformed": 1}),
    "CRLF, then LF": ("csv", text(TOP, *lines(2), end="\r\n") + text(*lines(500)), {"clean": 502}),
    "LF, then CRLF": ("csv", FIVE + text(*lines(5), end="\r\n"), {"clean": 10}),
    "a lone CR between two lines": ("csv", text(TOP, line(1) + "\r" + line(2), line(3)), {"clean": 3}),
    "NUL in a field": ("csv", text(TOP, line(1, Description="A\0B"), line(2, Description='"\0"')), {"clean": 2}),
    "a tail of NULs": ("csv", FIVE + "\0" * 50_000, {"clean": 5, "malformed": 1}),
    "UTF-16 with a mark, little end first": ("csv", b"\xff\xfe" + FIVE.encode("utf-16-le"), {"clean": 5}),
    "UTF-16 without a mark, big end first": ("csv", FIVE.encode("utf-16-be"), {"clean": 5}),
    "UTF-16 cut within a character": ("csv", FIVE.encode("utf-16")[:-3], {"clean": 4, "malformed": 1}),
    "UTF-32 with a mark": ("csv", FIVE.encode("utf-32"), {"clean": 5}),
    "windows-1252": ("csv", text(TOP, line(1, Description="CAFÉ “€5”")).encode("windows-1252"), {"clean": 1}),
    "gzip of several members": (
        "csv.gz",
        gzip.compress(FIVE.encode()) + gzip.compress(text(*lines(4)).encode()),
        {"clean": 9},
    ),
    "decimal commas between semicolons": ("csv", SEMICOLONS.replace("!", ","), {"clean": 2, "malformed": 1}),
    "a title above, a total and a remark below": (
        "csv",
        text("Sales", '"From, to"', "", FIVE + "Total,,,11132,,,,", "", "Made by Till 4.2"),
        {"clean": 5, "malformed": 2},
    ),
    "a bordered list": (
        "csv",
        text("-" * 60, *[f"|{row.replace(',', '|')}|" for row in (TOP, *lines(3))], "-" * 60),
        {"clean": 3},
    ),
    "a delimiter behind each line": ("csv", text(TOP, *[f"{row}," for row in lines(5)]), {"clean": 5}),
    "a title above a header without the delimiter behind each line": (
        "csv",
        text("Sales", TOP, *[f"{row}," for row in lines(5)]),
        {"clean": 5},
    ),
    "the first column at the far end of 5,000": (
        "csv",
        text(
            ",".join([*HEADER[1:], *map(str, range(5_000)), HEADER[0]]),
            *[",".join([*row.split(",")[1:], *["x"] * 5_000, row.split(",")[0]]) for row in lines(3)],
            ",".join(["x"] * 5_000),
        ),
        {"clean": 3, "malformed": 1},
    ),
    "no customer anywhere": ("csv", text(TOP, line(1, CustomerID=""), line(2, CustomerID="")), {"guest": 2}),
    "no invoice anywhere": ("csv", text(TOP, line(1, InvoiceNo=""), line(2, InvoiceNo="")), {"malformed": 2}),
    "several objects in a line of JSON": (
        "jsonl",
        text(json_object(1), json_object(2) + json_object(3, Description='}{"') + " " + json_object(4), json_object(5)),
        {"clean": 3, "malformed": 1},
    ),
    "an array of objects in a line of JSON lines": (
        "jsonl",
        text(json_object(1), f"[{json_object(2)}, {json_object(3)}]", f"{json_object(4)} [{json_object(5)}]"),
        {"clean": 4, "malformed": 1},
    ),
    "JSON objects over several lines": (
        "json",
        "\n".join(json.dumps({**GOOD, "Description": word}, indent=2) for word in ("}{", "A", "}, {", "B"))
        + '\n{\n  "InvoiceNo": "5\n}\n'
        + json.dumps(GOOD, indent=2),
        {"clean": 5, "malformed": 1},
    ),
    "JSON objects without line ends": ("json", json_object(1) + json_object(2) + json_object(3), {"clean": 3}),
    "a comma behind each JSON object": (
        "json",
        "\ufeff" + text(*[f"{json_object(number)}," for number in range(3)]),
        {"clean": 3},
    ),
    "JSON values that name their type": (
        "json",
        text(*[json_object(UnitPrice={"$numberDecimal": "2.55"}, Quantity={"$numberInt": "2"})] * 3),
        {"clean": 3},
    ),
    "JSON that is nested too deep": (
        "json",
        text(
            '{"InvoiceNo":' * 100_000, json_object(1), f'{{"InvoiceNo":{"[" * 100_000}{"]" * 100_000}}}', json_object(2)
        ),
        {"clean": 2, "malformed": 2},
    ),
    "JSON texts that look like the end of an object": (
        "jsonl",
        text(
            json_object(1, Description="BOX }{"),
            json_object(2, Description='"}, {"'),
            json_object(3, Description="}{\\"),
            json_object(4, Description="] [{", Tags=[[{"a": 1}, {"b": [2]}], {"c": {}}, {"d": 3}], More={"e": {}}),
        ),
        {"clean": 4},
    ),
    "JSON numbers that are none": (
        "jsonl",
        text(json_object(1), json_object(2, UnitPrice=float("nan")), json_object(3, Quantity=float("inf"))),
        {"clean": 1, "malformed": 2},
    ),
    "JSON lines that are broken, NUL or another encoding": (
        "jsonl",
        text(json_object(1), json_object(2)[:40], "\0\0\0", json_object(3).replace("F", "É")).encode("iso-8859-1"),
        {"clean": 1, "malformed": 3},
    ),
    "a JSON number of more digits than Python parses": (
        "jsonl",
        text(json_object(1).replace('"2.55"', "1" * 5_000), json_object(2)),
        {"clean": 1, "malformed": 1},
    ),
    "Parquet text that is no UTF-8": (
        "parquet",
        parquet(2, {"Description": pa.array([b"CAF\xc9", b"TEA"])}),
        {"clean": 1, "malformed": 1},
    ),
    "a workbook with an error, a merged cell and a guest": (
        "xlsx",
        zipped(parts_of(WORKBOOK)),
        {"clean": 2, "malformed": 2, "guest": 1},
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def counted(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Mapping[str, int]]:
    """Return the outcomes of the lines of each file; all are read together, as a run reads a directory."""
    folder = tmp_path_factory.mktemp("corpus")
    cases = {}
    for number, (case, (ending, content, _)) in enumerate(COUNTED.items()):
        path = folder / f"{number}.{ending}"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        cases[str(path)] = case
    # A checkpoint keeps the many readers out of the plan of what follows.
    parsed = parse_lines(read(spark, folder).localCheckpoint(), CLEANING)
    outcome = (
        F.when(F.col(s.AS_READ).isNotNull(), "malformed")
        .when(F.col(s.CUSTOMER_ID).isNull(), "guest")
        .otherwise("clean")
    )
    outcomes: dict[str, dict[str, int]] = {case: {} for case in COUNTED}
    for row in parsed.groupBy(s.SOURCE_FILE, outcome.alias("outcome")).count().collect():
        outcomes[cases[row.source_file.partition("#")[0]]][row.outcome] = row["count"]
    return outcomes


@pytest.mark.parametrize("case", COUNTED)
def test_every_line_of_a_damaged_file_is_counted(case: str, counted: Mapping[str, Mapping[str, int]]) -> None:
    assert counted[case] == COUNTED[case][2]


PLAIN = parquet(compression="none")
DAMAGED = "cannot be read to its end, it is damaged or cut off: send it again"
NOT_WHOLE = "is not a whole Parquet file: "
# The file's name, its content, and the message after its path.
REFUSED: dict[str, tuple[str, bytes, str]] = {
    "gzip without its last bytes": ("lines.csv.gz", PACKED[:-4], DAMAGED),
    "gzip with a flipped bit": ("lines.csv.gz", flipped(PACKED, len(PACKED) // 2, 0x10), DAMAGED),
    "gzip with something behind it": ("lines.csv.gz", PACKED + b"and more", DAMAGED),
    "gzip cut, its name hard to write": ("50%20 of [ü], 1+1.csv.gz", PACKED[:-4], DAMAGED),
    "UTF-32 without a mark": ("lines.csv", FIVE.encode("utf-32-le"), "unknown format, though its name says csv"),
    "a line of more fields than can be split": (
        "lines.csv",
        (FIVE + "," * 30_000).encode(),
        "has a field of more than 10,000,000 characters or a line of more than 20,480 fields: close the quote",
    ),
    "a quote left open over millions of characters": (
        "lines.csv",
        text(TOP, line(1, Description='"OPEN'), *[line(2, Description="x" * 10_000)] * 1_100).encode(),
        "has a field of more than 10,000,000 characters or a line of more than 20,480 fields: close the quote",
    ),
    "two JSON arrays in one file": (
        "lines.json",
        f"[{json_object(1)}]\n[{json_object(2)}]".encode(),
        "is not one JSON array of objects from beginning to end",
    ),
    "a picture": ("logo.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "unknown format: known are CSV"),
    "a column missing in one file": (
        "june.csv",
        text(TOP.removesuffix(",Country"), "1,A,x,1,2010-12-01,1,1").encode(),
        "column 'Country' (for",
    ),
    "Parquet cut off": ("lines.parquet", PLAIN[: len(PLAIN) // 2], NOT_WHOLE),
    "Parquet with a column name flipped in the footer": (
        "lines.parquet",
        flipped(PLAIN, PLAIN.rindex(b"StockCode"), 0x20),
        DAMAGED,
    ),
    "Parquet with a column name that is no text in the footer": (
        "lines.parquet",
        flipped(PLAIN, PLAIN.rindex(b"StockCode"), 0xFF),
        DAMAGED,
    ),
    "Parquet with a flipped page header": ("lines.parquet", flipped(PLAIN, 5), DAMAGED),
    "Parquet with a flipped page that has a checksum": (
        "lines.parquet",
        flipped(summed := parquet(compression="none", write_page_checksum=True), summed.index(b"GREEN"), 0x20),
        DAMAGED,
    ),
    "Parquet with a column compressed with brotli": (
        "lines.parquet",
        parquet(compression={"Quantity": "BROTLI"}),
        "is compressed with brotli, which this Spark cannot unpack: write the file with zstd or snappy",
    ),
    "Parquet with a value beyond its dictionary": (
        "lines.parquet",
        parquet_with_a_value_beyond_its_dictionary(),
        DAMAGED,
    ),
}  # fmt: skip


def read_to_the_end(spark: SparkSession, path: Path) -> None:
    files = find_input(spark, [str(path)], INPUT)
    lines_ = read_lines(spark, files, INPUT)
    with read_errors_named(spark, files):
        lines_.collect()


def good_file(name: str) -> bytes:
    if "parquet" in name:
        return parquet(3)
    return json_object().encode() if "json" in name else FIVE.encode()


@pytest.mark.parametrize("case", REFUSED)
def test_a_damaged_file_with_a_good_one_is_refused_by_name(case: str, spark: SparkSession, tmp_path: Path) -> None:
    name, content, message = REFUSED[case]
    (tmp_path / name).write_bytes(content)
    ending = next((ending for ending in ("parquet", "jsonl", "json") if ending in name), "csv")
    (tmp_path / f"good.{ending}").write_bytes(good_file(name))
    with pytest.raises(InputError, match=f"^{re.escape(f'{tmp_path / name}: {message}')}") as caught:
        read_to_the_end(spark, tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.csv", b"", "empty, there are no lines to read"),
        ("blank.csv", b"\n \r\n\n", "empty, there are no lines to read"),
        ("random.csv", bytes(range(256)) * 4, "unknown format, though its name says csv"),
        ("text.parquet", FIVE.encode(), "unknown format, though its name says parquet"),
        (
            "packed.csv",
            gzip.compress(FIVE.encode()),
            "is compressed with gzip, but its name does not say so: rename it",
        ),
        ("plain.csv.gz", FIVE.encode(), "cannot be opened or unpacked: Not a gzipped file"),
        ("twice.csv.gz", gzip.compress(gzip.compress(FIVE.encode())), "is compressed with gzip twice: unpack it once"),
        ("sales.csv.zst", b"\x28\xb5\x2f\xfd", "cannot be opened or unpacked: Truncated compressed stream"),
        ("sales.csv", b"\x28\xb5\x2f\xfd", "is compressed with Zstandard, which is not read: rename it to end in .zst"),
        (
            "sales.csv.lz4",
            b"\x04\x22\x4d\x18dp\xb9@a",
            "it is not packed in Hadoop's blocks: unpack it, or",
        ),
        ("sales.csv", b"\xfd7zXZ\0", "is compressed with xz, which is not read: unpack it (xz -d), or compress it"),
        ("sales.db", b"SQLite format 3\0", "is an SQLite database, which is not read: export the table of sales"),
        ("sales.tar", b"a.csv".ljust(257, b"\0") + b"ustar", "is a tar archive, which is not read: unpack it"),
        ("broken.json", b'{"InvoiceNo": 1', "is not JSON with one object a line"),
        ("empty.json", b"[]", "is not JSON with an array of objects"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_by_name_in_one_line(
    spark: SparkSession, tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        read(spark, path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


class EndingContext:
    """A Spark that ends while it is used: it reports to have stopped after some answers."""

    def __init__(self, running: int) -> None:
        self.running = running
        self.sparkContext = self._jsc = self

    def sc(self) -> "EndingContext":
        return self

    def isStopped(self) -> bool:  # noqa: N802 - Java's name
        self.running -= 1
        return self.running < 0


@pytest.mark.parametrize("running", [0, 1])
def test_no_file_is_blamed_for_a_failure_of_a_stopped_spark(spark: SparkSession, tmp_path: Path, running: int) -> None:
    (tmp_path / "lines.parquet").write_bytes(PLAIN)
    files = find_input(spark, [str(tmp_path)], INPUT)
    ending: Any = EndingContext(running)
    with pytest.raises(RuntimeError, match="SparkContext was shut down"), read_errors_named(ending, files):
        raise RuntimeError("Job 3 cancelled because SparkContext was shut down")
